/*
 * partitions.c - see partitions.h.
 *
 * Instants are compared as texts of one width.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "clock.h"
#include "log.h"
#include "partitions.h"

#define FILL_MAX (PARTITIONS_BACK + PARTITIONS_AHEAD)

static struct db_partition
make_part(int64_t from_us, int64_t to_us)
{
	struct db_partition part = {.name = NULL};

	value_stamp(from_us, part.from);
	value_stamp(to_us, part.to);
	return part;
}

void
partitions_first(
    enum db_period period, int64_t now_us, struct db_partition *parts)
{
	int64_t begin = period_begin(period, now_us);

	for (int i = 0; i < PARTITIONS_FIRST; i++)
		parts[i] = make_part(period_move(period, begin, i),
		    period_move(period, begin, i + 1));
}

/*
 * What there is
 */

static int
compare(const char *a, const char *b)
{
	return memcmp(a, b, DB_INSTANT_LEN);
}

static bool
is_open(const struct db_partition *part)
{
	return part->from[0] == '\0' || part->to[0] == DB_EVER[0];
}

static bool
holds(const struct db_partition *part, const char *at)
{
	return compare(at, part->from) >= 0 && compare(at, part->to) < 0;
}

/* In a range of two ends. */
static bool
is_covered(const struct db_partitions *p, const char *at)
{
	for (unsigned i = 0; i < p->count; i++) {
		if (!is_open(&p->list[i]) && holds(&p->list[i], at))
			return true;
	}
	return false;
}

static int
put(struct db_partitions *p, const struct db_partition *part)
{
	if (p->count == PARTITIONS_MAX)
		return 0; /* the database will have its say */
	if (p->count == p->room) {
		unsigned room = p->room == 0 ? 64 : 2 * p->room;
		struct db_partition *more =
		    realloc(p->list, room * sizeof(*more));

		if (more == NULL)
			return -1;
		p->list = more;
		p->room = room;
	}
	p->list[p->count++] = *part;
	return 0;
}

/* Cuts what stands up to the mark off, and returns it. */
static char *
cut(char **text, char mark)
{
	char *word = *text, *end = strchr(word, mark);

	*text = end == NULL ? word + strlen(word) : end + 1;
	if (end != NULL)
		*end = '\0';
	return word;
}

static int
read_list(struct db_partitions *p, char *lines, bool contiguous)
{
	char from[DB_INSTANT_LEN + 1] = "";

	while (*lines != '\0') {
		struct db_partition part = {.name = NULL};
		char *line = cut(&lines, '\n');
		const char *begin = cut(&line, '\t'), *end = cut(&line, '\t');

		(void)snprintf(part.from, sizeof(part.from), "%s",
		    contiguous ? from : begin);
		(void)snprintf(part.to, sizeof(part.to), "%s", end);
		part.name = line;
		memcpy(from, part.to, sizeof(from));
		if (put(p, &part) < 0)
			return -1;
	}
	return 0;
}

/* Asks the database. */
static enum db_verdict
list(struct db *db, const char *table)
{
	const struct db_partitioning *of = db->driver->partitioning;
	struct db_partitions *p = &db->table->partitions;
	const char *form, *lines;
	enum db_verdict verdict;
	struct db_answer answer;

	p->any = false;
	p->count = p->hit = 0;
	db->sql.len = 0;
	if (of->put_list(&db->sql, db->config, table) < 0)
		return db_no_memory(db);
	verdict = db->driver->ask(db, db->sql.data, db->sql.len, &answer);
	if (verdict != DB_OK || !answer.found || answer.fields[0] == NULL)
		return verdict;
	form = answer.fields[0];
	lines = answer.fields[1] == NULL ? "" : answer.fields[1];
	p->text.len = 0;
	if (buf_append(&p->text, form, strlen(form) + 1) < 0 ||
	    buf_append(&p->text, lines, strlen(lines) + 1) < 0)
		return db_no_memory(db);
	p->any = true;
	p->form = p->text.data;
	return read_list(p, p->text.data + strlen(p->text.data) + 1,
		   of->contiguous) < 0
		   ? db_no_memory(db)
		   : DB_OK;
}

void
partitions_release(struct db_partitions *p)
{
	free(p->list);
	buf_release(&p->text);
}

/*
 * What is near
 */

