/*
 * log.c - events as they are: JSON objects, in an array or one behind another;
 * or, with "?each=NAME", the elements of the list of that name in each of them,
 * as those send who wrap their events: {"items":[{…},{…}]}. Some drop the query
 * of a URL, as Kubernetes does: for these it is "/each/NAME".
 *
 * What is sure to be another protocol's is refused: its clients would believe
 * that all is well, and nobody could read what was stored.
 */
#include <string.h>

#include "../format.h"
#include "../split.h"

static int take(struct event_writer *, const struct request *);
static int answer(const struct outcome *, struct reply *, struct buf *body);

const struct format format_log = {
    .name = "log", .take = take, .answer = answer};

/*
 * Other protocols
 */

#define NAMES(...) ((const char *const[]){__VA_ARGS__, NULL})

#define BULK(action) \
	{ \
		.name = action, .kind = JSON_OBJECT, \
		.telling = NAMES("_index", "_id"), \
		.other = NAMES("_type", "routing", "_routing", "pipeline", \
		    "version", "version_type", "if_seq_no", "if_primary_term", \
		    "op_type", "require_alias", "require_data_stream", \
		    "retry_on_conflict", "dynamic_templates"), \
		.reason = "a bulk of Elasticsearch: its path is /_bulk" \
	}

/*
 * How a body of another begins: an object of one member, which is an object,
 * or an array of them, with no member but these.
 */
static const struct foreign {
	const char *name;
	enum json_kind kind;
	const char *const *telling; /* one of these must be there */
	const char *const *other;
	const char *reason;
} foreign[] = {
    BULK("create"),
    BULK("index"),
    BULK("update"),
    BULK("delete"),
    {"resourceLogs", JSON_ARRAY, NAMES("scopeLogs"),
	NAMES("resource", "schemaUrl"),
	"a batch of OTLP: its path is /v1/logs"},
    {"streams", JSON_ARRAY, NAMES("values", "entries"),
	NAMES("stream", "labels"),
	"a push of Loki: its path is /loki/api/v1/push"},
    {.name = NULL},
};

static bool
is_one_of(const char *const *names, const struct json_member *m)
{
	while (*names != NULL && !json_name_is(m, *names, strlen(*names)))
		names++;
	return *names != NULL;
}

/* Is there, behind a line break, another object? */
static bool
is_followed(const char *p, const char *end)
{
	const char *next = json_skip_space(p, end);

	return next < end && *next == '{' &&
	       memchr(p, '\n', (size_t)(next - p)) != NULL;
}

/* Does the text at p, whose first member has the name, have all the rest? */
static bool
is_foreign(const struct foreign *f, const char *p, const char *end)
{
	struct json_member m;
	struct json_error err;
	const char *inner;
	bool told = false;

	if (json_check_member(&p, end, JSON_DEPTH_MOST, &m, &err) <= 0 ||
	    m.kind != f->kind)
		return false;
	inner = m.value.p;
	if (json_check_member(&p, end, JSON_DEPTH_MOST, &m, &err) != 0)
		return false;
	if (f->kind == JSON_ARRAY)
		inner = json_skip_space(inner + 1, p);
	if (*inner != '{')
		return false;
	while (json_next_member(&inner, p, &m)) {
		if (is_one_of(f->telling, &m))
			told = true;
		else if (!is_one_of(f->other, &m))
			return false;
	}
	/* An action may say nothing; then it is told by its document. */
	return told || (f->kind == JSON_OBJECT && is_followed(p, end));
}

/* Does one of the names begin like this? It tells nearly all apart. */
static inline bool
may_be_foreign(char first)
{
	return first == 'c' || first == 'i' || first == 'u' || first == 'd' ||
	       first == 'r' || first == 's';
}

/* What the body is, if it is not one of ours; or NULL. */
static const char *
find_foreign(const char *body, const char *end)
{
	const char *p;

	if (body < end && *body != '{')
		body = json_skip_space(body, end);
	if (end - body < 3 || *body != '{')
		return NULL;
	p = json_skip_space(body + 1, end);
	if (end - p < 2 || !may_be_foreign(p[1]))
		return NULL;
	for (const struct foreign *f = foreign; f->name != NULL; f++) {
		size_t len = strlen(f->name);

		if ((size_t)(end - p) >= len + 2 && p[len + 1] == '"' &&
		    memcmp(p + 1, f->name, len) == 0 &&
		    is_foreign(f, body, end))
			return f->reason;
	}
	return NULL;
}

/*
 * Lists
 */

/* Rejects an element of a list that is JSON, if nothing else. */
static const char *
pass_element(struct event_writer *w, const char *p, const char *end,
    struct event_flaw *f)
{
	struct json_error err;
	bool breaks;

	if (f->stop == NULL)
		f->stop = json_check(p, end, JSON_DEPTH_MOST, &breaks, &err);
	return event_reject(w, p, f->stop, f);
}

