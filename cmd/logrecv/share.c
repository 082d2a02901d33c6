/*
 * share.c - see share.h.
 */
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

#include "share.h"

int
budget_init(struct budget *b, uint64_t max_bytes)
{
	b->max = max_bytes;
	if (getrandom(&b->seed, sizeof(b->seed), 0) != sizeof(b->seed))
		return -1;
	/* Cannot fail with default attributes on Linux. */
	(void)pthread_mutex_init(&b->lock, NULL);
	return 0;
}

void
budget_release(struct budget *b)
{
	(void)pthread_mutex_destroy(&b->lock); /* no thread is left */
}

/* The network that the address is of; all of an IPv4 one. */
static void
make_key(const struct address *a, uint64_t key[2])
{
	key[0] = key[1] = 0;
	if (address_is_ipv4(a))
		memcpy(&key[1], a->ip + 12, 4);
	else
		memcpy(&key[0], a->ip, 8);
}

static struct peer **
find_bucket(struct budget *b, const uint64_t key[2])
{
	uint64_t h = (key[0] ^ b->seed) * 0x9e3779b97f4a7c15ULL;

	h = (h ^ h >> 32 ^ key[1]) * 0x9e3779b97f4a7c15ULL;
	return &b->peers[(h >> 40) % PEER_BUCKETS];
}

/* With one connection more; NULL: no memory. */
static struct peer *
enter(struct budget *b, const uint64_t key[2])
{
	struct peer *p, **bucket = find_bucket(b, key);

	(void)pthread_mutex_lock(&b->lock); /* fails only on misuse */
	for (p = *bucket; p != NULL; p = p->next) {
		if (memcmp(p->key, key, sizeof(p->key)) == 0)
			break;
	}
	if (p == NULL && (p = calloc(1, sizeof(*p))) != NULL) {
		memcpy(p->key, key, sizeof(p->key));
		p->next = *bucket;
		*bucket = p;
	}
	if (p != NULL)
		atomic_fetch_add(&p->connections, 1);
	(void)pthread_mutex_unlock(&b->lock);
	return p;
}

static void
leave(struct budget *b, struct peer *p)
{
	struct peer **at;

	(void)pthread_mutex_lock(&b->lock); /* fails only on misuse */
	if (atomic_fetch_sub(&p->connections, 1) == 1) {
		for (at = find_bucket(b, p->key); *at != p;)
			at = &(*at)->next;
		*at = p->next;
		free(p);
	}
	(void)pthread_mutex_unlock(&b->lock);
}

int
share_open(struct share *s, struct budget *b, const struct address *a)
{
	uint64_t key[2];

	make_key(a, key);
	*s = (struct share){.budget = b, .peer = enter(b, key)};
	return s->peer == NULL ? -1 : 0;
}

void
share_close(struct share *s)
{
	if (s->peer == NULL)
		return;
	share_give(s, s->held);
	leave(s->budget, s->peer);
	s->peer = NULL;
}

void
share_move(struct share *s, const struct address *a)
{
	struct peer *to;
	uint64_t key[2];

	make_key(a, key);
	if (memcmp(s->peer->key, key, sizeof(key)) == 0)
		return;
	to = enter(s->budget, key);
	if (to == NULL)
		return;
	atomic_fetch_add_explicit(&to->held, s->held, memory_order_relaxed);
	atomic_fetch_sub_explicit(
	    &s->peer->held, s->held, memory_order_relaxed);
	leave(s->budget, s->peer);
	s->peer = to;
}

bool
share_take(struct share *s, uint64_t bytes, uint64_t spare)
{
	struct budget *b = s->budget;
	uint64_t used =
	    atomic_fetch_add_explicit(&b->used, bytes, memory_order_relaxed);

	if (used + bytes + spare > b->max) {
		atomic_fetch_sub_explicit(
		    &b->used, bytes, memory_order_relaxed);
		return false;
	}
	atomic_fetch_add_explicit(&s->peer->held, bytes, memory_order_relaxed);
	s->held += bytes;
	return true;
}

void
share_give(struct share *s, uint64_t bytes)
{
	atomic_fetch_sub_explicit(
	    &s->budget->used, bytes, memory_order_relaxed);
	atomic_fetch_sub_explicit(&s->peer->held, bytes, memory_order_relaxed);
	s->held -= bytes;
}

uint64_t
budget_room(struct budget *b)
{
	uint64_t used = atomic_load_explicit(&b->used, memory_order_relaxed);

	return used < b->max ? b->max - used : 0;
}

static bool
is_greedy(const struct share *s)
{
	return atomic_load_explicit(&s->peer->held, memory_order_relaxed) >
	       s->budget->max / 4;
}

uint64_t
share_spare(const struct share *s)
{
	return is_greedy(s) ? s->budget->max / 4 : 0;
}

uint64_t
share_body_spare(const struct share *s)
{
	return is_greedy(s) ? s->budget->max / 4 : s->budget->max / 16;
}
