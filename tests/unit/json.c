/*
 * json.c - RFC 8259 by tables: what is JSON, what is not, where a mistake is
 * found and how it is called; depth, line breaks, UTF-8.
 *
 * Each text is checked in a memory block of exactly its size, so that
 * AddressSanitizer sees a read beyond it.
 */
#include "json.h"
#include "members.h"
#include "tap.h"

struct result {
	bool good, breaks, too_deep;
	size_t at;
	const char *reason;
};

/* Is it one document, with white space around it? */
static struct result
check(const char *text, size_t len, unsigned depth)
{
	struct result r = {0};
	struct json_error err = {0};
	char *copy = malloc(len == 0 ? 1 : len);
	const char *begin, *p, *end;

	must(copy != NULL);
	memcpy(copy, text, len);
	end = copy + len;
	begin = json_skip_space(copy, end);
	p = json_check(begin, end, depth, &r.breaks, &err);
	must(members_agree(begin, end, depth, p, &err));
	if (p == NULL) {
		must(err.at >= copy && err.at <= end && err.reason != NULL);
		r.at = (size_t)(err.at - copy);
		r.reason = err.reason;
		r.too_deep = err.too_deep;
	} else {
		must(p > copy && p <= end);
		r.good = json_skip_space(p, end) == end;
		r.at = (size_t)(p - copy);
		r.reason = r.good ? "" : "something follows";
	}
	free(copy);
	return r;
}

#define TEXT(s) \
	{ \
		s, sizeof(s) - 1 \
	}

struct text {
	const char *p;
	size_t len;
};

static const struct text good[] = {TEXT("{}"), TEXT("[]"), TEXT("null"),
    TEXT("true"), TEXT("false"), TEXT("0"), TEXT("-0"), TEXT("1"), TEXT("-1"),
    TEXT("10"), TEXT("0.5"), TEXT("-0.0"), TEXT("1e1"), TEXT("1E+1"),
    TEXT("1e-01"), TEXT("0e0"), TEXT("123.456e789"), TEXT("1e999999"),
    TEXT("123456789012345678901234567890123456789012345678901234567890"),
    TEXT("\"\""), TEXT("\"a\""), TEXT("\"\\\"\\\\\\/\\b\\f\\n\\r\\t\""),
    TEXT("\"\\u0000\""), TEXT("\"\\uD834\\uDd1e\""), TEXT("\"\\ud800\""),
    TEXT("\"\\udc00\\ud800\""), TEXT("\"\x7f\""), TEXT("\"\xc3\xa9\""),
    TEXT("\"\xe2\x82\xac\""), TEXT("\"\xf0\x9f\x98\x80\""),
    TEXT("\"\xf4\x8f\xbf\xbf\""), TEXT("\"\xef\xbf\xbf\""),
    TEXT("\"\xef\xbb\xbf\""), TEXT("\"\xe2\x80\xa8\""),
    TEXT(" \t\r\n{ \t\r\n} \t\r\n"), TEXT("[1]"), TEXT("[1,2]"),
    TEXT("[ 1 , 2 ]"), TEXT("[[],{}]"), TEXT("[[[[]]]]"), TEXT("{\"a\":1}"),
    TEXT("{\"a\":1,\"a\":2}"), TEXT("{\"\":0}"),
    TEXT("{\"a\":{\"b\":[{\"c\":null}]}}"), TEXT("{ \"a\" : \"b\" }"),
    TEXT("[null,true,false,0,\"\",{},[]]"), TEXT("[\"]\",\"}\",\"\\\"\"]"),
    TEXT("{\"\\u0061\":1,\"\xc3\xa9\":2}"), TEXT("[-0,-0.0,-0e0]")};

