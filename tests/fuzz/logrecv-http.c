/*
 * logrecv-http.c - the parser of requests: the same in whatever pieces a
 * request comes; and what it takes ends, to another strict parser, Node's
 * http_parser, where it ends to us, and is of the same method, target and body.
 * What we refuse or wait for, the other may take, but not as a whole request.
 */
#if __has_include(<http_parser.h>)
/* It has names for methods that are ours. */
#define http_method other_method
#define HTTP_GET OTHER_GET
#define HTTP_HEAD OTHER_HEAD
#define HTTP_POST OTHER_POST
#define HTTP_PUT OTHER_PUT
#define HTTP_OPTIONS OTHER_OPTIONS
#include <http_parser.h>
#undef http_method
#undef HTTP_GET
#undef HTTP_HEAD
#undef HTTP_POST
#undef HTTP_PUT
#undef HTTP_OPTIONS
#endif

#include "../../cmd/logrecv/chunked.h"
#include "fuzz.h"

#define LINE_MOST 300 /* bytes of a line of a chunk, and of a trailer */

enum { DONE = 0, WAITS = -2 };

struct message {
	int status; /* DONE, WAITS, or why it is refused */
	struct http_request req;
	const char *head;
	size_t head_len;
	size_t used; /* of the input */
	char *body;  /* owned */
	size_t len;
};

/* The body in chunks, of which the first `have` bytes are there. */
static int
read_chunks(struct message *m, struct input in, size_t have, uint32_t cuts)
{
	struct http_chunked c = {0};
	struct http_error err;
	struct http_text data;

	while (c.state != CHUNK_DONE) {
		long n = http_chunked_next(
		    &c, in.p + m->used, have - m->used, LINE_MOST, &data, &err);

		if (n < 0)
			return err.status;
		check((size_t)n <= have - m->used);
		if (data.len > 0)
			memcpy(m->body + m->len, data.p, data.len);
		m->len += data.len;
		m->used += (size_t)n;
		if (n == 0 && c.state != CHUNK_DONE && have == in.len)
			return WAITS;
		if (n == 0)
			have += input_piece(&cuts, in.len - have);
	}
	return DONE;
}

static int
read_message(struct message *m, struct input in, uint32_t cuts)
{
	size_t have = 0, blank = 0, scanned = 0;
	struct http_error err = {0};
	long n = 0;

	while (n == 0) {
		if (have == in.len)
			return WAITS;
		have += input_piece(&cuts, in.len - have);
		if (scanned == 0)
			blank += http_leading_crlf(in.p + blank, have - blank);
		if (have == blank || (have == blank + 1 && in.p[blank] == '\r'))
			continue;
		n = http_head_length(
		    in.p + blank, have - blank, &scanned, &err);
	}
	m->head = in.p + blank;
	if (n < 0 || http_parse_head(m->head, (size_t)n, &m->req, &err) < 0) {
		check(err.status >= 400 && err.reason != NULL);
		return err.status;
	}
	m->head_len = (size_t)n;
	m->used = blank + (size_t)n;
	if (m->req.chunked)
		return read_chunks(m, in, have, cuts);
	if (m->req.length > in.len - m->used)
		return WAITS;
	m->len = (size_t)m->req.length;
	memcpy(m->body, in.p + m->used, m->len);
	m->used += m->len;
	return DONE;
}

static struct message
message_of(struct input in, uint32_t cuts)
{
	struct message m = {.body = malloc(in.len + 1)};

	check(m.body != NULL);
	m.status = read_message(&m, in, cuts);
	return m;
}

static bool
is_same(const struct message *a, const struct message *b)
{
	const struct http_request *r = &a->req, *s = &b->req;

	if (a->status != b->status || a->status > 0)
		return a->status == b->status;
	return a->used == b->used && a->len == b->len &&
	       memcmp(a->body, b->body, a->len) == 0 &&
	       r->method == s->method && r->path.p == s->path.p &&
	       r->path.len == s->path.len && r->query.len == s->query.len &&
	       r->keep_alive == s->keep_alive && r->chunked == s->chunked &&
	       r->length == s->length;
}

