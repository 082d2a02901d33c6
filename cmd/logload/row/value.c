/*
 * value.c - see value.h.
 */
#include <arpa/inet.h>
#include <limits.h>
#include <math.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "clock.h"
#include "decimal.h"
#include "hex.h"
#include "instant.h"
#include "value.h"

#define NUMBER_MAX 64 /* of a number's text that is looked at */
/* Beyond this a double no longer tells which whole number it was. */
#define WHOLE_MOST ((1ULL << 53) - 1)
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

static bool is_level(const char *, size_t len);

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

/* The bytes of so many of them, if there are more. */
static size_t
bytes_of(const char *p, size_t len, size_t characters)
{
	size_t i = 0;

	for (; i < len; i++) {
		if (((unsigned char)p[i] & 0xc0) != 0x80 && characters-- == 0)
			break;
	}
	return i;
}

enum value_verdict
value_to_text(const struct column *c, const struct json_member *m, bool surely,
    struct buf *scratch, struct value *out)
{
	bool whole = m->name.p == NULL, cuts = c->misfit == COLUMN_CUT;
	const char *p = m->value.p;
	size_t len = m->value.len;

	if ((m->kind == JSON_OBJECT && !whole) || m->kind == JSON_ARRAY)
		return VALUE_MISFITS;
	if (m->escapes) {
		size_t most =
		    c->width > 0 && !cuts ? (size_t)c->width * 4 : len;
		long n;

		if (most > scratch->cap && buf_reserve(scratch, most) < 0)
			return VALUE_NO_MEMORY;
		n = json_string_decode(m->value, scratch->data, most);
		if (n < 0)
			return VALUE_MISFITS;
		p = scratch->data;
		len = (size_t)n;
	} else if (m->kind == JSON_STRING) {
		p++;
		len -= 2;
	}
	if (c->width > 0 && len > c->width &&
	    count_characters(p, len) > c->width) {
		if (!cuts)
			return VALUE_MISFITS;
		len = bytes_of(p, len, c->width);
	}
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
 * Is it a whole number of at most so many digits that stands in JSON as
 * printf(3) would write it, even after it was a double?
 */
static bool
is_plain_number(const struct json_member *m, unsigned digits)
{
	const struct json_text *text = &m->value;
	size_t i = 0;

	if (m->kind != JSON_NUMBER || text->len > digits)
		return false;
	while (i < text->len && text->p[i] >= '0' && text->p[i] <= '9')
		i++;
	return i == text->len;
}

static bool
is_truth(const struct json_member *m, struct value *out)
{
	if (m->kind != JSON_TRUE && m->kind != JSON_FALSE)
		return false;
	(void)set(out, m->kind == JSON_TRUE ? "1" : "0", 1);
	return true;
}

enum value_verdict
value_to_whole(const struct column *c, const struct json_member *m, bool surely,
    struct buf *scratch, struct value *out)
{
	char copy[NUMBER_MAX + 1];
	struct decimal d;
	uint64_t n;
	bool exact;

