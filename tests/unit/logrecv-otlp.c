/*
 * logrecv-otlp.c - log records become events, of OTLP's protobuf the same as of
 * its JSON, and nothing that a client may send does harm.
 */
#include <math.h>

#include "../../cmd/logrecv/ways/wire.h"
#include "json.h"
#include "logrecv-append.h"
#include "tap.h"

#define STAMP "2026-11-22T07:33:51.123456Z"
#define ADDED ",\"@received_at\":\"" STAMP "\"}\n"

static const struct event_origin here = {.stamp = STAMP};
static const struct event_limits wide = {.event_bytes = 1 << 20, .depth = 32};

/* A message, or a list of them, in both ways at once. */
struct both {
	struct buf wire, json;
};

static void
both_release(struct both *b)
{
	buf_release(&b->wire);
	buf_release(&b->json);
}

static void
put(struct buf *b, const char *text)
{
	must(buf_append(b, text, strlen(text)) == 0);
}

static void
put_varint(struct buf *b, uint64_t value)
{
	char bytes[WIRE_VARINT_MAX];

	must(buf_append(b, bytes, wire_varint(value, bytes)) == 0);
}

static void
put_bytes(struct buf *b, unsigned number, const char *bytes, size_t len)
{
	put_varint(b, WIRE_TAG(number, BYTES));
	put_varint(b, len);
	must(buf_append(b, bytes, len) == 0);
}

static void
put_fixed(struct buf *b, uint64_t tag, uint64_t value, size_t len)
{
	put_varint(b, tag);
	for (size_t i = 0; i < len; i++)
		must(buf_append(b, &(char){(char)(value >> 8 * i)}, 1) == 0);
}

static void
put_name(struct both *to, const char *name)
{
	must(
	    buf_printf(&to->json, "%s\"%s\":",
		to->json.len > 0 && to->json.data[to->json.len - 1] != '{' ? ","
									   : "",
		name) == 0);
}

static void
put_text(struct both *to, unsigned number, const char *name, const char *text)
{
	char quoted[200];
	size_t len = json_string_encode(text, strlen(text), quoted);

	put_name(to, name);
	must(buf_append(&to->json, quoted, len) == 0);
	put_bytes(&to->wire, number, text, strlen(text));
}

/* `json` in the one, so many bytes of a fixed number, or a varint, in the
 * other. */
static void
put_number(struct both *to, uint64_t tag, const char *name, uint64_t value,
    const char *json)
{
	put_name(to, name);
	put(&to->json, json);
	if ((tag & 7) == WIRE_VARINT) {
		put_varint(&to->wire, tag);
		put_varint(&to->wire, value);
	} else {
		put_fixed(
		    &to->wire, tag, value, (tag & 7) == WIRE_FIXED64 ? 8 : 4);
	}
}

/* The message in the field `number` of the other; and released. */
static void
put_message(
    struct both *to, unsigned number, const char *name, struct both *message)
{
	put_name(to, name);
	must(buf_append(&to->json, message->json.data, message->json.len) == 0);
	put_bytes(&to->wire, number, message->wire.data, message->wire.len);
	both_release(message);
}

/* One more of a list, whose JSON is that of a list so far. */
static void
put_element(struct both *list, unsigned number, struct both *message)
{
	put(&list->json, list->json.len > 0 ? "," : "[");
	must(buf_append(&list->json, message->json.data, message->json.len) ==
	     0);
	put_bytes(&list->wire, number, message->wire.data, message->wire.len);
	both_release(message);
}

static void
put_list(struct both *to, const char *name, struct both *list)
{
	if (list->json.len > 0) {
		put_name(to, name);
		put(&list->json, "]");
		must(buf_append(&to->json, list->json.data, list->json.len) ==
		     0);
	}
	must(buf_append(&to->wire, list->wire.data, list->wire.len) == 0);
	both_release(list);
}

