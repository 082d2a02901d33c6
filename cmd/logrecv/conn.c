/*
 * conn.c - see conn.h.
 *
 * Answers leave in the order of the requests: while acknowledgements are
 * pending, any other answer is held back (`held`) and no more is taken in.
 *
 * After its last answer a connection lingers: what still arrives is thrown
 * away for a moment, since closing with unread input would reset the
 * connection, and with it the answer (RFC 9112, section 9.6).
 */
#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <event2/event.h>

#include "conn.h"
#include "intake.h"
#include "reply.h"
#include "stream.h"
#include "worker.h"

#define READ_AHEAD (32 << 10) /* not taken; then a paused connection stops */
#define PENDING_MAX 256       /* acknowledgements; then reading pauses */
#define OUTPUT_MAX (64 << 10) /* unsent answers; then reading pauses */
#define LINGER_NS (2 * CLOCK_NS_PER_S)
#define KEEP_HELD 4096 /* a larger answer's memory is given back */
#define NEVER UINT64_MAX

/* What a connection waits for, and so what its deadline is. */
enum wait { WAIT_NONE, WAIT_REQUEST, WAIT_BODY, WAIT_COMMIT, WAIT_END };

struct conn {
	TAILQ_ENTRY(conn) link;
	struct worker *worker;
	struct stream stream;
	struct intake intake;
	unsigned pending; /* requests in groups */
	struct buf held;  /* an answer that waits for those */
	bool last;        /* no request is taken any more */
	bool cut;         /* the last one was not read to its end */
	bool persist_1_0; /* answers say that the connection is kept */
	bool continues;   /* "100 Continue" is due */
	bool lingers;     /* the last answer is sent */
	bool closed;      /* waits to be freed */
	enum wait waits;
	uint64_t deadline_ns;
};

static void set_deadline(struct conn *);
static void on_stream(void *, enum stream_event);
static void conn_run(struct conn *);
static void conn_close(struct conn *);
static void serve(struct conn *, const struct request *);
static void store(struct conn *, const struct request *);
static void answer(struct conn *, const struct request *, struct reply *);
static void
refuse(struct conn *, const struct request *, const struct verdict *);
static void put(struct conn *, const char *data, size_t len);
static void put_outcome(struct conn *, int result, uint64_t events, bool last);
static void release_held(struct conn *);
static void linger(struct conn *);

/*
 * Life
 */

int
conn_open(struct worker *w, int fd)
{
	struct conn *c = calloc(1, sizeof(*c));

	if (c == NULL) {
		(void)close(fd); /* nothing was sent */
		return -1;
	}
	if (stream_open(&c->stream, w->base, fd, &w->room, on_stream, c) < 0) {
		free(c);
		return -1;
	}
	c->worker = w;
	intake_init(&c->intake, w->server);
	set_deadline(c);
	TAILQ_INSERT_TAIL(&w->conns, c, link);
	return 0;
}

/* Nothing is sent or read any more; conn_bury frees it. */
static void
conn_close(struct conn *c)
{
	struct worker *w = c->worker;

	if (c->closed)
		return;
	c->closed = true;
	intake_release(&c->intake);
	stream_close(&c->stream);
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
		buf_release(&c->held);
		free(c);
	}
}

void
conn_close_all(struct worker *w)
{
	while (!TAILQ_EMPTY(&w->conns))
		conn_close(TAILQ_FIRST(&w->conns));
}

/* Is no request begun, and no answer outstanding? */
static bool
is_idle(struct conn *c)
{
	return !c->intake.begun && c->pending == 0 && c->held.len == 0 &&
	       stream_unsent(&c->stream) == 0;
}

void
conn_drain(struct worker *w)
{
	struct conn *c, *next;

	for (c = TAILQ_FIRST(&w->conns); c != NULL; c = next) {
		next = TAILQ_NEXT(c, link);
		if (is_idle(c))
			conn_close(c);
	}
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
		if (c->waits != WAIT_BODY || stream_unsent(&c->stream) > 0) {
			conn_close(c);
			continue;
		}
		intake_time_out(&c->intake);
		serve(c, &c->intake.request);
		if (!c->closed)
			set_deadline(c);
	}
}

