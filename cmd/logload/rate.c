/*
 * rate.c - see rate.h.
 */
#include "rate.h"
#include "clock.h"
#include "lock.h"

#define SLEEP_NS (5 * CLOCK_NS_PER_MS) /* a shorter one is not worth it */

void
rate_init(struct rate *r, uint64_t per_s)
{
	r->lock = (pthread_mutex_t)PTHREAD_MUTEX_INITIALIZER;
	r->per_s = (double)per_s;
	r->tokens = 0;
	r->filled_ns = clock_monotonic_ns();
}

unsigned
rate_rows(const struct rate *r)
{
	return (unsigned)(r->per_s / RATE_BURSTS) + 1;
}

void
rate_take(struct rate *r, struct stop *stop)
{
	uint64_t now = clock_monotonic_ns();
	double wait_ns;

	lock_take(&r->lock);
	if (now > r->filled_ns) {
		r->tokens += (double)(now - r->filled_ns) * r->per_s / 1e9;
		if (r->tokens > r->per_s / RATE_BURSTS)
			r->tokens = r->per_s / RATE_BURSTS;
		r->filled_ns = now;
	}
	r->tokens--;
	wait_ns = -r->tokens * 1e9 / r->per_s;
	lock_release(&r->lock);
	if (wait_ns >= SLEEP_NS)
		(void)stop_wait(stop, (uint64_t)wait_ns);
}
