/*
 * event.h - turns the body of a request into lines of the spool.
 */
#ifndef LOGRECV_EVENT_H
#define LOGRECV_EVENT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "buf.h"
#include "clock.h"

#define EVENT_MEMBER_MAX 64 /* bytes of a member's name that is ours */
#define EVENT_CLIENT_MAX 45 /* bytes of a client's address */

/* What is added to each line besides the event: the longest suffix. */
#define EVENT_SUFFIX_MAX \
	(sizeof(",\"\":\"\",\"@received_at\":\"\"}\n") + EVENT_MEMBER_MAX + \
	    EVENT_CLIENT_MAX + CLOCK_STAMP_LEN)

struct event_limits {
	uint64_t event_bytes; /* --max-event */
	uint64_t depth;       /* --max-depth */
	bool refuse;          /* --bad=refuse: one bad event refuses them all */
	const char *client_member; /* --client-member; NULL: none */
};

/* Can --client-member be this: a name that needs no escapes in JSON? */
bool event_is_member(const char *name);

/* Where a body comes from, for its events' lines. */
struct event_origin {
	const char *stamp;
	const char *client; /* where there is a client_member: the address */
};

#define EVENT_KEPT_MAX 1000 /* bad events of a body that become lines */
#define EVENT_ERRORS_MAX 10 /* bad events of a body that are told of */

enum event_fault {
	/* These an event of its own can have among good ones: */
	EVENT_NOT_JSON,
	EVENT_NOT_OBJECT,
	EVENT_TOO_DEEP,
	EVENT_TOO_LARGE,
	EVENT_FAULTS,
	/* And these are the whole body's: */
	EVENT_BODY_EMPTY = EVENT_FAULTS,
	EVENT_NO_ROOM,
	EVENT_NO_MEMORY,
};

struct event_error {
	enum event_fault fault;
	char text[160]; /* for the client; names the limit, where it is one */
	size_t event;   /* which one, from 0 */
	size_t offset;  /* in the body, from 0 */
};

/* What became of a body. */
struct event_tally {
	uint64_t good, bad;
	uint64_t faults[EVENT_FAULTS]; /* the bad ones */
	uint64_t stamps;               /* members that were taken out */
	/* Of the first bad ones; or [0] alone, why there is no line. */
	struct event_error errors[EVENT_ERRORS_MAX];
};

/*
 * Appends one line an event to out: the event as the client sent it, line
 * breaks between its tokens turned into spaces, a top-level "@received_at" of
 * the client's taken out, and "@received_at":"stamp" added as the last member;
 * where there is a client_member, so is that, in front of it.
 * A body is an array of objects, or objects one behind another, with or
 * without white space between them (NDJSON is one kind), or an RS in front of
 * each (RFC 7464). A BOM may stand before it and a NUL behind.
 *
 * A bad event becomes a line that no event can be, for logload to put aside:
 *
 *   ["reason",offset,"text"]    or    ["reason",offset,"BASE64","base64"]
 *
 * where the text is not UTF-8. The offset is the error's in the body. At most
 * event_bytes of the text are kept, which the reason then tells, and at most
 * EVENT_KEPT_MAX such lines are made.
 *
 * Where a bad event ends: if it is JSON, at its end. If not, at the next line
 * break; or, where it is an object of several lines, before the next line that
 * begins with '{'; an RS ends it in any case. In an array a bad event must be
 * JSON, since nothing else tells where the next one begins.
 *
 * At most `room` bytes are appended. 0 with *tally set; or -1 with its
 * errors[0] alone, and out as it was: the body is no JSON, one event is bad
 * and that refuses all, or not one is good.
 */
int event_append(const char *body, size_t len, const struct event_origin *,
    const struct event_limits *, uint64_t room, struct buf *out,
    struct event_tally *tally);

/*
 * A copy for as long as the answer has to wait, which is no larger than it
 * must be: errors that are not told are not there. Adds its size to *bytes.
 * The caller frees it; NULL: no memory.
 */
struct event_tally *
event_tally_keep(const struct event_tally *, uint64_t *bytes);

#endif
