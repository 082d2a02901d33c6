/*
 * listener.c - see listener.h.
 */
#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <netdb.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "../stream.h"
#include "address.h"
#include "listener.h"
#include "options.h"

#define BACKLOG 4096
#define PASSED_FIRST 3 /* SD_LISTEN_FDS_START */
#define SPEC_MAX 512

static int
parse(struct listeners *, enum role, const char *text, struct error *);
static int parse_option(struct listener *, const char *word, struct error *);
static int parse_path(struct listener *, const char *path, struct error *);
static int resolve(struct listener *, const char *text, struct error *);
static int
add_passed(struct listeners *, const struct listener *like, struct error *);
static int open_path(struct listener *, struct error *);
static int probe(const struct listener *, struct error *);

static int
add(struct listeners *ls, const struct listener *l, struct error *err)
{
	if (ls->count == LISTENERS_MAX)
		return error_set(err, "more than %d sockets", LISTENERS_MAX);
	ls->all[ls->count++] = *l;
	return 0;
}

static const char *
option_name(enum role role)
{
	return role == ROLE_EVENTS ? "--listen" : "--admin-listen";
}

int
listeners_add(
    struct listeners *ls, enum role role, const char *text, struct error *err)
{
	struct error why;

	if (parse(ls, role, text, &why) == 0)
		return 0;
	(void)error_set(err, "%s: %s", option_name(role), why.text);
	err->code = why.code;
	return -1;
}

static int
parse(struct listeners *ls, enum role role, const char *text, struct error *err)
{
	struct listener l = {.role = role,
	    .text = text,
	    .fd = -1,
	    .mode = 0660,
	    .group = (gid_t)-1};
	char spec[SPEC_MAX], *rest = spec, *address, *word;

	if (strlen(text) >= sizeof(spec))
		return error_set(err, "'%s' is too long", text);
	memcpy(spec, text, strlen(text) + 1);
	address = strsep(&rest, ",");
	if (strncmp(address, "unix:", 5) == 0) {
		if (parse_path(&l, address + 5, err) < 0)
			return -1;
	} else if (strcmp(address, "systemd") != 0 &&
		   resolve(&l, address, err) < 0) {
		return -1;
	}
	while ((word = strsep(&rest, ",")) != NULL) {
		if (parse_option(&l, word, err) < 0)
			return -1;
	}
	return l.address_len == 0 ? add_passed(ls, &l, err) : add(ls, &l, err);
}

static int
parse_mode(const char *text, mode_t *mode)
{
	char *end;
	unsigned long n = strtoul(text, &end, 8);

	if (*text < '0' || *text > '7' || *end != '\0' || n > 0777)
		return -1;
	*mode = (mode_t)n;
	return 0;
}

static int
parse_group(const char *text, gid_t *gid)
{
	const struct group *group = getgrnam(text);
	struct error err;
	uint64_t n;

	if (group != NULL)
		*gid = group->gr_gid;
	else if (option_count(text, &n, &err) == 0 && n < (gid_t)-1)
		*gid = (gid_t)n;
	else
		return -1;
	return 0;
}

static int
parse_option(struct listener *l, const char *word, struct error *err)
{
	bool is_path = l->address.any.sa_family == AF_UNIX;

	if (strcmp(word, "proxy") == 0) {
		l->proxy = true;
		return 0;
	}
	if (strcmp(word, "tls") == 0) {
		l->tls = true;
		return 0;
	}
	if (strncmp(word, "mode=", 5) == 0 && is_path) {
		if (parse_mode(word + 5, &l->mode) < 0)
			return error_set(
			    err, "'%s' is no mode such as 0660", word + 5);
		return 0;
	}
	if (strncmp(word, "group=", 6) == 0 && is_path) {
		if (parse_group(word + 6, &l->group) < 0)
			return error_set(
			    err, "there is no group '%s'", word + 6);
		return 0;
	}
	return error_set(err, "'%s' is not proxy, tls%s, behind '%.*s'", word,
	    is_path ? ", mode=MODE or group=GROUP" : "",
	    (int)strcspn(l->text, ","), l->text);
}

static int
parse_path(struct listener *l, const char *path, struct error *err)
{
	struct sockaddr_un *sun = &l->address.path;

	if (*path == '\0' || strlen(path) >= sizeof(sun->sun_path))
		return error_set(err, "'%s': a path has 1 to %zu bytes",
		    l->text, sizeof(sun->sun_path) - 1);
	sun->sun_family = AF_UNIX;
	memcpy(sun->sun_path, path, strlen(path) + 1);
	l->address_len = sizeof(*sun);
	return 0;
}

