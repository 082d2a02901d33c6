/*
 * jetstream_monitor.c - asks the servers' monitoring ports what the protocol of
 * clients does not tell: their version, and whether they sync.
 */
#include <errno.h>
#include <netdb.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

#include "clock.h"
#include "jetstream.h"
#include "log.h"

#define ANSWER_MAX (256 * 1024)
#define SCHEME "http://"

/* Older ones lost what they had acknowledged, see their release notes. */
static const unsigned least[] = {2, 10, 23};

/* A socket, or -1 with the error. The URL was checked. */
static int
connect_to(const char *url, uint64_t wait_ns, struct error *err)
{
	struct timeval wait = {.tv_sec = (time_t)(wait_ns / CLOCK_NS_PER_S),
	    .tv_usec = (suseconds_t)(wait_ns % CLOCK_NS_PER_S / 1000)};
	struct addrinfo hints = {.ai_socktype = SOCK_STREAM}, *found;
	char host[256];
	const char *port = strrchr(url, ':');
	int fd = -1, rc;

	url += strlen(SCHEME);
	if (*url == '[') /* of an IPv6 address */
		url++;
	(void)snprintf(host, sizeof(host), "%.*s",
	    (int)(port - url) - (port[-1] == ']'), url);
	rc = getaddrinfo(host, port + 1, &hints, &found);
	if (rc != 0)
		return error_set(err, "find %s: %s", host, gai_strerror(rc));
	for (struct addrinfo *a = found; a != NULL && fd < 0; a = a->ai_next) {
		fd = socket(a->ai_family, a->ai_socktype | SOCK_CLOEXEC, 0);
		if (fd < 0)
			continue;
		(void)setsockopt(
		    fd, SOL_SOCKET, SO_SNDTIMEO, &wait, sizeof(wait));
		(void)setsockopt(
		    fd, SOL_SOCKET, SO_RCVTIMEO, &wait, sizeof(wait));
		if (connect(fd, a->ai_addr, a->ai_addrlen) == 0)
			break;
		(void)error_errno(err, "connect to %s", url);
		(void)close(fd); /* nothing was sent */
		fd = -1;
	}
	freeaddrinfo(found);
	return fd;
}

/* What the server says of itself, and a NUL. Owned by the caller; or NULL. */
static char *
get(const char *url, uint64_t wait_ns, struct error *err)
{
	static const char request[] =
	    "GET /varz HTTP/1.0\r\nHost: monitor\r\n\r\n";
	int fd = connect_to(url, wait_ns, err);
	char *answer = fd < 0 ? NULL : malloc(ANSWER_MAX);
	size_t len = 0;
	ssize_t n = -1;

	if (answer != NULL &&
	    spool_write_all(fd, request, sizeof(request) - 1) == 0) {
		do {
			n = read(fd, answer + len, ANSWER_MAX - 1 - len);
			len += n > 0 ? (size_t)n : 0;
		} while (n > 0);
	}
	if (fd >= 0 && n < 0) {
		(void)error_errno(err, "ask %s", url);
		free(answer);
		answer = NULL;
	}
	if (fd >= 0)
		(void)close(fd); /* only read from */
	if (answer != NULL)
		answer[len] = '\0';
	return answer;
}

/* What stands behind a member's name; NULL: it is not there. */
static const char *
find_member(const char *answer, const char *name)
{
	const char *p = strstr(answer, name);

	return p == NULL ? NULL
			 : p + strlen(name) + strspn(p + strlen(name), ": ");
}

/* -1: this server would lose events. */
static int
judge(const char *url, const char *answer, struct error *err)
{
	const char *version = find_member(answer, "\"version\"");
	const char *sync = find_member(answer, "\"sync_always\"");
	unsigned v[3];

	if (version == NULL ||
	    sscanf(version, "\"%u.%u.%u", &v[0], &v[1], &v[2]) != 3)
		return error_set(err, "%s is no nats-server's monitor", url);
	for (int i = 0; i < 3 && v[i] <= least[i]; i++) {
		if (v[i] < least[i])
			return error_set(err,
			    "the server at %s is %u.%u.%u; it must be "
			    "%u.%u.%u or later",
			    url, v[0], v[1], v[2], least[0], least[1],
			    least[2]);
	}
	if (sync == NULL || strncmp(sync, "true", 4) != 0)
		return error_set(err,
		    "the server at %s does not sync what it acknowledges; it "
		    "must have sync_interval: always in jetstream {}",
		    url);
	return 0;
}

int
jetstream_check_servers(const struct jetstream_config *c, struct error *err)
{
	for (unsigned i = 0; i < c->monitors.count; i++) {
		const char *url = c->monitors.items[i];
		char *answer = get(url, c->wait_ns, err);
		int rc;

		if (answer == NULL) {
			log_warn("not checked, whether the server syncs: %s",
			    err->text);
			continue;
		}
		rc = judge(url, answer, err);
		free(answer);
		if (rc < 0)
			return -1;
	}
	if (c->monitors.count < c->servers.count)
		log_info("not checked at each server, whether it is 2.10.23 or "
			 "later and has sync_interval: always; see --monitor");
	return 0;
}
