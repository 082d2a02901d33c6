/*
 * retain_own.h - what the files of a turn share: retain.c takes it,
 * retain_tables.c removes from tables, and retain_ledger.c from the ledger.
 */
#ifndef LOGLOAD_RETAIN_OWN_H
#define LOGLOAD_RETAIN_OWN_H

#include <string.h>

#include "retain.h"
#include "row/instant.h"

#define RETAIN_EVERY_NS (60 * CLOCK_NS_PER_S)
#define RETAIN_SELDOM_NS (600 * CLOCK_NS_PER_S) /* what takes long */
#define RETAIN_END_OF_TIME "9999-12-31 23:59:59.999999"

struct turn {
	struct retain *r;
	struct db *db;
	uint64_t until_ns;
	bool cut;                       /* there is more to do */
	bool blocked;                   /* others have had something locked */
	char tries[DB_TABLE_MAX + 1];   /* all the same; "": none of those */
	int64_t now_us;                 /* as all clocks have it */
	int64_t oldest_us;              /* of all tables; 0: they are empty */
	char limit[DB_INSTANT_LEN + 1]; /* "": before all */
};

static inline bool
retain_instant(const char *text, int64_t *us)
{
	return instant_iso(text, strlen(text), NULL, us);
}

/* Else it is cut. */
bool retain_has_time(struct turn *);

/*
 * Removes what is older than --retain; what is left, of any table, begins at
 * t->limit then.
 */
enum db_verdict retain_tables(struct turn *);

/* Removes the lines of what was loaded before t->limit, if that is due. */
enum db_verdict retain_ledger(struct turn *);

#endif
