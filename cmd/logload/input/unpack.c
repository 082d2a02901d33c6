/*
 * unpack.c - see unpack.h.
 */
#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <zstd_errors.h>

#include "unpack.h"

#define IN_SIZE (128 * 1024)
#define GZIP_WINDOW (15 + 16) /* the largest window; a gzip header (zlib.h) */
#define WIDE_LOG 31           /* of zstd's largest window, in bytes */
#define ZSTD_BEGIN 5          /* bytes that every frame of zstd has */

static int fill(struct unpack *, struct error *);
static ssize_t read_plain(struct unpack *, char *out, size_t cap);
static ssize_t
read_gzip(struct unpack *, char *out, size_t cap, struct error *);
static ssize_t
read_zstd(struct unpack *, char *out, size_t cap, struct error *);

enum unpack_kind
unpack_kind_of(const void *head, size_t len)
{
	const unsigned char *p = head;

	if (len >= 2 && p[0] == 0x1f && p[1] == 0x8b)
		return UNPACK_GZIP;
	if (len >= 4 && p[0] == 0x28 && p[1] == 0xb5 && p[2] == 0x2f &&
	    p[3] == 0xfd)
		return UNPACK_ZSTD;
	/* A frame to be skipped (RFC 8878, section 3.1.2). */
	if (len >= 4 && (p[0] & 0xf0) == 0x50 && p[1] == 0x2a && p[2] == 0x4d &&
	    p[3] == 0x18)
		return UNPACK_ZSTD;
	return UNPACK_PLAIN;
}

int
unpack_init(struct unpack *u, int fd, struct error *err)
{
	memset(u, 0, sizeof(*u));
	u->fd = fd;
	u->stop_fd = -1;
	u->in = malloc(IN_SIZE);
	return u->in == NULL ? error_errno(err, "read") : 0;
}

void
unpack_release(struct unpack *u)
{
	if (u->gzip_begun)
		(void)inflateEnd(&u->gzip); /* only frees */
	ZSTD_freeDStream(u->zstd);
	free(u->in);
	u->in = NULL;
	u->zstd = NULL;
	u->gzip_begun = false;
}

void
unpack_restart(struct unpack *u)
{
	u->kind = UNPACK_UNKNOWN;
	u->begin = u->len = u->wants = 0;
	u->ended = u->within = u->member = false;
	u->left = NULL;
	u->consumed = 0;
	if (u->gzip_begun)
		(void)inflateReset(&u->gzip); /* cannot fail once begun */
	if (u->zstd != NULL)
		(void)ZSTD_initDStream(u->zstd); /* cannot fail once made */
}

/* Makes the decoder of the kind that the first bytes name. */
static int
find_kind(struct unpack *u, struct error *err)
{
	while (u->len < UNPACK_MAGIC && !u->ended) {
		if (fill(u, err) < 0)
			return -1;
	}
	u->kind = unpack_kind_of(u->in + u->begin, u->len);
	if (u->kind == UNPACK_GZIP && !u->gzip_begun) {
		if (inflateInit2(&u->gzip, GZIP_WINDOW) != Z_OK)
			return error_set(err, "unpack: out of memory");
		u->gzip_begun = true;
	}
	if (u->kind == UNPACK_ZSTD && u->zstd == NULL) {
		u->zstd = ZSTD_createDStream();
		if (u->zstd == NULL ||
		    (u->wide && ZSTD_isError(ZSTD_DCtx_setParameter(
				    u->zstd, ZSTD_d_windowLogMax, WIDE_LOG))))
			return error_set(err, "unpack: out of memory");
	}
	return 0;
}

/* Nothing more is read. */
static void
leave(struct unpack *u, const char *why)
{
	u->left = why;
	u->within = false;
	u->ended = true;
	u->len = 0;
}

/* The data cannot be read on. */
static int
damaged(struct unpack *u, const char *why, struct error *err)
{
	if (!u->salvage)
		return error_set(err,
		    "unpack: %s; --salvage loads what stands before that", why);
	leave(u, why);
	return 0;
}

ssize_t
unpack_read(struct unpack *u, char *out, size_t cap, struct error *err)
{
	if (u->kind == UNPACK_UNKNOWN && find_kind(u, err) < 0)
		return -1;
	while (u->left == NULL) {
		ssize_t n;

		if (u->len == 0 && !u->ended && fill(u, err) < 0)
			return -1;
		if (u->kind == UNPACK_PLAIN)
			return read_plain(u, out, cap);
		n = u->kind == UNPACK_GZIP ? read_gzip(u, out, cap, err)
					   : read_zstd(u, out, cap, err);
		if (n != 0)
			return n;
		if (u->len > 0 || !u->ended)
			continue;
		return u->within ? damaged(u,
				       "the compressed data end too "
				       "early",
				       err)
				 : 0;
	}
	return 0;
}

