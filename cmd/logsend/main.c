/*
 * logsend - sends test events at a set rate, measures, and says which of them
 * were acknowledged.
 *
 * schedule.c says when a request is due, source.c what is in it, sender.c
 * brings it onto one of the connections of connection.c and counts what
 * response.c makes of the answer, report.c tells it.
 */
#include <errno.h>
#include <event2/event.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sysexits.h>
#include <unistd.h>

#include "clock.h"
#include "exporter.h"
#include "log.h"
#include "options.h"
#include "report.h"
#include "retry.h"
#include "sender.h"
#include "settings.h"
#include "spool.h"
#include "tls.h"

#define DESCRIPTORS_KEPT 32 /* beside the connections */

static struct settings settings;

/* What one run holds. */
static struct {
	struct event_base *base;
	struct source source;
	struct acked acked, unacked;
	struct exporter exporter;
	struct sender sender;
	struct report report;
	struct event *terminate, *interrupt, *second;
	struct buf text;
	char *token; /* from a file */
	bool source_open, acked_open, unacked_open, exporter_open;
	bool live; /* a live line is wanted */
	bool io_failed;
} all;

static void
clear_live_line(void)
{
	/* What cannot be shown on a terminal is not worth a word. */
	if (all.live && write(STDERR_FILENO, "\r\033[K", 4) < 0)
		all.live = false;
}

static void
notice(const char *text)
{
	clear_live_line();
	log_warn("%s", text);
}

static void
failure(const struct error *err)
{
	clear_live_line();
	log_error("%s", err->text);
}

static void
on_signal(evutil_socket_t signal_number, short what, void *arg)
{
	(void)signal_number;
	(void)what;
	(void)arg;
	if (all.sender.stats.interrupted)
		sender_abort(&all.sender);
	else
		sender_stop(&all.sender);
}

static void
show_live_line(void)
{
	all.text.len = 0;
	if (buf_append(&all.text, "\r", 1) < 0 ||
	    report_live(&all.report, &all.sender, &all.text) < 0 ||
	    buf_append(&all.text, "\033[K", 3) < 0 ||
	    spool_write_all(STDERR_FILENO, all.text.data, all.text.len) < 0)
		all.live = false;
}

static void
on_second(evutil_socket_t fd, short what, void *arg)
{
	struct error err;

	(void)fd;
	(void)what;
	(void)arg;
	if (all.live)
		show_live_line();
	if ((all.acked_open && acked_flush(&all.acked, &err) < 0) ||
	    (all.unacked_open && acked_flush(&all.unacked, &err) < 0)) {
		failure(&err);
		all.io_failed = true;
		sender_abort(&all.sender);
	}
	if (all.exporter_open && exporter_write(&all.exporter, &err) < 0)
		notice(err.text);
}

/*
 * Begin and end
 */

/*
 * What proves who we are, and who the server is. The token becomes part of a
 * header.
 */
static int
open_identity(struct error *err)
{
	if (settings.token_file != NULL) {
		if (option_secret_file(settings.token_file, &all.token, err) <
		    0)
			return -1;
		settings.token = all.token;
	}
	for (const char *p = settings.token; p != NULL && *p != '\0'; p++) {
		if (*p <= ' ' || *p > '~')
			return error_set(err,
			    "the token holds a byte that no token may hold");
	}
	if (settings.target.secure)
		settings.target.tls = tls_open(&settings.tls, err);
	return settings.target.secure && settings.target.tls == NULL ? -1 : 0;
}

/* Raises the soft limit of descriptors as far as the connections need. */
static int
allow_descriptors(struct error *err)
{
	rlim_t needed = settings.connections + DESCRIPTORS_KEPT;
	struct rlimit limit;

	if (getrlimit(RLIMIT_NOFILE, &limit) < 0)
		return error_errno(err, "getrlimit");
	if (limit.rlim_cur >= needed)
		return 0;
	if (limit.rlim_max < needed)
		return error_set(err,
		    "%llu connections need %llu open files; the limit is %llu "
		    "(ulimit -n)",
		    (unsigned long long)settings.connections,
		    (unsigned long long)needed,
		    (unsigned long long)limit.rlim_max);
	limit.rlim_cur = needed;
	if (setrlimit(RLIMIT_NOFILE, &limit) < 0)
		return error_errno(err, "setrlimit");
	return 0;
}

