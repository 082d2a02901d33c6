/*
 * retain_ledger.c - the ledger's lines, when what they speak of is gone. A
 * name, and all that is made of it, begins with its file's birth, which no two
 * files share but by chance.
 */
#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "db/expire.h"
#include "log.h"
#include "retain_own.h"

#define STEP_LINES 1000
#define STEP_BIRTHS 200

struct births {
	const char *below; /* only these count */
	char (*list)[CLOCK_COMPACT_LEN + 1];
	size_t count, room;
};

static int
note_birth(void *context, const struct spool_file *file)
{
	struct births *b = context;

	if (strcmp(file->name, b->below) >= 0 ||
	    !isdigit((unsigned char)file->name[0]) ||
	    strlen(file->name) < CLOCK_COMPACT_LEN)
		return 0;
	if (b->count == b->room) {
		size_t room = b->room == 0 ? 64 : 2 * b->room;
		void *more = realloc(b->list, room * sizeof(*b->list));

		if (more == NULL)
			return -1;
		b->list = more;
		b->room = room;
	}
	memcpy(b->list[b->count], file->name, CLOCK_COMPACT_LEN);
	b->list[b->count++][CLOCK_COMPACT_LEN] = '\0';
	return 0;
}

static int
compare_births(const void *a, const void *b)
{
	return strcmp(a, b);
}

/* Of all files that may be asked about, or loaded. */
static int
list_births(struct retain *r, struct births *b)
{
	/* In the order in which they move, lest one be seen nowhere. */
	static const enum spool_place places[] = {SPOOL_REJECTED, SPOOL_LOADED,
	    SPOOL_READY, SPOOL_LOADED, SPOOL_REJECTED};
	struct error err;
	uint64_t aliens;

	for (size_t i = 0; i < sizeof(places) / sizeof(*places); i++) {
		if (spool_walk(
			r->spool, places[i], note_birth, b, &aliens, &err) == 0)
			continue;
		log_warn("no line of the ledger is removed: %s", err.text);
		return -1;
	}
	if (b->count > 1)
		qsort(b->list, b->count, sizeof(*b->list), compare_births);
	return 0;
}

/* All lines of a range. */
static enum db_verdict
prune_range(struct turn *t, const struct db_prune *range, uint64_t *all)
{
	enum db_verdict verdict = DB_OK;
	bool more = true;
	uint64_t lines;

	while (verdict == DB_OK && more && retain_has_time(t)) {
		verdict = db_prune(t->db, range, STEP_LINES, &lines, &more);
		if (verdict == DB_OK)
			*all += lines;
	}
	return verdict;
}

/* So many births at a time, in the range up to the one behind them. */
static enum db_verdict
prune(struct turn *t, const struct births *b, const char *before)
{
	char *from = t->r->prune_from;
	enum db_verdict verdict = DB_OK;
	size_t at = 0, end;
	uint64_t all = 0;

	do {
		end = b->count - at > STEP_BIRTHS ? at + STEP_BIRTHS : b->count;
		struct db_prune range = {.from = from,
		    .below = end < b->count ? b->list[end] : b->below,
		    .before = before,
		    .kept = b->list + at,
		    .kept_count = (unsigned)(end - at)};

		if (strcmp(from, range.below) >= 0)
			continue;
		verdict = prune_range(t, &range, &all);
		if (verdict == DB_OK && !t->cut)
			(void)snprintf(from, SPOOL_NAME_MAX, "%s", range.below);
	} while ((at = end) < b->count && verdict == DB_OK && !t->cut);
	meter_add(t->r->meters, METER_PRUNED_LINES, all);
	if (all > 0)
		log_info("removed lines of the ledger whose events are gone: "
			 "lines=%llu before=\"%.19s\"",
		    (unsigned long long)all, before);
	return verdict;
}

enum db_verdict
retain_ledger(struct turn *t)
{
	char before[VALUE_DATETIME_LEN + 1], below[CLOCK_COMPACT_LEN + 1];
	struct births b = {.below = below};
	struct retain *r = t->r;
	enum db_verdict verdict = DB_OK;
	int64_t us, settled;

	if (r->spool == NULL || t->cut || !retain_instant(t->limit, &us) ||
	    (r->pruned_ns > 0 && r->prune_from[0] == '\0' &&
		clock_monotonic_ns() - r->pruned_ns < RETAIN_SELDOM_NS))
		return DB_OK;
	settled = t->now_us - (int64_t)(r->settings->settle_ns / 1000);
	if (us > settled)
		us = settled;
	value_stamp(us, before);
	clock_compact(us, below);
	if (list_births(r, &b) == 0) {
		/* Else a turn might do nothing but list them. */
		t->until_ns = clock_monotonic_ns() + r->turn_ns;
		verdict = prune(t, &b, before);
	}
	free(b.list);
	if (verdict == DB_OK && !t->cut) {
		r->prune_from[0] = '\0';
		r->pruned_ns = clock_monotonic_ns();
	}
	return verdict;
}