/* Reads behind what is held, which is moved to the front. */
static int
fill(struct unpack *u, struct error *err)
{
	ssize_t n;

	if (u->begin > 0) {
		memmove(u->in, u->in + u->begin, u->len);
		u->begin = 0;
	}
	if (u->stop_fd >= 0) {
		struct pollfd p[] = {{.fd = u->fd, .events = POLLIN},
		    {.fd = u->stop_fd, .events = POLLIN}};

		if (poll(p, 2, -1) > 0 && p[1].revents != 0) {
			errno = EINTR;
			return error_errno(err, "read");
		}
	}
	do {
		n = read(u->fd, u->in + u->len, IN_SIZE - u->len);
	} while (n < 0 && errno == EINTR);
	if (n < 0)
		return error_errno(err, "read");
	u->ended = n == 0;
	u->len += (size_t)n;
	u->consumed += (uint64_t)n;
	return 0;
}

static ssize_t
read_plain(struct unpack *u, char *out, size_t cap)
{
	size_t n = u->len < cap ? u->len : cap;

	memcpy(out, u->in + u->begin, n);
	u->begin += n;
	u->len -= n;
	return (ssize_t)n;
}

/* Behind a member, which may be the last one. */
static int
begin_member(struct unpack *u, struct error *err)
{
	while (u->len < UNPACK_MAGIC && !u->ended) {
		if (fill(u, err) < 0)
			return -1;
	}
	if (u->len > 0 &&
	    unpack_kind_of(u->in + u->begin, u->len) != UNPACK_GZIP)
		leave(u, u->in[u->begin] == '\0'
			     ? "zeros follow the compressed data"
			     : "something else follows the compressed data");
	return 0;
}

static ssize_t
read_gzip(struct unpack *u, char *out, size_t cap, struct error *err)
{
	int rc;

	if (u->member && !u->within && begin_member(u, err) < 0)
		return -1;
	/* With no input left, it may still hold output back. */
	if (u->len == 0 && !u->within)
		return 0;
	u->gzip.next_in = (Bytef *)(u->in + u->begin);
	u->gzip.avail_in = (uInt)u->len;
	u->gzip.next_out = (Bytef *)out;
	u->gzip.avail_out = (uInt)cap;
	u->within = true;
	rc = inflate(&u->gzip, Z_NO_FLUSH);
	u->begin += u->len - u->gzip.avail_in;
	u->len = u->gzip.avail_in;
	if (rc == Z_STREAM_END) {
		/* What follows is another member; gzip(1) reads it so. */
		u->within = false;
		u->member = true;
		(void)inflateReset(&u->gzip); /* cannot fail once begun */
	} else if (rc != Z_OK && rc != Z_BUF_ERROR &&
		   damaged(u,
		       u->gzip.msg != NULL ? u->gzip.msg : "damaged data",
		       err) < 0) {
		return -1;
	}
	return (ssize_t)(cap - u->gzip.avail_out);
}

/* A block at a time: of a call that fails, nothing that came out is told. */
static ssize_t
read_zstd(struct unpack *u, char *out, size_t cap, struct error *err)
{
	size_t wants = u->wants > 0 ? u->wants : ZSTD_BEGIN;
	ZSTD_inBuffer in = {
	    u->in + u->begin, u->len < wants ? u->len : wants, 0};
	ZSTD_outBuffer to = {out, cap, 0};
	size_t rc = ZSTD_decompressStream(u->zstd, &to, &in);

	if (ZSTD_getErrorCode(rc) == ZSTD_error_frameParameter_windowTooLarge)
		return error_set(err, "unpack: zstd: its window is over %s",
		    u->wide ? "2 GiB"
			    : "128 MiB; --long takes those up to 2 GiB, and as "
			      "much memory");
	if (ZSTD_isError(rc))
		return damaged(u, ZSTD_getErrorName(rc), err);
	u->begin += in.pos;
	u->len -= in.pos;
	u->wants = rc;
	if (in.pos > 0 || to.pos > 0)
		u->within = rc != 0;
	return (ssize_t)to.pos;
}
