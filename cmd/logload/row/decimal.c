/*
 * decimal.c - see decimal.h.
 */
#include "decimal.h"

#define EXPONENT_MOST 10000 /* a larger one says no more */

struct scan {
	const char *p, *end;
};

/* Digits behind what is there; how many. */
static size_t
take_digits(struct scan *s, struct decimal *d, bool fraction)
{
	const char *begin = s->p;

	for (; s->p < s->end && *s->p >= '0' && *s->p <= '9'; s->p++) {
		unsigned digit = (unsigned)(*s->p - '0');

		if (d->digits < 1000000000000000000) { /* one more has room */
			d->digits = d->digits * 10 + digit;
			d->exponent -= fraction;
		} else {
			d->cut = d->cut || digit > 0;
			d->exponent += !fraction;
		}
	}
	return (size_t)(s->p - begin);
}

static bool
take_sign(struct scan *s)
{
	bool negative = s->p < s->end && *s->p == '-';

	if (s->p < s->end && (*s->p == '-' || *s->p == '+'))
		s->p++;
	return negative;
}

static bool
take_exponent(struct scan *s, struct decimal *d)
{
	bool negative = take_sign(s);
	const char *begin = s->p;
	int n = 0;

	for (; s->p < s->end && *s->p >= '0' && *s->p <= '9'; s->p++) {
		if (n < EXPONENT_MOST)
			n = n * 10 + (*s->p - '0');
	}
	d->exponent += negative ? -n : n;
	return s->p > begin;
}

bool
decimal_parse(struct decimal *d, const char *text, size_t len)
{
	struct scan s = {text, text + len};

	*d = (struct decimal){.negative = take_sign(&s)};
	if (len > EXPONENT_MOST || take_digits(&s, d, false) == 0)
		return false;
	if (s.p < s.end && *s.p == '.') {
		s.p++;
		if (take_digits(&s, d, true) == 0)
			return false;
	}
	if (s.p < s.end && (*s.p == 'e' || *s.p == 'E')) {
		s.p++;
		if (!take_exponent(&s, d))
			return false;
	}
	return s.p == s.end;
}

bool
decimal_to_int(const struct decimal *d, int shift, int64_t *value, bool *exact)
{
	uint64_t n = d->digits;
	int exponent = d->exponent + shift;

	*exact = !d->cut;
	for (; exponent > 0 && n > 0; exponent--) {
		if (n > INT64_MAX / 10)
			return false;
		n *= 10;
	}
	for (; exponent < 0 && n > 0; exponent++) {
		*exact = *exact && n % 10 == 0;
		n /= 10;
	}
	if (n > (uint64_t)INT64_MAX + d->negative)
		return false;
	*value = (int64_t)(d->negative ? -n : n);
	return true;
}
