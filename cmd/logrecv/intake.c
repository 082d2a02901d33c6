/*
 * intake.c - see intake.h.
 */
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "format.h"
#include "front/forwarded.h"
#include "front/proxy.h"
#include "judge.h"

#define SKIP_MAX (256 << 10) /* a refused body up to here is read, not cut */

static enum intake_result
take_proxy(struct intake *, const char *p, size_t len, size_t *taken);
static enum intake_result
take_head(struct intake *, const char *p, size_t len, size_t *taken);
static enum intake_result
take_body(struct intake *, const char *p, size_t len, size_t *taken);
static enum intake_result
take_chunks(struct intake *, const char *p, size_t len, size_t *taken);
static enum intake_result
begin_body(struct intake *, const struct http_request *, struct http_text head,
    const char *p, size_t len, size_t *taken);
static enum intake_result complete(struct intake *, const char *, size_t);
static enum intake_result cut_off(struct intake *);
static enum intake_result end_body(struct intake *);

void
verdict_set(struct verdict *v, int status, enum stat stat, const char *fmt, ...)
{
	va_list ap;

	v->status = status;
	v->stat = stat;
	va_start(ap, fmt);
	(void)vsnprintf(v->text, sizeof(v->text), fmt, ap);
	va_end(ap);
}

void
intake_init(struct intake *i, struct server *server, struct share *share,
    size_t *work, const struct listener *l, const struct address *peer)
{
	memset(i, 0, sizeof(*i));
	i->server = server;
	i->share = share;
	i->role = l->role;
	i->tls = l->tls;
	i->name = "";
	i->state = l->proxy ? INTAKE_PROXY
		   : l->tls ? INTAKE_HELLO
			    : INTAKE_HEAD;
	i->peer = *peer;
	body_init(&i->body, share, work,
	    server->max_body < budget_for_bodies(&server->budget)
		? server->max_body
		: budget_for_bodies(&server->budget));
}

void
intake_release(struct intake *i)
{
	body_release(&i->body);
	share_give(i->share, i->target.len + i->cors.len);
	buf_release(&i->target);
	buf_release(&i->cors);
	i->holds = false;
}

/* What the state calls for, behind the bytes that are already taken. */
static enum intake_result
go_on(struct intake *i, const char *p, size_t len, size_t *taken)
{
	switch (i->state) {
	case INTAKE_PROXY:
		return take_proxy(i, p, len, taken);
	case INTAKE_HELLO:
		return len > 0 ? INTAKE_SECURE : INTAKE_WAIT;
	case INTAKE_BODY:
		return take_body(i, p, len, taken);
	case INTAKE_CHUNKS:
		return take_chunks(i, p, len, taken);
	default:
		return take_head(i, p, len, taken);
	}
}

static void
count_bytes(struct sender *s, uint64_t n)
{
	sender_count(s, SENDER_BYTES, n);
	sender_take(s, SENDER_BYTES, n);
}

enum intake_result
intake_next(struct intake *i, const char *p, size_t len, size_t *taken)
{
	enum intake_result rc;

	*taken = 0;
	rc = go_on(i, p, len, taken);
	/* What is refused and thrown away does not count. */
	if (i->request.sender != NULL && !i->skip)
		count_bytes(i->request.sender, *taken);
	return rc;
}

void
intake_done(struct intake *i)
{
	if (i->holds)
		intake_release(i);
}

size_t
intake_wants(const struct intake *i)
{
	return i->state == INTAKE_BODY && i->request.coding == NULL
		   ? (size_t)i->left
		   : 0;
}

/* The request is here, its body included. */
static enum intake_result
complete(struct intake *i, const char *body, size_t len)
{
	i->state = INTAKE_HEAD;
	i->begun = false;
	i->request.body = len == 0 ? "" : body; /* never NULL */
	i->request.len = len;
	return INTAKE_REQUEST;
}

/* The request is refused in its middle: nothing behind it is understood. */
static enum intake_result
cut_off(struct intake *i)
{
	if (i->request.verdict.status == 0)
		verdict_set(&i->request.verdict, 413, STAT_REFUSED_BODY_SIZE,
		    "this path takes no such body");
	i->request.last = i->request.cut = true;
	body_release(&i->body); /* others may want its room */
	return complete(i, NULL, 0);
}