/* All addresses of this host, the older kind included. */
static const char *
any_address(void)
{
	int fd = socket(AF_INET6, SOCK_STREAM | SOCK_CLOEXEC, 0);

	if (fd < 0)
		return "0.0.0.0";
	(void)close(fd); /* nothing was sent */
	return "::";
}

/*
 * "ADDR:PORT", "[ADDR]:PORT" or ":PORT", which is "[::]:PORT" for IPv6 and
 * IPv4 alike where the host has IPv6.
 */
static int
resolve(struct listener *l, const char *text, struct error *err)
{
	struct addrinfo hints = {.ai_socktype = SOCK_STREAM,
	    .ai_flags = AI_PASSIVE | AI_NUMERICSERV};
	const char *colon = strrchr(text, ':');
	size_t len = colon == NULL ? 0 : (size_t)(colon - text);
	struct addrinfo *ai;
	char host[256];
	uint64_t port;
	int rc;

	/* getaddrinfo(3) would take 99999, " 80" and "+80" as ports. */
	if (colon == NULL || len >= sizeof(host) ||
	    option_count(colon + 1, &port, err) < 0 || port > 65535)
		return error_set(
		    err, "'%s' is not ADDR:PORT, unix:PATH or systemd", text);
	if (len >= 2 && text[0] == '[' && text[len - 1] == ']') {
		text++;
		len -= 2;
	}
	memcpy(host, text, len);
	host[len] = '\0';
	rc = getaddrinfo(
	    len == 0 ? any_address() : host, colon + 1, &hints, &ai);
	if (rc == 0) {
		memcpy(&l->address, ai->ai_addr, ai->ai_addrlen);
		l->address_len = ai->ai_addrlen;
		freeaddrinfo(ai);
		return 0;
	}
	(void)error_set(err, "resolve '%s': %s", host, gai_strerror(rc));
	if (rc == EAI_AGAIN || rc == EAI_MEMORY || rc == EAI_SYSTEM)
		err->code = EAGAIN; /* the option may well be right */
	return -1;
}

/*
 * Sockets that systemd has passed
 */

/* How many; they are the descriptors from PASSED_FIRST on. */
static unsigned
count_passed(void)
{
	const char *pid = getenv("LISTEN_PID"), *fds = getenv("LISTEN_FDS");
	struct error err;
	uint64_t n;

	/* A parent's that did not unset them would not be ours. */
	if (pid == NULL || fds == NULL || option_count(pid, &n, &err) < 0 ||
	    n != (uint64_t)getpid() || option_count(fds, &n, &err) < 0)
		return 0;
	return n > LISTENERS_MAX ? LISTENERS_MAX : (unsigned)n;
}

/* Whom is the n-th of them for? Their names stand between colons. */
static enum role
passed_role(unsigned n)
{
	const char *names = getenv("LISTEN_FDNAMES");
	size_t len;

	if (names == NULL)
		return ROLE_EVENTS;
	for (; n > 0; n--) {
		names += strcspn(names, ":");
		if (*names == '\0')
			return ROLE_EVENTS;
		names++;
	}
	len = strcspn(names, ":");
	return len == 5 && memcmp(names, "admin", 5) == 0 ? ROLE_OPERATORS
							  : ROLE_EVENTS;
}

bool
listeners_have_passed_admin(void)
{
	for (unsigned i = 0; i < count_passed(); i++) {
		if (passed_role(i) == ROLE_OPERATORS)
			return true;
	}
	return false;
}

/* Bounds what the kernel holds for a client: those accepted inherit it. */
static int
bound_buffers(int fd)
{
	int rcvbuf = STREAM_RCVBUF, sndbuf = STREAM_SNDBUF;

	if (setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &rcvbuf, sizeof(rcvbuf)) < 0)
		return -1;
	return setsockopt(fd, SOL_SOCKET, SO_SNDBUF, &sndbuf, sizeof(sndbuf));
}

/* One that was passed must listen already. */
static int
take_passed(struct listener *l, int fd, struct error *err)
{
	int type = 0, listens = 0, family;
	socklen_t len = sizeof(type);

	l->fd = fd;
	l->address_len = sizeof(l->address);
	if (getsockopt(fd, SOL_SOCKET, SO_TYPE, &type, &len) < 0 ||
	    getsockopt(fd, SOL_SOCKET, SO_ACCEPTCONN, &listens, &len) < 0 ||
	    getsockname(fd, &l->address.any, &l->address_len) < 0)
		return error_errno(err, "look at descriptor %d", fd);
	family = l->address.any.sa_family;
	if (type != SOCK_STREAM || listens == 0 ||
	    (family != AF_INET && family != AF_INET6 && family != AF_UNIX))
		return error_set(
		    err, "descriptor %d is no stream socket that listens", fd);
	if (fcntl(fd, F_SETFD, FD_CLOEXEC) < 0 ||
	    fcntl(fd, F_SETFL, fcntl(fd, F_GETFL) | O_NONBLOCK) < 0 ||
	    bound_buffers(fd) < 0)
		return error_errno(err, "set up descriptor %d", fd);
	return 0;
}

