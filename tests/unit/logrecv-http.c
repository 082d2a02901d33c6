/*
 * logrecv-http.c - the strict request parser: what RFC 9112 allows works, and
 * what it calls malformed or ambiguous is refused, however it is cut into
 * pieces on its way.
 */
#include "../../cmd/logrecv/chunked.h"
#include "tap.h"

#define LINE_MAX_BYTES 200

/* The status that a head is refused with; 0: parsed; -2: not complete. */
static int
parse(
    const char *p, size_t len, struct http_request *req, struct http_error *err)
{
	size_t skip = http_leading_crlf(p, len), scanned = 0;
	long n = http_head_length(p + skip, len - skip, &scanned, err);

	if (n == 0)
		return -2;
	if (n < 0 || http_parse_head(p + skip, (size_t)n, req, err) < 0)
		return err->status;
	return 0;
}

/* The same from a copy of exactly this size, for AddressSanitizer. */
static int
status_of(const char *p, size_t len, struct http_error *err)
{
	struct http_request req;
	char *copy = malloc(len == 0 ? 1 : len);
	int status;

	must(copy != NULL);
	memcpy(copy, p, len);
	memset(err, 0, sizeof(*err));
	status = parse(copy, len, &req, err);
	free(copy);
	return status;
}

#define H "Host: a\r\n"
#define END "\r\n"
#define GET "GET / HTTP/1.1\r\n" H
#define POST "POST /log HTTP/1.1\r\n" H
#define CASE(status, s) \
	{ \
		status, s, sizeof(s) - 1 \
	}

struct head {
	int status;
	const char *p;
	size_t len;
};

