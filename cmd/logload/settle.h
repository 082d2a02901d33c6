/*
 * settle.h - what is loaded stays for a while, in case the database forgets it.
 *
 * A server that does not sync loses its last commits when it dies, a replica
 * that lags never had them, a backup is older: rows and ledger lines of a file
 * vanish together. So a loaded file goes to loaded/, and the ledger is asked
 * whether it still has it: about all that have come within --settle, whenever
 * a session is new, and at last before the file is removed. One that the
 * ledger lacks goes back to ready/, and is loaded like any other: the look
 * alone decides nothing, the transaction does.
 *
 * Over --settle-limit, and where the disk is nearly full, the oldest files go
 * early. With --keep a file is not removed when it has settled, but never asked
 * about again; the limit is --keep-limit then. Without it, such an archive is
 * left alone (age.h), but for the end of the disk, which it must not
 * bring about. Records that were loaded again (retry.h) lie there too, and go
 * back to rejected/.
 *
 * Asking takes a session, and so a worker: while one is at it, the others go
 * on. Several processes may do all this at once: what one has removed or moved
 * is gone for the other. What they have added is counted at the next turn.
 */
#ifndef LOGLOAD_SETTLE_H
#define LOGLOAD_SETTLE_H

#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>

#include "age.h"
#include "crew.h"
#include "error.h"
#include "meters.h"
#include "settings.h"
#include "spool.h"
#include "stop.h"

/* Shared by all threads; times are monotonic, or of a file, in microseconds. */
struct settle {
	struct spool *spool; /* these three are not owned */
	struct meters *meters;
	struct stop *stop;
	uint64_t for_us;          /* 0: nothing is asked about */
	uint64_t limit;           /* bytes; 0: none */
	const char *limit_option; /* whose it is; NULL: nothing stays */
	bool keep;
	pthread_mutex_t turn;     /* who asks has it; it is only tried */
	int claims;               /* the turn's; owned; -1: none */
	struct spool_list oldest; /* the turn's */
	size_t next;              /* of those, to go */
	pthread_mutex_t lock;     /* for what follows */
	uint64_t puts;            /* files that were put there */
	uint64_t files, bytes;    /* in loaded/ */
	uint64_t due_us;          /* when a turn is due; UINT64_MAX: never */
	uint64_t asked_us;        /* about all, successfully */
	uint64_t archived; /* files; with --keep they are among the others */
	uint64_t lost_us;  /* what was moved up to then went early; 0: none */
	uint64_t low_us;   /* since when the disk is nearly full; 0: not */
	struct age age;
};

/* Of all zeros. 0, or -1: no memory. */
int settle_init(struct settle *, const struct settings *, struct spool *,
    struct meters *, struct stop *);
void settle_release(struct settle *);

/*
 * ready/NAME, of so many bytes, is loaded over this session: moves it to
 * loaded/, or removes it where it cannot stay; asks about what has to go for
 * it. 0, or -1.
 */
int settle_put(struct settle *, struct db *, const char *name, uint64_t bytes,
    struct error *);

/*
 * Connects a worker, as trial_connect. Takes a turn then, if one is due, as it
 * is in any case with `due`, or the session is new, and nobody else is at it:
 * asks about what is due, or about all, and sees to what follows.
 */
bool
settle_connect(struct settle *, struct worker *, bool due, enum load_verdict *);

/*
 * For the main thread, now and then: has a worker who has nothing else to do
 * take a turn, under this name, if one is due. Where the disk has been nearly
 * full for 5 s and nobody could ask, the oldest files go even so: events that
 * are refused would be lost at once.
 */
#define SETTLE_TURN ""
void settle_look(struct settle *, struct crew *);

/* Sets the gauges. */
void settle_measure(struct settle *);

#endif
