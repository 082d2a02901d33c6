/*
 * settings.c - see settings.h.
 */
#include <stdio.h>
#include <string.h>
#include <sys/random.h>
#include <sysexits.h>
#include <unistd.h>

#include "clock.h"
#include "options.h"
#include "schedule.h"
#include "settings.h"

#define DURATION_NS (60 * CLOCK_NS_PER_S)
#define DRAIN_NS (10 * CLOCK_NS_PER_S)
#define PATIENCE_NS (60 * CLOCK_NS_PER_S)

/* Its name goes into JSON strings as it is, so only plain characters. */
static int
check_run(struct settings *s, struct error *err)
{
	const char *run = s->run_asked;
	size_t len = strlen(run);

	if (len == 0 || len > GENERATE_RUN_MAX ||
	    strspn(run, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
			"0123456789-._") != len)
		return error_set(err,
		    "--run: '%s' is not 1 to %d letters, digits, '-', '.' "
		    "or '_'",
		    run, GENERATE_RUN_MAX);
	memcpy(s->run, run, len + 1);
	return 0;
}

/* 20261122T073351Z-4711-c0ffee: when, which process, and chance. */
static int
make_run(struct settings *s, struct error *err)
{
	char now[CLOCK_COMPACT_LEN + 1];
	unsigned char chance[3];

	if (getrandom(chance, sizeof(chance), 0) != (ssize_t)sizeof(chance))
		return error_errno(err, "name the run");
	clock_compact(clock_wall_us(), now);
	(void)snprintf(s->run, sizeof(s->run), "%.15sZ-%ld-%02x%02x%02x", now,
	    (long)getpid(), chance[0], chance[1], chance[2]);
	return 0;
}

static int
check_tls(const struct settings *s, struct error *err)
{
	const struct tls_options *t = &s->tls;

	if (!s->target.secure &&
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
check(struct settings *s, struct error *err)
{
	struct error why;

	if (target_parse(&s->target, s->url, &why) < 0)
		return error_set(err, "--url: %s", why.text);
	if (check_tls(s, err) < 0)
		return -1;
	if (s->acked != NULL && strcmp(s->acked, "-") == 0)
		return error_set(err, "--acked needs a file: stdout is for the "
				      "report");
	if (s->unacked != NULL && !s->retry)
		return error_set(err, "--unacked is for --retry alone");
	if (s->run_asked == NULL ? make_run(s, err) < 0 : check_run(s, err) < 0)
		return -1;
	if (s->duration == 0 && s->count == 0 && s->file == NULL)
		s->duration = DURATION_NS;
	if (s->connections == 0)
		s->connections = s->retry && s->file != NULL ? 1 : 64;
	if (s->batch == 0)
		s->batch = s->retry && s->file != NULL ? 1000 : 1;
	s->patience = s->drain != 0 ? s->drain : PATIENCE_NS;
	if (s->drain == 0)
		s->drain = DRAIN_NS;
	return 0;
}

int
settings_parse(struct settings *s, int argc, char **argv)
{
	const struct option_spec specs[] = {
	    {"url", OPTION_STRING, &s->url, "http://127.0.0.1:8080/log", "URL",
		"where to send the events", NULL, 0, 0},
	    {"tls-ca", OPTION_STRING, &s->tls.ca, NULL, "FILE",
		"of https: whose certificates to believe; default: the "
		"system's",
		NULL, 0, 0},
	    {"tls-cert", OPTION_STRING, &s->tls.cert, NULL, "FILE",
		"and a certificate of our own", NULL, 0, 0},
	    {"tls-key", OPTION_STRING, &s->tls.key, NULL, "FILE",
		"with its key", NULL, 0, 0},
	    {"token-file", OPTION_STRING, &s->token_file, NULL, "FILE",
		"its first line is the token that says who sends", NULL, 0, 0},
	    {"token", OPTION_SECRET, &s->token, NULL, NULL, "the token itself",
		NULL, 0, 0},
	    {"rate", OPTION_COUNT, &s->rate, "1000", "N",
		"requests a second; 0: as fast as the connections allow", NULL,
		0, SCHEDULE_RATE_MAX},
	    {"duration", OPTION_DURATION, &s->duration, NULL, "TIME",
		"how long to send; 60s unless --count or FILE is given", NULL,
		CLOCK_NS_PER_MS, 366 * 86400 * CLOCK_NS_PER_S},
	    {"count", OPTION_COUNT, &s->count, NULL, "N",
		"how many requests to send at most", NULL, 1, UINT64_MAX / 2},
	    {"connections", OPTION_COUNT, &s->connections, NULL, "N",
		"connections, each with one request at a time: 64, or with "
		"--retry "
		"and a FILE 1",
		NULL, 1, 16384},
	    {"batch", OPTION_COUNT, &s->batch, NULL, "N",
		"events in a request, where there are so many; more than one "
		"go as "
		"NDJSON: 1, or with --retry and a FILE 1000",
		NULL, 1, 100000},
	    {"retry", OPTION_FLAG, &s->retry, NULL, NULL,
		"send again what was not acknowledged, and every line of FILE",
		NULL, 0, 0},
	    {"unacked", OPTION_STRING, &s->unacked, NULL, "FILE",
		"add the events that --retry gives up to this file", NULL, 0,
		0},
	    {"size", OPTION_SIZE, &s->size, "204", "SIZE",
		"bytes of a generated event", NULL, 1, 1048576},
	    {"seed", OPTION_COUNT, &s->seed, "1", "N",
		"the same seed makes the same events, but for run and time",
		NULL, 0, 0},
	    {"run", OPTION_STRING, &s->run_asked, NULL, "NAME",
		"begins the id of every event; default: a unique name", NULL, 0,
		0},
	    {"acked", OPTION_STRING, &s->acked, NULL, "FILE",
		"write the ids of acknowledged events there, one a line", NULL,
		0, 0},
	    {"timeout", OPTION_DURATION, &s->timeout, "10s", "TIME",
		"how long to wait for an answer, or a connection", NULL,
		10 * CLOCK_NS_PER_MS, 86400 * CLOCK_NS_PER_S},
	    {"drain", OPTION_DURATION, &s->drain, NULL, "TIME",
		"how long to go on after the last request was due, or a "
		"signal: 10s; "
		"with --retry and no more input, without an answer: 60s",
		NULL, CLOCK_NS_PER_MS, 86400 * CLOCK_NS_PER_S},
	    {"report", OPTION_ENUM, &s->report, "text", "KIND",
		"what to print at the end", "text|json", 0, 0},
	    {"quiet", OPTION_FLAG, &s->quiet, NULL, NULL,
		"no live line and no warnings", NULL, 0, 0},
	    {"spool", OPTION_STRING, &s->spool, NULL, "DIR",
		"write DIR/metrics/logsend.prom while sending", NULL, 0, 0},
	    {NULL, OPTION_STRING, NULL, NULL, NULL, NULL, NULL, 0, 0},
	};

	const struct option_tool tool = {
	    .name = "logsend",
	    .synopsis = "[option]... [FILE | -]",
	    .summary = "Sends events to a log server at a constant rate, "
		       "whatever the server\n"
		       "does, and measures each answer from when its request "
		       "was due. Sends\n"
		       "made-up events, or the lines of FILE, one JSON object "
		       "each. With "
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
		"as bad or could not be sent; 74 a file could not be read or "
		"written;\n"
		"75 the server was not reached, busy, or did not answer.",
	    .options = specs,
	    .takes_arguments = true,
	};
	struct error err;
	int first;

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
		s->file = argv[first];
	return check(s, &err) < 0 ? options_usage(&tool, &err) : -1;
}