static const struct head heads[] = {
    /* The request line. */
    CASE(0, GET END),
    CASE(0, POST END),
    CASE(0, "\r\n\r\n" GET END),
    CASE(400, "\n" GET END),
    CASE(400, "\r" GET END),
    CASE(400, " " GET END),
    CASE(400, "\r\n " GET END),
    CASE(0, "get / HTTP/1.1\r\n" H END),
    CASE(0, "M-SEARCH / HTTP/1.1\r\n" H END),
    CASE(400, "GE(T / HTTP/1.1\r\n" H END),
    CASE(400, "GE\0T / HTTP/1.1\r\n" H END),
    CASE(400, "G\xc3\x89T / HTTP/1.1\r\n" H END),
    CASE(400, "GET  / HTTP/1.1\r\n" H END),
    CASE(400, "GET\t/ HTTP/1.1\r\n" H END),
    CASE(400, "GET / HTTP/1.1 \r\n" H END),
    CASE(400, "GET /  HTTP/1.1\r\n" H END),
    CASE(400, "GET /\tHTTP/1.1\r\n" H END),
    CASE(400, "GET / HTTP/1.1 x\r\n" H END),
    CASE(400, "GET /a b HTTP/1.1\r\n" H END),
    CASE(400, "GET /\r\n" H END),
    CASE(400, "GET\r\n" H END),
    CASE(400, "GET HTTP/1.1\r\n" H END),
    CASE(400, "GET  HTTP/1.1\r\n" H END),
    CASE(400, "/ HTTP/1.1\r\n" H END),
    CASE(400, "\0\r\n" H END),
    /* The version. */
    CASE(0, "GET / HTTP/1.0\r\n" END),
    CASE(0, "GET / HTTP/1.2\r\n" H END),
    CASE(505, "GET / HTTP/2.0\r\n" H END),
    CASE(505, "GET / HTTP/0.9\r\n" H END),
    CASE(505, "PRI * HTTP/2.0\r\n" END),
    CASE(400, "GET / http/1.1\r\n" H END),
    CASE(400, "GET / HTTP/1.10\r\n" H END),
    CASE(400, "GET / HTTP/1,1\r\n" H END),
    CASE(400, "GET / HTTP/1.\r\n" H END),
    CASE(400, "GET / HTTP/11\r\n" H END),
    CASE(400, "GET / HTTPS/1.1\r\n" H END),
    CASE(400, "GET / HTTP/+1.1\r\n" H END),
    /* The target. */
    CASE(0, "GET /a/b?c=d&e HTTP/1.1\r\n" H END),
    CASE(0, "GET http://a/log HTTP/1.1\r\n" H END),
    CASE(0, "GET HTTPS://a:8/log HTTP/1.1\r\n" H END),
    CASE(0, "OPTIONS * HTTP/1.1\r\n" H END),
    CASE(0, "CONNECT a:80 HTTP/1.1\r\n" H END),
    CASE(400, "GET log HTTP/1.1\r\n" H END),
    CASE(400, "GET a:80 HTTP/1.1\r\n" H END),
    CASE(400, "GET ftp://a/ HTTP/1.1\r\n" H END),
    CASE(400, "GET /#x HTTP/1.1\r\n" H END),
    CASE(400, "GET /\" HTTP/1.1\r\n" H END),
    CASE(400, "GET /\\ HTTP/1.1\r\n" H END),
    CASE(400, "GET /\x7f HTTP/1.1\r\n" H END),
    CASE(400, "GET /\xc3\xa9 HTTP/1.1\r\n" H END),
    CASE(400, "GET /\0 HTTP/1.1\r\n" H END),
    CASE(400, "GET /\r HTTP/1.1\r\n" H END),
    /* Line ends. */
    CASE(400, "GET / HTTP/1.1\n" H END),
    CASE(400, "GET / HTTP/1.1\r\nHost: a\n\r\n"),
    CASE(400, "GET / HTTP/1.1\r\nHost: a\r\n\n"),
    CASE(400, "GET / HTTP/1.1\r\nHost: a\n\n"),
    CASE(400, "GET / HTTP/1.1\r\nHost: a\r\r\n\r\n"),
    CASE(400, "GET / HTTP/1.1\r\nHost: a\rb\r\n\r\n"),
    CASE(400, "GET / HTTP/1.1\r\rHost: a\r\n\r\n"),
    CASE(-2, "GET / HTTP/1.1\r\nHost: a\r\n"),
    CASE(-2, "GET / HTTP/1.1\r\nHost: a\r\n\r"),
    CASE(-2, ""),
    CASE(-2, "\r\n\r\n"),
    /* Fields. */
    CASE(0, GET "X:\r\n" END),
    CASE(0, GET "X:y\r\n" END),
    CASE(0, GET "X: \t y \t \r\n" END),
    CASE(0, GET "X: \xc3\xa9\xff\r\n" END),
    CASE(0, GET "!#$%&'*+-.^_`|~09azAZ: y\r\n" END),
    CASE(0, GET "X: y\tz\r\n" END),
    CASE(400, GET "X\r\n" END),
    CASE(400, GET ": y\r\n" END),
    CASE(400, GET "X : y\r\n" END),
    CASE(400, GET "X\t: y\r\n" END),
    CASE(400, GET " X: y\r\n" END),
    CASE(400, GET "X: y\r\n z\r\n" END),
    CASE(400, GET "X: y\r\n\tz\r\n" END),
    CASE(400, "GET / HTTP/1.1\r\n " H END),
    CASE(400, GET "X: y\0z\r\n" END),
    CASE(400, GET "X: y\x01\r\n" END),
    CASE(400, GET "X: y\x7f\r\n" END),
    CASE(400, GET "X: y\x1b[2J\r\n" END),
    CASE(400, GET "X\xc3: y\r\n" END),
    CASE(400, GET "X\0: y\r\n" END),
    CASE(400, GET "X Y: z\r\n" END),
    CASE(400, GET "(X): z\r\n" END),
    CASE(400, GET "\"X\": z\r\n" END),
    /* Host. */
    CASE(400, "GET / HTTP/1.1\r\n" END),
    CASE(400, GET H END),
    CASE(400, GET "host: a\r\n" END),
    CASE(0, "GET / HTTP/1.1\r\nHost:\r\n" END),
    CASE(0, "GET / HTTP/1.1\r\nHost: [::1]:80\r\n" END),
    CASE(400, "GET / HTTP/1.1\r\nHost: a b\r\n" END),
    CASE(400, "GET / HTTP/1.1\r\nHost: a,b\r\n" END),
    CASE(400, "GET / HTTP/1.1\r\nHost: a/b\r\n" END),
    CASE(400, "GET / HTTP/1.1\r\nHost: a@b\r\n" END),
    CASE(400, "GET / HTTP/1.0\r\n" H H END),
    /* Content-Length. */
    CASE(0, POST "Content-Length: 0\r\n" END),
    CASE(0, POST "content-LENGTH:7\r\n" END),
    CASE(0, POST "Content-Length: 007\r\n" END),
    CASE(0, POST "Content-Length: \t7 \r\n" END),
    CASE(0, POST "Content-Length: 99999999999999999999999\r\n" END),
    CASE(400, POST "Content-Length:\r\n" END),
    CASE(400, POST "Content-Length: -1\r\n" END),
    CASE(400, POST "Content-Length: +1\r\n" END),
    CASE(400, POST "Content-Length: 0x1\r\n" END),
    CASE(400, POST "Content-Length: 1.0\r\n" END),
    CASE(400, POST "Content-Length: 1e1\r\n" END),
    CASE(400, POST "Content-Length: 1 0\r\n" END),
    CASE(400, POST "Content-Length: 7,7\r\n" END),
    CASE(400, POST "Content-Length: 7, 8\r\n" END),
    CASE(400, POST "Content-Length: \"7\"\r\n" END),
    CASE(400, POST "Content-Length: 7a\r\n" END),
    CASE(400, POST "Content-Length: \xd9\xa7\r\n" END),
    CASE(400, POST "Content-Length: 7\r\nContent-Length: 7\r\n" END),
    CASE(400, POST "Content-Length: 7\r\nContent-length: 8\r\n" END),
    CASE(400, POST "Content-Length : 7\r\n" END),
    /* Transfer-Encoding. */
    CASE(0, POST "Transfer-Encoding: chunked\r\n" END),
    CASE(0, POST "transfer-encoding:\tCHUNKED \r\n" END),
    CASE(0, POST "Transfer-Encoding: , chunked,\r\n" END),
    CASE(501, POST "Transfer-Encoding: gzip, chunked\r\n" END),
    CASE(501, POST "Transfer-Encoding: gzip\r\n"
		   "Transfer-Encoding: chunked\r\n" END),
    CASE(400, POST "Transfer-Encoding: gzip\r\n" END),
    CASE(400, POST "Transfer-Encoding: identity\r\n" END),
    CASE(400, POST "Transfer-Encoding:\r\n" END),
    CASE(400, POST "Transfer-Encoding: ,\r\n" END),
    CASE(400, POST "Transfer-Encoding: chunked, gzip\r\n" END),
    CASE(400, POST "Transfer-Encoding: chunked, chunked\r\n" END),
    CASE(400, POST "Transfer-Encoding: chunked\r\n"
		   "Transfer-Encoding: chunked\r\n" END),
    CASE(400, POST "Transfer-Encoding: xchunked\r\n" END),
    CASE(400, POST "Transfer-Encoding: chunkedx\r\n" END),
    CASE(400, POST "Transfer-Encoding: chunked;q=1\r\n" END),
    CASE(400, POST "Transfer-Encoding: \"chunked\"\r\n" END),
    CASE(400, POST "Transfer-Encoding: \x0b"
		   "chunked\r\n" END),
    CASE(400, POST "Transfer-Encoding : chunked\r\n" END),
    CASE(400, POST "Transfer-Encoding: chunked\r\n"
		   "Content-Length: 7\r\n" END),
    CASE(400, POST "Content-Length: 0\r\n"
		   "Transfer-Encoding: chunked\r\n" END),
    CASE(400, "POST /log HTTP/1.0\r\nTransfer-Encoding: chunked\r\n" END),
    /* Expect, Content-Encoding. */
    CASE(0, POST "Expect: 100-Continue\r\n" END),
    CASE(417, POST "Expect: 200-ok\r\n" END),
    CASE(0, POST "Content-Encoding: gzip\r\n" END),
};

