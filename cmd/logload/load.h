/*
 * load.h - one file into the database, exactly once.
 *
 * A file goes in chunks of whole lines, each one transaction: the ledger's
 * line of the file is locked, the chunk's rows are stored, the events that
 * cannot be are put into rejected/, the ledger notes how far it is, commit. A
 * crash at any instant leaves the ledger at the end of some chunk, and the
 * next run goes on from there. Most files are one chunk.
 *
 * What a crash leaves, step by step:
 *
 *   begin, claim, store     nothing: the database rolls back
 *   rejected/ file written  that file, which the next run writes again
 *   commit                  the chunk, whether we heard of it or not: the
 *                           next look at the ledger tells
 *   after the last commit   a file whose name is in the ledger as loaded:
 *                           it is skipped, and the caller removes it
 *
 * Here is what reads and what decides; store.c stores.
 */
#ifndef LOGLOAD_LOAD_H
#define LOGLOAD_LOAD_H

#include "loader.h"

/* name and source must outlive it. */
void load_init(struct load *, struct loader *, struct source *,
    const char *name, bool torn_tails);

/*
 * Loads what is left of the file over a connected database. Where
 * load_may_try_again says so, call it again with the same load; after
 * LOAD_REFUSED later, with `witnessed` set if rows of other files were stored
 * meanwhile.
 */
enum load_verdict load_run(struct load *);

/*
 * What to do with a file that the ledger has as loaded: LOAD_SKIPPED, or
 * LOAD_IO where the file is not the one that was loaded, as its size tells.
 */
enum load_verdict load_known(struct load *, const struct db_file *);

/*
 * Only checks each line, and calls `refused`, if not NULL, for those that would
 * be rejected by our own checks. LOAD_DONE with the tally, LOAD_IO or
 * LOAD_UNFIT.
 */
typedef void
load_refused(void *context, const struct line *, const char *reason);
enum load_verdict load_check(struct load *, load_refused *, void *context);

#endif
