/*
 * mysql_check.c - are the tables, in MySQL or MariaDB, such that no event can
 * be lost or doubled in them? They may come from a restore, a migration or an
 * operator's hand, and what they lack is not seen while loading.
 */
#include <string.h>

#include "mysql_own.h"
#include "sql.h"

/* The columns that have a condition and an answer: "COLUMN as TYPE, NEED". */
#define COLUMNS \
	"SELECT CONCAT('has the column ', column_name, ' as ', column_type, " \
	"COALESCE(CONCAT(' COLLATE ', collation_name), ''), '; it has to be " \
	"', " \
	"CASE column_name WHEN 'received_at' THEN 'DATETIME(6)' " \
	"WHEN 'name' THEN 'VARCHAR(255) COLLATE utf8mb4_bin' " \
	"WHEN 'table' THEN 'VARCHAR(129)' WHEN 'sha256' THEN 'VARCHAR(64)' " \
	"ELSE 'BIGINT UNSIGNED' END) FROM information_schema.columns WHERE "
#define NO_BIGINT "COALESCE(numeric_precision - numeric_scale, 0) < 19"

/*
 * Each asks for what is wrong, in words to follow "the table NAME"; an answer
 * of no row, or NULL, is none. What says which table stands between the two.
 */
static const struct question {
	bool ledger, events; /* of which table */
	const char *front, *back;
} questions[] = {
    /* Without transactions a crash would leave half a file there. */
    {true, true,
	"SELECT CASE WHEN table_type LIKE '%VIEW' THEN "
	"'is a view; the table itself has to be named' "
	"WHEN (SELECT transactions FROM information_schema.engines e "
	"WHERE e.engine=t.engine)='NO' THEN CONCAT('has the engine ', engine, "
	"', which has no transactions; make it InnoDB') END "
	"FROM information_schema.tables t WHERE ",
	""},
    /* Two names that are equal would be one file. */
    {true, false, COLUMNS,
	" AND ((column_name IN ('id', 'bytes', 'events', 'rejected', 'torn', "
	"'progress', 'lines') AND " NO_BIGINT ") OR "
	"(column_name='name' AND RIGHT(collation_name, 4)<>'_bin') OR "
	"character_maximum_length < CASE column_name WHEN 'name' THEN 255 "
	"WHEN 'table' THEN 129 WHEN 'sha256' THEN 64 END) LIMIT 1"},
    /* One name with two lines would be two files. */
    {true, false,
	"SELECT CONCAT('has no unique key of the column ', "
	"IF(SUM(k='name') > 0, 'id', 'name'), ', whole and alone') FROM "
	"(SELECT MIN(column_name) k FROM information_schema.statistics WHERE "
	"non_unique=0 AND ",
	" GROUP BY index_name HAVING COUNT(*)=1 AND COUNT(sub_part)=0) u "
	"HAVING COALESCE(SUM(k='name')=0 OR SUM(k='id')=0, TRUE)"},
    /* Rounded, a key would be another event's. */
    {false, true, COLUMNS,
	" AND ((column_name IN ('file_id', 'line') AND " NO_BIGINT ") OR "
	"(column_name='received_at' AND COALESCE(datetime_precision, "
	"character_maximum_length, 0) < 6)) LIMIT 1"},
};

static enum db_verdict
ask(struct db *db, const struct question *q, const char *table,
    struct db_answer *answer)
{
	const struct db_dialect *d = &db->driver->dialect;
	const char *dot = strchr(table, '.');
	const char *name = dot == NULL ? table : dot + 1;
	struct buf *b = &db->sql;

	b->len = 0;
	if (buf_printf(b, "%stable_name=", q->front) < 0 ||
	    sql_put_text(b, d, name, strlen(name)) < 0 ||
	    buf_printf(b, " AND table_schema=") < 0 ||
	    (dot == NULL
		    ? buf_printf(b, "DATABASE()")
		    : sql_put_text(b, d, table, (size_t)(dot - table))) < 0 ||
	    buf_printf(b, "%s", q->back) < 0)
		return db_no_memory(db);
	return db->driver->ask(db, b->data, b->len, answer);
}

enum db_verdict
mysql_check(struct db *db, const char *table)
{
	bool ledger = table == db->config->ledger;

	for (size_t i = 0; i < sizeof(questions) / sizeof(*questions); i++) {
		const struct question *q = &questions[i];
		enum db_verdict verdict;
		struct db_answer answer;

		if (!(ledger ? q->ledger : q->events))
			continue;
		verdict = ask(db, q, table, &answer);
		if (verdict != DB_OK)
			return verdict;
		if (answer.fields[0] == NULL)
			continue;
		(void)error_set(
		    &db->error, "the table %s %s", table, answer.fields[0]);
		db->cause = DB_CAUSE_OTHER;
		return DB_SCHEMA;
	}
	return ledger ? DB_OK : mysql_learn(db, table);
}
