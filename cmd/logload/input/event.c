/*
 * event.c - see event.h.
 */
#include <string.h>

#include "event.h"

static enum event_verdict read_text(const struct event_rules *, const char *,
    uint64_t len, struct row_maker *, struct event *, struct error *);
static bool read_bad(struct event *, struct error *);
static bool read_record(struct event_record *, const char *text, size_t len);

enum event_verdict
event_read(const struct event_rules *rules, const struct line *line,
    struct row_maker *maker, struct event *event, struct error *err)
{
	enum event_verdict verdict = EVENT_NONE;
	struct event_record r;

	event->cut = event->bounded = false;
	event->member = NULL;
	event->line = line->number;
	event->offset = line->offset;
	event->file_id = 0;
	event->received_at.p = NULL;
	if (line->hole && rules->origin == NULL) {
		(void)error_set(err, "a hole: %llu bytes of NUL",
		    (unsigned long long)line->len);
		return EVENT_BAD;
	}
	if (rules->origin == NULL || line->text == NULL) {
		verdict =
		    read_text(rules, line->text, line->len, maker, event, err);
		if (event->member != NULL)
			event->offset += (uint64_t)(event->text.p - line->text);
		return verdict;
	}
	if (read_record(&r, line->text, line->len) &&
	    r.file.len == rules->origin_text.len &&
	    memcmp(r.file.p, rules->origin_text.p, r.file.len) == 0) {
		event->line = r.line;
		event->offset = r.offset;
		event->file_id = r.file_id != 0 ? r.file_id : rules->origin_id;
		event->received_at = r.received_at;
		if (r.event.p == NULL) {
			(void)error_set(err, "it is not JSON");
			return EVENT_BAD;
		}
		verdict =
		    read_text(rules, r.event.p, r.event.len, maker, event, err);
	}
	if (verdict != EVENT_NONE)
		return verdict;
	(void)error_set(err, "line %llu is no record of an event of %s",
	    (unsigned long long)line->number, rules->origin);
	return EVENT_ALIEN;
}

/* What a JSON error was and where, counted from the text's start. */
static enum event_verdict
bad_json(const struct event_rules *rules, const char *text,
    const struct json_error *e, struct error *err)
{
	(void)error_set(
	    err, "not JSON: %s at byte %zu", e->reason, (size_t)(e->at - text));
	if (e->too_deep)
		(void)error_set(err, "nested over --max-depth (%u) at byte %zu",
		    rules->max_depth, (size_t)(e->at - text));
	return EVENT_BAD;
}

/* Returns the byte after the value, or NULL with *e set. */
static const char *
read_value(const char *p, const char *end, unsigned max_depth,
    struct row_maker *maker, struct json_error *e)
{
	struct json_member member;
	bool breaks;
	int rc;

	if (*p != '{')
		return json_check(p, end, max_depth, &breaks, e);
	row_begin(maker);
	while ((rc = json_check_member(&p, end, max_depth, &member, e)) > 0)
		row_note(maker, &member);
	return rc < 0 ? NULL : p;
}

/* As deep as both we and the database take it. */
static unsigned
depth_of(const struct event_rules *rules)
{
	unsigned depth = rules->bounds.depth;

	return depth > 0 && depth < rules->max_depth ? depth : rules->max_depth;
}

static enum event_verdict
read_text(const struct event_rules *rules, const char *text, uint64_t len,
    struct row_maker *maker, struct event *event, struct error *err)
{
	const char *p = text, *end, *after;
	bool deep;
	struct json_error e;

	if (p == NULL || len > rules->max_event) {
		(void)error_set(err,
		    "an event of %llu bytes is over --max-event (%llu)",
		    (unsigned long long)len,
		    (unsigned long long)rules->max_event);
		return EVENT_BAD;
	}
	end = p + len;
	if (len >= 3 && memcmp(p, "\xef\xbb\xbf", 3) == 0)
		p += 3; /* a byte order mark, as where files were joined */
	while (
	    end > p && (end[-1] == '\r' || end[-1] == ' ' || end[-1] == '\t'))
		end--;
	p = json_skip_space(p, end);
	if (p == end)
		return EVENT_NONE;
	after = read_value(p, end, depth_of(rules), maker, &e);
	deep =
	    after == NULL && e.too_deep && depth_of(rules) < rules->max_depth;
	if (deep)
		after = read_value(p, end, rules->max_depth, maker, &e);
	if (after == NULL) {
		event->cut = end - e.at <= JSON_CUT_MOST;
		return bad_json(rules, text, &e, err);
	}
	if (after != end) {
		e = (struct json_error){after, "more than one value", false};
		return bad_json(rules, text, &e, err);
	}
	event->member = "event";
	event->text.p = p;
	event->text.len = (size_t)(end - p);
	if (deep)
		(void)error_set(err,
		    "nested over the %u levels that JSON may have in the "
		    "database",
		    rules->bounds.depth);
	event->bounded = *p == '{' && (deep || bounds_refuse(&rules->bounds, p,
						   event->text.len, err));
	if (*p == '{' && !event->bounded)
		return EVENT_GOOD;
	if (!event->bounded && !read_bad(event, err))
		(void)error_set(err, "not a JSON object");
	return EVENT_BAD;
}

