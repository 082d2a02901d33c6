/*
 * logrecv-loki.c - lines of Loki's streams become events, of its protobuf the
 * same as of its JSON, and nothing that a client may send does harm.
 */
#include <snappy-c.h>

#include "../../cmd/logrecv/ways/loki_labels.h"
#include "../../cmd/logrecv/ways/wire.h"
#include "json.h"
#include "logrecv-append.h"
#include "tap.h"

#define STAMP "2026-11-22T07:33:51.123456Z"
#define ADDED ",\"@received_at\":\"" STAMP "\"}\n"

static const struct event_origin here = {.stamp = STAMP};
static const struct event_limits wide = {
    .event_bytes = 1 << 20, .body_bytes = 1 << 20, .depth = 8};

static void
put(struct buf *b, const char *text)
{
	must(buf_append(b, text, strlen(text)) == 0);
}

static void
put_varint(struct buf *b, uint64_t value)
{
	char bytes[WIRE_VARINT_MAX];
	size_t len = wire_varint(value, bytes);

	must(buf_append(b, bytes, len) == 0);
}

static void
put_bytes(struct buf *b, unsigned number, const char *bytes, size_t len)
{
	put_varint(b, WIRE_TAG(number, BYTES));
	put_varint(b, len);
	must(buf_append(b, bytes, len) == 0);
}

static void
put_message(struct buf *b, unsigned number, struct buf *message)
{
	put_bytes(
	    b, number, message->len > 0 ? message->data : "", message->len);
	buf_release(message);
}

static int
append(enum http_type type, const char *body, size_t len, struct buf *out,
    struct event_tally *t)
{
	struct request r = {.body = body, .len = len, .type = type};

	out->len = 0;
	return append_as(&format_loki, &r, &here, &wide, 1 << 24, out, t, NULL);
}

/* The same, packed first. */
static int
append_packed(const struct buf *plain, struct buf *out, struct event_tally *t)
{
	size_t len = snappy_max_compressed_length(plain->len);
	char *packed = malloc(len), *body;
	int rc;

	must(packed != NULL);
	must(snappy_compress(plain->len > 0 ? plain->data : "", plain->len,
		 packed, &len) == SNAPPY_OK);
	body = malloc(len); /* its end is watched */
	must(body != NULL);
	memcpy(body, packed, len);
	free(packed);
	rc = append(HTTP_TYPE_PROTOBUF, body, len, out, t);
	free(body);
	return rc;
}

static void
is_labels(const char *text, const char *want)
{
	struct buf out = {0};
	struct draft d = {.text = &out, .max = 1000};

	loki_put_labels(&d, text, strlen(text));
	must(buf_append(&out, "", 1) == 0);
	is_text(d.failed ? "none" : out.data, want, text);
	buf_release(&out);
}

static void
test_labels(void)
{
	is_labels("{}", "{}");
	is_labels(
	    " { a = \"b\" , c_1=`d\\`, } ", "{\"a\":\"b\",\"c_1\":\"d\\\\\"}");
	is_labels("{a=\"\\\"\\\\\\n\\x41\\u00e4\\U0001f600\\101\\a\"}",
	    "{\"a\":\"\\\"\\\\\\nA\xc3\xa4\xf0\x9f\x98\x80"
	    "A\\u0007\"}");
	is_labels("{\"my.name\"='it'}", "{\"my.name\":\"it\"}");
	is_labels("{a=\"\\xc3\\xa4\"}", "{\"a\":\"\xc3\xa4\"}");
	is_labels("", "none");
	is_labels("{", "none");
	is_labels("{a", "none");
	is_labels("{a=", "none");
	is_labels("{a=\"", "none");
	is_labels("{a=\"b\\", "none");
	is_labels("{a=\"b\"", "none");
	is_labels("{a=\"b\"} x", "none");
	is_labels("{a=\"b\" c=\"d\"}", "none");
	is_labels("{a=b}", "none");
	is_labels("{a=\"\\q\"}", "none");
	is_labels("{a=\"\\ud800\"}", "none");
	is_labels("{a=\"\\U00110000\"}", "none");
	is_labels("{a=\"\\x4\"}", "none");
	is_labels("{a=\"\\777\"}", "none");
	is_labels("{a=\"\\xff\"}", "none");
}

/* What becomes of one entry, of which this is the JSON. */
static void
is_event(const char *entry, const char *want, const char *name)
{
	struct buf body = {0}, out = {0};
	struct event_tally tally;

	must(buf_printf(&body,
		 "{\"streams\":[{\"values\":[[\"0\",\"\"],%s],\"stream\":"
		 "{\"job\":\"a\"}}]}",
		 entry) == 0);
	must(append(HTTP_TYPE_JSON, body.data, body.len, &out, &tally) == 0);
	must(buf_append(&out, "", 1) == 0);
	is_text(strchr(out.data, '\n') + 1, want, name);
	buf_release(&body);
	buf_release(&out);
}

