/*
 * postgresql.c - the driver of PostgreSQL: the connection, statements, COPY;
 * with postgresql_connect.c, the only file to include its client library.
 *
 * The library never waits: we do, for so long as we may, and look now and then
 * whether another thread has interrupted that. What a closed connection leaves
 * at the server, that finds out by itself, where it can (version 14, not on
 * Windows): `begin` makes it look now and then, so that what an interrupted
 * statement has locked is soon free. To cancel a COMMIT would end its wait for
 * a standby, with success.
 *
 * Nothing is left in a session that a transaction needs, so that a pooler may
 * give each transaction another one: `begin` sets all of it, no statement is
 * prepared, no lock is the session's.
 */
#include <ctype.h>
#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "clock.h"
#include "postgresql_link.h"
#include "sql.h"

#define SLICE_MS 200               /* between two looks at `interrupted` */
#define PIECE ((size_t)128 * 1024) /* bytes of rows, sent at a time */
#define ROWS_KEEP (1024 * 1024)    /* that stay allocated */
#define ALIVE_NS (10 * CLOCK_NS_PER_S)

static struct link *
of(struct db *db)
{
	return (struct link *)db;
}

static struct db *
make(void)
{
	struct link *l = calloc(1, sizeof(*l));

	if (l == NULL)
		return NULL;
	return (struct db *)l;
}

static void
release(struct db *db)
{
	struct link *l = of(db);

	buf_release(&l->pg.copy);
	buf_release(&l->pg.rows);
	buf_release(&l->text);
	free(l);
}

static void
interrupt(struct db *db)
{
	atomic_store(&of(db)->interrupted, true);
}

/*
 * Waiting
 */

static int
give_up(struct link *l, const char *why)
{
	l->lost = why;
	return -1;
}

int
postgresql_wait(struct link *l, short events, uint64_t until)
{
	for (;;) {
		struct pollfd p = {.fd = PQsocket(l->conn), .events = events};
		uint64_t now = clock_monotonic_ns(), ms;
		int n;

		if (atomic_load(&l->interrupted))
			return give_up(l, "interrupted");
		if (now >= until)
			return give_up(l, "no answer in time");
		ms = (until - now) / CLOCK_NS_PER_MS + 1;
		n = poll(&p, 1, ms < SLICE_MS ? (int)ms : SLICE_MS);
		if (n > 0)
			return 0;
		if (n < 0 && errno != EINTR)
			return give_up(l, "the socket has gone");
	}
}

/* Sends what the library holds. */
static int
flush(struct link *l)
{
	uint64_t until = clock_monotonic_ns() + l->pg.db.config->write_ns;
	int rc;

	while ((rc = PQflush(l->conn)) > 0) {
		if (postgresql_wait(l, POLLIN | POLLOUT, until) < 0 ||
		    PQconsumeInput(l->conn) == 0)
			return -1;
	}
	return rc;
}

/* The next of a statement's answers; NULL: that was the last, or it is lost. */
static PGresult *
next_result(struct link *l, uint64_t until)
{
	while (PQisBusy(l->conn) != 0) {
		if (postgresql_wait(l, POLLIN, until) < 0)
			return NULL;
		if (PQconsumeInput(l->conn) == 0)
			break; /* the library's error is the next answer */
	}
	return PQgetResult(l->conn);
}

/*
 * Statements
 */

/* In front of the error of a right that is missing: what gives it. */
static void
tell_grants(struct db *db)
{
	struct error said = db->error;
	struct buf b = {0};

	if (sql_put_grants(&b, db) == 0)
		(void)error_set(&db->error,
		    "%.200s; what is needed: %.*s; CREATE on their schema for "
		    "tables to be made; and to drop them, or for partitions, "
		    "to be their owner, or GRANT owner TO ...",
		    said.text, (int)b.len, b.data);
	db->error.code = said.code;
	buf_release(&b);
}

/* "COPY logs, line 57, column level: …", in whatever language. */
static void
read_context(struct link *l, const PGresult *r)
{
	const char *context = PQresultErrorField(r, PG_DIAG_CONTEXT), *p;
	const char *name = l->pg.db.table->name, *dot = strrchr(name, '.');
	char front[2 * DB_TABLE_MAX], *end;

	(void)snprintf(
	    front, sizeof(front), "COPY %s,", dot == NULL ? name : dot + 1);
	/* Lines before it may hold an event's text. */
	p = context;
	while (p != NULL && strncmp(p, front, strlen(front)) != 0) {
		p = strchr(p, '\n');
		p = p == NULL ? NULL : p + 1;
	}
	if (p == NULL)
		return;
	p += strlen(front);
	while (*p != '\0' && *p != '\n' && !isdigit((unsigned char)*p))
		p++;
	l->pg.bad_line = (unsigned)strtoul(p, &end, 10);
	if (l->pg.bad_line > 0 && strncmp(end, ", ", 2) == 0) {
		struct error said = l->pg.db.error;

		end += 2;
		(void)error_set(&l->pg.db.error, "%.400s (%.*s)", said.text,
		    (int)strcspn(end, ":\n"), end);
	}
}

