/*
 * mysql_table.c - the tables of MySQL or MariaDB, and quoting.
 */
#include <stdio.h>
#include <string.h>

#include "mysql_own.h"
#include "log.h"

/*
 * Quoting. Under utf8mb4 no byte of a longer character equals one of these,
 * so text can be quoted byte by byte.
 */

int
mysql_quote_name(struct buf *b, const char *name, size_t len)
{
	if (buf_append(b, "`", 1) < 0)
		return -1;
	for (size_t i = 0; i < len; i++) {
		if (name[i] == '`' && buf_append(b, "`", 1) < 0)
			return -1;
		if (buf_append(b, name + i, 1) < 0)
			return -1;
	}
	return buf_append(b, "`", 1);
}

int
mysql_quote_table(struct buf *b, const char *name)
{
	const char *dot = strchr(name, '.');

	if (dot != NULL) {
		if (mysql_quote_name(b, name, (size_t)(dot - name)) < 0 ||
		    buf_append(b, ".", 1) < 0)
			return -1;
		name = dot + 1;
	}
	return mysql_quote_name(b, name, strlen(name));
}

int
mysql_quote_text(struct buf *b, const char *text, size_t len)
{
	char *out;

	if (buf_reserve(b, 2 * len + 2) < 0)
		return -1;
	out = b->data + b->len;
	*out++ = '\'';
	for (size_t i = 0; i < len; i++) {
		if (text[i] == '\'' || text[i] == '\\')
			*out++ = '\\';
		else if (text[i] == '\0') {
			*out++ = '\\';
			*out++ = '0';
			continue;
		}
		*out++ = text[i];
	}
	*out++ = '\'';
	b->len = (size_t)(out - b->data);
	return 0;
}

/*
 * Statements
 */

static int
put_type(struct buf *b, const struct column *c)
{
	static const char *const types[] = {[COLUMN_BIGINT] = "BIGINT",
	    [COLUMN_DOUBLE] = "DOUBLE",
	    [COLUMN_BOOLEAN] = "BOOLEAN",
	    [COLUMN_DATETIME] = "DATETIME(6)"};

	if (c->type == COLUMN_VARCHAR)
		return buf_printf(b, " VARCHAR(%u) NULL", c->width);
	return buf_printf(b, " %s NULL", types[c->type]);
}

/* INDEX (`a`, `b`) for "a,b". */
static int
put_index(struct buf *b, const char *names)
{
	const char *before = "";

	if (buf_printf(b, ",\n  INDEX (") < 0)
		return -1;
	for (;;) {
		size_t n = strcspn(names, ",");

		if (buf_printf(b, "%s", before) < 0 ||
		    mysql_quote_name(b, names, n) < 0)
			return -1;
		if (names[n] == '\0')
			return buf_printf(b, ")");
		names += n + 1;
		before = ", ";
	}
}

static int
put_ledger(struct buf *b, const struct db_config *c)
{
	if (buf_printf(b, "CREATE TABLE IF NOT EXISTS ") < 0 ||
	    mysql_quote_table(b, c->ledger) < 0)
		return -1;
	return buf_printf(b,
	    " (\n"
	    "  id BIGINT UNSIGNED NOT NULL AUTO_INCREMENT PRIMARY KEY,\n"
	    "  name VARCHAR(255) CHARACTER SET utf8mb4 COLLATE utf8mb4_bin\n"
	    "    NOT NULL UNIQUE,\n"
	    "  bytes BIGINT UNSIGNED NOT NULL,\n"
	    "  events BIGINT UNSIGNED NOT NULL,\n"
	    "  rejected BIGINT UNSIGNED NOT NULL,\n"
	    "  torn BIGINT UNSIGNED NOT NULL,\n"
	    "  progress BIGINT UNSIGNED NOT NULL,\n"
	    "  `lines` BIGINT UNSIGNED NOT NULL,\n"
	    "  started_at DATETIME(6) NOT NULL,\n"
	    "  loaded_at DATETIME(6) NULL\n"
	    ") ENGINE=InnoDB DEFAULT CHARSET=utf8mb4");
}

