/*
 * logload-event.c - the event in a line, and the same one in a record of
 * rejected/: both are good, or bad, and the text of both is the same. What a
 * database cannot have in it is found wherever it stands.
 */
#include "../../cmd/logload/input/event.h"
#include "fuzz.h"
#include "json.h"

#define RECORD \
	"{\"file\":\"f\",\"line\":7,\"offset\":9,\"code\":0,\"text\":\"\"," \
	"\"rejected_at\":\"\",\"event\":"

static struct event_rules rules = {.max_event = 1000,
    .max_depth = 20,
    .bounds = {.depth = 10, .no_nul = true, .no_lone_surrogates = true}};
static struct row_maker maker;

static void
begin(void)
{
	static struct columns columns;
	struct error err;

	if (maker.columns == NULL)
		check(columns_init(&columns, &err) == 0 &&
		      columns_compile(&columns, &err) == 0 &&
		      row_maker_init(&maker, &columns) == 0);
}

static enum event_verdict
read_line(struct input in, struct event *event)
{
	struct line line = {
	    .text = in.p, .len = in.len, .number = 1, .ended = true};
	struct error err = {.text = ""};
	enum event_verdict verdict;

	verdict = event_read(&rules, &line, &maker, event, &err);
	check(verdict == EVENT_GOOD || verdict == EVENT_NONE ||
	      err.text[0] != '\0');
	if (event->member != NULL)
		check(event->text.p >= in.p &&
		      event->text.p + event->text.len <= in.p + in.len);
	return verdict;
}

/* Does a string that was checked have a NUL in it? */
static bool
has_nul(struct json_text text)
{
	for (size_t i = 0; i + 5 < text.len; i++) {
		if (text.p[i] == '\\' && text.p[i + 1] == 'u' &&
		    memcmp(text.p + i + 2, "0000", 4) == 0)
			return true;
		i += text.p[i] == '\\';
	}
	return false;
}

static void
check_good(const struct event *e)
{
	const char *end = e->text.p + e->text.len;
	struct json_error err;
	struct error why;
	struct row row;
	bool breaks;

	check(json_check(e->text.p, end, rules.bounds.depth, &breaks, &err) ==
	      end);
	check(e->text.p[0] == '{' && !has_nul(e->text));
	check(row_make(&maker, e->text.p, e->text.len, 1, &row, &why) ==
	      ROW_MADE);
	check(row.payload.p == e->text.p && row.payload.len == e->text.len);
}

/* The same text as a record's event. */
static void
check_record(struct input in, enum event_verdict want, const struct event *e)
{
	size_t len = strlen(RECORD) + in.len + 1;
	char *text = malloc(len);
	enum event_verdict got;
	struct event event;

	check(text != NULL);
	memcpy(text, RECORD, strlen(RECORD));
	memcpy(text + strlen(RECORD), in.p, in.len);
	text[len - 1] = '}';
	rules.origin = "f";
	rules.origin_text = (struct json_text){"\"f\"", 3};
	got = read_line((struct input){text, len}, &event);
	rules.origin = NULL;
	check(got == want || (want == EVENT_NONE && got == EVENT_ALIEN));
	check(event.line == 7 && event.offset == 9);
	if (want == EVENT_GOOD)
		check(event.text.len == e->text.len &&
		      memcmp(event.text.p, e->text.p, e->text.len) == 0);
	free(text);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct input in = input_of(data, size);
	struct event event;
	enum event_verdict verdict;

	begin();
	if (in.len == 0 || in.len > rules.max_event)
		return 0;
	/* As a record of another file's, or whose front alone is there. */
	rules.origin = "other";
	rules.origin_text = (struct json_text){"\"other\"", 7};
	(void)read_line(in, &event);
	rules.origin = NULL;
	verdict = read_line(in, &event);
	check(verdict != EVENT_ALIEN);
	if (verdict == EVENT_GOOD)
		check_good(&event);
	check_record(in, verdict, &event);
	return 0;
}
