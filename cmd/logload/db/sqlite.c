/*
 * sqlite.c - the driver of SQLite: a file instead of a server.
 *
 * The write-ahead log is synced at each commit, so that readers never wait for
 * us and what is committed lasts. There is one writer at a time. A transaction
 * begins as one (BEGIN IMMEDIATE), for nothing could wait for that later on;
 * the others wait in wait_for_others.
 *
 * A batch goes row by row through one prepared INSERT, as fast as it gets here.
 * What is wrong with a row, its own error says, and the rows before it stay: so
 * sifting needs no more than to go on.
 */
#include <sqlite3.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "clock.h"
#include "db.h"
#include "sql.h"
#include "sqlite_own.h"

#define BATCH_BYTES (1024 * 1024)
#define WAIT_MOST_MS 32 /* until the lock is tried again */

struct link {
	struct db db;         /* first: the callers' handle */
	sqlite3 *sqlite;      /* NULL: not open */
	sqlite3_stmt *insert; /* of a batch, while it is stored */
	atomic_bool hurry;    /* waits for nobody */
	uint64_t waits_ns;    /* since when */
	struct buf answer;    /* what the last one points into */
};

static struct link *
of(struct db *db)
{
	return (struct link *)db;
}

static struct db *
make(void)
{
	struct link *l = calloc(1, sizeof(*l));

	return (struct db *)l; /* it begins with one */
}

static void
release(struct db *db)
{
	buf_release(&of(db)->answer);
	free(db);
}

static int
parse(struct db_config *c, char *rest, struct error *err)
{
	c->path = rest;
	if (*rest == '\0' || strcmp(rest, ":memory:") == 0)
		return error_set(
		    err, "no file is named behind sqlite:, such as logs.db");
	return 0;
}

/*
 * Errors
 */

/* Any other is DB_REFUSED: a function in a CHECK may fail with any. */
static const struct {
	int code;
	enum db_verdict verdict;
} verdicts[] = {
    {SQLITE_READONLY_DBMOVED, DB_PASSING},
    {SQLITE_BUSY, DB_PASSING},
    {SQLITE_LOCKED, DB_PASSING},
    {SQLITE_FULL, DB_PASSING},
    {SQLITE_IOERR, DB_PASSING},
    {SQLITE_NOMEM, DB_PASSING},
    {SQLITE_INTERRUPT, DB_PASSING},
    {SQLITE_CANTOPEN, DB_PASSING},
    {SQLITE_PROTOCOL, DB_PASSING},
    {SQLITE_READONLY, DB_SCHEMA},
    {SQLITE_CORRUPT, DB_SCHEMA},
    {SQLITE_NOTADB, DB_SCHEMA},
    {SQLITE_PERM, DB_SCHEMA},
    {SQLITE_AUTH, DB_SCHEMA},
};

static enum db_verdict
verdict_of(int code)
{
	for (size_t i = 0; i < sizeof(verdicts) / sizeof(verdicts[0]); i++) {
		if (verdicts[i].code == code ||
		    verdicts[i].code == (code & 0xff))
			return verdicts[i].verdict;
	}
	return DB_REFUSED;
}

static enum db_cause
cause_of(int code, const char *text)
{
	if (code == SQLITE_CONSTRAINT_UNIQUE ||
	    code == SQLITE_CONSTRAINT_PRIMARYKEY ||
	    code == SQLITE_CONSTRAINT_ROWID)
		return DB_CAUSE_DUPLICATE;
	return strncmp(text, "no such table: ", 15) == 0 ? DB_CAUSE_NO_TABLE
							 : DB_CAUSE_OTHER;
}

/* What the last call has said; what NULL: of a row, by itself. */
static enum db_verdict
failed(struct link *l, const char *what)
{
	int code = sqlite3_extended_errcode(l->sqlite);
	int reason = sqlite3_system_errno(l->sqlite);
	const char *text = sqlite3_errmsg(l->sqlite);
	enum db_verdict verdict = verdict_of(code);
	bool of_system = reason != 0 && ((code & 0xff) == SQLITE_CANTOPEN ||
					    (code & 0xff) == SQLITE_IOERR);

	if (what == NULL && verdict == DB_REFUSED)
		(void)error_set(&l->db.error, "%s", text);
	else
		(void)error_set(&l->db.error, "%s: %s: %s%s%s (%d)",
		    l->db.config->path, what == NULL ? "INSERT" : what, text,
		    of_system ? ": " : "", of_system ? strerror(reason) : "",
		    code);
	l->db.error.code = code;
	l->db.cause = cause_of(code, text);
	/* What stands in the log may count as committed when it is read. */
	l->db.unanswered = what != NULL && strcmp(what, "COMMIT") == 0 &&
			   verdict == DB_PASSING;
	return verdict;
}

