/*
 * event.h - the event in a line: the line itself, or, in a file of rejected/,
 * what the record in the line holds (see reject.h).
 */
#ifndef LOGLOAD_EVENT_H
#define LOGLOAD_EVENT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "error.h"
#include "json.h"
#include "reader.h"
#include "../row/bounds.h"
#include "../row/row.h"

/* Of a record, what stands before its event, in bytes. */
#define EVENT_HEAD_MAX (8 * 1024)

/* What a record tells. */
struct event_record {
	struct json_text file; /* a string with its quotes, not checked */
	uint64_t line, offset; /* of the event in that file */
	struct json_text received_at; /* with quotes; p NULL: not told */
	uint64_t file_id;             /* 0: not told */
	struct json_text event;       /* not checked; p NULL: it has none */
};

/* What is asked of a line. */
struct event_rules {
	uint64_t max_event; /* bytes */
	unsigned max_depth;
	struct row_bounds bounds; /* the database's */
	/*
	 * The lines are records of this file's events: its name, and as it
	 * stands in them. NULL: the lines are events. Not owned.
	 */
	const char *origin;
	struct json_text origin_text;
	uint64_t origin_id; /* where a record does not tell */
};

struct event {
	struct json_text text; /* without white space around it */
	bool cut;              /* not that, for it ends within the value */
	bool bounded;          /* bad for the database's bounds alone */
	/* Of a record, that the text is the value of; NULL: it is not JSON. */
	const char *member;
	uint64_t line, offset; /* where it was read first, before any record */
	/* Of a record, what its row had first; 0 and p NULL: none is told. */
	uint64_t file_id;
	struct json_text received_at;
};

enum event_verdict {
	EVENT_GOOD,
	EVENT_NONE, /* a blank line */
	EVENT_BAD,  /* the error says why */
	EVENT_ALIEN /* no record of that file's; the error says so */
};

/*
 * *event points into the line. The row_maker has noted the members of an
 * event that is good, or bounded.
 */
enum event_verdict event_read(const struct event_rules *, const struct line *,
    struct row_maker *, struct event *, struct error *);

/*
 * Reads the front of a record, of which so many bytes are given, at most
 * EVENT_HEAD_MAX are needed: all but its event. False: it is no record. The
 * members must stand in the order, and with no more white space, than they are
 * written with.
 */
bool event_record_parse(struct event_record *, const char *text, size_t len);

#endif
