/*
 * double.c - see double.h.
 *
 * Schubfach (Raffaello Giulietti, "The Schubfach way to render doubles"): what
 * is read as the double c * 2^q is an interval around it. For the largest k for
 * which 10^k is no longer than that, at least one multiple of 10^k is inside,
 * and at most one of 10^(k+1), which then is shorter. All is done in units of
 * 10^k / 4, cut off but for a last bit that tells whether there was more: for
 * that 128 bits of each power of ten suffice.
 */
#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>
#include <string.h>

#include "double.h"

#define POWER_LEAST (-292)
#define POWER_MOST 324
#define POWER_EXACT 55 /* 5^55 is the last that 128 bits can hold */

#define LIMBS 28 /* of 32 bits: four under 5^POWER_MOST */

#define FRACTION_BITS 52
#define EXPONENT_BIAS 1075 /* of c * 2^q, c an integer */

/* 10^n, its highest bit at the top; rounded up. */
struct power {
	uint64_t high, low;
};

/* digits * 10^exponent */
struct decimal {
	uint64_t digits;
	int exponent;
};

static struct power powers[POWER_MOST - POWER_LEAST + 1];
static pthread_once_t powers_once = PTHREAD_ONCE_INIT;

/*
 * Powers of ten
 */

/* 64 bits, from so far below the top of the limb on. */
static uint64_t
bits_from(const uint32_t *limb, int below)
{
	uint64_t bits = (uint64_t)limb[0] << 32 | limb[-1];

	return below == 0 ? bits : bits << below | limb[-2] >> (32 - below);
}

static struct power
top_of(const uint32_t *limbs, bool exact)
{
	struct power p;
	int top = LIMBS - 1, below;

	while (limbs[top] == 0)
		top--;
	below = __builtin_clz(limbs[top]);
	p.high = bits_from(&limbs[top], below);
	p.low = bits_from(&limbs[top - 2], below);
	if (!exact && ++p.low == 0)
		p.high++;
	return p;
}

/* Powers of five, since those of two only move them. */
static void
fill_powers(void)
{
	uint32_t limbs[LIMBS] = {[4] = 1};
	uint64_t rest;

	for (int n = 0; n <= POWER_MOST; n++) {
		powers[n - POWER_LEAST] = top_of(limbs, n <= POWER_EXACT);
		rest = 0;
		for (int i = 0; i < LIMBS; i++) {
			rest += (uint64_t)limbs[i] * 5;
			limbs[i] = (uint32_t)rest;
			rest >>= 32;
		}
	}
	memset(limbs, 0, sizeof(limbs));
	limbs[LIMBS - 1] = 1;
	for (int n = -1; n >= POWER_LEAST; n--) {
		rest = 0;
		for (int i = LIMBS - 1; i >= 0; i--) {
			rest = rest << 32 | limbs[i];
			limbs[i] = (uint32_t)(rest / 5);
			rest %= 5;
		}
		powers[n - POWER_LEAST] = top_of(limbs, false);
	}
}

/*
 * Numbers
 */

/* The upper half of the product. */
static uint64_t
high_of(uint64_t a, uint64_t b)
{
	uint64_t a_low = (uint32_t)a, a_high = a >> 32;
	uint64_t b_low = (uint32_t)b, b_high = b >> 32;
	uint64_t middle = a_high * b_low + (a_low * b_low >> 32);
	uint64_t other = a_low * b_high + (uint32_t)middle;

	return a_high * b_high + (middle >> 32) + (other >> 32);
}

/* The product without its lower 128 bits, odd if there is much in them. */
static uint64_t
scale(const struct power *p, uint64_t value)
{
	uint64_t part = p->high * value;
	uint64_t low = part + high_of(p->low, value);

	return (high_of(p->high, value) + (low < part)) | (low > 1);
}

/* floor(log10(2^e)), floor(log10(3/4 2^e)) and floor(log2(10^e)). */
static int
log10_of_2(int e)
{
	return (e * 1262611) >> 22;
}

static int
log10_of_2_narrow(int e)
{
	return (e * 1262611 - 524031) >> 22;
}

