/*
 * conn.c - see conn.h.
 *
 * A connection is a small state machine over what has arrived:
 *
 *   HEAD    waiting for a request's head
 *   BODY    taking in a body of known length
 *   CHUNKS  taking in a chunked one
 *   LINGER  the last answer is sent; what still arrives is thrown away for a
 *           moment, since closing with unread input would reset the
 *           connection and with it the answer (RFC 9112, section 9.6)
 *
 * Answers leave in the order of the requests: while acknowledgements are
 * pending, any other answer is held back (`held`) and reading pauses.
 */
#include <assert.h>
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/socket.h>

#include <event2/buffer.h>
#include <event2/bufferevent.h>
#include <event2/event.h>

#include "conn.h"
#include "http.h"
#include "worker.h"

#define READ_AHEAD (256 << 10) /* what a connection buffers unparsed */
#define SKIP_MAX (256 << 10)   /* a refused body up to here is read, not cut */
#define PENDING_MAX 256        /* acknowledgements; then reading pauses */
#define OUTPUT_MAX (64 << 10)  /* unsent answers; then reading pauses */
#define KEEP_BODY (64 << 10)   /* a larger body's memory is given back */
#define LINGER_NS (2 * CLOCK_NS_PER_S)
#define RETRY_AFTER_S 1
#define NEVER UINT64_MAX

enum conn_state { CONN_HEAD, CONN_BODY, CONN_CHUNKS, CONN_LINGER };
enum route { ROUTE_LOG, ROUTE_HEALTH, ROUTE_READY, ROUTE_METRICS };

/* Why a request is refused; status 0: it is not. */
struct verdict {
	int status;
	enum stat stat;
	const char *allow; /* for a 405 */
	char text[200];
};

struct conn {
	TAILQ_ENTRY(conn) link;
	struct worker *worker;
	struct bufferevent *bev;
	enum conn_state state;
	bool begun;       /* a request's first byte has come */
	bool ended;       /* the client sends no more */
	bool last;        /* no request is taken after the one in work */
	bool cut;         /* that one was not read to its end */
	bool closed;      /* waits to be freed */
	unsigned pending; /* requests in groups */
	struct buf held;  /* an answer that waits for those */
	uint64_t deadline_ns;

	/* Of the request in work: */
	size_t scanned; /* of its head */
	enum route route;
	bool head_only, persist_1_0, skip;
	struct verdict verdict;
	uint64_t left; /* of its body */
	struct http_chunked chunked;
	struct buf body; /* a body that did not come with its head */
};

struct route_entry {
	const char *path;
	enum route route;
	const char *allow;
};

static const struct route_entry routes[] = {
    {"/log", ROUTE_LOG, "POST"},
    {"/healthz", ROUTE_HEALTH, "GET, HEAD"},
    {"/readyz", ROUTE_READY, "GET, HEAD"},
    {"/metrics", ROUTE_METRICS, "GET, HEAD"},
};

static void on_read(struct bufferevent *, void *);
static void on_written(struct bufferevent *, void *);
static void on_event(struct bufferevent *, short what, void *);
static void conn_run(struct conn *);
static void conn_close(struct conn *);
static void set_deadline(struct conn *);
static bool take_head(struct conn *);
static bool take_body(struct conn *);
static bool take_chunks(struct conn *);
static void finish_request(struct conn *, const char *body, size_t len);
static void store(struct conn *, const char *body, size_t len);
static void answer(struct conn *, int status, const char *fields,
    const char *type, const char *body, size_t len);
static void put_outcome(struct conn *, int result, uint64_t events, bool last);
static void refuse(struct conn *, const struct verdict *);
static void cut_off(struct conn *, int status, enum stat, const char *fmt, ...)
    __attribute__((format(printf, 4, 5)));

/*
 * Life
 */

int
conn_open(struct worker *w, struct bufferevent *bev)
{
	struct conn *c = calloc(1, sizeof(*c));

	if (c == NULL) {
		bufferevent_free(bev);
		return -1;
	}
	c->worker = w;
	c->bev = bev;
	c->deadline_ns = worker_now(w) + w->server->idle_ns;
	TAILQ_INSERT_TAIL(&w->conns, c, link);
	bufferevent_setcb(bev, on_read, on_written, on_event, c);
	bufferevent_setwatermark(bev, EV_READ, 0, READ_AHEAD);
	/* Writing is enabled from the start; neither can fail for a socket. */
	(void)bufferevent_enable(bev, EV_READ);
	return 0;
}

