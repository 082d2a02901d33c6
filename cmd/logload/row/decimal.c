/*
 * decimal.c - see decimal.h.
 */
#include <string.h>

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

		d->full = d->full || d->digits > (UINT64_MAX - digit) / 10;
		if (!d->full) {
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
decimal_to_whole(
    const struct decimal *d, int shift, uint64_t *value, bool *exact)
{
	uint64_t n = d->digits;
	int exponent = d->exponent + shift;

	*exact = !d->cut;
	if (d->cut && exponent > 0)
		return false; /* a digit before the point is not known */
	for (; exponent > 0 && n > 0; exponent--) {
		if (n > UINT64_MAX / 10)
			return false;
		n *= 10;
	}
	for (; exponent < 0 && n > 0; exponent++) {
		*exact = *exact && n % 10 == 0;
		n /= 10;
	}
	*value = n;
	return true;
}

bool
decimal_to_int(const struct decimal *d, int shift, int64_t *value, bool *exact)
{
	uint64_t n;

	if (!decimal_to_whole(d, shift, &n, exact) ||
	    n > (uint64_t)INT64_MAX + d->negative)
		return false;
	*value = (int64_t)(d->negative ? -n : n);
	return true;
}

/* The digits of 0.DIGITS * 10^point, without zeros around them; how many. */
static int
read_digits(const char *text, size_t len, char *digits, int *point)
{
	struct scan s = {text, text + len};
	struct decimal exponent = {.exponent = 0};
	bool fraction = false;
	int count = 0;

	*point = 0;
	for (; s.p < s.end && *s.p != 'e' && *s.p != 'E'; s.p++) {
		bool digit = *s.p >= '0' && *s.p <= '9';

		fraction = fraction || *s.p == '.';
		if (digit && (count > 0 || *s.p != '0')) {
			digits[count++] = *s.p;
			*point += !fraction;
		} else if (digit) {
			*point -= fraction;
		}
	}
	if (s.p++ < s.end && take_exponent(&s, &exponent))
		*point += exponent.exponent;
	while (count > 0 && digits[count - 1] == '0')
		count--;
	return count;
}

size_t
decimal_write(const char *text, size_t len, unsigned precision, unsigned scale,
    bool cut, char *out)
{
	char digits[DECIMAL_TEXT_MAX] = {0}, *begin = out;
	struct decimal d;
	int count, point;

	if (len > sizeof(digits) || !decimal_parse(&d, text, len))
		return 0;
	count = read_digits(text, len, digits, &point);
	if (count > 0 && point > (int)(precision - scale))
		return 0;
	if (count > 0 && count - point > (int)scale) {
		if (!cut)
			return 0;
		count = point + (int)scale;
		while (count > 0 && digits[count - 1] == '0')
			count--;
	}
	if (count <= 0) {
		*out = '0';
		return 1;
	}
	if (d.negative)
		*out++ = '-';
	if (point <= 0) {
		*out++ = '0';
		*out++ = '.';
		for (int i = point; i < 0; i++)
			*out++ = '0';
	}
	for (int i = 0; i < count || i < point; i++) {
		if (i == point && i > 0)
			*out++ = '.';
		*out++ = i < count ? digits[i] : '0';
	}
	return (size_t)(out - begin);
}
