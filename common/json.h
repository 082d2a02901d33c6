/*
 * json.h - checks and reads JSON in place, without a tree and without
 * allocating.
 *
 * json_check takes RFC 8259 to the letter: not one document more, not one
 * less, and UTF-8 alone (section 8.1). Numbers may have any size, names may
 * repeat. json-c's strict mode takes more than that (NaN, 'x', -01, raw line
 * breaks in strings), which in a file of one event a line would let a client
 * forge lines.
 *
 * json_check_member does the same for an object, and tells its members while it
 * is at it. The other calls take text that was checked; they must not be given
 * anything else.
 */
#ifndef COMMON_JSON_H
#define COMMON_JSON_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct json_error {
	const char *at;     /* the first byte that cannot stand there */
	const char *reason; /* a constant text: "expected ':'" */
	bool too_deep;      /* the one reason that is a limit of ours */
};

#define JSON_DEPTH_MOST 1024 /* what max_depth may be at most */
/* Bytes of the longest token that is wrong only because it is cut. */
#define JSON_CUT_MOST 16

/*
 * Checks the value that begins at p (no white space before it). Returns the
 * byte after it, or NULL with *err set. max_depth counts objects and arrays
 * around the innermost one: `{}` needs 1. *breaks is set to true if a CR or
 * LF stands between its tokens, and else left alone.
 */
const char *json_check(const char *p, const char *end, unsigned max_depth,
    bool *breaks, struct json_error *err);

/* A piece of somebody else's text; valid as long as that is. */
struct json_text {
	const char *p;
	size_t len;
};

#define JSON_WATCH_MAX 12

/*
 * What json_check_watching looks out for on its way, and has seen. Starts as
 * all zeros; json_watch_add adds names, and who wants to know what is seen of
 * one text alone unsets that before.
 */
struct json_watch {
	struct json_text names[JSON_WATCH_MAX];
	unsigned count;
	uint64_t firsts; /* a bit for what names begin with, modulo 64 */
	bool breaks;     /* CR or LF between tokens */
	bool seen;       /* a name at any depth, or one with escapes */
};

/* A member's name, not empty, as it is without escapes; it stays theirs. */
void json_watch_add(struct json_watch *, const char *name, size_t len);

/*
 * The same, for those to whom certain members matter that are hardly ever
 * there: `seen` unset, they are not, and no second look is needed.
 */
const char *json_check_watching(const char *p, const char *end,
    unsigned max_depth, struct json_watch *, struct json_error *err);

/* The first byte from p on that is no JSON white space, or end. */
const char *json_skip_space(const char *p, const char *end);

enum json_kind {
	JSON_OBJECT,
	JSON_ARRAY,
	JSON_STRING,
	JSON_NUMBER,
	JSON_TRUE,
	JSON_FALSE,
	JSON_NULL,
};

struct json_member {
	struct json_text name;  /* between the quotes, escapes as written */
	bool name_escapes;      /* are there any? */
	struct json_text value; /* a string's includes its quotes */
	bool escapes;           /* are there any in it, if it is a string? */
	enum json_kind kind;
};

/*
 * Checks an object, a member a call: set *cursor to its '{' and call as long as
 * it returns 1, which gives a member. 0: that was all, *cursor is behind the
 * '}'. -1: *err says why not. Members given before an error are what they seem.
 */
int json_check_member(const char **cursor, const char *end, unsigned max_depth,
    struct json_member *, struct json_error *);

/*
 * The parts of that, for those who check some values otherwise: the name, which
 * sets *cursor to the value; the value, of at most max_depth; and what follows
 * it, which sets *cursor for the next name. NULL or -1: *err says why not.
 */
int json_check_name(const char **cursor, const char *end, struct json_member *,
    struct json_error *);
const char *json_check_value(const char *p, const char *end, unsigned max_depth,
    struct json_member *, struct json_error *);
const char *
json_check_comma(const char *p, const char *end, struct json_error *);

/*
 * Steps over the members of a checked object: set *cursor to its '{' and call
 * until false. `end` is the end of the checked text.
 */
bool
json_next_member(const char **cursor, const char *end, struct json_member *);

/* Does the name, its escapes resolved, equal these bytes of UTF-8? */
bool json_name_is(const struct json_member *, const char *plain, size_t len);

/*
 * Resolves the escapes of a string (its text with the quotes) into out.
 * Returns the length, or -1 where it does not fit in cap bytes or holds a
 * lone surrogate, which no UTF-8 can express (RFC 8259, section 8.2). out is
 * not ended with NUL: a string may hold U+0000.
 */
long json_string_decode(struct json_text quoted, char *out, size_t cap);

/*
 * Writes text as a JSON string, quotes included; bytes that are not UTF-8
 * become U+FFFD. Returns the length, at most 6 * len + 2, which out must hold.
 */
size_t json_string_encode(const char *text, size_t len, char *out);

/* Are these bytes well-formed UTF-8 (RFC 3629)? */
bool json_is_utf8(const char *text, size_t len);

#endif