/* A text for a test's name, its control characters escaped. */
static const char *
shown(const char *p, size_t len)
{
	static char out[600];
	size_t n = 0;

	for (size_t i = 0; i < len && n < sizeof(out) - 5; i++) {
		unsigned char c = (unsigned char)p[i];

		if (c == '\r' || c == '\n')
			n += (size_t)sprintf(
			    out + n, "\\%c", c == '\r' ? 'r' : 'n');
		else if (c >= 0x20 && c < 0x7f && c != '#')
			out[n++] = p[i];
		else
			n += (size_t)sprintf(out + n, "\\x%02x", c);
	}
	out[n] = '\0';
	return out;
}

static void
test_heads(void)
{
	struct tap_all parts = {0};
	struct http_error err;

	for (size_t i = 0; i < sizeof(heads) / sizeof(*heads); i++) {
		const struct head *h = &heads[i];
		int status = status_of(h->p, h->len, &err);

		ok(status == h->status && (status <= 0 || err.reason != NULL),
		    "%d: %s%s%s", status, shown(h->p, h->len),
		    status > 0 ? ": " : "", status > 0 ? err.reason : "");
		if (status != h->status)
			fprintf(stderr, "# want: %d\n", h->status);
		/* A part of a good head asks for more. */
		if (h->status != 0)
			continue;
		for (size_t n = 0; n < h->len; n++)
			tap_case(&parts, status_of(h->p, n, &err) == -2,
			    "%zu of %s", n, shown(h->p, h->len));
	}
	tap_all(&parts, "a head that is cut short is incomplete, not refused");
}

