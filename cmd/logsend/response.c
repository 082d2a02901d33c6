/*
 * response.c - see response.h. Section numbers are those of RFC 9112.
 *
 * A measuring tool must not take half an answer for an acknowledgement, so
 * this refuses what could be read in two ways: bare LF, folded fields, two
 * lengths, a length beside a transfer coding.
 */
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "json.h"
#include "response.h"

struct text {
	const char *p;
	size_t len;
};

/* How the body ends (section 6.3). */
enum framing { FRAMING_NONE, FRAMING_LENGTH, FRAMING_CHUNKED, FRAMING_EOF };

struct head {
	bool http10, has_length, chunked, close, keep_alive;
	uint64_t length;
	unsigned retry_after;
};

static enum response_verdict
bad(struct response *r, const char *reason)
{
	r->reason = reason;
	return RESPONSE_BAD;
}

/*
 * Takes the line that begins at *p and steps over its CRLF. MORE: it is not
 * whole yet. BAD: it ends in a bare LF, or holds a CR.
 */
static enum response_verdict
take_line(const char **p, const char *end, struct text *line)
{
	const char *lf = memchr(*p, '\n', (size_t)(end - *p));

	if (lf == NULL)
		return RESPONSE_MORE;
	if (lf == *p || lf[-1] != '\r')
		return RESPONSE_BAD;
	*line = (struct text){*p, (size_t)(lf - 1 - *p)};
	*p = lf + 1;
	return memchr(line->p, '\r', line->len) == NULL ? RESPONSE_DONE
							: RESPONSE_BAD;
}

static bool
is_digit(char c)
{
	return c >= '0' && c <= '9';
}

static bool
text_is(struct text t, const char *word)
{
	return t.len == strlen(word) && strncasecmp(t.p, word, t.len) == 0;
}

static struct text
trim(struct text t)
{
	while (t.len > 0 && (*t.p == ' ' || *t.p == '\t')) {
		t.p++;
		t.len--;
	}
	while (t.len > 0 && (t.p[t.len - 1] == ' ' || t.p[t.len - 1] == '\t'))
		t.len--;
	return t;
}

/* HTTP/1.x NNN [reason] (section 4). */
static bool
parse_status(struct text line, struct response *r, struct head *h)
{
	const char *p = line.p;

	if (line.len < 12 || memcmp(p, "HTTP/1.", 7) != 0 || !is_digit(p[7]) ||
	    p[8] != ' ' || p[9] < '1' || p[9] > '5' || !is_digit(p[10]) ||
	    !is_digit(p[11]) || (line.len > 12 && p[12] != ' '))
		return false;
	h->http10 = p[7] == '0';
	r->status = (unsigned)(p[9] - '0') * 100 +
		    (unsigned)(p[10] - '0') * 10 + (unsigned)(p[11] - '0');
	return true;
}

static bool
parse_length(struct text value, struct head *h)
{
	uint64_t n = 0;

	if (value.len == 0 || value.len > 18)
		return false;
	for (size_t i = 0; i < value.len; i++) {
		if (!is_digit(value.p[i]))
			return false;
		n = n * 10 + (uint64_t)(value.p[i] - '0');
	}
	if (h->has_length && h->length != n)
		return false;
	h->has_length = true;
	h->length = n;
	return true;
}

/* A date in its place is passed over, as is what is more than 9 digits. */
static unsigned
parse_seconds(struct text value)
{
	unsigned n = 0;

	for (size_t i = 0; i < value.len; i++) {
		if (!is_digit(value.p[i]) || i == 9)
			return 0;
		n = n * 10 + (unsigned)(value.p[i] - '0');
	}
	return n;
}

static void
parse_connection(struct text value, struct head *h)
{
	while (value.len > 0) {
		const char *comma = memchr(value.p, ',', value.len);
		size_t n =
		    comma != NULL ? (size_t)(comma - value.p) : value.len;
		struct text word = trim((struct text){value.p, n});

		h->close |= text_is(word, "close");
		h->keep_alive |= text_is(word, "keep-alive");
		if (comma == NULL)
			return;
		value.p += n + 1;
		value.len -= n + 1;
	}
}

