/*
 * chunked.c - see chunked.h. Section numbers are those of RFC 9112 unless
 * another RFC is named.
 */
#include <string.h>

#include "chunked.h"
#include "hex.h"
#include "http_text.h"

#define CHUNK_DIGITS_MAX 16

/* RFC 9110, section 5.6.4: from the quote to the byte after the closing one. */
static const char *
pass_quoted(const char *p, const char *end)
{
	for (p++; p < end && *p != '"'; p++) {
		if (*p == '\\' && ++p == end)
			return NULL;
		if (!is_value_char(*p))
			return NULL;
	}
	return p < end ? p + 1 : NULL;
}

/* Section 7.1.1: checked, and ignored. */
static bool
is_chunk_extension(const char *p, const char *end)
{
	while ((p = pass_blanks(p, end)) < end) {
		const char *begin;

		if (*p != ';')
			return false;
		begin = pass_blanks(p + 1, end);
		p = pass_token(begin, end);
		if (p == begin)
			return false;
		begin = pass_blanks(p, end);
		if (begin == end || *begin != '=')
			continue;
		begin = pass_blanks(begin + 1, end);
		if (begin < end && *begin == '"') {
			p = pass_quoted(begin, end);
			if (p == NULL)
				return false;
			continue;
		}
		p = pass_token(begin, end);
		if (p == begin)
			return false;
	}
	return true;
}

static int
parse_chunk_line(struct http_chunked *c, const char *p, const char *end,
    struct http_error *err)
{
	const char *digits = p;
	int digit;

	c->left = 0;
	while (p < end && (digit = hex_digit(*p)) >= 0) {
		if (p - digits == CHUNK_DIGITS_MAX || c->left >> 59 != 0)
			return http_fail(err, 413, "a chunk size is too large");
		c->left = c->left << 4 | (unsigned)digit;
		p++;
	}
	if (p == digits)
		return http_fail(err, 400, "malformed chunk size");
	/* Blanks may stand before and within an extension alone. */
	if (p < end && is_blank(end[-1]))
		return http_fail(err, 400, "malformed chunk size");
	if (!is_chunk_extension(p, end))
		return http_fail(err, 400, "malformed chunk extension");
	c->state = c->left == 0 ? CHUNK_TRAILER : CHUNK_DATA;
	return 0;
}

/* Section 7.1.2: checked like a header field, and ignored. */
static int
parse_trailer(struct http_chunked *c, const char *p, const char *end,
    struct http_error *err)
{
	const char *name_end = pass_token(p, end);

	if (p == end) {
		c->state = CHUNK_DONE;
		return 0;
	}
	if (name_end == p || name_end == end || *name_end != ':')
		return http_fail(err, 400, "malformed trailer field");
	for (p = name_end + 1; p < end; p++) {
		if (!is_value_char(*p))
			return http_fail(
			    err, 400, "a control character in a trailer field");
	}
	return 0;
}

/* A line with its CR LF. Its length, 0 if it is not whole yet, or -1. */
static long
line_length(const char *p, size_t len, size_t max, struct http_error *err)
{
	const char *lf = memchr(p, '\n', len < max ? len : max);

	if (lf == NULL && len >= max)
		return http_fail(err, 431,
		    "a chunk line or the trailer is over --max-header");
	if (lf == NULL)
		return 0;
	if (lf == p || lf[-1] != '\r')
		return http_fail(err, 400, "a line ends in LF without CR");
	return lf - p + 1;
}

long
http_chunked_next(struct http_chunked *c, const char *p, size_t len,
    size_t line_max, struct http_text *data, struct http_error *err)
{
	long n = 0;
	int rc;

	*data = (struct http_text){p, 0};
	switch (c->state) {
	case CHUNK_DATA:
		data->len = c->left < len ? (size_t)c->left : len;
		c->left -= data->len;
		if (c->left == 0)
			c->state = CHUNK_END;
		return (long)data->len;
	case CHUNK_END:
		if (len > 0 && p[0] != '\r')
			return http_fail(
			    err, 400, "a chunk does not end in CRLF");
		if (len < 2)
			return 0;
		if (p[1] != '\n')
			return http_fail(
			    err, 400, "a chunk does not end in CRLF");
		c->state = CHUNK_LINE;
		return 2;
	case CHUNK_LINE:
		n = line_length(p, len, line_max, err);
		if (n <= 0)
			return n;
		rc = parse_chunk_line(c, p, p + n - 2, err);
		return rc < 0 ? rc : n;
	case CHUNK_TRAILER:
		n = line_length(p, len, line_max - c->trailer_bytes, err);
		if (n <= 0)
			return n;
		c->trailer_bytes += (size_t)n;
		rc = parse_trailer(c, p, p + n - 2, err);
		return rc < 0 ? rc : n;
	case CHUNK_DONE:
		break;
	}
	return 0;
}
