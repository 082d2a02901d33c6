/*
 * lines.c - see lines.h.
 */
#include <stdlib.h>
#include <string.h>

#include "lines.h"

#define READ_SIZE (256 * 1024)

static ssize_t fill(struct lines *, struct error *);
static int
pass_long_line(struct lines *, struct line *, size_t seen, struct error *);

int
lines_init(struct lines *l, size_t max)
{
	memset(l, 0, sizeof(*l));
	l->max = max;
	l->cap = READ_SIZE;
	l->buf = malloc(l->cap);
	return l->buf == NULL ? -1 : 0;
}

void
lines_release(struct lines *l)
{
	free(l->buf);
	l->buf = NULL;
}

void
lines_begin(
    struct lines *l, struct source *source, uint64_t at, uint64_t before)
{
	l->source = source;
	l->at = at;
	l->number = before;
	l->begin = l->len = 0;
}

int
lines_next(struct lines *l, struct line *line, struct error *err)
{
	size_t seen = 0;
	ssize_t n;

	line->offset = l->at;
	line->number = l->number + 1;
	for (;;) {
		char *text = l->buf + l->begin, *lf = NULL;

		if (l->len > seen)
			lf = memchr(text + seen, '\n', l->len - seen);
		if (lf == NULL && l->len <= l->max) {
			seen = l->len;
			n = fill(l, err);
			if (n < 0)
				return -1;
			if (n > 0)
				continue;
			if (l->len == 0)
				return 0;
			text = l->buf + l->begin;
		} else if (lf == NULL) {
			return pass_long_line(l, line, l->len, err);
		}
		line->ended = lf != NULL;
		line->len = lf != NULL ? (size_t)(lf - text) : l->len;
		line->text = line->len <= l->max ? text : NULL;
		l->number++;
		l->begin += line->len + line->ended;
		l->len -= line->len + line->ended;
		l->at += line->len + line->ended;
		return 1;
	}
}

/* Makes room behind what is held: moves it to the front, or grows. */
static int
make_room(struct lines *l)
{
	char *buf;

	if (l->begin > 0) {
		memmove(l->buf, l->buf + l->begin, l->len);
		l->begin = 0;
	}
	if (l->cap - l->len >= READ_SIZE / 2)
		return 0;
	buf = realloc(l->buf, l->cap * 2);
	if (buf == NULL)
		return -1;
	l->buf = buf;
	l->cap *= 2;
	return 0;
}

/* Reads more; the bytes read, 0 at the end, -1. */
static ssize_t
fill(struct lines *l, struct error *err)
{
	ssize_t n;

	if (make_room(l) < 0)
		return error_errno(err, "read");
	n = source_read(
	    l->source, l->at + l->len, l->buf + l->len, l->cap - l->len, err);
	if (n > 0)
		l->len += (size_t)n;
	return n;
}

/* The rest of a line of which `seen` bytes are held, read and forgotten. */
static int
pass_long_line(
    struct lines *l, struct line *line, size_t seen, struct error *err)
{
	uint64_t len = seen;
	char *lf = NULL;

	while (lf == NULL) {
		ssize_t n;

		l->at += l->len;
		l->begin = l->len = 0;
		n = fill(l, err);
		if (n < 0)
			return -1;
		if (n == 0)
			break;
		lf = memchr(l->buf, '\n', l->len);
		len += lf != NULL ? (size_t)(lf - l->buf) : l->len;
	}
	line->text = NULL;
	line->len = len;
	line->ended = lf != NULL;
	l->number++;
	if (lf != NULL) {
		l->begin = (size_t)(lf - l->buf) + 1;
		l->len -= l->begin;
		l->at += l->begin;
	}
	return 1;
}
