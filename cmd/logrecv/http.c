/*
 * http.c - see http.h. Section numbers are those of RFC 9112 unless another
 * RFC is named.
 */
#include <string.h>
#include <strings.h>

#include "hex.h"
#include "http.h"
#include "http_text.h"

/* Fields whose repetition or value decides the framing. */
struct fields {
	unsigned hosts, lengths;
	bool transfer_encoding, has_chunked, other_coding, close, persist;
};

const char *const http_method_names[] = {
    "GET", "HEAD", "POST", "PUT", "OPTIONS"};

static int parse_request_line(
    const char *p, const char *end, struct http_request *, struct http_error *);
static int parse_field(const char *p, const char *end, struct http_request *,
    struct fields *, struct http_error *);
static int
settle(struct http_request *, const struct fields *, struct http_error *);
static bool is_host(const char *p, size_t len);

/* What is printed, but "#<>\^`{|} (RFC 3986: what a path or query may have). */
static const struct set target_chars = {
    {0xaffffff200000000ULL, 0x47fffffeafffffffULL}};
/* Those, but ,/?@:[] (of a name or an IPv4 address). */
static const struct set host_chars = {
    {0x2bff6ff200000000ULL, 0x47fffffe87fffffeULL}};

static bool
text_is(const char *p, size_t len, const char *word)
{
	return strlen(word) == len && memcmp(p, word, len) == 0;
}

/* Field names, codings and connection options ignore case. */
static bool
text_is_like(const char *p, size_t len, const char *word)
{
	return strlen(word) == len && strncasecmp(p, word, len) == 0;
}

/*
 * The head
 */

size_t
http_leading_crlf(const char *p, size_t len)
{
	size_t n = 0;

	while (len - n >= 2 && p[n] == '\r' && p[n + 1] == '\n')
		n += 2;
	return n;
}

long
http_head_length(
    const char *p, size_t len, size_t *scanned, struct http_error *err)
{
	while (*scanned < len) {
		const char *lf = memchr(p + *scanned, '\n', len - *scanned);
		size_t at;

		if (lf == NULL) {
			*scanned = len;
			return 0;
		}
		at = (size_t)(lf - p);
		if (at == 0 || p[at - 1] != '\r')
			return http_fail(
			    err, 400, "a line ends in LF without CR");
		*scanned = at + 1;
		if (at >= 3 && p[at - 2] == '\n')
			return (long)at + 1;
	}
	return 0;
}

int
http_parse_head(const char *head, size_t len, struct http_request *req,
    struct http_error *err)
{
	const char *p = head, *end = head + len - 2; /* the empty line */
	struct fields fields = {0};
	bool first = true;

	memset(req, 0, sizeof(*req));
	while (p < end) {
		const char *lf = memchr(p, '\n', (size_t)(end - p));
		const char *eol = lf - 1; /* http_head_length saw CR LF */
		int rc;

		if (first)
			rc = parse_request_line(p, eol, req, err);
		else
			rc = parse_field(p, eol, req, &fields, err);
		if (rc < 0)
			return -1;
		first = false;
		p = lf + 1;
	}
	return settle(req, &fields, err);
}

/* "HTTP/1.1" (section 2.3). */
static int
parse_version(
    const char *p, size_t len, unsigned *minor, struct http_error *err)
{
	if (len != 8 || memcmp(p, "HTTP/", 5) != 0 || p[5] < '0' ||
	    p[5] > '9' || p[6] != '.' || p[7] < '0' || p[7] > '9')
		return http_fail(err, 400, "malformed HTTP version");
	if (p[5] != '1')
		return http_fail(
		    err, 505, "only HTTP/1.0 and HTTP/1.1 are spoken");
	/* A later minor version is served as the one we know. */
	*minor = p[7] == '0' ? 0 : 1;
	return 0;
}

static bool
is_authority(const char *p, const char *end)
{
	size_t len = 0;

	while (p + len < end && p[len] != '/' && p[len] != '?')
		len++;
	return len > 0 && *p != ':' && is_host(p, len);
}

/*
 * The path and query of origin-form, absolute-form or, for any method that
 * will be refused anyway, other forms (section 3.2).
 */
