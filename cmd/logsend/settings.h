/*
 * settings.h - what the user has asked for: the option table, and what the
 * options come to.
 */
#ifndef LOGSEND_SETTINGS_H
#define LOGSEND_SETTINGS_H

#include <stdbool.h>
#include <stdint.h>

#include "generate.h"
#include "target.h"
#include "tls.h"

enum report_kind { REPORT_TEXT, REPORT_JSON };

/* Pointers are into argv and the environment; times are in nanoseconds. */
struct settings {
	const char *url, *run_asked, *acked, *unacked, *spool;
	const char *token, *token_file;
	const char *file; /* what to read; NULL: events are made up */
	struct tls_options tls;
	uint64_t rate, duration, count, connections, batch, size, seed;
	uint64_t timeout, drain, patience; /* see sender.h */
	unsigned report;
	bool retry, quiet;
	struct target target; /* of the URL */
	char run[GENERATE_RUN_MAX + 1];
};

/*
 * Sets these, which start as all zeros. -1; or the exit status, and all is
 * said.
 */
int settings_parse(struct settings *, int argc, char **argv);

#endif
