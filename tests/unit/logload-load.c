/*
 * logload-load.c - what load.c makes of a database's verdicts, over a driver
 * that has none: what is refused is halved until the rows at fault are alone,
 * and each of those is one record, in the order of the file.
 */
#include <fcntl.h>
#include <sys/mman.h>
#include <unistd.h>

#include "../../cmd/logload/load.h"
#include "log.h"
#include "tap.h"

#define ROUNDS 300
#define LINES_MAX 200

static struct {
	enum db_verdict verdict; /* of store, where no row is at fault */
	struct batch_limits limits;
	unsigned closed;            /* sessions */
	unsigned closed_in_load;    /* of those, before its end */
	bool stored[LINES_MAX + 1]; /* by line */
	bool twice, torn_up;        /* a row twice; too many at a time */
	const char *progress;       /* of the file, in the ledger; NULL: none */
	bool gone;                  /* the ledger's line, by its end */
	bool breaks;                /* the connection, at a ROLLBACK */
	bool away, run_away;        /* closed; and a statement after that */
} fake;

static struct db *
fake_make(void)
{
	return calloc(1, sizeof(struct db));
}

static void
fake_free(struct db *db)
{
	free(db);
}

static enum db_verdict
fake_open(struct db *db)
{
	db->limits = fake.limits;
	fake.away = false;
	return DB_OK;
}

static void
fake_close(struct db *db)
{
	(void)db;
	fake.closed++;
	fake.away = true;
}

static enum db_verdict
fake_run(struct db *db, const char *sql, size_t len)
{
	db->changed = fake.gone ? 0 : 1;
	fake.run_away |= fake.away;
	if (fake.breaks && len == 8 && memcmp(sql, "ROLLBACK", len) == 0)
		return DB_PASSING;
	return DB_OK;
}

static enum db_verdict
fake_ask(struct db *db, const char *sql, size_t len, struct db_answer *answer)
{
	(void)db, (void)sql, (void)len;
	*answer = (struct db_answer){true,
	    {"1", "name", "0", "0", "0", "0", "0", "0", NULL, NULL, NULL}};
	if (fake.progress != NULL)
		answer->fields[6] = fake.progress;
	return DB_OK;
}

static enum db_verdict
fake_check(struct db *db, const char *table)
{
	(void)db, (void)table;
	return DB_OK;
}

/* Refuses rows whose payload has a member "bad". */
static enum db_verdict
fake_store(struct db *db, const struct batch *b, unsigned from, unsigned count)
{
	const struct batch_texts *payload = &b->texts[b->text_count - 1];

	fake.torn_up |= count == 0 || count > fake.limits.rows;
	(void)error_set(&db->error, "no such thing");
	if (fake.verdict != DB_OK)
		return fake.verdict;
	for (unsigned i = from; i < from + count; i++) {
		if (strncmp(payload->text[i], "{\"bad\"", 6) == 0)
			return DB_EVENT;
	}
	for (unsigned i = from; i < from + count; i++) {
		fake.twice |= fake.stored[b->line[i]];
		fake.stored[b->line[i]] = true;
	}
	return DB_OK;
}

static const struct db_driver fake_driver = {
    .dialect =
	{.name_quote = '"', .escaped = "", .begin = "", .lock = "", .now = ""},
    .make = fake_make,
    .free = fake_free,
    .open = fake_open,
    .close = fake_close,
    .run = fake_run,
    .ask = fake_ask,
    .check = fake_check,
    .store = fake_store,
};

/* Loads what is in the file, with records in that directory. */
static enum load_verdict
run(int fd, int dir, struct load_tally *tally)
{
	static const struct load_limits limits = {1 << 20, 1 << 20, 100};
	static struct option_list no_indexes;
	static struct meters meters;
	struct columns columns;
	struct db_config config = {.driver = &fake_driver,
	    .table = "logs",
	    .ledger = "log_files",
	    .columns = &columns,
	    .indexes = &no_indexes};
	struct source source;
	struct loader loader;
	struct error err;
	struct stop stop;
	struct load load;
	enum load_verdict got;

	must(lseek(fd, 0, SEEK_SET) == 0);
	meters_init(&meters);
	must(stop_init(&stop, &err) == 0);
	must(columns_init(&columns, &err) == 0);
	must(columns_compile(&columns, &err) == 0);
	must(loader_init(&loader, db_new(&config), &columns, &limits, dir,
		 ".rejected") == 0);
	loader.meters = &meters;
	loader.stop = &stop;
	must(db_connect(loader.db) == DB_OK);
	must(source_open(&source, fd, -1, &err) == 0);
	load_init(&load, &loader, &source, "name", false);
	fake.closed = 0;
	got = load_run(&load);
	*tally = load.tally;
	source_close(&source);
	fake.closed_in_load = fake.closed;
	loader_release(&loader);
	columns_release(&columns);
	stop_release(&stop);
	return got;
}

static int
make_file(void)
{
	int fd = memfd_create("events", MFD_CLOEXEC);

	must(fd >= 0);
	return fd;
}

