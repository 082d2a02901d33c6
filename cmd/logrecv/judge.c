/*
 * judge.c - see judge.h.
 */
#include <string.h>
#include <strings.h>

#include "format.h"
#include "judge.h"

/* Is it this path? Sets what a '*' stands for, which is not empty. */
static bool
is_path(const char *pattern, struct http_text path, struct http_text *name)
{
	const char *p = path.p, *end = p + path.len;

	for (; *pattern != '\0'; pattern++) {
		if (*pattern == '*') {
			for (name->p = p; p < end && *p != '/';)
				p++;
			name->len = (size_t)(p - name->p);
			if (name->len == 0)
				return false;
		} else if (p == end || *p++ != *pattern) {
			return false;
		}
	}
	return p == end;
}

/* The way of this path and method; NULL: there is none. */
static const struct way *
find_way(const struct intake *i, const struct http_request *req,
    struct http_text *name)
{
	const struct way *w = i->server->ways;

	for (; w->path != NULL; w++) {
		*name = (struct http_text){"", 0};
		if ((w->methods >> req->method & 1) != 0 &&
		    (w->roles & i->role) != 0 &&
		    is_path(w->path, req->path, name))
			return w;
	}
	return NULL;
}

/* All methods that the path has on this listener; none: it is no path. */
static unsigned
find_methods(const struct intake *i, const struct http_request *req)
{
	const struct way *w = i->server->ways;
	struct http_text name;
	unsigned methods = 0;

	for (; w->path != NULL; w++) {
		if ((w->roles & i->role) != 0 &&
		    is_path(w->path, req->path, &name))
			methods |= w->methods;
	}
	return methods;
}

static bool
is_coding(struct http_text coding, const char *name)
{
	size_t len = strlen(name);

	return coding.len == len && strncasecmp(coding.p, name, len) == 0;
}

/* Is the body as the format wants it? */
static bool
is_plain(struct http_text coding, const struct format *format)
{
	return coding.len == 0 || is_coding(coding, "identity") ||
	       (format->coding != NULL && is_coding(coding, format->coding));
}

/* Whose token has it? NULL, and the verdict is set: nobody's. */
static struct sender *
find_token(struct intake *i, struct http_text head, struct verdict *v)
{
	struct http_text field, second;
	struct sender *s = NULL;

	if (!http_next_field(&head, "Authorization", &field)) {
		verdict_set(v, 401, STAT_REFUSED_NO_TOKEN,
		    "a token is missing, in the field Authorization");
		return NULL;
	}
	if (!http_next_field(&head, "Authorization", &second))
		s = tokens_find(&i->server->tokens, field);
	if (s == NULL)
		verdict_set(
		    v, 401, STAT_REFUSED_TOKEN, "the token is not known");
	return s;
}

/* Who has this certificate? That is looked for once. */
static struct sender *
find_certified(struct intake *i)
{
	if (i->sender == NULL)
		i->sender = senders_know_peer(&i->server->senders, i->name);
	return i->sender;
}

/*
 * Whose is it, and may that sender go on? Sets the verdict if not. Who has a
 * certificate needs no token.
 */
static void
judge_sender(struct intake *i, struct http_text head, struct verdict *v)
{
	static const char *const rates[SENDER_COUNTS] = {
	    "requests", "events", "bytes"};
	struct request *r = &i->request;
	bool certified = i->name[0] != '\0';
	const char *by = certified ? "certificate" : "token";
	enum sender_count limit;
	uint64_t ways;
	struct sender *s;

	s = certified ? find_certified(i) : find_token(i, head, v);
	r->sender_name = certified ? i->name : s == NULL ? NULL : s->name;
	if (s == NULL)
		return;
	r->sender = s;
	ways = atomic_load_explicit(&s->ways, memory_order_relaxed);
	if (ways != 0 && (ways >> (r->way - i->server->ways) & 1) == 0) {
		verdict_set(v, 403, STAT_REFUSED_WAY,
		    "the %s is not for the way in %s", by,
		    r->way->format->name);
		return;
	}
	limit = sender_limit(s, &v->retry_s);
	if (v->retry_s > 0) {
		verdict_set(v, 429, STAT_REFUSED_RATE,
		    "over the %s a second that the %s may send", rates[limit],
		    by);
		return;
	}
	sender_count(s, SENDER_REQUESTS, 1);
	sender_take(s, SENDER_REQUESTS, 1);
}

