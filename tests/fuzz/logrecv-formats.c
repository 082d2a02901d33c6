/*
 * logrecv-formats.c - bodies of each format: whatever comes, its lines are
 * events or bad ones, as many as are counted, within the room that there is;
 * the answer is JSON; and what has been refused for a bad event is without it
 * otherwise.
 */
#include <snappy-c.h>

#include "../unit/logrecv-append.h"
#include "fuzz.h"

#define STAMP "2026-11-22T07:33:51.123456Z"

static const struct {
	const struct format *format;
	const char *query;
	enum http_type type;
	bool packed; /* the text is what it is once snappy has unpacked it */
} kinds[] = {
    {&format_log, "", HTTP_TYPE_NONE, false},
    {&format_log, "each=items", HTTP_TYPE_NONE, false},
    {&format_hec, "", HTTP_TYPE_NONE, false},
    {&format_hec_raw, "host=a%22b&source=s+x&time=1", HTTP_TYPE_NONE, false},
    {&format_bulk, "", HTTP_TYPE_NONE, false},
    {&format_otlp, "", HTTP_TYPE_JSON, false},
    {&format_otlp, "", HTTP_TYPE_PROTOBUF, false},
    {&format_loki, "", HTTP_TYPE_JSON, false},
    {&format_loki, "", HTTP_TYPE_PROTOBUF, false},
    {&format_loki, "", HTTP_TYPE_PROTOBUF, true},
};

static const struct event_origin here = {
    .stamp = STAMP, .values = {"::1", "web"}};
static const struct event_limits all_limits[] = {
    {.event_bytes = 200,
	.body_bytes = 5000,
	.depth = 5,
	.members = {"host", "@sender"}},
    {.event_bytes = 200, .body_bytes = 5000, .depth = 5, .refuse = true},
    {.event_bytes = 1 << 20, .body_bytes = 1 << 20, .depth = 32},
};

#define COUNT(a) (sizeof(a) / sizeof((a)[0]))

/* The caller frees it. */
static char *
pack(struct input *in)
{
	size_t len = snappy_max_compressed_length(in->len);
	char *packed = malloc(len);

	check(packed != NULL);
	check(snappy_compress(in->len > 0 ? in->p : "", in->len, packed,
		  &len) == SNAPPY_OK);
	*in = (struct input){packed, len};
	return packed;
}

static void
check_answer(const struct format *format, enum http_type type, int rc,
    const struct event_tally *t, const struct buf *note)
{
	struct outcome o = {.status = rc < 0 ? 400 : 200,
	    .text = t->errors[0].text,
	    .error = rc < 0 ? &t->errors[0] : NULL,
	    .events = t->good,
	    .bad = t->bad > 0 ? t : NULL,
	    .note = {note->data, note->len},
	    .type = type};
	struct reply reply = {0};
	struct buf body = {0};
	struct json_error err;
	bool breaks;

	check(format_answer(format, &o, 1, &reply, &body) == 0);
	if (reply.type == NULL && body.len > 0) /* it is JSON */
		check(json_check(body.data, body.data + body.len, 32, &breaks,
			  &err) == body.data + body.len);
	buf_release(&body);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct input in = input_of(data, size);
	unsigned kind = input_byte(&in) % COUNT(kinds), how = input_byte(&in);
	const struct event_limits *limits =
	    &all_limits[how % COUNT(all_limits)];
	uint64_t room = how < 128 ? UINT64_MAX : (how - 100) * 10;
	const char *query = kinds[kind].query;
	char *packed = kinds[kind].packed ? pack(&in) : NULL;
	struct request r = {.query = {query, strlen(query)},
	    .type = kinds[kind].type,
	    .body = in.len > 0 ? in.p : "",
	    .len = in.len};
	struct buf out = {0}, note = {0};
	struct event_tally t;
	int rc;

	check(buf_append(&out, "before\n", 7) == 0);
	rc = append_as(
	    kinds[kind].format, &r, &here, limits, room, &out, &t, &note);
	check(out.len >= 7 && memcmp(out.data, "before\n", 7) == 0);
	check(out.len - 7 <= room);
	memmove(out.data, out.data + 7, out.len - 7);
	out.len -= 7;
	check(rc < 0 ? out.len == 0
		     : t.bad > EVENT_KEPT_MAX || are_lines(&out, &t));
	check(rc < 0 || !limits->refuse || t.bad == 0);
	check_answer(kinds[kind].format, r.type, rc, &t, &note);
	buf_release(&out);
	buf_release(&note);
	free(packed);
	return 0;
}