/* However its bytes come in, a head ends or fails at the same place. */
static void
test_scanned(void)
{
	struct tap_all all = {0};

	for (size_t i = 0; i < sizeof(heads) / sizeof(*heads); i++) {
		const char *p = heads[i].p;
		size_t len = heads[i].len, scanned = 0, again = 0;
		struct http_error err;
		long whole = http_head_length(p, len, &scanned, &err), n = 0;

		for (size_t have = 1; have <= len && n == 0; have++)
			n = http_head_length(p, have, &again, &err);
		tap_case(&all, n == whole && again <= len, "%s", shown(p, len));
	}
	tap_all(&all, "a byte at a time is as good as all at once");
}

static bool
text_is(struct http_text t, const char *want)
{
	return t.len == strlen(want) && memcmp(t.p, want, t.len) == 0;
}

static struct http_request
parsed(const char *text)
{
	struct http_request req;
	struct http_error err;

	must(parse(text, strlen(text), &req, &err) == 0);
	return req;
}

static void
test_meaning(void)
{
	struct http_request r;

	r = parsed("POST /log?a=b?c HTTP/1.1\r\n" H "Content-Length: 12\r\n"
		   "Content-Encoding: GZip\r\nExpect: 100-continue\r\n" END);
	is_number(r.method, HTTP_POST, "the method");
	ok(text_is(r.path, "/log") && text_is(r.query, "a=b?c"),
	    "path and query");
	is_number(r.length, 12, "the length");
	ok(!r.chunked && r.keep_alive && r.expect_continue, "and the rest");
	ok(text_is(r.content_encoding, "GZip"), "the content coding");
	r = parsed("GET http://a:80/x?y HTTP/1.1\r\n" H END);
	ok(text_is(r.path, "/x") && text_is(r.query, "y"), "absolute-form");
	ok(r.method == HTTP_GET && r.length == 0 && !r.chunked &&
		!r.expect_continue && r.content_encoding.len == 0,
	    "without a body");
	r = parsed("HEAD / HTTP/1.1\r\n" H END);
	is_number(r.method, HTTP_HEAD, "HEAD");
	r = parsed("PUT / HTTP/1.1\r\n" H END);
	is_number(r.method, HTTP_PUT, "PUT");
	r = parsed("OPTIONS * HTTP/1.1\r\n" H END);
	ok(r.method == HTTP_OPTIONS && r.path.len == 0, "OPTIONS of all");
	r = parsed("DELETE / HTTP/1.1\r\n" H END);
	is_number(r.method, HTTP_OTHER, "DELETE is another one");
	r = parsed("post / HTTP/1.1\r\n" H END);
	is_number(r.method, HTTP_OTHER, "methods are case-sensitive");
	r = parsed(
	    "POST / HTTP/1.1\r\n" H "Transfer-Encoding: Chunked\r\n" END);
	ok(r.chunked && r.length == 0, "chunked");
	r = parsed(POST "Content-Length: 18446744073709551615\r\n" END);
	ok(r.length > UINT64_MAX / 100, "a huge length stays huge");
	r = parsed(POST "Content-Length: 184467440737095516150\r\n" END);
	ok(r.length > UINT64_MAX / 100, "also over 2^64");

	ok(parsed(GET END).keep_alive, "1.1 persists");
	ok(!parsed(GET "Connection: close\r\n" END).keep_alive,
	    "unless closed");
	ok(!parsed(GET "Connection: x, CLOSE ,y\r\n" END).keep_alive,
	    "in a list too");
	ok(!parsed(GET "Connection: x\r\nConnection: close\r\n" END).keep_alive,
	    "in a second field too");
	ok(parsed(GET "Connection: closed\r\n" END).keep_alive,
	    "by that word alone");
	ok(!parsed("GET / HTTP/1.0\r\n" END).keep_alive, "1.0 does not");
	ok(parsed("GET / HTTP/1.0\r\nConnection: Keep-Alive\r\n" END)
		.keep_alive,
	    "unless asked to");
	ok(!parsed("GET / HTTP/1.0\r\nConnection: keep-alive, close\r\n" END)
		.keep_alive,
	    "and close wins");
	ok(!parsed("POST / HTTP/1.0\r\nExpect: 100-continue\r\n" END)
		.expect_continue,
	    "nor does it know Expect");
}

