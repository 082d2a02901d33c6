/*
 * event.c - see event.h.
 *
 * Each byte is looked at a bounded number of times, whatever is wrong with the
 * body: after an error the check never goes on before the line of the error.
 */
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base64.h"
#include "event.h"
#include "json.h"
#include "utf8.h"

#define STAMP_NAME "@received_at"
#define RS '\x1e' /* RFC 7464: in front of each text of a sequence */

/* The way through one body. */
struct reader {
	const char *body, *end;
	const struct event_limits *limits;
	const char *client_member; /* "": none */
	size_t client_len;         /* its length */
	struct event_tally *tally;
	struct buf *out;
	char suffix[EVENT_SUFFIX_MAX];
	size_t suffix_len;
	uint64_t room; /* bytes that may still be appended */
};

/* Why an event is bad; put into words where somebody will read them. */
struct flaw {
	enum event_fault fault;
	const char *at;
	const char *reason; /* EVENT_NOT_JSON: a constant text */
	const char *stop;   /* where the event ends; NULL: it is no JSON */
};

static const char *take_array(struct reader *, const char *p);
static const char *take_texts(struct reader *, const char *p);
static const char *take_event(struct reader *, const char *p, struct flaw *);
static const char *
pass_bad_element(struct reader *, const char *p, struct flaw *);
static const char *pass_bad_text(struct reader *, const char *p, struct flaw *);
static const char *reject(
    struct reader *, const char *begin, const char *stop, const struct flaw *);
static const char *put_bad(
    struct reader *, const struct event_error *, const char *text, size_t len);

static const char *
flawed(struct flaw *f, enum event_fault fault, const char *at, const char *stop)
{
	*f = (struct flaw){.fault = fault, .at = at, .stop = stop};
	return NULL;
}

static void
describe(const struct reader *r, const struct flaw *f, struct event_error *e)
{
	const struct event_limits *limits = r->limits;
	const char *text = f->reason;

	e->fault = f->fault;
	e->event = (size_t)(r->tally->good + r->tally->bad);
	e->offset = (size_t)(f->at - r->body);
	if (f->fault == EVENT_TOO_DEEP) {
		(void)snprintf(e->text, sizeof(e->text),
		    "nested over --max-depth (%llu)",
		    (unsigned long long)limits->depth);
		return;
	}
	if (f->fault == EVENT_TOO_LARGE) {
		(void)snprintf(e->text, sizeof(e->text),
		    "the event is over --max-event (%llu bytes)",
		    (unsigned long long)limits->event_bytes);
		return;
	}
	if (f->fault == EVENT_NOT_OBJECT)
		text = "an event must be an object";
	else if (f->fault == EVENT_BODY_EMPTY)
		text = "the body is empty";
	else if (f->fault == EVENT_NO_ROOM)
		text = "too much at once";
	else if (f->fault == EVENT_NO_MEMORY)
		text = "out of memory";
	(void)snprintf(e->text, sizeof(e->text), "%s", text);
}

/* No line is made of the body. */
static const char *
fail(struct reader *r, const struct flaw *f)
{
	describe(r, f, &r->tally->errors[0]);
	return NULL;
}

static const char *
fail_json(struct reader *r, const char *at, const char *reason)
{
	return fail(r, &(struct flaw){EVENT_NOT_JSON, at, reason, NULL});
}

static bool
is_break(char c)
{
	return c == '\n' || c == '\r' || c == RS;
}

/* The first one from p on, or end. */
static const char *
find_break(const char *p, const char *end)
{
	while (p < end && !is_break(*p))
		p++;
	return p;
}

/* What may stand between two texts. */
static const char *
skip_between(const char *p, const char *end)
{
	p = json_skip_space(p, end);
	while (p < end && *p == RS)
		p = json_skip_space(p + 1, end);
	return p;
}

bool
event_is_member(const char *name)
{
	size_t len = strlen(name);

	if (len == 0 || len > EVENT_MEMBER_MAX || !json_is_utf8(name, len) ||
	    strcmp(name, STAMP_NAME) == 0)
		return false;
	for (; *name != '\0'; name++) {
		if (*name == '"' || *name == '\\' || (unsigned char)*name < ' ')
			return false;
	}
	return true;
}

