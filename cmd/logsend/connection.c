/*
 * connection.c - see connection.h.
 */
#include <assert.h>
#include <errno.h>
#include <event2/buffer.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <unistd.h>

#include "clock.h"
#include "connection.h"
#include "retry.h"
#include "tls.h"

#define BACKOFF_FIRST_MS 50
#define BACKOFF_DOUBLINGS 5 /* up to 1.6 s */

static void connect_on(struct connection *);
static void send_held(struct connection *, uint64_t now_ns);
static void on_read(struct bufferevent *, void *);
static void on_event(struct bufferevent *, short what, void *);
static void on_retry(evutil_socket_t, short, void *);

int
connection_init(struct connection *c, struct event_base *base,
    const struct target *target, const struct connection_events *events,
    void *owner, uint64_t timeout_ns)
{
	memset(c, 0, sizeof(*c));
	c->base = base;
	c->target = target;
	c->events = events;
	c->owner = owner;
	c->timeout_ns = timeout_ns;
	c->state = CONNECTION_WAITING;
	c->retry = evtimer_new(base, on_retry, c);
	if (c->retry == NULL) {
		errno = ENOMEM;
		return -1;
	}
	return 0;
}

static void
disconnect(struct connection *c)
{
	if (c->bev != NULL)
		bufferevent_free(c->bev);
	c->bev = NULL;
	c->broken = false;
}

void
connection_release(struct connection *c)
{
	disconnect(c);
	if (c->retry != NULL)
		event_free(c->retry);
	c->retry = NULL;
	buf_release(&c->request_ids);
	buf_release(&c->request_body);
	buf_release(&c->rest_ids);
	buf_release(&c->rest_body);
}

/*
 * Connecting
 */

void
connection_start(struct connection *c)
{
	connect_on(c);
}

/*
 * A socket, connecting. Made here and not by libevent, which would leave out
 * SOCK_CLOEXEC; without TCP_NODELAY a request in two segments could wait for
 * a delayed ack.
 */
static int
begin_connect(struct connection *c)
{
	const struct target_address *to =
	    &c->target->addresses[c->address % c->target->count];
	int on = 1, code;
	int fd = socket(to->address.ss_family,
	    SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);

	if (fd < 0)
		return errno;
	if (setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on)) < 0) {
		code = errno;
		(void)close(fd);
		return code;
	}
	c->bev =
	    c->target->secure
		? tls_connect(c->target->tls, c->base, fd, c->target->host)
		: bufferevent_socket_new(c->base, fd, BEV_OPT_CLOSE_ON_FREE);
	if (c->bev == NULL) {
		(void)close(fd);
		return ENOMEM;
	}
	bufferevent_setcb(c->bev, on_read, NULL, on_event, c);
	errno = 0;
	if (bufferevent_enable(c->bev, EV_READ | EV_WRITE) < 0 ||
	    bufferevent_socket_connect(c->bev,
		(const struct sockaddr *)&to->address, (int)to->len) < 0)
		return errno != 0 ? errno : ENOMEM;
	c->state = CONNECTION_CONNECTING;
	c->deadline_ns = clock_monotonic_ns() + c->timeout_ns;
	return 0;
}

/* Lets others have their turn, longer each time, not all at once. */
static void
wait_to_retry(struct connection *c)
{
	unsigned rounds = c->failures / c->target->count;
	uint64_t ms =
	    BACKOFF_FIRST_MS
	    << (rounds < BACKOFF_DOUBLINGS ? rounds : BACKOFF_DOUBLINGS);
	uint64_t us = ms * 1000 + clock_monotonic_ns() % (ms * 500);
	struct timeval tv = {
	    .tv_sec = (time_t)(us / 1000000), .tv_usec = (long)(us % 1000000)};
	int rc;

	c->state = CONNECTION_WAITING;
	rc = evtimer_add(c->retry, &tv);
	/* Fails only where the heap of timers cannot grow. */
	assert(rc == 0);
	(void)rc;
}

/*
 * Tells the owner once all addresses have been tried; true: waits now. The
 * text is a constant, or strerror's.
 */
static bool
attempt_failed(struct connection *c, const char *text)
{
	disconnect(c);
	c->failures++;
	c->address = (c->address + 1) % c->target->count;
	if (c->failures % c->target->count != 0)
		return false;
	wait_to_retry(c);
	c->events->unreachable(c, text);
	return true;
}

/* Tries the addresses in turn. */
static void
connect_on(struct connection *c)
{
	int code;

	do {
		code = begin_connect(c);
	} while (code != 0 && !attempt_failed(c, strerror(code)));
}

