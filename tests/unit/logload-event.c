/*
 * logload-event.c - the event in a line and the one in a record of rejected/,
 * with the key that its row has.
 */
#include "../../cmd/logload/input/event.h"
#include "tap.h"

#define HEAD \
	"{\"file\":\"a \\\"b\",\"line\":7,\"offset\":99,\"code\":-1406," \
	"\"text\":\"x \\\\\",\"rejected_at\":\"2026-11-22T07:33:51.123456Z\","
#define KEYED \
	"{\"file\":\"a \\\"b\",\"line\":7,\"offset\":99," \
	"\"received_at\":\"2026-11-22T07:33:51.123456Z\",\"file_id\":" \
	"9223372036854775807,\"code\":0,\"text\":\"\",\"rejected_at\":\"\","
#define OTHER \
	"{\"file\":\"other\",\"line\":7,\"offset\":99,\"code\":0," \
	"\"text\":\"\",\"rejected_at\":\"\",\"event\":{}}"

static struct event_rules rules = {.max_event = 40, .max_depth = 3};
static struct row_maker maker;
static struct event event;
static struct error error;

static enum event_verdict
read_line(const char *text)
{
	struct line line = {.text = text,
	    .len = strlen(text),
	    .offset = 1000,
	    .number = 50,
	    .ended = true};

	return event_read(&rules, &line, &maker, &event, &error);
}

static bool
is_event(const char *want, uint64_t number, uint64_t offset)
{
	return event.text.len == strlen(want) &&
	       memcmp(event.text.p, want, event.text.len) == 0 &&
	       event.line == number && event.offset == offset;
}

static void
test_lines(void)
{
	rules.origin = NULL;
	is_number(read_line("  {\"a\":1} \r"), EVENT_GOOD, "an event");
	ok(is_event("{\"a\":1}", 50, 1002),
	    "without the white space around it, where it begins");
	is_number(read_line(" \t\r"), EVENT_NONE, "a blank line");
	is_number(read_line("[1]"), EVENT_BAD, "no object");
	ok(event.member != NULL, "but JSON");
	is_number(read_line("{\"a\":1"), EVENT_BAD, "no JSON");
	ok(event.member == NULL, "nor taken for it");
	is_number(read_line("{\"a\":[[[1]]]}"), EVENT_BAD, "too deep");
	is_number(read_line("{\"a\":\"xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx\"}"),
	    EVENT_BAD, "too long");
	is_number(read_line(HEAD "\"event\":{\"a\":1}}"), EVENT_BAD,
	    "a record is an event too long, here");
}

/* What logrecv has stored of bad events, and what looks like it. */
static void
test_bad(void)
{
	static const char *const none[] = {"[\"a\",5]", "[\"a\",5,6]",
	    "[\"a\",5,\"b\",6]", "[\"a\",5,\"b\",\"c\"]", "[\"a\", 5,\"b\"]",
	    "[\"a\",-5,\"b\"]", "[\"a\",5.0,\"b\"]", "[\"a\",\"5\",\"b\"]",
	    "[1,5,\"b\"]", "[\"\\ud800\",5,\"b\"]", "[\"\\u0000\",5,\"b\"]",
	    "[\"a\",5,\"b\" ]", "[[],5,\"b\"]", "\"a\"", "5"};

	rules.origin = NULL;
	is_number(read_line(" [\"a \\u00e9\",5,\"b\\\"\\n\"]\r"), EVENT_BAD,
	    "what came bad");
	is_text(error.text, "a \xc3\xa9, at byte 5 of its request",
	    "is told with its own reason");
	ok(event.member != NULL && is_event("\"b\\\"\\n\"", 50, 1015),
	    "its text is where it is");
	is_text(event.member, "raw", "as it was");
	is_number(read_line("[\"\",0,\"YQ==\",\"base64\"]"), EVENT_BAD,
	    "what came bad in base64");
	ok(is_event("\"YQ==\"", 50, 1006), "is no other");
	is_text(event.member, "base64", "but in base64");
	for (size_t i = 0; i < sizeof(none) / sizeof(none[0]); i++) {
		is_number(read_line(none[i]), EVENT_BAD, "what looks like it");
		is_text(error.text, "not a JSON object", "is no event");
		ok(is_event(none[i], 50, 1000) &&
			strcmp(event.member, "event") == 0,
		    "and stands for itself");
	}
}

static void
test_records(void)
{
	static const char *const none[] = {"", "{}", "{\"a\":1}", HEAD,
	    HEAD "}", HEAD "\"event\":", HEAD "\"event\":}",
	    HEAD "\"event\": }", HEAD "\"event\":{\"a\":1}},",
	    HEAD "\"other\":1}", OTHER};
	struct event_record head;

	rules.origin = "a \"b";
	rules.origin_text = (struct json_text){"\"a \\\"b\"", 7};
	rules.origin_id = 5;
	is_number(read_line(HEAD "\"event\":{\"a\": 1}}"), EVENT_GOOD,
	    "the event of a record");
	ok(is_event("{\"a\": 1}", 7, 99), "as it was, from where it was");
	ok(event.file_id == 5 && event.received_at.p == NULL,
	    "an older one has the file's id, and no instant");
	is_number(read_line(KEYED "\"event\":{\"a\":2}}"), EVENT_GOOD,
	    "one that tells the key of its row");
	ok(is_event("{\"a\":2}", 7, 99) && event.file_id == INT64_MAX &&
		event.received_at.len == 29,
	    "has that");
	is_number(read_line("{\"a\":1}"), EVENT_ALIEN, "no record");
	ok(event.file_id == 0 && event.received_at.p == NULL, "has none");
	is_number(
	    read_line(HEAD "\"event\":[1]}"), EVENT_BAD, "one of no object");
	is_number(read_line(HEAD "\"raw\":\"x\"}"), EVENT_BAD,
	    "one that is not JSON");
	is_number(
	    read_line(HEAD "\"base64\":\"eA==\"}"), EVENT_BAD, "nor UTF-8");
	is_number(read_line(HEAD "\"event\":{\"a\":1}"), EVENT_BAD,
	    "one without its end has no event");
	for (size_t i = 0; i < sizeof(none) / sizeof(none[0]); i++)
		is_number(read_line(none[i]), EVENT_ALIEN, "no record");
	ok(event_record_parse(&head, HEAD "\"raw\":\"cut", strlen(HEAD) + 10) &&
		head.line == 7 && head.offset == 99 && head.file.len == 7,
	    "the front of a record is enough to tell whose it is");
	ok(!event_record_parse(&head, HEAD, strlen(HEAD) - 4),
	    "if it is whole");
}

int
main(void)
{
	struct columns columns;
	struct error err;

	must(columns_init(&columns, &err) == 0);
	must(columns_compile(&columns, &err) == 0);
	must(row_maker_init(&maker, &columns) == 0);
	test_lines();
	test_bad();
	test_records();
	row_maker_release(&maker);
	columns_release(&columns);
	return tap_end();
}
