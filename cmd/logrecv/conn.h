/*
 * conn.h - one client's connection: requests in, answers out, in order.
 */
#ifndef LOGRECV_CONN_H
#define LOGRECV_CONN_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/queue.h>

#include "intake.h"
#include "reply.h"
#include "share.h"
#include "stream.h"

struct outcome;
struct waiter;
struct worker;

/* How far it has come; it never goes back. */
enum conn_phase {
	CONN_OPEN,
	CONN_LAST,    /* no request is taken any more, an answer is due */
	CONN_LINGERS, /* the last answer is given */
	CONN_CLOSED,  /* waits to be freed */
};

/* What it waits for, and so what its deadline is. */
enum conn_wait {
	WAIT_NONE,
	WAIT_GREETING, /* a proxy's header, or a handshake */
	WAIT_REQUEST,
	WAIT_REST, /* of a request */
	WAIT_COMMIT,
	WAIT_END,
};

struct conn {
	TAILQ_ENTRY(conn) link; /* of the worker's conns, or its dead */
	TAILQ_ENTRY(conn) due_link;
	struct worker *worker;
	struct stream stream;
	struct share share;
	struct intake intake;
	struct buf held;        /* answers that wait for those of groups */
	unsigned pending;       /* requests in groups */
	uint64_t pending_bytes; /* of the share: their lines */
	uint64_t kept;          /* of the share: input, answers */
	enum conn_phase phase;
	enum conn_wait waits;
	bool due;         /* has something to do though nothing arrives */
	bool cut;         /* the last request was not read to its end */
	bool persist_1_0; /* answers say that the connection is kept */
	uint64_t deadline_ns;
	uint64_t begun_ns;            /* when the request began */
	uint64_t active_ns;           /* when something last arrived or left */
	uint64_t received[2];         /* conn_brought, at the last two sweeps */
	uint64_t rate_ns, rate_bytes; /* where --min-rate counts from */
};

TAILQ_HEAD(conn_list, conn);

/*
 * Takes over a connected, non-blocking socket of this address, that came in by
 * this listener. The connection
 * frees itself. 0, or -1 with ENOMEM and the socket closed.
 */
int conn_open(
    struct worker *, int fd, const struct listener *, const struct sockaddr *);

/* The waiter's events are durable, or (result < 0) could not be stored. */
void conn_settle(const struct waiter *, int result);

/* Goes on with those that have something to do. */
void conn_resume(struct worker *);

/* Ends connections whose time is over; each half second. */
void conn_sweep(struct worker *);

/* The worker stops: ends the idle ones; the others after their request. */
void conn_drain(struct worker *);

/* Frees what was closed and is waited for by no group. */
void conn_bury(struct worker *);

/* Nothing is sent or read any more; conn_bury frees it. */
void conn_close(struct conn *);

/*
 * Takes bytes of the budget for it, if need be by ending others: not from
 * within a walk over the worker's connections. False: there is no room.
 */
bool conn_take(struct conn *, uint64_t bytes);

/* Closes all, whatever they are at. */
void conn_close_all(struct worker *);

/*
 * Refuses the request that is coming in; or closes, where none is. Ends no
 * other connection.
 */
void conn_refuse(struct conn *, enum intake_fault);

/*
 * These answer the request in work, after those that are pending: as it is, or
 * what became of it in the way of its format.
 */
void conn_answer(struct conn *, const struct request *, struct reply *);
void conn_tell(struct conn *, const struct request *, const struct outcome *);
/* The same, by a verdict, which is counted. */
void conn_deny(struct conn *, const struct request *, const struct verdict *);

/* Bytes that it has brought, decompressed where a body was not. */
static inline uint64_t
conn_brought(const struct conn *c)
{
	return c->stream.received + c->intake.body.gained;
}

/* Those since the last sweep but one. */
static inline uint64_t
conn_pace(const struct conn *c)
{
	return conn_brought(c) - c->received[1];
}

#endif
