/*
 * driver.h - what a database is to the loader, and which drivers there are.
 *
 * A driver is a table of what its database can do and of how its SQL is
 * written; README.md tells how to add one. db.h has what the loader calls.
 */
#ifndef LOGLOAD_DRIVER_H
#define LOGLOAD_DRIVER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "../row/batch.h"
#include "../row/bounds.h"
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
	DB_PREPARE,   /* something is missing that db_prepare makes */
};

/* What else is asked of an error. */
enum db_cause {
	DB_CAUSE_OTHER,
	DB_CAUSE_DUPLICATE, /* of DB_REFUSED: of a unique key */
	DB_CAUSE_NO_TABLE,
	DB_CAUSE_NO_PARTITION, /* of DB_REFUSED: the table has none for it */
};

enum db_ssl {
	DB_SSL_DISABLED,
	DB_SSL_PREFERRED,
	DB_SSL_REQUIRED,
	DB_SSL_VERIFY_CA,
	DB_SSL_VERIFY_IDENTITY,
};

/* What a partition is for, by received_at, in UTC. */
enum db_period {
	DB_PERIOD_NONE,
	DB_PERIOD_HOUR,
	DB_PERIOD_DAY,
	DB_PERIOD_MONTH,
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
	const char *path; /* of a database that is a file */
	const char *rest; /* of the address, where the driver keeps it whole */
	const char *defaults_file;
	const char *ssl_mode; /* NULL: ssl is our default, no wish */
	enum db_ssl ssl;
	const char *ssl_ca, *ssl_cert, *ssl_key;
	uint64_t connect_ns, read_ns, write_ns;
	bool look_only; /* make no tables; one that is missing is empty */
	/* "name" or "database.name"; of many tables what the ledger calls them.
	 */
	const char *table, *ledger;
	/*
	 * Of many tables: how many at most, each made when it is wanted; how
	 * many a session knows at a time, for more may be there; and the one of
	 * events that have none of their own, or NULL.
	 */
	unsigned table_most, table_room;
	const char *other_table;
	const char *payload_type; /* one of the dialect's two */
	const struct columns *columns;
	/* "column,column" each; those of uniques are keys. */
	const struct option_list *indexes, *uniques;
	bool evolve;     /* add the columns that a table lacks */
	unsigned period; /* of a partition: enum db_period */
	bool catch_all;  /* takes what is far from any; else it is rejected */
	uint64_t retain_ns; /* for so long events stay; 0: for ever */
};

#define DB_INSTANT_LEN VALUE_DATETIME_LEN
#define DB_EVER "~" /* in place of an instant: behind them all; "": before */

/* Of a table: from the one instant on, below the other. */
struct db_partition {
	char from[DB_INSTANT_LEN + 1], to[DB_INSTANT_LEN + 1];
	const char *name; /* as the driver has it; NULL: none of its own */
};

#define DB_WANTED_MAX 64

/* What is known of a table's partitions; see partitions.h. */
struct db_partitions {
	bool any;   /* it has such that we can see to, */
	bool makes; /* and we make those that are missing */
	bool warned, doubted;
	struct db_partition *list; /* owned */
	unsigned count, room;
	unsigned hit;     /* that was found last */
	const char *form; /* of a bound, the driver's */
	struct buf text;  /* what these point into; owned */
	char wanted[DB_WANTED_MAX][DB_INSTANT_LEN + 1];
	unsigned wanted_count;
	char passed[DB_INSTANT_LEN + 1]; /* those that end by then are not
					    dropped now; "": none */
};

#define DB_NAME_MAX 255  /* bytes of a file's name in the ledger */
#define DB_TABLE_MAX 129 /* bytes of "database.name" */
#define DB_HASH_LEN 64   /* of a SHA-256 in hexadecimal */

/* A table of events, and what is known of it in this session. */
struct db_table {
	char name[DB_TABLE_MAX + 1]; /* "name" or "database.name" */
	bool wanted;                 /* it is to be there, */
	bool ready;                  /* and is, and was checked */
	bool optional;               /* it may be unfit, */
	bool unfit;                  /* and is: the database refuses it */
	/* Set by `check`: */
	bool own_key; /* see db_is_there */
	struct row_bounds bounds;
	/* The driver's own, if it needs them: */
	bool can_sift;
	unsigned widths[COLUMNS_MAX]; /* of the columns, perhaps, likewise */
	struct db_partitions partitions;
};

/* A handle; the driver's own begins with it. */
struct db {
	const struct db_driver *driver;
	const struct db_config *config;
	bool open;             /* there is a session */
	_Atomic unsigned host; /* of it, or to be tried: of the config */
	bool host_failed;      /* try the next one, where there is one */
	bool warned;           /* of the server's settings */
	bool old_ledger;       /* of the version before; with look_only alone */
	struct db_table *tables; /* owned */
	unsigned table_count;
	struct db_table *table; /* of them: for check, store and sift */
	bool table_gone;        /* one that was ready */
	uint64_t opened_ns;     /* when it was opened, monotonic */
	/* These two are looked at by other threads: */
	_Atomic uint64_t used_ns;   /* when the server was last heard */
	_Atomic uint64_t quick_ns;  /* since when it is asked what takes it no
				       time; 0: it is not */
	struct batch_limits limits; /* of a batch; the driver's, once open */
	struct error error;         /* code: the database's own */
	enum db_cause cause;
	bool unanswered;  /* the error is ours: the server may have done it */
	uint64_t changed; /* rows: stored, or found to be updated, by the last
			     run */
	/*
	 * Once sifted: for each row that is missing, in their order, the code
	 * and the text of its refusal, all ended by a NUL. NULL: not known.
	 */
	const char *reasons;
	struct buf sql; /* reused */
	bool
	    partitions_due; /* all are to be looked at by the next db_prepare */
	char
	    near_from[DB_INSTANT_LEN + 1]; /* missing ones are made from then */
	char near_below[DB_INSTANT_LEN + 1]; /* on, below that */
	uint64_t partitions_made,
	    partitions_dropped; /* the caller resets them */
};

