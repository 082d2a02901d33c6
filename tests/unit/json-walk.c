/*
 * json-walk.c - members, names, and strings of checked JSON.
 */
#include "json.h"
#include "json_walk.h"
#include "tap.h"

static struct json_text
text_of(const char *s)
{
	return (struct json_text){s, strlen(s)};
}

static bool
text_is(struct json_text t, const char *want)
{
	return t.len == strlen(want) && memcmp(t.p, want, t.len) == 0;
}

static void
test_members(void)
{
	static const char text[] =
	    "{ \"a\" : 1 ,\"b\":\"x,\\\"}\" , \"\":{\"in\":[1,{}]},\n"
	    "\"c\\u0041\":[\"]\",[[]]],\"t\":true,\"f\":false,\"n\":null,"
	    "\"a\":-1.5e3\t}";
	static const struct {
		const char *name, *value;
		enum json_kind kind;
	} want[] = {{"a", "1", JSON_NUMBER}, {"b", "\"x,\\\"}\"", JSON_STRING},
	    {"", "{\"in\":[1,{}]}", JSON_OBJECT},
	    {"c\\u0041", "[\"]\",[[]]]", JSON_ARRAY}, {"t", "true", JSON_TRUE},
	    {"f", "false", JSON_FALSE}, {"n", "null", JSON_NULL},
	    {"a", "-1.5e3", JSON_NUMBER}};
	const char *cursor = text, *end = text + sizeof(text) - 1;
	struct json_member m;

	for (size_t i = 0; i < sizeof(want) / sizeof(*want); i++) {
		must(json_next_member(&cursor, end, &m));
		ok(text_is(m.name, want[i].name), "member %zu: name", i);
		ok(text_is(m.value, want[i].value), "member %zu: value", i);
		is_number(m.kind, want[i].kind, "  its kind");
	}
	ok(!json_next_member(&cursor, end, &m), "then none");
	cursor = "{}";
	ok(!json_next_member(&cursor, cursor + 2, &m), "none in {}");
	cursor = "{ \n}";
	ok(!json_next_member(&cursor, cursor + 4, &m), "none in { }");
}

/* Is the name of the one member of an object this one? */
static bool
name_is(const char *name, const char *plain, size_t len)
{
	char text[64];
	int n = snprintf(text, sizeof(text), "{\"%s\":0}", name);
	const char *cursor = text;
	struct json_member m;

	return json_next_member(&cursor, text + n, &m) &&
	       json_name_is(&m, plain, len);
}

static void
test_names(void)
{
	static const struct {
		const char *name, *plain;
		bool same;
	} cases[] = {{"event", "event", true}, {"event", "even", false},
	    {"even", "event", false}, {"", "", true}, {"", "a", false},
	    {"\\u0065vent", "event", true}, {"\\u0065vent", "event2", false},
	    {"\\u0065vents", "event", false}, {"Event", "event", false},
	    {"a\\/b", "a/b", true}, {"\\\"", "\"", true}, {"\\\\", "\\", true},
	    {"\\b\\f\\n\\r\\t", "\b\f\n\r\t", true},
	    {"\\u00e9", "\xc3\xa9", true}, {"\xc3\xa9", "\xc3\xa9", true},
	    {"\\ud83d\\ude00", "\xf0\x9f\x98\x80", true},
	    {"\\uD83D\\uDE00", "\xf0\x9f\x98\x80", true},
	    {"\\ud83d", "?", false}, {"\\udc00", "\xed\xb0\x80", false},
	    {"a\\u0000", "a", false}};

	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++)
		ok(name_is(cases[i].name, cases[i].plain,
		       strlen(cases[i].plain)) == cases[i].same,
		    "%s, case %zu, is %s", cases[i].name, i,
		    cases[i].same ? "the same" : "another");
	ok(name_is("a\\u0000b", "a\0b", 3), "U+0000 in a name");
}

