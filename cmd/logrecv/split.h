/*
 * split.h - the texts that a body is made of: an array of them, or texts one
 * behind another, with or without white space between them (NDJSON is one
 * kind), or an RS in front of each (RFC 7464). A BOM may stand before it and a
 * NUL behind.
 *
 * Where a bad one ends: if it is JSON, at its end. If not, at the next line
 * break; or, where it is an object of several lines, before the next line that
 * begins with '{'; an RS ends it in any case. In an array a bad one must be
 * JSON, since nothing else tells where the next one begins.
 */
#ifndef LOGRECV_SPLIT_H
#define LOGRECV_SPLIT_H

#include "event.h"

/*
 * Makes an event of the text that begins at p, as event_take does: the byte
 * after it, or NULL with the flaw set.
 */
typedef const char *split_taker(
    struct event_writer *, const char *p, const char *end, struct event_flaw *);

/*
 * Gives each text of the writer's body to `take`, and rejects the bad ones.
 * 0, or -1 with the body's error set: none is good, or one cannot be passed.
 */
int split_body(struct event_writer *, split_taker *take);

/*
 * The body as one JSON value, in any depth: checks it, with what is behind it,
 * and returns where it begins; or NULL with the body's error set.
 */
const char *split_single(struct event_writer *);

#endif
