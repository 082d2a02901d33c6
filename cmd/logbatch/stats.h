/*
 * stats.h - what logbatch tells in SPOOL/metrics/logbatch.prom.
 */
#ifndef LOGBATCH_STATS_H
#define LOGBATCH_STATS_H

#include "metrics.h"

enum stats_field {
	STAT_ROTATED_SIZE,
	STAT_ROTATED_AGE,
	STAT_ROTATED_ONCE,
	STAT_ROTATED_DRAIN,
	STAT_ROTATED_BYTES,
	STAT_ERRORS,
	STAT_OLDEST_AGE, /* milliseconds, shown as seconds */
	STAT_ROTATE_SECONDS,
	STAT_LAST_SUCCESS, /* microseconds since the epoch, shown as seconds */
	STATS
};

/* Points into itself: it must not be copied. */
struct stats {
	struct metric table[STATS + 1];
	struct metric_histogram rotate_seconds;
};

void stats_init(struct stats *);

#endif
