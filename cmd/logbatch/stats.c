/*
 * stats.c - see stats.h.
 */
#include <string.h>

#include "stats.h"

static void
define(struct stats *s, enum stats_field i, enum metric_type type,
    const char *name, const char *labels, const char *help)
{
	s->table[i].name = name;
	s->table[i].help = help;
	s->table[i].type = type;
	s->table[i].labels = labels;
}

void
stats_init(struct stats *s)
{
	static const char rotated[] = "logbatch_files_rotated_total";
	static const char help[] = "Files handed over to ready/, by cause.";

	memset(s, 0, sizeof(*s));
	define(s, STAT_ROTATED_SIZE, METRIC_COUNTER, rotated, "cause=\"size\"",
	    help);
	define(s, STAT_ROTATED_AGE, METRIC_COUNTER, rotated, "cause=\"age\"",
	    help);
	define(s, STAT_ROTATED_ONCE, METRIC_COUNTER, rotated, "cause=\"once\"",
	    help);
	define(s, STAT_ROTATED_BYTES, METRIC_COUNTER,
	    "logbatch_bytes_rotated_total", NULL,
	    "Bytes handed over to ready/.");
	define(s, STAT_ERRORS, METRIC_COUNTER, "logbatch_errors_total", NULL,
	    "Attempts to list or hand over that failed.");
	define(s, STAT_FILES, METRIC_GAUGE, "logbatch_buffer_files", NULL,
	    "Files in buffer/.");
	define(s, STAT_BYTES, METRIC_GAUGE, "logbatch_buffer_bytes", NULL,
	    "Bytes in buffer/.");
	define(s, STAT_OLDEST_AGE, METRIC_GAUGE,
	    "logbatch_buffer_oldest_age_seconds", NULL,
	    "Age of the oldest file in buffer/, 0 if there is none.");
	s->table[STAT_OLDEST_AGE].scale = 1e-3;
	define(s, STAT_ROTATE_SECONDS, METRIC_HISTOGRAM,
	    "logbatch_rotate_seconds", NULL,
	    "How long handing a file over took, waiting for its lock "
	    "included.");
	s->table[STAT_ROTATE_SECONDS].histogram = &s->rotate_seconds;
	define(s, STAT_LAST_SUCCESS, METRIC_GAUGE,
	    "logbatch_last_success_timestamp_seconds", NULL,
	    "When a file was last handed over, 0 if none was.");
	s->table[STAT_LAST_SUCCESS].scale = 1e-6;
}
