/*
 * retain.c - see retain.h.
 */
#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "clock.h"
#include "db/expire.h"
#include "db/known.h"
#include "db/partitions.h"
#include "db/statement.h"
#include "db/tables.h"
#include "lock.h"
#include "log.h"
#include "retain.h"
#include "row/instant.h"

#define EVERY_NS (60 * CLOCK_NS_PER_S)
#define AGAIN_NS (10 * CLOCK_NS_PER_S) /* where others were in the way */
#define ALONE_NS (10 * CLOCK_NS_PER_S) /* of one that has its time */
#define TURN_SHARE 4                   /* of its time, until the next */
#define BLOCKED_SHARE 9 /* likewise, where all others waited behind it */
#define FRESH_NS CLOCK_NS_PER_S /* a session was just prepared */
#define PRUNE_NS (600 * CLOCK_NS_PER_S)
#define STEP_ROWS 5000
#define STEP_LINES 1000
#define STEP_BIRTHS 200
#define END_OF_TIME "9999-12-31 23:59:59.999999"
#define AHEAD_US (86400 * (int64_t)CLOCK_US_PER_S)
#define DOUBT_US (366 * 86400 * (int64_t)CLOCK_US_PER_S)

struct turn {
	struct retain *r;
	struct db *db;
	uint64_t until_ns;
	bool cut;          /* there is more to do */
	int64_t now_us;    /* as all clocks have it */
	int64_t oldest_us; /* of all tables; 0: they are empty */
	char limit[DB_INSTANT_LEN + 1];
};

int
retain_init(struct retain *r, const struct settings *s, struct spool *spool,
    struct meters *meters, struct stop *stop)
{
	r->settings = s;
	r->spool = spool;
	r->meters = meters;
	r->stop = stop;
	r->began_ns = clock_monotonic_ns();
	r->began_us = clock_wall_us();
	r->turn_ns = ALONE_NS;
	if (s->db.look_only ||
	    (s->db.period == DB_PERIOD_NONE && s->db.retain_ns == 0))
		r->due_ns = UINT64_MAX;
	return pthread_mutex_init(&r->turn, NULL) == 0 &&
		       pthread_mutex_init(&r->lock, NULL) == 0
		   ? 0
		   : -1;
}

void
retain_release(struct retain *r)
{
	(void)pthread_mutex_destroy(&r->turn); /* no thread is left */
	(void)pthread_mutex_destroy(&r->lock);
}

static uint64_t
look_due(struct retain *r)
{
	uint64_t due_ns;

	lock_take(&r->lock);
	due_ns = r->due_ns;
	lock_release(&r->lock);
	return due_ns;
}

static void
set_due(struct retain *r, uint64_t due_ns)
{
	lock_take(&r->lock);
	r->due_ns = due_ns;
	lock_release(&r->lock);
}

bool
retain_is_due(struct retain *r)
{
	return look_due(r) <= clock_monotonic_ns();
}

static bool
has_time(struct turn *t)
{
	t->cut = t->cut || stop_asked(t->r->stop) ||
		 clock_monotonic_ns() >= t->until_ns;
	return !t->cut;
}

/*
 * The limit
 */

static bool
read_instant(const char *text, int64_t *us)
{
	return instant_iso(text, strlen(text), NULL, us);
}

/* Sets now, which no clock says is yet to come. */
static enum db_verdict
find_now(struct turn *t)
{
	uint64_t since_us = (clock_monotonic_ns() - t->r->began_ns) / 1000;
	int64_t theirs, steady = (int64_t)(t->r->began_us + since_us);
	char text[DB_INSTANT_LEN + 1];
	enum db_verdict verdict = db_ask_now(t->db, text);

	t->now_us = (int64_t)clock_wall_us();
	if (t->now_us > steady)
		t->now_us = steady;
	if (verdict == DB_OK && read_instant(text, &theirs) &&
	    t->now_us > theirs)
		t->now_us = theirs;
	return verdict;
}

