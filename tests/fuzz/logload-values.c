/*
 * logload-values.c - instants and numbers: what is read is written, and read
 * again, as the same; and dates of RFC 3339 and numbers are what the C library
 * says they are.
 */
#include <math.h>
#include <time.h>

#include "../../cmd/logload/row/decimal.h"
#include "../../cmd/logload/row/instant.h"
#include "../../cmd/logload/row/value.h"
#include "clock.h"
#include "fuzz.h"

#define LEAST_US (-62135596800 * (int64_t)CLOCK_US_PER_S)  /* of year 1 */
#define BEHIND_US (253402300800 * (int64_t)CLOCK_US_PER_S) /* year 10000 */

/* "2026-11-22T07:33:51Z", and no other form: by the C library. */
static bool
read_rfc3339(const char *text, int64_t *us)
{
	struct tm tm = {0}, same;
	int n = 0;
	char *end = strptime(text, "%Y-%m-%dT%H:%M:%SZ", &tm);

	if (end == NULL || *end != '\0' || strlen(text) != 20 ||
	    strspn(text, "0123456789-T:Z") != 20)
		return false;
	if (sscanf(text,
		"%*4[0-9]-%*2[0-9]-%*2[0-9]T%*2[0-9]:%*2[0-9]:%*2[0-9]"
		"Z%n",
		&n) < 0 ||
	    n != 20 || tm.tm_year < -899 || tm.tm_sec > 59)
		return false;
	same = tm;
	*us = (int64_t)timegm(&same) * (int64_t)CLOCK_US_PER_S;
	return same.tm_mday == tm.tm_mday; /* there is such a day */
}

static void
check_instant(struct input in, const char *text)
{
	static const int zone = 90;
	char out[VALUE_DATETIME_LEN + 1], again[VALUE_DATETIME_LEN + 1];
	char stamp[CLOCK_STAMP_LEN + 1];
	int64_t us = 0, same;

	for (int i = 0; i < 4; i++) {
		const int *in_zone = i % 2 == 0 ? NULL : &zone;

		if (!(i < 2 ? instant_iso : instant_read)(
			in.p, in.len, in_zone, &us))
			continue;
		if (us < LEAST_US || us >= BEHIND_US)
			continue;
		clock_stamp(us, stamp);
		check(instant_iso(stamp, CLOCK_STAMP_LEN, NULL, &same) &&
		      same == us);
	}
	if (value_datetime(in.p, in.len, NULL, out) > 0) {
		check(instant_iso(in.p, in.len, NULL, &us));
		value_stamp(us, again);
		check(strcmp(out, again) == 0);
		check(value_datetime(out, VALUE_DATETIME_LEN, NULL, again) ==
			  VALUE_DATETIME_LEN &&
		      strcmp(out, again) == 0);
	}
	if (read_rfc3339(text, &same))
		check(instant_iso(in.p, in.len, NULL, &us) && us == same);
	if (instant_of_number(in.p, in.len, true, &us))
		check(instant_of_number(in.p, in.len, false, &same) &&
		      us == same);
}

static void
check_whole(struct input in, const char *text)
{
	struct decimal d;
	int64_t number;
	uint64_t n;
	bool exact;

	if (!decimal_parse(&d, in.p, in.len)) {
		/* What JSON has for a number is always one. */
		check(strspn(text, "0123456789") != in.len || in.len == 0 ||
		      in.len > 10000);
		return;
	}
	if (decimal_to_whole(&d, 0, &n, &exact) && exact)
		/* All 64 bits are there in it. */
		check(fabsl(strtold(text, NULL)) == (long double)n);
	if (decimal_to_int(&d, 0, &number, &exact) && exact)
		check(strtold(text, NULL) == (long double)number);
}

static void
check_digits(struct input in, const char *text, unsigned shape)
{
	unsigned precision = 1 + shape % 65,
		 scale = shape / 7 % (precision + 1);
	char out[80], again[80];
	size_t len, n;

	len = decimal_write(in.p, in.len, precision, scale, false, out);
	if (len > 0) {
		check(len <= precision + 4U);
		out[len] = '\0';
		check(strchr(out, '.') == NULL ||
		      strlen(strchr(out, '.')) <= scale + 1U);
		check(strtold(out, NULL) == strtold(text, NULL));
		n = decimal_write(out, len, precision, scale, false, again);
		check(n == len && memcmp(out, again, len) == 0);
	}
	n = decimal_write(in.p, in.len, precision, scale, true, again);
	check(n > 0 ? len == 0 || (n == len && memcmp(out, again, n) == 0)
		    : len == 0);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct input in = input_of(data, size);
	unsigned shape = input_byte(&in);
	char *text = input_text(in);

	/* Those who call cannot have a NUL in an epoch, nor in a number. */
	if (strlen(text) == in.len) {
		check_instant(in, text);
		check_whole(in, text);
		check_digits(in, text, shape);
	}
	free(text);
	return 0;
}