/*
 * The error of a statement; r: its answer, NULL where there is none. An event's
 * goes into its record, in the server's own words.
 */
static enum db_verdict
failed(struct link *l, const char *what, const PGresult *r)
{
	struct db *db = &l->pg.db;
	const char *state = PQresultErrorField(r, PG_DIAG_SQLSTATE);
	const char *text = PQresultErrorField(r, PG_DIAG_MESSAGE_PRIMARY);
	enum db_verdict verdict;

	if (l->lost != NULL)
		text = l->lost;
	else if (text == NULL)
		text = PQerrorMessage(l->conn);
	verdict = postgresql_verdict(state, text, &db->cause);
	/* A constraint that is violated has a name. */
	if (state != NULL && strcmp(state, "23514") == 0 &&
	    PQresultErrorField(r, PG_DIAG_CONSTRAINT_NAME) == NULL)
		db->cause = DB_CAUSE_NO_PARTITION;
	if (what != NULL && state != NULL) {
		char whole[ERROR_TEXT_MAX];

		(void)snprintf(
		    whole, sizeof(whole), "%.400s (%s)", text, state);
		postgresql_tell(db, what, whole);
	} else {
		postgresql_tell(db, what == NULL ? "" : what, text);
	}
	if (what == NULL && verdict == DB_REFUSED)
		read_context(l, r);
	db->error.code = postgresql_code(state);
	/* What was sent may have been done, whoever has ended it. */
	db->unanswered = state == NULL || strncmp(state, "08", 2) == 0 ||
			 strncmp(state, "57", 2) == 0 ||
			 strcmp(state, "40003") == 0;
	if (state != NULL && strcmp(state, "42501") == 0)
		tell_grants(db);
	return verdict;
}

/*
 * Reads all answers of what was sent, up to a COPY that waits for its rows, and
 * keeps the first error, or the last one that is none, as l->answer.
 */
static enum db_verdict
read_answers(struct link *l, const char *what, uint64_t ns)
{
	uint64_t until = clock_monotonic_ns() + ns;
	ExecStatusType status = PGRES_FATAL_ERROR;
	bool refused = false;
	PGresult *r;

	while (l->lost == NULL && (r = next_result(l, until)) != NULL) {
		if (refused) {
			PQclear(r);
			continue;
		}
		PQclear(l->answer);
		l->answer = r;
		status = PQresultStatus(r);
		if (*PQcmdTuples(r) != '\0')
			l->pg.db.changed = strtoull(PQcmdTuples(r), NULL, 10);
		if (status == PGRES_COPY_IN)
			return DB_OK;
		refused = status == PGRES_FATAL_ERROR;
	}
	if (l->lost != NULL) {
		PQclear(l->answer);
		l->answer = NULL;
	}
	return l->lost == NULL && status != PGRES_FATAL_ERROR
		   ? DB_OK
		   : failed(l, what, l->answer);
}

static enum db_verdict
send_query(struct link *l, const char *what, const char *sql, size_t len)
{
	PQclear(l->answer);
	l->answer = NULL;
	l->pg.db.changed = 0;
	l->text.len = 0;
	if (buf_append(&l->text, sql, len) < 0 ||
	    buf_append(&l->text, "", 1) < 0)
		return db_no_memory(&l->pg.db);
	if (l->conn == NULL)
		l->lost = "not connected";
	if (l->lost != NULL || PQsendQuery(l->conn, l->text.data) == 0 ||
	    flush(l) < 0)
		return failed(l, what, NULL);
	return DB_OK;
}

static enum db_verdict
query(
    struct link *l, const char *what, const char *sql, size_t len, uint64_t ns)
{
	enum db_verdict verdict = send_query(l, what, sql, len);

	return verdict == DB_OK ? read_answers(l, what, ns) : verdict;
}

static bool
is(const char *sql, size_t len, const char *word)
{
	return len == strlen(word) && memcmp(sql, word, len) == 0;
}

/*
 * A transaction that has failed ends with success, which is told as ROLLBACK,
 * and to end one that is none is just a warning.
 */
