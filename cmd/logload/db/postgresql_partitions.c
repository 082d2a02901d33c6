/*
 * postgresql_partitions.c - partitions of PostgreSQL, each a table of its own.
 *
 * One is made by itself and then attached, for which nobody who loads has to
 * end a transaction, as they would for CREATE TABLE … PARTITION OF. Where there
 * is a default one, that is locked and looked through meanwhile: if it has such
 * rows, it keeps them, and those to come.
 */
#include <stdio.h>
#include <string.h>

#include "partitions.h"
#include "postgresql_own.h"
#include "sql.h"

#define NAME_MAX_LEN (DB_TABLE_MAX + PARTITION_NAME_LEN + 2)

static enum db_verdict
run(struct db *db, const char *sql, size_t len)
{
	enum db_verdict verdict = db->driver->run(db, sql, len);

	return verdict == DB_REFUSED ? DB_SCHEMA : verdict;
}

/* The name of the one for that range; NULL: for all else. */
static int
put_name(struct buf *b, const struct db_config *c, const char *table,
    const struct db_partition *part)
{
	char name[PARTITION_NAME_LEN + 1] = PARTITION_ELSE, whole[NAME_MAX_LEN];

	if (part != NULL)
		partition_name((enum db_period)c->period, part->from, name);
	(void)snprintf(whole, sizeof(whole), "%s_%s", table, name);
	return sql_put_table(b, &c->driver->dialect, whole);
}

/* In UTC, whatever the session has. */
static int
put_range(struct buf *b, const struct db_partition *part)
{
	if (part == NULL)
		return buf_printf(b, " DEFAULT");
	return buf_printf(
	    b, " FOR VALUES FROM ('%s+00') TO ('%s+00')", part->from, part->to);
}

static int
put_clause(struct buf *b, const struct db_config *c,
    const struct db_partition *parts, unsigned count)
{
	(void)parts, (void)count;
	return sql_put_form(b, c, " PARTITION BY RANGE (<received_at>)");
}

static int
put_one(struct buf *b, const struct db_config *c, const char *table,
    const struct db_partition *part)
{
	if (buf_printf(b, "CREATE TABLE IF NOT EXISTS ") < 0 ||
	    put_name(b, c, table, part) < 0 ||
	    buf_printf(b, " PARTITION OF ") < 0 ||
	    sql_put_table(b, &c->driver->dialect, table) < 0 ||
	    put_range(b, part) < 0)
		return -1;
	return buf_printf(b, ";\n\n");
}

static int
put_first(struct buf *b, const struct db_config *c, const char *table,
    const struct db_partition *parts, unsigned count)
{
	for (unsigned i = 0; i < count; i++) {
		if (put_one(b, c, table, &parts[i]) < 0)
			return -1;
	}
	return c->catch_all ? put_one(b, c, table, NULL) : 0;
}

static int
put_list(struct buf *b, const struct db_config *c, const char *table)
{
	static const char front[] =
	    "WITH t AS (SELECT p.partrelid FROM pg_partitioned_table p "
	    "JOIN pg_attribute a ON a.attrelid=p.partrelid AND "
	    "a.attnum=p.partattrs[0] WHERE p.partstrat='r' AND p.partnatts=1 "
	    "AND a.attname={received_at} AND p.partrelid=to_regclass(";
	static const char back[] =
	    ")), b AS (SELECT c.oid, pg_get_expr(c.relpartbound, c.oid) bound "
	    "FROM t JOIN pg_inherits i ON i.inhparent=t.partrelid JOIN "
	    "pg_class c ON c.oid=i.inhrelid), "
	    "l AS (SELECT oid, COALESCE(to_char(substring(bound FROM "
	    "'FROM [(]''([^'']*)''')::timestamptz, "
	    "'YYYY-MM-DD HH24:MI:SS.US'), '') low, COALESCE(to_char(substring("
	    "bound FROM 'TO [(]''([^'']*)''')::timestamptz, "
	    "'YYYY-MM-DD HH24:MI:SS.US'), '" DB_EVER "') high FROM b WHERE "
	    "bound IS NOT NULL) "
	    "SELECT (SELECT '' FROM t), string_agg(low||E'\\t'||high||E'\\t'||"
	    "oid::regclass, E'\\n' ORDER BY low) FROM l";
	const struct db_dialect *d = &c->driver->dialect;
	struct buf quoted = {0};
	int rc = 0;

	if (sql_put_table(&quoted, d, table) < 0 ||
	    sql_put_form(b, c, front) < 0 ||
	    sql_put_text(b, d, quoted.data, quoted.len) < 0 ||
	    buf_append(b, back, sizeof(back) - 1) < 0)
		rc = -1;
	buf_release(&quoted);
	return rc;
}