static int
open_base(struct error *err)
{
	struct event_config *config = event_config_new();

	/*
	 * The precise timer, since milliseconds are too coarse for requests
	 * that are due every few microseconds; the changelist saves system
	 * calls where a descriptor's events change often.
	 */
	if (config != NULL &&
	    event_config_set_flag(
		config, EVENT_BASE_FLAG_NOLOCK | EVENT_BASE_FLAG_PRECISE_TIMER |
			    EVENT_BASE_FLAG_EPOLL_USE_CHANGELIST) == 0)
		all.base = event_base_new_with_config(config);
	if (config != NULL)
		event_config_free(config);
	return all.base == NULL ? error_set(err, "open an event base") : 0;
}

static int
open_events(struct error *err)
{
	static const struct timeval second = {.tv_sec = 1};

	/* What libevent restores at the end, when the report is on its way. */
	if (signal(SIGTERM, SIG_IGN) == SIG_ERR ||
	    signal(SIGINT, SIG_IGN) == SIG_ERR)
		return error_errno(err, "ignore signals");
	all.terminate = evsignal_new(all.base, SIGTERM, on_signal, NULL);
	all.interrupt = evsignal_new(all.base, SIGINT, on_signal, NULL);
	all.second = event_new(all.base, -1, EV_PERSIST, on_second, NULL);
	if (all.terminate == NULL || all.interrupt == NULL ||
	    all.second == NULL || event_add(all.terminate, NULL) < 0 ||
	    event_add(all.interrupt, NULL) < 0 ||
	    event_add(all.second, &second) < 0)
		return error_set(err, "wait for signals");
	return 0;
}

/*
 * What is read must not be written to, by whatever name: it would be emptied,
 * or never end.
 */
static int
check_output(const char *option, const char *path, struct error *err)
{
	struct stat in, out;

	if (path == NULL || settings.file == NULL || stat(path, &out) < 0 ||
	    fstat(source_fd(&all.source), &in) < 0 || !S_ISREG(out.st_mode) ||
	    in.st_dev != out.st_dev || in.st_ino != out.st_ino)
		return 0;
	return error_set(err, "%s would change what is read: %s", option, path);
}

/* Opens everything. 0, or the status to exit with and err. */
static int
open_all(struct error *err)
{
	struct sender_options how = {
	    .rate = settings.rate,
	    .duration_ns = settings.duration,
	    .count = settings.count,
	    .timeout_ns = settings.timeout,
	    .drain_ns = settings.drain,
	    .patience_ns = settings.patience,
	    .connections = (unsigned)settings.connections,
	    .retry = settings.retry,
	};
	struct error why;

	if (open_identity(err) < 0)
		return EX_CONFIG;
	how.token = settings.token;

	if (settings.file == NULL &&
	    source_open_generated(&all.source, settings.run,
		(unsigned)settings.batch, settings.seed, settings.size,
		&why) < 0) {
		(void)error_set(err, "--size: %s", why.text);
		return EX_USAGE;
	}
	if (settings.file != NULL &&
	    source_open_lines(&all.source, settings.run,
		(unsigned)settings.batch, settings.file, settings.retry,
		err) < 0)
		return EX_IOERR;
	all.source_open = true;
	all.source.complain = notice;
	if (check_output("--acked", settings.acked, err) < 0 ||
	    check_output("--unacked", settings.unacked, err) < 0)
		return EX_USAGE;
	if (settings.acked != NULL) {
		if (acked_open(&all.acked, settings.acked, true, err) < 0)
			return EX_IOERR;
		all.acked_open = true;
	}
	if (settings.unacked != NULL) {
		if (acked_open(&all.unacked, settings.unacked, false, err) < 0)
			return EX_IOERR;
		all.unacked_open = true;
	}
	if (allow_descriptors(err) < 0)
		return EX_CONFIG;
	if (target_resolve(&settings.target, err) < 0)
		return EX_TEMPFAIL;
	if (open_base(err) < 0 || open_events(err) < 0)
		return EX_SOFTWARE;
	if (sender_init(&all.sender, all.base, &settings.target, &all.source,
		&how, notice, err) < 0)
		return EX_TEMPFAIL;
	all.sender.acked = all.acked_open ? &all.acked : NULL;
	all.sender.left.file = all.unacked_open ? &all.unacked : NULL;
	if (settings.spool == NULL)
		return 0;
	if (exporter_open(&all.exporter, &all.sender, settings.spool, err) < 0)
		return EX_IOERR;
	all.exporter_open = true;
	return 0;
}

