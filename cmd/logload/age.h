/*
 * age.h - for how long a file has been in loaded/, and what is an archive
 * there.
 *
 * A file's age is that of its move (moved_us of spool.h), and after a step of
 * the wall clock at most the time since then.
 *
 * What --keep keeps when it has settled, and was asked about then, is an
 * archive: all that came up to some time. That is marked in the spool, so that
 * it is known to the next process: one without --keep leaves it alone, and one
 * that starts after an outage longer than --settle still asks about what was
 * loaded before that. Where there is no mark, what has settled is taken for an
 * archive: versions that made none had --keep alone.
 */
#ifndef LOGLOAD_AGE_H
#define LOGLOAD_AGE_H

#include <stdbool.h>
#include <stdint.h>

#include "spool.h"

/* Microseconds, of the monotonic clock but where the wall's is named. */
struct age {
	uint64_t for_us;     /* --settle */
	uint64_t offset_us;  /* of the wall clock from the other */
	uint64_t stepped_us; /* when it was set, or we began */
	bool stepped;
	uint64_t
	    archive_us;     /* by the wall clock: what came up to then is one */
	uint64_t marked_us; /* what the spool's mark says of that; 0: nothing */
};

void age_init(struct age *, struct spool *, uint64_t for_us);

/* Looks whether the wall clock was set. Returns now. */
uint64_t age_look(struct age *);

uint64_t age_of(const struct age *, uint64_t now_us, uint64_t moved_us);
bool age_is_archive(const struct age *, uint64_t moved_us);

/* All that was in loaded/ for --settle at that time has been asked about. */
void age_settle(struct age *, uint64_t now_us);

/* Marks the spool, if that is new. 0, or -1. */
int age_mark(struct age *, struct spool *, struct error *);

#endif
