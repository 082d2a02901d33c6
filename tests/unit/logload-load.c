/*
 * logload-load.c - what load.c makes of a database's verdicts, over a driver
 * that has none: what is refused is halved until the rows at fault are alone,
 * and each of those is one record, in the order of the file.
 */
#include <dirent.h>
#include <fcntl.h>
#include <limits.h>
#include <sys/mman.h>
#include <unistd.h>

#include "../../cmd/logload/load.h"
#include "log.h"
#include "tap.h"

#define ROUNDS 300
#define LINES_MAX 200
#define MANY 50000 /* lines of a file of 10 MB, as a spool has it */
#define SKIMMED (300 + 10 * 1024) /* one that is tried, see store.c */

static struct {
	enum db_verdict verdict; /* of store, where no row is at fault */
	struct batch_limits limits;
	unsigned closed;         /* sessions */
	unsigned closed_in_load; /* of those, before its end */
	bool stored[MANY + 1];   /* by line */
	bool twice, torn_up;     /* a row twice; too many at a time */
	bool probes;             /* what is stored is taken back */
	bool sifts;              /* it can */
	unsigned asked;          /* statements */
	unsigned taken, most;    /* rows; that the table takes, 0: any */
	unsigned at_once;        /* the most rows of a store */
	unsigned grows;          /* limits.rows after that; 0: they stay */
	uint64_t rate;           /* of the loader; 0: none */
	enum db_cause cause;     /* of what is refused */
	bool there;              /* what is asked for */
	const char *progress;    /* of the file, in the ledger; NULL: none */
	bool gone;               /* the ledger's line, by its end */
	bool begun, breaks;      /* the connection, at its ROLLBACK */
	bool away, run_away;     /* closed; and a statement after that */
	unsigned lacks;          /* so often something that DDL makes */
	bool made_within;        /* and that was within a transaction */
	const char *template;    /* of many tables; NULL: one */
	char saved[2][21];       /* then: how far it is, and its lines */
	unsigned others;         /* rows in the other one, */
	bool other;              /* which is being stored into */
	/* Of the first COMMIT of a load; then another loader has done it. */
	enum db_verdict refused, commit;
	bool unanswered, done;
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
	fake.away = fake.begun = false;
	return DB_OK;
}

static void
fake_close(struct db *db)
{
	(void)db;
	fake.closed++;
	fake.away = true;
}

static void
save(const char *sql, size_t len)
{
	char text[512], *p;

	(void)snprintf(text, sizeof(text), "%.*s", (int)len, sql);
	p = strstr(text, "progress=");
	if (p != NULL)
		must(sscanf(p, "progress=%20[0-9], \"lines\"=%20[0-9]",
			 fake.saved[0], fake.saved[1]) == 2);
}

static enum db_verdict
fake_run(struct db *db, const char *sql, size_t len)
{
	db->changed = fake.gone ? 0 : 1;
	fake.asked++;
	fake.run_away |= fake.away;
	if (strncmp(sql, "SAVEPOINT", 9) == 0)
		fake.probes = true;
	if (strncmp(sql, "ROLLBACK TO", 11) == 0)
		fake.probes = false;
	if (strncmp(sql, "BEGIN", 5) == 0)
		fake.begun = true;
	if (fake.template != NULL && strncmp(sql, "UPDATE", 6) == 0)
		save(sql, len);
	if (len == 8 && memcmp(sql, "ROLLBACK", len) == 0) {
		if (fake.begun && fake.breaks)
			return DB_PASSING;
		fake.begun = false;
	}
	if (fake.commit == DB_OK || len != 6 || memcmp(sql, "COMMIT", len) != 0)
		return DB_OK;
	db->unanswered = fake.unanswered;
	fake.done = true;
	return fake.commit;
}