static enum db_verdict
refused(struct link *l, enum db_verdict verdict, const char *why)
{
	(void)error_set(&l->db.error, "%s", why);
	l->db.cause = DB_CAUSE_OTHER;
	l->db.unanswered = false;
	return verdict;
}

/*
 * Statements
 */

static bool
is(const char *sql, size_t len, const char *statement)
{
	return len == strlen(statement) && memcmp(sql, statement, len) == 0;
}

/* Another file may bear the name by now, or none: ours would be for nobody. */
static bool
was_moved(struct link *l)
{
	int moved = 0;

	return sqlite3_file_control(l->sqlite, "main", SQLITE_FCNTL_HAS_MOVED,
		   &moved) == SQLITE_OK &&
	       moved != 0;
}

static int
copy_row(struct link *l, sqlite3_stmt *s, struct db_answer *answer)
{
	size_t at[DB_FIELDS_MAX];
	int fields = sqlite3_column_count(s);

	if (fields > DB_FIELDS_MAX)
		fields = DB_FIELDS_MAX;
	l->answer.len = 0;
	for (int i = 0; i < fields; i++) {
		const char *text = (const char *)sqlite3_column_text(s, i);

		at[i] = l->answer.len;
		if (text != NULL &&
		    buf_append(&l->answer, text, strlen(text) + 1) < 0)
			return -1;
	}
	for (int i = 0; i < fields; i++) {
		if (sqlite3_column_type(s, i) != SQLITE_NULL)
			answer->fields[i] = l->answer.data + at[i];
	}
	return 0;
}

/* One statement, with a text for ?1, if it has that; of an answer the first row
 * is kept, and where none is wanted it has none. */
static enum db_verdict
query(struct link *l, const char *sql, size_t len, const char *text,
    struct db_answer *answer)
{
	enum db_verdict verdict = DB_OK;
	sqlite3_stmt *s = NULL;
	struct db_answer none;
	char what[16];
	int rc;

	if (answer == NULL)
		answer = &none;
	memset(answer, 0, sizeof(*answer));
	/* The first word says enough, and holds nobody's data. */
	(void)snprintf(what, sizeof(what), "%.*s", (int)strcspn(sql, " "), sql);
	rc = sqlite3_prepare_v2(l->sqlite, sql, (int)len, &s, NULL);
	if (rc == SQLITE_OK && text != NULL)
		rc = sqlite3_bind_text(s, 1, text, -1, SQLITE_STATIC);
	if (rc == SQLITE_OK)
		rc = sqlite3_step(s);
	answer->found = rc == SQLITE_ROW;
	if (rc != SQLITE_ROW && rc != SQLITE_DONE)
		verdict = failed(l, what);
	else if (answer->found && copy_row(l, s, answer) < 0)
		verdict = db_no_memory(&l->db);
	(void)sqlite3_finalize(s); /* says again what step has said */
	return verdict;
}

static enum db_verdict
run(struct db *db, const char *sql, size_t len)
{
	struct link *l = of(db);
	enum db_verdict verdict;

	if (is(sql, len, "ROLLBACK") && sqlite3_get_autocommit(l->sqlite))
		return DB_OK;
	if (is(sql, len, "COMMIT") && was_moved(l))
		return refused(l, DB_PASSING, "the file was moved or removed");
	verdict = query(l, sql, len, NULL, NULL);
	db->changed = (uint64_t)sqlite3_changes(l->sqlite);
	return verdict;
}

enum db_verdict
sqlite_ask(struct db *db, const char *sql, size_t len, const char *text,
    struct db_answer *answer)
{
	return query(of(db), sql, len, text, answer);
}

static enum db_verdict
ask(struct db *db, const char *sql, size_t len, struct db_answer *answer)
{
	return query(of(db), sql, len, NULL, answer);
}

static enum db_verdict
run_text(struct link *l, const char *sql)
{
	return query(l, sql, strlen(sql), NULL, NULL);
}

/*
 * Sessions
 */

/* Others write. Called again and again, until it says 0: that is SQLITE_BUSY.
 */
static int
wait_for_others(void *link, int count)
{
	struct link *l = link;
	uint64_t now = clock_monotonic_ns();
	long ms = count < 5 ? 1L << count : WAIT_MOST_MS;
	struct timespec rest = {.tv_nsec = ms * (long)CLOCK_NS_PER_MS};

	if (count == 0)
		l->waits_ns = now;
	if (atomic_load(&l->hurry) || now - l->waits_ns > l->db.config->read_ns)
		return 0;
	(void)nanosleep(&rest, NULL); /* shorter is as well */
	return 1;
}

