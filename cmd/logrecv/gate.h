/*
 * gate.h - may events be taken now, or is the spool too full?
 *
 * One thread calls gate_check from time to time; all may ask gate_reason,
 * which costs a load. What comes in between two checks is not stopped: the
 * limits keep a distance from the disk's end, and a write that fails all the
 * same is answered 503 too.
 */
#ifndef LOGRECV_GATE_H
#define LOGRECV_GATE_H

#include <stdatomic.h>
#include <stdint.h>

#include "spool.h"
#include "stats.h"

#define GATE_TEXT_MAX 128

struct gate {
	struct spool *spool;  /* not owned */
	struct stats *stats;  /* not owned */
	uint64_t spool_limit; /* bytes in buffer/ and ready/; 0: none */
	uint64_t min_free;    /* bytes; 0: none */
	char over_limit[GATE_TEXT_MAX], no_room[GATE_TEXT_MAX];
	_Atomic(const char *) reason;
	_Atomic uint64_t failed_ns; /* when storing last failed, monotonic */
	struct spool_list list;
	uint64_t next_ns; /* when the next check is due, monotonic */
};

void gate_init(struct gate *, struct spool *, struct stats *,
    uint64_t spool_limit, uint64_t min_free);
void gate_release(struct gate *);

/*
 * Looks at the spool and the disk, sets the gauges, and says in the log when
 * the gate opens or closes.
 */
void gate_check(struct gate *);

/*
 * Storing has failed: closes the gate for a second, so that a disk that fails
 * is not hammered and left with a file for each try. Safe from any thread.
 */
void gate_fail(struct gate *);

/* Why events are not taken, for the client; NULL while they are. */
static inline const char *
gate_reason(struct gate *g)
{
	return atomic_load_explicit(&g->reason, memory_order_relaxed);
}

#endif
