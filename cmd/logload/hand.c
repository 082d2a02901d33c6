/*
 * hand.c - see hand.h.
 *
 * The workers take the files in the order of the command line; the first thread
 * shows how far they are, and answers signals.
 */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sysexits.h>
#include <unistd.h>

#include "clock.h"
#include "hand.h"
#include "log.h"
#include "paths.h"
#include "report.h"
#include "retry.h"
#include "run.h"

#define DRAW_MS 200
#define HURRY_MS 50
/*
 * A signal is answered within a second: what can end by itself has so long,
 * then the connections are broken, then the threads are left behind.
 */
#define BREAK_NS (250 * CLOCK_NS_PER_MS)
#define LEAVE_NS (700 * CLOCK_NS_PER_MS)

static bool watch(struct hand *);
static bool hurry(struct hand *, uint64_t *stopped_ns);
static void tell_left(struct hand *);
static bool work_on(struct hand *, char *const *paths, size_t count);
static bool try_later(struct hand *);
static int later_init(struct hand *, size_t most);
static void later_release(struct hand *);

/* Where rejected events go, and how the files are named there. */
static int
open_reject_dir(const struct settings *s, struct spool *spool,
    const char **suffix, struct error *err)
{
	const char *path = s->rejected_dir != NULL ? s->rejected_dir : ".";
	int fd;

	*suffix = ".rejected" SPOOL_SUFFIX;
	if (s->rejected_dir == NULL && spool != NULL && !s->dry_run) {
		*suffix = SPOOL_SUFFIX;
		fd = fcntl(spool->dir[SPOOL_REJECTED], F_DUPFD_CLOEXEC, 0);
	} else {
		fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	}
	return fd < 0 ? error_errno(err, "open %s", path) : fd;
}

/* What was named, or listed. */
static int
run_paths(const struct settings *s, struct spool *spool, struct stop *stop,
    const struct paths *paths, bool listed)
{
	struct hand *h = calloc(1, sizeof(*h));
	struct error err;
	const char *suffix;
	struct run_end end;
	int dir;
	bool left,
	    show = s->progress == PROGRESS_ALWAYS ||
		   (s->progress == PROGRESS_AUTO && isatty(STDERR_FILENO));

	if (h == NULL || later_init(h, paths->count) < 0) {
		free(h);
		log_error("out of memory");
		return EX_OSERR;
	}
	report_begin(&h->report, s);
	h->report.paths = paths;
	dir = open_reject_dir(s, spool, &suffix, &err);
	if (dir < 0 || run_init(&h->run, s, spool, stop,
			   s->retry_rejected ? hand_retry : hand_file, dir,
			   suffix, &err) < 0) {
		log_error("%s", err.text);
		later_release(h);
		free(h);
		report_early(s, EX_IOERR);
		return EX_IOERR;
	}
	/* A retry removes what it reads: it needs no room in the end. */
	if (spool != NULL && s->rejected_dir == NULL && !s->retry_rejected &&
	    !s->dry_run)
		run_limit_rejected(&h->run);
	kin_init(&h->kin);
	h->listed = listed;
	h->run.patience.most_ns = s->wait_ns;
	progress_begin(&h->progress, show, paths_bytes(paths));
	left = !work_on(h, paths->list, paths->count) || !try_later(h);
	progress_end(&h->progress);
	if (left)
		tell_left(h);
	if (stop_asked(stop) &&
	    atomic_load(&h->report.loaded) + atomic_load(&h->report.skipped) <
		paths->count)
		run_note(&h->run, OUTCOME_STOPPED);
	end = run_end(&h->run);
	if (report_end(&h->report, end.status, end.reason) < 0) {
		log_error("write to stdout: %s", strerror(errno));
		run_note(&h->run, OUTCOME_IO);
		end = run_end(&h->run);
	}
	if (left)
		return end.status; /* they use it still */
	later_release(h);
	run_release(&h->run);
	(void)close(dir); /* only read from */
	free(h);
	return end.status;
}

int
hand_run(const struct settings *s, struct spool *spool, struct stop *stop,
    char *const *paths, int count)
{
	struct paths all = {.records = s->retry_rejected};
	struct error err;
	int rc, status = EX_IOERR;

	rc = count > 0 ? paths_find(&all, paths, count, &err)
		       : retry_list(spool, &all.list, &all.count, &err);
	if (rc == 0 && (s->since != NULL || s->until != NULL))
		paths_choose(&all, &s->span);
	if (rc == 0) {
		status = run_paths(s, spool, stop, &all, count == 0);
	} else {
		log_error("%s", err.text);
		report_early(s, status);
	}
	paths_release(&all);
	return status;
}

