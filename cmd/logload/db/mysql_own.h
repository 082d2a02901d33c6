/*
 * mysql_own.h - what the files of the driver of MySQL and MariaDB share,
 * without the client library.
 */
#ifndef LOGLOAD_MYSQL_OWN_H
#define LOGLOAD_MYSQL_OWN_H

#include "driver.h"

#define FEW_ROWS 16     /* go by INSERT always */
#define INSERT_ROWS 256 /* of one statement */
#define BATCH_BYTES (2 * 1024 * 1024)
#define PACKET_SPARE 128 /* of max_allowed_packet, for the protocol */

#define MYSQL_TABLES \
	"SELECT GROUP_CONCAT(table_name SEPARATOR '\n') FROM " \
	"information_schema.tables WHERE table_schema=COALESCE(%s, " \
	"DATABASE()) AND table_type<>'VIEW' AND " \
	"SUBSTR(table_name, 1, CHAR_LENGTH(%s))=%s"

struct mysql {
	struct db db;    /* first: the callers' handle */
	bool unprepared; /* and about statements that cannot be prepared */
	bool arrays, load_data; /* what this session can */
	uint64_t packet_max;    /* of the server */
	unsigned warnings;      /* of the last statement that was run */
	unsigned rows_told;     /* of the last answer, one behind the other */
	struct buf reasons;     /* see struct db */
	bool hasty;             /* see `hasten` of a driver */
	bool loading;           /* LOAD DATA runs: its rows may be asked for */
	char asked[128];        /* a file that the server asked for; or "" */
	/* What LOAD DATA sends: rows of a batch, but those that skip[] names.
	 */
	const struct batch *batch;
	unsigned first, next, end;
	const bool *skip;
	struct buf rows; /* some of them, as they are sent */
	size_t sent;     /* of those */
};

/* Over a new connection, of which `arrays` says whether it knows them. */
enum db_verdict mysql_open_session(struct mysql *);
/* Lets the system find out that the other end is not there any more. */
void mysql_watch(int socket);
/* Waits for an answer, which cannot take long. */
bool mysql_answers(int socket);
/* Behind an error: how the right, or the password, is given that it misses. */
void mysql_tell_remedy(struct mysql *);
/* How much goes at a time by the ways that there are. */
void mysql_set_limits(struct mysql *);
/* The error of a row that no packet can hold: DB_REFUSED. */
enum db_verdict mysql_too_large(struct mysql *, size_t size);
extern const struct db_partitioning mysql_partitioning;
/* These two as in struct db_driver. */
enum db_verdict mysql_hasten(struct db *, bool);
enum db_verdict mysql_check(struct db *, const char *table);
/* One number, or 0 for NULL. */
enum db_verdict
mysql_ask_number(struct mysql *, const char *sql, uint64_t *number);

/*
 * Stores them all, or, with DB_REFUSED, none. Clears load_data where the server
 * does not take it any more.
 */
enum db_verdict
mysql_load(struct mysql *, const struct batch *, unsigned from, unsigned count);
/* As in struct db_driver. */
enum db_verdict mysql_sift(struct db *, const struct batch *, unsigned from,
    unsigned count, bool *missing);
/*
 * Clears missing[I], for each row from+I that is in the table. DB_REFUSED: to
 * find that out would take too long.
 */
enum db_verdict mysql_find(struct mysql *, const struct batch *, unsigned from,
    unsigned count, bool *missing);
/*
 * The same where no INSERT could be prepared, of which db->error tells; with
 * that verdict where it has another reason, or LOAD DATA is not there either.
 */
enum db_verdict mysql_load_instead(struct mysql *, const struct batch *,
    unsigned from, unsigned count, enum db_verdict);
/* What the client library calls to read the rows; handle: the struct mysql. */
int mysql_infile_read(void *handle, char *out, unsigned size);
void mysql_infile_end(void *handle);
int mysql_infile_error(void *handle, char *text, unsigned size);
/* The error of a server that has asked for more than rows. */
enum db_verdict mysql_file_asked(struct mysql *);

#endif