static int
add_passed(struct listeners *ls, const struct listener *like, struct error *err)
{
	unsigned count = ls->count;
	struct listener l;

	/* They are ours to close, once. */
	for (unsigned i = 0; i < count; i++) {
		if (ls->all[i].passed && ls->all[i].role == like->role)
			return error_set(err,
			    "'%s' and '%s': systemd's "
			    "sockets are taken once",
			    ls->all[i].text, like->text);
	}
	for (unsigned i = 0; i < count_passed(); i++) {
		if (passed_role(i) != like->role)
			continue;
		l = *like;
		l.passed = true;
		if (take_passed(&l, PASSED_FIRST + (int)i, err) < 0 ||
		    add(ls, &l, err) < 0)
			return -1;
	}
	if (ls->count > count)
		return 0;
	return error_set(err, "systemd has passed no socket %s",
	    like->role == ROLE_OPERATORS ? "named admin" : "for events");
}

/*
 * Opening
 */

const char *
listener_option(const struct listener *l)
{
	return option_name(l->role);
}

/* -1 with an error that names the option. */
static int
fail(const struct listener *l, struct error *err, const char *what)
{
	return error_errno(err, "%s %s: %s", listener_option(l), l->text, what);
}

int
listener_open(struct listener *l, struct error *err)
{
	if (l->fd >= 0)
		return 0; /* was passed */
	return l->address.any.sa_family == AF_UNIX ? open_path(l, err)
						   : probe(l, err);
}

/*
 * SO_REUSEPORT would let a second logrecv share the port in silence, and each
 * client end up in one spool or the other: finds that out first (but for two
 * that start in the same moment).
 */
static int
probe(const struct listener *l, struct error *err)
{
	int one = 1, rc = -1;
	int fd =
	    socket(l->address.any.sa_family, SOCK_STREAM | SOCK_CLOEXEC, 0);

	if (fd < 0)
		return fail(l, err, "create a socket");
	if (setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one)) < 0)
		(void)fail(l, err, "set SO_REUSEADDR");
	else if (bind(fd, &l->address.any, l->address_len) < 0)
		(void)fail(l, err, "bind");
	else
		rc = 0;
	(void)close(fd); /* nothing was sent */
	return rc;
}

/*
 * Does somebody listen at the path, or is there what is no socket? A socket
 * that nobody listens at was left by a process that was killed, and is removed.
 */
static int
clear_path(const struct listener *l, struct error *err)
{
	const char *path = l->address.path.sun_path;
	struct stat st;
	int fd, rc;

	if (lstat(path, &st) < 0)
		return errno == ENOENT ? 0 : fail(l, err, "look at it");
	if (!S_ISSOCK(st.st_mode)) {
		errno = EEXIST;
		return fail(l, err, "what is there is no socket");
	}
	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (fd < 0)
		return fail(l, err, "create a socket");
	rc = connect(fd, &l->address.any, l->address_len);
	if (rc == 0 || errno != ECONNREFUSED) {
		(void)close(fd); /* nothing was sent */
		errno = EADDRINUSE;
		return fail(l, err, "bind");
	}
	(void)close(fd); /* nothing was sent */
	if (unlink(path) < 0 && errno != ENOENT)
		return fail(l, err, "remove what is left there");
	return 0;
}

/* Nobody may connect before mode and group are what they are to be. */
static int
make_socket(struct listener *l, int fd, struct error *err)
{
	const char *path = l->address.path.sun_path;
	mode_t before = umask(0177);
	int rc = bind(fd, &l->address.any, l->address_len);
	struct stat st;

	(void)umask(before); /* cannot fail */
	if (rc < 0)
		return fail(l, err, "bind");
	if (lstat(path, &st) < 0)
		return fail(l, err, "look at it");
	l->made_dev = st.st_dev;
	l->made_ino = st.st_ino;
	if (l->group != (gid_t)-1 && chown(path, (uid_t)-1, l->group) < 0)
		return fail(l, err, "change its group");
	if (chmod(path, l->mode) < 0)
		return fail(l, err, "change its mode");
	if (bound_buffers(fd) < 0)
		return fail(l, err, "set SO_RCVBUF and SO_SNDBUF");
	return listen(fd, BACKLOG) < 0 ? fail(l, err, "listen") : 0;
}

