/*
 * expire.c - see expire.h.
 */
#include <stdio.h>
#include <string.h>

#include "db.h"
#include "expire.h"
#include "sql.h"
#include "statement.h"

static enum db_verdict
run(struct db *db)
{
	return db_run(db, db->sql.data, db->sql.len);
}

static enum db_verdict
ask(struct db *db, struct db_answer *answer)
{
	return db_ask(db, db->sql.data, db->sql.len, answer);
}

/* What was put, as an answer of one instant. */
static enum db_verdict
ask_instant(struct db *db, char out[DB_INSTANT_LEN + 1])
{
	struct db_answer answer;
	enum db_verdict verdict = ask(db, &answer);

	out[0] = '\0';
	if (verdict == DB_OK && answer.found && answer.fields[0] != NULL)
		(void)snprintf(out, DB_INSTANT_LEN + 1, "%s", answer.fields[0]);
	return verdict;
}

enum db_verdict
db_ask_now(struct db *db, char out[DB_INSTANT_LEN + 1])
{
	const struct db_dialect *d = &db->driver->dialect;
	struct buf *b = &db->sql;

	b->len = 0;
	if (buf_printf(b, "SELECT ") < 0 || sql_put_instant(b, d, d->now) < 0)
		return db_no_memory(db);
	return ask_instant(db, out);
}

/* The column received_at as a text. */
static int
put_received_at(struct buf *b, const struct db_config *c)
{
	struct buf name = {0};
	int rc = sql_put_form(&name, c, "<received_at>");

	if (rc == 0)
		rc = buf_append(&name, "", 1);
	if (rc == 0)
		rc = sql_put_instant(b, &c->driver->dialect, name.data);
	buf_release(&name);
	return rc;
}

/* The column as it is called there; NULL: received_at. */
static int
put_name(struct buf *b, const struct db_config *c, const char *column)
{
	return column == NULL ? sql_put_form(b, c, "<received_at>")
			      : buf_printf(b, "%s", column);
}

static enum db_verdict
ask_end(struct db *db, const char *table, const char *column, const char *up_to,
    char out[DB_INSTANT_LEN + 1])
{
	const struct db_config *c = db->config;
	const struct db_dialect *d = &c->driver->dialect;
	struct buf *b = &db->sql;

	b->len = 0;
	if (buf_printf(b, "SELECT ") < 0 ||
	    (column == NULL ? put_received_at(b, c)
			    : sql_put_instant(b, d, column)) < 0 ||
	    buf_printf(b, " FROM ") < 0 || sql_put_table(b, d, table) < 0 ||
	    (up_to != NULL &&
		(buf_printf(b, " WHERE ") < 0 || put_name(b, c, column) < 0 ||
		    buf_printf(b, "<='%s'", up_to) < 0)) ||
	    buf_printf(b, " ORDER BY ") < 0 || put_name(b, c, column) < 0 ||
	    buf_printf(b, "%s", up_to != NULL ? " DESC" : "") < 0 ||
	    sql_put_nth(b, d, 0) < 0)
		return db_no_memory(db);
	return ask_instant(db, out);
}

enum db_verdict
db_ask_oldest(struct db *db, const char *table, char out[DB_INSTANT_LEN + 1])
{
	return ask_end(db, table, NULL, NULL, out);
}

enum db_verdict
db_ask_newest(struct db *db, const char *table, const char *up_to,
    char out[DB_INSTANT_LEN + 1])
{
	if (table == NULL)
		return ask_end(db, db->config->ledger, "loaded_at", up_to, out);
	return ask_end(db, table, NULL, up_to, out);
}

/*
 * Rows
 */

struct key {
	char received_at[DB_INSTANT_LEN + 1];
	char file_id[24], line[24];
};

/* The key of the last row of a step, if there are so many. */
static enum db_verdict
find_key(struct db *db, const char *table, const char *limit, unsigned most,
    struct key *key, bool *found)
{
	const struct db_config *c = db->config;
	const struct db_dialect *d = &c->driver->dialect;
	struct buf *b = &db->sql;
	enum db_verdict verdict;
	struct db_answer answer;

	b->len = 0;
	if (buf_printf(b, "SELECT ") < 0 || put_received_at(b, c) < 0 ||
	    sql_put_form(b, c, ", <file_id>, <line> FROM ") < 0 ||
	    sql_put_table(b, d, table) < 0 ||
	    sql_put_form(b, c, " WHERE <received_at><") < 0 ||
	    buf_printf(b, "'%s'", limit) < 0 ||
	    sql_put_form(b, c, " ORDER BY <received_at>, <file_id>, <line>") <
		0 ||
	    sql_put_nth(b, d, most - 1) < 0)
		return db_no_memory(db);
	verdict = ask(db, &answer);
	*found = verdict == DB_OK && answer.found;
	if (*found) {
		(void)snprintf(key->received_at, sizeof(key->received_at), "%s",
		    answer.fields[0]);
		(void)snprintf(
		    key->file_id, sizeof(key->file_id), "%s", answer.fields[1]);
		(void)snprintf(
		    key->line, sizeof(key->line), "%s", answer.fields[2]);
	}
	return verdict;
}

