/*
 * odbc_check.c - are the tables such that no event can be lost or doubled in
 * them? What a driver tells of a table differs from one to the next; so it is
 * tried what they do, in a transaction that is taken back.
 */
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "clock.h"
#include "db.h"
#include "log.h"
#include "odbc_own.h"

#define NO_TRANSACTIONS \
	"has no transactions: what \"logload tries\" in it has stayed there"

/* More than a double, or 32 bits, can hold. */
#define NUMBER ((UINT64_C(1) << 62) + 1)

static enum db_verdict
run_text(struct db *db, const char *sql)
{
	return db->driver->run(db, sql, strlen(sql));
}

/* What is wrong with the table, in words to follow its name. */
static enum db_verdict __attribute__((format(printf, 3, 4)))
wrong(struct db *db, const char *table, const char *form, ...)
{
	char what[ERROR_TEXT_MAX];
	va_list args;

	va_start(args, form);
	(void)vsnprintf(what, sizeof(what), form, args); /* cut, if need be */
	va_end(args);
	(void)error_set(&db->error, "the table %s %s", table, what);
	db->cause = DB_CAUSE_OTHER;
	return DB_SCHEMA;
}

/* As long as one can be, of this process and instant alone. */
static void
make_name(char name[DB_NAME_MAX + 1])
{
	int n = snprintf(name, DB_NAME_MAX + 1,
	    "logload tries %llx-%d'\\\"%%\xc3\xa9\xf0\x9f\x8c\xb1",
	    (unsigned long long)clock_wall_us(), (int)getpid());

	memset(name + n, 'x', DB_NAME_MAX - (size_t)n);
	name[DB_NAME_MAX] = '\0';
}

/* A line that is written, and found as it was by a second loader. */
static enum db_verdict
try_line(struct db *db, const char *name)
{
	const char *ledger = db->config->ledger;
	struct db_claim claim = {.name = name, .bytes = NUMBER};
	struct db_file file, found;
	enum db_verdict verdict = run_text(db, "BEGIN");

	if (verdict == DB_OK)
		verdict = db_claim(db, &claim, &file);
	if (verdict != DB_OK)
		return verdict;
	memset(file.sha256, 'f', DB_HASH_LEN);
	file.sha256[DB_HASH_LEN] = '\0';
	file.events = file.rejected = file.torn = NUMBER;
	file.progress = file.lines = NUMBER;
	file.loaded = true;
	verdict = db_save(db, &file);
	if (verdict == DB_OK)
		verdict = db_claim(db, &claim, &found);
	if (verdict == DB_OK)
		verdict = db_save(db, &file); /* there is one of it */
	if (verdict != DB_OK)
		return verdict;
	if (found.id != file.id || found.bytes != NUMBER ||
	    found.events != NUMBER || found.rejected != NUMBER ||
	    found.torn != NUMBER || found.progress != NUMBER ||
	    found.lines != NUMBER)
		return wrong(db, ledger,
		    "changes large numbers; its counts have to hold 63 bits");
	if (strcmp(found.sha256, file.sha256) != 0 || !found.loaded ||
	    strlen(found.started_at) != VALUE_DATETIME_LEN)
		return wrong(db, ledger,
		    "gives a text or instant back that "
		    "is not the one it was given");
	return DB_OK;
}

/* One that is another's, where letters count for what they are. */
static enum db_verdict
try_other_line(struct db *db, const char *name)
{
	char other[DB_NAME_MAX + 1];
	struct db_claim claim = {.name = other};
	struct db_file file;

	(void)snprintf(other, sizeof(other), "%s", name);
	*other = 'L';
	return db_claim(db, &claim, &file);
}

enum db_verdict
odbc_try_ledger(struct db *db)
{
	const char *ledger = db->config->ledger;
	char name[DB_NAME_MAX + 1];
	enum db_verdict verdict;
	struct db_file file;
	bool found = false;

	make_name(name);
	verdict = try_line(db, name);
	if (verdict == DB_OK)
		verdict = try_other_line(db, name);
	if (verdict == DB_OK)
		verdict = run_text(db, "ROLLBACK");
	if (verdict == DB_OK)
		verdict = db_find(db, name, &file, &found);
	return found ? wrong(db, ledger, NO_TRANSACTIONS) : verdict;
}

