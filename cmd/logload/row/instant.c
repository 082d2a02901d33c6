/*
 * instant.c - see instant.h.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/stat.h>
#include <time.h>
#include <strings.h>

#include "clock.h"
#include "decimal.h"
#include "instant.h"

#define US_PER_S ((int64_t)CLOCK_US_PER_S)
#define US_PER_MINUTE (60 * US_PER_S)
#define DAY_US (86400 * US_PER_S)
#define TEXT_MAX 64 /* of a number */
#define MICRO_DIGITS 6
#define DATE_LEN 10
#define ZONE_MAX 100

struct scan {
	const char *p, *end;
};

/* -1: not seen yet. */
struct parts {
	int year, month, day, hour, minute, second, weekday;
	int micro;
	bool zoned;
	int offset; /* minutes, or INSTANT_LOCAL */
};

static bool
is_digit(char c)
{
	return c >= '0' && c <= '9';
}

static bool
is_letter(char c)
{
	return (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z');
}

static bool
next_is(const struct scan *s, char c)
{
	return s->p < s->end && *s->p == c;
}

static size_t
count(const struct scan *s, bool (*is)(char))
{
	size_t n = 0;

	while (s->p + n < s->end && is(s->p[n]))
		n++;
	return n;
}

/* So many digits, or -1. */
static int
take_number(struct scan *s, size_t digits)
{
	int n = 0;

	for (; digits > 0; digits--) {
		if (s->p == s->end || !is_digit(*s->p))
			return -1;
		n = n * 10 + (*s->p++ - '0');
	}
	return n;
}

/* One of these characters. */
static bool
take_one(struct scan *s, const char *of)
{
	bool there = s->p < s->end && memchr(of, *s->p, strlen(of)) != NULL;

	s->p += there;
	return there;
}

static void
skip_blanks(struct scan *s)
{
	while (next_is(s, ' '))
		s->p++;
}

/* Behind a point or comma, if there is one; -1: no digit. */
static int
take_fraction(struct scan *s)
{
	int micro = 0, digits = 0;

	if (!take_one(s, ".,"))
		return 0;
	if (count(s, is_digit) == 0)
		return -1;
	for (; s->p < s->end && is_digit(*s->p); s->p++) {
		if (digits < MICRO_DIGITS) {
			micro = micro * 10 + (*s->p - '0');
			digits++;
		}
	}
	while (digits++ < MICRO_DIGITS)
		micro *= 10;
	return micro;
}

/*
 * Zones
 */

/* +01:00, -0330, +02 */
static bool
take_offset(struct scan *s, int *minutes)
{
	bool behind = next_is(s, '-');
	int hour, minute = 0;

	if (!take_one(s, "+-"))
		return false;
	hour = take_number(s, 2);
	if (take_one(s, ":") || count(s, is_digit) > 0)
		minute = take_number(s, 2);
	if (hour < 0 || hour > 23 || minute < 0 || minute > 59)
		return false;
	*minutes = behind ? -hour * 60 - minute : hour * 60 + minute;
	return true;
}

static bool
is_utc(const char *p, size_t n)
{
	return (n == 1 && (*p == 'Z' || *p == 'z')) ||
	       (n == 3 && (strncasecmp(p, "UTC", 3) == 0 ||
			      strncasecmp(p, "GMT", 3) == 0));
}

/* Z, UTC or GMT, the latter with an offset too, or an offset. */
static bool
take_zone(struct scan *s, int *minutes)
{
	size_t n = count(s, is_letter);

	*minutes = 0;
	if (n == 0)
		return take_offset(s, minutes);
	if (!is_utc(s->p, n))
		return false;
	s->p += n;
	return n == 1 || (!next_is(s, '+') && !next_is(s, '-')) ||
	       take_offset(s, minutes);
}

/* What tells the same once more: "CET", "+01", "m=+0.1", "[…]", "(…)". */
static bool
skip_names(struct scan *s, bool offset, int minutes)
{
	size_t n;
	int same;

	skip_blanks(s);
	n = count(s, is_letter);
	if (offset && n >= 3 && n <= 5) {
		if (is_utc(s->p, n) && minutes != 0)
			return false;
		s->p += n;
	} else if (offset && (next_is(s, '+') || next_is(s, '-')) &&
		   (!take_offset(s, &same) || same != minutes)) {
		return false;
	}
	skip_blanks(s);
	if (s->end - s->p > 3 && memcmp(s->p, "m=", 2) == 0)
		s->p = s->end;
	else if ((next_is(s, '[') && s->end[-1] == ']') ||
		 (next_is(s, '(') && s->end[-1] == ')'))
		s->p = s->end;
	return s->p == s->end;
}

/* The C library knows of no other zone by its name than the process's. */
static bool
set_local(const char *name)
{
	static const char dir[] = ":/usr/share/zoneinfo/"; /* ":": a file */
	const char *before = getenv("TZ");
	char zone[ZONE_MAX];
	struct stat st;
	int n = snprintf(zone, sizeof(zone), "%s%s", dir, name);

	if (n < 0 || (size_t)n >= sizeof(zone) || strchr(name, '.') != NULL ||
	    stat(zone + 1, &st) < 0 || !S_ISREG(st.st_mode))
		return false;
	if (before != NULL && strncmp(before, dir, sizeof(dir) - 1) == 0)
		return strcmp(before, zone) == 0;
	return setenv("TZ", zone, 1) == 0;
}

bool
instant_zone(const char *text, int *minutes)
{
	struct scan s = {text, text + strlen(text)};

	if (take_zone(&s, minutes) && s.p == s.end)
		return true;
	*minutes = INSTANT_LOCAL;
	return set_local(text);
}

static int
offset_of(const int *zone)
{
	return zone == NULL ? 0 : *zone;
}

/* All that follows a date and time; nothing leaves the zone as it is. */
static bool
take_end(struct scan *s, int *minutes)
{
	bool offset;

	if (s->p == s->end)
		return true;
	skip_blanks(s);
	offset = next_is(s, '+') || next_is(s, '-');
	return take_zone(s, minutes) && skip_names(s, offset, *minutes);
}

/*
 * Dates
 */

/* A time that the clocks there show once, not never or twice. */
static bool
from_local(const struct parts *d, int64_t *us)
{
	int found = 0;

	for (int summer = 0; summer < 2; summer++) {
		struct tm tm = {.tm_year = d->year - 1900,
		    .tm_mon = d->month - 1,
		    .tm_mday = d->day,
		    .tm_hour = d->hour,
		    .tm_min = d->minute,
		    .tm_isdst = summer};
		time_t at = mktime(&tm);

		if (tm.tm_isdst != summer || tm.tm_hour != d->hour ||
		    tm.tm_min != d->minute)
			continue;
		*us = (at + d->second) * US_PER_S + d->micro;
		found++;
	}
	return found == 1;
}

static bool
to_instant(const struct parts *d, int64_t *us)
{
	int64_t days;

	if (d->month < 0 || d->day < 0 || d->hour < 0 || d->hour > 23 ||
	    d->minute < 0 || d->minute > 59 || d->second < 0 ||
	    d->second > 60 || d->micro < 0 || d->year < 1 ||
	    !clock_is_date(d->year, (unsigned)d->month, (unsigned)d->day))
		return false;
	*us = clock_from_civil(d->year, (unsigned)d->month, (unsigned)d->day,
	    (unsigned)d->hour, (unsigned)d->minute, (unsigned)d->second,
	    (unsigned)d->micro);
	days = *us / DAY_US - (*us < 0 && *us % DAY_US != 0);
	/* 1970 began on a Thursday. */
	if (d->weekday >= 0 && d->second < 60 &&
	    ((days % 7) + 11) % 7 != d->weekday)
		return false;
	if (d->offset == INSTANT_LOCAL)
		return from_local(d, us);
	*us -= d->offset * US_PER_MINUTE;
	return true;
}

/* Sets one that was not seen before. */
static bool
set(int *part, int value)
{
	bool first = *part < 0;

	*part = value;
	return first && value >= 0;
}

/* The index of a word of three letters within a list of them, or -1. */
static int
find_word(const char *list, const char *p)
{
	for (int i = 0; list[i] != '\0'; i += 3) {
		if (strncasecmp(list + i, p, 3) == 0)
			return i / 3;
	}
	return -1;
}

static bool
take_word(struct scan *s, struct parts *d)
{
	size_t n = count(s, is_letter);
	int month = -1, weekday = -1;

	if (n == 3) {
		month = find_word("JanFebMarAprMayJunJulAugSepOctNovDec", s->p);
		weekday = find_word("SunMonTueWedThuFriSat", s->p);
	}
	if (month < 0 && weekday < 0) {
		if (d->zoned)
			return false;
		d->zoned = true;
		return take_zone(s, &d->offset);
	}
	s->p += n;
	return month >= 0 ? set(&d->month, month + 1)
			  : set(&d->weekday, weekday);
}

/* A time, with the seconds; a year; a day. */
static bool
take_figure(struct scan *s, struct parts *d)
{
	size_t n = count(s, is_digit);
	bool clock = n <= 2 && s->end - s->p > 2 && s->p[n] == ':';
	int number = n == 4 || n <= 2 ? take_number(s, n) : -1;

	if (!clock) {
		if (n == 4)
			(void)take_one(s, ":"); /* 2026:07:33:51 */
		return set(n == 4 ? &d->year : &d->day, number);
	}
	s->p++;
	if (!set(&d->hour, number))
		return false;
	d->minute = take_number(s, 2);
	if (!take_one(s, ":"))
		return false;
	d->second = take_number(s, 2);
	d->micro = take_fraction(s);
	return true;
}

/* The month is a word, so the order does not matter. */
static bool
read_words(struct scan s, const int *zone, int64_t *us)
{
	struct parts d = {
	    -1, -1, -1, -1, -1, -1, -1, 0, false, offset_of(zone)};
	bool good = true;

	while (good && s.p < s.end) {
		if (is_letter(*s.p)) {
			good = take_word(&s, &d);
		} else if (is_digit(*s.p)) {
			good = take_figure(&s, &d);
		} else if ((*s.p == '+' || *s.p == '-') && d.hour >= 0) {
			good = !d.zoned && take_offset(&s, &d.offset);
			d.zoned = true;
		} else if (*s.p == '(' && d.zoned && s.end[-1] == ')') {
			s.p = s.end;
		} else {
			good = memchr(" ,/-", *s.p, 4) != NULL;
			s.p++;
		}
	}
	return good && (d.zoned || zone != NULL) && to_instant(&d, us);
}

/* 20261122T073351.5Z, the basic format of ISO 8601; UTC without a zone. */
static bool
read_basic(struct scan s, const int *zone, int64_t *us)
{
	struct parts d = {.weekday = -1, .offset = offset_of(zone)};

	if (count(&s, is_digit) != 8)
		return false;
	d.year = take_number(&s, 4);
	d.month = take_number(&s, 2);
	d.day = take_number(&s, 2);
	if (!take_one(&s, "Tt") || count(&s, is_digit) != 6)
		return false;
	d.hour = take_number(&s, 2);
	d.minute = take_number(&s, 2);
	d.second = take_number(&s, 2);
	d.micro = take_fraction(&s);
	return take_end(&s, &d.offset) && to_instant(&d, us);
}

bool
instant_iso(const char *text, size_t len, const int *zone, int64_t *us)
{
	struct scan s = {text, text + len};
	struct parts d = {.weekday = -1, .offset = offset_of(zone)};
	const char *between = len > DATE_LEN && text[4] == '/' ? "/" : "-";
	bool good;

	d.year = take_number(&s, 4);
	good = take_one(&s, between);
	d.month = take_number(&s, 2);
	good = good && take_one(&s, between);
	d.day = take_number(&s, 2);
	if (good && s.p < s.end) {
		good = take_one(&s, "Tt ");
		d.hour = take_number(&s, 2);
		good = good && take_one(&s, ":");
		d.minute = take_number(&s, 2);
		if (take_one(&s, ":"))
			d.second = take_number(&s, 2);
		d.micro = take_fraction(&s);
		good = good && take_end(&s, &d.offset);
	}
	return good && to_instant(&d, us);
}

/*
 * Epochs
 */

/* JSON of .NET: milliseconds; an offset that may follow moves nothing. */
static bool
read_dotnet(struct scan s, int64_t *us)
{
	static const char front[] = "/Date(", back[] = ")/";
	struct decimal d;
	bool exact;
	size_t n;

	if (s.end - s.p < 9 || memcmp(s.p, front, 6) != 0 ||
	    memcmp(s.end - 2, back, 2) != 0)
		return false;
	s.p += 6;
	s.end -= 2;
	n = (size_t)(s.end - s.p);
	if (n > 5 && (s.end[-5] == '+' || s.end[-5] == '-'))
		n -= 5;
	return decimal_parse(&d, s.p, n) && decimal_to_int(&d, 3, us, &exact);
}

/* 20261122 and 20261122073351 are more likely that than seconds of 1970. */
static bool
looks_like_date(int64_t n)
{
	if (n >= 10000000000000)
		n /= 1000000;
	return n >= 19000101 && n <= 21991231 &&
	       clock_is_date((int)(n / 10000), (unsigned)(n / 100 % 100),
		   (unsigned)(n % 100));
}

bool
instant_of_number(const char *text, size_t len, bool surely, int64_t *us)
{
	static const struct {
		int64_t below; /* of those that are read so */
		int64_t least; /* of 10, 13, … digits */
		int shift;     /* to microseconds */
	} units[] = {{100000000000, 1000000000, 6},
	    {100000000000000, 1000000000000, 3},
	    {100000000000000000, 1000000000000000, 0},
	    {INT64_MAX, 1000000000000000000, -3}};
	struct decimal d;
	int64_t whole;
	bool exact;
	int i = 0;

	/* The least number stands for no instant, as in Java. */
	if (!decimal_parse(&d, text, len) ||
	    !decimal_to_int(&d, 0, &whole, &exact) || whole == INT64_MIN)
		return false;
	while (i < 3 && (whole < 0 ? -whole : whole) >= units[i].below)
		i++;
	if (surely ? whole < units[i].least || whole / 10 >= units[i].least
		   : exact && looks_like_date(whole))
		return false;
	return decimal_to_int(&d, units[i].shift, us, &exact);
}

static bool
read_epoch(struct scan s, int64_t *us)
{
	size_t n = (size_t)(s.end - s.p);
	char text[TEXT_MAX], *comma;

	if (n == 0 || n > sizeof(text) || !is_digit(*s.p))
		return false;
	memcpy(text, s.p, n);
	comma = memchr(text, ',', n);
	if (comma != NULL)
		*comma = '.';
	return instant_of_number(text, n, true, us);
}

bool
instant_read(const char *text, size_t len, const int *zone, int64_t *us)
{
	struct scan s = {text, text + len};

	return read_epoch(s, us) || read_basic(s, zone, us) ||
	       read_dotnet(s, us) || read_words(s, zone, us);
}
