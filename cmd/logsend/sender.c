/*
 * sender.c - see sender.h.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "clock.h"
#include "retry.h"
#include "sender.h"

/* Of waiting for the last connections, where one at least is there. */
#define SETTLE_NS CLOCK_NS_PER_S
#define TICK_MOST_NS (100 * CLOCK_NS_PER_MS)

static void on_due(evutil_socket_t, short, void *);
static void on_input(evutil_socket_t, short, void *);
static void on_tick(evutil_socket_t, short, void *);
static void on_ready(struct connection *);
static void on_lost(struct connection *);
static void on_unreachable(struct connection *, const char *text);
static void on_answered(struct connection *, const struct response *);
static void on_failed(struct connection *, enum failure, const char *text);
static void begin(struct sender *);
static void fail(struct sender *);
static void leave_all(struct sender *);
static void pump(struct sender *);

static const struct connection_events connection_events = {
    .ready = on_ready,
    .lost = on_lost,
    .unreachable = on_unreachable,
    .answered = on_answered,
    .failed = on_failed,
};

/*
 * Begin and end
 */

static int
init_events(struct sender *s)
{
	int fd = s->source->from_lines ? source_fd(s->source) : -1;
	uint64_t tick = s->options.timeout_ns / 10;
	struct timeval tv =
	    schedule_timeval(tick < TICK_MOST_NS ? tick : TICK_MOST_NS);

	s->due_timer = evtimer_new(s->base, on_due, s);
	s->ticker = event_new(s->base, -1, EV_PERSIST, on_tick, s);
	s->input = event_new(s->base, fd, fd < 0 ? 0 : EV_READ, on_input, s);
	if (s->due_timer == NULL || s->ticker == NULL || s->input == NULL ||
	    event_add(s->ticker, &tv) < 0)
		return -1;
	for (unsigned i = 0; i < s->options.connections; i++) {
		if (connection_init(&s->connections[i], s->base, s->target,
			&connection_events, s, s->options.timeout_ns) < 0)
			return -1;
	}
	return 0;
}

int
sender_init(struct sender *s, struct event_base *base, struct target *target,
    struct source *source, const struct sender_options *options,
    void (*notice_fn)(const char *), struct error *err)
{
	memset(s, 0, sizeof(*s));
	s->base = base;
	s->target = target;
	s->source = source;
	s->options = *options;
	s->notices =
	    (struct notices){.tell = notice_fn, .again = options->retry};
	TAILQ_INIT(&s->idle);
	schedule_init(
	    &s->schedule, options->rate, options->duration_ns, options->count);
	s->connections =
	    calloc(options->connections, sizeof(s->connections[0]));
	if (s->connections == NULL ||
	    target_head(target,
		source->batch > 1 ? "application/x-ndjson" : "application/json",
		options->token, &s->head) < 0 ||
	    init_events(s) < 0) {
		sender_release(s);
		errno = ENOMEM;
		return error_errno(
		    err, "make %u connections", options->connections);
	}
	return 0;
}

void
sender_release(struct sender *s)
{
	for (unsigned i = 0;
	     s->connections != NULL && i < s->options.connections; i++)
		connection_release(&s->connections[i]);
	free(s->connections);
	s->connections = NULL;
	if (s->due_timer != NULL)
		event_free(s->due_timer);
	if (s->ticker != NULL)
		event_free(s->ticker);
	if (s->input != NULL)
		event_free(s->input);
	s->due_timer = s->ticker = s->input = NULL;
	buf_release(&s->head);
	buf_release(&s->body);
}

int
sender_run(struct sender *s, struct error *err)
{
	s->began_ns = clock_monotonic_ns();
	if (s->options.retry) {
		for (unsigned i = 0; i < s->options.connections; i++)
			TAILQ_INSERT_TAIL(&s->idle, &s->connections[i], entry);
		begin(s);
	}
	for (unsigned i = 0; i < s->options.connections; i++)
		connection_start(&s->connections[i]);
	while (s->phase != SENDER_DONE) {
		if (event_base_loop(s->base, EVLOOP_ONCE) < 0) {
			(void)error_errno(&s->err, "wait for events");
			s->failing = true;
			sender_abort(s);
		}
	}
	/* What is still in flight has no answer. */
	s->stats.failed[FAILURE_UNFINISHED] = s->in_flight;
	if (s->options.retry)
		leave_all(s);
	if (!s->failing)
		return 0;
	*err = s->err;
	return -1;
}

static void
finish(struct sender *s)
{
	s->phase = SENDER_DONE;
	s->stats.end_ns = clock_monotonic_ns();
}