static enum db_verdict
fake_ask(struct db *db, const char *sql, size_t len, struct db_answer *answer)
{
	(void)db, (void)len;
	fake.asked++;
	*answer = (struct db_answer){true,
	    {"1", "name", "0", "0", "0", "0", "0", "0", NULL, NULL, NULL}};
	if (strncmp(sql, "SELECT 1 ", 9) == 0)
		answer->found = fake.there;
	if (fake.progress != NULL)
		answer->fields[6] = fake.progress;
	for (int i = 0; i < 2 && fake.saved[i][0] != '\0'; i++)
		answer->fields[6 + i] = fake.saved[i];
	if (fake.done) {
		answer->fields[6] = "8";
		answer->fields[8] = "now";
	}
	return DB_OK;
}

static enum db_verdict
fake_check(struct db *db, const char *table)
{
	(void)table;
	fake.made_within |= fake.begun;
	db->table->own_key = true;
	db->table->bounds.no_nul = true;
	return DB_OK;
}

static bool
is_bad(const struct batch *b, unsigned row)
{
	return strncmp(b->texts[b->text_count - 1].text[row], "{\"bad\"", 6) ==
	       0;
}

static void
take(const struct batch *b, unsigned row)
{
	if (fake.probes)
		return;
	fake.others += fake.other;
	fake.twice |= fake.stored[b->line[row]];
	fake.stored[b->line[row]] = true;
	fake.taken++;
}

/* Refuses rows whose payload has a member "bad", and all when it is full. */
static enum db_verdict
fake_store(struct db *db, const struct batch *b, unsigned from, unsigned count)
{
	fake.asked++;
	fake.other = strcmp(db->table->name, "other") == 0;
	fake.at_once = count > fake.at_once ? count : fake.at_once;
	if (fake.grows > 0)
		db->limits.rows = fake.grows;
	fake.torn_up |= count == 0 || count > fake.limits.rows;
	(void)error_set(&db->error, "no such thing");
	db->cause = fake.cause;
	if (fake.verdict != DB_OK)
		return fake.verdict;
	if (strcmp(db->table->name, "of_deaf") == 0)
		return DB_REFUSED;
	if (fake.lacks > 0 && is_bad(b, from)) {
		fake.lacks--;
		return DB_PREPARE;
	}
	if (fake.most > 0 && fake.taken + count > fake.most)
		return DB_REFUSED;
	for (unsigned i = from; i < from + count; i++) {
		if (is_bad(b, i))
			return DB_REFUSED;
	}
	for (unsigned i = from; i < from + count; i++)
		take(b, i);
	return DB_OK;
}

static enum db_verdict
fake_sift(struct db *db, const struct batch *b, unsigned from, unsigned count,
    bool *missing)
{
	(void)db;
	fake.asked++;
	if (!fake.sifts)
		return DB_REFUSED;
	for (unsigned i = 0; i < count; i++) {
		missing[i] = is_bad(b, from + i);
		if (!missing[i])
			take(b, from + i);
	}
	return DB_OK;
}

static bool
fake_alive(struct db *db)
{
	(void)db;
	return true;
}

static const struct db_driver fake_driver = {
    .dialect = {.name_quote = '"',
	.escaped = "",
	.begin = "BEGIN",
	.same = "",
	.lock = "",
	.nth = " LIMIT 1 OFFSET %u",
	.now = ""},
    .make = fake_make,
    .free = fake_free,
    .open = fake_open,
    .close = fake_close,
    .alive = fake_alive,
    .run = fake_run,
    .ask = fake_ask,
    .check = fake_check,
    .store = fake_store,
    .sift = fake_sift,
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
	    .indexes = &no_indexes,
	    .uniques = &no_indexes};
	struct route *route = NULL;
	struct source source;
	struct loader loader;
	struct error err;
	struct rate rate;
	struct stop stop;
	struct load load;
	enum load_verdict got;

	must(lseek(fd, 0, SEEK_SET) == 0);
	meters_init(&meters);
	must(stop_init(&stop, &err) == 0);
	must(columns_init(&columns, &err) == 0);
	if (fake.template != NULL) {
		config.table = fake.template;
		config.table_most = config.table_room = 3;
		config.other_table = "other";
		route = route_new(&config,
		    strchr(fake.template, '{') == NULL ? NULL : "*", &columns,
		    &err);
		must(route != NULL);
	}
	must(columns_compile(&columns, &err) == 0);
	must(loader_init(&loader, db_new(&config), &columns, &limits, dir,
		 ".rejected") == 0);
	loader.meters = &meters;
	loader.stop = &stop;
	loader.route = route;
	rate_init(&rate, fake.rate);
	loader.rate = fake.rate > 0 ? &rate : NULL;
	must(db_connect(loader.db) == DB_OK);
	must(source_open(&source, fd, -1, &err) == 0);
	load_init(&load, &loader, &source, "name", false);
	fake.closed = 0;
	fake.commit = fake.refused;
	got = load_run(&load);
	fake.commit = DB_OK;
	if (fake.done && db_connect(loader.db) == DB_OK)
		got = load_run(&load);
	*tally = load.tally;
	source_close(&source);
	fake.closed_in_load = fake.closed;
	loader_release(&loader);
	route_free(route);
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
	fake.limits = (struct batch_limits){16, 4096, 0};
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
	fake.limits = (struct batch_limits){16, 4096, 0};
	fake.progress = "8";
	fake.breaks = breaks;
	return run(fd, dir, &tally);
}