/* Of many tables none is known yet: when was anything loaded? */
static enum db_verdict
ask_newest(struct turn *t, const char *up_to, char out[DB_INSTANT_LEN + 1])
{
	const struct db_table *only = &t->db->tables[0];

	out[0] = '\0';
	if (t->r->settings->db.table_most > 0)
		return db_ask_newest(t->db, NULL, up_to, out);
	return only->own_key ? db_ask_newest(t->db, only->name, up_to, out)
			     : DB_OK;
}

/* Once: is that plausible, from what is there? */
static enum db_verdict
look_at_newest(struct turn *t)
{
	char now[VALUE_DATETIME_LEN + 1], newest[DB_INSTANT_LEN + 1];
	struct retain *r = t->r;
	enum db_verdict verdict;
	int64_t us;

	if (r->looked)
		return DB_OK;
	value_stamp(t->now_us, now);
	verdict = ask_newest(t, END_OF_TIME, newest);
	if (verdict == DB_OK && read_instant(newest, &us) &&
	    us - t->now_us > AHEAD_US)
		log_warn("the newest event is of %.19s, and the clock says "
			 "%.19s: if that is behind, what is older than "
			 "--retain stays until it is right",
		    newest, now);
	if (verdict == DB_OK)
		verdict = ask_newest(t, now, newest);
	if (verdict != DB_OK)
		return verdict;
	r->looked = true;
	r->doubts =
	    read_instant(newest, &us) && t->now_us - us > DOUBT_US &&
	    t->now_us - us > (int64_t)(r->settings->db.retain_ns / 1000);
	if (r->doubts)
		log_error("nothing is removed: the clock says %.19s, and the "
			  "newest event is of %.19s; if the clock is right, "
			  "remove what is too old by hand, or start anew when "
			  "there are new events",
		    now, newest);
	return DB_OK;
}

/*
 * Removing
 */

static enum db_verdict
drop_partitions(struct turn *t)
{
	enum db_verdict verdict = DB_OK;
	bool any = true;

	while (any && verdict == DB_OK && has_time(t))
		verdict = partitions_drop(t->db, t->limit, &any);
	return verdict;
}

/* Once, or each minute while there are more. */
static void
tell_expired(struct turn *t)
{
	uint64_t now = clock_monotonic_ns();
	struct retain *r = t->r;

	if (r->expired == 0 || (t->cut && now - r->told_ns < EVERY_NS))
		return;
	log_info("deleted what is older than --retain: rows=%llu "
		 "before=\"%.19s\"%s",
	    (unsigned long long)r->expired, t->limit,
	    t->cut ? ", and there is more" : "");
	r->expired = 0;
	r->told_ns = now;
}

/* Also those that no partition with two ends has, before all that have. */
static enum db_verdict
delete_rows(struct turn *t)
{
	struct db_partitions *p = &t->db->table->partitions;
	char oldest[DB_INSTANT_LEN + 1] = "";
	uint64_t rows, all = 0;
	enum db_verdict verdict = DB_OK;
	bool more = true;
	int64_t us;

	if (p->any)
		partitions_cut(t->db, t->limit);
	if (!t->db->table->own_key) {
		if (!p->any && !p->warned)
			log_warn("nothing is removed from the table %s: it "
				 "needs UNIQUE (received_at, file_id, line)",
			    t->db->table->name);
		p->warned = true;
		t->limit[0] =
		    '\0'; /* the ledger alone keeps it from doubling */
		return DB_OK;
	}
	verdict = db_ask_oldest(t->db, t->db->table->name, oldest);
	while (verdict == DB_OK && oldest[0] != '\0' &&
	       strcmp(oldest, t->limit) < 0 && more && has_time(t)) {
		verdict = db_expire(t->db, t->db->table->name, t->limit,
		    STEP_ROWS, &rows, &more);
		if (verdict == DB_OK)
			all += rows;
	}
	meter_add(t->r->meters, METER_EXPIRED_ROWS, all);
	t->r->expired += all;
	tell_expired(t);
	if (verdict == DB_OK && all > 0)
		verdict = db_ask_oldest(t->db, t->db->table->name, oldest);
	if (verdict == DB_OK && read_instant(oldest, &us) &&
	    (t->oldest_us == 0 || us < t->oldest_us))
		t->oldest_us = us;
	return verdict;
}