static enum db_verdict
prepare_session(struct link *l)
{
	static const char *const lasting[] = {
	    /* Of a new file: so many rows fit into a page of the table. */
	    "PRAGMA page_size=8192",
	    "PRAGMA synchronous=FULL",
	    /* A long reader may make it longer, but not for ever. */
	    "PRAGMA journal_size_limit=67108864",
	    "PRAGMA temp_store=MEMORY",
	    NULL,
	};
	static const char wal[] = "PRAGMA journal_mode=WAL";
	enum db_verdict verdict = DB_OK;
	struct db_answer answer;

	if (l->db.config->look_only)
		return run_text(l, "PRAGMA query_only=ON");
	for (int i = 0; lasting[i] != NULL && verdict == DB_OK; i++)
		verdict = run_text(l, lasting[i]);
	if (verdict == DB_OK)
		verdict = query(l, wal, sizeof(wal) - 1, NULL, &answer);
	if (verdict == DB_OK &&
	    (answer.fields[0] == NULL || strcmp(answer.fields[0], "wal") != 0))
		return refused(l, DB_SCHEMA,
		    "the file cannot have a write-ahead log where it lies");
	return verdict;
}

static enum db_verdict
open_link(struct db *db)
{
	const struct db_config *c = db->config;
	int flags = SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOMUTEX;
	const char *path = c->path;
	struct link *l = of(db);
	enum db_verdict verdict;

	if (!c->look_only)
		flags |= SQLITE_OPEN_CREATE;
	else if (access(path, F_OK) < 0)
		path = ":memory:"; /* nothing is there, and to be made */
	atomic_store(&l->hurry, false);
	db->limits = (struct batch_limits){BATCH_ROWS_MAX, BATCH_BYTES, 0};
	if (sqlite3_open_v2(path, &l->sqlite, flags, NULL) != SQLITE_OK)
		return failed(l, "open");
	/* These cannot fail. */
	(void)sqlite3_busy_handler(l->sqlite, wait_for_others, l);
	/* Else a name in quotes that is no column's would be a text. */
	(void)sqlite3_db_config(
	    l->sqlite, SQLITE_DBCONFIG_DQS_DML, 0, (int *)NULL);
	verdict = prepare_session(l);
	if (verdict == DB_OK && !c->look_only &&
	    sqlite3_db_readonly(l->sqlite, "main") == 1) {
		(void)error_set(
		    &db->error, "%s: it may only be read by this user", path);
		db->cause = DB_CAUSE_OTHER;
		return DB_SCHEMA;
	}
	return verdict;
}

static void
close_link(struct db *db)
{
	struct link *l = of(db);

	/* Rolls back; of no statement left, it fails for nothing else. */
	(void)sqlite3_close(l->sqlite);
	l->sqlite = NULL;
}

static void
interrupt(struct db *db)
{
	atomic_store(&of(db)->hurry, true);
}

static bool
alive(struct db *db)
{
	return !was_moved(of(db));
}

/*
 * Rows
 */

/*
 * OR ABORT: whatever the table says, no other row gives way, nor this one. The
 * transaction is the only one that writes, so the table stays as it is now.
 */
static enum db_verdict
begin_store(struct link *l)
{
	struct buf *b = &l->db.sql;

	b->len = 0;
	if (sql_put_insert(b, &l->db, "INSERT OR ABORT", 1) < 0)
		return db_no_memory(&l->db);
	if (sqlite3_prepare_v2(
		l->sqlite, b->data, (int)b->len, &l->insert, NULL) == SQLITE_OK)
		return run_text(l, "SAVEPOINT store");
	/* What no event has caused. */
	return failed(l, "INSERT") == DB_PASSING ? DB_PASSING : DB_SCHEMA;
}

/* Of what is refused nothing stays. */
static enum db_verdict
end_store(struct link *l, enum db_verdict verdict)
{
	enum db_verdict undone = DB_OK;

	(void)sqlite3_finalize(l->insert); /* says again what step has said */
	l->insert = NULL;
	if (verdict != DB_OK && verdict != DB_REFUSED)
		return verdict;
	if (verdict == DB_REFUSED)
		undone = run_text(l, "ROLLBACK TO store");
	if (undone == DB_OK)
		undone = run_text(l, "RELEASE store");
	return undone == DB_OK ? verdict : undone;
}

/* SQLite itself reads some of those that are very small a bit off. */
static int
bind_double(sqlite3_stmt *s, int at, const char *text, size_t len)
{
	char copy[32];

	if (len >= sizeof(copy))
		return sqlite3_bind_text64(
		    s, at, text, len, SQLITE_STATIC, SQLITE_UTF8);
	memcpy(copy, text, len);
	copy[len] = '\0';
	return sqlite3_bind_double(s, at, strtod(copy, NULL));
}