static void
test_decode(void)
{
	static const struct {
		const char *quoted, *want;
		long len;
	} cases[] = {{"\"\"", "", 0}, {"\"abc\"", "abc", 3},
	    {"\"\\\"\\\\\\/\\b\\f\\n\\r\\t\"", "\"\\/\b\f\n\r\t", 8},
	    {"\"\\u0000\"", "\0", 1}, {"\"\\u007f\"", "\x7f", 1},
	    {"\"\\u0080\"", "\xc2\x80", 2}, {"\"\\u07FF\"", "\xdf\xbf", 2},
	    {"\"\\u0800\"", "\xe0\xa0\x80", 3},
	    {"\"\\uffff\"", "\xef\xbf\xbf", 3},
	    {"\"\\ud800\\udc00\"", "\xf0\x90\x80\x80", 4},
	    {"\"\\udbff\\udfff\"", "\xf4\x8f\xbf\xbf", 4},
	    {"\"\xf4\x8f\xbf\xbf\"", "\xf4\x8f\xbf\xbf", 4},
	    {"\"\\ud800\"", "", -1}, {"\"\\ud800x\"", "", -1},
	    {"\"\\ud800\\n\"", "", -1}, {"\"\\ud800\\ud800\"", "", -1},
	    {"\"\\udc00\"", "", -1}, {"\"a\\udc00\\ud800b\"", "", -1}};
	char out[16];

	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		long n = json_string_decode(
		    text_of(cases[i].quoted), out, sizeof(out));

		ok(n == cases[i].len &&
			(n < 0 || memcmp(out, cases[i].want, (size_t)n) == 0),
		    "%s decodes to %ld bytes", cases[i].quoted, cases[i].len);
	}
	is_number(json_string_decode(text_of("\"abc\""), out, 3), 3,
	    "a string that just fits");
	is_number(json_string_decode(text_of("\"abcd\""), out, 3), -1,
	    "one that does not");
	is_number(json_string_decode(text_of("\"ab\\u20ac\""), out, 4), -1,
	    "an escape that does not");
	is_number(json_string_decode(text_of("\"\""), out, 0), 0,
	    "an empty one needs no room");
}

/* An encoder of UTF-8 that is not json.c's. */
static size_t
utf8(uint32_t cp, char *out)
{
	static const unsigned char lead[] = {0, 0, 0xc0, 0xe0, 0xf0};
	size_t len = cp < 0x80 ? 1 : cp < 0x800 ? 2 : cp < 0x10000 ? 3 : 4;

	for (size_t i = len; i-- > 1; cp >>= 6)
		out[i] = (char)(0x80 + cp % 64);
	out[0] = (char)(lead[len] + cp);
	return len;
}

static void
test_every_code_point(void)
{
	struct tap_all all = {0}, pairs = {0};

	for (uint32_t cp = 0; cp <= 0x10ffff; cp++) {
		char plain[5], quoted[40], decoded[8], encoded[40];
		size_t len, n;
		long back;
		bool breaks = false, surrogate = cp >= 0xd800 && cp < 0xe000;
		struct json_error err;

		if (surrogate)
			continue;
		len = utf8(cp, plain);
		n = json_string_encode(plain, len, encoded);
		tap_case(&all,
		    n <= 6 * len + 2 && json_check(encoded, encoded + n, 1,
					    &breaks, &err) == encoded + n,
		    "U+%04x: encoded is no JSON", cp);
		back = json_string_decode(
		    (struct json_text){encoded, n}, decoded, sizeof(decoded));
		tap_case(&all,
		    back == (long)len && memcmp(decoded, plain, len) == 0,
		    "U+%04x: round trip", cp);
		if (cp < 0x10000)
			n = (size_t)sprintf(quoted, "\"\\u%04X\"", cp);
		else
			n = (size_t)sprintf(quoted, "\"\\u%04x\\u%04x\"",
			    0xd800 + ((cp - 0x10000) >> 10),
			    0xdc00 + (cp & 0x3ff));
		back = json_string_decode(
		    (struct json_text){quoted, n}, decoded, sizeof(decoded));
		tap_case(&pairs,
		    back == (long)len && memcmp(decoded, plain, len) == 0, "%s",
		    quoted);
	}
	tap_all(&all, "every code point encodes to JSON and decodes again");
	tap_all(&pairs, "and is decoded from its \\u escapes");
}

