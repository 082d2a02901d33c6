/*
 * share.h - what clients may hold of our memory: one budget for all of them,
 * and how much of it each connection and each address has.
 *
 * Everything that is kept for a client counts: a header or body that is coming
 * in, input that waits, lines that are not synced, answers that are not sent.
 * Nobody is bound while there is room for all; but an address that holds much
 * leaves some to others. Where there is none, crowd.c makes some.
 *
 * An address is one of IPv4, or 64 bits of IPv6, which is what one subscriber
 * has. Its connections may be those of several workers.
 */
#ifndef LOGRECV_SHARE_H
#define LOGRECV_SHARE_H

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "front/address.h"

/* One address; lives as long as it has a connection. */
struct peer {
	struct peer *next; /* in its bucket */
	uint64_t key[2];
	_Atomic uint64_t connections, held; /* bytes */
};

#define PEER_BUCKETS 4096

struct budget {
	uint64_t max; /* bytes: --max-in-flight */
	_Atomic uint64_t used;
	pthread_mutex_t lock; /* for the buckets */
	struct peer *peers[PEER_BUCKETS];
	uint64_t seed; /* nobody can choose addresses of one bucket */
};

/* What one connection has; of one worker's thread at a time. */
struct share {
	struct budget *budget; /* not owned */
	struct peer *peer;
	uint64_t held; /* bytes */
};

/* Starts as all zeros. 0, or -1 with errno. */
int budget_init(struct budget *, uint64_t max_bytes);
/* All shares must be closed. */
void budget_release(struct budget *);

/* A connection of this address. 0, or -1 with ENOMEM. */
int share_open(struct share *, struct budget *, const struct address *);
/*
 * It is another's connection after all, as a proxy says. Without memory it
 * stays whose it was.
 */
void share_move(struct share *, const struct address *);
/* Gives all back. Does nothing to a share that is closed. */
void share_close(struct share *);

/*
 * Takes bytes, if `spare` bytes are left for others behind them; false, and
 * nothing taken, if not.
 */
bool share_take(struct share *, uint64_t bytes, uint64_t spare);
void share_give(struct share *, uint64_t bytes);

/* Bytes that nobody holds. */
uint64_t budget_room(struct budget *);

/*
 * The most that all bodies that are coming in may have: the rest is for the
 * events of others.
 */
static inline uint64_t
budget_for_bodies(const struct budget *b)
{
	return b->max - b->max / 4;
}

/*
 * What the connection must leave over to other addresses, where its own holds
 * more than a quarter of all.
 */
uint64_t share_spare(const struct share *);
/* The same of a body that is coming in. */
uint64_t share_body_spare(const struct share *);

#endif