/* Gives bytes of the budget for bodies and lines in flight back. */
static void
give_back(struct server *s, uint64_t bytes)
{
	atomic_fetch_sub_explicit(&s->in_flight, bytes, memory_order_relaxed);
}

/* Takes bytes of the budget, if there is room. */
static bool
take_budget(struct server *s, uint64_t bytes)
{
	uint64_t used = atomic_fetch_add_explicit(
	    &s->in_flight, bytes, memory_order_relaxed);

	if (used + bytes <= s->max_in_flight)
		return true;
	give_back(s, bytes);
	return false;
}

static void
drop_body(struct conn *c)
{
	if (c->body.len > 0)
		give_back(c->worker->server, c->body.len);
	c->body.len = 0;
	if (c->body.cap > KEEP_BODY)
		buf_release(&c->body);
}

/* Nothing is sent or read any more; conn_bury frees it. */
static void
conn_close(struct conn *c)
{
	struct worker *w = c->worker;

	if (c->closed)
		return;
	c->closed = true;
	drop_body(c);
	bufferevent_free(c->bev);
	c->bev = NULL;
	TAILQ_REMOVE(&w->conns, c, link);
	TAILQ_INSERT_TAIL(&w->dead, c, link);
	atomic_fetch_sub(&w->server->connections, 1);
}

void
conn_bury(struct worker *w)
{
	struct conn *c, *next;

	for (c = TAILQ_FIRST(&w->dead); c != NULL; c = next) {
		next = TAILQ_NEXT(c, link);
		if (c->pending > 0)
			continue;
		TAILQ_REMOVE(&w->dead, c, link);
		buf_release(&c->body);
		buf_release(&c->held);
		free(c);
	}
}

static bool
is_idle(const struct conn *c)
{
	return c->state == CONN_HEAD && !c->begun && c->pending == 0 &&
	       c->held.len == 0;
}

void
conn_drain(struct worker *w)
{
	struct conn *c, *next;

	for (c = TAILQ_FIRST(&w->conns); c != NULL; c = next) {
		next = TAILQ_NEXT(c, link);
		if (is_idle(c) &&
		    evbuffer_get_length(bufferevent_get_output(c->bev)) == 0)
			conn_close(c);
	}
}

void
conn_close_all(struct worker *w)
{
	while (!TAILQ_EMPTY(&w->conns))
		conn_close(TAILQ_FIRST(&w->conns));
}

void
conn_sweep(struct worker *w)
{
	uint64_t now = worker_now(w);
	struct conn *c, *next;

	for (c = TAILQ_FIRST(&w->conns); c != NULL; c = next) {
		next = TAILQ_NEXT(c, link);
		if (now < c->deadline_ns)
			continue;
		/* Told only where a request has begun and can be answered. */
		if (c->begun && c->state != CONN_LINGER &&
		    evbuffer_get_length(bufferevent_get_output(c->bev)) == 0)
			cut_off(c, 408, STAT_REFUSED_TIMEOUT,
			    "the request took longer than --request-timeout");
		else
			conn_close(c);
	}
}

/*
 * A request has request_ns from its first byte, an idle connection idle_ns.
 * While the disk is waited for, the client is not the one who is late.
 */
static void
set_deadline(struct conn *c)
{
	struct server *s = c->worker->server;

	if (c->state == CONN_LINGER)
		return;
	if (c->pending > 0)
		c->deadline_ns = NEVER;
	else if (!c->begun)
		c->deadline_ns = worker_now(c->worker) + s->idle_ns;
	else if (c->deadline_ns == NEVER)
		c->deadline_ns = worker_now(c->worker) + s->request_ns;
}

/*
 * Input
 */

static void
on_read(struct bufferevent *bev, void *arg)
{
	(void)bev;
	conn_run(arg);
}

