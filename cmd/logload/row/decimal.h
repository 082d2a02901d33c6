/*
 * decimal.h - a number's text as what it says, to the last digit, where a
 * double would round it.
 */
#ifndef LOGLOAD_DECIMAL_H
#define LOGLOAD_DECIMAL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define DECIMAL_TEXT_MAX 128 /* bytes that decimal_write reads */

/* digits * 10^exponent; `cut`: and less than one digit more. */
struct decimal {
	bool negative, cut;
	bool full;       /* there is no room for another one of these: */
	uint64_t digits; /* 19 of them always have it */
	int exponent;
};

/* A number as JSON writes it; zeros in front, and a plus, may be there too. */
bool decimal_parse(struct decimal *, const char *text, size_t len);

/*
 * The number * 10^shift, without its sign and what is behind the point then:
 * was there nothing, it is exact. False: no uint64_t.
 */
bool decimal_to_whole(
    const struct decimal *, int shift, uint64_t *value, bool *exact);

/*
 * The number * 10^shift, without what is behind the point then: was there
 * nothing, it is exact. False: no int64_t.
 */
bool
decimal_to_int(const struct decimal *, int shift, int64_t *value, bool *exact);

/*
 * Writes a number as all its digits, a point among them if need be: at most
 * `precision` of them, `scale` behind the point, which bound `out` with 4 bytes
 * more. Returns the length, or 0: it is none, or has other digits; `cut`: those
 * behind the point are left out.
 */
size_t decimal_write(const char *text, size_t len, unsigned precision,
    unsigned scale, bool cut, char *out);

#endif
