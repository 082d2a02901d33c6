/*
 * reply.h - the bytes of an answer (RFC 9112, section 4).
 */
#ifndef LOGRECV_REPLY_H
#define LOGRECV_REPLY_H

#include <stdbool.h>
#include <stddef.h>

#include "buf.h"
#include "http.h"

struct reply {
	int status;
	const char *type;     /* Content-Type; NULL: application/json */
	const char *fields;   /* more of the header, each with CRLF; or NULL */
	unsigned allow;       /* an HTTP_BIT() each method; 0: no such field */
	unsigned retry_after; /* seconds; 0: no such field */
	bool accepts_codings; /* Accept-Encoding: those of bodies */
	bool close;           /* Connection: close */
	bool keep_alive;      /* Connection: keep-alive, for HTTP/1.0 */
	bool head_only;       /* the body is left out, but its length told */
	const char *cors;     /* fields for a page of another origin; or NULL */
	bool vary;            /* such a page may get others */
	const char *body;
	size_t len;
};

/* Appends it; `date` as in RFC 9110, section 5.6.7. 0, or -1: ENOMEM. */
int reply_format(struct buf *out, const struct reply *, const char *date);

/* Appends "POST, PUT": the methods, an HTTP_BIT() each. 0, or -1: ENOMEM. */
int reply_put_methods(struct buf *, unsigned methods);

/* Appends the body of a refusal: why; the text needs no escapes. 0, or -1. */
int reply_put_refusal(struct buf *body, const char *text);

#endif
