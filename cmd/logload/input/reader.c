/*
 * reader.c - see reader.h.
 */
#include <stdlib.h>
#include <string.h>

#include "reader.h"

#define READ_SIZE (256 * 1024)

int
reader_init(struct reader *r, size_t max, uint64_t keep)
{
	memset(r, 0, sizeof(*r));
	r->max = max;
	r->keep = keep > max ? keep : max;
	r->cap = READ_SIZE;
	r->buf = malloc(r->cap);
	return r->buf == NULL ? -1 : 0;
}

void
reader_release(struct reader *r)
{
	free(r->buf);
	r->buf = NULL;
}

void
reader_begin(
    struct reader *r, struct source *source, uint64_t at, uint64_t before)
{
	r->source = source;
	r->at = at;
	r->number = before;
	r->begin = r->len = 0;
	r->unfit = r->closed = false;
}

/* Makes room behind what is held: moves it to the front, or grows. */
static int
make_room(struct reader *r)
{
	char *buf;

	if (r->begin > 0) {
		memmove(r->buf, r->buf + r->begin, r->len);
		r->begin = 0;
	}
	if (r->cap - r->len >= READ_SIZE / 2)
		return 0;
	buf = realloc(r->buf, r->cap * 2);
	if (buf == NULL)
		return -1;
	r->buf = buf;
	r->cap *= 2;
	return 0;
}

ssize_t
reader_fill(struct reader *r, struct error *err)
{
	ssize_t n;

	if (make_room(r) < 0)
		return error_errno(err, "read");
	n = source_read(
	    r->source, r->at + r->len, r->buf + r->len, r->cap - r->len, err);
	if (n <= 0)
		return n;
	r->nuls = (r->nuls && r->len > 0) ||
		  memchr(r->buf + r->len, '\0', (size_t)n) != NULL;
	r->len += (size_t)n;
	return n;
}

ssize_t
reader_pass(struct reader *r, size_t len, struct line *line, struct error *err)
{
	reader_skip(r, len);
	line->len += len;
	if (line->len > r->keep)
		source_drop(r->source, line->offset + r->keep, r->at);
	return reader_fill(r, err);
}

/* How many NULs are at the front of what is held? */
static size_t
count_nuls(const struct reader *r)
{
	const char *p = r->buf + r->begin;
	size_t n = 0;

	while (n < r->len && p[n] == '\0')
		n++;
	return n;
}

int
reader_take_hole(struct reader *r, struct line *line, struct error *err)
{
	size_t nuls;
	ssize_t n = 1;

	line->text = NULL;
	line->hole = true;
	while ((nuls = count_nuls(r)) == r->len && n > 0) {
		n = reader_pass(r, nuls, line, err);
		if (n < 0)
			return -1;
	}
	reader_skip(r, nuls);
	line->len += nuls;
	line->ended = r->len > 0;
	if (line->ended && r->buf[r->begin] == '\n')
		reader_skip(r, 1);
	return 1;
}
