/*
 * instant.h - instants in the ways that loggers write them, beside RFC 3339.
 *
 * An instant is microseconds since 1970, UTC; what is smaller is dropped. What
 * can be read in two ways is none: that includes days and times of day without
 * the rest, months as numbers behind the day, years of two digits, abbreviated
 * zones but UTC and GMT, and names of zones without an offset.
 */
#ifndef LOGLOAD_INSTANT_H
#define LOGLOAD_INSTANT_H

#include <limits.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* The zone of the process, where an offset depends on the instant. */
#define INSTANT_LOCAL INT_MIN

/*
 * A zone, as of what tells none: UTC or an offset, in minutes east of it, or a
 * name of the system's, such as Europe/Berlin, which becomes the zone of the
 * process: INSTANT_LOCAL. So there is one name at most, set before any thread.
 * False: it is none of these.
 */
bool instant_zone(const char *text, int *minutes);

/*
 * RFC 3339, also with a space for the T, slashes in a date that a time follows,
 * without seconds, or time of day, and with any zone: nothing (which is `zone`;
 * NULL: UTC), or Z, UTC, GMT, +01:00, -0330, +02, blanks before it;
 * behind it an abbreviation or a name of the same, as Go ("+0100 CET m=+0.1")
 * and RFC 9557 ("+01:00[Europe/Berlin]") have it.
 */
bool instant_iso(const char *text, size_t len, const int *zone, int64_t *us);

/*
 * One of "22/Nov/2026:07:33:51 +0000", "Sun, 22 Nov 2026 07:33:51 GMT" and
 * other orders of these with a zone, "20261122T073351Z", "/Date(MS)/", and the
 * text of an epoch, if it has as many digits as present ones have. With `zone`
 * those will do that tell none.
 */
bool instant_read(const char *text, size_t len, const int *zone, int64_t *us);

/*
 * A number of seconds, milli-, micro- or nanoseconds since 1970, told by the
 * magnitude; surely: only where it has 10, 13, 16 or 19 digits.
 */
bool instant_of_number(const char *text, size_t len, bool surely, int64_t *us);

#endif
