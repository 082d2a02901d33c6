/*
 * access.c - see access.h.
 */
#include <string.h>
#include <strings.h>

#include "access.h"

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

/* Is the origin "SCHEME://HOST"? A scheme's own port is not named in it. */
static bool
is_same(struct http_text origin, const char *scheme, const char *port,
    struct http_text host)
{
	size_t len = strlen(scheme);

	if (host.len == 0 || origin.len < len ||
	    strncasecmp(origin.p, scheme, len) != 0)
		return false;
	origin.p += len;
	origin.len -= len;
	return is_like(cut_port(origin, port), cut_port(host, port));
}

bool
access_from_here(const struct access *a, const struct http_request *req)
{
	const char *list = a->origins;
	struct http_text name;

	if (req->origin.p == NULL ||
	    is_same(req->origin, "http://", "80", req->host) ||
	    is_same(req->origin, "https://", "443", req->host))
		return true;
	while (list != NULL && next_name(&list, &name)) {
		if ((name.len == 1 && *name.p == '*') ||
		    is_like(name, req->origin))
			return true;
	}
	return false;
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
