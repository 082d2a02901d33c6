/*
 * json.c - see json.h. Section numbers are those of RFC 8259.
 *
 * json_check is one loop over tokens with a bit a level for "object or
 * array", so that no depth of nesting can grow the stack.
 */
#include <assert.h>
#include <stdint.h>
#include <string.h>

#include "hex.h"
#include "json.h"
#include "scan.h"
#include "utf8.h"

struct levels {
	uint64_t bits[JSON_DEPTH_MOST / 64]; /* 1: object */
	unsigned depth, max;
};

static const char *check_scalar(
    const char *p, const char *end, enum json_kind *, struct json_error *);
static const char *check_string_rest(
    const char *p, const char *end, bool *escapes, struct json_error *);

static const char *
fail(struct json_error *err, const char *at, const char *reason)
{
	err->at = at;
	err->reason = reason;
	err->too_deep = false;
	return NULL;
}

static const char *
fail_depth(struct json_error *err, const char *at)
{
	(void)fail(err, at, "nested too deeply");
	err->too_deep = true;
	return NULL;
}

static bool
is_space(char c)
{
	return c == ' ' || c == '\n' || c == '\r' || c == '\t';
}

const char *
json_skip_space(const char *p, const char *end)
{
	while (p < end && is_space(*p))
		p++;
	return p;
}

/* The same, noting line breaks. */
static inline const char *
skip_breaks(const char *p, const char *end, bool *breaks)
{
	for (; p < end && is_space(*p); p++) {
		if (*p == '\n' || *p == '\r')
			*breaks = true;
	}
	return p;
}

static bool
level_is_object(const struct levels *l)
{
	unsigned i = l->depth - 1;

	return (l->bits[i / 64] >> i % 64 & 1) != 0;
}

static bool
level_push(struct levels *l, bool object)
{
	unsigned i = l->depth;
	uint64_t bit = (uint64_t)1 << i % 64;

	if (l->depth == l->max)
		return false;
	if (i % 64 == 0)
		l->bits[i / 64] = 0;
	if (object)
		l->bits[i / 64] |= bit;
	else
		l->bits[i / 64] &= ~bit;
	l->depth++;
	return true;
}

/*
 * A string from its quote on; surrogates may stand alone (section 8.2).
 * *escapes is set to true where there are any, and else left alone.
 */
static inline const char *
check_string(
    const char *p, const char *end, bool *escapes, struct json_error *err)
{
	p = scan_plain(p + 1, end, true);
	if (p < end && *p == '"')
		return p + 1; /* most are plain to their end */
	return check_string_rest(p, end, escapes, err);
}

/* Does a member's name begin here (section 4)? */
static const char *
check_quote(const char *p, const char *end, struct json_error *err)
{
	if (p == end || *p != '"')
		return fail(err, p, "expected a name in quotes");
	return p;
}

/* From behind a member's name to its value. */
static const char *
check_colon(
    const char *p, const char *end, bool *breaks, struct json_error *err)
{
	p = skip_breaks(p, end, breaks);
	if (p == end || *p != ':')
		return fail(err, p, "expected ':'");
	return skip_breaks(p + 1, end, breaks);
}

/*
 * Is the name that begins here, with its quote, one that is looked for? Rarely
 * asked: in line, it would take registers from those who ask.
 */
__attribute__((noinline)) static bool
is_watched(const char *p, const char *end, const struct json_watch *watch)
{
	for (unsigned i = 0; i < watch->count; i++) {
		const struct json_text *name = &watch->names[i];

		if ((size_t)(end - p) >= name->len + 2 &&
		    p[1 + name->len] == '"' &&
		    memcmp(p + 1, name->p, name->len) == 0)
			return true;
	}
	return false;
}

static bool
is_first(const struct json_watch *watch, char c)
{
	return (watch->firsts >> (c & 63) & 1) != 0;
}

void
json_watch_add(struct json_watch *watch, const char *name, size_t len)
{
	assert(len > 0 && watch->count < JSON_WATCH_MAX);
	watch->names[watch->count++] = (struct json_text){name, len};
	watch->firsts |= (uint64_t)1 << (*name & 63);
}

