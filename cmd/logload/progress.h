/*
 * progress.h - a line on a terminal's stderr that tells how far loading is.
 */
#ifndef LOGLOAD_PROGRESS_H
#define LOGLOAD_PROGRESS_H

#include <stdbool.h>
#include <stdint.h>

struct progress {
	bool on;
	uint64_t started_ns;
	uint64_t total; /* bytes, 0: not known */
};

void progress_begin(struct progress *, bool on, uint64_t total);

/* Draws over the last line: bytes done, events committed. */
void progress_draw(struct progress *, uint64_t bytes, uint64_t events);

/* Removes the line. */
void progress_end(struct progress *);

#endif
