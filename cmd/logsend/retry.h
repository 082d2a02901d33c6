/*
 * retry.h - which requests are sent again, and when. Pure arithmetic.
 */
#ifndef LOGSEND_RETRY_H
#define LOGSEND_RETRY_H

#include <stdbool.h>
#include <stdint.h>

/* May a request that was refused with this status be taken another time? */
bool retry_helps(unsigned status);

/*
 * How long to wait with it, in nanoseconds, after so many attempts, of which
 * the last one told the sender to wait after_s seconds (0: it did not). Twice
 * as long each time, some of it by `chance`, any number, so that many senders
 * do not come back at the same instant.
 */
uint64_t retry_wait_ns(unsigned attempts, unsigned after_s, uint64_t chance);

#endif