static const char *
check_name(const char *p, const char *end, struct json_watch *watch,
    struct json_error *err)
{
	p = check_quote(p, end, err);
	if (p == NULL)
		return NULL;
	if (end - p > 1 && is_first(watch, p[1]) && is_watched(p, end, watch))
		watch->seen = true;
	p = check_string(p, end, &watch->seen, err);
	return p == NULL ? NULL : check_colon(p, end, &watch->breaks, err);
}

const char *
json_check(const char *p, const char *end, unsigned max_depth, bool *breaks,
    struct json_error *err)
{
	struct json_watch watch;

	watch.count = 0;
	watch.firsts = 0;
	watch.breaks = false;

	p = json_check_watching(p, end, max_depth, &watch, err);
	if (watch.breaks)
		*breaks = true;
	return p;
}

const char *
json_check_watching(const char *p, const char *end, unsigned max_depth,
    struct json_watch *watch, struct json_error *err)
{
	struct levels l;
	enum json_kind kind;
	bool *breaks = &watch->breaks;

	assert(max_depth <= JSON_DEPTH_MOST);
	l.depth = 0;
	l.max = max_depth;
	for (;;) {
		/* Here a value is due. */
		if (p < end && (*p == '{' || *p == '[')) {
			bool object = *p == '{';

			if (!level_push(&l, object))
				return fail_depth(err, p);
			p = skip_breaks(p + 1, end, breaks);
			if (p == end || *p != (object ? '}' : ']')) {
				if (object)
					p = check_name(p, end, watch, err);
				if (p == NULL)
					return NULL;
				continue;
			}
			/* Empty: falls through to what closes it. */
		} else {
			p = check_scalar(p, end, &kind, err);
			if (p == NULL || l.depth == 0)
				return p;
			p = skip_breaks(p, end, breaks);
		}
		/* Here a value has ended. */
		while (p < end && *p == (level_is_object(&l) ? '}' : ']')) {
			p++;
			if (--l.depth == 0)
				return p;
			p = skip_breaks(p, end, breaks);
		}
		if (p == end || *p != ',')
			return fail(err, p,
			    level_is_object(&l) ? "expected ',' or '}'"
						: "expected ',' or ']'");
		p = skip_breaks(p + 1, end, breaks);
		if (level_is_object(&l))
			p = check_name(p, end, watch, err);
		if (p == NULL)
			return NULL;
	}
}

static bool
is_digit(const char *p, const char *end)
{
	return p < end && *p >= '0' && *p <= '9';
}

/* Section 6; a number may have any size. */
static const char *
check_number(const char *p, const char *end, struct json_error *err)
{
	if (*p == '-')
		p++;
	if (!is_digit(p, end))
		return fail(err, p, "expected a digit");
	if (*p++ != '0') {
		while (is_digit(p, end))
			p++;
	}
	if (p < end && *p == '.') {
		if (!is_digit(++p, end))
			return fail(err, p, "expected a digit");
		while (is_digit(p, end))
			p++;
	}
	if (p < end && (*p == 'e' || *p == 'E')) {
		p++;
		if (p < end && (*p == '+' || *p == '-'))
			p++;
		if (!is_digit(p, end))
			return fail(err, p, "expected a digit");
		while (is_digit(p, end))
			p++;
	}
	if (is_digit(p, end))
		return fail(err, p, "a number must not begin with 0");
	return p;
}

static const char *
check_word(const char *p, const char *end, const char *word, size_t len,
    struct json_error *err)
{
	for (size_t i = 0; i < len; i++) {
		if (p + i == end || p[i] != word[i])
			return fail(err, p + i, "expected a value");
	}
	return p + len;
}

static const char *
check_scalar(const char *p, const char *end, enum json_kind *kind,
    struct json_error *err)
{
	bool escapes;

	if (p == end)
		return fail(err, p, "expected a value");
	switch (*p) {
	case '"':
		*kind = JSON_STRING;
		return check_string(p, end, &escapes, err);
	case 't':
		*kind = JSON_TRUE;
		return check_word(p, end, "true", 4, err);
	case 'f':
		*kind = JSON_FALSE;
		return check_word(p, end, "false", 5, err);
	case 'n':
		*kind = JSON_NULL;
		return check_word(p, end, "null", 4, err);
	default:
		*kind = JSON_NUMBER;
		if (*p == '-' || is_digit(p, end))
			return check_number(p, end, err);
		return fail(err, p, "expected a value");
	}
}

