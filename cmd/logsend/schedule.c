/*
 * schedule.c - see schedule.h. Whole seconds and the rest apart, so that no
 * product of a rate and nanoseconds overflows.
 */
#include <string.h>

#include "clock.h"
#include "schedule.h"

void
schedule_init(
    struct schedule *s, uint64_t rate, uint64_t duration_ns, uint64_t count)
{
	uint64_t seconds = duration_ns / CLOCK_NS_PER_S;
	uint64_t rest_ns = duration_ns % CLOCK_NS_PER_S;

	memset(s, 0, sizeof(*s));
	s->rate = rate;
	s->planned = count != 0 ? count : SCHEDULE_ENDLESS;
	if (rate == 0 || duration_ns == 0 || seconds > UINT64_MAX / 2 / rate)
		return;
	/* Those due before the duration is over: one at least. */
	count = seconds * rate +
		(rest_ns * rate + CLOCK_NS_PER_S - 1) / CLOCK_NS_PER_S;
	if (count < s->planned)
		s->planned = count;
}

uint64_t
schedule_due_ns(const struct schedule *s, uint64_t k)
{
	return s->start_ns + s->shift_ns + k / s->rate * CLOCK_NS_PER_S +
	       k % s->rate * CLOCK_NS_PER_S / s->rate;
}

uint64_t
schedule_due_by(const struct schedule *s, uint64_t now_ns)
{
	uint64_t begin = s->start_ns + s->shift_ns, elapsed, n;

	if (now_ns < begin)
		return 0;
	elapsed = now_ns - begin;
	n = elapsed / CLOCK_NS_PER_S * s->rate +
	    elapsed % CLOCK_NS_PER_S * s->rate / CLOCK_NS_PER_S + 1;
	return n < s->planned ? n : s->planned;
}

struct timeval
schedule_timeval(uint64_t ns)
{
	uint64_t us = (ns + 999) / 1000;

	return (struct timeval){
	    .tv_sec = (time_t)(us / 1000000), .tv_usec = (long)(us % 1000000)};
}