/* A row is tried with no values of columns, and with two different ones. */
enum { NULLS, EXTREMES, DIGITS, TRIES };

#define TRIED_MAX 500 /* characters of a text */

struct trial {
	struct db *db;
	struct row row;
	uint64_t file_id;
	char received_at[VALUE_DATETIME_LEN + 1];
	char values[COLUMNS_MAX][TRIED_MAX + 8];
};

static const char payload[] = "{\"event\":\"logload tries \xf0\x9f\x8c\xb1\"}";

/* What a column that is too small, or of another kind, would change; or "". */
static void
put_value(char value[TRIED_MAX + 8], const struct column *c, int which)
{
	static const char *const values[COLUMN_TYPES] = {
	    [COLUMN_INT] = "2147483647",
	    [COLUMN_BIGINT] = "4611686018427387905",
	    [COLUMN_UNSIGNED] = "4611686018427387905",
	    [COLUMN_DOUBLE] = "123456789012345",
	    [COLUMN_DATETIME] = "2026-11-22 07:33:51.123457",
	    [COLUMN_JSON] = "\"\xc3\xa9\"",
	    [COLUMN_IP] = "2001:db8::1",
	    [COLUMN_UUID] = "123e4567-e89b-12d3-a456-426614174000"};
	static const char odd[] = "\xc3\xa9\xf0\x9f\x8c\xb1"; /* 3 of UTF-16 */
	unsigned width =
	    c->width > 0 && c->width < TRIED_MAX ? c->width : TRIED_MAX;

	(void)snprintf(value, TRIED_MAX + 8, "%s",
	    values[c->type] == NULL ? "" : values[c->type]);
	if (c->type == COLUMN_VARCHAR || c->type == COLUMN_TEXT) {
		memset(value, which == DIGITS ? '0' : 'x', width);
		value[width] = '\0';
		if (which == EXTREMES && width >= 3) {
			memcpy(value, odd, sizeof(odd) - 1);
			value[width - 3 + sizeof(odd) - 1] = '\0';
		}
	} else if (c->type == COLUMN_DECIMAL && c->scale < c->width) {
		memset(value, '9', c->width + 1);
		value[c->width - c->scale] = '.';
		value[c->width + (c->scale > 0)] = '\0';
	}
}

/* With values in all columns, or, below their number, in that one alone. */
static void
make_row(struct trial *t, int which, unsigned only)
{
	const struct columns *columns = t->db->config->columns;

	t->row = (struct row){.received_at = t->received_at,
	    .line = NUMBER,
	    .payload = {payload, sizeof(payload) - 1}};
	for (unsigned i = 0; i < columns->count && which != NULLS; i++) {
		put_value(t->values[i], &columns->list[i], which);
		if (*t->values[i] != '\0' &&
		    (only == i || only == columns->count))
			t->row.columns[i] =
			    (struct value){t->values[i], strlen(t->values[i])};
	}
}

static bool
is_same(const struct column *c, const char *value, const char *found)
{
	bool whole = c->type == COLUMN_INT || c->type == COLUMN_BIGINT ||
		     c->type == COLUMN_UNSIGNED || c->type == COLUMN_DECIMAL;
	size_t len = strlen(value);

	if (c->type == COLUMN_DOUBLE)
		return strtod(found, NULL) == strtod(value, NULL);
	/* There are other ways to write a UUID, or so many digits. */
	return strncasecmp(found, value, len) == 0 &&
	       found[len + strspn(found + len, whole ? ".0" : " ")] == '\0';
}

