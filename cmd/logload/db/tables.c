/*
 * tables.c - see tables.h.
 */
#include <stdio.h>
#include <string.h>

#include "clock.h"
#include "hash.h"
#include "log.h"
#include "partitions.h"
#include "sql.h"
#include "tables.h"
#include "utf8.h"

typedef int put_table(struct buf *, const struct db_config *);

#define NEXT ",\n  "

static int
put_column(struct buf *b, const struct db_dialect *d, const char *name,
    const char *type, const char *rest)
{
	if (sql_put_name(b, d, name, strlen(name)) < 0)
		return -1;
	return buf_printf(b, " %s%s", type, rest);
}

/* The same, of a type with a width, and a scale: each %u in `type`. */
static int
put_wide_column(struct buf *b, const struct db_dialect *d, const char *name,
    const char *type, unsigned width, unsigned scale, const char *rest)
{
	unsigned numbers[] = {width, scale};
	char wide[80];
	size_t len = 0;

	for (int i = 0; *type != '\0' && len < sizeof(wide) - 12;) {
		if (i < 2 && strncmp(type, "%u", 2) == 0) {
			len += (size_t)snprintf(
			    wide + len, sizeof(wide) - len, "%u", numbers[i++]);
			type += 2;
		} else {
			wide[len++] = *type++;
		}
	}
	wide[len] = '\0';
	return put_column(b, d, name, wide, rest);
}

/* One of the event's. */
static int
put_event_column(struct buf *b, const struct db_dialect *d,
    const struct column *c, const char *rest)
{
	return put_wide_column(
	    b, d, c->name, d->types[c->type], c->width, c->scale, rest);
}

/* Of the ledger, what the version before did not have. */
static int
put_new_columns(struct buf *b, const struct db_dialect *d, const char *next)
{
	if (put_wide_column(b, d, "table", d->text, DB_TABLE_MAX, 0, " NULL") <
		0 ||
	    buf_printf(b, "%s", next) < 0)
		return -1;
	return put_wide_column(
	    b, d, "sha256", d->text, DB_HASH_LEN, 0, " NULL");
}

/* What stands in the brackets behind CREATE TABLE. */
static int
put_ledger(struct buf *b, const struct db_config *c)
{
	static const char *const counts[] = {
	    "bytes", "events", "rejected", "torn", "progress", "lines", NULL};
	const struct db_dialect *d = &c->driver->dialect;
	const char *instant = d->types[COLUMN_DATETIME];

	if (put_column(b, d, "id", d->count, " NOT NULL PRIMARY KEY" NEXT) <
		0 ||
	    put_wide_column(b, d, "name", d->text, DB_NAME_MAX, 0,
		" NOT NULL UNIQUE" NEXT) < 0)
		return -1;
	for (int i = 0; counts[i] != NULL; i++) {
		if (put_column(b, d, counts[i], d->count, " NOT NULL" NEXT) < 0)
			return -1;
	}
	if (put_column(b, d, "started_at", instant, " NOT NULL" NEXT) < 0 ||
	    put_column(b, d, "loaded_at", instant, " NULL" NEXT) < 0)
		return -1;
	return put_new_columns(b, d, NEXT);
}

/* The columns "a,b", in brackets. */
static int
put_names(struct buf *b, const struct db_dialect *d, const char *columns)
{
	const char *before = "(";

	for (;;) {
		size_t n = strcspn(columns, ",");

		if (buf_printf(b, "%s", before) < 0 ||
		    sql_put_name(b, d, columns, n) < 0)
			return -1;
		if (columns[n] == '\0')
			return buf_printf(b, ")");
		columns += n + 1;
		before = ", ";
	}
}

