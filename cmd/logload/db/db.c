/*
 * db.c - see db.h: sessions, transactions and rows.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "clock.h"
#include "db.h"
#include "known.h"
#include "log.h"
#include "partitions.h"
#include "sql.h"
#include "statement.h"
#include "tables.h"

/* After so long a rest the server, or what is in between, may have gone. */
#define REST_NS CLOCK_NS_PER_S

struct db *
db_new(const struct db_config *config)
{
	struct db *db = config->driver->make();

	if (db == NULL)
		return NULL;
	db->driver = config->driver;
	db->config = config;
	if (known_init(db) == 0)
		return db;
	db->driver->free(db);
	return NULL;
}

void
db_free(struct db *db)
{
	db_disconnect(db);
	buf_release(&db->sql);
	known_release(db);
	db->driver->free(db);
}

void
db_interrupt(struct db *db)
{
	db->driver->interrupt(db);
}

void
db_code(const struct db *db, int code, char out[DB_CODE_MAX])
{
	static const char digits[] = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ";

	if (!db->driver->dialect.sqlstates || code <= 0) {
		(void)snprintf(out, DB_CODE_MAX, "%d", code);
		return;
	}
	memcpy(out, "\"00000\"", 8);
	for (int i = 5; i > 0; i--, code /= 36)
		out[i] = digits[code % 36];
}

/*
 * Statements
 */

enum db_verdict
db_heard(struct db *db, enum db_verdict verdict)
{
	db->used_ns = clock_monotonic_ns();
	if (verdict == DB_PASSING)
		db->host_failed = true;
	return verdict;
}

enum db_verdict
db_run(struct db *db, const char *sql, size_t len)
{
	enum db_verdict verdict = db_heard(db, db->driver->run(db, sql, len));

	return verdict == DB_REFUSED ? DB_SCHEMA : verdict;
}

enum db_verdict
db_ask(struct db *db, const char *sql, size_t len, struct db_answer *answer)
{
	enum db_verdict verdict =
	    db_heard(db, db->driver->ask(db, sql, len, answer));

	return verdict == DB_REFUSED ? DB_SCHEMA : verdict;
}

/*
 * Sessions
 */

void
db_disconnect(struct db *db)
{
	db->open = false;
	known_forget(db);
	db->driver->close(db);
}

/* What has failed is left for the next host, where there is one. */
static void
choose_host(struct db *db)
{
	const struct db_config *c = db->config;

	if (!db->host_failed || c->host_count < 2)
		return;
	db->host = (db->host + 1) % c->host_count;
	log_info("trying the next host: %s", c->hosts[db->host].name);
}

/* The session, since the last transaction was given up. */
static enum db_verdict
broken(struct db *db)
{
	(void)error_set(&db->error, "the connection broke at ROLLBACK");
	db->cause = DB_CAUSE_OTHER;
	return DB_PASSING;
}

static enum db_verdict
prepare(struct db *db)
{
	enum db_verdict verdict = db_heard(db, tables_prepare(db));

	/* Whatever was asked may have begun a transaction. */
	if (verdict == DB_OK)
		verdict = db_run_text(db, "ROLLBACK");
	return verdict == DB_REFUSED ? DB_SCHEMA : verdict;
}

enum db_verdict
db_prepare(struct db *db)
{
	return db->open ? prepare(db) : broken(db);
}

static enum db_verdict
open_session(struct db *db)
{
	enum db_verdict verdict;

	db->quick_ns = clock_monotonic_ns();
	verdict = db->driver->open(db);
	db->quick_ns = 0;
	if (verdict == DB_OK)
		db->used_ns = clock_monotonic_ns();
	return verdict;
}

static bool
is_alive(struct db *db)
{
	bool alive;

	db->quick_ns = clock_monotonic_ns();
	alive = db->driver->alive(db);
	db->quick_ns = 0;
	if (alive)
		db->used_ns = clock_monotonic_ns();
	return alive;
}

enum db_verdict
db_ping(struct db *db, unsigned host)
{
	enum db_verdict verdict;

	db->host = host;
	db->warned = true; /* by those who load */
	verdict = open_session(db);
	db_disconnect(db);
	return verdict;
}

uint64_t
db_silent_ns(struct db *db)
{
	uint64_t since = db->quick_ns, now = clock_monotonic_ns();

	return since == 0 || since > now ? 0 : now - since;
}

uint64_t
db_heard_ns(struct db *db)
{
	return db->used_ns;
}

enum db_verdict
db_connect(struct db *db)
{
	enum db_verdict verdict;

	if (db->open && clock_monotonic_ns() - db->used_ns > REST_NS &&
	    !is_alive(db))
		db_disconnect(db); /* that is not the host's fault */
	if (db->open)
		return DB_OK;
	choose_host(db);
	verdict = open_session(db);
	if (verdict == DB_OK)
		verdict = prepare(db);
	db->open = verdict == DB_OK;
	db->host_failed = !db->open;
	db->opened_ns = clock_monotonic_ns();
	if (!db->open)
		db_disconnect(db);
	return verdict == DB_REFUSED ? DB_SCHEMA : verdict;
}

enum db_verdict
db_begin(struct db *db)
{
	if (!db->open)
		return broken(db);
	partitions_begin(db);
	return db_run_text(db, db->driver->dialect.begin);
}

enum db_verdict
db_commit(struct db *db)
{
	return db_run_text(db, "COMMIT");
}