static void
test_events(void)
{
	is_event("[\"1570818238000000123\",\"a\\u00e4\\n\",{}]",
	    "{\"timestamp\":\"2019-10-11T18:23:58.000000123Z\","
	    "\"line\":\"a\\u00e4\\n\",\"labels\":{\"job\":\"a\"}" ADDED,
	    "a line is an event, with its labels");
	is_event("[\"-1\",\" {\\\"a\\\":\\n1} \",{\"b\":\"c\"}]",
	    "{\"timestamp\":\"1969-12-31T23:59:59.999999999Z\","
	    "\"line\": {\"a\": 1} ,\"labels\":{\"job\":\"a\"},"
	    "\"structuredMetadata\":{\"b\":\"c\"}" ADDED,
	    "one that is an object stands there as that");
	is_event("[\"0\",\"{\\\"a\\\":[[[[[[[[]]]]]]]]}\"]",
	    "{\"timestamp\":\"1970-01-01T00:00:00.000000000Z\","
	    "\"line\":\"{\\\"a\\\":[[[[[[[[]]]]]]]]}\","
	    "\"labels\":{\"job\":\"a\"}" ADDED,
	    "unless it is too deep");
	is_event("[1,\"a\"]",
	    "[\"a time must be a string of nanoseconds since 1970\",32,"
	    "\"[1,\\\"a\\\"]\"]\n",
	    "a time must be a string");
	is_event("[\"9223372036854775808\",\"a\"]",
	    "[\"a time must be a string of nanoseconds since 1970\",32,"
	    "\"[\\\"9223372036854775808\\\",\\\"a\\\"]\"]\n",
	    "of 64 bits");
	is_event("[\"1\"]",
	    "[\"an entry must be an array of a time and a line\",32,"
	    "\"[\\\"1\\\"]\"]\n",
	    "and there must be a line");
	is_event("[\"1\",\"a\",5]",
	    "[\"structured metadata must be an object\",32,"
	    "\"[\\\"1\\\",\\\"a\\\",5]\"]\n",
	    "structured metadata is an object");
}

/* A request of some lines as JSON and as protobuf. */
static void
make_request(uint64_t *state, struct buf *json, struct buf *wire)
{
	static const char *const lines[] = {"", "a", "a \"quoted\" one",
	    "{\"a\":{\"b\":[1]}}", "{\"a\":1", "{} x", " {\"a\":\"\\n\"}\n",
	    "\xc3\xa4"};
	char quoted[200];

	put(json, "{\"streams\":[");
	for (uint64_t s = tap_random(state) % 3; s > 0; s--) {
		struct buf stream = {0};

		put(json, "{\"stream\":{\"a\":\"b\\\"\",\"c\":\"d\"},"
			  "\"values\":[");
		for (uint64_t n = tap_random(state) % 4; n > 0; n--) {
			struct buf entry = {0}, time = {0}, pair = {0};
			const char *line = lines[tap_random(state) % 8];
			size_t len =
			    json_string_encode(line, strlen(line), quoted);

			put(json, "[\"1570818238000000123\",");
			must(buf_append(json, quoted, len) == 0);
			put_varint(&time, WIRE_TAG(1, VARINT));
			put_varint(&time, 1570818238);
			put_varint(&time, WIRE_TAG(2, VARINT));
			put_varint(&time, 123);
			put_message(&entry, 1, &time);
			put_bytes(&entry, 2, line, strlen(line));
			if (tap_random(state) % 2 == 0) {
				put(json, ",{\"m\":\"n\"}");
				put_bytes(&pair, 1, "m", 1);
				put_bytes(&pair, 2, "n", 1);
				put_message(&entry, 3, &pair);
			}
			put(json, n > 1 ? "]," : "]");
			put_message(&stream, 2, &entry);
		}
		put(json, s > 1 ? "]}," : "]}");
		put_bytes(&stream, 1, "{a=\"b\\\"\", c=\"d\"}", 16);
		put_message(wire, 1, &stream);
	}
	put(json, "]}");
}

static void
test_same(void)
{
	struct tap_all all = {0};
	struct buf of_json = {0}, of_wire = {0};
	struct event_tally tally;
	uint64_t state = 5;

	for (int i = 0; i < 2000; i++) {
		struct buf json = {0}, wire = {0};
		int a, b;

		make_request(&state, &json, &wire);
		a = append(
		    HTTP_TYPE_JSON, json.data, json.len, &of_json, &tally);
		b = append_packed(&wire, &of_wire, &tally);
		tap_case(&all,
		    a == 0 && b == 0 && of_json.len == of_wire.len &&
			(of_json.len == 0 || memcmp(of_json.data, of_wire.data,
						 of_json.len) == 0),
		    "%d %d %s: %.*s%.*s", a, b, json.data, (int)of_json.len,
		    of_json.data, (int)of_wire.len, of_wire.data);
		buf_release(&json);
		buf_release(&wire);
	}
	tap_all(&all, "JSON and protobuf make the same events");
	buf_release(&of_json);
	buf_release(&of_wire);
}

