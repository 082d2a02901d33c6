/*
 * sql.c - see sql.h.
 *
 * In UTF-8 no byte of a longer character equals one of those looked for, so
 * text can be quoted byte by byte.
 */
#include <string.h>

#include "sql.h"

int
sql_put_name(
    struct buf *b, const struct db_dialect *d, const char *name, size_t len)
{
	if (buf_append(b, &d->name_quote, 1) < 0)
		return -1;
	for (size_t i = 0; i < len; i++) {
		if (name[i] == d->name_quote &&
		    buf_append(b, &d->name_quote, 1) < 0)
			return -1;
		if (buf_append(b, name + i, 1) < 0)
			return -1;
	}
	return buf_append(b, &d->name_quote, 1);
}

int
sql_put_table(struct buf *b, const struct db_dialect *d, const char *name)
{
	const char *dot = strchr(name, '.');

	if (dot != NULL) {
		if (sql_put_name(b, d, name, (size_t)(dot - name)) < 0 ||
		    buf_append(b, ".", 1) < 0)
			return -1;
		name = dot + 1;
	}
	return sql_put_name(b, d, name, strlen(name));
}

int
sql_put_text(
    struct buf *b, const struct db_dialect *d, const char *text, size_t len)
{
	if (buf_append(b, "'", 1) < 0)
		return -1;
	for (size_t i = 0; i < len; i++) {
		if (strchr(d->escaped, text[i]) != NULL &&
		    buf_append(b, "\\", 1) < 0)
			return -1;
		if (text[i] == '\'' && buf_append(b, "'", 1) < 0)
			return -1;
		if (buf_append(b, text + i, 1) < 0)
			return -1;
	}
	return buf_append(b, "'", 1);
}

int
sql_put_instant(struct buf *b, const struct db_dialect *d, const char *column)
{
	const char *form = d->instant == NULL ? "%s" : d->instant;
	const char *place = strstr(form, "%s");

	return buf_printf(
	    b, "%.*s%s%s", (int)(place - form), form, column, place + 2);
}

static int
put_grant(struct buf *b, const struct db_config *c, const char *rights,
    const char *table)
{
	const struct db_dialect *d = &c->driver->dialect;

	if (buf_printf(b, "GRANT %s ON ", rights) < 0)
		return -1;
	if (c->database != NULL && strchr(table, '.') == NULL &&
	    (sql_put_name(b, d, c->database, strlen(c->database)) < 0 ||
		buf_printf(b, ".") < 0))
		return -1;
	return sql_put_table(b, d, table) < 0 ? -1 : buf_printf(b, " TO ...");
}

int
sql_put_grants(struct buf *b, const struct db_config *c)
{
	return put_grant(b, c, "SELECT, INSERT", c->table) < 0 ||
		       buf_printf(b, "; ") < 0 ||
		       put_grant(b, c, "SELECT, INSERT, UPDATE", c->ledger) < 0
		   ? -1
		   : 0;
}

int
sql_put_columns(
    struct buf *b, const struct db_dialect *d, const struct columns *columns)
{
	if (buf_printf(b, "received_at, file_id, line, ") < 0)
		return -1;
	for (unsigned i = 0; i < columns->count; i++) {
		const char *name = columns->list[i].name;

		if (sql_put_name(b, d, name, strlen(name)) < 0 ||
		    buf_append(b, ", ", 2) < 0)
			return -1;
	}
	return buf_append(b, "payload", 7);
}

int
sql_put_ledger_columns(struct buf *b, const struct db_dialect *d, bool old)
{
	if (buf_printf(
		b, "id, name, bytes, events, rejected, torn, progress, ") < 0 ||
	    sql_put_name(b, d, "lines", 5) < 0 ||
	    buf_printf(b, ", loaded_at") < 0)
		return -1;
	if (old)
		return 0;
	if (buf_printf(b, ", ") < 0 || sql_put_name(b, d, "table", 5) < 0)
		return -1;
	return buf_printf(b, ", sha256");
}

int
sql_put_insert(
    struct buf *b, const struct db_config *c, const char *verb, unsigned rows)
{
	const struct db_dialect *d = &c->driver->dialect;
	unsigned values = c->columns->count + 4;

	if (buf_printf(b, "%s INTO ", verb) < 0 ||
	    sql_put_table(b, d, c->table) < 0 || buf_printf(b, " (") < 0 ||
	    sql_put_columns(b, d, c->columns) < 0 ||
	    buf_printf(b, ") VALUES ") < 0)
		return -1;
	for (unsigned i = 0; i < rows * values; i++) {
		const char *mark = i == 0            ? "(?"
				   : i % values == 0 ? "),(?"
						     : ",?";

		if (buf_append(b, mark, strlen(mark)) < 0)
			return -1;
	}
	return buf_append(b, ")", 1);
}

char *
sql_put_digits(char *out, uint64_t n)
{
	char digits[20];
	int count = 0;

	do {
		digits[count++] = (char)('0' + n % 10);
	} while ((n /= 10) > 0);
	while (count > 0)
		*out++ = digits[--count];
	return out;
}
