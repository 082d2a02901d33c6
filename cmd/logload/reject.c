/*
 * reject.c - see reject.h.
 *
 * A line may be as large as its file, so its text is copied in pieces, from
 * where it lies.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base64.h"
#include "clock.h"
#include "json.h"
#include "reject.h"
#include "row/value.h"
#include "utf8.h"

#define PIECE 24576 /* a multiple of 3, for base64 */
#define FLUSH_AT (64 * 1024)

typedef int put_piece(struct buf *, const char *, size_t);

static int flush(struct reject *, struct error *);
static int give_up(struct reject *, const struct error *);
static uint64_t growth(const struct reject *);
static int lock_old(struct reject *, int *fd, struct error *);
static int remove_old(struct reject *, int fd, struct error *);
static int put_source(struct reject *, struct buf *);
static int put_head(struct reject *, const struct line *,
    const struct reject_reason *, struct error *);
static int put_text(struct reject *, struct source *, const struct line *,
    const struct reject_reason *, struct error *);
static int put_plain(struct buf *, const char *, size_t);
static int put_pieces(struct reject *, struct source *, const struct line *,
    put_piece *, struct error *);

void
reject_init(struct reject *r, int dir, const char *suffix)
{
	memset(r, 0, sizeof(*r));
	r->dir = dir;
	r->suffix = suffix;
	r->draft = (struct spool_draft)SPOOL_DRAFT_INIT;
}

void
reject_release(struct reject *r)
{
	reject_discard(r);
	buf_release(&r->out);
}

int
reject_begin(struct reject *r, const char *source, const char *stem,
    uint64_t offset, struct error *err)
{
	char place[24] = "";
	struct stat st;
	int n;

	reject_discard(r);
	r->lacking = r->lost = 0;
	r->source = source;
	if (offset > 0)
		(void)snprintf(
		    place, sizeof(place), "+%llu", (unsigned long long)offset);
	n = snprintf(
	    r->name, sizeof(r->name), "%s%s%s", stem, place, r->suffix);
	if (n < 0 || (size_t)n >= sizeof(r->name))
		return error_set(err,
		    "name a file for what %s has rejected: "
		    "too long",
		    source);
	/* What an earlier try of this chunk has left makes way for this one. */
	if (r->room != NULL &&
	    fstatat(r->dir, r->name, &st, AT_SYMLINK_NOFOLLOW) == 0)
		r->replaces = (uint64_t)st.st_size;
	return 0;
}

/* So many bytes are a file now, in place of what was there. */
static void
settle(struct reject *r, uint64_t bytes, uint64_t replaced)
{
	if (r->room != NULL)
		room_settle(r->room, r->taken, bytes, replaced);
	r->taken = 0;
}

void
reject_discard(struct reject *r)
{
	spool_draft_discard(&r->draft);
	settle(r, 0, 0);
	r->out.len = 0;
	r->written = r->replaces = 0;
	r->whole = r->end = (struct reject_mark){0, 0};
	r->full = false;
}

/* Cuts the draft back to so many bytes. */
static int
cut(struct reject *r, uint64_t bytes, struct error *err)
{
	if (r->draft.fd >= 0 &&
	    (ftruncate(r->draft.fd, (off_t)bytes) < 0 ||
		lseek(r->draft.fd, (off_t)bytes, SEEK_SET) < 0))
		return error_errno(err, "cut %s", r->name);
	return 0;
}

/* The chunk has nothing in rejected/. */
static int
publish_none(struct reject *r, int old, struct error *err)
{
	uint64_t replaced = r->replaces;

	reject_discard(r);
	if (old >= 0 && remove_old(r, old, err) < 0)
		return -1;
	settle(r, 0, replaced);
	/*
	 * Even if there was nothing to remove: an earlier try may have removed
	 * it and died, and a power cut after the commit would bring the
	 * records back beside their rows.
	 */
	if (fsync(r->dir) < 0)
		return error_errno(err, "sync the directory of %s", r->name);
	return 0;
}

int
reject_publish(struct reject *r, struct error *err)
{
	int old, rc;

	if (r->end.count > 0 && flush(r, err) < 0)
		return -1;
	if (r->full && !r->room->drop) {
		r->lacking = growth(r);
		return room_refuse(r->room, r->lacking, err);
	}
	if (r->full) {
		r->lost = r->end.count - r->whole.count;
		r->end = r->whole;
	}
	if (lock_old(r, &old, err) < 0)
		return -1;
	if (r->end.count == 0) {
		rc = publish_none(r, old, err);
	} else if ((rc = spool_draft_publish(&r->draft, true, err)) < 0) {
		rc = give_up(r, err);
	} else {
		settle(r, r->end.bytes, r->replaces);
	}
	if (old >= 0)
		(void)close(old); /* only read from */
	return rc;
}

/*
 * What an earlier try of this chunk has left: *fd, or -1. Locked, since a retry
 * that is at it (see retry.h) removes it in the end, which must not be a newer
 * one of that name.
 */
