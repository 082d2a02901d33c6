/*
 * ready.c - see ready.h.
 */
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "clock.h"
#include "log.h"
#include "ready.h"
#include "take.h"

#define REFUSED_AGAIN_NS (30 * CLOCK_NS_PER_S)

/* What files that are aside wait for. */
static struct aside_now
now_is(struct ready *r)
{
	return (struct aside_now){.left = room_left(&r->run.room),
	    .rows = (uint64_t)meter_get(&r->run.meters, METER_EVENTS_LOADED),
	    .ns = clock_monotonic_ns()};
}

bool
ready_has_due(struct ready *r)
{
	struct aside_now now = now_is(r);

	return aside_is_due(&r->aside, &now);
}

/* It stays in ready/; `need` as for aside_put. */
static void
put_aside(struct ready *r, const char *name, const char *why, uint64_t need)
{
	run_note(&r->run, need > 0 ? OUTCOME_STOPPED : OUTCOME_IO);
	meter_add(&r->run.meters, METER_RETRIES_IO, 1);
	aside_put(&r->aside, name, why, need, clock_monotonic_ns());
}

/* The same, of a file all of whose events the database has refused. */
static void
put_refused(struct ready *r, const struct load *load)
{
	struct aside_now now = now_is(r);

	meter_add(&r->run.meters, METER_RETRIES_SCHEMA, 1);
	aside_refuse(&r->aside, load->name, load->error.text, &now,
	    r->run.patience.for_ever ? now.ns + REFUSED_AGAIN_NS : now.ns);
}

/* The database has it: out of ready/ with it, unless it has more by now. */
static void
put_away(struct ready *r, const struct load *load)
{
	const char *name = load->name;
	struct error err;
	struct stat st;
	int rc;

	if (fstat(load->source->fd, &st) < 0 ||
	    (uint64_t)st.st_size != load->source->size) {
		put_aside(r, name,
		    "it was written to while it was loaded; move a file into "
		    "ready/ when it is whole",
		    0);
		return;
	}
	rc = settle_put(
	    &r->settle, load->loader->db, name, load->source->size, &err);
	if (rc < 0)
		put_aside(r, name, err.text, 0);
	else
		atomic_fetch_add(&r->removed, 1);
	if (rc == 0)
		aside_done(&r->aside, name);
}

static void
conclude(struct ready *r, const struct load *load, enum load_verdict verdict,
    uint64_t took_ns)
{
	const struct load_tally *t = &load->tally;

	switch (verdict) {
	case LOAD_DONE:
		meter_add(&r->run.meters, METER_FILES_LOADED, 1);
		log_info("loaded file=%s events=%llu rejected=%llu bytes=%llu "
			 "ms=%llu",
		    load->name, (unsigned long long)t->events,
		    (unsigned long long)t->rejected,
		    (unsigned long long)t->bytes,
		    (unsigned long long)(took_ns / CLOCK_NS_PER_MS));
		put_away(r, load);
		break;
	case LOAD_SKIPPED:
		meter_add(&r->run.meters, METER_FILES_SKIPPED, 1);
		log_info("skipped, it was loaded before: file=%s", load->name);
		put_away(r, load);
		break;
	case LOAD_IO:
	case LOAD_UNFIT:
		put_aside(r, load->name, load->error.text,
		    load->loader->reject.lacking);
		break;
	case LOAD_REFUSED:
		put_refused(r, load);
		break;
	default:
		break;
	}
}

bool
ready_connect(void *context, struct worker *w)
{
	enum load_verdict verdict;

	(void)context;
	return trial_connect(&w->trial, &w->loader, &verdict);
}

/* Why a file was not taken. */
static void
pass_over(struct ready *r, const char *name, enum taken taken,
    const struct error *why)
{
	if (taken == TAKEN_NOT)
		put_aside(r, name, why->text, 0);
	else if (taken == TAKEN_BY_ANOTHER)
		atomic_fetch_add(&r->locked, 1);
}

/* The database cannot be used; more of the same would be no better. */
static bool
give_up(struct ready *r, struct worker *w, enum load_verdict verdict)
{
	if (verdict == LOAD_SCHEMA && r->run.patience.schema_ends)
		log_error("the database refuses, files are kept: %s",
		    w->loader.db->error.text);
	if (!stop_asked(r->run.stop))
		run_note(&r->run,
		    verdict == LOAD_SCHEMA ? OUTCOME_SCHEMA : OUTCOME_AWAY);
	return false;
}

bool
ready_load(void *context, struct worker *w, const char *name)
{
	struct ready *r = context;
	enum load_verdict verdict;
	char own[SPOOL_NAME_MAX];
	struct source source;
	enum taken taken;
	struct error err;
	struct load load;
	struct aside_now now = now_is(r);

	if (strcmp(name, SETTLE_TURN) == 0)
		return settle_connect(&r->settle, w, true, &verdict) ||
		       give_up(r, w, verdict);
	if (!aside_may_try(&r->aside, name, &now))
		return true;
	taken = take_name(r->run.spool, w, &name, own, &verdict, &err);
	if (taken == TAKEN_UNKNOWN)
		return give_up(r, w, verdict);
	if (taken != TAKEN) {
		pass_over(r, name, taken, &err);
		return true;
	}
	/* One for all tries: it knows of a commit whose answer was lost. */
	load_init(
	    &load, &w->loader, &source, name, spool_name_may_be_torn(name));
	load.witnessed = aside_is_witnessed(&r->aside, name, &now);
	for (;;) {
		uint64_t started;

		if (stop_asked(r->run.stop))
			return false;
		if (!settle_connect(&r->settle, w, false, &verdict))
			break;
		taken = take_file(r->run.spool, w->claims, name, &source, &err);
		if (taken != TAKEN) {
			pass_over(r, name, taken, &err);
			return true;
		}
		source.unpack.wide = r->run.settings->wide;
		started = clock_monotonic_ns();
		verdict = load_run(&load);
		conclude(r, &load, verdict, clock_monotonic_ns() - started);
		source_close(&source);
		spool_release(w->claims, name);
		if (!load_may_try_again(verdict)) {
			trial_succeeded(&w->trial);
			return verdict != LOAD_STOPPED;
		}
		if (!trial_failed(&w->trial, verdict, &load.error))
			break;
	}
	return give_up(r, w, verdict);
}