/* From the backslash on (section 7). */
static const char *
check_escape(const char *p, const char *end, struct json_error *err)
{
	if (++p == end)
		return fail(err, p, "the string does not end");
	if (*p == 'u') {
		for (int i = 1; i <= 4; i++) {
			if (p + i == end || hex_digit(p[i]) < 0)
				return fail(err, p + i,
				    "expected four hexadecimal digits");
		}
		return p + 5;
	}
	/* A NUL would be found at the string's end. */
	if (*p == '\0' || strchr("\"\\/bfnrt", *p) == NULL)
		return fail(err, p, "no such escape");
	return p + 1;
}

/* The rest of a string, from the first byte on that is not plain. */
static const char *
check_string_rest(
    const char *p, const char *end, bool *escapes, struct json_error *err)
{
	const char *next;

	for (;; p = scan_plain(next, end, true)) {
		if (p == end)
			return fail(err, p, "the string does not end");
		if (*p == '"')
			return p + 1;
		if (*p == '\\') {
			*escapes = true;
			next = check_escape(p, end, err);
			if (next == NULL)
				return NULL;
			continue;
		}
		if ((unsigned char)*p < 0x20)
			return fail(err, p,
			    "a control character in a string must be escaped");
		/* Where one of them stands, more do. */
		for (; p < end && (unsigned char)*p >= 0x80; p = next) {
			next = utf8_next(p, end);
			if (next == NULL)
				return fail(err, p, "not UTF-8");
		}
		next = p;
	}
}

/*
 * Members
 */

int
json_check_name(const char **cursor, const char *end, struct json_member *m,
    struct json_error *err)
{
	const char *p = *cursor;
	bool breaks;

	if (*p == '{')
		p = json_skip_space(p + 1, end);
	if (p < end && *p == '}') {
		*cursor = p + 1;
		return 0;
	}
	p = check_quote(p, end, err);
	if (p == NULL)
		return -1;
	m->name_escapes = false;
	m->name.p = p + 1;
	p = check_string(p, end, &m->name_escapes, err);
	if (p == NULL)
		return -1;
	m->name.len = (size_t)(p - m->name.p) - 1;
	p = check_colon(p, end, &breaks, err);
	if (p == NULL)
		return -1;
	*cursor = p;
	return 1;
}

const char *
json_check_value(const char *p, const char *end, unsigned max_depth,
    struct json_member *m, struct json_error *err)
{
	bool breaks;

	m->escapes = false;
	m->value.p = p;
	if (p < end && *p == '"') {
		m->kind = JSON_STRING;
		p = check_string(p, end, &m->escapes, err);
	} else if (p < end && (*p == '{' || *p == '[')) {
		m->kind = *p == '{' ? JSON_OBJECT : JSON_ARRAY;
		p = json_check(p, end, max_depth, &breaks, err);
	} else {
		p = check_scalar(p, end, &m->kind, err);
	}
	if (p == NULL)
		return NULL;
	m->value.len = (size_t)(p - m->value.p);
	return p;
}

const char *
json_check_comma(const char *p, const char *end, struct json_error *err)
{
	p = json_skip_space(p, end);
	if (p < end && *p == '}')
		return p;
	if (p == end || *p != ',')
		return fail(err, p, "expected ',' or '}'");
	return check_quote(json_skip_space(p + 1, end), end, err);
}

int
json_check_member(const char **cursor, const char *end, unsigned max_depth,
    struct json_member *m, struct json_error *err)
{
	const char *p;
	int more;

	if (max_depth == 0 && **cursor == '{') {
		(void)fail_depth(err, *cursor);
		return -1;
	}
	more = json_check_name(cursor, end, m, err);
	if (more <= 0)
		return more;
	p = json_check_value(*cursor, end, max_depth - 1, m, err);
	if (p != NULL)
		p = json_check_comma(p, end, err);
	if (p == NULL)
		return -1;
	*cursor = p;
	return 1;
}

bool
json_next_member(const char **cursor, const char *end, struct json_member *m)
{
	struct json_error err;

	return json_check_member(cursor, end, JSON_DEPTH_MOST, m, &err) > 0;
}