/* A COMMIT fails, and then the ledger has that file as loaded. */
static enum load_verdict
run_refused(enum db_verdict verdict, bool unanswered, int dir)
{
	struct load_tally tally;
	int fd = make_file();

	must(write(fd, "{\"a\":1}\n", 8) == 8);
	memset(&fake, 0, sizeof(fake));
	fake.limits = (struct batch_limits){16, 4096, 0};
	fake.refused = verdict;
	fake.unanswered = unanswered;
	return run(fd, dir, &tally);
}

/* The table lacks something for one of the rows, so often. */
static enum load_verdict
run_lacking(unsigned times, int dir)
{
	struct load_tally tally;
	int fd = make_file();

	must(write(fd, "{\"a\":1}\n{\"bad\":2}\n{\"a\":3}\n", 26) == 26);
	memset(&fake, 0, sizeof(fake));
	fake.limits = (struct batch_limits){1, 4096, 0};
	fake.lacks = times;
	return run(fd, dir, &tally);
}

/* Lines of these, by turns, into many tables. */
static enum load_verdict
run_many_tables(const char *template, const char *const *events, unsigned kinds,
    int dir, struct load_tally *tally)
{
	int fd = make_file();

	memset(&fake, 0, sizeof(fake));
	fake.limits = (struct batch_limits){7, 4096, 0};
	fake.template = template;
	for (unsigned i = 0; i < 90; i++)
		must(dprintf(fd, "%s", events[i % kinds]) > 0);
	(void)unlinkat(dir, "name.rejected", 0);
	return run(fd, dir, tally);
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
	    "{\"a\":1}\n", "{\"bad\":1}\n", "{no event\n"};
	unsigned records[LINES_MAX], kinds[LINES_MAX + 1], of_kind[3] = {0};
	unsigned count = (unsigned)rand_r(seed) % LINES_MAX, at = 0, n;
	unsigned odd = (unsigned)rand_r(seed) % 100;
	enum load_verdict verdict;
	struct load_tally tally;
	int fd = make_file();

	(void)unlinkat(dir, "name.rejected", 0);
	for (unsigned i = 1; i <= count; i++) {
		kinds[i] = (unsigned)rand_r(seed) % 100 >= odd
			       ? 0
			       : 1 + (unsigned)rand_r(seed) % 2;
		of_kind[kinds[i]]++;
		must(write(fd, texts[kinds[i]], strlen(texts[kinds[i]])) > 0);
	}
	memset(&fake, 0, sizeof(fake));
	fake.limits.rows = 1 + (unsigned)rand_r(seed) % 40;
	fake.sifts = rand_r(seed) % 2 == 0;
	fake.limits.bytes = 300 + (size_t)rand_r(seed) % 5000;
	(void)snprintf(what, size, "%u lines, %u%% odd, %u rows or %zu bytes",
	    count, odd, fake.limits.rows, fake.limits.bytes);
	verdict = run(fd, dir, &tally);
	if (of_kind[0] == 0 && of_kind[1] > 0) /* nothing to go by */
		return verdict == LOAD_REFUSED && tally.rejected == 0;
	if (verdict != LOAD_DONE || fake.twice || fake.torn_up)
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

