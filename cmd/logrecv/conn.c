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
 * No connection is served for long in one go: after some requests, or a part of
 * a compressed body, it is `due`, and goes on when the others have had theirs.
 */
#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "conn.h"
#include "crowd.h"
#include "format.h"
#include "worker.h"

#define READ_AHEAD (32 << 10) /* not taken; then a paused connection stops */
#define PENDING_MAX 256       /* acknowledgements; then reading pauses */
#define PENDING_PART 4        /* nor more than this part of the budget */
#define OUTPUT_MAX (64 << 10) /* unsent answers; then reading pauses */
#define TURN_MAX 32           /* requests of one connection in a turn */
#define SHAKEN_MAX 16 /* handshakes that begin in a turn: signing is slow */
#define LINGER_NS (2 * CLOCK_NS_PER_S)
#define RATE_NS (10 * CLOCK_NS_PER_S)  /* over which --min-rate is measured */
#define NARROW_NS (5 * CLOCK_NS_PER_S) /* quiet, a socket is narrow again */
#define NEVER UINT64_MAX

static void rest(struct conn *);
static void on_stream(void *, enum stream_event);
static void conn_run(struct conn *);
static void set_due(struct conn *);
static void serve(struct conn *, const struct request *);
static void put(struct conn *, const char *data, size_t len);
static void say(struct conn *, const char *data, size_t len);
static void
tell_outcome(struct conn *, const struct waiter *, int result, bool last);
static void release_held(struct conn *);
static void linger(struct conn *);

/*
 * Life
 */