	(void)surely;
	if (is_plain_number(m, c->plain))
		return set(out, m->value.p, m->value.len);
	if (is_truth(m, out))
		return VALUE_FITS;
	if (!number_text(m->value, m->kind, copy) ||
	    !decimal_parse(&d, copy, strlen(copy)) ||
	    !decimal_to_whole(&d, 0, &n, &exact) ||
	    (!exact && c->misfit != COLUMN_CUT) ||
	    (strpbrk(copy, ".eE") != NULL && n > WHOLE_MOST))
		return VALUE_MISFITS;
	d.negative = d.negative && n > 0;
	if (n > (d.negative ? -(uint64_t)c->least : c->most))
		return VALUE_MISFITS;
	return set(out, scratch->data,
	    (size_t)snprintf(scratch->data, VALUE_SCRATCH, "%s%llu",
		d.negative ? "-" : "", (unsigned long long)n));
}

/*
 * The nearest double, as everybody reads a fraction; but a whole number is
 * itself or none, and nothing but zero is zero.
 */
enum value_verdict
value_to_double(const struct column *c, const struct json_member *m,
    bool surely, struct buf *scratch, struct value *out)
{
	char copy[NUMBER_MAX + 1], same[2 * NUMBER_MAX], *end;
	struct decimal d;
	double real;

	(void)c, (void)surely;
	if (is_plain_number(m, VALUE_PLAIN_DIGITS))
		return set(out, m->value.p, m->value.len);
	if (is_truth(m, out))
		return VALUE_FITS;
	if (!number_text(m->value, m->kind, copy) ||
	    !decimal_parse(&d, copy, strlen(copy)))
		return VALUE_MISFITS;
	real = strtod(copy, &end);
	if (*end != '\0' || !isfinite(real) || (real == 0 && d.digits > 0))
		return VALUE_MISFITS;
	if (strlen(copy) > VALUE_PLAIN_DIGITS && strpbrk(copy, ".eE") == NULL) {
		(void)snprintf(same, sizeof(same), "%.0f", real);
		if (strcmp(same, copy) != 0)
			return VALUE_MISFITS;
	}
	return set(out, scratch->data,
	    (size_t)snprintf(scratch->data, VALUE_SCRATCH, "%.17g", real));
}

enum value_verdict
value_to_decimal(const struct column *c, const struct json_member *m,
    bool surely, struct buf *scratch, struct value *out)
{
	unsigned whole = c->width - c->scale;
	bool text = m->kind == JSON_STRING;
	size_t len;

	(void)surely;
	if (is_plain_number(m, whole))
		return set(out, m->value.p, m->value.len);
	if (m->kind != JSON_NUMBER && !text)
		return VALUE_MISFITS;
	len = decimal_write(m->value.p + text, m->value.len - 2 * text,
	    c->width, c->scale, c->misfit == COLUMN_CUT, scratch->data);
	return len > 0 ? set(out, scratch->data, len) : VALUE_MISFITS;
}

enum value_verdict
value_to_boolean(const struct column *c, const struct json_member *m,
    bool surely, struct buf *scratch, struct value *out)
{
	static const struct {
		const char *text;
		const char *value;
	} words[] = {{"true", "1"}, {"false", "0"}, {"1", "1"}, {"0", "0"}};
	bool text = m->kind == JSON_STRING;

	(void)c, (void)surely, (void)scratch;
	for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++) {
		if (m->value.len - 2 * text == strlen(words[i].text) &&
		    strncasecmp(m->value.p + text, words[i].text,
			strlen(words[i].text)) == 0)
			return set(out, words[i].value, 1);
	}
	return VALUE_MISFITS;
}

enum value_verdict
value_to_json(const struct column *c, const struct json_member *m, bool surely,
    struct buf *scratch, struct value *out)
{
	(void)c, (void)surely, (void)scratch;
	return set(out, m->value.p, m->value.len);
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
value_datetime(const char *text, size_t len, const int *zone,
    char out[VALUE_DATETIME_LEN + 1])
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
	if (!instant_iso(text, len, zone, &us) || us < LEAST_US || us > MOST_US)
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
text_to_datetime(const struct json_member *m, const int *zone, bool surely,
    char *scratch, struct value *out)
{
	char plain[VALUE_SCRATCH];
	const char *text;
	int64_t us;
	size_t len;

	if (!plain_text(m, plain, &text, &len))
		return VALUE_MISFITS;
	if ((len > DATE_END || !surely) &&
	    value_datetime(text, len, zone, scratch) > 0)
		return set(out, scratch, VALUE_DATETIME_LEN);
	return instant_read(text, len, zone, &us)
		   ? set_instant(us, scratch, out)
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

/* A whole number; or more than there are in a second. */
static unsigned long
nanos_of(const struct json_member *m)
{
	char *end;
	unsigned long nanos = strtoul(m->value.p, &end, 10);

	if (m->kind == JSON_NULL)
		return 0;
	return end == m->value.p + m->value.len ? nanos : ULONG_MAX;
}

/*
 * {"seconds":1700000000,"nanos":5}, and {"$date":…}, as Log4j, Protocol
 * Buffers, Firestore and MongoDB have them.
 */
static enum value_verdict
object_to_datetime(const struct json_member *object, const int *zone,
    char *scratch, struct value *out)
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
				   ? text_to_datetime(
					 &m, zone, true, scratch, out)
				   : number_to_datetime(&m, true, scratch, out);
		for (int i = 0; seconds[i] != NULL; i++) {
			if (json_name_is(&m, seconds[i], strlen(seconds[i])))
				known = epoch(&m, true, &us);
			if (json_name_is(&m, nanos[i], strlen(nanos[i])))
				nano = nanos_of(&m);
		}
	}
	if (!known || nano > 999999999)
		return VALUE_MISFITS;
	return set_instant(us + (int64_t)(nano / 1000), scratch, out);
}

