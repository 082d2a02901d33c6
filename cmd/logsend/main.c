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
#include <sys/random.h>
#include <sys/resource.h>
#include <sysexits.h>
#include <unistd.h>

#include "clock.h"
#include "exporter.h"
#include "log.h"
#include "options.h"
#include "report.h"
#include "retry.h"
#include "sender.h"
#include "spool.h"
#include "tls.h"

#define DURATION_NS (60 * CLOCK_NS_PER_S)
#define DRAIN_NS (10 * CLOCK_NS_PER_S)
#define PATIENCE_NS (60 * CLOCK_NS_PER_S)
#define DESCRIPTORS_KEPT 32 /* beside the connections */

enum report_kind { REPORT_TEXT, REPORT_JSON };

static struct {
	const char *url, *run, *acked, *unacked, *spool;
	const char *token, *token_file;
	struct tls_options tls;
	uint64_t rate, duration, count, connections, batch, size, seed;
	uint64_t timeout, drain;
	unsigned report;
	bool retry, quiet;
} opt;

static const struct option_spec options[] = {
    {"url", OPTION_STRING, &opt.url, "http://127.0.0.1:8080/log", "URL",
	"where to send the events", NULL, 0, 0},
    {"tls-ca", OPTION_STRING, &opt.tls.ca, NULL, "FILE",
	"of https: whose certificates to believe; default: the system's", NULL,
	0, 0},
    {"tls-cert", OPTION_STRING, &opt.tls.cert, NULL, "FILE",
	"and a certificate of our own", NULL, 0, 0},
    {"tls-key", OPTION_STRING, &opt.tls.key, NULL, "FILE", "with its key", NULL,
	0, 0},
    {"token-file", OPTION_STRING, &opt.token_file, NULL, "FILE",
	"its first line is the token that says who sends", NULL, 0, 0},
    {"token", OPTION_SECRET, &opt.token, NULL, NULL, "the token itself", NULL,
	0, 0},
    {"rate", OPTION_COUNT, &opt.rate, "1000", "N",
	"requests a second; 0: as fast as the connections allow", NULL, 0,
	SCHEDULE_RATE_MAX},
    {"duration", OPTION_DURATION, &opt.duration, NULL, "TIME",
	"how long to send; 60s unless --count or FILE is given", NULL,
	CLOCK_NS_PER_MS, 366 * 86400 * CLOCK_NS_PER_S},
    {"count", OPTION_COUNT, &opt.count, NULL, "N",
	"how many requests to send at most", NULL, 1, UINT64_MAX / 2},
    {"connections", OPTION_COUNT, &opt.connections, NULL, "N",
	"connections, each with one request at a time: 64, or with --retry "
	"and a FILE 1",
	NULL, 1, 16384},
    {"batch", OPTION_COUNT, &opt.batch, NULL, "N",
	"events in a request, where there are so many; more than one go as "
	"NDJSON: 1, or with --retry and a FILE 1000",
	NULL, 1, 100000},
    {"retry", OPTION_FLAG, &opt.retry, NULL, NULL,
	"send again what was not acknowledged, and every line of FILE", NULL, 0,
	0},
    {"unacked", OPTION_STRING, &opt.unacked, NULL, "FILE",
	"add the events that --retry gives up to this file", NULL, 0, 0},
    {"size", OPTION_SIZE, &opt.size, "204", "SIZE",
	"bytes of a generated event", NULL, 1, 1048576},
    {"seed", OPTION_COUNT, &opt.seed, "1", "N",
	"the same seed makes the same events, but for run and time", NULL, 0,
	0},
    {"run", OPTION_STRING, &opt.run, NULL, "NAME",
	"begins the id of every event; default: a unique name", NULL, 0, 0},
    {"acked", OPTION_STRING, &opt.acked, NULL, "FILE",
	"write the ids of acknowledged events there, one a line", NULL, 0, 0},
    {"timeout", OPTION_DURATION, &opt.timeout, "10s", "TIME",
	"how long to wait for an answer, or a connection", NULL,
	10 * CLOCK_NS_PER_MS, 86400 * CLOCK_NS_PER_S},
    {"drain", OPTION_DURATION, &opt.drain, NULL, "TIME",
	"how long to go on after the last request was due, or a signal: 10s; "
	"with --retry and no more input, without an answer: 60s",
	NULL, CLOCK_NS_PER_MS, 86400 * CLOCK_NS_PER_S},
    {"report", OPTION_ENUM, &opt.report, "text", "KIND",
	"what to print at the end", "text|json", 0, 0},
    {"quiet", OPTION_FLAG, &opt.quiet, NULL, NULL,
	"no live line and no warnings", NULL, 0, 0},
    {"spool", OPTION_STRING, &opt.spool, NULL, "DIR",
	"write DIR/metrics/logsend.prom while sending", NULL, 0, 0},
    {NULL, OPTION_STRING, NULL, NULL, NULL, NULL, NULL, 0, 0},
};

