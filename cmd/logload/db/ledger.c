/*
 * ledger.c - see db.h: the ledger, by whose lines files are known.
 */
#include <openssl/evp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "db.h"
#include "sql.h"
#include "statement.h"

#define CLAIM_TRIES 3

static uint64_t
number(const char *text)
{
	return text == NULL ? 0 : strtoull(text, NULL, 10);
}

static void
read_text(char *out, size_t size, const char *text)
{
	(void)snprintf(out, size, "%s", text == NULL ? "" : text);
}

static void
read_line(const struct db_answer *a, struct db_file *file)
{
	*file = (struct db_file){.id = number(a->fields[0]),
	    .bytes = number(a->fields[2]),
	    .events = number(a->fields[3]),
	    .rejected = number(a->fields[4]),
	    .torn = number(a->fields[5]),
	    .progress = number(a->fields[6]),
	    .lines = number(a->fields[7]),
	    .loaded = a->fields[8] != NULL};
	read_text(file->name, sizeof(file->name), a->fields[1]);
	read_text(file->table, sizeof(file->table), a->fields[9]);
	read_text(file->sha256, sizeof(file->sha256), a->fields[10]);
	read_text(file->started_at, sizeof(file->started_at), a->fields[11]);
}

static int
put_select(struct db *db)
{
	const struct db_dialect *d = &db->driver->dialect;
	struct buf *b = &db->sql;

	b->len = 0;
	return buf_printf(b, "SELECT ") < 0 ||
		       sql_put_ledger_columns(b, d, db->old_ledger) < 0 ||
		       buf_printf(b, "%s, ",
			   db->old_ledger ? ", NULL, NULL" : "") < 0 ||
		       sql_put_instant(b, d, "started_at") < 0 ||
		       buf_printf(b, " FROM ") < 0 ||
		       sql_put_table(b, d, db->config->ledger) < 0
		   ? -1
		   : 0;
}

/*
 * Reads the ledger's line of that name, or, where `id` is not 0, of that id;
 * `lock` until the transaction ends.
 */
static enum db_verdict
look_up(struct db *db, const char *name, uint64_t id, bool lock,
    struct db_file *file, bool *found)
{
	const struct db_dialect *d = &db->driver->dialect;
	struct buf *b = &db->sql;
	enum db_verdict verdict;
	struct db_answer answer;

	if (put_select(db) < 0 ||
	    (id != 0 ? buf_printf(b, " WHERE id=%llu", (unsigned long long)id)
		     : buf_printf(b, " WHERE name=")) < 0 ||
	    (id == 0 && sql_put_text(b, d, name, strlen(name)) < 0) ||
	    buf_printf(b, "%s", lock && d->lock != NULL ? d->lock : "") < 0)
		return db_no_memory(db);
	verdict = db_ask(db, b->data, b->len, &answer);
	*found = verdict == DB_OK && answer.found;
	if (!*found)
		return verdict;
	read_line(&answer, file);
	/* The very name, whatever a collation says. */
	if (strcmp(file->name, name) == 0)
		return DB_OK;
	(void)error_set(&db->error,
	    "the ledger has a line of the file \"%s\" where that of \"%s\" "
	    "should be",
	    file->name, name);
	db->cause = DB_CAUSE_OTHER;
	return DB_SCHEMA;
}

/* After a look at the ledger outside any transaction. */
static enum db_verdict
end_look(struct db *db, enum db_verdict verdict)
{
	if (verdict == DB_SCHEMA && db->config->look_only &&
	    db->cause == DB_CAUSE_NO_TABLE)
		verdict = DB_OK;
	/* The SELECT may have begun a transaction. */
	return verdict == DB_OK ? db_run_text(db, "ROLLBACK") : verdict;
}

enum db_verdict
db_find(struct db *db, const char *name, struct db_file *file, bool *found)
{
	return end_look(db, look_up(db, name, 0, false, file, found));
}

