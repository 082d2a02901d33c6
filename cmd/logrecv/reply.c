/*
 * reply.c - see reply.h.
 */
#include "reply.h"
#include "spool.h"

static const struct {
	int status;
	const char *phrase;
} phrases[] = {
    {200, "OK"},
    {400, "Bad Request"},
    {403, "Forbidden"},
    {404, "Not Found"},
    {405, "Method Not Allowed"},
    {408, "Request Timeout"},
    {413, "Content Too Large"},
    {415, "Unsupported Media Type"},
    {417, "Expectation Failed"},
    {431, "Request Header Fields Too Large"},
    {500, "Internal Server Error"},
    {501, "Not Implemented"},
    {503, "Service Unavailable"},
    {505, "HTTP Version Not Supported"},
};

static const char *
status_phrase(int status)
{
	for (size_t i = 0; i < sizeof(phrases) / sizeof(phrases[0]); i++) {
		if (phrases[i].status == status)
			return phrases[i].phrase;
	}
	return ""; /* may be empty: RFC 9112, section 4 */
}

/* RFC 9110, section 10.2.1. */
static int
put_allow(struct buf *out, unsigned methods)
{
	const char *before = "Allow: ";

	for (enum http_method m = HTTP_GET; m < HTTP_OTHER; m++) {
		if ((methods >> m & 1) == 0)
			continue;
		if (buf_printf(out, "%s%s", before, http_method_names[m]) < 0)
			return -1;
		before = ", ";
	}
	return buf_append(out, "\r\n", 2);
}

int
reply_format(struct buf *out, const struct reply *r, const char *date)
{
	const char *connection = "";

	if (r->close)
		connection = "Connection: close\r\n";
	else if (r->keep_alive)
		connection = "Connection: keep-alive\r\n";
	if (buf_printf(out, "HTTP/1.1 %d %s\r\nDate: %s\r\n%s", r->status,
		status_phrase(r->status), date, connection) < 0)
		return -1;
	if (r->allow != 0 && put_allow(out, r->allow) < 0)
		return -1;
	if (r->retry_after > 0 &&
	    buf_printf(out, "Retry-After: %u\r\n", r->retry_after) < 0)
		return -1;
	if (r->len > 0 &&
	    buf_printf(out, "Content-Type: %s\r\n",
		r->type != NULL ? r->type : "application/json") < 0)
		return -1;
	if (buf_printf(out, "Content-Length: %zu\r\n\r\n", r->len) < 0)
		return -1;
	return r->head_only ? 0 : buf_append(out, r->body, r->len);
}

int
reply_put_error(struct buf *body, const struct event_error *e)
{
	/* The text is ours and needs no escapes. */
	return buf_printf(body,
	    "{\"error\":\"%s\",\"event\":%zu,\"offset\":%zu}", e->text,
	    e->event, e->offset);
}

int
reply_put_stored(
    struct buf *body, uint64_t accepted, const struct event_tally *bad)
{
	if (buf_printf(
		body, "{\"accepted\":%llu", (unsigned long long)accepted) < 0)
		return -1;
	if (bad == NULL)
		return buf_append(body, "}", 1);
	if (buf_printf(body, ",\"rejected\":%llu,\"errors\":[",
		(unsigned long long)bad->bad) < 0)
		return -1;
	for (uint64_t i = 0; i < bad->bad && i < EVENT_ERRORS_MAX; i++) {
		if ((i > 0 && buf_append(body, ",", 1) < 0) ||
		    reply_put_error(body, &bad->errors[i]) < 0)
			return -1;
	}
	return buf_append(body, "]}", 2);
}

int
reply_put_outcome(struct reply *r, struct buf *body, int result,
    uint64_t accepted, const struct event_tally *bad)
{
	if (result == 0) {
		r->status = 200;
		return reply_put_stored(body, accepted, bad);
	}
	r->status = result == SPOOL_IN_DOUBT ? 500 : 503;
	return buf_printf(body, "{\"error\":\"%s\"}",
	    result == SPOOL_IN_DOUBT
		? "the sync failed: the events may be stored, or not"
		: "the events could not be stored");
}
