/*
 * stats.c - see stats.h.
 */
#include <string.h>

#include "stats.h"

#define ROTATED(cause) \
	METRIC_COUNTER("logbatch_files_rotated_total", \
	    "Files handed over to ready/, by cause.", \
	    METRIC_LABEL("cause", cause))

static const struct metric initial[STATS + 1] = {
    [STAT_ROTATED_SIZE] = ROTATED("size"),
    [STAT_ROTATED_AGE] = ROTATED("age"),
    [STAT_ROTATED_ONCE] = ROTATED("once"),
    [STAT_ROTATED_DRAIN] = ROTATED("drain"),
    [STAT_ROTATED_BYTES] = METRIC_COUNTER(
	"logbatch_bytes_rotated_total", "Bytes handed over to ready/."),
    [STAT_ERRORS] = METRIC_COUNTER(
	"logbatch_errors_total", "Attempts to list or hand over that failed."),
    [STAT_OLDEST_AGE] = METRIC_GAUGE("logbatch_buffer_oldest_age_seconds",
	"Age of the oldest file in buffer/, 0 if there is none.",
	.scale = 1e-3),
    [STAT_ROTATE_SECONDS] = METRIC_HISTOGRAM(
	"logbatch_rotate_seconds", "How long handing a file over took."),
    [STAT_LAST_SUCCESS] =
	METRIC_GAUGE("logbatch_last_success_timestamp_seconds",
	    "When a file was last handed over, 0 if none was.", .scale = 1e-6),
};

void
stats_init(struct stats *s)
{
	memset(s, 0, sizeof(*s));
	memcpy(s->table, initial, sizeof(initial));
	s->table[STAT_ROTATE_SECONDS].histogram = &s->rotate_seconds;
}
