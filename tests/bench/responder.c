/*
 * responder.c - the fastest server that plain bufferevents of libevent allow:
 * it reads a request and answers, without parsing or storing. Benchmarks
 * compare logrecv with it.
 *
 * The first request of a connection tells how long each one is; from then on
 * bytes are counted, no more.
 */
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/socket.h>

#include <event2/buffer.h>
#include <event2/bufferevent.h>
#include <event2/event.h>
#include <event2/listener.h>

#include "workers.h"

static const char answer[] = "HTTP/1.1 200 OK\r\n"
			     "Content-Type: application/json\r\n"
			     "Content-Length: 14\r\n\r\n" ANSWER_BODY;

struct client {
	size_t request; /* bytes of each; 0: not yet known */
};

/* The length of the first request, or 0 where its head is incomplete. */
static size_t
measure(struct evbuffer *in)
{
	struct evbuffer_ptr end = evbuffer_search(in, "\r\n\r\n", 4, NULL);
	size_t head = (size_t)end.pos + 4;
	const char *at, *stop;

	if (end.pos < 0)
		return 0;
	at = (const char *)evbuffer_pullup(in, (ev_ssize_t)head);
	for (stop = at + head; at < stop; at++) {
		if (*at == '\n' && stop - at > 16 &&
		    strncasecmp(at + 1, "Content-Length:", 15) == 0)
			return head + (size_t)atol(at + 16);
	}
	return head;
}

static void
on_read(struct bufferevent *bev, void *arg)
{
	struct evbuffer *in = bufferevent_get_input(bev);
	struct client *c = arg;

	if (c->request == 0)
		c->request = measure(in);
	while (c->request > 0 && evbuffer_get_length(in) >= c->request) {
		if (evbuffer_drain(in, c->request) < 0 ||
		    bufferevent_write(bev, answer, sizeof(answer) - 1) < 0)
			abort();
	}
}

static void
on_event(struct bufferevent *bev, short what, void *arg)
{
	(void)what; /* end or error: both end it */
	bufferevent_free(bev);
	free(arg);
}

static void
on_accept(struct evconnlistener *listener, evutil_socket_t fd,
    struct sockaddr *peer, int len, void *arg)
{
	struct bufferevent *bev =
	    bufferevent_socket_new(arg, fd, BEV_OPT_CLOSE_ON_FREE);
	struct client *c = calloc(1, sizeof(*c));
	int one = 1;

	(void)listener;
	(void)peer;
	(void)len;
	if (bev == NULL || c == NULL)
		abort();
	/* Only a loss of speed, should it fail. */
	(void)setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
	bufferevent_setcb(bev, on_read, NULL, on_event, c);
	if (bufferevent_enable(bev, EV_READ | EV_WRITE) < 0)
		abort();
}

static void
serve(int fd)
{
	struct event_base *base = event_base_new();

	if (base == NULL ||
	    evconnlistener_new(base, on_accept, base,
		LEV_OPT_CLOSE_ON_FREE | LEV_OPT_CLOSE_ON_EXEC, 0, fd) == NULL)
		abort();
	(void)event_base_dispatch(base); /* returns only on failure */
}

int
main(int argc, char **argv)
{
	return workers_run(argc, argv, serve);
}
