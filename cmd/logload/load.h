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

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "db/db.h"
#include "input/event.h"
#include "input/framing.h"
#include "meters.h"
#include "rate.h"
#include "reject.h"
#include "row/row.h"
#include "input/source.h"
#include "stop.h"
#include "store.h"
#include "storer.h"

#define LOAD_NAME_MAX DB_NAME_MAX

struct load_limits {
	uint64_t chunk, max_event; /* bytes */
	unsigned max_depth;
};

/* What one thread loads with; it serves one file after another. */
struct loader {
	struct db *db; /* owned; NULL for dry runs without one */
	struct load_limits limits;
	struct reader reader;
	struct row_maker maker;
	struct gathered gathered[2];
	struct gathered *gathers; /* one of them; the storer has the other */
	struct batch_limits at_a_time;
	struct store store;
	struct storer storer;
	struct reject reject;
	struct digest front, ahead; /* of a stream: committed, and the chunk */
	struct meters *meters;      /* these are shared, not owned */
	struct stop *stop;
	struct rate *rate; /* NULL: as fast as it goes */
	/* For whoever shows progress: of the present file. */
	_Atomic uint64_t position;  /* content bytes read, the present try's */
	_Atomic uint64_t consumed;  /* file bytes read, the present try's */
	_Atomic uint64_t committed; /* of them */
	_Atomic uint64_t hashed; /* read for the file's name, until loading */
};

/* reject_dir and reject_suffix as for reject_init. -1: out of memory. */
int loader_init(struct loader *, struct db *, const struct columns *,
    const struct load_limits *, int reject_dir, const char *reject_suffix);
void loader_release(struct loader *);

/* No file is present any more, for whoever shows progress. */
void loader_rest(struct loader *);

struct load_tally {
	uint64_t events, rejected, torn, nulls, bytes;
	uint64_t kept; /* of the rejected ones: records that stay as they are */
	uint64_t lost; /* of them: records that found no room, see reject.h */
	uint64_t waiting; /* bytes of a last line that waits to be whole */
};

struct load {
	struct loader *loader;
	struct source *source;     /* not owned */
	const char *name;          /* in the ledger; not owned */
	char stem[SPOOL_NAME_MAX]; /* of files in rejected/ */
	bool torn_tails; /* a last line cut short was never acknowledged */
	bool witnessed;  /* others' rows were stored since it was refused */
	/*
	 * The ledger may have as loaded what is only a front of it, and the
	 * rest is loaded: of what is known by its content, as that and the
	 * ledger's line were seen (NULL: it is not; neither is owned), or of a
	 * stream, which is hashed as it comes.
	 */
	const struct source_sum *sum;
	const struct source_mark *front;
	bool stream;
	bool waits; /* a last line cut short is somebody's in the making */
	struct event_rules rules; /* origin: the caller's, if there is one */
	const struct framing *framing; /* NULL: as the content's front tells */
	/* Where it is: */
	uint64_t at, lines; /* content bytes and lines that are committed */
	uint64_t
	    unsure_at; /* where a commit without an answer leads; 0: none */
	struct load_tally tally; /* of the chunks that this object committed */
	struct load_tally chunk; /* of the present one */
	bool last;               /* the present chunk ends with the content */
	unsigned bad_left;   /* lines that may be no event, or 0: any number */
	struct db_file file; /* as the ledger has it */
	struct event event;
	struct row row;     /* of it */
	struct error error; /* code: the database's, where it spoke */
};

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
 * Only checks each line, and calls `refused` for those that would be rejected
 * by our own checks. LOAD_DONE with the tally, LOAD_IO or LOAD_UNFIT.
 */
typedef void
load_refused(void *context, const struct line *, const char *reason);
enum load_verdict load_check(struct load *, load_refused *, void *context);

#endif
