/*
 * value.c - see value.h.
 */
#include <math.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "clock.h"
#include "decimal.h"
#include "instant.h"
#include "value.h"

#define NUMBER_MAX 48    /* of a number's text that is looked at */
#define DOUBLE_DIGITS 15 /* of a number that any double can tell */
/* Beyond this a double no longer tells which whole number it was. */
#define WHOLE_MOST ((1LL << 53) - 1)
#define US_PER_S 1000000LL
/* 1000-01-01 and the end of 9999-12-31, in microseconds from the epoch. */
#define LEAST_US (-30610224000 * US_PER_S)
#define MOST_US (253402300800 * US_PER_S - 1)

/* Where the parts of an instant begin, or end. */
enum {
	MONTH = 5,
	DAY = 8,
	DATE_END = 10,
	HOUR = 11,
	WINDOW = 16,
	MICRO = 20,
};

static enum value_verdict to_varchar(unsigned width, const struct json_member *,
    bool surely, char *scratch, struct value *);
static enum value_verdict to_number(enum column_type, struct json_text,
    enum json_kind, char *scratch, struct value *);
static enum value_verdict to_boolean(struct json_text, struct value *);
static enum value_verdict to_datetime(
    const struct json_member *, bool surely, char *scratch, struct value *);
static bool is_level(const char *, size_t len);

