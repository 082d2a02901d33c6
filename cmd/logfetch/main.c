/*
 * logfetch - brings sealed files of a replicated stream into a spool's ready/.
 *
 * Each turn looks at all files of the stream. One that is sealed and nobody's
 * is claimed, read into ready/, and taken out of the stream once it has left
 * ready/: then it was loaded. Whatever is done twice is harmless, since the
 * ledger knows a file by its name. A fetcher that does not answer for long is
 * taken for dead, and what it has claimed is free again.
 *
 * A file that does not grow for long, and is not sealed, has lost its writer,
 * and is sealed here. Time is our own clock's, from when we saw it first.
 */
#include <stdio.h>
#include <sysexits.h>

#include "clock.h"
#include "fetch.h"
#include "log.h"
#include "options.h"

#define PAUSE_NS CLOCK_NS_PER_S

static enum option_verdict
read_settings(struct settings *, int argc, char **argv, int *status);

int
main(int argc, char **argv)
{
	static struct fetch f;
	struct settings settings = {.stream.tool = "logfetch"};
	struct error err;
	int status;

	if (read_settings(&settings, argc, argv, &status) != OPTIONS_RUN)
		return status;
	log_init("logfetch", (enum log_level)settings.log_level);
	f.settings = &settings;
	status = service_start(
	    &f.service, "logfetch", settings.spool, SPOOL_FETCH, fetch_stats);
	if (status != EX_OK)
		return status;
	if (jetstream_check_servers(&settings.stream, &err) < 0) {
		log_error("%s", err.text);
		return EX_CONFIG;
	}
	if (fetch_init(&f, &err) < 0) {
		log_error("%s", err.text);
		return EX_OSERR;
	}
	log_info("ready spool=%s stream=%s as=%s", f.service.spool.path,
	    settings.stream.stream, f.id);
	if (settings.once) {
		status = fetch_turn(&f);
		if (status == EX_OK && (f.left || f.away))
			status = EX_TEMPFAIL;
	} else {
		status = service_run(&f.service, PAUSE_NS, fetch_turn, &f);
	}
	service_end(&f.service);
	fetch_release(&f);
	return status;
}

static enum option_verdict
read_settings(struct settings *s, int argc, char **argv, int *status)
{
	struct option_spec options[JETSTREAM_OPTIONS_COUNT + 6] = {
	    {.name = "spool",
		.type = OPTION_STRING,
		.target = &s->spool,
		.argument = "DIR",
		.help = "the spool into whose ready/ files are fetched"},
	    {.name = "once",
		.type = OPTION_FLAG,
		.target = &s->once,
		.help = "fetch what is sealed now, then exit"},
	    {.name = "orphan-after",
		.type = OPTION_DURATION,
		.target = &s->orphan_ns,
		.initial = "5m",
		.argument = "TIME",
		.help = "seal a file that has not grown for so long, and take "
			"over from a fetcher that is silent for so long",
		.min = CLOCK_NS_PER_S,
		.max = 30 * 86400 * CLOCK_NS_PER_S},
	    {.name = "ready-limit",
		.type = OPTION_SIZE,
		.target = &s->ready_limit,
		.initial = "1GB",
		.argument = "SIZE",
		.help = "fetch nothing while ready/ has so much",
		.min = 1,
		.max = INT64_MAX},
	    {.name = "log-level",
		.type = OPTION_ENUM,
		.target = &s->log_level,
		.initial = "info",
		.choices = "error|warn|info|debug",
		.help = "how much to say on stderr"},
	};
	const struct option_tool tool = {
	    .name = "logfetch",
	    .synopsis = "--spool=DIR --server=URL [option]...",
	    .summary = "Brings the files of a replicated stream of NATS "
		       "JetStream into SPOOL/ready/.",
	    .epilogue = "Exit status: 0 stopped or done, 64 wrong usage, 74 "
			"the spool cannot be used,\n75 --once could not reach "
			"the stream, or left something, 78 the stream would\n"
			"lose events, or others may write to the spool. See "
			"logfetch(8).",
	    .options = options,
	};
	enum option_verdict verdict;
	struct error err;
	int first;

	jetstream_options(&s->stream, &options[5]);
	verdict = options_parse(&tool, argc, argv, &first, &err);
	if (verdict == OPTIONS_RUN &&
	    (s->spool == NULL || s->spool[0] == '\0')) {
		(void)error_set(&err, "--spool is missing");
		verdict = OPTIONS_USAGE;
	}
	if (verdict == OPTIONS_RUN &&
	    jetstream_check_config(&s->stream, &err) < 0)
		verdict = OPTIONS_USAGE;
	*status = EX_OK;
	if (verdict == OPTIONS_USAGE)
		*status = options_usage(&tool, &err);
	return verdict;
}
