/*
 * run.h - what following a spool and loading by hand have in common.
 */
#ifndef LOGLOAD_RUN_H
#define LOGLOAD_RUN_H

#include <stdatomic.h>

#include "crew.h"
#include "meters.h"
#include "patience.h"
#include "retain.h"
#include "room.h"
#include "settings.h"
#include "spool.h"
#include "stop.h"

/* What has happened, for the exit status. */
enum outcome {
	OUTCOME_REJECTED = 1,
	OUTCOME_IO = 2,
	OUTCOME_AWAY = 4,
	OUTCOME_SCHEMA = 8,
	OUTCOME_STOPPED = 16, /* before all was done */
};

struct run {
	const struct settings *settings; /* these three are not owned */
	struct spool *spool;             /* NULL: none */
	struct stop *stop;
	struct meters meters;
	struct patience patience;
	struct rate rate;
	struct room room; /* in the spool's rejected/ */
	struct retain retain;
	struct crew crew;
	atomic_uint outcome; /* of enum outcome */
	/* For run_join: what had been read when something moved last. */
	uint64_t read, moved_ns;
};

/*
 * Makes the workers, which will call `work` with the run as context; rejected
 * events go to reject_dir, a descriptor. 0, or -1.
 */
int
run_init(struct run *, const struct settings *, struct spool *, struct stop *,
    crew_work *, int reject_dir, const char *reject_suffix, struct error *);
void run_release(struct run *);

/* What the workers reject goes to the spool, and has to find room there. */
void run_limit_rejected(struct run *);

/* Breaks the connections: the database rolls back what is not committed. */
void run_interrupt(struct run *);

/*
 * Waits for the workers to end; the crew must be closed. Breaks the connections
 * if nothing moves for 5 s.
 */
void run_join(struct run *);

void run_note(struct run *, enum outcome);

/* What was noted comes to, by the gravest of it. */
struct run_end {
	int status; /* of the process (sysexits.h) */
	const char *reason;
};
struct run_end run_end(struct run *);

#endif
