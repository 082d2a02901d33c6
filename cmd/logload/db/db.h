/*
 * db.h - what the loader needs of a SQL database, and nothing of any one.
 *
 * A database is a table of operations. Each operation ends in a verdict, and
 * where that is not DB_OK, db->error has the database's own code and text.
 * After DB_PASSING and DB_SCHEMA the transaction is lost: call disconnect
 * before the next begin. One thread uses one db.
 */
#ifndef LOGLOAD_DB_H
#define LOGLOAD_DB_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "../row/columns.h"
#include "error.h"
#include "options.h"
#include "../row/value.h"

enum db_verdict {
	DB_OK,
	DB_EVENT,   /* an event cannot be stored; the transaction goes on */
	DB_PASSING, /* the same will work later */
	DB_SCHEMA,  /* schema, rights, configuration: a human must look */
	DB_SOURCE,  /* the rows could not be read; the caller knows why */
};

enum db_method { DB_METHOD_AUTO, DB_METHOD_LOAD_DATA, DB_METHOD_INSERT };

enum db_ssl {
	DB_SSL_DISABLED,
	DB_SSL_PREFERRED,
	DB_SSL_REQUIRED,
	DB_SSL_VERIFY_CA,
	DB_SSL_VERIFY_IDENTITY,
};

/* Where and how; NULL and 0: what the database's own configuration says. */
struct db_config {
	const char *host, *user, *password, *database, *socket;
	uint64_t port;
	const char *defaults_file, *defaults_extra_file;
	bool no_defaults;
	bool ssl_given; /* ssl is the user's wish, not our default */
	enum db_ssl ssl;
	const char *ssl_ca, *ssl_cert, *ssl_key;
	uint64_t connect_ns, read_ns, write_ns;
	bool look_only; /* make no tables; one that is missing is empty */
	enum db_method method;
	const char *table, *ledger; /* "name" or "database.name" */
	const struct columns *columns;
	const struct option_list *indexes; /* "column,column" each */
};

/* One event. Texts are valid until the next row is asked for. */
struct db_row {
	const char *received_at; /* VALUE_DATETIME_LEN bytes */
	uint64_t line;
	struct value columns[COLUMNS_MAX];
	struct value payload;
};

/* Where rows come from: 1 and *row, 0 at the end, -1 if reading failed. */
struct db_rows {
	int (*next)(void *context, const struct db_row **row);
	void *context;
	uint64_t sent; /* rows taken so far */
};

/* A file's line in the ledger. */
struct db_file {
	uint64_t id;
	uint64_t bytes, events, rejected;
	uint64_t torn;     /* bytes of a torn tail, skipped */
	uint64_t progress; /* bytes that are committed */
	uint64_t lines;    /* within those */
	bool loaded;
};

struct db;

struct db_ops {
	/* Connects where that is needed, and sees to the tables. */
	enum db_verdict (*connect)(struct db *);
	void (*disconnect)(struct db *);
	void (*free)(struct db *);
	/*
	 * From any thread: what another one waits for at the server fails now,
	 * as if the connection was lost.
	 */
	void (*interrupt)(struct db *);

	enum db_verdict (*begin)(struct db *);
	enum db_verdict (*commit)(struct db *);
	void (*rollback)(struct db *);             /* a failure disconnects */
	enum db_verdict (*savepoint)(struct db *); /* replaces the last one */
	enum db_verdict (*rewind)(struct db *);    /* back to it */

	/* Looks a name up, outside any transaction. */
	enum db_verdict (*find)(
	    struct db *, const char *name, struct db_file *, bool *found);
	/*
	 * Within a transaction: makes the file's line, or finds it, and locks
	 * it until the end.
	 */
	enum db_verdict (*claim)(
	    struct db *, const char *name, uint64_t bytes, struct db_file *);
	enum db_verdict (*save)(struct db *, const struct db_file *);

	/*
	 * Stores all rows by the fastest way there is, or says DB_EVENT, after
	 * which any part of them may be stored: rewind.
	 */
	enum db_verdict (*load)(
	    struct db *, const struct db_file *, struct db_rows *);
	/* Stores one row in the strictest way, for its true error. */
	enum db_verdict (*insert)(
	    struct db *, const struct db_file *, const struct db_row *);
	/* A row that load refused was stored by insert: be as strict there. */
	void (*distrust)(struct db *);
};

struct db {
	const struct db_ops *ops;
	struct error error; /* code: the database's own */
	/* After DB_EVENT: may the table be at fault, its types or keys? */
	bool suspect;
};

/*
 * MySQL and MariaDB. config must outlive it. NULL: out of memory. Call
 * db_mysql_start once, before any thread, and db_mysql_thread_end at the end of
 * each thread that has used one.
 */
int db_mysql_start(void);
void db_mysql_stop(void);
void db_mysql_thread_end(void);
struct db *db_mysql_new(const struct db_config *);

/* Appends the statements that make the tables. 0, or -1 with ENOMEM. */
struct buf;
int db_mysql_schema(const struct db_config *, struct buf *);

#endif
