/*
 * source.c - see source.h.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "clock.h"
#include "json.h"
#include "source.h"

/* So many bad lines in a row are passed over before others have a turn. */
#define LINES_AT_ONCE 4096
#define MESSAGE_KEPT 65536 /* bytes of memory */

static enum source_verdict fill_lines(struct source *, struct buf *body,
    struct buf *ids, unsigned *events, struct error *);

int
source_open_generated(struct source *s, const char *run, unsigned batch,
    uint64_t seed, size_t size, struct error *err)
{
	memset(s, 0, sizeof(*s));
	s->run = run;
	s->batch = batch;
	s->next = 1;
	if (size * batch > SOURCE_BODY_MAX)
		return error_set(err,
		    "a request of %u events of %zu bytes is over %d bytes",
		    batch, size, SOURCE_BODY_MAX);
	return generator_open(&s->generator, run, seed, size, err);
}

int
source_open_lines(struct source *s, const char *run, unsigned batch,
    const char *path, bool ships, struct error *err)
{
	memset(s, 0, sizeof(*s));
	s->run = run;
	s->batch = batch;
	s->from_lines = true;
	s->ships = ships;
	return lines_open(&s->lines, path, err);
}

void
source_close(struct source *s)
{
	if (s->from_lines)
		lines_close(&s->lines);
	else
		generator_close(&s->generator);
	buf_release(&s->message);
}

int
source_fd(const struct source *s)
{
	return s->lines.fd;
}

bool
source_is_pipe(const struct source *s)
{
	return s->from_lines && s->lines.polls;
}

bool
source_all_there(const struct source *s)
{
	return s->from_lines && lines_all_there(&s->lines);
}

void
source_finish(struct source *s)
{
	if (s->from_lines)
		lines_finish(&s->lines);
}

static enum source_verdict
no_memory(struct error *err)
{
	errno = ENOMEM;
	(void)error_errno(err, "make a request");
	return SOURCE_ERROR;
}

/* Ends the event: NDJSON needs a line break, a single object none. */
static int
end_event(const struct source *s, struct buf *body)
{
	return s->batch > 1 ? buf_append(body, "\n", 1) : 0;
}

enum source_verdict
source_fill(struct source *s, struct buf *body, struct buf *ids,
    unsigned *events, struct error *err)
{
	char stamp[CLOCK_STAMP_LEN + 1];

	body->len = 0;
	if (ids != NULL)
		ids->len = 0;
	if (s->from_lines)
		return fill_lines(s, body, ids, events, err);
	clock_stamp(clock_wall_us(), stamp);
	for (*events = 0; *events < s->batch; ++*events) {
		if (generator_event(&s->generator, s->next, stamp, body) < 0 ||
		    end_event(s, body) < 0)
			return no_memory(err);
		if (ids != NULL &&
		    (generate_id(s->run, strlen(s->run), s->next, ids) < 0 ||
			buf_append(ids, "\n", 1) < 0))
			return no_memory(err);
		s->next++;
	}
	return SOURCE_SOME;
}

/*
 * Lines
 */

static void
complain(struct source *s, const char *reason)
{
	char text[ERROR_TEXT_MAX];

	s->unsendable++;
	if (s->complain == NULL)
		return;
	(void)snprintf(text, sizeof(text), "%s line %llu cannot be sent: %s",
	    s->lines.name, (unsigned long long)s->lines.number, reason);
	s->complain(text);
}

/* Is this one JSON object and nothing else? NULL, or why not. */
static const char *
check_event(struct json_text event)
{
	const char *end = event.p + event.len, *stop;
	struct json_error why;
	bool breaks = false;

	if (event.p[0] != '{')
		return "not a JSON object";
	stop = json_check(event.p, end, JSON_DEPTH_MOST, &breaks, &why);
	if (stop == NULL)
		return why.reason;
	return stop == end ? NULL : "more than one JSON value";
}

/* The value of the top-level member "id" that counts: the last of them. */
static bool
find_id(struct json_text event, struct json_member *id)
{
	const char *cursor = event.p;
	struct json_member member;
	bool found = false;

	while (json_next_member(&cursor, event.p + event.len, &member)) {
		if (json_name_is(&member, "id", 2)) {
			*id = member;
			found = true;
		}
	}
	return found;
}

/*
 * A line of --acked must stay one line: an id with control characters is
 * written as it stands in the JSON text, escapes and all.
 */