/*
 * The directory of the path, locked: of two that start in the same moment, one
 * would take the other's socket for what a dead one has left.
 */
static int
lock_directory(const struct listener *l, struct error *err)
{
	char path[sizeof(l->address.path.sun_path)];
	char *slash;
	int fd;

	memcpy(path, l->address.path.sun_path, sizeof(path));
	slash = strrchr(path, '/');
	if (slash == NULL)
		memcpy(path, ".", 2);
	else
		slash[slash == path] = '\0';
	fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0)
		return fail(l, err, "open its directory");
	if (flock(fd, LOCK_EX | LOCK_NB) == 0)
		return fd;
	(void)fail(l, err, "lock its directory");
	(void)close(fd); /* only locked */
	return -1;
}

static int
open_path(struct listener *l, struct error *err)
{
	int directory = lock_directory(l, err), rc;

	if (directory < 0)
		return -1;
	l->fd = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	if (l->fd < 0)
		rc = fail(l, err, "create a socket");
	else if ((rc = clear_path(l, err)) == 0)
		rc = make_socket(l, l->fd, err);
	(void)close(directory); /* gives up the lock */
	return rc;
}

void
listeners_close(struct listeners *ls)
{
	for (unsigned i = 0; i < ls->count; i++) {
		struct listener *l = &ls->all[i];
		struct stat st;

		if (l->fd >= 0)
			(void)close(l->fd); /* nothing was sent */
		l->fd = -1;
		/* Unless it is another's by now. */
		if (l->made_ino != 0 &&
		    lstat(l->address.path.sun_path, &st) == 0 &&
		    st.st_ino == l->made_ino && st.st_dev == l->made_dev)
			(void)unlink(l->address.path.sun_path); /* or stale */
		l->made_ino = 0;
	}
}

/* A socket that several workers may bind to the same address. */
static int
bind_socket(struct listener *l, struct error *err)
{
	int one = 1, zero = 0;
	bool ipv6 = l->address.any.sa_family == AF_INET6;
	int fd = socket(l->address.any.sa_family,
	    SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);

	if (fd < 0)
		return fail(l, err, "create a socket");
	if (setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one)) < 0 ||
	    setsockopt(fd, SOL_SOCKET, SO_REUSEPORT, &one, sizeof(one)) < 0)
		(void)fail(l, err, "set SO_REUSEPORT");
	else if (ipv6 && setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &zero,
			     sizeof(zero)) < 0)
		(void)fail(l, err, "clear IPV6_V6ONLY");
	else if (bound_buffers(fd) < 0)
		(void)fail(l, err, "set SO_RCVBUF and SO_SNDBUF");
	else if (bind(fd, &l->address.any, l->address_len) < 0)
		(void)fail(l, err, "bind");
	else if (listen(fd, BACKLOG) < 0)
		(void)fail(l, err, "listen");
	else if (getsockname(fd, &l->address.any, &l->address_len) < 0)
		(void)fail(l, err, "ask for the bound address");
	else
		return fd;
	(void)close(fd); /* nothing was sent */
	return -1;
}

int
listener_socket(struct listener *l, struct error *err)
{
	int fd;

	if (l->fd < 0)
		return bind_socket(l, err);
	fd = fcntl(l->fd, F_DUPFD_CLOEXEC, 0);
	return fd < 0 ? fail(l, err, "share its socket") : fd;
}

/*
 * Telling
 */

void
listener_format(const struct listener *l, char text[LISTENER_TEXT_MAX])
{
	const struct sockaddr_un *sun = &l->address.path;
	char host[NI_MAXHOST] = "?", port[8] = "?";

	if (l->address.any.sa_family == AF_UNIX) {
		(void)snprintf(text, LISTENER_TEXT_MAX, "unix:%.*s",
		    (int)sizeof(sun->sun_path), sun->sun_path);
		return;
	}
	(void)getnameinfo(&l->address.any, l->address_len, host, sizeof(host),
	    port, sizeof(port), NI_NUMERICHOST | NI_NUMERICSERV);
	(void)snprintf(text, LISTENER_TEXT_MAX,
	    l->address.any.sa_family == AF_INET6 ? "[%.80s]:%s" : "%.80s:%s",
	    host, port);
}

bool
listeners_have_tls(const struct listeners *ls)
{
	for (unsigned i = 0; i < ls->count; i++) {
		if (ls->all[i].tls)
			return true;
	}
	return false;
}

bool
listener_is_local(const struct listener *l)
{
	struct address a;

	address_of(&a, &l->address.any);
	return address_is_local(&a);
}
