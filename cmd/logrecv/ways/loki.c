/*
 * loki.c - Loki's push, as JSON, and as protobuf in a block of snappy: a line
 * of a stream is an event. (grafana.com/docs/loki, "Ingest logs"; Loki's
 * push.proto)
 *
 *   {"timestamp":"2026-11-22T07:33:51.123456789Z","line":"text",
 *    "labels":{"job":"a"},"structuredMetadata":{"b":"c"}}
 *
 * A line that is itself a JSON object stands there as that.
 */
#include <errno.h>
#include <snappy-c.h>
#include <stdio.h>
#include <stdlib.h>

#include "../format.h"
#include "../split.h"
#include "json_walk.h"
#include "loki_labels.h"
#include "wire.h"

#define SNAPPY_RATIO 22 /* no block becomes more times as long */

static int take(struct event_writer *, const struct request *);
static int answer(const struct outcome *, struct reply *, struct buf *body);

const struct format format_loki = {.name = "loki",
    .types = ~0U, /* what is not JSON is protobuf, as it is to Loki */
    .coding = "snappy",
    .take = take,
    .answer = answer};

/* The way through one body. */
struct loki {
	struct event_writer *w;
	/* The stream's labels as a member, and behind them an event. */
	struct draft text;
	struct draft after_labels;
	size_t labels_len;
};

/*
 * What an event is made of
 */

static void
begin_labels(struct loki *l)
{
	l->text.failed = false;
	l->text.max = (size_t)l->w->limits->event_bytes + DRAFT_SLACK;
	l->text.text->len = 0;
	draft_text(&l->text, ",\"labels\":");
}

static void
end_labels(struct loki *l)
{
	l->after_labels = l->text;
	l->labels_len = l->text.text->len;
}

static void
begin_event(struct loki *l)
{
	l->text = l->after_labels;
	l->text.text->len = l->labels_len;
	l->text.max += l->labels_len;
	draft_text(&l->text, "{\"timestamp\":");
}

static bool
is_object(const struct loki *l, const char *p, const char *end)
{
	struct json_error err;
	const char *stop;
	bool breaks;

	p = json_skip_space(p, end);
	if (p == end || *p != '{')
		return false;
	stop = json_check(
	    p, end, (unsigned)l->w->limits->depth - 1, &breaks, &err);
	return stop != NULL && json_skip_space(stop, end) == end;
}

static void
put_line(struct loki *l, const char *line, size_t len)
{
	draft_text(&l->text, ",\"line\":");
	if (is_object(l, line, line + len))
		draft_put(&l->text, line, len);
	else
		draft_string(&l->text, line, len);
}

static void
put_labels_again(struct loki *l)
{
	/* The room first: it may move the text. */
	char *to = draft_room(&l->text, l->labels_len);

	if (to == NULL)
		return;
	memcpy(to, l->text.text->data, l->labels_len);
	l->text.text->len += l->labels_len;
}

/* Gives it, made of what lies there in the body, to the writer. 0, or -1. */
static int
end_event(struct loki *l, const char *p, const char *stop)
{
	draft_put(&l->text, "}", 1);
	return draft_give(&l->text, l->labels_len, l->w, p, stop);
}

/* Always returns NULL: nothing of the body is taken. */
static const char *
fail_body(struct loki *l, const char *at, const char *reason)
{
	return event_fail(
	    l->w, &(struct event_flaw){EVENT_UNFIT, at, reason, NULL});
}

/*
 * Protobuf
 */

static void
put_text(struct loki *l, struct wire text)
{
	draft_string(&l->text, text.p, (size_t)(text.end - text.p));
}

/* The structured metadata of an entry, where it has any. */
static void
put_metadata(struct loki *l, struct wire entry)
{
	static const char first[] = ",\"structuredMetadata\":{";
	const char *before = first;
	struct wire_field f, pair[3];

	while (wire_next(&entry, &f) > 0) {
		if (f.tag != WIRE_TAG(3, BYTES))
			continue;
		if (wire_read(f.bytes, pair, 2) < 0)
			draft_fail(&l->text, EVENT_UNFIT, "not protobuf");
		draft_text(&l->text, before);
		put_text(l, wire_bytes(pair, 1));
		draft_text(&l->text, ":");
		put_text(l, wire_bytes(pair, 2));
		before = ",";
	}
	if (before != first)
		draft_text(&l->text, "}");
}

/* Those of a stream; many may have no entry at all. */
static void
put_labels(struct loki *l, struct wire stream)
{
	struct wire_field of[2];
	struct wire labels;

	begin_labels(l);
	(void)wire_read(stream, of, 1); /* its caller finds the error, too */
	labels = wire_bytes(of, 1);
	loki_put_labels(&l->text, labels.p, (size_t)(labels.end - labels.p));
	end_labels(l);
}

