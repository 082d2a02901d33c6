/*
 * otlp.c - OTLP/HTTP, as JSON and as protobuf: a log record is an event, see
 * otlp_event.h. (opentelemetry.io/docs/specs/otlp)
 */
#include <stdio.h>

#include "../format.h"
#include "../split.h"
#include "json_walk.h"
#include "otlp_event.h"
#include "otlp_json.h"

static int take(struct event_writer *, const struct request *);
static int answer(const struct outcome *, struct reply *, struct buf *body);

const struct format format_otlp = {.name = "otlp",
    .types = HTTP_TYPE_BIT(JSON) | HTTP_TYPE_BIT(PROTOBUF),
    .take = take,
    .answer = answer};

/*
 * A request is a list of lists of lists of records; what else is in an inner
 * one is common to its records.
 */
static const struct {
	const char *list;
	uint64_t tag;
	enum otlp_message own;
	void (*put)(struct otlp_event *, struct wire);
} levels[] = {
    {"resourceLogs", WIRE_TAG(1, BYTES), 0, NULL},
    {"scopeLogs", WIRE_TAG(2, BYTES), OTLP_RESOURCE_LOGS, otlp_put_resource},
    {"logRecords", WIRE_TAG(2, BYTES), OTLP_SCOPE_LOGS, otlp_put_scope},
};

#define RECORD_LEVEL 3

/* The way through one body. */
struct otlp {
	struct event_writer *w;
	bool json;
	struct otlp_event event;
	struct draft message; /* a piece of JSON as protobuf */
	/*
	 * What the present record is in, as it lies in the body; from that
	 * level on it is not put yet: many may have no record at all.
	 */
	struct wire around[RECORD_LEVEL];
	unsigned unput;
};

/* Always returns NULL: nothing of the body is taken. */
static const char *
fail_body(struct otlp *o, const char *at, const char *reason)
{
	return event_fail(
	    o->w, &(struct event_flaw){EVENT_UNFIT, at, reason, NULL});
}

static void
enter_level(struct otlp *o, unsigned level, struct wire message)
{
	o->around[level] = message;
	/* Nothing is put of the outermost. */
	if (level > 0 && level < o->unput)
		o->unput = level;
}

/*
 * The message that begins there as protobuf; empty, and o->message has failed,
 * where it cannot be. Of JSON, the place's end is found then.
 */
static struct wire
encode(struct otlp *o, struct wire *place, enum otlp_message of)
{
	struct draft *d = &o->message;

	if (!o->json)
		return *place;
	/* No message is much longer than its event, but a little one. */
	*d = (struct draft){.text = d->text,
	    .max = 2 * (size_t)o->w->limits->event_bytes + 4096};
	d->text->len = 0;
	place->end = otlp_encode(d, place->p, place->end, of);
	return d->failed || d->text->len == 0
		   ? wire_none
		   : (struct wire){d->text->data, d->text->data + d->text->len};
}

/*
 * Gives a record, which begins there in the body, to the writer. Returns the
 * byte after it; NULL: the body has failed.
 */
static const char *
take_record(struct otlp *o, struct wire place)
{
	struct otlp_event *e = &o->event;
	struct draft *d = &o->message;
	struct wire message;
	int rc;

	for (; o->unput < RECORD_LEVEL; o->unput++) {
		message = encode(o, &o->around[o->unput], levels[o->unput].own);
		if (d->failed)
			return event_fail(
			    o->w, &(struct event_flaw){d->fault,
				      d->at != NULL ? d->at : place.p,
				      d->reason, NULL});
		levels[o->unput].put(e, message);
	}
	message = encode(o, &place, OTLP_LOG_RECORD);
	if (d->failed)
		rc = draft_give(d, 0, o->w, place.p, place.end);
	else {
		otlp_put_record(e, message);
		rc = draft_give(
		    &e->text, e->scope_len, o->w, place.p, place.end);
	}
	return rc < 0 ? NULL : place.end;
}

static int
take_protobuf(struct otlp *o, struct wire message, unsigned level)
{
	struct wire rest = message;
	struct wire_field f;
	int rc;

	if (level == RECORD_LEVEL)
		return take_record(o, message) == NULL ? -1 : 0;
	enter_level(o, level, message);
	while ((rc = wire_next(&rest, &f)) > 0) {
		if (f.tag == levels[level].tag &&
		    take_protobuf(o, f.bytes, level + 1) < 0)
			return -1;
	}
	if (rc < 0)
		(void)fail_body(o, rest.p, "the body is not OTLP's protobuf");
	return rc;
}

