/*
 * mysql_partitions.c - partitions of MySQL and MariaDB.
 *
 * A range begins where the one below it ends, so the lowest one takes all that
 * is older: it is made for that, as p_past, and others are split off it. An
 * ALTER TABLE copies the rows of what it splits, so that is done only where
 * they are few. It waits for a lock that all who use the table have until their
 * transaction ends, and whoever comes then waits behind it.
 */
#include <stdlib.h>
#include <string.h>

#include "mysql_errors.h"
#include "mysql_own.h"
#include "partitions.h"
#include "sql.h"

#define SPLIT_ROWS "10000" /* as many are copied soon */
#define PAST "p_past"
#define FUTURE "p_future"
#define DAYS "TO_DAYS(%s)" /* forms of a bound */
#define SECONDS "UNIX_TIMESTAMP(%s)"

/* LESS THAN the instant, or all that there are. */
static int
put_part(struct buf *b, const struct db_dialect *d, const char *form,
    const char *name, const char *to)
{
	const char *place = strstr(form, "%s");
	int len = DB_INSTANT_LEN;

	if (buf_printf(b, "PARTITION ") < 0 ||
	    sql_put_name(b, d, name, strlen(name)) < 0)
		return -1;
	if (to[0] == DB_EVER[0])
		return buf_printf(b, " VALUES LESS THAN (MAXVALUE)");
	if (strstr(to, ".000000") != NULL)
		len -= 7;
	return buf_printf(b, " VALUES LESS THAN (%.*s'%.*s'%s)",
	    (int)(place - form), form, len, to, place + 2);
}

static int
put_parts(struct buf *b, const struct db_config *c, const char *form,
    const struct db_partition *parts, unsigned count, const char *between)
{
	for (unsigned i = 0; i < count; i++) {
		char name[PARTITION_NAME_LEN + 1];

		partition_name((enum db_period)c->period, parts[i].from, name);
		if (buf_printf(b, "%s", between) < 0 ||
		    put_part(b, &c->driver->dialect, form, name, parts[i].to) <
			0)
			return -1;
		between = ",\n  ";
	}
	return 0;
}

static int
put_clause(struct buf *b, const struct db_config *c,
    const struct db_partition *parts, unsigned count)
{
	const struct db_dialect *d = &c->driver->dialect;

	if (sql_put_form(b, c,
		"\nPARTITION BY RANGE COLUMNS (<received_at>) (\n  ") < 0 ||
	    put_part(b, d, "%s", PAST, parts[0].from) < 0 ||
	    put_parts(b, c, "%s", parts, count, ",\n  ") < 0 ||
	    (c->catch_all && (buf_printf(b, ",\n  ") < 0 ||
				 put_part(b, d, "%s", FUTURE, DB_EVER) < 0)))
		return -1;
	return buf_printf(b, "\n)");
}

static int
put_list(struct buf *b, const struct db_config *c, const char *table)
{
	static const char front[] =
	    "SELECT MIN(form), GROUP_CONCAT(CONCAT('\t', CASE "
	    "WHEN d='MAXVALUE' THEN '" DB_EVER "' ELSE DATE_FORMAT(CASE form "
	    "WHEN '%s' THEN CAST(TRIM(BOTH '''' FROM d) AS DATETIME(6)) "
	    "WHEN '" DAYS "' THEN FROM_DAYS(d) ELSE FROM_UNIXTIME(d) END, "
	    "'%Y-%m-%d %H:%i:%s.%f') END, '\t', n) ORDER BY o SEPARATOR '\n') "
	    "FROM (SELECT DISTINCT partition_name n, "
	    "partition_ordinal_position o, partition_description d, "
	    "CASE LOWER(CONCAT(partition_method, ' ', partition_expression)) "
	    "WHEN LOWER(CONCAT('RANGE COLUMNS `', {received_at}, '`')) "
	    "THEN '%s' "
	    "WHEN LOWER(CONCAT('RANGE to_days(`', {received_at}, '`)')) "
	    "THEN '" DAYS "' "
	    "WHEN LOWER(CONCAT('RANGE unix_timestamp(`', {received_at}, '`)')) "
	    "THEN '" SECONDS "' END form "
	    "FROM information_schema.partitions WHERE table_name=";
	const struct db_dialect *d = &c->driver->dialect;
	const char *dot = strchr(table, '.');
	const char *name = dot == NULL ? table : dot + 1;

	if (sql_put_form(b, c, front) < 0 ||
	    sql_put_text(b, d, name, strlen(name)) < 0 ||
	    buf_printf(b, " AND table_schema=") < 0 ||
	    (dot == NULL
		    ? buf_printf(b, "DATABASE()")
		    : sql_put_text(b, d, table, (size_t)(dot - table))) < 0)
		return -1;
	return buf_printf(b, ") p WHERE form IS NOT NULL");
}

enum db_verdict
mysql_hasten(struct db *db, bool on)
{
	const char *sql = on ? "SET SESSION lock_wait_timeout=3, "
			       "innodb_lock_wait_timeout=3"
			     : "SET SESSION lock_wait_timeout=DEFAULT, "
			       "innodb_lock_wait_timeout=DEFAULT";

	((struct mysql *)db)->hasty = on;
	return db->driver->run(db, sql, strlen(sql));
}