/* Nothing more is sent. What was due and is not sent stays unsent. */
static void
drain(struct sender *s)
{
	uint64_t now = clock_monotonic_ns();

	s->phase = SENDER_DRAINING;
	if (!s->stats.interrupted)
		s->deadline_ns = now + s->options.drain_ns;
	s->settled_ns = now;
	s->stats.due = s->stats.sent;
	if (s->schedule.rate == 0 || s->input_ended ||
	    (s->options.retry && s->source->from_lines))
		return;
	if (s->awaiting_ns == 0)
		s->stats.due = schedule_due_by(&s->schedule, now);
	if (s->stats.due < s->stats.sent)
		s->stats.due = s->stats.sent;
	if (s->schedule.planned != SCHEDULE_ENDLESS && !s->stats.interrupted)
		s->deadline_ns =
		    schedule_due_ns(&s->schedule, s->schedule.planned - 1) +
		    s->options.drain_ns;
}

void
sender_stop(struct sender *s)
{
	s->stats.interrupted = true;
	s->deadline_ns = clock_monotonic_ns() + s->options.drain_ns;
	if (s->phase == SENDER_SENDING && s->options.retry &&
	    source_is_pipe(s->source)) {
		source_finish(s->source);
		s->awaiting_ns = 0;
		(void)event_del(s->input);
		pump(s);
	} else if (s->phase == SENDER_SENDING) {
		drain(s);
	}
	if (s->phase == SENDER_CONNECTING) {
		s->failing = true;
		(void)error_set(&s->err, "stopped before it was connected");
	}
	if (s->in_flight == 0 && s->phase != SENDER_SENDING)
		finish(s);
}

void
sender_abort(struct sender *s)
{
	s->stats.interrupted = true;
	source_finish(s->source);
	if (s->phase == SENDER_SENDING)
		drain(s);
	if (s->phase != SENDER_DONE)
		finish(s);
}

static void
fail(struct sender *s)
{
	s->failing = true;
	if (s->phase == SENDER_SENDING)
		drain(s);
}

/* What there is no memory for is not even given up. */
static void
fail_parts(struct sender *s)
{
	(void)error_errno(&s->err, "send in parts");
	fail(s);
}

static void
leave(struct sender *s, struct connection *c)
{
	if (left_add(&s->left, &c->request_body, c->request_events, &s->err) <
	    0)
		fail(s);
}

/* All that the connections hold, and that was read already, is given up. */
static void
leave_all(struct sender *s)
{
	for (unsigned i = 0; i < s->options.connections; i++) {
		struct connection *c = &s->connections[i];

		if (c->holds && connection_join(c) < 0)
			fail_parts(s);
		if (c->holds)
			leave(s, c);
	}
	/* Unless it was just asked for no more. */
	if ((s->in_flight > 0 || s->stats.interrupted) &&
	    left_add_rest(&s->left, s->source, &s->err) < 0)
		fail(s);
}

/*
 * Sending
 */

static void
begin(struct sender *s)
{
	s->phase = SENDER_SENDING;
	s->stats.start_ns = s->schedule.start_ns = clock_monotonic_ns();
	pump(s);
}

/* Are all connections there, or is it clear that some cannot be? */
static void
settle(struct sender *s)
{
	uint64_t waited = clock_monotonic_ns() - s->began_ns;

	if (s->settled < s->options.connections &&
	    waited < s->options.timeout_ns &&
	    (waited < SETTLE_NS || TAILQ_EMPTY(&s->idle)))
		return;
	if (TAILQ_EMPTY(&s->idle)) {
		if (s->err.text[0] == '\0')
			(void)error_set(&s->err, "connect to %s port %s: %s",
			    s->target->host, s->target->port,
			    strerror(ETIMEDOUT));
		s->err.code = 0;
		s->failing = true;
		finish(s);
		return;
	}
	begin(s);
}

static bool
time_is_over(const struct sender *s, uint64_t now)
{
	return s->options.duration_ns != 0 &&
	       now - s->stats.start_ns >= s->options.duration_ns;
}

/*
 * Sends the next request, or gives it to a connection that is not there yet:
 * that the input has ended must not be found out only when it is. False: not
 * now.
 */
