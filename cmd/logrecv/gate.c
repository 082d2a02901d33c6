/*
 * gate.c - see gate.h.
 */
#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/statvfs.h>

#include "clock.h"
#include "gate.h"
#include "log.h"

#define CHECK_NS CLOCK_NS_PER_S
#define FAILED_NS CLOCK_NS_PER_S
/* A large spool takes long to list: at most this share of the time goes. */
#define CHECK_SHARE 20
#define FREE_LEAST 256000000 /* logload keeps half as much again */

void
gate_init(struct gate *g, struct spool *spool, struct stats *stats,
    uint64_t spool_limit, uint64_t min_free)
{
	memset(g, 0, sizeof(*g));
	g->spool = spool;
	g->stats = stats;
	g->spool_limit = spool_limit;
	g->min_free = min_free;
	(void)snprintf(g->over_limit, sizeof(g->over_limit),
	    "the spool is over --spool-limit (%llu bytes)",
	    (unsigned long long)spool_limit);
	(void)snprintf(g->no_room, sizeof(g->no_room),
	    "the disk has less than --min-free (%llu bytes) left",
	    (unsigned long long)min_free);
}

void
gate_release(struct gate *g)
{
	spool_list_release(&g->list);
}

/*
 * Adds the bytes in one directory to *used; its gauges are the two from
 * `files` on. 0, or -1.
 */
static int
measure(struct gate *g, enum spool_place place, enum stat files, uint64_t *used)
{
	struct error err;

	if (spool_scan(g->spool, place, NULL, 0, &g->list, &err) < 0) {
		log_warn("%s", err.text);
		return -1;
	}
	stat_set(g->stats, files, (int64_t)g->list.all_files);
	stat_set(g->stats, files + 1, (int64_t)g->list.all_bytes);
	*used += g->list.all_bytes;
	return 0;
}

static int64_t
oldest_age_s(const struct spool_list *list)
{
	uint64_t born_us, now_us = clock_wall_us();

	if (!spool_name_parse(list->oldest, &born_us) || born_us > now_us)
		return 0;
	return (int64_t)((now_us - born_us) / CLOCK_US_PER_S);
}

static const char store_failed[] = "the events could not be stored";

void
gate_fail(struct gate *g)
{
	atomic_store_explicit(
	    &g->failed_ns, clock_monotonic_ns(), memory_order_relaxed);
	atomic_store_explicit(&g->reason, store_failed, memory_order_relaxed);
	stat_set(g->stats, STAT_READY, 0);
}

/* Is it too soon to try again? */
static bool
has_failed(struct gate *g)
{
	uint64_t failed_ns =
	    atomic_load_explicit(&g->failed_ns, memory_order_relaxed);

	return failed_ns != 0 && clock_monotonic_ns() < failed_ns + FAILED_NS;
}

/*
 * Would the disk have room enough if loaded/ was empty? It gives way to events
 * before the disk is full, see logload's settle.h.
 */
static bool
has_room_to_make(struct gate *g, uint64_t free_bytes)
{
	struct error err;

	return free_bytes >= FREE_LEAST &&
	       spool_scan(g->spool, SPOOL_LOADED, NULL, 0, &g->list, &err) ==
		   0 &&
	       free_bytes + g->list.all_bytes >= g->min_free;
}

/* What lies in loaded/ may make more of it. */
static uint64_t
room(const struct gate *g, uint64_t used, uint64_t free_bytes)
{
	uint64_t disk = free_bytes > g->min_free ? free_bytes - g->min_free : 0;
	uint64_t spool = g->spool_limit > used ? g->spool_limit - used : 0;

	return g->spool_limit == 0 || disk < spool ? disk : spool;
}

/* Why events cannot be taken, NULL if they can; false: it cannot be told. */
static bool
judge(struct gate *g, const char **reason)
{
	uint64_t used = 0, free_bytes;
	struct statvfs fs;

	*reason = NULL;
	if (measure(g, SPOOL_BUFFER, STAT_BUFFER_FILES, &used) < 0 ||
	    measure(g, SPOOL_READY, STAT_READY_FILES, &used) < 0)
		return false;
	stat_set(g->stats, STAT_OLDEST_AGE, oldest_age_s(&g->list));
	if (fstatvfs(g->spool->dir[SPOOL_BUFFER], &fs) < 0) {
		log_warn("measure %s: %s", g->spool->path, strerror(errno));
		return false;
	}
	free_bytes = (uint64_t)fs.f_bavail * fs.f_frsize;
	stat_set(g->stats, STAT_DISK_FREE, (int64_t)free_bytes);
	stat_set(g->stats, STAT_ROOM, (int64_t)room(g, used, free_bytes));
	if (g->min_free != 0 && free_bytes < g->min_free &&
	    !has_room_to_make(g, free_bytes))
		*reason = g->no_room;
	if (g->spool_limit != 0 && used > g->spool_limit)
		*reason = g->over_limit;
	return true;
}

void
gate_check(struct gate *g)
{
	const char *before = gate_reason(g), *now;
	uint64_t started = clock_monotonic_ns(), took;

	/* What cannot be measured stays as it was. */
	if (!judge(g, &now))
		now = before;
	if (now == NULL && has_failed(g))
		now = store_failed;
	atomic_store_explicit(&g->reason, now, memory_order_relaxed);
	stat_set(g->stats, STAT_READY, now == NULL);
	if (now != NULL && before == NULL)
		log_warn("refusing events: %s", now);
	if (now == NULL && before != NULL)
		log_info("taking events again");
	took = clock_monotonic_ns() - started;
	g->next_ns =
	    started + took +
	    (took * CHECK_SHARE > CHECK_NS ? took * CHECK_SHARE : CHECK_NS);
}
