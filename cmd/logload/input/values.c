/*
 * values.c - the framing of JSON that does not keep to lines: the elements of
 * an array, and objects one behind another, pretty-printed, with commas between
 * them, or in a sequence by RFC 7464.
 *
 * Line breaks between the tokens of an event become spaces. An event that is
 * broken ends, for want of anything better, in front of the next line that
 * begins as its own did, with the same white space and a '{'.
 *
 * Brackets and strings are followed as far as it takes to find an event's end,
 * and to notice soon that it was cut short; the rest is for the check of the
 * event.
 */
#include <string.h>

#include "framing.h"
#include "json.h"

#define RS '\x1e' /* RFC 7464 */

enum found { FOUND_NOTHING, FOUND_END, FOUND_FLAW };

/* How far a value was looked at; places are those in what the reader holds. */
struct scan {
	size_t at;
	size_t line;   /* where its last line begins; 0: where the value does */
	size_t indent; /* white space in front of the value on its line */
	bool string, escape;
	char
	    last; /* of the bytes outside of strings, no white space; 0: none */
	size_t depth;
	char open[JSON_DEPTH_MOST]; /* the outer brackets around this place */
};

static int
next_value(struct reader *, bool array, struct line *, struct error *);
static int
pass_between(struct reader *, size_t *indent, bool *closed, struct error *);
static ssize_t
find_end(struct reader *, struct scan *, struct line *, struct error *);
static enum found scan_on(struct scan *, char *text, size_t len);
static ssize_t find_next(struct reader *, const struct scan *, struct error *);

static bool
is_array(const char *front, size_t len, bool whole)
{
	const char *end = front + len, *p = framing_skip(front, end);

	(void)whole;
	if (p == end || *p != '[')
		return false;
	p = json_skip_space(p + 1, end);
	return p < end && (*p == '{' || *p == ']');
}

/* Does the first object not keep to a line of its own? */
static bool
is_values(const char *front, size_t len, bool whole)
{
	const char *end = front + len, *p = framing_skip(front, end);
	struct json_error e;
	bool breaks = false;

	if (p < end && *p == RS)
		return true;
	if (p == end || *p != '{')
		return false;
	p = json_check(p, end, JSON_DEPTH_MOST, &breaks, &e);
	if (p == NULL && !whole && end - e.at <= JSON_CUT_MOST)
		return breaks; /* it goes on behind the front */
	if (p == NULL)
		return breaks && !framing_has_json_line(front, end, whole, '{');
	while (p < end && (*p == ' ' || *p == '\t'))
		p++;
	if (breaks || p == end)
		return breaks;
	if (*p == '\n') /* or a comma begins each line but the first */
		return (p = json_skip_space(p, end)) < end && *p == ',';
	return *p == ',' || *p == '{' ||
	       (*p == '\r' && memchr(front, '\n', len) == NULL);
}

static int
next_event(struct reader *r, struct line *line, struct error *err)
{
	return next_value(r, false, line, err);
}

/* The array must have its ']' at the end. */
static int
next_element(struct reader *r, struct line *line, struct error *err)
{
	return next_value(r, true, line, err);
}

static bool
is_break(char c)
{
	return c == '\n' || c == '\r';
}

static bool
is_white(char c)
{
	return c == ' ' || c == '\t' || is_break(c);
}

/*
 * What may stand between two events, byte order marks included. Brackets are
 * those around and between arrays; an array within one is no event.
 */
static bool
is_between(char c)
{
	return is_white(c) || (c != '\0' && strchr(",[]\x1e\xef\xbb\xbf", c));
}

static int
unfit(struct reader *r, uint64_t at, const char *why, struct error *err)
{
	r->unfit = true;
	return error_set(err, "at byte %llu: %s", (unsigned long long)at, why);
}

static int
next_value(struct reader *r, bool array, struct line *line, struct error *err)
{
	struct scan s;
	bool closed = r->closed;
	ssize_t len;
	size_t text_len;

	if (pass_between(r, &s.indent, &closed, err) < 0)
		return -1;
	*line = (struct line){.offset = r->at, .number = r->number + 1};
	if (r->len == 0)
		return array && !closed ? unfit(r, r->at,
					      "the array goes on, and the "
					      "file ends",
					      err)
					: 0;
	r->closed = false;
	if (r->buf[r->begin] == '\0') {
		r->number++;
		return reader_take_hole(r, line, err);
	}
	len = find_end(r, &s, line, err);
	if (len < 0)
		return -1;
	if (array && !line->ended)
		return unfit(r, line->offset,
		    "the array goes on, and the file ends", err);
	for (text_len = (size_t)len; text_len > 0;) {
		if (!is_white(r->buf[r->begin + text_len - 1]))
			break;
		text_len--;
	}
	reader_take(r, text_len, line);
	reader_skip(r, (size_t)len - text_len);
	r->number++;
	return 1;
}

