/*
 * follow.c - see follow.h.
 *
 * The main thread looks into ready/: when there is news of a file, and now and
 * then in case there was none. It hands the oldest names to the workers, and
 * when they have had them the next ones, up to the end: that is a round. Files
 * that cannot be loaded thus never stand in the way of others, and a round in
 * which nothing could be done is not followed at once by another.
 */
#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/inotify.h>
#include <sysexits.h>
#include <unistd.h>

#include "clock.h"
#include "follow.h"
#include "log.h"
#include "metrics.h"
#include "pulse.h"
#include "ready.h"

#define SCAN_MOST 4096 /* files handed out in one go */
#define COUNT_EVERY_NS (30 * CLOCK_NS_PER_S)
#define METRICS_EVERY_NS (5 * CLOCK_NS_PER_S)
#define HELD_AGAIN_NS (50 * CLOCK_NS_PER_MS) /* at first; it doubles */
#define ONCE_AGAIN_NS (200 * CLOCK_NS_PER_MS)
#define TRUST_NS (30 * CLOCK_NS_PER_S)  /* in inotify(7) */
#define CURRENT_NS (CLOCK_NS_PER_S / 2) /* whether the spool is there */

struct follow {
	struct ready ready;       /* first: the context of the work */
	struct spool_list list;   /* what was handed out */
	const char **names;       /* of the list, for the crew */
	struct spool_list totals; /* of the last look */
	struct metrics_file metrics;
	struct pulse pulse;
	int inotify; /* -1: none to be had, as is warned about */
	bool gone;   /* the spool that we opened, so that stop was asked for */
	uint64_t waiting;                /* files in ready/, at the last look */
	bool look;                       /* something may be new in ready/ */
	char after[SPOOL_NAME_MAX];      /* go on there; "": a new round */
	uint64_t looked_ns;              /* when files were last handed out */
	uint64_t counted_ns, written_ns; /* last numbers, last metrics */
	uint64_t lag_ns;                 /* last brought up to date */
	uint64_t aliens;                 /* that were told of */
	unsigned held_rounds; /* one after another that found files held */
};

static int open_all(struct follow *, struct spool *, struct error *);
static void close_all(struct follow *);
static void loop(struct follow *);
static void loop_once(struct follow *, uint64_t until_ns);
static void drain(struct follow *, uint64_t until_ns);
static void tell_left(struct follow *);
static void write_metrics(struct follow *);
static void watch_ready(struct follow *, struct spool *);

int
follow_run(const struct settings *s, struct spool *spool, struct stop *stop)
{
	static const char *const turn = SETTLE_TURN;
	struct follow *f = calloc(1, sizeof(*f));
	struct error err;
	uint64_t until_ns;
	int status = EX_IOERR;

	if (f == NULL) {
		log_error("out of memory");
		return EX_OSERR;
	}
	if (run_init(&f->ready.run, s, spool, stop, ready_load,
		spool->dir[SPOOL_REJECTED], SPOOL_SUFFIX, &err) < 0) {
		log_error("%s", err.text);
		free(f);
		return EX_OSERR;
	}
	run_limit_rejected(&f->ready.run);
	if (!s->once)
		f->ready.run.retain.turn_ns = RETAIN_FOLLOW_NS;
	f->ready.run.patience.for_ever = !s->once;
	f->ready.run.patience.most_ns = s->wait_ns;
	/* A wrong password shows now, not at the first file. */
	if (!s->once)
		crew_feed(&f->ready.run.crew, &turn, 1);
	if (open_all(f, spool, &err) < 0 ||
	    crew_start(&f->ready.run.crew, &err) < 0) {
		log_error("%s", err.text);
	} else {
		log_info("ready spool=%s jobs=%llu", spool->path,
		    (unsigned long long)s->jobs);
		if (!s->once && pulse_start(&f->pulse, &f->ready.run, &err) < 0)
			log_warn("%s", err.text);
		if (s->once)
			loop_once(f, UINT64_MAX);
		else
			loop(f);
		status = EX_OK;
	}
	/* From now on: the workers may take long to end. */
	until_ns = clock_monotonic_ns() + s->drain_ns;
	crew_close(&f->ready.run.crew, true);
	run_join(&f->ready.run);
	pulse_end(&f->pulse);
	if (status == EX_OK && !s->once && !f->gone) {
		drain(f, until_ns);
		tell_left(f);
	}
	if (status == EX_OK && s->once)
		status = run_end(&f->ready.run).status;
	if (f->gone)
		status = EX_IOERR;
	close_all(f);
	run_release(&f->ready.run);
	free(f);
	return status;
}

