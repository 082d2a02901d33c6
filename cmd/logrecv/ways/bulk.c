/*
 * bulk.c - the bulk interface of Elasticsearch, as Beats, Logstash, Fluent Bit
 * and its clients use it: a line with an action, and a line with its document.
 *
 * What creates a document is taken, and its index and id are kept in the event.
 * An item of the answer tells of each action what became of it, in their order;
 * those that were taken are told so after the sync, as everybody is.
 */
#include <stdio.h>
#include <string.h>

#include "../format.h"
#include "../ways.h"
#include "draft.h"

static int take(struct event_writer *, const struct request *);
static int answer(const struct outcome *, struct reply *, struct buf *body);
static int
answer_root(const struct outcome *, struct reply *, struct buf *body);
static int
answer_license(const struct outcome *, struct reply *, struct buf *body);

const struct format format_bulk = {
    .name = "bulk", .take = take, .answer = answer};
const struct format format_bulk_root = {.name = "bulk", .answer = answer_root};
const struct format format_bulk_license = {
    .name = "bulk", .answer = answer_license};

/* Clients look for it, and go away without. */
static const char product[] = "X-Elastic-Product: Elasticsearch\r\n";
/* Beats want to be no newer than this. */
#define SERVER "8.19.0"

enum { INDEX, ID, MEMBERS };

static const struct json_text members[MEMBERS] = {{"_index", 6}, {"_id", 3}};

static const struct kind {
	struct json_text name;
	bool taken, has_document;
} kinds[] = {
    {{"create", 6}, true, true},
    {{"index", 5}, true, true},
    {{"update", 6}, false, true},
    {{"delete", 6}, false, false},
};

#define KINDS (sizeof(kinds) / sizeof(kinds[0]))

struct action {
	const struct kind *kind;
	struct event_member members[MEMBERS]; /* those that it has */
	size_t count;
	unsigned seen; /* a bit each */
};

/* Sets the error of the whole body. */
static int
fail(struct event_writer *w, enum event_fault fault, const char *at,
    const char *reason)
{
	(void)event_fail(w, &(struct event_flaw){fault, at, reason, NULL});
	return -1;
}

static int
fail_json(struct event_writer *w, const struct json_error *json)
{
	return fail(w, EVENT_NOT_JSON, json->at, json->reason);
}

/*
 * Actions
 */

/* The first of each name counts. */
static void
note_member(struct action *a, const struct json_member *m)
{
	unsigned i = 0;

	while (i < MEMBERS && !json_name_is(m, members[i].p, members[i].len))
		i++;
	if (i == MEMBERS || (a->seen >> i & 1) != 0 ||
	    (m->kind != JSON_STRING && m->kind != JSON_NUMBER))
		return;
	a->seen |= 1U << i;
	a->members[a->count++] = (struct event_member){i, m->value};
}

/* What an action says of its document; moves p behind that. */
static int
read_metadata(
    struct event_writer *w, const char **p, const char *end, struct action *a)
{
	struct json_member m;
	struct json_error json;
	int more;

	if (*p == end || **p != '{')
		return fail(w, EVENT_UNFIT, *p, "expected '{' after an action");
	while ((more = json_check_member(p, end, 2, &m, &json)) > 0)
		note_member(a, &m);
	return more < 0 ? fail_json(w, &json) : 0;
}

/* One line: an object of one member, whose name is the action. */
static int
read_action(
    struct event_writer *w, const char *p, const char *end, struct action *a)
{
	static const char expected[] =
	    "expected an action: create, index, update or delete";
	struct json_member m;
	struct json_error json;
	const char *begin = p;
	int more;

	a->count = a->seen = 0;
	if (*p != '{')
		return fail(w, EVENT_UNFIT, p, expected);
	more = json_check_name(&p, end, &m, &json);
	if (more < 0)
		return fail_json(w, &json);
	a->kind = kinds;
	while (more > 0 && a->kind < kinds + KINDS &&
	       !json_name_is(&m, a->kind->name.p, a->kind->name.len))
		a->kind++;
	if (more == 0 || a->kind == kinds + KINDS)
		return fail(w, EVENT_UNFIT, begin, expected);
	if (read_metadata(w, &p, end, a) < 0)
		return -1;
	p = json_skip_space(p, end);
	if (p == end || *p != '}' || json_skip_space(p + 1, end) < end)
		return fail(
		    w, EVENT_UNFIT, p, "expected '}' and the end of the line");
	return 0;
}

