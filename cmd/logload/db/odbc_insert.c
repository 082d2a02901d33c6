/*
 * odbc_insert.c - a batch through ODBC, in statements of many rows, or where
 * these are not taken, in arrays of parameters, or one by one. Few drivers tell
 * which row of many was refused, so nobody is asked.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "log.h"
#include "odbc_link.h"
#include "sql.h"

#define ARRAY_ROWS 2048
#define CELLS_BYTES ((size_t)4 * 1024 * 1024)
#define LOSSES_MOST 3 /* of a session, until a row is to blame */

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

/*
 * Rows. The parameters of one are received_at, file_id, line, and the others.
 */

/* A value, as text; of a number in `digits`. */
static const char *
value_of(const struct batch *b, unsigned param, unsigned row, char digits[20],
    SQLLEN *len)
{
	const struct batch_texts *t;

	if (param == 1 || param == 2) {
		*len = sql_put_digits(digits,
			   param == 1 ? b->file_id[row] : b->line[row]) -
		       digits;
		return digits;
	}
	t = &b->texts[param == 0 ? 0 : param - 2];
	*len = t->null[row] != 0 ? SQL_NULL_DATA : (SQLLEN)t->len[row];
	return t->text[row];
}

/* Of that many rows from there on: the most bytes of a value. */
static size_t
widest(const struct batch *b, unsigned param, unsigned from, unsigned count)
{
	const struct batch_texts *t = &b->texts[param == 0 ? 0 : param - 2];
	size_t most = 1;

	if (param == 1 || param == 2)
		return 20;
	for (unsigned row = from; row < from + count; row++)
		most = t->len[row] > most ? t->len[row] : most;
	return most;
}

/* So many rows from there on go at a time. */
static unsigned
fit(const struct link *l, const struct batch *b, unsigned from, unsigned count)
{
	const unsigned most[] = {
	    (unsigned)(VALUES_PARAMS / ((size_t)b->text_count + 2)), ARRAY_ROWS,
	    1};
	unsigned n = count < most[l->way] ? count : most[l->way];

	for (; n > 1; n /= 2) {
		size_t bytes = 0;

		for (unsigned i = 0; i < b->text_count + 2; i++)
			bytes += widest(b, i, from, n);
		if (bytes * n <= CELLS_BYTES)
			break;
	}
	return n;
}

static enum db_verdict
prepare(struct link *l, unsigned rows)
{
	const struct db_config *c = l->db.config;
	struct buf *b = &l->db.sql;
	enum db_verdict verdict;

	if (l->lens == NULL)
		l->lens = calloc(
		    ARRAY_ROWS * columns_values(c->columns), sizeof(*l->lens));
	if (l->lens == NULL)
		return db_no_memory(&l->db);
	if (l->prepared == rows && strcmp(l->table, l->db.table->name) == 0)
		return DB_OK;
	l->prepared = l->rows = 0;
	b->len = 0;
	(void)SQLFreeStmt(l->insert, SQL_CLOSE);        /* these forget, */
	(void)SQLFreeStmt(l->insert, SQL_RESET_PARAMS); /* at most */
	if (sql_put_insert(b, &l->db, "INSERT", rows) < 0 ||
	    odbc_translate(l, b->data, b->len) < 0)
		return db_no_memory(&l->db);
	if (!SQL_SUCCEEDED(
		SQLPrepare(l->insert, (SQLCHAR *)l->text.data, SQL_NTS))) {
		verdict = odbc_failed(l, SQL_HANDLE_STMT, l->insert, "INSERT");
		return verdict == DB_REFUSED ? DB_SCHEMA : verdict;
	}
	l->prepared = rows;
	memcpy(l->table, l->db.table->name, sizeof(l->table));
	return DB_OK;
}

/*
 * Values are copied into cells: those of a column lie one behind the other, in
 * its width each. So parameters need not be bound anew while all of them fit.
 */
static bool
cells_fit(
    const struct link *l, const struct batch *b, unsigned from, unsigned count)
{
	if (l->rows != count)
		return false;
	for (unsigned i = 0; i < b->text_count + 2; i++) {
		if (widest(b, i, from, count) > l->widths[i])
			return false;
	}
	return true;
}