static const char *const texts[] = {"", "a", "service.name", "\"q\"\\",
    "line\nbreak\r\t\x01\x7f", "\xc3\xa4\xe2\x82\xac\xf0\x9f\x98\x80",
    "0123456789abcdef0123456789abcdef0123456789\n0123456789abcdef"};

static const char *
some_text(uint64_t *state)
{
	return texts[tap_random(state) % (sizeof(texts) / sizeof(texts[0]))];
}

static struct both some_value(uint64_t *state, int depth);

static struct both
some_pairs(uint64_t *state, unsigned number, int depth)
{
	struct both list = {{0}, {0}};

	for (uint64_t n = tap_random(state) % 3; n > 0; n--) {
		struct both pair = {{0}, {0}}, value = some_value(state, depth);

		put(&pair.json, "{");
		put_text(&pair, 1, "key", some_text(state));
		put_message(&pair, 2, "value", &value);
		put(&pair.json, "}");
		put_element(&list, number, &pair);
	}
	return list;
}

static struct both
some_value(uint64_t *state, int depth)
{
	static const struct {
		const char *json;
		double value;
	} doubles[] = {{"0.1", 0.1}, {"\"1e-7\"", 1e-7}, {"3", 3},
	    {"-1.7976931348623157e308", -1.7976931348623157e308},
	    {"\"Infinity\"", HUGE_VAL}, {"\"-Infinity\"", -HUGE_VAL}};
	static const struct {
		const char *json;
		int64_t value;
	} integers[] = {{"\"-9223372036854775808\"", INT64_MIN},
	    {"9223372036854775807", INT64_MAX}, {"0", 0}, {"-1e3", -1000},
	    {"\"12\"", 12}};
	struct both to = {{0}, {0}}, list = {{0}, {0}}, inner = {{0}, {0}};
	uint64_t kind = tap_random(state) % (depth > 3 ? 6 : 8), bits, i;

	put(&to.json, "{");
	switch (kind) {
	case 0:
		put_text(&to, 1, "stringValue", some_text(state));
		break;
	case 1:
		put_number(&to, WIRE_TAG(2, VARINT), "boolValue", 1, "true");
		break;
	case 2:
		i = tap_random(state) % 5;
		put_number(&to, WIRE_TAG(3, VARINT), "intValue",
		    (uint64_t)integers[i].value, integers[i].json);
		break;
	case 3:
		i = tap_random(state) % 6;
		memcpy(&bits, &doubles[i].value, 8);
		put_number(&to, WIRE_TAG(4, FIXED64), "doubleValue", bits,
		    doubles[i].json);
		break;
	case 4:
		put_name(&to, "bytesValue");
		put(&to.json, "\"AP/+\"");
		put_bytes(&to.wire, 7, "\0\xff\xfe", 3);
		break;
	case 5:
		break; /* no value at all */
	case 6:
		for (uint64_t n = tap_random(state) % 3; n > 0; n--) {
			inner = some_value(state, depth + 1);
			put_element(&list, 1, &inner);
		}
		inner = (struct both){{0}, {0}};
		put(&inner.json, "{");
		put_list(&inner, "values", &list);
		put(&inner.json, "}");
		put_message(&to, 5, "arrayValue", &inner);
		break;
	case 7:
		list = some_pairs(state, 1, depth + 1);
		put(&inner.json, "{");
		put_list(&inner, "values", &list);
		put(&inner.json, "}");
		put_message(&to, 6, "kvlistValue", &inner);
		break;
	}
	put(&to.json, "}");
	return to;
}

/* Half of the time. */
static bool
toss(uint64_t *state)
{
	return tap_random(state) % 2 == 0;
}