static int
bind_row(struct link *l, const struct batch *b, unsigned row)
{
	const struct columns *columns = l->db.config->columns;
	sqlite3_stmt *s = l->insert;
	int rc = sqlite3_bind_int64(s, 2, (sqlite3_int64)b->file_id[row]);

	if (rc == SQLITE_OK)
		rc = sqlite3_bind_int64(s, 3, (sqlite3_int64)b->line[row]);
	for (unsigned i = 0; i < b->text_count && rc == SQLITE_OK; i++) {
		const struct batch_texts *t = &b->texts[i];
		int at = i == 0 ? 1 : (int)i + 3;

		if (t->null[row])
			rc = sqlite3_bind_null(s, at);
		else if (i > 0 && i <= columns->count &&
			 columns->list[i - 1].type == COLUMN_DOUBLE)
			rc = bind_double(s, at, t->text[row], t->len[row]);
		else
			rc = sqlite3_bind_text64(s, at, t->text[row],
			    t->len[row], SQLITE_STATIC, SQLITE_UTF8);
	}
	return rc;
}

static enum db_verdict
insert(struct link *l, const struct batch *b, unsigned row)
{
	enum db_verdict verdict = DB_OK;

	if (bind_row(l, b, row) != SQLITE_OK ||
	    sqlite3_step(l->insert) != SQLITE_DONE)
		verdict = failed(l, NULL);
	else if (sqlite3_changes(l->sqlite) != 1)
		verdict =
		    refused(l, DB_REFUSED, "a trigger has passed over the row");
	(void)sqlite3_reset(l->insert); /* says again what step has said */
	/* A trigger can do that; the rows before are gone with it. */
	if (verdict == DB_REFUSED && sqlite3_get_autocommit(l->sqlite))
		return DB_SCHEMA;
	return verdict;
}

static enum db_verdict
store(struct db *db, const struct batch *b, unsigned from, unsigned count)
{
	struct link *l = of(db);
	enum db_verdict verdict = begin_store(l);

	for (unsigned i = from; i < from + count && verdict == DB_OK; i++)
		verdict = insert(l, b, i);
	return end_store(l, verdict);
}

static enum db_verdict
sift(struct db *db, const struct batch *b, unsigned from, unsigned count,
    bool *missing)
{
	struct link *l = of(db);
	enum db_verdict verdict = begin_store(l);

	for (unsigned i = 0; i < count && verdict == DB_OK; i++) {
		bool there = true;

		verdict = insert(l, b, from + i);
		/* A trigger's RAISE(FAIL) leaves the row there. */
		if (verdict == DB_REFUSED && sqlite3_changes(l->sqlite) == 0) {
			there = false;
			verdict = db->cause == DB_CAUSE_DUPLICATE
				      ? db_is_there(db, b, from + i, 1, &there)
				      : DB_OK;
		}
		missing[i] = !there;
	}
	return end_store(l, verdict);
}

const struct db_driver db_sqlite = {
    .dialect =
	{
	    .name_quote = '"',
	    .escaped = "",
	    .begin = "BEGIN IMMEDIATE",
	    .same = "1=1",
	    .lock = "",
	    .now = "strftime('%Y-%m-%d %H:%M:%f000', 'now')",
	    .nth = " LIMIT 1 OFFSET %u",
	    .types = {[COLUMN_VARCHAR] = "TEXT",
		[COLUMN_TEXT] = "TEXT",
		[COLUMN_INT] = "INTEGER",
		[COLUMN_BIGINT] = "INTEGER",
		[COLUMN_UNSIGNED] = "INTEGER",
		[COLUMN_DOUBLE] = "REAL",
		[COLUMN_DECIMAL] = "TEXT", /* any other would round it */
		[COLUMN_BOOLEAN] = "INTEGER",
		[COLUMN_DATETIME] = "TEXT",
		[COLUMN_JSON] = "TEXT",
		[COLUMN_IP] = "TEXT",
		[COLUMN_UUID] = "TEXT"},
	    .signed_only = true,
	    .count = "INTEGER",
	    .json = "TEXT",
	    .text = "TEXT",
	    .table_end = " STRICT, WITHOUT ROWID",
	    .tables = "SELECT group_concat(name, char(10)) FROM sqlite_schema "
		      "WHERE type='table' AND coalesce(%s, 'main')='main' AND "
		      "substr(name, 1, length(%s))=%s",
	},
    .one_writer = true,
    .parse = parse,
    .make = make,
    .free = release,
    .open = open_link,
    .close = close_link,
    .interrupt = interrupt,
    .alive = alive,
    .run = run,
    .ask = ask,
    .check = sqlite_check,
    .store = store,
    .sift = sift,
};