/* All output has left (that of the bufferevent: see put). */
static void
on_written(struct bufferevent *bev, void *arg)
{
	struct conn *c = arg;

	if (c->state == CONN_LINGER)
		(void)shutdown(bufferevent_getfd(bev), SHUT_WR);
	conn_run(c);
}

static void
on_event(struct bufferevent *bev, short what, void *arg)
{
	struct conn *c = arg;

	(void)bev;
	if ((what & BEV_EVENT_EOF) == 0) {
		conn_close(c); /* reset, or another error of the socket */
		return;
	}
	/* A client may close its side and still wait for the answers. */
	c->ended = true;
	conn_run(c);
}

static size_t
unsent(struct conn *c)
{
	return evbuffer_get_length(bufferevent_get_output(c->bev));
}

static bool
is_paused(struct conn *c)
{
	if (c->state == CONN_LINGER)
		return false;
	return c->last || c->held.len > 0 || c->pending >= PENDING_MAX ||
	       unsent(c) > OUTPUT_MAX;
}

/* Is there nothing left to wait for? */
static bool
is_over(struct conn *c)
{
	struct evbuffer *in = bufferevent_get_input(c->bev);

	if (c->pending > 0 || c->held.len > 0 || unsent(c) > 0)
		return false;
	/* The client sends no more: what is incomplete will stay so. */
	if (c->ended)
		return true;
	/* All was read, so closing resets nothing. */
	if (c->state == CONN_LINGER)
		return !c->cut && evbuffer_get_length(in) == 0;
	return c->worker->stopping && is_idle(c);
}

/* Works off what has arrived, as far as it goes. */
static void
conn_run(struct conn *c)
{
	bool more = true;

	while (!c->closed && more && !is_paused(c)) {
		switch (c->state) {
		case CONN_HEAD:
			more = take_head(c);
			break;
		case CONN_BODY:
			more = take_body(c);
			break;
		case CONN_CHUNKS:
			more = take_chunks(c);
			break;
		case CONN_LINGER:
			(void)evbuffer_drain(
			    bufferevent_get_input(c->bev), SIZE_MAX);
			more = false;
			break;
		}
	}
	if (c->closed)
		return;
	set_deadline(c);
	if (is_over(c))
		conn_close(c);
}

/* The bytes that have arrived, in one piece; valid until drained. */
static const char *
arrived(struct conn *c, size_t *len)
{
	struct evbuffer *in = bufferevent_get_input(c->bev);

	*len = evbuffer_get_length(in);
	return *len == 0 ? NULL : (const char *)evbuffer_pullup(in, -1);
}

static void
drain(struct conn *c, size_t len)
{
	(void)evbuffer_drain(bufferevent_get_input(c->bev), len);
}

__attribute__((format(printf, 4, 5))) static void
judge(struct verdict *v, int status, enum stat stat, const char *fmt, ...)
{
	va_list ap;

	v->status = status;
	v->stat = stat;
	va_start(ap, fmt);
	(void)vsnprintf(v->text, sizeof(v->text), fmt, ap);
	va_end(ap);
}

static void
forbid_method(struct verdict *v, const char *allow)
{
	judge(v, 405, STAT_REFUSED_METHOD, "the method is not allowed");
	v->allow = allow;
}

static const struct route_entry *
find_route(const struct http_request *req)
{
	for (size_t i = 0; i < sizeof(routes) / sizeof(routes[0]); i++) {
		if (strlen(routes[i].path) == req->path.len &&
		    memcmp(routes[i].path, req->path.p, req->path.len) == 0)
			return &routes[i];
	}
	return NULL;
}

