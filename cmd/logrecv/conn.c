/*
 * conn.c - see conn.h.
 *
 * Answers leave in the order of the requests: while acknowledgements are
 * pending, any other answer is held back (`held`) and no more is taken in.
 *
 * After its last answer a connection lingers: what still arrives is thrown
 * away for a moment, since closing with unread input would reset the
 * connection, and with it the answer (RFC 9112, section 9.6).
 *
 * No connection is served for long in one go: after some requests it is `due`,
 * and goes on when the others have had their turn.
 */
#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <event2/event.h>

#include "conn.h"
#include "crowd.h"
#include "reply.h"
#include "worker.h"

#define READ_AHEAD (32 << 10) /* not taken; then a paused connection stops */
#define PENDING_MAX 256       /* acknowledgements; then reading pauses */
#define PENDING_PART 4        /* nor more than this part of the budget */
#define OUTPUT_MAX (64 << 10) /* unsent answers; then reading pauses */
#define TURN_MAX 32           /* requests of one connection in a turn */
#define LINGER_NS (2 * CLOCK_NS_PER_S)
#define RATE_NS (10 * CLOCK_NS_PER_S) /* over which --min-rate is measured */
#define WIDE_LEAST (16 << 10)         /* of a body that deserves more room */
#define WIDE_MAX ((64 << 20) / (2 * STREAM_RCVBUF_WIDE)) /* sockets */
#define NEVER UINT64_MAX

static void rest(struct conn *);
static void on_stream(void *, enum stream_event);
static void conn_run(struct conn *);
static void serve(struct conn *, const struct request *);
static void store(struct conn *, const struct request *);
static void answer(struct conn *, const struct request *, struct reply *);
static void
refuse(struct conn *, const struct request *, const struct verdict *);
static void put(struct conn *, const char *data, size_t len);
static void say(struct conn *, const char *data, size_t len);
static void put_outcome(struct conn *, int result, uint64_t events, bool last);
static void release_held(struct conn *);
static void linger(struct conn *);

/*
 * Life
 */

int
conn_open(struct worker *w, int fd, const struct sockaddr *sa)
{
	struct conn *c = calloc(1, sizeof(*c));

	if (c == NULL || share_open(&c->share, &w->server->budget, sa) < 0) {
		(void)close(fd); /* nothing was sent */
		free(c);
		return -1;
	}
	if (stream_open(&c->stream, w->base, fd, &w->room, on_stream, c) < 0) {
		share_close(&c->share);
		free(c);
		return -1;
	}
	c->worker = w;
	c->active_ns = worker_now(w);
	intake_init(&c->intake, w->server, &c->share);
	TAILQ_INSERT_TAIL(&w->conns, c, link);
	rest(c);
	return 0;
}

/* Its socket takes in as little as any, again. */
static void
narrow(struct conn *c)
{
	if (!c->stream.wide)
		return;
	stream_widen(&c->stream, false);
	atomic_fetch_sub(&c->worker->server->wide, 1);
}

/* A large body is coming in: few steps for it, as long as there are few. */
static void
widen(struct conn *c)
{
	_Atomic uint64_t *wide = &c->worker->server->wide;

	if (c->stream.wide)
		return;
	if (atomic_fetch_add(wide, 1) < WIDE_MAX)
		stream_widen(&c->stream, true);
	else
		atomic_fetch_sub(wide, 1);
}

