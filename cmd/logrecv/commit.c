/*
 * commit.c - see commit.h.
 */
#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/timerfd.h>
#include <unistd.h>

#include "clock.h"
#include "commit.h"
#include "log.h"

/* A buffer that one large group has made is given back after it. */
#define KEEP_BYTES (4 << 20)

/* Takes so long to write that gathering beside it is worth the wake-ups. */
#define ENOUGH_BYTES (1 << 20)
#define GATHER_MAX_NS (2 * CLOCK_NS_PER_MS)
#define STALL_NS (2 * CLOCK_NS_PER_MS) /* then the loop is taken over */

static void
close_descriptors(struct commit *c)
{
	/* They carry nothing. */
	if (c->done_fd >= 0)
		(void)close(c->done_fd);
	if (c->alarm_fd >= 0)
		(void)close(c->alarm_fd);
}

int
commit_init(struct commit *c, struct spool *spool, bool sync,
    struct metric *sync_seconds, struct error *err)
{
	memset(c, 0, sizeof(*c));
	c->spool = spool;
	c->sync = sync;
	c->sync_seconds = sync_seconds;
	c->segment = (struct segment)SEGMENT_INIT;
	c->gathering = &c->groups[0];
	c->done_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	c->alarm_fd = timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC);
	if (c->done_fd < 0 || c->alarm_fd < 0) {
		(void)error_errno(err, "create an eventfd and a timerfd");
		close_descriptors(c);
		return -1;
	}
	/* Cannot fail with default attributes on Linux. */
	(void)pthread_mutex_init(&c->lock, NULL);
	return 0;
}

void
commit_destroy(struct commit *c)
{
	struct error err;

	/* With --ack=written nothing was synced so far. */
	if (!c->sync && segment_sync(c->spool, &c->segment, &err) < 0)
		log_error("%s", err.text);
	segment_close(&c->segment);
	pthread_mutex_destroy(&c->lock);
	close_descriptors(c);
	for (int i = 0; i < 2; i++) {
		buf_release(&c->groups[i].lines);
		free(c->groups[i].waiters);
	}
}

int
commit_wait(struct commit *c, const struct waiter *waiter)
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
	g->waiters[g->waiter_count++] = *waiter;
	g->events += waiter->events;
	return 0;
}

uint64_t
commit_age_ns(const struct commit *c)
{
	uint64_t since_ns = atomic_load(&c->since_ns);
	uint64_t now = clock_monotonic_ns();

	return since_ns == 0 || since_ns > now ? 0 : now - since_ns;
}

static struct group *
other_group(struct commit *c)
{
	return c->gathering == &c->groups[0] ? &c->groups[1] : &c->groups[0];
}

/* Wakes the one that stands by in so many ns; 0: not at all. */
static void
set_alarm(struct commit *c, uint64_t ns)
{
	struct itimerspec when = {.it_value.tv_nsec = (long)ns};

	if (timerfd_settime(c->alarm_fd, 0, &when, NULL) < 0)
		assert(!"timerfd_settime(2) refuses what is always valid");
}

/*
 * Gathering may take as long as a sync, which it makes up for; most of the time
 * all who were answered last have come again before.
 */
bool
commit_may_grow(const struct commit *c, size_t waiters, uint64_t since_ns)
{
	uint64_t most = c->sync_ns < GATHER_MAX_NS ? c->sync_ns : GATHER_MAX_NS;

	return c->gathering->waiter_count > waiters &&
	       c->gathering->lines.len < ENOUGH_BYTES &&
	       clock_monotonic_ns() - since_ns < most;
}

bool
commit_write(struct commit *c)
{
	struct group *g = c->gathering;
	uint64_t sync_ns, one = 1;
	bool mine;

	if (!commit_is_ready(c))
		return true;
	c->gathering = other_group(c);
	pthread_mutex_lock(&c->lock);
	c->state = COMMIT_BUSY;
	c->adrift = true;
	pthread_mutex_unlock(&c->lock);
	atomic_store(&c->since_ns, clock_monotonic_ns());
	/* What is large takes a while: what comes is parsed beside it. */
	set_alarm(c, g->lines.len < ENOUGH_BYTES ? STALL_NS : 1);

	g->result = spool_append(c->spool, &c->segment, g->lines.data,
	    g->lines.len, c->sync, &sync_ns, &g->error);
	atomic_store(&c->since_ns, 0);
	if (g->result == 0 && c->sync)
		metric_observe(c->sync_seconds, sync_ns);

	pthread_mutex_lock(&c->lock);
	c->state = COMMIT_DONE;
	c->sync_ns = sync_ns;
	mine = c->adrift;
	c->adrift = false;
	pthread_mutex_unlock(&c->lock);
	if (mine)
		set_alarm(c, 0);
	/* The counter cannot overflow: the next turn of the loop reads it. */
	else if (write(c->done_fd, &one, sizeof(one)) < 0)
		assert(!"write(2) to an eventfd fails only on overflow");
	return mine;
}

bool
commit_stand_by(struct commit *c)
{
	uint64_t count;
	bool mine = false, stop = false;

	while (!mine && !stop) {
		/* Blocks; whatever it says, what counts is told below. */
		if (read(c->alarm_fd, &count, sizeof(count)) < 0)
			assert(errno == EINTR);
		pthread_mutex_lock(&c->lock);
		stop = c->stop;
		mine = c->adrift && !stop;
		if (mine)
			c->adrift = false;
		pthread_mutex_unlock(&c->lock);
	}
	return mine;
}

void
commit_stop(struct commit *c)
{
	pthread_mutex_lock(&c->lock);
	c->stop = true;
	pthread_mutex_unlock(&c->lock);
	set_alarm(c, 1);
}

struct group *
commit_collect(struct commit *c)
{
	bool done;

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
	for (size_t i = 0; i < g->waiter_count; i++) {
		free(g->waiters[i].bad);
		free(g->waiters[i].cors);
		free(g->waiters[i].note);
	}
	g->lines.len = 0;
	trim(g);
	g->waiter_count = 0;
	g->events = 0;
	pthread_mutex_lock(&c->lock);
	c->state = COMMIT_IDLE;
	pthread_mutex_unlock(&c->lock);
}

static bool
is_released(struct commit *c)
{
	bool released;

	pthread_mutex_lock(&c->lock);
	released = c->state == COMMIT_IDLE;
	pthread_mutex_unlock(&c->lock);
	return released;
}

bool
commit_is_ready(struct commit *c)
{
	return c->gathering->waiter_count > 0 && is_released(c);
}

bool
commit_has_enough(struct commit *c)
{
	return c->gathering->lines.len >= ENOUGH_BYTES && is_released(c);
}

bool
commit_is_idle(struct commit *c)
{
	return c->gathering->waiter_count == 0 && is_released(c);
}