/* What can be said of a request before its body is seen. */
static void
judge_head(struct conn *c, const struct http_request *req, struct verdict *v)
{
	struct server *s = c->worker->server;
	const struct route_entry *route = find_route(req);
	const struct http_text *coding = &req->content_encoding;
	const char *reason;

	v->status = 0;
	if (route == NULL) {
		judge(v, 404, STAT_REFUSED_PATH, "no such path");
		return;
	}
	c->route = route->route;
	if (route->route != ROUTE_LOG) {
		if (req->method != HTTP_GET && req->method != HTTP_HEAD)
			forbid_method(v, route->allow);
		return;
	}
	if (req->method != HTTP_POST)
		forbid_method(v, route->allow);
	else if (coding->len != 0 &&
		 (coding->len != 8 ||
		     strncasecmp(coding->p, "identity", 8) != 0))
		judge(v, 415, STAT_REFUSED_CODING,
		    "a Content-Encoding that is not known");
	else if (req->length > s->max_body)
		judge(v, 413, STAT_REFUSED_BODY_SIZE,
		    "the body is over --max-body (%llu bytes)",
		    (unsigned long long)s->max_body);
	else if ((reason = gate_reason(s->gate)) != NULL)
		judge(v, 503, STAT_REFUSED_SPOOL, "%s", reason);
}

/*
 * The head is whole and parsed; `n` bytes of `len` that have arrived. Begins
 * with the body, or finishes the request if that is here already.
 */
static void
begin_body(struct conn *c, const struct http_request *req, const char *p,
    size_t n, size_t len)
{
	c->head_only = req->method == HTTP_HEAD;
	c->last = !req->keep_alive || c->worker->stopping;
	c->persist_1_0 = req->minor == 0 && !c->last;
	judge_head(c, req, &c->verdict);
	c->skip = c->verdict.status != 0 || c->route != ROUTE_LOG;
	if (c->skip &&
	    (req->expect_continue || req->chunked || req->length > SKIP_MAX)) {
		/* Not worth reading: refused at once, and cut off. */
		if (c->verdict.status == 0)
			judge(&c->verdict, 413, STAT_REFUSED_BODY_SIZE,
			    "this path takes no body");
		drain(c, n);
		c->begun = false;
		c->last = c->cut = true;
		refuse(c, &c->verdict);
		return;
	}
	if (!req->chunked && req->length <= len - n) {
		/* The common case: parsed where it lies, not copied. */
		finish_request(c, p + n, (size_t)req->length);
		if (!c->closed)
			drain(c, n + (size_t)req->length);
		return;
	}
	drain(c, n);
	if (req->expect_continue && len == n)
		(void)bufferevent_write(
		    c->bev, "HTTP/1.1 100 Continue\r\n\r\n", 25);
	c->state = req->chunked ? CONN_CHUNKS : CONN_BODY;
	c->left = req->length;
	memset(&c->chunked, 0, sizeof(c->chunked));
}

/* Returns whether there may be more to do. */
static bool
take_head(struct conn *c)
{
	struct server *s = c->worker->server;
	struct http_request req;
	struct http_error err;
	size_t len, blank, most;
	const char *p = arrived(c, &len);
	long n;

	if (!c->begun && p != NULL && (blank = http_leading_crlf(p, len)) > 0) {
		drain(c, blank);
		return true;
	}
	if (p == NULL)
		return false;
	if (!c->begun) {
		c->begun = true;
		c->deadline_ns = worker_now(c->worker) + s->request_ns;
	}
	most = len < s->max_header ? len : (size_t)s->max_header;
	n = http_head_length(p, most, &c->scanned, &err);
	if (n == 0 && len >= s->max_header) {
		cut_off(c, 431, STAT_REFUSED_HEAD_SIZE,
		    "the header is over --max-header (%llu bytes)",
		    (unsigned long long)s->max_header);
		return true;
	}
	if (n == 0)
		return false;
	if (n < 0 || http_parse_head(p, (size_t)n, &req, &err) < 0) {
		cut_off(c, err.status, STAT_REFUSED_FRAMING, "%s", err.reason);
		return true;
	}
	c->scanned = 0;
	/* A 100 must not overtake an acknowledgement: see conn_settle. */
	if (req.expect_continue && c->pending > 0)
		return false;
	stat_add(s->stats, STAT_REQUESTS, 1);
	begin_body(c, &req, p, (size_t)n, len);
	return true;
}