void
partitions_begin(struct db *db)
{
	const struct db_config *c = db->config;
	int64_t now = (int64_t)clock_wall_us(), begin, back, retained;
	enum db_period period = (enum db_period)c->period;

	if (period == DB_PERIOD_NONE)
		return;
	begin = period_begin(period, now);
	back = period_move(period, begin, -PARTITIONS_BACK);
	retained = now - (int64_t)(c->retain_ns / 1000);
	if (c->retain_ns > 0 && period_begin(period, retained) > back)
		back = period_begin(period, retained);
	value_stamp(back, db->near_from);
	value_stamp(
	    period_move(period, begin, PARTITIONS_AHEAD), db->near_below);
}

static bool
is_near(const struct db *db, const char *at)
{
	return compare(at, db->near_from) >= 0 &&
	       compare(at, db->near_below) < 0;
}

bool
partitions_reject(const struct db *db, unsigned table, const char *received_at)
{
	const struct db_partitions *p = &db->tables[table].partitions;

	return p->makes && !db->config->catch_all &&
	       !is_near(db, received_at) && !is_covered(p, received_at);
}

/* Once for each period, and no more of them than there is room for. */
static void
want(struct db *db, const char *at)
{
	enum db_period period = (enum db_period)db->config->period;
	struct db_partitions *p = &db->table->partitions;
	int64_t begin = period_begin(period, instant_us(at));

	for (unsigned i = 0; i < p->wanted_count; i++) {
		if (period_begin(period, instant_us(p->wanted[i])) == begin)
			return;
	}
	if (p->wanted_count < DB_WANTED_MAX)
		memcpy(p->wanted[p->wanted_count++], at, DB_INSTANT_LEN);
}

bool
partitions_lack(
    struct db *db, const struct batch *b, unsigned from, unsigned count)
{
	struct db_partitions *p = &db->table->partitions;

	if (!p->makes)
		return false;
	for (unsigned row = from; row < from + count; row++) {
		const char *at = b->texts[0].text[row];

		if (p->hit < p->count && !is_open(&p->list[p->hit]) &&
		    holds(&p->list[p->hit], at))
			continue;
		if (!is_near(db, at))
			continue;
		p->hit = 0;
		while (p->hit < p->count && (is_open(&p->list[p->hit]) ||
						!holds(&p->list[p->hit], at)))
			p->hit++;
		if (p->hit == p->count)
			want(db, at);
	}
	return p->wanted_count > 0;
}

bool
partitions_doubt(
    struct db *db, const struct batch *b, unsigned from, unsigned count)
{
	struct db_partitions *p = &db->table->partitions;

	if (!p->makes || p->doubted)
		return false;
	p->doubted = true; /* until one turns out to be missing */
	for (unsigned row = from; row < from + count; row++) {
		if (is_near(db, b->texts[0].text[row]))
			want(db, b->texts[0].text[row]);
	}
	return p->wanted_count > 0;
}

/*
 * Making
 */

/* From one instant to another; from `rest` on, and what is too much, in one. */
static unsigned
fill(enum db_period period, int64_t from, int64_t to, int64_t rest,
    struct db_partition parts[FILL_MAX])
{
	unsigned n = 0;

	while (from < to) {
		int64_t end =
		    period_move(period, period_begin(period, from), 1);

		if (end > to || from >= rest || n == FILL_MAX - 1)
			end = to;
		parts[n++] = make_part(from, end);
		from = end;
	}
	return n;
}

/*
 * Where no gap can be, what is missing goes up to what is there, or begins
 * where that ends; a gap of too many periods is one but for the last of them.
 */
static unsigned
fill_gap(const struct db *db, int64_t at, const struct db_partition *over,
    struct db_partition parts[FILL_MAX])
{
	enum db_period period = (enum db_period)db->config->period;
	const struct db_partitions *p = &db->table->partitions;
	int64_t from = period_begin(period, at), start;
	int64_t to = period_move(period, from, 1);
	unsigned n = 0;

	if (over != NULL && over->from[0] == '\0') {
		if (over->to[0] != DB_EVER[0])
			to = instant_us(over->to);
		return fill(
		    period, from, to, instant_us(db->near_below), parts);
	}
	if (p->count > 0)
		from = instant_us(
		    over != NULL ? over->from : p->list[p->count - 1].to);
	start = period_move(period, period_begin(period, to - 1), 2 - FILL_MAX);
	if (from < start) {
		parts[n++] = make_part(from, start);
		from = start;
	}
	return n + fill(period, from, to, to, parts + n);
}

