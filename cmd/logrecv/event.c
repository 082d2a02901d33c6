/*
 * event.c - see event.h.
 */
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "event.h"
#include "json.h"

/* The way through one body. */
struct reader {
	const char *body, *end;
	const struct event_limits *limits;
	struct event_error *err;
	char suffix[EVENT_SUFFIX_MAX];
	size_t suffix_len;
	size_t events;
	uint64_t room; /* bytes that may still be appended */
	bool broken;   /* one of the events spans lines */
};

static const char *take_event(struct reader *, const char *p, struct buf *out);
static const char *take_array(struct reader *, const char *p, struct buf *out);
static const char *take_lines(struct reader *, const char *p, struct buf *out);

static const char *
fail(struct reader *r, const char *at, enum event_fault fault, const char *fmt,
    ...) __attribute__((format(printf, 4, 5)));

static const char *
fail(struct reader *r, const char *at, enum event_fault fault, const char *fmt,
    ...)
{
	va_list ap;

	r->err->fault = fault;
	r->err->event = r->events;
	r->err->offset = (size_t)(at - r->body);
	va_start(ap, fmt);
	(void)vsnprintf(r->err->text, sizeof(r->err->text), fmt, ap);
	va_end(ap);
	return NULL;
}

long
event_append(const char *body, size_t len, const char *stamp,
    const struct event_limits *limits, uint64_t room, struct buf *out,
    struct event_error *err)
{
	struct reader r = {.body = body,
	    .end = body + len,
	    .limits = limits,
	    .err = err,
	    .room = room};
	const char *p = json_skip_space(body, r.end);
	size_t before = out->len;

	r.suffix_len = (size_t)snprintf(
	    r.suffix, sizeof(r.suffix), ",\"@received_at\":\"%s\"}\n", stamp);
	if (p == r.end)
		p = fail(&r, p, EVENT_BODY_EMPTY, "the body is empty");
	else if (*p == '[')
		p = take_array(&r, p, out);
	else
		p = take_lines(&r, p, out);
	if (p == NULL) {
		out->len = before;
		return -1;
	}
	return (long)r.events;
}

static const char *
take_array(struct reader *r, const char *p, struct buf *out)
{
	p = json_skip_space(p + 1, r->end);
	if (p < r->end && *p == ']')
		p++;
	else
		for (;;) {
			p = take_event(r, p, out);
			if (p == NULL)
				return NULL;
			p = json_skip_space(p, r->end);
			if (p == r->end || (*p != ',' && *p != ']'))
				return fail(r, p, EVENT_NOT_JSON,
				    "expected ',' or ']'");
			if (*p++ == ']')
				break;
			p = json_skip_space(p, r->end);
		}
	p = json_skip_space(p, r->end);
	if (p < r->end)
		return fail(
		    r, p, EVENT_NOT_JSON, "more text after the array's end");
	return p;
}

/*
 * One object, which may span lines, or several, each on a line of its own:
 * what is neither one JSON text nor NDJSON is refused.
 */
static const char *
take_lines(struct reader *r, const char *p, struct buf *out)
{
	for (;;) {
		const char *begin, *next;

		begin = p;
		p = take_event(r, p, out);
		if (p == NULL)
			return NULL;
		if (r->broken && r->events > 1) {
			r->events--; /* that one */
			return fail(r, begin, EVENT_NOT_JSON,
			    "one of several events spans lines");
		}
		next = json_skip_space(p, r->end);
		if (next == r->end)
			return next;
		if (memchr(p, '\n', (size_t)(next - p)) == NULL)
			return fail(r, next, EVENT_NOT_JSON,
			    "more text after the event on its line");
		if (r->broken)
			return fail(r, next, EVENT_NOT_JSON,
			    "one of several events spans lines");
		p = next;
	}
}

/* Copies an event, its line breaks (between tokens) turned into spaces. */
static void
copy_unbroken(char *to, const char *from, size_t len)
{
	for (size_t i = 0; i < len; i++)
		to[i] = from[i] == '\n' || from[i] == '\r' ? ' ' : from[i];
}

/* Checks the event at p and appends its line; returns the byte after it. */
static const char *
take_event(struct reader *r, const char *p, struct buf *out)
{
	struct json_error json;
	const char *stop, *suffix = r->suffix;
	size_t len, suffix_len = r->suffix_len;
	bool breaks = false;

	stop =
	    json_check(p, r->end, (unsigned)r->limits->depth, &breaks, &json);
	if (stop == NULL && json.too_deep)
		return fail(r, json.at, EVENT_TOO_DEEP,
		    "nested over --max-depth (%llu)",
		    (unsigned long long)r->limits->depth);
	if (stop == NULL)
		return fail(r, json.at, EVENT_NOT_JSON, "%s", json.reason);
	if (*p != '{')
		return fail(
		    r, p, EVENT_NOT_OBJECT, "an event must be an object");
	len = (size_t)(stop - p);
	if (len > r->limits->event_bytes)
		return fail(r, p, EVENT_TOO_LARGE,
		    "the event is over --max-event (%llu bytes)",
		    (unsigned long long)r->limits->event_bytes);
	if (len + suffix_len > r->room)
		return fail(r, p, EVENT_NO_ROOM, "too much at once");
	if (buf_reserve(out, len + suffix_len) < 0)
		return fail(r, p, EVENT_NO_MEMORY, "out of memory");
	/* An object without members takes the new one without a comma. */
	if (*json_skip_space(p + 1, stop) == '}') {
		suffix++;
		suffix_len--;
	}
	len--; /* the closing brace is in the suffix */
	if (breaks)
		copy_unbroken(out->data + out->len, p, len);
	else
		memcpy(out->data + out->len, p, len);
	memcpy(out->data + out->len + len, suffix, suffix_len);
	out->len += len + suffix_len;
	r->room -= len + suffix_len;
	r->events++;
	r->broken |= breaks;
	return stop;
}
