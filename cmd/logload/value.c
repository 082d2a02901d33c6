/*
 * value.c - see value.h.
 */
#include <errno.h>
#include <math.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "clock.h"
#include "value.h"

#define NUMBER_MAX 48 /* of a number's text that is looked at */
#define US_PER_S 1000000LL
#define US_PER_DAY (86400 * US_PER_S)
/* 1000-01-01 and the end of 9999-12-31, in microseconds from the epoch. */
#define LEAST_US (-30610224000 * US_PER_S)
#define MOST_US (253402300800 * US_PER_S - 1)

static enum value_verdict to_varchar(
    unsigned width, const struct json_member *, char *scratch, struct value *);
static enum value_verdict to_number(enum column_type, struct json_text,
    enum json_kind, char *scratch, struct value *);
static enum value_verdict to_boolean(struct json_text, struct value *);
static enum value_verdict
to_datetime(const struct json_member *, char *scratch, struct value *);

enum value_verdict
value_convert(const struct column *column, const struct json_member *m,
    char *scratch, struct value *out)
{
	if (m->kind == JSON_NULL)
		return VALUE_ABSENT;
	if (m->kind == JSON_OBJECT || m->kind == JSON_ARRAY)
		return VALUE_MISFITS;
	switch (column->type) {
	case COLUMN_VARCHAR:
		return to_varchar(column->width, m, scratch, out);
	case COLUMN_BIGINT:
	case COLUMN_DOUBLE:
		return to_number(column->type, m->value, m->kind, scratch, out);
	case COLUMN_BOOLEAN:
		return to_boolean(m->value, out);
	case COLUMN_DATETIME:
		return to_datetime(m, scratch, out);
	}
	return VALUE_MISFITS;
}

static enum value_verdict
set(struct value *out, const char *p, size_t len)
{
	out->p = p;
	out->len = len;
	return VALUE_FITS;
}

/* The characters of well-formed UTF-8. */
static size_t
count_characters(const char *p, size_t len)
{
	size_t n = 0;

	for (size_t i = 0; i < len; i++)
		n += ((unsigned char)p[i] & 0xc0) != 0x80;
	return n;
}

static enum value_verdict
to_varchar(unsigned width, const struct json_member *m, char *scratch,
    struct value *out)
{
	const char *p = m->value.p;
	size_t len = m->value.len;

	if (m->escapes) {
		long n =
		    json_string_decode(m->value, scratch, (size_t)width * 4);

		if (n < 0)
			return VALUE_MISFITS;
		p = scratch;
		len = (size_t)n;
	} else if (m->kind == JSON_STRING) {
		p++;
		len -= 2;
	}
	if (len > width && count_characters(p, len) > width)
		return VALUE_MISFITS;
	return set(out, p, len);
}

/* A number, or a string of one, as a C string; false if it is too long. */
static bool
number_text(
    struct json_text text, enum json_kind kind, char out[NUMBER_MAX + 1])
{
	const char *p = text.p;
	size_t len = text.len;

	if (kind == JSON_STRING) {
		p++;
		len -= 2;
	}
	if (len == 0 || len > NUMBER_MAX)
		return false;
	memcpy(out, p, len);
	out[len] = '\0';
	return strspn(out, "0123456789+-.eE") == len;
}

static enum value_verdict
to_number(enum column_type type, struct json_text text, enum json_kind kind,
    char *scratch, struct value *out)
{
	char copy[NUMBER_MAX + 1], *end;
	double real;

	if (kind == JSON_TRUE || kind == JSON_FALSE)
		return set(out, kind == JSON_TRUE ? "1" : "0", 1);
	if (!number_text(text, kind, copy))
		return VALUE_MISFITS;
	if (type == COLUMN_BIGINT && strpbrk(copy, ".eE") == NULL) {
		long long n;

		errno = 0;
		n = strtoll(copy, &end, 10);
		if (*end != '\0' || end == copy || errno != 0)
			return VALUE_MISFITS;
		return set(
		    out, scratch, (size_t)snprintf(scratch, 32, "%lld", n));
	}
	real = strtod(copy, &end);
	if (*end != '\0' || end == copy || !isfinite(real))
		return VALUE_MISFITS;
	if (type == COLUMN_DOUBLE)
		return set(
		    out, scratch, (size_t)snprintf(scratch, 32, "%.17g", real));
	/* Beyond 2^53 a double no longer tells which whole number it was. */
	if (real > 9007199254740992.0 || real < -9007199254740992.0 ||
	    real != (double)(long long)real)
		return VALUE_MISFITS;
	return set(out, scratch,
	    (size_t)snprintf(scratch, 32, "%lld", (long long)real));
}