#if __has_include(<http_parser.h>)
/* What the other one says. */
struct other {
	bool done;
	const char *url;
	size_t url_len;
	char *body;
	size_t len;
};

static int
on_url(http_parser *parser, const char *p, size_t len)
{
	struct other *o = parser->data;

	o->url = p;
	o->url_len = len;
	return 0;
}

static int
on_body(http_parser *parser, const char *p, size_t len)
{
	struct other *o = parser->data;

	memcpy(o->body + o->len, p, len);
	o->len += len;
	return 0;
}

static int
on_end(http_parser *parser)
{
	((struct other *)parser->data)->done = true;
	http_parser_pause(parser, 1);
	return 0;
}

/*
 * What it refuses beyond us, at that byte: methods and forms of a target that
 * it does not know (we answer 405 or 404), Transfer-EncodingX, which it takes
 * for that without the X, empty elements of that list, and fields of a trailer
 * that say nothing there.
 */
static bool
is_narrower(const struct message *m, const http_parser *parser, size_t at)
{
	const char *target = strchr(m->head, ' ') + 1;

	switch (HTTP_PARSER_ERRNO(parser)) {
	case HPE_INVALID_METHOD:
		return m->req.method == HTTP_OTHER;
	case HPE_INVALID_URL:
		return *target != '/';
	case HPE_INVALID_TRANSFER_ENCODING:
		return !m->req.chunked || at > m->head_len ||
		       memchr(m->head, ',', m->head_len) != NULL;
	case HPE_UNEXPECTED_CONTENT_LENGTH: /* beside that, or in a trailer */
		return !m->req.chunked || at > m->head_len;
	case HPE_INVALID_CONTENT_LENGTH:
		return m->req.chunked && at > m->head_len;
	default:
		return false;
	}
}

/* To it a line may end in a CR alone, whatever follows that. */
static bool
has_bare_cr(struct input in)
{
	for (size_t i = 0; i < in.len; i++) {
		if (in.p[i] == '\r' && (i + 1 == in.len || in.p[i + 1] != '\n'))
			return true;
	}
	return false;
}

static void
check_other(const struct message *m, struct input in)
{
	static const http_parser_settings settings = {.on_url = on_url,
	    .on_body = on_body,
	    .on_message_complete = on_end};
	struct other o = {.body = malloc(in.len + 1)};
	size_t len = in.len, blank = 0, n;
	http_parser parser;

	check(o.body != NULL);
	if (m->status == DONE) {
		blank = (size_t)(m->head - in.p);
		len = m->used;
	}
	http_parser_init(&parser, HTTP_REQUEST);
	parser.data = &o;
	n = http_parser_execute(&parser, &settings, in.p + blank, len - blank);
	if (m->status == WAITS) {
		/* Some of its body is missing; of a head it may see less. */
		check(!o.done || m->used == 0 || parser.upgrade ||
		      has_bare_cr(in));
	} else if (m->status == DONE && !parser.upgrade &&
		   !is_narrower(m, &parser, n)) {
		check(o.done && n == len - blank);
		check(o.len == m->len && memcmp(o.body, m->body, o.len) == 0);
		check(m->req.method == HTTP_OTHER ||
		      strcmp(http_method_str((enum other_method)parser.method),
			  http_method_names[m->req.method]) == 0);
		check(m->req.path.len == 0 ||
		      (o.url <= m->req.path.p &&
			  m->req.path.p + m->req.path.len + m->req.query.len <=
			      o.url + o.url_len));
		/* Of a list it overlooks elements behind empty ones. */
		check(m->req.chunked || memchr(in.p, ',', in.len) != NULL ||
		      m->req.keep_alive ==
			  (http_should_keep_alive(&parser) != 0));
	}
	free(o.body);
}
#else
static void
check_other(const struct message *m, struct input in)
{
	(void)m;
	(void)in;
}
#endif

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct input in = input_of(data, size);
	uint32_t cuts = input_byte(&in);
	struct message whole = message_of(in, 0),
		       cut = message_of(in, 1 + cuts);

	check(is_same(&whole, &cut));
	check_other(&whole, in);
	free(whole.body);
	free(cut.body);
	return 0;
}