static bool
send_next(struct sender *s, uint64_t due, uint64_t now)
{
	struct connection *c = TAILQ_FIRST(&s->idle);
	struct buf *body = s->options.retry ? &c->request_body : &s->body;
	struct timeval at_once = {0};

	switch (source_fill(s->source, body,
	    s->acked != NULL ? &c->request_ids : NULL, &c->request_events,
	    &s->err)) {
	case SOURCE_SOME:
		break;
	case SOURCE_WAIT:
		s->awaiting_ns = now > due ? now : due;
		if (event_add(s->input, NULL) == 0)
			return false;
		(void)error_errno(&s->err, "wait for input");
		fail(s);
		return false;
	case SOURCE_AGAIN:
		s->armed = evtimer_add(s->due_timer, &at_once) == 0;
		return false;
	case SOURCE_END:
		s->input_ended = true;
		drain(s);
		return false;
	case SOURCE_ERROR:
		fail(s);
		return false;
	}
	if (s->options.retry) {
		connection_hold(c, &s->head, now);
	} else if (connection_send(c, &s->head, body, now) < 0) {
		(void)error_errno(&s->err, "send");
		fail(s);
		return false;
	}
	TAILQ_REMOVE(&s->idle, c, entry);
	c->due_ns = due;
	s->in_flight++;
	s->stats.sent++;
	s->stats.events_sent += c->request_events;
	s->stats.bytes_sent += body->len;
	s->stats.last_sent_ns = now;
	s->stats.lag_ns = now - due;
	if (s->stats.lag_ns > s->stats.lag_max_ns)
		s->stats.lag_max_ns = s->stats.lag_ns;
	return true;
}

/* Sends all that is due, as far as connections are idle; then waits. */
static void
pump(struct sender *s)
{
	while (s->phase == SENDER_SENDING && s->awaiting_ns == 0 &&
	       !TAILQ_EMPTY(&s->idle)) {
		uint64_t now = clock_monotonic_ns(), due = now;
		bool open = s->schedule.rate != 0;
		struct timeval tv;

		if (s->stats.sent == s->schedule.planned ||
		    (!open && time_is_over(s, now))) {
			drain(s);
			break;
		}
		if (open)
			due = schedule_due_ns(&s->schedule, s->stats.sent);
		if (due > now) {
			tv = schedule_timeval(due - now);
			if (!s->armed)
				s->armed = evtimer_add(s->due_timer, &tv) == 0;
			break;
		}
		if (!send_next(s, due, now))
			break;
	}
	if (s->phase == SENDER_DRAINING && s->in_flight == 0)
		finish(s);
}

static void
on_due(evutil_socket_t fd, short what, void *arg)
{
	struct sender *s = arg;

	(void)fd;
	(void)what;
	s->armed = false;
	pump(s);
}

/* There is input again: the schedule stood still while there was none. */
static void
on_input(evutil_socket_t fd, short what, void *arg)
{
	struct sender *s = arg;
	uint64_t now = clock_monotonic_ns();

	(void)fd;
	(void)what;
	if (now > s->awaiting_ns)
		s->schedule.shift_ns += now - s->awaiting_ns;
	s->awaiting_ns = 0;
	pump(s);
}

/*
 * When the run is cut short at the latest; UINT64_MAX: it is not. One that
 * sends again has all the time while there may be more input, or something is
 * acknowledged.
 */
static uint64_t
deadline(const struct sender *s)
{
	if (s->options.retry && !s->stats.interrupted &&
	    (s->phase == SENDER_DRAINING || s->source->from_lines))
		return s->all_there || s->phase == SENDER_DRAINING
			   ? s->settled_ns + s->options.patience_ns
			   : UINT64_MAX;
	if (s->phase == SENDER_DRAINING || s->stats.interrupted)
		return s->deadline_ns;
	if (s->schedule.rate == 0 || s->awaiting_ns != 0 ||
	    s->schedule.planned == SCHEDULE_ENDLESS)
		return UINT64_MAX;
	return schedule_due_ns(&s->schedule, s->schedule.planned - 1) +
	       s->options.drain_ns;
}

static void
on_tick(evutil_socket_t fd, short what, void *arg)
{
	struct sender *s = arg;
	uint64_t now = clock_monotonic_ns();

	(void)fd;
	(void)what;
	for (unsigned i = 0; i < s->options.connections; i++)
		connection_check(&s->connections[i], now);
	if (s->options.retry && !s->all_there && source_all_there(s->source)) {
		s->all_there = true;
		s->settled_ns = now;
	}
	if (s->phase == SENDER_CONNECTING)
		settle(s);
	if (s->phase != SENDER_SENDING && s->phase != SENDER_DRAINING)
		return;
	if (s->phase == SENDER_SENDING && time_is_over(s, now) &&
	    (s->schedule.rate == 0 || s->awaiting_ns != 0))
		drain(s);
	if (now >= deadline(s)) {
		if (s->phase == SENDER_SENDING)
			drain(s);
		finish(s);
		return;
	}
	pump(s);
}

