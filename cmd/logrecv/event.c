/*
 * event.c - see event.h.
 */
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base64.h"
#include "event.h"
#include "format.h"
#include "json.h"
#include "utf8.h"

#define STAMP_NAME "@received_at"

static const char *put_bad(struct event_writer *, const struct event_error *,
    const char *text, size_t len);

static const char *
flawed(struct event_flaw *f, enum event_fault fault, const char *at,
    const char *stop)
{
	*f = (struct event_flaw){.fault = fault, .at = at, .stop = stop};
	return NULL;
}

void
event_describe(const struct event_writer *w, const struct event_flaw *f,
    struct event_error *e)
{
	const struct event_limits *limits = w->limits;
	const char *text = f->reason;

	e->fault = f->fault;
	e->event = (size_t)(w->tally->good + w->tally->bad);
	e->offset = (size_t)(f->at - w->body);
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
	if (f->fault == EVENT_BODY_TOO_LARGE) {
		(void)snprintf(e->text, sizeof(e->text),
		    "unpacked, the body is over --max-body (%llu bytes)",
		    (unsigned long long)limits->body_bytes);
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

const char *
event_fail(struct event_writer *w, const struct event_flaw *f)
{
	event_describe(w, f, &w->tally->errors[0]);
	return NULL;
}

char *
event_note(struct event_writer *w, size_t most)
{
	struct event_flaw flaw = {EVENT_NO_MEMORY, w->body, NULL, NULL};

	if (event_spend(w, most) < 0)
		return NULL;
	if (buf_reserve(w->note, most) < 0) {
		(void)event_fail(w, &flaw);
		return NULL;
	}
	return w->note->data + w->note->len;
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

static char *
put(char *to, const char *text)
{
	size_t len = strlen(text);

	memcpy(to, text, len);
	return to + len;
}

/*
 * What is added to an event, with the comma in front of it. For each request:
 * printf would take a sixth of the time that a small one needs here.
 */
static void
make_suffix(struct event_writer *w, const struct event_origin *from)
{
	char *to = w->suffix;

	w->watch.count = 0;
	w->watch.firsts = 0;
	json_watch_add(&w->watch, STAMP_NAME, sizeof(STAMP_NAME) - 1);
	for (int i = 0; i < EVENT_SOURCES; i++) {
		const char *name = w->limits->members[i];

		if (name == NULL)
			continue;
		json_watch_add(&w->watch, name, strlen(name));
		if (from->values[i] == NULL)
			continue;
		to = put(put(to, ",\""), name);
		to = put(put(put(to, "\":\""), from->values[i]), "\"");
	}
	w->own = w->watch.count;
	w->clash = 0;
	w->ats = 1;
	to = put(put(to, ",\"" STAMP_NAME "\":\""), from->stamp);
	to = put(to, "\"}\n");
	w->suffix_len = (size_t)(to - w->suffix);
}

void
event_writer_init(struct event_writer *w, const struct event_limits *limits,
    struct event_tally *tally, struct buf *out, struct buf *scratch,
    struct buf *note)
{
	w->limits = limits;
	w->tally = tally;
	w->out = out;
	w->scratch = scratch;
	w->note = note;
}

int
event_write(struct event_writer *w, const struct format *format,
    const struct request *r, const struct event_origin *from)
{
	size_t before = w->out->len;
	int rc;

	w->body = r->body;
	w->end = r->body + r->len;
	for (int i = 0; i < EVENT_SCRATCHES; i++)
		w->scratch[i].len = 0;
	w->note->len = 0;
	memset(w->tally, 0, offsetof(struct event_tally, errors));
	make_suffix(w, from);
	rc = format->take(w, r);
	if (rc < 0 || w->tally->good == 0)
		w->out->len = before;
	return rc;
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

/* Which of the names it is; their count: none. */
static unsigned
find_name(const struct json_watch *watch, const struct json_member *member)
{
	unsigned i = 0;

	while (i < watch->count &&
	       !json_name_is(member, watch->names[i].p, watch->names[i].len))
		i++;
	return i;
}

/* Is the name, with so many '@' in front of it, ours? */
static bool
is_ours(const struct event_writer *w, struct json_text name, size_t ats)
{
	for (unsigned i = 0; i < w->own; i++) {
		const struct json_text *own = &w->watch.names[i];

		if (own->len == ats + name.len && strspn(own->p, "@") >= ats &&
		    memcmp(own->p + ats, name.p, name.len) == 0)
			return true;
	}
	return false;
}

void
event_declare(struct event_writer *w, struct json_text name)
{
	if (is_ours(w, name, 0))
		w->clash |= 1U << (w->watch.count - w->own);
	while (is_ours(w, name, w->ats))
		w->ats++;
	json_watch_add(&w->watch, name.p, name.len);
}

/*
 * Copies an object up to its closing brace, but for members of names that are
 * ours; returns the length. *bare: what comes next needs no comma. Sets bits
 * of *clash for members that the format may add as well.
 */
static size_t
copy_unstamped(struct event_writer *w, char *to, const struct event_text *e,
    bool *bare, unsigned *clash)
{
	const char *cursor = e->p, *from = e->p;
	struct json_member member;
	size_t len = 0;

	*bare = true;
	while (json_next_member(&cursor, e->stop, &member)) {
		unsigned i = find_name(&w->watch, &member);

		*bare = i < w->own;
		if (i >= w->own && i < w->watch.count)
			*clash |= 1U << (i - w->own);
		if (!*bare)
			continue;
		/* Its comma goes too; one in front stays, and serves ours. */
		copy(to + len, from, (size_t)(member.name.p - 1 - from),
		    e->breaks);
		len += (size_t)(member.name.p - 1 - from);
		from = cursor;
		w->tally->stamps++;
	}
	copy(to + len, from, (size_t)(e->stop - 1 - from), e->breaks);
	return len + (size_t)(e->stop - 1 - from);
}

/* In line, since most events have no members added: see event_take. */
__attribute__((always_inline)) static inline const char *
check(struct event_writer *w, const char *p, const char *end,
    struct event_text *e, struct event_flaw *flaw)
{
	struct json_error json;

	w->watch.breaks = w->watch.seen = false;
	e->p = p;
	e->stop = json_check_watching(
	    p, end, (unsigned)w->limits->depth, &w->watch, &json);
	if (e->stop == NULL) {
		(void)flawed(flaw,
		    json.too_deep ? EVENT_TOO_DEEP : EVENT_NOT_JSON, json.at,
		    NULL);
		flaw->reason = json.reason;
		return NULL;
	}
	if (*p != '{')
		return flawed(flaw, EVENT_NOT_OBJECT, p, e->stop);
	e->breaks = w->watch.breaks;
	e->seen = w->watch.seen;
	return e->stop;
}

/* How many bytes they are, at most, with all that stands between. */
static size_t
measure(
    const struct event_writer *w, const struct event_member *more, size_t count)
{
	size_t len = 0;

	for (size_t i = 0; i < count; i++)
		len += w->watch.names[w->own + more[i].which].len +
		       more[i].value.len + sizeof(",\"\":") - 1 + w->ats;
	return len;
}

/* Appends the members that a format adds; returns the length. */
static size_t
put_more(const struct event_writer *w, char *to,
    const struct event_member *more, size_t count, unsigned clash, bool bare)
{
	char *o = to;

	for (size_t i = 0; i < count; i++) {
		const struct json_text *name =
		    &w->watch.names[w->own + more[i].which];

		if (!bare)
			*o++ = ',';
		bare = false;
		*o++ = '"';
		if ((clash >> more[i].which & 1) != 0) {
			memset(o, '@', w->ats);
			o += w->ats;
		}
		memcpy(o, name->p, name->len);
		o += name->len;
		*o++ = '"';
		*o++ = ':';
		copy(o, more[i].value.p, more[i].value.len,
		    *more[i].value.p == '{' || *more[i].value.p == '[');
		o += more[i].value.len;
	}
	return (size_t)(o - to);
}

static inline void
count_good(struct event_tally *t, size_t len)
{
	t->good++;
	t->sizes[event_size_of(len)]++;
	t->bytes += len;
}

__attribute__((always_inline)) static inline const char *
store(struct event_writer *w, const struct event_text *e,
    const struct event_member *more, size_t count, struct event_flaw *flaw)
{
	size_t suffix_len = w->suffix_len, added = measure(w, more, count);
	size_t len = (size_t)(e->stop - e->p), most = len + added + suffix_len;
	const char *suffix = w->suffix;
	struct buf *out = w->out;
	unsigned clash = w->clash;
	bool bare;
	char *to;

	if (len + added > w->limits->event_bytes)
		return flawed(flaw, EVENT_TOO_LARGE, e->p, e->stop);
	if (most > w->room)
		return flawed(flaw, EVENT_NO_ROOM, e->p, e->stop);
	if (buf_reserve(out, most) < 0)
		return flawed(flaw, EVENT_NO_MEMORY, e->p, e->stop);
	to = out->data + out->len;
	len--; /* the closing brace is in the suffix */
	if (e->seen) {
		len = copy_unstamped(w, to, e, &bare, &clash);
	} else {
		bare = *json_skip_space(e->p + 1, e->stop) == '}';
		copy(to, e->p, len, e->breaks);
	}
	if (count > 0) {
		len += put_more(w, to + len, more, count, clash, bare);
		bare = false;
	}
	suffix += bare;
	suffix_len -= bare;
	memcpy(to + len, suffix, suffix_len);
	out->len += len + suffix_len;
	w->room -= len + suffix_len;
	count_good(w->tally, (size_t)(e->stop - e->p));
	return e->stop;
}

const char *
event_take(struct event_writer *w, const char *p, const char *end,
    struct event_flaw *flaw)
{
	struct event_text e;

	if (check(w, p, end, &e, flaw) == NULL)
		return NULL;
	return store(w, &e, NULL, 0, flaw);
}

const char *
event_check(struct event_writer *w, const char *p, const char *end,
    struct event_text *e, struct event_flaw *flaw)
{
	return check(w, p, end, e, flaw);
}

const char *
event_store(struct event_writer *w, const struct event_text *e,
    const struct event_member *more, size_t count, struct event_flaw *flaw)
{
	return store(w, e, more, count, flaw);
}

int
event_spend(struct event_writer *w, size_t len)
{
	struct event_flaw flaw = {EVENT_NO_ROOM, w->body, NULL, NULL};

	if (len > w->room) {
		(void)event_fail(w, &flaw);
		return -1;
	}
	w->room -= len;
	return 0;
}

int
event_put(struct event_writer *w, const char *text, size_t len, const char *at)
{
	const char *stop = text + len;
	struct event_flaw flaw;

	if (event_take(w, text, stop, &flaw) != NULL)
		return 0;
	if (event_is_own_flaw(w, &flaw) && event_spend(w, len) < 0)
		return -1;
	flaw.at = at; /* what is built lies nowhere in the body */
	return event_reject(w, text, stop, &flaw) == NULL ? -1 : 0;
}

/*
 * Bad events
 */

bool
event_is_own_flaw(const struct event_writer *w, const struct event_flaw *f)
{
	return f->fault < EVENT_FAULTS && !w->limits->refuse;
}

const char *
event_reject(struct event_writer *w, const char *begin, const char *stop,
    const struct event_flaw *f)
{
	struct event_tally *t = w->tally;
	struct event_error e;
	const char *text_end = stop;

	if (!event_is_own_flaw(w, f))
		return event_fail(w, f);
	while (text_end > begin &&
	       json_skip_space(text_end - 1, text_end) == text_end)
		text_end--;
	if (t->bad < EVENT_KEPT_MAX) {
		event_describe(w, f, &e);
		if (t->bad < EVENT_ERRORS_MAX)
			t->errors[t->bad] = e;
		if (put_bad(w, &e, begin, (size_t)(text_end - begin)) == NULL)
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
put_bad(struct event_writer *w, const struct event_error *e, const char *text,
    size_t len)
{
	static const char tail[] = "\",\"base64\"]\n";
	char head[sizeof(e->text) + 120], note[80] = "";
	struct event_flaw full = {EVENT_NO_ROOM, text, NULL, NULL};
	size_t kept = len, need;
	struct buf *out = w->out;
	bool plain;
	char *to;
	int n;

	if (len > w->limits->event_bytes) {
		kept = utf8_cut(text, (size_t)w->limits->event_bytes);
		(void)snprintf(note, sizeof(note),
		    "; %zu of its %zu bytes are kept", kept, len);
	}
	plain = json_is_utf8(text, kept);
	n = snprintf(head, sizeof(head), "[\"%s%s\",%zu,%s", e->text, note,
	    e->offset, plain ? "" : "\"");
	need = (size_t)n + (plain ? string_length(text, kept) + 2
				  : base64_length(kept) + sizeof(tail) - 1);
	if (need > w->room)
		return event_fail(w, &full);
	full.fault = EVENT_NO_MEMORY;
	if (buf_reserve(out, need) < 0)
		return event_fail(w, &full);
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
	w->room -= need;
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