/* What is not JSON, the byte where it shows, and the reason given. */
static const struct {
	struct text text;
	size_t at;
	const char *reason;
} bad[] = {
    {TEXT(""), 0, "expected a value"},
    {TEXT("  "), 2, "expected a value"},
    {TEXT("\0"), 0, "expected a value"},
    {TEXT("nul"), 3, "expected a value"},
    {TEXT("nulll"), 4, "something follows"},
    {TEXT("nuLl"), 2, "expected a value"},
    {TEXT("TRUE"), 0, "expected a value"},
    {TEXT("True"), 0, "expected a value"},
    {TEXT("NaN"), 0, "expected a value"},
    {TEXT("Infinity"), 0, "expected a value"},
    {TEXT("-Infinity"), 1, "expected a digit"},
    {TEXT("undefined"), 0, "expected a value"},
    {TEXT("'a'"), 0, "expected a value"},
    {TEXT("`a`"), 0, "expected a value"},
    {TEXT("a"), 0, "expected a value"},
    {TEXT("\xef\xbb\xbf{}"), 0, "expected a value"},
    {TEXT("\xff\xfe{\0}\0"), 0, "expected a value"},
    {TEXT("\v{}"), 0, "expected a value"},
    {TEXT("\f{}"), 0, "expected a value"},
    {TEXT("\xc2\xa0{}"), 0, "expected a value"},
    {TEXT("/**/{}"), 0, "expected a value"},
    {TEXT("{}//"), 2, "something follows"},
    {TEXT("{}\0"), 2, "something follows"},
    {TEXT("{}{}"), 2, "something follows"},
    {TEXT("1 2"), 1, "something follows"},
    {TEXT("-"), 1, "expected a digit"},
    {TEXT("+1"), 0, "expected a value"},
    {TEXT("--1"), 1, "expected a digit"},
    {TEXT("01"), 1, "a number must not begin with 0"},
    {TEXT("-01"), 2, "a number must not begin with 0"},
    {TEXT("00"), 1, "a number must not begin with 0"},
    {TEXT("1."), 2, "expected a digit"},
    {TEXT(".5"), 0, "expected a value"},
    {TEXT("-.5"), 1, "expected a digit"},
    {TEXT("1.e1"), 2, "expected a digit"},
    {TEXT("1e"), 2, "expected a digit"},
    {TEXT("1e+"), 3, "expected a digit"},
    {TEXT("1e1.5"), 3, "something follows"},
    {TEXT("0x10"), 1, "something follows"},
    {TEXT("1_000"), 1, "something follows"},
    {TEXT("1f"), 1, "something follows"},
    {TEXT("\xef\xbc\x91"), 0, "expected a value"},
    {TEXT("\""), 1, "the string does not end"},
    {TEXT("\"a"), 2, "the string does not end"},
    {TEXT("\"a\\"), 3, "the string does not end"},
    {TEXT("\"a\\\""), 4, "the string does not end"},
    {TEXT("\"\\x41\""), 2, "no such escape"},
    {TEXT("\"\\a\""), 2, "no such escape"},
    {TEXT("\"\\'\""), 2, "no such escape"},
    {TEXT("\"\\0\""), 2, "no such escape"},
    {TEXT("\"\\\0\""), 2, "no such escape"},
    {TEXT("\"\\U0041\""), 2, "no such escape"},
    {TEXT("\"\\\n\""), 2, "no such escape"},
    {TEXT("\"\\u\""), 3, "expected four hexadecimal digits"},
    {TEXT("\"\\u00g0\""), 5, "expected four hexadecimal digits"},
    {TEXT("\"\\u004\""), 6, "expected four hexadecimal digits"},
    {TEXT("\"\\u 041\""), 3, "expected four hexadecimal digits"},
    {TEXT("\"\\u-041\""), 3, "expected four hexadecimal digits"},
    {TEXT("\"\n\""), 1, "a control character in a string must be escaped"},
    {TEXT("\"\t\""), 1, "a control character in a string must be escaped"},
    {TEXT("\"\0\""), 1, "a control character in a string must be escaped"},
    {TEXT("\"a\x1f\""), 2, "a control character in a string must be escaped"},
    {TEXT("\"\x80\""), 1, "not UTF-8"},
    {TEXT("\"\xff\""), 1, "not UTF-8"},
    {TEXT("\"\xc3\""), 1, "not UTF-8"},
    {TEXT("\"\xc0\xaf\""), 1, "not UTF-8"},
    {TEXT("\"\xe0\x80\xaf\""), 1, "not UTF-8"},
    {TEXT("\"\xed\xa0\x80\""), 1, "not UTF-8"},
    {TEXT("\"\xf4\x90\x80\x80\""), 1, "not UTF-8"},
    {TEXT("\"a\xe2\x82\""), 2, "not UTF-8"},
    {TEXT("["), 1, "expected a value"},
    {TEXT("[1"), 2, "expected ',' or ']'"},
    {TEXT("[1,"), 3, "expected a value"},
    {TEXT("[1,]"), 3, "expected a value"},
    {TEXT("[,1]"), 1, "expected a value"},
    {TEXT("[,]"), 1, "expected a value"},
    {TEXT("[1,,2]"), 3, "expected a value"},
    {TEXT("[1 2]"), 3, "expected ',' or ']'"},
    {TEXT("[1:2]"), 2, "expected ',' or ']'"},
    {TEXT("[1}"), 2, "expected ',' or ']'"},
    {TEXT("[}"), 1, "expected a value"},
    {TEXT("]"), 0, "expected a value"},
    {TEXT("[]]"), 2, "something follows"},
    {TEXT("[\"a\":1]"), 4, "expected ',' or ']'"},
    {TEXT("{"), 1, "expected a name in quotes"},
    {TEXT("}"), 0, "expected a value"},
    {TEXT("{]"), 1, "expected a name in quotes"},
    {TEXT("{,}"), 1, "expected a name in quotes"},
    {TEXT("{1:2}"), 1, "expected a name in quotes"},
    {TEXT("{a:1}"), 1, "expected a name in quotes"},
    {TEXT("{'a':1}"), 1, "expected a name in quotes"},
    {TEXT("{null:1}"), 1, "expected a name in quotes"},
    {TEXT("{\"a\"}"), 4, "expected ':'"},
    {TEXT("{\"a\" 1}"), 5, "expected ':'"},
    {TEXT("{\"a\",1}"), 4, "expected ':'"},
    {TEXT("{\"a\"=1}"), 4, "expected ':'"},
    {TEXT("{\"a\":"), 5, "expected a value"},
    {TEXT("{\"a\":}"), 5, "expected a value"},
    {TEXT("{\"a\"::1}"), 5, "expected a value"},
    {TEXT("{\"a\":1"), 6, "expected ',' or '}'"},
    {TEXT("{\"a\":1,"), 7, "expected a name in quotes"},
    {TEXT("{\"a\":1,}"), 7, "expected a name in quotes"},
    {TEXT("{\"a\":1,,\"b\":2}"), 7, "expected a name in quotes"},
    {TEXT("{\"a\":1 \"b\":2}"), 7, "expected ',' or '}'"},
    {TEXT("{\"a\":1]"), 6, "expected ',' or '}'"},
    {TEXT("{\"a\n\":1}"), 3, "a control character in a string must be escaped"},
    {TEXT("{\"a\":[1}]"), 7, "expected ',' or ']'"},
    {TEXT("{\"a\":1}\n{\"b\":2}"), 7, "something follows"},
};