void
db_rollback(struct db *db)
{
	struct error kept = db->error;

	/* The server rolls back what a closed connection leaves. */
	if (db->open && db_run_text(db, "ROLLBACK") != DB_OK)
		db_disconnect(db);
	db->error = kept;
}

/* Of many tables, one that somebody has dropped is made again. */
static enum db_verdict
heard_of_table(struct db *db, enum db_verdict verdict)
{
	verdict = db_heard(db, verdict);
	if (db->config->table_most == 0 || db->cause != DB_CAUSE_NO_TABLE ||
	    (verdict != DB_REFUSED && verdict != DB_SCHEMA))
		return verdict;
	db->table_gone = true;
	return DB_PREPARE;
}

enum db_verdict
db_store(
    struct db *db, const struct batch *batch, unsigned from, unsigned count)
{
	enum db_verdict verdict;

	db->cause = DB_CAUSE_OTHER; /* not of what was asked before */
	if (partitions_lack(db, batch, from, count))
		return DB_PREPARE;
	verdict = heard_of_table(db, db->driver->store(db, batch, from, count));
	return verdict == DB_REFUSED && db->cause == DB_CAUSE_NO_PARTITION &&
		       partitions_doubt(db, batch, from, count)
		   ? DB_PREPARE
		   : verdict;
}

enum db_verdict
db_sift(struct db *db, const struct batch *batch, unsigned from, unsigned count,
    bool *missing)
{
	enum db_verdict verdict = DB_REFUSED;

	db->cause = DB_CAUSE_OTHER;
	if (db->driver->sift != NULL)
		verdict = db->driver->sift(db, batch, from, count, missing);
	return heard_of_table(db, verdict);
}

/* AND the column is between the least and the most of so many numbers. */
static int
put_between(
    struct db *db, const char *column, const uint64_t *numbers, unsigned count)
{
	uint64_t least = numbers[0], most = numbers[0];

	for (unsigned i = 1; i < count; i++) {
		least = numbers[i] < least ? numbers[i] : least;
		most = numbers[i] > most ? numbers[i] : most;
	}
	if (sql_put_form(&db->sql, db->config, column) < 0)
		return -1;
	return buf_printf(&db->sql, " BETWEEN %llu AND %llu",
	    (unsigned long long)least, (unsigned long long)most);
}

/* SELECT from the rows whose keys lie in the ranges of these. */
static enum db_verdict
read_rows(struct db *db, const struct batch *batch, unsigned from,
    unsigned count, const char *column, struct db_answer *answer)
{
	const struct db_dialect *d = &db->driver->dialect;
	const struct batch_texts *received = &batch->texts[0];
	const char *first = received->text[from], *last = first;
	struct buf *b = &db->sql;

	for (unsigned row = from; row < from + count; row++) {
		const char *at = received->text[row];

		if (memcmp(at, first, VALUE_DATETIME_LEN) < 0)
			first = at;
		if (memcmp(at, last, VALUE_DATETIME_LEN) > 0)
			last = at;
	}
	b->len = 0;
	if (buf_printf(b, "SELECT ") < 0 ||
	    (column == NULL ? buf_printf(b, "1")
			    : sql_put_name(b, d, column, strlen(column))) < 0 ||
	    buf_printf(b, " FROM ") < 0 ||
	    sql_put_table(b, d, db->table->name) < 0 ||
	    sql_put_form(b, db->config, " WHERE <received_at> BETWEEN ") < 0 ||
	    sql_put_text(b, d, first, VALUE_DATETIME_LEN) < 0 ||
	    buf_printf(b, " AND ") < 0 ||
	    sql_put_text(b, d, last, VALUE_DATETIME_LEN) < 0 ||
	    put_between(db, " AND <file_id>", &batch->file_id[from], count) <
		0 ||
	    put_between(db, " AND <line>", &batch->line[from], count) < 0 ||
	    sql_put_nth(b, d, 0) < 0)
		return db_no_memory(db);
	return db_ask(db, b->data, b->len, answer);
}

enum db_verdict
db_read(struct db *db, const struct batch *batch, unsigned row,
    const char *column, struct db_answer *answer)
{
	return read_rows(db, batch, row, 1, column, answer);
}

enum db_verdict
db_is_there(struct db *db, const struct batch *batch, unsigned from,
    unsigned count, bool *there)
{
	enum db_verdict verdict;
	struct db_answer answer;

	*there = false;
	if (!db->table->own_key)
		return DB_OK;
	verdict = heard_of_table(
	    db, read_rows(db, batch, from, count, NULL, &answer));
	*there = verdict == DB_OK && answer.found;
	return verdict;
}

enum db_verdict
db_probe(struct db *db, const struct batch *batch, unsigned row)
{
	enum db_verdict verdict = db_run_text(db, "SAVEPOINT probe"), undone;
	struct error kept;

	if (verdict != DB_OK)
		return verdict;
	verdict = db_store(db, batch, row, 1);
	if (verdict == DB_REFUSED && db->cause == DB_CAUSE_DUPLICATE)
		verdict = DB_OK;
	if (verdict != DB_OK && verdict != DB_REFUSED)
		return verdict;
	kept = db->error;
	undone = db_run_text(db, "ROLLBACK TO SAVEPOINT probe");
	if (undone != DB_OK)
		return undone;
	db->error = kept;
	return verdict;
}