/* The payload, and what is as long, may be more than a VARCHAR holds. */
static bool
bind(struct link *l, unsigned number, char *value, size_t width, bool payload,
    SQLLEN *len)
{
	return SQL_SUCCEEDED(SQLBindParameter(l->insert,
	    (SQLUSMALLINT)(number + 1), SQL_PARAM_INPUT, SQL_C_CHAR,
	    payload || width > 4000 ? SQL_LONGVARCHAR : SQL_VARCHAR, width, 0,
	    value, (SQLLEN)width, len));
}

static bool
make_cells(struct link *l, const struct batch *b, unsigned from, unsigned count)
{
	unsigned params = b->text_count + 2;
	bool arrays = l->way == ARRAYS;
	bool has_payload = columns_has_payload(l->db.config->columns);
	SQLLEN *len = l->lens;
	size_t size = 0;
	bool good;
	char *cell;

	l->rows = 0;
	for (unsigned i = 0; i < params; i++) {
		size_t most = widest(b, i, from, count);

		/* Soon all will fit. */
		l->widths[i] = count == 1 ? most : most + most / 4;
		size += count * l->widths[i];
	}
	l->cells.len = 0;
	if (buf_reserve(&l->cells, size) < 0)
		return false;
	good = SQL_SUCCEEDED(SQLSetStmtAttr(l->insert, SQL_ATTR_PARAMSET_SIZE,
	    odbc_number(arrays ? count : 1), 0));
	cell = l->cells.data;
	for (unsigned i = 0; i < params; i++) {
		for (unsigned row = 0; row < count && good; row++) {
			if (row == 0 || !arrays)
				good = bind(l, row * params + i, cell,
				    l->widths[i],
				    has_payload && i + 1 == params, len);
			cell += l->widths[i];
			len++;
		}
	}
	if (good)
		l->rows = count;
	return good;
}

/*
 * May a value be cut: by its blanks alone it is longer than its column, as the
 * driver tells it?
 */
static bool
may_be_cut(
    const struct link *l, const struct batch *b, unsigned param, unsigned row)
{
	unsigned i = param - 3; /* of the columns */

	return param > 2 && i < l->db.config->columns->count &&
	       batch_has_blanks_beyond(
		   &b->texts[i + 1], row, l->db.table->widths[i]);
}

static void
fill_cells(struct link *l, const struct batch *b, unsigned from, unsigned count)
{
	char *cell = l->cells.data, digits[20];
	SQLLEN *len = l->lens;

	for (unsigned i = 0; i < b->text_count + 2; i++) {
		for (unsigned row = from; row < from + count; row++) {
			const char *value = value_of(b, i, row, digits, len);

			if (*len > 0)
				memcpy(cell, value, (size_t)*len);
			if (l->uncut && may_be_cut(l, b, i, row))
				cell[*len - 1] = '.';
			cell += l->widths[i];
			len++;
		}
	}
}

/* As the database has it: of what it does not understand, nothing is stored. */
static enum db_verdict
insert(struct link *l, const struct batch *b, unsigned from, unsigned count,
    SQLLEN *stored)
{
	enum db_verdict verdict = prepare(l, l->way == ARRAYS ? 1 : count);
	SQLRETURN rc;

	*stored = -1;
	if (verdict != DB_OK)
		return verdict;
	if (!cells_fit(l, b, from, count) && !make_cells(l, b, from, count))
		return odbc_failed(l, SQL_HANDLE_STMT, l->insert, "bind");
	fill_cells(l, b, from, count);
	rc = SQLExecute(l->insert);
	if (SQL_SUCCEEDED(rc) || rc == SQL_NO_DATA)
		verdict = odbc_count_rows(l, l->insert, NULL, stored);
	else
		verdict = odbc_failed(l, SQL_HANDLE_STMT, l->insert, NULL);
	(void)SQLFreeStmt(l->insert, SQL_CLOSE); /* forgets, at most */
	if (l->cells.cap > 2 * CELLS_BYTES) {
		buf_release(&l->cells);
		l->rows = 0;
	}
	return verdict;
}

