/*
 * logload-settle.c - what is in loaded/ is asked about in few statements,
 * however much it is, and only as often as it has to be; what the ledger lacks
 * is in ready/ then, and nothing else; the first to come is the first to go;
 * and a clock that is set makes nothing older.
 */
#include <fcntl.h>
#include <sys/stat.h>

#include "../../cmd/logload/db/db.h"
#include "../../cmd/logload/retry.h"
#include "../../cmd/logload/settle.h"
#include "clock.h"
#include "log.h"
#include "tap.h"

#define MANY 2000
#define LOST "-lost.ndjson"
#define SHORT_US 1500000
#define A "0123456789abcdef0123456789abcdef"
#define B "fedcba9876543210fedcba9876543210"

static struct spool spool;
static struct meters meters;
static struct stop stop;
static struct patience patience;
static struct error err;

/* A ledger that has all files but those named so. */
static struct {
	unsigned asked, left; /* statements; before it goes away */
	bool closed;
	const char *moved; /* meanwhile, back and forth, by somebody else */
} fake = {.left = UINT32_MAX};

static enum db_verdict
fake_ask(struct db *db, const char *sql, size_t len, struct db_answer *answer)
{
	static char count[24];
	unsigned known = 0;

	(void)db;
	fake.asked++;
	if (fake.moved != NULL) {
		int loaded = spool.dir[SPOOL_LOADED];

		must(renameat(loaded, fake.moved, loaded, "moved") == 0);
		must(renameat(loaded, "moved", loaded, fake.moved) == 0);
	}
	if (fake.left-- == 0)
		return DB_PASSING;
	for (size_t i = 0; i < len; i++)
		known += sql[i] == '\'';
	known /= 2;
	for (const char *p = sql, *end = sql + len;
	     (p = memmem(p, (size_t)(end - p), LOST, strlen(LOST))) != NULL;
	     p++)
		known--;
	(void)snprintf(count, sizeof(count), "%u", known);
	*answer = (struct db_answer){true, {count}};
	return DB_OK;
}

static enum db_verdict
fake_run(struct db *db, const char *sql, size_t len)
{
	(void)db, (void)sql, (void)len;
	return DB_OK;
}

static bool
fake_alive(struct db *db)
{
	(void)db;
	return true;
}

static void
fake_close(struct db *db)
{
	(void)db;
	fake.closed = true;
}

static const struct db_driver driver = {
    .dialect = {.name_quote = '"', .escaped = ""},
    .run = fake_run,
    .ask = fake_ask,
    .alive = fake_alive,
    .close = fake_close};
static const struct db_config config = {.driver = &driver, .ledger = "files"};

/* A new session, whose text of statements the caller releases. */
static struct db
connected(void)
{
	static struct db_table table;

	fake.asked = 0;
	return (struct db){.driver = &driver,
	    .config = &config,
	    .tables = &table,
	    .table_count = 1,
	    .table = &table,
	    .open = true,
	    .opened_ns = clock_monotonic_ns(),
	    .used_ns = clock_monotonic_ns()};
}

/* LOAD_DONE, or how it failed. */
static enum load_verdict
turn(struct settle *s, struct db *db, bool due)
{
	static struct worker w;
	enum load_verdict verdict;

	memset(&w, 0, sizeof(w));
	w.loader.db = db;
	w.trial.shared = &patience;
	return settle_connect(s, &w, due, &verdict) ? LOAD_DONE : verdict;
}

static void
put(enum spool_place place, const char *name)
{
	int fd = spool_create(spool.dir[place], name, O_WRONLY, 0600);

	must(fd >= 0);
	must(write(fd, "0123456789", 10) == 10);
	must(close(fd) == 0);
}

static uint64_t
files(enum spool_place place)
{
	struct spool_list list = {0};

	must(spool_scan(&spool, place, NULL, 0, &list, &err) == 0);
	return list.all_files;
}

static bool
has(enum spool_place place, const char *name)
{
	return faccessat(spool.dir[place], name, F_OK, 0) == 0;
}

static void
begin(struct settle *s, uint64_t for_us, uint64_t limit)
{
	struct settings settings = {
	    .settle_ns = for_us * 1000, .settle_limit = limit};

	memset(s, 0, sizeof(*s));
	must(settle_init(s, &settings, &spool, &meters, &stop) == 0);
}

