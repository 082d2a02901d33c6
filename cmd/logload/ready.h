/*
 * ready.h - what a worker does with a file of ready/: takes it, loads it, and
 * moves it away, or sets it aside.
 *
 * A worker claims a file while it loads it (see spool.h), so that no two of
 * them, of this process or another, work on one file. Were there no claims, the
 * ledger would still let each file in once: they save the work and the waiting.
 *
 * A file is moved away after its last commit, see settle.h. A crash in between
 * leaves one that the ledger knows: the next one to take it skips it, and moves
 * it away.
 */
#ifndef LOGLOAD_READY_H
#define LOGLOAD_READY_H

#include <stdatomic.h>
#include <stdbool.h>

#include "aside.h"
#include "run.h"
#include "settle.h"

struct ready {
	struct run run;     /* first: the context of the work */
	struct aside aside; /* files that cannot be loaded for now */
	struct settle settle;
	/* Of one round: */
	atomic_uint locked; /* files that another process works on, or writes */
	atomic_uint removed; /* files that are no longer in ready/ */
};

/*
 * The crew's work: loads one file, or takes a turn (SETTLE_TURN, RETAIN_TURN).
 * While the database cannot be used, the file is not held, so that another
 * process that can use it may take it.
 */
bool ready_load(void *context, struct worker *, const char *name);

/* Is a file that was set aside to be tried again? */
bool ready_has_due(struct ready *);

#endif
