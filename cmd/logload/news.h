/*
 * news.h - what the main thread waits for: a file in ready/, a worker, a
 * signal, and the end of the spool.
 */
#ifndef LOGLOAD_NEWS_H
#define LOGLOAD_NEWS_H

#include <stdbool.h>
#include <stdint.h>

#include "spool.h"
#include "stop.h"

struct news {
	struct spool *spool; /* these are not owned */
	struct stop *stop;
	int crew_wake;
	int inotify; /* -1: none to be had, as is warned about */
	bool gone;   /* the spool that we opened, so that stop was asked for */
};

/* crew_wake is the crew's `wake`. */
void news_open(struct news *, struct spool *, struct stop *, int crew_wake);
void news_close(struct news *);

/* Waits for any of it, at most so long. Has something come into ready/? */
bool news_wait(struct news *, uint64_t ns);

/* How long to trust that nothing has, where nothing tells of it. */
uint64_t news_trust_ns(const struct news *);

#endif
