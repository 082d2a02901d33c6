/*
 * coding.h - content codings (RFC 9110, section 8.4.1): what a client has
 * compressed its body with.
 *
 * A coding is a file of this folder and a row of the table in coding.c. It
 * decodes piece by piece, into the caller's memory, and knows nothing of
 * limits on the result: the caller gives it no more room than there is.
 */
#ifndef LOGRECV_CODING_H
#define LOGRECV_CODING_H

#include <stdbool.h>
#include <stddef.h>

#include "../http.h"

struct decoder;

struct coding {
	const char *name, *alias; /* the second may be NULL */
	/* One for one body; NULL: no memory. */
	struct decoder *(*open)(void);
};

/* Input and output; moved on by what was taken and made. */
struct decoding {
	const char *in;
	size_t in_len;
	char *out;
	size_t room; /* bytes of out */
};

enum decoded {
	DECODED_ALL,  /* nothing is left of the input, nor held back */
	DECODED_FULL, /* there was no more room: call again, perhaps without */
		      /* input */
	DECODED_BAD,  /* it never will be: see decoder.fault */
};

/* What the decoder of each coding begins with; they know the rest. */
struct decoder {
	enum decoded (*feed)(struct decoder *, struct decoding *);
	void (*close)(struct decoder *);
	size_t memory; /* bytes that it has now; a call may change that */
	bool whole;    /* the body may end here, its check sums being right */
	const char *fault; /* for the client: what is wrong, a constant text */
};

/* Those that the table is made of. */
struct decoder *gzip_open(void);
struct decoder *deflate_open(void);
struct decoder *zstd_open(void);

#define CODINGS_MAX 8

/* Ends with a name that is NULL. */
extern const struct coding codings[CODINGS_MAX];

/* The one of this name, in any case; NULL: there is none. */
const struct coding *coding_find(struct http_text name);

#endif
