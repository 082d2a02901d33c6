/*
 * postgresql_check.c - what is asked of the server and of the tables, in
 * PostgreSQL, when a session begins: do commits last, and are the tables such
 * that no event can be lost or doubled in them?
 */
#include <stdlib.h>
#include <string.h>

#include "log.h"
#include "postgresql_own.h"
#include "sql.h"

#define BATCH_BYTES (3 * 1024 * 1024)

static enum db_verdict
ask(struct pg *pg, const char *sql, struct db_answer *answer)
{
	return pg->db.driver->ask(&pg->db, sql, strlen(sql), answer);
}

static void
warn_of(const char *what)
{
	log_warn("the server has %s: events that were loaded and removed here "
		 "can be lost",
	    what);
}

/*
 * What the caller does outside of transactions needs these two, which a pooler
 * keeps, as it would not keep others.
 */
enum db_verdict
postgresql_open_session(struct pg *pg)
{
	static const char set[] =
	    "SET TimeZone='UTC'; SET standard_conforming_strings=on";
	static const char look[] =
	    "SELECT CASE WHEN current_setting('fsync')='off' THEN "
	    "'fsync=off' WHEN current_setting('synchronous_commit')='off' THEN "
	    "'synchronous_commit=off' END, "
	    "CASE WHEN current_setting('synchronous_standby_names')='' THEN "
	    "'no synchronous_standby_names' "
	    "WHEN current_setting('synchronous_commit')='local' THEN "
	    "'synchronous_commit=local' END, "
	    "NULLIF(current_setting('server_encoding'), 'UTF8')";
	enum db_verdict verdict =
	    pg->db.driver->run(&pg->db, set, sizeof(set) - 1);
	struct db_answer answer;

	pg->db.limits = (struct batch_limits){.rows = BATCH_ROWS_MAX,
	    .bytes = BATCH_BYTES,
	    .batches = BATCHES_MOST};
	if (verdict == DB_OK)
		verdict = ask(pg, look, &answer);
	if (verdict != DB_OK || pg->db.warned)
		return verdict;
	pg->db.warned = true;
	if (answer.fields[0] != NULL)
		warn_of(answer.fields[0]);
	if (pg->many_hosts && answer.fields[1] != NULL)
		warn_of(answer.fields[1]);
	if (answer.fields[2] != NULL)
		log_warn("the database has the encoding %s and not UTF8: "
			 "events with characters that it lacks are rejected",
		    answer.fields[2]);
	return DB_OK;
}

/*
 * Of one table, c.oid: each asks for what is wrong, in words to follow "the
 * table NAME"; an answer of no row, or NULL, is none.
 */
#define COLUMN(need) \
	"SELECT format('has the column %s as %s; it has to be " need "', " \
	"a.attname, format_type(a.atttypid, a.atttypmod)) " \
	"FROM pg_attribute a JOIN pg_type t ON t.oid=a.atttypid, c " \
	"WHERE a.attrelid=c.oid AND a.attname IN "
/* numeric(p,s) has (p << 16 | s) + 4 for its modifier. */
#define NO_BIGINT \
	"NOT (t.typname='int8' OR (t.typname='numeric' AND (a.atttypmod<0 " \
	"OR (a.atttypmod-4 >> 16)-(a.atttypmod-4 & 65535)>=19)))"
#define UNIQUE \
	"FROM pg_index i, c WHERE i.indrelid=c.oid AND i.indisunique AND " \
	"i.indisvalid AND i.indimmediate AND i.indpred IS NULL AND " \
	"i.indexprs IS NULL"
#define KEY(n) \
	"(SELECT attname FROM pg_attribute a WHERE a.attrelid=c.oid AND " \
	"a.attnum=i.indkey[" #n "])::text"

/* The type of a column, and its modifier, below whatever domains there are. */
#define BASE \
	"LATERAL (WITH RECURSIVE d AS (SELECT a.atttypid typ, a.atttypmod " \
	"mod, 0 n UNION ALL SELECT t.typbasetype, t.typtypmod, n+1 FROM d " \
	"JOIN pg_type t ON t.oid=d.typ WHERE t.typtype='d') " \
	"SELECT typ, mod FROM d ORDER BY n DESC LIMIT 1) base"