/*
 * Tables that are named after times
 */

/* Why it is not dropped, at the first turn that it is not; others may be. */
static enum db_verdict
tell_left(struct turn *t, const char *table, const char *why)
{
	if (!t->r->told_left)
		log_warn("the table %s, which is older than --retain, is not "
			 "dropped, nor what the ledger has from then on: %s",
		    table, why);
	t->r->told_left = true;
	return db_run_text(t->db, "ROLLBACK");
}

/* Has it nothing that is young? Where nothing can be dropped, it is deleted. */
static enum db_verdict
look_through(struct turn *t, bool *old)
{
	const char *table = t->db->table->name;
	char newest[DB_INSTANT_LEN + 1];
	enum db_verdict verdict = tables_look(t->db);
	bool more = t->db->driver->partitioning == NULL;
	uint64_t rows;

	*old = false;
	if (verdict == DB_OK && !t->db->table->own_key)
		return tell_left(
		    t, table, "it needs UNIQUE (received_at, file_id, line)");
	if (verdict == DB_OK)
		verdict = db_ask_newest(t->db, table, END_OF_TIME, newest);
	if (verdict == DB_OK && strcmp(newest, t->limit) >= 0)
		return tell_left(t, table, "it has events of later");
	while (verdict == DB_OK && more && has_time(t)) {
		verdict =
		    db_expire(t->db, table, t->limit, STEP_ROWS, &rows, &more);
		meter_add(t->r->meters, METER_EXPIRED_ROWS, rows);
	}
	*old = verdict == DB_OK && !more;
	return verdict;
}

static enum db_verdict
drop_table(struct turn *t, const char *name, bool *dropped)
{
	struct db_table table = {.ready = true};
	struct db *db = t->db;
	enum db_verdict verdict;

	(void)snprintf(table.name, sizeof(table.name), "%s", name);
	db->table = &table;
	verdict = look_through(t, dropped);
	if (verdict == DB_OK && *dropped) {
		verdict = db_drop(db, name);
		known_lose(db, name);
	}
	*dropped = *dropped && verdict == DB_OK;
	if (verdict == DB_SCHEMA || verdict == DB_REFUSED)
		verdict = db->cause == DB_CAUSE_NO_TABLE
			      ? db_run_text(db, "ROLLBACK") /* another's work */
			      : tell_left(t, name, db->error.text);
	db->table = &db->tables[0];
	db->partitions_dropped += *dropped;
	if (*dropped)
		log_info(
		    "dropped the table %s, which is older than --retain", name);
	return verdict;
}

/* Whole ones that lie before the limit; what is left begins at `lowest`. */
static enum db_verdict
drop_tables(struct turn *t, char lowest[DB_INSTANT_LEN + 1])
{
	const struct route *route = t->r->settings->route;
	struct buf names = {0};
	enum db_verdict verdict = DB_OK;
	int64_t from, to;

	if (route != NULL)
		verdict = route_dated(route, t->db, &names);
	for (size_t at = 0; at < names.len && verdict == DB_OK;
	     at += strlen(names.data + at) + 1) {
		char first[DB_INSTANT_LEN + 1];
		bool dropped = false;

		route_period(route, names.data + at, &from, &to);
		value_stamp(from, first);
		if (to <= instant_us(t->limit) && has_time(t))
			verdict = drop_table(t, names.data + at, &dropped);
		if (!dropped && strcmp(first, lowest) < 0)
			memcpy(lowest, first, sizeof(first));
	}
	buf_release(&names);
	return verdict;
}

/*
 * The ledger. A name, and all that is made of it, begins with its file's birth,
 * which no two files share but by chance.
 */

struct births {
	const char *below; /* only these count */
	char (*list)[CLOCK_COMPACT_LEN + 1];
	size_t count, room;
};