static int
append_own_id(const struct json_member *id, struct buf *ids)
{
	const char *raw = id->value.p;
	size_t raw_len = id->value.len;
	long len;

	if (id->kind == JSON_STRING) {
		if (buf_reserve(ids, raw_len) < 0)
			return -1;
		len = json_string_decode(
		    id->value, ids->data + ids->len, raw_len);
		for (long i = 0; i < len; i++) {
			if ((unsigned char)ids->data[ids->len + (size_t)i] <
			    0x20)
				len = -1;
		}
		if (len >= 0) {
			ids->len += (size_t)len;
			return buf_append(ids, "\n", 1);
		}
		raw++;
		raw_len -= 2;
	}
	if (buf_append(ids, raw, raw_len) < 0)
		return -1;
	return buf_append(ids, "\n", 1);
}

/* The event with "id":"RUN-LINE" before its closing brace. */
static int
append_with_id(
    struct source *s, struct json_text event, struct buf *body, struct buf *ids)
{
	const char *inside = json_skip_space(event.p + 1, event.p + event.len);
	const char *lead = *inside == '}' ? "\"id\":\"" : ",\"id\":\"";
	size_t run_len = strlen(s->run);
	uint64_t number = s->lines.number;

	if (buf_append(body, event.p, event.len - 1) < 0 ||
	    buf_append(body, lead, strlen(lead)) < 0 ||
	    generate_id(s->run, run_len, number, body) < 0 ||
	    buf_append(body, "\"}", 2) < 0)
		return -1;
	if (ids == NULL)
		return 0;
	if (generate_id(s->run, run_len, number, ids) < 0)
		return -1;
	return buf_append(ids, "\n", 1);
}

/* {"message":"LINE"}, as it stands there but for the end. -1: ENOMEM. */
static int
make_message(
    struct source *s, const char *line, const char *end, struct json_text *out)
{
	static const char lead[] = "{\"message\":";
	struct buf *m = &s->message;
	size_t len = (size_t)(end - line);

	buf_clear(m, MESSAGE_KEPT);
	if (buf_append(m, lead, strlen(lead)) < 0 ||
	    buf_reserve(m, 6 * len + 3) < 0)
		return -1;
	m->len += json_string_encode(line, len, m->data + m->len);
	m->data[m->len++] = '}';
	*out = (struct json_text){m->data, m->len};
	return 0;
}

/* 1: the body has it. 0: it is no event. -1: ENOMEM. */
static int
add_line(struct source *s, const char *line, size_t len, struct buf *body,
    struct buf *ids)
{
	const char *begin = json_skip_space(line, line + len);
	const char *end = line + len, *reason;
	struct json_text event;
	struct json_member id;

	while (end > begin &&
	       (end[-1] == ' ' || end[-1] == '\t' || end[-1] == '\r'))
		end--;
	if (begin == end)
		return 0;
	event = (struct json_text){begin, (size_t)(end - begin)};
	reason = check_event(event);
	if (reason != NULL && s->ships) {
		if (make_message(s, line, end, &event) < 0)
			return -1;
	} else if (reason != NULL) {
		complain(s, reason);
		return 0;
	}
	if (!find_id(event, &id)) {
		if (append_with_id(s, event, body, ids) < 0)
			return -1;
	} else if (!s->ships && id.kind != JSON_STRING &&
		   id.kind != JSON_NUMBER) {
		complain(s, "its id is neither a string nor a number");
		return 0;
	} else if (buf_append(body, event.p, event.len) < 0 ||
		   (ids != NULL && append_own_id(&id, ids) < 0)) {
		return -1;
	}
	return end_event(s, body) < 0 ? -1 : 1;
}

static enum source_verdict
fill_lines(struct source *s, struct buf *body, struct buf *ids,
    unsigned *events, struct error *err)
{
	size_t most = s->ships ? SOURCE_SHIPPED_MAX : SOURCE_BODY_MAX, len;
	enum lines_verdict v = LINES_ONE;
	const char *line;
	unsigned looked = 0;
	int added;

	*events = 0;
	while (*events < s->batch && body->len < most) {
		if (looked++ >= s->batch + LINES_AT_ONCE)
			break;
		v = lines_next(&s->lines, &line, &len, err);
		if (v == LINES_TOO_LONG) {
			complain(s, "it is longer than 8 MiB");
			continue;
		}
		if (v != LINES_ONE)
			break;
		added = add_line(s, line, len, body, ids);
		if (added < 0)
			return no_memory(err);
		*events += (unsigned)added;
	}
	/* What has been gathered goes first; the next call says the rest. */
	if (*events > 0)
		return SOURCE_SOME;
	if (v == LINES_WAIT)
		return SOURCE_WAIT;
	if (v == LINES_ONE || v == LINES_TOO_LONG)
		return SOURCE_AGAIN;
	return v == LINES_ERROR ? SOURCE_ERROR : SOURCE_END;
}