int
conn_open(struct worker *w, int fd, const struct listener *l,
    const struct sockaddr *sa)
{
	struct conn *c = calloc(1, sizeof(*c));
	struct budget *budget = l->role == ROLE_OPERATORS
				    ? &w->server->operators
				    : &w->server->budget;
	struct address peer;

	address_of(&peer, sa);
	if (c == NULL || share_open(&c->share, budget, &peer) < 0) {
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
	intake_init(&c->intake, w->server, &c->share, &w->work, l, &peer);
	TAILQ_INSERT_TAIL(&w->conns, c, link);
	stream_widen(&c->stream, &w->server->wide);
	rest(c);
	return 0;
}

void
conn_close(struct conn *c)
{
	struct worker *w = c->worker;

	if (c->phase == CONN_CLOSED)
		return;
	c->phase = CONN_CLOSED;
	/* A proxy may look whether the port is open, and say nothing. */
	if (!w->stopping && intake_wants_proxy(&c->intake) &&
	    (c->stream.received > 0 || !c->stream.ended))
		stat_add(w->server->stats, STAT_REFUSED_PROXY, 1);
	if (!w->stopping && stream_shakes_hands(&c->stream))
		worker_refuse(w, STAT_REFUSED_TLS, &c->intake.peer,
		    stream_fault(&c->stream));
	stream_narrow(&c->stream, &w->server->wide);
	intake_release(&c->intake);
	buf_release(&c->held);
	stream_close(&c->stream);
	share_give(&c->share, c->kept);
	c->kept = 0;
	if (c->due)
		TAILQ_REMOVE(&w->due, c, due_link);
	TAILQ_REMOVE(&w->conns, c, link);
	/* A group may still know it: see conn_settle. */
	if (c->pending == 0)
		TAILQ_INSERT_TAIL(&w->dead, c, link);
	atomic_fetch_sub(&w->server->connections, 1);
}

void
conn_bury(struct worker *w)
{
	struct conn *c;

	while ((c = TAILQ_FIRST(&w->dead)) != NULL) {
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

void
conn_drain(struct worker *w)
{
	struct conn *c, *next;

	for (c = TAILQ_FIRST(&w->conns); c != NULL; c = next) {
		next = TAILQ_NEXT(c, link);
		if ((c->waits == WAIT_REQUEST || c->waits == WAIT_GREETING) &&
		    stream_unsent(&c->stream) == 0)
			conn_close(c);
	}
}

/*
 * Time
 */

void
conn_refuse(struct conn *c, enum intake_fault fault)
{
	assert(c->phase != CONN_CLOSED);
	/* Told only where a request has begun and can be answered. */
	if (c->waits != WAIT_REST || stream_unsent(&c->stream) > 0) {
		conn_close(c);
		return;
	}
	intake_refuse(&c->intake, fault);
	serve(c, &c->intake.request);
	if (c->phase == CONN_CLOSED)
		return;
	intake_done(&c->intake); /* its body's bytes are wanted now */
	/* Not `rest`: that can make room, and whoever does so calls this. */
	set_due(c);
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
		c->received[0] = conn_brought(c);
		if (c->phase != CONN_CLOSED && !intake_has_body(&c->intake) &&
		    now - c->active_ns >= NARROW_NS)
			stream_narrow(&c->stream, &w->server->wide);
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
	} else if (intake_wants_greeting(&c->intake) ||
		   stream_shakes_hands(&c->stream)) {
		waits = WAIT_GREETING;
		ns = s->request_ns;
	} else if (c->intake.begun) {
		waits = WAIT_REST;
		ns = s->request_ns;
	}
	if (waits == c->waits)
		return;
	c->waits = waits;
	c->rate_ns = c->begun_ns = worker_now(c->worker);
	c->rate_bytes = c->stream.received;
	c->deadline_ns = ns == NEVER ? NEVER : c->rate_ns + ns;
}

bool
conn_take(struct conn *c, uint64_t bytes)
{
	uint64_t spare = share_spare(&c->share);

	return share_take(&c->share, bytes, spare) ||
	       (c->share.budget == &c->worker->server->budget &&
		   crowd_make_room(c->worker, c, bytes, spare) &&
		   share_take(&c->share, bytes, spare));
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
	if (!conn_take(c, more)) {
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
		stream_finish(&c->stream);
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
	struct conn *c, *next = TAILQ_FIRST(&w->due);
	struct conn *last = TAILQ_LAST(&w->due, conn_list);

	/* Those that become due again are behind the last; none is ended. */
	while ((c = next) != NULL) {
		next = c == last ? NULL : TAILQ_NEXT(c, due_link);
		/* First in the next turn: the others have used up this one. */
		if (w->work == 0 && intake_decodes(&c->intake))
			continue;
		c->due = false;
		TAILQ_REMOVE(&w->due, c, due_link);
		conn_run(c);
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
	if (what != INTAKE_REQUEST) { /* which may lie in the input */
		stream_take(s, taken);
		taken = 0;
	}
	if (what == INTAKE_SHORT) {
		if (crowd_make_room(c->worker, c, intake_wants_room(i),
			share_body_spare(&c->share)))
			return true; /* once more */
		intake_refuse(i, INTAKE_NO_ROOM);
		what = INTAKE_REQUEST;
	}
	if (what == INTAKE_FOREIGN)
		conn_close(c);
	if (what == INTAKE_SECURE && c->worker->shaken < SHAKEN_MAX) {
		c->worker->shaken++;
		if (stream_secure(s, &c->worker->server->tls) < 0)
			conn_close(c);
		else
			intake_secured(i, stream_peer(s));
	}
	if (what == INTAKE_CONTINUE)
		say(c, "HTTP/1.1 100 Continue\r\n\r\n", 25);
	if (what == INTAKE_REQUEST) {
		if (c->waits != WAIT_REST) /* it came whole, now */
			c->begun_ns = worker_now(c->worker);
		c->waits = WAIT_NONE; /* each has its own time */
		serve(c, &i->request);
		if (c->phase != CONN_CLOSED) {
			intake_done(i);
			stream_take(s, taken);
		}
	}
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
	if (intake_has_body(&c->intake))
		stream_widen(s, &c->worker->server->wide);
	/* Paused, it reads on a little, and so notices an end. */
	reads = c->phase == CONN_LINGERS || !is_paused(c) ||
		s->input_len < READ_AHEAD;
	if (stream_read(s, reads && !c->due) < 0 || (!c->due && is_over(c)))
		conn_close(c);
	rest(c);
}

/*
 * Answers
 */

/* Answers a complete request, or leaves that to the group it is put in. */
static void
serve(struct conn *c, const struct request *r)
{
	assert(c->phase != CONN_CLOSED);
	if (r->last || c->worker->stopping)
		c->phase = CONN_LAST;
	c->cut = r->cut;
	c->persist_1_0 = r->persist_1_0;
	if (r->verdict.status != 0)
		conn_deny(c, r, &r->verdict);
	else
		r->way->serve(c, r);
}

void
conn_answer(struct conn *c, const struct request *r, struct reply *reply)
{
	struct worker *w = c->worker;

	(void)worker_now(w); /* brings the date up to date */
	reply->head_only = r->head_only;
	reply->close = c->phase == CONN_LAST;
	reply->keep_alive = c->persist_1_0;
	reply->cors = r->cors;
	reply->vary = w->server->access.origins != NULL;
	w->answer.len = 0;
	if (reply_format(&w->answer, reply, w->date) < 0) {
		conn_close(c); /* out of memory */
		return;
	}
	say(c, w->answer.data, w->answer.len);
	if (c->phase == CONN_LAST && c->held.len == 0)
		linger(c);
}

void
conn_tell(struct conn *c, const struct request *r, const struct outcome *o)
{
	const struct format *f = r->way == NULL ? NULL : r->way->format;
	struct reply reply = {.allow = o->status == 405 ? r->methods : 0};
	struct buf body = {0};

	if (format_answer(f, o, worker_retry_s(c->worker), &reply, &body) < 0)
		conn_close(c); /* out of memory */
	else
		conn_answer(c, r, &reply);
	buf_release(&body);
}

void
conn_deny(struct conn *c, const struct request *r, const struct verdict *v)
{
	struct outcome o = outcome_of_verdict(r, v);

	stat_add(c->worker->server->stats, v->stat, 1);
	conn_tell(c, r, &o);
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
		stream_finish(&c->stream);
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
	bool last;

	share_give(&c->share, waiter->bytes);
	assert(c->pending > 0);
	c->pending--;
	c->pending_bytes -= waiter->bytes;
	if (c->phase == CONN_CLOSED) {
		if (c->pending == 0)
			TAILQ_INSERT_TAIL(&w->dead, c, link);
		return;
	}
	/* A worker that stops says so in what is then the last answer. */
	if (w->stopping && !c->intake.begun && c->phase == CONN_OPEN)
		c->phase = CONN_LAST;
	last = c->phase == CONN_LAST && c->pending == 0 && c->held.len == 0;
	if (result == 0 && waiter->events == 1 && waiter->bad == NULL &&
	    waiter->format == w->one_format && waiter->cors == NULL && !last &&
	    !c->persist_1_0)
		put(c, w->one.data, w->one.len);
	else
		tell_outcome(c, waiter, result, last);
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
tell_outcome(struct conn *c, const struct waiter *waiter, int result, bool last)
{
	struct worker *w = c->worker;
	struct reply reply = {.close = last,
	    .keep_alive = c->persist_1_0,
	    .cors = waiter->cors,
	    .vary = w->server->access.origins != NULL};
	struct outcome o = outcome_of_commit(waiter, result);
	struct buf body = {0};

	w->answer.len = 0;
	if (format_answer(
		waiter->format, &o, worker_retry_s(w), &reply, &body) < 0 ||
	    reply_format(&w->answer, &reply, w->date) < 0)
		conn_close(c); /* out of memory: no answer, no promise */
	else
		put(c, w->answer.data, w->answer.len);
	buf_release(&body);
}