/* Makes room for more of the body, and takes the budget for it. */
static char *
extend_body(struct conn *c, size_t more)
{
	struct server *s = c->worker->server;

	if (c->body.len + more > s->max_body) {
		cut_off(c, 413, STAT_REFUSED_BODY_SIZE,
		    "the body is over --max-body (%llu bytes)",
		    (unsigned long long)s->max_body);
		return NULL;
	}
	if (!take_budget(s, more)) {
		cut_off(c, 503, STAT_REFUSED_IN_FLIGHT,
		    "over --max-in-flight (%llu bytes) of bodies at once",
		    (unsigned long long)s->max_in_flight);
		return NULL;
	}
	if (buf_reserve(&c->body, more) < 0) {
		give_back(s, more);
		cut_off(c, 503, STAT_REFUSED_MEMORY, "out of memory");
		return NULL;
	}
	c->body.len += more;
	return c->body.data + c->body.len - more;
}

static bool
take_body(struct conn *c)
{
	struct evbuffer *in = bufferevent_get_input(c->bev);
	size_t len = evbuffer_get_length(in);
	char *to;

	if (len > c->left)
		len = (size_t)c->left;
	if (len == 0)
		return false;
	if (c->skip) {
		drain(c, len);
	} else {
		to = extend_body(c, len);
		if (to == NULL)
			return true;
		(void)evbuffer_remove(in, to, len);
	}
	c->left -= len;
	if (c->left == 0)
		finish_request(c, c->body.data, c->body.len);
	return true;
}

static bool
take_chunks(struct conn *c)
{
	size_t len, used = 0;
	const char *p = arrived(c, &len);
	struct http_error err;
	struct http_text data;
	long n;

	while (used < len && c->chunked.state != CHUNK_DONE) {
		char *to;

		n = http_chunked_next(&c->chunked, p + used, len - used,
		    c->worker->server->max_header, &data, &err);
		if (n < 0) {
			cut_off(c, err.status, STAT_REFUSED_FRAMING, "%s",
			    err.reason);
			return true;
		}
		if (n == 0)
			break;
		if (data.len > 0) {
			to = extend_body(c, data.len);
			if (to == NULL)
				return true;
			memcpy(to, data.p, data.len);
		}
		used += (size_t)n;
	}
	drain(c, used);
	if (c->chunked.state == CHUNK_DONE)
		finish_request(c, c->body.data, c->body.len);
	return used > 0;
}

/*
 * Requests
 */

static void
answer_text(struct conn *c, int status, const char *text)
{
	char body[64];
	int n = snprintf(body, sizeof(body), "{\"status\":\"%s\"}", text);

	answer(c, status, "", "application/json", body, (size_t)n);
}

static void
answer_metrics(struct conn *c)
{
	struct server *s = c->worker->server;
	struct buf text = {0};
	struct error err;

	stat_set(
	    s->stats, STAT_CONNECTIONS, (int64_t)atomic_load(&s->connections));
	stat_set(s->stats, STAT_IN_FLIGHT, (int64_t)atomic_load(&s->in_flight));
	if (stats_write(s->stats, &err) < 0 ||
	    metrics_collect(s->spool, &text, &err) < 0)
		answer_text(c, 500, "the metrics cannot be read");
	else
		answer(c, 200, "", "text/plain; version=0.0.4", text.data,
		    text.len);
	buf_release(&text);
}

/* The whole body is here; answers, or leaves that to its group. */
static void
finish_request(struct conn *c, const char *body, size_t len)
{
	struct server *s = c->worker->server;
	const char *reason;

	c->state = CONN_HEAD;
	c->begun = false;
	if (c->verdict.status != 0) {
		refuse(c, &c->verdict);
	} else {
		switch (c->route) {
		case ROUTE_LOG:
			stat_add(s->stats, STAT_BODY_BYTES, len);
			store(c, body, len);
			break;
		case ROUTE_HEALTH:
			answer_text(c, 200, "ok");
			break;
		case ROUTE_READY:
			reason = gate_reason(s->gate);
			answer_text(c, reason == NULL ? 200 : 503,
			    reason == NULL ? "ready" : "not ready");
			break;
		case ROUTE_METRICS:
			answer_metrics(c);
			break;
		}
	}
	if (!c->closed)
		drop_body(c);
}

