/*
 * logbatch - hands buffer files over to ready/ once they are large or old
 * enough.
 *
 * It sleeps until the kernel reports a write in buffer/ or the oldest file
 * comes of age; writes wake it at most once in PASS_NS, however many there
 * are. Apart from that it only looks, each LOOK_NS, whether the spool is there,
 * and tells its metrics.
 */
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sysexits.h>
#include <time.h>

#include "batch.h"
#include "clock.h"
#include "log.h"
#include "metrics.h"
#include "options.h"
#include "spool.h"
#include "stats.h"
#include "watch.h"

/* Half of the 100 ms within which a large file has to move. */
#define PASS_NS (50 * CLOCK_NS_PER_MS)
#define LOOK_NS CLOCK_NS_PER_S
#define METRICS_NS (5 * CLOCK_NS_PER_S)
#define DAY_NS (86400 * CLOCK_NS_PER_S)

struct settings {
	const char *spool;
	uint64_t max_bytes, max_age_ns;
	bool once, drain;
	unsigned log_level;
};

struct daemon {
	struct spool spool;
	struct batch batch;
	struct watch watch;
	struct stats stats;
	struct metrics_file metrics;
	uint64_t metrics_ns; /* when they are due; 0: now */
	uint64_t pass_ns;    /* when the last pass began */
};

static volatile sig_atomic_t stop_signal;

static enum option_verdict
read_settings(struct settings *, int argc, char **argv, int *status);
static int catch_signals(void);
static int start(struct daemon *, const struct settings *);
static int once(struct daemon *);
static int pass(struct daemon *);
static int follow(struct daemon *);
static void drain(struct daemon *);
static void finish(struct daemon *);

int
main(int argc, char **argv)
{
	static struct daemon d = {.watch = WATCH_INIT};
	struct settings settings = {0};
	int status;

	if (read_settings(&settings, argc, argv, &status) != OPTIONS_RUN)
		return status;
	log_init("logbatch", (enum log_level)settings.log_level);
	if (catch_signals() < 0) {
		log_error("catch signals: %s", strerror(errno));
		return EX_OSERR;
	}
	status = start(&d, &settings);
	if (status != EX_OK)
		return status;
	status = settings.once ? once(&d) : follow(&d);
	if (settings.drain && stop_signal && !settings.once)
		drain(&d);
	finish(&d);
	return status;
}

static enum option_verdict
read_settings(struct settings *s, int argc, char **argv, int *status)
{
	const struct option_spec options[] = {
	    {.name = "spool",
		.type = OPTION_STRING,
		.target = &s->spool,
		.argument = "DIR",
		.help = "the spool; what is missing of it is created"},
	    {.name = "max-size",
		.type = OPTION_SIZE,
		.target = &s->max_bytes,
		.initial = "10MB",
		.argument = "SIZE",
		.help = "hand a file over at this size",
		.min = 1,
		.max = INT64_MAX},
	    {.name = "max-age",
		.type = OPTION_DURATION,
		.target = &s->max_age_ns,
		.initial = "30s",
		.argument = "TIME",
		.help = "hand a file over this long after its first event",
		.min = CLOCK_NS_PER_MS,
		.max = 365 * DAY_NS},
	    {.name = "once",
		.type = OPTION_FLAG,
		.target = &s->once,
		.help = "hand every file over now, then exit"},
	    {.name = "drain",
		.type = OPTION_FLAG,
		.target = &s->drain,
		.help = "hand every file over when told to stop"},
	    {.name = "log-level",
		.type = OPTION_ENUM,
		.target = &s->log_level,
		.initial = "info",
		.choices = "error|warn|info|debug",
		.help = "how much to say on stderr"},
	    {0},
	};
	const struct option_tool tool = {
	    .name = "logbatch",
	    .synopsis = "--spool=DIR [option]...",
	    .summary = "Moves files from SPOOL/buffer/ to SPOOL/ready/ once "
		       "they are large\nor old enough.",
	    .epilogue = "Exit status: 0 stopped or done, 64 wrong usage, "
			"74 the spool cannot be used,\nor --once could not "
			"hand a file over, 78 others may write to the spool. "
			"See\nlogbatch(8).",
	    .options = options,
	};
	enum option_verdict verdict;
	struct error err;
	int first;

	verdict = options_parse(&tool, argc, argv, &first, &err);
	if (verdict == OPTIONS_RUN &&
	    (s->spool == NULL || s->spool[0] == '\0')) {
		(void)error_set(&err, "--spool is missing");
		verdict = OPTIONS_USAGE;
	}
	*status = EX_OK;
	if (verdict == OPTIONS_USAGE)
		*status = options_usage(&tool, &err);
	return verdict;
}