static enum value_verdict
to_boolean(struct json_text text, struct value *out)
{
	static const struct {
		const char *text;
		const char *value;
	} words[] = {{"true", "1"}, {"false", "0"}, {"1", "1"}, {"0", "0"},
	    {"\"true\"", "1"}, {"\"false\"", "0"}};

	for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++) {
		if (text.len == strlen(words[i].text) &&
		    memcmp(text.p, words[i].text, text.len) == 0)
			return set(out, words[i].value, 1);
	}
	return VALUE_MISFITS;
}

/*
 * Instants
 */

/* Days since 1970-01-01 to the date, in the proleptic Gregorian calendar. */
static void
civil_from_days(int64_t days, unsigned *year, unsigned *month, unsigned *day)
{
	/* Counted from 0000-03-01: the leap day then ends its year. */
	int64_t shifted = days + 719468;
	int64_t era = shifted / 146097; /* years here are never negative */
	unsigned of_era = (unsigned)(shifted - era * 146097);
	unsigned year_of_era =
	    (of_era - of_era / 1460 + of_era / 36524 - of_era / 146096) / 365;
	unsigned of_year =
	    of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
	unsigned march_month = (5 * of_year + 2) / 153;

	*day = of_year - (153 * march_month + 2) / 5 + 1;
	*month = march_month < 10 ? march_month + 3 : march_month - 9;
	*year = (unsigned)(era * 400) + year_of_era + (*month <= 2);
}

static char *
put_digits(char *out, unsigned value, unsigned digits)
{
	for (unsigned i = digits; i-- > 0; value /= 10)
		out[i] = (char)('0' + value % 10);
	return out + digits;
}

struct civil {
	unsigned year, month, day, hour, minute, second, micro;
};

static void
put_civil(const struct civil *c, char out[VALUE_DATETIME_LEN + 1])
{
	char *o = put_digits(out, c->year, 4);

	*o++ = '-';
	o = put_digits(o, c->month, 2);
	*o++ = '-';
	o = put_digits(o, c->day, 2);
	*o++ = ' ';
	o = put_digits(o, c->hour, 2);
	*o++ = ':';
	o = put_digits(o, c->minute, 2);
	*o++ = ':';
	o = put_digits(o, c->second, 2);
	*o++ = '.';
	o = put_digits(o, c->micro, 6);
	*o = '\0';
}

void
value_stamp(int64_t wall_us, char out[VALUE_DATETIME_LEN + 1])
{
	int64_t days = wall_us / US_PER_DAY, rest = wall_us % US_PER_DAY;
	struct civil c;
	unsigned second;

	if (rest < 0) {
		rest += US_PER_DAY;
		days--;
	}
	second = (unsigned)(rest / US_PER_S);
	civil_from_days(days, &c.year, &c.month, &c.day);
	c.hour = second / 3600;
	c.minute = second / 60 % 60;
	c.second = second % 60;
	c.micro = (unsigned)(rest % US_PER_S);
	put_civil(&c, out);
}

struct scan {
	const char *p, *end;
};

static bool
take_digits(struct scan *s, unsigned digits, unsigned *value)
{
	*value = 0;
	for (unsigned i = 0; i < digits; i++, s->p++) {
		if (s->p == s->end || *s->p < '0' || *s->p > '9')
			return false;
		*value = *value * 10 + (unsigned)(*s->p - '0');
	}
	return true;
}

static bool
take_byte(struct scan *s, const char *any)
{
	for (; *any != '\0' && s->p < s->end; any++) {
		if (*s->p == *any) {
			s->p++;
			return true;
		}
	}
	return false;
}

/* Up to six digits of a second's fraction; more are dropped. */
static bool
take_fraction(struct scan *s, unsigned *micro)
{
	unsigned digits = 0;

	for (; s->p < s->end && *s->p >= '0' && *s->p <= '9'; s->p++) {
		if (digits++ < 6)
			*micro = *micro * 10 + (unsigned)(*s->p - '0');
	}
	for (unsigned i = digits; i < 6; i++)
		*micro *= 10;
	return digits > 0;
}

