/*
 * hand.h - loads the files that were named, shows how far it is, and sums up.
 */
#ifndef LOGLOAD_HAND_H
#define LOGLOAD_HAND_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "kin.h"
#include "progress.h"
#include "report.h"
#include "run.h"

/* paths: see paths_find; spool may be NULL. The exit status. */
int hand_run(const struct settings *, struct spool *, struct stop *,
    char *const *paths, int count);

/*
 * What loading by hand and loading rejected events again share.
 */

struct hand {
	struct run run; /* first: the context of the work */
	struct report report;
	struct progress progress;
	/* Of files that are done. */
	_Atomic uint64_t file_bytes, loaded_bytes; /* the latter: not skipped */
	struct kin kin;
	bool listed; /* the files were not named */
	/* Files all of whose events were refused, for a later turn. */
	char **later;        /* their paths; owned */
	int64_t *later_rows; /* how many were stored by then; owned */
	atomic_size_t later_count;
	bool is_later; /* it is their turn */
};

/* Only looks, and asks the ledger if a database was named. */
enum load_verdict hand_dry_run(struct worker *, struct load *);

/* Loads, as often as patience has it. */
enum load_verdict hand_load(struct worker *, struct load *);

/* Tells why a file could not be loaded, or not to its end. */
void hand_fail(struct hand *, const char *path, enum load_verdict,
    const struct error *why);
/* And reports it, of which nothing was loaded yet. */
void hand_fail_early(struct hand *, const char *path, enum load_verdict,
    const struct error *why);

/* Says what became of a file, and counts it. */
void hand_conclude(
    struct hand *, const struct load *, const char *path, enum load_verdict);

/* Shall there be another file after this one? */
bool hand_goes_on(enum load_verdict);

/* Says of a file that a signal came first. */
void hand_tell_stopped(const char *path);

/* The work of a crew: one file, or one of rejected events. */
crew_work hand_file, hand_retry;

#endif