static void
on_retry(evutil_socket_t fd, short what, void *arg)
{
	(void)fd;
	(void)what;
	connect_on(arg);
}

/*
 * A new connection in the place of this one. A server that accepts and closes
 * without ever answering must not be hammered.
 */
static void
reconnect(struct connection *c)
{
	disconnect(c);
	if (c->failures == 0) {
		c->failures = c->target->count;
		connect_on(c);
	} else {
		c->failures += c->target->count;
		wait_to_retry(c);
	}
}

/*
 * Requests
 */

/*
 * Writes what the socket takes right now; returns how much. Most requests go
 * whole, without a copy and without two calls of epoll_ctl(2) to wait for
 * room that is there already: together a third of the cost of a request. Of
 * TLS the socket is libevent's alone.
 */
static size_t
send_at_once(struct connection *c, struct iovec *parts, size_t count)
{
	struct msghdr message = {.msg_iov = parts, .msg_iovlen = count};
	ssize_t n;

	if (c->target->secure)
		return 0;
	n = sendmsg(
	    bufferevent_getfd(c->bev), &message, MSG_NOSIGNAL | MSG_DONTWAIT);

	/* If the connection is lost, then reading says so, and why. */
	return n < 0 ? 0 : (size_t)n;
}

/* Leaves to libevent what was not sent at once. */
static int
send_rest(
    struct connection *c, const struct iovec *parts, size_t count, size_t sent)
{
	struct evbuffer *out = bufferevent_get_output(c->bev);

	for (size_t i = 0; i < count; i++) {
		size_t len = parts[i].iov_len;
		size_t skip = sent < len ? sent : len;

		sent -= skip;
		if (skip < len &&
		    evbuffer_add(out, (const char *)parts[i].iov_base + skip,
			len - skip) < 0) {
			errno = ENOMEM;
			return -1;
		}
	}
	return 0;
}

int
connection_send(struct connection *c, const struct buf *head,
    const struct buf *body, uint64_t now_ns)
{
	char length[32];
	int n = snprintf(length, sizeof(length), "%zu\r\n\r\n", body->len);
	struct iovec parts[] = {{head->data, head->len}, {length, (size_t)n},
	    {body->data, body->len}};

	assert(c->state == CONNECTION_IDLE && n > 0);
	if (send_rest(c, parts, 3, send_at_once(c, parts, 3)) < 0)
		return -1;
	c->state = CONNECTION_BUSY;
	c->deadline_ns = now_ns + c->timeout_ns;
	return 0;
}

static void
become_idle(struct connection *c)
{
	c->state = CONNECTION_IDLE;
	if (c->holds)
		send_held(c, clock_monotonic_ns());
	else
		c->events->ready(c);
}

static void
request_failed(struct connection *c, enum failure why, const char *text)
{
	c->state = CONNECTION_WAITING;
	c->events->failed(c, why, text);
	reconnect(c);
}

static void
send_held(struct connection *c, uint64_t now_ns)
{
	if (!c->holds || c->state != CONNECTION_IDLE || now_ns < c->send_ns)
		return;
	if (connection_send(c, c->request_head, &c->request_body, now_ns) < 0)
		request_failed(c, FAILURE_CLOSED, "no memory to send it");
}

void
connection_hold(struct connection *c, const struct buf *head, uint64_t now_ns)
{
	assert(c->state != CONNECTION_BUSY);
	c->holds = true;
	c->request_head = head;
	c->attempts = 0;
	c->part_most = 0;
	c->send_ns = now_ns;
	send_held(c, now_ns);
}

void
connection_send_later(struct connection *c, unsigned after_s)
{
	uint64_t now = clock_monotonic_ns();

	c->send_ns = now + retry_wait_ns(++c->attempts, after_s, now);
}

/*
 * Parts
 */

/* Where the line that begins there ends, with its LF. */
static size_t
pass_line(const struct buf *b, size_t at)
{
	const char *lf =
	    at == b->len ? NULL : memchr(b->data + at, '\n', b->len - at);

	return lf == NULL ? b->len : (size_t)(lf - b->data) + 1;
}

/* Moves what is behind there to the end of another. */
static int
move_tail(struct buf *from, size_t at, struct buf *to)
{
	if (at < from->len &&
	    buf_append(to, from->data + at, from->len - at) < 0)
		return -1;
	from->len = at;
	return 0;
}

int
connection_join(struct connection *c)
{
	if (move_tail(&c->rest_body, 0, &c->request_body) < 0 ||
	    move_tail(&c->rest_ids, 0, &c->request_ids) < 0)
		return -1;
	c->request_events += c->rest_events;
	c->rest_events = 0;
	return 0;
}