static int
note_birth(void *context, const struct spool_file *file)
{
	struct births *b = context;

	if (strcmp(file->name, b->below) >= 0 ||
	    !isdigit((unsigned char)file->name[0]) ||
	    strlen(file->name) < CLOCK_COMPACT_LEN)
		return 0;
	if (b->count == b->room) {
		size_t room = b->room == 0 ? 64 : 2 * b->room;
		void *more = realloc(b->list, room * sizeof(*b->list));

		if (more == NULL)
			return -1;
		b->list = more;
		b->room = room;
	}
	memcpy(b->list[b->count], file->name, CLOCK_COMPACT_LEN);
	b->list[b->count++][CLOCK_COMPACT_LEN] = '\0';
	return 0;
}

static int
compare_births(const void *a, const void *b)
{
	return strcmp(a, b);
}

/* Of all files that may be asked about, or loaded. */
static int
list_births(struct retain *r, struct births *b)
{
	/* In the order in which they move, lest one be seen nowhere. */
	static const enum spool_place places[] = {SPOOL_REJECTED, SPOOL_LOADED,
	    SPOOL_READY, SPOOL_LOADED, SPOOL_REJECTED};
	struct error err;
	uint64_t aliens;

	for (size_t i = 0; i < sizeof(places) / sizeof(*places); i++) {
		if (spool_walk(
			r->spool, places[i], note_birth, b, &aliens, &err) == 0)
			continue;
		log_warn("no line of the ledger is removed: %s", err.text);
		return -1;
	}
	if (b->count > 1)
		qsort(b->list, b->count, sizeof(*b->list), compare_births);
	return 0;
}

/* All lines of a range. */
static enum db_verdict
prune_range(struct turn *t, const struct db_prune *range, uint64_t *all)
{
	enum db_verdict verdict = DB_OK;
	bool more = true;
	uint64_t lines;

	while (verdict == DB_OK && more && has_time(t)) {
		verdict = db_prune(t->db, range, STEP_LINES, &lines, &more);
		if (verdict == DB_OK)
			*all += lines;
	}
	return verdict;
}

/* So many births at a time, in the range up to the one behind them. */
static enum db_verdict
prune(struct turn *t, const struct births *b, const char *before)
{
	char *from = t->r->prune_from;
	enum db_verdict verdict = DB_OK;
	size_t at = 0, end;
	uint64_t all = 0;

	do {
		end = b->count - at > STEP_BIRTHS ? at + STEP_BIRTHS : b->count;
		struct db_prune range = {.from = from,
		    .below = end < b->count ? b->list[end] : b->below,
		    .before = before,
		    .kept = b->list + at,
		    .kept_count = (unsigned)(end - at)};

		if (strcmp(from, range.below) >= 0)
			continue;
		verdict = prune_range(t, &range, &all);
		if (verdict == DB_OK && !t->cut)
			(void)snprintf(from, SPOOL_NAME_MAX, "%s", range.below);
	} while ((at = end) < b->count && verdict == DB_OK && !t->cut);
	meter_add(t->r->meters, METER_PRUNED_LINES, all);
	if (all > 0)
		log_info("removed lines of the ledger whose events are gone: "
			 "lines=%llu before=\"%.19s\"",
		    (unsigned long long)all, before);
	return verdict;
}

static enum db_verdict
prune_ledger(struct turn *t)
{
	char before[VALUE_DATETIME_LEN + 1], below[CLOCK_COMPACT_LEN + 1];
	struct births b = {.below = below};
	struct retain *r = t->r;
	enum db_verdict verdict = DB_OK;
	int64_t us, settled;

	if (r->spool == NULL || t->cut || !read_instant(t->limit, &us) ||
	    (r->pruned_ns > 0 && r->prune_from[0] == '\0' &&
		clock_monotonic_ns() - r->pruned_ns < PRUNE_NS))
		return DB_OK;
	settled = t->now_us - (int64_t)(r->settings->settle_ns / 1000);
	if (us > settled)
		us = settled;
	value_stamp(us, before);
	clock_compact(us, below);
	if (list_births(r, &b) == 0) {
		/* Else a turn might do nothing but list them. */
		t->until_ns = clock_monotonic_ns() + r->turn_ns;
		verdict = prune(t, &b, before);
	}
	free(b.list);
	if (verdict == DB_OK && !t->cut) {
		r->prune_from[0] = '\0';
		r->pruned_ns = clock_monotonic_ns();
	}
	return verdict;
}

