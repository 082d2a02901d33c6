/*
 * logrecv-coding.c - decompression: the same bytes and the same fault in
 * whatever pieces it comes, and however little room there is for it; and what a
 * library compresses is what it was.
 */
#include <zlib.h>
#include <zstd.h>

#include "../../cmd/logrecv/coding/coding.h"
#include "fuzz.h"

#define MOST (1 << 16) /* bytes that come out; the rest is left there */

struct decoded_text {
	struct buf out;
	const char *fault;
	bool whole;
};

static struct decoded_text
decode(const struct coding *coding, struct input in, uint32_t cuts)
{
	struct decoder *d = coding->open();
	struct decoded_text t = {.out = {0}};
	enum decoded what = DECODED_ALL;

	check(d != NULL);
	while (what != DECODED_BAD && t.out.len < MOST &&
	       (in.len > 0 || what == DECODED_FULL)) {
		size_t n = input_piece(&cuts, in.len), most = MOST - t.out.len;
		size_t room = input_piece(&cuts, most);
		struct decoding io = {in.p, n, NULL, room};

		check(buf_reserve(&t.out, room) == 0);
		io.out = t.out.data + t.out.len;
		what = d->feed(d, &io);
		check(io.in_len <= n && io.room <= room);
		check(what != DECODED_ALL || io.in_len == 0);
		check((what == DECODED_BAD) == (d->fault != NULL));
		t.out.len += room - io.room;
		in.p += n - io.in_len;
		in.len -= n - io.in_len;
	}
	t.fault = d->fault;
	t.whole = what == DECODED_ALL && d->whole;
	d->close(d);
	return t;
}

/* Of what is damaged, more or less may have come out before it was seen. */
static bool
is_same(const struct decoded_text *a, const struct decoded_text *b)
{
	size_t len = a->out.len < b->out.len ? a->out.len : b->out.len;

	if (len > 0 && memcmp(a->out.data, b->out.data, len) != 0)
		return false;
	if (a->out.len == MOST || b->out.len == MOST)
		return true; /* each has stopped where it was */
	return (a->fault == NULL) == (b->fault == NULL) &&
	       (a->fault != NULL ||
		   (a->whole == b->whole && a->out.len == b->out.len));
}

/* The caller releases it. */
static struct buf
compress_as(unsigned kind, struct input in)
{
	static const int window[] = {15 + 16, 15, -15};
	z_stream z = {.next_in = (Bytef *)in.p, .avail_in = (uInt)in.len};
	size_t most = compressBound(in.len) + ZSTD_compressBound(in.len) + 64;
	struct buf out = {0};

	check(buf_reserve(&out, most) == 0);
	if (kind == 3) {
		out.len = ZSTD_compress(out.data, out.cap, in.p, in.len, 1);
		check(ZSTD_isError(out.len) == 0);
		return out;
	}
	z.next_out = (Bytef *)out.data;
	z.avail_out = (uInt)out.cap;
	check(deflateInit2(&z, 1, Z_DEFLATED, window[kind], 8,
		  Z_DEFAULT_STRATEGY) == Z_OK &&
	      deflate(&z, Z_FINISH) == Z_STREAM_END);
	out.len = out.cap - z.avail_out;
	check(deflateEnd(&z) == Z_OK);
	return out;
}

static const struct coding *
coding_of(unsigned kind)
{
	static const struct http_text names[] = {
	    {"gzip", 4}, {"deflate", 7}, {"deflate", 7}, {"zstd", 4}};
	const struct coding *coding = coding_find(names[kind]);

	check(coding != NULL);
	return coding;
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct input in = input_of(data, size);
	unsigned how = input_byte(&in), cuts = 1 + input_byte(&in);
	const struct coding *coding = coding_of(how % 4);
	struct decoded_text whole, cut;
	struct buf packed;

	if (how < 128) {
		whole = decode(coding, in, 0);
		cut = decode(coding, in, cuts);
		/*
		 * libzstd 1.5 does not hold a frame that comes in pieces to
		 * the size that it tells, where its last block is empty.
		 */
		check(is_same(&whole, &cut) ||
		      (how % 4 == 3 && whole.fault != NULL));
		buf_release(&whole.out);
		buf_release(&cut.out);
		return 0;
	}
	packed = compress_as(how % 4, in);
	cut = decode(coding, (struct input){packed.data, packed.len}, cuts);
	check(cut.fault == NULL && (cut.whole || in.len >= MOST));
	check(in.len >= MOST ||
	      (cut.out.len == in.len &&
		  (in.len == 0 || memcmp(cut.out.data, in.p, in.len) == 0)));
	buf_release(&packed);
	buf_release(&cut.out);
	return 0;
}
