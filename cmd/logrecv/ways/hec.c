/*
 * hec.c - the HTTP Event Collector of Splunk, as its Docker driver and its
 * libraries use it: envelopes around events, one behind another or in an
 * array, or raw lines.
 *
 * An event that is an object is stored as it is, with the members of its
 * envelope behind its own; any other is stored in its envelope, as it came.
 * There are no channels, and so no acknowledgements by them: an answer says by
 * itself that the events are durable.
 */
#include <string.h>

#include "../format.h"
#include "../split.h"

static int take(struct event_writer *, const struct request *);
static int take_raw(struct event_writer *, const struct request *);
static int answer(const struct outcome *, struct reply *, struct buf *body);
static int
answer_health(const struct outcome *, struct reply *, struct buf *body);
static int answer_ack(const struct outcome *, struct reply *, struct buf *body);

const struct format format_hec = {
    .name = "hec", .take = take, .answer = answer};
const struct format format_hec_raw = {
    .name = "hec", .take = take_raw, .answer = answer};
const struct format format_hec_health = {
    .name = "hec", .answer = answer_health};
const struct format format_hec_ack = {.name = "hec", .answer = answer_ack};

/* The members of an envelope besides its event. */
static const struct json_text members[] = {{"time", 4}, {"host", 4},
    {"source", 6}, {"sourcetype", 10}, {"index", 5}, {"fields", 6}};

#define MEMBERS (sizeof(members) / sizeof(members[0]))
#define ARGUMENTS (MEMBERS - 1) /* of a raw request: all but the fields */

static const char is_required[] = "Event field is required";
static const char is_blank[] = "Event field cannot be blank";

struct envelope {
	struct event_text event; /* where it is an object */
	bool has_event, has_object, blank;
	bool strange;  /* it has what no event can be given as it is */
	unsigned seen; /* of the members, a bit each */
	size_t count;
	struct event_member members[MEMBERS];
};

/* Which of the first `count` members this is; count: none. */
static unsigned
find_member(const char *name, size_t len, unsigned count)
{
	unsigned i = 0;

	while (i < count && (members[i].len != len || *members[i].p != *name ||
				memcmp(members[i].p, name, len) != 0))
		i++;
	return i;
}

/* Notes a member that is not the event. */
static void
note_member(struct envelope *e, const struct json_member *m)
{
	unsigned i = find_member(m->name.p, m->name.len, MEMBERS);

	if (i == MEMBERS || (e->seen >> i & 1) != 0) {
		e->strange = true;
		return;
	}
	e->seen |= 1U << i;
	e->members[e->count++] = (struct event_member){i, m->value};
}

/*
 * Checks the value of a member, the event's as what it is going to be. Returns
 * the byte after it; or NULL with the flaw set.
 */
static const char *
check_value(struct event_writer *w, const char *p, const char *end,
    struct envelope *e, struct json_member *m, struct event_flaw *flaw)
{
	struct json_error json;
	/* Most are not, and are told by their length. */
	bool event = (m->name.len == 5 || m->name_escapes) &&
		     json_name_is(m, "event", 5);

	if (event) {
		e->strange |= e->has_event;
		e->has_event = true;
	}
	if (event && p < end && *p == '{') {
		e->has_object = true;
		return event_check(w, p, end, &e->event, flaw);
	}
	p = json_check_value(p, end, (unsigned)w->limits->depth - 1, m, &json);
	if (p == NULL) {
		*flaw = (struct event_flaw){
		    json.too_deep ? EVENT_TOO_DEEP : EVENT_NOT_JSON, json.at,
		    json.reason, NULL};
		return NULL;
	}
	if (!event)
		note_member(e, m);
	else
		e->blank = m->kind == JSON_NULL ||
			   (m->kind == JSON_STRING && m->value.len == 2);
	return p;
}

/* The byte after the envelope that begins at p; or NULL with the flaw set. */
static const char *
open_envelope(struct event_writer *w, const char *p, const char *end,
    struct envelope *e, struct event_flaw *flaw)
{
	struct json_member m;
	struct json_error json;
	int more;

