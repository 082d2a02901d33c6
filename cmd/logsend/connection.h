/*
 * connection.h - one keep-alive connection that carries one request at a time
 * and sees to it that it is connected: a lost one connects again at once, and
 * one that cannot connect tries again with backoff.
 *
 *          ┌────────────────────────────────────────┐
 *          ▼             connected                  │ lost, closed
 *     CONNECTING ───────────────────────▶ IDLE ─────┤
 *      │      ▲ timer                    ▲   │ send │
 *      ▼      │                 answered │   ▼      │
 *      WAITING                            BUSY ─────┘ failed
 *
 * A request may also be given to it to be held: it sends it once it is IDLE,
 * which it tells nobody then, and again as often as its owner says.
 */
#ifndef LOGSEND_CONNECTION_H
#define LOGSEND_CONNECTION_H

#include <event2/bufferevent.h>
#include <event2/event.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/queue.h>

#include "buf.h"
#include "response.h"
#include "target.h"

enum connection_state {
	CONNECTION_CONNECTING,
	CONNECTION_WAITING,
	CONNECTION_IDLE,
	CONNECTION_BUSY,
};

/* Why a request that was sent has no answer. */
enum failure {
	FAILURE_TIMEOUT,    /* none within the time for a request */
	FAILURE_CLOSED,     /* the connection was closed or reset first */
	FAILURE_MALFORMED,  /* what came is no HTTP response */
	FAILURE_UNFINISHED, /* the owner stopped before: never told by it */
	FAILURES
};

struct connection;

/* What its owner is told. It may call connection_send from ready only. */
struct connection_events {
	/* It is IDLE, after connecting or an answer, and holds nothing. */
	void (*ready)(struct connection *);
	/* It was IDLE and is not any more; it holds nothing. */
	void (*lost)(struct connection *);
	/* An attempt to connect failed; text says why. It goes on trying. */
	void (*unreachable)(struct connection *, const char *text);
	/* The whole answer is there; valid during the call. */
	void (*answered)(struct connection *, const struct response *);
	/* The request in flight is lost; text says why. */
	void (*failed)(struct connection *, enum failure, const char *text);
};

struct connection {
	TAILQ_ENTRY(connection) entry; /* the owner's: its queue of idle ones */
	const struct connection_events *events;
	void *owner;
	struct event_base *base;
	const struct target *target;
	enum connection_state state;
	struct bufferevent *bev; /* NULL while WAITING */
	struct event *retry;
	unsigned address;     /* index of the target's that is tried */
	unsigned failures;    /* attempts to connect since the last answer */
	bool broken;          /* its request could not be sent to the end */
	uint64_t timeout_ns;  /* for connecting, and for an answer */
	uint64_t deadline_ns; /* CONNECTING or BUSY: until when */
	/* Of the request in flight, for the owner. */
	uint64_t due_ns;
	unsigned request_events;
	struct buf request_ids;
	/* Of the request that it holds, which the owner lets go. */
	bool holds;
	const struct buf *request_head; /* not owned */
	struct buf request_body;        /* of the owner's making */
	/* Of its lines, those that are sent when these have been answered. */
	struct buf rest_body, rest_ids;
	unsigned rest_events;
	size_t part_most;  /* bytes; 0: all lines at once */
	unsigned attempts; /* that failed */
	uint64_t send_ns;  /* not before */
};

/*
 * Sets everything; the pointers stay the caller's and must outlive it. 0, or
 * -1 with ENOMEM.
 */
int
connection_init(struct connection *, struct event_base *, const struct target *,
    const struct connection_events *, void *owner, uint64_t timeout_ns);
void connection_release(struct connection *);

/* Begins to connect; call once, the rest it does by itself. */
void connection_start(struct connection *);

/*
 * Sends a request on an IDLE connection; the bytes may be overwritten
 * afterwards. 0, or -1 with ENOMEM: then it is good for nothing more.
 */
int connection_send(struct connection *, const struct buf *head,
    const struct buf *body, uint64_t now_ns);

/*
 * Takes request_body as what it holds from now on, in any state but BUSY.
 * The head stays the caller's.
 */
void
connection_hold(struct connection *, const struct buf *head, uint64_t now_ns);

/*
 * May be called by answered and failed: what it holds is sent again, after a
 * while that grows each time, or after so many seconds, if not 0.
 */
void connection_send_later(struct connection *, unsigned after_s);

/*
 * Likewise: of the lines that it holds half are sent, by their bytes, at once;
 * from then on it has as many at a time, or one. What is said of the request in
 * flight is that of these. 0, or -1 with ENOMEM.
 */
int connection_halve(struct connection *);

/*
 * After a part: has the next one, if there is one, which is 1 then, sent at
 * once; or joins them all again. 0, or -1 with ENOMEM.
 */
int connection_next_part(struct connection *);
int connection_join(struct connection *);

/* Call now and then: gives up what is over its deadline, sends what is due. */
void connection_check(struct connection *, uint64_t now_ns);

#endif