void
conn_close(struct conn *c)
{
	struct worker *w = c->worker;

	if (c->phase == CONN_CLOSED)
		return;
	c->phase = CONN_CLOSED;
	narrow(c);
	intake_release(&c->intake);
	buf_release(&c->held);
	stream_close(&c->stream);
	share_give(&c->share, c->kept);
	c->kept = 0;
	if (c->due)
		TAILQ_REMOVE(&w->due, c, due_link);
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
		share_close(&c->share);
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

/*
 * Time
 */

void
conn_refuse(struct conn *c, enum intake_fault fault)
{
	/* Told only where a request has begun and can be answered. */
	if (c->waits != WAIT_REST || stream_unsent(&c->stream) > 0) {
		conn_close(c);
		return;
	}
	intake_refuse(&c->intake, fault);
	serve(c, &c->intake.request);
	if (c->phase != CONN_CLOSED)
		rest(c);
}

/* Does its body come more slowly than --min-rate? */
static bool
is_slow(struct conn *c, uint64_t now)
{
	uint64_t bytes = c->stream.received - c->rate_bytes;
	uint64_t least = c->worker->server->min_rate;

	if (c->waits == WAIT_REST && intake_has_body(&c->intake) &&
	    c->stream.reads) {
		if (now - c->rate_ns < RATE_NS)
			return false;
		if (bytes < least * (RATE_NS / CLOCK_NS_PER_S))
			return true;
	}
	c->rate_ns = now;
	c->rate_bytes = c->stream.received;
	return false;
}

void
conn_sweep(struct worker *w)
{
	uint64_t now = worker_now(w);
	struct conn *c, *next;

	for (c = TAILQ_FIRST(&w->conns); c != NULL; c = next) {
		next = TAILQ_NEXT(c, link);
		if (now >= c->deadline_ns)
			conn_refuse(c, INTAKE_TOO_LATE);
		else if (is_slow(c, now))
			conn_refuse(c, INTAKE_TOO_SLOW);
		c->received[1] = c->received[0];
		c->received[0] = c->stream.received;
		if (c->phase != CONN_CLOSED && !intake_has_body(&c->intake))
			narrow(c);
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
	enum conn_wait waits = WAIT_REQUEST;
	uint64_t ns = s->idle_ns;

	if (c->phase == CONN_LINGERS) {
		waits = WAIT_END;
		ns = stream_unsent(&c->stream) > 0 ? s->request_ns : LINGER_NS;
	} else if (c->pending > 0) {
		waits = WAIT_COMMIT;
		ns = NEVER;
	} else if (c->intake.begun) {
		waits = WAIT_REST;
		ns = s->request_ns;
	}
	if (waits == c->waits)
		return;
	c->waits = waits;
	c->rate_ns = worker_now(c->worker);
	c->rate_bytes = c->stream.received;
	c->deadline_ns = ns == NEVER ? NEVER : c->rate_ns + ns;
}

/* Counts the memory that it keeps; closes it where there is no more. */
static void
count_kept(struct conn *c)
{
	uint64_t kept = stream_kept(&c->stream) + c->held.cap, more;

	if (kept <= c->kept) {
		share_give(&c->share, c->kept - kept);
		c->kept = kept;
		return;
	}
	more = kept - c->kept;
	if (!share_take(&c->share, more, 0) &&
	    (!crowd_make_room(c->worker, c, more, 0) ||
		!share_take(&c->share, more, 0))) {
		stat_add(c->worker->server->stats, STAT_ENDED_ROOM, 1);
		conn_close(c);
		return;
	}
	c->kept = kept;
}

/* All that can be done for it now is done. */
static void
rest(struct conn *c)
{
	if (c->phase == CONN_CLOSED)
		return;
	set_deadline(c);
	if (c->kept != stream_kept(&c->stream) + c->held.cap)
		count_kept(c);
}

/*
 * Input
 */

static void
on_stream(void *arg, enum stream_event what)
{
	struct conn *c = arg;

	c->active_ns = worker_now(c->worker);
	switch (what) {
	case STREAM_INPUT:
	case STREAM_END: /* a client may then still wait for answers */
		break;
	case STREAM_SENT:
		if (c->phase != CONN_LINGERS)
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
	uint64_t most = c->worker->server->budget.max / PENDING_PART;

	return c->phase != CONN_OPEN || c->held.len > 0 ||
	       c->pending >= PENDING_MAX || c->pending_bytes > most ||
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
	if (c->phase == CONN_LINGERS)
		return !c->cut && !stream_has_unread(&c->stream);
	return c->worker->stopping && !c->intake.begun;
}

/* Goes on with it in the next turn of the loop. */
static void
set_due(struct conn *c)
{
	if (c->due)
		return;
	c->due = true;
	TAILQ_INSERT_TAIL(&c->worker->due, c, due_link);
}

void
conn_resume(struct worker *w)
{
	struct conn *c, *last = TAILQ_LAST(&w->due, conn_list);

	/* Those that become due again meanwhile are behind the last. */
	while ((c = TAILQ_FIRST(&w->due)) != NULL) {
		c->due = false;
		TAILQ_REMOVE(&w->due, c, due_link);
		conn_run(c);
		if (c == last)
			break;
	}
}

/* Takes the next piece of input. False: more of it must come first. */
static bool
take_in(struct conn *c)
{
	struct stream *s = &c->stream;
	struct intake *i = &c->intake;
	enum intake_result what;
	size_t taken;

	what = intake_next(i, s->input, s->input_len, &taken);
	if (what == INTAKE_SHORT) {
		uint64_t spare = budget_spare(c->share.budget);

		stream_take(s, taken);
		taken = 0;
		if (crowd_make_room(c->worker, c, i->short_of, spare))
			return true; /* once more */
		intake_refuse(i, INTAKE_NO_ROOM);
		what = INTAKE_REQUEST;
	}
	if (what == INTAKE_CONTINUE)
		say(c, "HTTP/1.1 100 Continue\r\n\r\n", 25);
	if (what == INTAKE_REQUEST) {
		c->waits = WAIT_NONE; /* each has its own time */
		serve(c, &i->request);
		if (c->phase != CONN_CLOSED)
			intake_done(i);
	}
	if (c->phase != CONN_CLOSED)
		stream_take(s, taken);
	return what != INTAKE_WAIT;
}

/* Works off what has arrived, as far as it goes and is its turn. */
static void
conn_run(struct conn *c)
{
	struct stream *s = &c->stream;
	bool more = true, reads;

	for (int i = 0; i < TURN_MAX && more; i++)
		more = c->phase != CONN_CLOSED && !is_paused(c) && take_in(c);
	if (c->phase == CONN_CLOSED)
		return;
	if (more)
		set_due(c);
	if ((c->phase == CONN_LINGERS || c->cut) && s->input_len > 0) {
		c->cut = true; /* closing now would reset */
		stream_take(s, s->input_len);
	}
	s->wanted = is_paused(c) ? 0 : intake_wants(&c->intake);
	if (s->wanted >= WIDE_LEAST || c->intake.body.len >= WIDE_LEAST)
		widen(c);
	/* Paused, it reads on a little, and so notices an end. */
	reads = c->phase == CONN_LINGERS || !is_paused(c) ||
		s->input_len < READ_AHEAD;
	if (stream_read(s, reads && !c->due) < 0 || (!c->due && is_over(c)))
		conn_close(c);
	rest(c);
}

/*
 * Requests
 */

/* `reason`, a text that needs no escapes: why not; NULL: all is well. */
static void
answer_status(struct conn *c, const struct request *r, const char *reason)
{
	struct reply reply = {.status = reason == NULL ? 200 : 503,
	    .retry_after = reason == NULL ? 0 : worker_retry_s(c->worker)};
	char body[256];

	(void)snprintf(body, sizeof(body),
	    reason == NULL ? "{\"status\":\"ok\"}"
			   : "{\"status\":\"not ready\",\"reason\":\"%s\"}",
	    reason);
	reply.body = body;
	reply.len = strlen(body);
	answer(c, r, &reply);
}

static void
answer_metrics(struct conn *c, const struct request *r)
{
	struct stats *stats = c->worker->server->stats;
	struct reply reply = {
	    .status = 200, .type = "text/plain; version=0.0.4"};
	struct verdict v = {0};
	const struct buf *text = stats_text(stats);

	if (text->len == 0) {
		verdict_set(&v, 503, STAT_REFUSED_METRICS,
		    "the metrics cannot be read");
		refuse(c, r, &v);
	} else {
		reply.body = text->data;
		reply.len = text->len;
		answer(c, r, &reply);
	}
	stats_text_done(stats);
}

/* Why events are not taken now, or NULL. */
static const char *
unready_reason(struct server *s)
{
	if (atomic_load_explicit(&s->stalled, memory_order_relaxed))
		return "the disk does not finish what it was given";
	return gate_reason(s->gate);
}

/* Answers a complete request, or leaves that to the group it is put in. */
static void
serve(struct conn *c, const struct request *r)
{
	struct server *s = c->worker->server;

	if (r->last || c->worker->stopping)
		c->phase = CONN_LAST;
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
		answer_status(c, r, NULL);
		break;
	case ROUTE_READY:
		answer_status(c, r, unready_reason(s));
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
	struct budget *b = c->share.budget;
	struct verdict v = {0};

	verdict_set(&v, atomic_load(&b->used) <= c->share.held ? 413 : 503,
	    STAT_REFUSED_IN_FLIGHT,
	    "over --max-in-flight (%llu bytes) of bodies and lines at once",
	    (unsigned long long)b->max);
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

/* Appends the request's lines to the group; makes room once, if it must. */
static long
append(struct conn *c, const struct request *r, struct group *g,
    struct event_error *why)
{
	struct worker *w = c->worker;
	struct server *s = w->server;
	uint64_t most = 2 * (uint64_t)r->len + EVENT_SUFFIX_MAX;
	long events;

	events = event_append(r->body, r->len, w->stamp, &s->events,
	    budget_room(&s->budget), &g->lines, why);
	if (events < 0 && why->fault == EVENT_NO_ROOM &&
	    most <= s->budget.max && crowd_make_room(w, c, most, 0))
		events = event_append(r->body, r->len, w->stamp, &s->events,
		    budget_room(&s->budget), &g->lines, why);
	return events;
}

/* Adds the events to the gathering group; its commit will answer. */
static void
store(struct conn *c, const struct request *r)
{
	struct worker *w = c->worker;
	struct group *g = commit_gathering(&w->commit);
	struct reply none = {
	    .status = 200, .body = "{\"accepted\":0}", .len = 14};
	size_t before = g->lines.len;
	struct event_error why;
	uint64_t bytes;
	long events;

	(void)worker_now(w); /* brings the stamp up to date */
	stat_add(w->server->stats, STAT_BODY_BYTES, r->len);
	events = append(c, r, g, &why);
	if (events < 0) {
		commit_trim(&w->commit);
		refuse_event(c, r, &why);
		return;
	}
	if (events == 0) {
		answer(c, r, &none);
		return;
	}
	bytes = g->lines.len - before + sizeof(struct waiter);
	why.fault = EVENT_NO_ROOM; /* another worker was faster */
	if (share_take(&c->share, bytes, 0)) {
		if (commit_wait(&w->commit, c, (uint64_t)events, bytes) == 0) {
			c->pending++;
			c->pending_bytes += bytes;
			/* Those that are still to be read wait a turn. */
			if (commit_has_enough(&w->commit))
				(void)event_base_loopbreak(w->base);
			return;
		}
		share_give(&c->share, bytes);
		why.fault = EVENT_NO_MEMORY;
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
	struct worker *w = c->worker;

	(void)worker_now(w); /* brings the date up to date */
	reply->head_only = r->head_only;
	reply->close = c->phase == CONN_LAST;
	reply->keep_alive = c->persist_1_0;
	w->answer.len = 0;
	if (reply_format(&w->answer, reply, w->date) < 0) {
		conn_close(c); /* out of memory */
		return;
	}
	say(c, w->answer.data, w->answer.len);
	if (c->phase == CONN_LAST && c->held.len == 0)
		linger(c);
}

static void
refuse(struct conn *c, const struct request *r, const struct verdict *v)
{
	struct reply reply = {.status = v->status,
	    .allow = v->allow,
	    .retry_after = v->status == 503 ? worker_retry_s(c->worker) : 0};
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
	buf_release(&c->held);
	if (c->phase == CONN_LAST)
		linger(c);
}

/* After the last answer. */
static void
linger(struct conn *c)
{
	if (c->phase == CONN_CLOSED)
		return;
	c->phase = CONN_LINGERS;
	if (stream_unsent(&c->stream) == 0)
		(void)shutdown(c->stream.fd, SHUT_WR);
}

static void
put(struct conn *c, const char *data, size_t len)
{
	if (stream_send(&c->stream, data, len) < 0)
		conn_close(c); /* the client has gone, or no memory */
}

/* Sends it, but not before the answers that are pending. */
static void
say(struct conn *c, const char *data, size_t len)
{
	if (c->pending == 0)
		put(c, data, len);
	else if (buf_append(&c->held, data, len) < 0)
		conn_close(c); /* out of memory */
}

void
conn_settle(const struct waiter *waiter, int result)
{
	struct conn *c = waiter->conn;
	struct worker *w = c->worker;
	struct stats *stats = w->server->stats;
	bool last;

	share_give(&c->share, waiter->bytes);
	assert(c->pending > 0);
	c->pending--;
	c->pending_bytes -= waiter->bytes;
	if (result == 0) {
		stat_add(stats, STAT_ACKED_REQUESTS, 1);
		stat_add(stats, STAT_EVENTS, waiter->events);
	} else {
		stat_add(stats, STAT_REFUSED_STORE, 1);
	}
	if (c->phase == CONN_CLOSED)
		return;
	/* A worker that stops says so in what is then the last answer. */
	if (w->stopping && !c->intake.begun && c->phase == CONN_OPEN)
		c->phase = CONN_LAST;
	last = c->phase == CONN_LAST && c->pending == 0 && c->held.len == 0;
	if (result == 0 && waiter->events == 1 && !last && !c->persist_1_0)
		put(c, w->one, w->one_len);
	else
		put_outcome(c, result, waiter->events, last);
	if (c->phase == CONN_CLOSED)
		return;
	if (last)
		linger(c);
	else if (c->pending == 0 && c->held.len > 0)
		release_held(c);
	if (c->phase == CONN_CLOSED)
		return;
	/* What reading paused for may be over. */
	if (c->phase != CONN_OPEN || !c->stream.reads ||
	    c->stream.input_len > 0 || w->stopping)
		set_due(c);
	else
		rest(c);
}

/* The answer to a request of a group that has to be put together. */
static void
put_outcome(struct conn *c, int result, uint64_t events, bool last)
{
	struct worker *w = c->worker;
	struct reply reply = {.close = last, .keep_alive = c->persist_1_0};
	char body[100];

	if (result == 0) {
		reply.status = 200;
		(void)snprintf(body, sizeof(body), "{\"accepted\":%llu}",
		    (unsigned long long)events);
	} else if (result == SPOOL_IN_DOUBT) {
		reply.status = 500;
		(void)snprintf(body, sizeof(body),
		    "{\"error\":\"the sync failed: the events may be stored, "
		    "or not\"}");
	} else {
		reply.status = 503;
		reply.retry_after = worker_retry_s(w);
		(void)snprintf(body, sizeof(body),
		    "{\"error\":\"the events could not be stored\"}");
	}
	reply.body = body;
	reply.len = strlen(body);
	w->answer.len = 0;
	if (reply_format(&w->answer, &reply, w->date) < 0)
		conn_close(c); /* out of memory: no answer, no promise */
	else
		put(c, w->answer.data, w->answer.len);
}
