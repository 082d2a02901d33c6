/*
 * worker.h - one event loop of the server, with a socket of its own for each
 * listener, its own connections and its own buffer file; see commit.h for its
 * two threads.
 */
#ifndef LOGRECV_WORKER_H
#define LOGRECV_WORKER_H

#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>

#include "clock.h"
#include "commit.h"
#include "conn.h"
#include "error.h"
#include "server.h"

struct event_base;
struct evconnlistener;
struct event;

#define WORKER_DATE_MAX 40

/* Where it accepts connections. */
struct ear {
	struct worker *worker; /* not owned, nor is the */
	const struct listener *listener;
	struct evconnlistener *events;
};

struct worker {
	struct server *server; /* not owned */
	struct event_base *base;
	struct ear ears[LISTENERS_MAX];
	unsigned ear_count;
	struct event *stop_event, *done_event, *sweep_event;
	int stop_fd; /* eventfd(2): writing to it ends the worker */
	struct commit commit;
	struct conn_list conns, dead, due;
	struct buf room;   /* where the connections' bytes arrive */
	struct buf answer; /* where one is put together */
	struct buf scratch[EVENT_SCRATCHES]; /* where formats build events */
	struct buf note;      /* where they note what their answers need */
	pthread_t threads[2]; /* one runs the loop, the other stands by */
	bool stopping;
	bool deaf; /* not listening, for want of memory or descriptors */
	uint64_t stop_by_ns;
	unsigned accepted, shaken; /* in this turn */
	uint64_t told_ns, untold;  /* see worker_refuse */
	size_t work;               /* on compressed bodies that is left in it */
	/* crowd.c: before these no other look for a place, or so much room */
	uint64_t no_place_ns, no_room_ns, no_room;
	uint64_t random;

	/* Read once a turn of the loop; see worker_now. */
	bool clock_read;
	uint64_t now_ns, date_s;
	char stamp[CLOCK_STAMP_LEN + 1];
	char date[WORKER_DATE_MAX]; /* RFC 9110, section 5.6.7 */
	/* The answer to a single event of this format, if it is ready. */
	const struct format *one_format;
	struct buf one;
};

/*
 * Listens at each of the server's listeners; nothing is accepted before
 * worker_start. 0, or -1 with nothing left open.
 */
int worker_init(struct worker *, struct server *, struct error *);

int worker_start(struct worker *, struct error *);

/*
 * Stops listening, ends idle connections, finishes requests that have begun
 * (for drain_ns at most), commits, and ends the threads.
 */
void worker_stop(struct worker *);

/* Waits for the threads and frees everything. */
void worker_join(struct worker *);

/* For a worker that was not started. */
void worker_destroy(struct worker *);

/* For how long a write has lasted, in ns; any thread may ask. */
uint64_t worker_stall_ns(const struct worker *);

/* Seconds after which a client may try again: not all at the same time. */
unsigned worker_retry_s(struct worker *);

/*
 * Counts a client that was refused before any request, and, with a reason, in
 * constant text, tells of it; not of each, where there are many.
 */
void worker_refuse(
    struct worker *, enum stat, const struct address *client, const char *why);

/* Monotonic ns of this turn; brings stamp, date and answer up to date. */
uint64_t worker_now(struct worker *);

#endif