static int
put_search(struct db *db, const struct db_search *s)
{
	const char *table = db->config->table;
	const struct db_dialect *d = &db->driver->dialect;
	struct buf *b = &db->sql;

	if (db->old_ledger) { /* it tells of no table */
		if (buf_printf(b, " WHERE 1=1") < 0)
			return -1;
	} else if (buf_printf(b, " WHERE (") < 0 ||
		   sql_put_name(b, d, "table", 5) < 0 ||
		   buf_printf(b, " IS NULL OR ") < 0 ||
		   sql_put_name(b, d, "table", 5) < 0 ||
		   buf_printf(b, "=") < 0 ||
		   sql_put_text(b, d, table, strlen(table)) < 0 ||
		   buf_printf(b, ")") < 0) {
		return -1;
	}
	if (s->sha256 != NULL &&
	    (buf_printf(b, " AND sha256=") < 0 ||
		sql_put_text(b, d, s->sha256, strlen(s->sha256)) < 0))
		return -1;
	if (s->from != NULL &&
	    (buf_printf(b, " AND name>=") < 0 ||
		sql_put_text(b, d, s->from, strlen(s->from)) < 0 ||
		buf_printf(b, " AND name<") < 0 ||
		sql_put_text(b, d, s->below, strlen(s->below)) < 0))
		return -1;
	return buf_printf(b,
	    "%s ORDER BY CASE WHEN loaded_at IS NULL THEN 1 ELSE 0 END, "
	    "started_at DESC, id",
	    s->unfinished ? " AND loaded_at IS NULL" : "");
}

enum db_verdict
db_search(struct db *db, const struct db_search *s, unsigned skip,
    struct db_file *file, bool *found)
{
	struct buf *b = &db->sql;
	enum db_verdict verdict;
	struct db_answer answer;

	*found = false;
	if (db->old_ledger && s->sha256 != NULL)
		return DB_OK;
	if (put_select(db) < 0 || put_search(db, s) < 0 ||
	    sql_put_nth(b, &db->driver->dialect, skip) < 0)
		return db_no_memory(db);
	verdict = db_ask(db, b->data, b->len, &answer);
	*found = verdict == DB_OK && answer.found;
	if (*found)
		read_line(&answer, file);
	return end_look(db, verdict);
}

enum db_verdict
db_count_loaded(
    struct db *db, const char *const *names, unsigned count, uint64_t *loaded)
{
	const struct db_dialect *d = &db->driver->dialect;
	struct buf *b = &db->sql;
	enum db_verdict verdict;
	struct db_answer answer;

	b->len = 0;
	if (buf_printf(b, "SELECT COUNT(*) FROM ") < 0 ||
	    sql_put_table(b, d, db->config->ledger) < 0 ||
	    buf_printf(b, " WHERE loaded_at IS NOT NULL AND name IN (") < 0)
		return db_no_memory(db);
	for (unsigned i = 0; i < count; i++) {
		if (buf_printf(b, "%s", i > 0 ? ", " : "") < 0 ||
		    sql_put_text(b, d, names[i], strlen(names[i])) < 0)
			return db_no_memory(db);
	}
	if (buf_append(b, ")", 1) < 0)
		return db_no_memory(db);
	verdict = db_ask(db, b->data, b->len, &answer);
	if (verdict == DB_OK)
		*loaded = answer.found ? number(answer.fields[0]) : 0;
	return end_look(db, verdict);
}

static enum db_verdict
add_line(struct db *db, uint64_t id, const struct db_claim *claim)
{
	const char *table = db->config->table, *sha256 = claim->sha256;
	const struct db_dialect *d = &db->driver->dialect;
	struct buf *b = &db->sql;

	b->len = 0;
	if (buf_printf(b, "INSERT INTO ") < 0 ||
	    sql_put_table(b, d, db->config->ledger) < 0 ||
	    buf_printf(b, " (") < 0 ||
	    sql_put_ledger_columns(b, d, false) < 0 ||
	    buf_printf(b, ", started_at) VALUES (%llu, ",
		(unsigned long long)id) < 0 ||
	    sql_put_text(b, d, claim->name, strlen(claim->name)) < 0 ||
	    buf_printf(b, ", %llu, 0, 0, 0, 0, 0, NULL, ",
		(unsigned long long)claim->bytes) < 0 ||
	    sql_put_text(b, d, table, strlen(table)) < 0 ||
	    buf_printf(b, ", ") < 0 ||
	    (sha256 == NULL ? buf_printf(b, "NULL")
			    : sql_put_text(b, d, sha256, strlen(sha256))) < 0 ||
	    buf_printf(b, ", %s)%s", d->now,
		d->same_key == NULL ? "" : d->same_key) < 0)
		return db_no_memory(db);
	return db_run(db, b->data, b->len);
}