/* Shows a text in a message: what is not printable as \xNN. */
static const char *
shown(const char *p, size_t len)
{
	static char out[400];
	size_t n = 0;

	for (size_t i = 0; i < len && n < sizeof(out) - 5; i++) {
		unsigned char c = (unsigned char)p[i];

		if (c >= 0x20 && c < 0x7f)
			out[n++] = p[i];
		else
			n += (size_t)snprintf(out + n, 5, "\\x%02x", c);
	}
	out[n] = '\0';
	return out;
}

static void
test_tables(void)
{
	struct tap_all prefixes = {0};

	for (size_t i = 0; i < sizeof(good) / sizeof(*good); i++) {
		const struct text *t = &good[i];
		struct result r = check(t->p, t->len, 128);

		ok(r.good, "JSON: %s", shown(t->p, t->len));
		/* A number's prefix can be a number: only brackets tell. */
		if (strchr("{[\"tfn", *t->p) == NULL)
			continue;
		for (size_t n = 0; n < t->len; n++)
			tap_case(&prefixes, !check(t->p, n, 128).good, "%s",
			    shown(t->p, n));
	}
	tap_all(&prefixes, "no part of a document is one");
	for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++) {
		const struct text *t = &bad[i].text;
		struct result r = check(t->p, t->len, 128);

		ok(!r.good && r.at == bad[i].at &&
			strcmp(r.reason, bad[i].reason) == 0 && !r.too_deep,
		    "not JSON: %s: %zu: %s", shown(t->p, t->len), r.at,
		    r.reason);
	}
}