/* So many statements as one transaction, which waits for nobody for long. */
static enum db_verdict
transact(struct db *db, const struct buf *sql)
{
	static const char begin[] =
	    "BEGIN; SET LOCAL lock_timeout='3s'; "
	    "SET LOCAL statement_timeout='30s'; SET LOCAL TimeZone='UTC'";
	enum db_verdict verdict = run(db, begin, sizeof(begin) - 1);

	if (verdict == DB_OK)
		verdict = run(db, sql->data, sql->len);
	/* The session is as it was, when that is over. */
	if (verdict == DB_PASSING &&
	    (db->error.code == postgresql_code("57014") ||
		db->error.code == postgresql_code("55006")))
		return DB_CONFLICT;
	return verdict == DB_OK ? run(db, "COMMIT", 6) : verdict;
}

/* Has the default one such rows? */
static enum db_verdict
check_none(struct db *db, const struct db_partition *part,
    const struct db_partition *over)
{
	struct buf *b = &db->sql;
	enum db_verdict verdict;
	struct db_answer answer;

	b->len = 0;
	if (buf_printf(b, "SELECT 1 FROM %s", over->name) < 0 ||
	    sql_put_form(b, db->config, " WHERE <received_at>>=") < 0 ||
	    buf_printf(b, "'%s+00'", part->from) < 0 ||
	    sql_put_form(b, db->config, " AND <received_at><") < 0 ||
	    buf_printf(b, "'%s+00' LIMIT 1", part->to) < 0)
		return db_no_memory(db);
	verdict = db->driver->ask(db, b->data, b->len, &answer);
	if (verdict != DB_OK || !answer.found)
		return verdict == DB_REFUSED ? DB_SCHEMA : verdict;
	(void)error_set(&db->error,
	    "%s has rows of that time, and goes on to take them", over->name);
	db->cause = DB_CAUSE_OTHER;
	return DB_REFUSED;
}

/* part NULL: the default one. */
static enum db_verdict
add_one(struct db *db, const char *table, const struct db_partition *part)
{
	const struct db_dialect *d = &db->driver->dialect;
	const struct db_config *c = db->config;
	struct buf *b = &db->sql;

	b->len = 0;
	if (buf_printf(b, "CREATE TABLE ") < 0 ||
	    put_name(b, c, table, part) < 0 || buf_printf(b, " (LIKE ") < 0 ||
	    sql_put_table(b, d, table) < 0 ||
	    buf_printf(b, " INCLUDING ALL EXCLUDING IDENTITY); "
			  "ALTER TABLE ") < 0 ||
	    sql_put_table(b, d, table) < 0 ||
	    buf_printf(b, " ATTACH PARTITION ") < 0 ||
	    put_name(b, c, table, part) < 0 || put_range(b, part) < 0)
		return db_no_memory(db);
	return transact(db, b);
}

static enum db_verdict
add(struct db *db, const char *table, const struct db_partition *parts,
    unsigned count, const struct db_partition *over)
{
	enum db_verdict verdict = DB_OK;

	if (count == 0)
		return add_one(db, table, NULL);
	for (unsigned i = 0; i < count && verdict == DB_OK; i++) {
		if (over != NULL)
			verdict = check_none(db, &parts[i], over);
		if (verdict == DB_OK)
			verdict = add_one(db, table, &parts[i]);
	}
	return verdict;
}

static enum db_verdict
drop(struct db *db, const char *table, const struct db_partition *part)
{
	struct buf *b = &db->sql;

	b->len = 0;
	if ((part == NULL ? sql_put_drop(b, &db->driver->dialect, table)
			  : buf_printf(b, "DROP TABLE %s", part->name)) < 0)
		return db_no_memory(db);
	return transact(db, b);
}

const struct db_partitioning postgresql_partitioning = {
    .rights = "",
    .drop_rights = "",
    .put_clause = put_clause,
    .put_first = put_first,
    .put_list = put_list,
    .add = add,
    .drop = drop,
};
