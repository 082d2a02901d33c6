/*
 * expire.h - rows, and lines of the ledger, that are too old: removed in steps,
 * each a transaction of its own, over a session without one.
 */
#ifndef LOGLOAD_EXPIRE_H
#define LOGLOAD_EXPIRE_H

#include "clock.h"
#include "driver.h"

/*
 * The database's clock; or when the table's first row was received, or the last
 * one up to then; or, where the table is NULL, when a file was last loaded; ""
 * if there is none. A table of those needs its own_key.
 */
enum db_verdict db_ask_now(struct db *, char out[DB_INSTANT_LEN + 1]);
enum db_verdict
db_ask_oldest(struct db *, const char *table, char out[DB_INSTANT_LEN + 1]);
enum db_verdict db_ask_newest(struct db *, const char *table, const char *up_to,
    char out[DB_INSTANT_LEN + 1]);

/*
 * Deletes rows that were received before the limit, the oldest ones and at most
 * so many; *rows is their number, *more whether there may be others.
 */
enum db_verdict db_expire(struct db *, const char *table, const char *limit,
    unsigned most, uint64_t *rows, bool *more);

/* See `hasten` of a driver. */
enum db_verdict db_hasten(struct db *, bool);

/* Drops a table; who has it is waited for for a few seconds at most. */
enum db_verdict db_drop(struct db *, const char *table);

/*
 * As for rows, the lines of a spool's files whose names lie in that range, for
 * our table, which were loaded before that instant. Files by hand keep theirs:
 * they may be given again at any time.
 */
struct db_prune {
	const char *from, *below; /* names: from this one on, below that one */
	const char *before;       /* an instant */
	/* What their names do not begin with; at most some hundreds. */
	char (*kept)[CLOCK_COMPACT_LEN + 1];
	unsigned kept_count;
};
enum db_verdict db_prune(struct db *, const struct db_prune *, unsigned most,
    uint64_t *lines, bool *more);

#endif
