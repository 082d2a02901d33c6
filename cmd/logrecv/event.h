/*
 * event.h - turns the body of a request into lines of the spool.
 */
#ifndef LOGRECV_EVENT_H
#define LOGRECV_EVENT_H

#include <stddef.h>
#include <stdint.h>

#include "buf.h"
#include "clock.h"

/* What is added to each line besides the event: the longest suffix. */
#define EVENT_SUFFIX_MAX (sizeof(",\"@received_at\":\"\"}\n") + CLOCK_STAMP_LEN)

struct event_limits {
	uint64_t event_bytes; /* --max-event */
	uint64_t depth;       /* --max-depth */
};

enum event_fault {
	EVENT_NOT_JSON,
	EVENT_NOT_OBJECT,
	EVENT_BODY_EMPTY,
	EVENT_TOO_DEEP,
	EVENT_TOO_LARGE,
	EVENT_NO_ROOM,
	EVENT_NO_MEMORY,
};

struct event_error {
	enum event_fault fault;
	char text[160]; /* for the client; names the limit, where it is one */
	size_t event;   /* which one, from 0 */
	size_t offset;  /* in the body, from 0 */
};

/*
 * Appends one line an event to out: the event as the client sent it, line
 * breaks between its tokens turned into spaces, with "@received_at":"stamp"
 * added as its last member. A body is one object, an array of objects, or
 * objects one a line (NDJSON). At most `room` bytes are appended.
 *
 * Returns the number of events, or -1 with *err set and out as it was.
 */
long event_append(const char *body, size_t len, const char *stamp,
    const struct event_limits *, uint64_t room, struct buf *out,
    struct event_error *err);

#endif
