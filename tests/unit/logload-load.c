/*
 * logload-load.c - what load.c makes of a database's verdicts, over a database
 * that is none.
 */
#include <fcntl.h>
#include <sys/mman.h>
#include <unistd.h>

#include "../../cmd/logload/load.h"
#include "tap.h"

struct fake {
	struct db db; /* first: the loader's handle */
	enum db_verdict verdict;
	unsigned disconnects, rollbacks;
};

static struct fake fake;

static enum db_verdict
fake_done(struct db *db)
{
	(void)db;
	return DB_OK;
}

static void
fake_disconnect(struct db *db)
{
	(void)db;
	fake.disconnects++;
}

static void
fake_rollback(struct db *db)
{
	(void)db;
	fake.rollbacks++;
}

static void
fake_free(struct db *db)
{
	(void)db;
}

static enum db_verdict
fake_claim(
    struct db *db, const char *name, uint64_t bytes, struct db_file *file)
{
	(void)db, (void)name;
	memset(file, 0, sizeof(*file));
	file->bytes = bytes;
	return DB_OK;
}

static enum db_verdict
fake_save(struct db *db, const struct db_file *file)
{
	(void)db, (void)file;
	return DB_OK;
}

static enum db_verdict
fake_load(struct db *db, const struct db_file *file, struct db_rows *rows)
{
	const struct db_row *row;
	int rc;

	(void)file;
	while ((rc = rows->next(rows->context, &row)) > 0)
		rows->sent++;
	if (rc < 0)
		return DB_SOURCE;
	(void)error_set(&db->error, "no such thing");
	return fake.verdict;
}

static const struct db_ops fake_ops = {
    .disconnect = fake_disconnect,
    .free = fake_free,
    .begin = fake_done,
    .commit = fake_done,
    .rollback = fake_rollback,
    .savepoint = fake_done,
    .rewind = fake_done,
    .claim = fake_claim,
    .save = fake_save,
    .load = fake_load,
};

/* Loads so many events, each load ending in that verdict. */
static enum load_verdict
run(enum db_verdict verdict, unsigned events)
{
	static const struct load_limits limits = {1 << 20, 1 << 20, 100};
	static struct meters meters;
	struct columns columns;
	struct source source;
	struct loader loader;
	struct error err;
	struct stop stop;
	struct load load;
	enum load_verdict got;
	int fd = memfd_create("events", MFD_CLOEXEC);
	int dir = open(".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	must(fd >= 0 && dir >= 0);
	for (unsigned i = 0; i < events; i++)
		must(write(fd, "{\"a\":1}\n", 8) == 8);
	must(lseek(fd, 0, SEEK_SET) == 0);
	fake = (struct fake){.db = {.ops = &fake_ops}, .verdict = verdict};
	meters_init(&meters);
	must(stop_init(&stop, &err) == 0);
	must(columns_init(&columns, &err) == 0);
	must(columns_compile(&columns, &err) == 0);
	must(loader_init(
		 &loader, &fake.db, &columns, &limits, dir, ".rejected") == 0);
	loader.meters = &meters;
	loader.stop = &stop;
	must(source_open(&source, fd, -1, &err) == 0);
	load_init(&load, &loader, &source, "name", false);
	got = load_run(&load);
	source_close(&source);
	loader_release(&loader);
	columns_release(&columns);
	stop_release(&stop);
	(void)close(dir);
	return got;
}

int
main(void)
{
	is_number(run(DB_OK, 3), LOAD_DONE, "a database that takes all");
	is_number(fake.disconnects, 0, "stays connected");
	is_number(run(DB_PASSING, 3), LOAD_PASSING, "one that has gone");
	is_number(fake.disconnects, 1, "is connected to anew");
	is_number(run(DB_SCHEMA, 3), LOAD_SCHEMA, "one with another schema");
	is_number(fake.disconnects, 1,
	    "too: the tables are made where somebody has dropped them");
	return tap_end();
}
