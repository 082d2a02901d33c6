/*
 * clock.h - the one place where time comes from.
 *
 * Intervals are measured by the monotonic clock, in nanoseconds; the wall
 * clock, in microseconds since 1970-01-01 UTC, serves for names and stamps
 * alone, since an operator or NTP may set it back.
 */
#ifndef COMMON_CLOCK_H
#define COMMON_CLOCK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define CLOCK_NS_PER_MS 1000000ULL
#define CLOCK_NS_PER_S 1000000000ULL
#define CLOCK_US_PER_S 1000000ULL

#define CLOCK_STAMP_LEN 27   /* 2026-11-22T07:33:51.123456Z */
#define CLOCK_COMPACT_LEN 23 /* 20261122T073351.123456Z */

/* Nanoseconds since some fixed point; never goes back. clock_gettime(2). */
uint64_t clock_monotonic_ns(void);

/* Microseconds since the epoch, UTC. */
uint64_t clock_wall_us(void);

/*
 * Writes RFC 3339 with microseconds, and a NUL. Years 1 to 9999: before 1970 it
 * is negative.
 */
void clock_stamp(int64_t wall_us, char out[CLOCK_STAMP_LEN + 1]);

/* The same instant in ISO 8601 basic format, fit for a file's name. */
void clock_compact(int64_t wall_us, char out[CLOCK_COMPACT_LEN + 1]);

/* Is there such a day, month and day counted from 1? Years 1 to 9999. */
bool clock_is_date(int year, unsigned month, unsigned day);

/*
 * Microseconds since the epoch of a UTC date and time of day. The caller has
 * checked the ranges; month and day count from 1.
 */
int64_t clock_from_civil(int year, unsigned month, unsigned day, unsigned hour,
    unsigned minute, unsigned second, unsigned micro);

#endif
