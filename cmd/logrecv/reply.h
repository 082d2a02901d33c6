/*
 * reply.h - the bytes of an answer (RFC 9112, section 4).
 */
#ifndef LOGRECV_REPLY_H
#define LOGRECV_REPLY_H

#include <stdbool.h>
#include <stddef.h>

#include "buf.h"

struct reply {
	int status;
	const char *type;     /* Content-Type; NULL: application/json */
	const char *allow;    /* NULL: no such field */
	unsigned retry_after; /* seconds; 0: no such field */
	bool close;           /* Connection: close */
	bool keep_alive;      /* Connection: keep-alive, for HTTP/1.0 */
	bool head_only;       /* the body is left out, but its length told */
	const char *body;
	size_t len;
};

/* Appends the answer; `date` as in RFC 9110, section 5.6.7. 0, or -1: ENOMEM.
 */
int reply_format(struct buf *out, const struct reply *, const char *date);

#endif
