/*
 * logrecv-coding.c - what a client has compressed is the same in whatever
 * pieces it comes; what is cut short, damaged, or followed by more is nothing;
 * and a few bytes that become many cost no more than is allowed.
 */
#include <zlib.h>
#include <zstd.h>

#include "../../cmd/logrecv/body.h"
#include "tap.h"

#define TEXT_BYTES 40000
#define LIMIT (1 << 20)
#define BUDGET (64 << 20)

static char text[TEXT_BYTES];
static uint64_t seed = 20261122;
static struct budget budget;
static struct share share;
static size_t work;

/* The codings as clients write them. */
struct sample {
	const char *name, *coding;
	void (*make)(struct buf *out, const char *data, size_t len);
	bool more_may_follow; /* another member or frame */
	bool checked;         /* damage cannot pass as another text */
};

static void
deflate_as(struct buf *out, const char *data, size_t len, int window_bits)
{
	z_stream z = {0};

	must(deflateInit2(&z, 6, Z_DEFLATED, window_bits, 8,
		 Z_DEFAULT_STRATEGY) == Z_OK);
	must(buf_reserve(out, deflateBound(&z, len)) == 0);
	z.next_in = (Bytef *)data;
	z.avail_in = (uInt)len;
	z.next_out = (Bytef *)out->data + out->len;
	z.avail_out = (uInt)(out->cap - out->len);
	must(deflate(&z, Z_FINISH) == Z_STREAM_END);
	out->len = out->cap - z.avail_out;
	must(deflateEnd(&z) == Z_OK);
}

static void
make_gzip(struct buf *out, const char *data, size_t len)
{
	deflate_as(out, data, len, 15 + 16);
}

static void
make_zlib(struct buf *out, const char *data, size_t len)
{
	deflate_as(out, data, len, 15);
}

static void
make_raw(struct buf *out, const char *data, size_t len)
{
	deflate_as(out, data, len, -15);
}

static void
make_members(struct buf *out, const char *data, size_t len)
{
	make_gzip(out, data, len / 3);
	make_gzip(out, "", 0);
	make_gzip(out, data + len / 3, len - len / 3);
}

/* As zstd(1) does: length known or not, and with a check sum. */
static void
zstd_as(struct buf *out, const char *data, size_t len, bool streamed)
{
	ZSTD_CCtx *c = ZSTD_createCCtx();
	ZSTD_inBuffer in = {data, len, 0};
	ZSTD_outBuffer to;

	must(c != NULL && buf_reserve(out, ZSTD_compressBound(len) + 64) == 0);
	(void)ZSTD_CCtx_setParameter(c, ZSTD_c_checksumFlag, 1);
	if (!streamed)
		(void)ZSTD_CCtx_setPledgedSrcSize(c, len);
	to = (ZSTD_outBuffer){out->data + out->len, out->cap - out->len, 0};
	if (streamed)
		must(!ZSTD_isError(
		    ZSTD_compressStream2(c, &to, &in, ZSTD_e_flush)));
	must(ZSTD_compressStream2(c, &to, &in, ZSTD_e_end) == 0);
	out->len += to.pos;
	(void)ZSTD_freeCCtx(c);
}

static void
make_zstd(struct buf *out, const char *data, size_t len)
{
	zstd_as(out, data, len, false);
}

static void
make_frames(struct buf *out, const char *data, size_t len)
{
	static const char skipped[] = "\x5f\x2a\x4d\x18\x03\0\0\0abc"
				      "\x50\x2a\x4d\x18\0\0\0\0";

	must(buf_append(out, skipped, sizeof(skipped) - 1) == 0);
	zstd_as(out, data, len / 3, true);
	must(buf_append(out, skipped, sizeof(skipped) - 1) == 0);
	zstd_as(out, data + len / 3, len - len / 3, false);
}

static const struct sample samples[] = {
    {"gzip", "gzip", make_gzip, true, true},
    {"three members of gzip", "x-gzip", make_members, true, true},
    {"deflate", "deflate", make_zlib, false, true},
    {"deflate without its wrapping", "DEFLATE", make_raw, false, false},
    {"zstd", "zstd", make_zstd, true, true},
    {"frames of zstd", "zstd", make_frames, true, true},
};
#define SAMPLES (sizeof(samples) / sizeof(samples[0]))

