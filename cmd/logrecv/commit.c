/*
 * commit.c - see commit.h.
 */
#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "commit.h"
#include "log.h"

/* A buffer that one large group has made is given back after it. */
#define KEEP_BYTES (4 << 20)

static void *thread_main(void *);

int
commit_init(struct commit *c, struct spool *spool, bool sync,
    struct metric *sync_seconds, struct error *err)
{
	int rc;

	memset(c, 0, sizeof(*c));
	c->spool = spool;
	c->sync = sync;
	c->sync_seconds = sync_seconds;
	c->gathering = &c->groups[0];
	c->done_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	if (c->done_fd < 0)
		return error_errno(err, "create an eventfd");
	/* Neither can fail with default attributes on Linux. */
	(void)pthread_mutex_init(&c->lock, NULL);
	(void)pthread_cond_init(&c->wake, NULL);
	rc = pthread_create(&c->thread, NULL, thread_main, c);
	if (rc != 0) {
		errno = rc;
		(void)close(c->done_fd);
		return error_errno(err, "create a thread");
	}
	return 0;
}

void
commit_destroy(struct commit *c)
{
	pthread_mutex_lock(&c->lock);
	c->stop = true;
	pthread_cond_signal(&c->wake);
	pthread_mutex_unlock(&c->lock);
	pthread_join(c->thread, NULL);
	pthread_cond_destroy(&c->wake);
	pthread_mutex_destroy(&c->lock);
	(void)close(c->done_fd);
	for (int i = 0; i < 2; i++) {
		buf_release(&c->groups[i].lines);
		free(c->groups[i].waiters);
	}
}

int
commit_wait(
    struct commit *c, struct conn *conn, uint64_t events, uint64_t bytes)
{
	struct group *g = c->gathering;

	if (g->waiter_count == g->waiter_cap) {
		size_t cap = g->waiter_cap == 0 ? 256 : g->waiter_cap * 2;
		struct waiter *w = realloc(g->waiters, cap * sizeof(*w));

		if (w == NULL)
			return -1;
		g->waiters = w;
		g->waiter_cap = cap;
	}
	g->waiters[g->waiter_count++] = (struct waiter){conn, events, bytes};
	g->events += events;
	return 0;
}

void
commit_submit(struct commit *c)
{
	if (c->gathering->waiter_count == 0)
		return;
	pthread_mutex_lock(&c->lock);
	if (c->state == COMMIT_IDLE) {
		c->state = COMMIT_BUSY;
		c->gathering = c->gathering == &c->groups[0] ? &c->groups[1]
							     : &c->groups[0];
		pthread_cond_signal(&c->wake);
	}
	pthread_mutex_unlock(&c->lock);
}

static struct group *
other_group(struct commit *c)
{
	return c->gathering == &c->groups[0] ? &c->groups[1] : &c->groups[0];
}

struct group *
commit_collect(struct commit *c)
{
	uint64_t count;
	bool done;

	/* EAGAIN: called without need. */
	if (read(c->done_fd, &count, sizeof(count)) < 0)
		assert(errno == EAGAIN);
	pthread_mutex_lock(&c->lock);
	done = c->state == COMMIT_DONE;
	pthread_mutex_unlock(&c->lock);
	return done ? other_group(c) : NULL;
}

static void
trim(struct group *g)
{
	if (g->lines.len == 0 && g->lines.cap > KEEP_BYTES)
		buf_release(&g->lines);
}

void
commit_trim(struct commit *c)
{
	trim(c->gathering);
}

void
commit_release(struct commit *c, struct group *g)
{
	assert(g != c->gathering);
	g->lines.len = 0;
	trim(g);
	g->waiter_count = 0;
	g->events = 0;
	pthread_mutex_lock(&c->lock);
	c->state = COMMIT_IDLE;
	pthread_mutex_unlock(&c->lock);
}

bool
commit_is_idle(struct commit *c)
{
	bool idle;

	pthread_mutex_lock(&c->lock);
	idle = c->state == COMMIT_IDLE;
	pthread_mutex_unlock(&c->lock);
	return idle && c->gathering->waiter_count == 0;
}

/*
 * The thread. It takes a group as soon as there is one; the next gathers
 * meanwhile, so a slow disk makes large groups by itself and no timer is
 * needed.
 */
static void *
thread_main(void *arg)
{
	struct commit *c = arg;
	struct segment segment = SEGMENT_INIT;
	uint64_t sync_ns, one = 1;
	struct error err;
	struct group *g;

	for (;;) {
		pthread_mutex_lock(&c->lock);
		while (c->state != COMMIT_BUSY && !c->stop)
			pthread_cond_wait(&c->wake, &c->lock);
		if (c->state != COMMIT_BUSY) {
			pthread_mutex_unlock(&c->lock);
			break;
		}
		g = other_group(c);
		pthread_mutex_unlock(&c->lock);

		g->result = spool_append(c->spool, &segment, g->lines.data,
		    g->lines.len, c->sync, &sync_ns, &g->error);
		if (g->result == 0 && c->sync)
			metric_observe(c->sync_seconds, sync_ns);

		pthread_mutex_lock(&c->lock);
		c->state = COMMIT_DONE;
		pthread_mutex_unlock(&c->lock);
		/* The counter cannot overflow: one write a collect. */
		if (write(c->done_fd, &one, sizeof(one)) < 0)
			assert(errno == EINTR);
	}
	/* With --ack=written nothing was synced so far. */
	if (!c->sync && segment_sync(c->spool, &segment, &err) < 0)
		log_error("%s", err.text);
	segment_close(&segment);
	return NULL;
}
