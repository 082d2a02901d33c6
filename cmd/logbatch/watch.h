/*
 * watch.h - the kernel's word that something in buffer/ has changed, by
 * inotify(7), so that nobody has to look while nothing happens.
 */
#ifndef LOGBATCH_WATCH_H
#define LOGBATCH_WATCH_H

#include <stdbool.h>

#include "error.h"
#include "spool.h"

struct watch {
	int fd;     /* readable when there is news; -1: not open */
	int buffer; /* a watch descriptor */
};
#define WATCH_INIT \
	{ \
		.fd = -1 \
	}

/* What a reader is told; `file` is valid during the call alone. */
struct watch_news {
	void (*file)(void *arg, const char *name); /* in buffer/ */
	void *arg;
	bool lost; /* set: the queue overflowed, look at everything */
};

/* 0, or -1 with nothing left open. */
int watch_open(struct watch *, const struct spool *, struct error *);

/* Reads all news without waiting. 0, or -1 with the watch still open. */
int watch_read(struct watch *, struct watch_news *, struct error *);

void watch_close(struct watch *);

#endif