/*
 * A request has request_ns from its first byte, an idle connection idle_ns
 * from its last answer. While the disk is waited for, it is not the client
 * who is late.
 */
static void
set_deadline(struct conn *c)
{
	struct server *s = c->worker->server;
	enum wait waits = WAIT_REQUEST;
	uint64_t ns = s->idle_ns;

	if (c->lingers) {
		waits = WAIT_END;
		ns = stream_unsent(&c->stream) > 0 ? s->request_ns : LINGER_NS;
	} else if (c->pending > 0) {
		waits = WAIT_COMMIT;
		ns = NEVER;
	} else if (c->intake.begun) {
		waits = WAIT_BODY;
		ns = s->request_ns;
	}
	if (waits == c->waits)
		return;
	c->waits = waits;
	c->deadline_ns = ns == NEVER ? NEVER : worker_now(c->worker) + ns;
}

/*
 * Input
 */

static void
on_stream(void *arg, enum stream_event what)
{
	struct conn *c = arg;

	switch (what) {
	case STREAM_INPUT:
	case STREAM_END: /* a client may then still wait for answers */
		break;
	case STREAM_SENT:
		if (!c->lingers)
			break;
		(void)shutdown(c->stream.fd, SHUT_WR);
		c->waits = WAIT_NONE; /* the time to linger begins now */
		break;
	case STREAM_BROKEN:
		conn_close(c);
		return;
	}
	conn_run(c);
}

static bool
is_paused(struct conn *c)
{
	return c->last || c->held.len > 0 || c->pending >= PENDING_MAX ||
	       (c->continues && c->pending > 0) ||
	       stream_unsent(&c->stream) > OUTPUT_MAX;
}

/* Is there nothing left to wait for? */
static bool
is_over(struct conn *c)
{
	if (c->pending > 0 || c->held.len > 0 || stream_unsent(&c->stream) > 0)
		return false;
	/* The client sends no more: what is incomplete will stay so. */
	if (c->stream.ended)
		return true;
	/* Where all was read, closing resets nothing. */
	if (c->lingers)
		return !c->cut && !stream_has_unread(&c->stream);
	return c->worker->stopping && !c->intake.begun;
}

/* Works off what has arrived, as far as it goes. */
static void
conn_run(struct conn *c)
{
	enum intake_result what = INTAKE_REQUEST;
	struct stream *s = &c->stream;
	bool full;

	while (!c->closed && what != INTAKE_WAIT && !is_paused(c)) {
		size_t taken;

		if (c->continues) {
			c->continues = false;
			put(c, "HTTP/1.1 100 Continue\r\n\r\n", 25);
			continue;
		}
		what = intake_next(&c->intake, s->input, s->input_len, &taken);
		if (what == INTAKE_CONTINUE)
			c->continues = true;
		if (what == INTAKE_REQUEST) {
			c->waits = WAIT_NONE; /* each has its own time */
			serve(c, &c->intake.request);
			if (!c->closed)
				intake_done(&c->intake);
		}
		if (!c->closed)
			stream_take(s, taken);
	}
	if (c->closed)
		return;
	if ((c->lingers || c->cut) && s->input_len > 0) {
		c->cut = true; /* closing now would reset */
		stream_take(s, s->input_len);
	}
	set_deadline(c);
	s->wanted = is_paused(c) ? 0 : intake_wants(&c->intake);
	/* Paused, it reads on a little, and so notices an end. */
	full = is_paused(c) && s->input_len >= READ_AHEAD;
	if (stream_read(s, !full || c->lingers) < 0 || is_over(c))
		conn_close(c);
}

/*
 * Requests
 */

static void
answer_status(struct conn *c, const struct request *r, bool good)
{
	const char *body =
	    good ? "{\"status\":\"ok\"}" : "{\"status\":\"not ready\"}";
	struct reply reply = {.status = good ? 200 : 503,
	    .retry_after = !good,
	    .body = body,
	    .len = strlen(body)};

	answer(c, r, &reply);
}

