/*
 * acked.h - the file that lists acknowledged events, an id a line; or one of
 * those that are not, as they are.
 */
#ifndef LOGSEND_ACKED_H
#define LOGSEND_ACKED_H

#include <stdbool.h>

#include "buf.h"
#include "error.h"

struct acked {
	const char *path; /* not owned */
	int fd;
	struct buf pending; /* not written yet */
};

/* Creates the file, or empties it, or lets what is in it stand. */
int acked_open(struct acked *, const char *path, bool empty, struct error *);

/* Adds whole lines; written when there are many, or by acked_flush. */
int acked_add(struct acked *, const struct buf *lines, struct error *);
int acked_flush(struct acked *, struct error *);

/* Flushes, then closes; -1 also if the last bytes were lost. */
int acked_close(struct acked *, struct error *);

#endif
