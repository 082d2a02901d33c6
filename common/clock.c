/*
 * clock.c - see clock.h. Stamps are made without gmtime(3) and printf(3): one
 * is made for every group of events that is received.
 */
#include <assert.h>
#include <time.h>

#include "clock.h"

#define US_PER_DAY (86400 * (int64_t)CLOCK_US_PER_S)

struct civil {
	unsigned year, month, day, hour, minute, second, micro;
};

static uint64_t
read_clock(clockid_t id, uint64_t per_second)
{
	struct timespec ts;
	int rc = clock_gettime(id, &ts);

	assert(rc == 0);
	(void)rc;
	return (uint64_t)ts.tv_sec * per_second +
	       (uint64_t)ts.tv_nsec / (CLOCK_NS_PER_S / per_second);
}

uint64_t
clock_monotonic_ns(void)
{
	return read_clock(CLOCK_MONOTONIC, CLOCK_NS_PER_S);
}

uint64_t
clock_wall_us(void)
{
	return read_clock(CLOCK_REALTIME, CLOCK_US_PER_S);
}

/*
 * The proleptic Gregorian calendar counted in eras of 400 years that begin on
 * the 1st of March, so that the leap day is the last day of a year.
 */
static int64_t
days_from_civil(int64_t year, unsigned month, unsigned day)
{
	int64_t era;
	unsigned year_of_era, day_of_year, day_of_era;

	year -= month <= 2;
	era = (year >= 0 ? year : year - 399) / 400;
	year_of_era = (unsigned)(year - era * 400);
	day_of_year =
	    (153 * (month > 2 ? month - 3 : month + 9) + 2) / 5 + day - 1;
	day_of_era = year_of_era * 365 + year_of_era / 4 - year_of_era / 100 +
		     day_of_year;
	return era * 146097 + (int64_t)day_of_era - 719468;
}

static void
civil_from_us(int64_t us, struct civil *c)
{
	/* The shift makes what is of the year 0 or later positive. */
	uint64_t shifted = (uint64_t)(us + 719468 * US_PER_DAY);
	uint64_t days = shifted / (uint64_t)US_PER_DAY,
		 rest = shifted % (uint64_t)US_PER_DAY;
	uint64_t era = days / 146097;
	unsigned doe = (unsigned)(days - era * 146097);
	unsigned yoe = (doe - doe / 1460 + doe / 36524 - doe / 146096) / 365;
	unsigned doy = doe - (365 * yoe + yoe / 4 - yoe / 100);
	unsigned mp = (5 * doy + 2) / 153;

	c->day = doy - (153 * mp + 2) / 5 + 1;
	c->month = mp < 10 ? mp + 3 : mp - 9;
	c->year = (unsigned)(yoe + era * 400 + (c->month <= 2));
	c->micro = (unsigned)(rest % CLOCK_US_PER_S);
	rest /= CLOCK_US_PER_S;
	c->second = (unsigned)(rest % 60);
	c->minute = (unsigned)(rest / 60 % 60);
	c->hour = (unsigned)(rest / 3600);
}

static char *
digits(char *p, unsigned value, unsigned width)
{
	for (unsigned i = width; i-- > 0; value /= 10)
		p[i] = (char)('0' + value % 10);
	return p + width;
}

void
clock_stamp(int64_t wall_us, char out[CLOCK_STAMP_LEN + 1])
{
	struct civil c;
	char *p = out;

	civil_from_us(wall_us, &c);
	p = digits(p, c.year, 4);
	*p++ = '-';
	p = digits(p, c.month, 2);
	*p++ = '-';
	p = digits(p, c.day, 2);
	*p++ = 'T';
	p = digits(p, c.hour, 2);
	*p++ = ':';
	p = digits(p, c.minute, 2);
	*p++ = ':';
	p = digits(p, c.second, 2);
	*p++ = '.';
	p = digits(p, c.micro, 6);
	*p++ = 'Z';
	*p = '\0';
}

void
clock_compact(int64_t wall_us, char out[CLOCK_COMPACT_LEN + 1])
{
	char stamp[CLOCK_STAMP_LEN + 1];
	char *p = out;

	clock_stamp(wall_us, stamp);
	for (const char *s = stamp; *s != '\0'; s++) {
		if (*s != '-' && *s != ':')
			*p++ = *s;
	}
	*p = '\0';
}

bool
clock_is_date(int year, unsigned month, unsigned day)
{
	static const unsigned char days[] = {
	    31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};

	if (month == 2 && day == 29)
		return year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
	return month >= 1 && month <= 12 && day >= 1 && day <= days[month - 1];
}

int64_t
clock_from_civil(int year, unsigned month, unsigned day, unsigned hour,
    unsigned minute, unsigned second, unsigned micro)
{
	int64_t seconds = (int64_t)hour * 3600 + minute * 60 + second;

	return days_from_civil(year, month, day) * US_PER_DAY +
	       seconds * (int64_t)CLOCK_US_PER_S + micro;
}