static struct both
some_record(uint64_t *state)
{
	struct both to = {{0}, {0}}, part;

	put(&to.json, "{");
	if (toss(state)) {
		put_name(&to, "unknown");
		put(&to.json, "[{\"a\":[\"]\\\"\"]},-1.5e3,null]");
		put_bytes(&to.wire, 2047, "\xff", 1);
		put_fixed(&to.wire, WIRE_TAG(100, FIXED32), 7, 4);
	}
	if (toss(state))
		put_number(&to, WIRE_TAG(1, FIXED64), "timeUnixNano",
		    1544712660300000001, "\"1544712660300000001\"");
	if (toss(state))
		put_number(&to, WIRE_TAG(11, FIXED64), "observedTimeUnixNano",
		    UINT64_MAX, "18446744073709551615");
	if (toss(state))
		put_number(&to, WIRE_TAG(2, VARINT), "severityNumber", 9, "9");
	if (toss(state))
		put_text(&to, 3, "severityText", some_text(state));
	if (toss(state)) {
		part = some_value(state, 0);
		put_message(&to, 5, "body", &part);
	}
	part = some_pairs(state, 6, 0);
	put_list(&to, "attributes", &part);
	if (toss(state))
		put_number(&to, WIRE_TAG(7, VARINT), "droppedAttributesCount",
		    UINT32_MAX, "4294967295");
	if (toss(state))
		put_number(&to, WIRE_TAG(8, FIXED32), "flags", 1, "1.0");
	if (toss(state)) {
		put_name(&to, "traceId");
		put(&to.json, "\"00fF\"");
		put_bytes(&to.wire, 9, "\0\xff", 2);
	}
	if (toss(state))
		put_text(&to, 12, "event\\u004eame", some_text(state));
	if (toss(state)) {
		put_name(&to, "spanId");
		put(&to.json, toss(state) ? "null" : "\"\"");
	}
	put(&to.json, "}");
	return to;
}

static struct both
some_request(uint64_t *state, uint64_t *records)
{
	struct both request = {{0}, {0}}, resources = {{0}, {0}};

	*records = 0;
	for (uint64_t r = tap_random(state) % 3; r > 0; r--) {
		struct both of_resource = {{0}, {0}}, scopes = {{0}, {0}};
		struct both resource = {{0}, {0}}, list;
		bool first = toss(state);

		put(&of_resource.json, "{");
		for (uint64_t s = tap_random(state) % 3; s > 0; s--) {
			struct both of_scope = {{0}, {0}}, all = {{0}, {0}};
			struct both scope = {{0}, {0}};

			for (uint64_t n = tap_random(state) % 4; n > 0; n--) {
				struct both record = some_record(state);

				put_element(&all, 2, &record);
				(*records)++;
			}
			put(&of_scope.json, "{");
			put(&scope.json, "{");
			put_text(&scope, 1, "name", some_text(state));
			put_text(&scope, 2, "version", some_text(state));
			list = some_pairs(state, 3, 0);
			put_list(&scope, "attributes", &list);
			put(&scope.json, "}");
			put_list(&of_scope, "logRecords", &all);
			put_message(&of_scope, 1, "scope", &scope);
			put_text(&of_scope, 3, "schemaUrl", some_text(state));
			put(&of_scope.json, "}");
			put_element(&scopes, 2, &of_scope);
		}
		if (first)
			put_list(&of_resource, "scopeLogs", &scopes);
		put(&resource.json, "{");
		list = some_pairs(state, 1, 0);
		put_list(&resource, "attributes", &list);
		put_number(&resource, WIRE_TAG(2, VARINT),
		    "droppedAttributesCount", 3, "\"3\"");
		put(&resource.json, "}");
		put_message(&of_resource, 1, "resource", &resource);
		if (!first)
			put_list(&of_resource, "scopeLogs", &scopes);
		put(&of_resource.json, "}");
		put_element(&resources, 1, &of_resource);
	}
	put(&request.json, " {");
	put_list(&request, "resourceLogs", &resources);
	put(&request.json, "}\n");
	return request;
}

static int
append(enum http_type type, const char *body, size_t len,
    const struct event_limits *limits, struct buf *out, struct event_tally *t)
{
	struct request r = {.body = body, .len = len, .type = type};

	out->len = 0;
	return append_as(
	    &format_otlp, &r, &here, limits, 1 << 24, out, t, NULL);
}

