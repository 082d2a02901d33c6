/*
 * storer.c - see storer.h.
 */
#include <signal.h>
#include <string.h>

#include "storer.h"

static void *run(void *);

int
storer_init(struct storer *s, struct store *store)
{
	memset(s, 0, sizeof(*s));
	s->store = store;
	if (pthread_mutex_init(&s->lock, NULL) != 0)
		return -1;
	if (pthread_cond_init(&s->changed, NULL) == 0)
		return 0;
	(void)pthread_mutex_destroy(&s->lock); /* nobody has it */
	return -1;
}

static void
lock(struct storer *s)
{
	(void)pthread_mutex_lock(&s->lock); /* fails only on misuse */
}

static void
unlock(struct storer *s)
{
	(void)pthread_mutex_unlock(&s->lock);
}

void
storer_release(struct storer *s)
{
	lock(s);
	s->ends = true;
	(void)pthread_cond_broadcast(&s->changed);
	unlock(s);
	if (s->started)
		(void)pthread_join(s->thread, NULL); /* ends */
	(void)pthread_cond_destroy(&s->changed);     /* no thread is left */
	(void)pthread_mutex_destroy(&s->lock);
}

static void *
run(void *argument)
{
	struct storer *s = argument;

	db_thread_begin();
	lock(s);
	while (!s->ends) {
		enum load_verdict verdict;

		if (s->given == NULL) {
			(void)pthread_cond_wait(&s->changed, &s->lock);
			continue;
		}
		unlock(s);
		verdict = store_gathered(s->store, s->given);
		lock(s);
		s->verdict = verdict;
		s->given = NULL;
		(void)pthread_cond_broadcast(&s->changed);
	}
	unlock(s);
	db_thread_end();
	return NULL;
}

/* Signals are the main thread's: no call here is to be interrupted. */
static bool
start(struct storer *s)
{
	sigset_t all, before;

	(void)sigfillset(&all);                          /* cannot fail */
	(void)pthread_sigmask(SIG_BLOCK, &all, &before); /* nor this */
	s->started = pthread_create(&s->thread, NULL, run, s) == 0;
	(void)pthread_sigmask(SIG_SETMASK, &before, NULL); /* nor this */
	return s->started;
}

bool
storer_give(struct storer *s, struct gathered *g)
{
	if (!s->started && !start(s))
		return false;
	lock(s);
	s->given = g;
	(void)pthread_cond_broadcast(&s->changed);
	unlock(s);
	return true;
}

enum load_verdict
storer_wait(struct storer *s)
{
	enum load_verdict verdict;

	lock(s);
	while (s->given != NULL)
		(void)pthread_cond_wait(&s->changed, &s->lock);
	verdict = s->verdict;
	s->verdict = LOAD_DONE;
	unlock(s);
	return verdict;
}
