/*
 * logrecv-event.c - from a body to lines: what is taken, what is refused and
 * where, that one line is one event whatever a client sends, and that cutting
 * the suffix gives back the client's own text.
 *
 * Each body lies in a memory block of exactly its size, so that
 * AddressSanitizer sees a read beyond it.
 */
#include "../../cmd/logrecv/event.h"
#include "json.h"
#include "tap.h"

#define STAMP "2026-11-22T07:33:51.123456Z"
#define ADDED "\"@received_at\":\"" STAMP "\"}\n"

static const struct event_limits limits = {.event_bytes = 100, .depth = 5};

struct result {
	long events;
	struct buf out;
	struct event_error err;
};

static struct result
append(const char *body, size_t len)
{
	struct result r = {0};
	char *copy = malloc(len == 0 ? 1 : len);

	must(copy != NULL);
	memcpy(copy, body, len);
	must(buf_append(&r.out, "before\n", 7) == 0);
	r.events =
	    event_append(copy, len, STAMP, &limits, UINT64_MAX, &r.out, &r.err);
	must(r.out.len >= 7 && memcmp(r.out.data, "before\n", 7) == 0);
	free(copy);
	return r;
}

static bool
lines_are(const struct result *r, const char *want)
{
	return r->out.len - 7 == strlen(want) &&
	       memcmp(r->out.data + 7, want, r->out.len - 7) == 0;
}

/* Bodies, their number of events, and their lines. */
static const struct {
	const char *body;
	long events;
	const char *lines;
} taken[] = {
    {"{}", 1, "{" ADDED},
    {"{ }", 1, "{ " ADDED},
    {"{\"a\":1}", 1, "{\"a\":1," ADDED},
    {" \t\r\n{\"a\":1}\r\n\t ", 1, "{\"a\":1," ADDED},
    {"{\"a\":1 }", 1, "{\"a\":1 ," ADDED},
    /* Line breaks between tokens become spaces, one for one. */
    {"{\n\t\"a\": 1\r\n}", 1, "{ \t\"a\": 1  ," ADDED},
    {"{\r\n}", 1, "{  " ADDED},
    {"{\"a\":\n[\n1\r,\n2]}\n", 1, "{\"a\": [ 1 , 2]," ADDED},
    /* Nothing else changes: not numbers, escapes, names. */
    {"{\"a\":1e999,\"a\":-0.10,\"b\":\"\\n\\u0041\\/\"}", 1,
	"{\"a\":1e999,\"a\":-0.10,\"b\":\"\\n\\u0041\\/\"," ADDED},
    {"{\"a\":\"\xc3\xa9\xe2\x80\xa8\x7f\"}", 1,
	"{\"a\":\"\xc3\xa9\xe2\x80\xa8\x7f\"," ADDED},
    /* Ours is the last of two. */
    {"{\"@received_at\":\"1970-01-01T00:00:00.000000Z\"}", 1,
	"{\"@received_at\":\"1970-01-01T00:00:00.000000Z\"," ADDED},
    /* Brackets in strings are no brackets. */
    {"{\"a\":\"}\\\"}\"}", 1, "{\"a\":\"}\\\"}\"," ADDED},
    /* Arrays. */
    {"[]", 0, ""},
    {" [ \n ] ", 0, ""},
    {"[{}]", 1, "{" ADDED},
    {"[{},{\"a\":1}]", 2, "{" ADDED "{\"a\":1," ADDED},
    {"\n[\n{\n}\n,\n{\"a\":\n1}\n]\n", 2, "{ " ADDED "{\"a\": 1," ADDED},
    /* NDJSON. */
    {"{\"a\":1}\n{\"a\":2}\n", 2, "{\"a\":1," ADDED "{\"a\":2," ADDED},
    {"{\"a\":1}\r\n{\"a\":2}", 2, "{\"a\":1," ADDED "{\"a\":2," ADDED},
    {"\n\n{}\n\r\n \t\n{} \n{}\n\n", 3, "{" ADDED "{" ADDED "{" ADDED},
    /* As deep as the limit. */
    {"{\"a\":[[[[]]]]}", 1, "{\"a\":[[[[]]]]," ADDED},
    {"[{\"a\":[[[[]]]]}]", 1, "{\"a\":[[[[]]]]," ADDED},
};

