/*
 * known.c - see known.h.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "known.h"
#include "partitions.h"
#include "sql.h"
#include "statement.h"

int
known_init(struct db *db)
{
	const struct db_config *c = db->config;

	db->tables = calloc(1 + c->table_room, sizeof(*db->tables));
	if (db->tables == NULL)
		return -1;
	(void)snprintf(db->tables[0].name, sizeof(db->tables[0].name), "%s",
	    c->other_table != NULL ? c->other_table : c->table);
	db->tables[0].wanted = c->table_most == 0;
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

void
known_lose(struct db *db, const char *name)
{
	for (unsigned i = 1; i < db->table_count; i++) {
		if (strcmp(db->tables[i].name, name) == 0)
			db->tables[i].wanted = db->tables[i].ready = false;
	}
}

int
known_add(struct db *db, const char *name, bool optional)
{
	struct db_table *t = &db->tables[db->table_count];

	if (db->table_count > db->config->table_room)
		return -1;
	*t = (struct db_table){.wanted = true, .optional = optional};
	(void)snprintf(t->name, sizeof(t->name), "%s", name);
	return (int)db->table_count++;
}

/* dialect.tables; where the name has a database, that is of so many bytes. */
static int
put_question(
    struct buf *b, const struct db_dialect *d, const char *first, size_t len)
{
	const char *form = d->tables, *place, *name = first + len + (len > 0);
	int rc = 0;

	for (int i = 0; (place = strstr(form, "%s")) != NULL && rc == 0; i++) {
		rc = buf_append(b, form, (size_t)(place - form));
		if (rc == 0 && i == 0 && len == 0)
			rc = buf_printf(b, "NULL");
		else if (rc == 0)
			rc = i == 0 ? sql_put_text(b, d, first, len)
				    : sql_put_text(b, d, name, strlen(name));
		form = place + 2;
	}
	return rc < 0 ? -1 : buf_printf(b, "%s", form);
}

enum db_verdict
known_list(struct db *db, const char *first, struct buf *names)
{
	const struct db_dialect *d = &db->driver->dialect;
	const char *dot = strchr(first, '.'), *p;
	size_t len = dot == NULL ? 0 : (size_t)(dot - first);
	enum db_verdict verdict;
	struct db_answer answer;

	if (d->tables == NULL)
		return db->driver->list == NULL
			   ? DB_OK
			   : db_heard(db, db->driver->list(db, first, names));
	db->sql.len = 0;
	if (put_question(&db->sql, d, first, len) < 0)
		return db_no_memory(db);
	verdict = db_ask(db, db->sql.data, db->sql.len, &answer);
	p = verdict == DB_OK && answer.found ? answer.fields[0] : NULL;
	while (p != NULL && *p != '\0') {
		size_t n = strcspn(p, "\n");

		if ((len > 0 && buf_append(names, first, len + 1) < 0) ||
		    buf_append(names, p, n) < 0 || buf_append(names, "", 1) < 0)
			return db_no_memory(db);
		p += n + (p[n] != '\0');
	}
	return verdict;
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
