/*
 * logload-sqlite.c - the driver of SQLite, asked as the loader asks it, where a
 * test from outside cannot come: a disk that is full, a trigger that ends the
 * transaction, a file that is exchanged amid one, and a wait that is cut short.
 */
#include <pthread.h>
#include <sys/stat.h>

#include "../../cmd/logload/db/db.h"
#include "../../cmd/logload/db/url.h"
#include "clock.h"
#include "log.h"
#include "tap.h"

#define ROWS 1000

static char path[256];
static struct columns columns;
static struct batch batch;

static struct db *
new_db(void)
{
	static struct option_list no_indexes;
	static char url[300];
	static struct db_config config;
	static char *copy;
	struct error err;

	config = (struct db_config){.table = "logs",
	    .payload_type = "TEXT",
	    .ledger = "log_files",
	    .columns = &columns,
	    .indexes = &no_indexes,
	    .uniques = &no_indexes,
	    .read_ns = 600 * CLOCK_NS_PER_S};
	(void)snprintf(url, sizeof(url), "sqlite:%s", path);
	free(copy);
	must(url_parse(url, &config, &copy, &err) == 0);
	return db_new(&config);
}

static enum db_verdict
run(struct db *db, const char *sql)
{
	return db->driver->run(db, sql, strlen(sql));
}

/* The first field of an answer, as a number. */
static long
ask(struct db *db, const char *sql)
{
	struct db_answer answer;

	must(db->driver->ask(db, sql, strlen(sql), &answer) == DB_OK);
	must(answer.found);
	return strtol(answer.fields[0], NULL, 10);
}

static long
rows(struct db *db)
{
	return ask(db, "SELECT COUNT(*) FROM logs");
}

/* Rows by line, from 1 on, that go into one batch. */
static void
gather(unsigned count)
{
	static const char event[] = "{\"n\":1}";
	const struct batch_limits limits = {ROWS, 1 << 20, 0};
	struct row row = {.received_at = "2026-11-22 07:33:51.123456",
	    .payload = {event, sizeof(event) - 1}};

	batch_clear(&batch);
	for (row.line = 1; row.line <= count; row.line++)
		must(batch_add(&batch, &limits, 7, &row) == 1);
}

static void
check_refusals(struct db *db)
{
	static bool missing[ROWS];
	unsigned sifted = 0;

	gather(10);
	must(run(db, "CREATE TRIGGER refuse BEFORE INSERT ON logs "
		     "WHEN NEW.line=5 BEGIN "
		     "SELECT RAISE(ABORT, 'not five'); END") == DB_OK);
	must(db_begin(db) == DB_OK);
	is_number(db_store(db, &batch, 0, 10), DB_REFUSED,
	    "of many rows one is refused");
	is_number(rows(db), 0, "then none is stored");
	is_number(
	    db_store(db, &batch, 0, 4), DB_OK, "and the transaction goes on");
	is_number(
	    db_sift(db, &batch, 0, 10, missing), DB_OK, "sifted, others are");
	for (unsigned i = 0; i < 10; i++)
		sifted += missing[i] == (i == 4);
	is_number(sifted, 10, "it tells which one is missing, and no other");
	is_number(
	    db_store(db, &batch, 4, 1), DB_REFUSED, "refused by itself, too");
	is_text(db->error.text, "not five", "in the trigger's words");
	is_number(db_commit(db), DB_OK, "the rest is committed");
	is_number(rows(db), 9, "and there");
	is_number(db_commit(db) != DB_OK, true, "a COMMIT of nothing is none");
	must(run(db, "DROP TRIGGER refuse; ") == DB_OK);
	must(run(db, "DELETE FROM logs") == DB_OK);
}

static void
check_leavings(struct db *db)
{
	static bool missing[ROWS];

	gather(10);
	must(run(db, "CREATE TRIGGER leaves AFTER INSERT ON logs "
		     "WHEN NEW.line=5 BEGIN "
		     "SELECT RAISE(FAIL, 'not five'); END") == DB_OK);
	must(db_begin(db) == DB_OK);
	is_number(db_sift(db, &batch, 0, 10, missing), DB_REFUSED,
	    "a trigger refuses a row that stays: that cannot be sifted");
	is_number(rows(db), 0, "then none is stored");
	is_number(db_store(db, &batch, 4, 1), DB_REFUSED, "nor is it alone");
	is_text(db->error.text, "not five", "in the trigger's words");
	is_number(rows(db), 0, "and it does not stay");
	db_rollback(db);
	must(run(db, "DROP TRIGGER leaves") == DB_OK);
}

