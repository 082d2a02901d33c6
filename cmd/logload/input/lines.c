/*
 * lines.c - the framing of most files: an event a line.
 *
 * A run of NULs, as a crash or a log that was truncated under its writer leaves
 * behind, is a line of its own, so that it costs neither what stands before it
 * nor what follows.
 */
#include <string.h>

#include "framing.h"

static char *find_end(const struct reader *, char *p, size_t len);
static size_t searched(const struct reader *);
static int
end_line(struct reader *, const char *end, struct line *, struct error *);

static bool
is_lines(const char *front, size_t len, bool whole)
{
	const char *end = front + len, *p = framing_skip(front, end);

	return p == end || *p == '{' ||
	       framing_has_json_line(p, end, whole, '\0');
}

static int
next_line(struct reader *r, struct line *line, struct error *err)
{
	size_t seen = 0;
	ssize_t n = 1;

	*line = (struct line){.offset = r->at, .number = r->number + 1};
	while (n > 0) {
		char *text = r->buf + r->begin, *end = NULL;

		if (r->len > seen)
			end = find_end(r, text + seen, r->len - seen);
		if (end != NULL)
			return end_line(r, end, line, err);
		seen = searched(r);
		if (line->len + r->len <= r->max) {
			n = reader_fill(r, err);
		} else {
			n = reader_pass(r, seen, line, err);
			seen = 0;
		}
	}
	if (n < 0)
		return -1;
	if (line->len + r->len == 0)
		return 0;
	reader_take(r, r->len, line);
	r->number++;
	return 1;
}

/* Its line break, or the hole in front of which it ends; NULL: not there. */
static char *
find_end(const struct reader *r, char *p, size_t len)
{
	char *lf = memchr(p, '\n', len), *stop = lf != NULL ? lf : p + len;
	char *nul = !r->nuls ? NULL : memchr(p, '\0', (size_t)(stop - p));

	/* A NUL by itself is no hole, or UTF-16 would be nothing but holes. */
	while (nul != NULL && (nul + 1 == stop || nul[1] != '\0'))
		nul = memchr(nul + 1, '\0', (size_t)(stop - nul - 1));
	return nul != NULL ? nul : lf;
}

/* How much was find_end sure of? A NUL at the end may begin a hole. */
static size_t
searched(const struct reader *r)
{
	size_t len = r->len;

	return len > 0 && r->buf[r->begin + len - 1] == '\0' ? len - 1 : len;
}

/* Is there nothing but NULs from there on, as far as we may look? */
static int
ends_in_hole(struct reader *r, uint64_t at, bool *yes, struct error *err)
{
	char block[16384];
	uint64_t most = at + r->keep;
	ssize_t n = 0, i = 0;

	*yes = false;
	while (i == n && (r->source->plain || at < most)) {
		n = source_read(r->source, at, block, sizeof(block), err);
		if (n < 0)
			return -1;
		*yes = n == 0;
		if (n == 0)
			break;
		for (i = 0; i < n && block[i] == '\0';)
			i++;
		at += (uint64_t)n;
	}
	return 0;
}

static int
end_line(
    struct reader *r, const char *end, struct line *line, struct error *err)
{
	size_t len = (size_t)(end - (r->buf + r->begin));
	bool hole = *end == '\0', last = false;

	r->number++;
	if (hole && line->len + len == 0)
		return reader_take_hole(r, line, err);
	if (hole && ends_in_hole(r, r->at + len, &last, err) < 0)
		return -1;
	reader_take(r, len, line);
	line->ended = !last;
	if (!hole)
		reader_skip(r, 1);
	return 1;
}

const struct framing framing_lines = {is_lines, next_line};