/* Z, +01:00, -0330, +02, or nothing. */
static bool
take_offset(struct scan *s, int *minutes)
{
	unsigned hour, minute = 0;
	int sign;

	*minutes = 0;
	if (s->p == s->end || take_byte(s, "Zz"))
		return s->p == s->end;
	sign = *s->p == '-' ? -1 : 1;
	if (!take_byte(s, "+-") || !take_digits(s, 2, &hour) || hour > 23)
		return false;
	if (s->p < s->end) {
		(void)take_byte(s, ":");
		if (!take_digits(s, 2, &minute) || minute > 59)
			return false;
	}
	*minutes = sign * (int)(hour * 60 + minute);
	return s->p == s->end;
}

static bool
is_date(unsigned year, unsigned month, unsigned day)
{
	static const unsigned char days[] = {
	    31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
	bool leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);

	return month >= 1 && month <= 12 && day >= 1 &&
	       day <= days[month - 1] + (month == 2 && leap ? 1U : 0U);
}

/* The time of day and offset; false if it is none. */
static bool
take_time(struct scan *s, struct civil *c, int *offset)
{
	if (!take_byte(s, "Tt ") || !take_digits(s, 2, &c->hour) ||
	    !take_byte(s, ":") || !take_digits(s, 2, &c->minute))
		return false;
	if (take_byte(s, ":") && !take_digits(s, 2, &c->second))
		return false;
	if (take_byte(s, ".,") && !take_fraction(s, &c->micro))
		return false;
	return take_offset(s, offset) && c->hour <= 23 && c->minute <= 59 &&
	       c->second <= 60;
}

size_t
value_datetime(const char *text, size_t len, char out[VALUE_DATETIME_LEN + 1])
{
	struct scan s = {text, text + len};
	struct civil c = {.year = 0};
	int offset = 0;
	int64_t us;

	if (!take_digits(&s, 4, &c.year) || !take_byte(&s, "-") ||
	    !take_digits(&s, 2, &c.month) || !take_byte(&s, "-") ||
	    !take_digits(&s, 2, &c.day) || !is_date(c.year, c.month, c.day))
		return 0;
	if (s.p < s.end && !take_time(&s, &c, &offset))
		return 0;
	if (offset == 0 && c.second < 60 && c.year >= 1000) {
		/* Most are UTC already. */
		put_civil(&c, out);
		return VALUE_DATETIME_LEN;
	}
	us = clock_from_civil(
	    (int)c.year, c.month, c.day, c.hour, c.minute, c.second, c.micro);
	us -= offset * 60 * US_PER_S;
	if (us < LEAST_US || us > MOST_US)
		return 0;
	value_stamp(us, out);
	return VALUE_DATETIME_LEN;
}

/* Seconds, milli-, micro- or nanoseconds since 1970, told by the magnitude. */
static enum value_verdict
epoch_to_datetime(struct json_text text, char *scratch, struct value *out)
{
	char copy[NUMBER_MAX + 1], *end;
	long double number, size;
	int64_t us;

	if (!number_text(text, JSON_NUMBER, copy))
		return VALUE_MISFITS;
	number = strtold(copy, &end);
	if (*end != '\0' || !isfinite(number))
		return VALUE_MISFITS;
	size = number < 0 ? -number : number;
	if (size < 1e11L)
		number *= 1e6L;
	else if (size < 1e14L)
		number *= 1e3L;
	else if (size >= 1e17L)
		number /= 1e3L;
	if (number < (long double)LEAST_US || number > (long double)MOST_US)
		return VALUE_MISFITS;
	us = (int64_t)number; /* a part of a microsecond is dropped */
	value_stamp(us, scratch);
	return set(out, scratch, VALUE_DATETIME_LEN);
}

static enum value_verdict
to_datetime(const struct json_member *m, char *scratch, struct value *out)
{
	const char *p = m->value.p + 1;
	char plain[VALUE_SCRATCH];
	size_t len = m->value.len;

	if (m->kind == JSON_NUMBER)
		return epoch_to_datetime(m->value, scratch, out);
	if (m->kind != JSON_STRING)
		return VALUE_MISFITS;
	len -= 2;
	if (m->escapes) {
		long n = json_string_decode(m->value, plain, sizeof(plain));

		if (n < 0)
			return VALUE_MISFITS;
		p = plain;
		len = (size_t)n;
	}
	if (value_datetime(p, len, scratch) == 0)
		return VALUE_MISFITS;
	return set(out, scratch, VALUE_DATETIME_LEN);
}
