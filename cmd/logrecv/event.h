/*
 * event.h - makes lines of the spool of the events of a request.
 *
 * A format (format.h) finds the events in a body, and gives each to the
 * request's writer:
 *
 *   after = event_take(w, p, end, &flaw);          as it lies in the body
 *   event_put(w, text, len, at)                    built by the format
 *   after = event_reject(w, p, after, &flaw);      bad, in good company
 *   return event_fail(w, &flaw);                   the whole body is
 *
 * All limits, what is done with bad events, and the members that are ours are
 * the writer's.
 */
#ifndef LOGRECV_EVENT_H
#define LOGRECV_EVENT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "buf.h"
#include "clock.h"
#include "json.h"

#define EVENT_MEMBER_MAX 64 /* bytes of a member's name that is ours */
#define EVENT_VALUE_MAX 64  /* bytes of its value */

/* What can be told of where a request comes from, as a member of its events. */
enum event_source { EVENT_CLIENT, EVENT_SENDER, EVENT_SOURCES };

/* What is added to each line besides the event: the longest suffix. */
#define EVENT_SUFFIX_MAX \
	(sizeof(",\"@received_at\":\"\"}\n") + CLOCK_STAMP_LEN + \
	    EVENT_SOURCES * \
		(sizeof(",\"\":\"\"") + EVENT_MEMBER_MAX + EVENT_VALUE_MAX))

struct event_limits {
	uint64_t event_bytes; /* --max-event */
	uint64_t body_bytes;  /* --max-body, of what a format unpacks */
	uint64_t depth;       /* --max-depth */
	bool refuse;          /* --bad=refuse: one bad event refuses them all */
	/* --client-member, --sender-member; NULL: none */
	const char *members[EVENT_SOURCES];
};

/* Can a member of ours be this: a name that needs no escapes in JSON? */
bool event_is_member(const char *name);

/* Where a body comes from, for its events' lines. */
struct event_origin {
	const char *stamp;
	/* Where there is a member for it; NULL: it is not known. */
	const char *values[EVENT_SOURCES];
};

#define EVENT_KEPT_MAX 1000 /* bad events of a body that become lines */
#define EVENT_ERRORS_MAX 10 /* bad events of a body that are told of */

