/*
 * logrecv-event.c - from a body to lines: what is taken, what is refused and
 * where, what a bad event becomes, and where the next one begins.
 *
 * Each body lies in a memory block of exactly its size, so that
 * AddressSanitizer sees a read beyond it.
 */
#include "json.h"
#include "logrecv-append.h"
#include "tap.h"

#define STAMP "2026-11-22T07:33:51.123456Z"
#define ADDED "\"@received_at\":\"" STAMP "\"}\n"

static const struct event_origin here = {.stamp = STAMP};
static const struct event_limits limits = {.event_bytes = 100, .depth = 5};
static const struct event_limits strict = {
    .event_bytes = 100, .depth = 5, .refuse = true};

struct result {
	long events; /* -1: refused */
	struct buf out;
	struct event_tally tally;
	struct event_error err; /* the first */
};

static struct result
append_with(const struct event_limits *with, const char *body, size_t len)
{
	struct result r = {0};
	char *copy = malloc(len == 0 ? 1 : len);

	must(copy != NULL);
	memcpy(copy, body, len);
	must(buf_append(&r.out, "before\n", 7) == 0);
	r.events =
	    append_plain(copy, len, &here, with, UINT64_MAX, &r.out, &r.tally);
	if (r.events == 0)
		r.events = (long)r.tally.good;
	r.err = r.tally.errors[0];
	must(r.out.len >= 7 && memcmp(r.out.data, "before\n", 7) == 0);
	free(copy);
	return r;
}