static void
test_many(void)
{
	struct db db = connected();
	struct settle s;
	char name[64];

	for (int i = 0; i < MANY; i++) {
		(void)snprintf(name, sizeof(name), "%06d%s", i,
		    i % 400 == 7 ? LOST : ".ndjson");
		put(SPOOL_LOADED, name);
	}
	begin(&s, 3600 * CLOCK_US_PER_S, 0);
	is_number(turn(&s, &db, true), LOAD_DONE, "it is taken");
	ok(fake.asked <= MANY / DB_NAMES_MAX + 1 + 5 * 16,
	    "in few statements: %u", fake.asked);
	is_number((intmax_t)files(SPOOL_READY), 5, "what was lost is ready");
	is_number((intmax_t)files(SPOOL_LOADED), MANY - 5, "the rest stays");
	is_number((intmax_t)s.files, MANY - 5, "counted");
	fake.asked = 0;
	is_number(turn(&s, &db, false), LOAD_DONE, "once more");
	is_number(turn(&s, &db, true), LOAD_DONE, "and if due");
	is_number(fake.asked, 0, "nobody is asked over the same session");
	buf_release(&db.sql);
	db = connected();
	fake.left = 3;
	is_number(
	    turn(&s, &db, false), LOAD_PASSING, "a new one, which breaks");
	ok(fake.closed, "is closed");
	is_number((intmax_t)s.files, MANY - 5, "all are counted even so");
	fake.left = UINT32_MAX;
	buf_release(&db.sql);
	db = connected();
	is_number(turn(&s, &db, false), LOAD_DONE, "the next one");
	ok(fake.asked > MANY / DB_NAMES_MAX, "is asked about all");
	settle_release(&s);
	buf_release(&db.sql);
}

static void
clear(enum spool_place place)
{
	struct spool_list list = {0};

	must(spool_scan(&spool, place, NULL, SIZE_MAX, &list, &err) == 0);
	for (size_t i = 0; i < list.count; i++)
		must(
		    spool_remove(&spool, place, list.files[i].name, &err) == 0);
	spool_list_release(&list);
}

/* Names do not tell when a file was loaded. */
static void
test_limit(void)
{
	static const char *const names[] = {"9.ndjson", "5.ndjson", ("7" LOST),
	    "1.ndjson", "0.ndjson", "8.ndjson"};
	struct db db = connected();
	struct settle s;

	begin(&s, 3600 * CLOCK_US_PER_S, 30);
	for (int i = 0; i < 6; i++) {
		put(SPOOL_READY, names[i]);
		must(settle_put(&s, &db, names[i], 10, &err) == 0);
		/* Instants of files are coarse. */
		(void)usleep(20000);
	}
	is_number((intmax_t)files(SPOOL_LOADED), 3, "so many as there may be");
	ok(has(SPOOL_LOADED, "1.ndjson") && has(SPOOL_LOADED, "0.ndjson") &&
		has(SPOOL_LOADED, "8.ndjson"),
	    "those that came last");
	ok(has(SPOOL_READY, "7" LOST), "the ledger was asked about the others");
	is_number((intmax_t)files(SPOOL_READY), 1, "which are gone");
	put(SPOOL_READY, "big.ndjson");
	must(settle_put(&s, &db, "big.ndjson", 31, &err) == 0);
	is_number((intmax_t)files(SPOOL_LOADED), 3,
	    "what alone is over the limit drives nothing out");
	settle_measure(&s);
	ok(meter_get(&meters, METER_SETTLE_COVERED) < 3600,
	    "it covers less than it should");
	settle_release(&s);
	buf_release(&db.sql);
}

/* A file of rejected/ with a record of an event of that origin. */
static void
put_record(const char *name, const char *origin)
{
	char text[256];
	int fd = spool_create(spool.dir[SPOOL_REJECTED], name, O_WRONLY, 0600);
	int n = snprintf(text, sizeof(text),
	    "{\"file\":\"%s\",\"line\":1,\"offset\":0,\"code\":0,"
	    "\"text\":\"\",\"rejected_at\":\"\",\"event\":{}}\n",
	    origin);

	must(fd >= 0 && write(fd, text, (size_t)n) == n && close(fd) == 0);
}

/* Who loads it would write records that are not to be taken away. */
static void
test_back(void)
{
	struct db db = connected();
	int other = spool_claims_open(&spool, &err);
	struct settle s;

	must(other >= 0 && spool_claim(other, "1" LOST) == 1);
	for (int i = 1; i <= 3; i++) {
		char name[32];

		(void)snprintf(name, sizeof(name), "%d" LOST, i);
		put(SPOOL_LOADED, name);
		put_record(name, name);
	}
	put_record("4" LOST, "4" LOST);
	begin(&s, 3600 * CLOCK_US_PER_S, 0);
	is_number(turn(&s, &db, true), LOAD_DONE, "a turn");
	ok(has(SPOOL_LOADED, "1" LOST) && has(SPOOL_REJECTED, "1" LOST),
	    "what somebody is at is left to him");
	ok(has(SPOOL_READY, "2" LOST) && has(SPOOL_READY, "3" LOST),
	    "the others are back");
	ok(!has(SPOOL_REJECTED, "2" LOST) && !has(SPOOL_REJECTED, "3" LOST),
	    "and their records away");
	ok(has(SPOOL_REJECTED, "4" LOST), "not those of another file");
	is_number(spool_claim(other, "2" LOST), 1, "they may be loaded now");
	spool_release(other, "1" LOST);
	/* Instants of files are coarse. */
	(void)usleep(20000);
	fake.moved = "1" LOST;
	is_number(turn(&s, &db, true), LOAD_DONE, "once more");
	ok(has(SPOOL_LOADED, "1" LOST) && has(SPOOL_REJECTED, "1" LOST),
	    "the answer is of before he had loaded it");
	fake.moved = NULL;
	is_number(turn(&s, &db, true), LOAD_DONE, "once more");
	ok(has(SPOOL_READY, "1" LOST) && !has(SPOOL_REJECTED, "1" LOST),
	    "it is asked about again");
	settle_release(&s);
	must(close(other) == 0);
	buf_release(&db.sql);
}

