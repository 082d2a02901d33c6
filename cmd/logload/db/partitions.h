/*
 * partitions.h - a table in partitions by time: those to come are made ahead,
 * one that is missing when an event needs it, and old ones are dropped.
 *
 * What a table has is read from the database, by the bounds of its partitions
 * and not by their names: it may have been made by others, with ranges of their
 * own. A missing one is made for a whole period (--partition), cut to the gap
 * that is there, if it is near: no more than PARTITIONS_BACK periods back, nor
 * longer ago than --retain, nor beyond the day after tomorrow. Whatever events
 * say, there are no more than so many of them. An event that is far from that,
 * and in no range of two ends, is rejected, or goes to the catch-all.
 *
 * DDL runs between transactions, waits for others for a few seconds at most,
 * and does no harm when two loaders are at it.
 */
#ifndef LOGLOAD_PARTITIONS_H
#define LOGLOAD_PARTITIONS_H

#include "driver.h"
#include "period.h"

#define PARTITIONS_BACK 400
#define PARTITIONS_AHEAD 3 /* the present one among them: may be made */
#define PARTITIONS_MAX 8192

/* Of a table that is to be made, into *parts, so many of them. */
#define PARTITIONS_FIRST 2
void
partitions_first(enum db_period, int64_t now_us, struct db_partition *parts);

/*
 * Of db->table, over a session without a transaction: reads which ones there
 * are, and makes those that are wanted, and the next one. What is not wanted
 * yet is only told of where it fails. Where it was done before, and not `anew`,
 * only if one is wanted, or db->partitions_due.
 */
enum db_verdict partitions_prepare(struct db *, bool anew);
void partitions_release(struct db_partitions *);

/* For a transaction that begins: what is near now? */
void partitions_begin(struct db *);
/*
 * Is an event of the table of that number to be rejected? This goes while
 * another thread stores.
 */
bool
partitions_reject(const struct db *, unsigned table, const char *received_at);
/* Is one missing for these rows of db->table? It is wanted then: DB_PREPARE. */
bool partitions_lack(
    struct db *, const struct batch *, unsigned from, unsigned count);
/*
 * The database says so, of these. Is it worth to look again? Not where it has
 * been so, in vain.
 */
bool partitions_doubt(
    struct db *, const struct batch *, unsigned from, unsigned count);

/* The same, but it makes none. */
enum db_verdict partitions_look(struct db *);

/*
 * Drops one that lies wholly before the limit, the oldest one; as above. *any:
 * there was one. Of one that others have locked, DB_CONFLICT, it is noted as
 * passed, and then come those behind it.
 */
enum db_verdict
partitions_drop(struct db *, const char limit[DB_INSTANT_LEN + 1], bool *any);
/* The limit is no more than where what is not dropped begins. */
void partitions_cut(const struct db *, char limit[DB_INSTANT_LEN + 1]);

#endif