static int
take_entry(struct loki *l, struct wire entry)
{
	struct wire_field of[3], time[3];
	struct wire line;
	int rc = wire_read(entry, of, 2);

	begin_event(l);
	if (wire_read(wire_bytes(of, 1), time, 2) < 0 || rc < 0)
		draft_fail(&l->text, EVENT_UNFIT, "not protobuf");
	draft_instant(&l->text, (int64_t)wire_value(time, 1, WIRE_VARINT),
	    (int64_t)wire_value(time, 2, WIRE_VARINT));
	line = wire_bytes(of, 2);
	put_line(l, line.p, (size_t)(line.end - line.p));
	put_labels_again(l);
	put_metadata(l, entry);
	return end_event(l, entry.p, entry.end);
}

static int
take_stream(struct loki *l, struct wire stream)
{
	struct wire rest = stream;
	struct wire_field f;
	bool first = true;
	int rc;

	while ((rc = wire_next(&rest, &f)) > 0) {
		if (f.tag != WIRE_TAG(2, BYTES))
			continue;
		if (first)
			put_labels(l, stream);
		first = false;
		if (take_entry(l, f.bytes) < 0)
			return -1;
	}
	if (rc < 0)
		(void)fail_body(l, rest.p, "the body is not Loki's protobuf");
	return rc;
}

static int
take_protobuf(struct loki *l, struct wire request)
{
	struct wire_field f;
	int rc;

	while ((rc = wire_next(&request, &f)) > 0) {
		if (f.tag == WIRE_TAG(1, BYTES) && take_stream(l, f.bytes) < 0)
			return -1;
	}
	if (rc < 0)
		(void)fail_body(
		    l, request.p, "the body is not Loki's protobuf");
	return rc;
}

/*
 * Makes what a block of snappy was made of the body, in which offsets are
 * counted then. 0, or -1: it has failed.
 */
static int
unpack(struct event_writer *w)
{
	struct event_flaw flaw = {
	    EVENT_UNFIT, w->body, "the body is not a block of snappy", NULL};
	size_t len = (size_t)(w->end - w->body), plain_len;
	struct buf *plain = &w->scratch[1];

	plain->len = 0;
	if (snappy_uncompressed_length(w->body, len, &plain_len) != SNAPPY_OK ||
	    plain_len / SNAPPY_RATIO > len) {
		/* it is what the flaw says */
	} else if (plain_len > w->limits->body_bytes) {
		flaw.fault = EVENT_BODY_TOO_LARGE;
	} else if (plain_len > w->room) {
		flaw.fault = EVENT_NO_ROOM;
	} else if (buf_reserve(plain, plain_len + 1) < 0) {
		flaw.fault = EVENT_NO_MEMORY;
	} else if (snappy_uncompress(w->body, len, plain->data, &plain_len) ==
		   SNAPPY_OK) {
		w->room -= plain_len;
		w->body = plain->data;
		w->end = plain->data + plain_len;
		return 0;
	}
	(void)event_fail(w, &flaw);
	return -1;
}

/*
 * JSON
 */

/* Nanoseconds since 1970, which must stand in quotes. */
static void
put_nanoseconds(struct loki *l, const char *p, const char *stop)
{
	long long ns = 0, rest;
	char text[24] = "", *end = text;
	size_t len = (size_t)(stop - p);

	errno = 0;
	if (*p == '"' && len > 2 && len < sizeof(text) &&
	    strchr("-0123456789", p[1]) != NULL) {
		memcpy(text, p + 1, len - 2);
		text[len - 2] = '\0';
		ns = strtoll(text, &end, 10);
	}
	if (end == text || *end != '\0' || errno != 0) {
		draft_fail(&l->text, EVENT_UNFIT,
		    "a time must be a string of nanoseconds since 1970");
		return;
	}
	rest = ns % (long long)CLOCK_NS_PER_S;
	ns /= (long long)CLOCK_NS_PER_S;
	draft_instant(&l->text, rest < 0 ? ns - 1 : ns,
	    rest < 0 ? rest + (long long)CLOCK_NS_PER_S : rest);
}

