/*
 * tables.c - see tables.h.
 */
#include <stdio.h>
#include <string.h>

#include "log.h"
#include "sql.h"
#include "tables.h"

typedef int put_table(struct buf *, const struct db_config *);

static int
put_create(struct buf *b, const struct db_config *c, const char *name)
{
	if (buf_printf(b, "CREATE TABLE IF NOT EXISTS ") < 0 ||
	    sql_put_table(b, &c->driver->dialect, name) < 0)
		return -1;
	return buf_printf(b, " (\n");
}

/* A definition in a line of its own. */
static int
put_column(struct buf *b, const struct db_dialect *d, const char *name,
    const char *type, const char *rest)
{
	if (buf_printf(b, "  ") < 0 ||
	    sql_put_name(b, d, name, strlen(name)) < 0)
		return -1;
	return buf_printf(b, " %s%s", type, rest);
}

/* The same, of a type with a width, the place of which is %u in `type`. */
static int
put_wide_column(struct buf *b, const struct db_dialect *d, const char *name,
    const char *type, unsigned width, const char *rest)
{
	const char *place = strstr(type, "%u");
	char wide[80];

	if (place == NULL)
		return put_column(b, d, name, type, rest);
	(void)snprintf(wide, sizeof(wide), "%.*s%u%s", (int)(place - type),
	    type, width, place + 2);
	return put_column(b, d, name, wide, rest);
}

static int
put_ledger(struct buf *b, const struct db_config *c)
{
	static const char *const counts[] = {
	    "bytes", "events", "rejected", "torn", "progress", "lines", NULL};
	const struct db_dialect *d = &c->driver->dialect;
	const char *instant = d->types[COLUMN_DATETIME];

	if (put_create(b, c, c->ledger) < 0 ||
	    put_column(b, d, "id", d->count, " NOT NULL PRIMARY KEY,\n") < 0 ||
	    put_wide_column(b, d, "name", d->text, DB_NAME_MAX,
		" NOT NULL UNIQUE,\n") < 0 ||
	    put_wide_column(b, d, "table", d->text, DB_TABLE_MAX, " NULL,\n") <
		0 ||
	    put_wide_column(b, d, "sha256", d->text, DB_HASH_LEN, " NULL,\n") <
		0)
		return -1;
	for (int i = 0; counts[i] != NULL; i++) {
		if (put_column(b, d, counts[i], d->count, " NOT NULL,\n") < 0)
			return -1;
	}
	if (put_column(b, d, "started_at", instant, " NOT NULL,\n") < 0 ||
	    put_column(b, d, "loaded_at", instant, " NULL\n") < 0)
		return -1;
	return buf_printf(b, ")%s", d->table_end);
}

/* INDEX (`a`, `b`) for "a,b". */
static int
put_index(struct buf *b, const struct db_dialect *d, const char *names)
{
	const char *before = ",\n  INDEX (";

	for (;;) {
		size_t n = strcspn(names, ",");

		if (buf_printf(b, "%s", before) < 0 ||
		    sql_put_name(b, d, names, n) < 0)
			return -1;
		if (names[n] == '\0')
			return buf_printf(b, ")");
		names += n + 1;
		before = ", ";
	}
}

static int
put_logs(struct buf *b, const struct db_config *c)
{
	const struct db_dialect *d = &c->driver->dialect;
	const char *instant = d->types[COLUMN_DATETIME];

	if (put_create(b, c, c->table) < 0 ||
	    put_column(b, d, "received_at", instant, " NOT NULL,\n") < 0 ||
	    put_column(b, d, "file_id", d->count, " NOT NULL,\n") < 0 ||
	    put_column(b, d, "line", d->count, " NOT NULL,\n") < 0)
		return -1;
	for (unsigned i = 0; i < c->columns->count; i++) {
		const struct column *column = &c->columns->list[i];

		if (put_wide_column(b, d, column->name, d->types[column->type],
			column->width, " NULL,\n") < 0)
			return -1;
	}
	if (put_column(b, d, "payload", d->json, " NOT NULL,\n") < 0 ||
	    buf_printf(b, "  PRIMARY KEY (received_at, file_id, line)") < 0)
		return -1;
	for (unsigned i = 0; i < c->indexes->count; i++) {
		if (put_index(b, d, c->indexes->items[i]) < 0)
			return -1;
	}
	return buf_printf(b, "\n)%s", d->table_end);
}

int
tables_schema(const struct db_config *c, struct buf *b)
{
	if (put_ledger(b, c) < 0 || buf_printf(b, ";\n\n") < 0 ||
	    put_logs(b, c) < 0)
		return -1;
	return buf_printf(b, ";\n");
}

/* Asks first: making needs a right that one who only loads need not have. */
static enum db_verdict
make_table(struct db *db, const char *name, put_table *put)
{
	const struct db_driver *driver = db->driver;
	enum db_verdict verdict;
	struct db_answer answer;
	struct buf *b = &db->sql;

	b->len = 0;
	if (buf_printf(b, "SELECT 1 FROM ") < 0 ||
	    sql_put_table(b, &driver->dialect, name) < 0 ||
	    buf_printf(b, " WHERE 1=0") < 0)
		return db_no_memory(db);
	verdict = driver->ask(db, b->data, b->len, &answer);
	if (verdict == DB_OK || db->cause != DB_CAUSE_NO_TABLE)
		return verdict;
	b->len = 0;
	if (put(b, db->config) < 0)
		return db_no_memory(db);
	verdict = driver->run(db, b->data, b->len);
	if (verdict == DB_OK)
		log_info("made the table %s", name);
	return verdict;
}

enum db_verdict
tables_prepare(struct db *db)
{
	const struct db_config *c = db->config;
	enum db_verdict verdict;

	verdict = make_table(db, c->ledger, put_ledger);
	if (verdict == DB_OK)
		verdict = make_table(db, c->table, put_logs);
	if (verdict == DB_OK)
		verdict = db->driver->check(db, c->ledger);
	if (verdict == DB_OK)
		verdict = db->driver->check(db, c->table);
	return verdict;
}
