/*
 * mysql.c - transactions and the ledger, in MySQL or MariaDB.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "clock.h"
#include "mysql_own.h"
#include "log.h"

/* After so long a rest the server may have closed the connection. */
#define REST_NS (20 * CLOCK_NS_PER_S)

static const struct db_ops mysql_ops;

int
db_mysql_start(void)
{
	return mysql_library_init(0, NULL, NULL) == 0 ? 0 : -1;
}

void
db_mysql_stop(void)
{
	mysql_library_end();
}

void
db_mysql_thread_end(void)
{
	mysql_thread_end();
}

struct db *
db_mysql_new(const struct db_config *config)
{
	struct mysql_db *m = calloc(1, sizeof(*m));

	if (m == NULL)
		return NULL;
	if (pthread_mutex_init(&m->lock, NULL) != 0) {
		free(m);
		return NULL;
	}
	m->socket = -1;
	m->db.ops = &mysql_ops;
	m->config = config;
	return &m->db;
}

static struct mysql_db *
of(struct db *db)
{
	return (struct mysql_db *)db;
}

static void
release(struct db *db)
{
	struct mysql_db *m = of(db);

	mysql_link_close(m);
	buf_release(&m->sql);
	(void)pthread_mutex_destroy(&m->lock); /* no other thread is left */
	free(m);
}

static void
interrupt(struct db *db)
{
	struct mysql_db *m = of(db);

	(void)pthread_mutex_lock(&m->lock); /* fails only on misuse */
	if (m->socket >= 0)
		(void)shutdown(m->socket, SHUT_RDWR); /* or it has gone */
	(void)pthread_mutex_unlock(&m->lock);
}

static void
disconnect(struct db *db)
{
	mysql_link_close(of(db));
}

static enum db_verdict
connect_link(struct db *db)
{
	struct mysql_db *m = of(db);

	if (m->link != NULL && clock_monotonic_ns() - m->used_ns > REST_NS) {
		if (mysql_ping(m->link) != 0)
			mysql_link_close(m);
		else
			m->used_ns = clock_monotonic_ns();
	}
	return m->link != NULL ? DB_OK : mysql_link_open(m);
}

/*
 * Transactions
 */

static enum db_verdict
begin(struct db *db)
{
	return mysql_run_text(of(db), "START TRANSACTION");
}

static enum db_verdict
commit(struct db *db)
{
	return mysql_run_text(of(db), "COMMIT");
}

static void
rollback(struct db *db)
{
	struct mysql_db *m = of(db);
	struct error kept = db->error;

	/* The server rolls back what a closed connection leaves. */
	if (m->link != NULL && mysql_run_text(m, "ROLLBACK") != DB_OK)
		mysql_link_close(m);
	db->error = kept;
}

static enum db_verdict
savepoint(struct db *db)
{
	return mysql_run_text(of(db), "SAVEPOINT logload");
}

static enum db_verdict
rewind_to_savepoint(struct db *db)
{
	return mysql_run_text(of(db), "ROLLBACK TO SAVEPOINT logload");
}

static void
distrust(struct db *db)
{
	struct mysql_db *m = of(db);

	if (m->config->method == DB_METHOD_LOAD_DATA ||
	    (m->inserts && !m->arrays))
		return;
	log_warn("%s refused rows that INSERT stores without a word: loading "
		 "by INSERT on this connection",
	    m->arrays ? "an array" : "LOAD DATA");
	m->arrays = false;
	m->inserts = true;
}

/*
 * The ledger
 */

static uint64_t
number(const char *text)
{
	return text == NULL ? 0 : strtoull(text, NULL, 10);
}

/* Reads the ledger's line of that name; `lock` until the transaction ends. */
static enum db_verdict
look_up(struct mysql_db *m, const char *name, bool lock, struct db_file *file,
    bool *found)
{
	enum db_verdict verdict;
	MYSQL_RES *result;
	MYSQL_ROW row;

	m->sql.len = 0;
	if (buf_printf(&m->sql, "SELECT id, bytes, events, rejected, torn, "
				"progress, `lines`, loaded_at IS NOT NULL "
				"FROM ") < 0 ||
	    mysql_quote_table(&m->sql, m->config->ledger) < 0 ||
	    buf_printf(&m->sql, " WHERE name=") < 0 ||
	    mysql_quote_text(&m->sql, name, strlen(name)) < 0 ||
	    (lock && buf_printf(&m->sql, " FOR UPDATE") < 0))
		return mysql_no_memory(m);
	verdict = mysql_ask(m, m->sql.data, m->sql.len, &result);
	if (verdict != DB_OK)
		return verdict;
	row = mysql_fetch_row(result);
	*found = row != NULL;
	if (row != NULL) {
		file->id = number(row[0]);
		file->bytes = number(row[1]);
		file->events = number(row[2]);
		file->rejected = number(row[3]);
		file->torn = number(row[4]);
		file->progress = number(row[5]);
		file->lines = number(row[6]);
		file->loaded = number(row[7]) != 0;
	}
	mysql_free_result(result);
	return DB_OK;
}

