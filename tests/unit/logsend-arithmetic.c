/*
 * logsend-arithmetic.c - when requests are due, and again, and percentiles: the
 * numbers that everything in a report stands on.
 */
#include "../../cmd/logsend/histogram.h"
#include "../../cmd/logsend/retry.h"
#include "../../cmd/logsend/schedule.h"
#include "clock.h"
#include "tap.h"

#define S CLOCK_NS_PER_S

static uint64_t
planned(uint64_t rate, uint64_t duration_ns, uint64_t count)
{
	struct schedule s;

	schedule_init(&s, rate, duration_ns, count);
	return s.planned;
}

static void
test_planned(void)
{
	is_number(planned(1000, 60 * S, 0), 60000, "a rate for a duration");
	is_number(planned(1000, 60 * S, 7), 7, "a count that ends first");
	is_number(planned(10, S, 70), 10, "a duration that ends first");
	is_number(planned(3, S / 2, 0), 2, "due at 0 and 1/3 s, not at 2/3 s");
	is_number(planned(1, 1, 0), 1, "the first is always due");
	ok(planned(1000, 0, 0) == SCHEDULE_ENDLESS, "no limit");
	ok(planned(0, S, 0) == SCHEDULE_ENDLESS, "a closed loop has no plan");
	is_number(planned(SCHEDULE_RATE_MAX, 366 * 86400 * S, 0),
	    366LL * 86400 * SCHEDULE_RATE_MAX, "a year at the greatest rate");
}

/* Each request is due when k / rate says, and counted from that instant on. */
static void
test_due(void)
{
	static const uint64_t rates[] = {1, 3, 7, 1000, 999983, 10000000};
	struct tap_all exact = {0}, counted = {0};
	uint64_t random = 1;

	for (unsigned i = 0; i < 60000; i++) {
		struct schedule s;
		uint64_t rate = rates[i % 6];
		uint64_t k = tap_random(&random) >> (24 + i % 40), due;
		long double want;

		schedule_init(&s, rate, 0, 0);
		s.start_ns = 12345;
		s.shift_ns = 678;
		if (k / rate > 1000000000)
			k = rate * 1000000000;
		due = schedule_due_ns(&s, k);
		want = (long double)k * S / rate + 12345 + 678;
		tap_case(&exact,
		    (long double)due <= want && (long double)due > want - 1.01L,
		    "%ju at %ju/s", (uintmax_t)k, (uintmax_t)rate);
		/* A nanosecond later, since due times are rounded down. */
		tap_case(&counted,
		    schedule_due_by(&s, due + 1) == k + 1 &&
			(k == 0 || schedule_due_by(&s, due - 1) <= k),
		    "%ju at %ju/s", (uintmax_t)k, (uintmax_t)rate);
	}
	tap_all(&exact, "requests are due by arithmetic");
	tap_all(&counted, "and counted as due from then on");
}

static int
ascending(const void *a, const void *b)
{
	uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;

	return x < y ? -1 : x > y;
}

/* Percentiles of many sets, against those of the sorted values. */
static void
test_percentiles(void)
{
	static const unsigned shares[] = {1, 500, 900, 990, 999, 1000};
	static struct histogram h;
	static uint64_t values[5000];
	struct tap_all all = {0};
	uint64_t random = 1;

	for (unsigned set = 0; set < 300; set++) {
		size_t n = 1 + tap_random(&random) % 5000;

		histogram_clear(&h);
		for (size_t i = 0; i < n; i++) {
			values[i] = tap_random(&random) >>
				    (22 + tap_random(&random) % 42);
			histogram_add(&h, values[i]);
		}
		qsort(values, n, sizeof(values[0]), ascending);
		for (unsigned i = 0; i < 6; i++) {
			size_t rank = (n * shares[i] + 999) / 1000;
			uint64_t want = values[rank - 1];
			uint64_t got = histogram_percentile(&h, shares[i]);

			tap_case(&all,
			    got >= want && got - want <= want / 128 &&
				(shares[i] < 1000 || got == want),
			    "%u of 1000 in %zu: %ju, not %ju", shares[i], n,
			    (uintmax_t)got, (uintmax_t)want);
		}
	}
	tap_all(&all, "a percentile is right, or at most 1/128 above");
}

static void
test_extremes(void)
{
	static struct histogram h;

	is_number(histogram_percentile(&h, 500), 0, "of nothing: 0");
	histogram_add(&h, 0);
	is_number(histogram_percentile(&h, 999), 0, "of a 0: 0");
	histogram_add(&h, UINT64_MAX);
	ok(histogram_percentile(&h, 1000) == UINT64_MAX,
	    "the greatest value is kept as it is");
	is_number(h.count, 2, "and counted");
}

/* Half of the span is sure, half is chance; a server's wish is the least. */
static void
test_retry(void)
{
	static const struct {
		unsigned attempts, after_s;
		uint64_t least_ms, most_ms;
	} waits[] = {{1, 0, 50, 100}, {2, 0, 100, 200}, {5, 0, 800, 1600},
	    {9, 0, 12800, 25600}, {10, 0, 15000, 30000},
	    {UINT32_MAX, 0, 15000, 30000}, {1, 7, 7000, 7050},
	    {10, 7, 7000, 22000}, {1, 999999999, 600000, 600050}};
	struct tap_all all = {0};
	uint64_t random = 1;

	for (unsigned i = 0; i < 9000; i++) {
		unsigned row = i % (sizeof(waits) / sizeof(waits[0]));
		uint64_t ns = retry_wait_ns(waits[row].attempts,
		    waits[row].after_s, tap_random(&random));

		tap_case(&all,
		    ns >= waits[row].least_ms * CLOCK_NS_PER_MS &&
			ns < waits[row].most_ms * CLOCK_NS_PER_MS,
		    "row %u: %ju ns", row, (uintmax_t)ns);
	}
	tap_all(&all, "a request waits as long as it should");
	ok(retry_helps(503) && retry_helps(500) && retry_helps(429) &&
		retry_helps(408),
	    "what may be cured");
	ok(!retry_helps(400) && !retry_helps(401) && !retry_helps(413) &&
		!retry_helps(301),
	    "and what may not");
}

int
main(void)
{
	test_planned();
	test_due();
	test_percentiles();
	test_extremes();
	test_retry();
	return tap_end();
}
