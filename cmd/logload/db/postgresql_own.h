/*
 * postgresql_own.h - what the files of the driver of PostgreSQL share, without
 * the client library.
 */
#ifndef LOGLOAD_POSTGRESQL_OWN_H
#define LOGLOAD_POSTGRESQL_OWN_H

#include "driver.h"

/*
 * A transaction holds on to 64 of its savepoints in memory that all sessions
 * look at; with more each of them has to read the disk. What a release leaves
 * counts too.
 */
#define BATCHES_MOST 40
#define RUNS_MOST 16 /* while one is sifted */

struct pg {
	struct db db;      /* first: the callers' handle */
	bool hasty;        /* see `hasten` of a driver */
	bool many_hosts;   /* the session's address has them */
	struct buf copy;   /* the statement that stores */
	struct buf rows;   /* that it sends */
	unsigned bad_line; /* of the last COPY, from 1 on; 0: not known */
	char skip[BATCH_ROWS_MAX]; /* for postgresql_sift */
};

/* Over a new connection. */
enum db_verdict postgresql_open_session(struct pg *);
extern const struct db_partitioning postgresql_partitioning;
/* As in struct db_driver. */
enum db_verdict postgresql_check(struct db *, const char *table);

/* The statement, into pg->copy. -1 with ENOMEM. */
int postgresql_put_copy(struct pg *);
/* A row, at the end of pg->rows. -1 with ENOMEM. */
int postgresql_put_row(struct pg *, const struct batch *, unsigned row);

/*
 * Stores all but those that skip[] names, if there is one; or, with DB_REFUSED,
 * none of them. Then pg->bad_line tells which of those sent is the first one
 * that was refused.
 */
enum db_verdict postgresql_copy(struct pg *, const struct batch *,
    unsigned from, unsigned count, const char *skip);
/* These two as in struct db_driver. */
enum db_verdict postgresql_store(
    struct db *, const struct batch *, unsigned from, unsigned count);
enum db_verdict postgresql_sift(struct db *, const struct batch *,
    unsigned from, unsigned count, bool *missing);

/*
 * What an error means; sqlstate NULL: it is the library's own. text helps where
 * there is none, and where one has several causes.
 */
enum db_verdict
postgresql_verdict(const char *sqlstate, const char *text, enum db_cause *);
/* An SQLSTATE, as struct db_dialect has it. */
int postgresql_code(const char *sqlstate);
/* Sets db->error, of a text that may have several lines: "WHAT: TEXT". */
void postgresql_tell(struct db *, const char *what, const char *text);

#endif
