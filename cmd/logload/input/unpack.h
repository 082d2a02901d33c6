/*
 * unpack.h - the plain bytes of a stream that may be compressed.
 *
 * gzip (RFC 1952, several members too) and zstd (RFC 8878, several frames too)
 * are known by their first bytes, which no JSON can begin with. Whatever else
 * follows a member of gzip is passed over, as gzip(1) does. A stream that ends
 * within a member or frame, or is damaged, is an error; or it ends there, where
 * that is asked for.
 */
#ifndef LOGLOAD_UNPACK_H
#define LOGLOAD_UNPACK_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>
#include <zlib.h>
#include <zstd.h>

#include "error.h"

enum unpack_kind { UNPACK_UNKNOWN, UNPACK_PLAIN, UNPACK_GZIP, UNPACK_ZSTD };

#define UNPACK_MAGIC 4 /* bytes that unpack_kind_of looks at */

struct unpack {
	int fd;       /* not owned */
	int stop_fd;  /* once it is readable, waiting ends; -1: none */
	bool salvage; /* what cannot be read on is the end */
	bool wide;    /* zstd may take 2 GiB of memory, not 128 MiB */
	enum unpack_kind kind;
	char *in;          /* owned */
	size_t begin, len; /* of in; len bytes from begin on */
	bool ended;        /* the descriptor is at its end */
	bool within;       /* a member or frame has begun and not ended */
	bool member;       /* one of gzip has ended */
	const char *left;  /* why not all was read, a constant text; or NULL */
	bool gzip_begun;   /* gzip is initialised */
	z_stream gzip;
	ZSTD_DStream *zstd;
	size_t wants; /* bytes of in that zstd takes next; 0: a frame begins */
	uint64_t consumed; /* bytes read from the descriptor */
};

enum unpack_kind unpack_kind_of(const void *head, size_t len);

/* What is said of stop_fd, salvage and wide is the caller's, from then on. */
int unpack_init(struct unpack *, int fd, struct error *);
void unpack_release(struct unpack *);

/* Starts afresh, the caller having moved the descriptor to its start. */
void unpack_restart(struct unpack *);

/*
 * Up to cap bytes; 0 at the end, -1 with err, of which the code is EINTR where
 * stop_fd has ended the waiting. Waits where the stream does.
 */
ssize_t unpack_read(struct unpack *, char *out, size_t cap, struct error *);

#endif