static int
parse_target(
    const char *p, size_t len, struct http_request *req, struct http_error *err)
{
	const char *end = p + len, *mark;
	size_t scheme = 0;

	for (const char *c = p; c < end; c++) {
		if (!is_in(&target_chars, *c))
			return http_fail(err, 400, "malformed request target");
	}
	if (len >= 7 && strncasecmp(p, "http://", 7) == 0)
		scheme = 7;
	else if (len >= 8 && strncasecmp(p, "https://", 8) == 0)
		scheme = 8;
	p += scheme;
	/* A URL needs a host (RFC 9110, section 4.2.1). */
	if (scheme > 0 && !is_authority(p, end))
		return http_fail(err, 400, "malformed request target");
	if (scheme == 0 && *p != '/' && !text_is(p, len, "*") &&
	    req->method != HTTP_OTHER)
		return http_fail(err, 400, "malformed request target");
	/* The path follows the authority, or is empty. */
	req->host.p = p;
	while (p < end && *p != '/' && *p != '?')
		p++;
	req->host.len = scheme > 0 ? (size_t)(p - req->host.p) : 0;
	mark = memchr(p, '?', (size_t)(end - p));
	req->path.p = p;
	req->path.len = (size_t)((mark == NULL ? end : mark) - p);
	if (mark != NULL) {
		req->query.p = mark + 1;
		req->query.len = (size_t)(end - mark - 1);
	}
	return 0;
}

/* Section 3: single spaces, nothing before and nothing behind. */
static int
parse_request_line(const char *p, const char *end, struct http_request *req,
    struct http_error *err)
{
	const char *method_end = pass_token(p, end), *target, *target_end;
	size_t len = (size_t)(method_end - p);

	if (len == 0 || method_end == end || *method_end != ' ')
		return http_fail(err, 400, "malformed request line");
	req->method = HTTP_GET;
	while (req->method < HTTP_OTHER &&
	       !text_is(p, len, http_method_names[req->method]))
		req->method++;
	target = method_end + 1;
	target_end = memchr(target, ' ', (size_t)(end - target));
	if (target_end == NULL || target_end == target)
		return http_fail(err, 400, "malformed request line");
	if (parse_target(target, (size_t)(target_end - target), req, err) < 0)
		return -1;
	return parse_version(
	    target_end + 1, (size_t)(end - target_end - 1), &req->minor, err);
}

/*
 * Calls for each element of a comma-separated list that is not empty
 * (RFC 9110, section 5.6.1): sets *item and returns true.
 */
static bool
next_item(const char **cursor, const char *end, struct http_text *item)
{
	const char *p = *cursor, *stop;

	while (p < end && (is_blank(*p) || *p == ','))
		p++;
	if (p == end)
		return false;
	item->p = p;
	while (p < end && *p != ',')
		p++;
	*cursor = p;
	for (stop = p; is_blank(stop[-1]);)
		stop--;
	item->len = (size_t)(stop - item->p);
	return true;
}

/* Section 6.2: digits alone; a list of equal values is refused as well. */
static int
parse_length(const char *p, size_t len, struct http_request *req,
    struct fields *fields, struct http_error *err)
{
	if (fields->lengths++ > 0)
		return http_fail(err, 400, "more than one Content-Length");
	if (len == 0)
		return http_fail(err, 400, "malformed Content-Length");
	for (size_t i = 0; i < len; i++) {
		unsigned digit = (unsigned)(p[i] - '0');

		if (p[i] < '0' || p[i] > '9')
			return http_fail(err, 400, "malformed Content-Length");
		/* More than any limit: it will be refused as too large. */
		if (req->length > (UINT64_MAX - digit) / 10)
			req->length = UINT64_MAX / 10 - 1;
		req->length = req->length * 10 + digit;
	}
	return 0;
}

/* Section 6.1: chunked, once and last, is the only coding known. */
static int
parse_transfer_encoding(const char *p, const char *end, struct fields *fields,
    struct http_error *err)
{
	struct http_text item;
	bool any = false;

