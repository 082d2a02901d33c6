/*
 * lines.h - the lines of a piece of a file, one by one.
 *
 * Reads by pread(2), so the same piece can be read again and several readers
 * can share a descriptor. The buffer grows to the longest line that is allowed;
 * a longer one is passed over, and told of, without being held.
 */
#ifndef LOGLOAD_LINES_H
#define LOGLOAD_LINES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/*
 * A piece of some content: whole lines, but for the last one of the content.
 * The descriptor's byte 0 is the content's byte `base`.
 */
struct range {
	int fd;                  /* not owned */
	uint64_t base, from, to; /* offsets in the content */
	bool last;               /* the content ends here */
};

struct line {
	const char *text; /* valid until the next call; NULL if too long */
	uint64_t len;     /* without the line break */
	uint64_t offset;  /* in the content */
	uint64_t number;  /* from 1, in the content */
	bool ended;       /* by a line break */
};

struct lines {
	int fd;
	uint64_t base, at, to; /* content offsets: of buf[begin], the end */
	uint64_t number;       /* of the last line given */
	char *buf;
	size_t cap, begin, len; /* of buf; len bytes from begin on */
	size_t max;             /* the longest line that is held */
};

/* -1 with ENOMEM. */
int lines_init(struct lines *, size_t max);
void lines_release(struct lines *);

/* Turns to a range; `before` lines lie in front of it. */
void lines_begin(struct lines *, const struct range *, uint64_t before);

/* 1 and *line, 0 at the end, -1 with errno. */
int lines_next(struct lines *, struct line *);

#endif
