/*
 * retain.h - what is seen to by the clock: the next partition is made
 * (--partition), and what is older than --retain goes, with its lines in the
 * ledger.
 *
 * A worker takes a turn between two files: at the start, each minute, and more
 * often while much is to be removed. By whoever comes first: doubled, it does
 * no harm.
 *
 * Whole partitions are dropped that lie before the limit, and whole tables that
 * are named after times, by --table, if they can be loaded into, and have
 * nothing that is younger: no other is ever touched. In a table without
 * partitions, rows are deleted in small steps, each a transaction, and a turn
 * soon ends, so that loading never waits for long. Of many tables those that no
 * event has come to are swept every ten minutes. A line of the ledger goes
 * when all that was loaded up to then is gone, unless a file of ready/, loaded/
 * or rejected/ is of the same name, or was made of it, and not within --settle:
 * so nothing is loaded again, and no retry is refused, for want of it.
 *
 * A clock that is wrong must not remove everything. Time is what our clock, the
 * database's, and the time since our start, whatever our clock was set to
 * meanwhile, all say has come. And where the newest event is over a year old
 * when we start, nothing is removed by this process. A clock that is behind
 * removes too little, which is told where the newest event is of tomorrow.
 */
#ifndef LOGLOAD_RETAIN_H
#define LOGLOAD_RETAIN_H

#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>

#include "clock.h"
#include "meters.h"
#include "settings.h"
#include "spool.h"
#include "stop.h"

/* Of a turn, where files may come meanwhile. */
#define RETAIN_FOLLOW_NS (200 * CLOCK_NS_PER_MS)
#define RETAIN_HELD_MAX 64

/* Shared by all threads. */
struct retain {
	const struct settings *settings; /* these four are not owned */
	struct spool *spool;             /* NULL: none, the ledger stays */
	struct meters *meters;
	struct stop *stop;
	uint64_t began_ns, began_us; /* by the monotonic and the wall clock */
	uint64_t turn_ns;            /* the most for a turn, or so */
	pthread_mutex_t turn;        /* who takes it; it is only tried */
	bool looked, doubts;         /* the turn's: at the newest event */
	uint64_t expired, told_ns;   /* the turn's: rows, not told yet */
	bool told_left;              /* the turn's: a table that stays */
	/* The turn's: what others had locked; the last one tried, last. */
	char held[RETAIN_HELD_MAX][DB_TABLE_MAX + 1];
	unsigned held_count;
	bool blocked; /* the turn's: the one before */
	/*
	 * The turn's: when all tables were swept, 0: not yet; up to which; and
	 * what is left in them begins there.
	 */
	uint64_t swept_ns;
	char sweep_from[DB_TABLE_MAX + 1], swept[DB_INSTANT_LEN + 1];
	uint64_t pruned_ns;              /* the turn's: when; 0: not yet */
	char prune_from[SPOOL_NAME_MAX]; /* the turn's: "" or where to go on */
	pthread_mutex_t lock;            /* for what follows */
	uint64_t due_ns;                 /* monotonic; UINT64_MAX: never */
};

/* Of all zeros. 0, or -1: no memory. */
int retain_init(struct retain *, const struct settings *, struct spool *,
    struct meters *, struct stop *);
void retain_release(struct retain *);

/*
 * For a worker, over a session without a transaction: takes a turn if one is
 * due and nobody else is at it. What fails is told, and tried again; the
 * session may be lost then.
 */
void retain_turn(struct retain *, struct db *);

/* Counts the partitions that the session has made meanwhile. */
void retain_count(struct retain *, struct db *);

/* Is one due? A worker takes it under this name. */
#define RETAIN_TURN "/"
bool retain_is_due(struct retain *);

#endif