/* What can be said of a request with events before its body is seen. */
static void
judge_events(
    struct intake *i, const struct http_request *req, struct verdict *v)
{
	const char *reason = gate_reason(i->server->gate);
	const struct coding *coding = NULL;
	const struct format *format = i->request.way->format;
	unsigned types = format->types;

	if (types != 0 && (types >> i->request.type & 1) == 0) {
		verdict_set(v, 415, STAT_REFUSED_TYPE,
		    "a Content-Type that this path does not take");
		return;
	}
	if (!is_plain(req->content_encoding, format)) {
		coding = coding_find(req->content_encoding);
		if (coding == NULL) {
			verdict_set(v, 415, STAT_REFUSED_CODING,
			    "a Content-Encoding that is not known");
			return;
		}
		i->request.coding = coding;
	}
	if (!judge_size(
		i->server, "the body", body_least(coding, req->length), v) &&
	    reason != NULL)
		verdict_set(v, 503, STAT_REFUSED_SPOOL, "%s", reason);
}

/* The fields that let a page of another origin read the answer. */
static bool
put_cors(
    struct intake *i, const struct http_request *req, struct http_text head)
{
	const struct access *access = &i->server->access;
	struct buf *out = &i->cors;

	if (access_put_fields(access, req, head, i->request.methods, out) < 0 ||
	    !share_take(i->share, out->len, share_body_spare(i->share))) {
		buf_release(out);
		return false;
	}
	if (out->len > 0) {
		i->request.cors = out->data;
		i->holds = true;
	}
	return true;
}

void
judge_head(
    struct intake *i, const struct http_request *req, struct http_text head)
{
	struct request *r = &i->request;
	struct verdict *v = &r->verdict;

	r->way = find_way(i, req, &r->name);
	/* Whatever comes of it, the answer may be of its kind. */
	if (r->way != NULL && r->way->format != NULL &&
	    r->way->format->types != 0)
		r->type = http_type(req->content_type);
	/* Where events are taken, nobody asks. */
	if (r->way == NULL || !way_takes_events(r->way))
		r->methods = find_methods(i, req);
	/* What operators see is for no page but their own. */
	if (req->origin.p != NULL && i->role == ROLE_EVENTS &&
	    !put_cors(i, req, head)) {
		verdict_set(v, 503, STAT_REFUSED_MEMORY, "out of memory");
		return;
	}
	if (r->way == NULL && r->methods == 0) {
		verdict_set(v, 404, STAT_REFUSED_PATH, "no such path");
		return;
	}
	if (!access_to_here(&i->server->access, req)) {
		verdict_set(
		    v, 403, STAT_REFUSED_HOST, "the Host is none of --host");
		return;
	}
	if (!access_from_here(&i->server->access, req)) {
		verdict_set(v, 403, STAT_REFUSED_ORIGIN,
		    "the Origin is none of --cors-origin");
		return;
	}
	if (r->way == NULL)
		verdict_set(
		    v, 405, STAT_REFUSED_METHOD, "the method is not allowed");
	else if (way_takes_events(r->way) &&
		 (i->server->tokens.path != NULL || i->name[0] != '\0'))
		judge_sender(i, head, v);
	if (v->status == 0 && way_takes_events(r->way))
		judge_events(i, req, v);
}

bool
judge_size(struct server *s, const char *what, uint64_t len, struct verdict *v)
{
	if (len > s->max_body)
		verdict_set(v, 413, STAT_REFUSED_BODY_SIZE,
		    "%s is over --max-body (%llu bytes): send it as several "
		    "requests",
		    what, (unsigned long long)s->max_body);
	else if (len > budget_for_bodies(&s->budget))
		verdict_set(v, 413, STAT_REFUSED_IN_FLIGHT,
		    "%s is over 3/4 of --max-in-flight (%llu bytes)", what,
		    (unsigned long long)s->budget.max);
	else
		return false;
	return true;
}
