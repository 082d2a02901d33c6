/*
 * mysql_check.c - are the tables, in MySQL or MariaDB, such that no event can
 * be lost or doubled in them? They may come from a restore, a migration or an
 * operator's hand, and what they lack is not seen while loading.
 *
 * And of the table of events: has it the rows' own key, and what JSON does it
 * not take? That depends on the version, and has changed within one.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "json.h"
#include "mysql_own.h"
#include "sql.h"

/* Of a table: which one stands between the two texts. */
struct question {
	const char *front, *back;
	const char *name, *schema; /* columns; NULL: as most have them */
	bool ledger, events;       /* of `needs`: of which table */
};

/* The columns that have a condition and an answer: "COLUMN as TYPE, NEED". */
#define COLUMNS \
	"SELECT CONCAT('has the column ', column_name, ' as ', column_type, " \
	"COALESCE(CONCAT(' COLLATE ', collation_name), ''), '; it has to be " \
	"', " \
	"CASE column_name " \
	"WHEN 'name' THEN 'VARCHAR(255) COLLATE utf8mb4_bin' " \
	"WHEN 'table' THEN 'VARCHAR(129)' WHEN 'sha256' THEN 'VARCHAR(64)' " \
	"ELSE 'BIGINT UNSIGNED' END) FROM information_schema.columns WHERE "
#define NO_BIGINT "COALESCE(numeric_precision - numeric_scale, 0) < 19"

/*
 * Each asks for what is wrong, in words to follow "the table NAME"; an answer
 * of no row, or NULL, is none.
 */
static const struct question needs[] = {
    /* Without transactions a crash would leave half a file there. */
    {.ledger = true,
	.events = true,
	.front = "SELECT CASE WHEN table_type LIKE '%VIEW' THEN "
		 "'is a view; the table itself has to be named' "
		 "WHEN (SELECT transactions FROM information_schema.engines e "
		 "WHERE e.engine=t.engine)='NO' THEN CONCAT('has the engine ', "
		 "engine, ', which has no transactions; make it InnoDB') END "
		 "FROM information_schema.tables t WHERE ",
	.back = ""},
    /* Two names that are equal would be one file. */
    {.ledger = true,
	.front = COLUMNS,
	.back =
	    " AND ((column_name IN ('id', 'bytes', 'events', 'rejected', "
	    "'torn', 'progress', 'lines') AND " NO_BIGINT ") OR "
	    "(column_name='name' AND RIGHT(collation_name, 4)<>'_bin') OR "
	    "character_maximum_length < CASE column_name WHEN 'name' THEN 255 "
	    "WHEN 'table' THEN 129 WHEN 'sha256' THEN 64 END) LIMIT 1"},
    /* One name with two lines would be two files. */
    {.ledger = true,
	.front =
	    "SELECT CONCAT('has no unique key of the column ', "
	    "IF(SUM(k='name') > 0, 'id', 'name'), ', whole and alone') FROM "
	    "(SELECT MIN(column_name) k FROM information_schema.statistics "
	    "WHERE non_unique=0 AND ",
	.back = " GROUP BY index_name HAVING COUNT(*)=1 AND "
		"COUNT(sub_part)=0) u "
		"HAVING COALESCE(SUM(k='name')=0 OR SUM(k='id')=0, TRUE)"},
    /*
     * Rounded, a key would be another event's; and no other value is rounded
     * without being asked for, which not even a strict sql_mode minds.
     */
    {.events = true,
	.front =
	    "SELECT CONCAT('has the column ', column_name, ' as ', "
	    "column_type, '; it has to be ', need) FROM "
	    "(SELECT column_name, column_type, CASE "
	    "WHEN our IS NOT NULL AND extra LIKE '% GENERATED%' THEN "
	    "'one that is not generated' "
	    "WHEN our IN ('file_id', 'line') AND " NO_BIGINT
	    " THEN 'BIGINT UNSIGNED' "
	    "WHEN our IN ('received_at', 'timestamp') AND (data_type='time' OR "
	    "CASE WHEN character_maximum_length IS NULL THEN "
	    "COALESCE(datetime_precision, 0) < 6 "
	    "ELSE character_maximum_length < 26 END) THEN 'DATETIME(6)' "
	    "WHEN our='double' AND (numeric_scale IS NOT NULL AND "
	    "data_type<>'double' OR data_type IN ('float', 'bit')) "
	    "THEN 'DOUBLE' "
	    "WHEN our LIKE 'decimal %' AND (data_type IN ('float', 'double', "
	    "'bit') OR numeric_scale < SUBSTRING(our, 9)) THEN "
	    "'a DECIMAL with as many digits' "
	    "WHEN our IN ('int', 'bigint', 'unsigned') AND (data_type='float' "
	    "OR data_type='double' AND our<>'int') OR our IN ('int', "
	    "'bigint', 'unsigned', 'bool') AND data_type='bit' "
	    "THEN 'a whole number' "
	    "WHEN our<>'timestamp' AND our<>'received_at' AND data_type IN "
	    "('date', 'time', 'datetime', 'timestamp', 'year') THEN "
	    "'no date or time' "
	    "WHEN our IN ('text', 'json', 'ip', 'uuid', 'payload') AND "
	    "(numeric_precision IS NOT NULL OR data_type='bit') "
	    "THEN 'a text' END need "
	    "FROM (SELECT c.*, CASE column_name {types} END our FROM "
	    "information_schema.columns c WHERE ",
	.back = ") c) n WHERE need IS NOT NULL LIMIT 1"},
    {.events = true,
	.front = "SELECT CONCAT('has the column ', column_name, ', which is "
		 "NOT NULL, has no default, and gets no value; see --column') "
		 "FROM information_schema.columns WHERE ",
	.back = " AND is_nullable='NO' AND column_default IS NULL AND "
		"extra NOT LIKE '%auto_increment%' AND "
		"extra NOT LIKE '%GENERATED%' AND "
		"CASE column_name {types} END IS NULL LIMIT 1"},
    {.events = true,
	.front = "SELECT CONCAT('has no unique key of ', w, ', which --unique "
		 "asks for') FROM ({uniques}) need WHERE w IS NOT NULL AND NOT "
		 "EXISTS (SELECT 1 FROM information_schema.statistics WHERE ",
	.back = " AND non_unique=0 GROUP BY index_name HAVING COUNT(*)="
		"LENGTH(w)-LENGTH(REPLACE(w, ',', ''))+1 AND "
		"SUM(FIND_IN_SET(column_name, w)=0)=0 AND COUNT(sub_part)=0) "
		"LIMIT 1"},
};