static void
answer_metrics(struct conn *c, const struct request *r)
{
	struct server *s = c->worker->server;
	struct reply reply = {
	    .status = 200, .type = "text/plain; version=0.0.4"};
	struct verdict v = {0};
	struct buf text = {0};
	struct error err;

	stat_set(
	    s->stats, STAT_CONNECTIONS, (int64_t)atomic_load(&s->connections));
	stat_set(s->stats, STAT_IN_FLIGHT, (int64_t)atomic_load(&s->in_flight));
	if (metrics_collect(
		s->spool, &s->stats->file, s->stats->table, &text, &err) < 0) {
		verdict_set(&v, 503, STAT_REFUSED_METRICS,
		    "the metrics cannot be read");
		refuse(c, r, &v);
	} else {
		reply.body = text.data;
		reply.len = text.len;
		answer(c, r, &reply);
	}
	buf_release(&text);
}

/* Answers a complete request, or leaves that to the group it is put in. */
static void
serve(struct conn *c, const struct request *r)
{
	struct server *s = c->worker->server;

	c->last = r->last || c->worker->stopping;
	c->cut = r->cut;
	c->persist_1_0 = r->persist_1_0;
	if (r->verdict.status != 0) {
		refuse(c, r, &r->verdict);
		return;
	}
	switch (r->route) {
	case ROUTE_LOG:
		store(c, r);
		break;
	case ROUTE_HEALTH:
		answer_status(c, r, true);
		break;
	case ROUTE_READY:
		answer_status(c, r, gate_reason(s->gate) == NULL);
		break;
	case ROUTE_METRICS:
		answer_metrics(c, r);
		break;
	}
}

/*
 * The request's lines do not fit into what may be in flight: for now, or for
 * ever, if nothing but this request is.
 */
static void
refuse_for_room(struct conn *c, const struct request *r)
{
	struct server *s = c->worker->server;
	bool alone = atomic_load(&s->in_flight) <= c->intake.body.len;
	struct verdict v = {0};

	verdict_set(&v, alone ? 413 : 503, STAT_REFUSED_IN_FLIGHT,
	    "over --max-in-flight (%llu bytes) of bodies and lines at once",
	    (unsigned long long)s->max_in_flight);
	refuse(c, r, &v);
}

static void
refuse_event(
    struct conn *c, const struct request *r, const struct event_error *e)
{
	struct reply reply = {
	    .status = e->fault == EVENT_TOO_LARGE ? 413 : 400};
	char body[sizeof(e->text) + 80];
	struct verdict v = {0};
	int n;

	if (e->fault == EVENT_NO_ROOM) {
		refuse_for_room(c, r);
		return;
	}
	if (e->fault == EVENT_NO_MEMORY) {
		verdict_set(&v, 503, STAT_REFUSED_MEMORY, "out of memory");
		refuse(c, r, &v);
		return;
	}
	stat_add(c->worker->server->stats,
	    STAT_REFUSED_JSON + (enum stat)e->fault, 1);
	/* The text is ours and needs no escapes. */
	n = snprintf(body, sizeof(body),
	    "{\"error\":\"%s\",\"event\":%zu,\"offset\":%zu}", e->text,
	    e->event, e->offset);
	reply.body = body;
	reply.len = (size_t)n;
	answer(c, r, &reply);
}

/* Adds the events to the gathering group; its commit will answer. */
static void
store(struct conn *c, const struct request *r)
{
	struct worker *w = c->worker;
	struct server *s = w->server;
	struct group *g = commit_gathering(&w->commit);
	struct reply none = {
	    .status = 200, .body = "{\"accepted\":0}", .len = 14};
	size_t before = g->lines.len;
	struct event_error why;
	uint64_t bytes;
	long events;

	(void)worker_now(w); /* brings the stamp up to date */
	stat_add(s->stats, STAT_BODY_BYTES, r->len);
	events = event_append(r->body, r->len, w->stamp, &s->events,
	    server_room(s), &g->lines, &why);
	if (events < 0) {
		commit_trim(&w->commit);
		refuse_event(c, r, &why);
		return;
	}
	if (events == 0) {
		answer(c, r, &none);
		return;
	}
	bytes = g->lines.len - before;
	if (server_take(s, bytes)) {
		if (commit_wait(&w->commit, c, (uint64_t)events, bytes) == 0) {
			c->pending++;
			/* Those that are still to be read wait a turn. */
			if (commit_has_enough(&w->commit))
				(void)event_base_loopbreak(w->base);
			return;
		}
		server_give_back(s, bytes);
		why.fault = EVENT_NO_MEMORY;
	} else {
		why.fault = EVENT_NO_ROOM; /* another worker was faster */
	}
	g->lines.len = before;
	refuse_event(c, r, &why);
}

