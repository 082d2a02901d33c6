/*
 * logrecv-append.h - makes lines of a body, as a request in that format would.
 */
#ifndef TESTS_LOGRECV_APPEND_H
#define TESTS_LOGRECV_APPEND_H

#include "../../cmd/logrecv/format.h"
#include "json.h"

/* As event_write; the note is kept where one is given. */
static inline int
append_as(const struct format *format, const struct request *r,
    const struct event_origin *from, const struct event_limits *limits,
    uint64_t room, struct buf *out, struct event_tally *tally, struct buf *note)
{
	struct buf scratch[EVENT_SCRATCHES] = {{0}}, none = {0};
	struct event_writer w = {.limits = limits,
	    .tally = tally,
	    .out = out,
	    .room = room,
	    .scratch = scratch,
	    .note = note != NULL ? note : &none};
	int rc = event_write(&w, format, r, from);

	for (int i = 0; i < EVENT_SCRATCHES; i++)
		buf_release(&scratch[i]);
	buf_release(&none);
	return rc;
}

/* The same, as POST /log. */
static inline int
append_plain(const char *body, size_t len, const struct event_origin *from,
    const struct event_limits *limits, uint64_t room, struct buf *out,
    struct event_tally *tally)
{
	struct request r = {.body = body, .len = len};

	return append_as(&format_log, &r, from, limits, room, out, tally, NULL);
}

/* Is each line an event, or a bad one, and are there as many as counted? */
static inline bool
are_lines(const struct buf *out, const struct event_tally *t)
{
	const char *p = out->data, *end = p + out->len, *stop;
	struct json_error err;
	uint64_t good = 0, bad = 0;
	bool breaks = false;

	while (p < end) {
		good += *p == '{';
		bad += *p == '[';
		stop = json_check(p, end, 1024, &breaks, &err);
		if (stop == NULL || *stop != '\n')
			return false;
		p = stop + 1;
	}
	if (t->good == 0) /* then there are no lines of bad ones either */
		return out->len == 0;
	return !breaks && good == t->good && bad == t->bad;
}

#endif