static int
put_logs(struct buf *b, const struct db_config *c)
{
	const struct db_dialect *d = &c->driver->dialect;
	const struct columns *columns = c->columns;
	const char *const fixed_types[COLUMNS_FIXED] = {
	    d->types[COLUMN_DATETIME], d->count, d->count, c->payload_type};

	for (int i = 0; i < COLUMN_PAYLOAD; i++) {
		if (put_column(b, d, columns->fixed[i], fixed_types[i],
			" NOT NULL" NEXT) < 0)
			return -1;
	}
	for (unsigned i = 0; i < columns->count; i++) {
		if (put_event_column(b, d, &columns->list[i], " NULL" NEXT) < 0)
			return -1;
	}
	if (columns_has_payload(columns) &&
	    put_column(b, d, columns->fixed[COLUMN_PAYLOAD],
		fixed_types[COLUMN_PAYLOAD], " NOT NULL" NEXT) < 0)
		return -1;
	for (unsigned i = 0; i < c->uniques->count; i++) {
		if (buf_printf(b, "UNIQUE ") < 0 ||
		    put_names(b, d, c->uniques->items[i]) < 0 ||
		    buf_printf(b, NEXT) < 0)
			return -1;
	}
	return sql_put_form(
	    b, c, "PRIMARY KEY (<received_at>, <file_id>, <line>)");
}

/* In partitions, as of now. */
static int
put_clause(struct buf *b, const struct db_config *c)
{
	struct db_partition first[PARTITIONS_FIRST];

	if (c->period == DB_PERIOD_NONE)
		return 0;
	partitions_first(
	    (enum db_period)c->period, (int64_t)clock_wall_us(), first);
	return c->driver->partitioning->put_clause(
	    b, c, first, PARTITIONS_FIRST);
}

/* The first partitions, where they are tables of their own. */
static int
put_first(struct buf *b, const struct db_config *c, const char *table)
{
	struct db_partition first[PARTITIONS_FIRST];

	if (c->period == DB_PERIOD_NONE ||
	    c->driver->partitioning->put_first == NULL)
		return 0;
	partitions_first(
	    (enum db_period)c->period, (int64_t)clock_wall_us(), first);
	return c->driver->partitioning->put_first(
	    b, c, table, first, PARTITIONS_FIRST);
}

static int
put_create(struct buf *b, const struct db_config *c, const char *unless,
    const char *name, put_table *put)
{
	const struct db_dialect *d = &c->driver->dialect;

	if (buf_printf(b, "CREATE TABLE %s", unless) < 0 ||
	    sql_put_table(b, d, name) < 0 || buf_printf(b, " (\n  ") < 0 ||
	    put(b, c) < 0)
		return -1;
	if (buf_printf(b, "\n)%s", d->table_end) < 0)
		return -1;
	return put == put_logs ? put_clause(b, c) : 0;
}

/*
 * CREATE INDEX of the columns "a,b", which is named after these and the table:
 * some databases want the names of all their indexes to differ. Where a name is
 * too long for them, its end is a hash.
 */
static int
put_index(struct buf *b, const struct db_dialect *d, const char *table,
    const char *columns)
{
	const char *dot = strchr(table, '.'), *last = dot ? dot + 1 : table;
	char name[64], *end;
	int len = snprintf(name, sizeof(name), "%s_%s", last, columns);

	for (char *p = name; *p != '\0'; p++)
		*p = *p == ',' ? '_' : *p;
	if (len < 0 || (size_t)len >= sizeof(name)) {
		end = name + utf8_cut(name, sizeof(name) - 10);
		(void)snprintf(end, 10, "_%08x",
		    (unsigned)(hash_name(last) + 31 * hash_name(columns)));
	}
	if (buf_printf(b, "CREATE INDEX ") < 0 ||
	    sql_put_name(b, d, name, strlen(name)) < 0 ||
	    buf_printf(b, " ON ") < 0 || sql_put_table(b, d, table) < 0 ||
	    buf_printf(b, " ") < 0)
		return -1;
	return put_names(b, d, columns);
}

/* By hand a content is looked for, under whatever name. */
#define LEDGER_INDEX "sha256"

