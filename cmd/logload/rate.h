/*
 * rate.h - so many events a second, over all threads: a bucket of tokens, of
 * which one is taken for each event, and which holds those of a twentieth of a
 * second at most.
 */
#ifndef LOGLOAD_RATE_H
#define LOGLOAD_RATE_H

#include <pthread.h>
#include <stdint.h>

#include "stop.h"

#define RATE_BURSTS 20 /* a second */

struct rate {
	pthread_mutex_t lock;
	double per_s, tokens; /* below 0: what is owed */
	uint64_t filled_ns;
};

void rate_init(struct rate *, uint64_t per_s);

/* The most rows of a batch, for the events not to come in bursts; at least 1.
 */
unsigned rate_rows(const struct rate *);

/* Takes a token; waits where too much is owed, unless stop is asked. */
void rate_take(struct rate *, struct stop *);

#endif
