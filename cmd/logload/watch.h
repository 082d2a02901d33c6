/*
 * watch.h - what the first thread does while the others load by hand: it shows
 * how far they are, and answers signals.
 */
#ifndef LOGLOAD_WATCH_H
#define LOGLOAD_WATCH_H

#include <stdatomic.h>
#include <stdbool.h>

#include "progress.h"
#include "report.h"
#include "run.h"

struct watch {
	struct run *run;       /* these two are not owned */
	struct report *report; /* where files that are left are told of */
	struct progress progress;
	/* The workers' to add to, of files that are done. */
	_Atomic uint64_t file_bytes, loaded_bytes; /* the latter: not skipped */
};

/* The progress is for the caller to begin and to end. */
void watch_init(struct watch *, struct run *, struct report *);

/*
 * Watches until the workers have ended, for crew_join. False: after a signal
 * they have not in time, and are to be left behind; the process must end
 * without releasing anything that they use.
 */
bool watch_run(struct watch *);
void watch_tell_left(struct watch *); /* the files that they are at */

/* Says of a file that a signal came first. */
void watch_tell_stopped(const char *path);

#endif