int
tables_schema(const struct db_config *c, const char *tables, struct buf *b)
{
	const struct db_dialect *d = &c->driver->dialect;
	const char *unless = d->made_by_user ? "" : "IF NOT EXISTS ";

	if (put_create(b, c, unless, c->ledger, put_ledger) < 0 ||
	    buf_printf(b, ";\n\n") < 0)
		return -1;
	for (; *tables != '\0'; tables += strlen(tables) + 1) {
		if (put_create(b, c, unless, tables, put_logs) < 0 ||
		    buf_printf(b, ";\n\n") < 0 || put_first(b, c, tables) < 0)
			return -1;
		for (unsigned i = 0; i < c->indexes->count; i++) {
			if (put_index(b, d, tables, c->indexes->items[i]) < 0 ||
			    buf_printf(b, ";\n") < 0)
				return -1;
		}
	}
	/* Last: it fails where the ledger was there before. */
	if (put_index(b, d, c->ledger, LEDGER_INDEX) < 0)
		return -1;
	return buf_printf(b, ";\n");
}

/*
 * Over a session
 */

static enum db_verdict
run(struct db *db)
{
	return db->driver->run(db, db->sql.data, db->sql.len);
}

/* Puts the name of the table before what the database has said of it. */
static enum db_verdict
blame(struct db *db, const char *table, enum db_verdict verdict)
{
	struct error said = db->error;

	(void)error_set(&db->error, "the table %s: %.400s", table, said.text);
	db->error.code = said.code;
	return verdict;
}

/*
 * Has the table, if it is there, all columns? The database names one that is
 * missing. What it refuses is rolled back, lest it refuses all that follows.
 */
static enum db_verdict
look(struct db *db, const char *table, put_table *put)
{
	const struct db_config *c = db->config;
	struct buf *b = &db->sql;
	enum db_verdict verdict;
	struct db_answer answer;
	enum db_cause cause;

	b->len = 0;
	if (buf_printf(b, "SELECT ") < 0 || put(b, c) < 0 ||
	    buf_printf(b, " FROM ") < 0 ||
	    sql_put_table(b, &c->driver->dialect, table) < 0 ||
	    buf_printf(b, " WHERE 1=0") < 0)
		return db_no_memory(db);
	verdict = db->driver->ask(db, b->data, b->len, &answer);
	if (verdict != DB_REFUSED && verdict != DB_SCHEMA)
		return verdict;
	cause = db->cause;
	(void)blame(db, table, verdict);
	verdict = db->driver->run(db, "ROLLBACK", 8);
	db->cause = cause;
	return verdict == DB_OK ? DB_SCHEMA : verdict;
}

static int
put_logs_columns(struct buf *b, const struct db_config *c)
{
	return sql_put_columns(b, &c->driver->dialect, c->columns);
}

static int
put_ledger_columns(struct buf *b, const struct db_config *c)
{
	return sql_put_ledger_columns(b, &c->driver->dialect, false);
}

static int
put_old_ledger_columns(struct buf *b, const struct db_config *c)
{
	return sql_put_ledger_columns(b, &c->driver->dialect, true);
}

/* The table does its work without it, only slower. */
static enum db_verdict
make_index(struct db *db, const char *table, const char *columns)
{
	enum db_verdict verdict;

	db->sql.len = 0;
	if (put_index(&db->sql, &db->driver->dialect, table, columns) < 0)
		return db_no_memory(db);
	verdict = run(db);
	if (verdict != DB_REFUSED && verdict != DB_SCHEMA)
		return verdict;
	log_warn("the table %s stays without an index: %s; for one, run: %.*s",
	    table, db->error.text, (int)db->sql.len, db->sql.data);
	return db->driver->run(db, "ROLLBACK", 8);
}

/*
 * Makes a table that is missing. Should another loader be faster, its indexes
 * are that one's to make.
 */