static void
test_taken(void)
{
	struct tap_all all = {0};

	for (size_t i = 0; i < sizeof(taken) / sizeof(taken[0]); i++) {
		struct result r = append(taken[i].body, strlen(taken[i].body));

		tap_case(&all,
		    r.events == taken[i].events &&
			lines_are(&r, taken[i].lines),
		    "%s: %ld %.*s", taken[i].body, r.events, (int)r.out.len - 7,
		    r.out.data + 7);
		buf_release(&r.out);
	}
	tap_all(&all, "objects, arrays and lines");
}

static const struct {
	const char *body;
	enum event_fault fault;
	size_t event, offset;
} refused[] = {
    {"", EVENT_BODY_EMPTY, 0, 0},
    {" \r\n\t ", EVENT_BODY_EMPTY, 0, 5},
    {"x", EVENT_NOT_JSON, 0, 0},
    {"{", EVENT_NOT_JSON, 0, 1},
    {"{\"a\":NaN}", EVENT_NOT_JSON, 0, 5},
    {"{'a':1}", EVENT_NOT_JSON, 0, 1},
    {"{\"a\":01}", EVENT_NOT_JSON, 0, 6},
    {"{\"a\":1,}", EVENT_NOT_JSON, 0, 7},
    {"{\"a\":\"\n\"}", EVENT_NOT_JSON, 0, 6},
    {"{\"a\":\"\xff\"}", EVENT_NOT_JSON, 0, 6},
    {"\xef\xbb\xbf{}", EVENT_NOT_JSON, 0, 0},
    {"{}/**/", EVENT_NOT_JSON, 1, 2},
    {"1", EVENT_NOT_OBJECT, 0, 0},
    {" \"a\"", EVENT_NOT_OBJECT, 0, 1},
    {"null", EVENT_NOT_OBJECT, 0, 0},
    {"[1]", EVENT_NOT_OBJECT, 0, 1},
    {"[{},null]", EVENT_NOT_OBJECT, 1, 4},
    {"[[{}]]", EVENT_NOT_OBJECT, 0, 1},
    {"{}\n[]\n", EVENT_NOT_OBJECT, 1, 3},
    {"[{}", EVENT_NOT_JSON, 1, 3},
    {"[{},", EVENT_NOT_JSON, 1, 4},
    {"[{},]", EVENT_NOT_JSON, 1, 4},
    {"[,{}]", EVENT_NOT_JSON, 0, 1},
    {"[{}{}]", EVENT_NOT_JSON, 1, 3},
    {"[{}] {}", EVENT_NOT_JSON, 1, 5},
    {"[{}]\n{}", EVENT_NOT_JSON, 1, 5},
    {"[{}]]", EVENT_NOT_JSON, 1, 4},
    /* Each object of several stands on a line of its own. */
    {"{}{}", EVENT_NOT_JSON, 1, 2},
    {"{} {}", EVENT_NOT_JSON, 1, 3},
    {"{}\r{}", EVENT_NOT_JSON, 1, 3},
    {"{},{}", EVENT_NOT_JSON, 1, 2},
    {"{}\n{\n}", EVENT_NOT_JSON, 1, 3},
    {"{\n}\n{}", EVENT_NOT_JSON, 0, 0},
    {"{}\n}\n", EVENT_NOT_JSON, 1, 3},
    {"{}\n{\"a\":}\n{}", EVENT_NOT_JSON, 1, 8},
    {"{\"a\":[[[[[]]]]]}", EVENT_TOO_DEEP, 0, 9},
    {"[{},{\"a\":[[[[[]]]]]}]", EVENT_TOO_DEEP, 1, 13},
};

/*
 * Which of several events is at fault where one spans lines is a matter of
 * view: its place is only asked to lie in the body.
 */
static bool
place_is_open(const char *body)
{
	return strcmp(body, "{}\n{\n}") == 0 || strcmp(body, "{\n}\n{}") == 0;
}

