/*
 * zstd.c - the coding zstd (RFC 8878): frames one behind another, with frames
 * to be skipped between them.
 *
 * A window has 8 MiB at most, which is all that a client may ask of this
 * coding (RFC 9659). Other magic numbers are refused here: the library may know
 * formats of before the RFC, which no such bound is for.
 */
#include <stdlib.h>
#include <string.h>
#include <zstd.h>
#include <zstd_errors.h>

#include "coding.h"

#define WINDOW_LOG_MAX 23
#define MAGIC_LEN 4

struct zstd_decoder {
	struct decoder decoder;
	ZSTD_DStream *stream;
	bool within;      /* a frame */
	bool behind;      /* the end of one, if not */
	size_t magic_len; /* of the next one, that have come */
	unsigned char magic[MAGIC_LEN];
};

static enum decoded feed(struct decoder *, struct decoding *);
static void close_zstd(struct decoder *);

struct decoder *
zstd_open(void)
{
	struct zstd_decoder *z = calloc(1, sizeof(*z));

	if (z == NULL)
		return NULL;
	z->decoder.feed = feed;
	z->decoder.close = close_zstd;
	z->stream = ZSTD_createDStream();
	if (z->stream == NULL || ZSTD_isError(ZSTD_DCtx_setParameter(z->stream,
				     ZSTD_d_windowLogMax, WINDOW_LOG_MAX))) {
		close_zstd(&z->decoder);
		return NULL;
	}
	z->decoder.memory = sizeof(*z) + ZSTD_sizeof_DStream(z->stream);
	return &z->decoder;
}

static void
close_zstd(struct decoder *d)
{
	struct zstd_decoder *z = (struct zstd_decoder *)d;

	(void)ZSTD_freeDStream(z->stream); /* only frees */
	free(z);
}

static enum decoded
fail(struct zstd_decoder *z, const char *fault)
{
	z->decoder.fault = fault;
	return DECODED_BAD;
}

/* RFC 8878, sections 3.1.1 and 3.1.2. */
static bool
is_magic(const unsigned char *p)
{
	static const unsigned char frame[] = {0x28, 0xb5, 0x2f, 0xfd},
				   skipped[] = {0x2a, 0x4d, 0x18};

	return memcmp(p, frame, sizeof(frame)) == 0 ||
	       ((p[0] & 0xf0) == 0x50 &&
		   memcmp(p + 1, skipped, sizeof(skipped)) == 0);
}

/*
 * Takes what there is of a frame's magic number. False: it is none. One that
 * has come in one piece is left where it is, and the library sees the frame as
 * a whole, which is faster.
 */
static bool
begin(struct zstd_decoder *z, struct decoding *io)
{
	size_t n = MAGIC_LEN - z->magic_len;
	bool split = z->magic_len > 0 || io->in_len < n;
	ZSTD_inBuffer in = {z->magic, MAGIC_LEN, 0};
	ZSTD_outBuffer out = {io->out, 0, 0};

	if (n > io->in_len)
		n = io->in_len;
	memcpy(z->magic + z->magic_len, io->in, n);
	z->decoder.whole = false;
	if (split) {
		io->in += n;
		io->in_len -= n;
		z->magic_len += n;
		if (z->magic_len < MAGIC_LEN)
			return true;
	}
	z->magic_len = 0;
	z->within = true;
	if (!is_magic(z->magic))
		return false;
	/* No header is of this length: it is only taken in. */
	return !split ||
	       !ZSTD_isError(ZSTD_decompressStream(z->stream, &out, &in));
}

static const char *
fault_of(size_t rc)
{
	return ZSTD_getErrorCode(rc) == ZSTD_error_frameParameter_windowTooLarge
		   ? "its window is over 8 MiB"
		   : ZSTD_getErrorName(rc);
}

static enum decoded
feed(struct decoder *d, struct decoding *io)
{
	struct zstd_decoder *z = (struct zstd_decoder *)d;
	ZSTD_outBuffer out;
	ZSTD_inBuffer in;
	size_t rc;

	for (;;) {
		if (!z->within && io->in_len == 0)
			return DECODED_ALL;
		if (!z->within && !begin(z, io))
			return fail(z, z->behind ? "something follows its end"
						 : "it begins otherwise");
		if (!z->within)
			continue;
		out = (ZSTD_outBuffer){io->out, io->room, 0};
		in = (ZSTD_inBuffer){io->in, io->in_len, 0};
		rc = ZSTD_decompressStream(z->stream, &out, &in);
		d->memory = sizeof(*z) + ZSTD_sizeof_DStream(z->stream);
		if (ZSTD_isError(rc))
			return fail(z, fault_of(rc));
		io->in += in.pos;
		io->in_len -= in.pos;
		io->out += out.pos;
		io->room -= out.pos;
		if (rc == 0) {
			z->within = false;
			z->behind = d->whole = true;
		} else if (io->room == 0) {
			return DECODED_FULL;
		} else if (io->in_len == 0) {
			return DECODED_ALL;
		}
	}
}
