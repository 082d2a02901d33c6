/*
 * meters.c - see meters.h.
 */
#include <stdio.h>
#include <string.h>

#include "clock.h"
#include "meters.h"

static const struct metric initial[METER_COLUMN] = {
    [METER_FILES_LOADED] = METRIC_COUNTER(
	"logload_files_loaded_total", "Files loaded to their end"),
    [METER_FILES_SKIPPED] = METRIC_COUNTER("logload_files_skipped_total",
	"Files skipped, having been loaded before"),
    [METER_EVENTS_LOADED] = METRIC_COUNTER("logload_events_loaded_total",
	"Events that are rows, those that were there before included"),
    [METER_BYTES_LOADED] = METRIC_COUNTER("logload_bytes_loaded_total",
	"Bytes of files committed, what was rejected included"),
    [METER_EVENTS_REJECTED] = METRIC_COUNTER(
	"logload_events_rejected_total", "Events put into rejected/"),
    [METER_TORN_BYTES] = METRIC_COUNTER("logload_torn_bytes_total",
	"Bytes of torn tails, never acknowledged, skipped"),
    [METER_VALUES_NULL] = METRIC_COUNTER("logload_values_null_total",
	"Values that did not fit their column and are NULL there"),
    [METER_RETRIES_PASSING] = METRIC_COUNTER("logload_retries_total",
	"Tries that failed and will be repeated",
	METRIC_LABEL("class", "passing")),
    [METER_RETRIES_CONFLICT] = METRIC_COUNTER(
	"logload_retries_total", NULL, METRIC_LABEL("class", "conflict")),
    [METER_RETRIES_SCHEMA] = METRIC_COUNTER(
	"logload_retries_total", NULL, METRIC_LABEL("class", "schema")),
    [METER_RETRIES_IO] = METRIC_COUNTER(
	"logload_retries_total", NULL, METRIC_LABEL("class", "io")),
    [METER_READY_ALIENS] = METRIC_GAUGE(
	"logload_ready_aliens", "Entries of ready/ that are no file to load"),
    [METER_READY_ASIDE] = METRIC_GAUGE("logload_ready_waiting_for_room_files",
	"Files of ready/ that wait for room in rejected/"),
    [METER_READY_REFUSED] = METRIC_GAUGE("logload_ready_refused_files",
	"Files of ready/ whose events the database has all refused"),
    [METER_REJECTED_BYTES] =
	METRIC_GAUGE("logload_rejected_bytes", "Bytes in rejected/"),
    [METER_REJECTED_LIMIT] = METRIC_GAUGE("logload_rejected_limit_bytes",
	"Bytes that rejected/ may have, 0: any number"),
    [METER_LOADED_FILES] =
	METRIC_GAUGE("logload_loaded_files", "Files in loaded/"),
    [METER_LOADED_BYTES] =
	METRIC_GAUGE("logload_loaded_bytes", "Bytes in loaded/"),
    [METER_LOADED_LIMIT] = METRIC_GAUGE("logload_loaded_limit_bytes",
	"Bytes that loaded/ may have, 0: any number"),
    [METER_SETTLE_COVERED] = METRIC_GAUGE("logload_settle_covered_seconds",
	"What was loaded in this time the database may still forget"),
    [METER_ASKED_BACK] = METRIC_COUNTER("logload_files_asked_back_total",
	"Files that the database had forgotten, and that are loaded again"),
    [METER_DROPPED_FILES] =
	METRIC_COUNTER("logload_rejected_dropped_files_total",
	    "Files of rejected/ dropped for want of room"),
    [METER_DROPPED_EVENTS] =
	METRIC_COUNTER("logload_rejected_dropped_events_total",
	    "Rejected events dropped for want of room: they are nowhere"),
    [METER_DROPPED_BYTES] =
	METRIC_COUNTER("logload_rejected_dropped_bytes_total",
	    "Bytes of files of rejected/ dropped for want of room"),
    [METER_PARTITIONS_MADE] = METRIC_COUNTER(
	"logload_partitions_made_total", "Partitions that were made"),
    [METER_PARTITIONS_DROPPED] =
	METRIC_COUNTER("logload_partitions_dropped_total",
	    "Partitions, and tables of a time, that were dropped"),
    [METER_EXPIRED_ROWS] = METRIC_COUNTER("logload_rows_expired_total",
	"Rows deleted, being older than --retain"),
    [METER_PRUNED_LINES] = METRIC_COUNTER("logload_ledger_lines_pruned_total",
	"Lines of the ledger removed after their events"),
    [METER_OLDEST_KEPT] = METRIC_GAUGE("logload_oldest_kept_timestamp_seconds",
	"With --retain: when the oldest event in the table was received"),
    [METER_LAST_SUCCESS] =
	METRIC_GAUGE("logload_last_success_timestamp_seconds",
	    "When a commit last succeeded"),
    [METER_LAG] = METRIC_GAUGE("logload_lag_seconds",
	"Now, less when the newest row was received; at first, the start",
	.scale = 1e-3),
    [METER_DATABASE_UP] = METRIC_GAUGE("logload_database_up",
	"Did the last use of the database succeed, and does it answer"),
    [METER_DATABASE_REFUSES] = METRIC_GAUGE("logload_database_refuses",
	"Does it refuse what only a human can put right, such as a table"),
    [METER_LOAD_SECONDS] = METRIC_HISTOGRAM(
	"logload_load_seconds", "Time to load one chunk, commit included"),
    [METER_COMMIT_SECONDS] =
	METRIC_HISTOGRAM("logload_commit_seconds", "Time to commit one chunk"),
};

void
meters_init(struct meters *m)
{
	memset(m, 0, sizeof(*m));
	memcpy(m->table, initial, sizeof(initial));
	m->table[METER_LOAD_SECONDS].histogram = &m->load_seconds;
	m->table[METER_COMMIT_SECONDS].histogram = &m->commit_seconds;
	m->newest_us = clock_wall_us();
}

void
meters_lag(struct meters *m)
{
	uint64_t newest = m->newest_us, now = clock_wall_us();

	meter_set(
	    m, METER_LAG, now > newest ? (int64_t)(now - newest) / 1000 : 0);
}

void
meters_newest(struct meters *m, uint64_t received_us)
{
	uint64_t newest = m->newest_us;

	/* That of the start was none. */
	if (received_us > newest || !atomic_exchange(&m->received, true))
		m->newest_us = received_us;
	meters_lag(m);
}

/* As Prometheus has it: these three with a backslash. */
static void
put_label(char out[METER_LABEL_MAX], const char *name)
{
	int n = snprintf(out, METER_LABEL_MAX, "column=\"");

	for (; *name != '\0'; name++) {
		if (strchr("\\\"\n", *name) != NULL)
			out[n++] = '\\';
		out[n++] = *name == '\n' ? 'n' : *name;
	}
	out[n++] = '"';
	out[n] = '\0';
}

void
meters_columns(struct meters *m, const struct columns *columns)
{
	/* The table ends behind the last one. */
	for (unsigned i = 0; i < columns->count; i++) {
		struct metric *metric = &m->table[METER_COLUMN + i];

		put_label(m->labels[i], columns->list[i].name);
		metric->name = "logload_column_misfits_total";
		metric->help = i > 0 ? NULL
				     : "Values that did not fit that column, "
				       "and were not rejected";
		metric->type = METRIC_IS_COUNTER;
		metric->labels = m->labels[i];
	}
}