static enum load_verdict
run_plain(enum db_verdict verdict, unsigned events, bool gone, int dir)
{
	struct load_tally tally;
	int fd = make_file();

	for (unsigned i = 0; i < events; i++)
		must(write(fd, "{\"a\":1}\n", 8) == 8);
	memset(&fake, 0, sizeof(fake));
	fake.verdict = verdict;
	fake.gone = gone;
	fake.limits = (struct batch_limits){16, 4096};
	return run(fd, dir, &tally);
}

/* The ledger is further than the loader knew, which then begins there. */
static enum load_verdict
run_moved(bool breaks, int dir)
{
	struct load_tally tally;
	int fd = make_file();

	must(write(fd, "{\"a\":1}\n{\"a\":2}\n", 16) == 16);
	memset(&fake, 0, sizeof(fake));
	fake.limits = (struct batch_limits){16, 4096};
	fake.progress = "8";
	fake.breaks = breaks;
	return run(fd, dir, &tally);
}

/* The lines of the records, as many as there are. */
static unsigned
read_records(int dir, unsigned lines[LINES_MAX])
{
	char text[LINES_MAX * 256], *p = text;
	int fd = openat(dir, "name.rejected", O_RDONLY | O_CLOEXEC);
	unsigned count = 0;
	ssize_t n;

	if (fd < 0)
		return 0;
	n = read(fd, text, sizeof(text) - 1);
	must(n >= 0 && close(fd) == 0);
	text[n] = '\0';
	while (count < LINES_MAX && (p = strstr(p, "\"line\":")) != NULL)
		lines[count++] = (unsigned)strtoul(p += 7, NULL, 10);
	return count;
}

/* Lines of three kinds at random: is each where it belongs, once? */
static bool
sorts(int dir, unsigned *seed, char *what, size_t size)
{
	static const char *const texts[] = {
	    "{\"a\":1}\n", "{\"bad\":1}\n", "no event\n"};
	unsigned records[LINES_MAX], kinds[LINES_MAX + 1];
	unsigned count = (unsigned)rand_r(seed) % LINES_MAX, at = 0, n;
	unsigned odd = (unsigned)rand_r(seed) % 100;
	struct load_tally tally;
	int fd = make_file();

	(void)unlinkat(dir, "name.rejected", 0);
	for (unsigned i = 1; i <= count; i++) {
		kinds[i] = (unsigned)rand_r(seed) % 100 >= odd
			       ? 0
			       : 1 + (unsigned)rand_r(seed) % 2;
		must(write(fd, texts[kinds[i]], strlen(texts[kinds[i]])) > 0);
	}
	memset(&fake, 0, sizeof(fake));
	fake.limits.rows = 1 + (unsigned)rand_r(seed) % 40;
	fake.limits.bytes = 300 + (size_t)rand_r(seed) % 5000;
	(void)snprintf(what, size, "%u lines, %u%% odd, %u rows or %zu bytes",
	    count, odd, fake.limits.rows, fake.limits.bytes);
	if (run(fd, dir, &tally) != LOAD_DONE || fake.twice || fake.torn_up)
		return false;
	n = read_records(dir, records);
	if (tally.rejected != n || tally.events != count - n)
		return false;
	for (unsigned i = 1; i <= count; i++) {
		if (fake.stored[i] != (kinds[i] == 0))
			return false;
		if (kinds[i] != 0 && (at == n || records[at++] != i))
			return false;
	}
	return at == n;
}

int
main(void)
{
	char path[] = "/tmp/logload-load.XXXXXX", what[128];
	struct tap_all all = {0};
	unsigned seed = 5;
	int dir;

	log_init("logload", LOG_LEVEL_ERROR);
	must(mkdtemp(path) != NULL);
	dir = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	must(dir >= 0);
	is_number(run_plain(DB_OK, 3, false, dir), LOAD_DONE,
	    "a database that takes all");
	is_number(fake.closed_in_load, 0, "stays connected");
	is_number(run_plain(DB_PASSING, 3, false, dir), LOAD_PASSING,
	    "one that has gone");
	is_number(fake.closed_in_load, 1, "is connected to anew");
	is_number(run_plain(DB_SCHEMA, 3, false, dir), LOAD_SCHEMA,
	    "one with another schema");
	is_number(fake.closed_in_load, 1,
	    "too: the tables are made where somebody has dropped them");
	is_number(run_plain(DB_OK, 3, true, dir), LOAD_SCHEMA,
	    "one whose ledger has lost the file's line");
	is_number(fake.closed_in_load, 1, "too: what was stored is taken back");
	is_number(
	    run_moved(false, dir), LOAD_DONE, "one that has a part already");
	is_number(run_moved(true, dir), LOAD_PASSING,
	    "one that goes when the loader has learnt of that");
	ok(!fake.run_away, "is asked nothing more before it is back");
	for (int i = 0; i < ROUNDS; i++) {
		bool good = sorts(dir, &seed, what, sizeof(what));

		tap_case(&all, good, "%s", what);
	}
	tap_all(&all, "each row is stored once or is a record, in order");
	(void)unlinkat(dir, "name.rejected", 0);
	ok(rmdir(path) == 0, "nothing else is left in the directory");
	(void)close(dir);
	return tap_end();
}