static const struct question own_keys = {
    .front = "SELECT SUM(seq_in_index=1 AND column_name={received_at}) by_time "
	     "FROM information_schema.statistics WHERE ",
    .back = " AND non_unique=0 AND seq_in_index<=3 AND "
	    "column_name IN ({received_at}, {file_id}, {line}) GROUP BY "
	    "index_name HAVING COUNT(*)=3 ORDER BY by_time DESC LIMIT 1"};
static const struct question triggers = {
    .front = "SELECT 1 FROM information_schema.triggers WHERE ",
    .back = " AND event_manipulation='INSERT' LIMIT 1",
    .name = "event_object_table",
    .schema = "event_object_schema"};
/*
 * Places in the list of our columns, the first being 2, and their widths: that
 * of a TEXT counts bytes, in the column's own character set. Where these are
 * neither ours nor characters it is not known. LONGTEXT has more than any
 * event.
 */
#define OF_CHARACTERS "data_type IN ('varchar', 'char')"
#define OF_OUR_BYTES "character_set_name LIKE 'utf8%'"
static const struct question widths = {
    .front = "SELECT GROUP_CONCAT(FIELD(column_name, NULL{columns}), ' ', "
	     "character_maximum_length+IF(" OF_CHARACTERS
	     " OR NOT " OF_OUR_BYTES ", 0, 2147483648) SEPARATOR ' ') FROM "
	     "information_schema.columns WHERE ",
    .back = " AND (" OF_CHARACTERS " OR data_type LIKE '%text' AND "
	    "data_type<>'longtext' AND (" OF_OUR_BYTES
	    " OR character_set_name IN (SELECT character_set_name FROM "
	    "information_schema.character_sets WHERE maxlen=1)))"};
_Static_assert(BATCH_BYTES_WIDE == 2147483648, "as that question has it");
static const struct question json_type = {
    .front = "SELECT 1 FROM information_schema.columns WHERE ",
    .back = " AND column_name={payload} AND data_type='json'"};
static const struct question json_checks = {
    .front = "SELECT 1 FROM information_schema.check_constraints WHERE ",
    .back = " AND check_clause LIKE CONCAT('%json_valid(`', {payload}, '`)%')",
    .schema = "constraint_schema"};