	while (next_item(&p, end, &item)) {
		any = true;
		if (fields->has_chunked)
			return http_fail(
			    err, 400, "a transfer coding after chunked");
		if (text_is_like(item.p, item.len, "chunked"))
			fields->has_chunked = true;
		else
			fields->other_coding = true;
	}
	if (!any)
		return http_fail(err, 400, "malformed Transfer-Encoding");
	fields->transfer_encoding = true;
	return 0;
}

static void
parse_connection(const char *p, const char *end, struct fields *fields)
{
	struct http_text item;

	while (next_item(&p, end, &item)) {
		if (text_is_like(item.p, item.len, "close"))
			fields->close = true;
		else if (text_is_like(item.p, item.len, "keep-alive"))
			fields->persist = true;
	}
}

/* RFC 3986, section 3.2.2: a name, an IPv4 address, or [an IPv6 one]. */
static const char *
pass_host(const char *p, const char *end)
{
	if (p < end && *p == '[') {
		for (p++;
		     p < end && (hex_digit(*p) >= 0 || *p == ':' || *p == '.');)
			p++;
		return p < end && *p == ']' && p[-1] != '[' ? p + 1 : NULL;
	}
	while (p < end && is_in(&host_chars, *p))
		p++;
	return p;
}

/* uri-host [ ":" port ] (RFC 9110, section 7.2), and nothing else. */
static bool
is_host(const char *p, size_t len)
{
	const char *end = p + len;

	p = pass_host(p, end);
	if (p != NULL && p < end && *p == ':') {
		for (p++; p < end && *p >= '0' && *p <= '9';)
			p++;
	}
	return p == end;
}

static int
parse_expect(
    const char *p, size_t len, struct http_request *req, struct http_error *err)
{
	if (!text_is_like(p, len, "100-continue"))
		return http_fail(err, 417, "an expectation that is not known");
	req->expect_continue = true;
	return 0;
}

/*
 * Section 5: a name, a colon right behind it, a value between optional blanks.
 * A line that begins with a blank (obs-fold) has no name, so it fails here.
 */
static int
parse_field(const char *p, const char *end, struct http_request *req,
    struct fields *fields, struct http_error *err)
{
	const char *name_end = pass_token(p, end), *value, *value_end = end;
	size_t name_len = (size_t)(name_end - p), len;

	if (name_len == 0 || name_end == end || *name_end != ':')
		return http_fail(err, 400, "malformed header field");
	value = pass_blanks(name_end + 1, end);
	while (value_end > value && is_blank(value_end[-1]))
		value_end--;
	for (const char *c = value; c < value_end; c++) {
		if (!is_value_char(*c))
			return http_fail(
			    err, 400, "a control character in a header field");
	}
	len = (size_t)(value_end - value);
	if (text_is_like(p, name_len, "Content-Length"))
		return parse_length(value, len, req, fields, err);
	if (text_is_like(p, name_len, "Transfer-Encoding"))
		return parse_transfer_encoding(value, value_end, fields, err);
	if (text_is_like(p, name_len, "Connection"))
		parse_connection(value, value_end, fields);
	if (text_is_like(p, name_len, "Expect"))
		return parse_expect(value, len, req, err);
	if (text_is_like(p, name_len, "Host")) {
		fields->hosts++;
		if (!is_host(value, len))
			return http_fail(err, 400, "malformed Host");
		/* That of an absolute target counts more (section 3.2.2). */
		if (req->host.len == 0)
			req->host = (struct http_text){value, len};
	}
	if (text_is_like(p, name_len, "Origin")) {
		if (req->origin.p != NULL)
			return http_fail(err, 400, "more than one Origin");
		req->origin = (struct http_text){value, len};
	}
	if (text_is_like(p, name_len, "Content-Type"))
		req->content_type = (struct http_text){value, len};
	if (text_is_like(p, name_len, "Content-Encoding")) {
		if (req->content_encoding.len > 0)
			return http_fail(
			    err, 415, "more than one Content-Encoding");
		req->content_encoding = (struct http_text){value, len};
	}
	return 0;
}

bool
http_next_field(
    struct http_text *rest, const char *name, struct http_text *value)
{
	const char *p = rest->p, *end = p + rest->len, *lf, *stop;
	size_t len = strlen(name);

