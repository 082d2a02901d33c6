/*
 * mysql_learn.c - what is asked of the table of events, in MySQL or MariaDB,
 * beside whether it is sound: has it the rows' own key, and what JSON does it
 * not take? That depends on the version, and has changed within one.
 */
#include <stdio.h>
#include <string.h>

#include "json.h"
#include "mysql_own.h"
#include "sql.h"

/* WHERE t.NAME=… AND t.SCHEMA=… */
static int
put_where(struct buf *b, const struct db_dialect *d, const char *table,
    const char *column, const char *schema)
{
	const char *dot = strchr(table, '.');
	const char *name = dot == NULL ? table : dot + 1;

	if (buf_printf(b, " WHERE t.%s=", column) < 0 ||
	    sql_put_text(b, d, name, strlen(name)) < 0 ||
	    buf_printf(b, " AND t.%s=", schema) < 0)
		return -1;
	return dot == NULL ? buf_printf(b, "DATABASE()")
			   : sql_put_text(b, d, table, (size_t)(dot - table));
}

/*
 * Has it a unique index that begins with the rows' own key, and if so, one that
 * begins with the instant? Else to look for a batch's rows takes too long.
 */
static enum db_verdict
find_own_key(struct db *db, const char *table)
{
	enum db_verdict verdict;
	struct db_answer answer;
	struct buf *b = &db->sql;

	b->len = 0;
	if (buf_printf(b, "SELECT SUM(t.seq_in_index=1 AND "
			  "t.column_name='received_at') by_time "
			  "FROM information_schema.statistics t") < 0 ||
	    put_where(b, &db->driver->dialect, table, "table_name",
		"table_schema") < 0 ||
	    buf_printf(b, " AND t.non_unique=0 AND t.seq_in_index<=3 AND "
			  "t.column_name IN ('received_at','file_id','line') "
			  "GROUP BY t.index_name HAVING COUNT(*)=3 "
			  "ORDER BY by_time DESC LIMIT 1") < 0)
		return db_no_memory(db);
	verdict = db->driver->ask(db, b->data, b->len, &answer);
	db->own_key = verdict == DB_OK && answer.found;
	((struct mysql *)db)->can_sift =
	    db->own_key && strcmp(answer.fields[0], "1") == 0;
	return verdict;
}

/*
 * Does something else happen at an INSERT? What a trigger has done for a row
 * that is then passed over stays, and it may change the rows' own key.
 */
static enum db_verdict
find_triggers(struct db *db, const char *table)
{
	enum db_verdict verdict;
	struct db_answer answer;
	struct buf *b = &db->sql;

	b->len = 0;
	if (buf_printf(b, "SELECT 1 FROM information_schema.triggers t") < 0 ||
	    put_where(b, &db->driver->dialect, table, "event_object_table",
		"event_object_schema") < 0 ||
	    buf_printf(b, " AND t.event_manipulation='INSERT' LIMIT 1") < 0)
		return db_no_memory(db);
	verdict = db->driver->ask(db, b->data, b->len, &answer);
	if (verdict == DB_OK && answer.found)
		((struct mysql *)db)->can_sift = false;
	return verdict;
}

/* Is the payload checked to be JSON: by its type, or, on MariaDB, a CHECK? */
static enum db_verdict
find_json_check(struct db *db, const char *table, bool *found)
{
	const struct db_dialect *d = &db->driver->dialect;
	enum db_verdict verdict;
	struct db_answer answer;
	struct buf *b = &db->sql;

	b->len = 0;
	if (buf_printf(b, "SELECT 1 FROM information_schema.columns t") < 0 ||
	    put_where(b, d, table, "table_name", "table_schema") < 0 ||
	    buf_printf(b, " AND t.column_name='payload' AND "
			  "t.data_type='json'") < 0)
		return db_no_memory(db);
	verdict = db->driver->ask(db, b->data, b->len, &answer);
	*found = verdict == DB_OK && answer.found;
	if (verdict != DB_OK || *found)
		return verdict;
	b->len = 0;
	if (buf_printf(b, "SELECT 1 FROM information_schema.check_constraints "
			  "t") < 0 ||
	    put_where(b, d, table, "table_name", "constraint_schema") < 0 ||
	    buf_printf(b, " AND t.check_clause LIKE "
			  "'%%json_valid(`payload`)%%'") < 0)
		return db_no_memory(db);
	verdict = db->driver->ask(db, b->data, b->len, &answer);
	*found = verdict == DB_OK && answer.found;
	/* MySQL's list does not tell the tables. */
	return verdict == DB_PASSING ? verdict : DB_OK;
}

/* Would the server take it? Too deep is an error to MySQL. */
static enum db_verdict
ask_json(struct mysql *m, const char *sql, bool *valid)
{
	uint64_t number = 0;
	enum db_verdict verdict = mysql_ask_number(m, sql, &number);

	*valid = verdict == DB_OK && number == 1;
	return verdict == DB_PASSING ? verdict : DB_OK;
}

/* Of arrays, which take the least; the server may count others higher. */
static enum db_verdict
find_depth(struct mysql *m, unsigned *depth)
{
	unsigned low = 0, high = JSON_DEPTH_MOST + 1;
	enum db_verdict verdict = DB_OK;

	while (verdict == DB_OK && high - low > 1) {
		unsigned middle = (low + high) / 2;
		char sql[128];
		bool valid;

		(void)snprintf(sql, sizeof(sql),
		    "SELECT JSON_VALID(CONCAT(REPEAT('[',%u),REPEAT(']',%u)))",
		    middle, middle);
		verdict = ask_json(m, sql, &valid);
		*(valid ? &low : &high) = middle;
	}
	/* None at all: it does not know the function. */
	*depth = high > JSON_DEPTH_MOST ? 0 : low;
	return verdict;
}

enum db_verdict
mysql_learn(struct db *db, const char *table)
{
	struct mysql *m = (struct mysql *)db;
	struct row_bounds *b = &db->bounds;
	enum db_verdict verdict = find_own_key(db, table);
	bool checked = false, valid;

	memset(b, 0, sizeof(*b));
	if (verdict == DB_OK)
		verdict = find_triggers(db, table);
	if (verdict == DB_OK)
		verdict = find_json_check(db, table, &checked);
	if (verdict != DB_OK || !checked)
		return verdict;
	verdict = find_depth(m, &b->depth);
	if (verdict != DB_OK || b->depth == 0)
		return verdict;
	verdict = ask_json(m, "SELECT JSON_VALID('\"\\\\ud800\"')", &valid);
	b->no_lone_surrogates = !valid;
	if (verdict == DB_OK)
		verdict =
		    ask_json(m, "SELECT JSON_VALID('\"\\\\u0000\"')", &valid);
	b->no_nul = !valid;
	return verdict;
}