/* So many bad lines, and a good one before the one of that number. */
static enum load_verdict
run_many(unsigned bad, unsigned good_at, int dir, struct load_tally *tally)
{
	int fd = make_file();
	FILE *f = fdopen(dup(fd), "w");

	must(f != NULL);
	for (unsigned i = 0; i <= bad; i++) {
		if (i == good_at)
			(void)fputs("{\"a\":1}\n", f);
		if (i < bad)
			(void)fputs("{\"bad\":1}\n", f);
	}
	must(fclose(f) == 0);
	(void)unlinkat(dir, "name.rejected", 0);
	return run(fd, dir, tally);
}

static void
begin_many(bool sifts)
{
	memset(&fake, 0, sizeof(fake));
	fake.limits = (struct batch_limits){BATCH_ROWS_MAX, 1 << 20, 0};
	fake.sifts = sifts;
}

static void
test_refused_whole(int dir)
{
	struct load_tally t;
	int fd = make_file();

	for (int sifts = 0; sifts < 2; sifts++) {
		begin_many(sifts);
		is_number(run_many(MANY - 1, MANY, dir, &t), LOAD_REFUSED,
		    "a file of which all is refused");
		ok(fake.asked <= 500, "is known to be by %u statements",
		    fake.asked);
		ok(faccessat(dir, "name.rejected", F_OK, 0) < 0,
		    "and rejects nothing");
	}
	begin_many(true);
	is_number(run_many(MANY - 1, MANY - 1, dir, &t), LOAD_DONE,
	    "but with one that is stored at its end");
	ok(t.events == 1 && t.rejected == MANY - 1, "all others are rejected");
	begin_many(false);
	is_number(run_many(MANY - 1, SKIMMED, dir, &t), LOAD_DONE,
	    "or where a skimmed one is stored");
	ok(t.events == 1 && t.rejected == MANY - 1, "they are, too");
	begin_many(false);
	is_number(run_many(250, 250, dir, &t), LOAD_DONE,
	    "in a small file, whichever it is");
	begin_many(false);
	fake.cause = DB_CAUSE_DUPLICATE;
	is_number(run_many(1000, MANY, dir, &t), LOAD_DONE, "duplicates");
	ok(t.events == 0 && t.rejected == 1000, "need no witness");
	begin_many(false);
	fake.cause = DB_CAUSE_DUPLICATE;
	fake.there = true;
	is_number(run_many(1000, MANY, dir, &t), LOAD_DONE, "or are there");
	ok(t.events == 1000 && t.rejected == 0, "and count as loaded");
	begin_many(false);
	fake.limits.rows = 10;
	fake.most = 100;
	(void)unlinkat(dir, "name.rejected", 0);
	for (int i = 0; i < 1000; i++)
		must(write(fd, "{\"a\":1}\n", 8) == 8);
	is_number(run(fd, dir, &t), LOAD_SCHEMA,
	    "a table that takes no more rows amid a file");
	ok(faccessat(dir, "name.rejected", F_OK, 0) < 0, "rejects none");
	begin_many(false);
	fake.limits.rows = fake.grows = BATCH_ROWS_MAX;
	fake.rate = 4000;
	fd = make_file();
	for (int i = 0; i < 1000; i++)
		must(write(fd, "{\"a\":1}\n", 8) == 8);
	is_number(run(fd, dir, &t), LOAD_DONE, "a table that takes all");
	ok(fake.at_once > 0 && fake.at_once <= 4000 / RATE_BURSTS + 1,
	    "at a rate it does so in small batches, whatever the driver has");
}

/* Of the records of many chunks. */
static void
empty(int dir)
{
	DIR *d = fdopendir(dup(dir));
	struct dirent *entry;

	must(d != NULL);
	while ((entry = readdir(d)) != NULL) {
		if (entry->d_name[0] != '.')
			must(unlinkat(dir, entry->d_name, 0) == 0);
	}
	(void)closedir(d); /* only read from */
}