static const struct coding *
coding_of(const struct sample *s)
{
	const struct coding *c =
	    coding_find((struct http_text){s->coding, strlen(s->coding)});

	must(c != NULL);
	return c;
}

/* What the decoder makes of it, at most `piece` bytes in and out at a time. */
static bool
decode(const struct coding *coding, const struct buf *in, size_t piece,
    struct buf *out, const char **fault)
{
	struct decoder *d = coding->open();
	enum decoded what = DECODED_ALL;
	size_t at = 0;
	bool whole;

	must(d != NULL);
	out->len = 0;
	while (what != DECODED_BAD && out->len <= LIMIT &&
	       (at < in->len || what == DECODED_FULL)) {
		/* A copy of its own: a byte beyond it would be noticed. */
		size_t n = in->len - at < piece ? in->len - at : piece;
		size_t room = piece == 1 ? 1 : piece * 4 + 1;
		char *from = malloc(n + (n == 0)), *to = malloc(room);
		struct decoding io = {from, n, to, room};

		must(from != NULL && to != NULL);
		memcpy(from, in->data + at, n);
		what = d->feed(d, &io);
		must(buf_append(out, to, room - io.room) == 0);
		at += n - io.in_len;
		free(from);
		free(to);
		if (piece > 1)
			piece = 2 + (size_t)(tap_random(&seed) % 5000);
	}
	*fault = d->fault;
	whole = what == DECODED_ALL && d->whole;
	d->close(d);
	return whole;
}

static bool
is_same(const struct buf *b, const char *data, size_t len)
{
	return b->len == len && memcmp(b->data, data, len) == 0;
}

static void
test_pieces(const struct sample *s)
{
	struct buf in = {0}, out = {0};
	const char *fault;
	bool whole;

	s->make(&in, text, TEXT_BYTES);
	whole = decode(coding_of(s), &in, LIMIT, &out, &fault);
	ok(whole && is_same(&out, text, TEXT_BYTES), "%s, at once", s->name);
	whole = decode(coding_of(s), &in, 1, &out, &fault);
	ok(whole && is_same(&out, text, TEXT_BYTES), "byte for byte");
	for (int i = 0; i < 20; i++) {
		whole = decode(coding_of(s), &in, 2, &out, &fault);
		if (!whole || !is_same(&out, text, TEXT_BYTES))
			break;
	}
	ok(whole && is_same(&out, text, TEXT_BYTES), "in pieces of any size");
	buf_release(&in);
	buf_release(&out);
}

static void
test_ends(const struct sample *s)
{
	static const char small[] = "{\"event\":\"user_login\"}\n";
	/* Another member or frame may begin with the last three. */
	static const char ends[] = {0, '\n', ' ', '{', 0x1f, '(', 'P'};
	struct tap_all cuts = {0}, damages = {0};
	struct buf in = {0}, out = {0};
	const char *fault;
	size_t len, whole = 0;

	s->make(&in, small, sizeof(small) - 1);
	len = in.len;
	for (in.len = 0; in.len < len; in.len++) {
		/* At the end of a member or frame it is whole, but another. */
		if (decode(coding_of(s), &in, LIMIT, &out, &fault)) {
			whole++;
			tap_case(&cuts,
			    !is_same(&out, small, sizeof(small) - 1),
			    "%zu bytes of %zu", in.len, len);
		} else {
			tap_case(
			    &cuts, fault == NULL, "at %zu: %s", in.len, fault);
		}
	}
	tap_all(&cuts, "what is cut short is not damaged, nor whole");
	is_number(whole,
	    s->make == make_members  ? 2
	    : s->make == make_frames ? 5
				     : 0,
	    "but where a member or frame ends");
	for (size_t i = 0; i < sizeof(ends); i++) {
		must(buf_append(&in, &ends[i], 1) == 0);
		ok(!decode(coding_of(s), &in, LIMIT, &out, &fault),
		    "a byte %d behind it", ends[i]);
		in.len--;
	}
	must(buf_append(&in, "xxxx", 4) == 0);
	ok(!decode(coding_of(s), &in, LIMIT, &out, &fault) && fault != NULL,
	    "something behind it is a fault: %s", fault);
	in.len = len;
	for (size_t bit = 0; bit < 8 * len; bit++) {
		in.data[bit / 8] ^= (char)(1 << bit % 8);
		if (decode(
			coding_of(s), &in, 1 + bit % 2 * LIMIT, &out, &fault) &&
		    s->checked)
			/* What is said of the file, the time say, may differ.
			 */
			tap_case(&damages,
			    is_same(&out, small, sizeof(small) - 1) ||
				s->make == make_frames ||
				s->make == make_members,
			    "bit %zu", bit);
		in.data[bit / 8] ^= (char)(1 << bit % 8);
	}
	if (damages.cases > 0)
		tap_all(&damages, "what is damaged is not taken for another");
	buf_release(&in);
	buf_release(&out);
}

