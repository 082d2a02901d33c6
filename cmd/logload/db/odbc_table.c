/*
 * odbc_table.c - what a driver tells of tables: which there are, and of one its
 * unique indexes, and its columns.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "odbc_link.h"

#define NAMES_MOST 100000 /* of tables that begin in some way */

/* A field of an answer, as text; "" where it has none. */
static const char *
get_text(struct link *l, SQLUSMALLINT number, char *text, size_t size)
{
	*text = '\0';
	(void)SQLGetData(
	    l->statement, number, SQL_C_CHAR, text, (SQLLEN)size, NULL);
	return text;
}

static long
get_number(struct link *l, SQLUSMALLINT number)
{
	char text[24];

	return strtol(get_text(l, number, text, sizeof(text)), NULL, 10);
}

/* A table's name, as the driver's own questions have it. */
struct place {
	char qualifier[DB_TABLE_MAX + 1];
	SQLCHAR *catalog, *schema, *name; /* NULL: any */
};

static void
find_place(struct link *l, const char *table, struct place *p)
{
	const char *dot = strchr(table, '.');
	SQLUINTEGER schemas = 0;

	*p = (struct place){.name = (SQLCHAR *)(dot == NULL ? table : dot + 1)};
	if (dot == NULL)
		return;
	(void)snprintf(p->qualifier, sizeof(p->qualifier), "%.*s",
	    (int)(dot - table), table);
	(void)SQLGetInfo(
	    l->dbc, SQL_SCHEMA_USAGE, &schemas, sizeof(schemas), NULL);
	*(schemas != 0 ? &p->schema : &p->catalog) = (SQLCHAR *)p->qualifier;
}

/* The answer to such a question has been read. */
static enum db_verdict
end_question(struct link *l, SQLRETURN rc, const char *what)
{
	enum db_verdict verdict =
	    rc == SQL_NO_DATA
		? DB_OK
		: odbc_failed(l, SQL_HANDLE_STMT, l->statement, what);

	(void)SQLFreeStmt(l->statement, SQL_CLOSE); /* forgets, at most */
	return verdict;
}

/* All unique indexes as ";a,b;c"; of one of some rows alone, as ";a?,b?". */
static enum db_verdict
find_indexes(struct link *l, const struct place *p, struct buf *indexes)
{
	enum { ORDINAL = 8, COLUMN, FILTER = 13 };
	char name[256], filter[16];
	SQLRETURN rc;

	(void)SQLFreeStmt(l->statement, SQL_RESET_PARAMS);
	rc = SQLStatistics(l->statement, p->catalog, SQL_NTS, p->schema,
	    SQL_NTS, p->name, SQL_NTS, SQL_INDEX_UNIQUE, SQL_QUICK);
	while (
	    SQL_SUCCEEDED(rc) && SQL_SUCCEEDED(rc = SQLFetch(l->statement))) {
		long ordinal = get_number(l, ORDINAL);

		(void)get_text(l, COLUMN, name, sizeof(name));
		(void)get_text(l, FILTER, filter, sizeof(filter));
		if (ordinal > 0 &&
		    buf_printf(indexes, "%s%s%s", ordinal == 1 ? ";" : ",",
			name, *filter == '\0' ? "" : "?") < 0)
			return db_no_memory(&l->db);
	}
	return end_question(l, rc, "SQLStatistics");
}

/* Is the name one of "a,b"? */
static bool
is_among(const char *name, size_t len, const char *names)
{
	for (;;) {
		size_t n = strcspn(names, ",");

		if (n == len && strncasecmp(name, names, n) == 0)
			return true;
		if (names[n] == '\0')
			return false;
		names += n + 1;
	}
}

/* Is there one of these columns, "a,b", with or without others behind them? */
static bool
has_index(const char *indexes, const char *names, bool others)
{
	while (*indexes == ';') {
		unsigned left = 1;
		bool good = true;

		for (const char *p = names; *p != '\0'; p++)
			left += *p == ',';
		do {
			size_t len = strcspn(++indexes, ",;");

			good = good && (left > 0 ? is_among(indexes, len, names)
						 : others);
			left -= left > 0;
			indexes += len;
		} while (*indexes == ',');
		if (good && left == 0)
			return true;
	}
	return false;
}

static enum db_verdict
check_indexes(struct link *l, const struct place *p)
{
	const struct db_config *c = l->db.config;
	struct buf indexes = {0};
	char key[3 * (COLUMN_NAME_MAX + 2)];
	enum db_verdict verdict = find_indexes(l, p, &indexes);

	if (verdict == DB_OK && buf_append(&indexes, "", 1) < 0)
		verdict = db_no_memory(&l->db);
	(void)snprintf(key, sizeof(key), "%s,%s,%s", c->columns->fixed[0],
	    c->columns->fixed[1], c->columns->fixed[2]);
	l->db.table->own_key =
	    verdict == DB_OK && has_index(indexes.data, key, true);
	for (unsigned i = 0; i < c->uniques->count && verdict == DB_OK; i++) {
		const char *names = c->uniques->items[i];

		if (has_index(indexes.data, names, false))
			continue;
		verdict = odbc_refused(l, DB_SCHEMA, "");
		(void)error_set(&l->db.error,
		    "the table %s has no unique key of %s, which --unique "
		    "asks for",
		    l->db.table->name, names);
	}
	buf_release(&indexes);
	return verdict;
}

/* Which one of ours is it? -1: of the key, or the payload; -2: none. */
static int
find_column(const struct columns *columns, const char *name)
{
	int fixed =
	    columns_has_payload(columns) ? COLUMNS_FIXED : COLUMN_PAYLOAD;

	for (int i = 0; i < fixed; i++) {
		if (strcasecmp(columns->fixed[i], name) == 0)
			return -1;
	}
	for (unsigned i = 0; i < columns->count; i++) {
		if (strcasecmp(columns->list[i].name, name) == 0)
			return (int)i;
	}
	return -2;
}