/*
 * Decodes a chunked body, `step` bytes more at a time (0: all at once), as
 * logrecv does: what is not taken is offered again with more. The status, 0:
 * done, -2: more is needed. *used is what it took.
 */
static int
decode(const char *p, size_t len, size_t step, char *out, size_t *out_len,
    size_t *used)
{
	struct http_chunked c = {0};
	struct http_error err;
	struct http_text data;
	size_t have = step == 0 ? len : 0;

	*out_len = *used = 0;
	for (;;) {
		long n = http_chunked_next(
		    &c, p + *used, have - *used, LINE_MAX_BYTES, &data, &err);

		if (n < 0)
			return err.status;
		must(n <= (long)(have - *used));
		if (data.len > 0)
			memcpy(out + *out_len, data.p, data.len);
		*out_len += data.len;
		*used += (size_t)n;
		if (c.state == CHUNK_DONE)
			return 0;
		if (n > 0)
			continue;
		if (have == len)
			return -2;
		have = len - have < step ? len : have + step;
	}
}

#define BODY(status, s, out) \
	{ \
		status, s, sizeof(s) - 1, out \
	}

static const struct {
	int status;
	const char *p;
	size_t len;
	const char *out;
} bodies[] = {
    BODY(0, "0\r\n\r\n", ""),
    BODY(0, "5\r\nhello\r\n0\r\n\r\n", "hello"),
    BODY(0, "5\r\nhello\r\n6\r\n world\r\n0\r\n\r\nGET /", "hello world"),
    BODY(0, "A\r\n0123456789\r\na\r\n0123456789\r\n0\r\n\r\n",
	"01234567890123456789"),
    BODY(0, "0005\r\nhello\r\n000\r\n\r\n", "hello"),
    BODY(0, "2\r\n\r\n\r\n0\r\n\r\n", "\r\n"),
    BODY(0, "1;a\r\nx\r\n0;a=b;c=\"d;\\\"e\"\r\n\r\n", "x"),
    BODY(0, "1 ; a = b\r\nx\r\n0\r\n\r\n", "x"),
    BODY(0, "1\r\nx\r\n0\r\nA: b\r\nC:\r\n\r\n", "x"),
    BODY(0, "1\r\nx\r\n0\r\nContent-Length: 99\r\n\r\n", "x"),
    BODY(-2, "", ""),
    BODY(-2, "5", ""),
    BODY(-2, "5\r\nhell", "hell"),
    BODY(-2, "5\r\nhello", "hello"),
    BODY(-2, "5\r\nhello\r\n", "hello"),
    BODY(-2, "5\r\nhello\r\n0\r\n", "hello"),
    BODY(-2, "5\r\nhello\r\n0\r\n\r", "hello"),
    BODY(400, "\r\n", ""),
    BODY(400, "g\r\n", ""),
    BODY(400, "-1\r\n", ""),
    BODY(400, "+1\r\n", ""),
    BODY(400, " 1\r\nx\r\n", ""),
    BODY(400, "1 \r\nx\r\n", ""),
    BODY(400, "1\t\r\nx\r\n", ""),
    BODY(400, "0x1\r\nx\r\n", ""),
    BODY(400, "1_0\r\n", ""),
    BODY(400, "1\nx\r\n", ""),
    BODY(400, "1\r\nx\n0\r\n\r\n", "x"),
    BODY(400, "1\r\nx\rx", "x"),
    BODY(400, "1\r\nxy\r\n0\r\n\r\n", "x"),
    BODY(400, "5\r\nhel\r\n0\r\n\r\n", "hel\r\n"),
    BODY(400, "1\r\nx0\r\n\r\n", "x"),
    BODY(400, "1;\r\nx\r\n", ""),
    BODY(400, "1;a=\r\nx\r\n", ""),
    BODY(400, "1;a=\"b\r\nx\r\n", ""),
    BODY(400, "1;a=\"b\"c\r\nx\r\n", ""),
    BODY(400, "1;a\0b\r\nx\r\n", ""),
    BODY(400, "1;a=\"\0\"\r\nx\r\n", ""),
    BODY(400, "1,a\r\nx\r\n", ""),
    BODY(400, "0\r\n\n", ""),
    BODY(400, "0\r\nX\r\n\r\n", ""),
    BODY(400, "0\r\n X: y\r\n\r\n", ""),
    BODY(400, "0\r\nX : y\r\n\r\n", ""),
    BODY(400, "0\r\nX: \0\r\n\r\n", ""),
    BODY(400, "0\r\nX: y\r\n z\r\n\r\n", ""),
    BODY(413, "fffffffffffffffff\r\n", ""),
    BODY(413, "ffffffffffffffff\r\n", ""),
    BODY(413, "10000000000000000\r\n", ""),
};