static void
test_bytes(void)
{
	struct tap_all strings = {0}, between = {0}, escapes = {0};

	for (unsigned c = 0; c < 256; c++) {
		char plain[] = {'[', '"', 'a', (char)c, 'b', '"', ']'};
		char token[] = {'[', '1', (char)c, ',', '2', ']'};
		char escape[] = {'[', '"', '\\', (char)c, '"', ']'};

		/* A backslash makes \b of it, which is an escape. */
		tap_case(&strings,
		    check(plain, sizeof(plain), 9).good ==
			(c >= 0x20 && c < 0x80 && c != '"'),
		    "byte %02x", c);
		tap_case(&between,
		    check(token, sizeof(token), 9).good ==
			(c == ' ' || c == '\t' || c == '\n' || c == '\r' ||
			    (c >= '0' && c <= '9')),
		    "byte %02x", c);
		tap_case(&escapes,
		    check(escape, sizeof(escape), 9).good ==
			(c != 0 && strchr("\"\\/bfnrt", (int)c) != NULL),
		    "byte %02x", c);
	}
	tap_all(&strings, "each byte within a string");
	tap_all(&between, "each byte after a number");
	tap_all(&escapes, "each byte after a backslash");
}

/* depth brackets of a pattern of objects and arrays, and what closes them. */
static size_t
nest(char *out, unsigned depth, uint64_t *seed)
{
	char *p = out, closing[2048];

	for (unsigned i = 0; i < depth; i++) {
		bool object = (tap_random(seed) & 1) != 0;

		closing[i] = object ? '}' : ']';
		if (object && i + 1 < depth)
			p += sprintf(p, "{\"a\":");
		else
			*p++ = object ? '{' : '[';
	}
	for (unsigned i = depth; i-- > 0;)
		*p++ = closing[i];
	return (size_t)(p - out);
}

static void
test_depth(void)
{
	static char text[8 * 2048];
	struct tap_all fits = {0}, over = {0}, wrong = {0};
	struct result r;
	uint64_t seed = 7;

	for (unsigned depth = 1; depth <= JSON_DEPTH_MOST; depth++) {
		size_t len = nest(text, depth, &seed);
		size_t middle;

		tap_case(
		    &fits, check(text, len, depth).good, "depth %u", depth);
		r = check(text, len, depth - 1);
		tap_case(&over,
		    !r.good && r.too_deep &&
			strcmp(r.reason, "nested too deeply") == 0,
		    "depth %u", depth);
		/* Swap one closing bracket for the other kind. */
		do {
			middle = len - 1 - tap_random(&seed) % depth;
		} while (text[middle] != ']' && text[middle] != '}');
		text[middle] = text[middle] == ']' ? '}' : ']';
		tap_case(
		    &wrong, !check(text, len, depth).good, "depth %u", depth);
	}
	tap_all(&fits, "as deep as allowed, to the most there is");
	tap_all(&over, "one level more is refused as too deep");
	tap_all(&wrong, "a bracket of the wrong kind is found at any depth");
	memset(text, '[', sizeof(text));
	r = check(text, sizeof(text), JSON_DEPTH_MOST);
	ok(r.too_deep && r.at == JSON_DEPTH_MOST,
	    "16,384 brackets are refused at the one too many");
	ok(check("7", 1, 0).good, "a scalar needs no level");
	ok(check("{}", 2, 0).too_deep, "an object needs one");
	ok(check("[[],[],{\"a\":[]}]", 16, 3).good,
	    "levels count around the innermost, not together");
	ok(!check("]", 1, 3).too_deep, "another mistake is not one of depth");
}

