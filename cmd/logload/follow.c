/*
 * follow.c - see follow.h.
 *
 * The main thread looks into ready/: when inotify(7) tells of a file, and
 * every 30 s in case it did not. It hands the oldest names to the workers, and
 * when they have had them the next ones, up to the end: that is a round. Files
 * that cannot be loaded thus never stand in the way of others, and a round in
 * which nothing could be done is not followed at once by another.
 *
 * A worker holds flock(2) on a file while it loads it, so that no two of them,
 * of this process or another, work on one file; the kernel lets go when a
 * process dies. Were the lock not there, the ledger would still let each file
 * in once: the lock saves the work and the waiting.
 *
 * A file is removed after its last commit. A crash in between leaves a file
 * that the ledger knows as loaded: the next one to take it skips and removes
 * it.
 */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/inotify.h>
#include <sys/stat.h>
#include <sysexits.h>
#include <unistd.h>

#include "clock.h"
#include "follow.h"
#include "log.h"
#include "metrics.h"
#include "run.h"

#define SCAN_MOST 4096 /* files handed out in one go */
#define SCAN_EVERY_NS (30 * CLOCK_NS_PER_S)
#define METRICS_EVERY_NS (5 * CLOCK_NS_PER_S)
#define HELD_AGAIN_NS (50 * CLOCK_NS_PER_MS) /* at first; it doubles */
#define ONCE_AGAIN_NS (200 * CLOCK_NS_PER_MS)
#define TROUBLED_MOST 64

/* A file that could not be loaded, so that it is told of once. */
struct troubled {
	char name[SPOOL_NAME_MAX]; /* "": none */
	unsigned round;            /* when it was last met */
};

struct follow {
	struct run run;           /* first: the context of the work */
	struct spool_list list;   /* what was handed out */
	const char **names;       /* of the list, for the crew */
	struct spool_list totals; /* of the last look */
	struct metrics_file metrics;
	int inotify;
	uint64_t waiting;                /* files in ready/, at the last look */
	bool look;                       /* something may be new in ready/ */
	char after[SPOOL_NAME_MAX];      /* go on there; "": a new round */
	uint64_t looked_ns;              /* when files were last handed out */
	uint64_t counted_ns, written_ns; /* last numbers, last metrics */
	uint64_t aliens;                 /* that were told of */
	/* Of one round: */
	atomic_uint locked;   /* files that another process works on */
	atomic_uint removed;  /* files that are no longer in ready/ */
	unsigned held_rounds; /* one after another that found some */
	pthread_mutex_t lock; /* for what follows */
	unsigned round;
	struct troubled troubled[TROUBLED_MOST];
	unsigned untold, told; /* troubled files beyond those; as last told */
};

static bool connect_first(void *, struct worker *);
static bool load_one(void *, struct worker *, const char *name);
static int open_all(struct follow *, struct spool *, struct error *);
static void close_all(struct follow *);
static void loop(struct follow *);
static void loop_once(struct follow *, uint64_t until_ns);
static void drain(struct follow *);
static void tell_left(struct follow *);
static void forget_troubled(struct follow *);
static void tell_untold(struct follow *);

int
follow_run(const struct settings *s, struct spool *spool, struct stop *stop)
{
	struct follow *f = calloc(1, sizeof(*f));
	struct error err;
	int status = EX_IOERR;

	if (f == NULL) {
		log_error("out of memory");
		return EX_OSERR;
	}
	if (run_init(&f->run, s, spool, stop, load_one,
		spool->dir[SPOOL_REJECTED], SPOOL_SUFFIX, &err) < 0) {
		log_error("%s", err.text);
		free(f);
		return EX_OSERR;
	}
	f->run.patience.for_ever = !s->once;
	f->run.patience.schema_ends = s->once;
	f->run.patience.most_ns = s->wait_ns;
	if (!s->once)
		f->run.crew.begin = connect_first;
	if (open_all(f, spool, &err) < 0 ||
	    crew_start(&f->run.crew, &err) < 0) {
		log_error("%s", err.text);
	} else {
		log_info("ready spool=%s jobs=%llu", spool->path,
		    (unsigned long long)s->jobs);
		if (s->once)
			loop_once(f, UINT64_MAX);
		else
			loop(f);
		status = EX_OK;
	}
	crew_close(&f->run.crew, true);
	run_join(&f->run);
	if (status == EX_OK && !s->once) {
		if (s->drain_ns > 0)
			drain(f);
		tell_left(f);
	}
	if (status == EX_OK && s->once)
		status = run_status(&f->run);
	close_all(f);
	run_release(&f->run);
	free(f);
	return status;
}