static int
lock_old(struct reject *r, int *fd, struct error *err)
{
	*fd = openat(
	    r->dir, r->name, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
	if (*fd < 0)
		return errno == ENOENT || errno == ELOOP
			   ? 0
			   : error_errno(err, "open %s", r->name);
	if (flock(*fd, LOCK_EX | LOCK_NB) == 0)
		return 0;
	(void)close(*fd); /* only read from */
	*fd = -1;
	(void)error_set(err, "%s: a --retry-rejected is at it", r->name);
	err->code = EAGAIN;
	return -1;
}

/* Removes it: it was never committed. A file that is not ours stays. */
static int
remove_old(struct reject *r, int fd, struct error *err)
{
	struct buf ours = {0};
	char head[2048];
	ssize_t n = 0;
	int rc = 0;

	if (put_source(r, &ours) == 0 && ours.len <= sizeof(head))
		n = pread(fd, head, ours.len, 0);
	if (n > 0 && (size_t)n == ours.len &&
	    memcmp(head, ours.data, ours.len) == 0 &&
	    unlinkat(r->dir, r->name, 0) < 0 && errno != ENOENT)
		rc = error_errno(err, "remove %s", r->name);
	buf_release(&ours);
	return rc;
}

/* By how much rejected/ grows, if all becomes a file. */
static uint64_t
growth(const struct reject *r)
{
	uint64_t bytes = r->written + r->out.len;

	return bytes > r->replaces ? bytes - r->replaces : 0;
}

/* Is there room for what is to be written? */
static bool
take_room(struct reject *r)
{
	uint64_t want = growth(r);

	if (r->full || r->room == NULL || want <= r->taken)
		return true;
	if (!room_take(r->room, want - r->taken, r->name))
		return false;
	r->taken = want;
	return true;
}

static int
write_out(struct reject *r, struct error *err)
{
	if (r->draft.fd < 0 &&
	    spool_draft_open(&r->draft, r->dir, r->name, err) < 0)
		return -1;
	return spool_draft_write(&r->draft, r->out.data, r->out.len, err);
}

/* How much a full disk lacks, nobody can tell. */
static int
give_up(struct reject *r, const struct error *err)
{
	if (spool_is_full(err->code))
		r->lacking = UINT64_MAX;
	return -1;
}

static int
flush(struct reject *r, struct error *err)
{
	bool drops = r->room != NULL && r->room->drop;

	if (!take_room(r))
		r->full = true;
	while (!r->full && write_out(r, err) < 0) {
		if (!drops || !spool_is_full(err->code))
			return give_up(r, err);
		r->full = !room_drop(r->room, r->name);
		if (cut(r, r->written, err) < 0)
			return -1;
	}
	if (!r->full)
		r->whole = r->end;
	else if (cut(r, r->whole.bytes, err) < 0)
		return -1;
	r->written += r->out.len;
	r->out.len = 0;
	return 0;
}

static int
flush_if_large(struct reject *r, struct error *err)
{
	return r->out.len >= FLUSH_AT ? flush(r, err) : 0;
}

/* The end of a record. */
static int
finish_record(struct reject *r, const char *end, struct error *err)
{
	if (buf_append(&r->out, end, strlen(end)) < 0)
		return error_errno(err, "write %s", r->name);
	r->end.bytes = r->written + r->out.len;
	r->end.count++;
	return flush_if_large(r, err);
}

int
reject_add(struct reject *r, struct source *source, const struct line *line,
    const struct reject_reason *why, struct error *err)
{
	if (r->end.count == 0 || r->first[0] == '\0')
		(void)snprintf(r->first, sizeof(r->first), "%s", why->text);
	if (put_head(r, line, why, err) < 0 ||
	    put_text(r, source, line, why, err) < 0)
		return -1;
	return finish_record(r, "}\n", err);
}

int
reject_copy(struct reject *r, struct source *source, const struct line *line,
    struct error *err)
{
	if (r->end.count == 0)
		r->first[0] = '\0';
	if (put_pieces(r, source, line, put_plain, err) < 0)
		return -1;
	return finish_record(r, "\n", err);
}

/* A JSON string. */
static int
put_string(struct buf *b, const char *text, size_t len)
{
	if (buf_reserve(b, 6 * len + 2) < 0)
		return -1;
	b->len += json_string_encode(text, len, b->data + b->len);
	return 0;
}

/* How every record begins. */
static int
put_source(struct reject *r, struct buf *b)
{
	return buf_printf(b, "{\"file\":") < 0 ||
		       put_string(b, r->source, strlen(r->source)) < 0 ||
		       buf_printf(b, ",\"line\":") < 0
		   ? -1
		   : 0;
}

/* A row's instant, as RFC 3339 has it. */
static int
put_received(struct buf *b, const char *at)
{
	return at == NULL ? 0
			  : buf_printf(b, ",\"received_at\":\"%.10sT%.*sZ\"",
				at, VALUE_DATETIME_LEN - 11, at + 11);
}

static int
put_head(struct reject *r, const struct line *line,
    const struct reject_reason *why, struct error *err)
{
	char stamp[CLOCK_STAMP_LEN + 1];
	struct buf *b = &r->out;

	clock_stamp(clock_wall_us(), stamp);
	if (put_source(r, b) < 0 ||
	    buf_printf(b, "%llu,\"offset\":%llu",
		(unsigned long long)line->number,
		(unsigned long long)why->offset) < 0 ||
	    put_received(b, why->received_at) < 0 ||
	    buf_printf(b, ",\"file_id\":%llu,\"code\":%s,\"text\":",
		(unsigned long long)why->file_id,
		why->code == NULL ? "0" : why->code) < 0 ||
	    put_string(b, why->text, strlen(why->text)) < 0 ||
	    buf_printf(b, ",\"rejected_at\":\"%s\"", stamp) < 0)
		return error_errno(err, "write %s", r->name);
	return 0;
}

/*
 * Text in pieces
 */

/* Up to PIECE bytes of the line, from `at` of it on. */
static ssize_t
read_piece(struct source *source, const struct line *line, uint64_t at,
    char piece[PIECE], struct error *err)
{
	size_t want = line->len - at < PIECE ? (size_t)(line->len - at) : PIECE;
	size_t have = 0;

	while (have < want) {
		ssize_t n = source_read(source, line->offset + at + have,
		    piece + have, want - have, err);

		if (n < 0)
			return -1;
		if (n == 0)
			return error_set(err, "read: a line has gone");
		have += (size_t)n;
	}
	return (ssize_t)have;
}

/* How much of a piece ends with a whole character, if it is UTF-8 at all. */
static size_t
whole_characters(
    const struct line *line, uint64_t at, const char *piece, size_t len)
{
	return at + len < line->len ? utf8_cut(piece, len - 1) : len;
}

static int
is_utf8(struct source *source, const struct line *line, bool *yes,
    struct error *err)
{
	char piece[PIECE];
	uint64_t at = 0;

	*yes = true;
	while (*yes && at < line->len) {
		ssize_t n = read_piece(source, line, at, piece, err);
		size_t whole;

		if (n < 0)
			return -1;
		whole = whole_characters(line, at, piece, (size_t)n);
		/* As a string each NUL would be six bytes. */
		*yes = json_is_utf8(piece, whole) &&
		       memchr(piece, '\0', whole) == NULL;
		at += whole;
	}
	return 0;
}

/* The inside of a JSON string. */
static int
put_escaped(struct buf *b, const char *piece, size_t len)
{
	size_t start = b->len, n;

	if (put_string(b, piece, len) < 0)
		return -1;
	/* The pieces' own quotes go; those of the whole are the caller's. */
	n = b->len - start - 2;
	memmove(b->data + start, b->data + start + 1, n);
	b->len = start + n;
	return 0;
}

static int
put_base64(struct buf *b, const char *piece, size_t len)
{
	if (buf_reserve(b, base64_length(len)) < 0)
		return -1;
	base64_encode(piece, len, b->data + b->len);
	b->len += base64_length(len);
	return 0;
}

/* JSON, where line breaks stand between tokens alone: they become spaces. */
static int
put_plain(struct buf *b, const char *piece, size_t len)
{
	char *p;

	if (buf_append(b, piece, len) < 0)
		return -1;
	p = b->data + b->len - len;
	for (size_t i = 0; i < len; i++) {
		if (p[i] == '\n' || p[i] == '\r')
			p[i] = ' ';
	}
	return 0;
}

static int
put_pieces(struct reject *r, struct source *source, const struct line *line,
    put_piece *put, struct error *err)
{
	char piece[PIECE];
	uint64_t at = 0;

	while (at < line->len) {
		ssize_t n = read_piece(source, line, at, piece, err);
		size_t whole;

		if (n < 0)
			return -1;
		whole = (size_t)n;
		if (put == put_escaped)
			whole = whole_characters(line, at, piece, whole);
		if (put(&r->out, piece, whole) < 0)
			return error_errno(err, "write %s", r->name);
		if (flush_if_large(r, err) < 0)
			return -1;
		at += whole;
	}
	return 0;
}

static int
put_text(struct reject *r, struct source *source, const struct line *line,
    const struct reject_reason *why, struct error *err)
{
	const char *member = why->member, *quote = "";
	put_piece *put = put_plain;
	bool text = false;

	if (member == NULL) {
		if (is_utf8(source, line, &text, err) < 0)
			return -1;
		member = text ? "raw" : "base64";
		quote = "\"";
		put = text ? put_escaped : put_base64;
	}
	if (buf_printf(&r->out, ",\"%s\":%s", member, quote) < 0)
		return error_errno(err, "write %s", r->name);
	if (put_pieces(r, source, line, put, err) < 0)
		return -1;
	if (buf_printf(&r->out, "%s", quote) < 0)
		return error_errno(err, "write %s", r->name);
	return 0;
}
