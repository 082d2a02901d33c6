/*
 * json.c - json_check, and those who go through what it has taken, against two
 * others: json-c, which takes more, and SQLite, which takes the same, but for
 * bytes that are not UTF-8.
 */
#include <json-c/json_object.h>
#include <json-c/json_tokener.h>
#if __has_include(<sqlite3.h>)
#include <sqlite3.h>
#endif

#include "../unit/members.h"
#include "fuzz.h"
#include "json_walk.h"

#define DEPTH 20

/* Does json-c take it? A string at the top must be the same to it. */
static bool
json_c_takes(struct input in, const char *value, const char *end)
{
	static struct json_tokener *tok;
	struct json_object *object;
	char *text = input_text(in), *ours = malloc(in.len + 1);
	long len = -1;
	bool takes;

	if (tok == NULL)
		tok = json_tokener_new_ex(DEPTH + 1);
	check(tok != NULL && ours != NULL);
	json_tokener_set_flags(
	    tok, JSON_TOKENER_STRICT | JSON_TOKENER_VALIDATE_UTF8);
	json_tokener_reset(tok);
	/* With the NUL: it ends a number at the top. */
	object = json_tokener_parse_ex(tok, text, (int)in.len + 1);
	takes = json_tokener_get_error(tok) == json_tokener_success;
	if (takes && *value == '"')
		len = json_string_decode(
		    (struct json_text){value, (size_t)(end - value)}, ours,
		    in.len);
	if (len >= 0) /* else a lone surrogate, which json-c replaces */
		check(json_object_get_string_len(object) == len &&
		      memcmp(json_object_get_string(object), ours,
			  (size_t)len) == 0);
	json_object_put(object);
	free(text);
	free(ours);
	return takes;
}

#if __has_include(<sqlite3.h>)
static bool
sqlite_takes(struct input in)
{
	static sqlite3_stmt *ask;
	sqlite3 *db;
	bool takes;

	if (ask == NULL)
		check(sqlite3_open(":memory:", &db) == SQLITE_OK &&
		      sqlite3_prepare_v2(db, "SELECT json_valid(?1)", -1, &ask,
			  NULL) == SQLITE_OK);
	check(sqlite3_bind_text(ask, 1, in.p, (int)in.len, SQLITE_STATIC) ==
		  SQLITE_OK &&
	      sqlite3_step(ask) == SQLITE_ROW);
	takes = sqlite3_column_int(ask, 0) != 0;
	check(sqlite3_reset(ask) == SQLITE_OK);
	return takes;
}
#endif

/* Does a line break stand between the tokens of what was checked? */
static bool
has_breaks(const char *p, const char *end)
{
	bool within = false;

	for (; p < end; p++) {
		if (*p == '"')
			within = !within;
		else if (within && *p == '\\')
			p++;
		else if (!within && (*p == '\n' || *p == '\r'))
			return true;
	}
	return false;
}

/* Any text becomes a string, and that becomes the text again. */
static void
check_string(struct input in)
{
	char *quoted = malloc(6 * in.len + 2), *again = malloc(3 * in.len + 1);
	bool utf8 = json_is_utf8(in.p, in.len), breaks;
	struct json_error err;
	size_t len;
	long n;

	check(quoted != NULL && again != NULL);
	len = json_string_encode(in.p, in.len, quoted);
	check(
	    json_check(quoted, quoted + len, 1, &breaks, &err) == quoted + len);
	n = json_string_decode(
	    (struct json_text){quoted, len}, again, 3 * in.len);
	check(n >= 0 && json_is_utf8(again, (size_t)n));
	check(utf8 == ((size_t)n == in.len &&
			  (n == 0 || memcmp(again, in.p, in.len) == 0)));
	free(quoted);
	free(again);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct input in = input_of(data, size);
	const char *end = in.p + in.len, *p = json_skip_space(in.p, end), *stop;
	struct json_watch watch = {0};
	struct json_error err = {0}, same = {0};
	bool breaks = false, whole;

	stop = json_check(p, end, DEPTH, &breaks, &err);
	check(members_agree(p, end, DEPTH, stop, &err));
	check(json_check_watching(p, end, DEPTH, &watch, &same) == stop);
	whole = stop != NULL && json_skip_space(stop, end) == end;
	if (stop != NULL) {
		check(breaks == has_breaks(p, stop) && watch.breaks == breaks);
		check(json_pass(p, stop) == stop);
	} else {
		check(err.at >= p && err.at <= end && err.reason != NULL);
		check(err.at == same.at);
	}
	if (whole)
		check(json_c_takes(in, p, stop));
#if __has_include(<sqlite3.h>)
	if (!err.too_deep)
		check(whole == (in.len > 0 && sqlite_takes(in) &&
				   json_is_utf8(in.p, in.len) &&
				   memchr(in.p, '\0', in.len) == NULL));
#endif
	check_string(in);
	return 0;
}