/*
 * Items of the answer
 */

static char *
put(char *to, struct json_text text)
{
	memcpy(to, text.p, text.len);
	return to + text.len;
}

#define PUT(to, text) put(to, (struct json_text){text, sizeof(text) - 1})

/* Notes an item, which ends like this. */
static int
note_item(struct event_writer *w, const struct action *a, struct json_text tail)
{
	size_t most = sizeof(",{\"\":{") + a->kind->name.len + tail.len;
	char *o;

	for (size_t i = 0; i < a->count; i++)
		most += members[a->members[i].which].len +
			a->members[i].value.len + sizeof("\"\":,");
	o = event_note(w, most);
	if (o == NULL)
		return -1;
	o = w->note->len > 0 ? PUT(o, ",{\"") : PUT(o, "{\"");
	o = put(o, a->kind->name);
	o = PUT(o, "\":{");
	for (size_t i = 0; i < a->count; i++) {
		o = PUT(o, "\"");
		o = put(o, members[a->members[i].which]);
		o = PUT(o, "\":");
		o = put(o, a->members[i].value);
		o = PUT(o, ",");
	}
	o = put(o, tail);
	w->note->len = (size_t)(o - w->note->data);
	return 0;
}

static int
note_stored(struct event_writer *w, const struct action *a)
{
	static const char tail[] = "\"result\":\"created\",\"status\":201}}";

	return note_item(w, a, (struct json_text){tail, sizeof(tail) - 1});
}

/* An item with an error, and the bad event that it is. */
static int
note_bad(struct event_writer *w, const struct action *a, const char *begin,
    const char *stop, const struct event_flaw *flaw)
{
	struct event_error e;
	char tail[sizeof(e.text) + 100];
	int n;

	event_describe(w, flaw, &e);
	if (event_reject(w, begin, stop, flaw) == NULL)
		return -1;
	n = snprintf(tail, sizeof(tail),
	    "\"status\":400,\"error\":{\"type\":\"%s\",\"reason\":\"%s\"}}}",
	    a->kind->taken ? "document_parsing_exception"
			   : "illegal_argument_exception",
	    e.text);
	return note_item(w, a, (struct json_text){tail, (size_t)n});
}

/*
 * The body
 */

/* The event of a line, with what its action says. */
static int
take_document(struct event_writer *w, const char *p, const char *end,
    const struct action *a)
{
	struct event_flaw flaw;
	struct event_text e;
	const char *stop =
	    event_check(w, json_skip_space(p, end), end, &e, &flaw);

	if (stop != NULL) {
		stop = json_skip_space(stop, end);
		if (stop < end) {
			flaw = (struct event_flaw){EVENT_NOT_JSON, stop,
			    "more text after the document on its line", NULL};
			stop = NULL;
		} else {
			stop = event_store(w, &e, a->members, a->count, &flaw);
		}
	}
	return stop != NULL ? note_stored(w, a) : note_bad(w, a, p, end, &flaw);
}

static const char *
find_end(const char *p, const char *end)
{
	const char *lf = memchr(p, '\n', (size_t)(end - p));

	return lf == NULL ? end : lf;
}

/*
 * Works on the action whose line begins at *p, not empty, and on its document;
 * moves p to where their last line ends.
 */
static int
take_action(struct event_writer *w, const char **p, const struct request *r)
{
	const char *begin = *p, *stop = find_end(begin, w->end);
	struct event_flaw flaw = {EVENT_UNFIT, begin,
	    "of actions only create and index are taken", NULL};
	const char *document;
	struct action a;

	if (read_action(w, begin, stop, &a) < 0)
		return -1;
	if (r->name.len > 0 && (a.seen >> INDEX & 1) == 0)
		a.members[a.count++] = (struct event_member){
		    INDEX, {w->scratch->data, w->scratch->len}};
	*p = stop;
	if (!a.kind->has_document)
		return note_bad(w, &a, begin, stop, &flaw);
	if (stop == w->end)
		return fail(
		    w, EVENT_UNFIT, begin, "the action has no document");
	document = stop + 1;
	*p = stop = find_end(document, w->end);
	return a.kind->taken ? take_document(w, document, stop, &a)
			     : note_bad(w, &a, begin, stop, &flaw);
}

