/*
 * logload-partitions.c - which partitions are made, for whatever instant, over
 * a database that has none: those of whole periods, cut to the gap that is
 * there, near now, and no more than so many.
 */
#include "../../cmd/logload/db/db.h"
#include "../../cmd/logload/db/partitions.h"
#include "clock.h"
#include "tap.h"

#define MOST 1000
#define DAY_US (86400 * (int64_t)CLOCK_US_PER_S)

/* The table: what it has, as lines, and what was asked of it. */
static struct {
	bool contiguous;
	struct db_partition parts[MOST];
	unsigned count, adds, most; /* most: of one add */
	enum db_verdict refuses;
	char text[128 * MOST];
} fake;

static int
by_from(const void *a, const void *b)
{
	const struct db_partition *p = a, *q = b;

	return memcmp(p->from, q->from, sizeof(p->from));
}

static void
have(const char *from, const char *to, const char *name)
{
	struct db_partition *p = &fake.parts[fake.count++];

	memset(p, 0, sizeof(*p));
	(void)snprintf(p->from, sizeof(p->from), "%s", from);
	(void)snprintf(p->to, sizeof(p->to), "%s", to);
	p->name = name;
	qsort(fake.parts, fake.count, sizeof(*p), by_from);
}

static int
put_list(struct buf *b, const struct db_config *c, const char *table)
{
	(void)c, (void)table;
	return buf_printf(b, "list");
}

static enum db_verdict
fake_ask(struct db *db, const char *sql, size_t len, struct db_answer *answer)
{
	size_t at = 0;

	(void)db, (void)sql, (void)len;
	fake.text[0] = '\0';
	for (unsigned i = 0; i < fake.count; i++)
		at += (size_t)snprintf(fake.text + at, sizeof(fake.text) - at,
		    "%s\t%s\t%s\n", fake.contiguous ? "" : fake.parts[i].from,
		    fake.parts[i].to, fake.parts[i].name);
	*answer = (struct db_answer){true, {"", fake.text}};
	return DB_OK;
}

static enum db_verdict
fake_run(struct db *db, const char *sql, size_t len)
{
	(void)db, (void)sql, (void)len;
	return DB_OK;
}

static enum db_verdict
fake_add(struct db *db, const char *table, const struct db_partition *parts,
    unsigned count, const struct db_partition *over)
{
	(void)table;
	fake.adds++;
	fake.most = count > fake.most ? count : fake.most;
	(void)error_set(&db->error, "rows are there");
	if (fake.refuses != DB_OK)
		return fake.refuses;
	for (unsigned i = 0; over != NULL && i < fake.count; i++) {
		struct db_partition *p = &fake.parts[i];

		/* The open one keeps the rest. */
		if (strcmp(p->name, over->name) != 0 || !fake.contiguous)
			continue;
		if (p->from[0] == '\0')
			memcpy(p->to, parts[0].from, sizeof(p->to));
		else
			memcpy(p->from, parts[count - 1].to, sizeof(p->from));
	}
	for (unsigned i = 0; i < count; i++)
		have(parts[i].from, parts[i].to, "made");
	return DB_OK;
}

static const struct db_partitioning partitioning = {
    .put_list = put_list, .add = fake_add};
static const struct db_partitioning contiguous = {
    .contiguous = true, .put_list = put_list, .add = fake_add};
static struct db_driver driver = {.run = fake_run, .ask = fake_ask};
static struct db_config config = {
    .driver = &driver, .period = DB_PERIOD_DAY, .table = "logs"};
static struct db_table logs = {.name = "logs"};
static struct db db = {.driver = &driver,
    .config = &config,
    .tables = &logs,
    .table_count = 1,
    .table = &logs};

static void
begin(bool fills)
{
	memset(&fake, 0, sizeof(fake));
	fake.contiguous = fills;
	driver.partitioning = fills ? &contiguous : &partitioning;
	partitions_release(&logs.partitions);
	memset(&logs.partitions, 0, sizeof(logs.partitions));
	config.period = DB_PERIOD_DAY;
	config.retain_ns = 0;
	config.catch_all = false;
}