static void
test_chunked(void)
{
	struct tap_all pieces = {0};
	char out[4096], longer[600];
	size_t n, used;

	for (size_t i = 0; i < sizeof(bodies) / sizeof(*bodies); i++) {
		const char *p = bodies[i].p;
		size_t len = bodies[i].len;
		char *copy = malloc(len == 0 ? 1 : len);
		int status;

		must(copy != NULL);
		memcpy(copy, p, len);
		status = decode(copy, len, 0, out, &n, &used);
		ok(status == bodies[i].status && n == strlen(bodies[i].out) &&
			memcmp(out, bodies[i].out, n) == 0,
		    "chunked, %d: %s", status, shown(p, len));
		for (size_t step = 1; step < len; step++)
			tap_case(&pieces,
			    decode(copy, len, step, out, &n, &used) == status &&
				(status > 0 ||
				    (n == strlen(bodies[i].out) &&
					memcmp(out, bodies[i].out, n) == 0)),
			    "by %zu: %s", step, shown(p, len));
		free(copy);
	}
	tap_all(&pieces, "in pieces of any size the same comes out");
	decode("1\r\nx\r\n0\r\n\r\nGET /", 15, 0, out, &n, &used);
	is_number(used, 11, "what follows is left for the next request");

	memset(longer, 'a', sizeof(longer));
	memcpy(longer, "1;", 2);
	is_number(decode(longer, sizeof(longer), 1, out, &n, &used), 431,
	    "a chunk line that does not end");
	n = (size_t)sprintf(longer, "0\r\n");
	for (int i = 0; i < 30; i++)
		n += (size_t)sprintf(longer + n, "X: 3456789\r\n");
	is_number(decode(longer, n, 0, out, &n, &used), 431,
	    "trailer fields without end");
}

