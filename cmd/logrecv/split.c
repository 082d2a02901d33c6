/*
 * split.c - see split.h.
 *
 * Each byte is looked at a bounded number of times, whatever is wrong with the
 * body: after an error the check never goes on before the line of the error.
 */
#include <string.h>

#include "json.h"
#include "split.h"

#define RS '\x1e' /* RFC 7464: in front of each text of a sequence */

static const char *
take_array(struct event_writer *, const char *p, split_taker *);
static const char *
take_texts(struct event_writer *, const char *p, split_taker *);
static const char *
pass_bad_element(struct event_writer *, const char *p, struct event_flaw *);
static const char *
pass_bad_text(struct event_writer *, const char *p, struct event_flaw *);

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

int
split_body(struct event_writer *w, split_taker *take)
{
	const char *p = w->body;
	size_t len = (size_t)(w->end - w->body);

	if (len >= 3 && memcmp(p, "\xef\xbb\xbf", 3) == 0)
		p += 3;
	if (w->end > p && w->end[-1] == '\0')
		w->end--; /* a C string, sent with its end */
	p = skip_between(p, w->end);
	if (p == w->end)
		p = event_fail(
		    w, &(struct event_flaw){EVENT_BODY_EMPTY, p, NULL, NULL});
	else if (*p == '[')
		p = take_array(w, p, take);
	else
		p = take_texts(w, p, take);
	return p == NULL || event_all_are_bad(w) ? -1 : 0;
}

static const char *
fail_json(struct event_writer *w, const char *at, const char *reason)
{
	return event_fail(
	    w, &(struct event_flaw){EVENT_NOT_JSON, at, reason, NULL});
}

const char *
split_single(struct event_writer *w)
{
	const char *p = json_skip_space(w->body, w->end), *stop;
	struct event_flaw flaw = {.fault = EVENT_NOT_JSON};
	struct json_error json;
	bool breaks;

	stop = json_check(p, w->end, JSON_DEPTH_MOST, &breaks, &json);
	if (stop != NULL) {
		json.at = json_skip_space(stop, w->end);
		json.reason = "more text after the body's end";
		if (json.at == w->end)
			return p;
	}
	flaw.at = json.at;
	flaw.reason = json.reason;
	return event_fail(w, &flaw);
}

static const char *
take_array(struct event_writer *w, const char *p, split_taker *take)
{
	struct event_flaw flaw;

	p = json_skip_space(p + 1, w->end);
	if (p < w->end && *p == ']')
		p++;
	else
		for (;;) {
			const char *after = take(w, p, w->end, &flaw);

			if (after == NULL)
				after = pass_bad_element(w, p, &flaw);
			if (after == NULL)
				return NULL;
			p = json_skip_space(after, w->end);
			if (p == w->end || (*p != ',' && *p != ']'))
				return fail_json(w, p, "expected ',' or ']'");
			if (*p++ == ']')
				break;
			p = json_skip_space(p, w->end);
		}
	p = skip_between(p, w->end);
	if (p < w->end)
		return fail_json(w, p, "more text after the array's end");
	return p;
}

/* Objects one behind another, with or without white space between. */
static const char *
take_texts(struct event_writer *w, const char *p, split_taker *take)
{
	const char *after = NULL; /* the text before */
	struct event_flaw flaw;

	while (p < w->end) {
		if (after != NULL && *p != '{' && find_break(after, p) == p) {
			flaw = (struct event_flaw){EVENT_NOT_JSON, p,
			    "more text after the event on its line", NULL};
			after = NULL;
		} else {
			after = take(w, p, w->end, &flaw);
		}
		if (after == NULL)
			after = pass_bad_text(w, p, &flaw);
		if (after == NULL)
			return NULL;
		p = skip_between(after, w->end);
	}
	return p;
}

/*
 * Bad events: each of these returns where the next one is looked for, or NULL
 * with the body's error set.
 */
/* Where does what is too deep end, if it is JSON and ends before `end`? */
static void
find_deep_end(const char *p, const char *end, struct event_flaw *f)
{
	struct json_error json;
	bool breaks;

	f->stop = json_check(p, end, JSON_DEPTH_MOST, &breaks, &json);
	if (f->stop == NULL && !json.too_deep)
		*f = (struct event_flaw){
		    EVENT_NOT_JSON, json.at, json.reason, NULL};
}

static const char *
pass_bad_element(struct event_writer *w, const char *p, struct event_flaw *f)
{
	if (!event_is_own_flaw(w, f))
		return event_fail(w, f);
	if (f->fault == EVENT_TOO_DEEP)
		find_deep_end(p, w->end, f);
	return f->stop == NULL ? event_fail(w, f)
			       : event_reject(w, p, f->stop, f);
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
pass_bad_text(struct event_writer *w, const char *p, struct event_flaw *f)
{
	const char *next = f->stop;
	struct event_flaw deep = *f;

	if (!event_is_own_flaw(w, f))
		return event_fail(w, f);
	if (f->fault == EVENT_TOO_LARGE || f->fault == EVENT_UNFIT)
		return event_reject(w, p, next, f);
	next = find_next(p, f->stop != NULL ? f->stop : f->at, w->end);
	if (f->fault == EVENT_TOO_DEEP) {
		find_deep_end(p, next, &deep);
		if (deep.stop != NULL)
			next = deep.stop;
	}
	return event_reject(w, p, next, f);
}
