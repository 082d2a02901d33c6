/*
 * logrecv-event-random.c - random bodies: one line is one event whatever a
 * client sends, and the lines together give back all of the client's own text.
 */
#include "base64.h"
#include "json.h"
#include "logrecv-append.h"
#include "tap.h"

#define STAMP "2026-11-22T07:33:51.123456Z"
#define ADDED "\"@received_at\":\"" STAMP "\"}\n"

static const struct event_origin here = {.stamp = STAMP};

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
	static const struct event_limits wide = {
	    .event_bytes = 1 << 20, .depth = 10};
	struct tap_all all = {0};
	uint64_t state = 7;

	for (int i = 0; i < 20000; i++) {
		struct text body = {.len = 0}, events[4] = {{.len = 0}};
		struct buf out = {0};
		struct event_tally tally;
		enum { ARRAY, LINES, TEXTS } form = tap_random(&state) % 3;
		int count = 1 + (int)(tap_random(&state) % 4);
		const char *line;
		bool good;
		int rc;

		put(&body, form == ARRAY ? "[" : "");
		for (int k = 0; k < count; k++) {
			put_event(&events[k], &state, true);
			put_space(&body, &state, true);
			put(&body, events[k].data);
			put_space(&body, &state, true);
			if (k < count - 1)
				put(&body, form == ARRAY   ? ","
					   : form == LINES ? "\n"
							   : "");
		}
		put(&body, form == ARRAY ? "]" : "");
		rc = append_plain(body.data, body.len, &here, &wide, UINT64_MAX,
		    &out, &tally);
		good = rc == 0 && tally.good == (uint64_t)count;
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
		    "%s: %d %.*s", body.data, rc, (int)out.len, out.data);
		buf_release(&out);
	}
	tap_all(&all, "one line is one event, and gives back its text");
}

/*
 * Whatever bytes come
 */

static const char *
skip(const char *p, const char *end, const char *set)
{
	while (p < end && *p != '\0' && strchr(set, *p) != NULL)
		p++;
	return p;
}

/* Is the line a bad event's? Sets its text, or what stands for it. */
static bool
read_bad(const char *line, const char *end, char *text, long *len, bool *base64)
{
	struct json_text quoted = {NULL, 0};
	struct json_error json;
	const char *p = line + 1;
	bool breaks = false;

	for (int i = 0; i < 3; i++) {
		const char *from = p;

		p = json_check(p, end, 1, &breaks, &json);
		if (p == NULL || (i < 2 && *p++ != ','))
			return false;
		if (*from != '"')
			continue;
		quoted = (struct json_text){from, (size_t)(p - from)};
	}
	*len = json_string_decode(quoted, text, 4096);
	*base64 = strncmp(p, ",\"base64\"]\n", 11) == 0;
	return (*base64 || strncmp(p, "]\n", 2) == 0) && *len >= 0;
}

/* Does the bad event's line hold what stands at p? Moves p behind that. */
static bool
pass_bad(
    const char **p, const char *body_end, const char *line, const char *end)
{
	char text[4096], encoded[4096];
	bool base64;
	long len;
	size_t n;

	if (!read_bad(line, end, text, &len, &base64))
		return false;
	n = (size_t)len;
	if (base64) {
		n = n / 4 * 3;
		for (long i = len; i > 0 && text[i - 1] == '='; i--)
			n--;
	}
	if ((size_t)(body_end - *p) < n)
		return false;
	memcpy(encoded, *p, n);
	if (base64)
		base64_encode(*p, n, encoded);
	*p += n;
	return memcmp(encoded, text, (size_t)len) == 0 &&
	       base64 == !json_is_utf8(*p - n, n);
}

/*
 * Do the lines give back the whole body, in its order: events, bad ones, and
 * nothing but separators between them?
 */
static bool
gives_back(const struct buf *out, const char *body, size_t len,
    const struct event_tally *tally)
{
	const char *between = " \t\r\n\x1e", *after = between;
	const char *p, *body_end = body + len, *line = out->data, *end;
	uint64_t good = 0, bad = 0;

	if (body_end[-1] == '\0')
		body_end--;
	p = skip(body, body_end, between);
	if (p < body_end && *p == '[') {
		p++;
		between = " \t\r\n,";
		after = " \t\r\n]\x1e";
	}
	for (; line < out->data + out->len; line = end + 1) {
		const char *added;

		end = memchr(line, '\n', out->len - (size_t)(line - out->data));
		if (end == NULL)
			return false;
		p = skip(p, body_end, between);
		if (*line == '[') {
			if (!pass_bad(&p, body_end, line, end))
				return false;
			bad++;
			continue;
		}
		added = end + 1 - strlen(ADDED);
		if (added <= line || memcmp(added, ADDED, strlen(ADDED)) != 0)
			return false;
		for (; line < added; line++) {
			if (p < body_end &&
			    (*p == *line ||
				(*line == ' ' && (*p == '\n' || *p == '\r'))))
				p++;
			else if (*line != ',' || line + 1 < added)
				return false; /* the last comma is ours */
		}
		if (p == body_end || *p++ != '}')
			return false;
		good++;
	}
	return skip(p, body_end, after) == body_end && good == tally->good &&
	       bad == tally->bad;
}

static void
test_mutations(void)
{
	static const struct event_limits wide = {
	    .event_bytes = 1 << 20, .depth = 4};
	struct tap_all all = {0};
	uint64_t state = 11;
	unsigned long good = 0, bad = 0;

	for (int i = 0; i < 200000; i++) {
		struct text body = {.len = 0};
		struct buf out = {0};
		struct event_tally tally;
		bool array = tap_random(&state) % 4 == 0;
		char *copy;
		int rc;

		put(&body, array ? "[" : i % 7 == 0 ? "\x1e" : "");
		for (uint64_t k = 1 + tap_random(&state) % 4; k > 0; k--) {
			if (tap_random(&state) % 8 == 0)
				put_value(&body, &state, true, 1);
			else
				put_event(&body, &state, k % 2 == 0);
			if (k > 1)
				put(&body, array        ? ","
					   : i % 7 == 0 ? "\n\x1e"
					   : i % 5 == 0 ? ""
							: "\n");
		}
		put(&body, array ? "]" : "");
		copy = malloc(body.len);
		must(copy != NULL);
		memcpy(copy, body.data, body.len);
		for (int k = 0; k < i % 4; k++)
			copy[tap_random(&state) % body.len] =
			    "\n\r \"\\{}[],:0\0x\x1e"[tap_random(&state) % 15];
		rc = append_plain(
		    copy, body.len, &here, &wide, UINT64_MAX, &out, &tally);
		tap_case(&all,
		    rc < 0 ? out.len == 0
			   : gives_back(&out, copy, body.len, &tally),
		    "%.*s: %d %.*s", (int)body.len, copy, rc, (int)out.len,
		    out.data);
		good += rc == 0;
		bad += rc == 0 && tally.bad > 0;
		free(copy);
		buf_release(&out);
	}
	tap_all(&all, "whatever comes, the lines give it back");
	ok(good > 100 && bad > 100, "some of that was taken (%lu, %lu)", good,
	    bad);
}

int
main(void)
{
	test_random();
	test_mutations();
	return tap_end();
}
