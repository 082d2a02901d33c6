/*
 * sqlite_check.c - is a table, in SQLite, such that no event can be lost,
 * doubled or changed in it?
 */
#include <string.h>

#include "sql.h"
#include "sqlite_own.h"

/* Rounded, or not taken, a key would be another event's, or nobody's. */
#define COLUMNS(integers, texts) \
	"SELECT 'has the column '||name||' as '||type||'; it has to be " \
	"'||want " \
	"FROM (SELECT name, upper(type) type, CASE " \
	"WHEN name COLLATE NOCASE IN (" integers ") THEN 'INTEGER' " \
	"WHEN name COLLATE NOCASE IN (" texts ") THEN 'TEXT' END want " \
	"FROM pragma_table_info(?1)) " \
	"WHERE (want='INTEGER' AND type NOT LIKE '%INT%') OR " \
	"(want='TEXT' AND type IN ('INT', 'INTEGER', 'REAL', 'BLOB'))"

/*
 * Each asks for what is wrong with the table ?1, in words to follow "the table
 * NAME"; an answer of no row is none.
 */
static const struct question {
	bool ledger, events; /* of which table */
	const char *sql;
} questions[] = {
    {true, true,
	"SELECT 'is a '||type||'; the table itself has to be named' "
	"FROM pragma_table_list(?1) WHERE type<>'table'"},
    {true, false,
	COLUMNS("'id', 'bytes', 'events', 'rejected', 'torn', 'progress', "
		"'lines'",
	    "'name', 'table', 'sha256', 'started_at', 'loaded_at'")},
    /*
     * What a column's affinity does to a text that looks like a number, and a
     * STRICT table to any other.
     */
    {false, true,
	"SELECT 'has the column '||name||' as '||type||'; it has to be '||want "
	"FROM (SELECT name, type, CASE "
	"WHEN our IN ('file_id', 'line') AND type NOT LIKE '%INT%' THEN "
	"'INTEGER' "
	"WHEN our NOT IN ('file_id', 'line', 'int', 'bigint', 'unsigned', "
	"'bool', 'double') AND type IN ('INT', 'INTEGER', 'REAL', 'BLOB') THEN "
	"'TEXT' "
	"WHEN (our='text' OR our LIKE 'decimal %') AND NOT (type LIKE '%CHAR%' "
	"OR type LIKE '%CLOB%' OR type LIKE '%TEXT%' OR type IN ('', 'ANY')) "
	"THEN 'TEXT' "
	"WHEN our IN ('int', 'bigint', 'unsigned') AND (type LIKE '%REAL%' OR "
	"type LIKE '%FLOA%' OR type LIKE '%DOUB%' OR type='BLOB') THEN "
	"'INTEGER' "
	"WHEN our='double' AND type IN ('INT', 'INTEGER', 'BLOB') THEN 'REAL' "
	"END want FROM (SELECT name, upper(type) type, CASE name COLLATE "
	"NOCASE {types} END our FROM pragma_table_info(?1))) "
	"WHERE want IS NOT NULL"},
    {false, true,
	"SELECT 'has the column '||name||', which is NOT NULL, has no default, "
	"and gets no value; see --column' FROM pragma_table_info(?1) WHERE "
	"\"notnull\" AND dflt_value IS NULL AND NOT (pk=1 AND "
	"upper(type)='INTEGER') AND CASE name COLLATE NOCASE {types} END IS "
	"NULL"},
    {false, true,
	"SELECT 'has no unique key of '||w||', which --unique asks for' FROM "
	"({uniques}) WHERE w IS NOT NULL AND NOT EXISTS (SELECT 1 FROM "
	"pragma_index_list(?1) i WHERE \"unique\" AND NOT partial AND "
	"(SELECT COUNT(*)=length(w)-length(replace(w, ',', ''))+1 AND "
	"SUM(instr(','||lower(w)||',', ','||lower(name)||',')=0)=0 FROM "
	"pragma_index_xinfo(i.name) WHERE key))"},
    /* One name with two lines would be two files; two equal names one. */
    {true, false,
	"SELECT 'has no unique key of the column '||wanted||', whole, alone "
	"and compared byte by byte' "
	"FROM (SELECT 'name' wanted UNION ALL SELECT 'id') WHERE NOT EXISTS "
	"(SELECT 1 FROM pragma_index_list(?1) i WHERE \"unique\" AND NOT "
	"partial AND (SELECT group_concat(name||' '||coll) FROM "
	"pragma_index_xinfo(i.name) WHERE key) COLLATE NOCASE="
	"wanted||' BINARY') AND NOT (wanted='id' AND (SELECT "
	"group_concat(name) FROM pragma_table_info(?1) WHERE pk) "
	"COLLATE NOCASE IS 'id')"},
    {true, false,
	"SELECT 'says ON CONFLICT, which would hide that a line is there' "
	"FROM sqlite_schema WHERE type='table' AND name=?1 COLLATE NOCASE AND "
	"sql LIKE '%ON%CONFLICT%'"},
};

/* The question, of the table of that name. */
static enum db_verdict
ask(struct db *db, const char *form, const char *name, struct db_answer *answer)
{
	struct buf *b = &db->sql;

	b->len = 0;
	if (sql_put_form(b, db->config, form) < 0)
		return db_no_memory(db);
	return sqlite_ask(db, b->data, b->len, name, answer);
}

enum db_verdict
sqlite_check(struct db *db, const char *table)
{
	static const char own_key[] =
	    "SELECT 1 FROM pragma_index_list(?1) i WHERE \"unique\" AND "
	    "NOT partial AND (SELECT COUNT(*) FROM pragma_index_xinfo(i.name) "
	    "WHERE key AND seqno<3 AND name COLLATE NOCASE IN "
	    "({received_at}, {file_id}, {line}))=3";
	bool ledger = table == db->config->ledger;
	const char *dot = strchr(table, '.');
	const char *name = dot == NULL ? table : dot + 1;
	enum db_verdict verdict;
	struct db_answer answer;

	for (size_t i = 0; i < sizeof(questions) / sizeof(*questions); i++) {
		const struct question *q = &questions[i];

		if (!(ledger ? q->ledger : q->events))
			continue;
		verdict = ask(db, q->sql, name, &answer);
		if (verdict != DB_OK)
			return verdict;
		if (!answer.found)
			continue;
		(void)error_set(
		    &db->error, "the table %s %s", table, answer.fields[0]);
		db->cause = DB_CAUSE_OTHER;
		return DB_SCHEMA;
	}
	if (ledger)
		return DB_OK;
	verdict = ask(db, own_key, name, &answer);
	db->table->own_key = answer.found;
	return verdict;
}
