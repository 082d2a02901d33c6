/*
 * metrics.h - counters, gauges and histograms, as Prometheus reads them (text
 * exposition format 0.0.4), one file a tool in SPOOL/metrics/.
 *
 * A tool keeps one table of `struct metric` for its whole life. Values are
 * atomic: any thread may add. Samples of one family (the same name, different
 * labels) stand next to each other in the table; the first one carries help.
 */
#ifndef COMMON_METRICS_H
#define COMMON_METRICS_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "buf.h"
#include "error.h"
#include "spool.h"

enum metric_type { METRIC_IS_COUNTER, METRIC_IS_GAUGE, METRIC_IS_HISTOGRAM };

#define METRIC_BUCKETS 14 /* of every histogram; +Inf is implied */

struct metric_histogram {
	_Atomic uint64_t buckets[METRIC_BUCKETS + 1];
	_Atomic uint64_t sum;
};

/* Their upper bounds: nanoseconds, which are shown as seconds, or bytes. */
extern const uint64_t metric_durations[METRIC_BUCKETS];
extern const uint64_t metric_sizes[METRIC_BUCKETS];

struct metric {
	const char *name; /* "logrecv_events_total"; NULL ends the table */
	const char *help;
	enum metric_type type;
	const char *labels; /* "reason=\"json\"", or NULL */
	double scale;       /* the shown value is value * scale; 0 means 1 */
	bool of_spool;      /* not of the process: see metrics_collect */
	_Atomic int64_t value;
	/* For METRIC_IS_HISTOGRAM; with the bounds of durations if NULL: */
	struct metric_histogram *histogram;
	const uint64_t *bounds;
};

/*
 * A row of a table: name, help, and what else there is to say of it:
 *
 *	[STAT_AGE] = METRIC_GAUGE("t_age_seconds", "Age.", .scale = 1e-3),
 *	[STAT_REFUSED_JSON] = METRIC_COUNTER("t_refused_total", "Refused.",
 *	    METRIC_LABEL("reason", "json")),
 */
#define METRIC_COUNTER(...) METRIC_ROW_(METRIC_IS_COUNTER, __VA_ARGS__)
#define METRIC_GAUGE(...) METRIC_ROW_(METRIC_IS_GAUGE, __VA_ARGS__)
#define METRIC_HISTOGRAM(...) METRIC_ROW_(METRIC_IS_HISTOGRAM, __VA_ARGS__)
#define METRIC_LABEL(which, text) .labels = which "=\"" text "\""
#define METRIC_ROW_(is, as, ...) \
	{ \
		.type = (is), .name = (as), .help = __VA_ARGS__ \
	}

static inline void
metric_add(struct metric *m, uint64_t n)
{
	atomic_fetch_add_explicit(&m->value, (int64_t)n, memory_order_relaxed);
}

static inline void
metric_set(struct metric *m, int64_t value)
{
	atomic_store_explicit(&m->value, value, memory_order_relaxed);
}

static inline int64_t
metric_get(struct metric *m)
{
	return atomic_load_explicit(&m->value, memory_order_relaxed);
}

/* Adds observations: of nanoseconds, or of what the bounds are of. */
void metric_observe_many(struct metric *, uint64_t, uint64_t times);

static inline void
metric_observe(struct metric *m, uint64_t n)
{
	metric_observe_many(m, n, 1);
}

#define METRICS_NAME_MAX 64
#define METRICS_HISTORY "history" /* there, too: see logrecv's history.h */

/*
 * A tool's place in SPOOL/metrics/: TOOL.prom, or TOOL-2.prom and so on where
 * another living process of the same tool has that one (an flock on the file
 * NAME.lock beside it, which the kernel lets go when the process ends).
 */
struct metrics_file {
	struct spool *spool;         /* not owned */
	const char *tool;            /* not owned */
	char name[METRICS_NAME_MAX]; /* "logload-2.prom" */
	unsigned process;            /* 1, 2, … */
	uint64_t started_us;         /* when it was opened, since the epoch */
	int lock_fd;                 /* -1: it has no place yet */
	bool failed;                 /* the last call */
	struct buf text;             /* of the last write: the table */
	struct buf log;              /* likewise, of NAME.log */
};

#define METRICS_PROCESSES_MAX 64

/*
 * Takes a place. 0, or -1: it has none, and may be used all the same, since
 * each metrics_write tries again. Metrics are no reason not to work.
 */
int metrics_open(
    struct metrics_file *, struct spool *, const char *tool, struct error *);

/*
 * Writes the table to the file, whole or not at all, and behind it what the
 * system knows of the process (metrics_process.h); where nothing changed, only
 * the file's time. What this process has last warned of (log_kept) goes to
 * NAME.log beside it. Processes after the first add process="N" to each sample.
 * 0; -1 and err says why; or 1 where the last call failed, too, so that nobody
 * says every few seconds what lasts.
 */
int metrics_write(struct metrics_file *, struct metric *table, struct error *);

void metrics_close(struct metrics_file *);

/* Who has a file there, and whether that process still runs. */
struct metrics_tool {
	char name[METRICS_NAME_MAX]; /* "logload" */
	bool runs;
	uint64_t written_s; /* the file, since the epoch */
};

/*
 * Finds the tools of a spool, this one among them, in no order; not those that
 * take no places, as pipeline.sh. How many, or -1 with errno.
 */
int metrics_tools(struct spool *, struct metrics_tool *out, unsigned most);

/*
 * Appends the metrics of all tools to out: every *.prom file, but the table
 * itself for the caller's own, if given, and when each was written last. The
 * samples of one family stand together whatever file they come from, as the
 * format demands; of what is of the spool, the caller's own alone. Left out:
 * files over 256 KiB, those that do not begin with a comment, those of a second
 * or later process that has ended, and what is more than 4 MiB of all. 0, or
 * -1.
 */
int metrics_collect(struct spool *, const struct metrics_file *own,
    struct metric *table, struct buf *out, struct error *);

/* The first sample of that family in a text of metrics. False: there is none.
 */
bool metrics_find(const struct buf *, const char *name, double *value);

#endif