static void
refuse_event(struct conn *c, const struct event_error *e)
{
	struct verdict v;
	char body[sizeof(e->text) + 80];
	int status = e->fault == EVENT_TOO_LARGE ? 413 : 400, n;

	if (e->fault == EVENT_NO_MEMORY) {
		judge(&v, 503, STAT_REFUSED_MEMORY, "%s", e->text);
		refuse(c, &v);
		return;
	}
	stat_add(c->worker->server->stats,
	    STAT_REFUSED_JSON + (enum stat)e->fault, 1);
	/* The text is ours and needs no escapes. */
	n = snprintf(body, sizeof(body),
	    "{\"error\":\"%s\",\"event\":%zu,\"offset\":%zu}", e->text,
	    e->event, e->offset);
	answer(c, status, "", "application/json", body, (size_t)n);
}

/* Adds the events to the gathering group; its commit will answer. */
static void
store(struct conn *c, const char *body, size_t len)
{
	struct worker *w = c->worker;
	struct group *g = commit_gathering(&w->commit);
	size_t before = g->lines.len;
	struct event_error why;
	struct verdict v;
	uint64_t bytes;
	long events;

	(void)worker_now(w); /* brings the stamp up to date */
	events = event_append(
	    body, len, w->stamp, &w->server->events, &g->lines, &why);
	if (events < 0) {
		refuse_event(c, &why);
		return;
	}
	if (events == 0) {
		answer(c, 202, "", "application/json", "{\"accepted\":0}", 14);
		return;
	}
	bytes = g->lines.len - before;
	if (!take_budget(w->server, bytes)) {
		judge(&v, 503, STAT_REFUSED_IN_FLIGHT,
		    "over --max-in-flight (%llu bytes) of lines at once",
		    (unsigned long long)w->server->max_in_flight);
	} else if (commit_wait(&w->commit, c, (uint64_t)events, bytes) < 0) {
		give_back(w->server, bytes);
		judge(&v, 503, STAT_REFUSED_MEMORY, "out of memory");
	} else {
		c->pending++;
		return;
	}
	g->lines.len = before;
	refuse(c, &v);
}

/*
 * Answers
 */

static const char *
status_phrase(int status)
{
	static const struct {
		int status;
		const char *phrase;
	} phrases[] = {{200, "OK"}, {202, "Accepted"}, {400, "Bad Request"},
	    {404, "Not Found"}, {405, "Method Not Allowed"},
	    {408, "Request Timeout"}, {413, "Content Too Large"},
	    {415, "Unsupported Media Type"}, {417, "Expectation Failed"},
	    {431, "Request Header Fields Too Large"},
	    {500, "Internal Server Error"}, {501, "Not Implemented"},
	    {503, "Service Unavailable"}, {505, "HTTP Version Not Supported"}};

	for (size_t i = 0; i < sizeof(phrases) / sizeof(phrases[0]); i++) {
		if (phrases[i].status == status)
			return phrases[i].phrase;
	}
	return "Unknown";
}

/* Writes an answer to out; last: with "Connection: close". */
static int
format_answer(struct conn *c, struct buf *out, bool last, int status,
    const char *fields, const char *type, const char *body, size_t len)
{
	const char *connection = "";

	(void)worker_now(c->worker); /* brings the date up to date */
	if (last)
		connection = "Connection: close\r\n";
	else if (c->persist_1_0)
		connection = "Connection: keep-alive\r\n";
	if (buf_printf(out,
		"HTTP/1.1 %d %s\r\nDate: %s\r\n%s%sContent-Type: %s\r\n"
		"Content-Length: %zu\r\n\r\n",
		status, status_phrase(status), c->worker->date, connection,
		fields, type, len) < 0)
		return -1;
	return buf_append(out, body, len);
}

/*
 * Sends bytes: straight to the socket where nothing is queued before them,
 * which spares the bufferevent's two calls of epoll_ctl(2) and a turn of the
 * loop; the rest through the bufferevent.
 */
static void
put(struct conn *c, const char *data, size_t len)
{
	ssize_t n = 0;

	if (unsent(c) == 0) {
		n = send(bufferevent_getfd(c->bev), data, len,
		    MSG_DONTWAIT | MSG_NOSIGNAL);
		if (n < 0 && errno != EAGAIN && errno != EINTR) {
			conn_close(c); /* the client has gone */
			return;
		}
		if (n < 0)
			n = 0;
	}
	if ((size_t)n < len &&
	    bufferevent_write(c->bev, data + n, len - (size_t)n) < 0)
		conn_close(c); /* out of memory */
}

