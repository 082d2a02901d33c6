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

/*
 * The parameters of a row are received_at, file_id, line, and the others.
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

/* The payload, and what is as long, may be more than a VARCHAR holds. */
static bool
bind(struct link *l, unsigned number, unsigned param, char *value, size_t width,
    SQLLEN *len)
{
	const struct columns *columns = l->db.config->columns;
	bool payload = columns_has_payload(columns) &&
		       param + 1 == columns_values(columns);

	return SQL_SUCCEEDED(SQLBindParameter(l->insert,
	    (SQLUSMALLINT)(number + 1), SQL_PARAM_INPUT, SQL_C_CHAR,
	    payload || width > 4000 ? SQL_LONGVARCHAR : SQL_VARCHAR, width, 0,
	    value, (SQLLEN)width, len));
}

/* So many rows have the parameters, if these are arrays. */
static bool
set_rows(struct link *l, unsigned count)
{
	return SQL_SUCCEEDED(SQLSetStmtAttr(l->insert, SQL_ATTR_PARAMSET_SIZE,
	    odbc_number(l->way == ARRAYS ? count : 1), 0));
}

/* A row by itself goes from where it lies: it may be large. */
static bool
bind_row(struct link *l, const struct batch *b, unsigned row)
{
	bool good = set_rows(l, 1);

	l->rows = 0;
	for (unsigned i = 0; i < b->text_count + 2 && good; i++) {
		const char *value =
		    value_of(b, i, row, l->digits[i == 2], &l->lens[i]);

		good = bind(
		    l, i, i, (char *)value, widest(b, i, row, 1), &l->lens[i]);
	}
	return good;
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

static bool
make_cells(struct link *l, const struct batch *b, unsigned from, unsigned count)
{
	unsigned params = b->text_count + 2;
	SQLLEN *len = l->lens;
	size_t size = 0;
	char *cell;
	bool good;

	l->rows = 0;
	for (unsigned i = 0; i < params; i++) {
		size_t most = widest(b, i, from, count);

		l->widths[i] = most + most / 4; /* soon all will fit */
		size += count * l->widths[i];
	}
	l->cells.len = 0;
	if (buf_reserve(&l->cells, size) < 0)
		return false;
	good = set_rows(l, count);
	cell = l->cells.data;
	for (unsigned i = 0; i < params; i++) {
		for (unsigned row = 0; row < count && good; row++) {
			if (row == 0 || l->way != ARRAYS)
				good = bind(l, row * params + i, i, cell,
				    l->widths[i], len);
			cell += l->widths[i];
			len++;
		}
	}
	if (good)
		l->rows = count;
	return good;
}

static bool
fill_cells(struct link *l, const struct batch *b, unsigned from, unsigned count)
{
	SQLLEN *len = l->lens;
	char *cell;

	if (!cells_fit(l, b, from, count) && !make_cells(l, b, from, count))
		return false;
	cell = l->cells.data;
	for (unsigned i = 0; i < b->text_count + 2; i++) {
		for (unsigned row = from; row < from + count; row++) {
			const char *value =
			    value_of(b, i, row, l->digits[0], len);

			if (*len > 0)
				memcpy(cell, value, (size_t)*len);
			cell += l->widths[i];
			len++;
		}
	}
	return true;
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
	if (!(count == 1 ? bind_row(l, b, from)
			 : fill_cells(l, b, from, count)))
		return odbc_failed(l, SQL_HANDLE_STMT, l->insert, "bind");
	rc = SQLExecute(l->insert);
	if (rc == SQL_SUCCESS_WITH_INFO)
		verdict = odbc_heed(l, l->insert);
	else if (rc != SQL_SUCCESS && rc != SQL_NO_DATA)
		verdict = odbc_failed(l, SQL_HANDLE_STMT, l->insert, NULL);
	if (verdict == DB_OK)
		verdict = odbc_count_rows(l, l->insert, NULL, stored);
	(void)SQLFreeStmt(l->insert, SQL_CLOSE); /* forgets, at most */
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

/*
 * Which of the columns may be cut, a bit each: by its blanks alone a value is
 * longer than its column, as the driver tells it?
 */
static uint32_t
may_be_cut(
    const struct link *l, const struct batch *b, unsigned from, unsigned count)
{
	uint32_t bits = 0;

	for (unsigned i = 0; i < l->db.config->columns->count; i++) {
		unsigned width = l->db.table->widths[i];

		for (unsigned row = from; row < from + count && width > 0;
		     row++) {
			if (batch_has_blanks_beyond(
				&b->texts[i + 1], row, width))
				bits |= UINT32_C(1) << i;
		}
	}
	return bits;
}

/* Puts another end to such values of a row; its bytes are the batch's own. */
static void
put_end(const struct batch *b, unsigned row, uint32_t columns, char end)
{
	for (unsigned i = 1; columns != 0; i++, columns >>= 1) {
		const struct batch_texts *t = &b->texts[i];
		size_t at = (size_t)(t->text[row] - b->bytes.data);

		if ((columns & 1) != 0)
			b->bytes.data[at + t->len[row] - 1] = end;
	}
}

/* Is such a row refused, if it does not end in blanks? It is taken back. */
static enum db_verdict
try_uncut(struct link *l, const struct batch *b, unsigned row, uint32_t columns)
{
	enum db_verdict verdict = odbc_set_savepoint(l);
	bool another, stored;

	put_end(b, row, columns, '.');
	if (verdict == DB_OK)
		verdict = insert_some(l, b, row, 1, &another);
	put_end(b, row, columns, ' ');
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
	uint32_t cut;
	bool another;

	if (count == 1 && l->alone.losses >= LOSSES_MOST &&
	    l->alone.file_id == b->file_id[from] &&
	    l->alone.line == b->line[from])
		return odbc_refused(l, DB_REFUSED,
		    "the connection is lost whenever this row is sent");
	cut = may_be_cut(l, b, from, count);
	if (cut != 0) {
		verdict = count > 1
			      ? odbc_refused(l, DB_REFUSED, "blanks too many")
			      : try_uncut(l, b, from, cut);
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