static void
check_gone(struct db *db)
{
	gather(1);
	must(run(db, "ALTER TABLE logs RENAME TO away") == DB_OK);
	must(db_begin(db) == DB_OK);
	is_number(db_store(db, &batch, 0, 1), DB_SCHEMA,
	    "a table that has gone since is no event's fault");
	is_number(db->cause, DB_CAUSE_NO_TABLE, "and known to be that");
	db_rollback(db);
	must(run(db, "ALTER TABLE away RENAME TO logs") == DB_OK);
}

static void
check_rollback(struct db *db)
{
	gather(10);
	must(run(db, "CREATE TRIGGER ends BEFORE INSERT ON logs "
		     "WHEN NEW.line=5 BEGIN "
		     "SELECT RAISE(ROLLBACK, 'all of it'); END") == DB_OK);
	must(db_begin(db) == DB_OK);
	is_number(db_store(db, &batch, 0, 10), DB_SCHEMA,
	    "a trigger ends the transaction: that is no row's fault alone");
	is_number(db_commit(db) != DB_OK, true, "nothing is committed");
	is_number(rows(db), 0, "nothing is there");
	db_rollback(db);
	is_number(db->open, true, "a ROLLBACK of nothing is well");
	must(run(db, "DROP TRIGGER ends") == DB_OK);
}

static void
check_full(struct db *db)
{
	gather(ROWS);
	(void)ask(db, "PRAGMA max_page_count=8");
	must(db_begin(db) == DB_OK);
	is_number(db_store(db, &batch, 0, ROWS), DB_PASSING,
	    "a disk that is full: it may pass");
	db_disconnect(db);
	must(db_connect(db) == DB_OK);
	is_number(rows(db), 0, "nothing of it is there");
	must(db_begin(db) == DB_OK);
	is_number(db_store(db, &batch, 0, ROWS), DB_OK, "until there is room");
	is_number(db_commit(db), DB_OK, "then all is committed");
	must(run(db, "DELETE FROM logs") == DB_OK);
}

static void *
hurry(void *db)
{
	(void)usleep(200 * 1000); /* mostly it waits by then */
	db_interrupt(db);
	return NULL;
}

static void
check_waiting(struct db *db)
{
	struct db *other = new_db();
	pthread_t thread;

	must(db_connect(other) == DB_OK);
	must(db_begin(other) == DB_OK);
	must(pthread_create(&thread, NULL, hurry, db) == 0);
	is_number(db_begin(db), DB_PASSING, "a wait for a writer is cut short");
	must(pthread_join(thread, NULL) == 0);
	db_rollback(other);
	db_free(other);
	db_disconnect(db);
	must(db_connect(db) == DB_OK);
	is_number(db_begin(db), DB_OK, "and the next session waits again");
	db_rollback(db);
}

static void
check_exchange(struct db *db)
{
	char away[sizeof(path) + 8];

	(void)snprintf(away, sizeof(away), "%s.away", path);
	gather(3);
	must(db_begin(db) == DB_OK);
	must(db_store(db, &batch, 0, 3) == DB_OK);
	must(rename(path, away) == 0);
	is_number(db_commit(db), DB_PASSING,
	    "the file was moved: a COMMIT would be for nobody");
	is_number(db->unanswered, false, "and is not in doubt");
	db_disconnect(db);
	must(rename(away, path) == 0);
	must(db_connect(db) == DB_OK);
	is_number(rows(db), 0, "it was not done");
}

int
main(void)
{
	char folder[] = "/tmp/logload-sqlite.XXXXXX";
	struct error err;
	struct db *db;

	if (&db_sqlite == NULL) {
		printf("1..0 # SKIP it was not built\n");
		return 0;
	}
	log_init("test", LOG_LEVEL_ERROR);
	must(mkdtemp(folder) != NULL);
	(void)snprintf(path, sizeof(path), "%s/logs.db", folder);
	must(columns_init(&columns, &err) == 0);
	must(columns_compile(&columns, &err) == 0);
	must(batch_init(&batch, &columns, BATCH_ROWS_MAX) == 0);
	db = new_db();
	must(db != NULL && db_connect(db) == DB_OK);
	check_refusals(db);
	check_leavings(db);
	check_gone(db);
	check_rollback(db);
	check_full(db);
	check_waiting(db);
	check_exchange(db);
	db_free(db);
	batch_release(&batch);
	columns_release(&columns);
	must(unlink(path) == 0);
	must(rmdir(folder) == 0);
	return tap_end();
}
