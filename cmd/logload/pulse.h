/*
 * pulse.h - is the database there while nothing is heard of it?
 *
 * A statement may lawfully take minutes, and between two files there is none.
 * But to begin a session, or to say over one that it lives, takes a server no
 * time, however long its work is. Where nothing was heard of it for some
 * seconds, it is asked that: by a worker who has nothing to do, or, while all
 * are at work, by a thread that begins a session for that alone and ends it, so
 * that no place of the server's is taken for long. One that has not answered
 * after some seconds is away.
 */
#ifndef LOGLOAD_PULSE_H
#define LOGLOAD_PULSE_H

#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>

#include "run.h"
#include "spool.h"

struct pulse {
	struct run *run; /* not owned */
	struct db_config config;
	struct db *db; /* owned; NULL: there is none, and no thread */
	pthread_t thread;
	enum health health;        /* at the last look */
	uint64_t away_ns, told_ns; /* since when; when was that told */
	uint64_t away_bytes;       /* in ready/ then */
	struct spool_list list;    /* of ready/ */
};

/* Of all zeros. The crew is started. 0, or -1: nothing looks after it. */
int pulse_start(struct pulse *, struct run *, struct error *);

/*
 * For the main thread, each second or so: sees whether it is silent, and has a
 * worker ask where nobody else does. While it is away, tells every minute what
 * waits. True: it has changed how the database is.
 */
bool pulse_look(struct pulse *);

void pulse_end(struct pulse *);

#endif
