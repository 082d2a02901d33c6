/*
 * batch.h - which buffer files there are, and when each is handed over.
 *
 * A table of the files in buffer/, filled by batch_scan and kept by
 * batch_changed. A file is due at max_bytes or at max_age after its birth,
 * whichever comes first; one that could not be handed over is due again after
 * a pause that grows. No file is waited for while others are due: one whose
 * lock somebody else has is due again after a short pause.
 *
 * A file's age is what its name says when we first see it, plus what the
 * monotonic clock says since: a wall clock that is set back meanwhile, or a
 * name from the future, cannot keep a file from being handed over.
 */
#ifndef LOGBATCH_BATCH_H
#define LOGBATCH_BATCH_H

#include <signal.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "error.h"
#include "spool.h"
#include "stats.h"

#define BATCH_NEVER UINT64_MAX

struct batch_file {
	char name[SPOOL_NAME_MAX];
	int64_t born_ns; /* monotonic; may lie before that clock's zero */
	uint64_t bytes;
	uint64_t retry_ns, pause_ns; /* after a failure, else 0 */
	uint64_t busy_ns; /* since when others have had its lock, or 0 */
	int failure;      /* what was warned about: an errno, or -1 */
	bool changed;     /* the size is out of date */
	bool gone;        /* to be dropped from the table */
};

struct batch {
	struct spool *spool; /* not owned */
	struct stats *stats; /* not owned */
	uint64_t max_bytes, max_age_ns;

	struct batch_file *files; /* by name, that is oldest first */
	size_t count, cap;
	bool crowded;           /* buffer/ holds more than the table may */
	uint64_t aliens;        /* entries that were warned about */
	uint64_t scan_ns;       /* when to list again, or BATCH_NEVER */
	uint64_t scan_pause_ns; /* after a failure, else 0 */
};

/* max_bytes and max_age_ns are the limits of a file. */
void batch_init(struct batch *, struct spool *, struct stats *,
    uint64_t max_bytes, uint64_t max_age_ns);
void batch_release(struct batch *);

/*
 * Lists buffer/. 0; or -1, which is counted, and warned about unless the last
 * one failed too: call again at scan_ns.
 */
int batch_scan(struct batch *);

/* This file was made, written to, moved or removed. Any name will do. */
void batch_changed(struct batch *, const char *name);

/*
 * Hands over every file that is due, oldest first, until *stop. What fails
 * stays in the table, due again later.
 */
void batch_rotate(struct batch *, const volatile sig_atomic_t *stop);

/*
 * Hands over every file, due or not, with one try each, but that a lock which
 * others have is waited for, for 5 s. The cause is STAT_ROTATED_ONCE or _DRAIN.
 * 0, or -1 if one failed or buffer/ could not be listed.
 */
int batch_rotate_all(
    struct batch *, enum stats_field cause, const volatile sig_atomic_t *stop);

/* When something is to be done, by clock_monotonic_ns, or BATCH_NEVER. */
uint64_t batch_due_ns(const struct batch *);

/* Brings the gauges up to date. */
void batch_measure(struct batch *);

#endif
