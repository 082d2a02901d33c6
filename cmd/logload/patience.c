/*
 * patience.c - see patience.h.
 */
#include <stdlib.h>
#include <string.h>

#include "clock.h"
#include "lock.h"
#include "log.h"
#include "patience.h"

#define LEAST_NS (100 * CLOCK_NS_PER_MS)
#define MOST_NS (30 * CLOCK_NS_PER_S)
#define CONFLICT_NS CLOCK_NS_PER_S      /* the most for a conflict */
#define SCHEMA_NS (30 * CLOCK_NS_PER_S) /* and as much again, by chance */

int
patience_init(struct patience *p, struct meters *meters, struct stop *stop)
{
	memset(p, 0, sizeof(*p));
	p->meters = meters;
	p->stop = stop;
	return pthread_mutex_init(&p->lock, NULL) == 0 ? 0 : -1;
}

void
patience_release(struct patience *p)
{
	(void)pthread_mutex_destroy(&p->lock); /* no thread is left */
}

/* Says a change, or after a while that nothing has changed. Under the lock. */
static void
note(struct patience *p, enum health now, const char *why)
{
	uint64_t time = clock_monotonic_ns();
	bool changed = p->health != now ||
		       (now == HEALTH_SCHEMA && time - p->said_ns >= SCHEMA_NS);

	if (changed)
		p->said_ns = time;
	if (changed && now == HEALTH_GOOD && p->health != HEALTH_UNKNOWN)
		log_info("the database takes events again");
	else if (changed && now == HEALTH_AWAY)
		log_warn("the database is away, files wait: %s", why);
	else if (changed && now == HEALTH_SCHEMA && p->for_ever)
		log_error("the database refuses, files are kept until this is "
			  "put right: %s",
		    why);
	p->health = now;
	p->silent = false;
	meter_set(p->meters, METER_DATABASE_UP, now == HEALTH_GOOD);
	meter_set(p->meters, METER_DATABASE_REFUSES, now == HEALTH_SCHEMA);
}

static void
say(struct patience *p, enum health now, const char *why)
{
	lock_take(&p->lock);
	note(p, now, why);
	lock_release(&p->lock);
}

enum health
patience_health(struct patience *p, bool *silent)
{
	enum health health;

	lock_take(&p->lock);
	health = p->health;
	*silent = p->silent;
	lock_release(&p->lock);
	return health;
}

void
patience_hear(struct patience *p, bool answers)
{
	lock_take(&p->lock);
	if (answers && p->silent)
		note(p, HEALTH_GOOD, "");
	else if (!answers && p->health == HEALTH_GOOD) {
		note(
		    p, HEALTH_AWAY, "it does not answer what takes it no time");
		p->silent = true;
	}
	lock_release(&p->lock);
}

/* A conflict is no state: the database is there, and takes what others send. */
static void
say_conflict(struct patience *p, const char *why)
{
	uint64_t time = clock_monotonic_ns();

	lock_take(&p->lock);
	if (p->conflict_ns == 0 || time - p->conflict_ns >= SCHEMA_NS) {
		log_warn("in conflict with another transaction, trying again: "
			 "%s",
		    why);
		p->conflict_ns = time;
	}
	lock_release(&p->lock);
}

void
trial_succeeded(struct trial *t)
{
	t->failures = 0;
	say(t->shared, HEALTH_GOOD, "");
}

/* A random part of a span that doubles with each failure. */
static uint64_t
backoff_ns(struct trial *t, uint64_t most)
{
	uint64_t span = LEAST_NS;

	for (unsigned i = 1; i < t->failures && span < most; i++)
		span *= 2;
	if (span > most)
		span = most;
	return span / 1000 * (uint64_t)(rand_r(&t->seed) % 1000) +
	       CLOCK_NS_PER_MS;
}

bool
trial_failed(
    struct trial *t, enum load_verdict verdict, const struct error *why)
{
	struct patience *p = t->shared;
	uint64_t now = clock_monotonic_ns(), wait, spent;

	if (t->failures++ == 0)
		t->since_ns = now;
	/* Then the connection was broken by us. */
	if (!p->for_ever && stop_asked(p->stop))
		return false;
	if (verdict == LOAD_CONFLICT) {
		meter_add(p->meters, METER_RETRIES_CONFLICT, 1);
		say_conflict(p, why->text);
	} else if (verdict == LOAD_PASSING) {
		meter_add(p->meters, METER_RETRIES_PASSING, 1);
		say(p, HEALTH_AWAY, why->text);
	} else {
		meter_add(p->meters, METER_RETRIES_SCHEMA, 1);
		say(p, HEALTH_SCHEMA, why->text);
	}
	if (verdict == LOAD_PASSING || verdict == LOAD_CONFLICT) {
		wait = backoff_ns(
		    t, verdict == LOAD_PASSING ? MOST_NS : CONFLICT_NS);
	} else {
		if (!p->for_ever)
			return false;
		wait = SCHEMA_NS / 1000 *
		       (uint64_t)(1000 + rand_r(&t->seed) % 1000);
	}
	spent = now - t->since_ns;
	if (!p->for_ever && spent >= p->most_ns)
		return false;
	if (!p->for_ever && wait > p->most_ns - spent)
		wait = p->most_ns - spent;
	return !stop_wait(p->stop, wait);
}

bool
trial_connect(struct trial *t, struct loader *l, enum load_verdict *verdict)
{
	enum db_verdict v;

	while ((v = db_connect(l->db)) != DB_OK) {
		*verdict = store_heard(v);
		t->connecting = true;
		if (!trial_failed(t, *verdict, &l->db->error))
			return false;
	}
	/* Connecting proves nothing where the work itself has failed. */
	if (t->connecting || t->failures == 0)
		trial_succeeded(t);
	t->connecting = false;
	return true;
}

/* By name, or where that is NULL, by the search. */
static enum load_verdict
look(struct trial *t, struct loader *l, const char *name,
    const struct db_search *search, unsigned skip, struct db_file *file,
    bool *found, struct error *err)
{
	struct db *db = l->db;
	enum load_verdict verdict;
	enum db_verdict v;

	for (;;) {
		if (!trial_connect(t, l, &verdict)) {
			*err = db->error;
			return verdict;
		}
		v = name != NULL ? db_find(db, name, file, found)
				 : db_search(db, search, skip, file, found);
		if (v == DB_OK)
			return LOAD_DONE;
		*err = db->error;
		db_disconnect(db);
		verdict = store_heard(v);
		if (!trial_failed(t, verdict, err))
			return verdict;
	}
}

enum load_verdict
trial_find(struct trial *t, struct loader *l, const char *name,
    struct db_file *file, bool *found, struct error *err)
{
	return look(t, l, name, NULL, 0, file, found, err);
}

enum load_verdict
trial_search(struct trial *t, struct loader *l, const struct db_search *search,
    unsigned skip, struct db_file *file, bool *found, struct error *err)
{
	return look(t, l, NULL, search, skip, file, found, err);
}