int
db_file_id(const char *name, uint64_t *id)
{
	unsigned char digest[EVP_MAX_MD_SIZE];

	if (EVP_Digest(name, strlen(name), digest, NULL, EVP_sha256(), NULL) !=
	    1)
		return -1;
	*id = 0;
	for (int i = 0; i < 8; i++)
		*id = *id << 8 | digest[i];
	*id >>= 1;
	return 0;
}

/* Locks the line of that name, if there is one, without changing it. */
static enum db_verdict
lock_line(struct db *db, const char *name)
{
	const struct db_dialect *d = &db->driver->dialect;
	struct buf *b = &db->sql;

	b->len = 0;
	if (buf_printf(b, "UPDATE ") < 0 ||
	    sql_put_table(b, d, db->config->ledger) < 0 ||
	    buf_printf(b, " SET name=name WHERE name=") < 0 ||
	    sql_put_text(b, d, name, strlen(name)) < 0)
		return db_no_memory(db);
	return db_run(db, b->data, b->len);
}

/*
 * The unique name decides between two loaders of one file: the second one's
 * INSERT waits for the first one's transaction and then finds the line. A
 * line that vanishes between the two statements was rolled back: once more.
 */
enum db_verdict
db_claim(struct db *db, const struct db_claim *claim, struct db_file *file)
{
	enum db_verdict verdict;
	uint64_t id;
	bool found;

	if (db_file_id(claim->name, &id) < 0)
		return db_no_memory(db);
	for (int i = 0; i < CLAIM_TRIES; i++) {
		verdict = add_line(db, id, claim);
		if (verdict != DB_OK && db->cause != DB_CAUSE_DUPLICATE)
			return verdict;
		verdict = db->driver->dialect.lock == NULL
			      ? lock_line(db, claim->name)
			      : DB_OK;
		if (verdict != DB_OK)
			return verdict;
		verdict = look_up(db, claim->name, 0, true, file, &found);
		/* Then the id was refused: is it another name's? */
		if (verdict == DB_OK && !found)
			verdict =
			    look_up(db, claim->name, id, true, file, &found);
		if (verdict != DB_OK || found)
			return verdict;
	}
	(void)error_set(
	    &db->error, "claim %s: another loader is at it", claim->name);
	return DB_PASSING;
}

enum db_verdict
db_save(struct db *db, const struct db_file *f)
{
	const struct db_dialect *d = &db->driver->dialect;
	const char *table = db->config->table, *sha256 = f->sha256;
	enum db_verdict verdict;
	struct buf *b = &db->sql;

	b->len = 0;
	if (buf_printf(b, "UPDATE ") < 0 ||
	    sql_put_table(b, d, db->config->ledger) < 0 ||
	    buf_printf(b,
		" SET bytes=%llu, events=%llu, rejected=%llu, torn=%llu, "
		"progress=%llu, %clines%c=%llu, loaded_at=%s, %ctable%c=",
		(unsigned long long)f->bytes, (unsigned long long)f->events,
		(unsigned long long)f->rejected, (unsigned long long)f->torn,
		(unsigned long long)f->progress, d->name_quote, d->name_quote,
		(unsigned long long)f->lines, f->loaded ? d->now : "NULL",
		d->name_quote, d->name_quote) < 0 ||
	    sql_put_text(b, d, table, strlen(table)) < 0 ||
	    buf_printf(b, ", sha256=") < 0 ||
	    (*sha256 == '\0'
		    ? buf_printf(b, "NULL")
		    : sql_put_text(b, d, sha256, strlen(sha256))) < 0 ||
	    buf_printf(b, " WHERE id=%llu AND %s", (unsigned long long)f->id,
		d->same) < 0)
		return db_no_memory(db);
	verdict = db_run(db, b->data, b->len);
	if (verdict != DB_OK || db->changed == 1)
		return verdict;
	(void)error_set(&db->error,
	    "UPDATE of the ledger %s found %llu lines of the id %llu, which "
	    "has to have one; or a proxy has changed the session",
	    db->config->ledger, (unsigned long long)db->changed,
	    (unsigned long long)f->id);
	db->cause = DB_CAUSE_OTHER;
	return DB_SCHEMA;
}
