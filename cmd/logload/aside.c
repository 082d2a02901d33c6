/*
 * aside.c - see aside.h.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "aside.h"
#include "clock.h"
#include "hash.h"
#include "lock.h"
#include "log.h"

#define PROBE_NS (10 * CLOCK_NS_PER_S)
#define LEAST 64
#define MOST (1 << 20) /* places; 48 MiB */
#define ROUNDS 2       /* without being met, and it is forgotten */

/*
 * The name is known by 64 bits of it: where two files had the same, one would
 * be told of or tried later.
 */
struct aside_file {
	uint64_t key;      /* 0: a free place */
	uint64_t need;     /* bytes that it waits for; 0: it does not wait */
	uint64_t rows;     /* or rows in all; 0: it was not refused */
	uint64_t again_ns; /* but not before that */
	unsigned met;      /* in which round, the last time */
	bool told;
};

int
aside_init(struct aside *a)
{
	memset(a, 0, sizeof(*a));
	a->files = calloc(LEAST, sizeof(*a->files));
	a->cap = LEAST;
	if (a->files == NULL || pthread_mutex_init(&a->lock, NULL) != 0) {
		free(a->files);
		return -1;
	}
	return 0;
}

void
aside_release(struct aside *a)
{
	free(a->files);
	(void)pthread_mutex_destroy(&a->lock); /* no thread is left */
}

/* Zero is that of a free place. */
static uint64_t
make_key(const char *name)
{
	uint64_t key = hash_name(name);

	return key == 0 ? 1 : key;
}

/* Its place, or the free one that it would get. There is always a free one. */
static struct aside_file *
find(struct aside *a, uint64_t key)
{
	size_t i = (size_t)key & (a->cap - 1);

	while (a->files[i].key != 0 && a->files[i].key != key)
		i = (i + 1) & (a->cap - 1);
	return &a->files[i];
}

/* Moves to a table of so many places; those that are forgotten stay behind. */
static int
rebuild(struct aside *a, size_t cap)
{
	struct aside_file *old = a->files;
	size_t old_cap = a->cap;
	struct aside_file *files = calloc(cap, sizeof(*files));

	if (files == NULL)
		return -1;
	a->files = files;
	a->cap = cap;
	a->count = 0;
	a->told = 0;
	a->waiting = 0;
	a->refused = 0;
	for (size_t i = 0; i < old_cap; i++) {
		if (old[i].key == 0 || a->round - old[i].met > ROUNDS)
			continue;
		*find(a, old[i].key) = old[i];
		a->count++;
		a->told += old[i].told;
		a->waiting += old[i].need > 0;
		a->refused += old[i].rows > 0;
	}
	free(old);
	return 0;
}

/* A new place for it, or NULL if there are too many. */
static struct aside_file *
add(struct aside *a, uint64_t key)
{
	struct aside_file *file;

	if (a->count >= a->cap / 2 &&
	    (a->cap == MOST || rebuild(a, a->cap * 2) < 0))
		return NULL;
	file = find(a, key);
	file->key = key;
	a->count++;
	return file;
}

/* Frees its place, and closes up the gap. */
static void
drop(struct aside *a, struct aside_file *file)
{
	size_t mask = a->cap - 1, hole = (size_t)(file - a->files), i = hole;

	a->count--;
	a->told -= file->told;
	a->waiting -= file->need > 0;
	a->refused -= file->rows > 0;
	while (a->files[i = (i + 1) & mask].key != 0) {
		size_t home = (size_t)a->files[i].key & mask;

		if (((i - home) & mask) < ((i - hole) & mask))
			continue;
		a->files[hole] = a->files[i];
		hole = i;
	}
	a->files[hole] = (struct aside_file){0};
}

void
aside_begin_round(struct aside *a, uint64_t now_ns)
{
	size_t cap;

	lock_take(&a->lock);
	a->round++;
	a->unknown = 0;
	cap = a->cap > LEAST && a->count < a->cap / 8 ? a->cap / 2 : a->cap;
	if (a->count > 0)
		(void)rebuild(a, cap); /* if not now, then at the next */
	/* Nobody's turn in the last round: begin anew with the first one. */
	if (a->probe)
		a->probed[0] = '\0';
	a->probe =
	    a->waiting + a->refused > 0 && now_ns - a->probed_ns >= PROBE_NS;
	if (a->probe)
		a->probed_ns = now_ns;
	lock_release(&a->lock);
}

