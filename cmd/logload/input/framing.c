/*
 * framing.c - see framing.h.
 */
#include <string.h>

#include "framing.h"
#include "json.h"

#define FRONT (64 * 1024) /* bytes that are looked at */

/* The first one that fits. */
static const struct framing *const framings[] = {
    &framing_array,
    &framing_values,
    &framing_lines,
};

/* What people have events in that is to be made text first. */
static const struct {
	size_t at; /* where the bytes stand that tell */
	const char *bytes;
	size_t len;
	const char *what, *command; /* which prints them */
} packed[] = {
    {0,
	"\xfd"
	"7zXZ",
	5, "compressed by xz", "xz -dc"},
    {0, "BZh", 3, "compressed by bzip2", "bzip2 -dc"},
    {0, "\x04\x22\x4d\x18", 4, "compressed by lz4", "lz4 -dc"},
    {0, "\x1f\x8b", 2, "compressed twice", "gzip -dc"},
    {0, "\x28\xb5\x2f\xfd", 4, "compressed twice", "zstd -dc"},
    {0, "PK\x03\x04", 4, "a zip archive", "unzip -p"},
    {0, "7z\xbc\xaf\x27\x1c", 6, "a 7-Zip archive", "7z x -so"},
    {257, "ustar", 5, "a tar archive", "tar -xOf"},
    {0, "\xff\xfe", 2, "UTF-16", "iconv -f UTF-16 -t UTF-8"},
    {0, "\xfe\xff", 2, "UTF-16", "iconv -f UTF-16 -t UTF-8"},
    {0, "\xff\xfe\0\0", 4, "UTF-32", "iconv -f UTF-32 -t UTF-8"},
    {0, "\0\0\xfe\xff", 4, "UTF-32", "iconv -f UTF-32 -t UTF-8"},
};

/* Is it ASCII in units of so many bytes, all of which but one are NUL? */
static bool
is_wide(const char *p, size_t len, size_t unit)
{
	size_t i, place;

	if (len < 2 * unit)
		return false;
	place = *p != '\0' ? 0 : unit - 1;
	for (i = 0; i < 2 * unit; i++) {
		if ((p[i] != '\0') != (i % unit == place))
			return false;
	}
	return true;
}

const char *
framing_skip(const char *p, const char *end)
{
	static const char mark[] = "\xef\xbb\xbf";

	if (end - p >= 3 && memcmp(p, mark, 3) == 0)
		p += 3;
	while (p < end && *p == '\0')
		p++;
	return json_skip_space(p, end);
}

bool
framing_has_json_line(const char *p, const char *end, bool whole, char begin)
{
	struct json_error e;
	const char *stop, *after;
	bool breaks;

	for (; (p = framing_skip(p, end)) < end; p = stop) {
		stop = memchr(p, '\n', (size_t)(end - p));
		if (stop == NULL && !whole)
			break;
		if (stop == NULL)
			stop = end;
		if (begin != '\0' && *p != begin)
			continue;
		after = json_check(p, stop, JSON_DEPTH_MOST, &breaks, &e);
		if (after != NULL && json_skip_space(after, stop) == stop)
			return true;
	}
	return false;
}

/* Is it something that is packed, or written otherwise? err says what. */
static bool
is_packed(const char *front, size_t len, struct error *err)
{
	const char *what = NULL, *command = NULL;

	if (is_wide(front, len, 2)) {
		what = "UTF-16";
		command = "iconv -f UTF-16 -t UTF-8";
	} else if (is_wide(front, len, 4)) {
		what = "UTF-32";
		command = "iconv -f UTF-32 -t UTF-8";
	}
	for (size_t i = 0; i < sizeof(packed) / sizeof(packed[0]); i++) {
		if (len < packed[i].at + packed[i].len ||
		    memcmp(front + packed[i].at, packed[i].bytes,
			packed[i].len) != 0)
			continue;
		what = packed[i].what;
		command = packed[i].command;
	}
	if (what != NULL)
		(void)error_set(err,
		    "it is %s, not JSON: load what comes out of it, as with "
		    "%s FILE | logload -",
		    what, command);
	return what != NULL;
}

static bool
is_binary(const char *front, size_t len)
{
	for (size_t i = 0; i < len; i++) {
		if ((unsigned char)front[i] < ' ' &&
		    (front[i] == '\0' ||
			strchr("\t\n\v\f\r\x1b", front[i]) == NULL))
			return true;
	}
	return false;
}

const struct framing *
framing_find(struct reader *r, struct source *source, struct error *err)
{
	const char *front;
	ssize_t n = 1;

	reader_begin(r, source, 0, 0);
	while (r->len < FRONT && n > 0)
		n = reader_fill(r, err);
	if (n < 0)
		return NULL;
	front = r->buf + r->begin;
	r->unfit = is_packed(front, r->len, err);
	if (r->unfit)
		return NULL;
	for (size_t i = 0; i < sizeof(framings) / sizeof(framings[0]); i++) {
		if (framings[i]->is(front, r->len, n == 0))
			return framings[i];
	}
	r->unfit = true;
	(void)error_set(err, "it is %s, and no line of its front is JSON",
	    is_binary(front, r->len) ? "binary data" : "text");
	return NULL;
}

int
framing_read(const struct framing *f, struct reader *r, struct line *line,
    struct error *err)
{
	uint64_t from = r->at;
	int rc;

	if (r->passed.to > from && r->passed.from == from) {
		*line = r->passed.line;
		reader_begin(r, r->source, r->passed.to, line->number);
		return 1;
	}
	rc = f->next(r, line, err);
	if (rc < 0) {
		r->at = from;
		r->begin = r->len = 0;
	} else if (rc > 0 && line->len > r->keep && !r->source->plain) {
		r->passed.from = from;
		r->passed.to = r->at;
		r->passed.line = *line;
	}
	return rc;
}
