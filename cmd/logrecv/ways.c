/*
 * ways.c - see ways.h.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <event2/event.h>

#include "conn.h"
#include "crowd.h"
#include "format.h"
#include "page/page.h"
#include "ways.h"
#include "worker.h"

static void serve_events(struct conn *, const struct request *);
static void serve_probe(struct conn *, const struct request *);
static void serve_health(struct conn *, const struct request *);
static void serve_ready(struct conn *, const struct request *);
static void serve_metrics(struct conn *, const struct request *);
static void serve_page(struct conn *, const struct request *);
static void serve_status(struct conn *, const struct request *);
static void serve_history(struct conn *, const struct request *);
static int
answer_status(const struct outcome *, struct reply *, struct buf *body);

_Static_assert(
    SENDER_NAME_MAX <= EVENT_VALUE_MAX && ADDRESS_TEXT_MAX <= EVENT_VALUE_MAX,
    "a suffix has room for each");

/* What is left of a format's buffers from request to request, in bytes. */
#define KEEP (256 << 10)

#define READS (HTTP_BIT(GET) | HTTP_BIT(HEAD))
#define SENDS (HTTP_BIT(POST) | HTTP_BIT(PUT))
#define PROBES (HTTP_BIT(HEAD) | HTTP_BIT(OPTIONS))

#define BOTH (ROLE_EVENTS | ROLE_OPERATORS)

/* Some ask first, by HEAD or OPTIONS, whether there is such a path. */
#define TAKES(path, format) \
	{path, ROLE_EVENTS, SENDS, serve_events, &format}, \
	{ \
		path, ROLE_EVENTS, PROBES, serve_probe, NULL \
	}

static const struct format format_status = {
    .name = "status", .answer = answer_status};

const struct way ways[] = {
    TAKES("/log", format_log),
    TAKES("/log/", format_log),
    TAKES("/log/each/*", format_log),
    TAKES("/log/each/*/", format_log),
    {"/healthz", BOTH, READS, serve_health, &format_status},
    {"/readyz", BOTH, READS, serve_ready, &format_status},
    {"/metrics", ROLE_OPERATORS, READS, serve_metrics, NULL},
    {"/", ROLE_OPERATORS, READS, serve_page, NULL},
    {"/page/*", ROLE_OPERATORS, READS, serve_page, NULL},
    {"/status.json", ROLE_OPERATORS, READS, serve_status, NULL},
    {"/history.json", ROLE_OPERATORS, READS, serve_history, NULL},
    TAKES("/services/collector", format_hec),
    TAKES("/services/collector/event", format_hec),
    TAKES("/services/collector/event/1.0", format_hec),
    TAKES("/services/collector/raw", format_hec_raw),
    TAKES("/services/collector/raw/1.0", format_hec_raw),
    {"/services/collector/health", ROLE_EVENTS, READS, serve_ready,
	&format_hec_health},
    {"/services/collector/health/1.0", ROLE_EVENTS, READS, serve_ready,
	&format_hec_health},
    {"/services/collector/ack", ROLE_EVENTS, SENDS, serve_health,
	&format_hec_ack},
    TAKES("/v1/logs", format_otlp),
    TAKES("/loki/api/v1/push", format_loki),
    TAKES("/_bulk", format_bulk),
    TAKES("/_bulk/", format_bulk),
    TAKES("/*/_bulk", format_bulk),
    {"/", ROLE_EVENTS, READS, serve_health, &format_bulk_root},
    {"/_license", ROLE_EVENTS, READS, serve_health, &format_bulk_license},
    {.path = NULL},
};

_Static_assert(sizeof(ways) / sizeof(ways[0]) <= 64,
    "there is a bit for each in what a token may");

/*
 * What operators ask for
 */

static int
answer_status(const struct outcome *o, struct reply *reply, struct buf *body)
{
	(void)reply;
	if (o->status != 200 && o->status != 503)
		return reply_put_refusal(body, o->text);
	return o->status == 200
		   ? buf_printf(body, "{\"status\":\"ok\"}")
		   : buf_printf(body,
			 "{\"status\":\"not ready\",\"reason\":\"%s\"}",
			 o->text);
}

