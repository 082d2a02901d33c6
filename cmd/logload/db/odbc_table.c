/*
 * odbc_table.c - what a driver tells of a table: its unique indexes, and its
 * columns.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "odbc_link.h"

/* A field of an answer, as text; "" where it has none. */
static const char *
get_text(struct link *l, SQLUSMALLINT number, char *text, size_t size)
{
	*text = '\0';
	(void)SQLGetData(
	    l->statement, number, SQL_C_CHAR, text, (SQLLEN)size, NULL);
	return text;
}

static bool
is_key(const struct columns *columns, const char *name)
{
	for (int i = 0; i < 3; i++) {
		if (strcasecmp(columns->fixed[i], name) == 0)
			return true;
	}
	return false;
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

/* Has a unique index the rows' key for its first three columns? */
static enum db_verdict
find_own_key(struct link *l, const struct place *p)
{
	enum { ORDINAL = 8, COLUMN, FILTER = 13 };
	char text[256], place[16], filter[16];
	unsigned found = 0;
	SQLRETURN rc;

	(void)SQLFreeStmt(l->statement, SQL_RESET_PARAMS);
	rc = SQLStatistics(l->statement, p->catalog, SQL_NTS, p->schema,
	    SQL_NTS, p->name, SQL_NTS, SQL_INDEX_UNIQUE, SQL_QUICK);
	l->db.table->own_key = false;
	while (
	    SQL_SUCCEEDED(rc) && SQL_SUCCEEDED(rc = SQLFetch(l->statement))) {
		long ordinal = strtol(
		    get_text(l, ORDINAL, place, sizeof(place)), NULL, 10);

		found = ordinal == 1 ? 0 : found;
		(void)get_text(l, COLUMN, text, sizeof(text));
		(void)get_text(l, FILTER, filter, sizeof(filter));
		if (ordinal <= 3 && *filter == '\0' &&
		    is_key(l->db.config->columns, text) && ++found == 3)
			l->db.table->own_key = true;
	}
	return end_question(l, rc, "SQLStatistics");
}

/*
 * How many characters have the columns? Some drivers tell a number of what has
 * no limit, too. The names are patterns, so others' may be among the answers.
 */
static enum db_verdict
find_widths(struct link *l, const struct place *p)
{
	enum { TABLE = 3, COLUMN, TYPE, SIZE = 7 };
	const struct columns *columns = l->db.config->columns;
	char table[256], name[256], type[16], size[16];
	SQLRETURN rc;

	memset(l->db.table->widths, 0, sizeof(l->db.table->widths));
	rc = SQLColumns(l->statement, p->catalog, SQL_NTS, p->schema, SQL_NTS,
	    p->name, SQL_NTS, NULL, 0);
	while (
	    SQL_SUCCEEDED(rc) && SQL_SUCCEEDED(rc = SQLFetch(l->statement))) {
		long number;

		(void)get_text(l, TABLE, table, sizeof(table));
		(void)get_text(l, COLUMN, name, sizeof(name));
		number =
		    strtol(get_text(l, TYPE, type, sizeof(type)), NULL, 10);
		(void)get_text(l, SIZE, size, sizeof(size));
		if (strcasecmp(table, (char *)p->name) != 0 ||
		    (number != SQL_CHAR && number != SQL_VARCHAR &&
			number != SQL_WCHAR && number != SQL_WVARCHAR))
			continue;
		for (unsigned i = 0; i < columns->count; i++) {
			if (strcasecmp(columns->list[i].name, name) == 0)
				l->db.table->widths[i] =
				    (unsigned)strtoul(size, NULL, 10);
		}
	}
	return end_question(l, rc, "SQLColumns");
}

enum db_verdict
odbc_check(struct db *db, const char *table)
{
	struct link *l = odbc_of(db);
	enum db_verdict verdict;
	struct place place;

	if (table == db->config->ledger)
		return odbc_try_ledger(db);
	db->table->bounds = (struct row_bounds){.no_nul_value = true};
	l->prepared = 0;
	find_place(l, table, &place);
	verdict = find_own_key(l, &place);
	if (verdict == DB_OK)
		verdict = find_widths(l, &place);
	return verdict == DB_OK ? odbc_try_events(db) : verdict;
}
