/*
 * target.c - see target.h.
 */
#include <errno.h>
#include <netdb.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "clock.h"
#include "target.h"

#define REFRESH_NS (10 * CLOCK_NS_PER_S)

#define NAME_CHARACTERS \
	"abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-._"

static int
parse_authority(struct target *, const char *text, size_t len, struct error *);

int
target_parse(struct target *t, const char *url, struct error *err)
{
	const char *authority, *path;

	memset(t, 0, sizeof(*t));
	t->secure = strncasecmp(url, "https://", 8) == 0;
	if (!t->secure && strncasecmp(url, "http://", 7) != 0)
		return error_set(err,
		    "the URL must begin with http:// or https://: %s", url);
	/* What is not visible ASCII could end the request line. */
	for (const char *p = url; *p != '\0'; p++) {
		if (*p <= ' ' || *p > '~' || *p == '#')
			return error_set(err,
			    "the URL holds a byte 0x%02x, which must be "
			    "escaped as %%%02X",
			    (unsigned char)*p, (unsigned char)*p);
	}
	authority = strchr(url, '/') + 2;
	path = authority + strcspn(authority, "/?");
	if (snprintf(t->path, sizeof(t->path), "%s%s", *path == '/' ? "" : "/",
		path) >= (int)sizeof(t->path))
		return error_set(
		    err, "the URL is longer than %d bytes", TARGET_URL_MAX);
	return parse_authority(t, authority, (size_t)(path - authority), err);
}

/* HOST, HOST:PORT, [ADDRESS] or [ADDRESS]:PORT */
static int
parse_authority(
    struct target *t, const char *text, size_t len, struct error *err)
{
	const char *host = text, *port;
	size_t host_len;

	if (len >= sizeof(t->host))
		return error_set(err, "the URL's host is too long");
	if (len > 0 && *text == '[') {
		host++;
		host_len = strcspn(host, "]/?");
		if (host[host_len] != ']' ||
		    strspn(host, "0123456789abcdefABCDEF:.") != host_len)
			return error_set(
			    err, "not an IPv6 address: %.*s", (int)len, text);
		port = host + host_len + 1;
	} else {
		host_len = strspn(host, NAME_CHARACTERS);
		port = host + host_len;
	}
	if (host_len == 0)
		return error_set(
		    err, "the URL names no host: '%.*s'", (int)len, text);
	memcpy(t->host, host, host_len);
	memcpy(t->authority, text, len);
	(void)snprintf(
	    t->port, sizeof(t->port), "%s", t->secure ? "443" : "80");
	len -= (size_t)(port - text);
	if (len == 0)
		return 0;
	if (*port != ':' || strspn(port + 1, "0123456789") != len - 1 ||
	    len < 2 || len > 6 || atoi(port + 1) < 1 || atoi(port + 1) > 65535)
		return error_set(err,
		    "not a port, 1 to 65535, after the URL's host: '%.*s'",
		    (int)len, port);
	(void)snprintf(t->port, sizeof(t->port), "%d", atoi(port + 1));
	return 0;
}

int
target_resolve(struct target *t, struct error *err)
{
	struct addrinfo hints = {
	    .ai_socktype = SOCK_STREAM, .ai_flags = AI_NUMERICSERV};
	struct addrinfo *found;
	int rc = getaddrinfo(t->host, t->port, &hints, &found);

	t->resolved_ns = clock_monotonic_ns();
	if (rc == EAI_SYSTEM)
		return error_errno(err, "look up %s", t->host);
	if (rc != 0)
		return error_set(
		    err, "look up %s: %s", t->host, gai_strerror(rc));
	t->count = 0;
	for (struct addrinfo *a = found;
	     a != NULL && t->count < TARGET_ADDRESSES_MAX; a = a->ai_next) {
		struct target_address *to = &t->addresses[t->count];

		if (a->ai_addrlen > sizeof(to->address))
			continue;
		memcpy(&to->address, a->ai_addr, a->ai_addrlen);
		to->len = a->ai_addrlen;
		t->count++;
	}
	freeaddrinfo(found);
	if (t->count == 0)
		return error_set(err, "look up %s: no address", t->host);
	return 0;
}

void
target_refresh(struct target *t)
{
	struct error ignored;

	if (clock_monotonic_ns() - t->resolved_ns >= REFRESH_NS)
		(void)target_resolve(t, &ignored);
}

int
target_head(const struct target *t, const char *content_type, const char *token,
    struct buf *out)
{
	return buf_printf(out,
	    "POST %s HTTP/1.1\r\n"
	    "Host: %s\r\n"
	    "User-Agent: logsend/" VERSION "\r\n"
	    "%s%s%s"
	    "Content-Type: %s\r\n"
	    "Content-Length: ",
	    t->path, t->authority,
	    token != NULL ? "Authorization: Bearer " : "",
	    token != NULL ? token : "", token != NULL ? "\r\n" : "",
	    content_type);
}
