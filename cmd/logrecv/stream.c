/*
 * stream.c - see stream.h.
 */
#include <assert.h>
#include <errno.h>
#include <string.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include "front/tls.h"
#include "stream.h"

static void look_again(struct stream *);
static void on_readable(evutil_socket_t, short what, void *);
static void on_writable(evutil_socket_t, short what, void *);

int
stream_open(struct stream *s, struct event_base *base, int fd, struct buf *room,
    stream_fn *notify, void *arg)
{
	assert(room->cap >= STREAM_ROOM);
	memset(s, 0, sizeof(*s));
	s->fd = fd;
	s->room = room;
	s->input = room->data; /* never NULL */
	s->notify = notify;
	s->arg = arg;
	/* It refuses signals together with these, no more. */
	(void)event_assign(
	    &s->readable, base, fd, EV_READ | EV_PERSIST, on_readable, s);
	(void)event_assign(
	    &s->writable, base, fd, EV_WRITE | EV_PERSIST, on_writable, s);
	if (stream_read(s, true) == 0)
		return 0;
	stream_close(s);
	return -1;
}

void
stream_close(struct stream *s)
{
	if (s->fd < 0)
		return;
	/* Neither can fail for an event of a base. */
	(void)event_del(&s->readable);
	(void)event_del(&s->writable);
	if (s->tls != NULL) {
		tls_finish(s->tls);
		tls_free(s->tls);
		s->tls = NULL;
	}
	(void)close(s->fd); /* what was not sent was not promised */
	s->fd = -1;
	s->input_len = 0;
	buf_release(&s->kept);
	buf_release(&s->out);
	s->sent = 0;
}

int
stream_read(struct stream *s, bool reads)
{
	reads = reads && !s->ended;
	if (reads == s->reads)
		return 0;
	if ((reads ? event_add(&s->readable, NULL) : event_del(&s->readable)) <
	    0)
		return -1;
	s->reads = reads;
	look_again(s);
	return 0;
}

/*
 * The socket does not tell of what the session has taken from it: that has its
 * turn when the socket can be written to, which is the next one, or when what
 * is to be sent has left.
 */
static void
look_again(struct stream *s)
{
	if (s->tls != NULL && s->reads && tls_may_have_more(s->tls) &&
	    stream_unsent(s) == 0)
		(void)event_add(&s->writable, NULL); /* or the client is late */
}

int
stream_secure(struct stream *s, struct tls *tls)
{
	s->tls = tls_accept(tls, s->fd, s->input, s->input_len);
	if (s->tls == NULL)
		return -1;
	stream_take(s, s->input_len);
	look_again(s);
	return 0;
}

bool
stream_shakes_hands(const struct stream *s)
{
	return s->tls != NULL && !tls_is_open(s->tls);
}

const char *
stream_peer(const struct stream *s)
{
	return s->tls == NULL ? "" : tls_peer(s->tls);
}

const char *
stream_fault(const struct stream *s)
{
	return s->tls == NULL ? NULL : tls_fault(s->tls);
}

void
stream_finish(struct stream *s)
{
	if (s->tls != NULL)
		tls_finish(s->tls);
	(void)shutdown(s->fd, SHUT_WR);
}

/*
 * Input
 */

/* n bytes are in the room: puts them behind what was kept, if anything was. */
static int
join(struct stream *s, size_t n)
{
	if (s->input_len == 0) {
		s->input_len = n; /* input is the room */
		return 0;
	}
	memmove(s->kept.data, s->input, s->input_len);
	s->kept.len = s->input_len;
	if (buf_append(&s->kept, s->room->data, n) < 0)
		return -1;
	s->input = s->kept.data;
	s->input_len = s->kept.len;
	return 0;
}

/* The room is for others now: what was not taken needs some of its own. */
static int
keep(struct stream *s)
{
	if (s->input_len == 0 || s->kept.len > 0)
		return 0; /* nothing is left, or it is where it belongs */
	if (buf_append(&s->kept, s->input, s->input_len) < 0)
		return -1;
	s->input = s->kept.data;
	return 0;
}

/* As recv(2). A session may have to write first, in its handshake. */
static ssize_t
receive(struct stream *s, size_t most)
{
	ssize_t n;

	if (s->tls == NULL)
		return recv(s->fd, s->room->data, most, 0);
	n = tls_recv(s->tls, s->room->data, most);
	if (n >= 0 || (errno != EAGAIN && errno != EINPROGRESS))
		return n;
	if (errno == EINPROGRESS && event_add(&s->writable, NULL) < 0)
		return -1;
	/* Of what is no data, too: it is alive, and may keep more, or less. */
	s->notify(s->arg, STREAM_INPUT);
	errno = EAGAIN;
	return -1;
}