/* What is missing there, and the open one that it lies in, or NULL. */
static unsigned
find_gap(const struct db *db, const char *at, struct db_partition *parts,
    const struct db_partition **over)
{
	enum db_period period = (enum db_period)db->config->period;
	const struct db_partitions *p = &db->table->partitions;
	int64_t from = period_begin(period, instant_us(at));

	*over = NULL;
	parts[0] = make_part(from, period_move(period, from, 1));
	for (unsigned i = 0; i < p->count; i++) {
		const struct db_partition *part = &p->list[i];

		if (is_open(part) && holds(part, at))
			*over = part;
		else if (compare(part->to, at) <= 0 &&
			 compare(part->to, parts[0].from) > 0)
			memcpy(parts[0].from, part->to, DB_INSTANT_LEN);
		else if (compare(part->from, at) > 0 &&
			 compare(part->from, parts[0].to) < 0)
			memcpy(parts[0].to, part->from, DB_INSTANT_LEN);
	}
	return db->driver->partitioning->contiguous
		   ? fill_gap(db, instant_us(at), *over, parts)
		   : 1;
}

static void
tell_made(struct db *db, const char *table, const struct db_partition *parts,
    unsigned count)
{
	db->partitions_made += count;
	log_info("made partitions of the table %s: count=%u from=\"%.19s\" "
		 "to=\"%.19s\"",
	    table, count, parts[0].from, parts[count - 1].to);
}

/* Back to where the next statement goes, with the error as it was. */
static enum db_verdict
undo(struct db *db, enum db_verdict verdict)
{
	struct error said = db->error;
	enum db_cause cause = db->cause;
	enum db_verdict undone;

	if (verdict == DB_OK || verdict == DB_PASSING)
		return verdict;
	undone = db->driver->run(db, "ROLLBACK", 8);
	db->error = said;
	db->cause = cause;
	return undone == DB_OK ? verdict : undone;
}

/*
 * Makes the one at that instant, if it is missing. Where it cannot be, since
 * it is in an open one, its rows go there: it counts as there.
 */
static enum db_verdict
make_at(struct db *db, const char *table, const char *at)
{
	const struct db_partitioning *of = db->driver->partitioning;
	struct db_partitions *p = &db->table->partitions;
	struct db_partition parts[FILL_MAX];
	const struct db_partition *over;
	enum db_verdict verdict, listed;
	struct error said;
	unsigned count;

	if (is_covered(p, at))
		return DB_OK;
	count = find_gap(db, at, parts, &over);
	verdict = undo(db, of->add(db, table, parts, count, over));
	if (verdict == DB_PASSING)
		return verdict;
	if (verdict == DB_OK)
		tell_made(db, table, parts, count);
	/* A right, or a taken name, stops nothing that a catch-all has. */
	if (verdict == DB_SCHEMA && over != NULL &&
	    (db->config->catch_all || over->to[0] == DB_EVER[0]))
		verdict = DB_REFUSED;
	if (verdict != DB_REFUSED)
		p->doubted = false;
	said = db->error;
	listed = undo(db, list(db, table));
	if (listed != DB_OK)
		return listed;
	if (is_covered(p, at)) /* by another loader, perhaps */
		return DB_OK;
	db->error = said;
	if (verdict == DB_OK)
		(void)error_set(&db->error, "what was made is not there");
	if (verdict != DB_REFUSED)
		return verdict == DB_OK ? DB_SCHEMA : verdict;
	for (unsigned i = 0; i < count; i++) {
		if (put(p, &parts[i]) < 0)
			return db_no_memory(db);
	}
	if (!p->warned)
		log_warn(
		    "the table %s stays without a partition from \"%.19s\" "
		    "to \"%.19s\": %s",
		    table, parts[0].from, parts[count - 1].to, said.text);
	p->warned = true;
	return DB_OK;
}

static enum db_verdict
make_catch_all(struct db *db, const char *table)
{
	const struct db_partitioning *of = db->driver->partitioning;
	struct db_partitions *p = &db->table->partitions;
	enum db_verdict verdict;

	for (unsigned i = 0; i < p->count; i++) {
		if (p->list[i].to[0] == DB_EVER[0])
			return DB_OK;
	}
	verdict = undo(db, of->add(db, table, NULL, 0, NULL));
	if (verdict == DB_OK)
		log_info("made a partition of the table %s for what is far "
			 "from the others",
		    table);
	return verdict == DB_PASSING ? verdict : undo(db, list(db, table));
}