/*
 * Turns
 */

/* Of each table that is known; what is left of any begins at t->limit. */
static enum db_verdict
see_to_tables(struct turn *t)
{
	char limit[DB_INSTANT_LEN + 1], lowest[DB_INSTANT_LEN + 1];
	enum db_verdict verdict = DB_OK;
	struct db *db = t->db;

	value_stamp(
	    t->now_us - (int64_t)(t->r->settings->db.retain_ns / 1000), limit);
	memcpy(lowest, limit, sizeof(lowest));
	memcpy(t->limit, limit, sizeof(t->limit));
	verdict = drop_tables(t, lowest);
	for (unsigned i = 0; i < db->table_count && verdict == DB_OK; i++) {
		if (!db->tables[i].ready)
			continue;
		db->table = &db->tables[i];
		memcpy(t->limit, limit, sizeof(t->limit));
		if (db->table->partitions.any)
			verdict = drop_partitions(t);
		if (verdict == DB_OK)
			verdict = delete_rows(t);
		if (verdict == DB_SCHEMA && db->cause == DB_CAUSE_NO_TABLE &&
		    i > 0) { /* dropped by another session */
			known_lose(db, db->table->name);
			verdict = db_run_text(db, "ROLLBACK");
		}
		if (strcmp(t->limit, lowest) < 0)
			memcpy(lowest, t->limit, sizeof(lowest));
	}
	db->table = &db->tables[0];
	memcpy(t->limit, lowest, sizeof(t->limit));
	meter_set(t->r->meters, METER_OLDEST_KEPT,
	    t->oldest_us / (int64_t)CLOCK_US_PER_S);
	return verdict;
}

static enum db_verdict
work(struct turn *t)
{
	enum db_verdict verdict = DB_OK;

	t->db->partitions_due = true;
	/* It does so when it connects. */
	if (clock_monotonic_ns() - t->db->opened_ns > FRESH_NS)
		verdict = db_prepare(t->db);
	if (verdict != DB_OK || t->r->settings->db.retain_ns == 0)
		return verdict;
	verdict = find_now(t);
	if (verdict == DB_OK)
		verdict = look_at_newest(t);
	if (verdict == DB_OK && !t->r->doubts)
		verdict = see_to_tables(t);
	return verdict == DB_OK && !t->r->doubts ? prune_ledger(t) : verdict;
}

void
retain_count(struct retain *r, struct db *db)
{
	meter_add(r->meters, METER_PARTITIONS_MADE, db->partitions_made);
	meter_add(r->meters, METER_PARTITIONS_DROPPED, db->partitions_dropped);
	db->partitions_made = db->partitions_dropped = 0;
}

static void
end(struct turn *t, uint64_t began_ns, enum db_verdict verdict)
{
	uint64_t now = clock_monotonic_ns(), wait = EVERY_NS;

	if (verdict == DB_CONFLICT)
		wait = AGAIN_NS + (now - began_ns) * BLOCKED_SHARE;
	else if (verdict == DB_OK && t->cut)
		wait = (now - began_ns) * TURN_SHARE;
	set_due(t->r, now + wait);
	if (verdict == DB_OK)
		return;
	log_warn(
	    "see to partitions and to what is too old: %s", t->db->error.text);
	if (verdict == DB_PASSING)
		db_disconnect(t->db);
}

void
retain_turn(struct retain *r, struct db *db)
{
	struct turn t = {.r = r, .db = db};
	uint64_t began_ns = clock_monotonic_ns();
	enum db_verdict verdict;

	if (!retain_is_due(r) || pthread_mutex_trylock(&r->turn) != 0)
		return;
	set_due(r, began_ns + EVERY_NS); /* for others */
	t.until_ns = began_ns + r->turn_ns;
	verdict = work(&t);
	/* Whatever was asked may have begun a transaction. */
	if (verdict != DB_PASSING)
		db_rollback(db);
	end(&t, began_ns, verdict);
	retain_count(r, db);
	lock_release(&r->turn);
}