static enum db_verdict
end_transaction(struct link *l, bool commit)
{
	struct db *db = &l->pg.db;
	bool open =
	    l->conn != NULL && PQtransactionStatus(l->conn) != PQTRANS_IDLE;
	const char *word = commit ? "COMMIT" : "ROLLBACK";
	enum db_verdict verdict = DB_OK;

	if (!open && !commit)
		return DB_OK;
	if (open)
		verdict =
		    query(l, word, word, strlen(word), db->config->read_ns);
	if (verdict != DB_OK)
		return verdict;
	if (open && strcmp(PQcmdStatus(l->answer), word) == 0)
		return DB_OK;
	(void)error_set(&db->error,
	    "%s: the server has rolled the transaction back before", word);
	db->cause = DB_CAUSE_OTHER;
	db->unanswered = false;
	return DB_PASSING;
}

/*
 * A pooler may give the next transaction another session, so what hasten asks
 * for is set within each, and so no statement goes without one.
 */
static enum db_verdict
begin_hastily(struct link *l)
{
	static const char begin[] = "BEGIN ISOLATION LEVEL READ COMMITTED; "
				    "SET LOCAL lock_timeout='3s'; "
				    "SET LOCAL TimeZone='UTC'";

	if (!l->pg.hasty || l->conn == NULL ||
	    PQtransactionStatus(l->conn) != PQTRANS_IDLE)
		return DB_OK;
	return query(
	    l, "BEGIN", begin, sizeof(begin) - 1, l->pg.db.config->read_ns);
}

static enum db_verdict
hasten(struct db *db, bool on)
{
	of(db)->pg.hasty = on;
	return DB_OK;
}

static enum db_verdict
run(struct db *db, const char *sql, size_t len)
{
	struct link *l = of(db);
	enum db_verdict verdict;
	char what[16];

	if (is(sql, len, "COMMIT") || is(sql, len, "ROLLBACK"))
		return end_transaction(l, *sql == 'C');
	verdict = begin_hastily(l);
	if (verdict != DB_OK)
		return verdict;
	/* The first word says enough, and holds nobody's data. */
	(void)snprintf(
	    what, sizeof(what), "%.*s", (int)strcspn(sql, " ;"), sql);
	return query(l, what, sql, len, db->config->read_ns);
}

static enum db_verdict
ask(struct db *db, const char *sql, size_t len, struct db_answer *answer)
{
	struct link *l = of(db);
	enum db_verdict verdict = begin_hastily(l);
	int fields;

	memset(answer, 0, sizeof(*answer));
	if (verdict == DB_OK)
		verdict = query(l, "SELECT", sql, len, db->config->read_ns);
	if (verdict != DB_OK || PQntuples(l->answer) == 0)
		return verdict;
	answer->found = true;
	fields = PQnfields(l->answer);
	for (int i = 0; i < fields && i < DB_FIELDS_MAX; i++) {
		if (PQgetisnull(l->answer, 0, i) == 0)
			answer->fields[i] = PQgetvalue(l->answer, 0, i);
	}
	return DB_OK;
}

static bool
alive(struct db *db)
{
	return query(of(db), "SELECT", "SELECT 1", 8, ALIVE_NS) == DB_OK;
}

/*
 * COPY
 */

struct rows {
	const struct batch *batch;
	unsigned at, end;
	const char *skip; /* of `at`; or NULL */
	unsigned sent;
};

/* Puts the next ones, as many as are sent at a time. -1 with ENOMEM. */
static int
put_rows(struct pg *pg, struct rows *r)
{
	pg->rows.len = 0;
	for (; r->at < r->end && pg->rows.len < PIECE; r->at++) {
		if (r->skip != NULL && *r->skip++ != 0)
			continue;
		if (postgresql_put_row(pg, r->batch, r->at) < 0)
			return -1;
		r->sent++;
	}
	return 0;
}

static int
send_rows(struct link *l)
{
	const struct buf *rows = &l->pg.rows;

	for (size_t at = 0, n; at < rows->len; at += n) {
		n = rows->len - at < PIECE ? rows->len - at : PIECE;
		if (PQputCopyData(l->conn, rows->data + at, (int)n) != 1 ||
		    flush(l) < 0)
			return -1;
	}
	return 0;
}

/* The library may want to send more before it takes the end. */
static int
send_end(struct link *l)
{
	int rc;

	while ((rc = PQputCopyEnd(l->conn, NULL)) == 0) {
		if (flush(l) < 0)
			return -1;
	}
	return rc < 0 ? -1 : flush(l);
}

static enum db_verdict
undo(struct link *l, enum db_verdict verdict)
{
	static const char back[] = "ROLLBACK TO SAVEPOINT logload; "
				   "RELEASE SAVEPOINT logload";
	struct error kept = l->pg.db.error;
	enum db_cause cause = l->pg.db.cause;
	enum db_verdict undone = run(&l->pg.db, back, sizeof(back) - 1);

	if (undone != DB_OK)
		return undone;
	l->pg.db.error = kept;
	l->pg.db.cause = cause;
	return verdict;
}

