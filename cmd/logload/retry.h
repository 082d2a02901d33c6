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
 *   before a commit      both files, with the same events. Those of the new
 *                        one must not be taken: the ledger does not know the
 *                        load that it is of, and the next try of that writes
 *                        or removes it
 *   after the last one   the old file, which the ledger knows as loaded: the
 *                        next try only removes it
 *
 * The same holds for what loading a file for the first time puts into
 * rejected/, so each file is taken only when the ledger has the chunk that it
 * is of; from then on nobody changes it. Where a load by hand was begun anew
 * with another directory, the first try's file stays in the first one: it has
 * to have no more records than the ledger has rejected events of its origin.
 */
#ifndef LOGLOAD_RETRY_H
#define LOGLOAD_RETRY_H

#include <limits.h>
#include <stdbool.h>
#include <stdint.h>

#include "db/db.h"
#include "error.h"
#include "input/event.h"
#include "load.h"
#include "input/source.h"
#include "spool.h"

/* Which chunk a file of rejected/ is of. */
struct retry_basis {
	char name[LOAD_NAME_MAX + 1]; /* in the ledger */
	uint64_t offset;              /* at or after the chunk's start */
};

struct retry {
	int dir;                 /* of the file; owned */
	char base[NAME_MAX + 1]; /* its name there */
	struct source source;    /* owned */
	struct retry_basis basis;
	char name[LOAD_NAME_MAX + 1]; /* under which it is loaded */
	char origin[LOAD_NAME_MAX + 1], origin_text[6 * LOAD_NAME_MAX + 3];
};

enum retry_state {
	RETRY_READY,
	RETRY_LATER, /* this and the next: the error says why */
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
 * May its records be taken, the ledger having been asked whether it has the
 * basis? If so, makes its own name.
 */
enum retry_state retry_settle(struct retry *, bool committed, struct error *);

/* Makes a load of it; what is refused again goes where it lies. */
void retry_load(struct retry *, struct load *, struct loader *);

/* It is loaded: away with it, durably. */
int retry_remove(struct retry *, struct error *);

/* The basis of the file of that name, which has events of `origin`. */
void retry_find_basis(struct retry_basis *, const char *base,
    const char *origin, uint64_t offset);
/* Has the ledger, by its line of basis.name (NULL: none), that chunk? */
bool
retry_is_committed(const struct retry_basis *, const struct db_file *known);
/*
 * Has it as many rejected events? -1: the file, whose tally of load_check that
 * is, comes from a try that was not committed, or from another database.
 */
int retry_check_count(const struct retry_basis *, const struct db_file *known,
    const struct load_tally *, struct error *);

/* The paths of all files of rejected/: caller frees each and all. */
int retry_list(struct spool *, char ***paths, size_t *count, struct error *);

#endif
