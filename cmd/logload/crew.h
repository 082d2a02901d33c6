/*
 * crew.h - threads that take names off one queue, oldest first.
 *
 * The feeder (main) puts names in; each thread calls `work` with its own
 * loader and trial. `wake` is an eventfd that becomes readable when the queue
 * has run empty or a thread has gone to rest.
 */
#ifndef LOGLOAD_CREW_H
#define LOGLOAD_CREW_H

#include <limits.h>
#include <pthread.h>
#include <stdbool.h>

#include "load.h"
#include "patience.h"

#define CREW_MAX 64

struct crew;

struct worker {
	struct crew *crew;
	struct loader loader;
	struct trial trial;
	int claims; /* see spool_claims_open; owned; -1: none */
	pthread_t thread;
	char name[PATH_MAX];          /* being worked on; */
	bool at_work;                 /* this and these are under the lock */
	char content[DIGEST_LEN + 1]; /* what crew_claim was given, or "" */
};

/* One name. False: no more names are to be taken, by any thread. */
typedef bool crew_work(void *context, struct worker *, const char *name);

struct crew {
	pthread_mutex_t lock;
	pthread_cond_t changed;
	const char *const *names; /* the queue; not owned */
	size_t count, next;
	bool closed; /* nothing will be added */
	unsigned busy, running;
	int wake;
	crew_work *work;
	void *context;
	struct worker workers[CREW_MAX];
	unsigned worker_count, started;
};

/* The workers' loaders are set up by the caller before crew_start. */
int crew_init(struct crew *, crew_work *, void *context, struct error *);
int crew_start(struct crew *, struct error *);

/* What it is at, at one moment. */
struct crew_state {
	bool hungry; /* no names are left to take */
	bool idle;   /* and all those that were taken are done */
	bool ended;  /* no thread is left */
};
struct crew_state crew_look(struct crew *);

/*
 * Replaces the queue, while the crew is hungry; the names, under PATH_MAX long,
 * must stay until the next time.
 */
void crew_feed(struct crew *, const char *const *names, size_t count);
/* Is that worker at work, and on what? */
bool crew_at_work(struct crew *, unsigned worker, char name[PATH_MAX]);

/*
 * Until its present work is done, no other worker is at that content (a hash).
 * True: one was, and has been waited for.
 */
bool crew_claim(struct worker *, const char *content);

/* What is queued will not be begun any more. */
void crew_close(struct crew *, bool drop);
/* Waits for the threads to end. Then it may be fed and started anew. */
void crew_join(struct crew *);
void crew_release(struct crew *);

#endif