static const struct option_tool tool = {
    .name = "logsend",
    .synopsis = "[option]... [FILE | -]",
    .summary =
	"Sends events to a log server at a constant rate, whatever the server\n"
	"does, and measures each answer from when its request was due. Sends\n"
	"made-up events, or the lines of FILE, one JSON object each. With "
	"--retry\n"
	"each line is sent until it is acknowledged.",
    .epilogue =
	"Examples:\n"
	"  logsend --rate 5000 --duration 30s\n"
	"  logsend --acked ids.txt --rate 0 events.ndjson\n"
	"  tail -F app.log | logsend --retry --unacked left.ndjson -\n"
	"\n"
	"Exit status: 0 all was acknowledged; 64 usage; 65 events were "
	"refused\n"
	"as bad or could not be sent; 74 a file could not be read or written;\n"
	"75 the server was not reached, busy, or did not answer.",
    .options = options,
    .takes_arguments = true,
};

/* What one run holds. */
static struct {
	struct event_base *base;
	struct target target;
	struct source source;
	struct acked acked, unacked;
	struct exporter exporter;
	struct sender sender;
	struct report report;
	struct event *terminate, *interrupt, *second;
	struct buf text;
	char run[GENERATE_RUN_MAX + 1];
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
 * Options
 */

/* Its name goes into JSON strings as it is, so only plain characters. */
static int
check_run(const char *run, struct error *err)
{
	size_t len = strlen(run);

	if (len == 0 || len > GENERATE_RUN_MAX ||
	    strspn(run, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
			"0123456789-._") != len)
		return error_set(err,
		    "--run: '%s' is not 1 to %d letters, digits, '-', '.' "
		    "or '_'",
		    run, GENERATE_RUN_MAX);
	memcpy(all.run, run, len + 1);
	return 0;
}

/* 20261122T073351Z-4711-c0ffee: when, which process, and chance. */
static int
make_run(struct error *err)
{
	char now[CLOCK_COMPACT_LEN + 1];
	unsigned char chance[3];

	if (getrandom(chance, sizeof(chance), 0) != (ssize_t)sizeof(chance))
		return error_errno(err, "name the run");
	clock_compact(clock_wall_us(), now);
	(void)snprintf(all.run, sizeof(all.run), "%.15sZ-%ld-%02x%02x%02x", now,
	    (long)getpid(), chance[0], chance[1], chance[2]);
	return 0;
}

static int
check_tls(struct error *err)
{
	const struct tls_options *t = &opt.tls;

	if (!all.target.secure &&
	    (t->ca != NULL || t->cert != NULL || t->key != NULL))
		return error_set(err, "--tls-ca, --tls-cert and --tls-key are "
				      "for an URL of https");
	if ((t->cert == NULL) != (t->key == NULL))
		return error_set(
		    err, "--tls-cert and --tls-key need each other");
	return 0;
}

/* What the table of options cannot check. */
static int
check_options(const char *file, struct error *err)
{
	struct error why;

	if (target_parse(&all.target, opt.url, &why) < 0)
		return error_set(err, "--url: %s", why.text);
	if (check_tls(err) < 0)
		return -1;
	if (opt.acked != NULL && strcmp(opt.acked, "-") == 0)
		return error_set(err, "--acked needs a file: stdout is for the "
				      "report");
	if (opt.unacked != NULL && !opt.retry)
		return error_set(err, "--unacked is for --retry alone");
	if (opt.unacked != NULL && file != NULL &&
	    strcmp(opt.unacked, file) == 0)
		return error_set(
		    err, "--unacked would be added to what is read: %s", file);
	if (opt.run == NULL ? make_run(err) < 0 : check_run(opt.run, err) < 0)
		return -1;
	if (opt.duration == 0 && opt.count == 0 && file == NULL)
		opt.duration = DURATION_NS;
	if (opt.connections == 0)
		opt.connections = opt.retry && file != NULL ? 1 : 64;
	if (opt.batch == 0)
		opt.batch = opt.retry && file != NULL ? 1000 : 1;
	if (file != NULL)
		return 0;
	if (source_open_generated(&all.source, all.run, (unsigned)opt.batch,
		opt.seed, opt.size, &why) < 0)
		return error_set(err, "--size: %s", why.text);
	all.source_open = true;
	return 0;
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
	if (opt.token_file != NULL) {
		if (option_secret_file(opt.token_file, &all.token, err) < 0)
			return -1;
		opt.token = all.token;
	}
	for (const char *p = opt.token; p != NULL && *p != '\0'; p++) {
		if (*p <= ' ' || *p > '~')
			return error_set(err,
			    "the token holds a byte that no token may hold");
	}
	if (all.target.secure)
		all.target.tls = tls_open(&opt.tls, err);
	return all.target.secure && all.target.tls == NULL ? -1 : 0;
}

/* Raises the soft limit of descriptors as far as the connections need. */
static int
allow_descriptors(struct error *err)
{
	rlim_t needed = opt.connections + DESCRIPTORS_KEPT;
	struct rlimit limit;

	if (getrlimit(RLIMIT_NOFILE, &limit) < 0)
		return error_errno(err, "getrlimit");
	if (limit.rlim_cur >= needed)
		return 0;
	if (limit.rlim_max < needed)
		return error_set(err,
		    "%llu connections need %llu open files; the limit is %llu "
		    "(ulimit -n)",
		    (unsigned long long)opt.connections,
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

/* Opens everything. 0, or the status to exit with and err. */
static int
open_all(const char *file, struct error *err)
{
	struct sender_options how = {
	    .rate = opt.rate,
	    .duration_ns = opt.duration,
	    .count = opt.count,
	    .timeout_ns = opt.timeout,
	    .drain_ns = opt.drain != 0 ? opt.drain : DRAIN_NS,
	    .patience_ns = opt.drain != 0 ? opt.drain : PATIENCE_NS,
	    .connections = (unsigned)opt.connections,
	    .retry = opt.retry,
	};

	if (open_identity(err) < 0)
		return EX_CONFIG;
	how.token = opt.token;

	if (file != NULL) {
		if (source_open_lines(&all.source, all.run, (unsigned)opt.batch,
			file, opt.retry, err) < 0)
			return EX_IOERR;
		all.source_open = true;
	}
	all.source.complain = notice;
	if (opt.acked != NULL) {
		if (acked_open(&all.acked, opt.acked, true, err) < 0)
			return EX_IOERR;
		all.acked_open = true;
	}
	if (opt.unacked != NULL) {
		if (acked_open(&all.unacked, opt.unacked, false, err) < 0)
			return EX_IOERR;
		all.unacked_open = true;
	}
	if (allow_descriptors(err) < 0)
		return EX_CONFIG;
	if (target_resolve(&all.target, err) < 0)
		return EX_TEMPFAIL;
	if (open_base(err) < 0 || open_events(err) < 0)
		return EX_SOFTWARE;
	if (sender_init(&all.sender, all.base, &all.target, &all.source, &how,
		notice, err) < 0)
		return EX_TEMPFAIL;
	all.sender.acked = all.acked_open ? &all.acked : NULL;
	all.sender.left.file = all.unacked_open ? &all.unacked : NULL;
	if (opt.spool == NULL)
		return 0;
	if (exporter_open(&all.exporter, &all.sender, opt.spool, err) < 0)
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
	tls_close(all.target.tls);
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
	    (opt.retry && s->stats.mismatched > 0))
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
		    opt.unacked != NULL ? ", they are in " : "",
		    opt.unacked != NULL ? opt.unacked : "");
	if (all.exporter_open && exporter_write(&all.exporter, &err) < 0)
		notice(err.text);
	all.text.len = 0;
	rc = opt.report == REPORT_JSON ? report_json(&all.report, &all.text)
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

	all.live = !opt.quiet && isatty(STDERR_FILENO);
	all.report = (struct report){.sender = &all.sender,
	    .run = all.run,
	    .url = opt.url,
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
	const char *file = NULL;
	struct error err;
	int first, status;

	switch (options_parse(&tool, argc, argv, &first, &err)) {
	case OPTIONS_DONE:
		return EX_OK;
	case OPTIONS_USAGE:
		return options_usage(&tool, &err);
	case OPTIONS_RUN:
		break;
	}
	if (first + 1 < argc) {
		(void)error_set(
		    &err, "more than one FILE: %s", argv[first + 1]);
		return options_usage(&tool, &err);
	}
	if (first < argc)
		file = argv[first];
	log_init("logsend", opt.quiet ? LOG_LEVEL_ERROR : LOG_LEVEL_INFO);
	if (signal(SIGPIPE, SIG_IGN) == SIG_ERR)
		return EX_OSERR;
	if (check_options(file, &err) < 0)
		return options_usage(&tool, &err);
	status = open_all(file, &err);
	if (status == EX_OK)
		status = run_all();
	else
		failure(&err);
	close_all();
	return status;
}
