/*
 * mysql_own.h - what the files mysql*.c share; nobody else includes it.
 */
#ifndef LOGLOAD_MYSQL_OWN_H
#define LOGLOAD_MYSQL_OWN_H

#include <errmsg.h>
#include <mysql.h>
#include <pthread.h>

#include "buf.h"
#include "db.h"

struct mysql_db {
	struct db db; /* first: the callers' handle */
	pthread_mutex_t lock;
	int socket; /* under the lock; -1: none */
	const struct db_config *config;
	MYSQL *link;  /* NULL: not connected */
	bool warned;  /* about settings that cost durability */
	bool inserts; /* LOAD DATA is not to be had */
	bool arrays;  /* INSERT takes arrays of rows, which is faster */
	struct mysql_bulk *bulk; /* to send them; NULL: not used yet */
	uint64_t packet_max;     /* of the server */
	uint64_t used_ns;        /* when the connection was last used */
	struct buf sql;          /* reused */
};

/* Codes that the library's headers of MySQL and MariaDB do not share. */
enum {
	SERVER_DUPLICATE = 1062,
	SERVER_NO_SUCH_TABLE = 1146,
	SERVER_UNKNOWN_VARIABLE = 1193,
	SERVER_INFILE_OFF = 1148,
	SERVER_LOCAL_INFILE_OFF = 3948,     /* MySQL's */
	SERVER_INFILE_NO_CAPABILITY = 4166, /* MariaDB's */
	CLIENT_INFILE_REFUSED = 2068,
	SERVER_PACKET_TOO_LARGE = 1153,
	SERVER_CANNOT_PREPARE = 1295,
	SERVER_TOO_MANY_PREPARED = 1461,
};

/* Opens the session. */
enum db_verdict mysql_link_open(struct mysql_db *);
void mysql_link_close(struct mysql_db *);

/* Runs one statement that has no result to read. */
enum db_verdict mysql_run(struct mysql_db *, const char *sql, size_t len);
enum db_verdict mysql_run_text(struct mysql_db *, const char *sql);
/* Runs one that has. *result is NULL where the verdict is not DB_OK. */
enum db_verdict
mysql_ask(struct mysql_db *, const char *sql, size_t len, MYSQL_RES **result);

/* Takes the code and text of the last failure over; returns its verdict. */
enum db_verdict mysql_failed(struct mysql_db *, const char *what);
/* The same of a failure that the connection does not know of. */
enum db_verdict mysql_failure(struct mysql_db *, const char *what,
    unsigned code, const char *sqlstate, const char *text);

enum db_verdict mysql_no_memory(struct mysql_db *);

/* What an error means; text helps where one code has several causes. */
enum db_verdict
mysql_verdict(unsigned code, const char *sqlstate, const char *text);

/* Is it the event's content, so that no table could take it? */
bool mysql_is_content(unsigned code, const char *sqlstate);

/* Appends `name`, or `database`.`name`, quoted. */
int mysql_quote_table(struct buf *, const char *name);
int mysql_quote_name(struct buf *, const char *name, size_t len);
/* Appends text as an SQL string. */
int mysql_quote_text(struct buf *, const char *text, size_t len);

/* Makes the tables where they are missing, and checks them. */
enum db_verdict mysql_prepare_tables(struct mysql_db *);

enum db_verdict
mysql_load(struct db *, const struct db_file *, struct db_rows *);
enum db_verdict
mysql_insert(struct db *, const struct db_file *, const struct db_row *);
/* Writes m->sql: INSERT INTO, the table, its columns, and VALUES. */
int mysql_put_insert(struct mysql_db *);

/* Arrays of rows: can the server and the library take them? */
bool mysql_has_bulk(struct mysql_db *);
void mysql_bulk_free(struct mysql_bulk *);
/* Makes m->bulk; or finds that this connection cannot, and clears m->arrays. */
enum db_verdict mysql_bulk_prepare(struct mysql_db *);
enum db_verdict
mysql_bulk_load(struct mysql_db *, const struct db_file *, struct db_rows *);

#endif
