/*
 * commit.h - group commit: many requests share one write and one sync.
 *
 * There are two groups. The worker's event loop fills one while a thread
 * writes and syncs the other; the loop never waits for the disk. When the
 * thread is done it makes `done_fd` readable; the loop then answers the
 * requests of that group and hands over the next.
 *
 *   loop:    commit_gathering -> add lines and waiters -> commit_submit
 *   thread:                                  write, sync -> done_fd
 *   loop:    commit_collect -> answer all -> commit_release -> commit_submit
 *
 * The loop alone touches the gathering group, and the other one between
 * commit_collect and commit_release; the thread alone touches it otherwise.
 */
#ifndef LOGRECV_COMMIT_H
#define LOGRECV_COMMIT_H

#include <pthread.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "buf.h"
#include "error.h"
#include "metrics.h"
#include "spool.h"

struct conn;

/* A request whose events are in the group. */
struct waiter {
	struct conn *conn;
	uint64_t events;
	uint64_t bytes; /* that it holds of the budget for bytes in flight */
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
	int done_fd; /* eventfd(2): readable when a group is done */
	struct group groups[2];
	struct group *gathering;

	pthread_t thread;
	pthread_mutex_t lock;
	pthread_cond_t wake;
	/* Under the lock: */
	enum { COMMIT_IDLE, COMMIT_BUSY, COMMIT_DONE } state;
	bool stop;
};

/* Starts the thread. 0, or -1 with nothing left behind. */
int commit_init(struct commit *, struct spool *, bool sync,
    struct metric *sync_seconds, struct error *);

/* Ends the thread and frees all; no group may be busy. */
void commit_destroy(struct commit *);

static inline struct group *
commit_gathering(struct commit *c)
{
	return c->gathering;
}

/* Adds a waiter to the gathering group. 0, or -1 with ENOMEM. */
int
commit_wait(struct commit *, struct conn *, uint64_t events, uint64_t bytes);

/*
 * Hands the gathering group to the thread, unless it is empty or the thread
 * has not been released from the last one.
 */
void commit_submit(struct commit *);

/* The group that is done, or NULL. Clears done_fd. */
struct group *commit_collect(struct commit *);

/* Empties the collected group and makes room for the next. */
void commit_release(struct commit *, struct group *);

/* Gives back the memory that a refused request made an empty group grow to. */
void commit_trim(struct commit *);

/* Is nothing gathered and nothing under way? */
bool commit_is_idle(struct commit *);

#endif