	while ((more = json_check_name(&p, end, &m, &json)) > 0) {
		p = check_value(w, p, end, e, &m, flaw);
		if (p == NULL)
			return NULL;
		p = json_check_comma(p, end, &json);
		if (p == NULL)
			break;
	}
	if (more == 0)
		return p;
	*flaw = (struct event_flaw){EVENT_NOT_JSON, json.at, json.reason, NULL};
	return NULL;
}

static const char *
take_envelope(struct event_writer *w, const char *p, const char *end,
    struct event_flaw *flaw)
{
	struct envelope e;
	const char *stop;

	if (p == end || *p != '{')
		return event_take(w, p, end, flaw); /* says what it is not */
	memset(&e, 0, offsetof(struct envelope, members));
	stop = open_envelope(w, p, end, &e, flaw);
	if (stop == NULL)
		return NULL;
	if (!e.has_event || e.blank) {
		*flaw = (struct event_flaw){
		    EVENT_UNFIT, p, e.has_event ? is_blank : is_required, stop};
		return NULL;
	}
	if (!e.has_object || e.strange)
		return event_take(w, p, stop, flaw);
	if (event_store(w, &e.event, e.members, e.count, flaw) != NULL)
		return stop;
	flaw->stop = stop;
	return NULL;
}

static int
take(struct event_writer *w, const struct request *r)
{
	(void)r;
	for (size_t i = 0; i < MEMBERS; i++)
		event_declare(w, members[i]);
	return split_body(w, take_envelope);
}

/*
 * Raw lines
 */

/* Appends `,"name":"value"`, of what is a member. 0, or -1: ENOMEM. */
static int
put_argument(struct buf *out, struct http_text name, struct http_text value,
    unsigned *seen)
{
	unsigned i = find_member(name.p, name.len, ARGUMENTS);
	char *decoded;
	size_t len;

	if (i == ARGUMENTS || (*seen >> i & 1) != 0)
		return 0;
	*seen |= 1U << i;
	/* A string may be six times as long; what it is made of lies behind. */
	if (buf_printf(out, ",\"%s\":", members[i].p) < 0 ||
	    buf_reserve(out, 7 * value.len + 2) < 0)
		return -1;
	decoded = out->data + out->len + 6 * value.len + 2;
	len = http_decode(value, decoded);
	out->len += json_string_encode(decoded, len, out->data + out->len);
	return 0;
}

/* Gives the line to the writer; what is to be added stands in its scratch. */
static int
put_line(struct event_writer *w, const char *p, size_t len, size_t added)
{
	static const char begin[] = "{\"event\":";
	struct event_flaw flaw = {
	    EVENT_UNFIT, p, "the line is not UTF-8", p + len};
	struct buf *b = w->scratch;
	char *from, *o;

	/* As a string it is only longer, up to six times. */
	if (len > w->limits->event_bytes)
		flaw.fault = EVENT_TOO_LARGE;
	if (flaw.fault == EVENT_TOO_LARGE || !json_is_utf8(p, len))
		return event_reject(w, p, p + len, &flaw) == NULL ? -1 : 0;
	if (buf_reserve(b, sizeof(begin) + 6 * len + 2 + added + 1) < 0) {
		flaw.fault = EVENT_NO_MEMORY;
		(void)event_fail(w, &flaw);
		return -1;
	}
	from = o = b->data + added;
	memcpy(o, begin, sizeof(begin) - 1);
	o += sizeof(begin) - 1;
	o += json_string_encode(p, len, o);
	memcpy(o, b->data, added);
	o += added;
	*o++ = '}';
	return event_put(w, from, (size_t)(o - from), p);
}

