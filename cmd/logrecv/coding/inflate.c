/*
 * inflate.c - the codings gzip and deflate, by zlib.
 *
 * gzip is RFC 1952: members one behind another are one body, as section 2.2
 * has it. deflate is by its definition (RFC 9110, section 8.4.1.2) what RFC
 * 1950 has around RFC 1951; but some clients leave that away, so both are
 * taken. The first byte tells: what RFC 1950 begins with would be the
 * beginning of a stored block whose padding is not zero, which nobody writes.
 */
#include <stdlib.h>
#include <zlib.h>

#include "coding.h"

#define WINDOW_BITS 15
#define AS_GZIP (16 + WINDOW_BITS) /* see inflateInit2 in zlib.h */
#define AS_ZLIB WINDOW_BITS
#define AS_RAW (-WINDOW_BITS)
/* zconf.h: the window, and about 7 kilobytes. */
#define MEMORY ((1 << WINDOW_BITS) + (7 << 10))

#define GZIP_FIRST '\x1f'     /* RFC 1952, section 2.3.1 */
#define ZLIB_METHOD_MASK 0x0f /* RFC 1950, section 2.2 */
#define ZLIB_METHOD 8

struct inflater {
	struct decoder decoder;
	z_stream z;
	bool members; /* another may follow the first */
	bool within;  /* one, or the only one */
};

static enum decoded feed(struct decoder *, struct decoding *);
static void close_inflater(struct decoder *);

static struct inflater *
create(int format)
{
	struct inflater *i = calloc(1, sizeof(*i));

	if (i == NULL)
		return NULL;
	i->decoder.feed = feed;
	i->decoder.close = close_inflater;
	i->decoder.memory = sizeof(*i) + MEMORY;
	if (inflateInit2(&i->z, format) == Z_OK)
		return i;
	free(i);
	return NULL;
}

struct decoder *
gzip_open(void)
{
	struct inflater *i = create(AS_GZIP);

	if (i == NULL)
		return NULL;
	i->members = true;
	return &i->decoder;
}

struct decoder *
deflate_open(void)
{
	struct inflater *i = create(AS_ZLIB);

	return i == NULL ? NULL : &i->decoder;
}

static void
close_inflater(struct decoder *d)
{
	struct inflater *i = (struct inflater *)d;

	(void)inflateEnd(&i->z); /* only frees */
	free(i);
}

static enum decoded
fail(struct inflater *i, const char *fault)
{
	i->decoder.fault = fault;
	return DECODED_BAD;
}

/* What begins with this byte; false: it cannot be here. */
static bool
begin(struct inflater *i, char first)
{
	int format = AS_GZIP;

	if (i->decoder.whole && !(i->members && first == GZIP_FIRST))
		return false;
	if (!i->members)
		format = (first & ZLIB_METHOD_MASK) == ZLIB_METHOD ? AS_ZLIB
								   : AS_RAW;
	i->within = true;
	i->decoder.whole = false;
	return inflateReset2(&i->z, format) == Z_OK;
}

static enum decoded
feed(struct decoder *d, struct decoding *io)
{
	struct inflater *i = (struct inflater *)d;
	z_stream *z = &i->z;
	int rc = Z_OK;

	z->next_in = (Bytef *)io->in;
	z->avail_in = (uInt)io->in_len;
	z->next_out = (Bytef *)io->out;
	z->avail_out = (uInt)io->room;
	while (i->within || z->avail_in > 0) {
		if (!i->within && !begin(i, (char)*z->next_in))
			return fail(i, "something follows its end");
		rc = inflate(z, Z_NO_FLUSH);
		if (rc != Z_STREAM_END)
			break;
		i->within = false;
		d->whole = true;
	}
	io->in = (const char *)z->next_in;
	io->in_len = z->avail_in;
	io->out = (char *)z->next_out;
	io->room = z->avail_out;
	if (rc == Z_NEED_DICT)
		return fail(i, "it needs a dictionary");
	/* Z_BUF_ERROR: there was nothing to do, which is no error. */
	if (rc != Z_OK && rc != Z_BUF_ERROR && rc != Z_STREAM_END)
		return fail(i, z->msg != NULL ? z->msg : "damaged data");
	return i->within && z->avail_out == 0 ? DECODED_FULL : DECODED_ALL;
}