/* What is added to an event, with the comma in front of it. */
static void
make_suffix(struct reader *r, const struct event_origin *from)
{
	size_t size = sizeof(r->suffix);
	int n = 0;

	r->client_member = r->limits->client_member;
	if (r->client_member == NULL)
		r->client_member = "";
	else
		n = snprintf(r->suffix, size, ",\"%s\":\"%s\"",
		    r->client_member, from->client);
	r->client_len = strlen(r->client_member);
	n += snprintf(r->suffix + n, size - (size_t)n,
	    ",\"" STAMP_NAME "\":\"%s\"}\n", from->stamp);
	r->suffix_len = (size_t)n;
}

int
event_append(const char *body, size_t len, const struct event_origin *from,
    const struct event_limits *limits, uint64_t room, struct buf *out,
    struct event_tally *tally)
{
	struct reader r = {.body = body,
	    .end = body + len,
	    .limits = limits,
	    .tally = tally,
	    .out = out,
	    .room = room};
	const char *p = body;
	size_t before = out->len;

	memset(tally, 0, offsetof(struct event_tally, errors));
	make_suffix(&r, from);
	if (len >= 3 && memcmp(p, "\xef\xbb\xbf", 3) == 0)
		p += 3;
	if (r.end > p && r.end[-1] == '\0')
		r.end--; /* a C string, sent with its end */
	p = skip_between(p, r.end);
	if (p == r.end)
		p = fail(&r, &(struct flaw){EVENT_BODY_EMPTY, p, NULL, NULL});
	else if (*p == '[')
		p = take_array(&r, p);
	else
		p = take_texts(&r, p);
	if (p != NULL && (tally->good > 0 || tally->bad == 0))
		return 0;
	out->len = before;
	return -1;
}

static const char *
take_array(struct reader *r, const char *p)
{
	struct flaw flaw;

	p = json_skip_space(p + 1, r->end);
	if (p < r->end && *p == ']')
		p++;
	else
		for (;;) {
			const char *after = take_event(r, p, &flaw);

			if (after == NULL)
				after = pass_bad_element(r, p, &flaw);
			if (after == NULL)
				return NULL;
			p = json_skip_space(after, r->end);
			if (p == r->end || (*p != ',' && *p != ']'))
				return fail_json(r, p, "expected ',' or ']'");
			if (*p++ == ']')
				break;
			p = json_skip_space(p, r->end);
		}
	p = skip_between(p, r->end);
	if (p < r->end)
		return fail_json(r, p, "more text after the array's end");
	return p;
}

/* Objects one behind another, with or without white space between. */
static const char *
take_texts(struct reader *r, const char *p)
{
	const char *after = NULL; /* the text before */
	struct flaw flaw;

	while (p < r->end) {
		if (after != NULL && *p != '{' && find_break(after, p) == p) {
			(void)flawed(&flaw, EVENT_NOT_JSON, p, NULL);
			flaw.reason = "more text after the event on its line";
			after = NULL;
		} else {
			after = take_event(r, p, &flaw);
		}
		if (after == NULL)
			after = pass_bad_text(r, p, &flaw);
		if (after == NULL)
			return NULL;
		p = skip_between(after, r->end);
	}
	return p;
}

/*
 * Good events
 */

/* Copies, line breaks (between tokens) turned into spaces. */
static void
copy(char *to, const char *from, size_t len, bool breaks)
{
	if (!breaks) {
		memcpy(to, from, len);
		return;
	}
	for (size_t i = 0; i < len; i++)
		to[i] = from[i] == '\n' || from[i] == '\r' ? ' ' : from[i];
}

/* Is the member's name one of ours? */
static bool
is_ours(const struct reader *r, const struct json_member *member)
{
	return json_name_is(member, STAMP_NAME, sizeof(STAMP_NAME) - 1) ||
	       (r->client_len > 0 &&
		   json_name_is(member, r->client_member, r->client_len));
}

/*
 * Copies an object up to its closing brace, but for members of names that are
 * ours; returns the length. *bare: what comes next needs no comma.
 */
