/*
 * log.c - events as they are: JSON objects, in an array or one behind another.
 */
#include "../format.h"
#include "../split.h"

static int take(struct event_writer *, const struct request *);
static int answer(const struct outcome *, struct reply *, struct buf *body);

const struct format format_log = {
    .name = "log", .take = take, .answer = answer};

static int
take(struct event_writer *w, const struct request *r)
{
	(void)r;
	return split_body(w, event_take);
}

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
