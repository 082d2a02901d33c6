/*
 * double.c - the text of a number is read as the same one, no shorter text is,
 * and none of that length is nearer.
 */
#include <math.h>

#include "double.h"
#include "tap.h"

#define TIMES 100000

static const struct {
	double number;
	const char *text;
} known[] = {
    {0, "0"},
    {-0.0, "-0"},
    {1, "1"},
    {-1.5, "-1.5"},
    {0.1, "0.1"},
    {1.0 / 3, "0.3333333333333333"},
    {100000, "100000"},
    {999999999999999.0, "999999999999999"},
    {1e15, "1e+15"},
    {1234567890123456.0, "1234567890123456"},
    {9007199254740993.0, "9007199254740992"},
    {12345678901234567.0, "12345678901234568"},
    {123456789012345678.0, "1.2345678901234568e+17"},
    {1e23, "1e+23"},
    {9.5367431640625e-7, "9.5367431640625e-07"},
    {0.0001, "0.0001"},
    {0.00012345678901234567, "0.00012345678901234567"},
    {0.00001, "1e-05"},
    {0x1p-44, "5.684341886080802e-14"}, /* it is nearer to ...801 */
    {0x1p-1074, "5e-324"},
    {2.2250738585072011e-308, "2.225073858507201e-308"},
    {0x1p-1022, "2.2250738585072014e-308"},
    {-0x1.fffffffffffffp+1023, "-1.7976931348623157e+308"},
};

static double
double_of(uint64_t bits)
{
	double number;

	memcpy(&number, &bits, sizeof(number));
	return number;
}

static double
read_decimal(uint64_t digits, int exponent)
{
	char text[48];

	(void)snprintf(text, sizeof(text), "%" PRIu64 "e%d", digits, exponent);
	return strtod(text, NULL);
}

/* The digits of a text, but for zeros at their end, and 10^exponent. */
static uint64_t
digits_of(const char *text, int *exponent)
{
	uint64_t digits = 0;
	bool point = false;

	*exponent = 0;
	for (; *text != '\0' && *text != 'e'; text++) {
		if (*text == '.')
			point = true;
		else
			digits = digits * 10 + (uint64_t)(*text - '0');
		*exponent -= point && *text != '.';
	}
	if (*text == 'e')
		*exponent += (int)strtol(text + 1, NULL, 10);
	for (; digits > 0 && digits % 10 == 0; digits /= 10)
		++*exponent;
	return digits;
}

/* Is that one of the numbers behind which the next is twice as far? */
static bool
is_uneven(double number)
{
	int exponent;

	return frexp(number, &exponent) == 0.5;
}

static void
check(struct tap_all *all, double number)
{
	char text[DOUBLE_TEXT_MAX + 1], nearest[48];
	uint64_t digits;
	int exponent, count;
	size_t len;

	if (!isfinite(number) || number == 0)
		return;
	len = double_format(number, text);
	must(len <= DOUBLE_TEXT_MAX);
	text[len] = '\0';
	tap_case(
	    all, strtod(text, NULL) == number, "%a is not %s", number, text);
	digits = digits_of(text, &exponent);
	/* If there is a shorter one, it is next to it on either side. */
	tap_case(all,
	    digits < 10 ||
		(read_decimal(digits / 10, exponent + 1) != number &&
		    read_decimal(digits / 10 + 1, exponent + 1) != number),
	    "%a is less than %s", number, text);
	count = snprintf(nearest, sizeof(nearest), "%" PRIu64, digits);
	(void)snprintf(nearest, sizeof(nearest), "%.*e", count - 1, number);
	tap_case(all, is_uneven(number) || digits_of(nearest, &count) == digits,
	    "%a is rather %s than %s", number, nearest, text);
}

int
main(void)
{
	struct tap_all edges = {0}, random = {0}, decimals = {0};
	uint64_t seed = 0x9e3779b97f4a7c15, bits;

	for (size_t i = 0; i < sizeof(known) / sizeof(known[0]); i++) {
		char text[DOUBLE_TEXT_MAX + 1];

		text[double_format(known[i].number, text)] = '\0';
		is_text(text, known[i].text, known[i].text);
	}
	for (uint64_t exponent = 0; exponent < 0x7ff; exponent++) {
		for (int i = -4; i <= 4; i++) {
			bits = (exponent << 52) + (uint64_t)i;
			check(&edges, double_of(bits & ~(1ULL << 63)));
		}
	}
	for (int exponent = -323; exponent <= 308; exponent++) {
		for (uint64_t digit = 1; digit < 10; digit++)
			check(&edges, read_decimal(digit, exponent));
	}
	tap_all(&edges, "numbers where something changes");
	for (int i = 0; i < TIMES; i++) {
		bits = tap_random(&seed) & ~(1ULL << 63);
		check(&random, double_of(bits));
		/* Subnormal ones, of any length. */
		check(&random, double_of((bits >> 12 >> i % 52) + 1));
	}
	tap_all(&random, "any numbers");
	for (int i = 0; i < TIMES; i++)
		check(&decimals,
		    (double)(tap_random(&seed) >> 24) / (i % 2 ? 1000 : 8));
	tap_all(&decimals, "such as people have");
	return tap_end();
}