/* Bytes as nobody has written them: no fault of memory, and no end of it. */
static void
test_mutants(const struct sample *s)
{
	struct buf in = {0}, out = {0}, good = {0};
	struct tap_all all = {0};
	const char *fault;

	s->make(&good, text, 3000);
	for (int i = 0; i < 3000; i++) {
		uint64_t n = 1 + tap_random(&seed) % 8;

		in.len = 0;
		must(buf_append(&in, good.data, good.len) == 0);
		while (n-- > 0)
			in.data[tap_random(&seed) % in.len] =
			    (char)tap_random(&seed);
		if (tap_random(&seed) % 4 == 0)
			in.len = tap_random(&seed) % in.len;
		(void)decode(coding_of(s), &in, 1 + i % 3 * 700, &out, &fault);
		tap_case(
		    &all, out.len <= LIMIT + 4 * LIMIT + 1, "%zu", out.len);
	}
	tap_all(&all, "damaged in any way it ends");
	buf_release(&in);
	buf_release(&out);
	buf_release(&good);
}

/* Is it refused, and why? */
static const char *
fault_of(const char *name, const char *data, size_t len)
{
	struct buf in = {(char *)data, len, 0}, out = {0};
	const char *fault;
	bool whole = decode(coding_find((struct http_text){name, strlen(name)}),
	    &in, LIMIT, &out, &fault);

	buf_release(&out);
	return whole ? "whole" : fault == NULL ? "cut short" : fault;
}

static void
test_refusals(void)
{
	/* Magic number, no flags, and windows of 8 MiB and of more. */
	is_text(fault_of("zstd", "(\xb5/\xfd\0\x68", 6), "cut short",
	    "a window of zstd may be 8 MiB");
	is_text(fault_of("zstd", "(\xb5/\xfd\0\x69", 6),
	    "its window is over 8 MiB", "and no more");
	is_text(fault_of("zstd", "'\xb5/\xfd\0\0\0\0", 8),
	    "it begins otherwise", "a format of before the standard");
	is_text(fault_of("zstd", "(\xb5/\xfd\x01\x58\x07\x01\0\0", 10),
	    "Dictionary mismatch", "zstd with a dictionary");
	is_text(fault_of("deflate", "\x78\xbb\0\0\0\x01", 6),
	    "it needs a dictionary", "deflate with one");
	is_text(fault_of("gzip", "{}", 2), "incorrect header check",
	    "what is not compressed");
	is_text(
	    fault_of("zstd", "{}{}", 4), "it begins otherwise", "nor is this");
	is_text(fault_of("gzip", "", 0), "cut short", "nothing at all");
	ok(coding_find((struct http_text){"br", 2}) == NULL &&
		coding_find((struct http_text){"gzip, gzip", 10}) == NULL &&
		coding_find((struct http_text){"", 0}) == NULL &&
		coding_find((struct http_text){"gzi", 3}) == NULL,
	    "other names are none");
}

/*
 * Bodies
 */

/* Takes it in turns, as a connection does; the last result. */
static enum body_result
take(struct body *b, const struct coding *coding, const struct buf *in,
    size_t piece, unsigned *turns, size_t *most)
{
	enum body_result rc = BODY_TAKEN;
	size_t at = 0, before = 0, n;

	*turns = 1;
	*most = 0;
	work = BODY_WORK_MAX;
	while (rc == BODY_TAKEN || rc == BODY_AGAIN) {
		if (rc == BODY_TAKEN && at == in->len)
			break;
		if (rc == BODY_AGAIN) {
			before = b->bytes.len;
			work = BODY_WORK_MAX;
			(*turns)++;
		}
		n = in->len - at < piece ? in->len - at : piece;
		rc = body_take(b, coding, in->data + at, n, &n);
		at += n;
		if (b->bytes.len - before > *most)
			*most = b->bytes.len - before;
	}
	return rc;
}

