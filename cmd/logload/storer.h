/*
 * storer.h - a thread that stores what was gathered while more is gathered: a
 * database and the reading of events would else wait for each other in turns.
 *
 * It is made when it is given something for the first time, so that small files
 * need none. Between storer_give and storer_wait the store, and the database
 * and the records behind it, are the thread's.
 */
#ifndef LOGLOAD_STORER_H
#define LOGLOAD_STORER_H

#include <pthread.h>
#include <stdbool.h>

#include "store.h"

struct storer {
	pthread_mutex_t lock;
	pthread_cond_t changed;
	pthread_t thread;
	bool started, ends;
	struct store *store;       /* not owned */
	struct gathered *given;    /* not owned; NULL: nothing to do */
	enum load_verdict verdict; /* of the last one */
};

/* -1: no memory. */
int storer_init(struct storer *, struct store *);
void storer_release(struct storer *);

/*
 * Stores it in the background (see store_gathered); it must stay as it is until
 * storer_wait. False: there is no thread to be had, nothing is done.
 */
bool storer_give(struct storer *, struct gathered *);

/* Waits for what was given; LOAD_DONE where nothing was. */
enum load_verdict storer_wait(struct storer *);

#endif