static void
test_encode_bytes(void)
{
	struct tap_all all = {0};
	uint64_t seed = 3;
	char out[6 * 64 + 2], decoded[3 * 64];

	is_number(json_string_encode("a\xff"
				     "b",
		      3, out),
	    7, "a byte that is not UTF-8");
	ok(memcmp(out,
	       "\"a\xef\xbf\xbd"
	       "b\"",
	       7) == 0,
	    "becomes U+FFFD");
	for (int i = 0; i < 200000; i++) {
		char in[64];
		size_t len = tap_random(&seed) % 64, n;
		bool breaks = false;
		struct json_error err;
		long back;

		for (size_t k = 0; k < len; k++)
			in[k] = (char)(tap_random(&seed) >> 24);
		n = json_string_encode(in, len, out);
		tap_case(&all,
		    n >= 2 && n <= 6 * len + 2 &&
			json_check(out, out + n, 1, &breaks, &err) == out + n,
		    "case %d is no JSON", i);
		back = json_string_decode(
		    (struct json_text){out, n}, decoded, sizeof(decoded));
		tap_case(&all, back >= 0 && json_is_utf8(decoded, (size_t)back),
		    "case %d does not come back as UTF-8", i);
		if (json_is_utf8(in, len))
			tap_case(&all,
			    back == (long)len && memcmp(in, decoded, len) == 0,
			    "case %d does not come back", i);
	}
	tap_all(&all, "any bytes encode to a JSON string");
}

/* Do both ways through an object find the same, and each value's end? */
static void
test_walk_members(void)
{
	static const char *const texts[] = {"{}", "{ \n}", "{\"a\":1}",
	    "{ \"a\" : 1 ,\"b\":\"x,\\\"}\" , \"\":{\"in\":[1,{}]},\n"
	    "\"c\\u0041\":[\"]\",[[]]],\"t\":true,\"f\":false,\"n\":null,"
	    "\"a\":-1.5e3\t}",
	    "{\"a\":\"0123456789abcdef\\\\\",\"b\\\"}\":[[],[\"\\\"]\"]] }"};
	struct tap_all all = {0};

	for (size_t i = 0; i < sizeof(texts) / sizeof(*texts); i++) {
		const char *p = texts[i], *cursor = p;
		const char *end = p + strlen(p), *stop;
		struct json_member m, want;

		while (json_walk_member(&p, end, &m)) {
			must(json_next_member(&cursor, end, &want));
			stop = json_pass(p, end);
			tap_case(&all,
			    m.name.p == want.name.p &&
				m.name.len == want.name.len &&
				m.name_escapes == want.name_escapes &&
				p == want.value.p && stop == p + want.value.len,
			    "%s: %.*s", texts[i], (int)(stop - p), p);
			p = stop;
		}
		tap_case(&all,
		    p == end && !json_next_member(&cursor, end, &want),
		    "the end of %s", texts[i]);
	}
	tap_all(&all, "a walk finds what json_next_member does");
}

static void
test_walk_elements(void)
{
	static const char text[] = " [1 , \"]\",[[2],{}] ,{\"a\":[]}\n,null ]";
	static const char *const want[] = {
	    "1", "\"]\"", "[[2],{}]", "{\"a\":[]}", "null"};
	const char *end = text + sizeof(text) - 1, *p = text + 1, *stop;
	struct tap_all all = {0};
	size_t n = 0;

	for (; json_walk_element(&p, end); p = stop, n++) {
		stop = json_pass(p, end);
		tap_case(&all,
		    n < 5 && strlen(want[n]) == (size_t)(stop - p) &&
			memcmp(p, want[n], (size_t)(stop - p)) == 0,
		    "element %zu: %.*s", n, (int)(stop - p), p);
	}
	tap_case(&all, n == 5 && p == end, "the end");
	p = "[ ]";
	end = p + 3;
	tap_case(&all, !json_walk_element(&p, end) && p == end, "none");
	tap_all(&all, "and the elements of an array");
}

int
main(void)
{
	test_members();
	test_names();
	test_decode();
	test_every_code_point();
	test_encode_bytes();
	test_walk_members();
	test_walk_elements();
	return tap_end();
}