/*
 * The first signal is noted, and a second one kills at once, which is safe at
 * any instant: see spool.h.
 */
static void
on_stop(int number)
{
	if (stop_signal) {
		(void)signal(number, SIG_DFL);
		(void)raise(number);
		return;
	}
	stop_signal = number;
}

static int
catch_signals(void)
{
	struct sigaction stop = {.sa_handler = on_stop};
	struct sigaction ignore = {.sa_handler = SIG_IGN};

	if (sigemptyset(&stop.sa_mask) < 0 || sigemptyset(&ignore.sa_mask) < 0)
		return -1;
	if (sigaction(SIGTERM, &stop, NULL) < 0 ||
	    sigaction(SIGINT, &stop, NULL) < 0)
		return -1;
	return sigaction(SIGPIPE, &ignore, NULL);
}

static int
start(struct daemon *d, const struct settings *s)
{
	struct error err;

	if (spool_open(&d->spool, s->spool, &err) < 0 ||
	    spool_try(&d->spool, SPOOL_BATCH, &err) < 0) {
		log_error("%s", err.text);
		return err.code == EPERM ? EX_CONFIG : EX_IOERR;
	}
	stats_init(&d->stats);
	batch_init(
	    &d->batch, &d->spool, &d->stats, s->max_bytes, s->max_age_ns);
	if (metrics_open(&d->metrics, &d->spool, "logbatch", &err) < 0)
		log_warn("%s (going on without metrics)", err.text);
	if (s->once)
		return EX_OK;
	/* Watched before it is listed, so that nothing falls in between. */
	if (watch_open(&d->watch, &d->spool, &err) < 0)
		log_warn("%s (listing buffer/ every %llu ms instead)", err.text,
		    (unsigned long long)(PASS_NS / CLOCK_NS_PER_MS));
	log_info("ready spool=%s max_size=%llu max_age_ms=%llu", d->spool.path,
	    (unsigned long long)s->max_bytes,
	    (unsigned long long)(s->max_age_ns / CLOCK_NS_PER_MS));
	return EX_OK;
}

static void
write_metrics(struct daemon *d)
{
	struct error err;

	batch_measure(&d->batch);
	if (metrics_write(&d->metrics, d->stats.table, &err) < 0)
		log_warn("%s (going on without metrics)", err.text);
	d->metrics_ns = clock_monotonic_ns() + METRICS_NS;
}

static int
once(struct daemon *d)
{
	return batch_rotate_all(&d->batch, STAT_ROTATED_ONCE, &stop_signal) < 0
		   ? EX_IOERR
		   : EX_OK;
}

/*
 * Sleeps until `until`, a signal that stops us, or, if `listen`, news from the
 * watch. Signals are let in nowhere but in ppoll while we look at
 * stop_signal: one in between would not wake it.
 */
