/*
 * server.h - what all workers share: limits, and counts of what is in use.
 */
#ifndef LOGRECV_SERVER_H
#define LOGRECV_SERVER_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "access.h"
#include "event.h"
#include "front/listener.h"
#include "front/senders.h"
#include "front/tls.h"
#include "front/tokens.h"
#include "gate.h"
#include "share.h"
#include "spool.h"
#include "stats.h"

struct page;
struct way;

/* But for the atomics and the budget it is constant once the workers run. */
struct server {
	struct spool *spool;
	struct gate *gate;
	struct stats *stats;
	struct page *page;
	const struct way *ways; /* not owned: see ways.h */
	struct listeners listeners;
	struct networks trusted; /* --trust-proxy */
	struct tls tls;          /* of listeners with TLS */
	struct senders senders;
	struct tokens tokens; /* --token-file */
	struct access access;
	struct event_limits events;
	struct budget budget; /* bytes that are held for clients */
	/* And for operators, who come to look when the other one is used up. */
	struct budget operators;
	uint64_t max_body, max_header, max_connections;
	uint64_t min_rate; /* bytes of a body in a second; 0: none */
	uint64_t idle_ns, request_ns, drain_ns;
	bool sync; /* acknowledge after the sync, not after the write */
	_Atomic uint64_t connections;
	_Atomic uint64_t wide; /* of them, see stream_widen */
	/* The disk does not finish a write: see worker_stall_ns. */
	_Atomic bool stalled;
	_Atomic bool failed; /* a worker's loop has: the process must end */
	int failed_fd;       /* eventfd(2): readable then */
};

/* Why events are not taken now, or NULL. */
static inline const char *
server_unready(struct server *s)
{
	if (atomic_load_explicit(&s->stalled, memory_order_relaxed))
		return "the disk does not finish what it was given";
	return gate_reason(s->gate);
}

#endif