/* So many rows are stored, or *another: all are to be, in another way. */
static enum db_verdict
insert_some(struct link *l, const struct batch *b, unsigned from,
    unsigned count, bool *another)
{
	SQLLEN stored;
	enum db_verdict verdict = insert(l, b, from, count, &stored);

	/* Of arrays MariaDB counts what triggers store elsewhere, too. */
	if (verdict == DB_OK &&
	    (stored == count || (l->way == ARRAYS && stored > count)))
		return DB_OK;
	*another =
	    count > 1 && l->way != SINGLY &&
	    (verdict == DB_OK || (verdict == DB_SCHEMA && l->way == VALUES));
	if (verdict != DB_OK)
		return *another ? DB_REFUSED : verdict;
	(void)error_set(&l->db.error,
	    stored < 0 ? "INSERT: the driver does not tell how many rows it "
			 "has stored"
		       : "INSERT stored %lld rows instead of %u: a trigger "
			 "takes them away",
	    (long long)stored, count);
	l->db.cause = DB_CAUSE_OTHER;
	return *another ? DB_REFUSED : DB_SCHEMA;
}

static bool
any_may_be_cut(
    const struct link *l, const struct batch *b, unsigned from, unsigned count)
{
	for (unsigned row = from; row < from + count; row++) {
		for (unsigned i = 0; i < b->text_count + 2; i++) {
			if (may_be_cut(l, b, i, row))
				return true;
		}
	}
	return false;
}

/* Is such a row refused, if it does not end in blanks? It is taken back. */
static enum db_verdict
try_uncut(struct link *l, const struct batch *b, unsigned row)
{
	enum db_verdict verdict = odbc_set_savepoint(l);
	bool another, stored;

	l->uncut = true;
	if (verdict == DB_OK)
		verdict = insert_some(l, b, row, 1, &another);
	l->uncut = false;
	stored = verdict == DB_OK;
	verdict = odbc_end_savepoint(l, stored ? DB_REFUSED : verdict);
	return stored && verdict == DB_REFUSED ? DB_OK : verdict;
}

/* The session is lost: by these rows? */
static void
note_loss(struct link *l, const struct batch *b, unsigned from, unsigned count)
{
	l->losses++;
	if (count > 1)
		return;
	if (l->alone.file_id != b->file_id[from] ||
	    l->alone.line != b->line[from])
		l->alone.losses = 0;
	l->alone.file_id = b->file_id[from];
	l->alone.line = b->line[from];
	l->alone.losses++;
}

enum db_verdict
odbc_store(struct db *db, const struct batch *b, unsigned from, unsigned count)
{
	static const char *const ways[] = {
	    "a statement of many rows", "an array of parameters"};
	struct link *l = odbc_of(db);
	enum db_verdict verdict;
	enum way way;
	bool another;

	if (count == 1 && l->alone.losses >= LOSSES_MOST &&
	    l->alone.file_id == b->file_id[from] &&
	    l->alone.line == b->line[from])
		return odbc_refused(l, DB_REFUSED,
		    "the connection is lost whenever this row is sent");
	if (any_may_be_cut(l, b, from, count)) {
		verdict = count > 1
			      ? odbc_refused(l, DB_REFUSED, "blanks too many")
			      : try_uncut(l, b, from);
		if (verdict != DB_OK)
			return verdict;
	}
	way = l->way;
	do {
		another = false;
		verdict = odbc_set_savepoint(l);
		for (unsigned at = 0, n; at < count && verdict == DB_OK;
		     at += n) {
			n = fit(l, b, from + at, count - at);
			verdict = insert_some(l, b, from + at, n, &another);
		}
		verdict = odbc_end_savepoint(l, verdict);
		l->way += another;
	} while (verdict == DB_REFUSED && another);
	if (verdict == DB_SCHEMA) /* that was not for the way's sake */
		l->way = way;
	for (; way < l->way; way++)
		log_debug("the ODBC driver cannot tell what it has stored of "
			  "%s",
		    ways[way]);
	if (verdict == DB_PASSING)
		note_loss(l, b, from, count);
	return verdict;
}
