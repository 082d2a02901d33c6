/*
 * meters.c - see meters.h.
 */
#include <string.h>

#include "meters.h"

static const struct metric initial[METERS + 1] = {
    [METER_FILES_LOADED] = {.name = "logload_files_loaded_total",
	.help = "Files loaded to their end"},
    [METER_FILES_SKIPPED] = {.name = "logload_files_skipped_total",
	.help = "Files skipped, having been loaded before"},
    [METER_EVENTS_LOADED] = {.name = "logload_events_loaded_total",
	.help = "Rows committed"},
    [METER_BYTES_LOADED] = {.name = "logload_bytes_loaded_total",
	.help = "Bytes of files committed, what was rejected included"},
    [METER_EVENTS_REJECTED] = {.name = "logload_events_rejected_total",
	.help = "Events put into rejected/"},
    [METER_TORN_BYTES] = {.name = "logload_torn_bytes_total",
	.help = "Bytes of torn tails, never acknowledged, skipped"},
    [METER_VALUES_NULL] = {.name = "logload_values_null_total",
	.help = "Values that did not fit their column and are NULL there"},
    [METER_RETRIES_PASSING] = {.name = "logload_retries_total",
	.help = "Tries that failed and will be repeated",
	.labels = "class=\"passing\""},
    [METER_RETRIES_SCHEMA] = {.name = "logload_retries_total",
	.labels = "class=\"schema\""},
    [METER_RETRIES_IO] = {.name = "logload_retries_total",
	.labels = "class=\"io\""},
    [METER_READY_FILES] = {.name = "logload_ready_files",
	.help = "Files waiting in ready/",
	.type = METRIC_GAUGE},
    [METER_READY_BYTES] = {.name = "logload_ready_bytes",
	.help = "Bytes waiting in ready/",
	.type = METRIC_GAUGE},
    [METER_READY_AGE] = {.name = "logload_ready_oldest_age_seconds",
	.help = "Age of the oldest file waiting in ready/",
	.type = METRIC_GAUGE},
    [METER_READY_ALIENS] = {.name = "logload_ready_aliens",
	.help = "Entries of ready/ that are no file to load",
	.type = METRIC_GAUGE},
    [METER_LAST_SUCCESS] = {.name = "logload_last_success_timestamp_seconds",
	.help = "When a commit last succeeded",
	.type = METRIC_GAUGE},
    [METER_DATABASE_UP] = {.name = "logload_database_up",
	.help = "Did the last use of the database succeed",
	.type = METRIC_GAUGE},
    [METER_LOAD_SECONDS] = {.name = "logload_load_seconds",
	.help = "Time to load one chunk, commit included",
	.type = METRIC_HISTOGRAM},
};

void
meters_init(struct meters *m)
{
	memset(m, 0, sizeof(*m));
	memcpy(m->table, initial, sizeof(initial));
	m->table[METER_LOAD_SECONDS].histogram = &m->load_seconds;
}
