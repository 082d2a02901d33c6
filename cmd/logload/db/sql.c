/*
 * sql.c - see sql.h.
 *
 * In UTF-8 no byte of a longer character equals one of those looked for, so
 * text can be quoted byte by byte.
 */
#include <stdio.h>
#include <string.h>

#include "../row/types.h"
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

int
sql_put_drop(struct buf *b, const struct db_dialect *d, const char *table)
{
	return buf_printf(b, "DROP TABLE ") < 0 ? -1
						: sql_put_table(b, d, table);
}

int
sql_put_nth(struct buf *b, const struct db_dialect *d, unsigned n)
{
	const char *place = strstr(d->nth, "%u");

	return buf_printf(
	    b, "%.*s%u%s", (int)(place - d->nth), d->nth, n, place + 2);
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

/* On a table of events, for DDL other than to make it. */
static const char *
ddl_rights(const struct db *db)
{
	const struct db_config *c = db->config;
	const struct db_partitioning *of = c->driver->partitioning;
	bool dated = c->table_most > 0 && strchr(c->table, '%') != NULL;

	if (of == NULL)
		return "";
	if (c->period != DB_PERIOD_NONE ||
	    (c->retain_ns > 0 && db->table->partitions.any))
		return of->rights;
	return c->retain_ns > 0 && dated ? of->drop_rights : "";
}

int
sql_put_grants(struct buf *b, const struct db *db)
{
	const struct db_config *c = db->config;
	const char *expires = c->retain_ns > 0 ? ", DELETE" : "";
	char rights[80];

	(void)snprintf(rights, sizeof(rights), "SELECT, INSERT%s%s", expires,
	    ddl_rights(db));
	if (put_grant(b, c, rights, db->table->name) < 0 ||
	    buf_printf(b, "; ") < 0)
		return -1;
	(void)snprintf(
	    rights, sizeof(rights), "SELECT, INSERT, UPDATE%s", expires);
	return put_grant(b, c, rights, c->ledger);
}

int
sql_put_columns(
    struct buf *b, const struct db_dialect *d, const struct columns *columns)
{
	const char *payload = columns->fixed[COLUMN_PAYLOAD];

	for (int i = 0; i < COLUMN_PAYLOAD; i++) {
		const char *name = columns->fixed[i];

		if (buf_append(b, ", ", i > 0 ? 2 : 0) < 0 ||
		    sql_put_name(b, d, name, strlen(name)) < 0)
			return -1;
	}
	for (unsigned i = 0; i < columns->count; i++) {
		const char *name = columns->list[i].name;

		if (buf_append(b, ", ", 2) < 0 ||
		    sql_put_name(b, d, name, strlen(name)) < 0)
			return -1;
	}
	if (!columns_has_payload(columns))
		return 0;
	return buf_append(b, ", ", 2) < 0
		   ? -1
		   : sql_put_name(b, d, payload, strlen(payload));
}

static int
put_type(struct buf *b, const struct db_dialect *d, const char *name,
    const char *type)
{
	if (buf_printf(b, " WHEN ") < 0 ||
	    sql_put_text(b, d, name, strlen(name)) < 0 ||
	    buf_printf(b, " THEN ") < 0)
		return -1;
	return sql_put_text(b, d, type, strlen(type));
}

static int
put_types(struct buf *b, const struct db_config *c)
{
	const struct db_dialect *d = &c->driver->dialect;

	for (int i = 0; i < COLUMNS_FIXED; i++) {
		if (put_type(b, d, c->columns->fixed[i],
			columns_fixed((enum column_fixed)i)) < 0)
			return -1;
	}
	for (unsigned i = 0; i < c->columns->count; i++) {
		const struct column *column = &c->columns->list[i];
		char type[40];

		(void)snprintf(type, sizeof(type),
		    column->type == COLUMN_DECIMAL ? "%s %u" : "%s",
		    type_word(column->type), column->scale);
		if (put_type(b, d, column->name, type) < 0)
			return -1;
	}
	return 0;
}

/* , 'name', … */
static int
put_names(struct buf *b, const struct db_config *c)
{
	const struct db_dialect *d = &c->driver->dialect;

	for (unsigned i = 0; i < c->columns->count; i++) {
		const char *name = c->columns->list[i].name;

		if (buf_append(b, ", ", 2) < 0 ||
		    sql_put_text(b, d, name, strlen(name)) < 0)
			return -1;
	}
	return 0;
}

/* SELECT NULL w UNION ALL SELECT 'column,column' … */
static int
put_uniques(struct buf *b, const struct db_config *c)
{
	if (buf_printf(b, "SELECT NULL w") < 0)
		return -1;
	for (unsigned i = 0; i < c->uniques->count; i++) {
		const char *names = c->uniques->items[i];

		if (buf_printf(b, " UNION ALL SELECT ") < 0 ||
		    sql_put_text(b, &c->driver->dialect, names, strlen(names)) <
			0)
			return -1;
	}
	return 0;
}

static const struct {
	const char *word;
	int (*put)(struct buf *, const struct db_config *);
} lists[] = {
    {"types", put_types}, {"columns", put_names}, {"uniques", put_uniques}};

/* Is it that word, between these? */
static bool
is_between(const char *p, char open, const char *word, char close)
{
	size_t len = strlen(word);

	return *p == open && strncmp(p + 1, word, len) == 0 &&
	       p[1 + len] == close;
}

/* Which one is named there, between <> or {}, or COLUMNS_FIXED. */
static enum column_fixed
find_fixed(const char *p)
{
	int i = 0;

	for (; i < COLUMNS_FIXED; i++) {
		const char *word = columns_fixed((enum column_fixed)i);

		if (is_between(p, '<', word, '>') ||
		    is_between(p, '{', word, '}'))
			break;
	}
	return (enum column_fixed)i;
}

int
sql_put_form(struct buf *b, const struct db_config *c, const char *form)
{
	const struct db_dialect *d = &c->driver->dialect;
	size_t count = sizeof(lists) / sizeof(lists[0]);
	int rc = 0;

	for (const char *p = form; *p != '\0' && rc == 0; p++) {
		enum column_fixed which = find_fixed(p);
		size_t i = 0;

		while (i < count && !is_between(p, '{', lists[i].word, '}'))
			i++;
		if (which < COLUMNS_FIXED) {
			const char *name = c->columns->fixed[which];
			size_t len = strlen(name);

			rc = *p == '<' ? sql_put_name(b, d, name, len)
				       : sql_put_text(b, d, name, len);
			p += strlen(columns_fixed(which)) + 1;
		} else if (i < count) {
			rc = lists[i].put(b, c);
			p += strlen(lists[i].word) + 1;
		} else {
			rc = buf_append(b, p, 1);
		}
	}
	return rc;
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
    struct buf *b, const struct db *db, const char *verb, unsigned rows)
{
	const struct db_config *c = db->config;
	const struct db_dialect *d = &c->driver->dialect;
	unsigned values = columns_values(c->columns);

	if (buf_printf(b, "%s INTO ", verb) < 0 ||
	    sql_put_table(b, d, db->table->name) < 0 ||
	    buf_printf(b, " (") < 0 || sql_put_columns(b, d, c->columns) < 0 ||
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