/* False: as watch. */
static bool
work_on(struct hand *h, char *const *paths, size_t count)
{
	struct crew *c = &h->run.crew;
	struct error err;

	crew_feed(c, (const char *const *)paths, count);
	crew_close(c, false);
	if (crew_start(c, &err) < 0) {
		log_error("%s", err.text);
		run_note(&h->run, OUTCOME_IO);
	}
	if (!watch(h))
		return false;
	crew_join(c);
	return true;
}

/*
 * Files of which all was refused are tried once more, after all others, if rows
 * were stored since: these are the witness that it is their own fault. False:
 * as watch.
 */
static bool
try_later(struct hand *h)
{
	int64_t rows = meter_get(&h->run.meters, METER_EVENTS_LOADED);
	size_t count = atomic_load(&h->later_count), n = 0;
	struct error err;

	for (size_t i = 0; i < count; i++) {
		char *path = h->later[i];

		if (rows > h->later_rows[i]) {
			h->later[i] = h->later[n];
			h->later[n++] = path;
			continue;
		}
		(void)error_set(&err,
		    "none of it is loaded, and nothing tells whether its "
		    "events or the table are to blame");
		log_error("load %s: %s", path, err.text);
		report_none(&h->report, path, "failed", &err);
		run_note(&h->run, OUTCOME_SCHEMA);
	}
	if (n == 0 || stop_asked(h->run.stop))
		return true;
	h->is_later = true;
	return work_on(h, h->later, n);
}

static void
later_release(struct hand *h)
{
	for (size_t i = 0; i < atomic_load(&h->later_count); i++)
		free(h->later[i]);
	free(h->later);
	free(h->later_rows);
}

static int
later_init(struct hand *h, size_t most)
{
	h->later = calloc(most + 1, sizeof(*h->later));
	h->later_rows = calloc(most + 1, sizeof(*h->later_rows));
	if (h->later != NULL && h->later_rows != NULL)
		return 0;
	later_release(h);
	return -1;
}

/*
 * The first thread
 */

static void
draw(struct hand *h)
{
	const struct crew *c = &h->run.crew;
	struct progress_state state = {.bytes = atomic_load(&h->file_bytes),
	    .committed = atomic_load(&h->loaded_bytes),
	    .events = (uint64_t)meter_get(&h->run.meters, METER_EVENTS_LOADED)};

	for (unsigned i = 0; i < c->worker_count; i++) {
		const struct loader *l = &c->workers[i].loader;

		state.bytes += l->consumed;
		state.committed += l->committed;
		state.hashed += l->hashed;
	}
	progress_draw(&h->progress, &state);
}

/*
 * Shows how far the workers are, and answers signals, until they have ended,
 * for crew_join. False: after a signal they have not in time, and are to be
 * left behind; the process must end without releasing anything that they use.
 */
static bool
watch(struct hand *h)
{
	struct crew *c = &h->run.crew;
	uint64_t stopped_ns = 0;
	bool in_time = true;

	while (in_time && !crew_look(c).ended) {
		struct pollfd p[] = {{.fd = c->wake, .events = POLLIN},
		    {.fd = h->run.stop->fd, .events = POLLIN}};
		bool stopped = stop_asked(h->run.stop);
		uint64_t woken;

		draw(h);
		in_time = !stopped || hurry(h, &stopped_ns);
		(void)poll(p, stopped ? 1 : 2,
		    stopped          ? HURRY_MS
		    : h->progress.on ? DRAW_MS
				     : -1);
		(void)!read(c->wake, &woken, sizeof(woken)); /* only empties */
	}
	return in_time;
}

/* stopped_ns: when the signal was seen first. False: leave the threads. */
static bool
hurry(struct hand *h, uint64_t *stopped_ns)
{
	uint64_t now = clock_monotonic_ns();

	if (*stopped_ns == 0) {
		*stopped_ns = now;
		crew_close(&h->run.crew, true);
	}
	if (now - *stopped_ns >= BREAK_NS)
		run_interrupt(&h->run);
	return now - *stopped_ns < LEAVE_NS;
}

/* The files that they are at. */
static void
tell_left(struct hand *h)
{
	char path[PATH_MAX];

	run_note(&h->run, OUTCOME_STOPPED);
	for (unsigned i = 0; i < h->run.crew.worker_count; i++) {
		if (!crew_at_work(&h->run.crew, i, path))
			continue;
		hand_tell_stopped(path);
		report_file(&h->report,
		    &(struct report_file){.path = path, .verdict = "stopped"});
	}
}
