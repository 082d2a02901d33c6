/*
 * mysql_session.c - what is asked and set when a session of MySQL or MariaDB
 * begins.
 */
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "log.h"
#include "mysql_errors.h"
#include "mysql_own.h"
#include "sql.h"

#define ANSWER_MS 10000

/* Of no effect on a socket that has no network. */
void
mysql_watch(int socket)
{
	static const int on = 1, idle_s = 10, every_s = 5, tries = 3;

	(void)setsockopt(socket, SOL_SOCKET, SO_KEEPALIVE, &on, sizeof(on));
	(void)setsockopt(
	    socket, IPPROTO_TCP, TCP_KEEPIDLE, &idle_s, sizeof(idle_s));
	(void)setsockopt(
	    socket, IPPROTO_TCP, TCP_KEEPINTVL, &every_s, sizeof(every_s));
	(void)setsockopt(
	    socket, IPPROTO_TCP, TCP_KEEPCNT, &tries, sizeof(tries));
}

bool
mysql_answers(int socket)
{
	struct pollfd p = {.fd = socket, .events = POLLIN};

	return poll(&p, 1, ANSWER_MS) == 1;
}

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

static void
warn_of(const char *setting)
{
	log_warn("the server has not %s: a crash of its machine can lose "
		 "events that were loaded and removed here",
	    setting);
}

/* What the server allows, and whether its commits last. */
static enum db_verdict
read_server(struct mysql *m)
{
	/* LOAD DATA commits inside in TiDB, and in Galera where that is set. */
	uint64_t infile = 0, tidb = 0, splits = 0, lazy = 0, lazy_log = 0;
	const struct {
		const char *sql;
		uint64_t *number;
	} asked[] = {{"SELECT @@max_allowed_packet", &m->packet_max},
	    {"SELECT @@local_infile", &infile},
	    {"SELECT VERSION() LIKE '%TiDB%'", &tidb},
	    {"SELECT @@wsrep_load_data_splitting", &splits},
	    {"SELECT @@innodb_flush_log_at_trx_commit IN (0, 2)", &lazy},
	    {"SELECT @@log_bin AND @@sync_binlog<>1", &lazy_log}};
	enum db_verdict verdict = DB_OK;

	for (size_t i = 0;
	     i < sizeof(asked) / sizeof(asked[0]) && verdict == DB_OK; i++)
		verdict = ask_variable(m, asked[i].sql, asked[i].number);
	if (verdict != DB_OK)
		return verdict;
	m->load_data = infile != 0 && tidb == 0 && splits == 0;
	mysql_set_limits(m);
	if (!m->db.warned && !m->load_data && !m->arrays)
		log_info("the server has %s: loading by INSERT, which is "
			 "slower",
		    infile == 0 ? "local_infile off"
				: "a LOAD DATA that commits inside");
	if (!m->db.warned && lazy != 0)
		warn_of("innodb_flush_log_at_trx_commit=1");
	if (!m->db.warned && lazy_log != 0)
		warn_of("sync_binlog=1");
	m->db.warned = true;
	return DB_OK;
}

/* Each row that is cut has a warning. MySQL lets few set it, and has so many.
 */
static enum db_verdict
keep_warnings(struct mysql *m)
{
	enum db_verdict verdict = run(m, "SET SESSION max_error_count=1024");

	return verdict != DB_OK && m->db.error.code == SERVER_NO_ADMIN_RIGHT
		   ? DB_OK
		   : verdict;
}

/*
 * No notes are among the warnings that LOAD DATA leaves. Without the checks
 * MariaDB would tell of a duplicate only at the commit. Whatever an
 * init-command of the user's, or the server's init_connect, has set comes
 * before. @logload is what no other session has.
 */
enum db_verdict
mysql_open_session(struct mysql *m)
{
	static const char *const statements[] = {
	    "SET NAMES utf8mb4",
	    "SET SESSION time_zone='+00:00', sql_notes=0, "
	    "group_concat_max_len=1048576, "
	    "unique_checks=1, foreign_key_checks=1, "
	    "completion_type=0, wait_timeout=28800, "
	    "sql_mode='STRICT_ALL_TABLES,NO_ENGINE_SUBSTITUTION'",
	    "SET SESSION autocommit=0",
	    "SET @logload=1",
	    NULL,
	};
	enum db_verdict verdict = DB_OK;

	m->hasty = false;
	for (int i = 0; statements[i] != NULL && verdict == DB_OK; i++)
		verdict = run(m, statements[i]);
	if (verdict == DB_OK)
		verdict = keep_warnings(m);
	if (verdict == DB_OK)
		verdict = suit_binary_log(m);
	if (verdict == DB_OK)
		verdict = read_server(m);
	return verdict;
}

void
mysql_tell_remedy(struct mysql *m)
{
	struct error said = m->db.error;
	struct buf b = {0};

	if (said.code == SERVER_ACCESS_DENIED &&
	    strstr(said.text, "password: NO") != NULL) {
		(void)error_set(&m->db.error,
		    "%s; a password is given by LOGLOAD_DB_PASSWORD, "
		    "--db-password-file, the address in LOGLOAD_DB, or a "
		    "my.cnf",
		    said.text);
		m->db.error.code = said.code;
	}
	if (said.code != SERVER_NO_RIGHT_TO_DATABASE &&
	    said.code != SERVER_NO_RIGHT_TO_TABLE &&
	    said.code != SERVER_NO_RIGHT_TO_COLUMN)
		return;
	if (sql_put_grants(&b, &m->db) == 0)
		(void)error_set(&m->db.error,
		    "%s; what is needed: %.*s; and CREATE, INDEX and ALTER for "
		    "the tables to be made",
		    said.text, (int)b.len, b.data);
	m->db.error.code = said.code;
	buf_release(&b);
}