/*
 * Makes events of a list that was checked. False: the body's error is set, and
 * the flaw is the one to blame, unless there was no room for it.
 */
static bool
take_list(
    struct event_writer *w, struct json_text list, struct event_flaw *flaw)
{
	const char *end = list.p + list.len, *p, *after;

	p = json_skip_space(list.p + 1, end);
	while (*p != ']') {
		after = event_take(w, p, end, flaw);
		if (after == NULL)
			after = pass_element(w, p, end, flaw);
		if (after == NULL)
			return false;
		p = json_skip_space(after, end);
		if (*p == ',')
			p = json_skip_space(p + 1, end);
	}
	return true;
}

/* A text with a list whose name is in scratch. */
static const char *
take_each(struct event_writer *w, const char *p, const char *end,
    struct event_flaw *flaw)
{
	const char *begin = p;
	struct json_text list = {NULL, 0};
	struct json_error json;
	struct json_member m;
	unsigned lists = 0;
	int more;

	if (p == end || *p != '{')
		return event_take(w, p, end, flaw); /* says what it is not */
	/* How deep its elements are is their own affair. */
	while ((more = json_check_member(&p, end, JSON_DEPTH_MOST, &m, &json)) >
	       0) {
		if (m.kind != JSON_ARRAY ||
		    !json_name_is(&m, w->scratch->data, w->scratch->len))
			continue;
		list = m.value;
		lists++;
	}
	if (more < 0) {
		*flaw = (struct event_flaw){
		    json.too_deep ? EVENT_TOO_DEEP : EVENT_NOT_JSON, json.at,
		    json.reason, NULL};
		return NULL;
	}
	*flaw = (struct event_flaw){EVENT_UNFIT, begin,
	    lists == 0 ? "it has no list of the name that the URL says"
		       : "it has several lists of the name that the URL says",
	    p};
	if (lists != 1)
		return NULL;
	if (take_list(w, list, flaw))
		return p;
	if (w->tally->errors[0].fault >= EVENT_FAULTS)
		flaw->fault = w->tally->errors[0].fault;
	return NULL;
}

/*
 * The body
 */

static int
fail(struct event_writer *w, enum event_fault fault, const char *reason)
{
	(void)event_fail(w, &(struct event_flaw){fault, w->body, reason, NULL});
	return -1;
}

/*
 * Puts the name that the path says, or else the query, into scratch. 0, or -1:
 * the body's error is set.
 */
static int
find_each(struct event_writer *w, const struct request *r)
{
	struct http_text query = r->query, name, value = r->name;
	struct buf *out = w->scratch;
	long len;

	while (value.len == 0 && http_next_argument(&query, &name, &value)) {
		if (name.len != 4 || memcmp(name.p, "each", 4) != 0)
			value.len = 0;
	}
	if (value.len == 0)
		return 0;
	if (buf_reserve(out, value.len) < 0)
		return fail(w, EVENT_NO_MEMORY, NULL);
	len = r->name.len > 0 ? http_decode_path(value, out->data)
			      : (long)http_decode(value, out->data);
	if (len < 0)
		return fail(w, EVENT_UNFIT,
		    "the path's name has a % without two digits, or a control "
		    "character");
	out->len = (size_t)len;
	return 0;
}

static int
take(struct event_writer *w, const struct request *r)
{
	const char *reason = find_foreign(w->body, w->end);

	if (reason != NULL)
		return fail(w, EVENT_UNFIT, reason);
	if (r->query.len == 0 && r->name.len == 0)
		return split_body(w, event_take);
	if (find_each(w, r) < 0)
		return -1;
	return split_body(w, w->scratch->len > 0 ? take_each : event_take);
}

/*
 * Answers
 */

/* The text is ours and needs no escapes. */
static int
put_error(struct buf *body, const struct event_error *e)
{
	return buf_printf(body,
	    "{\"error\":\"%s\",\"event\":%zu,\"offset\":%zu}", e->text,
	    e->event, e->offset);
}

static int
answer(const struct outcome *o, struct reply *reply, struct buf *body)
{
	(void)reply;
	if (o->error != NULL)
		return put_error(body, o->error);
	if (o->status != 200)
		return reply_put_refusal(body, o->text);
	if (buf_printf(
		body, "{\"accepted\":%llu", (unsigned long long)o->events) < 0)
		return -1;
	if (o->bad == NULL)
		return buf_append(body, "}", 1);
	if (buf_printf(body, ",\"rejected\":%llu,\"errors\":[",
		(unsigned long long)o->bad->bad) < 0)
		return -1;
	for (uint64_t i = 0; i < o->bad->bad && i < EVENT_ERRORS_MAX; i++) {
		if ((i > 0 && buf_append(body, ",", 1) < 0) ||
		    put_error(body, &o->bad->errors[i]) < 0)
			return -1;
	}
	return buf_append(body, "]}", 2);
}