/* How its SQL is written. */
struct db_dialect {
	char name_quote;      /* around a name; doubled within */
	const char *escaped;  /* characters of a string with a \ before them */
	const char *begin;    /* begins a transaction */
	const char *same;     /* is true in a session as open has made it */
	const char *lock;     /* behind a SELECT whose row is to be locked;
				 NULL: an UPDATE of it comes before that */
	const char *same_key; /* behind an INSERT: a key that is there already
				 is no error; NULL: it may be one, and the
				 transaction goes on */
	const char *now;      /* the instant, in UTC */
	const char *instant;  /* the column %s as text, YYYY-MM-DD
				 hh:mm:ss.uuuuuu;  NULL: it is that anyway */
	const char *nth;      /* behind a SELECT: its row %u, from 0 on */
	/* Of a column; %u: its width, and then its scale; NULL: there is none.
	 */
	const char *types[COLUMN_TYPES];
	bool signed_only;      /* a whole number ends at 2^63-1 */
	const char *count;     /* a whole number from 0 on */
	const char *json;      /* an event, as text if possible */
	const char *json_too;  /* by choice; NULL: there is none */
	const char *text;      /* of the ledger: %u bytes, compared
				  byte by byte */
	const char *table_end; /* behind the bracket */
	unsigned name_bytes;   /* most of a name; 0: the database will say */
	/* The names, a line each, of the tables of a database (%s, NULL: ours)
	 * that begin with a text (%s, %s); NULL: see `list`. */
	const char *tables;
	bool sqlstates; /* error.code is an SQLSTATE, as a number of base 36 */
	bool made_by_user; /* the tables are, of what --print-schema prints */
};

#define DB_FIELDS_MAX 12

/* The first row of an answer. */
struct db_answer {
	bool found;
	/* NULL: SQL NULL. Valid until the next call. */
	const char *fields[DB_FIELDS_MAX];
};

/* How a database divides a table by ranges of received_at. */
struct db_partitioning {
	bool contiguous; /* a range begins where the one below it ends */
	/* On the table, behind others: for all of it, and to drop a table. */
	const char *rights, *drop_rights;
	/*
	 * Behind the bracket of CREATE TABLE; and, where the first partitions
	 * are not made by that, the statements that do so. 0, or -1 with
	 * ENOMEM.
	 */
	int (*put_clause)(struct buf *, const struct db_config *,
	    const struct db_partition *, unsigned count);
	int (*put_first)(struct buf *, const struct db_config *,
	    const char *table, const struct db_partition *,
	    unsigned count); /* NULL: by that */
	/*
	 * A question that has one row: the form of a bound, for `add`, NULL
	 * where the table has no such partitions; and a line FROM, TO and NAME
	 * of each, with tabs between them. Where they are contiguous, FROM is
	 * empty.
	 */
	int (*put_list)(
	    struct buf *, const struct db_config *, const char *table);
	/*
	 * Makes these, or, if there are none, the one for all that is far, out
	 * of `over`, an open one that they lie in, or NULL. None of these three
	 * waits for others for more than a few seconds. DB_REFUSED: the open
	 * one has rows that are in the way. Never within a transaction.
	 */
	enum db_verdict (*add)(struct db *, const char *table,
	    const struct db_partition *, unsigned count,
	    const struct db_partition *over);
	/* Likewise drops it, or, of NULL, the whole table. */
	enum db_verdict (*drop)(
	    struct db *, const char *table, const struct db_partition *);
};

struct db_driver {
	struct db_dialect dialect;
	const struct db_partitioning *partitioning; /* NULL: it has none */
	bool one_writer; /* more than one --jobs would only wait */
	/*
	 * Fills in what an address tells; `rest` stands behind its scheme, and
	 * lives as long as the configuration. -1 with a text that does not show
	 * the password.
	 */
	int (*parse)(struct db_config *, char *rest, struct error *);
	/* Is it told where to go without an address? NULL: it never is. */
	bool (*configured)(const struct db_config *);
	int (*start)(void); /* these four may be NULL */
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
	 * Where dialect.tables does not ask it: appends the names of the tables
	 * that are there and begin so ("name" or "database.name"), each with
	 * its NUL.
	 */
	enum db_verdict (*list)(struct db *, const char *first, struct buf *);
	/*
	 * From now on a statement waits for what others have locked for a few
	 * seconds at most, and is DB_CONFLICT then; or, false, as at first.
	 * NULL: as that is.
	 */
	enum db_verdict (*hasten)(struct db *, bool);
	/*
	 * Has the table, which is there, all that the promise needs? Is it not
	 * the ledger, it is db->table, and gets what the server says of it.
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

/*
 * Each in the file of its name, and in the table of drivers.c. One that was not
 * built is at the address NULL.
 */
#define DB_DRIVER extern const struct db_driver __attribute__((weak))
DB_DRIVER db_mysql; /* MySQL and MariaDB */
DB_DRIVER db_postgresql;
DB_DRIVER db_sqlite;
DB_DRIVER db_odbc; /* whatever has a driver for it */

#endif