static void
test_snappy(void)
{
	struct buf plain = {0}, out = {0};
	struct event_tally tally;

	is_number(
	    append(HTTP_TYPE_NONE, "\xff\xff\xff\xff\x0f\0", 6, &out, &tally),
	    -1, "a length that no block can have is refused");
	is_text(tally.errors[0].text, "the body is not a block of snappy",
	    "for what it is");
	is_number(append(HTTP_TYPE_NONE, "", 0, &out, &tally), -1,
	    "as is an empty body");
	must(buf_reserve(&plain, (1 << 20) + 1) == 0);
	plain.len = (1 << 20) + 1;
	memset(plain.data, 0, plain.len);
	is_number(append_packed(&plain, &out, &tally), -1, "what unpacks to");
	is_text(tally.errors[0].text,
	    "unpacked, the body is over --max-body (1048576 bytes)",
	    "more than --max-body is not unpacked");
	plain.len = 0;
	is_number(append_packed(&plain, &out, &tally), 0,
	    "nothing, packed, is taken");
	buf_release(&plain);
	buf_release(&out);
}

static void
mutate(struct buf *b, uint64_t *state)
{
	for (uint64_t k = tap_random(state) % 3; k > 0 && b->len > 0; k--)
		b->data[tap_random(state) % b->len] =
		    tap_random(state) % 2 == 0
			? (char)tap_random(state)
			: "\"{}[],:0\\n=`"[tap_random(state) % 12];
	if (b->len > 0 && tap_random(state) % 4 == 0)
		b->len = tap_random(state) % b->len;
}

static void
test_mutations(void)
{
	struct tap_all all = {0};
	struct buf out = {0};
	uint64_t state = 11;
	unsigned long taken = 0, bad = 0, refused = 0;

	for (int i = 0; i < 20000; i++) {
		struct buf json = {0}, wire = {0};
		struct event_tally tally;
		char *copy;
		int rc;

		make_request(&state, &json, &wire);
		mutate(&json, &state);
		mutate(&wire, &state);
		if (i % 2 == 0) {
			rc = append_packed(&wire, &out, &tally);
		} else {
			copy = malloc(json.len > 0 ? json.len : 1);
			must(copy != NULL);
			memcpy(copy, json.data, json.len);
			rc = append(
			    i % 3 == 0 ? HTTP_TYPE_OTHER : HTTP_TYPE_JSON, copy,
			    json.len, &out, &tally);
			free(copy);
		}
		tap_case(&all, rc < 0 ? out.len == 0 : are_lines(&out, &tally),
		    "%.*s: %d %.*s", (int)json.len, json.data, rc, (int)out.len,
		    out.data);
		taken += rc == 0;
		bad += rc == 0 && tally.bad > 0;
		refused += rc < 0;
		buf_release(&json);
		buf_release(&wire);
	}
	tap_all(&all, "whatever comes, only lines come of it");
	ok(taken > 100 && bad > 100 && refused > 100,
	    "some was taken, bad or refused (%lu, %lu, %lu)", taken, bad,
	    refused);
	buf_release(&out);
}

/* Which may be built from a few bytes each, at the cost of a large event. */
static void
test_bad_events_cost_room(void)
{
	static char value[(1 << 20) - 100];
	/* Far more bad ones than are kept, and those in large company. */
	static const char *const cases[] = {"[\"0\",\"\",1]", "[\"0\",\"x\"]"};
	struct event_tally tally;
	struct buf body = {0}, out = {0};

	memset(value, 'x', sizeof(value));
	for (int i = 0; i < 2; i++) {
		body.len = 0;
		put(&body,
		    "{\"streams\":[{\"stream\":{},\"values\":[[\"0\",\"\"]");
		for (int k = 0; k < EVENT_KEPT_MAX; k++)
			put(&body, ",1");
		put(&body, "]},{\"stream\":{\"a\":\"");
		must(buf_append(&body, value, sizeof(value)) == 0);
		put(&body, i == 0 ? "\"" : "xxxxxxxxxxxxxxxxxxxxxxxxxxxxxx\"");
		put(&body, "},\"values\":[1");
		for (int k = 0; k < 40; k++) {
			put(&body, ",");
			put(&body, cases[i]);
		}
		put(&body, "]}]}");
		ok(append(HTTP_TYPE_JSON, body.data, body.len, &out, &tally) <
			    0 &&
			tally.errors[0].fault == EVENT_NO_ROOM,
		    "what is built in vain needs room, too: %s", cases[i]);
	}
	buf_release(&body);
	buf_release(&out);
}

int
main(void)
{
	test_labels();
	test_events();
	test_bad_events_cost_room();
	test_same();
	test_snappy();
	test_mutations();
	return tap_end();
}