static void
serve_health(struct conn *c, const struct request *r)
{
	struct outcome o = {.status = 200};

	conn_tell(c, r, &o);
}

static void
serve_ready(struct conn *c, const struct request *r)
{
	struct outcome o = {.text = server_unready(c->worker->server)};

	o.status = o.text == NULL ? 200 : 503;
	conn_tell(c, r, &o);
}

static void
answer_board(struct conn *c, const struct request *r, struct board *board,
    struct reply reply)
{
	const struct buf *text = board_read(board);
	struct verdict v = {0};

	if (text->len == 0) {
		verdict_set(&v, 503, STAT_REFUSED_METRICS,
		    "the metrics cannot be read");
		conn_deny(c, r, &v);
	} else {
		reply.body = text->data;
		reply.len = text->len;
		conn_answer(c, r, &reply);
	}
	board_done(board);
}

static void
serve_metrics(struct conn *c, const struct request *r)
{
	answer_board(c, r, &c->worker->server->stats->board,
	    (struct reply){.status = 200, .type = "text/plain; version=0.0.4"});
}

static void
serve_status(struct conn *c, const struct request *r)
{
	struct page *page = c->worker->server->page;

	page_ask(page);
	answer_board(c, r, &page->status,
	    (struct reply){.status = 200, .fields = page_fields});
}

static void
serve_history(struct conn *c, const struct request *r)
{
	answer_board(c, r, &c->worker->server->page->past,
	    (struct reply){.status = 200, .fields = page_fields});
}

static void
serve_page(struct conn *c, const struct request *r)
{
	const struct page_file *file = page_find(r->name);
	struct reply reply = {.status = 200, .fields = page_fields};
	struct verdict v = {0};

	if (file == NULL) {
		verdict_set(&v, 404, STAT_REFUSED_PATH, "no such path");
		conn_deny(c, r, &v);
		return;
	}
	page_ask(c->worker->server->page);
	reply.type = file->type;
	reply.body = file->data;
	reply.len = (size_t)(file->end - file->data);
	conn_answer(c, r, &reply);
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
	bool large =
	    e->fault == EVENT_TOO_LARGE || e->fault == EVENT_BODY_TOO_LARGE;
	struct outcome o = {.status = large ? 413 : 400,
	    .text = e->text,
	    .error = e,
	    .note = {c->worker->note.data, c->worker->note.len},
	    .type = r->type};
	struct verdict v = {0};

	if (e->fault == EVENT_NO_ROOM) {
		refuse_for_room(c, r);
		return;
	}
	if (e->fault == EVENT_NO_MEMORY) {
		verdict_set(&v, 503, STAT_REFUSED_MEMORY, "out of memory");
		conn_deny(c, r, &v);
		return;
	}
	stat_add(c->worker->server->stats,
	    STAT_REFUSED_JSON + (enum stat)e->fault, 1);
	conn_tell(c, r, &o);
}

/* Appends the request's lines to the group; makes room, if it must. */
static int
append(struct conn *c, const struct request *r, struct group *g,
    struct event_tally *tally)
{
	struct worker *w = c->worker;
	struct server *s = w->server;
	struct event_origin from = {.stamp = w->stamp};
	struct event_writer writer;
	char client[ADDRESS_TEXT_MAX];
	uint64_t spare = share_spare(&c->share), room, most;
	int rc;