enum event_fault {
	/* These an event of its own can have among good ones: */
	EVENT_NOT_JSON,
	EVENT_NOT_OBJECT,
	EVENT_TOO_DEEP,
	EVENT_TOO_LARGE,
	EVENT_UNFIT, /* not what its format has; the flaw says why */
	EVENT_FAULTS,
	/* And these are the whole body's: */
	EVENT_BODY_EMPTY = EVENT_FAULTS,
	EVENT_BODY_TOO_LARGE, /* once it is unpacked */
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
 * The number of an event's size: of 1 to 64 bytes 5, of up to 128 bytes 6, and
 * so on, in the few instructions that there are for each event.
 */
#define EVENT_SIZES 32

static inline unsigned
event_size_of(size_t len)
{
	return 31U - (unsigned)__builtin_clz((unsigned)(len - 1) | 63U);
}

/* What became of a body. */
struct event_tally {
	uint64_t good, bad;
	uint64_t faults[EVENT_FAULTS]; /* the bad ones */
	uint64_t stamps;               /* members that were taken out */
	/* The good ones as they came: how many, by event_size_of, and bytes. */
	uint32_t sizes[EVENT_SIZES];
	uint64_t bytes;
	/* Of the first bad ones; or [0] alone, why there is no line. */
	struct event_error errors[EVENT_ERRORS_MAX];
};

/* Why an event is bad; put into words where somebody will read them. */
struct event_flaw {
	enum event_fault fault;
	const char *at;     /* in the body */
	const char *reason; /* EVENT_NOT_JSON, EVENT_UNFIT: a constant text */
			    /* that needs no escapes in JSON */
	const char *stop;   /* where the event ends; NULL: it is no JSON */
};

#define EVENT_SCRATCHES 2

struct format;
struct request;

/* What a request's events are written with. */
struct event_writer {
	/* The caller of event_write sets: */
	const struct event_limits *limits;
	struct event_tally *tally;
	struct buf *out; /* lines are appended to it */
	uint64_t room;   /* bytes that may still be appended */
	/* For the format, empty at first: */
	struct buf *scratch; /* EVENT_SCRATCHES, to build an event in */
	struct buf *note;    /* what its answer needs to know of the body */
	/* event_write sets: */
	const char *body, *end;  /* of the request */
	struct json_watch watch; /* names of ours, then the format's */
	unsigned own;            /* that are ours */
	unsigned clash;          /* a bit each of the format's: it is ours */
	size_t
	    ats; /* in front of one that clashes: more than one of ours has */
	char suffix[EVENT_SUFFIX_MAX];
	size_t suffix_len;
};

/* Sets what its caller has to, but for the room; clearing all would cost. */
void event_writer_init(struct event_writer *, const struct event_limits *,
    struct event_tally *, struct buf *out, struct buf *scratch,
    struct buf *note);

/*
 * Appends one line an event of the request's body: the event's text, line
 * breaks between its tokens turned into spaces, a top-level "@received_at" of
 * the client's taken out, and "@received_at":"stamp" added as the last member;
 * so are the members of the limits, in front of it.
 *
 * A bad event becomes a line that no event can be, for logload to put aside:
 *
 *   ["reason",offset,"text"]    or    ["reason",offset,"BASE64","base64"]
 *
 * where the text is not UTF-8. The offset is the error's in the body. At most
 * event_bytes of the text are kept, which the reason then tells, and at most
 * EVENT_KEPT_MAX such lines are made.
 *
 * 0 with the tally set, and no line where no event is good; or -1 with its
 * errors[0] alone, and out as it was: no event is taken.
 */
int event_write(struct event_writer *, const struct format *,
    const struct request *, const struct event_origin *);

/*
 * Checks the JSON object that begins at p in the body, and appends its line.
 * Returns the byte after it; or NULL with the flaw set, and nothing appended.
 */
const char *event_take(
    struct event_writer *, const char *p, const char *end, struct event_flaw *);

/*
 * The same in two steps, for a format that adds members to its events: what is
 * checked is stored when these are known.
 */
struct event_text {
	const char *p, *stop; /* the object */
	bool breaks, seen;    /* see json_watch */
};

/* The value of a member that is one of those that the format has declared. */
struct event_member {
	unsigned which;
	struct json_text value;
};

/*
 * Declares, for the whole body, the name of a member that the format may add;
 * it needs no escapes, and stays the format's. The first is 0. An event that
 * has such a member of its own keeps it, and the one that is added gets an '@'
 * in front of its name; or several, so that it is no name of ours.
 */
void event_declare(struct event_writer *, struct json_text name);

const char *event_check(struct event_writer *, const char *p, const char *end,
    struct event_text *, struct event_flaw *);
const char *event_store(struct event_writer *, const struct event_text *,
    const struct event_member *, size_t count, struct event_flaw *);

/*
 * The same for an object that a format has built, of what lies in the body at
 * `at`; a bad one is rejected. 0, or -1: the body's error is set.
 */
int
event_put(struct event_writer *, const char *text, size_t len, const char *at);

/*
 * What was built in vain for a bad event needs room like what is stored: a few
 * bytes of a body can be worth --max-event, and it is all work. 0, or -1: the
 * body's error is set.
 */
int event_spend(struct event_writer *, size_t len);

/* Is the flaw one that the event's neighbours need not suffer for? */
bool event_is_own_flaw(const struct event_writer *, const struct event_flaw *);

/*
 * Notes a bad event, from begin to stop, and appends a line for it. Returns
 * stop; or NULL with the body's error set: there is no room, or it is the
 * whole body's flaw, which one event's can be by --bad=refuse.
 */
const char *event_reject(struct event_writer *, const char *begin,
    const char *stop, const struct event_flaw *);

/* Puts a flaw into words, as for the next event. */
void event_describe(const struct event_writer *, const struct event_flaw *,
    struct event_error *);

/*
 * Where so many bytes can be added to the note, whose len the caller sets then:
 * it needs room as lines do. NULL: the body's error is set.
 */
char *event_note(struct event_writer *, size_t most);

/* Sets the body's error; returns NULL. No more may be given to the writer. */
const char *event_fail(struct event_writer *, const struct event_flaw *);

/* Are there bad events, and no good one? Most formats refuse the body then. */
static inline bool
event_all_are_bad(const struct event_writer *w)
{
	return w->tally->bad > 0 && w->tally->good == 0;
}

/*
 * A copy for as long as the answer has to wait, which is no larger than it
 * must be: errors that are not told are not there. Adds its size to *bytes.
 * The caller frees it; NULL: no memory.
 */
struct event_tally *
event_tally_keep(const struct event_tally *, uint64_t *bytes);

#endif
