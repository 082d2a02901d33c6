/*
 * json-fuzz.c - documents with random changes, against json-c's strict mode:
 * what json_check takes, json-c takes; what json-c takes beyond it is one of
 * the mistakes that json-c is known to overlook.
 */
#include <json-c/json_object.h>
#include <json-c/json_tokener.h>

#include "json.h"
#include "members.h"
#include "tap.h"

#define CASES 400000
#define DEPTH 20

static const char *const seeds[] = {
    "{\"event\":\"user_login\",\"user_id\":7,\"level\":\"info\"}",
    "{\"a\":[1,2.5,-3e10,0,-0.0,1E-5],\"b\":{\"c\":null,\"d\":true}}",
    "[\"\\u0041\\n\\\\\\\"\\/\",\"\xc3\xa9\xe2\x82\xac\xf0\x9f\x98\x80\",{}]",
    "[ { \"x\" : [ ] } , false , \"\" , 12345678901234567890123 ]",
    "{\"ts\":\"2026-11-22T07:33:51.123456Z\",\"n\":{\"n\":{\"n\":[[[]]]}}}",
    "[NaN,Infinity,-Infinity,'x',01,2.,.5,\"\t\"]",
    "{\"a\":1,\"a\":2,\"\":{\"\\ud83d\\ude00\":\"\\ud800\"}}",
};

static const char *const pieces[] = {"{", "}", "[", "]", ",", ":", "\"", "\\",
    "\\u", "\\u0000", "\\ud800", "0", "1", "-", "+", ".", "e", "E", "true",
    "null", "NaN", "Infinity", "'", "\n", "\r", "\t", " ", "\v", "\f", "/*",
    "*/", "//", "\x80", "\xc3", "\xc3\xa9", "\xed\xa0\x80", "\xff", "\x01",
    "\x7f", "[[[[[[[[[[", "]]]]]]]]]]", "\"a\":", ",\"a\":1", "e5", "00"};

#define COUNT(a) (sizeof(a) / sizeof(*(a)))

/* Makes a text of up to cap bytes; no NUL, which json-c takes as the end. */
static size_t
make(uint64_t *seed, char *out, size_t cap)
{
	const char *from = seeds[tap_random(seed) % COUNT(seeds)];
	size_t len = strlen(from), changes = tap_random(seed) % 5;

	memcpy(out, from, len);
	while (changes-- > 0 && len > 4) {
		const char *piece = pieces[tap_random(seed) % COUNT(pieces)];
		size_t n = strlen(piece), at = tap_random(seed) % len, cut;

		switch (tap_random(seed) % 4) {
		case 0: /* put something in */
			if (len + n > cap)
				break;
			memmove(out + at + n, out + at, len - at);
			memcpy(out + at, piece, n);
			len += n;
			break;
		case 1: /* leave something out */
			cut = 1 + tap_random(seed) % 4;
			if (cut > len - at)
				cut = len - at;
			memmove(out + at, out + at + cut, len - at - cut);
			len -= cut;
			break;
		case 2: /* write over it */
			if (n > len - at)
				n = len - at;
			memcpy(out + at, piece, n);
			break;
		default: /* any byte but NUL */
			out[at] = (char)(1 + tap_random(seed) % 255);
		}
	}
	return len;
}

static bool
json_c_accepts(struct json_tokener *tok, const char *text, size_t len)
{
	struct json_object *object;
	enum json_tokener_error error;
	size_t end;

	json_tokener_reset(tok);
	/* With the NUL: it ends a number at the top. */
	object = json_tokener_parse_ex(tok, text, (int)len + 1);
	error = json_tokener_get_error(tok);
	end = json_tokener_get_parse_end(tok);
	json_object_put(object);
	return error == json_tokener_success &&
	       json_skip_space(text + end, text + len) == text + len;
}

static bool
ours_accepts(const char *text, size_t len, struct json_error *err)
{
	bool breaks = false;
	const char *end = text + len, *p, *begin = json_skip_space(text, end);

	p = json_check(begin, end, DEPTH, &breaks, err);
	must(members_agree(begin, end, DEPTH, p, err));
	if (p == NULL)
		return false;
	err->at = json_skip_space(p, end);
	err->reason = "something follows";
	return err->at == end;
}

/* Is this something that json-c 0.16 is known to let through? */
static bool
is_known(const char *text, const char *end, const struct json_error *err)
{
	static const char *const anywhere[] = {
	    "control character", "not UTF-8", "must not begin with 0"};
	const char *at = err->at;
	char c = at < end ? *at : '\0';

	for (size_t i = 0; i < COUNT(anywhere); i++) {
		if (strstr(err->reason, anywhere[i]) != NULL)
			return true;
	}
	/* NaN, Infinity, -Infinity, 'x', and white space of isspace(3). */
	if (c != '\0' && strchr("NI'\v\f", c) != NULL)
		return true;
	/* A point, an e or a minus without digits after it: "2.", "1e". */
	if (strcmp(err->reason, "expected a digit") == 0)
		return at > text && strchr(".eE+-", at[-1]) != NULL;
	return false;
}

int
main(void)
{
	struct tap_all fewer = {0}, more = {0};
	struct json_tokener *tok = json_tokener_new_ex(DEPTH + 1);
	unsigned long both = 0, neither = 0, lenient = 0;
	uint64_t seed = 20261122;

	must(tok != NULL);
	json_tokener_set_flags(
	    tok, JSON_TOKENER_STRICT | JSON_TOKENER_VALIDATE_UTF8);
	for (int i = 0; i < CASES; i++) {
		char text[400];
		size_t len = make(&seed, text, sizeof(text) - 1);
		struct json_error err = {0};
		bool ours, theirs;

		text[len] = '\0';
		ours = ours_accepts(text, len, &err);
		theirs = json_c_accepts(tok, text, len);
		both += ours && theirs;
		neither += !ours && !theirs;
		if (ours)
			tap_case(&fewer, theirs, "json-c refuses: %s", text);
		if (theirs && !ours)
			lenient++;
		if (theirs)
			tap_case(&more,
			    ours || is_known(text, text + len, &err),
			    "json-c takes: %s; we find at %td: %s", text,
			    err.at - text, err.reason);
	}
	tap_all(&fewer, "what json_check takes, json-c takes");
	tap_all(&more, "what json-c takes beyond that is a known leniency");
	ok(both > CASES / 20 && neither > CASES / 20,
	    "there are enough of each: both %lu, neither %lu, json-c alone %lu",
	    both, neither, lenient);
	json_tokener_free(tok);
	return tap_end();
}
