/*
 * stop.h - the wish to end, seen by every thread.
 *
 * A signal handler asks; the threads look between two steps of their work, and
 * whoever waits for something else polls `fd` too, which stays readable from
 * then on.
 */
#ifndef COMMON_STOP_H
#define COMMON_STOP_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "error.h"

struct stop {
	atomic_bool asked;
	int fd; /* an eventfd(2) */
};

int stop_init(struct stop *, struct error *);
void stop_release(struct stop *);

/* Safe in a signal handler. */
void stop_ask(struct stop *);

static inline bool
stop_asked(struct stop *s)
{
	return atomic_load_explicit(&s->asked, memory_order_relaxed);
}

/* Takes the wish back; the caller is the only one who waits. */
void stop_reset(struct stop *);

/* Waits so long, or until asked. Was it asked? */
bool stop_wait(struct stop *, uint64_t ns);

#endif
