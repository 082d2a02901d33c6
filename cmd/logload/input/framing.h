/*
 * framing.h - how the events of some content are told apart.
 *
 * A format is a file, such as lines.c, and stands in the table of framing.c. It
 * has a function that finds it at the front of a content, and one that gives
 * what comes next. What that needs to know it finds around the place where it
 * goes on: any event's end, if the load was broken off.
 */
#ifndef LOGLOAD_FRAMING_H
#define LOGLOAD_FRAMING_H

#include "reader.h"

typedef int framing_next(struct reader *, struct line *, struct error *);

struct framing {
	bool (*is)(const char *front, size_t len, bool whole);
	framing_next *next; /* 1 and *line, 0 at the end of the content, -1 */
};

extern const struct framing framing_lines;                 /* lines.c */
extern const struct framing framing_array, framing_values; /* values.c */

/*
 * That of a content, as its front tells. NULL: it could not be read, or, with
 * reader->unfit set, it has no events: err says what it is instead.
 */
const struct framing *
framing_find(struct reader *, struct source *, struct error *);

/*
 * As of framing_next: what comes next. If it is -1 with reader->unfit set, then
 * where the next event is cannot be told, and reader->at is behind the last
 * one.
 */
int framing_read(
    const struct framing *, struct reader *, struct line *, struct error *);

/*
 * For formats.
 */

/* Past white space, a byte order mark, and a hole at the front. */
const char *framing_skip(const char *p, const char *end);

/* Does any line hold JSON, such as begins with that (or 0), and nothing else?
 */
bool
framing_has_json_line(const char *p, const char *end, bool whole, char begin);

#endif
