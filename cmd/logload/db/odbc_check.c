/*
 * odbc_check.c - are the tables such that no event can be lost or doubled in
 * them? What a driver tells of a table differs from one to the next; so it is
 * tried what they do, in a transaction that is taken back.
 */
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "clock.h"
#include "db.h"
#include "log.h"
#include "odbc_own.h"

#define NO_TRANSACTIONS \
	"has no transactions: what \"logload tries\" in it has stayed there"

/* More than a double, or 32 bits, can hold. */
#define NUMBER ((UINT64_C(1) << 62) + 1)

static enum db_verdict
run_text(struct db *db, const char *sql)
{
	return db->driver->run(db, sql, strlen(sql));
}

static enum db_verdict
wrong(struct db *db, const char *table, const char *what)
{
	(void)error_set(&db->error, "the table %s %s", table, what);
	db->cause = DB_CAUSE_OTHER;
	return DB_SCHEMA;
}

/* As long as one can be, of this process and instant alone. */
static void
make_name(char name[DB_NAME_MAX + 1])
{
	int n = snprintf(name, DB_NAME_MAX + 1,
	    "logload tries %llx-%d'\\\"%%\xc3\xa9\xf0\x9f\x8c\xb1",
	    (unsigned long long)clock_wall_us(), (int)getpid());

	memset(name + n, 'x', DB_NAME_MAX - (size_t)n);
	name[DB_NAME_MAX] = '\0';
}

/* A line that is written, and found as it was by a second loader. */
static enum db_verdict
try_line(struct db *db, const char *name)
{
	const char *ledger = db->config->ledger;
	struct db_claim claim = {.name = name, .bytes = NUMBER};
	struct db_file file, found;
	enum db_verdict verdict = db_claim(db, &claim, &file);

	if (verdict != DB_OK)
		return verdict;
	memset(file.sha256, 'f', DB_HASH_LEN);
	file.sha256[DB_HASH_LEN] = '\0';
	file.events = file.rejected = file.torn = NUMBER;
	file.progress = file.lines = NUMBER;
	file.loaded = true;
	verdict = db_save(db, &file);
	if (verdict == DB_OK)
		verdict = db_claim(db, &claim, &found);
	if (verdict == DB_OK)
		verdict = db_save(db, &file); /* there is one of it */
	if (verdict != DB_OK)
		return verdict;
	if (found.id != file.id || found.bytes != NUMBER ||
	    found.events != NUMBER || found.rejected != NUMBER ||
	    found.torn != NUMBER || found.progress != NUMBER ||
	    found.lines != NUMBER)
		return wrong(db, ledger,
		    "changes large numbers; its counts have to hold 63 bits");
	if (strcmp(found.sha256, file.sha256) != 0 || !found.loaded ||
	    strlen(found.started_at) != VALUE_DATETIME_LEN)
		return wrong(db, ledger,
		    "gives a text or instant back that "
		    "is not the one it was given");
	return DB_OK;
}

/* One that is another's, where letters count for what they are. */
static enum db_verdict
try_other_line(struct db *db, const char *name)
{
	char other[DB_NAME_MAX + 1];
	struct db_claim claim = {.name = other};
	struct db_file file;

	(void)snprintf(other, sizeof(other), "%s", name);
	*other = 'L';
	return db_claim(db, &claim, &file);
}

enum db_verdict
odbc_try_ledger(struct db *db)
{
	const char *ledger = db->config->ledger;
	char name[DB_NAME_MAX + 1];
	enum db_verdict verdict;
	struct db_file file;
	bool found = false;

	make_name(name);
	verdict = try_line(db, name);
	if (verdict == DB_OK)
		verdict = try_other_line(db, name);
	if (verdict == DB_OK)
		verdict = run_text(db, "ROLLBACK");
	if (verdict == DB_OK)
		verdict = db_find(db, name, &file, &found);
	return found ? wrong(db, ledger, NO_TRANSACTIONS) : verdict;
}

/* Stores it, looks for it, and takes it back. */
static enum db_verdict
try_row(struct db *db, const struct batch *b)
{
	const char *table = db->table->name;
	enum db_verdict verdict = run_text(db, "SAVEPOINT probe");
	bool there;

	if (verdict == DB_OK)
		verdict = db_store(db, b, 0, 1);
	if (verdict == DB_REFUSED) /* for a column of the user's, perhaps */
		log_warn("the table %s could not be tried, for it refuses a "
			 "row: %s",
		    table, db->error.text);
	if (verdict != DB_OK)
		return verdict;
	verdict = db_is_there(db, b, 0, &there);
	if (verdict == DB_OK && !there)
		return wrong(db, table,
		    "does not keep a row's key as it is: received_at has to "
		    "hold microseconds, file_id and line 63 bits");
	if (verdict == DB_OK)
		verdict = run_text(db, "ROLLBACK TO SAVEPOINT probe");
	if (verdict == DB_OK)
		verdict = db_is_there(db, b, 0, &there);
	return verdict == DB_OK && there ? wrong(db, table, NO_TRANSACTIONS)
					 : verdict;
}

enum db_verdict
odbc_try_events(struct db *db)
{
	static const char payload[] =
	    "{\"event\":\"logload tries \xf0\x9f\x8c\xb1\"}";
	char received_at[VALUE_DATETIME_LEN + 1], name[DB_NAME_MAX + 1];
	struct row row = {.received_at = received_at,
	    .line = NUMBER,
	    .payload = {payload, sizeof(payload) - 1}};
	struct batch b = {0};
	enum db_verdict verdict;
	bool own_key = db->table->own_key;
	uint64_t id = NUMBER;

	make_name(name);
	value_stamp((int64_t)clock_wall_us() | 1, received_at);
	if (db_file_id(name, &id) < 0 ||
	    batch_init(&b, db->config->columns, 1) < 0)
		return db_no_memory(db);
	if (batch_add(&b, &db->limits, id, &row) < 0) {
		batch_release(&b);
		return db_no_memory(db);
	}
	db->table->own_key = true; /* or nothing is asked */
	verdict = try_row(db, &b);
	db->table->own_key = own_key;
	batch_release(&b);
	return verdict == DB_OK || verdict == DB_REFUSED
		   ? run_text(db, "ROLLBACK")
		   : verdict;
}
