/*
 * access.c - see access.h.
 */
#include <string.h>
#include <strings.h>

#include "access.h"
#include "reply.h"

#define ORIGIN_MAX 300 /* bytes: a name of DNS has 253 */
#define ASKED_MAX 1000 /* likewise, of names of fields */

static bool
is_like(struct http_text a, struct http_text b)
{
	return a.len == b.len && strncasecmp(a.p, b.p, a.len) == 0;
}

/* The next name of a list with commas; false at its end. */
static bool
next_name(const char **list, struct http_text *name)
{
	*list += strspn(*list, ", ");
	name->p = *list;
	name->len = strcspn(*list, ", ");
	*list += name->len;
	return name->len > 0;
}

/* Without its port, or without this one alone if it is not NULL. */
static struct http_text
cut_port(struct http_text host, const char *only)
{
	size_t at = host.len;

	while (at > 0 && host.p[at - 1] >= '0' && host.p[at - 1] <= '9')
		at--;
	if (at == 0 || host.p[at - 1] != ':')
		return host; /* an address in brackets ends in one */
	if (only == NULL || (strlen(only) == host.len - at &&
				memcmp(only, host.p + at, host.len - at) == 0))
		host.len = at - 1;
	return host;
}

static bool
begins_with(struct http_text text, const char *begin)
{
	size_t len = strlen(begin);

	return text.len >= len && strncasecmp(text.p, begin, len) == 0;
}

/* Is the origin "SCHEME://HOST"? A scheme's own port is not named in it. */
static bool
is_same(struct http_text origin, const char *scheme, const char *port,
    struct http_text host)
{
	size_t len = strlen(scheme);

	if (host.len == 0 || !begins_with(origin, scheme))
		return false;
	origin.p += len;
	origin.len -= len;
	return is_like(cut_port(origin, port), cut_port(host, port));
}

/* As a browser says it, though a list may name a scheme's own port. */
static struct http_text
cut_own_port(struct http_text origin)
{
	if (begins_with(origin, "http://"))
		return cut_port(origin, "80");
	return begins_with(origin, "https://") ? cut_port(origin, "443")
					       : origin;
}

/* Is it the origin of a page that --cors-origin allows? */
static bool
is_allowed(const struct access *a, struct http_text origin)
{
	const char *list = a->origins;
	struct http_text name;

	if (origin.p == NULL || origin.len > ORIGIN_MAX)
		return false;
	while (list != NULL && next_name(&list, &name)) {
		if ((name.len == 1 && *name.p == '*') ||
		    is_like(cut_own_port(name), origin))
			return true;
	}
	return false;
}

bool
access_from_here(const struct access *a, const struct http_request *req)
{
	return req->origin.p == NULL ||
	       is_same(req->origin, "http://", "80", req->host) ||
	       is_same(req->origin, "https://", "443", req->host) ||
	       is_allowed(a, req->origin);
}

/* Does it ask what it may send? */
static bool
is_preflight(const struct http_request *req, struct http_text head)
{
	struct http_text method;

	return req->method == HTTP_OPTIONS && req->origin.p != NULL &&
	       http_next_field(&head, "Access-Control-Request-Method", &method);
}

/* What a preflight is answered besides. */
static int
put_preflight(struct http_text head, unsigned methods, struct buf *out)
{
	struct http_text asked = {0};

	/* Whatever a page may want to send: nothing else is looked at. */
	if (!http_next_field(&head, "Access-Control-Request-Headers", &asked) ||
	    asked.len > ASKED_MAX)
		asked.len = 0;
	if (buf_printf(out,
		"Access-Control-Allow-Headers: Authorization, Content-Type, "
		"Content-Encoding%s%.*s\r\n"
		"Access-Control-Max-Age: 7200\r\n"
		"Access-Control-Allow-Methods: ",
		asked.len > 0 ? ", " : "", (int)asked.len, asked.p) < 0 ||
	    reply_put_methods(out, methods) < 0)
		return -1;
	return buf_append(out, "\r\n", 2);
}

int
access_put_fields(const struct access *a, const struct http_request *req,
    struct http_text head, unsigned methods, struct buf *out)
{
	if (!is_allowed(a, req->origin))
		return 0;
	/*
	 * The origin itself, not *, since a beacon comes with credentials; that
	 * gives no page more than the list does: what it can do here is send.
	 */
	if (buf_printf(out,
		"Access-Control-Allow-Origin: %.*s\r\n"
		"Access-Control-Allow-Credentials: true\r\n"
		"Access-Control-Expose-Headers: Retry-After\r\n",
		(int)req->origin.len, req->origin.p) < 0 ||
	    (is_preflight(req, head) && put_preflight(head, methods, out) < 0))
		return -1;
	return buf_append(out, "", 1);
}

bool
access_to_here(const struct access *a, const struct http_request *req)
{
	const char *list = a->hosts;
	struct http_text name;

	if (list == NULL)
		return true;
	while (next_name(&list, &name)) {
		if (is_like(name, req->host) ||
		    is_like(name, cut_port(req->host, NULL)))
			return true;
	}
	return false;
}

/*
 * Lists
 */

/* A host, or HOST:PORT, and nothing before or behind that. */
static bool
is_host(struct http_text host)
{
	struct http_text name = cut_port(host, NULL);
	const char *letters = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
			      "abcdefghijklmnopqrstuvwxyz0123456789-._";

	if (host.len == name.len + 1)
		return false; /* a colon without a port */
	if (name.len > 2 && name.p[0] == '[' && name.p[name.len - 1] == ']') {
		letters = "0123456789abcdefABCDEF:.";
		name.p++;
		name.len -= 2;
	}
	return name.len > 0 && strspn(name.p, letters) >= name.len;
}

/* What a browser can have as the Origin of a page. */
static bool
is_origin(struct http_text origin)
{
	const char *colon = memchr(origin.p, ':', origin.len);
	size_t len;

	if (is_like(origin, (struct http_text){"*", 1}) ||
	    is_like(origin, (struct http_text){"null", 4}))
		return true;
	len = colon == NULL ? 0 : (size_t)(colon - origin.p) + 3;
	if (len <= 3 || len > origin.len || memcmp(colon, "://", 3) != 0)
		return false;
	return is_host((struct http_text){origin.p + len, origin.len - len});
}

int
access_check(const struct access *a, struct error *err)
{
	const char *list = a->origins;
	struct http_text name;

	while (list != NULL && next_name(&list, &name)) {
		if (!is_origin(name))
			return error_set(err,
			    "--cors-origin: no page has the origin '%.*s': it "
			    "is SCHEME://HOST or SCHEME://HOST:PORT, without a "
			    "path, not even a /",
			    (int)name.len, name.p);
	}
	list = a->hosts;
	while (list != NULL && next_name(&list, &name)) {
		if (!is_host(name))
			return error_set(err,
			    "--host: no request has the Host '%.*s': it is "
			    "HOST "
			    "or HOST:PORT",
			    (int)name.len, name.p);
	}
	return 0;
}
