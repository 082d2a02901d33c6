/*
 * evhttp.c - libevent's own HTTP server, which does nothing but answer.
 * Benchmarks compare logrecv with it.
 */
#include <stdlib.h>

#include <event2/buffer.h>
#include <event2/event.h>
#include <event2/http.h>

#include "workers.h"

static void
on_request(struct evhttp_request *request, void *arg)
{
	struct evbuffer *out = evhttp_request_get_output_buffer(request);

	(void)arg;
	if (evbuffer_add(out, ANSWER_BODY, sizeof(ANSWER_BODY) - 1) < 0 ||
	    evhttp_add_header(evhttp_request_get_output_headers(request),
		"Content-Type", "application/json") < 0)
		abort();
	evhttp_send_reply(request, 200, "OK", NULL);
}

static void
serve(int fd)
{
	struct event_base *base = event_base_new();
	struct evhttp *http = base == NULL ? NULL : evhttp_new(base);

	if (http == NULL || evhttp_accept_socket(http, fd) < 0)
		abort();
	evhttp_set_allowed_methods(http, EVHTTP_REQ_POST);
	evhttp_set_gencb(http, on_request, NULL);
	(void)event_base_dispatch(base); /* returns only on failure */
}

int
main(int argc, char **argv)
{
	return workers_run(argc, argv, serve);
}