static int
open_all(struct follow *f, struct spool *spool, struct error *err)
{
	char path[64];

	f->inotify = -1;
	f->look = true;
	f->metrics.lock_fd = -1;
	if (pthread_mutex_init(&f->lock, NULL) != 0)
		return error_set(err, "create a lock: no memory");
	f->names = calloc(SCAN_MOST, sizeof(*f->names));
	if (f->names == NULL)
		return error_errno(err, "start");
	f->inotify = inotify_init1(IN_CLOEXEC | IN_NONBLOCK);
	/* Through the descriptor, whatever happens to the path. */
	(void)snprintf(
	    path, sizeof(path), "/proc/self/fd/%d", spool->dir[SPOOL_READY]);
	if (f->inotify < 0 || inotify_add_watch(f->inotify, path,
				  IN_MOVED_TO | IN_CLOSE_WRITE) < 0)
		return error_errno(err, "watch %s/ready", spool->path);
	return metrics_open(&f->metrics, spool, "logload", err);
}

static void
close_all(struct follow *f)
{
	struct error err;

	if (f->metrics.lock_fd >= 0 &&
	    metrics_write(&f->metrics, f->run.meters.table, &err) < 0)
		log_warn("%s", err.text);
	metrics_close(&f->metrics);
	if (f->inotify >= 0)
		(void)close(f->inotify); /* only read from */
	spool_list_release(&f->list);
	spool_list_release(&f->totals);
	free(f->names);
	(void)pthread_mutex_destroy(&f->lock); /* no thread is left */
}

/*
 * The main thread
 */

