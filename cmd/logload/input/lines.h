/*
 * lines.h - the lines of some content, one by one, from any line's start on.
 *
 * The buffer grows to the longest line that is allowed; a longer one is passed
 * over, and told of, without being held.
 */
#ifndef LOGLOAD_LINES_H
#define LOGLOAD_LINES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "error.h"
#include "source.h"

struct line {
	const char *text; /* valid until the next call; NULL if too long */
	uint64_t len;     /* without the line break */
	uint64_t offset;  /* in the content */
	uint64_t number;  /* from 1, in the content */
	bool ended;       /* by a line break */
};

struct lines {
	struct source *source; /* not owned */
	uint64_t at;           /* the content's offset of buf[begin] */
	uint64_t number;       /* of the last line given */
	char *buf;
	size_t cap, begin, len; /* of buf; len bytes from begin on */
	size_t max;             /* the longest line that is held */
};

/* -1 with ENOMEM. */
int lines_init(struct lines *, size_t max);
void lines_release(struct lines *);

/* Goes to a place, in front of which lie `before` lines. */
void lines_begin(struct lines *, struct source *, uint64_t at, uint64_t before);

/* 1 and *line, 0 at the end of the content, -1. */
int lines_next(struct lines *, struct line *, struct error *);

#endif
