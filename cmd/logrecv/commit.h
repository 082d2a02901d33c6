/*
 * commit.h - group commit: many requests share one write and one sync.
 *
 * The thread that runs a worker's event loop gathers lines and waiters in a
 * group, and then writes and syncs it itself: while that lasts nobody gets an
 * answer, so that soon no client has anything to send. To hand the group to a
 * second thread would cost two wake-ups, and begin the next group with those
 * few that happened to come meanwhile.
 *
 * But a disk may stall, and clients must then be told so. Each worker has two
 * threads, one of which stands by: should writing take long, or be sure to
 * since the group is large, it takes over the loop, which goes on gathering.
 * The other one makes `done_fd` readable when it is done, and stands by from
 * then on.
 *
 *   loop:      commit_gathering -> add lines and waiters -> commit_write
 *   if true:   commit_collect -> answer all -> commit_release
 *   if false:  commit_stand_by; the other one waits for done_fd to collect
 *
 * The loop's thread alone touches the gathering group, and the other one
 * between commit_collect and commit_release; the writer alone does otherwise.
 */
#ifndef LOGRECV_COMMIT_H
#define LOGRECV_COMMIT_H

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "buf.h"
#include "error.h"
#include "http.h"
#include "metrics.h"
#include "spool.h"

struct conn;
struct event_tally;
struct format;
struct sender;

/* A request whose events are in the group. */
struct waiter {
	struct conn *conn;
	struct sender *sender; /* NULL: it is not known */
	uint64_t events;
	uint64_t came_ns; /* when its first byte came, monotonic */
	uint64_t bytes;   /* that it holds of the budget for bytes in flight */
	const struct format *format; /* by which it will be answered */
	enum http_type type;         /* of its body */
	/* Freed with the group: */
	struct event_tally *bad; /* NULL: all are good */
	char *cors;              /* fields of the answer; NULL: none */
	char *note;              /* for the answer; NULL: none */
	size_t note_len;
};

struct group {
	struct buf lines;
	struct waiter *waiters;
	size_t waiter_count, waiter_cap;
	uint64_t events;
	int result; /* of spool_append */
	struct error error;
};

struct commit {
	struct spool *spool;         /* not owned */
	struct metric *sync_seconds; /* not owned */
	bool sync;
	int done_fd;  /* eventfd(2): readable when a late group is done */
	int alarm_fd; /* timerfd_create(2): wakes the one that stands by */
	struct segment segment;
	struct group groups[2];
	struct group *gathering;
	uint64_t sync_ns; /* how long the last one took; read when it is done */
	_Atomic uint64_t since_ns; /* monotonic: a group is written; 0: none */

	pthread_mutex_t lock;
	/* Under the lock: */
	enum { COMMIT_IDLE, COMMIT_BUSY, COMMIT_DONE } state;
	bool adrift; /* the loop's thread writes: it may be taken over */
	bool stop;
};

/* 0, or -1 with nothing left behind. */
int commit_init(struct commit *, struct spool *, bool sync,
    struct metric *sync_seconds, struct error *);

/* Syncs what was only written so far, and frees all; nothing may be busy. */
void commit_destroy(struct commit *);

static inline struct group *
commit_gathering(struct commit *c)
{
	return c->gathering;
}

/* Adds a waiter, copied, to the gathering group. 0, or -1 with ENOMEM. */
int commit_wait(struct commit *, const struct waiter *);

/*
 * Is it worth looking for more requests before a group is written that is
 * ready? The last look found so many waiters; gathering began at since_ns
 * (monotonic).
 */
bool commit_may_grow(const struct commit *, size_t waiters, uint64_t since_ns);

/* Would commit_write have something to write, and the disk for it? */
bool commit_is_ready(struct commit *);

/* Is so much gathered that it is better written at once? */
bool commit_has_enough(struct commit *);

/*
 * Writes and syncs the gathering group, unless it is empty or the last one is
 * not released. True: the caller still has the loop, and collects. False: it
 * was taken over meanwhile, and nothing of the worker may be touched.
 */
bool commit_write(struct commit *);

/* The group that is done, or NULL. */
struct group *commit_collect(struct commit *);

/* Empties the collected group and makes room for the next. */
void commit_release(struct commit *, struct group *);

/*
 * Waits until the loop must be taken over, and does so: true; the caller has it
 * from then on. False: commit_stop was called.
 */
bool commit_stand_by(struct commit *);

/* Ends the wait of the thread that stands by. */
void commit_stop(struct commit *);

/* For how long the present write has lasted, 0: none. Any thread. */
uint64_t commit_age_ns(const struct commit *);

/* Is nothing gathered and nothing under way? */
bool commit_is_idle(struct commit *);

/* Gives back the memory that a refused request made an empty group grow to. */
void commit_trim(struct commit *);

#endif
