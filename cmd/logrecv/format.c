/*
 * format.c - see format.h.
 */
#include "commit.h"
#include "format.h"
#include "spool.h"

struct outcome
outcome_of_verdict(const struct request *r, const struct verdict *v)
{
	return (struct outcome){.status = v->status,
	    .text = v->text,
	    .stat = v->stat,
	    .retry_s = v->retry_s,
	    .type = r->type};
}

struct outcome
outcome_of_commit(const struct waiter *waiter, int result)
{
	struct outcome o = {.status = 200,
	    .events = waiter->events,
	    .bad = waiter->bad,
	    .note = {waiter->note, waiter->note_len},
	    .type = waiter->type};

	if (result == SPOOL_IN_DOUBT) {
		o.status = 500;
		o.text = "the sync failed: the events may be stored, or not";
	} else if (result < 0) {
		o.status = 503;
		o.text = "the events could not be stored";
	}
	return o;
}

int
format_answer(const struct format *format, const struct outcome *o,
    unsigned retry_s, struct reply *reply, struct buf *body)
{
	int rc;

	reply->status = o->status;
	/* Of its Content-Type it says nothing: RFC 9110, section 12.5.3. */
	reply->accepts_codings =
	    o->status == 415 && o->stat == STAT_REFUSED_CODING;
	if (o->status == 503)
		reply->retry_after = retry_s;
	else
		reply->retry_after = o->retry_s;
	rc = format == NULL ? reply_put_refusal(body, o->text)
			    : format->answer(o, reply, body);
	reply->body = body->data;
	reply->len = body->len;
	return rc;
}
