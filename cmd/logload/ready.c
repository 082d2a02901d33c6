/*
 * ready.c - see ready.h.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "clock.h"
#include "log.h"
#include "ready.h"
#include "row/value.h"

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

	if (fstat(load->source->fd, &st) < 0 ||
	    (uint64_t)st.st_size != load->source->size) {
		put_aside(r, name,
		    "it was written to while it was loaded; move a file into "
		    "ready/ when it is whole",
		    0);
		return;
	}
	if (settle_put(&r->settle, load->loader->db, name, load->source->size,
		&err) < 0) {
		put_aside(r, name, err.text, 0);
		return;
	}
	atomic_fetch_add(&r->removed, 1);
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

/*
 * Taking
 */

/* Was it there, just as large, when the loading of that line began? */
static bool
was_there(
    const struct spool *spool, const char *name, const struct db_file *file)
{
	char came[VALUE_DATETIME_LEN + 1];
	struct stat st;

	if (fstatat(spool->dir[SPOOL_READY], name, &st, AT_SYMLINK_NOFOLLOW) <
		0 ||
	    (uint64_t)st.st_size != file->progress)
		return false;
	value_stamp((int64_t)st.st_ctim.tv_sec * (int64_t)CLOCK_US_PER_S +
			st.st_ctim.tv_nsec / 1000,
	    came);
	return strcmp(came, file->started_at) < 0;
}

/*
 * The version before loaded such a file under the name that it was given: has
 * it loaded a part of it? Then the rest belongs to that. Or all of it, and was
 * killed before it could remove it?
 */
static enum load_verdict
find_begun(const struct spool *spool, struct worker *w, const char *name,
    bool *begun, struct error *err)
{
	enum load_verdict verdict;
	struct db_file file;
	bool any;

	verdict = trial_find(&w->trial, &w->loader, name, &file, &any, err);
	*begun = verdict == LOAD_DONE && any && file.table[0] == '\0' &&
		 (!file.loaded || was_there(spool, name, &file));
	return verdict;
}

/* For that reason; what has gone is none of ours. Always false. */
static bool
cannot_take(struct ready *r, const char *name, const struct error *why)
{
	if (why->code != ENOENT)
		put_aside(r, name, why->text, 0);
	return false;
}

/* Another process works on it, or writes to it. Always false. */
static bool
leave_to_others(struct ready *r)
{
	atomic_fetch_add(&r->locked, 1);
	return false;
}

/*
 * Gives what somebody has put into ready/ a name of its own, `own` of
 * SPOOL_NAME_MAX bytes, so that no other file is taken for it, now or later.
 */
static bool
take_name(struct ready *r, struct worker *w, const char *name, char *own)
{
	struct error err;
	int rc = spool_adopt(r->run.spool, w->claims, name, own, &err);

	if (rc < 0)
		return cannot_take(r, name, &err);
	if (rc == 0)
		return leave_to_others(r);
	log_info("named file=%s as=%s", name, own);
	return true;
}

/* It is claimed. Before that, whoever had it may just have removed it. */
static bool
open_file(struct ready *r, const char *name, struct source *source)
{
	struct error err;
	int fd = openat(r->run.spool->dir[SPOOL_READY], name,
	    O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);

	if (fd < 0) {
		(void)error_errno(&err, "open");
		return cannot_take(r, name, &err);
	}
	/* Before its size is looked at, which is final then. */
	if (spool_name_may_be_torn(name)
		? spool_is_being_copied(fd)
		: spool_find_writer(fd) == SPOOL_WRITER_THERE) {
		(void)close(fd); /* only read from */
		return leave_to_others(r);
	}
	return source_open(source, fd, -1, &err) == 0 ||
	       cannot_take(r, name, &err);
}

/*
 * Claims it, and opens it as a source, which is the caller's to close, before
 * he releases the claim.
 */
static bool
take_file(struct ready *r, int claims, const char *name, struct source *source)
{
	int rc = spool_claim(claims, name);
	struct error err;

	if (rc == 0)
		return leave_to_others(r);
	if (rc < 0) {
		(void)error_errno(&err, "claim");
		return cannot_take(r, name, &err);
	}
	if (open_file(r, name, source))
		return true;
	spool_release(claims, name);
	return false;
}

/* The database cannot be used; more of the same would be no better. */
static bool
give_up(struct ready *r, struct worker *w, enum load_verdict verdict)
{
	if (verdict == LOAD_SCHEMA && !r->run.patience.for_ever)
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
	struct error err;
	struct load load;
	struct aside_now now = now_is(r);
	bool settles = strcmp(name, SETTLE_TURN) == 0;

	if (settles || strcmp(name, RETAIN_TURN) == 0) {
		if (!settle_connect(&r->settle, w, settles, &verdict))
			return give_up(r, w, verdict);
		retain_turn(&r->run.retain, w->loader.db);
		return true;
	}
	if (!aside_may_try(&r->aside, name, &now))
		return true;
	if (!spool_name_parse(name, NULL)) {
		bool begun;

		verdict = find_begun(r->run.spool, w, name, &begun, &err);
		if (verdict != LOAD_DONE)
			return give_up(r, w, verdict);
		if (!begun && !take_name(r, w, name, own))
			return true;
		if (!begun)
			name = own;
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
		retain_turn(&r->run.retain, w->loader.db);
		if (!take_file(r, w->claims, name, &source))
			return true;
		source.unpack.wide = r->run.settings->wide;
		started = clock_monotonic_ns();
		verdict = load_run(&load);
		retain_count(&r->run.retain, w->loader.db);
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