enum db_verdict
postgresql_copy(struct pg *pg, const struct batch *b, unsigned from,
    unsigned count, const char *skip)
{
	struct link *l = (struct link *)pg;
	struct db *db = &pg->db;
	struct rows r = {
	    .batch = b, .at = from, .end = from + count, .skip = skip};
	enum db_verdict verdict;
	int rc = 0;

	pg->bad_line = 0;
	if (postgresql_put_copy(pg) < 0)
		return db_no_memory(db);
	verdict = send_query(l, "COPY", pg->copy.data, pg->copy.len);
	/* The first ones are ready when the server is. */
	if (verdict == DB_OK && put_rows(pg, &r) < 0)
		return db_no_memory(db);
	if (verdict == DB_OK)
		verdict = read_answers(l, "COPY", db->config->read_ns);
	if (verdict != DB_OK)
		return verdict == DB_REFUSED ? undo(l, verdict) : verdict;
	while (pg->rows.len > 0 && rc == 0) {
		rc = send_rows(l);
		if (rc == 0 && put_rows(pg, &r) < 0)
			return db_no_memory(db);
	}
	if (rc == 0)
		rc = send_end(l);
	buf_clear(&pg->rows, ROWS_KEEP);
	if (rc < 0)
		return failed(l, "COPY", NULL);
	verdict = read_answers(l, NULL, db->config->read_ns);
	if (verdict != DB_OK)
		return verdict == DB_REFUSED ? undo(l, verdict) : verdict;
	if (db->changed == r.sent)
		return DB_OK;
	/* That is no event's fault, and not to be taken back alone. */
	(void)error_set(&db->error,
	    "COPY stored %llu rows instead of %u: a trigger takes them away",
	    (unsigned long long)db->changed, r.sent);
	db->cause = DB_CAUSE_OTHER;
	return DB_SCHEMA;
}

static void
close_link(struct db *db)
{
	struct link *l = of(db);

	l->pg.hasty = false;
	PQclear(l->answer);
	l->answer = NULL;
	PQfinish(l->conn); /* says goodbye, at most */
	l->conn = NULL;
}

const struct db_driver db_postgresql = {
    .dialect =
	{
	    .name_quote = '"',
	    .escaped = "",
	    .begin = "BEGIN ISOLATION LEVEL READ COMMITTED; "
		     "SET LOCAL TimeZone='UTC'; SET LOCAL logload.begun='1'; "
		     "SET CONSTRAINTS ALL IMMEDIATE; "
		     "SELECT set_config(name, '2s', true) FROM (VALUES "
		     "('client_connection_check_interval')) v (name) WHERE "
		     "current_setting(name, true) IS NOT NULL AND "
		     "version() !~* 'windows|mingw|visual'",
	    .same = "current_setting('logload.begun', true)='1'",
	    .lock = " FOR UPDATE",
	    .same_key = " ON CONFLICT DO NOTHING",
	    .now = "clock_timestamp()",
	    .instant = "to_char(%s, 'YYYY-MM-DD HH24:MI:SS.US')",
	    .nth = " LIMIT 1 OFFSET %u",
	    .types = {[COLUMN_VARCHAR] = "VARCHAR(%u)",
		[COLUMN_TEXT] = "TEXT",
		[COLUMN_INT] = "INTEGER",
		[COLUMN_BIGINT] = "BIGINT",
		[COLUMN_UNSIGNED] = "NUMERIC(20)",
		[COLUMN_DOUBLE] = "DOUBLE PRECISION",
		[COLUMN_DECIMAL] = "NUMERIC(%u,%u)",
		[COLUMN_BOOLEAN] = "BOOLEAN",
		[COLUMN_DATETIME] = "TIMESTAMPTZ(6)",
		[COLUMN_JSON] = "JSON",
		[COLUMN_IP] = "INET",
		[COLUMN_UUID] = "UUID"},
	    .count = "BIGINT",
	    .json = "JSON",
	    .json_too = "JSONB",
	    .text = "VARCHAR(%u) COLLATE \"C\"",
	    .table_end = "",
	    .name_bytes = 63,
	    .tables =
		"SELECT string_agg(relname, E'\\n') FROM pg_class c JOIN "
		"pg_namespace n ON n.oid=relnamespace WHERE nspname="
		"COALESCE(%s, current_schema()) AND relkind IN ('r', 'p') AND "
		"NOT relispartition AND substr(relname, 1, length(%s))=%s",
	    .sqlstates = true,
	},
    .partitioning = &postgresql_partitioning,
    .parse = postgresql_parse,
    .make = make,
    .free = release,
    .open = postgresql_open,
    .close = close_link,
    .interrupt = interrupt,
    .alive = alive,
    .run = run,
    .ask = ask,
    .hasten = hasten,
    .check = postgresql_check,
    .store = postgresql_store,
    .sift = postgresql_sift,
};