static int
log2_of_10(int e)
{
	return (e * 1741647) >> 19;
}

/* c * 2^q, c > 0; is the next smaller number only half as far? */
static struct decimal
shorten(uint64_t c, int q, bool narrow)
{
	int k = narrow ? log10_of_2_narrow(q) : log10_of_2(q);
	int shift = q + log2_of_10(-k) + 1;
	const struct power *p = &powers[-k - POWER_LEAST];
	uint64_t value = scale(p, 4 * c << shift);
	/* Both ends are read as an even c. */
	uint64_t least = scale(p, (4 * c - 2 + narrow) << shift) + (c & 1);
	uint64_t most = scale(p, (4 * c + 2) << shift) - (c & 1);
	uint64_t digits = value / 4, tens = digits / 10, middle;
	bool under, over;

	if (digits >= 10) {
		under = least <= 40 * tens;
		over = 40 * tens + 40 <= most;
		if (under != over)
			return (struct decimal){tens + over, k + 1};
	}
	under = least <= 4 * digits;
	over = 4 * digits + 4 <= most;
	if (under != over)
		return (struct decimal){digits + over, k};
	middle = 4 * digits + 2;
	over = value > middle || (value == middle && (digits & 1) != 0);
	return (struct decimal){digits + over, k};
}

/*
 * Text
 */

/* Returns how many they are: at most 17. */
static int
put_digits(uint64_t number, char text[20])
{
	int at = 20;

	for (; number > 0; number /= 10)
		text[--at] = (char)('0' + number % 10);
	memmove(text, text + at, (size_t)(20 - at));
	return 20 - at;
}

static char *
put(char *to, const char *text, int len)
{
	memcpy(to, text, (size_t)len);
	return to + len;
}

static char *
put_zeros(char *to, int len)
{
	memset(to, '0', (size_t)len);
	return to + len;
}

/* "e-05" */
static char *
put_exponent(char *to, int exponent)
{
	unsigned size = (unsigned)(exponent < 0 ? -exponent : exponent);

	*to++ = 'e';
	*to++ = exponent < 0 ? '-' : '+';
	if (size >= 100)
		*to++ = (char)('0' + size / 100);
	*to++ = (char)('0' + size / 10 % 10);
	*to++ = (char)('0' + size % 10);
	return to;
}

/* 0.DIGITS * 10^point, as %g has it with as many digits, or 15. */
static char *
put_number(char *to, const char *digits, int count, int point)
{
	if (point < -3 || point > (count > 15 ? count : 15)) {
		*to++ = digits[0];
		if (count > 1) {
			*to++ = '.';
			to = put(to, digits + 1, count - 1);
		}
		return put_exponent(to, point - 1);
	}
	if (point <= 0) {
		to = put_zeros(put(to, "0.", 2), -point);
		return put(to, digits, count);
	}
	if (count <= point)
		return put_zeros(put(to, digits, count), point - count);
	to = put(to, digits, point);
	*to++ = '.';
	return put(to, digits + point, count - point);
}

size_t
double_format(double number, char *text)
{
	char digits[20], *to = text;
	uint64_t bits, fraction;
	struct decimal d;
	int exponent, count;

	memcpy(&bits, &number, sizeof(bits));
	fraction = bits & ((1ULL << FRACTION_BITS) - 1);
	exponent = (int)(bits >> FRACTION_BITS & 0x7ff);
	if (bits >> 63 != 0)
		*to++ = '-';
	if (exponent == 0 && fraction == 0) {
		*to++ = '0';
		return (size_t)(to - text);
	}
	(void)pthread_once(&powers_once, fill_powers); /* cannot fail */
	if (exponent == 0)
		d = shorten(fraction, 1 - EXPONENT_BIAS, false);
	else
		d = shorten(fraction | 1ULL << FRACTION_BITS,
		    exponent - EXPONENT_BIAS, fraction == 0 && exponent > 1);
	for (; d.digits % 10 == 0; d.digits /= 10)
		d.exponent++;
	count = put_digits(d.digits, digits);
	to = put_number(to, digits, count, d.exponent + count);
	return (size_t)(to - text);
}
