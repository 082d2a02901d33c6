/*
 * kin.c - see kin.h.
 */
#include <stdio.h>
#include <string.h>

#include "clock.h"
#include "kin.h"
#include "lock.h"

/* A change within that time of a look may have come before it or after it. */
#define DOUBT_US (2 * CLOCK_US_PER_S)

/* Puts a line in front; one of the same name goes, or the last one. */
static void
put_first(struct kin_range *r, const struct db_file *line)
{
	unsigned i = 0;

	while (i < r->count && strcmp(r->lines[i].name, line->name) != 0)
		i++;
	if (i == r->count && r->count < KIN_LOOKS)
		r->count++;
	if (i == KIN_LOOKS)
		i--;
	memmove(r->lines + 1, r->lines, i * sizeof(*r->lines));
	r->lines[0] = *line;
}

/* Puts one behind them, unless it is there, in a newer state. */
static void
put_last(struct kin_range *r, const struct db_file *line)
{
	for (unsigned i = 0; i < r->count; i++) {
		if (strcmp(r->lines[i].name, line->name) == 0)
			return;
	}
	if (r->count < KIN_LOOKS)
		r->lines[r->count++] = *line;
}

void
kin_init(struct kin *k)
{
	memset(k, 0, sizeof(*k));
	k->lock = (pthread_mutex_t)PTHREAD_MUTEX_INITIALIZER;
}

void
kin_add(struct kin *k, const struct db_file *line)
{
	lock_take(&k->lock);
	for (int i = 0; i < KIN_RANGES; i++) {
		struct kin_range *r = &k->ranges[i];

		if (strcmp(line->name, r->from) >= 0 &&
		    strcmp(line->name, r->below) < 0)
			put_first(r, line);
	}
	lock_release(&k->lock);
}

/* That range, or the one that was asked for first. */
static struct kin_range *
choose(struct kin *k, const struct db_search *s)
{
	struct kin_range *oldest = &k->ranges[0];

	for (int i = 0; i < KIN_RANGES; i++) {
		struct kin_range *r = &k->ranges[i];

		if (strcmp(r->from, s->from) == 0 &&
		    strcmp(r->below, s->below) == 0)
			return r;
		if (r->ticket < oldest->ticket)
			oldest = r;
	}
	return oldest;
}

/*
 * 0: what is known is enough, and copied. Else a ticket for keep: the ledger is
 * to be asked, and what is loaded from now on is added to its answer.
 */
static uint64_t
recall(struct kin *k, const struct db_search *s, uint64_t changed_us,
    struct db_file *lines, unsigned *count)
{
	struct kin_range *r;
	uint64_t ticket = 0;

	lock_take(&k->lock);
	r = choose(k, s);
	if (strcmp(r->from, s->from) == 0 && r->asked_us > 0 &&
	    changed_us + DOUBT_US < r->asked_us) {
		*count = r->count;
		memcpy(lines, r->lines, r->count * sizeof(*lines));
	} else {
		(void)snprintf(r->from, sizeof(r->from), "%s", s->from);
		(void)snprintf(r->below, sizeof(r->below), "%s", s->below);
		r->asked_us = 0;
		r->count = 0;
		r->ticket = ticket = ++k->tickets;
	}
	lock_release(&k->lock);
	return ticket;
}

/* Unless another worker has asked since. */
static void
keep(struct kin *k, uint64_t ticket, uint64_t asked_us,
    const struct db_file *lines, unsigned count)
{
	lock_take(&k->lock);
	for (int i = 0; i < KIN_RANGES; i++) {
		struct kin_range *r = &k->ranges[i];

		if (r->ticket != ticket)
			continue;
		r->asked_us = asked_us;
		for (unsigned j = 0; j < count; j++)
			put_last(r, &lines[j]);
	}
	lock_release(&k->lock);
}

enum load_verdict
kin_find(struct kin *k, struct worker *w, const struct db_search *s,
    uint64_t changed_us, struct db_file *lines, unsigned *count,
    struct error *err)
{
	uint64_t asked_us = clock_wall_us(), ticket = 0;
	enum load_verdict verdict = LOAD_DONE;
	bool found = true;

	*count = 0;
	if (k != NULL) {
		ticket = recall(k, s, changed_us, lines, count);
		if (ticket == 0)
			return LOAD_DONE;
	}
	while (*count < KIN_LOOKS && found && verdict == LOAD_DONE) {
		verdict = trial_search(&w->trial, &w->loader, s, *count,
		    &lines[*count], &found, err);
		*count += verdict == LOAD_DONE && found;
	}
	if (verdict == LOAD_DONE && ticket > 0)
		keep(k, ticket, asked_us, lines, *count);
	return verdict;
}