static enum db_verdict
ask(struct db *db, const struct question *q, const char *table,
    struct db_answer *answer)
{
	const struct db_dialect *d = &db->driver->dialect;
	const char *dot = strchr(table, '.');
	const char *name = dot == NULL ? table : dot + 1;
	struct buf *b = &db->sql;

	b->len = 0;
	if (sql_put_form(b, db->config, q->front) < 0 ||
	    buf_printf(b, "%s=", q->name != NULL ? q->name : "table_name") <
		0 ||
	    sql_put_text(b, d, name, strlen(name)) < 0 ||
	    buf_printf(b, " AND %s=",
		q->schema != NULL ? q->schema : "table_schema") < 0 ||
	    (dot == NULL
		    ? buf_printf(b, "DATABASE()")
		    : sql_put_text(b, d, table, (size_t)(dot - table))) < 0 ||
	    sql_put_form(b, db->config, q->back) < 0)
		return db_no_memory(db);
	return db->driver->ask(db, b->data, b->len, answer);
}

/* Is there any such row? */
static enum db_verdict
find(struct db *db, const struct question *q, const char *table, bool *found)
{
	struct db_answer answer;
	enum db_verdict verdict = ask(db, q, table, &answer);

	*found = verdict == DB_OK && answer.found;
	return verdict;
}

/*
 * Has it a unique index that begins with the rows' own key, and if so, one that
 * begins with the instant? Else to look for a batch's rows takes too long.
 */
static enum db_verdict
find_own_key(struct db *db, const char *table)
{
	struct db_answer answer;
	enum db_verdict verdict = ask(db, &own_keys, table, &answer);

	db->table->own_key = verdict == DB_OK && answer.found;
	db->table->can_sift =
	    db->table->own_key && strcmp(answer.fields[0], "1") == 0;
	return verdict;
}

/*
 * Does something else happen at an INSERT? What a trigger has done for a row
 * that is then passed over stays, and it may change the rows' own key.
 */
static enum db_verdict
find_triggers(struct db *db, const char *table)
{
	bool any;
	enum db_verdict verdict = find(db, &triggers, table, &any);

	if (any)
		db->table->can_sift = false;
	return verdict;
}

/* How wide are the columns that cut what is too long, if that is blanks? */
static enum db_verdict
find_widths(struct db *db, const char *table)
{
	struct db_answer answer;
	enum db_verdict verdict = ask(db, &widths, table, &answer);
	const char *text = verdict == DB_OK ? answer.fields[0] : NULL;
	char *p = (char *)(text == NULL ? "" : text);

	while (*p != '\0') {
		unsigned long place = strtoul(p, &p, 10);
		unsigned long width = strtoul(p, &p, 10);

		if (place > 1 && place - 2 < COLUMNS_MAX)
			db->table->bounds.widths[place - 2] = (unsigned)width;
	}
	return verdict;
}

/* Is the payload checked to be JSON: by its type, or, on MariaDB, a CHECK? */
static enum db_verdict
find_json_check(struct db *db, const char *table, bool *found)
{
	enum db_verdict verdict = find(db, &json_type, table, found);

	if (verdict != DB_OK || *found)
		return verdict;
	verdict = find(db, &json_checks, table, found);
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

static enum db_verdict
learn(struct db *db, const char *table)
{
	struct mysql *m = (struct mysql *)db;
	struct row_bounds *b = &db->table->bounds;
	enum db_verdict verdict = find_own_key(db, table);
	bool checked = false, valid;

	memset(b, 0, sizeof(*b));
	if (verdict == DB_OK)
		verdict = find_triggers(db, table);
	if (verdict == DB_OK)
		verdict = find_widths(db, table);
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

enum db_verdict
mysql_check(struct db *db, const char *table)
{
	bool ledger = table == db->config->ledger;

	for (size_t i = 0; i < sizeof(needs) / sizeof(*needs); i++) {
		enum db_verdict verdict;
		struct db_answer answer;

		if (!(ledger ? needs[i].ledger : needs[i].events))
			continue;
		verdict = ask(db, &needs[i], table, &answer);
		if (verdict != DB_OK)
			return verdict;
		if (answer.fields[0] == NULL)
			continue;
		(void)error_set(
		    &db->error, "the table %s %s", table, answer.fields[0]);
		db->cause = DB_CAUSE_OTHER;
		return DB_SCHEMA;
	}
	return ledger ? DB_OK : learn(db, table);
}