static int
put_logs(struct buf *b, const struct db_config *c)
{
	if (buf_printf(b, "CREATE TABLE IF NOT EXISTS ") < 0 ||
	    mysql_quote_table(b, c->table) < 0 ||
	    buf_printf(b, " (\n"
			  "  received_at DATETIME(6) NOT NULL,\n"
			  "  file_id BIGINT UNSIGNED NOT NULL,\n"
			  "  line BIGINT UNSIGNED NOT NULL,\n") < 0)
		return -1;
	for (unsigned i = 0; i < c->columns->count; i++) {
		const struct column *column = &c->columns->list[i];

		if (buf_printf(b, "  ") < 0 ||
		    mysql_quote_name(b, column->name, strlen(column->name)) <
			0 ||
		    put_type(b, column) < 0 || buf_printf(b, ",\n") < 0)
			return -1;
	}
	if (buf_printf(b, "  payload JSON NOT NULL,\n"
			  "  PRIMARY KEY (received_at, file_id, line)") < 0)
		return -1;
	for (unsigned i = 0; i < c->indexes->count; i++) {
		if (put_index(b, c->indexes->items[i]) < 0)
			return -1;
	}
	return buf_printf(b, "\n) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4");
}

int
db_mysql_schema(const struct db_config *c, struct buf *b)
{
	if (put_ledger(b, c) < 0 || buf_printf(b, ";\n\n") < 0 ||
	    put_logs(b, c) < 0)
		return -1;
	return buf_printf(b, ";\n");
}

/*
 * Making and checking
 */

/* Asks first: making needs a right that one who only loads need not have. */
static enum db_verdict
make_table(struct mysql_db *m, const char *name,
    int (*put)(struct buf *, const struct db_config *))
{
	enum db_verdict verdict;
	MYSQL_RES *result;

	m->sql.len = 0;
	if (buf_printf(&m->sql, "SELECT 1 FROM ") < 0 ||
	    mysql_quote_table(&m->sql, name) < 0 ||
	    buf_printf(&m->sql, " LIMIT 0") < 0)
		return mysql_no_memory(m);
	verdict = mysql_ask(m, m->sql.data, m->sql.len, &result);
	if (verdict == DB_OK) {
		mysql_free_result(result);
		return DB_OK;
	}
	if (m->db.error.code != SERVER_NO_SUCH_TABLE)
		return verdict;
	m->sql.len = 0;
	if (put(&m->sql, m->config) < 0)
		return mysql_no_memory(m);
	verdict = mysql_run(m, m->sql.data, m->sql.len);
	if (verdict == DB_OK)
		log_info("made the table %s", name);
	/* What one event may cause, a table's definition may not. */
	return verdict == DB_EVENT ? DB_SCHEMA : verdict;
}

/* Appends a comparison of a table's name with the rows of the schema. */
static int
put_place(struct buf *b, const char *name)
{
	const char *dot = strchr(name, '.');

	if (buf_printf(b, "(t.table_schema=") < 0)
		return -1;
	if (dot == NULL) {
		if (buf_printf(b, "DATABASE()") < 0)
			return -1;
	} else if (mysql_quote_text(b, name, (size_t)(dot - name)) < 0) {
		return -1;
	}
	name = dot == NULL ? name : dot + 1;
	if (buf_printf(b, " AND t.table_name=") < 0 ||
	    mysql_quote_text(b, name, strlen(name)) < 0)
		return -1;
	return buf_printf(b, ")");
}

/* Without transactions a crash would leave half a file in the table. */
static enum db_verdict
check_engines(struct mysql_db *m)
{
	enum db_verdict verdict;
	MYSQL_RES *result;
	MYSQL_ROW row;

	m->sql.len = 0;
	if (buf_printf(&m->sql,
		"SELECT t.table_name, t.engine FROM information_schema.tables "
		"t "
		"JOIN information_schema.engines e ON e.engine=t.engine "
		"WHERE e.transactions='NO' AND (") < 0 ||
	    put_place(&m->sql, m->config->table) < 0 ||
	    buf_printf(&m->sql, " OR ") < 0 ||
	    put_place(&m->sql, m->config->ledger) < 0 ||
	    buf_printf(&m->sql, ")") < 0)
		return mysql_no_memory(m);
	verdict = mysql_ask(m, m->sql.data, m->sql.len, &result);
	if (verdict != DB_OK)
		return verdict;
	row = mysql_fetch_row(result);
	if (row != NULL) {
		(void)error_set(&m->db.error,
		    "the table %s has the engine %s, which has no "
		    "transactions; make it InnoDB",
		    row[0], row[1]);
		verdict = DB_SCHEMA;
	}
	mysql_free_result(result);
	return verdict;
}

enum db_verdict
mysql_prepare_tables(struct mysql_db *m)
{
	enum db_verdict verdict;

	if (m->config->look_only)
		return DB_OK;
	verdict = make_table(m, m->config->ledger, put_ledger);
	if (verdict == DB_OK)
		verdict = make_table(m, m->config->table, put_logs);
	if (verdict == DB_OK)
		verdict = check_engines(m);
	/* Autocommit is off: the probes have begun a transaction. */
	if (verdict == DB_OK)
		verdict = mysql_run_text(m, "COMMIT");
	return verdict;
}