static void
test_refused(void)
{
	struct tap_all all = {0};

	for (size_t i = 0; i < sizeof(refused) / sizeof(refused[0]); i++) {
		const char *body = refused[i].body;
		struct result r = append(body, strlen(body));
		bool placed = r.err.event == refused[i].event &&
			      r.err.offset == refused[i].offset;

		if (place_is_open(body))
			placed = r.err.offset <= strlen(body);
		tap_case(&all,
		    r.events == -1 && r.err.fault == refused[i].fault && placed,
		    "%s: %ld, fault %d, event %zu, offset %zu: %s", body,
		    r.events, (int)r.err.fault, r.err.event, r.err.offset,
		    r.err.text);
		tap_case(&all, r.out.len == 7, "%s: lines were left", body);
		tap_case(&all, strpbrk(r.err.text, "\"\\\n") == NULL,
		    "%s: the text needs escapes: %s", body, r.err.text);
		buf_release(&r.out);
	}
	tap_all(&all, "what is refused, where, and that nothing is left");
}

static void
test_nul(void)
{
	static const struct {
		const char *body;
		size_t len;
	} bodies[] = {{"\0", 1}, {"{}\0", 3}, {"{\0}", 3}, {"{\"\0\":1}", 7},
	    {"{\"a\":\"\\\0\"}", 10}, {"{}\n\0\n", 5}, {"[{}\0]", 5}};
	struct tap_all all = {0};

	for (size_t i = 0; i < sizeof(bodies) / sizeof(bodies[0]); i++) {
		struct result r = append(bodies[i].body, bodies[i].len);

		tap_case(&all,
		    r.events == -1 && r.err.fault == EVENT_NOT_JSON &&
			r.out.len == 7,
		    "body %zu", i);
		buf_release(&r.out);
	}
	tap_all(&all, "a NUL is nowhere JSON");
}

static void
test_size(void)
{
	char body[256];
	struct result r;
	int n;

	n = snprintf(body, sizeof(body), "{\"a\":\"%092d\"}", 0);
	is_number(n, 100, "an event as long as the limit");
	r = append(body, (size_t)n);
	is_number(r.events, 1, "is taken");
	buf_release(&r.out);
	n = snprintf(body, sizeof(body), "[ {}, {\"a\":\"%093d\"}]", 0);
	r = append(body, (size_t)n);
	ok(r.events == -1 && r.err.fault == EVENT_TOO_LARGE &&
		r.err.event == 1 && r.err.offset == 6,
	    "one byte more is too large");
	ok(strstr(r.err.text, "--max-event") != NULL, "says the limit's name");
	is_number(r.out.len, 7, "and nothing of the body is left");
	buf_release(&r.out);
}

/*
 * Random bodies
 */

struct text {
	char data[4096];
	size_t len;
};

static void
put(struct text *t, const char *s)
{
	size_t len = strlen(s);

	must(t->len + len < sizeof(t->data));
	memcpy(t->data + t->len, s, len + 1);
	t->len += len;
}

/* White space; line breaks too, if they may be there. */
static void
put_space(struct text *t, uint64_t *state, bool breaks)
{
	static const char *const spaces[] = {
	    "", "", "", "", " ", "\t", "\n", "\r\n", "\r", " \n "};

	put(t, spaces[tap_random(state) % (breaks ? 10 : 6)]);
}

static void
put_value(struct text *t, uint64_t *state, bool breaks, int depth)
{
	static const char *const values[] = {"1", "-0.5e+10", "true", "null",
	    "\"\"", "\"}]\\\"\"", "\"\xe2\x80\xa8\\u0000\"", "\"\\\\\"",
	    "\"@received_at\""};
	uint64_t kind = tap_random(state) % 11;
	bool object = kind == 9;

	if (kind < 9 || depth == 4) {
		put(t, values[tap_random(state) % 9]);
		return;
	}
	put(t, object ? "{" : "[");
	for (uint64_t n = tap_random(state) % 3; n > 0; n--) {
		put_space(t, state, breaks);
		if (object)
			put(t, "\"x\":");
		put_value(t, state, breaks, depth + 1);
		put_space(t, state, breaks);
		if (n > 1)
			put(t, ",");
	}
	put(t, object ? "}" : "]");
}

static void
put_event(struct text *t, uint64_t *state, bool breaks)
{
	uint64_t n = tap_random(state) % 3;

	put(t, "{");
	put_space(t, state, breaks);
	for (; n > 0; n--) {
		put(t, "\"a\"");
		put_space(t, state, breaks);
		put(t, ":");
		put_space(t, state, breaks);
		put_value(t, state, breaks, 2);
		put_space(t, state, breaks);
		if (n > 1)
			put(t, ",");
	}
	put(t, "}");
}

