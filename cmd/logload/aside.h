/*
 * aside.h - the files of ready/ that cannot be loaded for now.
 *
 * Each is told of once, and of very many how many there are. One that waits
 * for room in rejected/ is passed over until there is as much as it needs: to
 * find that out costs a transaction. But the reason may have gone otherwise,
 * as when the table was mended, so that one of those that wait is tried all
 * the same each 10 s, by turns; if it can be loaded, the next one is tried at
 * once.
 *
 * One of which the database has refused all events waits for a while, and then
 * for rows of others to be stored: if it is refused again after that, it is its
 * own fault. Until then it takes its turn among those that wait for room. Any
 * other file is tried in each round.
 *
 * All this is in memory alone: a new process finds it out again.
 */
#ifndef LOGLOAD_ASIDE_H
#define LOGLOAD_ASIDE_H

#include <pthread.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "spool.h"

#define ASIDE_TOLD_MOST 64 /* files told of at a time */

struct aside_file;

/* Shared by all threads; times are monotonic, in nanoseconds. */
struct aside {
	pthread_mutex_t lock;
	struct aside_file *files; /* hashed by name */
	size_t cap, count;
	unsigned round;
	uint64_t unknown;   /* of this round: those that found no place */
	uint64_t told;      /* files that were told of */
	uint64_t rest_said; /* how many were not, as last said */
	/* For anyone to read: */
	_Atomic uint64_t waiting; /* files that wait for room */
	_Atomic uint64_t refused; /* files that the database has refused */
	bool probe; /* one of them is to be tried in this round: */
	char probed[SPOOL_NAME_MAX]; /* the one after this; "": the first */
	uint64_t probed_ns;          /* when that was last allowed */
};

/* -1: no memory. */
int aside_init(struct aside *);
void aside_release(struct aside *);

/*
 * A new round: files that were not met for two have gone, or were put right.
 * (Two, because a worker may still be at a file of the last one.)
 */
void aside_begin_round(struct aside *, uint64_t now_ns);

/* What files wait for. */
struct aside_now {
	uint64_t left; /* bytes in rejected/ */
	uint64_t rows; /* that this process has stored so far */
	uint64_t ns;
};

bool aside_may_try(struct aside *, const char *name, const struct aside_now *);

/*
 * It cannot be loaded: says why, if that is new. `need` is what it waits for:
 * bytes of room (UINT64_MAX: room of some other kind), or 0 for nothing.
 */
void aside_put(struct aside *, const char *name, const char *why, uint64_t need,
    uint64_t now_ns);

/* All of its events are refused; it is not to be tried before `again_ns`. */
void aside_refuse(struct aside *, const char *name, const char *why,
    const struct aside_now *, uint64_t again_ns);
/* There is no time to wait: all may be tried from now on. */
void aside_hurry(struct aside *);

/* Was it refused, and have rows been stored since? */
bool
aside_is_witnessed(struct aside *, const char *name, const struct aside_now *);

/* It is loaded. */
void aside_done(struct aside *, const char *name);

/* Is there one to be tried, for what it waits for or in turn? */
bool aside_is_due(struct aside *, const struct aside_now *);

/* After a round: how many stay that were not told of, if there are more. */
void aside_tell_rest(struct aside *);

#endif