static void
test_breaks(void)
{
	static const struct {
		const char *text;
		bool breaks;
	} cases[] = {{"{}", false}, {"{ \t}", false}, {"{\n}", true},
	    {"{\r}", true}, {"{\"a\"\n:1}", true}, {"{\"a\":\n1}", true},
	    {"{\"a\":1\n}", true}, {"{\"a\":1,\n\"b\":2}", true},
	    {"[\n1]", true}, {"[1\r,2]", true}, {"[1,\r2]", true},
	    {"[[1]\n]", true}, {"[[]\n,2]", true}, {"[{}\r]", true},
	    {"[\"\\n\\r\"]", false}, {"[\"\\u000a\"]", false},
	    {"\n{}\n", false}, {"{}\r\n", false}};
	static const char empty[] = "{}";
	bool breaks = true;
	struct json_error err;

	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		const char *text = cases[i].text;
		struct result r = check(text, strlen(text), 9);

		ok(r.good && r.breaks == cases[i].breaks, "%s within %s",
		    cases[i].breaks ? "line breaks" : "none",
		    shown(text, strlen(text)));
	}
	must(json_check(empty, empty + 2, 9, &breaks, &err) == empty + 2);
	ok(breaks, "what was found before is left alone");
}

static void
test_watch(void)
{
	static const struct {
		const char *text;
		bool seen;
	} cases[] = {{"{\"@x\":1}", true}, {"{\"a\":1,\"@x\":1}", true},
	    {"[{\"a\":{\"@x\":1}}]", true}, {"{\"\\u0040x\":1}", true},
	    {"{\"a\\n\":1}", true}, {"{}", false}, {"{\"@\":1}", false},
	    {"{\"@xy\":1}", false}, {"{\"x\":\"@x\"}", false},
	    {"{\"x\":\"\\u0040x\"}", false}, {"[\"@x\"]", false},
	    {"{\"\":1}", false}, {"{\"@", false}, {"{\"@x", false}};
	struct tap_all all = {0};

	for (size_t i = 0; i < 2 * sizeof(cases) / sizeof(*cases); i++) {
		struct json_watch watch = {0};
		const char *text = cases[i / 2].text;
		struct json_error err;
		size_t len = strlen(text);
		char *copy = malloc(len);
		const char *stop;

		/* Of all names each one counts. */
		json_watch_add(
		    &watch, i % 2 == 0 ? "@x" : "@other", i % 2 == 0 ? 2 : 6);
		json_watch_add(&watch, "@x", 2);
		json_watch_add(&watch, "\xff", 1);
		must(copy != NULL);
		memcpy(copy, text, len);
		stop = json_check_watching(copy, copy + len, 9, &watch, &err);
		tap_case(&all, stop == NULL || watch.seen == cases[i / 2].seen,
		    "%s", text);
		free(copy);
	}
	tap_all(&all, "a member that is watched for is never overlooked");
}

int
main(void)
{
	test_tables();
	test_bytes();
	test_depth();
	test_watch();
	test_breaks();
	return tap_end();
}
