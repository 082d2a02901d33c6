/*
 * db.h - what the loader needs of a SQL database, and nothing of any one.
 *
 * A database is reached through a driver: a table of what it can do and of how
 * its SQL is written (README.md tells how to add one). The ledger, the tables
 * and transactions are the same for all, in db.c and tables.c.
 *
 * Each call ends in a verdict, and where that is not DB_OK, db->error has the
 * database's own code and text. After DB_PASSING and DB_SCHEMA the transaction
 * is lost: call db_disconnect and db_connect before the next db_begin, which
 * else is DB_PASSING. After DB_CONFLICT and DB_TOO_LARGE db_rollback will do.
 * One thread uses one db.
 */
#ifndef LOGLOAD_DB_H
#define LOGLOAD_DB_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "../row/batch.h"
#include "../row/columns.h"
#include "buf.h"
#include "error.h"
#include "options.h"

enum db_verdict {
	DB_OK,
	DB_REFUSED,  /* these rows, for whatever reason; the transaction goes on
		      */
	DB_PASSING,  /* the same will work later */
	DB_CONFLICT, /* the same will work at once: others were in the way */
	DB_TOO_LARGE, /* the transaction is: less of it will work */
	DB_SCHEMA,    /* the statement, whatever the rows: a human must look */
};

/* What else is asked of an error. */
enum db_cause {
	DB_CAUSE_OTHER,
	DB_CAUSE_DUPLICATE, /* of DB_REFUSED: of a unique key */
	DB_CAUSE_NO_TABLE,
};

enum db_ssl {
	DB_SSL_DISABLED,
	DB_SSL_PREFERRED,
	DB_SSL_REQUIRED,
	DB_SSL_VERIFY_CA,
	DB_SSL_VERIFY_IDENTITY,
};

#define DB_HOSTS_MAX 8

struct db_host {
	const char *name;
	uint64_t port;
};

struct db_driver;

/* Where and how; NULL and 0: what the database's own configuration says. */
struct db_config {
	const struct db_driver *driver;     /* never NULL */
	struct db_host hosts[DB_HOSTS_MAX]; /* tried in turn */
	unsigned host_count;
	const char *user, *password, *database, *socket;
	const char *defaults_file;
	const char *ssl_mode; /* NULL: ssl is our default, no wish */
	enum db_ssl ssl;
	const char *ssl_ca, *ssl_cert, *ssl_key;
	uint64_t connect_ns, read_ns, write_ns;
	uint64_t rows_most; /* of a batch; 0: as many as the driver says */
	bool look_only;     /* make no tables; one that is missing is empty */
	const char *table, *ledger; /* "name" or "database.name" */
	const struct columns *columns;
	const struct option_list *indexes; /* "column,column" each */
};

#define DB_NAME_MAX 255  /* bytes of a file's name in the ledger */
#define DB_TABLE_MAX 129 /* bytes of "database.name" */
#define DB_HASH_LEN 64   /* of a SHA-256 in hexadecimal */

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

/* A handle; the driver's own begins with it. */
struct db {
	const struct db_driver *driver;
	const struct db_config *config;
	bool open;        /* there is a session */
	unsigned host;    /* of it, or to be tried: of the config */
	bool host_failed; /* try the next one, where there is one */
	bool old_ledger;  /* of the version before; with look_only alone */
	bool own_key;     /* see db_is_there; this and the next: once open */
	struct row_bounds bounds;
	uint64_t opened_ns;         /* when it was opened, monotonic */
	uint64_t used_ns;           /* when it was last used */
	struct batch_limits limits; /* of a batch; the driver's, once open */
	struct error error;         /* code: the database's own */
	enum db_cause cause;
	bool unanswered;  /* the error is ours: the server may have done it */
	uint64_t changed; /* rows: stored, or found to be updated, by the last
			     run */
	struct buf sql;   /* reused */
};

/*
 * What the loader calls.
 *
 * db_start once, before any thread; db_thread_begin and db_thread_end around
 * all that a thread other than the first does with a db.
 */