static void
test_same(void)
{
	struct tap_all all = {0};
	struct buf of_json = {0}, of_wire = {0};
	struct event_tally tally;
	uint64_t state = 5, records;

	for (int i = 0; i < 4000; i++) {
		struct both request = some_request(&state, &records);
		int a = append(HTTP_TYPE_JSON, request.json.data,
		    request.json.len, &wide, &of_json, &tally);
		int b = append(HTTP_TYPE_PROTOBUF,
		    request.wire.len > 0 ? request.wire.data : "",
		    request.wire.len, &wide, &of_wire, &tally);

		tap_case(&all,
		    a == 0 && b == 0 && tally.good == records &&
			of_json.len == of_wire.len &&
			(of_json.len == 0 || memcmp(of_json.data, of_wire.data,
						 of_json.len) == 0),
		    "%d %d %s: %.*s%s: %.*s", a, b, request.json.data,
		    (int)of_json.len, of_json.data,
		    a < 0 ? tally.errors[0].text : "", (int)of_wire.len,
		    of_wire.data);
		both_release(&request);
	}
	tap_all(&all, "JSON and protobuf of a batch make the same events");
	buf_release(&of_json);
	buf_release(&of_wire);
}

/* What becomes of one record, of which this is the JSON. */
static void
is_event(const char *record, const char *want, const char *name)
{
	struct buf body = {0}, out = {0};
	struct event_tally tally;

	must(buf_printf(&body,
		 "{\"resourceLogs\":[{\"scopeLogs\":[{\"logRecords\":[{},%s"
		 "]}]}]}",
		 record) == 0);
	must(append(HTTP_TYPE_JSON, body.data, body.len, &wide, &out, &tally) ==
	     0);
	must(buf_append(&out, "", 1) == 0);
	is_text(strchr(out.data, '\n') + 1, want, name);
	buf_release(&body);
	buf_release(&out);
}

static void
test_events(void)
{
	is_event("{\"timeUnixNano\":\"1544712660300000001\","
		 "\"severityText\":\"INFO\",\"body\":{\"stringValue\":\"m\"},"
		 "\"flags\":0,\"attributes\":[{\"key\":\"a\"},{\"key\":\"a\","
		 "\"value\":{\"doubleValue\":\"NaN\"}}]}",
	    "{\"timestamp\":\"2018-12-13T14:51:00.300000001Z\","
	    "\"severityText\":\"INFO\",\"body\":\"m\","
	    "\"attributes\":{\"a\":null,\"a\":\"NaN\"}" ADDED,
	    "a record's members are the event's");
	is_event("{\"body\":{\"kvlistValue\":{}}}", "{\"body\":{}" ADDED,
	    "an empty list is an object, too");
	is_event("{\"severityNumber\":\"INFO\"}",
	    "[\"not an integer, or out of its range\",67,"
	    "\"{\\\"severityNumber\\\":\\\"INFO\\\"}\"]\n",
	    "an enum must be a number");
	is_event("{\"traceId\":\"xy\"}",
	    "[\"not hexadecimal\",60,\"{\\\"traceId\\\":\\\"xy\\\"}\"]\n",
	    "an id must be hexadecimal");
	is_event(
	    "5", "[\"not an object\",49,\"5\"]\n", "and a record an object");
}

/* A body whose value is nested in so many arrays. */
static void
put_nested(struct buf *body, unsigned depth)
{
	struct buf inner = {0}, outer = {0};

	put_bytes(&inner, 1, "x", 1);
	for (unsigned i = 0; i < depth; i++) {
		put_bytes(&outer, 1, inner.data, inner.len);
		inner.len = 0;
		put_bytes(&inner, 5, outer.data, outer.len);
		outer.len = 0;
	}
	put_bytes(&outer, 5, inner.data, inner.len);
	/* The record, its scope, its resource. */
	for (unsigned i = 0; i < 3; i++) {
		inner.len = 0;
		put_bytes(&inner, i == 2 ? 1 : 2, outer.data, outer.len);
		outer.len = 0;
		put(&outer, "");
		must(buf_append(&outer, inner.data, inner.len) == 0);
	}
	must(buf_append(body, outer.data, outer.len) == 0);
	buf_release(&inner);
	buf_release(&outer);
}