/* Random changes: nothing is read beyond the end, cut up or not. */
static void
test_fuzz(void)
{
	struct tap_all all = {0};
	uint64_t seed = 11;
	char text[600], out[600];
	size_t n, used;

	for (int i = 0; i < 200000; i++) {
		const struct head *h = &heads[tap_random(&seed) %
					      (sizeof(heads) / sizeof(*heads))];
		size_t b =
		    tap_random(&seed) % (sizeof(bodies) / sizeof(*bodies));
		bool body = (tap_random(&seed) & 1) != 0;
		const char *from = body ? bodies[b].p : h->p;
		size_t len = body ? bodies[b].len : h->len;
		struct http_error err;
		char *copy;
		int status;

		memcpy(text, from, len);
		for (size_t k = tap_random(&seed) % 4; k > 0 && len > 0; k--)
			text[tap_random(&seed) % len] =
			    "\r\n\0 :;0\t\x80"[tap_random(&seed) % 9];
		copy = malloc(len == 0 ? 1 : len);
		must(copy != NULL);
		memcpy(copy, text, len);
		if (body) {
			status = decode(copy, len, 0, out, &n, &used);
			tap_case(&all,
			    status == decode(copy, len,
					  1 + tap_random(&seed) % 3, out, &n,
					  &used),
			    "%s", shown(text, len));
		} else {
			status = status_of(copy, len, &err);
			tap_case(&all,
			    status == 0 || status == -2 ||
				(status >= 400 && status < 600 &&
				    err.reason != NULL),
			    "%d: %s", status, shown(text, len));
		}
		free(copy);
	}
	tap_all(&all, "any bytes have a verdict");
}

static void
test_types(void)
{
	static const struct {
		const char *value;
		enum http_type type;
	} types[] = {
	    {"", HTTP_TYPE_NONE},
	    {"application/json", HTTP_TYPE_JSON},
	    {"Application/JSON; charset=utf-8", HTTP_TYPE_JSON},
	    {"application/json;charset=utf-8", HTTP_TYPE_JSON},
	    {"application/x-protobuf", HTTP_TYPE_PROTOBUF},
	    {"application/x-protobuf ;a=b", HTTP_TYPE_PROTOBUF},
	    {"application/x-protobuf2", HTTP_TYPE_OTHER},
	    {"application/", HTTP_TYPE_OTHER},
	    {"application", HTTP_TYPE_OTHER},
	    {"text/json", HTTP_TYPE_OTHER},
	};
	struct tap_all all = {0};

	for (size_t i = 0; i < sizeof(types) / sizeof(types[0]); i++) {
		size_t len = strlen(types[i].value);
		char *copy = malloc(len == 0 ? 1 : len);

		must(copy != NULL);
		memcpy(copy, types[i].value, len);
		tap_case(&all,
		    http_type((struct http_text){copy, len}) == types[i].type,
		    "%s", types[i].value);
		free(copy);
	}
	tap_all(&all, "what a body is said to be");
}

int
main(void)
{
	test_heads();
	test_types();
	test_scanned();
	test_meaning();
	test_chunked();
	test_fuzz();
	return tap_end();
}
