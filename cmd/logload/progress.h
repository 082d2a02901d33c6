/*
 * progress.h - a line on a terminal's stderr that tells how far loading is.
 */
#ifndef LOGLOAD_PROGRESS_H
#define LOGLOAD_PROGRESS_H

#include <stdbool.h>
#include <stdint.h>

#define PROGRESS_POINTS 16 /* of the window: eight seconds */

/* Bytes are those of the files, packed or not. */
struct progress_state {
	uint64_t bytes;     /* of which the events were read */
	uint64_t committed; /* of these */
	uint64_t events;    /* committed */
	uint64_t hashed;    /* of files that are read for their names now */
};

struct progress_point {
	uint64_t ns, bytes;
};

struct progress {
	bool on;
	uint64_t total, bytes; /* total 0: not known */
	struct progress_point points[PROGRESS_POINTS];
	unsigned count; /* of points there have been */
};

void progress_begin(struct progress *, bool on, uint64_t total);

/* Draws over the last line. */
void progress_draw(struct progress *, const struct progress_state *);

/* Removes the line. */
void progress_end(struct progress *);

#endif
