/*
 * sender.h - sends requests when they are due, over a set of connections, and
 * counts what becomes of them.
 *
 * A request that is due goes out on the connection that has been idle
 * longest; where none is, it waits, and its latency counts from when it was
 * due. Nothing is sent twice, unless it is told to: then a request stays with
 * the connection that took it, connected or not, and is sent again on it, until
 * it is answered with 2xx, or with what sending it again will not cure. There
 * is one for each connection, and no other memory for them: while all have one,
 * no input is read.
 */
#ifndef LOGSEND_SENDER_H
#define LOGSEND_SENDER_H

#include <event2/event.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/queue.h>

#include "acked.h"
#include "connection.h"
#include "error.h"
#include "histogram.h"
#include "left.h"
#include "notices.h"
#include "schedule.h"
#include "source.h"
#include "target.h"

#define SENDER_STATUSES 600

/* Requests, unless the name says something else. */
struct sender_stats {
	uint64_t start_ns, last_sent_ns, end_ns;
	uint64_t due; /* set at the end: those not sent are due - sent */
	uint64_t sent;
	uint64_t acknowledged; /* 2xx that accepted every event */
	uint64_t mismatched;   /* 2xx that accepted another number of events */
	uint64_t refused[SENDER_STATUSES]; /* by status, from 300 on */
	uint64_t failed[FAILURES];
	uint64_t retries; /* a request was to be sent again */
	uint64_t events_sent, events_acknowledged, bytes_sent; /* of bodies */
	uint64_t unreachable;        /* attempts to connect */
	uint64_t lag_ns, lag_max_ns; /* sent so long after due: last, most */
	bool interrupted;
	struct histogram latency; /* ns, of the acknowledged */
	struct histogram recent;  /* the same since the owner cleared it */
};

struct sender_options {
	uint64_t rate, duration_ns, count; /* see schedule.h */
	uint64_t timeout_ns, drain_ns;
	uint64_t patience_ns; /* to retry, at the end: see deadline */
	unsigned connections;
	bool retry;
	const char *token; /* see target_head; needed by sender_init alone */
};

enum sender_phase {
	SENDER_CONNECTING, /* until all connections are, or can not be */
	SENDER_SENDING,
	SENDER_DRAINING, /* only waits for what is in flight */
	SENDER_DONE,
};

TAILQ_HEAD(connection_queue, connection);

struct sender {
	struct sender_options options;
	struct event_base *base;
	struct target *target;
	struct source *source;
	struct acked *acked; /* NULL: not wanted */
	struct left left;    /* of those that were to be sent again */
	struct notices notices;
	struct sender_stats stats;
	struct schedule schedule;
	enum sender_phase phase;
	uint64_t began_ns;    /* to connect */
	uint64_t deadline_ns; /* DRAINING, or stopped: the end */
	uint64_t settled_ns;  /* when a request last was; see all_there */
	uint64_t awaiting_ns; /* waits for input since; 0: does not */
	unsigned settled, in_flight;
	bool armed;           /* the timer for the next request runs */
	char unreachable[64]; /* why, as was told; nothing connected since */
	bool input_ended;
	bool all_there; /* nothing will be added to the input: retries only */
	bool failing;   /* err is set */
	struct error err;
	struct connection *connections;
	struct connection_queue idle; /* to retry: those without a request */
	struct event *due_timer, *ticker, *input;
	struct buf head, body;
};

/*
 * The pointers stay the caller's, who may set acked and left.file afterwards,
 * and must outlive the sender. 0, or -1 with nothing left open.
 */
int sender_init(struct sender *, struct event_base *, struct target *,
    struct source *, const struct sender_options *,
    void (*notice)(const char *), struct error *);

/*
 * Sends all of it; runs the event base until it is done. -1 if it could not
 * begin (no connection) or had to stop (input, --acked, memory): err->code is
 * 0 in the first case. The stats are there in both.
 */
int sender_run(struct sender *, struct error *);

/*
 * Sends nothing more, but for what was read already if it may not be lost;
 * waits for what is in flight.
 */
void sender_stop(struct sender *);
/* Ends now: the rest of a file is not even counted. */
void sender_abort(struct sender *);

void sender_release(struct sender *);

#endif
