/*
 * news.c - see news.h.
 */
#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/inotify.h>
#include <unistd.h>

#include "clock.h"
#include "log.h"
#include "news.h"

#define TRUST_NS (30 * CLOCK_NS_PER_S) /* in inotify(7) */
#define LOOK_NS (CLOCK_NS_PER_S / 2)   /* whether the spool is there */

void
news_open(struct news *n, struct spool *spool, struct stop *stop, int crew_wake)
{
	char path[64];

	n->spool = spool;
	n->stop = stop;
	n->crew_wake = crew_wake;
	n->gone = false;
	n->inotify = inotify_init1(IN_CLOEXEC | IN_NONBLOCK);
	/* Through the descriptor, whatever happens to the path. */
	(void)snprintf(
	    path, sizeof(path), "/proc/self/fd/%d", spool->dir[SPOOL_READY]);
	if (n->inotify >= 0 && inotify_add_watch(n->inotify, path,
				   IN_MOVED_TO | IN_CLOSE_WRITE) >= 0)
		return;
	log_warn("watch %s/ready: %s (looking every second instead)",
	    spool->path, strerror(errno));
	news_close(n);
}

void
news_close(struct news *n)
{
	if (n->inotify >= 0)
		(void)close(n->inotify); /* only read from */
	n->inotify = -1;
}

/* Empties what has made poll return. */
static bool
drain(struct news *n)
{
	char events[4096];
	uint64_t count;
	bool come = false;

	while (n->inotify >= 0 && read(n->inotify, events, sizeof(events)) > 0)
		come = true;
	(void)!read(n->crew_wake, &count, sizeof(count)); /* empties it */
	return come;
}

bool
news_wait(struct news *n, uint64_t ns)
{
	struct pollfd p[] = {
	    {.fd = n->inotify, .events = POLLIN},
	    {.fd = n->crew_wake, .events = POLLIN},
	    {.fd = n->stop->fd, .events = POLLIN},
	};

	if (ns > LOOK_NS)
		ns = LOOK_NS;
	(void)poll(p, 3, (int)(ns / CLOCK_NS_PER_MS) + 1);
	if (!n->gone && !spool_is_current(n->spool)) {
		log_error("%s: its directories were taken away or replaced",
		    n->spool->path);
		n->gone = true;
		stop_ask(n->stop);
	}
	return drain(n);
}

uint64_t
news_trust_ns(const struct news *n)
{
	return n->inotify < 0 ? CLOCK_NS_PER_S : TRUST_NS;
}