static size_t
copy_unstamped(struct reader *r, char *to, const char *p, const char *stop,
    bool breaks, bool *bare)
{
	const char *cursor = p, *from = p;
	struct json_member member;
	size_t len = 0;

	*bare = true;
	while (json_next_member(&cursor, stop, &member)) {
		*bare = is_ours(r, &member);
		if (!*bare)
			continue;
		/* Its comma goes too; one in front stays, and serves ours. */
		copy(
		    to + len, from, (size_t)(member.name.p - 1 - from), breaks);
		len += (size_t)(member.name.p - 1 - from);
		from = cursor;
		r->tally->stamps++;
	}
	copy(to + len, from, (size_t)(stop - 1 - from), breaks);
	return len + (size_t)(stop - 1 - from);
}

/*
 * Checks the event at p and appends its line; returns the byte after it, or
 * NULL with *flaw set.
 */
static const char *
take_event(struct reader *r, const char *p, struct flaw *flaw)
{
	struct json_watch watch = {.names = {STAMP_NAME, r->client_member},
	    .lens = {sizeof(STAMP_NAME) - 1, r->client_len}};
	struct json_error json;
	const char *stop, *suffix = r->suffix;
	size_t len, suffix_len = r->suffix_len;
	struct buf *out = r->out;
	bool bare;
	char *to;

	stop = json_check_watching(
	    p, r->end, (unsigned)r->limits->depth, &watch, &json);
	if (stop == NULL) {
		(void)flawed(flaw,
		    json.too_deep ? EVENT_TOO_DEEP : EVENT_NOT_JSON, json.at,
		    NULL);
		flaw->reason = json.reason;
		return NULL;
	}
	if (*p != '{')
		return flawed(flaw, EVENT_NOT_OBJECT, p, stop);
	len = (size_t)(stop - p);
	if (len > r->limits->event_bytes)
		return flawed(flaw, EVENT_TOO_LARGE, p, stop);
	if (len + suffix_len > r->room)
		return flawed(flaw, EVENT_NO_ROOM, p, stop);
	if (buf_reserve(out, len + suffix_len) < 0)
		return flawed(flaw, EVENT_NO_MEMORY, p, stop);
	to = out->data + out->len;
	len--; /* the closing brace is in the suffix */
	if (watch.seen) {
		len = copy_unstamped(r, to, p, stop, watch.breaks, &bare);
	} else {
		bare = *json_skip_space(p + 1, stop) == '}';
		copy(to, p, len, watch.breaks);
	}
	suffix += bare;
	suffix_len -= bare;
	memcpy(to + len, suffix, suffix_len);
	out->len += len + suffix_len;
	r->room -= len + suffix_len;
	r->tally->good++;
	return stop;
}

/*
 * Bad events: each of these returns where the next one is looked for, or NULL
 * with the body's error set.
 */

/* Is the flaw one that the event's neighbours need not suffer for? */
static bool
is_its_own(const struct reader *r, const struct flaw *f)
{
	return f->fault < EVENT_FAULTS && !r->limits->refuse;
}

/* Where does what is too deep end, if it is JSON and ends before `end`? */
static void
find_deep_end(const char *p, const char *end, struct flaw *f)
{
	struct json_error json;
	bool breaks;

	f->stop = json_check(p, end, JSON_DEPTH_MOST, &breaks, &json);
	if (f->stop == NULL && !json.too_deep)
		*f = (struct flaw){EVENT_NOT_JSON, json.at, json.reason, NULL};
}

static const char *
pass_bad_element(struct reader *r, const char *p, struct flaw *f)
{
	if (!is_its_own(r, f))
		return fail(r, f);
	if (f->fault == EVENT_TOO_DEEP)
		find_deep_end(p, r->end, f);
	return f->stop == NULL ? fail(r, f) : reject(r, p, f->stop, f);
}

/*
 * Does an object with an error at `at` stand on several lines? If not by the
 * error's place, then where its first line is sure to go on.
 */
static bool
spans_lines(const char *begin, const char *at, const char *line_end)
{
	if (find_break(begin, at) < at)
		return true;
	while (line_end[-1] == ' ' || line_end[-1] == '\t')
		line_end--;
	return *begin == '{' && strchr("{[,:", line_end[-1]) != NULL;
}

