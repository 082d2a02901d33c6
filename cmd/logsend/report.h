/*
 * report.h - what a run amounts to, for people and for machines.
 */
#ifndef LOGSEND_REPORT_H
#define LOGSEND_REPORT_H

#include <stdbool.h>
#include <stdint.h>

#include "buf.h"
#include "sender.h"

struct report {
	const struct sender *sender;
	const char *run, *url;       /* not owned */
	uint64_t last_ns, last_sent; /* of the live line before */
};

/* "timeout", "closed", … */
const char *failure_name(enum failure);

uint64_t report_refused(const struct sender_stats *);
uint64_t report_failed(const struct sender_stats *);

/* Requests a second, from the start to the last that was sent. */
double report_rate(const struct sender *);

/*
 * Was everything sent that was due, and the last of it no later than 1 % of
 * the time it took (100 ms at least)? False for a closed loop.
 */
bool report_held(const struct sender *);

/* One line without a line break, for a terminal; clears stats.recent. */
int report_live(struct report *, struct sender *, struct buf *out);

/* Both append; 0, or -1 with ENOMEM. */
int report_text(const struct report *, struct buf *out);
int report_json(const struct report *, struct buf *out);

#endif
