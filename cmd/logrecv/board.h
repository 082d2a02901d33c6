/*
 * board.h - a text that one thread makes anew from time to time, and that all
 * may read: whoever wants it gets the last one.
 */
#ifndef LOGRECV_BOARD_H
#define LOGRECV_BOARD_H

#include <pthread.h>

#include "buf.h"

struct board {
	pthread_mutex_t lock;
	struct buf text; /* under the lock */
};

void board_init(struct board *);
void board_release(struct board *); /* no other thread is left */

/* Shows the draft's text; the draft has what was shown before. */
void board_show(struct board *, struct buf *draft);

/* The text, empty where there is none; it is locked until board_done. */
const struct buf *board_read(struct board *);
void board_done(struct board *);

#endif