	for (; p < end; p = lf + 1) {
		lf = memchr(p, '\n', (size_t)(end - p));
		stop = lf - 1; /* http_head_length saw CR LF */
		if ((size_t)(stop - p) <= len || p[len] != ':' ||
		    strncasecmp(p, name, len) != 0)
			continue;
		value->p = pass_blanks(p + len + 1, stop);
		while (stop > value->p && is_blank(stop[-1]))
			stop--;
		value->len = (size_t)(stop - value->p);
		*rest = (struct http_text){lf + 1, (size_t)(end - lf - 1)};
		return true;
	}
	return false;
}

enum http_type
http_type(struct http_text value)
{
	const char *p = value.p, *end = p + value.len;
	size_t len;

	if (value.len == 0)
		return HTTP_TYPE_NONE;
	if (value.len < 12 || strncasecmp(p, "application/", 12) != 0)
		return HTTP_TYPE_OTHER;
	p += 12;
	len = (size_t)(pass_token(p, end) - p);
	if (text_is_like(p, len, "json"))
		return HTTP_TYPE_JSON;
	return text_is_like(p, len, "x-protobuf") ? HTTP_TYPE_PROTOBUF
						  : HTTP_TYPE_OTHER;
}

/* What the fields mean together (sections 3.2, 6.1, 6.3, 9.3). */
static int
settle(struct http_request *req, const struct fields *fields,
    struct http_error *err)
{
	if (fields->hosts > 1)
		return http_fail(err, 400, "more than one Host");
	if (req->minor >= 1 && fields->hosts == 0)
		return http_fail(err, 400, "a Host is missing");
	if (fields->transfer_encoding) {
		if (fields->lengths > 0)
			return http_fail(err, 400,
			    "both Content-Length and Transfer-Encoding");
		if (req->minor == 0)
			return http_fail(
			    err, 400, "Transfer-Encoding in HTTP/1.0");
		if (!fields->has_chunked)
			return http_fail(err, 400,
			    "the last transfer coding is not chunked");
		if (fields->other_coding)
			return http_fail(
			    err, 501, "a transfer coding that is not known");
		req->chunked = true;
	}
	req->keep_alive =
	    !fields->close && (req->minor >= 1 || fields->persist);
	/* RFC 9110, section 10.1.1: ignored from HTTP/1.0. */
	if (req->minor == 0)
		req->expect_continue = false;
	return 0;
}

bool
http_next_argument(
    struct http_text *query, struct http_text *name, struct http_text *value)
{
	const char *p = query->p, *end = p + query->len, *stop, *equals;

	if (query->len == 0)
		return false;
	stop = memchr(p, '&', query->len);
	if (stop == NULL)
		stop = end;
	equals = memchr(p, '=', (size_t)(stop - p));
	if (equals == NULL)
		equals = stop;
	*name = (struct http_text){p, (size_t)(equals - p)};
	p = equals < stop ? equals + 1 : stop;
	*value = (struct http_text){p, (size_t)(stop - p)};
	p = stop < end ? stop + 1 : end;
	*query = (struct http_text){p, (size_t)(end - p)};
	return true;
}

size_t
http_decode(struct http_text text, char *out)
{
	const char *p = text.p, *end = p + text.len;
	char *o = out;

	for (; p < end; p++) {
		if (*p == '%' && end - p >= 3 && hex_digit(p[1]) >= 0 &&
		    hex_digit(p[2]) >= 0) {
			*o++ = (char)(hex_digit(p[1]) << 4 | hex_digit(p[2]));
			p += 2;
		} else {
			*o++ = *p == '+' ? ' ' : *p;
		}
	}
	return (size_t)(o - out);
}

long
http_decode_path(struct http_text text, char *out)
{
	const char *p = text.p, *end = p + text.len;
	char *o = out;

	for (; p < end; p++, o++) {
		*o = *p;
		if (*p == '%') {
			if (end - p < 3 || hex_digit(p[1]) < 0 ||
			    hex_digit(p[2]) < 0)
				return -1;
			*o = (char)(hex_digit(p[1]) << 4 | hex_digit(p[2]));
			p += 2;
		}
		if ((unsigned char)*o < ' ' || *o == 0x7f)
			return -1;
	}
	return o - out;
}
