/*
 * age.c - see age.h.
 */
#include "age.h"
#include "clock.h"

#define STEP_US 2000000 /* of the wall clock: less is slewed */

/* What has come up to then is as old as --settle. */
static uint64_t
settled_by(const struct age *a, uint64_t now_us)
{
	uint64_t wall = now_us + a->offset_us;

	return wall > a->for_us ? wall - a->for_us : 0;
}

void
age_init(struct age *a, struct spool *spool, uint64_t for_us)
{
	uint64_t marked;

	a->for_us = for_us;
	a->stepped_us = clock_monotonic_ns() / 1000;
	a->offset_us = clock_wall_us() - a->stepped_us;
	a->archive_us = settled_by(a, a->stepped_us);
	if (spool_mark_read(spool, &marked))
		a->marked_us = marked;
	if (a->marked_us > 0 && a->marked_us < a->archive_us)
		a->archive_us = a->marked_us;
}

uint64_t
age_look(struct age *a)
{
	uint64_t now = clock_monotonic_ns() / 1000, wall = clock_wall_us();
	int64_t step = (int64_t)(wall - now - a->offset_us);

	a->offset_us = wall - now;
	if (step > -STEP_US && step < STEP_US)
		return now;
	a->stepped = true;
	a->stepped_us = now;
	/* What comes from now on is not to be taken for settled. */
	if (a->archive_us > settled_by(a, now))
		a->archive_us = settled_by(a, now);
	return now;
}

uint64_t
age_of(const struct age *a, uint64_t now_us, uint64_t moved_us)
{
	uint64_t wall = now_us + a->offset_us, since = now_us - a->stepped_us;
	uint64_t age = wall - moved_us;

	return moved_us > wall || (a->stepped && age > since) ? since : age;
}

bool
age_is_archive(const struct age *a, uint64_t moved_us)
{
	return moved_us <= a->archive_us;
}

void
age_settle(struct age *a, uint64_t now_us)
{
	if (settled_by(a, now_us) > a->archive_us &&
	    (!a->stepped || now_us - a->stepped_us >= a->for_us))
		a->archive_us = settled_by(a, now_us);
}

int
age_mark(struct age *a, struct spool *spool, struct error *err)
{
	if (a->archive_us == a->marked_us)
		return 0;
	if (spool_mark_write(spool, a->archive_us, err) < 0)
		return -1;
	a->marked_us = a->archive_us;
	return 0;
}