/* Where the check goes on after an error at `at` in a text from begin on. */
static const char *
find_next(const char *begin, const char *at, const char *end)
{
	const char *p = find_break(at, end);

	if (!spans_lines(begin, at, p))
		return p;
	/* Its line may be the next event's, if this one was cut short. */
	for (p = at; p > begin && !is_break(p[-1]);)
		p--;
	if (p == begin)
		p = find_break(at, end);
	while (p < end && *p != '{' && *p != RS) {
		p = find_break(p, end);
		if (p < end && *p != RS)
			p++;
	}
	return p;
}

static const char *
pass_bad_text(struct reader *r, const char *p, struct flaw *f)
{
	const char *next = f->stop;
	struct flaw deep = *f;

	if (!is_its_own(r, f))
		return fail(r, f);
	if (f->fault == EVENT_TOO_LARGE)
		return reject(r, p, next, f);
	next = find_next(p, f->stop != NULL ? f->stop : f->at, r->end);
	if (f->fault == EVENT_TOO_DEEP) {
		find_deep_end(p, next, &deep);
		if (deep.stop != NULL)
			next = deep.stop;
	}
	return reject(r, p, next, f);
}

/* Notes a bad event and returns its end. */
static const char *
reject(
    struct reader *r, const char *begin, const char *stop, const struct flaw *f)
{
	struct event_tally *t = r->tally;
	struct event_error e;
	const char *text_end = stop;

	while (text_end > begin &&
	       json_skip_space(text_end - 1, text_end) == text_end)
		text_end--;
	if (t->bad < EVENT_KEPT_MAX) {
		describe(r, f, &e);
		if (t->bad < EVENT_ERRORS_MAX)
			t->errors[t->bad] = e;
		if (put_bad(r, &e, begin, (size_t)(text_end - begin)) == NULL)
			return NULL;
	}
	t->bad++;
	t->faults[f->fault]++;
	return stop;
}

/* How long UTF-8 is as a JSON string. */
static size_t
string_length(const char *text, size_t len)
{
	size_t n = len + 2;

	for (size_t i = 0; i < len; i++) {
		if ((unsigned char)text[i] < 0x20)
			n += 5;
		else if (text[i] == '"' || text[i] == '\\')
			n++;
	}
	return n;
}

/* The line of a bad event; NULL, with the body's error set: no room. */
static const char *
put_bad(
    struct reader *r, const struct event_error *e, const char *text, size_t len)
{
	static const char tail[] = "\",\"base64\"]\n";
	char head[sizeof(e->text) + 120], note[80] = "";
	struct flaw full = {EVENT_NO_ROOM, text, NULL, NULL};
	size_t kept = len, need;
	struct buf *out = r->out;
	bool plain;
	char *to;
	int n;

	if (len > r->limits->event_bytes) {
		kept = utf8_cut(text, (size_t)r->limits->event_bytes);
		(void)snprintf(note, sizeof(note),
		    "; %zu of its %zu bytes are kept", kept, len);
	}
	plain = json_is_utf8(text, kept);
	n = snprintf(head, sizeof(head), "[\"%s%s\",%zu,%s", e->text, note,
	    e->offset, plain ? "" : "\"");
	need = (size_t)n + (plain ? string_length(text, kept) + 2
				  : base64_length(kept) + sizeof(tail) - 1);
	if (need > r->room)
		return fail(r, &full);
	full.fault = EVENT_NO_MEMORY;
	if (buf_reserve(out, need) < 0)
		return fail(r, &full);
	to = out->data + out->len;
	memcpy(to, head, (size_t)n);
	to += n;
	if (plain) {
		to += json_string_encode(text, kept, to);
		memcpy(to, "]\n", 2);
	} else {
		base64_encode(text, kept, to);
		memcpy(to + base64_length(kept), tail, sizeof(tail) - 1);
	}
	out->len += need;
	r->room -= need;
	return text;
}

struct event_tally *
event_tally_keep(const struct event_tally *tally, uint64_t *bytes)
{
	uint64_t told =
	    tally->bad < EVENT_ERRORS_MAX ? tally->bad : EVENT_ERRORS_MAX;
	size_t size = offsetof(struct event_tally, errors) +
		      (size_t)told * sizeof(tally->errors[0]);
	struct event_tally *kept = malloc(size);

	*bytes += size;
	return kept == NULL ? NULL : memcpy(kept, tally, size);
}
