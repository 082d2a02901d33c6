/*
 * logload-bounds.c - what a database's JSON cannot hold is found wherever it
 * stands, and nothing else is taken for it.
 */
#include "../../cmd/logload/row/bounds.h"
#include "tap.h"

static const struct row_bounds all = {.no_lone_surrogates = true,
    .no_nul = true,
    .digits_before = 131072,
    .digits_behind = 16383,
    .digits_grown = 350};

static const char *
refused(const struct row_bounds *b, const char *text)
{
	static struct error err;

	return bounds_refuse(b, text, strlen(text), &err) ? err.text : NULL;
}

static void
test_escapes(void)
{
	static const struct row_bounds nul = {.no_nul = true};
	static const char *const bad[] = {"{\"a\":\"\\u0000\"}",
	    "{\"\\u0000\":1}", "{\"a\":[\"\\\\\\u0000\"]}", "[\"\\ud800\"]",
	    "[\"\\uDFFF\"]", "[\"\\ud800\\ud800\\udc00\"]", "[\"\\ud800x\"]"};
	static const char *const good[] = {"{\"a\":\"\\\\u0000\"}",
	    "[\"\\u0001\"]", "[\"\\ud83d\\ude00\"]", "[\"\\uD7ff\\ue000\"]"};

	for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++)
		ok(refused(&all, bad[i]) != NULL, "%s", bad[i]);
	for (size_t i = 0; i < sizeof(good) / sizeof(*good); i++)
		ok(refused(&all, good[i]) == NULL, "%s", good[i]);
	ok(refused(&nul, "[\"\\ud800\",1e999]") == NULL,
	    "each is looked for only where it is asked for");
}

/* {"a":[0,SIGN HEAD then so many 5s then TAIL]} */
static const char *
with(const char *head, size_t count, const char *tail)
{
	static char text[300000];
	size_t len = (size_t)sprintf(text, "{\"a\":[0,%s", head);

	memset(text + len, '5', count);
	(void)sprintf(text + len + count, "%s]}", tail);
	return text;
}

static void
test_numbers(void)
{
	static const struct {
		const char *number;
		bool bad;
	} numbers[] = {{"1e349", false}, {"1e350", true}, {"-1E+349", false},
	    {"-1E+350", true}, {"1e131071", true}, {"1e-349", false},
	    {"1e-350", true}, {"1.7976931348623157e308", false},
	    {"4.9406564584124654e-324", false}, {"0e0", false},
	    {"0.00001e354", false}, {"0.00001e355", true}, {"123e347", false},
	    {"123e348", true}, {"1.5e0000000000000000001", false},
	    {"1e99999999999999999999999", true},
	    {"1e-99999999999999999999999", true}, {"0e400", true},
	    {"0.0e-400", true}, {"12.5", false}};

	for (size_t i = 0; i < sizeof(numbers) / sizeof(*numbers); i++) {
		const char *text = with(numbers[i].number, 0, "");

		ok((refused(&all, text) != NULL) == numbers[i].bad, "%s", text);
	}
	is_text(refused(&all, with("1e131071", 0, "")),
	    "the number 1e131071 has 131072 digits without its exponent, and "
	    "JSON in the database is to have 350 at most of such a one",
	    "the reason has the limit");
	ok(refused(&all, with("-", 131072, "")) == NULL, "131072 digits");
	is_text(refused(&all, with("-", 131073, ".5e0")),
	    "the number -555555555555555555555555555555555555555... has more "
	    "than the 131072 digits before, or 16383 behind its point that "
	    "JSON in the database may have",
	    "and one more");
	ok(refused(&all, with("0.", 16383, "")) == NULL, "16383 of a fraction");
	ok(refused(&all, with("0.", 16384, "")) != NULL, "and one more");
	ok(refused(&all, with("0.", 2000, "e1000")) == NULL,
	    "an exponent that adds nothing");
	ok(refused(&all, with("0.", 2000, "e-1000")) != NULL,
	    "and one that does");
	ok(refused(&all, "{\"1e999\":\"1e999\",\"\\\"1e999\\\\\":true}") ==
		NULL,
	    "in strings there are none");
	ok(refused(&all, "{\"\\\\\":1e999}") != NULL, "behind them there are");
}

int
main(void)
{
	test_escapes();
	test_numbers();
	return tap_end();
}