static int
open_all(struct follow *f, struct spool *spool, struct error *err)
{
	watch_ready(f, spool);
	f->look = true;
	f->metrics.lock_fd = -1;
	if (aside_init(&f->ready.aside) < 0 ||
	    settle_init(&f->ready.settle, f->ready.run.settings, spool,
		&f->ready.run.meters, f->ready.run.stop) < 0)
		return error_set(err, "start: out of memory");
	room_look(&f->ready.run.room); /* for the metrics */
	f->names = calloc(SCAN_MOST, sizeof(*f->names));
	if (f->names == NULL)
		return error_errno(err, "start");
	for (unsigned i = 0; i < f->ready.run.crew.worker_count; i++) {
		struct worker *w = &f->ready.run.crew.workers[i];

		w->claims = spool_claims_open(spool, err);
		if (w->claims < 0 && !spool_is_full(err->code))
			return -1;
		/* Loading is what makes room, and the ledger decides. */
		if (w->claims < 0 && i == 0)
			log_warn("%s (going on without claims)", err->text);
	}
	if (metrics_open(&f->metrics, spool, "logload", err) < 0)
		log_warn("%s (going on without metrics)", err->text);
	return 0;
}

static void
close_all(struct follow *f)
{
	if (f->metrics.lock_fd >= 0)
		write_metrics(f);
	metrics_close(&f->metrics);
	if (f->inotify >= 0)
		(void)close(f->inotify); /* only read from */
	spool_list_release(&f->list);
	spool_list_release(&f->totals);
	free(f->names);
	settle_release(&f->ready.settle);
	aside_release(&f->ready.aside);
}

/*
 * News
 */

static void
watch_ready(struct follow *f, struct spool *spool)
{
	char path[64];

	f->inotify = inotify_init1(IN_CLOEXEC | IN_NONBLOCK);
	/* Through the descriptor, whatever happens to the path. */
	(void)snprintf(
	    path, sizeof(path), "/proc/self/fd/%d", spool->dir[SPOOL_READY]);
	if (f->inotify >= 0 && inotify_add_watch(f->inotify, path,
				   IN_MOVED_TO | IN_CLOSE_WRITE) >= 0)
		return;
	log_warn("watch %s/ready: %s (looking every second instead)",
	    spool->path, strerror(errno));
	if (f->inotify >= 0)
		(void)close(f->inotify); /* only read from */
	f->inotify = -1;
}

/* How long to trust that nothing has come, where nothing tells of it. */
static uint64_t
trust_ns(const struct follow *f)
{
	return f->inotify < 0 ? CLOCK_NS_PER_S : TRUST_NS;
}

/* Empties what has made poll return. */
static bool
drain_news(struct follow *f)
{
	char events[4096];
	uint64_t count;
	bool come = false;

	while (f->inotify >= 0 && read(f->inotify, events, sizeof(events)) > 0)
		come = true;
	(void)!read(f->ready.run.crew.wake, &count, sizeof(count));
	return come;
}

/*
 * Waits for a file in ready/, a worker, a signal, and the end of the spool, at
 * most so long. Has something come into ready/?
 */
static bool
wait_for_news(struct follow *f, uint64_t ns)
{
	struct run *run = &f->ready.run;
	struct pollfd p[] = {
	    {.fd = f->inotify, .events = POLLIN},
	    {.fd = run->crew.wake, .events = POLLIN},
	    {.fd = run->stop->fd, .events = POLLIN},
	};

	if (ns > CURRENT_NS)
		ns = CURRENT_NS;
	(void)poll(p, 3, (int)(ns / CLOCK_NS_PER_MS) + 1);
	if (!f->gone && !spool_is_current(run->spool)) {
		log_error("%s: its directories were taken away or replaced",
		    run->spool->path);
		f->gone = true;
		stop_ask(run->stop);
	}
	return drain_news(f);
}

/*
 * The main thread
 */

