/*
 * left.h - events that are given up: counted, and written to a file if there
 * is one, from which they can be sent another time.
 */
#ifndef LOGSEND_LEFT_H
#define LOGSEND_LEFT_H

#include <stdint.h>

#include "acked.h"
#include "buf.h"
#include "error.h"
#include "source.h"

/* Starts as all zeros. */
struct left {
	struct acked *file; /* not owned; NULL: not wanted */
	uint64_t events;
};

/* Takes the body of a request; it may be changed. 0, or -1. */
int left_add(struct left *, struct buf *body, unsigned events, struct error *);

/*
 * The same with what the source has not given: of a pipe what it holds, of a
 * file the rest.
 */
int left_add_rest(struct left *, struct source *, struct error *);

#endif