static enum db_verdict
make(struct db *db, const char *table, put_table *put, put_table *put_columns,
    const char *const *indexes, size_t count)
{
	enum db_verdict verdict = look(db, table, put_columns);

	if (verdict == DB_OK || db->cause != DB_CAUSE_NO_TABLE)
		return verdict;
	if (db->config->driver->dialect.made_by_user) {
		(void)error_set(&db->error,
		    "the table %s is not there; make it of what --print-schema "
		    "prints, in this database's words",
		    table);
		return DB_SCHEMA;
	}
	db->sql.len = 0;
	if (put_create(&db->sql, db->config, "", table, put) < 0)
		return db_no_memory(db);
	verdict = run(db);
	if (verdict != DB_OK) {
		struct error why = db->error;

		if (verdict != DB_PASSING &&
		    look(db, table, put_columns) == DB_OK)
			return DB_OK;
		db->error = why;
		return verdict;
	}
	log_info("made the table %s", table);
	for (size_t i = 0; i < count && verdict == DB_OK; i++)
		verdict = make_index(db, table, indexes[i]);
	return verdict;
}

/*
 * Adds to the ledger of the version before what is new. Its lines keep their
 * ids, and the database goes on counting ids, for loaders of that version which
 * are still at work.
 */
static enum db_verdict
extend(struct db *db)
{
	const char *ledger = db->config->ledger;
	const struct db_dialect *d = &db->driver->dialect;
	struct buf *b = &db->sql;
	enum db_verdict verdict;
	struct error why;

	b->len = 0;
	if (buf_printf(b, "ALTER TABLE ") < 0 ||
	    sql_put_table(b, d, ledger) < 0 ||
	    buf_printf(b, " ADD COLUMN ") < 0 ||
	    put_new_columns(b, d, ", ADD COLUMN ") < 0)
		return db_no_memory(db);
	verdict = d->made_by_user ? DB_SCHEMA : run(db);
	if (verdict == DB_OK) {
		log_info("extended the table %s", ledger);
		return make_index(db, ledger, LEDGER_INDEX);
	}
	if (verdict != DB_REFUSED && verdict != DB_SCHEMA)
		return verdict;
	(void)error_set(&why,
	    "the table %s is of the version before, and has to be extended; "
	    "run, as one who may: %.*s (%s)",
	    ledger, (int)b->len, b->data, db->error.text);
	/* Was another loader faster? */
	if (look(db, ledger, put_ledger_columns) == DB_OK)
		return DB_OK;
	db->error = why;
	return DB_SCHEMA;
}

/* Is that column there? DB_SCHEMA: it is not, or there is something else. */
static enum db_verdict
look_at_column(struct db *db, const char *table, const struct column *column)
{
	const struct db_dialect *d = &db->driver->dialect;
	struct buf *b = &db->sql;
	enum db_verdict verdict;
	struct db_answer answer;

	b->len = 0;
	if (buf_printf(b, "SELECT ") < 0 ||
	    sql_put_name(b, d, column->name, strlen(column->name)) < 0 ||
	    buf_printf(b, " FROM ") < 0 || sql_put_table(b, d, table) < 0 ||
	    buf_printf(b, " WHERE 1=0") < 0)
		return db_no_memory(db);
	verdict = db->driver->ask(db, b->data, b->len, &answer);
	if (verdict != DB_REFUSED && verdict != DB_SCHEMA)
		return verdict;
	verdict = db->driver->run(db, "ROLLBACK", 8);
	return verdict == DB_OK ? DB_SCHEMA : verdict;
}

