/*
 * senders.h - who sends, by the name of a token or of a certificate: what each
 * of them has sent, and how much it may.
 *
 * A pointer to a sender is good until the end; who has had no token for an hour
 * may be another by then, which is later than any request that had it.
 */
#ifndef LOGRECV_SENDERS_H
#define LOGRECV_SENDERS_H

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "clock.h"

/*
 * Three samples of each must fit into METRICS_FILE_MAX. So many of them are of
 * certificates, which may be of any number of clients.
 */
#define SENDERS_MAX 500
#define SENDERS_PEERS 100
#define SENDERS_OWN (SENDERS_MAX - SENDERS_PEERS)
#define SENDER_NAME_MAX 64 /* bytes */
#define SENDERS_FORGET_NS (3600 * CLOCK_NS_PER_S)

/*
 * At most so much a second over time, and a second's worth at once. Something
 * larger is taken, too, but the next has to wait until it is made up for.
 */
struct rate {
	_Atomic uint64_t most;   /* a second; 0: any number */
	_Atomic uint64_t due_ns; /* monotonic: then what came is made up for */
};

/* Requests, good events in them, and bytes as they come in. */
enum sender_count {
	SENDER_REQUESTS,
	SENDER_EVENTS,
	SENDER_BYTES,
	SENDER_COUNTS
};

struct sender {
	char name[SENDER_NAME_MAX + 1]; /* needs no escapes in JSON */
	char label[SENDER_NAME_MAX + sizeof("sender=\"\"")];
	_Atomic uint64_t
	    ways; /* rows of the table of ways, a bit each; 0: any */
	struct rate rates[SENDER_COUNTS];
	_Atomic uint64_t counts[SENDER_COUNTS];
	/* These under the lock of all: */
	bool certified;   /* a connection may know it: never forgotten */
	bool gone;        /* it has no token any more */
	uint64_t gone_ns; /* monotonic: since then */
};

struct senders {
	struct sender all[SENDERS_MAX];
	_Atomic unsigned count;
	pthread_mutex_t lock; /* of those who add one */
	unsigned peers;       /* under the lock */
};

/* Starts as all zeros; senders_init before any thread. */
void senders_init(struct senders *);

/*
 * The one of this name that is known, and has a token from now on, or has none
 * any more. Any thread. NULL: there is none.
 */
struct sender *senders_find(struct senders *, const char *name);
void senders_leave(struct senders *, struct sender *);

/* For how many that are not known is there room? */
unsigned senders_room(struct senders *);

/*
 * The same, or it becomes known, in the place of one who is forgotten if there
 * is no other. NULL: no room, or the name is over SENDER_NAME_MAX.
 */
struct sender *senders_know(struct senders *, const char *name);

/*
 * The same for the name of a certificate, see tls_peer: never NULL, since those
 * over SENDERS_PEERS are all one, "(others)".
 */
struct sender *senders_know_peer(struct senders *, const char *name);

/*
 * How many seconds it is too early for more, at most a day; 0: it is not. And
 * n more have come. Any thread; monotonic ns.
 */
unsigned rate_wait_s(struct rate *, uint64_t now_ns);
void rate_take(struct rate *, uint64_t n, uint64_t now_ns);

/*
 * The same of a sender, now: the rate that makes it wait longest, or any, and
 * for how many seconds; and n more have come.
 */
enum sender_count sender_limit(struct sender *, unsigned *wait_s);
void sender_take(struct sender *, enum sender_count, uint64_t n);

static inline void
sender_count(struct sender *s, enum sender_count which, uint64_t n)
{
	atomic_fetch_add_explicit(&s->counts[which], n, memory_order_relaxed);
}

#endif