/* key NULL: up to the limit. Else a range of the key, one of three. */
static enum db_verdict
delete_range(struct db *db, const char *table, const char *limit,
    const struct key *key, int part)
{
	const struct db_config *c = db->config;
	struct buf *b = &db->sql;
	int rc = -1;

	b->len = 0;
	if (buf_printf(b, "DELETE FROM ") < 0 ||
	    sql_put_table(b, &c->driver->dialect, table) < 0 ||
	    sql_put_form(b, c, " WHERE <received_at>") < 0)
		return db_no_memory(db);
	if (key == NULL || part == 0)
		rc = buf_printf(
		    b, "<'%s'", key == NULL ? limit : key->received_at);
	else if (buf_printf(b, "='%s' AND ", key->received_at) == 0 &&
		 sql_put_form(b, c, part == 1 ? "<file_id>" : "<file_id>=") ==
		     0)
		rc = part == 1 ? buf_printf(b, "<%s", key->file_id)
			       : buf_printf(b, "%s AND ", key->file_id);
	if (rc == 0 && key != NULL && part == 2)
		rc = sql_put_form(b, c, "<line>") < 0
			 ? -1
			 : buf_printf(b, "<=%s", key->line);
	return rc < 0 ? db_no_memory(db) : run(db);
}

/*
 * No DELETE of all has a LIMIT, and not every optimizer knows that a comparison
 * of three columns is a range of their index: so it is three of these.
 */
enum db_verdict
db_expire(struct db *db, const char *table, const char *limit, unsigned most,
    uint64_t *rows, bool *more)
{
	enum db_verdict verdict;
	struct key key;

	*rows = 0;
	verdict = find_key(db, table, limit, most, &key, more);
	if (verdict == DB_OK)
		verdict = db_begin(db);
	for (int part = 0; part < (*more ? 3 : 1) && verdict == DB_OK; part++) {
		verdict =
		    delete_range(db, table, limit, *more ? &key : NULL, part);
		*rows += db->changed;
	}
	return verdict == DB_OK ? db_commit(db) : verdict;
}

enum db_verdict
db_hasten(struct db *db, bool on)
{
	return db->driver->hasten == NULL
		   ? DB_OK
		   : db_heard(db, db->driver->hasten(db, on));
}

enum db_verdict
db_drop(struct db *db, const char *table)
{
	const struct db_partitioning *of = db->driver->partitioning;
	enum db_verdict verdict = db_run_text(db, "ROLLBACK");

	if (verdict != DB_OK)
		return verdict;
	if (of != NULL)
		return db_heard(db, of->drop(db, table, NULL));
	verdict = db_begin(db);
	if (verdict != DB_OK)
		return verdict;
	db->sql.len = 0;
	if (sql_put_drop(&db->sql, &db->driver->dialect, table) < 0)
		return db_no_memory(db);
	verdict = run(db);
	return verdict == DB_OK ? db_commit(db) : verdict;
}

/*
 * The ledger
 */

#define SPOOL_LIKE "'________T______.______Z-%.ndjson'"
#define RETRY_LIKE \
	"'________T______.______Z-%@retry-________________________________'"

static int
put_lines(struct buf *b, const struct db *db, const struct db_prune *of,
    const char *up_to)
{
	const struct db_dialect *d = &db->driver->dialect;
	const char *table = db->config->table;

	if (buf_printf(b, " FROM ") < 0 ||
	    sql_put_table(b, d, db->config->ledger) < 0 ||
	    buf_printf(b, " WHERE name>=") < 0 ||
	    sql_put_text(b, d, of->from, strlen(of->from)) < 0 ||
	    buf_printf(b, " AND name%s", up_to != NULL ? "<=" : "<") < 0 ||
	    sql_put_text(b, d, up_to != NULL ? up_to : of->below,
		strlen(up_to != NULL ? up_to : of->below)) < 0 ||
	    buf_printf(b,
		" AND loaded_at<'%s' AND (name LIKE %s OR name LIKE %s) AND (",
		of->before, SPOOL_LIKE, RETRY_LIKE) < 0 ||
	    sql_put_name(b, d, "table", 5) < 0 ||
	    buf_printf(b, " IS NULL OR ") < 0 ||
	    sql_put_name(b, d, "table", 5) < 0 || buf_printf(b, "=") < 0 ||
	    sql_put_text(b, d, table, strlen(table)) < 0 ||
	    buf_printf(b, ")") < 0)
		return -1;
	for (unsigned i = 0; i < of->kept_count; i++) {
		char begin[CLOCK_COMPACT_LEN + 2];
		int len = snprintf(begin, sizeof(begin), "%s%%", of->kept[i]);

		if (buf_printf(b, " AND name NOT LIKE ") < 0 ||
		    sql_put_text(b, d, begin, (size_t)len) < 0)
			return -1;
	}
	return 0;
}

enum db_verdict
db_prune(struct db *db, const struct db_prune *of, unsigned most,
    uint64_t *lines, bool *more)
{
	const struct db_dialect *d = &db->driver->dialect;
	struct buf *b = &db->sql;
	enum db_verdict verdict;
	struct db_answer answer;
	char last[DB_NAME_MAX + 1];

	*lines = 0;
	b->len = 0;
	if (buf_printf(b, "SELECT name") < 0 ||
	    put_lines(b, db, of, NULL) < 0 ||
	    buf_printf(b, " ORDER BY name") < 0 ||
	    sql_put_nth(b, d, most - 1) < 0)
		return db_no_memory(db);
	verdict = ask(db, &answer);
	*more = verdict == DB_OK && answer.found;
	if (*more)
		(void)snprintf(last, sizeof(last), "%s", answer.fields[0]);
	if (verdict == DB_OK)
		verdict = db_begin(db);
	if (verdict != DB_OK)
		return verdict;
	b->len = 0;
	if (buf_printf(b, "DELETE") < 0 ||
	    put_lines(b, db, of, *more ? last : NULL) < 0)
		return db_no_memory(db);
	verdict = run(db);
	*lines = db->changed;
	return verdict == DB_OK ? db_commit(db) : verdict;
}