/* The numbers that a scan yields. */
static void
set_gauges(struct follow *f, const struct spool_list *list)
{
	struct meters *m = &f->ready.run.meters;

	meter_set(m, METER_READY_ALIENS, (int64_t)list->aliens);
	meter_set(m, METER_READY_ASIDE, (int64_t)f->ready.aside.waiting);
	meter_set(m, METER_READY_REFUSED, (int64_t)f->ready.aside.refused);
}

static void
warn_of_aliens(struct follow *f, uint64_t aliens)
{
	if (aliens > f->aliens)
		log_warn("left alone in ready/: entries=%llu that are no "
			 "regular file named *%s in printable ASCII",
		    (unsigned long long)aliens, SPOOL_SUFFIX);
	f->aliens = aliens;
}

/* Looks into ready/; with a limit of 0, only for the numbers. */
static bool
scan(struct follow *f, struct spool_list *list, size_t limit)
{
	struct error err;

	if (spool_scan(f->ready.run.spool, SPOOL_READY, f->after, limit, list,
		&err) < 0) {
		log_error("%s", err.text);
		return false;
	}
	f->waiting = list->all_files;
	f->counted_ns = clock_monotonic_ns();
	set_gauges(f, list);
	warn_of_aliens(f, list->aliens);
	return true;
}

static void
begin_round(struct follow *f)
{
	f->look = false;
	f->held_rounds =
	    atomic_exchange(&f->ready.locked, 0) > 0 ? f->held_rounds + 1 : 0;
	atomic_store(&f->ready.removed, 0);
	aside_begin_round(&f->ready.aside, clock_monotonic_ns());
}

/* Hands out the next files of the round. The crew must be hungry. */
static void
hand_out(struct follow *f)
{
	struct spool_list *list = &f->list;

	if (f->after[0] == '\0')
		begin_round(f);
	f->looked_ns = clock_monotonic_ns();
	/* Between this and the names' replacement nobody takes any. */
	if (!scan(f, list, SCAN_MOST)) {
		f->after[0] = '\0';
		return;
	}
	for (size_t i = 0; i < list->count; i++)
		f->names[i] = list->files[i].name;
	crew_feed(&f->ready.run.crew, f->names, list->count);
	if (list->matching > list->count)
		memcpy(f->after, list->files[list->count - 1].name,
		    sizeof(f->after));
	else
		f->after[0] = '\0';
}

static void
write_metrics(struct follow *f)
{
	struct error err;

	f->written_ns = clock_monotonic_ns();
	settle_measure(&f->ready.settle);
	/* While nothing else changes, not each time. */
	if (f->written_ns - f->lag_ns >= METRICS_EVERY_NS) {
		f->lag_ns = f->written_ns;
		meters_lag(&f->ready.run.meters);
	}
	if (metrics_write(&f->metrics, f->ready.run.meters.table, &err) < 0)
		log_warn("%s", err.text);
}

/* What is due by the clock, if there is a worker who has nothing else to do. */
static void
look_at_turns(struct follow *f)
{
	static const char *const turn = RETAIN_TURN;
	struct crew *crew = &f->ready.run.crew;

	settle_look(&f->ready.settle, crew);
	if (crew_look(crew).hungry && retain_is_due(&f->ready.run.retain))
		crew_feed(crew, &turn, 1);
}

/*
 * How long to wait before looking again without an event. What others hold is
 * tried again soon, and then less often: another loader may hold it for long.
 */
static uint64_t
pause_ns(struct follow *f)
{
	uint64_t ns = HELD_AGAIN_NS;

	if (atomic_load(&f->ready.locked) == 0)
		return trust_ns(f);
	for (unsigned i = 0; i < f->held_rounds && ns < METRICS_EVERY_NS; i++)
		ns *= 2;
	return ns;
}