/* Puts the index of the path, quoted, into scratch. */
static int
read_index(struct event_writer *w, struct http_text name)
{
	struct buf *plain = &w->scratch[1];
	struct draft d = {.text = &w->scratch[0], .max = SIZE_MAX};
	long len;

	if (buf_reserve(plain, name.len) < 0)
		return fail(w, EVENT_NO_MEMORY, w->body, NULL);
	len = http_decode_path(name, plain->data);
	if (len < 0)
		return fail(w, EVENT_UNFIT, w->body,
		    "the path's index has a % without two digits, or a control "
		    "character");
	draft_string(&d, plain->data, (size_t)len);
	return d.failed ? fail(w, d.fault, w->body, d.reason) : 0;
}

static int
take(struct event_writer *w, const struct request *r)
{
	const char *p = w->body;

	if (r->name.len > 0 && read_index(w, r->name) < 0)
		return -1;
	for (unsigned i = 0; i < MEMBERS; i++)
		event_declare(w, members[i]);
	while ((p = json_skip_space(p, w->end)) < w->end) {
		if (take_action(w, &p, r) < 0)
			return -1;
	}
	return w->tally->good > 0 || w->tally->bad > 0
		   ? 0
		   : fail(w, EVENT_BODY_EMPTY, w->body, NULL);
}

/*
 * Answers
 */

static int
answer_error(const struct outcome *o, struct buf *body)
{
	const char *type = "illegal_argument_exception";

	if (o->status == 401 || o->status == 403)
		type = "security_exception";
	else if (o->status == 413)
		type = "content_too_large_exception";
	else if (o->status == 429 || o->status == 503)
		type = "es_rejected_execution_exception";
	else if (o->status == 500)
		type = "exception";
	if (buf_printf(body,
		"{\"error\":{\"root_cause\":[{\"type\":\"%s\",\"reason\":\"%"
		"s\"}],"
		"\"type\":\"%s\",\"reason\":\"%s\"",
		type, o->text, type, o->text) < 0)
		return -1;
	if (o->error != NULL &&
	    buf_printf(body, ",\"event\":%zu,\"offset\":%zu", o->error->event,
		o->error->offset) < 0)
		return -1;
	return buf_printf(body, "},\"status\":%d}", o->status);
}

static int
answer(const struct outcome *o, struct reply *reply, struct buf *body)
{
	reply->fields = product;
	if (o->status != 200)
		return answer_error(o, body);
	/* Fluent Bit looks for this text, letter by letter. */
	if (buf_printf(body, "{\"took\":0,\"errors\":%s,\"items\":[",
		o->bad != NULL ? "true" : "false") < 0 ||
	    buf_append(body, o->note.p, o->note.len) < 0)
		return -1;
	return buf_append(body, "]}", 2);
}

/* Those clients want a version; who looks here by hand sees the ways in. */
static int
answer_root(const struct outcome *o, struct reply *reply, struct buf *body)
{
	const char *comma = "";

	reply->fields = product;
	if (o->status != 200)
		return answer_error(o, body);
	if (buf_printf(body,
		"{\"name\":\"logrecv\",\"cluster_name\":\"logrecv\","
		"\"cluster_uuid\":\"logrecv\",\"version\":{\"number\":\"" SERVER
		"\",\"build_flavor\":\"default\",\"build_type\":\"deb\","
		"\"build_hash\":\"0\",\"build_date\":\"2026-01-01T00:00:00Z\","
		"\"build_snapshot\":false,\"lucene_version\":\"9.12.0\","
		"\"minimum_wire_compatibility_version\":\"7.17.0\","
		"\"minimum_index_compatibility_version\":\"7.0.0\"},"
		"\"tagline\":\"You Know, for Search\",\"ways_in\":[") < 0)
		return -1;
	for (const struct way *w = ways; w->path != NULL; w++) {
		if (!way_takes_events(w))
			continue;
		if (buf_printf(body, "%s\"POST %s\"", comma, w->path) < 0)
			return -1;
		comma = ",";
	}
	return buf_printf(body, "]}");
}

/* Beats and Logstash do not send without one. */
static int
answer_license(const struct outcome *o, struct reply *reply, struct buf *body)
{
	reply->fields = product;
	if (o->status != 200)
		return answer_error(o, body);
	return buf_printf(body,
	    "{\"license\":{\"status\":\"active\",\"uid\":\"logrecv\","
	    "\"type\":\"basic\"}}");
}
