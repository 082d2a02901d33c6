/*
 * board.c - see board.h.
 */
#include <string.h>

#include "board.h"

void
board_init(struct board *b)
{
	memset(b, 0, sizeof(*b));
	/* Cannot fail with default attributes on Linux. */
	(void)pthread_mutex_init(&b->lock, NULL);
}

void
board_release(struct board *b)
{
	buf_release(&b->text);
	(void)pthread_mutex_destroy(&b->lock); /* nobody has it */
}

void
board_show(struct board *b, struct buf *draft)
{
	struct buf last;

	(void)pthread_mutex_lock(&b->lock); /* fails only on misuse */
	last = b->text;
	b->text = *draft;
	*draft = last;
	(void)pthread_mutex_unlock(&b->lock);
}

const struct buf *
board_read(struct board *b)
{
	(void)pthread_mutex_lock(&b->lock); /* fails only on misuse */
	return &b->text;
}

void
board_done(struct board *b)
{
	(void)pthread_mutex_unlock(&b->lock);
}
