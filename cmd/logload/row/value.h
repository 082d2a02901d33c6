/*
 * value.h - one JSON value as the text that a column takes.
 *
 * The text is one that every SQL database reads as a literal of the column's
 * type; an instant is UTC. It points into the event where that needs no
 * change, else into the scratch given, so it is valid as long as both.
 */
#ifndef LOGLOAD_VALUE_H
#define LOGLOAD_VALUE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "columns.h"
#include "json.h"

#define VALUE_DATETIME_LEN 26 /* 2026-11-22 07:33:51.123456 */
/* Scratch for any type but varchar, which needs four bytes a character. */
#define VALUE_SCRATCH 64

/* p NULL: SQL NULL. */
struct value {
	const char *p;
	size_t len;
};

enum value_verdict {
	VALUE_FITS,
	VALUE_ABSENT, /* a JSON null */
	VALUE_MISFITS,
};

/*
 * surely: the member's name says little, so its value has to. An instant is no
 * date alone and no number that may be something else; a varchar is the word of
 * a level.
 */
enum value_verdict value_convert(const struct column *,
    const struct json_member *, bool surely, char *scratch, struct value *);

/*
 * An RFC 3339 date and time as UTC, without its offset; also with a space for
 * the T, without an offset (UTC), seconds, or time of day, and with a zone as
 * in instant.h. Digits after the microsecond are dropped. Returns the length
 * written, or 0 if it is none or lies outside the years 1000 to 9999, which SQL
 * promises to take.
 */
size_t
value_datetime(const char *text, size_t len, char out[VALUE_DATETIME_LEN + 1]);

/* An instant of clock.h's wall clock in the same form. */
void value_stamp(int64_t wall_us, char out[VALUE_DATETIME_LEN + 1]);

#endif