void
intake_refuse(struct intake *i, enum intake_fault fault)
{
	static const char retry[] = "nothing of it is stored; what never ends "
				    "must be sent as many requests";
	struct verdict *v = &i->request.verdict;

	switch (fault) {
	case INTAKE_TOO_LATE:
		verdict_set(v, 408, STAT_REFUSED_TIMEOUT,
		    "the request took longer than --request-timeout: %s",
		    retry);
		break;
	case INTAKE_TOO_SLOW:
		verdict_set(v, 408, STAT_REFUSED_TIMEOUT,
		    "the body came slower than --min-rate (%llu bytes/s): %s",
		    (unsigned long long)i->server->min_rate, retry);
		break;
	case INTAKE_NO_ROOM:
		verdict_set(v, 503, STAT_REFUSED_IN_FLIGHT,
		    "over --max-in-flight (%llu bytes) of all clients at once",
		    (unsigned long long)i->server->budget.max);
		break;
	}
	(void)cut_off(i);
}

/*
 * The head
 */

/* The header by which a proxy says for whom it connects. */
static enum intake_result
take_proxy(struct intake *i, const char *p, size_t len, size_t *taken)
{
	long n = proxy_parse(p, len, &i->peer);

	if (n <= 0)
		return n == 0 ? INTAKE_WAIT : INTAKE_FOREIGN;
	*taken += (size_t)n;
	share_move(i->share, &i->peer);
	i->state = i->tls ? INTAKE_HELLO : INTAKE_HEAD;
	return INTAKE_GREETED;
}

/* Behind a proxy each request may be another's; limits are for those. */
static void
find_client(struct intake *i, struct http_text head)
{
	const struct networks *trusted = &i->server->trusted;

	i->request.client = i->peer;
	if (trusted->count == 0)
		return;
	forwarded_find(trusted, head, &i->request.client);
	share_move(i->share, &i->request.client);
}

static enum intake_result
take_head(struct intake *i, const char *p, size_t len, size_t *taken)
{
	struct verdict *v = &i->request.verdict;
	size_t max = (size_t)i->server->max_header;
	struct http_request req;
	struct http_error err;
	long n;

	if (!i->begun) {
		size_t blank = http_leading_crlf(p, len);

		*taken += blank;
		p += blank;
		len -= blank;
	}
	/* A CR alone may be the first half of a blank line. */
	if (len == 0 || (!i->begun && len == 1 && *p == '\r'))
		return INTAKE_WAIT;
	if (!i->begun) {
		i->begun = true;
		memset(&i->request, 0, offsetof(struct request, verdict.text));
	}
	/* Also if this is all that will ever come, or can be understood. */
	i->request.head_only = len >= 5 && memcmp(p, "HEAD ", 5) == 0;
	n = http_head_length(p, len < max ? len : max, &i->scanned, &err);
	if (n == 0 && len < max)
		return INTAKE_WAIT;
	i->scanned = 0;
	if (n == 0) {
		verdict_set(v, 431, STAT_REFUSED_HEAD_SIZE,
		    "the header is over --max-header (%zu bytes)", max);
		return cut_off(i);
	}
	if (n < 0 || http_parse_head(p, (size_t)n, &req, &err) < 0) {
		verdict_set(
		    v, err.status, STAT_REFUSED_FRAMING, "%s", err.reason);
		return cut_off(i);
	}
	stat_add(i->server->stats, STAT_REQUESTS, 1);
	find_client(i, (struct http_text){p, (size_t)n});
	*taken += (size_t)n;
	return begin_body(i, &req, (struct http_text){p, (size_t)n}, p + n,
	    len - (size_t)n, taken);
}

/* The body is still to come: what is needed of the head does not wait for it.
 */
static bool
keep_target(struct intake *i)
{
	struct request *r = &i->request;
	size_t name = r->name.len, len = name + r->query.len;

	if (len == 0)
		return true;
	if (!share_take(i->share, len, share_body_spare(i->share)))
		return false;
	if (buf_reserve(&i->target, len) < 0) {
		share_give(i->share, len);
		return false;
	}
	/* There is room; either may be empty, and nowhere. */
	(void)buf_append(&i->target, r->name.p, name);
	(void)buf_append(&i->target, r->query.p, r->query.len);
	r->name.p = i->target.data;
	r->query.p = i->target.data + name;
	return true;
}

/*
 * The head is whole, and taken; begins with what is behind it, or is done if
 * that is all of the body.
 */
static enum intake_result
begin_body(struct intake *i, const struct http_request *req,
    struct http_text head, const char *p, size_t len, size_t *taken)
{
	struct request *r = &i->request;

