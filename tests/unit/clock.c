/*
 * clock.c - stamps against gmtime(3), and back.
 */
#include <time.h>

#include "clock.h"
#include "tap.h"

/* Microseconds from the year 1 to the epoch. */
#define EARLIEST INT64_C(62135596800000000)

static void
compare(struct tap_all *all, int64_t us)
{
	char got[CLOCK_STAMP_LEN + 1], compact[CLOCK_COMPACT_LEN + 1], want[96];
	/* Rounded down: a moment before 1970 is negative. */
	time_t seconds = (time_t)((us + EARLIEST) / (int64_t)CLOCK_US_PER_S) -
			 (time_t)(EARLIEST / (int64_t)CLOCK_US_PER_S);
	unsigned micro = (unsigned)((us + EARLIEST) % (int64_t)CLOCK_US_PER_S);
	struct tm tm;

	must(gmtime_r(&seconds, &tm) != NULL);
	clock_stamp(us, got);
	(void)snprintf(want, sizeof(want),
	    "%04d-%02d-%02dT%02d:%02d:%02d.%06uZ", tm.tm_year + 1900,
	    tm.tm_mon + 1, tm.tm_mday, tm.tm_hour, tm.tm_min, tm.tm_sec, micro);
	tap_case(all, strcmp(got, want) == 0, "%" PRId64 ": %s, not %s", us,
	    got, want);
	clock_compact(us, compact);
	(void)snprintf(want, sizeof(want), "%04d%02d%02dT%02d%02d%02d.%06uZ",
	    tm.tm_year + 1900, tm.tm_mon + 1, tm.tm_mday, tm.tm_hour, tm.tm_min,
	    tm.tm_sec, micro);
	tap_case(all, strcmp(compact, want) == 0, "%" PRId64 ": %s, not %s", us,
	    compact, want);
	tap_case(all,
	    clock_from_civil(tm.tm_year + 1900, (unsigned)tm.tm_mon + 1,
		(unsigned)tm.tm_mday, (unsigned)tm.tm_hour, (unsigned)tm.tm_min,
		(unsigned)tm.tm_sec, micro) == us,
	    "%" PRId64 " does not come back", us);
}

static void
test_known(void)
{
	char out[CLOCK_STAMP_LEN + 1], compact[CLOCK_COMPACT_LEN + 1];

	clock_stamp(0, out);
	is_text(out, "1970-01-01T00:00:00.000000Z", "the epoch");
	clock_stamp(951782400000000, out);
	is_text(out, "2000-02-29T00:00:00.000000Z",
	    "2000 is a leap year, though a century");
	clock_stamp(4107542400000000 - 1, out);
	is_text(out, "2100-02-28T23:59:59.999999Z",
	    "the last microsecond of February 2100");
	clock_stamp(4107542400000000, out);
	is_text(out, "2100-03-01T00:00:00.000000Z", "2100 is no leap year");
	clock_stamp(253402300799999999, out);
	is_text(out, "9999-12-31T23:59:59.999999Z", "the last one");
	clock_compact(1795332831123456, compact);
	is_text(compact, "20261122T073351.123456Z", "the compact form");
	is_number(clock_from_civil(1969, 12, 31, 23, 59, 59, 999999), -1,
	    "before the epoch is negative");
	is_number(clock_from_civil(1, 1, 1, 0, 0, 0, 0), -62135596800000000,
	    "the year 1");
}

/* Of all that could be written with two digits for month and day. */
static void
test_dates(void)
{
	struct tap_all all = {0};

	for (int year = 1896; year <= 2104; year++) {
		for (unsigned n = 0; n < 1400; n++) {
			struct tm tm = {.tm_year = year - 1900,
			    .tm_mon = (int)(n / 100) - 1,
			    .tm_mday = (int)(n % 100)};
			struct tm made = tm;
			bool is;

			(void)timegm(&made);
			is = made.tm_mon == tm.tm_mon &&
			     made.tm_mday == tm.tm_mday;
			tap_case(&all,
			    clock_is_date(year, n / 100, n % 100) == is,
			    "%d-%04u", year, n);
		}
	}
	tap_all(&all, "there are the dates that timegm leaves as they are");
}

int
main(void)
{
	struct tap_all days = {0}, random_ones = {0}, steps = {0};
	uint64_t seed = 1, before = clock_monotonic_ns(), wall;
	struct timespec ts;

	test_known();
	test_dates();
	for (int64_t day = 0; day < 3652059; day += 3)
		compare(&days, day * 86400 * (int64_t)CLOCK_US_PER_S +
				   day % 86400 - EARLIEST);
	tap_all(&days, "every third day of 1 to 9999 is that of gmtime");
	for (int i = 0; i < 200000; i++)
		compare(&random_ones,
		    (int64_t)(tap_random(&seed) % 315537897600000000) -
			EARLIEST);
	tap_all(&random_ones, "so are moments at random");

	for (int i = 0; i < 100000; i++) {
		uint64_t now = clock_monotonic_ns();

		tap_case(&steps, now >= before, "went back");
		before = now;
	}
	tap_all(&steps, "the monotonic clock never goes back");
	wall = clock_wall_us();
	must(clock_gettime(CLOCK_REALTIME, &ts) == 0);
	ok((uint64_t)ts.tv_sec - wall / CLOCK_US_PER_S <= 5,
	    "the wall clock is that of the system, in microseconds");
	return tap_end();
}
