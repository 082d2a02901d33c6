/*
 * db.h - what the loader needs of a SQL database, and nothing of any one.
 *
 * A database is reached through a driver (driver.h). The ledger, the tables and
 * transactions are the same for all, in db.c and tables.c.
 *
 * Each call ends in a verdict, and where that is not DB_OK, db->error has the
 * database's own code and text. After DB_PASSING and DB_SCHEMA the transaction
 * is lost: call db_disconnect and db_connect before the next db_begin, which
 * else is DB_PASSING. After the others db_rollback will do.
 * One thread uses one db.
 */
#ifndef LOGLOAD_DB_H
#define LOGLOAD_DB_H

#include "driver.h"

/* A file that is to have a line in the ledger. */
struct db_claim {
	const char *name;
	const char *sha256; /* of its first `bytes` bytes; NULL: not known */
	uint64_t bytes;     /* 0: not known yet */
};

/* A file's line in the ledger. */
struct db_file {
	uint64_t id; /* of its rows, too: made from the name, see db_file_id */
	char name[DB_NAME_MAX + 1];
	char table[DB_TABLE_MAX + 1], sha256[DB_HASH_LEN + 1]; /* or "" */
	uint64_t bytes, events, rejected;
	uint64_t torn;     /* bytes of a torn tail, skipped */
	uint64_t progress; /* bytes that are committed */
	uint64_t lines;    /* within those */
	bool loaded;
	char started_at[VALUE_DATETIME_LEN + 1]; /* UTC */
};

/* What lines of the ledger are looked for by; NULL and false: by all. */
struct db_search {
	const char *sha256;
	const char *from, *below; /* names: from this one on, below that one */
	bool unfinished;          /* not loaded to their end */
};

/*
 * db_start once, before any thread; db_thread_begin and db_thread_end around
 * all that a thread other than the first does with a db.
 */
int db_start(void);
void db_stop(void);
void db_thread_begin(void);
void db_thread_end(void);

/*
 * The driver of an address, which begins with so many bytes of scheme; or NULL,
 * with an error that names the schemes there are, or what building it needs.
 */
const struct db_driver *
db_find_driver(const char *address, size_t *scheme_len, struct error *);
/*
 * The driver where there is no address: the first one that is configured by
 * other means, or the first one, or NULL, if none was built.
 */
const struct db_driver *
db_default_driver(const struct db_config *, bool *configured);

/* config must outlive it. NULL: out of memory. */
struct db *db_new(const struct db_config *);
void db_free(struct db *);

/* A code of its errors, as JSON. */
#define DB_CODE_MAX 16
void db_code(const struct db *, int code, char out[DB_CODE_MAX]);

/* Connects where that is needed, and sees to the tables. */
enum db_verdict db_connect(struct db *);
void db_disconnect(struct db *);
/*
 * Does that host of the configuration answer? Over a session for this alone: no
 * table is looked at. Whatever it says, unless that is DB_OK, tells only that
 * it could not be asked.
 */
enum db_verdict db_ping(struct db *, unsigned host);
/*
 * From any thread: for how long it has not said what takes it no time, 0: it is
 * not asked; and since when (monotonic) it was not heard.
 */
uint64_t db_silent_ns(struct db *);
uint64_t db_heard_ns(struct db *);
/*
 * From any thread: what another one waits for at the server fails now, as if
 * the connection was lost.
 */
void db_interrupt(struct db *);

/*
 * Makes what the rows of a transaction were found to lack (DB_PREPARE): by DDL,
 * with which some databases commit what came before it, so never within one.
 */
enum db_verdict db_prepare(struct db *);

enum db_verdict db_begin(struct db *);
enum db_verdict db_commit(struct db *);
void db_rollback(struct db *); /* a failure disconnects */

/* Looks a name up in the ledger, outside any transaction. */
enum db_verdict
db_find(struct db *, const char *name, struct db_file *, bool *found);
/* How many of so many different names has it as loaded to their end? */
#define DB_NAMES_MAX 128
enum db_verdict db_count_loaded(
    struct db *, const char *const *names, unsigned count, uint64_t *loaded);
/*
 * Likewise the line number `skip`, from 0 on, of those for our table, or for
 * one that is not told, that the search finds: the loaded ones first, of them
 * the newest.
 */
enum db_verdict db_search(struct db *, const struct db_search *, unsigned skip,
    struct db_file *, bool *found);
/* The first 63 bits of the name's SHA-256, but 0. -1: libcrypto refused. */
int db_file_id(const char *name, uint64_t *id);
/*
 * Within a transaction: makes the file's line, or finds it, and locks it until
 * the end. A new line's id is db_file_id, so that it is the same whatever
 * becomes of the ledger. A line that bears another name, or the id under
 * another name, is DB_SCHEMA.
 */
enum db_verdict
db_claim(struct db *, const struct db_claim *, struct db_file *);
/* Writes how far the file is. DB_SCHEMA where its line is not there. */
enum db_verdict db_save(struct db *, const struct db_file *);

/*
 * Stores so many rows of a batch, or, with DB_REFUSED, none of them. Only of a
 * row alone the error is its own. DB_PREPARE: the table, one of many, has gone,
 * or a partition is missing.
 */
enum db_verdict
db_store(struct db *, const struct batch *, unsigned from, unsigned count);
/*
 * Stores those that can be, and tells which rows are not in the table:
 * missing[I] is for row from+I. DB_REFUSED: that cannot be known here, and none
 * is stored.
 */
enum db_verdict db_sift(struct db *, const struct batch *, unsigned from,
    unsigned count, bool *missing);
/* Asks for a column of an event's row; NULL: only whether it is there. */
enum db_verdict db_read(struct db *, const struct batch *, unsigned row,
    const char *column, struct db_answer *);
/*
 * Is an event in the table already? Its key is received_at, file_id and line.
 * Where own_key does not say that the table has a unique index that begins
 * with these, that could take long, and it counts as not there. Of more than
 * one row: is any event there that each part of its key does not tell apart
 * from them all?
 */
enum db_verdict db_is_there(struct db *, const struct batch *, unsigned from,
    unsigned count, bool *there);
/*
 * Does the table take that row, which it has taken before? DB_OK: as before,
 * or it is there; nothing has changed.
 */
enum db_verdict db_probe(struct db *, const struct batch *, unsigned row);

#endif
