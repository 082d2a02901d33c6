/*
 * decimal.h - a number's text as what it says, to the last digit, where a
 * double would round it.
 */
#ifndef LOGLOAD_DECIMAL_H
#define LOGLOAD_DECIMAL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* digits * 10^exponent; `cut`: and less than one digit more. */
struct decimal {
	bool negative, cut;
	uint64_t digits; /* at most 19 of them */
	int exponent;
};

/* A number as JSON writes it; zeros in front, and a plus, may be there too. */
bool decimal_parse(struct decimal *, const char *text, size_t len);

/*
 * The number * 10^shift, without what is behind the point then: was there
 * nothing, it is exact. False: no int64_t.
 */
bool
decimal_to_int(const struct decimal *, int shift, int64_t *value, bool *exact);

#endif