/* So many days from the beginning of the present one. */
static const char *
day(int days)
{
	static char out[8][DB_INSTANT_LEN + 1];
	static unsigned next;
	char *text = out[next++ % 8];

	value_stamp(period_begin(DB_PERIOD_DAY, (int64_t)clock_wall_us()) +
			days * DAY_US,
	    text);
	return text;
}

/* Does a row of that instant lack one? */
static bool
lacks(const char *at)
{
	struct batch_texts texts = {.text = &at};
	struct batch batch = {.count = 1, .text_count = 1, .texts = &texts};

	return partitions_lack(&db, &batch, 0, 1);
}

static bool
is_there(const char *from, const char *to)
{
	for (unsigned i = 0; i < fake.count; i++) {
		if (strcmp(fake.parts[i].from, from) == 0 &&
		    strcmp(fake.parts[i].to, to) == 0)
			return true;
	}
	return false;
}

static void
prepare(const char *name)
{
	is_number(partitions_prepare(&db, true), DB_OK, name);
}

static void
test_periods(void)
{
	static const struct {
		enum db_period period;
		const char *begin, *next, *name;
	} cases[] = {
	    {DB_PERIOD_HOUR, "2024-02-29 23:00:00.000000",
		"2024-03-01 00:00:00.000000", "p2024022923"},
	    {DB_PERIOD_DAY, "2024-02-29 00:00:00.000000",
		"2024-03-01 00:00:00.000000", "p20240229"},
	    {DB_PERIOD_MONTH, "2024-02-01 00:00:00.000000",
		"2024-03-01 00:00:00.000000", "p202402"},
	};
	int64_t us = clock_from_civil(2024, 2, 29, 23, 59, 59, 999999);
	char text[DB_INSTANT_LEN + 1], name[PARTITION_NAME_LEN + 1];

	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		enum db_period period = cases[i].period;
		int64_t from = period_begin(period, us);

		value_stamp(from, text);
		is_text(text, cases[i].begin, "where a period begins");
		partition_name(period, text, name);
		is_text(name, cases[i].name, "what it is called");
		value_stamp(period_move(period, from, 1), text);
		is_text(text, cases[i].next, "where the next one begins");
	}
	value_stamp(period_begin(DB_PERIOD_DAY, -1), text);
	is_text(text, "1969-12-31 00:00:00.000000", "before 1970, too");
	value_stamp(period_move(DB_PERIOD_MONTH,
			clock_from_civil(2026, 11, 1, 0, 0, 0, 0), -23),
	    text);
	is_text(text, "2024-12-01 00:00:00.000000", "months over years");
}

static void
test_gaps(void)
{
	char noon[DB_INSTANT_LEN + 1];

	begin(false);
	prepare("a table without any");
	ok(is_there(day(0), day(1)) && is_there(day(1), day(2)) &&
		fake.count == 2,
	    "gets that of the day, and the next");
	fake.adds = 0;
	prepare("once more");
	is_number(fake.adds, 0, "nothing is made twice");
	ok(!lacks(day(0)) && !lacks(day(1)), "what is there is not lacking");
	ok(lacks(day(-30)) && lacks(day(2)), "what is near is");
	prepare("made when it is wanted");
	ok(is_there(day(-30), day(-29)) && is_there(day(2), day(3)) &&
		fake.count == 4,
	    "a day each, and none in between");
	ok(!lacks(day(-30)) && logs.partitions.wanted_count == 0,
	    "and then it is there");
	ok(!lacks(day(-PARTITIONS_BACK - 1)) && !lacks(day(3)) &&
		!lacks("1970-01-01 00:00:00.000000") &&
		!lacks("2999-01-01 00:00:00.000000"),
	    "none is made for what is far");
	ok(partitions_reject(&db, 0, day(-PARTITIONS_BACK - 1)) &&
		partitions_reject(&db, 0, day(3)) &&
		!partitions_reject(&db, 0, day(2)) &&
		!partitions_reject(&db, 0, day(-PARTITIONS_BACK)),
	    "which is rejected");
	config.catch_all = true;
	ok(!partitions_reject(&db, 0, day(3)), "or not, where one takes all");

	begin(false);
	memcpy(noon, day(-3), sizeof(noon));
	noon[12] = '2'; /* at two in the night */
	have("2001-01-01 00:00:00.000000", noon, "old");
	have(day(-2), "2999-01-01 00:00:00.000000", "new");
	prepare("a table with ranges of its own");
	is_number(fake.count, 2, "it has all that is to come");
	ok(!partitions_reject(&db, 0, day(-PARTITIONS_BACK - 1)),
	    "what is far has its place there");
	ok(lacks(day(-2)) == false && !lacks(day(-3)), "and what is near");
	noon[12] = '9';
	ok(lacks(noon), "but for a gap");
	noon[12] = '2';
	prepare("which is filled");
	ok(is_there(noon, day(-2)), "and no more than that");
}