/* Is what it waits for there? */
static bool
has_come(const struct aside_file *file, const struct aside_now *now)
{
	return file->need <= now->left && file->rows <= now->rows &&
	       file->again_ns <= now->ns;
}

bool
aside_may_try(struct aside *a, const char *name, const struct aside_now *now)
{
	struct aside_file *file;
	bool may = true;

	lock_take(&a->lock);
	file = find(a, make_key(name));
	if (file->key != 0 && !has_come(file, now)) {
		file->met = a->round;
		may = a->probe && file->again_ns <= now->ns &&
		      strcmp(name, a->probed) > 0;
		if (may) {
			a->probe = false;
			(void)snprintf(
			    a->probed, sizeof(a->probed), "%s", name);
		}
	}
	lock_release(&a->lock);
	return may;
}

static void
put(struct aside *a, const char *name, const char *why,
    const struct aside_file *wait, uint64_t now_ns)
{
	uint64_t key = make_key(name);
	struct aside_file *file;
	bool tell = false;

	lock_take(&a->lock);
	if (a->waiting + a->refused == 0)
		a->probed_ns = now_ns;
	file = find(a, key);
	if (file->key == 0)
		file = add(a, key);
	if (file != NULL) {
		a->waiting += (wait->need > 0) - (file->need > 0);
		a->refused += (wait->rows > 0) - (file->rows > 0);
		file->need = wait->need;
		file->rows = wait->rows;
		file->again_ns = wait->again_ns;
		file->met = a->round;
		tell = !file->told && a->told < ASIDE_TOLD_MOST;
		file->told = file->told || tell;
		a->told += tell;
	} else {
		a->unknown++;
	}
	lock_release(&a->lock);
	if (tell)
		log_error("the file stays in ready/: file=%s %s", name, why);
}

void
aside_put(struct aside *a, const char *name, const char *why, uint64_t need,
    uint64_t now_ns)
{
	struct aside_file wait = {.need = need};

	put(a, name, why, &wait, now_ns);
}

void
aside_refuse(struct aside *a, const char *name, const char *why,
    const struct aside_now *now, uint64_t again_ns)
{
	struct aside_file wait = {.rows = now->rows + 1, .again_ns = again_ns};

	put(a, name, why, &wait, now->ns);
}

void
aside_hurry(struct aside *a)
{
	lock_take(&a->lock);
	for (size_t i = 0; i < a->cap; i++)
		a->files[i].again_ns = 0;
	lock_release(&a->lock);
}

bool
aside_is_witnessed(
    struct aside *a, const char *name, const struct aside_now *now)
{
	struct aside_file *file;
	bool is;

	lock_take(&a->lock);
	file = find(a, make_key(name));
	is = file->rows > 0 && file->rows <= now->rows;
	lock_release(&a->lock);
	return is;
}

void
aside_done(struct aside *a, const char *name)
{
	struct aside_file *file;

	lock_take(&a->lock);
	file = find(a, make_key(name));
	/* It was tried in turn: whatever was wrong, others may go now, too. */
	if (file->need + file->rows > 0 && strcmp(name, a->probed) == 0) {
		a->probe = true;
		a->probed_ns = 0;
	}
	if (file->key != 0)
		drop(a, file);
	lock_release(&a->lock);
}

bool
aside_is_due(struct aside *a, const struct aside_now *now)
{
	bool due = false, turn;

	lock_take(&a->lock);
	turn = now->ns - a->probed_ns >= PROBE_NS;
	for (size_t i = 0; a->waiting + a->refused > 0 && !due && i < a->cap;
	     i++) {
		const struct aside_file *file = &a->files[i];

		if (file->need + file->rows > 0)
			due = has_come(file, now) ||
			      (turn && file->again_ns <= now->ns);
	}
	lock_release(&a->lock);
	return due;
}

void
aside_tell_rest(struct aside *a)
{
	uint64_t rest;

	lock_take(&a->lock);
	rest = a->count - a->told + a->unknown;
	if (rest > a->rest_said)
		log_error("more files stay in ready/ for such reasons: "
			  "files=%llu",
		    (unsigned long long)rest);
	a->rest_said = rest;
	lock_release(&a->lock);
}