/* The present one, and the next: the farthest first, which may fill a gap. */
static enum db_verdict
make_ahead(struct db *db, const char *table)
{
	enum db_period period = (enum db_period)db->config->period;
	int64_t begin = period_begin(period, (int64_t)clock_wall_us());
	struct db_partitions *p = &db->table->partitions;
	enum db_verdict verdict = DB_OK;

	for (int i = 1; i >= 0 && verdict == DB_OK; i--) {
		char at[VALUE_DATETIME_LEN + 1];

		value_stamp(period_move(period, begin, i), at);
		verdict = make_at(db, table, at);
	}
	if (verdict == DB_OK || verdict == DB_PASSING)
		return verdict;
	if (!p->warned || verdict == DB_CONFLICT)
		log_warn("make the next partition of the table %s: %s", table,
		    db->error.text);
	p->warned = verdict != DB_CONFLICT;
	return DB_OK;
}

static int
compare_instants(const void *a, const void *b)
{
	return compare(a, b);
}

static enum db_verdict
make_wanted(struct db *db, const char *table)
{
	struct db_partitions *p = &db->table->partitions;
	unsigned count = p->wanted_count;
	enum db_verdict verdict = DB_OK;

	p->wanted_count = 0;
	/* The oldest first, which may fill a gap up to the others. */
	qsort(p->wanted, count, sizeof(p->wanted[0]), compare_instants);
	for (unsigned i = 0; i < count && verdict == DB_OK; i++)
		verdict = make_at(db, table, p->wanted[i]);
	return verdict;
}

enum db_verdict
partitions_look(struct db *db)
{
	struct db_partitions *p = &db->table->partitions;
	enum db_verdict verdict = DB_OK;

	if (db->driver->partitioning != NULL)
		verdict = undo(db, list(db, db->table->name));
	p->makes =
	    verdict == DB_OK && p->any && db->config->period != DB_PERIOD_NONE;
	return verdict;
}

enum db_verdict
partitions_prepare(struct db *db, bool anew)
{
	const struct db_config *c = db->config;
	struct db_partitions *p = &db->table->partitions;
	const char *table = db->table->name;
	enum db_verdict verdict;

	if (db->driver->partitioning == NULL ||
	    (c->period == DB_PERIOD_NONE && c->retain_ns == 0))
		return DB_OK;
	if (!anew && p->wanted_count == 0 && !db->partitions_due)
		return DB_OK;
	verdict = partitions_look(db);
	if (verdict == DB_OK && c->period != DB_PERIOD_NONE && !p->any &&
	    !p->warned) {
		p->warned = true;
		log_warn("the table %s has no partitions by ranges of "
			 "received_at alone, and stays as it is; "
			 "--print-schema tells how to make one that has",
		    table);
	}
	if (verdict != DB_OK || !p->makes)
		return verdict;
	partitions_begin(db);
	if (c->catch_all)
		verdict = make_catch_all(db, table);
	if (verdict == DB_OK)
		verdict = make_ahead(db, table);
	return verdict == DB_OK ? make_wanted(db, table) : verdict;
}

/*
 * Dropping
 */

enum db_verdict
partitions_drop(struct db *db, const char limit[DB_INSTANT_LEN + 1], bool *any)
{
	const char *table = db->table->name;
	const struct db_partition *oldest = NULL;
	struct db_partitions *p = &db->table->partitions;
	enum db_verdict verdict;

	*any = false;
	for (unsigned i = 0; i < p->count; i++) {
		const struct db_partition *part = &p->list[i];

		if (part->name != NULL && compare(part->to, limit) <= 0 &&
		    compare(part->to, p->passed) > 0 &&
		    (oldest == NULL || compare(part->to, oldest->to) < 0))
			oldest = part;
	}
	/* No table is without any, in some databases. */
	if (oldest == NULL || p->count < 2)
		return DB_OK;
	*any = true;
	verdict = undo(db, db->driver->partitioning->drop(db, table, oldest));
	if (verdict == DB_OK) {
		db->partitions_dropped++;
		log_info("dropped the partition %s of the table %s: "
			 "from=\"%.19s\" to=\"%.19s\"",
		    oldest->name, table, oldest->from, oldest->to);
	}
	if (verdict == DB_CONFLICT)
		memcpy(p->passed, oldest->to, sizeof(p->passed));
	return verdict == DB_OK ? undo(db, list(db, table)) : verdict;
}

void
partitions_cut(const struct db *db, char limit[DB_INSTANT_LEN + 1])
{
	enum db_period period = (enum db_period)db->config->period;
	const struct db_partitions *p = &db->table->partitions;

	/* Of the lowest, where it has no other end. */
	if (p->makes)
		value_stamp(period_begin(period, instant_us(limit)), limit);
	for (unsigned i = 0; i < p->count; i++) {
		const char *from = p->list[i].from;

		if (!is_open(&p->list[i]) && compare(from, limit) < 0)
			memcpy(limit, from, DB_INSTANT_LEN);
	}
}
