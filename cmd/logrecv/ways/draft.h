/*
 * draft.h - the text of an event that a format puts together, at the end of a
 * buffer that the next one uses again.
 *
 * A draft that has failed stays so and takes nothing more: whoever writes one
 * looks once, at its end.
 */
#ifndef LOGRECV_DRAFT_H
#define LOGRECV_DRAFT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "../event.h"
#include "buf.h"

struct draft {
	struct buf *text; /* not owned */
	size_t max;       /* of its length: more is EVENT_TOO_LARGE */
	bool failed;
	enum event_fault fault; /* why it has failed */
	const char *reason;     /* as that of an event_flaw */
	const char *at; /* what is wrong in the body; NULL: no one place */
};

/* Added to --max-event: the writer knows better which event is too large. */
#define DRAFT_SLACK 64

/*
 * Gives the event that the text has from there on to the writer; where the
 * draft has failed, what it was to be made of is bad: the body from p to stop.
 * 0, or -1: the body's error is set.
 */
int draft_give(struct draft *, size_t from, struct event_writer *,
    const char *p, const char *stop);

/* The first failure counts. */
void draft_fail(struct draft *, enum event_fault, const char *reason);

/* Room for n bytes behind the text; NULL: it has failed. */
char *draft_grow(struct draft *, size_t n);

static inline char *
draft_room(struct draft *d, size_t n)
{
	const struct buf *b = d->text;

	if (!d->failed && n <= b->cap - b->len && b->len + n <= d->max)
		return b->data + b->len;
	return draft_grow(d, n);
}

static inline void
draft_put(struct draft *d, const char *p, size_t len)
{
	char *to = draft_room(d, len);

	if (to == NULL)
		return;
	memcpy(to, p, len);
	d->text->len += len;
}

/* Text that is ours, as it is. */
static inline void
draft_text(struct draft *d, const char *text)
{
	draft_put(d, text, strlen(text));
}

/* A string, with its quotes; what is not UTF-8 fails. */
void draft_string(struct draft *, const char *text, size_t len);
/* Bytes as a string: in base64, or in lower-case hexadecimal digits. */
void draft_base64(struct draft *, const char *bytes, size_t len);
void draft_hex(struct draft *, const char *bytes, size_t len);

void draft_unsigned(struct draft *, uint64_t);
void draft_signed(struct draft *, int64_t);
/*
 * The shortest text that is read as the same double; for what JSON has no
 * number, the strings "NaN", "Infinity" and "-Infinity".
 */
void draft_double(struct draft *, double);

/*
 * A string of RFC 3339 with nine digits behind the point, in UTC. Fails where
 * the year is not of 1 to 9999, or nanos not under 10^9.
 */
void draft_instant(struct draft *, int64_t seconds, int64_t nanos);

#endif
