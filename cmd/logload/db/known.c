/*
 * known.c - see known.h.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "known.h"
#include "partitions.h"

int
known_init(struct db *db)
{
	const struct db_config *c = db->config;

	db->tables = calloc(1 + c->table_most, sizeof(*db->tables));
	if (db->tables == NULL)
		return -1;
	(void)snprintf(db->tables[0].name, sizeof(db->tables[0].name), "%s",
	    c->other_table != NULL ? c->other_table : c->table);
	known_forget(db);
	return 0;
}

/* What those from that number on own. */
static void
release(struct db *db, unsigned from)
{
	for (unsigned i = from; i < db->table_count; i++)
		partitions_release(&db->tables[i].partitions);
}

void
known_release(struct db *db)
{
	release(db, 0);
	free(db->tables);
}

void
known_forget(struct db *db)
{
	release(db, 1);
	db->table_count = 1;
	db->table = &db->tables[0];
	db->table->wanted = db->config->table_most == 0;
	db->table->ready = db->table_gone = false;
}

int
known_find(struct db *db, const char *name, size_t len)
{
	struct db_table *t = db->tables, *end = t + db->table_count;

	while (t < end &&
	       (memcmp(t->name, name, len) != 0 || t->name[len] != '\0'))
		t++;
	if (t == end)
		return -1;
	if (!t->wanted) /* another thread may have it at hand */
		t->wanted = true;
	return (int)(t - db->tables);
}

int
known_add(struct db *db, const char *name, bool optional)
{
	struct db_table *t = &db->tables[db->table_count];

	if (db->table_count > db->config->table_most)
		return -1;
	*t = (struct db_table){.wanted = true, .optional = optional};
	(void)snprintf(t->name, sizeof(t->name), "%s", name);
	return (int)db->table_count++;
}

struct row_bounds
known_bounds(const struct db *db)
{
	struct row_bounds all = {0};

	for (unsigned i = 0; i < db->table_count; i++) {
		const struct row_bounds *b = &db->tables[i].bounds;

		if (!db->tables[i].ready)
			continue;
		if (b->depth > 0 && (all.depth == 0 || b->depth < all.depth))
			all.depth = b->depth;
		all.no_lone_surrogates |= b->no_lone_surrogates;
		all.no_nul |= b->no_nul;
		all.no_nul_value |= b->no_nul_value;
		/* Of one database, they are the same for all that have any. */
		if (b->digits_before > 0) {
			all.digits_before = b->digits_before;
			all.digits_behind = b->digits_behind;
			all.digits_grown = b->digits_grown;
		}
	}
	return all;
}