/* name: value (section 5). NULL, or what is wrong. */
static const char *
parse_field(struct text line, struct head *h)
{
	const char *colon = memchr(line.p, ':', line.len);
	struct text name, value;

	if (*line.p == ' ' || *line.p == '\t')
		return "a folded header field";
	if (colon == NULL || colon == line.p || colon[-1] == ' ' ||
	    colon[-1] == '\t')
		return "a header field without a name";
	name = (struct text){line.p, (size_t)(colon - line.p)};
	value = trim((struct text){colon + 1, line.len - name.len - 1});
	if (text_is(name, "Content-Length")) {
		if (!parse_length(value, h))
			return "a wrong Content-Length";
	} else if (text_is(name, "Transfer-Encoding")) {
		if (h->chunked || !text_is(value, "chunked"))
			return "a Transfer-Encoding other than chunked";
		h->chunked = true;
	} else if (text_is(name, "Connection")) {
		parse_connection(value, h);
	} else if (text_is(name, "Retry-After")) {
		h->retry_after = parse_seconds(value);
	}
	return NULL;
}

/* The status line and the fields up to the empty line, of one response. */
static enum response_verdict
parse_head(const char **p, const char *end, struct response *r, struct head *h)
{
	enum response_verdict v;
	const char *reason;
	struct text line;

	memset(h, 0, sizeof(*h));
	v = take_line(p, end, &line);
	if (v == RESPONSE_DONE && !parse_status(line, r, h))
		v = RESPONSE_BAD;
	if (v == RESPONSE_BAD)
		return bad(r, "not an HTTP/1 status line");
	while (v == RESPONSE_DONE) {
		v = take_line(p, end, &line);
		if (v == RESPONSE_BAD)
			return bad(r, "a header line not ended by CRLF");
		if (v == RESPONSE_DONE && line.len == 0)
			break;
		reason = v == RESPONSE_DONE ? parse_field(line, h) : NULL;
		if (reason != NULL)
			return bad(r, reason);
	}
	if (v == RESPONSE_DONE && h->chunked && h->has_length)
		return bad(r, "both Content-Length and Transfer-Encoding");
	return v;
}

static enum framing
framing_of(const struct response *r, const struct head *h)
{
	if (r->status == 204 || r->status == 304)
		return FRAMING_NONE;
	if (h->chunked)
		return FRAMING_CHUNKED;
	return h->has_length ? FRAMING_LENGTH : FRAMING_EOF;
}

static void
keep(struct response *r, const char *p, size_t len)
{
	size_t at = r->body_len;

	r->body_len += len;
	if (at >= sizeof(r->body))
		return;
	if (len > sizeof(r->body) - at)
		len = sizeof(r->body) - at;
	memcpy(r->body + at, p, len);
}

/* SIZE [;extensions] in hexadecimal (section 7.1). */
static bool
parse_chunk_size(struct text line, size_t *size)
{
	size_t i, n = 0;

	for (i = 0; i < line.len; i++) {
		char c = line.p[i];
		char lower = (char)(c | 0x20);

		if (is_digit(c))
			n = n * 16 + (size_t)(c - '0');
		else if (lower >= 'a' && lower <= 'f')
			n = n * 16 + (size_t)(lower - 'a') + 10;
		else
			break;
		if (n > RESPONSE_MAX)
			return false;
	}
	*size = n;
	return i > 0 && (i == line.len || line.p[i] == ';' ||
			    line.p[i] == ' ' || line.p[i] == '\t');
}

/* Chunks, the last one, trailer fields, which mean nothing here. */
static enum response_verdict
parse_chunks(const char **p, const char *end, struct response *r)
{
	enum response_verdict v;
	struct text line;
	size_t size = 0;

	for (;;) {
		v = take_line(p, end, &line);
		if (v == RESPONSE_DONE && !parse_chunk_size(line, &size))
			v = RESPONSE_BAD;
		if (v == RESPONSE_BAD)
			return bad(r, "a malformed or too large chunk");
		if (v == RESPONSE_MORE || size == 0)
			break;
		if ((size_t)(end - *p) < size + 2)
			return RESPONSE_MORE;
		keep(r, *p, size);
		*p += size;
		if (memcmp(*p, "\r\n", 2) != 0)
			return bad(r, "a chunk not ended by CRLF");
		*p += 2;
	}
	while (v == RESPONSE_DONE) {
		v = take_line(p, end, &line);
		if (v == RESPONSE_DONE && line.len == 0)
			return v;
	}
	return v == RESPONSE_BAD ? bad(r, "a malformed trailer") : v;
}

