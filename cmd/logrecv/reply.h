/*
 * reply.h - the bytes of an answer (RFC 9112, section 4).
 */
#ifndef LOGRECV_REPLY_H
#define LOGRECV_REPLY_H

#include <stdbool.h>
#include <stddef.h>

#include "buf.h"
#include "event.h"
#include "http.h"

struct reply {
	int status;
	const char *type;     /* Content-Type; NULL: application/json */
	unsigned allow;       /* an HTTP_BIT() each method; 0: no such field */
	unsigned retry_after; /* seconds; 0: no such field */
	bool close;           /* Connection: close */
	bool keep_alive;      /* Connection: keep-alive, for HTTP/1.0 */
	bool head_only;       /* the body is left out, but its length told */
	const char *body;
	size_t len;
};

/* Appends it; `date` as in RFC 9110, section 5.6.7. 0, or -1: ENOMEM. */
int reply_format(struct buf *out, const struct reply *, const char *date);

/* Appends the body of a 400: what is wrong with which event. 0, or -1. */
int reply_put_error(struct buf *body, const struct event_error *);

/*
 * What becomes of a request of a group by the result of storing that: sets the
 * status, and appends the body. 0, or -1: ENOMEM.
 */
int reply_put_outcome(struct reply *, struct buf *body, int result,
    uint64_t accepted, const struct event_tally *bad);

/*
 * Appends the body of a 200: how many events were accepted, and, unless NULL,
 * how many were bad with the first reasons. 0, or -1: ENOMEM.
 */
int reply_put_stored(
    struct buf *body, uint64_t accepted, const struct event_tally *bad);

#endif