/* The numbers that a scan yields. */
static void
set_gauges(struct follow *f, const struct spool_list *list)
{
	struct meters *m = &f->run.meters;
	uint64_t born, now = clock_wall_us();

	meter_set(m, METER_READY_FILES, (int64_t)list->all_files);
	meter_set(m, METER_READY_BYTES, (int64_t)list->all_bytes);
	meter_set(m, METER_READY_ALIENS, (int64_t)list->aliens);
	meter_set(m, METER_READY_AGE, 0);
	if (spool_name_parse(list->oldest, &born) && born < now)
		meter_set(m, METER_READY_AGE,
		    (int64_t)((now - born) / CLOCK_US_PER_S));
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

	if (spool_scan(f->run.spool, SPOOL_READY, f->after, limit, list, &err) <
	    0) {
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
	    atomic_exchange(&f->locked, 0) > 0 ? f->held_rounds + 1 : 0;
	atomic_store(&f->removed, 0);
	forget_troubled(f);
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
	crew_feed(&f->run.crew, f->names, list->count);
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
	if (metrics_write(&f->metrics, f->run.meters.table, &err) < 0)
		log_warn("%s", err.text);
}

/* Empties what has made poll return. */
static void
take_news(struct follow *f)
{
	char events[4096];
	uint64_t count;

	while (read(f->inotify, events, sizeof(events)) > 0)
		f->look = true;
	(void)!read(f->run.crew.wake, &count, sizeof(count)); /* empties it */
}

/* Waits for a file, a worker, a signal; at most so long. */
static void
wait_for_news(struct follow *f, uint64_t ns)
{
	struct pollfd p[] = {
	    {.fd = f->inotify, .events = POLLIN},
	    {.fd = f->run.crew.wake, .events = POLLIN},
	    {.fd = f->run.stop->fd, .events = POLLIN},
	};

	(void)poll(p, 3, (int)(ns / CLOCK_NS_PER_MS) + 1);
	take_news(f);
}

/*
 * How long to wait before looking again without an event. What others hold is
 * tried again soon: logbatch tells of a file by its rename, and still holds it
 * until both directories are synced. Another loader may hold one for long.
 */
static uint64_t
pause_ns(struct follow *f)
{
	uint64_t ns = HELD_AGAIN_NS;

	if (atomic_load(&f->locked) == 0)
		return SCAN_EVERY_NS;
	for (unsigned i = 0; i < f->held_rounds && ns < METRICS_EVERY_NS; i++)
		ns *= 2;
	return ns;
}

static void
loop(struct follow *f)
{
	struct crew *crew = &f->run.crew;
	bool settled = true; /* the gauges are of after the last file */

	while (!stop_asked(f->run.stop) && !crew_has_ended(crew)) {
		uint64_t now = clock_monotonic_ns();
		bool idle = crew_is_idle(crew);
		uint64_t every = idle ? pause_ns(f) : SCAN_EVERY_NS;

		if (crew_is_hungry(crew) && (f->after[0] != '\0' || f->look ||
						now - f->looked_ns >= every)) {
			hand_out(f);
			settled = false;
			idle = f->list.count == 0;
		}
		idle = idle && f->after[0] == '\0';
		/* The numbers: when all is done, and while much is to do. */
		if (idle && !settled) {
			settled = scan(f, &f->totals, 0);
			tell_untold(f);
		} else if (now - f->counted_ns >= SCAN_EVERY_NS)
			(void)scan(f, &f->totals, 0);
		if (now - f->written_ns >= METRICS_EVERY_NS || settled)
			write_metrics(f);
		every = pause_ns(f);
		if (f->waiting > 0 && every > METRICS_EVERY_NS)
			every = METRICS_EVERY_NS;
		wait_for_news(f, every);
	}
}

/*
 * Until ready/ is empty, or a round has removed nothing, or the time has come.
 * Files that others hold are waited for, as long as the database would be.
 */
static void
loop_once(struct follow *f, uint64_t until_ns)
{
	struct crew *crew = &f->run.crew;
	bool first = true;
	uint64_t waited = 0;

	while (!stop_asked(f->run.stop) && !crew_has_ended(crew)) {
		uint64_t now = clock_monotonic_ns();

		if (now >= until_ns) {
			stop_ask(f->run.stop);
			break;
		}
		if (now - f->written_ns >= METRICS_EVERY_NS)
			write_metrics(f);
		if (!crew_is_idle(crew)) {
			wait_for_news(f, until_ns - now < METRICS_EVERY_NS
					     ? until_ns - now
					     : METRICS_EVERY_NS);
			continue;
		}
		if (f->after[0] == '\0') {
			tell_untold(f);
			if (!scan(f, &f->totals, 0) || f->waiting == 0)
				break;
			if (!first && atomic_load(&f->removed) == 0) {
				if (atomic_load(&f->locked) == 0 ||
				    waited >= f->run.settings->wait_ns)
					break;
				waited += ONCE_AGAIN_NS;
				(void)stop_wait(f->run.stop, ONCE_AGAIN_NS);
			}
			first = false;
		}
		hand_out(f);
	}
	/* What is left without another reason is another process's. */
	if (f->waiting > 0 && atomic_load(&f->run.outcome) == 0)
		run_note(&f->run, OUTCOME_STOPPED);
}

/*
 * Told to stop, with --drain: the workers have ended as they do without it, and
 * begin anew, as with --once.
 */
static void
drain(struct follow *f)
{
	uint64_t ns = f->run.settings->drain_ns;
	uint64_t until_ns = clock_monotonic_ns() + ns;
	struct crew *crew = &f->run.crew;
	struct error err;

	log_info("loading what is left drain_ms=%llu",
	    (unsigned long long)(ns / CLOCK_NS_PER_MS));
	stop_reset(f->run.stop);
	f->run.patience.for_ever = false;
	f->run.patience.schema_ends = true;
	f->run.patience.most_ns = ns;
	for (unsigned i = 0; i < crew->worker_count; i++)
		crew->workers[i].trial.failures = 0;
	f->run.moved_ns = 0;
	f->after[0] = '\0';
	crew->begin = NULL;
	if (crew_start(crew, &err) < 0)
		log_error("%s", err.text);
	else
		loop_once(f, until_ns);
	crew_close(crew, true);
	run_join(&f->run);
}

/* At the end. */
static void
tell_left(struct follow *f)
{
	if (!scan(f, &f->totals, 0))
		return;
	if (f->waiting > 0 && f->run.settings->drain_ns > 0)
		log_warn("stopped: not all is loaded, the rest waits in ready/ "
			 "for the next start files=%llu",
		    (unsigned long long)f->waiting);
	else
		log_info("stopped files=%llu", (unsigned long long)f->waiting);
}

/*
 * The workers
 */

/* Is it known as troubled? Notes that it is, if there is room. */
static bool
note_troubled(struct follow *f, const char *name, bool *noted)
{
	struct troubled *room = NULL;

	*noted = true;
	for (unsigned i = 0; i < TROUBLED_MOST; i++) {
		struct troubled *t = &f->troubled[i];

		if (strcmp(t->name, name) == 0) {
			t->round = f->round;
			return true;
		}
		if (t->name[0] == '\0' && room == NULL)
			room = t;
	}
	*noted = room != NULL;
	if (room != NULL) {
		(void)snprintf(room->name, sizeof(room->name), "%s", name);
		room->round = f->round;
	} else {
		f->untold++;
	}
	return false;
}

/* Says once for each file what is wrong with it, and of very many how many. */
static void
tell_trouble(struct follow *f, const char *name, const char *why)
{
	bool known, noted;

	(void)pthread_mutex_lock(&f->lock); /* fails only on misuse */
	known = note_troubled(f, name, &noted);
	(void)pthread_mutex_unlock(&f->lock);
	run_note(&f->run, OUTCOME_IO);
	meter_add(&f->run.meters, METER_RETRIES_IO, 1);
	if (!known && noted)
		log_error("the file stays in ready/: file=%s %s", name, why);
}

/*
 * A new round: who was not met in the last one, or since, has been put right.
 * One round more, because a worker may still be at a file of the last one.
 */
static void
forget_troubled(struct follow *f)
{
	(void)pthread_mutex_lock(&f->lock); /* fails only on misuse */
	f->round++;
	for (unsigned i = 0; i < TROUBLED_MOST; i++) {
		if (f->round - f->troubled[i].round > 2)
			f->troubled[i].name[0] = '\0';
	}
	f->untold = 0;
	(void)pthread_mutex_unlock(&f->lock);
}

/* After a round. */
static void
tell_untold(struct follow *f)
{
	(void)pthread_mutex_lock(&f->lock); /* fails only on misuse */
	if (f->untold > f->told)
		log_error("more files stay in ready/ for such reasons: "
			  "files=%u",
		    f->untold);
	f->told = f->untold;
	(void)pthread_mutex_unlock(&f->lock);
}

enum taken { TAKEN, TAKEN_GONE, TAKEN_BY_ANOTHER, TAKEN_NOT };

/* Opens ready/NAME and locks it, if it is there and nobody else's. */
static enum taken
take(struct follow *f, const char *name, struct source *source)
{
	int dir = f->run.spool->dir[SPOOL_READY], fd;
	struct stat named, opened;
	struct error err;

	fd = openat(dir, name, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
	if (fd < 0 && errno == ENOENT)
		return TAKEN_GONE;
	if (fd < 0) {
		tell_trouble(f, name, strerror(errno));
		return TAKEN_NOT;
	}
	if (flock(fd, LOCK_EX | LOCK_NB) < 0) {
		(void)close(fd); /* only read from */
		return TAKEN_BY_ANOTHER;
	}
	/* Whoever had it may just have removed it. */
	if (fstatat(dir, name, &named, AT_SYMLINK_NOFOLLOW) < 0 ||
	    fstat(fd, &opened) < 0 || named.st_ino != opened.st_ino) {
		(void)close(fd); /* only read from */
		return TAKEN_GONE;
	}
	if (source_open(source, fd, -1, &err) < 0) {
		tell_trouble(f, name, err.text);
		return TAKEN_NOT;
	}
	return TAKEN;
}

/* The database has it: out of ready/ with it, unless it has more by now. */
static void
put_away(struct follow *f, const struct load *load)
{
	const char *name = load->name;
	struct error err;
	struct stat st;
	int rc;

	if (fstat(load->source->fd, &st) < 0 ||
	    (uint64_t)st.st_size != load->source->size) {
		tell_trouble(f, name,
		    "it was written to while it was loaded; move a file into "
		    "ready/ when it is whole");
		return;
	}
	if (f->run.settings->keep)
		rc = spool_keep(f->run.spool, name, &err);
	else
		rc = spool_remove(f->run.spool, SPOOL_READY, name, &err);
	if (rc < 0)
		tell_trouble(f, name, err.text);
	else
		atomic_fetch_add(&f->removed, 1);
}

static void
conclude(struct follow *f, const struct load *load, enum load_verdict verdict,
    uint64_t took_ns)
{
	const struct load_tally *t = &load->tally;

	switch (verdict) {
	case LOAD_DONE:
		meter_add(&f->run.meters, METER_FILES_LOADED, 1);
		log_info("loaded file=%s events=%llu rejected=%llu bytes=%llu "
			 "ms=%llu",
		    load->name, (unsigned long long)t->events,
		    (unsigned long long)t->rejected,
		    (unsigned long long)t->bytes,
		    (unsigned long long)(took_ns / CLOCK_NS_PER_MS));
		put_away(f, load);
		break;
	case LOAD_SKIPPED:
		meter_add(&f->run.meters, METER_FILES_SKIPPED, 1);
		log_info("skipped, it was loaded before: file=%s", load->name);
		put_away(f, load);
		break;
	case LOAD_IO:
		tell_trouble(f, load->name, load->error.text);
		break;
	default:
		break;
	}
}

/* A wrong password shows at the start, not when the first file comes. */
static bool
connect_first(void *context, struct worker *w)
{
	enum load_verdict verdict;

	(void)context;
	return trial_connect(&w->trial, &w->loader, &verdict);
}

/*
 * Loads one file of ready/. While the database cannot be used, the file is
 * not held, so that another process that can use it may take it.
 */
static bool
load_one(void *context, struct worker *w, const char *name)
{
	struct follow *f = context;
	enum load_verdict verdict;
	struct source source;
	struct load load;

	/* One for all tries: it knows of a commit whose answer was lost. */
	load_init(
	    &load, &w->loader, &source, name, spool_name_parse(name, NULL));
	for (;;) {
		uint64_t started;
		enum taken taken;

		if (stop_asked(f->run.stop))
			return false;
		if (!trial_connect(&w->trial, &w->loader, &verdict))
			break;
		taken = take(f, name, &source);
		if (taken == TAKEN_BY_ANOTHER)
			atomic_fetch_add(&f->locked, 1);
		if (taken != TAKEN)
			return true;
		started = clock_monotonic_ns();
		verdict = load_run(&load);
		conclude(f, &load, verdict, clock_monotonic_ns() - started);
		source_close(&source); /* lets the lock go */
		if (verdict != LOAD_PASSING && verdict != LOAD_SCHEMA) {
			trial_succeeded(&w->trial);
			return verdict != LOAD_STOPPED;
		}
		if (!trial_failed(&w->trial, verdict, &load.error))
			break;
	}
	if (verdict == LOAD_SCHEMA && f->run.patience.schema_ends)
		log_error("the database refuses, files are kept: %s",
		    w->loader.db->error.text);
	if (!stop_asked(f->run.stop))
		run_note(&f->run,
		    verdict == LOAD_SCHEMA ? OUTCOME_SCHEMA : OUTCOME_AWAY);
	return false;
}
