/*
 * span.c - see span.h.
 */
#include <ctype.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>

#include "clock.h"
#include "naming.h"
#include "options.h"
#include "row/instant.h"
#include "span.h"
#include "spool.h"

#define S ((int64_t)CLOCK_US_PER_S)
#define DIGITS "0123456789"

/* The value of so many digits and no more, or -1. */
static int
number(const char *p, size_t digits)
{
	int n = 0;

	if (strspn(p, DIGITS) != digits)
		return -1;
	while (digits-- > 0)
		n = n * 10 + (*p++ - '0');
	return n;
}

/* Two of the digits at *p, which moves on; as many more may follow. */
static unsigned
take_two(const char **p)
{
	unsigned n = (unsigned)((*p)[0] - '0') * 10 + (unsigned)((*p)[1] - '0');

	*p += 2;
	return n;
}

/*
 * A time of day: 07, 0733, 073351, 07-33, 07:33:51. How many of hour, minute
 * and second it has; *p is behind it then.
 */
static int
take_time(const char **p, unsigned time[3])
{
	const char *at = *p;
	size_t digits = strspn(at, DIGITS);
	int parts = 0;
	char between;

	if (digits != 2 && digits != 4 && digits != 6)
		return 0;
	for (; digits > 0; digits -= 2)
		time[parts++] = take_two(&at);
	between = *at;
	if (parts == 1 && between != '\0' && strchr(":-._", between) != NULL) {
		while (parts < 3 && *at == between && number(at + 1, 2) >= 0) {
			at++;
			time[parts++] = take_two(&at);
		}
	}
	if (time[0] > 23 || (parts > 1 && time[1] > 59) ||
	    (parts > 2 && time[2] > 60))
		return 0;
	*p = at;
	return parts;
}

/* 2026-11-22, whatever is behind it. */
static bool
is_long_date(const char *p)
{
	return strspn(p, DIGITS) == 4 && p[4] != '\0' &&
	       strchr("-_./", p[4]) != NULL && number(p + 5, 2) >= 0 &&
	       p[7] == p[4] && number(p + 8, 2) >= 0;
}

/*
 * What is behind a date. An hour alone behind a hyphen or a point may be a
 * number, as some loggers give to the files of a day; and the year of another
 * date is no time.
 */
static int
read_time(const char **p, unsigned time[3])
{
	const char *at = *p + 1;
	int parts = 0;

	switch (**p) {
	case 'T':
	case 't':
		parts = take_time(&at, time);
		break;
	case '-':
	case '.':
	case '_':
	case ' ':
		parts = take_time(&at, time);
		if (parts == 1 || is_long_date(*p + 1))
			return 0;
		break;
	case '/':
		if (number(at, 2) >= 0 && at[2] == '/')
			parts = take_time(&at, time);
		break;
	default:
		break;
	}
	if (parts > 0)
		*p = at;
	return parts;
}

/* A date with its time of day; `end` is behind it. */
static bool
read_date(const char *p, struct span *span, const char **end)
{
	static const int64_t widths[] = {86400 * S, 3600 * S, 60 * S, S};
	size_t digits = strspn(p, DIGITS);
	unsigned year, month, day, time[3] = {0, 0, 0};
	int parts = 0;

	if (!is_long_date(p) && (digits < 8 || digits > 14 || digits % 2 != 0))
		return false;
	year = take_two(&p) * 100;
	year += take_two(&p);
	p += digits == 4;
	month = take_two(&p);
	p += digits == 4;
	day = take_two(&p);
	if (year < 1970 || year > 2199 || !clock_is_date((int)year, month, day))
		return false;
	if (digits > 8 && (parts = take_time(&p, time)) == 0)
		return false; /* a number that only begins as a date */
	if (parts == 0)
		parts = read_time(&p, time);
	if (parts == 0) /* what looked like one may be there */
		memset(time, 0, sizeof(time));
	span->from = clock_from_civil(
	    (int)year, month, day, time[0], time[1], time[2], 0);
	span->to = span->from + widths[parts];
	*end = p;
	return true;
}

bool
span_of_path(const char *path, struct span *span)
{
	char base[PATH_MAX];
	const char *end;
	bool found = false;
	uint64_t born_us;

	naming_base(path, base);
	if (spool_name_parse(base, &born_us)) {
		span->from = (int64_t)born_us;
		span->to = span->from + 1;
		return true;
	}
	for (const char *p = path; *p != '\0';) {
		if (!isdigit((unsigned char)*p)) {
			p++;
		} else if (read_date(p, span, &end)) {
			found = true;
			p = end;
		} else {
			p += strspn(p, DIGITS);
		}
	}
	return found;
}

bool
span_meets(const struct span *a, const struct span *b)
{
	return a->from < b->to && b->from < a->to;
}

/* "2d", "2d ago" */
static bool
read_ago(const char *text, uint64_t now_us, int64_t *us)
{
	static const char ago[] = " ago";
	size_t len = strlen(text);
	struct error none;
	char span[32];
	uint64_t ns;

	(void)naming_cut(text, &len, ago);
	if (len == 0 || len >= sizeof(span) ||
	    !isalpha((unsigned char)text[len - 1]))
		return false;
	(void)snprintf(span, sizeof(span), "%.*s", (int)len, text);
	if (option_duration(span, &ns, &none) < 0)
		return false;
	*us = (int64_t)now_us - (int64_t)(ns / 1000);
	return true;
}

int
span_parse(const char *text, uint64_t now_us, int64_t *us, struct error *err)
{
	size_t len = strlen(text);
	const char *end;
	struct span span;

	if (read_ago(text, now_us, us) || instant_iso(text, len, NULL, us) ||
	    instant_read(text, len, NULL, us))
		return 0;
	if (isdigit((unsigned char)*text) && read_date(text, &span, &end) &&
	    *end == '\0') {
		*us = span.from;
		return 0;
	}
	return error_set(err,
	    "'%s' is no time such as 2026-11-22, 2026-11-22T07:33:51Z, or 2d "
	    "for two days ago",
	    text);
}