static void
close_all(void)
{
	sender_release(&all.sender);
	if (all.exporter_open)
		exporter_close(&all.exporter);
	if (all.source_open)
		source_close(&all.source);
	if (all.terminate != NULL)
		event_free(all.terminate);
	if (all.interrupt != NULL)
		event_free(all.interrupt);
	if (all.second != NULL)
		event_free(all.second);
	if (all.base != NULL)
		event_base_free(all.base);
	tls_close(settings.target.tls);
	free(all.token);
	buf_release(&all.text);
}

/* Was any request refused in a way that sending it again will not cure? */
static bool
refused_for_good(const struct sender_stats *stats)
{
	for (unsigned i = 0; i < SENDER_STATUSES; i++) {
		if (stats->refused[i] > 0 && !retry_helps(i))
			return true;
	}
	return false;
}

static int
status_of(const struct sender *s)
{
	if (all.io_failed)
		return EX_IOERR;
	if (s->source->unsendable > 0 || refused_for_good(&s->stats) ||
	    (settings.retry && s->stats.mismatched > 0))
		return EX_DATAERR;
	if (s->stats.acknowledged < s->stats.due || s->left.events > 0)
		return EX_TEMPFAIL;
	return EX_OK;
}

static void
close_list(struct acked *list)
{
	struct error err;

	if (acked_close(list, &err) == 0)
		return;
	failure(&err);
	all.io_failed = true;
}

/* The last words: what stands outside is written, then the report. */
static int
conclude(void)
{
	struct error err;
	int rc;

	clear_live_line();
	if (all.acked_open)
		close_list(&all.acked);
	if (all.unacked_open)
		close_list(&all.unacked);
	if (all.sender.left.events > 0)
		log_warn("%llu events were given up%s%s",
		    (unsigned long long)all.sender.left.events,
		    settings.unacked == NULL ? ""
		    : all.io_failed          ? ", as far as possible into "
					     : ", they are in ",
		    settings.unacked != NULL ? settings.unacked : "");
	if (all.exporter_open && exporter_write(&all.exporter, &err) < 0)
		notice(err.text);
	all.text.len = 0;
	rc = settings.report == REPORT_JSON
		 ? report_json(&all.report, &all.text)
		 : report_text(&all.report, &all.text);
	if (rc == 0)
		rc =
		    spool_write_all(STDOUT_FILENO, all.text.data, all.text.len);
	if (rc < 0) {
		(void)error_errno(&err, "write the report");
		failure(&err);
		all.io_failed = true;
	}
	return status_of(&all.sender);
}

/* Sends everything; returns the status to exit with. */
static int
run_all(void)
{
	struct error err;

	all.live = !settings.quiet && isatty(STDERR_FILENO);
	all.report = (struct report){.sender = &all.sender,
	    .run = settings.run,
	    .url = settings.url,
	    .last_ns = clock_monotonic_ns()};
	if (sender_run(&all.sender, &err) == 0)
		return conclude();
	failure(&err);
	if (err.code == 0)
		return EX_TEMPFAIL;
	all.io_failed = true;
	return conclude();
}

int
main(int argc, char **argv)
{
	struct error err;
	int status = settings_parse(&settings, argc, argv);

	if (status >= 0)
		return status;
	log_init("logsend", settings.quiet ? LOG_LEVEL_ERROR : LOG_LEVEL_INFO);
	if (signal(SIGPIPE, SIG_IGN) == SIG_ERR)
		return EX_OSERR;
	status = open_all(&err);
	if (status == EX_OK)
		status = run_all();
	else
		failure(&err);
	close_all();
	return status;
}
