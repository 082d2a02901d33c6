/*
 * body.c - see body.h.
 */
#include <string.h>

#include "body.h"

#define PIECE_MAX (8 << 10) /* bytes decoded at a time */
/*
 * A byte in may cost as much as so many that come out: where blocks bring
 * nothing but their tables.
 */
#define WORK_IN 8
#define ROOM_LEAST 4096 /* for what a piece becomes */
#define ROOM_MOST (64 << 10)

void
body_init(struct body *b, struct share *share, size_t *work, uint64_t limit)
{
	memset(b, 0, sizeof(*b));
	b->share = share;
	b->work = work;
	b->limit = limit;
}

static void
close_decoder(struct body *b)
{
	if (b->decoder == NULL)
		return;
	b->decoder->close(b->decoder);
	b->decoder = NULL;
	share_give(b->share, b->decoder_bytes);
	b->decoder_bytes = 0;
	b->full = false;
}

void
body_release(struct body *b)
{
	close_decoder(b);
	share_give(b->share, b->bytes.len);
	buf_release(&b->bytes); /* thousands are idle */
}

uint64_t
body_least(const struct coding *coding, uint64_t len)
{
	uint64_t more = coding == NULL ? 0 : 1024 + len / 64;

	return len > more ? len - more : 0;
}

bool
body_finish(struct body *b, const struct coding *coding)
{
	bool whole = b->decoder != NULL && b->decoder->whole;

	close_decoder(b);
	return whole || coding == NULL;
}

static enum body_result
take_share(struct body *b, size_t bytes)
{
	if (share_take(b->share, bytes, share_body_spare(b->share)))
		return BODY_TAKEN;
	b->short_of = bytes;
	return BODY_SHORT;
}

/* Makes room for more behind it. If not, nothing has changed. */
static enum body_result
make_room(struct body *b, size_t more)
{
	enum body_result rc = take_share(b, more);

	if (rc != BODY_TAKEN || buf_reserve(&b->bytes, more) == 0)
		return rc;
	share_give(b->share, more);
	return BODY_NO_MEMORY;
}

/* There is a decoder, and its memory is counted. */
static enum body_result
ready_decoder(struct body *b, const struct coding *coding)
{
	enum body_result rc;
	size_t more;

	if (b->decoder == NULL)
		b->decoder = coding->open();
	if (b->decoder == NULL)
		return BODY_NO_MEMORY;
	if (b->decoder->memory <= b->decoder_bytes)
		return BODY_TAKEN;
	more = b->decoder->memory - b->decoder_bytes;
	rc = take_share(b, more);
	if (rc == BODY_TAKEN)
		b->decoder_bytes += more;
	return rc;
}

/*
 * Room for what a piece becomes: as much again as there is, within bounds. It
 * ends a byte behind the limit: what comes to lie there is too large.
 */
static size_t
room_for(const struct body *b, size_t len)
{
	uint64_t most = b->limit + 1 - b->bytes.len;
	size_t room = 4 * len > b->bytes.len ? 4 * len : b->bytes.len;

	if (room < ROOM_LEAST)
		room = ROOM_LEAST;
	if (room > ROOM_MOST)
		room = ROOM_MOST;
	return room < most ? room : (size_t)most;
}

/* Decodes a piece, and sets *taken to what was taken of it. */
static enum body_result
decode(struct body *b, const struct coding *coding, const char *p, size_t len,
    size_t *taken)
{
	size_t room = room_for(b, len), work;
	enum body_result rc = ready_decoder(b, coding);
	struct decoding io = {.in = p, .in_len = len, .room = room};

	*taken = 0;
	if (rc == BODY_TAKEN)
		rc = make_room(b, room);
	if (rc != BODY_TAKEN)
		return rc;
	io.out = b->bytes.data + b->bytes.len;
	b->full = b->decoder->feed(b->decoder, &io) == DECODED_FULL;
	share_give(b->share, io.room);
	room -= io.room;
	len -= io.in_len;
	b->bytes.len += room;
	if (room > len)
		b->gained += room - len;
	work = room + WORK_IN * len;
	*b->work -= work < *b->work ? work : *b->work;
	*taken = len;
	if (b->decoder->fault != NULL)
		return BODY_BAD;
	return b->bytes.len > b->limit ? BODY_TOO_LARGE : BODY_TAKEN;
}

enum body_result
body_take(struct body *b, const struct coding *coding, const char *p,
    size_t len, size_t *taken)
{
	enum body_result rc = BODY_TAKEN;
	size_t n;

	*taken = 0;
	if (coding == NULL) {
		if (len > b->limit - b->bytes.len)
			return BODY_TOO_LARGE;
		rc = make_room(b, len);
		if (rc != BODY_TAKEN || len == 0)
			return rc;
		memcpy(b->bytes.data + b->bytes.len, p, len);
		b->bytes.len += len;
		*taken = len;
		return rc;
	}
	while (rc == BODY_TAKEN && (len > 0 || b->full)) {
		if (*b->work == 0)
			return BODY_AGAIN;
		rc =
		    decode(b, coding, p, len < PIECE_MAX ? len : PIECE_MAX, &n);
		p += n;
		len -= n;
		*taken += n;
	}
	return rc;
}