#define DAY(n) "{\"@received_at\":\"2026-01-0" n "T00:00:00Z\"}\n"

static void
test_many_tables(int dir)
{
	static const char *const events[] = {"{\"a\":1,\"event\":\"x\"}\n",
	    "{\"a\":1,\"event\":\"y\"}\n", "{\"a\":1}\n",
	    "{\"bad\":1,\"event\":\"y\"}\n", "{\"a\":1,\"event\":\"deaf\"}\n"};
	static const char *const days[] = {
	    DAY("1"), DAY("2"), DAY("3"), DAY("4"), DAY("5")};
	static const char *const odd[] = {DAY("1"), DAY("2"), DAY("3"),
	    "{\"@received_at\":\"2026-01-04T00:00:00Z\",\"a\":\"\\u0000\"}\n",
	    DAY("5")};
	struct load_tally t;

	is_number(run_many_tables("of_{event}", events, 3, dir, &t), LOAD_DONE,
	    "rows of three tables by turns");
	ok(t.events == 90 && !fake.twice && !fake.made_within &&
		fake.others == 30,
	    "are stored once, those without a name in the other one");
	is_number(run_many_tables("of_{event}", events, 4, dir, &t), LOAD_DONE,
	    "where one refuses some");
	ok(t.events + t.rejected == 90 && t.rejected == 22, "they are records");
	is_number(run_many_tables("of_{event}", events, 5, dir, &t),
	    LOAD_REFUSED, "to one that takes none others are no witness");
	ok(faccessat(dir, "name.rejected", F_OK, 0) < 0,
	    "and none is a record");
	is_number(run_many_tables("on_%d", days, 5, dir, &t), LOAD_DONE,
	    "of more tables than may be at a time");
	ok(t.events == 90 && !fake.twice && !fake.made_within &&
		fake.others == 0,
	    "each has its own: the chunk ends, and not which one is whose");
	is_number(run_many_tables("on_%d", odd, 5, dir, &t), LOAD_DONE,
	    "where the database could not have some");
	ok(t.events == 72 && t.rejected == 18 && !fake.twice,
	    "each of these is rejected once: it ends no chunk");
	empty(dir);
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
	is_number(run_plain(DB_CONFLICT, 3, false, dir), LOAD_CONFLICT,
	    "one with a conflict");
	is_number(fake.closed_in_load, 0, "stays connected");
	is_number(run_plain(DB_TOO_LARGE, 3, false, dir), LOAD_SCHEMA,
	    "one that takes no transaction, however small");
	is_number(run_refused(DB_PASSING, true, dir), LOAD_DONE,
	    "what a commit without an answer has led to is ours");
	is_number(run_refused(DB_CONFLICT, false, dir), LOAD_SKIPPED,
	    "after a refused one it is another's");
	is_number(
	    run_moved(false, dir), LOAD_DONE, "one that has a part already");
	is_number(run_moved(true, dir), LOAD_PASSING,
	    "one that goes when the loader has learnt of that");
	ok(!fake.run_away, "is asked nothing more before it is back");
	is_number(run_lacking(2, dir), LOAD_DONE,
	    "what the rows lack is made, and the chunk begun anew");
	ok(!fake.made_within && fake.closed_in_load == 0,
	    "between two transactions of one session");
	is_number(run_lacking(UINT_MAX, dir), LOAD_SCHEMA,
	    "but not for ever where that does not help");
	for (int i = 0; i < ROUNDS; i++) {
		bool good = sorts(dir, &seed, what, sizeof(what));

		tap_case(&all, good, "%s", what);
	}
	tap_all(&all, "each row is stored once or is a record, in order");
	test_refused_whole(dir);
	test_many_tables(dir);
	(void)unlinkat(dir, "name.rejected", 0);
	ok(rmdir(path) == 0, "nothing else is left in the directory");
	(void)close(dir);
	return tap_end();
}
