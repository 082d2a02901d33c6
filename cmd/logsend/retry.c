/*
 * retry.c - see retry.h.
 */
#include "clock.h"
#include "retry.h"

#define FIRST_NS (100 * CLOCK_NS_PER_MS)
#define MOST_NS (30 * CLOCK_NS_PER_S)
#define AFTER_MOST_S 600 /* whatever a server asks for */

bool
retry_helps(unsigned status)
{
	/* 408: it did not come in time, 429: too many (RFC 6585). */
	return status >= 500 || status == 408 || status == 429;
}

uint64_t
retry_wait_ns(unsigned attempts, unsigned after_s, uint64_t chance)
{
	uint64_t span = FIRST_NS, least;

	for (unsigned i = 1; i < attempts && span < MOST_NS; i++)
		span *= 2;
	if (span > MOST_NS)
		span = MOST_NS;
	if (after_s > AFTER_MOST_S)
		after_s = AFTER_MOST_S;
	least = after_s > 0 ? after_s * CLOCK_NS_PER_S : span / 2;
	return least + chance % (span / 2);
}