static void
loop(struct follow *f)
{
	struct crew *crew = &f->ready.run.crew;
	bool settled = true; /* the gauges are of after the last file */

	while (!stop_asked(f->ready.run.stop) && !crew_look(crew).ended) {
		uint64_t now = clock_monotonic_ns();
		bool idle = crew_look(crew).idle;
		uint64_t every = idle ? pause_ns(f) : trust_ns(f);

		look_at_turns(f);
		/* Or what it last saw holds. */
		room_look(&f->ready.run.room);
		if (idle && ready_has_due(&f->ready))
			f->look = true;
		if (crew_look(crew).hungry &&
		    (f->after[0] != '\0' || f->look ||
			now - f->looked_ns >= every)) {
			hand_out(f);
			settled = false;
			idle = f->list.count == 0;
		}
		idle = idle && f->after[0] == '\0';
		/* The numbers: when all is done, and while much is to do. */
		if (idle && !settled) {
			settled = scan(f, &f->totals, 0);
			aside_tell_rest(&f->ready.aside);
		} else if (now - f->counted_ns >= COUNT_EVERY_NS)
			(void)scan(f, &f->totals, 0);
		if (pulse_look(&f->pulse) || settled ||
		    now - f->written_ns >= METRICS_EVERY_NS)
			write_metrics(f);
		every = pause_ns(f);
		if (f->waiting > 0 && every > METRICS_EVERY_NS)
			every = METRICS_EVERY_NS;
		f->look = wait_for_news(f, every) || f->look;
	}
}

/*
 * Until ready/ is empty, or a round has removed nothing, or the time has come.
 * Files that others hold are waited for, as long as the database would be.
 */
static void
loop_once(struct follow *f, uint64_t until_ns)
{
	struct crew *crew = &f->ready.run.crew;
	bool first = true;
	uint64_t waited = 0;

	look_at_turns(f);
	while (!stop_asked(f->ready.run.stop) && !crew_look(crew).ended) {
		uint64_t now = clock_monotonic_ns();

		if (now >= until_ns) {
			stop_ask(f->ready.run.stop);
			break;
		}
		if (now - f->written_ns >= METRICS_EVERY_NS)
			write_metrics(f);
		if (!crew_look(crew).idle) {
			(void)wait_for_news(f, until_ns - now < METRICS_EVERY_NS
						   ? until_ns - now
						   : METRICS_EVERY_NS);
			continue;
		}
		if (f->after[0] == '\0') {
			aside_tell_rest(&f->ready.aside);
			if (!scan(f, &f->totals, 0) || f->waiting == 0)
				break;
			if (!first && atomic_load(&f->ready.removed) == 0) {
				if (atomic_load(&f->ready.locked) == 0 ||
				    waited >= f->ready.run.settings->wait_ns)
					break;
				waited += ONCE_AGAIN_NS;
				(void)stop_wait(
				    f->ready.run.stop, ONCE_AGAIN_NS);
			}
			first = false;
		}
		hand_out(f);
	}
	if (f->ready.aside.refused > 0)
		run_note(&f->ready.run, OUTCOME_SCHEMA);
	if (f->waiting > 0 && atomic_load(&f->ready.run.outcome) == 0) {
		log_warn("left in ready/, since other processes load or write "
			 "them: files=%llu",
		    (unsigned long long)f->waiting);
		run_note(&f->ready.run, OUTCOME_STOPPED);
	}
}

/*
 * Told to stop, with --drain: the workers have ended as they do without it, and
 * begin anew, as with --once, if there is time left.
 */
static void
drain(struct follow *f, uint64_t until_ns)
{
	uint64_t now = clock_monotonic_ns(), ns = until_ns - now;
	struct crew *crew = &f->ready.run.crew;
	struct error err;

	if (now >= until_ns)
		return;
	log_info("loading what is left drain_ms=%llu",
	    (unsigned long long)(ns / CLOCK_NS_PER_MS));
	stop_reset(f->ready.run.stop);
	f->ready.run.patience.for_ever = false;
	f->ready.run.patience.most_ns = ns;
	for (unsigned i = 0; i < crew->worker_count; i++)
		crew->workers[i].trial.failures = 0;
	aside_hurry(&f->ready.aside);
	f->ready.run.moved_ns = 0;
	f->after[0] = '\0';
	if (crew_start(crew, &err) < 0)
		log_error("%s", err.text);
	else
		loop_once(f, until_ns);
	crew_close(crew, true);
	run_join(&f->ready.run);
}

/* At the end. */
static void
tell_left(struct follow *f)
{
	if (!scan(f, &f->totals, 0))
		return;
	if (f->waiting > 0 && f->ready.run.settings->drain_ns > 0)
		log_warn("stopped: not all is loaded, the rest waits in ready/ "
			 "for the next start files=%llu",
		    (unsigned long long)f->waiting);
	else
		log_info("stopped files=%llu", (unsigned long long)f->waiting);
}