/*
 * Answers
 */

/* Answers the request in work, after those that are pending. */
static void
answer(struct conn *c, const struct request *r, struct reply *reply)
{
	(void)worker_now(c->worker); /* brings the date up to date */
	reply->head_only = r->head_only;
	reply->close = c->last;
	reply->keep_alive = c->persist_1_0;
	if (reply_format(&c->held, reply, c->worker->date) < 0)
		conn_close(c); /* out of memory */
	else if (c->pending == 0)
		release_held(c);
}

static void
refuse(struct conn *c, const struct request *r, const struct verdict *v)
{
	struct reply reply = {.status = v->status,
	    .allow = v->allow,
	    .retry_after = v->status == 503};
	char body[sizeof(v->text) + 16];
	int n;

	stat_add(c->worker->server->stats, v->stat, 1);
	n = snprintf(body, sizeof(body), "{\"error\":\"%s\"}", v->text);
	reply.body = body;
	reply.len = (size_t)n;
	answer(c, r, &reply);
}

/* Sends what was held back for this moment. */
static void
release_held(struct conn *c)
{
	put(c, c->held.data, c->held.len);
	buf_clear(&c->held, KEEP_HELD);
	if (c->last)
		linger(c);
}

/* After the last answer. */
static void
linger(struct conn *c)
{
	if (c->closed)
		return;
	c->lingers = true;
	if (stream_unsent(&c->stream) == 0)
		(void)shutdown(c->stream.fd, SHUT_WR);
}

static void
put(struct conn *c, const char *data, size_t len)
{
	if (stream_send(&c->stream, data, len) < 0)
		conn_close(c); /* the client has gone, or no memory */
}

void
conn_settle(const struct waiter *waiter, int result)
{
	struct conn *c = waiter->conn;
	struct worker *w = c->worker;
	struct stats *stats = w->server->stats;
	bool last;

	server_give_back(w->server, waiter->bytes);
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
	/* A worker that stops says so in what is then the last answer. */
	if (w->stopping && !c->intake.begun)
		c->last = true;
	last = c->last && c->pending == 0 && c->held.len == 0;
	if (result == 0 && waiter->events == 1 && !last && !c->persist_1_0)
		put(c, w->one, w->one_len);
	else
		put_outcome(c, result, waiter->events, last);
	if (last)
		linger(c);
	if (!c->closed && c->pending == 0 && c->held.len > 0)
		release_held(c);
	/* What reading paused for may be over. */
	conn_run(c);
}

/* The answer to a request of a group that has to be put together. */
static void
put_outcome(struct conn *c, int result, uint64_t events, bool last)
{
	struct reply reply = {.status = result == 0 ? 200 : 503,
	    .retry_after = result != 0,
	    .close = last,
	    .keep_alive = c->persist_1_0};
	struct buf out = {0};
	char body[64];

	if (result == 0)
		(void)snprintf(body, sizeof(body), "{\"accepted\":%llu}",
		    (unsigned long long)events);
	else
		(void)snprintf(body, sizeof(body),
		    "{\"error\":\"the events could not be stored\"}");
	reply.body = body;
	reply.len = strlen(body);
	if (reply_format(&out, &reply, c->worker->date) < 0)
		conn_close(c); /* out of memory: no answer, no promise */
	else
		put(c, out.data, out.len);
	buf_release(&out);
}
