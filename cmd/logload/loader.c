/*
 * loader.c - see loader.h.
 */
#include <string.h>

#include "loader.h"

int
loader_init(struct loader *l, struct db *db, const struct columns *columns,
    const struct load_limits *limits, int reject_dir, const char *reject_suffix)
{
	memset(l, 0, sizeof(*l));
	l->db = db;
	l->limits = *limits;
	reject_init(&l->reject, reject_dir, reject_suffix);
	if (reader_init(&l->reader, limits->max_event + EVENT_HEAD_MAX,
		limits->chunk) < 0)
		return -1;
	if (digest_init(&l->front) == 0 && digest_init(&l->ahead) == 0 &&
	    row_maker_init(&l->maker, columns) == 0 &&
	    gathered_init(&l->gathered[0], columns) == 0 &&
	    gathered_init(&l->gathered[1], columns) == 0 &&
	    store_init(&l->store, db, &l->reject, columns) == 0 &&
	    storer_init(&l->storer, &l->store) == 0)
		return 0;
	digest_release(&l->front);
	digest_release(&l->ahead);
	store_release(&l->store);
	gathered_release(&l->gathered[1]);
	gathered_release(&l->gathered[0]);
	row_maker_release(&l->maker);
	reader_release(&l->reader);
	return -1;
}

void
loader_release(struct loader *l)
{
	storer_release(&l->storer);
	if (l->db != NULL)
		db_free(l->db);
	reject_release(&l->reject);
	store_release(&l->store);
	gathered_release(&l->gathered[1]);
	gathered_release(&l->gathered[0]);
	digest_release(&l->front);
	digest_release(&l->ahead);
	row_maker_release(&l->maker);
	reader_release(&l->reader);
}

void
loader_rest(struct loader *l)
{
	l->position = 0;
	l->consumed = 0;
	l->committed = 0;
	l->hashed = 0;
}

void
load_tally_add(struct load_tally *to, const struct load_tally *t)
{
	to->events += t->events;
	to->rejected += t->rejected;
	to->kept += t->kept;
	to->lost += t->lost;
	to->torn += t->torn;
	to->nulls += t->nulls;
	to->bytes += t->bytes;
	for (unsigned i = 0; i < COLUMNS_MAX; i++) {
		to->columns[i].fitted += t->columns[i].fitted;
		to->columns[i].misfits += t->columns[i].misfits;
	}
}
