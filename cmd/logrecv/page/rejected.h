/*
 * rejected.h - the last events that were rejected, and why, for the status
 * page: from the ends of the youngest files of SPOOL/rejected/. Records are
 * made by logload (its reject.h); what is in them is somebody else's, so each
 * is checked, and all are bounded.
 */
#ifndef LOGRECV_PAGE_REJECTED_H
#define LOGRECV_PAGE_REJECTED_H

#include <stdint.h>
#include <time.h>

#include "buf.h"
#include "spool.h"

/* Starts as all zeros. */
struct rejected {
	struct timespec changed; /* the directory, when it was read */
	uint64_t next_ns;        /* not before that, monotonic */
	/* [{"file":…,"line":…,"code":…,"text":…,"rejected_at":…,"event":…}],
	 * the youngest first; each value JSON, or the beginning of it as text
	 */
	struct buf json;
};

/* Brings it up to date, where that is due: it may take a while. */
void rejected_refresh(struct rejected *, struct spool *);
void rejected_release(struct rejected *);

#endif
