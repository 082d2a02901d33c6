/*
 * senders.c - see senders.h.
 */
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "clock.h"
#include "senders.h"

#define AHEAD_NS CLOCK_NS_PER_S /* what may come at once */
#define BEHIND_MOST_NS (86400 * CLOCK_NS_PER_S)
#define TAKEN_MOST (1ULL << 33) /* so many seconds are less than 2^63 ns */

void
senders_init(struct senders *ss)
{
	/* Cannot fail with default attributes on Linux. */
	(void)pthread_mutex_init(&ss->lock, NULL);
}

/* These under the lock. */
static struct sender *
find(struct senders *ss, const char *name)
{
	unsigned count = atomic_load(&ss->count);

	for (unsigned i = 0; i < count; i++) {
		if (strcmp(ss->all[i].name, name) == 0)
			return &ss->all[i];
	}
	return NULL;
}

static void
set_name(struct sender *s, const char *name)
{
	memcpy(s->name, name, strlen(name) + 1);
	(void)snprintf(s->label, sizeof(s->label), "sender=\"%s\"", name);
}

static struct sender *
add(struct senders *ss, const char *name)
{
	unsigned count = atomic_load(&ss->count);
	struct sender *s = &ss->all[count];

	set_name(s, name);
	atomic_store(&ss->count, count + 1);
	return s;
}

/* How many are forgotten, and one of them. */
static unsigned
count_forgotten(struct senders *ss, struct sender **one)
{
	unsigned count = atomic_load(&ss->count), forgotten = 0;
	uint64_t now = clock_monotonic_ns();

	for (unsigned i = 0; i < count; i++) {
		struct sender *s = &ss->all[i];

		if (!s->gone || s->certified ||
		    now - s->gone_ns < SENDERS_FORGET_NS)
			continue;
		forgotten++;
		*one = s;
	}
	return forgotten;
}

static struct sender *
add_own(struct senders *ss, const char *name)
{
	struct sender *s;

	if (atomic_load(&ss->count) - ss->peers < SENDERS_OWN)
		return add(ss, name);
	if (count_forgotten(ss, &s) == 0)
		return NULL;
	memset(s, 0, sizeof(*s));
	set_name(s, name);
	return s;
}

struct sender *
senders_find(struct senders *ss, const char *name)
{
	struct sender *s;

	(void)pthread_mutex_lock(&ss->lock); /* fails only on misuse */
	s = find(ss, name);
	if (s != NULL)
		s->gone = false;
	(void)pthread_mutex_unlock(&ss->lock);
	return s;
}

void
senders_leave(struct senders *ss, struct sender *s)
{
	(void)pthread_mutex_lock(&ss->lock); /* fails only on misuse */
	if (!s->gone)
		s->gone_ns = clock_monotonic_ns();
	s->gone = true;
	(void)pthread_mutex_unlock(&ss->lock);
}

unsigned
senders_room(struct senders *ss)
{
	struct sender *one;
	unsigned room;

	(void)pthread_mutex_lock(&ss->lock); /* fails only on misuse */
	room = SENDERS_OWN - (atomic_load(&ss->count) - ss->peers) +
	       count_forgotten(ss, &one);
	(void)pthread_mutex_unlock(&ss->lock);
	return room;
}

struct sender *
senders_know(struct senders *ss, const char *name)
{
	struct sender *s;

	if (strlen(name) > SENDER_NAME_MAX)
		return NULL;
	(void)pthread_mutex_lock(&ss->lock); /* fails only on misuse */
	s = find(ss, name);
	if (s == NULL)
		s = add_own(ss, name);
	else
		s->gone = false;
	(void)pthread_mutex_unlock(&ss->lock);
	return s;
}

struct sender *
senders_know_peer(struct senders *ss, const char *name)
{
	struct sender *s;

	(void)pthread_mutex_lock(&ss->lock); /* fails only on misuse */
	s = find(ss, name);
	if (s == NULL) {
		if (ss->peers >= SENDERS_PEERS - 1)
			name = "(others)";
		s = find(ss, name);
	}
	if (s == NULL) {
		s = add(ss, name);
		ss->peers++;
	}
	s->certified = true;
	(void)pthread_mutex_unlock(&ss->lock);
	return s;
}

unsigned
rate_wait_s(struct rate *r, uint64_t now_ns)
{
	uint64_t most = atomic_load_explicit(&r->most, memory_order_relaxed);
	uint64_t due;

	if (most == 0)
		return 0;
	/* There must be room for one more, not for a part of it. */
	due = atomic_load_explicit(&r->due_ns, memory_order_relaxed) +
	      CLOCK_NS_PER_S / most;
	if (due <= now_ns + AHEAD_NS)
		return 0;
	due -= now_ns + AHEAD_NS;
	return (unsigned)((due + CLOCK_NS_PER_S - 1) / CLOCK_NS_PER_S);
}

void
rate_take(struct rate *r, uint64_t n, uint64_t now_ns)
{
	uint64_t most = atomic_load_explicit(&r->most, memory_order_relaxed);
	uint64_t due = atomic_load_explicit(&r->due_ns, memory_order_relaxed);
	uint64_t next;

	if (most == 0)
		return;
	if (n > TAKEN_MOST)
		n = TAKEN_MOST;
	do {
		next = due > now_ns ? due - now_ns : 0;
		next += n * CLOCK_NS_PER_S / most;
		next = next < BEHIND_MOST_NS ? now_ns + next
					     : now_ns + BEHIND_MOST_NS;
	} while (!atomic_compare_exchange_weak_explicit(&r->due_ns, &due, next,
	    memory_order_relaxed, memory_order_relaxed));
}

/* Reads the clock only for those who have a rate. */
static bool
has_rate(const struct rate *r)
{
	return atomic_load_explicit(&r->most, memory_order_relaxed) != 0;
}

enum sender_count
sender_limit(struct sender *s, unsigned *wait_s)
{
	enum sender_count slowest = SENDER_REQUESTS;

	*wait_s = 0;
	for (enum sender_count i = 0; i < SENDER_COUNTS; i++) {
		unsigned wait =
		    !has_rate(&s->rates[i])
			? 0
			: rate_wait_s(&s->rates[i], clock_monotonic_ns());

		if (wait > *wait_s) {
			*wait_s = wait;
			slowest = i;
		}
	}
	return slowest;
}

void
sender_take(struct sender *s, enum sender_count which, uint64_t n)
{
	if (has_rate(&s->rates[which]))
		rate_take(&s->rates[which], n, clock_monotonic_ns());
}