/* The string is copied as it is, but for an object in it. */
static void
put_quoted_line(struct loki *l, const char *p, const char *stop)
{
	struct json_text quoted = {p, (size_t)(stop - p)};
	struct buf *plain = &l->w->scratch[1];
	long n = -1;

	if (*p != '"') {
		draft_fail(&l->text, EVENT_UNFIT, "a line must be a string");
		return;
	}
	plain->len = 0;
	if (strchr("{ \\", p[1]) != NULL) {
		if (buf_reserve(plain, quoted.len) < 0)
			draft_fail(&l->text, EVENT_NO_MEMORY, NULL);
		else
			n = json_string_decode(quoted, plain->data, quoted.len);
	}
	if (n > 0 && is_object(l, plain->data, plain->data + n)) {
		put_line(l, plain->data, (size_t)n);
		return;
	}
	draft_text(&l->text, ",\"line\":");
	draft_put(&l->text, p, quoted.len);
}

static void
put_metadata_text(struct loki *l, const char *p, const char *stop)
{
	if (*p != '{')
		draft_fail(&l->text, EVENT_UNFIT,
		    "structured metadata must be an object");
	if (*json_skip_space(p + 1, stop) == '}')
		return;
	draft_text(&l->text, ",\"structuredMetadata\":");
	draft_put(&l->text, p, (size_t)(stop - p));
}

/* [time, line] or [time, line, metadata] */
static const char *
take_json_entry(struct loki *l, const char *p, const char *end)
{
	const char *from = p, *stop;
	unsigned n = 0;

	begin_event(l);
	if (*p != '[')
		p = json_pass(p, end);
	else
		while (json_walk_element(&p, end)) {
			stop = json_pass(p, end);
			if (n == 0)
				put_nanoseconds(l, p, stop);
			else if (n == 1) {
				put_quoted_line(l, p, stop);
				put_labels_again(l);
			} else if (n == 2)
				put_metadata_text(l, p, stop);
			n++;
			p = stop;
		}
	if (n < 2)
		draft_fail(&l->text, EVENT_UNFIT,
		    "an entry must be an array of a time and a line");
	return end_event(l, from, p) < 0 ? NULL : p;
}

/* Each element of the list at p, by `take`. */
static const char *
take_list(struct loki *l, const char *p, const char *end,
    const char *(*take_one)(struct loki *, const char *, const char *))
{
	if (*p != '[')
		return fail_body(l, p, "not an array");
	while (json_walk_element(&p, end)) {
		p = take_one(l, p, end);
		if (p == NULL)
			return NULL;
	}
	return p;
}

static const char *
take_json_stream(struct loki *l, const char *p, const char *end)
{
	const char *labels = NULL, *q = p;
	struct json_member m;

	if (*p != '{')
		return fail_body(l, p, "not an object");
	while (json_walk_member(&q, end, &m)) {
		if (json_name_is(&m, "stream", 6))
			labels = q;
		q = json_pass(q, end);
	}
	if (labels == NULL || *labels != '{')
		return fail_body(l, p, "a stream must have labels");
	begin_labels(l);
	draft_put(&l->text, labels, (size_t)(json_pass(labels, end) - labels));
	end_labels(l);
	while (json_walk_member(&p, end, &m)) {
		p = json_name_is(&m, "values", 6)
			? take_list(l, p, end, take_json_entry)
			: json_pass(p, end);
		if (p == NULL)
			return NULL;
	}
	return p;
}

static const char *
take_json(struct loki *l, const char *p, const char *end)
{
	const char *begin = p;
	struct json_member m;
	bool any = false;

	if (*p != '{')
		return fail_body(l, p, "not an object");
	while (json_walk_member(&p, end, &m)) {
		if (!json_name_is(&m, "streams", 7)) {
			p = json_pass(p, end);
			continue;
		}
		any = true;
		p = take_list(l, p, end, take_json_stream);
		if (p == NULL)
			return NULL;
	}
	return any ? p : fail_body(l, begin, "it has no streams");
}

static int
take(struct event_writer *w, const struct request *r)
{
	struct loki l = {.w = w, .text = {.text = &w->scratch[0]}};
	const char *p;
	int rc;

	if (r->type == HTTP_TYPE_JSON) {
		p = split_single(w);
		rc = p == NULL || take_json(&l, p, w->end) == NULL ? -1 : 0;
	} else {
		rc = unpack(w);
		if (rc == 0)
			rc = take_protobuf(&l, (struct wire){w->body, w->end});
	}
	return event_all_are_bad(w) ? -1 : rc;
}

/* As text, which is how Loki's clients show it. */
static int
answer(const struct outcome *o, struct reply *reply, struct buf *body)
{
	const struct event_error *e = o->error;

	if (o->status == 200) {
		reply->status = 204;
		return 0;
	}
	reply->type = "text/plain; charset=utf-8";
	if (e == NULL)
		return buf_printf(body, "%s\n", o->text);
	return buf_printf(
	    body, "line %zu, at byte %zu: %s\n", e->event, e->offset, e->text);
}