static enum db_verdict
find(struct db *db, const char *name, struct db_file *file, bool *found)
{
	struct mysql_db *m = of(db);
	enum db_verdict verdict = look_up(m, name, false, file, found);

	if (verdict == DB_SCHEMA && m->config->look_only &&
	    db->error.code == SERVER_NO_SUCH_TABLE) {
		*found = false;
		verdict = DB_OK;
	}
	/* Autocommit is off: the SELECT has begun a transaction. */
	if (verdict == DB_OK)
		verdict = mysql_run_text(m, "ROLLBACK");
	return verdict;
}

static enum db_verdict
add_line(
    struct mysql_db *m, const char *name, uint64_t bytes, struct db_file *file)
{
	enum db_verdict verdict;

	m->sql.len = 0;
	if (buf_printf(&m->sql, "INSERT INTO ") < 0 ||
	    mysql_quote_table(&m->sql, m->config->ledger) < 0 ||
	    buf_printf(&m->sql,
		" (name, bytes, events, rejected, torn, progress, `lines`, "
		"started_at) VALUES (") < 0 ||
	    mysql_quote_text(&m->sql, name, strlen(name)) < 0 ||
	    buf_printf(&m->sql, ", %llu, 0, 0, 0, 0, 0, UTC_TIMESTAMP(6))",
		(unsigned long long)bytes) < 0)
		return mysql_no_memory(m);
	verdict = mysql_run(m, m->sql.data, m->sql.len);
	if (verdict != DB_OK)
		return verdict;
	memset(file, 0, sizeof(*file));
	file->bytes = bytes;
	file->id = mysql_insert_id(m->link);
	return DB_OK;
}

/*
 * The unique name decides between two loaders of one file: the second one's
 * INSERT waits for the first one's transaction and then finds the line. A
 * line that vanishes between the two statements was rolled back: once more.
 */
static enum db_verdict
claim(struct db *db, const char *name, uint64_t bytes, struct db_file *file)
{
	struct mysql_db *m = of(db);
	enum db_verdict verdict;
	bool found = false;

	for (int i = 0; i < 3; i++) {
		verdict = add_line(m, name, bytes, file);
		if (verdict != DB_EVENT)
			return verdict;
		if (db->error.code != SERVER_DUPLICATE)
			return DB_SCHEMA;
		verdict = look_up(m, name, true, file, &found);
		if (verdict != DB_OK || found)
			return verdict == DB_EVENT ? DB_SCHEMA : verdict;
	}
	(void)error_set(&db->error, "claim %s: another loader is at it", name);
	return DB_PASSING;
}

static enum db_verdict
save(struct db *db, const struct db_file *f)
{
	struct mysql_db *m = of(db);
	enum db_verdict verdict;

	m->sql.len = 0;
	if (buf_printf(&m->sql, "UPDATE ") < 0 ||
	    mysql_quote_table(&m->sql, m->config->ledger) < 0 ||
	    buf_printf(&m->sql,
		" SET bytes=%llu, events=%llu, rejected=%llu, torn=%llu, "
		"progress=%llu, `lines`=%llu, loaded_at=%s WHERE id=%llu",
		(unsigned long long)f->bytes, (unsigned long long)f->events,
		(unsigned long long)f->rejected, (unsigned long long)f->torn,
		(unsigned long long)f->progress, (unsigned long long)f->lines,
		f->loaded ? "UTC_TIMESTAMP(6)" : "NULL",
		(unsigned long long)f->id) < 0)
		return mysql_no_memory(m);
	verdict = mysql_run(m, m->sql.data, m->sql.len);
	return verdict == DB_EVENT ? DB_SCHEMA : verdict;
}

static const struct db_ops mysql_ops = {
    .connect = connect_link,
    .disconnect = disconnect,
    .free = release,
    .interrupt = interrupt,
    .begin = begin,
    .commit = commit,
    .rollback = rollback,
    .savepoint = savepoint,
    .rewind = rewind_to_savepoint,
    .find = find,
    .claim = claim,
    .save = save,
    .load = mysql_load,
    .insert = mysql_insert,
    .distrust = distrust,
};