static int
take_raw(struct event_writer *w, const struct request *r)
{
	struct http_text rest = r->query, name, value;
	struct event_flaw flaw = {EVENT_BODY_EMPTY, w->body, NULL, NULL};
	const char *p = w->body, *stop, *last;
	unsigned seen = 0;

	while (http_next_argument(&rest, &name, &value)) {
		if (put_argument(w->scratch, name, value, &seen) < 0) {
			flaw.fault = EVENT_NO_MEMORY;
			(void)event_fail(w, &flaw);
			return -1;
		}
	}
	for (; p < w->end; p = stop + 1) {
		stop = memchr(p, '\n', (size_t)(w->end - p));
		if (stop == NULL)
			stop = w->end;
		last = stop > p && stop[-1] == '\r' ? stop - 1 : stop;
		if (json_skip_space(p, last) < last &&
		    put_line(w, p, (size_t)(last - p), w->scratch->len) < 0)
			return -1;
	}
	if (w->tally->good == 0 && w->tally->bad == 0)
		(void)event_fail(w, &flaw);
	return w->tally->good > 0 ? 0 : -1;
}

/*
 * Answers
 */

#define INVALID_TOKEN 4 /* which is 403 here */

/* By the reference of Splunk: what each outcome is called there. */
static const struct {
	int status;
	enum stat stat; /* 0: any */
	int code;
	const char *text;
} codes[] = {
    {200, 0, 0, "Success"},
    {401, STAT_REFUSED_TOKEN, INVALID_TOKEN, "Invalid token"},
    {401, 0, 2, "Token is required"},
    {403, STAT_REFUSED_WAY, 1, "Token disabled"},
    {403, 0, INVALID_TOKEN, "Invalid token"},
    {413, 0, 27, "Request entity too large"}, {429, 0, 9, "Server is busy"},
    {500, 0, 8, "Internal server error"}, {503, 0, 9, "Server is busy"},
    {400, 0, 6, "Invalid data format"}, /* and all others */
};

#define CODES (sizeof(codes) / sizeof(codes[0]))

/* And what is wrong with an event. */
static const char *
name_error(const struct event_error *e, int *code)
{
	if (e->fault == EVENT_BODY_EMPTY) {
		*code = 5;
		return "No data";
	}
	if (strcmp(e->text, is_required) == 0) {
		*code = 12;
		return is_required;
	}
	if (strcmp(e->text, is_blank) == 0) {
		*code = 13;
		return is_blank;
	}
	return NULL;
}

static int
answer(const struct outcome *o, struct reply *reply, struct buf *body)
{
	const struct event_error *e = o->error;
	const char *text = NULL;
	size_t i = 0;
	int code;

	while (i < CODES - 1 &&
	       (codes[i].status != o->status ||
		   (codes[i].stat != 0 && codes[i].stat != o->stat)))
		i++;
	code = codes[i].code;
	if (code == INVALID_TOKEN)
		reply->status = 403;
	if (e != NULL)
		text = name_error(e, &code);
	if (buf_printf(body, "{\"text\":\"%s\",\"code\":%d",
		text != NULL ? text : codes[i].text, code) < 0)
		return -1;
	if (e != NULL && e->fault != EVENT_BODY_EMPTY &&
	    buf_printf(body, ",\"invalid-event-number\":%zu", e->event) < 0)
		return -1;
	/* Ours says more, and names the limit where it is one. */
	if (o->status != 200 && text == NULL &&
	    buf_printf(body, ",\"error\":\"%s\"", o->text) < 0)
		return -1;
	return buf_append(body, "}", 1);
}

static int
answer_health(const struct outcome *o, struct reply *reply, struct buf *body)
{
	if (o->status != 200 && o->status != 503)
		return answer(o, reply, body);
	return o->status == 200
		   ? buf_printf(
			 body, "{\"text\":\"HEC is healthy\",\"code\":17}")
		   : buf_printf(body,
			 "{\"text\":\"HEC is unhealthy, queues are full\","
			 "\"code\":18,\"error\":\"%s\"}",
			 o->text);
}

static int
answer_ack(const struct outcome *o, struct reply *reply, struct buf *body)
{
	if (o->status == 200)
		reply->status = 400;
	return buf_printf(body, "{\"text\":\"ACK is disabled\",\"code\":14}");
}
