/*
 * server.h - what all workers share: limits, and counts of what is in use.
 */
#ifndef LOGRECV_SERVER_H
#define LOGRECV_SERVER_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "event.h"
#include "gate.h"
#include "spool.h"
#include "stats.h"

/* But for the atomics it is constant once the workers run. */
struct server {
	struct spool *spool;
	struct gate *gate;
	struct stats *stats;
	struct event_limits events;
	uint64_t max_body, max_header, max_in_flight, max_connections;
	uint64_t idle_ns, request_ns, drain_ns;
	bool sync; /* acknowledge after the sync, not after the write */
	_Atomic uint64_t in_flight; /* bytes of bodies and unsynced lines */
	_Atomic uint64_t connections;
};

/* Gives bytes of the budget for what is in flight back. */
static inline void
server_give_back(struct server *s, uint64_t bytes)
{
	atomic_fetch_sub_explicit(&s->in_flight, bytes, memory_order_relaxed);
}

/* Takes bytes of that budget; false, and nothing taken, if there is no room. */
static inline bool
server_take(struct server *s, uint64_t bytes)
{
	uint64_t used = atomic_fetch_add_explicit(
	    &s->in_flight, bytes, memory_order_relaxed);

	if (used + bytes <= s->max_in_flight)
		return true;
	server_give_back(s, bytes);
	return false;
}

/* What is left of it. */
static inline uint64_t
server_room(struct server *s)
{
	uint64_t used =
	    atomic_load_explicit(&s->in_flight, memory_order_relaxed);

	return used < s->max_in_flight ? s->max_in_flight - used : 0;
}

/*
 * How much of it bodies may take that are still coming in: slow clients must
 * leave room for the events of the others.
 */
static inline uint64_t
server_body_share(const struct server *s)
{
	return s->max_in_flight / 4 * 3;
}

#endif
