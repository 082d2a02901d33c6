/*
 * reply.c - see reply.h.
 */
#include <string.h>

#include "coding/coding.h"
#include "reply.h"

static const struct {
	int status;
	const char *phrase;
} phrases[] = {
    {200, "OK"},
    {204, "No Content"},
    {400, "Bad Request"},
    {401, "Unauthorized"},
    {403, "Forbidden"},
    {404, "Not Found"},
    {405, "Method Not Allowed"},
    {408, "Request Timeout"},
    {413, "Content Too Large"},
    {415, "Unsupported Media Type"},
    {417, "Expectation Failed"},
    {429, "Too Many Requests"},
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

int
reply_put_methods(struct buf *out, unsigned methods)
{
	const char *before = "";

	for (enum http_method m = HTTP_GET; m < HTTP_OTHER; m++) {
		if ((methods >> m & 1) == 0)
			continue;
		if (buf_printf(out, "%s%s", before, http_method_names[m]) < 0)
			return -1;
		before = ", ";
	}
	return 0;
}

/* RFC 9110, section 12.5.3. */
static int
put_codings(struct buf *out)
{
	const char *before = "Accept-Encoding: ";

	for (const struct coding *c = codings; c->name != NULL; c++) {
		if (buf_printf(out, "%s%s", before, c->name) < 0)
			return -1;
		before = ", ";
	}
	return buf_append(out, "\r\n", 2);
}

/* Fields that only some answers have. 0, or -1. */
static int
put_fields(struct buf *out, const struct reply *r)
{
	/* RFC 9110, section 10.2.1. */
	if (r->allow != 0 && (buf_printf(out, "Allow: ") < 0 ||
				 reply_put_methods(out, r->allow) < 0 ||
				 buf_append(out, "\r\n", 2) < 0))
		return -1;
	if (r->accepts_codings && put_codings(out) < 0)
		return -1;
	if (r->retry_after > 0 &&
	    buf_printf(out, "Retry-After: %u\r\n", r->retry_after) < 0)
		return -1;
	/* Section 11.6.1; a page must not make a browser ask its user. */
	if (r->status == 401 &&
	    buf_printf(out, "WWW-Authenticate: Bearer realm=\"logrecv\"%s\r\n",
		r->cors != NULL ? "" : ", Basic realm=\"logrecv\"") < 0)
		return -1;
	if (r->fields != NULL &&
	    buf_append(out, r->fields, strlen(r->fields)) < 0)
		return -1;
	if (r->vary && buf_printf(out, "Vary: Origin\r\n") < 0)
		return -1;
	return r->cors == NULL ? 0 : buf_append(out, r->cors, strlen(r->cors));
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
	if (put_fields(out, r) < 0)
		return -1;
	if ((r->len > 0 || r->type != NULL) &&
	    buf_printf(out, "Content-Type: %s\r\n",
		r->type != NULL ? r->type : "application/json") < 0)
		return -1;
	/* RFC 9110, section 8.6: not with a 204. */
	if ((r->status != 204 &&
		buf_printf(out, "Content-Length: %zu\r\n", r->len) < 0) ||
	    buf_append(out, "\r\n", 2) < 0)
		return -1;
	return r->head_only ? 0 : buf_append(out, r->body, r->len);
}

int
reply_put_refusal(struct buf *body, const char *text)
{
	return buf_printf(body, "{\"error\":\"%s\"}", text);
}
