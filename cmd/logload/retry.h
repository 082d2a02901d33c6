/*
 * retry.h - a file of rejected/ as something to be loaded once more.
 *
 * A file of rejected/ is loaded as any other, but that its events are in
 * records, which keep the place where the event was read first. The ledger
 * knows it under a name made of its own and a hash of that and its content:
 *
 *   STEM.ndjson  is loaded as  STEM@retry-HASH
 *
 * and what is refused again goes to STEM@retry-HASH.ndjson beside it (with
 * +OFFSET for a later chunk), which can be retried in its turn: a hash takes
 * the place of the last one. After the last commit the file is removed.
 *
 * What a crash leaves, besides what load.h tells of:
 *
 *   before a commit      both files, with the same events. The new one is left
 *                        for later while the old one is there, whose next try
 *                        writes it anew, or removes it
 *   after the last one   the old file, which the ledger knows as loaded: the
 *                        next try only removes it
 *
 * An event's row has the key that its record tells (see reject.h), however
 * often and from wherever it is loaded: so it is there once. This holds without
 * the ledger, which may have been pruned, and for records of a load that was
 * not committed, whose events come once more. All that it needs is that the
 * table keeps this key unique. A record, too, is there once: those of a file
 * that comes again are not taken before that, see retry_wait.
 */
#ifndef LOGLOAD_RETRY_H
#define LOGLOAD_RETRY_H

#include <limits.h>
#include <stdbool.h>
#include <stdint.h>

#include "db/db.h"
#include "error.h"
#include "load.h"
#include "input/source.h"
#include "spool.h"

struct retry {
	int dir;                      /* of the file; owned */
	char base[NAME_MAX + 1];      /* its name there */
	struct source source;         /* owned */
	char name[LOAD_NAME_MAX + 1]; /* under which it is loaded */
	char origin[LOAD_NAME_MAX + 1], origin_text[6 * LOAD_NAME_MAX + 3];
	/* The load that has written it, in the ledger, and where in that. */
	char basis[LOAD_NAME_MAX + 1];
	uint64_t offset;
	uint64_t origin_id; /* for records that do not tell; the caller's */
};

enum retry_state {
	RETRY_READY,
	RETRY_LATER, /* not to be taken now; here and below, see err */
	RETRY_GONE,
	RETRY_FAILED
};

/*
 * Opens the file, locked (flock(2)) if asked, and reads whose events it has.
 * retry_close it in any case.
 */
enum retry_state
retry_open(struct retry *, const char *path, bool lock, struct error *);
void retry_close(struct retry *);

/*
 * Will the load that has written it come again, and write it anew, or remove
 * it? Then RETRY_LATER. `known` is what the ledger has of the basis, or NULL.
 */
enum retry_state
retry_wait(struct retry *, const struct db_file *known, struct error *);

/* Makes the name under which it is loaded; reads all of it. */
int retry_name(struct retry *, struct error *);

/* Makes a load of it; what is refused again goes where it lies. */
void retry_load(struct retry *, struct load *, struct loader *);

/*
 * It is loaded: away with it, durably; to loaded/, if asked and it lies in a
 * spool, where its name tells both what it had and the ledger's.
 */
int retry_remove(struct retry *, bool keep, struct error *);

/*
 * The database has forgotten what it came of while it was loaded: away with
 * what was refused of it, which comes again, and with it, if that is back.
 */
void retry_undo(struct retry *);

/*
 * The files of those names in loaded/ go back, to be loaded again: away with
 * all of rejected/ that has come of them, but what another process is at.
 */
void retry_drop(struct spool *, const char *const *kept, unsigned count);

/* Is that such a name of loaded/? Then sets the other two. */
bool retry_find_kept(const char *name, char base[SPOOL_NAME_MAX],
    char ledger[LOAD_NAME_MAX + 1]);

/* The paths of all files of rejected/: caller frees each and all. */
int retry_list(struct spool *, char ***paths, size_t *count, struct error *);

#endif