/* After the last answer. */
static void
linger(struct conn *c)
{
	if (c->closed)
		return;
	c->state = CONN_LINGER;
	c->deadline_ns = worker_now(c->worker) + LINGER_NS;
	if (unsent(c) == 0)
		(void)shutdown(bufferevent_getfd(c->bev), SHUT_WR);
}

/* Sends what was held back for this moment. */
static void
release_held(struct conn *c)
{
	put(c, c->held.data, c->held.len);
	c->held.len = 0;
	if (c->last)
		linger(c);
}

/* Answers the request in work, after those that are pending. */
static void
answer(struct conn *c, int status, const char *fields, const char *type,
    const char *body, size_t len)
{
	if (format_answer(
		c, &c->held, c->last, status, fields, type, body, len) < 0) {
		conn_close(c); /* out of memory */
		return;
	}
	if (c->head_only)
		c->held.len -= len;
	if (c->pending == 0)
		release_held(c);
}

static void
refuse(struct conn *c, const struct verdict *v)
{
	char body[sizeof(v->text) + 16], fields[64] = "";
	int n;

	stat_add(c->worker->server->stats, v->stat, 1);
	if (v->status == 405)
		(void)snprintf(
		    fields, sizeof(fields), "Allow: %s\r\n", v->allow);
	if (v->status == 503)
		(void)snprintf(fields, sizeof(fields), "Retry-After: %d\r\n",
		    RETRY_AFTER_S);
	n = snprintf(body, sizeof(body), "{\"error\":\"%s\"}", v->text);
	answer(c, v->status, fields, "application/json", body, (size_t)n);
}

/* Refuses a request in its middle; nothing after it can be understood. */
static void
cut_off(struct conn *c, int status, enum stat stat, const char *fmt, ...)
{
	struct verdict v = {.status = status, .stat = stat};
	va_list ap;

	va_start(ap, fmt);
	(void)vsnprintf(v.text, sizeof(v.text), fmt, ap);
	va_end(ap);
	drop_body(c);
	c->head_only = false;
	c->last = c->cut = true;
	refuse(c, &v);
}

void
conn_settle(const struct waiter *waiter, int result)
{
	struct conn *c = waiter->conn;
	struct worker *w = c->worker;
	struct stats *stats = w->server->stats;
	bool last;

	give_back(w->server, waiter->bytes);
	assert(c->pending > 0);
	c->pending--;
	if (result == 0) {
		stat_add(stats, STAT_ACKED_REQUESTS, 1);
		stat_add(stats, STAT_EVENTS, waiter->events);
	} else {
		stat_add(stats, STAT_REFUSED_STORE, 1);
	}
	if (c->closed)
		return;
	last = c->last && c->pending == 0 && c->held.len == 0;
	if (result == 0 && waiter->events == 1 && !last && !c->persist_1_0)
		put(c, w->one, w->one_len);
	else
		put_outcome(c, result, waiter->events, last);
	if (!c->closed && last)
		linger(c);
	if (!c->closed && c->pending == 0 && c->held.len > 0)
		release_held(c);
	/* What reading paused for may be over. */
	conn_run(c);
}

/* The answer to a stored (or not) request that needs to be put together. */
static void
put_outcome(struct conn *c, int result, uint64_t events, bool last)
{
	struct buf out = {0};
	char body[64], fields[64] = "";
	int n;

	if (result == 0) {
		n = snprintf(body, sizeof(body), "{\"accepted\":%llu}",
		    (unsigned long long)events);
	} else {
		n = snprintf(body, sizeof(body),
		    "{\"error\":\"the events could not be stored\"}");
		(void)snprintf(fields, sizeof(fields), "Retry-After: %d\r\n",
		    RETRY_AFTER_S);
	}
	if (format_answer(c, &out, last, result == 0 ? 202 : 503, fields,
		"application/json", body, (size_t)n) < 0)
		conn_close(c); /* out of memory: no answer, no promise */
	else
		put(c, out.data, out.len);
	buf_release(&out);
}
