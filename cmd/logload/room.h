/*
 * room.h - how much may lie in rejected/, and what gives way when that is full.
 *
 * The size is known from a look at the directory, and from what was added and
 * removed here since; a look is due each second, or later where many files make
 * it slow. What other processes add between two looks is not known: they may
 * overshoot the limit by that. Drafts count from their first byte on.
 *
 * With `drop` the oldest files go first, by the birth in their names. One that
 * --retry-rejected has locked stays; its bytes do not count, since it will be
 * gone when its events have become rows, or other records.
 */
#ifndef LOGLOAD_ROOM_H
#define LOGLOAD_ROOM_H

#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>

#include "error.h"
#include "meters.h"
#include "spool.h"

/* Shared by all threads. */
struct room {
	struct spool *spool;   /* not owned; NULL: none */
	struct meters *meters; /* not owned */
	uint64_t limit;        /* bytes; 0: none */
	bool drop;
	pthread_mutex_t lock; /* for what follows */
	uint64_t lying;       /* bytes in the directory */
	uint64_t taken;       /* bytes that drafts will have there */
	uint64_t spared;      /* of lying: being loaded again */
	uint64_t next_ns;     /* when a look is due, monotonic */
	struct spool_list list;
	size_t next; /* of the list, to be dropped */
};

/* Without a limit, and nothing is looked at. -1: out of memory. */
int room_init(struct room *, struct meters *);
void room_release(struct room *);

/*
 * So much of `bytes` (0: any number) as a directory may have: not over a
 * quarter of the file system, since it must not be what fills the disk.
 */
uint64_t room_bound(struct spool *, uint64_t bytes);
/* The same, and says so where it is less than the option has. */
uint64_t room_bound_told(struct spool *, uint64_t bytes, const char *option);

/* How many bytes the disk has less than it should have, for logrecv's sake. */
uint64_t room_lack(struct spool *);

/* From now on rejected/ of the spool has no more, by room_bound. */
void room_limit(struct room *, struct spool *, uint64_t bytes, bool drop);

/* Looks at the directory, if that is due. */
void room_look(struct room *);

/* Bytes that could be taken now, without dropping any; UINT64_MAX: no limit. */
uint64_t room_left(struct room *);

/*
 * Takes room for so many bytes more of a draft that is to become NAME; drops
 * what gives way, but not NAME. False: there is not so much, and nothing was
 * taken.
 */
bool room_take(struct room *, uint64_t bytes, const char *name);

/* Drops the oldest file but NAME. False: there is none to be dropped. */
bool room_drop(struct room *, const char *name);

/*
 * What was taken has become a file, or was given up: so many bytes have come
 * to lie there, and so many are gone.
 */
void
room_settle(struct room *, uint64_t taken, uint64_t added, uint64_t removed);

/* Puts into words that there is no room for so many bytes. Returns -1. */
int room_refuse(struct room *, uint64_t bytes, struct error *);

#endif