static struct result
append(const char *body, size_t len)
{
	return append_with(&limits, body, len);
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
    {"{\n}\n{\n}", 2, "{ " ADDED "{ " ADDED},
    /* One behind another. */
    {"{}{}", 2, "{" ADDED "{" ADDED},
    {"{\"a\":1} {\"a\":2}\t{}", 3,
	"{\"a\":1," ADDED "{\"a\":2," ADDED "{" ADDED},
    {"{}\r{}\r", 2, "{" ADDED "{" ADDED},
    {"{\"a\":\n1}{\"a\":2\n}", 2, "{\"a\": 1," ADDED "{\"a\":2 ," ADDED},
    /* RFC 7464, a BOM, a NUL at the end. */
    {"\x1e{}\n\x1e{\"a\":1}\n", 2, "{" ADDED "{\"a\":1," ADDED},
    {"\x1e\x1e{}\x1e{}\x1e", 2, "{" ADDED "{" ADDED},
    {"\x1e[{},{}]\n", 2, "{" ADDED "{" ADDED},
    {"\xef\xbb\xbf{}", 1, "{" ADDED},
    {"\xef\xbb\xbf\r\n[{}]", 1, "{" ADDED},
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

/* Bodies without a good event before the error. */
static const struct {
	const char *body;
	enum event_fault fault;
	size_t event, offset;
} refused[] = {
    {"", EVENT_BODY_EMPTY, 0, 0},
    {" \r\n\t ", EVENT_BODY_EMPTY, 0, 5},
    {"\x1e\n\x1e", EVENT_BODY_EMPTY, 0, 3},
    {"\xef\xbb\xbf", EVENT_BODY_EMPTY, 0, 3},
    {"x", EVENT_NOT_JSON, 0, 0},
    {"{", EVENT_NOT_JSON, 0, 1},
    {"{\"a\":NaN}", EVENT_NOT_JSON, 0, 5},
    {"{'a':1}", EVENT_NOT_JSON, 0, 1},
    {"{\"a\":01}", EVENT_NOT_JSON, 0, 6},
    {"{\"a\":1,}", EVENT_NOT_JSON, 0, 7},
    {"{\"a\":\"\n\"}", EVENT_NOT_JSON, 0, 6},
    {"{\"a\":\"\xff\"}", EVENT_NOT_JSON, 0, 6},
    {"\xef\xbb\xbf\xef\xbb\xbf{}", EVENT_NOT_JSON, 0, 3},
    {"{\x1e}", EVENT_NOT_JSON, 0, 1},
    {"1", EVENT_NOT_OBJECT, 0, 0},
    {" \"a\"", EVENT_NOT_OBJECT, 0, 1},
    {"null", EVENT_NOT_OBJECT, 0, 0},
    {"[1]", EVENT_NOT_OBJECT, 0, 1},
    {"[[{}]]", EVENT_NOT_OBJECT, 0, 1},
    {"[1,[],\"{}\"]", EVENT_NOT_OBJECT, 0, 1},
    /* An array must be JSON, whatever its first elements are. */
    {"[{}", EVENT_NOT_JSON, 1, 3},
    {"[{},", EVENT_NOT_JSON, 1, 4},
    {"[{},]", EVENT_NOT_JSON, 1, 4},
    {"[,{}]", EVENT_NOT_JSON, 0, 1},
    {"[{}{}]", EVENT_NOT_JSON, 1, 3},
    {"[{}] {}", EVENT_NOT_JSON, 1, 5},
    {"[{}]\n{}", EVENT_NOT_JSON, 1, 5},
    {"[{}]]", EVENT_NOT_JSON, 1, 4},
    {"[{}\x1e,{}]", EVENT_NOT_JSON, 1, 3},
    {"[{},1,{}, NaN]", EVENT_NOT_JSON, 3, 10},
    {"[{},{\"a\":[[[[[NaN]]]]]}]", EVENT_NOT_JSON, 1, 14},
    {"{\"a\":[[[[[]]]]]}", EVENT_TOO_DEEP, 0, 9},
    {"[1,{\"a\":[[[[[]]]]]}]", EVENT_NOT_OBJECT, 0, 1},
};

/* The same, where one bad event refuses all. */
static const struct {
	const char *body;
	enum event_fault fault;
	size_t event, offset;
} strictly[] = {
    {"{}/**/", EVENT_NOT_JSON, 1, 2},
    {"{},{}", EVENT_NOT_JSON, 1, 2},
    {"{} 5\n{}", EVENT_NOT_JSON, 1, 3},
    {"[{},null]", EVENT_NOT_OBJECT, 1, 4},
    {"{}\n[]\n", EVENT_NOT_OBJECT, 1, 3},
    {"{}\n}\n", EVENT_NOT_JSON, 1, 3},
    {"{}\n{\"a\":}\n{}", EVENT_NOT_JSON, 1, 8},
    {"[{},{\"a\":[[[[[]]]]]}]", EVENT_TOO_DEEP, 1, 13},
    {"{}{\"a\":[[[[[NaN]]]]]}{}", EVENT_TOO_DEEP, 1, 11},
};

static void
is_refused(struct tap_all *all, const struct event_limits *with,
    const char *body, enum event_fault fault, size_t event, size_t offset)
{
	struct result r = append_with(with, body, strlen(body));

	tap_case(all,
	    r.events == -1 && r.err.fault == fault && r.err.event == event &&
		r.err.offset == offset,
	    "%s: %ld, fault %d, event %zu, offset %zu: %s", body, r.events,
	    (int)r.err.fault, r.err.event, r.err.offset, r.err.text);
	tap_case(all, r.out.len == 7, "%s: lines were left", body);
	tap_case(all, strpbrk(r.err.text, "\"\\\n") == NULL,
	    "%s: the text needs escapes: %s", body, r.err.text);
	buf_release(&r.out);
}

static void
test_refused(void)
{
	struct tap_all all = {0};

	for (size_t i = 0; i < sizeof(refused) / sizeof(refused[0]); i++)
		is_refused(&all, &limits, refused[i].body, refused[i].fault,
		    refused[i].event, refused[i].offset);
	for (size_t i = 0; i < sizeof(strictly) / sizeof(strictly[0]); i++)
		is_refused(&all, &strict, strictly[i].body, strictly[i].fault,
		    strictly[i].event, strictly[i].offset);
	tap_all(&all, "what is refused, where, and that nothing is left");
}

/* Bodies, and their lines: the rest of a good one's is ADDED. */
#define MORE "[\"more text after the event on its line\","
#define VALUE "[\"expected a value\","
#define OBJECT "[\"an event must be an object\","
#define DEEP "[\"nested over --max-depth (5)\","

static const struct {
	const char *body;
	unsigned long good, bad;
	const char *lines;
} mixed[] = {
    /* Lines: behind the next line break. */
    {"{}\nNaN\n{}\n", 2, 1, "{" ADDED VALUE "3,\"NaN\"]\n{" ADDED},
    {"oops\r\n{}\r\n", 1, 1, VALUE "0,\"oops\"]\n{" ADDED},
    {"\n  x \t\n{}\ny", 1, 2, VALUE "3,\"x\"]\n{" ADDED VALUE "10,\"y\"]\n"},
    {"x\r{}\ry\r", 1, 2, VALUE "0,\"x\"]\n{" ADDED VALUE "5,\"y\"]\n"},
    {"{\"a\":01}\n{}", 1, 1,
	"[\"a number must not begin with 0\",6,\"{\\\"a\\\":01}\"]\n{" ADDED},
    {"{\"a\":\"x\n\"}\n{}", 1, 2,
	"[\"a control character in a string must be escaped\",7,"
	"\"{\\\"a\\\":\\\"x\"]\n"
	"[\"a control character in a string must be "
	"escaped\",10,\"\\\"}\"]\n{" ADDED},
    {"5\n[1]\nnull null\n{}", 1, 3,
	OBJECT "0,\"5\"]\n" OBJECT "2,\"[1]\"]\n" OBJECT
	       "6,\"null null\"]\n{" ADDED},
    {"2026-11-22 x\n{}", 1, 1, OBJECT "0,\"2026-11-22 x\"]\n{" ADDED},
    {"{}x\n{}", 2, 1, "{" ADDED MORE "2,\"x\"]\n{" ADDED},
    {"{},\n{},\n", 2, 2, "{" ADDED MORE "2,\",\"]\n{" ADDED MORE "6,\",\"]\n"},
    /* Without one the rest is one. */
    {"{}{\"a\":}{}{}", 1, 1, "{" ADDED VALUE "7,\"{\\\"a\\\":}{}{}\"]\n"},
    /* Objects of several lines: at the next line that begins with '{'. */
    {"{\n \"a\": NaN,\n \"b\": {\n }\n}\n{}", 1, 1,
	VALUE "8,\"{\\u000a \\\"a\\\": NaN,\\u000a \\\"b\\\": {\\u000a }"
	      "\\u000a}\"]\n{" ADDED},
    {"{\"a\":NaN,\n\"b\":1}\n{}", 1, 1,
	VALUE "5,\"{\\\"a\\\":NaN,\\u000a\\\"b\\\":1}\"]\n{" ADDED},
    {"{\n}x\ny\n{}", 2, 2,
	"{ " ADDED MORE "3,\"x\"]\n" VALUE "5,\"y\"]\n{" ADDED},
    {"{\n\"a\":}\n x\n", 0, 1, ""},
    /* One cut short takes no other with it. */
    {"{\"a\":1\n{}\n", 1, 1,
	"[\"expected ',' or '}'\",7,\"{\\\"a\\\":1\"]\n{" ADDED},
    {"{\"a\":1,\r\n{}\n", 1, 1,
	"[\"expected a name in quotes\",9,\"{\\\"a\\\":1,\"]\n{" ADDED},
    /* RFC 7464 knows where the next one begins. */
    {"\x1e{\"a\":\x1e{}\n", 1, 1, VALUE "6,\"{\\\"a\\\":\"]\n{" ADDED},
    {"\x1e{\n\"a\":x\n \x1e{}", 1, 1,
	VALUE "7,\"{\\u000a\\\"a\\\":x\"]\n{" ADDED},
    /* What is too deep ends where it does, if that is soon. */
    {"{\"a\":[[[[[]]]]]}{}\n{}", 2, 1,
	DEEP "9,\"{\\\"a\\\":[[[[[]]]]]}\"]\n{" ADDED "{" ADDED},
    {"{\"a\":[[[[[NaN\n{}", 1, 1, DEEP "9,\"{\\\"a\\\":[[[[[NaN\"]\n{" ADDED},
    /* Arrays: what is JSON. */
    {"[{},1,\"{}\",{}]", 2, 2,
	"{" ADDED OBJECT "4,\"1\"]\n" OBJECT "6,\"\\\"{}\\\"\"]\n{" ADDED},
    {"[ null\n,{}, [\n1]]", 1, 2,
	OBJECT "2,\"null\"]\n{" ADDED OBJECT "12,\"[\\u000a1]\"]\n"},
    {"[{\"a\":[[[[[]]]]]},{}]", 1, 1,
	DEEP "10,\"{\\\"a\\\":[[[[[]]]]]}\"]\n{" ADDED},
    /* What is not UTF-8. */
    {"{}\n\xff\xfe\n", 1, 1, "{" ADDED VALUE "3,\"//4=\",\"base64\"]\n"},
    {"[\"\xff\n{}", 0, 0, ""},
};

static void
test_mixed(void)
{
	struct tap_all all = {0};

	for (size_t i = 0; i < sizeof(mixed) / sizeof(mixed[0]); i++) {
		const char *body = mixed[i].body;
		struct result r = append(body, strlen(body));
		struct event_tally *t = &r.tally;

		if (mixed[i].good == 0) {
			tap_case(
			    &all, r.events == -1 && r.out.len == 7, "%s", body);
		} else {
			tap_case(&all,
			    t->good == mixed[i].good &&
				t->bad == mixed[i].bad &&
				lines_are(&r, mixed[i].lines),
			    "%s: %lu, %lu\n%.*s\n%s", body,
			    (unsigned long)t->good, (unsigned long)t->bad,
			    (int)r.out.len - 7, r.out.data + 7, mixed[i].lines);
		}
		buf_release(&r.out);
		r = append_with(&strict, body, strlen(body));
		tap_case(&all, r.events == -1 && r.out.len == 7,
		    "%s: not refused", body);
		buf_release(&r.out);
	}
	tap_all(&all, "bad events among good ones, and where they end");
}

/* Bodies, their lines, and how many members were taken out. */
static const struct {
	const char *body, *lines;
	unsigned long stamps;
} stamped[] = {
    {"{\"@received_at\":\"1970-01-01T00:00:00.000000Z\"}", "{" ADDED, 1},
    {"{ \"@received_at\" : {\"a\":[1]} }", "{ " ADDED, 1},
    {"{\"a\":1,\"@received_at\":0}", "{\"a\":1," ADDED, 1},
    {"{\"@received_at\":0,\"a\":1}", "{\"a\":1," ADDED, 1},
    {"{\"a\":1 , \"@received_at\":0 , \"b\":2 }", "{\"a\":1 , \"b\":2 ," ADDED,
	1},
    {"{\"@received_at\":0,\"@received_at\":\"}\",\"a\":1,\"@received_at\":[]}",
	"{\"a\":1," ADDED, 3},
    {"{\n\"@received_at\":\n0,\n\"a\":\n1}", "{ \"a\": 1," ADDED, 1},
    {"[{\"@received_at\":1}\n,{}]", "{" ADDED "{" ADDED, 1},
    /* However it is spelt. */
    {"{\"\\u0040received_at\":0}", "{" ADDED, 1},
    {"{\"a\":1,\"@receive\\u0064_\\u0061t\":0}", "{\"a\":1," ADDED, 1},
    {"{\"\\u0040\\u0072\\u0065\\u0063\\u0065\\u0069\\u0076\\u0065\\u0064"
     "\\u005f\\u0061\\u0074\":0}",
	"{" ADDED, 1},
    /* Others, and nested ones, stay. */
    {"{\"a\":{\"@received_at\":0}}", "{\"a\":{\"@received_at\":0}," ADDED, 0},
    {"{\"a\":[{\"\\u0040received_at\":0}]}",
	"{\"a\":[{\"\\u0040received_at\":0}]," ADDED, 0},
    {"{\"@received_at\":{\"@received_at\":1},\"b\":{\"@received_at\":2}}",
	"{\"b\":{\"@received_at\":2}," ADDED, 1},
    {"{\"@received_a\":0,\"@received_at2\":0,\"@Received_at\":0}",
	"{\"@received_a\":0,\"@received_at2\":0,\"@Received_at\":0," ADDED, 0},
    {"{\"@received_at\\u0000\":0,\"\\ud800@received_at\":0}",
	"{\"@received_at\\u0000\":0,\"\\ud800@received_at\":0," ADDED, 0},
    {"{\"a\":\"@received_at\"}", "{\"a\":\"@received_at\"," ADDED, 0},
};

static void
test_stamps(void)
{
	struct tap_all all = {0};

	for (size_t i = 0; i < sizeof(stamped) / sizeof(stamped[0]); i++) {
		const char *body = stamped[i].body;
		struct result r = append(body, strlen(body));

		tap_case(&all,
		    r.tally.stamps == stamped[i].stamps &&
			lines_are(&r, stamped[i].lines),
		    "%s: %lu %.*s", body, (unsigned long)r.tally.stamps,
		    (int)r.out.len - 7, r.out.data + 7);
		buf_release(&r.out);
	}
	tap_all(&all, "a client's own @received_at is taken out");
}

/* So many bad lines are kept, and told of; all are counted. */
static void
test_many(void)
{
	struct buf body = {0};
	struct result r;
	unsigned long lines = 0;
	struct event_tally *kept;
	uint64_t bytes = 0;

	must(buf_printf(&body, "{}\n") == 0);
	for (int i = 0; i < 2500; i++)
		must(buf_printf(&body, i % 2 == 0 ? "x%d\n" : "%d\n", i) == 0);
	must(buf_printf(&body, "{}") == 0);
	r = append(body.data, body.len);
	for (size_t i = 7; i < r.out.len; i++)
		lines += r.out.data[i] == '\n';
	ok(r.tally.good == 2 && r.tally.bad == 2500, "all are counted");
	is_number(lines, 1002, "1000 of the bad ones are lines");
	ok(r.tally.faults[EVENT_NOT_JSON] == 1250 &&
		r.tally.faults[EVENT_NOT_OBJECT] == 1250,
	    "by what is wrong with them");
	ok(r.tally.errors[9].event == 10 &&
		r.tally.errors[9].fault == EVENT_NOT_OBJECT,
	    "the first ten are told of");
	kept = event_tally_keep(&r.tally, &bytes);
	must(kept != NULL);
	ok(kept->bad == 2500 && kept->errors[9].event == 10 &&
		bytes == sizeof(*kept),
	    "as long as the answer needs them");
	free(kept);
	buf_release(&r.out);
	buf_release(&body);
}

static void
test_nul(void)
{
	static const struct {
		const char *body;
		size_t len;
	} bodies[] = {{"\0\0", 2}, {"{\0}", 3}, {"{\"\0\":1}", 7},
	    {"{\"a\":\"\\\0\"}", 10}, {"\0\n{}", 4}, {"{}\n\0\n", 5},
	    {"{}\0\0", 4}, {"[{}\0]", 5}};
	struct result r = append("{}\n\0", 4);
	struct tap_all all = {0};

	ok(r.events == 1 && lines_are(&r, "{" ADDED),
	    "a NUL at the end is passed over");
	buf_release(&r.out);
	for (size_t i = 0; i < sizeof(bodies) / sizeof(bodies[0]); i++) {
		r = append_with(&strict, bodies[i].body, bodies[i].len);
		tap_case(&all,
		    r.events == -1 && r.err.fault == EVENT_NOT_JSON &&
			r.out.len == 7,
		    "body %zu", i);
		buf_release(&r.out);
	}
	tap_all(&all, "elsewhere it is no JSON");
}

/* A body whose first event is bad: how its reason, and all lines, end. */
static void
is_cut(const char *fmt, int number, const char *note, const char *tail,
    const char *name)
{
	char body[256];
	struct result r;
	size_t len = strlen(tail);
	int n;

#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wformat-nonliteral"
	n = snprintf(body, sizeof(body), fmt, number);
#pragma GCC diagnostic pop
	r = append(body, (size_t)n);
	must(buf_append(&r.out, "", 1) == 0);
	ok(r.events == 1 && strstr(r.out.data, note) != NULL &&
		r.out.len > len &&
		strcmp(r.out.data + r.out.len - 1 - len, tail) == 0,
	    "%s", name);
	buf_release(&r.out);
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
	r = append_with(&strict, body, (size_t)n);
	ok(r.events == -1 && r.err.fault == EVENT_TOO_LARGE &&
		r.err.event == 1 && r.err.offset == 6,
	    "one byte more is too large");
	ok(strstr(r.err.text, "--max-event") != NULL, "says the limit's name");
	is_number(r.out.len, 7, "and nothing of the body is left");
	buf_release(&r.out);
	is_cut("{\"a\":\"%093d\"}{}", 0, "100 of its 101 bytes are kept",
	    "0\\\"\"]\n{" ADDED, "among others it is cut");
	is_cut("%0101d\n{}", 0, "100 of its 101 bytes are kept",
	    "0\"]\n{" ADDED, "and so is anything else");
	is_cut("x%098d\xe2\x82\xac\n{}", 0, "99 of its 102 bytes are kept",
	    "0\"]\n{" ADDED, "between two characters");
	is_cut("\xff%0150d\n{}", 0, "100 of its 151 bytes are kept",
	    "MA==\",\"base64\"]\n{" ADDED, "if it has any");
}

/* There is no room for a bad event, or no more than that. */
static void
test_room(void)
{
	static const char body[] = "{}\nx\n";
	struct event_tally tally;
	struct buf out = {0};
	uint64_t room = 0;
	size_t first = strlen("{" ADDED), bad = strlen(VALUE "3,\"x\"]\n");

	while (append_plain(body, sizeof(body) - 1, &here, &limits, room, &out,
		   &tally) < 0) {
		must(tally.errors[0].fault == EVENT_NO_ROOM && out.len == 0);
		room++;
	}
	is_number(room, first + bad, "bad events need room, as good ones do");
	is_number(out.len, room, "as much as they take");
	buf_release(&out);
}

/* The client's address and the sender are members that only we can set. */
static void
test_sources(void)
{
	static const struct event_origin from[] = {
	    {.stamp = STAMP, .values = {"2001:db8::1", "web"}},
	    {.stamp = STAMP, .values = {"2001:db8::1", NULL}}};
	static const struct event_limits told = {
	    .event_bytes = 100, .depth = 5, .members = {"@client", "@sender"}};
	static const struct {
		const char *body, *line;
	} cases[] = {
	    {"{}", "{"},
	    {"{\"a\":1}", "{\"a\":1,"},
	    {"{\"@client\":\"x\"}", "{"},
	    {"{\"a\":1,\"@client\":\"x\"}", "{\"a\":1,"},
	    {"{\"@client\":1,\"@received_at\":2,\"@client\":3}", "{"},
	    {"{\"@cl\\u0069ent\":{},\"b\":2}", "{\"b\":2,"},
	    {"{\"@received_at\":0,\"b\":{\"@client\":2}}",
		"{\"b\":{\"@client\":2},"},
	    {"{\"@clients\":1,\"@clien\":2}", "{\"@clients\":1,\"@clien\":2,"},
	    {"{\"@sender\":\"x\",\"a\":1}", "{\"a\":1,"},
	    {"{\"@sender\":[],\"@client\":1,\"@sender\":2}", "{"},
	    {"{\"\\u0040sender\":1,\"b\":{\"@sender\":2}}",
		"{\"b\":{\"@sender\":2},"},
	};
	static const char *const names[] = {"", "a\"b", "a\\b", "a\nb", "\xff",
	    "@received_at",
	    ("1234567890123456789012345678901234567890123456789012345678901234"
	     "5")};
	struct tap_all all = {0};
	struct event_tally tally;
	struct buf out = {0};
	char want[200];

	for (size_t k = 0; k < 2 * sizeof(cases) / sizeof(cases[0]); k++) {
		size_t i = k / 2;

		out.len = 0;
		must(append_plain(cases[i].body, strlen(cases[i].body),
			 &from[k % 2], &told, UINT64_MAX, &out, &tally) == 0);
		(void)snprintf(want, sizeof(want),
		    "%s\"@client\":\"2001:db8::1\",%s" ADDED, cases[i].line,
		    k % 2 == 0 ? "\"@sender\":\"web\"," : "");
		tap_case(&all,
		    out.len == strlen(want) &&
			memcmp(out.data, want, out.len) == 0,
		    "%s: %.*s", cases[i].body, (int)out.len, out.data);
	}
	tap_all(&all, "who has sent it is what we say");
	buf_release(&out);
	ok(event_is_member("@client") && event_is_member("h\xc3\xb6r"),
	    "a name is one");
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		ok(!event_is_member(names[i]), "another is none");
}

/* A format's member is set apart from the event's, but never into ours. */
static void
test_clashes(void)
{
	static const struct {
		const char *ours, *body, *line;
	} cases[] = {
	    {"client", "{\"event\":{\"host\":1},\"host\":2}",
		"{\"host\":1,\"@host\":2,\"client\":\"::1\"," ADDED},
	    {"@host", "{\"event\":{\"host\":1},\"host\":2}",
		"{\"host\":1,\"@@host\":2,\"@host\":\"::1\"," ADDED},
	    {"@host", "{\"event\":{\"@host\":1},\"host\":2}",
		"{\"host\":2,\"@host\":\"::1\"," ADDED},
	    {"host", "{\"event\":{\"host\":1},\"host\":2}",
		"{\"@host\":2,\"host\":\"::1\"," ADDED},
	};
	const struct event_origin from = {
	    .stamp = STAMP, .values[EVENT_CLIENT] = "::1"};
	struct event_tally tally;
	struct buf out = {0};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct event_limits with = {.event_bytes = 100,
		    .depth = 5,
		    .members[EVENT_CLIENT] = cases[i].ours};
		struct request r = {
		    .body = cases[i].body, .len = strlen(cases[i].body)};

		out.len = 0;
		must(append_as(&format_hec, &r, &from, &with, UINT64_MAX, &out,
			 &tally, NULL) == 0);
		ok(out.len == strlen(cases[i].line) &&
			memcmp(out.data, cases[i].line, out.len) == 0,
		    "ours is %s: %.*s", cases[i].ours, (int)out.len, out.data);
	}
	buf_release(&out);
}

int
main(void)
{
	test_taken();
	test_refused();
	test_mixed();
	test_stamps();
	test_many();
	test_nul();
	test_size();
	test_room();
	test_sources();
	test_clashes();
	return tap_end();
}
