/*
 * known.h - the tables of events that a session knows, by their numbers.
 *
 * The first one is there always: it is config's own, or the other one of many.
 * A new one is made by the next db_prepare.
 */
#ifndef LOGLOAD_KNOWN_H
#define LOGLOAD_KNOWN_H

#include "driver.h"

/* Of a new handle. -1 with ENOMEM. */
int known_init(struct db *);
void known_release(struct db *);

/*
 * These two, and to look at `ready`, go while another thread stores into those
 * that are. -1: there is none of that name; or there is room for none.
 */
int known_find(struct db *, const char *name, size_t len);
int known_add(struct db *, const char *name, bool optional);

/*
 * Appends the names of the tables that are there and begin so ("name" or
 * "database.name"), each with its NUL; none where the driver cannot tell.
 */
enum db_verdict known_list(struct db *, const char *first, struct buf *names);

/* That table is there no more, and is not wanted until an event is. */
void known_lose(struct db *, const char *name);

/* All but the first one; they are found, and looked at, anew. */
void known_forget(struct db *);

/* What no event may be in any of those that are ready. */
struct row_bounds known_bounds(const struct db *);

#endif
