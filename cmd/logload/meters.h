/*
 * meters.h - what logload counts, for SPOOL/metrics/logload.prom.
 */
#ifndef LOGLOAD_METERS_H
#define LOGLOAD_METERS_H

#include "metrics.h"
#include "row/columns.h"

enum meter {
	METER_FILES_LOADED,
	METER_FILES_SKIPPED,
	METER_EVENTS_LOADED,
	METER_BYTES_LOADED,
	METER_EVENTS_REJECTED,
	METER_TORN_BYTES,
	METER_VALUES_NULL,
	METER_RETRIES_PASSING,
	METER_RETRIES_CONFLICT,
	METER_RETRIES_SCHEMA,
	METER_RETRIES_IO,
	METER_READY_ALIENS,
	METER_READY_ASIDE,
	METER_READY_REFUSED,
	METER_REJECTED_BYTES,
	METER_REJECTED_LIMIT,
	METER_LOADED_FILES,
	METER_LOADED_BYTES,
	METER_LOADED_LIMIT,
	METER_SETTLE_COVERED,
	METER_ASKED_BACK,
	METER_DROPPED_FILES,
	METER_DROPPED_EVENTS,
	METER_DROPPED_BYTES,
	METER_PARTITIONS_MADE,
	METER_PARTITIONS_DROPPED,
	METER_EXPIRED_ROWS,
	METER_PRUNED_LINES,
	METER_OLDEST_KEPT,
	METER_LAST_SUCCESS,
	METER_LAG, /* milliseconds, shown as seconds */
	METER_DATABASE_UP,
	METER_DATABASE_REFUSES,
	METER_LOAD_SECONDS,
	METER_COMMIT_SECONDS,
	METER_COLUMN, /* of the first one; the others' follow */
	METERS = METER_COLUMN + COLUMNS_MAX
};

/* column="NAME", each character escaped. */
#define METER_LABEL_MAX (COLUMN_NAME_MAX * 2 + 16)

struct meters {
	struct metric table[METERS + 1];
	char labels[COLUMNS_MAX][METER_LABEL_MAX];
	struct metric_histogram load_seconds, commit_seconds;
	/* When the newest row was received, since the epoch. */
	_Atomic uint64_t newest_us;
	atomic_bool received; /* it is a row's, and not our start */
};

void meters_init(struct meters *);
/* Adds those of the columns; without that they are counted, and not shown. */
void meters_columns(struct meters *, const struct columns *);

/* A row received then is committed. */
void meters_newest(struct meters *, uint64_t received_us);
/* Brings the lag up to date. */
void meters_lag(struct meters *);

static inline void
meter_add(struct meters *m, unsigned which, uint64_t n)
{
	metric_add(&m->table[which], n);
}

static inline void
meter_set(struct meters *m, enum meter which, int64_t value)
{
	metric_set(&m->table[which], value);
}

static inline int64_t
meter_get(struct meters *m, enum meter which)
{
	return metric_get(&m->table[which]);
}

#endif