/* ALTER TABLE, for whose lock others are waited for, but not for long. */
static enum db_verdict
alter(struct db *db, const struct buf *sql)
{
	bool hasty = ((struct mysql *)db)->hasty;
	enum db_verdict verdict = hasty ? DB_OK : mysql_hasten(db, true);
	struct error said;
	enum db_cause cause;

	if (verdict == DB_OK)
		verdict = db->driver->run(db, sql->data, sql->len);
	said = db->error;
	cause = db->cause;
	if (verdict != DB_PASSING && !hasty && mysql_hasten(db, false) != DB_OK)
		return DB_PASSING;
	db->error = said;
	db->cause = cause;
	/* No rows are stored by it. */
	return verdict == DB_REFUSED ? DB_SCHEMA : verdict;
}

static int
put_alter(struct buf *b, const struct db *db, const char *table)
{
	return buf_printf(b, "ALTER TABLE ") < 0
		   ? -1
		   : sql_put_table(b, &db->driver->dialect, table);
}

/* Splits them off `over`, which keeps the rest of its range. */
static int
put_split(struct buf *b, const struct db *db, const struct db_partition *parts,
    unsigned count, const struct db_partition *over)
{
	const struct db_dialect *d = &db->driver->dialect;
	const char *form = db->table->partitions.form, *name = over->name;
	bool past = over->from[0] == '\0', future = over->to[0] == DB_EVER[0];

	if (buf_printf(b, " REORGANIZE PARTITION ") < 0 ||
	    sql_put_name(b, d, name, strlen(name)) < 0 ||
	    buf_printf(b, " INTO (") < 0)
		return -1;
	/* Its own name may be that of one of them, if others were dropped. */
	if (past && put_part(b, d, form, PAST, parts[0].from) < 0)
		return -1;
	if (put_parts(b, db->config, form, parts, count, past ? ", " : "") < 0)
		return -1;
	if (future && (buf_printf(b, ", ") < 0 ||
			  put_part(b, d, form, name, DB_EVER) < 0))
		return -1;
	return buf_printf(b, ")");
}

static int
put_add(struct buf *b, const struct db *db, const char *table,
    const struct db_partition *parts, unsigned count,
    const struct db_partition *over)
{
	const struct db_dialect *d = &db->driver->dialect;
	const char *form = db->table->partitions.form;

	if (put_alter(b, db, table) < 0)
		return -1;
	if (over != NULL)
		return put_split(b, db, parts, count, over);
	if (buf_printf(b, " ADD PARTITION (") < 0 ||
	    (count == 0 ? put_part(b, d, form, FUTURE, DB_EVER)
			: put_parts(b, db->config, form, parts, count, "")) < 0)
		return -1;
	return buf_printf(b, ")");
}

/* Are there few rows to be copied? */
static enum db_verdict
check_few(struct db *db, const char *table, const struct db_partition *over,
    const struct buf *statement)
{
	const struct db_dialect *d = &db->driver->dialect;
	struct buf *b = &db->sql;
	enum db_verdict verdict;
	struct db_answer answer;

	b->len = 0;
	if (buf_printf(
		b, "SELECT COUNT(*)>" SPLIT_ROWS " FROM (SELECT 1 FROM ") < 0 ||
	    sql_put_table(b, d, table) < 0 ||
	    buf_printf(b, " PARTITION (") < 0 ||
	    sql_put_name(b, d, over->name, strlen(over->name)) < 0 ||
	    buf_printf(b, ") LIMIT 10001) few") < 0)
		return db_no_memory(db);
	verdict = db->driver->ask(db, b->data, b->len, &answer);
	if (verdict == DB_REFUSED)
		return DB_SCHEMA;
	if (verdict != DB_OK || strcmp(answer.fields[0], "0") == 0)
		return verdict;
	(void)error_set(&db->error,
	    "the partition %s, which has that, has over " SPLIT_ROWS
	    " rows; to "
	    "split it, which locks the table, run when it suits: %.*s",
	    over->name, statement->len > 300 ? 300 : (int)statement->len,
	    statement->data);
	db->cause = DB_CAUSE_OTHER;
	return DB_REFUSED;
}

static enum db_verdict
add(struct db *db, const char *table, const struct db_partition *parts,
    unsigned count, const struct db_partition *over)
{
	enum db_verdict verdict = DB_OK;
	struct buf sql = {0};

	if (db->config->period == DB_PERIOD_HOUR &&
	    strcmp(db->table->partitions.form, DAYS) == 0) {
		(void)error_set(&db->error,
		    "the table %s is in partitions by days, and has none for "
		    "an hour (see --partition)",
		    table);
		db->cause = DB_CAUSE_OTHER;
		return DB_SCHEMA;
	}
	if (put_add(&sql, db, table, parts, count, over) < 0)
		verdict = db_no_memory(db);
	if (verdict == DB_OK && over != NULL)
		verdict = check_few(db, table, over, &sql);
	/* What was asked has begun a transaction. */
	if (verdict == DB_OK)
		verdict = db->driver->run(db, "ROLLBACK", 8);
	if (verdict == DB_OK)
		verdict = alter(db, &sql);
	buf_release(&sql);
	return verdict;
}

static enum db_verdict
drop(struct db *db, const char *table, const struct db_partition *part)
{
	const struct db_dialect *d = &db->driver->dialect;
	struct buf *b = &db->sql;
	int rc = -1;

	b->len = 0;
	if (part == NULL)
		rc = sql_put_drop(b, d, table);
	else if (put_alter(b, db, table) == 0 &&
		 buf_printf(b, " DROP PARTITION ") == 0)
		rc = sql_put_name(b, d, part->name, strlen(part->name));
	return rc < 0 ? db_no_memory(db) : alter(db, b);
}

const struct db_partitioning mysql_partitioning = {
    .contiguous = true,
    .rights = ", ALTER, CREATE, DROP",
    .drop_rights = ", DROP",
    .put_clause = put_clause,
    .put_list = put_list,
    .add = add,
    .drop = drop,
};
