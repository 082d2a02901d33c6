/*
 * reader.h - some content on its way through memory, for those who find the
 * events in it (see framing.h).
 *
 * The buffer grows to the largest event that is allowed. What is larger is
 * passed over, and told of, without being held.
 */
#ifndef LOGLOAD_READER_H
#define LOGLOAD_READER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "error.h"
#include "source.h"

/* What stands where an event is expected: in most files, a line. */
struct line {
	const char
	    *text;       /* valid until the next call; NULL if it is not held */
	uint64_t len;    /* without the line break */
	uint64_t offset; /* in the content */
	uint64_t number; /* from 1, in the content */
	bool ended;      /* else the content ends with it */
	bool hole;       /* nothing but NULs, and not held */
};

struct reader {
	struct source *source; /* not owned */
	uint64_t at;           /* the content's offset of buf[begin] */
	uint64_t number;       /* of the last line given */
	char *buf;
	size_t cap, begin, len; /* of buf; len bytes from begin on */
	bool nuls;              /* is there perhaps any among them? */
	size_t max;             /* the longest line that is held */
	bool unfit;             /* what has failed was not reading */
	bool closed;            /* no array goes on at this place */
	/* Of a longer line no more than this is there to be read again. */
	uint64_t keep;
	struct {
		uint64_t from, to; /* so it is not looked for again, but told */
		struct line line;
	} passed;
};

/* -1 with ENOMEM. keep counts where the source holds the content. */
int reader_init(struct reader *, size_t max, uint64_t keep);
void reader_release(struct reader *);

/*
 * Goes to a place, in front of which lie `before` lines. Where that was the end
 * once, the caller sets `closed`.
 */
void
reader_begin(struct reader *, struct source *, uint64_t at, uint64_t before);

/*
 * For framings. All that is held moves, so that it begins at buf + begin.
 */

/* Reads more behind what is held; the bytes read, 0 at the end, -1. */
ssize_t reader_fill(struct reader *, struct error *);

/* Goes on behind so many bytes of those that are held. */
static inline void
reader_skip(struct reader *r, size_t len)
{
	r->at += len;
	r->begin += len;
	r->len -= len;
}

/* The same within a line, whose len they are added to, and reads more. */
ssize_t reader_pass(struct reader *, size_t len, struct line *, struct error *);

/* Gives the next len bytes as a line, and goes on behind them. */
static inline void
reader_take(struct reader *r, size_t len, struct line *line)
{
	bool fits = line->len == 0 && len <= r->max;

	line->text = fits ? r->buf + r->begin : NULL;
	line->len += len;
	reader_skip(r, len);
}

/* A run of NULs, which comes next, and a line break behind it. 1 or -1. */
int reader_take_hole(struct reader *, struct line *, struct error *);

#endif