/*
 * What connections tell
 */

static void
on_ready(struct connection *c)
{
	struct sender *s = c->owner;

	s->unreachable[0] = '\0';
	/* To retry it is in there already, behind those that are connected. */
	if (s->options.retry) {
		TAILQ_REMOVE(&s->idle, c, entry);
		TAILQ_INSERT_HEAD(&s->idle, c, entry);
	} else {
		TAILQ_INSERT_TAIL(&s->idle, c, entry);
	}
	if (s->phase == SENDER_CONNECTING) {
		s->settled++;
		settle(s);
	} else {
		pump(s);
	}
}

static void
on_lost(struct connection *c)
{
	struct sender *s = c->owner;

	TAILQ_REMOVE(&s->idle, c, entry);
	if (s->options.retry)
		TAILQ_INSERT_TAIL(&s->idle, c, entry);
}

static void
on_unreachable(struct connection *c, const char *text)
{
	struct sender *s = c->owner;

	s->stats.unreachable++;
	if (s->options.retry)
		target_refresh(s->target);
	if (s->phase == SENDER_CONNECTING) {
		(void)error_set(&s->err, "connect to %s port %s: %s",
		    s->target->host, s->target->port, text);
		s->settled++;
		settle(s);
	} else if (strncmp(s->unreachable, text, sizeof(s->unreachable) - 1) !=
		   0) {
		(void)snprintf(
		    s->unreachable, sizeof(s->unreachable), "%s", text);
		notices_add(&s->notices, 0,
		    "cannot connect to %s port %s, trying again: %s",
		    s->target->host, s->target->port, text);
	}
}

static void
on_acknowledged(struct sender *s, struct connection *c)
{
	uint64_t latency = clock_monotonic_ns() - c->due_ns;

	s->stats.events_acknowledged += c->request_events;
	if (s->acked != NULL && !s->failing &&
	    acked_add(s->acked, &c->request_ids, &s->err) < 0)
		fail(s);
	if (c->rest_events > 0)
		return;
	s->stats.acknowledged++;
	histogram_add(&s->stats.latency, latency);
	histogram_add(&s->stats.recent, latency);
}

/* The request that a connection carried has its answer, or never will. */
static void
request_over(struct sender *s, struct connection *c)
{
	int rc;

	if (s->options.retry) {
		s->settled_ns = clock_monotonic_ns();
		rc = connection_next_part(c);
		if (rc > 0)
			return;
		if (rc < 0)
			fail_parts(s);
		c->holds = false;
		TAILQ_INSERT_TAIL(&s->idle, c, entry);
	}
	s->in_flight--;
	if (s->phase == SENDER_DRAINING && s->in_flight == 0)
		finish(s);
}

static void
on_answered(struct connection *c, const struct response *r)
{
	struct sender *s = c->owner;
	int shown = r->body_len < 200 ? (int)r->body_len : 200;

	s->unreachable[0] = '\0';
	if (r->status < 300 && response_accepts(r, c->request_events)) {
		on_acknowledged(s, c);
	} else if (r->status < 300) {
		notices_add(&s->notices, s->stats.mismatched++,
		    "%u events were answered with %u: %.*s", c->request_events,
		    r->status, shown, r->body);
		if (s->options.retry && !response_settles(r, c->request_events))
			leave(s, c);
	} else if (s->options.retry && r->status == 413 &&
		   c->request_events > 1) {
		notices_add(&s->notices, s->stats.retries++,
		    "refused with 413, sent again in parts: %.*s", shown,
		    r->body);
		if (connection_halve(c) == 0)
			return;
		fail_parts(s);
		leave(s, c);
	} else {
		notices_add(&s->notices, s->stats.refused[r->status]++,
		    "refused with %u: %.*s", r->status, shown, r->body);
		if (s->options.retry && retry_helps(r->status)) {
			s->stats.retries++;
			connection_send_later(c, r->retry_after);
			return;
		}
		if (s->options.retry)
			leave(s, c);
	}
	request_over(s, c);
}

static void
on_failed(struct connection *c, enum failure why, const char *text)
{
	struct sender *s = c->owner;

	notices_add(
	    &s->notices, s->stats.failed[why]++, "a request failed: %s", text);
	if (s->options.retry) {
		s->stats.retries++;
		connection_send_later(c, 0);
	} else {
		request_over(s, c);
	}
}
