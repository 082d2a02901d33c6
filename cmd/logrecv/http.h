/*
 * http.h - a strict parser of HTTP/1.1 requests (RFC 9112).
 *
 * Pure functions over bytes in memory: no sockets, no allocation. A request
 * whose framing is malformed or ambiguous is refused, never repaired: behind
 * a proxy that reads it otherwise, each repair is a way to smuggle a request
 * (RFC 9112, section 11.2). After an error the connection must be closed.
 */
#ifndef LOGRECV_HTTP_H
#define LOGRECV_HTTP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* A piece of the head or of the body; valid as long as the caller's bytes. */
struct http_text {
	const char *p;
	size_t len;
};

enum http_method {
	HTTP_GET,
	HTTP_HEAD,
	HTTP_POST,
	HTTP_PUT,
	HTTP_OPTIONS,
	HTTP_OTHER, /* any other */
};

extern const char *const http_method_names[HTTP_OTHER];

#define HTTP_BIT(method) (1U << HTTP_##method)

/* What a body is said to be. */
enum http_type {
	HTTP_TYPE_NONE, /* nothing is said */
	HTTP_TYPE_JSON,
	HTTP_TYPE_PROTOBUF,
	HTTP_TYPE_OTHER,
};

#define HTTP_TYPE_BIT(type) (1U << HTTP_TYPE_##type)

struct http_request {
	enum http_method method;
	struct http_text path;  /* of the target, without the query */
	struct http_text query; /* without the '?'; may be empty */
	unsigned minor;         /* HTTP/1.minor, at most 1 */
	bool keep_alive;
	bool expect_continue;
	bool chunked;
	uint64_t length; /* Content-Length; 0 where there is none */
	struct http_text content_type;     /* empty: none */
	struct http_text content_encoding; /* empty: none */
	struct http_text host;             /* with its port, if it has one */
	struct http_text origin; /* RFC 6454, section 7; p is NULL: none */
};

struct http_error {
	int status;         /* 400, 414, 417, 501, 505, … */
	const char *reason; /* a constant text */
};

/*
 * Looks for the end of a head in the bytes received so far. Returns the
 * length of the head with its empty line, 0 if it is not complete, or -1: a
 * line ends in LF alone. *scanned, 0 for a new request, remembers how far the
 * last call came, so that a slow sender costs no second look.
 */
long http_head_length(
    const char *p, size_t len, size_t *scanned, struct http_error *);

/* How many bytes of CRLF to pass over before a request line (section 2.2). */
size_t http_leading_crlf(const char *p, size_t len);

/* Parses a whole head. 0, or -1 with *err set. */
int http_parse_head(
    const char *head, size_t len, struct http_request *, struct http_error *);

/* Of a Content-Type, parameters aside (RFC 9110, section 8.3). */
enum http_type http_type(struct http_text value);

/*
 * The next field of this name in a head that was parsed: sets its value, and
 * *rest, at first the whole head, to what is behind it. False: there is none.
 */
bool http_next_field(
    struct http_text *rest, const char *name, struct http_text *value);

/*
 * The next argument of a query, "name=value&...": sets both, as they are
 * written, and moves the query behind it. False: there is none.
 */
bool http_next_argument(
    struct http_text *query, struct http_text *name, struct http_text *value);

/*
 * Resolves the %XX of an argument, and its '+' for a space, into out, which
 * must hold len bytes; returns the length. What is no %XX stays as it is.
 */
size_t http_decode(struct http_text, char *out);

/*
 * The same of a piece of a path (RFC 3986, section 2.1), where a '+' is one.
 * -1: a '%' without two digits, or it is a control character.
 */
long http_decode_path(struct http_text, char *out);

#endif
