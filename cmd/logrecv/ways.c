/*
 * ways.c - see ways.h.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <event2/event.h>

#include "conn.h"
#include "crowd.h"
#include "ways.h"
#include "worker.h"

static void serve_log(struct conn *, const struct request *);
static void serve_probe(struct conn *, const struct request *);
static void serve_health(struct conn *, const struct request *);
static void serve_ready(struct conn *, const struct request *);
static void serve_metrics(struct conn *, const struct request *);

#define READS (HTTP_BIT(GET) | HTTP_BIT(HEAD))
#define SENDS (HTTP_BIT(POST) | HTTP_BIT(PUT))
#define PROBES (HTTP_BIT(HEAD) | HTTP_BIT(OPTIONS))

#define BOTH (ROLE_EVENTS | ROLE_OPERATORS)

const struct way ways[] = {
    {"/log", ROLE_EVENTS, SENDS, true, serve_log},
    {"/log", ROLE_EVENTS, PROBES, false, serve_probe},
    {"/log/", ROLE_EVENTS, SENDS, true, serve_log},
    {"/log/", ROLE_EVENTS, PROBES, false, serve_probe},
    {"/healthz", BOTH, READS, false, serve_health},
    {"/readyz", BOTH, READS, false, serve_ready},
    {"/metrics", ROLE_OPERATORS, READS, false, serve_metrics},
    {.path = NULL},
};

/*
 * What operators ask for
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
	conn_answer(c, r, &reply);
}

/* Why events are not taken now, or NULL. */
static const char *
unready_reason(struct server *s)
{
	if (atomic_load_explicit(&s->stalled, memory_order_relaxed))
		return "the disk does not finish what it was given";
	return gate_reason(s->gate);
}

static void
serve_health(struct conn *c, const struct request *r)
{
	answer_status(c, r, NULL);
}

static void
serve_ready(struct conn *c, const struct request *r)
{
	answer_status(c, r, unready_reason(c->worker->server));
}

static void
serve_metrics(struct conn *c, const struct request *r)
{
	struct stats *stats = c->worker->server->stats;
	struct reply reply = {
	    .status = 200, .type = "text/plain; version=0.0.4"};
	struct verdict v = {0};
	const struct buf *text = stats_text(stats);

	if (text->len == 0) {
		verdict_set(&v, 503, STAT_REFUSED_METRICS,
		    "the metrics cannot be read");
		conn_deny(c, r, &v);
	} else {
		reply.body = text->data;
		reply.len = text->len;
		conn_answer(c, r, &reply);
	}
	stats_text_done(stats);
}

/*
 * Events
 */

/* Is there such a path, and what does it take? */
static void
serve_probe(struct conn *c, const struct request *r)
{
	struct reply reply = {.status = 200, .allow = r->methods};

	conn_answer(c, r, &reply);
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
	conn_deny(c, r, &v);
}

static void
refuse_event(
    struct conn *c, const struct request *r, const struct event_error *e)
{
	struct reply reply = {
	    .status = e->fault == EVENT_TOO_LARGE ? 413 : 400};
	struct buf body = {0};
	struct verdict v = {0};

	if (e->fault == EVENT_NO_ROOM) {
		refuse_for_room(c, r);
		return;
	}
	if (e->fault == EVENT_NO_MEMORY || reply_put_error(&body, e) < 0) {
		verdict_set(&v, 503, STAT_REFUSED_MEMORY, "out of memory");
		conn_deny(c, r, &v);
		return;
	}
	stat_add(c->worker->server->stats,
	    STAT_REFUSED_JSON + (enum stat)e->fault, 1);
	reply.body = body.data;
	reply.len = body.len;
	conn_answer(c, r, &reply);
	buf_release(&body);
}

/* Appends the request's lines to the group; makes room, if it must. */
static int
append(struct conn *c, const struct request *r, struct group *g,
    struct event_tally *tally)
{
	struct worker *w = c->worker;
	struct server *s = w->server;
	struct event_origin from = {.stamp = w->stamp};
	char client[ADDRESS_TEXT_MAX];
	uint64_t spare = share_spare(&c->share), room, most;
	int rc;

	if (s->events.client_member != NULL) {
		address_format(&r->client, client);
		from.client = client;
	}
	/* Lines may be a little longer than the body, or 24 times as long. */
	for (int factor = 2;; factor *= 12) {
		room = budget_room(&s->budget);
		rc = event_append(r->body, r->len, &from, &s->events,
		    room > spare ? room - spare : 0, &g->lines, tally);
		if (rc == 0 || tally->errors[0].fault != EVENT_NO_ROOM ||
		    factor > 24)
			break;
		most = r->len * (uint64_t)factor + EVENT_SUFFIX_MAX;
		if (most > s->budget.max || !crowd_make_room(w, c, most, spare))
			break;
	}
	return rc;
}

/* Adds the events to the gathering group; its commit will answer. */
static void
serve_log(struct conn *c, const struct request *r)
{
	struct worker *w = c->worker;
	struct group *g = commit_gathering(&w->commit);
	struct reply none = {
	    .status = 200, .body = "{\"accepted\":0}", .len = 14};
	size_t before = g->lines.len;
	struct waiter waiter = {.conn = c};
	struct event_tally tally;
	struct event_error *why = &tally.errors[0];

	(void)worker_now(w); /* brings the stamp up to date */
	stat_add(w->server->stats, STAT_BODY_BYTES, r->len);
	if (append(c, r, g, &tally) < 0) {
		commit_trim(&w->commit);
		refuse_event(c, r, why);
		return;
	}
	if (tally.good == 0) {
		conn_answer(c, r, &none);
		return;
	}
	waiter.events = tally.good;
	/* The first one answers for the connection, which may close before. */
	waiter.bytes = g->lines.len - before + sizeof(waiter) +
		       (c->pending == 0 ? sizeof(*c) : 0);
	if (tally.bad > 0)
		waiter.bad = event_tally_keep(&tally, &waiter.bytes);
	why->fault = EVENT_NO_ROOM; /* another worker was faster */
	if (conn_take(c, waiter.bytes)) {
		if ((tally.bad == 0 || waiter.bad != NULL) &&
		    commit_wait(&w->commit, &waiter) == 0) {
			stat_add(
			    w->server->stats, STAT_CLIENT_STAMPS, tally.stamps);
			c->pending++;
			c->pending_bytes += waiter.bytes;
			/* Those that are still to be read wait a turn. */
			if (commit_has_enough(&w->commit))
				(void)event_base_loopbreak(w->base);
			return;
		}
		share_give(&c->share, waiter.bytes);
		why->fault = EVENT_NO_MEMORY;
	}
	free(waiter.bad);
	g->lines.len = before;
	refuse_event(c, r, why);
}