static void
test_no_gaps(void)
{
	begin(true);
	have("", day(0), "past");
	have(day(0), day(1), "made");
	prepare("a table without gaps");
	ok(is_there(day(1), day(2)), "the next one");
	ok(lacks(day(-3)), "one is missing that is older");
	prepare("made");
	ok(is_there("", day(-3)) && is_there(day(-3), day(-2)) &&
		is_there(day(-1), day(0)) && fake.count == 6,
	    "with those up to what was there");

	begin(true);
	have("", day(-7), "past");
	prepare("one that nobody has seen to for a week");
	is_number(fake.count, 10, "has them all");
	is_number(fake.adds, 1, "by one statement");
	ok(is_there(day(-7), day(-6)), "each a day");

	begin(true);
	have("", "2001-01-01 00:00:00.000000", "past");
	prepare("for many years");
	ok(fake.most <= PARTITIONS_BACK + PARTITIONS_AHEAD + 1,
	    "has not too many");
	ok(is_there(day(1), day(2)) && is_there(day(-9), day(-8)),
	    "the last ones are days");

	begin(true);
	have("", day(0), "past");
	have(day(0), DB_EVER, "future");
	prepare("one with an end that is open");
	ok(is_there(day(0), day(1)) && is_there(day(1), day(2)) &&
		is_there(day(2), DB_EVER),
	    "they are split off that");

	begin(true);
	have("", day(0), "past");
	have(day(0), DB_EVER, "future");
	fake.refuses = DB_REFUSED;
	prepare("or are not, where it has many rows");
	is_number(fake.count, 2, "which stay there");
	ok(!lacks(day(0)) && !partitions_reject(&db, 0, day(0)),
	    "and so do those to come");
}

static void
test_retain(void)
{
	char limit[DB_INSTANT_LEN + 1];

	begin(false);
	config.retain_ns = 10 * 86400 * CLOCK_NS_PER_S;
	prepare("what is soon dropped");
	ok(!lacks(day(-11)) && lacks(day(-10)), "is not made first");
	prepare("but the last one that stays");
	memcpy(limit, day(-5), sizeof(limit));
	partitions_cut(&db, limit);
	is_text(limit, day(-10), "rows below that have no partition");

	begin(false);
	config.period = DB_PERIOD_HOUR;
	prepare("hours");
	ok(!lacks(day(-PARTITIONS_BACK / 24 - 1)) && lacks(day(-1)),
	    "as many hours are near as days would be");
}

static void
test_failures(void)
{
	begin(false);
	fake.refuses = DB_CONFLICT;
	prepare("what is not wanted yet");
	ok(lacks(day(0)), "is wanted at last");
	is_number(partitions_prepare(&db, true), DB_CONFLICT,
	    "and then the error is told");
	fake.refuses = DB_PASSING;
	is_number(partitions_prepare(&db, true), DB_PASSING,
	    "a lost connection is told at once");
}

int
main(void)
{
	test_periods();
	test_gaps();
	test_no_gaps();
	test_retain();
	test_failures();
	partitions_release(&logs.partitions);
	return tap_end();
}
