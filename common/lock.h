/*
 * lock.h - pthread_mutex_lock(3) and its opposite, which fail only on misuse.
 */
#ifndef COMMON_LOCK_H
#define COMMON_LOCK_H

#include <pthread.h>

static inline void
lock_take(pthread_mutex_t *lock)
{
	(void)pthread_mutex_lock(lock);
}

static inline void
lock_release(pthread_mutex_t *lock)
{
	(void)pthread_mutex_unlock(lock);
}

#endif
