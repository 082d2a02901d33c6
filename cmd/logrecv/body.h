/*
 * body.h - the body of a request while it comes in: its bytes, decoded where a
 * client has compressed them, counted in the share of its connection.
 *
 *   what = body_take(b, coding, p, len, &taken);
 *   ... and with the last byte ...
 *   if (body_finish(b, coding))
 *           ... b->bytes ...
 *   body_release(b);
 *
 * A few bytes may become a great many: so bodies are decoded in turns of the
 * loop, all of a worker together so much in each that others do not notice, and
 * no further than the limit. Nothing else bounds the ratio: what comes out of a
 * body, however small that is, costs what a plain one of that length would.
 */
#ifndef LOGRECV_BODY_H
#define LOGRECV_BODY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "buf.h"
#include "coding/coding.h"
#include "share.h"

/* What may be done on coded bodies in a turn: so many bytes come out. */
#define BODY_WORK_MAX (512 << 10)

struct body {
	struct share *share; /* not owned */
	uint64_t limit;      /* bytes */
	struct buf bytes;
	struct decoder *decoder; /* NULL: nothing coded has come yet */
	size_t decoder_bytes;    /* of the share */
	bool full;               /* the decoder has more to give */
	size_t short_of;         /* bytes of the share, after BODY_SHORT */
	size_t *work;            /* that is left in this turn; not owned */
	uint64_t gained; /* what came out of decoders beyond what went in */
};

enum body_result {
	BODY_TAKEN,
	BODY_AGAIN,     /* in the next turn: with what was not taken, if any */
	BODY_SHORT,     /* so does it, once there is room for b->short_of */
	BODY_TOO_LARGE, /* over the limit */
	BODY_BAD,       /* b->decoder->fault says why */
	BODY_NO_MEMORY,
};

/* *work is set to BODY_WORK_MAX at the begin of each turn. */
void body_init(struct body *, struct share *, size_t *work, uint64_t limit);

/* Frees it, and gives back what it has of the share; it can begin anew. */
void body_release(struct body *);

/*
 * Takes the next piece: all of it, unless the result says otherwise; sets
 * *taken in any case. `coding` NULL: it is what it is.
 */
enum body_result body_take(struct body *, const struct coding *, const char *p,
    size_t len, size_t *taken);

/* No more comes: frees the decoder. False: it cannot end here. */
bool body_finish(struct body *, const struct coding *);

/* Does the decoder have more to give, without another byte? */
static inline bool
body_holds_back(const struct body *b)
{
	return b->full;
}

/*
 * The least that so many bytes can become: what cannot be compressed is a
 * little longer when it is.
 */
uint64_t body_least(const struct coding *, uint64_t len);

#endif