static unsigned
get_width(long type, long size)
{
	if (type == SQL_CHAR || type == SQL_VARCHAR || type == SQL_WCHAR ||
	    type == SQL_WVARCHAR)
		return (unsigned)size;
	return (type == SQL_LONGVARCHAR || type == SQL_WLONGVARCHAR) &&
		       size > 0 && size < BATCH_BYTES_WIDE
		   ? (unsigned)size | BATCH_BYTES_WIDE
		   : 0;
}

/*
 * How wide are the columns? Some drivers tell a number of what has
 * no limit, too. And is one lacking a value, where none makes its own? The
 * names are patterns, so others' may be among the answers.
 */
static enum db_verdict
find_columns(struct link *l, const struct place *p, char lacking[256])
{
	enum { TABLE = 3, COLUMN, TYPE, SIZE = 7, NULLABLE = 11, DEFAULT = 13 };
	char table[256], name[256], text[16];
	SQLRETURN rc;

	memset(l->db.table->widths, 0, sizeof(l->db.table->widths));
	rc = SQLColumns(l->statement, p->catalog, SQL_NTS, p->schema, SQL_NTS,
	    p->name, SQL_NTS, NULL, 0);
	while (
	    SQL_SUCCEEDED(rc) && SQL_SUCCEEDED(rc = SQLFetch(l->statement))) {
		long type, size;
		int column;

		(void)get_text(l, TABLE, table, sizeof(table));
		(void)get_text(l, COLUMN, name, sizeof(name));
		type = get_number(l, TYPE);
		size = get_number(l, SIZE);
		column = find_column(l->db.config->columns, name);
		if (strcasecmp(table, (char *)p->name) != 0)
			continue;
		if (column >= 0)
			l->db.table->widths[column] = get_width(type, size);
		if (column == -2 && get_number(l, NULLABLE) == SQL_NO_NULLS &&
		    *get_text(l, DEFAULT, text, sizeof(text)) == '\0')
			(void)snprintf(lacking, 256, "%s", name);
	}
	return end_question(l, rc, "SQLColumns");
}

enum db_verdict
odbc_check(struct db *db, const char *table)
{
	struct link *l = odbc_of(db);
	char lacking[256] = "";
	enum db_verdict verdict;
	struct place place;

	if (table == db->config->ledger)
		return odbc_try_ledger(db);
	db->table->bounds = (struct row_bounds){.no_nul_value = true};
	l->prepared = 0;
	find_place(l, table, &place);
	verdict = check_indexes(l, &place);
	if (verdict == DB_OK)
		verdict = find_columns(l, &place, lacking);
	return verdict == DB_OK ? odbc_try_events(db, lacking) : verdict;
}

/* The tables whose names begin as those do, or, with `schema`, theirs. */
static enum db_verdict
list(struct link *l, const struct place *p, const char *first,
    struct buf *names, unsigned *count, char schema[256])
{
	enum { SCHEMA = 2, NAME };
	size_t len = strlen(first), plain = strcspn(first, "%\\");
	char pattern[DB_TABLE_MAX + 2], name[256];
	SQLRETURN rc;

	/* A driver may know no way to mean just that sign: we look at it. */
	(void)snprintf(pattern, sizeof(pattern), "%.*s%%", (int)plain, first);
	(void)SQLFreeStmt(
	    l->statement, SQL_RESET_PARAMS); /* forgets, at most */
	rc = SQLTables(l->statement, p->catalog, SQL_NTS, p->schema, SQL_NTS,
	    (SQLCHAR *)pattern, SQL_NTS, (SQLCHAR *)"TABLE", SQL_NTS);
	*count = 0;
	while (
	    SQL_SUCCEEDED(rc) && SQL_SUCCEEDED(rc = SQLFetch(l->statement))) {
		if (schema != NULL)
			(void)get_text(l, SCHEMA, schema, 256);
		(void)get_text(l, NAME, name, sizeof(name));
		if (strncmp(name, first, len) != 0 ||
		    (schema != NULL && name[len] != '\0'))
			continue;
		if (++*count > NAMES_MOST)
			return odbc_refused(l, DB_SCHEMA,
			    "too many tables have names as --table makes them");
		if (names != NULL &&
		    ((*p->qualifier != '\0' &&
			 buf_printf(names, "%s.", p->qualifier) < 0) ||
			buf_append(names, name, strlen(name) + 1) < 0))
			return db_no_memory(&l->db);
	}
	return end_question(l, rc, "SQLTables");
}

/*
 * A name without a place is meant where the session is. Its catalog can be
 * asked for; its schema is taken to be that of the ledger, if there is one.
 */
enum db_verdict
odbc_list(struct db *db, const char *first, struct buf *names)
{
	const char *ledger = db->config->ledger;
	struct link *l = odbc_of(db);
	char catalog[256] = "", schema[256] = "";
	enum db_verdict verdict = DB_OK;
	struct place p;
	unsigned count;

	find_place(l, first, &p);
	if (*p.qualifier == '\0' && strchr(ledger, '.') == NULL) {
		(void)SQLGetConnectAttr(l->dbc, SQL_ATTR_CURRENT_CATALOG,
		    catalog, sizeof(catalog), NULL);
		if (*catalog != '\0')
			p.catalog = (SQLCHAR *)catalog;
		verdict = list(l, &p, ledger, NULL, &count, schema);
		if (count == 1 && *schema != '\0')
			p.schema = (SQLCHAR *)schema;
	}
	return verdict == DB_OK
		   ? list(l, &p, (char *)p.name, names, &count, NULL)
		   : verdict;
}