/* Checked JSON, from p on. Returns the byte after it; NULL: it has failed. */
static const char *
take_json(struct otlp *o, const char *p, const char *end, unsigned level)
{
	struct json_member m;

	if (level == RECORD_LEVEL)
		return take_record(o, (struct wire){p, end});
	if (*p != '{')
		return fail_body(o, p, "not an object");
	enter_level(o, level, (struct wire){p, end});
	while (json_walk_member(&p, end, &m)) {
		if (*p == 'n' || !json_name_is(&m, levels[level].list,
				     strlen(levels[level].list))) {
			p = json_pass(p, end);
			continue;
		}
		if (*p != '[')
			return fail_body(o, p, "not an array");
		while (json_walk_element(&p, end)) {
			p = take_json(o, p, end, level + 1);
			if (p == NULL)
				return NULL;
		}
	}
	return p;
}

/*
 * Names that are not known are passed over; but where there is nothing else,
 * as in a batch of traces, its client would believe that all is well.
 */
static bool
is_another(const char *p, const char *end)
{
	struct json_member m;
	bool other = false;

	while (json_walk_member(&p, end, &m)) {
		if (json_name_is(&m, levels[0].list, strlen(levels[0].list)))
			return false;
		other = true;
		p = json_pass(p, end);
	}
	return other;
}

static int
take(struct event_writer *w, const struct request *r)
{
	struct otlp o = {.w = w,
	    .json = r->type == HTTP_TYPE_JSON,
	    .unput = RECORD_LEVEL,
	    .event = {.limits = w->limits, .text.text = &w->scratch[0]},
	    .message = {.text = &w->scratch[1]}};

	const char *p;
	int rc;

	if (o.json) {
		p = split_single(w);
		if (p != NULL && *p == '{' && is_another(p, w->end))
			p = fail_body(&o, p, "it has no resourceLogs");
		rc = p == NULL || take_json(&o, p, w->end, 0) == NULL ? -1 : 0;
	} else {
		rc = take_protobuf(&o, (struct wire){w->body, w->end}, 0);
	}
	return event_all_are_bad(w) ? -1 : rc;
}

/*
 * Answers, in the request's own encoding
 */

/* A field of protobuf that is a text, or a message. 0, or -1: ENOMEM. */
static int
put_bytes(struct buf *out, unsigned number, const char *bytes, size_t len)
{
	char head[2 * WIRE_VARINT_MAX];
	size_t n = wire_varint(WIRE_TAG(number, BYTES), head);

	n += wire_varint(len, head + n);
	return buf_append(out, head, n) < 0 ? -1 : buf_append(out, bytes, len);
}

/* google.rpc.Status; its code says no more than the answer's. */
static int
put_status(struct buf *out, bool json, const char *text)
{
	if (json)
		return buf_printf(out, "{\"message\":\"%s\"}", text);
	return put_bytes(out, 2, text, strlen(text));
}

/* ExportLogsServiceResponse, where not all records are good. */
static int
put_partial(struct buf *out, bool json, uint64_t rejected, const char *text)
{
	struct buf partial = {0};
	char number[2 * WIRE_VARINT_MAX];
	size_t n;
	int rc;

	if (json)
		return buf_printf(out,
		    "{\"partialSuccess\":{\"rejectedLogRecords\":\"%llu\","
		    "\"errorMessage\":\"%s\"}}",
		    (unsigned long long)rejected, text);
	n = wire_varint(WIRE_TAG(1, VARINT), number);
	n += wire_varint(rejected, number + n);
	rc = buf_append(&partial, number, n);
	if (rc == 0)
		rc = put_bytes(&partial, 2, text, strlen(text));
	if (rc == 0)
		rc = put_bytes(out, 1, partial.data, partial.len);
	buf_release(&partial);
	return rc;
}

static int
answer(const struct outcome *o, struct reply *reply, struct buf *body)
{
	const struct event_error *e = o->error;
	bool json = o->type != HTTP_TYPE_PROTOBUF;
	char text[sizeof(e->text) + 80];

	reply->type = json ? "application/json" : "application/x-protobuf";
	if (e == NULL && o->bad != NULL)
		e = &o->bad->errors[0];
	if (e != NULL)
		(void)snprintf(text, sizeof(text),
		    "log record %zu, at byte %zu: %s", e->event, e->offset,
		    e->text);
	if (o->status != 200)
		return put_status(body, json, e != NULL ? text : o->text);
	if (e != NULL)
		return put_partial(body, json, o->bad->bad, text);
	return json ? buf_append(body, "{}", 2) : 0;
}