	if (s->events.members[EVENT_CLIENT] != NULL) {
		address_format(&r->client, client);
		from.values[EVENT_CLIENT] = client;
	}
	from.values[EVENT_SENDER] = r->sender_name;
	event_writer_init(
	    &writer, &s->events, tally, &g->lines, w->scratch, &w->note);
	/* Lines may be a little longer than the body, or 24 times as long. */
	for (int factor = 2;; factor *= 12) {
		room = budget_room(&s->budget);
		writer.room = room > spare ? room - spare : 0;
		rc = event_write(&writer, r->way->format, r, &from);
		if (rc == 0 || tally->errors[0].fault != EVENT_NO_ROOM ||
		    factor > 24)
			break;
		most = r->len * (uint64_t)factor + EVENT_SUFFIX_MAX;
		if (most > s->budget.max || !crowd_make_room(w, c, most, spare))
			break;
	}
	return rc;
}

/*
 * Copies what the answer needs to wait for the commit. False: no memory; what
 * was copied is the waiter's all the same.
 */
static bool
keep(struct waiter *waiter, const struct request *r,
    const struct event_tally *tally, const struct buf *note)
{
	if (r->cors != NULL) {
		waiter->cors = strdup(r->cors);
		if (waiter->cors == NULL)
			return false;
		waiter->bytes += strlen(r->cors) + 1;
	}
	if (tally->bad > 0 &&
	    (waiter->bad = event_tally_keep(tally, &waiter->bytes)) == NULL)
		return false;
	if (note->len == 0)
		return true;
	waiter->note = malloc(note->len);
	if (waiter->note == NULL)
		return false;
	memcpy(waiter->note, note->data, note->len);
	waiter->note_len = note->len;
	waiter->bytes += note->len;
	return true;
}

/* No line is made of it, and yet it is not refused. */
static void
answer_at_once(
    struct conn *c, const struct request *r, const struct event_tally *tally)
{
	struct outcome o = {.status = 200,
	    .bad = tally->bad > 0 ? tally : NULL,
	    .note = {c->worker->note.data, c->worker->note.len},
	    .type = r->type};

	stats_add_bad(c->worker->server->stats, tally);
	conn_tell(c, r, &o);
}

/* Adds the events to the gathering group; its commit will answer. */
static void
add_events(struct conn *c, const struct request *r)
{
	struct worker *w = c->worker;
	struct group *g = commit_gathering(&w->commit);
	size_t before = g->lines.len;
	struct waiter waiter = {.conn = c,
	    .sender = r->sender,
	    .came_ns = c->begun_ns,
	    .format = r->way->format,
	    .type = r->type};
	struct event_tally tally;
	struct event_error *why = &tally.errors[0];
	bool kept;

	(void)worker_now(w); /* brings the stamp up to date */
	stat_add(w->server->stats, STAT_BODY_BYTES, r->len);
	if (append(c, r, g, &tally) < 0) {
		commit_trim(&w->commit);
		refuse_event(c, r, why);
		return;
	}
	if (tally.good == 0) {
		commit_trim(&w->commit);
		answer_at_once(c, r, &tally);
		return;
	}
	waiter.events = tally.good;
	/* The first one answers for the connection, which may close before. */
	waiter.bytes = g->lines.len - before + sizeof(waiter) +
		       (c->pending == 0 ? sizeof(*c) : 0);
	kept = keep(&waiter, r, &tally, &w->note);
	why->fault = EVENT_NO_ROOM; /* another worker was faster */
	if (conn_take(c, waiter.bytes)) {
		if (kept && commit_wait(&w->commit, &waiter) == 0) {
			stat_add(
			    w->server->stats, STAT_CLIENT_STAMPS, tally.stamps);
			stats_add_sizes(w->server->stats, &tally);
			if (r->sender != NULL)
				sender_take(
				    r->sender, SENDER_EVENTS, tally.good);
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
	free(waiter.note);
	free(waiter.cors);
	g->lines.len = before;
	refuse_event(c, r, why);
}

static void
trim(struct buf *b)
{
	if (b->cap > KEEP)
		buf_release(b);
}

static void
serve_events(struct conn *c, const struct request *r)
{
	struct worker *w = c->worker;

	add_events(c, r);
	for (int i = 0; i < EVENT_SCRATCHES; i++)
		trim(&w->scratch[i]);
	trim(&w->note);
}