/* Takes the first lines of all, as many as part_most allows, but one. */
static int
take_part(struct connection *c)
{
	size_t at = 0, ids_at = 0, next;
	unsigned events = 0;

	if (connection_join(c) < 0)
		return -1;
	while (events < c->request_events) {
		next = pass_line(&c->request_body, at);
		if (events > 0 && next > c->part_most)
			break;
		at = next;
		ids_at = pass_line(&c->request_ids, ids_at);
		events++;
	}
	if (move_tail(&c->request_body, at, &c->rest_body) < 0 ||
	    move_tail(&c->request_ids, ids_at, &c->rest_ids) < 0)
		return -1;
	c->rest_events = c->request_events - events;
	c->request_events = events;
	c->attempts = 0;
	c->send_ns = 0;
	return 0;
}

int
connection_halve(struct connection *c)
{
	c->part_most = c->request_body.len / 2;
	return take_part(c);
}

int
connection_next_part(struct connection *c)
{
	c->request_body.len = c->request_ids.len = c->request_events = 0;
	if (c->rest_events == 0)
		return 0;
	return take_part(c) < 0 ? -1 : 1;
}

/* Gives the answer to the owner; goes on with the connection if it can. */
static void
request_answered(
    struct connection *c, const struct response *r, bool bytes_left)
{
	bool reusable =
	    !r->close && !c->broken && !bytes_left &&
	    evbuffer_get_length(bufferevent_get_output(c->bev)) == 0;

	c->failures = 0;
	c->events->answered(c, r);
	if (!reusable) {
		reconnect(c);
		return;
	}
	become_idle(c);
}

/* Looks at what has come in for the request in flight. */
static void
read_answer(struct connection *c, bool eof)
{
	struct evbuffer *in = bufferevent_get_input(c->bev);
	size_t len = evbuffer_get_length(in);
	const char *bytes =
	    len > 0 ? (const char *)evbuffer_pullup(in, -1) : "";
	struct response r;

	if (bytes == NULL) {
		request_failed(c, FAILURE_MALFORMED, "no memory for it");
		return;
	}
	switch (response_parse(bytes, len, eof, &r)) {
	case RESPONSE_MORE:
		if (eof)
			request_failed(c, FAILURE_CLOSED,
			    len > 0 ? "closed amid the answer"
				    : "closed without an answer");
		return;
	case RESPONSE_BAD:
		request_failed(c, FAILURE_MALFORMED, r.reason);
		return;
	case RESPONSE_DONE:
		if (r.consumed == len)
			(void)evbuffer_drain(in, len);
		request_answered(c, &r, r.consumed < len);
		return;
	}
}

/* An idle connection that the server closed, or that it says something on. */
static void
idle_lost(struct connection *c)
{
	c->state = CONNECTION_WAITING;
	if (!c->holds)
		c->events->lost(c);
	reconnect(c);
}

static void
on_read(struct bufferevent *bev, void *arg)
{
	struct connection *c = arg;

	(void)bev;
	if (c->state == CONNECTION_BUSY)
		read_answer(c, false);
	else if (c->state == CONNECTION_IDLE)
		idle_lost(c);
}

/* Why the connection was lost; a constant text, or strerror's. */
static const char *
reason(const struct connection *c, int code)
{
	const char *text = c->target->secure ? tls_reason(c->bev) : NULL;

	return text != NULL ? text : strerror(code != 0 ? code : ECONNRESET);
}

static void
on_event(struct bufferevent *bev, short what, void *arg)
{
	struct connection *c = arg;
	int code = errno;

	(void)bev;
	if (what & BEV_EVENT_CONNECTED) {
		become_idle(c);
		return;
	}
	switch (c->state) {
	case CONNECTION_CONNECTING:
		if (!attempt_failed(c, reason(c, code)))
			connect_on(c);
		break;
	case CONNECTION_IDLE:
		idle_lost(c);
		break;
	case CONNECTION_BUSY:
		/* The answer to a request not read to its end may be there. */
		if (what & BEV_EVENT_WRITING)
			c->broken = true;
		else if (what & BEV_EVENT_EOF)
			read_answer(c, true);
		else
			request_failed(c, FAILURE_CLOSED, reason(c, code));
		break;
	case CONNECTION_WAITING:
		break;
	}
}

void
connection_check(struct connection *c, uint64_t now_ns)
{
	send_held(c, now_ns);
	if (now_ns < c->deadline_ns)
		return;
	if (c->state == CONNECTION_BUSY)
		request_failed(c, FAILURE_TIMEOUT, "no answer in time");
	else if (c->state == CONNECTION_CONNECTING &&
		 !attempt_failed(c, strerror(ETIMEDOUT)))
		connect_on(c);
}
