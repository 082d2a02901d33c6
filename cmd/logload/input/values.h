/*
 * values.h - the framing of JSON that does not keep to lines: the elements of
 * an array, and objects one behind another, pretty-printed, with commas between
 * them, or in a sequence by RFC 7464.
 *
 * Line breaks between the tokens of an event become spaces. An event that is
 * broken ends, for want of anything better, in front of the next line that
 * begins as its own did, with the same white space and a '{'.
 */
#ifndef LOGLOAD_VALUES_H
#define LOGLOAD_VALUES_H

#include "reader.h"

#define VALUES_RECORD_SEPARATOR '\x1e' /* RFC 7464 */

/* 1 and *line, 0 at the end of the content, -1; see framing.h. */
int values_next(struct reader *, struct line *, struct error *);

/* The same for an array, which must have its ']' at the end. */
int values_next_element(struct reader *, struct line *, struct error *);

#endif
