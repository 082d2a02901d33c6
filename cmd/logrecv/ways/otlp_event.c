/*
 * otlp_event.c - see otlp_event.h.
 */
#include <assert.h>

#include "otlp_event.h"

static void put_value(struct otlp_event *, struct wire any, unsigned depth);

/*
 * What an event is made of; `depth` is that of an object or array that begins.
 */

static void
read_fields(struct otlp_event *o, struct wire message,
    struct wire_field *fields, unsigned most)
{
	if (wire_read(message, fields, most) < 0)
		draft_fail(&o->text, EVENT_UNFIT, "not protobuf");
}

static void
put_text(struct draft *d, struct wire text)
{
	draft_string(d, text.p, (size_t)(text.end - text.p));
}

static bool
enter(struct otlp_event *o, unsigned depth)
{
	if (depth > o->limits->depth)
		draft_fail(&o->text, EVENT_TOO_DEEP, NULL);
	return !o->text.failed;
}

static void
put_array(struct otlp_event *o, struct wire list, unsigned depth)
{
	struct wire_field f;
	char before = '[';
	int rc = 0;

	if (!enter(o, depth))
		return;
	while ((rc = wire_next(&list, &f)) > 0) {
		if (f.tag != WIRE_TAG(1, BYTES))
			continue;
		draft_put(&o->text, &before, 1);
		put_value(o, f.bytes, depth + 1);
		before = ',';
	}
	if (rc < 0)
		draft_fail(&o->text, EVENT_UNFIT, "not protobuf");
	draft_text(&o->text, before == ',' ? "]" : "[]");
}

static void
put_pair(struct otlp_event *o, struct wire pair, unsigned depth)
{
	struct wire_field fields[3];

	read_fields(o, pair, fields, 2);
	put_text(&o->text, wire_bytes(fields, 1));
	draft_put(&o->text, ":", 1);
	put_value(o, wire_bytes(fields, 2), depth);
}

/* The pairs among the fields of a message, as an object; how many? */
static unsigned
put_pairs(
    struct otlp_event *o, struct wire message, uint64_t tag, unsigned depth)
{
	struct wire_field f;
	unsigned count = 0;
	int rc;

	if (!enter(o, depth))
		return 1;
	while ((rc = wire_next(&message, &f)) > 0) {
		if (f.tag != tag)
			continue;
		draft_put(&o->text, count++ == 0 ? "{" : ",", 1);
		put_pair(o, f.bytes, depth + 1);
	}
	if (rc < 0)
		draft_fail(&o->text, EVENT_UNFIT, "not protobuf");
	draft_text(&o->text, count > 0 ? "}" : "{}");
	return count;
}

/* AnyValue: of several fields the last one counts. */
static void
put_value(struct otlp_event *o, struct wire any, unsigned depth)
{
	struct draft *d = &o->text;
	struct wire_field f, last = {.tag = 0};
	double number;
	int rc;

	while ((rc = wire_next(&any, &f)) > 0) {
		if (f.tag < WIRE_TAG(8, VARINT))
			last = f;
	}
	if (rc < 0)
		draft_fail(&o->text, EVENT_UNFIT, "not protobuf");
	switch (last.tag) {
	case WIRE_TAG(1, BYTES):
		put_text(d, last.bytes);
		break;
	case WIRE_TAG(2, VARINT):
		draft_text(d, last.value != 0 ? "true" : "false");
		break;
	case WIRE_TAG(3, VARINT):
		draft_signed(d, (int64_t)last.value);
		break;
	case WIRE_TAG(4, FIXED64):
		memcpy(&number, &last.value, sizeof(number));
		draft_double(d, number);
		break;
	case WIRE_TAG(5, BYTES):
		put_array(o, last.bytes, depth);
		break;
	case WIRE_TAG(6, BYTES):
		(void)put_pairs(o, last.bytes, WIRE_TAG(1, BYTES), depth);
		break;
	case WIRE_TAG(7, BYTES):
		draft_base64(
		    d, last.bytes.p, (size_t)(last.bytes.end - last.bytes.p));
		break;
	default:
		draft_text(d, "null");
	}
}

/*
 * Members, each with a comma in front; those that are not set are left out.
 */

static void
put_text_member(struct draft *d, const char *name, struct wire text)
{
	if (text.p == text.end)
		return;
	draft_text(d, name);
	put_text(d, text);
}

static void
put_id(struct draft *d, const char *name, struct wire id)
{
	if (id.p == id.end)
		return;
	draft_text(d, name);
	draft_hex(d, id.p, (size_t)(id.end - id.p));
}

static void
put_number(struct draft *d, const char *name, int64_t number)
{
	if (number == 0)
		return;
	draft_text(d, name);
	draft_signed(d, number);
}

static void
put_time(struct draft *d, const char *name, uint64_t ns)
{
	if (ns == 0)
		return; /* not known */
	draft_text(d, name);
	draft_instant(
	    d, (int64_t)(ns / CLOCK_NS_PER_S), (int64_t)(ns % CLOCK_NS_PER_S));
}

static void
put_attributes(
    struct otlp_event *o, struct wire message, uint64_t tag, unsigned depth)
{
	size_t before = o->text.text->len;

