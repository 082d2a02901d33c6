/*
 * logrecv-formats-random.c - bodies of each format with bytes changed, cut and
 * doubled: whatever comes, there is an answer that is JSON, and each line is an
 * event or a bad one that no event can be.
 *
 * Each body lies in a memory block of exactly its size, so that
 * AddressSanitizer sees a read beyond it.
 */
#include "json.h"
#include "logrecv-append.h"
#include "tap.h"

#define STAMP "2026-11-22T07:33:51.123456Z"
#define ROUNDS 20000

static const struct event_origin here = {
    .stamp = STAMP, .values = {"::1", "web"}};
static const struct event_limits limits = {
    .event_bytes = 200, .depth = 5, .members = {"host", "@sender"}};
static const struct event_limits strict = {
    .event_bytes = 200, .depth = 5, .refuse = true};

static const struct {
	const char *name;
	const struct format *format;
	const char *query, *body;
} seeds[] = {
    {"log", &format_log, "",
	"{\"a\":1}\n{\"@received_at\":1,\"b\":[{}]}{\"c\":\"\\u00e9\"}\nx\n"},
    {"log by lists", &format_log, "each=items",
	"{\"items\":[{\"a\":1},2, {\"b\":[{}]}],\"x\":[1]}\n"
	"{\"x\":{},\"items\":[]}{\"items\" : [{\"c\":3}]}"},
    {"log of others", &format_log, "",
	"{\"index\":{\"_id\":\"1\"}}\n{\"a\":1}\n"},
    {"hec", &format_hec, "",
	"{\"time\":1.5,\"host\":\"h\",\"event\":{\"a\":{\"host\":1}}}"
	"{\"event\":\"x\",\"fields\":{\"b\":[1]}}\n{\"source\":\"s\"}"
	"{\"event\":{\"time\":1,\"e\":2},\"index\":\"i\", \"time\" : 2}"},
    {"hec raw", &format_hec_raw, "host=a%22b&source=s+x&time=1",
	"one \"line\"\r\n\n two\n\xc3\xa9\n"},
    {"bulk", &format_bulk, "",
	"{\"create\":{\"_index\":\"i\",\"_id\":\"1\"}}\n{\"a\":1}\n"
	"{\"index\":{}}\r\n{\"_id\":2}\r\n{\"delete\":{\"_id\":\"3\"}}\n"
	"{ \"update\" : {\"_index\":\"u\"} }\n{\"doc\":{}}\n"},
};

static size_t
mutate(char *p, size_t len, uint64_t *state)
{
	static const char bytes[] = "{}[]\",:\\\n\r \0\xff"
				    "0aeu%&=+";
	uint64_t n = tap_random(state) % 4;

	for (; n > 0 && len > 0; n--) {
		size_t at = tap_random(state) % len;

		switch (tap_random(state) % 8) {
		case 0:
			len = at; /* cut off */
			break;
		case 1:
			memmove(p + at, p + at + 1, len - at - 1);
			len--;
			break;
		case 2:
			p[at] = (char)tap_random(state);
			break;
		default:
			p[at] = bytes[tap_random(state) % (sizeof(bytes) - 1)];
		}
	}
	return len;
}

/* Is it one text of JSON? */
static bool
is_json(const char *p, size_t len)
{
	struct json_error err;
	bool breaks = false;

	return json_check(p, p + len, JSON_DEPTH_MOST, &breaks, &err) ==
	       p + len;
}

/* Is there an answer of this outcome? */
static bool
has_answer(const struct format *format, int rc, const struct event_tally *t,
    const struct buf *note)
{
	struct outcome o = {.status = 200,
	    .events = t->good,
	    .bad = t->bad > 0 ? t : NULL,
	    .note = {note->data, note->len}};
	struct reply reply = {0};
	struct buf body = {0};
	bool good;

	if (rc < 0) {
		o.status = 400;
		o.error = &t->errors[0];
		o.text = t->errors[0].text;
	}
	good = format_answer(format, &o, 1, &reply, &body) == 0 &&
	       (body.len == 0 || is_json(body.data, body.len));
	buf_release(&body);
	return good;
}

static void
test_seed(size_t which, uint64_t *state)
{
	const struct format *format = seeds[which].format;
	struct buf out = {0}, note = {0};
	struct tap_all all = {0};
	unsigned long taken = 0;

	for (int i = 0; i < ROUNDS; i++) {
		char text[1024], query[64];
		size_t len = strlen(seeds[which].body);
		struct request r = {
		    .query = {query, strlen(seeds[which].query)}};
		struct event_tally tally;
		char *copy;
		int rc;

		memcpy(text, seeds[which].body, len);
		len = mutate(text, len, state);
		memcpy(query, seeds[which].query, r.query.len);
		if (i % 4 == 0)
			r.query.len = mutate(query, r.query.len, state);
		copy = malloc(len == 0 ? 1 : len);
		must(copy != NULL);
		memcpy(copy, text, len);
		r.body = copy;
		r.len = len;
		out.len = 0;
		rc =
		    append_as(format, &r, &here, i % 3 == 0 ? &strict : &limits,
			UINT64_MAX, &out, &tally, &note);
		tap_case(&all,
		    (rc < 0 ? out.len == 0 : are_lines(&out, &tally)) &&
			has_answer(format, rc, &tally, &note),
		    "%d: %.*s", rc, (int)len, text);
		taken += rc == 0;
		free(copy);
	}
	tap_all(&all, "whatever comes has lines and an answer");
	ok(taken > ROUNDS / 40 && taken < ROUNDS, "%s: %lu of them are taken",
	    seeds[which].name, taken);
	buf_release(&out);
	buf_release(&note);
}

int
main(void)
{
	uint64_t state = 20261130;

	for (size_t i = 0; i < sizeof(seeds) / sizeof(seeds[0]); i++)
		test_seed(i, &state);
	return tap_end();
}
