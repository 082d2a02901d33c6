/*
 * kin.h - what the ledger has of a log's kin: files of its name, or of its name
 * with other numbers, that it may have been before.
 *
 * Of an archive all files may be of one kin. The ledger would be asked for the
 * newest of them at each file, and have more to sort each time. So it is asked
 * once, and what this process loads itself is added. What others load meanwhile
 * is not seen: that matters only to a log that they have found shorter, and so
 * for those that were changed since, the ledger is asked again.
 */
#ifndef LOGLOAD_KIN_H
#define LOGLOAD_KIN_H

#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>

#include "crew.h"

#define KIN_LOOKS 32 /* lines of a range of names that are looked at */
#define KIN_RANGES 4

struct kin_range {
	char from[LOAD_NAME_MAX + 1], below[LOAD_NAME_MAX + 1]; /* of names */
	uint64_t asked_us; /* by the wall clock; 0: no answer yet */
	uint64_t ticket;   /* of who asks, or has asked */
	unsigned count;
	struct db_file lines[KIN_LOOKS]; /* the newest, first */
};

/* Shared by the workers. */
struct kin {
	pthread_mutex_t lock;
	uint64_t tickets; /* given out */
	struct kin_range ranges[KIN_RANGES];
};

void kin_init(struct kin *);

/*
 * The newest lines that the search finds by names, for a file that was last
 * changed (its ctime) then. lines has room for KIN_LOOKS. With kin NULL the
 * ledger is asked in any case.
 */
enum load_verdict kin_find(struct kin *, struct worker *,
    const struct db_search *, uint64_t changed_us, struct db_file *lines,
    unsigned *count, struct error *);

/* Of a file that was loaded just now, its line. */
void kin_add(struct kin *, const struct db_file *);

#endif