static int
wait_until(struct daemon *d, uint64_t until, bool listen)
{
	struct pollfd fd = {.fd = d->watch.fd, .events = POLLIN};
	uint64_t now = clock_monotonic_ns();
	uint64_t left = until > now ? until - now : 0;
	struct timespec ts = {.tv_sec = (time_t)(left / CLOCK_NS_PER_S),
	    .tv_nsec = (long)(left % CLOCK_NS_PER_S)};
	sigset_t blocked, before;
	int rc = 0;

	if (sigemptyset(&blocked) < 0 || sigaddset(&blocked, SIGTERM) < 0 ||
	    sigaddset(&blocked, SIGINT) < 0 ||
	    sigprocmask(SIG_BLOCK, &blocked, &before) < 0)
		return -1;
	if (!stop_signal)
		rc = ppoll(&fd, listen && fd.fd >= 0 ? 1 : 0,
		    until == BATCH_NEVER ? NULL : &ts, &before);
	if (rc < 0 && errno == EINTR)
		rc = 0;
	if (sigprocmask(SIG_SETMASK, &before, NULL) < 0)
		return -1;
	return rc;
}

/*
 * Sleeps until there is something to do. No event tells of a file system that
 * is mounted over the spool, and only watches on the whole of its path would
 * tell of a directory above it that is renamed: hence the looks.
 */
static int
wait_for_work(struct daemon *d, uint64_t until)
{
	uint64_t next;
	int rc;

	do {
		next = clock_monotonic_ns() + LOOK_NS;
		if (next > until)
			next = until;
		rc = wait_until(d, next, true);
	} while (rc == 0 && next < until && !stop_signal &&
		 spool_is_current(&d->spool));
	return rc;
}

static void
file_changed(void *arg, const char *name)
{
	batch_changed(arg, name);
}

/* Takes in what the watch says. */
static void
read_news(struct daemon *d)
{
	struct watch_news news = {.file = file_changed, .arg = &d->batch};
	struct error err;

	if (d->watch.fd < 0) {
		/* After a failed scan, batch says when. */
		if (d->batch.scan_pause_ns == 0)
			d->batch.scan_ns = 0;
		return;
	}
	if (watch_read(&d->watch, &news, &err) < 0) {
		log_warn("%s (listing buffer/ instead)", err.text);
		watch_close(&d->watch);
		news.lost = true;
	}
	if (news.lost)
		d->batch.scan_ns = 0;
}

/* One look at everything. EX_OK, or the status to end with. */
static int
pass(struct daemon *d)
{
	uint64_t now = clock_monotonic_ns();

	d->pass_ns = now;
	read_news(d);
	if (!spool_is_current(&d->spool)) {
		log_error("%s: its directories were taken away or replaced",
		    d->spool.path);
		return EX_IOERR;
	}
	if (d->batch.scan_ns <= now)
		(void)batch_scan(&d->batch);
	batch_rotate(&d->batch, &stop_signal);
	if (d->metrics_ns <= now)
		write_metrics(d);
	return EX_OK;
}

static int
follow(struct daemon *d)
{
	while (!stop_signal) {
		uint64_t until;
		int status = pass(d);

		if (status != EX_OK)
			return status;
		/* Let writes gather, then listen for more of them. */
		if (wait_until(d, d->pass_ns + PASS_NS, false) < 0)
			break;
		until = batch_due_ns(&d->batch);
		if (d->metrics_ns < until)
			until = d->metrics_ns;
		if (d->watch.fd < 0)
			until = 0;
		if (wait_for_work(d, until) < 0)
			break;
	}
	if (stop_signal)
		return EX_OK;
	log_error("wait: %s", strerror(errno));
	return EX_OSERR;
}

/* Told to stop, with --drain. From here on a signal ends us at once. */
static void
drain(struct daemon *d)
{
	static const volatile sig_atomic_t never = 0;

	if (batch_rotate_all(&d->batch, STAT_ROTATED_DRAIN, &never) < 0)
		log_warn("some files stay in buffer/, for the next start");
}

static void
finish(struct daemon *d)
{
	write_metrics(d);
	metrics_close(&d->metrics);
	if (stop_signal)
		log_info("stopped signal=%d files=%zu", (int)stop_signal,
		    d->batch.count);
	watch_close(&d->watch);
	batch_release(&d->batch);
	spool_close(&d->spool);
}