/* Adds a column that is missing; another loader may be faster. */
static enum db_verdict
add_column(struct db *db, const char *table, const struct column *column)
{
	const struct db_dialect *d = &db->driver->dialect;
	struct buf *b = &db->sql;
	enum db_verdict verdict;
	struct error why;

	b->len = 0;
	if (buf_printf(b, "ALTER TABLE ") < 0 ||
	    sql_put_table(b, d, table) < 0 ||
	    buf_printf(b, " ADD COLUMN ") < 0 ||
	    put_event_column(b, d, column, " NULL") < 0)
		return db_no_memory(db);
	verdict = run(db);
	if (verdict == DB_OK) {
		log_info(
		    "added the column %s to the table %s", column->name, table);
		return verdict;
	}
	if (verdict != DB_REFUSED && verdict != DB_SCHEMA)
		return verdict;
	why = db->error;
	verdict = db->driver->run(db, "ROLLBACK", 8);
	if (verdict == DB_OK)
		verdict = look_at_column(db, table, column);
	if (verdict == DB_SCHEMA) {
		db->error = why;
		return blame(db, table, DB_SCHEMA);
	}
	return verdict;
}

/* Gives the table, which is there, the event's columns that it lacks. */
static enum db_verdict
evolve(struct db *db, const char *table)
{
	const struct columns *columns = db->config->columns;
	enum db_verdict verdict = look(db, table, put_logs_columns);

	if (verdict == DB_SCHEMA && db->cause == DB_CAUSE_NO_TABLE)
		return DB_OK; /* it will be made with them */
	if (verdict != DB_SCHEMA)
		return verdict;
	verdict = DB_OK;
	for (unsigned i = 0; i < columns->count && verdict == DB_OK; i++) {
		const struct column *column = &columns->list[i];

		verdict = look_at_column(db, table, column);
		if (verdict == DB_SCHEMA)
			verdict = add_column(db, table, column);
	}
	return verdict;
}

enum db_verdict
tables_look(struct db *db)
{
	enum db_verdict verdict = look(db, db->table->name, put_logs_columns);

	return verdict == DB_OK ? db->driver->check(db, db->table->name)
				: verdict;
}

/* Is the ledger there, but as the version before has made it? */
static bool
is_old(struct db *db)
{
	const char *ledger = db->config->ledger;

	return look(db, ledger, put_ledger_columns) != DB_OK &&
	       db->cause != DB_CAUSE_NO_TABLE &&
	       look(db, ledger, put_old_ledger_columns) == DB_OK;
}

/* Those of events that are wanted, and not known to be there. */
static enum db_verdict
make_events(struct db *db)
{
	const struct db_config *c = db->config;
	enum db_verdict verdict = DB_OK;

	for (unsigned i = 0; i < db->table_count && verdict == DB_OK; i++) {
		struct db_table *t = &db->tables[i];

		db->table = t;
		if (t->ready && !db->table_gone)
			verdict = partitions_prepare(db, false);
		if (!t->wanted || t->unfit || (t->ready && !db->table_gone))
			continue;
		verdict = c->evolve ? evolve(db, t->name) : DB_OK;
		if (verdict == DB_OK)
			verdict = make(db, t->name, put_logs, put_logs_columns,
			    c->indexes->items, c->indexes->count);
		if (verdict == DB_OK)
			verdict = db->driver->check(db, t->name);
		if (verdict == DB_OK)
			verdict = partitions_prepare(db, true);
		t->ready = verdict == DB_OK;
		if (t->optional &&
		    (verdict == DB_SCHEMA || verdict == DB_REFUSED)) {
			log_error("no events go to the table %s: %s", t->name,
			    db->error.text);
			t->unfit = true;
			verdict = db->driver->run(db, "ROLLBACK", 8);
		}
	}
	db->table_gone = db->partitions_due = false;
	return verdict;
}

enum db_verdict
tables_prepare(struct db *db)
{
	static const char *const ledger_indexes[] = {LEDGER_INDEX};
	const struct db_config *c = db->config;
	enum db_verdict verdict;

	db->old_ledger = is_old(db);
	if (c->look_only)
		return DB_OK;
	if (db->old_ledger)
		verdict = extend(db);
	else
		verdict = make(db, c->ledger, put_ledger, put_ledger_columns,
		    ledger_indexes, 1);
	db->old_ledger = false;
	if (verdict == DB_OK)
		verdict = db->driver->check(db, c->ledger);
	return verdict == DB_OK ? make_events(db) : verdict;
}