static const struct question {
	bool ledger, events; /* of which table */
	const char *sql;
} questions[] = {
    {true, true,
	"SELECT CASE WHEN relkind NOT IN ('r', 'p') THEN 'is no table, but a "
	"view or the like; the table itself has to be named' "
	"WHEN relpersistence<>'p' THEN 'is UNLOGGED, and empty after a crash; "
	"make it LOGGED' ELSE (SELECT format('has the partition %s, which is "
	"foreign or UNLOGGED, and may lose what is committed', "
	"p.oid::regclass) "
	"FROM pg_partition_tree(c.oid) JOIN pg_class p ON p.oid=relid WHERE "
	"p.relkind NOT IN ('r', 'p') OR p.relpersistence<>'p' LIMIT 1) END "
	"FROM c"},
    {true, false,
	COLUMN("bigint") "('id', 'bytes', 'events', 'rejected', 'torn', "
			 "'progress', 'lines') AND " NO_BIGINT " LIMIT 1"},
    /* Names are compared, and ranges of them looked for, byte by byte. */
    {true, false,
	COLUMN("varchar(255) or text, COLLATE \"C\"") "('name') AND NOT ("
						      "(t.typname='text' OR "
						      "t.typname='varchar' AND "
						      "(a.atttypmod<0 OR "
						      "a.atttypmod-4>=255)) "
						      "AND a.attcollation IN "
						      "(SELECT oid FROM "
						      "pg_collation WHERE "
						      "collcollate IN ('C', "
						      "'POSIX')))"},
    {true, false,
	COLUMN(
	    "as wide as we make it") "('table', 'sha256') AND NOT "
				     "(t.typname='text' OR t.typname='varchar' "
				     "AND (a.atttypmod<0 OR "
				     "a.atttypmod-4>=CASE a.attname WHEN "
				     "'table' THEN 129 ELSE 64 END)) "
				     "LIMIT 1"},
    /* One name with two lines would be two files. */
    {true, false,
	"SELECT format('has no unique key of the column %s alone', name) FROM "
	"(VALUES ('id'), ('name')) need (name) WHERE NOT EXISTS (SELECT "
	"1 " UNIQUE " AND i.indnkeyatts=1 AND " KEY(0) "=need.name) LIMIT 1"},
    /*
     * Rounded, a key would be another event's; and no other value is rounded
     * or cut without being asked for, as a numeric, a real and a date do it.
     */
    {false, true,
	"SELECT format('has the column %s as %s; it has to be %s', attname, "
	"typ, need) FROM (SELECT a.attname, format_type(a.atttypid, "
	"a.atttypmod) typ, CASE "
	"WHEN our IN ('file_id', 'line') AND " NO_BIGINT " THEN 'bigint' "
	"WHEN our IN ('received_at', 'timestamp') AND NOT ((t.typname IN "
	"('timestamptz', 'timestamp') AND a.atttypmod IN (-1, 6)) OR "
	"(our='timestamp' AND t.typcategory='S')) THEN 'timestamptz' "
	"WHEN our='double' AND NOT (t.typname='float8' OR t.typcategory='S' OR "
	"(t.typname='numeric' AND a.atttypmod<0)) THEN 'double precision' "
	"WHEN our LIKE 'decimal %' AND NOT (t.typcategory='S' OR "
	"(t.typname='numeric' AND (a.atttypmod<0 OR (a.atttypmod-4 & 65535)>="
	"substr(our, 9)::int))) THEN 'a numeric with as many digits' "
	"WHEN our IN ('int', 'bigint', 'unsigned') AND NOT (t.typcategory='S' "
	"OR t.typname IN ('int2', 'int4', 'int8', 'numeric') OR "
	"(our='int' AND t.typname='float8')) THEN 'a whole number' "
	"WHEN our='bool' AND t.typcategory IN ('D', 'T', 'I') THEN 'boolean' "
	"WHEN our IN ('text', 'json', 'ip', 'uuid', 'payload') AND "
	"t.typcategory IN ('N', 'D', 'T', 'B') THEN 'text' END need "
	"FROM (SELECT a.*, CASE a.attname {types} END our FROM pg_attribute a, "
	"c WHERE a.attrelid=c.oid AND a.attnum>0 AND NOT a.attisdropped) a "
	"JOIN pg_type t ON t.oid=a.atttypid) n WHERE need IS NOT NULL LIMIT 1"},
    {false, true,
	"SELECT format('has the column %s, which is NOT NULL, has no default, "
	"and gets no value; see --column', a.attname) FROM pg_attribute a, c "
	"WHERE a.attrelid=c.oid AND a.attnum>0 AND NOT a.attisdropped AND "
	"a.attnotnull AND NOT a.atthasdef AND a.attidentity='' AND "
	"CASE a.attname {types} END IS NULL LIMIT 1"},
    {false, true,
	"SELECT format('has no unique key of %s, which --unique asks for', w) "
	"FROM ({uniques}) need WHERE w IS NOT NULL AND NOT EXISTS (SELECT "
	"1 " UNIQUE " AND (SELECT array_agg(attname::text COLLATE \"C\" ORDER "
	"BY attname::text COLLATE \"C\") FROM pg_attribute a WHERE "
	"a.attrelid=c.oid AND a.attnum=ANY((i.indkey::int2[])[0:i.indnkeyatts-"
	"1]))=(SELECT array_agg(x ORDER BY x COLLATE \"C\") FROM "
	"unnest(string_to_array(w, ',')) x)) LIMIT 1"},
};

/* The question, of that table. */
static enum db_verdict
ask_of(
    struct pg *pg, const char *table, const char *sql, struct db_answer *answer)
{
	const struct db_dialect *d = &pg->db.driver->dialect;
	struct buf quoted = {0}, *b = &pg->db.sql;
	int rc;