enum value_verdict
value_convert(const struct column *column, const struct json_member *m,
    bool surely, char *scratch, struct value *out)
{
	if (m->kind == JSON_NULL)
		return VALUE_ABSENT;
	if ((m->kind == JSON_OBJECT && column->type != COLUMN_DATETIME) ||
	    m->kind == JSON_ARRAY)
		return VALUE_MISFITS;
	switch (column->type) {
	case COLUMN_VARCHAR:
		return to_varchar(column->width, m, surely, scratch, out);
	case COLUMN_BIGINT:
	case COLUMN_DOUBLE:
		return to_number(column->type, m->value, m->kind, scratch, out);
	case COLUMN_BOOLEAN:
		return to_boolean(m->value, out);
	case COLUMN_DATETIME:
		return to_datetime(m, surely, scratch, out);
	case COLUMN_TYPES: /* is none */
		break;
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
to_varchar(unsigned width, const struct json_member *m, bool surely,
    char *scratch, struct value *out)
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
	if (surely && !is_level(p, len))
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

/*
 * Is it a whole number that stands in JSON as printf(3) would write it, even
 * after it was a double?
 */
static bool
is_plain_number(struct json_text text, enum json_kind kind)
{
	size_t i = 0;

	if (kind != JSON_NUMBER || text.len > DOUBLE_DIGITS)
		return false;
	while (i < text.len && text.p[i] >= '0' && text.p[i] <= '9')
		i++;
	return i == text.len;
}

static enum value_verdict
to_number(enum column_type type, struct json_text text, enum json_kind kind,
    char *scratch, struct value *out)
{
	char copy[NUMBER_MAX + 1], *end;
	struct decimal decimal;
	int64_t whole;
	double real;
	bool exact;

	if (kind == JSON_TRUE || kind == JSON_FALSE)
		return set(out, kind == JSON_TRUE ? "1" : "0", 1);
	if (is_plain_number(text, kind))
		return set(out, text.p, text.len);
	if (!number_text(text, kind, copy))
		return VALUE_MISFITS;
	if (type == COLUMN_DOUBLE) {
		real = strtod(copy, &end);
		if (*end != '\0' || end == copy || !isfinite(real))
			return VALUE_MISFITS;
		return set(
		    out, scratch, (size_t)snprintf(scratch, 32, "%.17g", real));
	}
	if (!decimal_parse(&decimal, copy, strlen(copy)) ||
	    !decimal_to_int(&decimal, 0, &whole, &exact) || !exact ||
	    (strpbrk(copy, ".eE") != NULL &&
		(whole > WHOLE_MOST || whole < -WHOLE_MOST)))
		return VALUE_MISFITS;
	return set(out, scratch,
	    (size_t)snprintf(scratch, 32, "%lld", (long long)whole));
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

void
value_stamp(int64_t wall_us, char out[VALUE_DATETIME_LEN + 1])
{
	char stamp[CLOCK_STAMP_LEN + 1];

	clock_stamp(wall_us, stamp);
	memcpy(out, stamp, VALUE_DATETIME_LEN); /* all but the Z */
	out[DATE_END] = ' ';
	out[VALUE_DATETIME_LEN] = '\0';
}

static unsigned
get_digits(const char *p, unsigned digits)
{
	unsigned value = 0;

	for (unsigned i = 0; i < digits; i++)
		value = value * 10 + (unsigned)(p[i] - '0');
	return value;
}

/*
 * Is each byte within its bounds? Without a branch for each, this is a few
 * instructions where the processor has vectors.
 */
static bool
is_within(const char *text, const char least[WINDOW], const char most[WINDOW])
{
	unsigned char wrong = 0;

	for (unsigned i = 0; i < WINDOW; i++) {
		unsigned char c = (unsigned char)text[i];

		wrong |= (c < (unsigned char)least[i]) |
			 (c > (unsigned char)most[i]);
	}
	return wrong == 0;
}

/* Can the text be UTC with all its digits, as clock.h writes it? */
static bool
is_usual(const char text[VALUE_DATETIME_LEN + 1])
{
	return is_within(text, "1000-00-00 00:00", "9999-19-39t29:59") &&
	       is_within(text + HOUR, "00:00:00.000000Z", "29:59:59.999999Z") &&
	       memchr("Tt ", text[DATE_END], 3) != NULL &&
	       clock_is_date((int)get_digits(text, 4),
		   get_digits(text + MONTH, 2), get_digits(text + DAY, 2)) &&
	       get_digits(text + HOUR, 2) < 24;
}

size_t
value_datetime(const char *text, size_t len, char out[VALUE_DATETIME_LEN + 1])
{
	char full[] = "0000-00-00 00:00:00.000000Z";
	int64_t us;

	/* Most clients write that, or fewer digits of the second. */
	if (len >= MICRO && len < sizeof(full) && len != MICRO + 1 &&
	    text[len - 1] == 'Z')
		memcpy(full, text, len - 1);
	if (is_usual(full)) {
		memcpy(out, full, VALUE_DATETIME_LEN); /* all but the Z */
		out[DATE_END] = ' ';
		out[VALUE_DATETIME_LEN] = '\0';
		return VALUE_DATETIME_LEN;
	}
	if (!instant_iso(text, len, &us) || us < LEAST_US || us > MOST_US)
		return 0;
	value_stamp(us, out);
	return VALUE_DATETIME_LEN;
}

/* The text of a string, its escapes resolved, without blanks around it. */
static bool
plain_text(const struct json_member *m, char plain[VALUE_SCRATCH],
    const char **text, size_t *len)
{
	const char *p = m->value.p + 1;
	size_t n = m->value.len - 2;

	if (m->escapes) {
		long decoded =
		    json_string_decode(m->value, plain, VALUE_SCRATCH);

		if (decoded < 0)
			return false;
		p = plain;
		n = (size_t)decoded;
	}
	for (; n > 0 && *p == ' '; n--)
		p++;
	while (n > 0 && p[n - 1] == ' ')
		n--;
	*text = p;
	*len = n;
	return true;
}

/* An epoch, also as the text of one. */
static bool
epoch(const struct json_member *m, bool surely, int64_t *us)
{
	bool text = m->kind == JSON_STRING;

	if (m->kind != JSON_NUMBER && !text)
		return false;
	return instant_of_number(
	    m->value.p + text, m->value.len - 2 * text, surely || text, us);
}

static enum value_verdict
set_instant(int64_t us, char *scratch, struct value *out)
{
	if (us < LEAST_US || us > MOST_US)
		return VALUE_MISFITS;
	value_stamp(us, scratch);
	return set(out, scratch, VALUE_DATETIME_LEN);
}

static enum value_verdict
text_to_datetime(
    const struct json_member *m, bool surely, char *scratch, struct value *out)
{
	char plain[VALUE_SCRATCH];
	const char *text;
	int64_t us;
	size_t len;

	if (!plain_text(m, plain, &text, &len))
		return VALUE_MISFITS;
	if ((len > DATE_END || !surely) &&
	    value_datetime(text, len, scratch) > 0)
		return set(out, scratch, VALUE_DATETIME_LEN);
	return instant_read(text, len, &us) ? set_instant(us, scratch, out)
					    : VALUE_MISFITS;
}

static enum value_verdict
number_to_datetime(
    const struct json_member *m, bool surely, char *scratch, struct value *out)
{
	int64_t us;

	return epoch(m, surely, &us) ? set_instant(us, scratch, out)
				     : VALUE_MISFITS;
}

/*
 * {"seconds":1700000000,"nanos":5}, and {"$date":…}, as Log4j, Protocol
 * Buffers, Firestore and MongoDB have them.
 */
static enum value_verdict
object_to_datetime(
    const struct json_member *object, char *scratch, struct value *out)
{
	static const char *const seconds[] = {
	    "epochSecond", "seconds", "_seconds", NULL};
	static const char *const nanos[] = {
	    "nanoOfSecond", "nanos", "_nanoseconds", NULL};
	const char *cursor = object->value.p, *end = cursor + object->value.len;
	unsigned long nano = 0;
	struct json_member m;
	bool known = false;
	int64_t us = 0;

	while (json_next_member(&cursor, end, &m)) {
		if (json_name_is(&m, "$date", 5))
			return m.kind == JSON_STRING
				   ? text_to_datetime(&m, true, scratch, out)
				   : number_to_datetime(&m, true, scratch, out);
		for (int i = 0; seconds[i] != NULL; i++) {
			if (json_name_is(&m, seconds[i], strlen(seconds[i])))
				known = epoch(&m, true, &us);
			if (json_name_is(&m, nanos[i], strlen(nanos[i])))
				nano = strtoul(m.value.p, NULL, 10);
		}
	}
	if (!known || nano > 999999999)
		return VALUE_MISFITS;
	return set_instant(us + (int64_t)(nano / 1000), scratch, out);
}

static enum value_verdict
to_datetime(
    const struct json_member *m, bool surely, char *scratch, struct value *out)
{
	if (m->kind == JSON_STRING)
		return text_to_datetime(m, surely, scratch, out);
	if (m->kind == JSON_OBJECT)
		return object_to_datetime(m, scratch, out);
	return number_to_datetime(m, surely, scratch, out);
}

/*
 * Levels
 */

/* A word that loggers have for one, or a letter of MongoDB. */
static bool
is_level(const char *p, size_t len)
{
	static const char *const words[] = {"trace", "verbose", "debug", "info",
	    "information", "informational", "notice", "ok", "warn", "warning",
	    "error", "err", "critical", "crit", "alert", "fatal", "panic",
	    "emergency", "emerg", "f", "e", "w", "i", "d", "d1", "d2", "d3",
	    "d4", "d5", NULL};

	for (int i = 0; words[i] != NULL; i++) {
		if (strlen(words[i]) == len &&
		    strncasecmp(words[i], p, len) == 0)
			return true;
	}
	return false;
}
