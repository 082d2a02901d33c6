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
/* Scratch for any type but text(n), which needs four bytes a character. */
#define VALUE_SCRATCH 128
/* A double tells any whole number of so many digits. */
#define VALUE_PLAIN_DIGITS 15

/*
 * One for each type; null is none of its values. The event as a whole has no
 * name (p NULL), and may be a text.
 *
 * surely: the member's name says little, so its value has to. An instant is no
 * date alone and no number that may be something else; a text is the word of a
 * level.
 *
 * scratch has room for type_scratch bytes, and grows for a text without a
 * width; its len is not looked at.
 */
column_convert value_to_text, value_to_whole, value_to_double, value_to_decimal,
    value_to_boolean, value_to_instant, value_to_json, value_to_ip,
    value_to_uuid;

/*
 * An RFC 3339 date and time as UTC, without its offset, or as instant_iso
 * takes it. Digits after the microsecond are dropped. Returns the length
 * written, or 0 if it is none or lies outside the years 1000 to 9999, which SQL
 * promises to take.
 */
size_t value_datetime(const char *text, size_t len, const int *zone,
    char out[VALUE_DATETIME_LEN + 1]);

/* An instant of clock.h's wall clock in the same form. */
void value_stamp(int64_t wall_us, char out[VALUE_DATETIME_LEN + 1]);

#endif
