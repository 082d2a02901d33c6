/*
 * schedule.h - when each request is due. Pure arithmetic: no queue, and no
 * answer of the server can change it (an open loop).
 */
#ifndef LOGSEND_SCHEDULE_H
#define LOGSEND_SCHEDULE_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/time.h>

#define SCHEDULE_RATE_MAX 10000000
#define SCHEDULE_ENDLESS UINT64_MAX

struct schedule {
	uint64_t rate; /* requests per second; 0: a closed loop, no schedule */
	uint64_t planned; /* requests in all, or SCHEDULE_ENDLESS */
	uint64_t start_ns;
	uint64_t shift_ns; /* how long it stood still for want of input */
};

/*
 * duration_ns and count limit it, whichever ends first; 0 is no limit. In a
 * closed loop the caller has to watch the time.
 */
void schedule_init(
    struct schedule *, uint64_t rate, uint64_t duration_ns, uint64_t count);

/* When request k is due; the first is 0, due at the start. Open loops only. */
uint64_t schedule_due_ns(const struct schedule *, uint64_t k);

/* How many requests were due until then, that instant included. */
uint64_t schedule_due_by(const struct schedule *, uint64_t now_ns);

/* For a timer; rounded up, since one that is early would only be set again. */
struct timeval schedule_timeval(uint64_t ns);

#endif