static enum response_verdict
parse_body(const char **p, const char *end, bool eof, struct response *r,
    const struct head *h)
{
	size_t left = (size_t)(end - *p);

	r->retry_after = h->retry_after;
	r->close = h->close || (h->http10 && !h->keep_alive);
	switch (framing_of(r, h)) {
	case FRAMING_NONE:
		return RESPONSE_DONE;
	case FRAMING_CHUNKED:
		return parse_chunks(p, end, r);
	case FRAMING_LENGTH:
		if (h->length > RESPONSE_MAX - RESPONSE_HEAD_MAX)
			return bad(r, "a body that is too large");
		if (left < h->length)
			return RESPONSE_MORE;
		left = (size_t)h->length;
		break;
	case FRAMING_EOF:
		if (!eof)
			return RESPONSE_MORE;
		r->close = true;
		break;
	}
	keep(r, *p, left);
	*p += left;
	return RESPONSE_DONE;
}

enum response_verdict
response_parse(const char *bytes, size_t len, bool eof, struct response *r)
{
	const char *p = bytes, *end = bytes + len;
	enum response_verdict v;
	struct head head;

	r->body_len = 0;
	r->consumed = 0;
	do {
		v = parse_head(&p, end, r, &head);
		if (v == RESPONSE_DONE && r->status == 101)
			return bad(r, "101, which nobody asked for");
	} while (v == RESPONSE_DONE && r->status < 200);
	if (v == RESPONSE_MORE && len > RESPONSE_HEAD_MAX)
		return bad(r, "a head that is too large");
	if (v == RESPONSE_DONE)
		v = parse_body(&p, end, eof, r, &head);
	if (v == RESPONSE_MORE && len > RESPONSE_MAX)
		return bad(r, "a response that is too large");
	r->consumed = (size_t)(p - bytes);
	return v;
}

/* A number of events; false where it is anything else. */
static bool
read_count(const struct json_member *member, uint64_t *count)
{
	*count = 0;
	for (size_t i = 0; i < member->value.len; i++) {
		if (!is_digit(member->value.p[i]) || i == 18)
			return false;
		*count = *count * 10 + (uint64_t)(member->value.p[i] - '0');
	}
	return member->kind == JSON_NUMBER;
}

/* {"accepted":A,"rejected":R}, where R may be missing: it is 0 then. */
static bool
read_counts(const struct response *r, uint64_t *accepted, uint64_t *rejected)
{
	const char *end = r->body + r->body_len, *cursor, *stop;
	struct json_member member;
	struct json_error why;
	bool breaks = false, says = false;

	*rejected = 0;
	if (r->body_len > sizeof(r->body))
		return false;
	cursor = json_skip_space(r->body, end);
	if (cursor == end || *cursor != '{')
		return false;
	stop = json_check(cursor, end, JSON_DEPTH_MOST, &breaks, &why);
	if (stop == NULL || json_skip_space(stop, end) != end)
		return false;
	while (json_next_member(&cursor, stop, &member)) {
		if (json_name_is(&member, "accepted", 8))
			says = read_count(&member, accepted);
		if (json_name_is(&member, "rejected", 8) &&
		    !read_count(&member, rejected))
			return false;
	}
	return says;
}

bool
response_accepts(const struct response *r, uint64_t events)
{
	uint64_t accepted, rejected;

	return read_counts(r, &accepted, &rejected) && accepted == events &&
	       rejected == 0;
}

bool
response_settles(const struct response *r, uint64_t events)
{
	uint64_t accepted, rejected;

	return read_counts(r, &accepted, &rejected) &&
	       accepted + rejected == events;
}
