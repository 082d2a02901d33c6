/*
 * run.c - see run.h.
 */
#include <poll.h>
#include <string.h>
#include <sysexits.h>
#include <unistd.h>

#include "clock.h"
#include "run.h"

/* A database that is silent for so long does not keep us from ending. */
#define GRACE_NS (5 * CLOCK_NS_PER_S)
#define HURRY_EVERY_MS 200

int
run_init(struct run *r, const struct settings *s, struct spool *spool,
    struct stop *stop, crew_work *work, int reject_dir,
    const char *reject_suffix, struct error *err)
{
	struct load_limits limits = {.chunk = s->chunk,
	    .max_event = s->max_event,
	    .max_depth = (unsigned)s->max_depth};
	struct crew *crew = &r->crew;

	if (reject_dir >= 0 && !s->dry_run)
		spool_draft_sweep(reject_dir);
	r->settings = s;
	r->spool = spool;
	r->stop = stop;
	atomic_init(&r->outcome, 0);
	meters_init(&r->meters);
	meters_columns(&r->meters, &s->columns);
	rate_init(&r->rate, s->rate);
	if (patience_init(&r->patience, &r->meters, stop) < 0 ||
	    room_init(&r->room, &r->meters) < 0 ||
	    retain_init(&r->retain, s, spool, &r->meters, stop) < 0)
		return error_set(err, "create a lock: no memory");
	if (crew_init(crew, work, r, err) < 0)
		return -1;
	for (unsigned i = 0; i < s->jobs; i++) {
		struct worker *w = &crew->workers[i];
		struct db *db = NULL;

		w->claims = -1;
		if (s->db_given && (db = db_new(&s->db)) == NULL)
			return error_set(err, "connect: out of memory");
		if (loader_init(&w->loader, db, &s->columns, &limits,
			reject_dir, reject_suffix) < 0)
			return error_set(err, "start: out of memory");
		w->loader.meters = &r->meters;
		w->loader.stop = stop;
		w->loader.route = s->route;
		w->loader.rate = s->rate > 0 ? &r->rate : NULL;
		w->trial.shared = &r->patience;
		w->trial.seed =
		    (unsigned)(clock_wall_us() ^ (uint64_t)getpid() << 16) + i;
		crew->worker_count++;
	}
	return 0;
}

void
run_release(struct run *r)
{
	for (unsigned i = 0; i < r->crew.worker_count; i++) {
		struct worker *w = &r->crew.workers[i];

		loader_release(&w->loader);
		if (w->claims >= 0)
			(void)close(w->claims); /* no claim is left */
	}
	crew_release(&r->crew);
	retain_release(&r->retain);
	room_release(&r->room);
	patience_release(&r->patience);
}

void
run_limit_rejected(struct run *r)
{
	room_limit(&r->room, r->spool, r->settings->rejected_limit,
	    r->settings->rejected_full == REJECTED_DROP);
	for (unsigned i = 0; i < r->crew.worker_count; i++)
		r->crew.workers[i].loader.reject.room = &r->room;
}

/* The database rolls back, and the next run goes on. */
static void
hurry(struct run *r)
{
	uint64_t now = clock_monotonic_ns(), read = 0;

	for (unsigned i = 0; i < r->crew.worker_count; i++)
		read += r->crew.workers[i].loader.position;
	if (r->moved_ns == 0 || read != r->read) {
		r->moved_ns = now;
		r->read = read;
	}
	if (now - r->moved_ns >= GRACE_NS)
		run_interrupt(r);
}

void
run_interrupt(struct run *r)
{
	for (unsigned i = 0; i < r->crew.worker_count; i++) {
		struct db *db = r->crew.workers[i].loader.db;

		if (db != NULL)
			db_interrupt(db);
	}
}

void
run_join(struct run *r)
{
	while (!crew_look(&r->crew).ended) {
		struct pollfd p = {.fd = r->crew.wake, .events = POLLIN};
		uint64_t woken;

		(void)poll(&p, 1, HURRY_EVERY_MS);
		(void)!read(p.fd, &woken, sizeof(woken)); /* only empties */
		hurry(r);
	}
	crew_join(&r->crew);
}

void
run_note(struct run *r, enum outcome outcome)
{
	atomic_fetch_or(&r->outcome, (unsigned)outcome);
}

/* The gravest first. */
static const struct {
	unsigned outcome;
	struct run_end end;
} outcomes[] = {
    {OUTCOME_SCHEMA, {EX_CONFIG, "refused"}},
    {OUTCOME_STOPPED, {EX_TEMPFAIL, "stopped"}},
    {OUTCOME_AWAY, {EX_TEMPFAIL, "away"}},
    {OUTCOME_IO, {EX_IOERR, "failed"}},
    {OUTCOME_REJECTED, {EX_DATAERR, "rejected"}},
    {0, {EX_OK, "done"}},
};

struct run_end
run_end(struct run *r)
{
	unsigned noted = atomic_load(&r->outcome);
	int i = 0;

	while (outcomes[i].outcome != 0 && (outcomes[i].outcome & noted) == 0)
		i++;
	return outcomes[i].end;
}