static void
test_clock(void)
{
	struct db db = connected();
	struct settle s;
	uint64_t started = clock_monotonic_ns();

	put(SPOOL_LOADED, "a.ndjson");
	begin(&s, SHORT_US, 0);
	while (clock_monotonic_ns() - started < SHORT_US * 1100ULL)
		(void)usleep(10000);
	s.age.offset_us -= 3600 * CLOCK_US_PER_S; /* as if it was set now */
	is_number(turn(&s, &db, true), LOAD_DONE, "a turn");
	ok(has(SPOOL_LOADED, "a.ndjson"), "a clock that was set: it stays");
	started = clock_monotonic_ns();
	while (clock_monotonic_ns() - started < SHORT_US * 1100ULL)
		(void)usleep(10000);
	is_number(turn(&s, &db, true), LOAD_DONE, "a turn");
	ok(!has(SPOOL_LOADED, "a.ndjson"), "and goes when its time is over");
	settle_release(&s);
	buf_release(&db.sql);
}

/* It must not be taken for older than it is: nobody would ask about it. */
static void
test_archive(void)
{
	uint64_t wall, marked = 0;
	struct settle s;

	begin(&s, SHORT_US, 0);
	ok(spool_mark_read(&spool, &marked), "what is an archive is marked");
	ok(marked < clock_wall_us() - SHORT_US + CLOCK_US_PER_S,
	    "at the first start all that has settled");
	settle_release(&s);
	wall = clock_wall_us() + 3600 * CLOCK_US_PER_S;
	must(spool_mark_write(&spool, wall, &err) == 0);
	begin(&s, SHORT_US, 0);
	ok(spool_mark_read(&spool, &marked) && marked < clock_wall_us(),
	    "not what is to come, by a clock that was wrong");
	settle_release(&s);
	must(spool_mark_write(&spool, CLOCK_US_PER_S, &err) == 0);
	begin(&s, SHORT_US, 0);
	settle_measure(&s);
	ok(spool_mark_read(&spool, &marked) && marked == CLOCK_US_PER_S,
	    "nor what has settled without --keep");
	s.age.archive_us = clock_wall_us() - SHORT_US;
	s.age.offset_us += 3600 * CLOCK_US_PER_S; /* as if set back now */
	(void)age_look(&s.age);
	settle_measure(&s);
	ok(spool_mark_read(&spool, &marked) &&
		marked <= clock_wall_us() - SHORT_US,
	    "nor by one that is set back");
	settle_release(&s);
}

/* Which file of rejected/ it was, and under which name it was loaded. */
static void
test_names(void)
{
	char base[SPOOL_NAME_MAX], ledger[LOAD_NAME_MAX + 1];

	ok(retry_find_kept(
	       "a@retry-" A "+5@retried-" B ".ndjson", base, ledger),
	    "one that was loaded again has a name of its own");
	is_text(base, "a@retry-" A "+5.ndjson", "what it was");
	is_text(ledger, "a@retry-" B, "and how the ledger knows it");
	ok(!retry_find_kept("a@retry-" A ".ndjson", base, ledger),
	    "no other has");
}

int
main(void)
{
	char path[64];

	/* What it says of each file is not looked at here. */
	must(freopen("/dev/null", "w", stderr) != NULL);
	tap_scratch(path);
	must(spool_open(&spool, path, &err) == 0);
	must(stop_init(&stop, &err) == 0);
	meters_init(&meters);
	must(patience_init(&patience, &meters, &stop) == 0);
	test_many();
	clear(SPOOL_READY);
	clear(SPOOL_LOADED);
	test_limit();
	clear(SPOOL_READY);
	clear(SPOOL_LOADED);
	test_back();
	clear(SPOOL_READY);
	clear(SPOOL_REJECTED);
	test_clock();
	test_archive();
	test_names();
	patience_release(&patience);
	stop_release(&stop);
	spool_close(&spool);
	tap_remove_tree(path);
	return tap_end();
}
