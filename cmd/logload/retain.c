/*
 * retain.c - see retain.h.
 */
#include <stdio.h>
#include <string.h>

#include "db/db.h"
#include "db/expire.h"
#include "lock.h"
#include "log.h"
#include "retain_own.h"

#define AGAIN_NS (10 * CLOCK_NS_PER_S) /* where others were in the way */
#define ALONE_NS (10 * CLOCK_NS_PER_S) /* of one that has its time */
#define TURN_SHARE 4                   /* of its time, until the next */
#define BLOCKED_SHARE 9 /* likewise, where all others waited behind it */
#define FRESH_NS CLOCK_NS_PER_S /* a session was just prepared */
#define AHEAD_US (86400 * (int64_t)CLOCK_US_PER_S)
#define DOUBT_US (366 * 86400 * (int64_t)CLOCK_US_PER_S)

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

bool
retain_has_time(struct turn *t)
{
	t->cut = t->cut || stop_asked(t->r->stop) ||
		 clock_monotonic_ns() >= t->until_ns;
	return !t->cut;
}

/*
 * The limit
 */

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
	if (verdict == DB_OK && retain_instant(text, &theirs) &&
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
	verdict = ask_newest(t, RETAIN_END_OF_TIME, newest);
	if (verdict == DB_OK && retain_instant(newest, &us) &&
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
	    retain_instant(newest, &us) && t->now_us - us > DOUBT_US &&
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
 * Turns
 */

static enum db_verdict
work(struct turn *t)
{
	enum db_verdict verdict = db_hasten(t->db, true);

	t->db->partitions_due = true;
	/* It does so when it connects. */
	if (verdict == DB_OK &&
	    clock_monotonic_ns() - t->db->opened_ns > FRESH_NS)
		verdict = db_prepare(t->db);
	if (verdict != DB_OK || t->r->settings->db.retain_ns == 0)
		return verdict;
	verdict = find_now(t);
	if (verdict == DB_OK)
		verdict = look_at_newest(t);
	if (verdict == DB_OK && !t->r->doubts)
		verdict = retain_tables(t);
	return verdict == DB_OK && !t->r->doubts ? retain_ledger(t) : verdict;
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
	uint64_t now = clock_monotonic_ns(), wait = RETAIN_EVERY_NS;

	if (verdict == DB_CONFLICT || t->blocked)
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
	set_due(r, began_ns + RETAIN_EVERY_NS); /* for others */
	t.until_ns = began_ns + r->turn_ns;
	verdict = work(&t);
	/* Whatever was asked may have begun a transaction. */
	if (verdict != DB_PASSING)
		db_rollback(db);
	if (db->open && db_hasten(db, false) != DB_OK)
		verdict = DB_PASSING;
	end(&t, began_ns, verdict);
	retain_count(r, db);
	lock_release(&r->turn);
}