static void
test_limits(void)
{
	static const struct event_limits narrow = {
	    .event_bytes = 100, .depth = 5};
	struct buf body = {0}, out = {0};
	struct event_tally tally;

	put_nested(&body, 4);
	is_number(append(HTTP_TYPE_PROTOBUF, body.data, body.len, &narrow, &out,
		      &tally),
	    0, "nested as deep as --max-depth");
	body.len = 0;
	put_nested(&body, 5);
	is_number(append(HTTP_TYPE_PROTOBUF, body.data, body.len, &narrow, &out,
		      &tally),
	    -1, "and deeper");
	is_text(tally.errors[0].text, "nested over --max-depth (5)",
	    "names the limit");
	body.len = 0;
	put_nested(&body, 100000);
	is_number(append(HTTP_TYPE_PROTOBUF, body.data, body.len, &wide, &out,
		      &tally),
	    -1, "nor does any depth harm");
	body.len = 0;
	put(&body, "{\"resourceLogs\":[{\"resource\":{\"attributes\":[{"
		   "\"key\":\"a\",\"value\":{\"stringValue\":\"");
	for (int i = 0; i < 100; i++)
		put(&body, "x");
	put(&body, "\"}}]},\"scopeLogs\":[{\"logRecords\":[{}]}]}]}");
	is_number(
	    append(HTTP_TYPE_JSON, body.data, body.len, &narrow, &out, &tally),
	    -1, "an event's resource counts");
	is_text(tally.errors[0].text,
	    "the event is over --max-event (100 bytes)",
	    "to what the event may have");
	buf_release(&body);
	buf_release(&out);
}

static void
test_mutations(void)
{
	struct tap_all all = {0};
	struct buf out = {0};
	uint64_t state = 11, records;
	unsigned long taken = 0, bad = 0, refused = 0;

	for (int i = 0; i < 20000; i++) {
		struct both request = some_request(&state, &records);
		enum http_type type =
		    i % 2 == 0 ? HTTP_TYPE_JSON : HTTP_TYPE_PROTOBUF;
		struct buf *body = i % 2 == 0 ? &request.json : &request.wire;
		size_t len = body->len;
		char *copy;
		struct event_tally tally;
		int rc;

		if (len > 0 && tap_random(&state) % 4 == 0)
			len = tap_random(&state) % len;
		copy = malloc(len > 0 ? len : 1); /* its end is watched */
		must(copy != NULL);
		memcpy(copy, len > 0 ? body->data : "", len);
		for (uint64_t k = tap_random(&state) % 3; k > 0 && len > 0; k--)
			copy[tap_random(&state) % len] =
			    (char)(toss(&state)
				       ? tap_random(&state)
				       : (uint64_t) "\"{}[],:0\\n-.e"
					     [tap_random(&state) % 13]);
		rc = append(type, copy, len, &wide, &out, &tally);
		tap_case(&all, rc < 0 ? out.len == 0 : are_lines(&out, &tally),
		    "%.*s: %d %.*s", (int)len, copy, rc, (int)out.len,
		    out.data);
		taken += rc == 0;
		bad += rc == 0 && tally.bad > 0;
		refused += rc < 0;
		free(copy);
		both_release(&request);
	}
	tap_all(&all, "whatever comes, only lines come of it");
	ok(taken > 100 && bad > 100 && refused > 100,
	    "some was taken, bad or refused (%lu, %lu, %lu)", taken, bad,
	    refused);
	buf_release(&out);
}

int
main(void)
{
	test_events();
	test_same();
	test_limits();
	test_mutations();
	return tap_end();
}