static int
pass_between(struct reader *r, size_t *indent, bool *closed, struct error *err)
{
	bool on_line = r->at == 0;
	ssize_t n = 1;

	*indent = 0;
	while (n > 0) {
		char c;

		if (r->len == 0 && (n = reader_fill(r, err)) <= 0)
			break;
		c = r->buf[r->begin];
		if (!is_between(c))
			break;
		if (is_break(c)) {
			on_line = true;
			*indent = 0;
		}
		*indent += on_line && (c == ' ' || c == '\t');
		*closed |= c == ']';
		reader_skip(r, 1);
	}
	return n < 0 ? -1 : 0;
}

/*
 * How many of the bytes that are held then belong to the value, which may have
 * more of them, in line->len. -1: it cannot be told.
 */
static ssize_t
find_end(struct reader *r, struct scan *s, struct line *line, struct error *err)
{
	enum found found;
	ssize_t n = 1;

	s->at = s->line = 0;
	s->string = s->escape = false;
	s->last = '\0';
	s->depth = 0;
	while (
	    (found = scan_on(s, r->buf + r->begin, r->len)) == FOUND_NOTHING) {
		if (line->len + r->len <= r->max) {
			n = reader_fill(r, err);
		} else {
			n = reader_pass(r, r->len, line, err);
			s->at = 0;
		}
		if (n < 0)
			return -1;
		if (n == 0)
			return (ssize_t)r->len;
	}
	line->ended = true;
	if (found == FOUND_END)
		return (ssize_t)s->at;
	n = line->len == 0 ? find_next(r, s, err) : 0;
	return n != 0 ? n
		      : unfit(r, line->offset,
			    "an event is broken, and nothing tells where the "
			    "next one begins",
			    err);
}

/* May a bracket be opened here? Else the event was cut short before it. */
static bool
may_open(const struct scan *s)
{
	if (s->depth == 0)
		return s->last == '\0';
	if (s->depth > JSON_DEPTH_MOST)
		return true; /* it is no event in any case */
	if (s->open[s->depth - 1] == '{')
		return s->last == ':';
	return s->last == ',' || s->last == '[';
}

/* Follows a bracket. */
static enum found
scan_bracket(struct scan *s, char c)
{
	if (c == '{' || c == '[') {
		if (!may_open(s))
			return FOUND_FLAW;
		if (s->depth < JSON_DEPTH_MOST)
			s->open[s->depth] = c;
		s->depth++;
	} else if (s->depth > 0) {
		if (--s->depth < JSON_DEPTH_MOST &&
		    s->open[s->depth] != (c == '}' ? '{' : '['))
			return FOUND_FLAW;
		if (s->depth == 0)
			return FOUND_END;
	}
	return FOUND_NOTHING;
}

/* Goes on to an end, behind which s->at then is, or a flaw, where it is. */
static enum found
scan_on(struct scan *s, char *text, size_t len)
{
	for (; s->at < len; s->at++) {
		char c = text[s->at];

		if (c == '\0' || c == RS)
			return s->depth == 0 ? FOUND_END : FOUND_FLAW;
		if (is_break(c) && s->string)
			return FOUND_FLAW;
		if (s->string) {
			s->string = s->escape || c != '"';
			s->escape = !s->escape && c == '\\';
			continue;
		}
		if (is_break(c)) {
			if (s->depth == 0)
				return FOUND_END;
			text[s->at] = ' ';
			s->line = s->at + 1;
		}
		if (is_white(c))
			continue;
		if (s->depth == 0 && s->last != '\0' && strchr(",[]{", c))
			return FOUND_END;
		s->string = c == '"';
		if (strchr("{}[]", c)) {
			enum found found = scan_bracket(s, c);

			s->at += found == FOUND_END;
			if (found != FOUND_NOTHING)
				return found;
		}
		s->last = c;
	}
	return FOUND_NOTHING;
}

/*
 * Behind a flaw: the line break in front of the next value, or its separator; 0
 * if it is not within what a value may have.
 */
static ssize_t
find_next(struct reader *r, const struct scan *s, struct error *err)
{
	bool on_line = s->line > 0;
	size_t at = on_line ? s->line : s->at, line = at, indent = 0;

	for (; at < r->max; at++) {
		ssize_t n = at < r->len ? 1 : reader_fill(r, err);
		char c;

		if (n <= 0)
			return n;
		c = r->buf[r->begin + at];
		if (c == RS)
			return (ssize_t)at;
		if (on_line && c == '{' && indent == s->indent) {
			/* It may have become a space. */
			r->buf[r->begin + line - 1] = '\n';
			return (ssize_t)line - 1;
		}
		if (is_break(c)) {
			on_line = true;
			indent = 0;
			line = at + 1;
		}
		indent += c == ' ' || c == '\t';
		on_line = on_line && is_between(c);
	}
	return 0;
}

const struct framing framing_array = {is_array, next_element};
const struct framing framing_values = {is_values, next_event};