	b->len = 0;
	rc = sql_put_table(&quoted, d, table) < 0 ||
		     buf_printf(b, "WITH c AS (SELECT * FROM pg_class WHERE "
				   "oid=to_regclass(") < 0 ||
		     sql_put_text(b, d, quoted.data, quoted.len) < 0 ||
		     buf_printf(b, ")) ") < 0 ||
		     sql_put_form(b, pg->db.config, sql) < 0
		 ? -1
		 : 0;
	buf_release(&quoted);
	if (rc < 0)
		return db_no_memory(&pg->db);
	return pg->db.driver->ask(&pg->db, b->data, b->len, answer);
}

/*
 * What jsonb cannot hold: numbers become numeric, written out. An exponent
 * makes much of little, 1e131071 a text of 128 KiB: the server itself could not
 * put out a payload of many such numbers, for which it has 1 GB. Each number
 * that a double can be has less than 350 digits; and with no more, an event of
 * 16 MiB, the most by default, is always below that.
 */
static const struct row_bounds jsonb_bounds = {.no_lone_surrogates = true,
    .no_nul = true,
    .digits_before = 131072,
    .digits_behind = 16383,
    .digits_grown = 350};

/* What no payload may have there, and has it the rows' own key? */
static enum db_verdict
learn(struct pg *pg, const char *table)
{
	static const char sql[] =
	    "SELECT (SELECT base.typ='jsonb'::regtype FROM pg_attribute "
	    "a, " BASE " WHERE a.attrelid=c.oid AND a.attname={payload}), "
	    "EXISTS (SELECT 1 " UNIQUE
	    " AND ARRAY[" KEY(0) ", " KEY(1) ", " KEY(
		2) "] @> "
		   "ARRAY[{received_at}, {file_id}, {line}]::text[]) FROM c";
	enum db_verdict verdict;
	struct db_answer answer;

	verdict = ask_of(pg, table, sql, &answer);
	if (verdict != DB_OK)
		return verdict;
	pg->db.table->own_key = answer.found && *answer.fields[1] == 't';
	memset(&pg->db.table->bounds, 0, sizeof(pg->db.table->bounds));
	if (answer.found && answer.fields[0] != NULL &&
	    *answer.fields[0] == 't')
		pg->db.table->bounds = jsonb_bounds;
	pg->db.table->bounds.no_nul_value = true;
	return DB_OK;
}

/*
 * How wide are the columns that cut what is too long, if that is blanks, and
 * which ones are jsonb?
 */
static enum db_verdict
learn_columns(struct pg *pg, const char *table)
{
	static const char sql[] =
	    "SELECT string_agg((CASE w.typ WHEN 'jsonb'::regtype THEN -1 ELSE "
	    "GREATEST(w.mod-4, 0) END)::text, ' ' ORDER BY "
	    "k.n) FROM c CROSS JOIN unnest(ARRAY[NULL{columns}]) WITH "
	    "ORDINALITY k (name, n) LEFT JOIN (SELECT a.attrelid, a.attname, "
	    "base.* FROM pg_attribute a, " BASE
	    ") w ON w.attrelid=c.oid AND w.attname=k.name AND w.typ IN "
	    "('varchar'::regtype, 'bpchar'::regtype, 'jsonb'::regtype)";
	struct row_bounds *b = &pg->db.table->bounds;
	enum db_verdict verdict;
	struct db_answer answer;
	char *p;

	verdict = ask_of(pg, table, sql, &answer);
	if (verdict != DB_OK || answer.fields[0] == NULL)
		return verdict;
	p = (char *)answer.fields[0];
	(void)strtol(p, &p, 10); /* of none */
	b->of_json = &jsonb_bounds;
	for (unsigned i = 0; i < pg->db.config->columns->count; i++) {
		long width = strtol(p, &p, 10);

		if (width < 0)
			b->json |= 1U << i;
		else
			b->widths[i] = (unsigned)width;
	}
	return DB_OK;
}

enum db_verdict
postgresql_check(struct db *db, const char *table)
{
	bool ledger = table == db->config->ledger;
	struct pg *pg = (struct pg *)db;
	enum db_verdict verdict;

	for (size_t i = 0; i < sizeof(questions) / sizeof(*questions); i++) {
		const struct question *q = &questions[i];
		struct db_answer answer;

		if (!(ledger ? q->ledger : q->events))
			continue;
		verdict = ask_of(pg, table, q->sql, &answer);
		if (verdict != DB_OK)
			return verdict;
		if (answer.fields[0] == NULL)
			continue;
		(void)error_set(
		    &db->error, "the table %s %s", table, answer.fields[0]);
		db->cause = DB_CAUSE_OTHER;
		return DB_SCHEMA;
	}
	if (ledger)
		return DB_OK;
	verdict = learn(pg, table);
	return verdict == DB_OK ? learn_columns(pg, table) : verdict;
}