/* Is the line the event, its breaks turned into spaces, and the suffix? */
static bool
is_line_of(const char *line, size_t len, const char *event)
{
	size_t event_len = strlen(event), suffix_len = strlen(ADDED);
	size_t rest;

	if (len < suffix_len ||
	    memcmp(line + len - suffix_len, ADDED, suffix_len) != 0)
		return false;
	rest = len - suffix_len;
	if (rest == event_len && line[rest - 1] == ',')
		rest--; /* the comma is ours */
	if (rest != event_len - 1)
		return false;
	for (size_t i = 0; i < rest; i++) {
		char c = event[i] == '\n' || event[i] == '\r' ? ' ' : event[i];

		if (line[i] != c)
			return false;
	}
	return true;
}

static void
test_random(void)
{
	static const struct event_limits wide = {1 << 20, 10};
	struct tap_all all = {0};
	uint64_t state = 7;

	for (int i = 0; i < 20000; i++) {
		struct text body = {.len = 0}, events[4] = {{.len = 0}};
		struct buf out = {0};
		struct event_error err;
		enum { OBJECT, ARRAY, LINES } form = tap_random(&state) % 3;
		int count =
		    form == OBJECT ? 1 : 1 + (int)(tap_random(&state) % 4);
		const char *line;
		bool good;
		long n;

		put(&body, form == ARRAY ? "[" : "");
		for (int k = 0; k < count; k++) {
			put_event(&events[k], &state, form != LINES);
			put_space(&body, &state, true);
			put(&body, events[k].data);
			put_space(&body, &state, true);
			if (k < count - 1)
				put(&body, form == ARRAY ? "," : "\n");
		}
		put(&body, form == ARRAY ? "]" : "");
		n = event_append(
		    body.data, body.len, STAMP, &wide, UINT64_MAX, &out, &err);
		good = n == count;
		line = out.data;
		for (int k = 0; k < count && good; k++) {
			const char *end = memchr(
			    line, '\n', out.len - (size_t)(line - out.data));

			good = end != NULL &&
			       is_line_of(line, (size_t)(end - line) + 1,
				   events[k].data);
			line = end + 1;
		}
		tap_case(&all, good && line == out.data + out.len,
		    "%s: %ld %.*s", body.data, n, (int)out.len, out.data);
		buf_release(&out);
	}
	tap_all(&all, "one line is one event, and gives back its text");
}

/* Whatever bytes come, what is appended is whole lines of JSON objects. */
static void
test_mutations(void)
{
	static const struct event_limits wide = {1 << 20, 10};
	struct tap_all all = {0};
	uint64_t state = 11;
	unsigned long good = 0;

	for (int i = 0; i < 100000; i++) {
		struct text body = {.len = 0};
		struct buf out = {0};
		struct event_error err;
		char *copy;
		long n, lines = 0;

		put_event(&body, &state, true);
		put(&body, "\n");
		put_event(&body, &state, false);
		copy = malloc(body.len);
		must(copy != NULL);
		memcpy(copy, body.data, body.len);
		for (int k = 0; k < 1 + i % 2; k++)
			copy[tap_random(&state) % body.len] =
			    "\n\r \"\\{}[],:0\0x"[tap_random(&state) % 14];
		n = event_append(
		    copy, body.len, STAMP, &wide, UINT64_MAX, &out, &err);
		for (size_t at = 0; at < out.len;) {
			const char *p = out.data + at;
			const char *end = memchr(p, '\n', out.len - at);
			struct json_error json;
			bool breaks = false;

			if (end == NULL ||
			    json_check(p, end, 10, &breaks, &json) != end)
				break;
			lines++;
			at += (size_t)(end - p) + 1;
		}
		tap_case(&all, n < 0 ? out.len == 0 : lines == n, "%.*s: %ld",
		    (int)body.len, copy, n);
		good += n >= 0;
		free(copy);
		buf_release(&out);
	}
	tap_all(&all, "whatever comes, a line is a JSON object");
	ok(good > 100, "some of that was taken (%lu)", good);
}

int
main(void)
{
	test_taken();
	test_refused();
	test_nul();
	test_size();
	test_random();
	test_mutations();
	return tap_end();
}
