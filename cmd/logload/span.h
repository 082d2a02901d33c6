/*
 * span.h - --since and --until: files by the time that their names tell.
 *
 * A file that a spool has named has the instant at which it was begun; any
 * other one the last date in its path (app-2026-11-22.log, app.log-20261122.gz,
 * logs/2026/11/22/07/app.log), with the time of day behind it, if there is one:
 * then it is of all that day, hour, minute or second. All of that is UTC.
 */
#ifndef LOGLOAD_SPAN_H
#define LOGLOAD_SPAN_H

#include <stdbool.h>
#include <stdint.h>

#include "error.h"

/* Microseconds since 1970, UTC; the end is not of it. */
struct span {
	int64_t from, to;
};

/* As an option has it: 2026-11-22, RFC 3339, 20261122T0733, or 2d (ago). */
int
span_parse(const char *text, uint64_t now_us, int64_t *us, struct error *err);

/* False: no time is in its name. */
bool span_of_path(const char *path, struct span *);

/* Has one any instant of the other? */
bool span_meets(const struct span *, const struct span *);

#endif