	draft_text(&o->text, ",\"attributes\":");
	if (put_pairs(o, message, tag, depth) == 0)
		o->text.text->len = before;
}

/*
 * An object of such members that begin at `from`, of which the first gives its
 * comma for the brace.
 */
static void
put_brace(struct draft *d, size_t from)
{
	if (d->text->len == from) {
		draft_put(d, "{", 1);
	} else if (!d->failed) {
		assert(d->text->data != NULL);
		d->text->data[from] = '{';
	}
	draft_put(d, "}", 1);
}

/* The same as a member; an empty one is left out. */
static void
put_object(struct draft *d, size_t before, const char *name)
{
	size_t from = before + strlen(name);

	if (d->text->len == from)
		d->text->len = before;
	else
		put_brace(d, from);
}

/* `message`: a ResourceLogs, whose scopes are left aside. */
static void
put_resource(struct otlp_event *o, struct wire message)
{
	static const char head[] = ",\"resource\":";
	struct wire_field outer[4], fields[3];
	struct draft *d = &o->text;

	read_fields(o, message, outer, 3);
	read_fields(o, wire_bytes(outer, 1), fields, 2);
	draft_text(d, head);
	put_attributes(o, wire_bytes(outer, 1), WIRE_TAG(1, BYTES), 3);
	put_number(d, ",\"droppedAttributesCount\":",
	    (uint32_t)wire_value(fields, 2, WIRE_VARINT));
	put_text_member(d, ",\"schemaUrl\":", wire_bytes(outer, 3));
	put_object(d, 0, head);
}

/* `message`: a ScopeLogs, whose records are left aside. */
static void
put_scope(struct otlp_event *o, struct wire message)
{
	static const char head[] = ",\"scope\":";
	struct wire_field outer[4], fields[5];
	struct draft *d = &o->text;
	size_t before = d->text->len;

	read_fields(o, message, outer, 3);
	read_fields(o, wire_bytes(outer, 1), fields, 4);
	draft_text(d, head);
	put_text_member(d, ",\"name\":", wire_bytes(fields, 1));
	put_text_member(d, ",\"version\":", wire_bytes(fields, 2));
	put_attributes(o, wire_bytes(outer, 1), WIRE_TAG(3, BYTES), 3);
	put_number(d, ",\"droppedAttributesCount\":",
	    (uint32_t)wire_value(fields, 4, WIRE_VARINT));
	put_text_member(d, ",\"schemaUrl\":", wire_bytes(outer, 3));
	put_object(d, before, head);
}

void
otlp_put_record(struct otlp_event *o, struct wire record)
{
	struct wire_field fields[13];
	struct draft *d = &o->text;
	size_t from = o->scope_len;
	char *to;

	*d = o->after_scope;
	d->text->len = from;
	d->max += from;

	read_fields(o, record, fields, 12);
	/* Its list has the same numbers; this is an id, or a name. */
	if (fields[1].tag == WIRE_TAG(1, BYTES))
		draft_fail(d, EVENT_UNFIT, "a span or a metric, not a record");
	put_time(d, ",\"timestamp\":", wire_value(fields, 1, WIRE_FIXED64));
	put_time(
	    d, ",\"observedTimestamp\":", wire_value(fields, 11, WIRE_FIXED64));
	put_number(d, ",\"severityNumber\":",
	    (int32_t)wire_value(fields, 2, WIRE_VARINT));
	put_text_member(d, ",\"severityText\":", wire_bytes(fields, 3));
	put_text_member(d, ",\"eventName\":", wire_bytes(fields, 12));
	if (fields[5].tag == WIRE_TAG(5, BYTES)) {
		draft_text(d, ",\"body\":");
		put_value(o, fields[5].bytes, 2);
	}
	if (fields[6].tag == WIRE_TAG(6, BYTES))
		put_attributes(o, record, WIRE_TAG(6, BYTES), 2);
	put_number(d, ",\"droppedAttributesCount\":",
	    (uint32_t)wire_value(fields, 7, WIRE_VARINT));
	put_number(
	    d, ",\"flags\":", (int64_t)wire_value(fields, 8, WIRE_FIXED32));
	put_id(d, ",\"traceId\":", wire_bytes(fields, 9));
	put_id(d, ",\"spanId\":", wire_bytes(fields, 10));
	/* The room first: it may move the text. */
	to = draft_room(d, o->scope_len);
	if (to != NULL) {
		memcpy(to, d->text->data, o->scope_len);
		d->text->len += o->scope_len;
	}
	put_brace(d, from);
}

void
otlp_put_resource(struct otlp_event *o, struct wire message)
{
	o->text.text->len = 0;
	o->text.max = (size_t)o->limits->event_bytes + DRAFT_SLACK;
	o->text.failed = false;
	put_resource(o, message);
	o->after_resource = o->text;
	o->resource_len = o->text.text->len;
}

void
otlp_put_scope(struct otlp_event *o, struct wire message)
{
	o->text = o->after_resource;
	o->text.text->len = o->resource_len;
	put_scope(o, message);
	o->after_scope = o->text;
	o->scope_len = o->text.text->len;
}
