/*
 * crew.c - see crew.h.
 */
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "crew.h"
#include "lock.h"

static void *run(void *);

int
crew_init(struct crew *c, crew_work *work, void *context, struct error *err)
{
	memset(c, 0, sizeof(*c));
	c->work = work;
	c->context = context;
	c->wake = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	if (c->wake < 0)
		return error_errno(err, "create an eventfd");
	if (pthread_mutex_init(&c->lock, NULL) != 0 ||
	    pthread_cond_init(&c->changed, NULL) != 0)
		return error_set(err, "create a lock: no memory");
	return 0;
}

void
crew_release(struct crew *c)
{
	(void)close(c->wake);                    /* holds nothing */
	(void)pthread_cond_destroy(&c->changed); /* no thread is left */
	(void)pthread_mutex_destroy(&c->lock);
}

static void
wake(struct crew *c)
{
	uint64_t one = 1;

	/* It fails only where the count is at its end: readable all the same.
	 */
	if (write(c->wake, &one, sizeof(one)) < 0)
		return;
}

int
crew_start(struct crew *c, struct error *err)
{
	sigset_t all, before;
	int rc = 0;

	/* Signals are the main thread's: no call here is to be interrupted. */
	(void)sigfillset(&all);                          /* cannot fail */
	(void)pthread_sigmask(SIG_BLOCK, &all, &before); /* nor this */
	lock_take(&c->lock);
	for (unsigned i = 0; i < c->worker_count; i++) {
		struct worker *w = &c->workers[i];

		w->crew = c;
		if (pthread_create(&w->thread, NULL, run, w) != 0) {
			rc = error_set(err, "create a thread: no resources");
			c->closed = true;
			break;
		}
		c->running++;
		c->started++;
	}
	lock_release(&c->lock);
	(void)pthread_sigmask(SIG_SETMASK, &before, NULL); /* nor this */
	return rc;
}

/* Copies the next name out; false when there will be none. */
static bool
take(struct crew *c, struct worker *w)
{
	bool taken = false;

	lock_take(&c->lock);
	while (c->next == c->count && !c->closed)
		(void)pthread_cond_wait(&c->changed, &c->lock);
	if (c->next < c->count) {
		(void)snprintf(
		    w->name, sizeof(w->name), "%s", c->names[c->next++]);
		w->at_work = true;
		c->busy++;
		taken = true;
	}
	lock_release(&c->lock);
	return taken;
}

/* After a piece of work: shall there be more? */
static void
go_on(struct worker *w, bool more)
{
	struct crew *c = w->crew;

	lock_take(&c->lock);
	c->busy--;
	w->at_work = false;
	w->content[0] = '\0';
	if (!more) {
		c->closed = true;
		c->next = c->count;
	}
	(void)pthread_cond_broadcast(&c->changed);
	lock_release(&c->lock);
	wake(c);
}

static void *
run(void *argument)
{
	struct worker *w = argument;
	struct crew *c = w->crew;

	db_thread_begin();
	while (take(c, w))
		go_on(w, c->work(c->context, w, w->name));
	db_thread_end();
	lock_take(&c->lock);
	c->running--;
	lock_release(&c->lock);
	wake(c);
	return NULL;
}

struct crew_state
crew_look(struct crew *c)
{
	struct crew_state state;

	lock_take(&c->lock);
	state.hungry = c->next == c->count;
	state.idle = state.hungry && c->busy == 0;
	state.ended = c->running == 0;
	lock_release(&c->lock);
	return state;
}

void
crew_feed(struct crew *c, const char *const *names, size_t count)
{
	lock_take(&c->lock);
	if (!c->closed) {
		c->names = names;
		c->count = count;
		c->next = 0;
		(void)pthread_cond_broadcast(&c->changed);
	}
	lock_release(&c->lock);
}

bool
crew_at_work(struct crew *c, unsigned worker, char name[PATH_MAX])
{
	const struct worker *w = &c->workers[worker];
	bool at_work;

	lock_take(&c->lock);
	at_work = w->at_work;
	if (at_work)
		(void)snprintf(name, PATH_MAX, "%s", w->name);
	lock_release(&c->lock);
	return at_work;
}

static bool
another_is_at(const struct crew *c, const struct worker *w, const char *content)
{
	for (unsigned i = 0; i < c->worker_count; i++) {
		if (&c->workers[i] != w &&
		    strcmp(c->workers[i].content, content) == 0)
			return true;
	}
	return false;
}

bool
crew_claim(struct worker *w, const char *content)
{
	struct crew *c = w->crew;
	bool waited = false;

	lock_take(&c->lock);
	w->content[0] = '\0'; /* or two could wait for each other */
	while (another_is_at(c, w, content)) {
		waited = true;
		(void)pthread_cond_wait(&c->changed, &c->lock);
	}
	(void)snprintf(w->content, sizeof(w->content), "%s", content);
	lock_release(&c->lock);
	return waited;
}

void
crew_close(struct crew *c, bool drop)
{
	lock_take(&c->lock);
	c->closed = true;
	if (drop)
		c->next = c->count;
	(void)pthread_cond_broadcast(&c->changed);
	lock_release(&c->lock);
}

void
crew_join(struct crew *c)
{
	for (unsigned i = 0; i < c->started; i++)
		(void)pthread_join(c->workers[i].thread, NULL); /* ends */
	c->closed = false;
	c->next = c->count = c->started = 0;
}