/* What is left of the line. */
struct cursor {
	const char *p, *end;
};

static bool
take(struct cursor *c, const char *literal)
{
	size_t len = strlen(literal);

	if ((size_t)(c->end - c->p) < len || memcmp(c->p, literal, len) != 0)
		return false;
	c->p += len;
	return true;
}

static bool
take_string(struct cursor *c, struct json_text *string)
{
	string->p = c->p;
	if (!take(c, "\""))
		return false;
	while (c->p < c->end && *c->p != '"')
		c->p += *c->p == '\\' && c->p + 1 < c->end ? 2 : 1;
	if (!take(c, "\""))
		return false;
	string->len = (size_t)(c->p - string->p);
	return true;
}

static bool
take_number(struct cursor *c, uint64_t *n)
{
	const char *begin = c->p;

	*n = 0;
	while (
	    c->p < c->end && *c->p >= '0' && *c->p <= '9' && c->p - begin < 19)
		*n = *n * 10 + (uint64_t)(*c->p++ - '0');
	return c->p > begin;
}

/*
 * A line of logrecv about what was no event when it came: its reason, and its
 * text as that stands there. False, and nothing changed, if it is none; it is
 * known to be JSON.
 */
static bool
read_bad(struct event *event, struct error *err)
{
	struct cursor c = {event->text.p, event->text.p + event->text.len};
	struct json_text reason, text;
	char words[ERROR_TEXT_MAX - 64];
	const char *member = "raw";
	uint64_t offset;
	long len;

	if (!take(&c, "[") || !take_string(&c, &reason) || !take(&c, ",") ||
	    !take_number(&c, &offset) || !take(&c, ",") ||
	    !take_string(&c, &text))
		return false;
	if (take(&c, ",\"base64\""))
		member = "base64";
	len = json_string_decode(reason, words, sizeof(words));
	if (!take(&c, "]") || c.p != c.end || len < 0 ||
	    memchr(words, '\0', (size_t)len) != NULL)
		return false;
	(void)error_set(err, "%.*s, at byte %llu of its request", (int)len,
	    words, (unsigned long long)offset);
	event->member = member;
	event->text = text;
	return true;
}

/*
 * Records
 */

static bool
take_head(struct cursor *c, struct event_record *r)
{
	struct json_text skipped;
	uint64_t code;

	memset(r, 0, sizeof(*r));
	if (!take(c, "{\"file\":") || !take_string(c, &r->file) ||
	    !take(c, ",\"line\":") || !take_number(c, &r->line) ||
	    !take(c, ",\"offset\":") || !take_number(c, &r->offset))
		return false;
	/* Older records have neither, and what can be no row has no instant. */
	if (take(c, ",\"received_at\":") && !take_string(c, &r->received_at))
		return false;
	if (take(c, ",\"file_id\":") && !take_number(c, &r->file_id))
		return false;
	if (!take(c, ",\"code\":"))
		return false;
	if (!take_string(c, &skipped)) {
		(void)take(c, "-"); /* there may be such codes */
		if (!take_number(c, &code))
			return false;
	}
	return take(c, ",\"text\":") && take_string(c, &skipped) &&
	       take(c, ",\"rejected_at\":") && take_string(c, &skipped);
}

bool
event_record_parse(struct event_record *r, const char *text, size_t len)
{
	struct cursor c = {text, text + len};

	return take_head(&c, r);
}

/* All of a record. */
static bool
read_record(struct event_record *r, const char *text, size_t len)
{
	struct cursor c = {text, text + len};

	if (!take_head(&c, r) || text[len - 1] != '}')
		return false;
	c.end--;
	if (!take(&c, ",\"event\":"))
		return take(&c, ",\"raw\":\"") || take(&c, ",\"base64\":\"");
	r->event.p = c.p;
	r->event.len = (size_t)(c.end - c.p);
	return r->event.len > 0;
}
