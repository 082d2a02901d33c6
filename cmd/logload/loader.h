/*
 * loader.h - what one thread loads with, and a file that is being loaded.
 */
#ifndef LOGLOAD_LOADER_H
#define LOGLOAD_LOADER_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "db/db.h"
#include "input/event.h"
#include "input/framing.h"
#include "meters.h"
#include "rate.h"
#include "reject.h"
#include "route.h"
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
	struct rate *rate;   /* NULL: as fast as it goes */
	struct route *route; /* NULL: all go to one table */
	uint64_t learned_ns; /* of the session for which that has learned */
	bool lacks_place;    /* a value does; it is to learn with each chunk */
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

/* Of a column's values. */
struct column_tally {
	uint64_t fitted;  /* counted by load_check alone */
	uint64_t misfits; /* NULL, or a default, for all that */
};

struct load_tally {
	uint64_t events, rejected, torn, nulls, bytes;
	struct column_tally columns[COLUMNS_MAX];
	uint64_t kept; /* of the rejected ones: records that stay as they are */
	uint64_t lost; /* of them: records that found no room, see reject.h */
	uint64_t waiting; /* bytes of a last line that waits to be whole */
};

/* Adds what was done, which does not wait. */
void load_tally_add(struct load_tally *, const struct load_tally *);

/* One file, and how far it is. */
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
	uint64_t from;      /* where the present line begins */
	uint64_t
	    unsure_at; /* where a commit without an answer leads; 0: none */
	struct load_tally tally; /* of the chunks that this object committed */
	struct load_tally chunk; /* of the present one */
	unsigned batches;        /* of it, handed over to be stored */
	unsigned prepared;       /* times that it was begun anew for DDL */
	uint64_t look_to;        /* others like it are looked for up to there */
	bool wants;        /* a table that is not ready; or, `crowded`, room */
	bool crowded;      /* for one: all others are to be forgotten */
	bool ends;         /* the chunk, in front of the present line */
	bool learned;      /* which tables there are, for the present chunk */
	bool last;         /* the present chunk ends with the content */
	unsigned bad_left; /* lines that may be no event, or 0: any number */
	struct db_file file; /* as the ledger has it */
	struct event event;
	struct row row;     /* of it */
	struct error error; /* code: the database's, where it spoke */
};

#endif
