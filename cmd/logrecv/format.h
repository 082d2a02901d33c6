/*
 * format.h - what a kind of body is, and how it is answered. Each is a file of
 * ways/, and some rows of the table in ways.c.
 */
#ifndef LOGRECV_FORMAT_H
#define LOGRECV_FORMAT_H

#include "event.h"
#include "http.h"
#include "intake.h"
#include "reply.h"

/* What became of a request, in time before or after its body was looked at. */
struct outcome {
	int status;       /* 200: its events are stored, but for bad ones */
	const char *text; /* else: why not; needs no escapes in JSON */
	enum stat stat;   /* of a verdict, as what it is counted */
	unsigned retry_s; /* 429: after so many seconds */
	const struct event_error *error; /* the event to blame; NULL: none is */
	uint64_t events;                 /* stored */
	const struct event_tally *bad;   /* NULL: none is */
	struct http_text note;           /* what `take` has noted */
	enum http_type type;             /* of the request's body */
};

struct format {
	const char *name; /* of a token's ways, and in metrics */
	/*
	 * The types of bodies that it takes, an HTTP_TYPE_BIT() each; 0: any,
	 * and neither requests nor outcomes have one.
	 */
	unsigned types;
	/*
	 * A Content-Encoding that its bodies may be said to have, since they
	 * have it in any case, and `take` undoes it; NULL: none.
	 */
	const char *coding;
	/*
	 * Gives the events of the body, plain and whole, to the writer. 0; or
	 * -1 with the body's error set. May be called again for the same body.
	 * NULL: there is no body, and its way has only the format's answers.
	 */
	int (*take)(struct event_writer *, const struct request *);
	/*
	 * Appends the body of the answer, and may change its status, which is
	 * the outcome's, its type, and add fields. 0, or -1: ENOMEM.
	 */
	int (*answer)(const struct outcome *, struct reply *, struct buf *body);
};

/* Does it take a body with events, for which the spool needs room? */
static inline bool
way_takes_events(const struct way *way)
{
	return way->format != NULL && way->format->take != NULL;
}

struct waiter;

/* What became of a request that this refuses, while that is there. */
struct outcome
outcome_of_verdict(const struct request *, const struct verdict *);
/* What became of a request of a group by the result of storing that. */
struct outcome outcome_of_commit(const struct waiter *, int result);

/*
 * The reply to this outcome, in the way of the format, or a plain one if that
 * is NULL; its body is put into the buffer, which is empty. Where it makes
 * sense to try again, that is after retry_s. 0, or -1: ENOMEM.
 */
int format_answer(const struct format *, const struct outcome *,
    unsigned retry_s, struct reply *, struct buf *body);

/* ways/log.c */
extern const struct format format_log;
/* ways/hec.c */
extern const struct format format_hec, format_hec_raw, format_hec_health,
    format_hec_ack;
/* ways/bulk.c */
extern const struct format format_bulk, format_bulk_root, format_bulk_license;
/* ways/otlp.c */
extern const struct format format_otlp;
/* ways/loki.c */
extern const struct format format_loki;

#endif