/* Are its values there as they were? */
static enum db_verdict
read_back(struct trial *t, const struct batch *b)
{
	const struct columns *columns = t->db->config->columns;
	enum db_verdict verdict = DB_OK;
	struct db_answer a;

	for (unsigned i = 0; i < columns->count && verdict == DB_OK; i++) {
		const struct column *c = &columns->list[i];

		if (t->row.columns[i].p == NULL)
			continue;
		verdict = db_read(t->db, b, 0, c->name, &a);
		if (verdict != DB_OK || !a.found ||
		    (a.fields[0] != NULL &&
			is_same(c, t->values[i], a.fields[0])))
			continue;
		verdict = wrong(t->db, t->db->table->name,
		    "has the column %s, which makes \"%.40s\" of \"%.40s\"",
		    c->name, a.fields[0] == NULL ? "" : a.fields[0],
		    t->values[i]);
	}
	if (verdict != DB_OK || !columns_has_payload(columns))
		return verdict;
	verdict = db_read(t->db, b, 0, columns->fixed[COLUMN_PAYLOAD], &a);
	if (verdict == DB_OK && a.found &&
	    (a.fields[0] == NULL ||
		strstr(a.fields[0], "logload tries \xf0\x9f\x8c\xb1") == NULL))
		return wrong(t->db, t->db->table->name,
		    "does not keep a payload as it is: it has to be a long "
		    "text of Unicode");
	return verdict;
}

/* Stores it, looks for it, and takes it back. */
static enum db_verdict
try_row(struct trial *t, const struct batch *b)
{
	const char *table = t->db->table->name;
	enum db_verdict verdict = run_text(t->db, "BEGIN");
	struct db_answer answer;

	if (verdict == DB_OK)
		verdict = db_store(t->db, b, 0, 1);
	if (verdict == DB_OK)
		verdict = db_read(t->db, b, 0, NULL, &answer);
	if (verdict == DB_OK && !answer.found)
		return wrong(t->db, table,
		    "does not keep a row's key as it is: received_at has to "
		    "hold microseconds, file_id and line 63 bits");
	if (verdict == DB_OK)
		verdict = read_back(t, b);
	if (verdict == DB_OK)
		verdict = run_text(t->db, "ROLLBACK");
	if (verdict == DB_OK)
		verdict = db_read(t->db, b, 0, NULL, &answer);
	return verdict == DB_OK && answer.found
		   ? wrong(t->db, table, NO_TRANSACTIONS)
		   : verdict;
}

/* A row refused for one column tells nothing of the others. */
static enum db_verdict
try_rows(struct trial *t, struct batch *b, int which, bool *taken)
{
	unsigned count = t->db->config->columns->count, only = count;
	enum db_verdict verdict;

	do {
		make_row(t, which, only);
		batch_clear(b);
		if (batch_add(b, &t->db->limits, t->file_id, &t->row) < 0)
			return db_no_memory(t->db);
		verdict = try_row(t, b);
		*taken |= verdict == DB_OK;
		if (only == count && (verdict == DB_OK || which == NULLS))
			break;
		only = only == count ? 0 : only + 1;
	} while (only < count && (verdict == DB_OK || verdict == DB_REFUSED));
	/* For a rule of the user's, perhaps, or a column that is smaller. */
	return verdict == DB_REFUSED ? DB_OK : verdict;
}

enum db_verdict
odbc_try_events(struct db *db, const char *lacking)
{
	struct trial t = {.db = db};
	struct batch b = {0};
	enum db_verdict verdict = DB_OK;
	char name[DB_NAME_MAX + 1];
	bool taken = false;

	make_name(name);
	value_stamp((int64_t)clock_wall_us() | 1, t.received_at);
	if (db_file_id(name, &t.file_id) < 0 ||
	    batch_init(&b, db->config->columns, 1) < 0)
		return db_no_memory(db);
	for (int i = 0; i < TRIES && verdict == DB_OK; i++)
		verdict = try_rows(&t, &b, i, &taken);
	batch_release(&b);
	if (verdict != DB_OK || taken)
		return verdict == DB_OK ? run_text(db, "ROLLBACK") : verdict;
	if (*lacking != '\0')
		return wrong(db, db->table->name,
		    "has the column %s, which is NOT NULL, has no default, and "
		    "gets no value; see --column",
		    lacking);
	log_warn("the table %s could not be tried, for it refuses a row: %s",
	    db->table->name, db->error.text);
	return run_text(db, "ROLLBACK");
}
