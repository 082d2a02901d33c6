/*
 * mysql_session.c - what is asked and set when a session of MySQL or MariaDB
 * begins.
 */
#include <stdlib.h>
#include <string.h>

#include "log.h"
#include "mysql_errors.h"
#include "mysql_own.h"

static enum db_verdict
run(struct mysql *m, const char *sql)
{
	return m->db.driver->run(&m->db, sql, strlen(sql));
}

enum db_verdict
mysql_ask_number(struct mysql *m, const char *sql, uint64_t *number)
{
	struct db_answer answer;
	enum db_verdict verdict =
	    m->db.driver->ask(&m->db, sql, strlen(sql), &answer);

	if (verdict == DB_OK)
		*number = answer.fields[0] == NULL
			      ? 0
			      : strtoull(answer.fields[0], NULL, 10);
	return verdict;
}

/* *number stays as it is where an engine has no such variable. */
static enum db_verdict
ask_variable(struct mysql *m, const char *sql, uint64_t *number)
{
	enum db_verdict verdict = mysql_ask_number(m, sql, number);

	return verdict != DB_OK && m->db.error.code == SERVER_UNKNOWN_VARIABLE
		   ? DB_OK
		   : verdict;
}

/*
 * READ COMMITTED locks less than the default, and arrays of rows are the
 * fastest way, but a binary log of statements can have neither.
 */
static enum db_verdict
suit_binary_log(struct mysql *m)
{
	uint64_t statements = 0;
	enum db_verdict verdict = ask_variable(
	    m, "SELECT @@log_bin AND @@binlog_format='STATEMENT'", &statements);

	if (verdict != DB_OK)
		return verdict;
	m->arrays = m->arrays && statements == 0;
	return run(m, statements != 0
			  ? "SET SESSION TRANSACTION ISOLATION LEVEL "
			    "REPEATABLE READ"
			  : "SET SESSION TRANSACTION ISOLATION LEVEL "
			    "READ COMMITTED");
}

/* How much goes at a time by the way that is left. */
void
mysql_set_limits(struct mysql *m)
{
	struct batch_limits *l = &m->db.limits;

	l->rows = m->arrays || m->load_data ? BATCH_ROWS_MAX : INSERT_ROWS;
	l->bytes = BATCH_BYTES;
	if (l->bytes + PACKET_SPARE > m->packet_max)
		l->bytes = m->packet_max - PACKET_SPARE;
}

enum db_verdict
mysql_too_large(struct mysql *m, size_t size)
{
	(void)error_set(&m->db.error,
	    "the event needs %zu bytes, over the server's max_allowed_packet "
	    "of %llu",
	    size, (unsigned long long)m->packet_max);
	m->db.error.code = SERVER_PACKET_TOO_LARGE;
	m->db.cause = DB_CAUSE_OTHER;
	return DB_REFUSED;
}

/* What the server allows, and whether its commits last. */
static enum db_verdict
read_server(struct mysql *m)
{
	uint64_t infile = 0, flush = 1;
	enum db_verdict verdict;

	verdict =
	    mysql_ask_number(m, "SELECT @@max_allowed_packet", &m->packet_max);
	if (verdict == DB_OK)
		verdict = mysql_ask_number(m, "SELECT @@local_infile", &infile);
	if (verdict == DB_OK)
		verdict = ask_variable(
		    m, "SELECT @@innodb_flush_log_at_trx_commit", &flush);
	if (verdict != DB_OK)
		return verdict;
	m->load_data = infile != 0;
	mysql_set_limits(m);
	if (!m->warned && !m->load_data && !m->arrays)
		log_info("the server has local_infile off: loading by INSERT, "
			 "which is slower");
	if (!m->warned && flush != 1)
		log_warn("the server has innodb_flush_log_at_trx_commit=%llu: "
			 "a crash of its machine can lose events that were "
			 "loaded and removed here",
		    (unsigned long long)flush);
	m->warned = true;
	return DB_OK;
}

/*
 * No notes are among the warnings that LOAD DATA leaves. Without the checks
 * MariaDB would tell of a duplicate only at the commit. Whatever an
 * init-command of the user's has set comes before.
 */
enum db_verdict
mysql_open_session(struct mysql *m)
{
	static const char *const statements[] = {
	    "SET NAMES utf8mb4",
	    "SET SESSION time_zone='+00:00', sql_notes=0, "
	    "group_concat_max_len=1048576, "
	    "unique_checks=1, foreign_key_checks=1, "
	    "sql_mode='STRICT_ALL_TABLES,NO_ENGINE_SUBSTITUTION'",
	    "SET SESSION autocommit=0",
	    NULL,
	};
	enum db_verdict verdict = DB_OK;

	for (int i = 0; statements[i] != NULL && verdict == DB_OK; i++)
		verdict = run(m, statements[i]);
	if (verdict == DB_OK)
		verdict = suit_binary_log(m);
	if (verdict == DB_OK)
		verdict = read_server(m);
	return verdict;
}