	r->last = !req->keep_alive;
	r->persist_1_0 = req->minor == 0 && req->keep_alive;
	r->query = req->query;
	judge_head(i, req, head);
	i->skip = r->verdict.status != 0 || !way_takes_events(r->way);
	if (i->skip && (req->chunked || req->length > 0) &&
	    (req->expect_continue || req->length > SKIP_MAX)) {
		/* Not worth reading: refused at once, and cut off. */
		return cut_off(i);
	}
	if (!req->chunked && req->length <= len && r->coding == NULL) {
		/* The common case: read where it lies, not copied. */
		*taken += (size_t)req->length;
		return complete(i, p, (size_t)req->length);
	}
	if (i->skip)
		r->name.len = r->query.len = 0; /* nobody will ask */
	else if (!keep_target(i)) {
		intake_refuse(i, INTAKE_NO_ROOM);
		return INTAKE_REQUEST;
	}
	i->state = req->chunked ? INTAKE_CHUNKS : INTAKE_BODY;
	i->holds = true;
	i->left = req->length;
	memset(&i->chunked, 0, sizeof(i->chunked));
	/* A client that sends without waiting needs no 100. */
	if (req->expect_continue && len == 0)
		return INTAKE_CONTINUE;
	return go_on(i, p, len, taken);
}

/*
 * The body
 */

/* It is not what it is said to be: the rest of it is passed over. */
static void
refuse_coded(struct intake *i, const char *fault)
{
	verdict_set(&i->request.verdict, 400, STAT_REFUSED_CODING,
	    "the body cannot be decompressed as %s: %s",
	    i->request.coding->name, fault);
	body_release(&i->body);
	i->skip = true;
}

/*
 * Takes what it can of these bytes of the body. INTAKE_WAIT if that is all of
 * them, or what to return.
 */
static enum intake_result
take_data(struct intake *i, const char *p, size_t len, size_t *taken)
{
	const struct coding *coding = i->request.coding;
	struct verdict *v = &i->request.verdict;
	enum body_result rc;

	*taken = len;
	if (i->skip)
		return INTAKE_WAIT;
	rc = body_take(&i->body, coding, p, len, taken);
	if (coding != NULL)
		stat_add(i->server->stats, STAT_CODED_BYTES, *taken);
	switch (rc) {
	case BODY_TAKEN:
		return INTAKE_WAIT;
	case BODY_AGAIN:
		return INTAKE_AGAIN;
	case BODY_SHORT:
		return INTAKE_SHORT;
	case BODY_BAD:
		refuse_coded(i, i->body.decoder->fault);
		*taken = len;
		return INTAKE_WAIT;
	case BODY_TOO_LARGE:
		(void)judge_size(i->server,
		    coding == NULL ? "the body" : "the body, decompressed,",
		    i->body.limit + 1, v);
		break;
	case BODY_NO_MEMORY:
		verdict_set(v, 503, STAT_REFUSED_MEMORY, "out of memory");
		break;
	}
	return cut_off(i);
}

static enum intake_result
take_body(struct intake *i, const char *p, size_t len, size_t *taken)
{
	enum intake_result rc;
	size_t n;

	rc = take_data(i, p, len < i->left ? len : (size_t)i->left, &n);
	*taken += n;
	i->left -= n;
	if (rc != INTAKE_WAIT)
		return rc;
	if (i->skip && i->left > SKIP_MAX)
		return cut_off(i);
	return i->left > 0 ? INTAKE_WAIT : end_body(i);
}

static enum intake_result
take_chunks(struct intake *i, const char *p, size_t len, size_t *taken)
{
	struct http_chunked *c = &i->chunked;
	enum intake_result rc = INTAKE_WAIT;
	struct http_error err;
	struct http_text data;
	size_t most;
	long n = 1;

	if (body_holds_back(&i->body))
		rc = take_data(i, p, 0, &most);
	while (rc == INTAKE_WAIT && n > 0 && c->state != CHUNK_DONE) {
		most = len;
		/* It takes data only in this state, and then all there is. */
		if (c->state == CHUNK_DATA)
			rc = take_data(
			    i, p, len < c->left ? len : (size_t)c->left, &most);
		n = http_chunked_next(
		    c, p, most, (size_t)i->server->max_header, &data, &err);
		if (n < 0) {
			verdict_set(&i->request.verdict, err.status,
			    STAT_REFUSED_FRAMING, "%s", err.reason);
			return cut_off(i);
		}
		p += n;
		len -= (size_t)n;
		*taken += (size_t)n;
		i->left += data.len;
		if (rc != INTAKE_WAIT)
			return rc;
		/* What is refused already keeps its reason. */
		if (i->skip ? i->left > SKIP_MAX
			    : judge_size(i->server, "the body",
				  body_least(i->request.coding, i->left),
				  &i->request.verdict))
			return cut_off(i);
	}
	return rc != INTAKE_WAIT || c->state != CHUNK_DONE ? rc : end_body(i);
}

/* All of it has come. */
static enum intake_result
end_body(struct intake *i)
{
	bool whole = body_finish(&i->body, i->request.coding);

	if (!whole && !i->skip)
		refuse_coded(i, "it ends too early");
	return complete(i, i->body.bytes.data, i->body.bytes.len);
}