enum value_verdict
value_to_instant(const struct column *c, const struct json_member *m,
    bool surely, struct buf *scratch, struct value *out)
{
	const int *zone = c->zoned ? &c->zone : NULL;

	if (m->kind == JSON_STRING)
		return text_to_datetime(m, zone, surely, scratch->data, out);
	if (m->kind == JSON_OBJECT)
		return object_to_datetime(m, zone, scratch->data, out);
	return number_to_datetime(m, surely, scratch->data, out);
}

/*
 * Addresses and names
 */

/* RFC 4291, 2.2; written as RFC 5952 has it. */
enum value_verdict
value_to_ip(const struct column *c, const struct json_member *m, bool surely,
    struct buf *scratch, struct value *out)
{
	char plain[VALUE_SCRATCH], copy[INET6_ADDRSTRLEN];
	struct in6_addr address; /* room for either */
	const char *text;
	size_t len;
	int family;

	(void)c, (void)surely;
	if (m->kind != JSON_STRING || !plain_text(m, plain, &text, &len) ||
	    len >= sizeof(copy) || memchr(text, '\0', len) != NULL)
		return VALUE_MISFITS;
	memcpy(copy, text, len);
	copy[len] = '\0';
	family = strchr(copy, ':') == NULL ? AF_INET : AF_INET6;
	if (inet_pton(family, copy, &address) != 1 ||
	    inet_ntop(family, &address, scratch->data, VALUE_SCRATCH) == NULL)
		return VALUE_MISFITS;
	return set(out, scratch->data, strlen(scratch->data));
}

/* RFC 9562, 4; also in braces, and without dashes. */
enum value_verdict
value_to_uuid(const struct column *c, const struct json_member *m, bool surely,
    struct buf *scratch, struct value *out)
{
	static const char form[] = "00000000-0000-0000-0000-000000000000";
	char plain[VALUE_SCRATCH];
	const char *text, *end;
	bool dashes;
	size_t len;

	(void)c, (void)surely;
	if (m->kind != JSON_STRING || !plain_text(m, plain, &text, &len))
		return VALUE_MISFITS;
	if (len > 2 && text[0] == '{' && text[len - 1] == '}') {
		text++;
		len -= 2;
	}
	dashes = len == sizeof(form) - 1;
	end = text + len;
	for (size_t i = 0; i < sizeof(form) - 1; i++) {
		char *to = &scratch->data[i];

		*to = form[i];
		if (*to == '-' && !dashes)
			continue;
		if (text == end ||
		    (*to == '-' ? *text != '-' : hex_digit(*text) < 0))
			return VALUE_MISFITS;
		if (*to != '-') /* a digit, or a letter */
			*to = (char)(*text | 0x20);
		text++;
	}
	return text == end ? set(out, scratch->data, sizeof(form) - 1)
			   : VALUE_MISFITS;
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