static void
on_readable(evutil_socket_t fd, short what, void *arg)
{
	struct stream *s = arg;
	size_t most = s->wanted < STREAM_READ ? STREAM_READ : s->wanted;
	ssize_t n;

	(void)fd;
	(void)what;
	n = receive(s, most < STREAM_ROOM ? most : STREAM_ROOM);
	if (n == 0) {
		s->ended = true;
		(void)stream_read(s, false); /* cannot fail */
		s->notify(s->arg, STREAM_END);
		return;
	}
	if (n < 0 && (errno == EAGAIN || errno == EINTR))
		return;
	if (n > 0 && join(s, (size_t)n) == 0) {
		s->received += (size_t)n;
		s->notify(s->arg, STREAM_INPUT);
		if (s->fd < 0)
			return;
		look_again(s);
		if (keep(s) == 0)
			return;
	}
	s->notify(s->arg, STREAM_BROKEN);
}

bool
stream_has_unread(const struct stream *s)
{
	int n = 0;

	if (s->tls != NULL && tls_has_unread(s->tls))
		return true;
	return ioctl(s->fd, FIONREAD, &n) == 0 && n > 0;
}

void
stream_take(struct stream *s, size_t n)
{
	assert(n <= s->input_len);
	s->input += n;
	s->input_len -= n;
	if (s->input_len > 0)
		return;
	buf_release(&s->kept); /* thousands are idle */
	s->input = s->room->data;
}

/* A socket that refuses is as wide as it was: slower, or larger, no more. */
static void
set_width(struct stream *s, bool wide)
{
	int bytes = wide ? STREAM_RCVBUF_WIDE : STREAM_RCVBUF;

	s->wide = wide;
	(void)setsockopt(s->fd, SOL_SOCKET, SO_RCVBUF, &bytes, sizeof(bytes));
	/* What it was accepted with bounds its window for good otherwise. */
	(void)setsockopt(
	    s->fd, IPPROTO_TCP, TCP_WINDOW_CLAMP, &bytes, sizeof(bytes));
}

void
stream_widen(struct stream *s, _Atomic uint64_t *count)
{
	if (s->wide)
		return;
	if (atomic_fetch_add(count, 1) < STREAM_WIDE_MAX)
		set_width(s, true);
	else
		atomic_fetch_sub(count, 1);
}

void
stream_narrow(struct stream *s, _Atomic uint64_t *count)
{
	if (!s->wide)
		return;
	set_width(s, false);
	atomic_fetch_sub(count, 1);
}

/*
 * Output
 */

/*
 * A piece at a time: the kernel looks at SO_SNDBUF only before each, and takes
 * any piece whole.
 */
static ssize_t
send_some(struct stream *s, const char *data, size_t len)
{
	ssize_t n;

	if (len > STREAM_SNDBUF)
		len = STREAM_SNDBUF;
	if (s->tls == NULL)
		return send(s->fd, data, len, MSG_NOSIGNAL);
	n = tls_send(s->tls, data, len);
	if (n < 0 && errno == EINPROGRESS)
		errno = EAGAIN;
	return n;
}

static void
on_writable(evutil_socket_t fd, short what, void *arg)
{
	struct stream *s = arg;
	ssize_t n;

	if (stream_unsent(s) == 0) {
		(void)event_del(&s->writable); /* cannot fail */
		if (s->reads)
			on_readable(fd, what, s); /* see look_again */
		return;
	}
	n = send_some(s, s->out.data + s->sent, stream_unsent(s));
	if (n < 0) {
		if (errno != EAGAIN && errno != EINTR)
			s->notify(s->arg, STREAM_BROKEN);
		return;
	}
	s->sent += (size_t)n;
	if (stream_unsent(s) > 0)
		return;
	(void)event_del(&s->writable); /* cannot fail */
	s->sent = 0;
	buf_release(&s->out);
	look_again(s);
	s->notify(s->arg, STREAM_SENT);
}

int
stream_send(struct stream *s, const void *data, size_t len)
{
	ssize_t n = 0;

	if (stream_unsent(s) == 0) {
		n = send_some(s, data, len);
		if (n < 0 && errno != EAGAIN && errno != EINTR)
			return -1;
		if (n < 0)
			n = 0;
		if ((size_t)n == len)
			return 0;
		if (event_add(&s->writable, NULL) < 0)
			return -1;
	}
	/* A client that never reads all must not make it grow for ever. */
	if (s->sent > s->out.len / 2) {
		s->out.len -= s->sent;
		memmove(s->out.data, s->out.data + s->sent, s->out.len);
		s->sent = 0;
	}
	return buf_append(&s->out, (const char *)data + n, len - (size_t)n);
}
