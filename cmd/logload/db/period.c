/*
 * period.c - see period.h.
 */
#include <ctype.h>
#include <string.h>

#include "clock.h"
#include "period.h"

#define HOUR_US (3600 * (int64_t)CLOCK_US_PER_S)

static unsigned
get_number(const char *text, unsigned digits)
{
	unsigned n = 0;

	for (unsigned i = 0; i < digits; i++)
		n = n * 10 + (unsigned)(text[i] - '0');
	return n;
}

int64_t
instant_us(const char *at)
{
	return clock_from_civil((int)get_number(at, 4), get_number(at + 5, 2),
	    get_number(at + 8, 2), get_number(at + 11, 2),
	    get_number(at + 14, 2), get_number(at + 17, 2),
	    get_number(at + 20, 6));
}

static int64_t
begin_of_month(int64_t us, int months)
{
	char stamp[VALUE_DATETIME_LEN + 1];
	int count;

	value_stamp(us, stamp);
	count = (int)get_number(stamp, 4) * 12 + (int)get_number(stamp + 5, 2) -
		1 + months;
	return clock_from_civil(
	    count / 12, (unsigned)(count % 12) + 1, 1, 0, 0, 0, 0);
}

int64_t
period_begin(enum db_period period, int64_t us)
{
	int64_t step = period == DB_PERIOD_HOUR ? HOUR_US : 24 * HOUR_US;
	int64_t rest = us % step;

	if (period == DB_PERIOD_MONTH)
		return begin_of_month(us, 0);
	return us - (rest < 0 ? rest + step : rest);
}

int64_t
period_move(enum db_period period, int64_t begin, int periods)
{
	int64_t step = period == DB_PERIOD_HOUR ? HOUR_US : 24 * HOUR_US;

	if (period == DB_PERIOD_MONTH)
		return begin_of_month(begin, periods);
	return begin + periods * step;
}

void
partition_name(
    enum db_period period, const char *from, char out[PARTITION_NAME_LEN + 1])
{
	unsigned digits = period == DB_PERIOD_HOUR  ? 10
			  : period == DB_PERIOD_DAY ? 8
						    : 6;
	char *p = out;

	*p++ = 'p';
	for (; digits > 0 && *from != '\0'; from++) {
		if (!isdigit((unsigned char)*from))
			continue;
		*p++ = *from;
		digits--;
	}
	*p = '\0';
}

bool
partition_has_name(const char *table)
{
	const char *end = strrchr(table, '_');

	if (end == NULL)
		return false;
	if (strcmp(end, "_" PARTITION_ELSE) == 0)
		return true;
	return end[1] == 'p' && end[2] != '\0' &&
	       end[2 + strspn(end + 2, "0123456789")] == '\0';
}