static void
test_bodies(void)
{
	size_t size = 4 * LIMIT;
	char *zeros = calloc(1, size);
	struct buf in = {0};
	struct body b;
	unsigned turns;
	size_t most;
	uint64_t before;

	must(zeros != NULL);
	for (size_t i = 0; i < SAMPLES; i++) {
		const struct sample *s = &samples[i];
		const struct coding *coding = coding_of(s);

		in.len = 0;
		s->make(&in, zeros, size);
		body_init(&b, &share, &work, LIMIT);
		is_number(take(&b, coding, &in, 4096, &turns, &most),
		    BODY_TOO_LARGE, s->name);
		ok(share.held <= LIMIT + 1 + b.decoder_bytes &&
			b.decoder_bytes < (9 << 20),
		    "a bomb costs the limit: %llu bytes of %zu",
		    (unsigned long long)share.held, in.len);
		ok(turns >= LIMIT / BODY_WORK_MAX &&
			most <= BODY_WORK_MAX + (64 << 10),
		    "in %u turns, of %zu bytes at most", turns, most);
		body_release(&b);
		is_number(share.held, 0, "all is given back");

		in.len = 0;
		s->make(&in, zeros, LIMIT);
		is_number(take(&b, coding, &in, 1, &turns, &most), BODY_TAKEN,
		    "what is as long as the limit is taken");
		ok(b.decoder_bytes > 30000, "its decoder counts: %zu",
		    b.decoder_bytes);
		ok(body_finish(&b, coding) && b.bytes.len == LIMIT,
		    "as a whole");
		is_number(share.held, LIMIT, "and is all that counts then");
		body_release(&b);
		in.len = 0;
		s->make(&in, zeros, LIMIT + 1);
		is_number(take(&b, coding, &in, 777, &turns, &most),
		    BODY_TOO_LARGE, "a byte more is not");
		body_release(&b);
	}
	/* What brings less than it is does not look slower, nor faster. */
	in.len = 0;
	for (int i = 0; i < 100; i++)
		make_gzip(&in, "", 0);
	before = b.gained;
	is_number(take(&b, coding_of(&samples[0]), &in, 100, &turns, &most),
	    BODY_TAKEN, "members of nothing are taken");
	ok(b.gained == before && b.bytes.len == 0, "and are nothing");
	body_release(&b);
	/* Without room for it, nothing has changed; and with it, it goes on. */
	in.len = 0;
	make_gzip(&in, text, TEXT_BYTES);
	must(share_take(&share, BUDGET, 0));
	is_number(take(&b, coding_of(&samples[0]), &in, 100, &turns, &most),
	    BODY_SHORT, "without room for the decoder it waits");
	share_give(&share, BUDGET);
	is_number(take(&b, coding_of(&samples[0]), &in, 100, &turns, &most),
	    BODY_TAKEN, "and goes on when there is some");
	ok(is_same(&b.bytes, text, TEXT_BYTES), "from its first byte");
	body_release(&b);
	is_number(share.held, 0, "all is given back");
	buf_release(&in);
	free(zeros);
}

int
main(void)
{
	struct address a;
	size_t n = 0;

	must(budget_init(&budget, BUDGET) == 0);
	must(address_parse(&a, "192.0.2.1", 9) == 0);
	must(share_open(&share, &budget, &a) == 0);
	while (n + 80 < TEXT_BYTES)
		n += (size_t)snprintf(text + n, 80,
		    "{\"event\":\"user_login\",\"user_id\":%llu}\n",
		    (unsigned long long)(tap_random(&seed) >> 30));
	for (; n < TEXT_BYTES; n++)
		text[n] = (char)tap_random(&seed); /* not to be compressed */
	for (size_t i = 0; i < SAMPLES; i++) {
		test_pieces(&samples[i]);
		test_ends(&samples[i]);
		test_mutants(&samples[i]);
	}
	test_refusals();
	test_bodies();
	share_close(&share);
	budget_release(&budget);
	return tap_end();
}