int db_start(void);
void db_stop(void);
void db_thread_begin(void);
void db_thread_end(void);

/*
 * The driver of an address "SCHEME://…", and what follows that; or NULL, with
 * an error that names the schemes there are. NULL finds the first driver.
 */
const struct db_driver *
db_find_driver(const char *address, const char **rest, struct error *);

/* config must outlive it. NULL: out of memory. */
struct db *db_new(const struct db_config *);
void db_free(struct db *);

/* Connects where that is needed, and sees to the tables. */
enum db_verdict db_connect(struct db *);
void db_disconnect(struct db *);
/*
 * From any thread: what another one waits for at the server fails now, as if
 * the connection was lost.
 */
void db_interrupt(struct db *);

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
 * row alone the error is its own.
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
/*
 * Is an event in the table already? Its key is received_at, file_id and line.
 * Only where db->own_key says that the table has a unique index that begins
 * with these: without one that may take long.
 */
enum db_verdict
db_is_there(struct db *, const struct batch *, unsigned row, bool *there);
/*
 * Does the table take that row, which it has taken before? DB_OK: as before,
 * or it is there; nothing has changed.
 */
enum db_verdict db_probe(struct db *, const struct batch *, unsigned row);

/*
 * What a driver is.
 */

/* How its SQL is written. */
struct db_dialect {
	char name_quote;     /* around a name; doubled within */
	const char *escaped; /* characters of a string with a \ before them */
	const char *begin;   /* begins a transaction */
	const char *same;    /* is true in a session as open has made it */
	const char *lock;    /* behind a SELECT whose row is to be locked */
	const char *now;     /* the instant, in UTC */
	const char *nth;     /* behind a SELECT: its row %u, from 0 on */
	const char *types[COLUMN_TYPES]; /* of a column; %u: its width */
	const char *count;               /* a whole number from 0 on */
	const char *json;                /* an event, as text if possible */
	const char *text;                /* of the ledger: %u bytes, compared
					    byte by byte */
	const char *table_end;           /* behind the bracket */
};

#define DB_FIELDS_MAX 12

/* The first row of an answer. */
struct db_answer {
	bool found;
	/* NULL: SQL NULL. Valid until the next call. */
	const char *fields[DB_FIELDS_MAX];
};

struct db_driver {
	const char *const *schemes; /* of addresses; NULL ends them */
	struct db_dialect dialect;
	int (*start)(void);
	void (*stop)(void);
	void (*thread_begin)(void);
	void (*thread_end)(void);
	/* A handle, all zeros but for what is the driver's own; or NULL. */
	struct db *(*make)(void);
	void (*free)(struct db *); /* it is closed */
	/*
	 * A session as db->config has it: UTC, every error an error, no
	 * transaction but those that are begun. Sets db->limits. What a failure
	 * leaves, close takes away.
	 */
	enum db_verdict (*open)(struct db *);
	void (*close)(struct db *);
	void (*interrupt)(struct db *);
	/* Does the server answer? To be known within seconds, whatever happens.
	 */
	bool (*alive)(struct db *);
	/* One statement, without an answer: sets db->changed; or with one. */
	enum db_verdict (*run)(struct db *, const char *sql, size_t len);
	enum db_verdict (*ask)(
	    struct db *, const char *sql, size_t len, struct db_answer *);
	/*
	 * Has the table, which is there, all that the promise needs? Sets
	 * own_key and bounds for db->config->table, of what the server says.
	 */
	enum db_verdict (*check)(struct db *, const char *table);
	/* These two as above; the second one may be NULL. */
	enum db_verdict (*store)(
	    struct db *, const struct batch *, unsigned from, unsigned count);
	enum db_verdict (*sift)(struct db *, const struct batch *,
	    unsigned from, unsigned count, bool *missing);
};

static inline enum db_verdict
db_no_memory(struct db *db)
{
	(void)error_set(&db->error, "out of memory");
	db->cause = DB_CAUSE_OTHER;
	return DB_PASSING;
}

#endif
