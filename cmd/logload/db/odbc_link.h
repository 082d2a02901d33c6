/*
 * odbc_link.h - a connection through ODBC, for the files that include the
 * driver manager's library: odbc.c, odbc_session.c, odbc_table.c and
 * odbc_insert.c.
 */
#ifndef LOGLOAD_ODBC_LINK_H
#define LOGLOAD_ODBC_LINK_H

#include <sql.h>
#include <sqlext.h>

#include "db.h"
#include "odbc_own.h"

#define PARAMS_MAX (DB_NAMES_MAX + 16) /* of a statement of ours */
#define VALUES_PARAMS 2000             /* of many rows; SQL Server takes 2100 */

/* How savepoints are written; %s is a name. */
struct savepoints {
	const char *set, *back, *release; /* release NULL: it is not needed */
};

/*
 * The ways to store many rows, the next one if one does not work, or its rows
 * cannot be counted: most drivers run a statement for each row of an array.
 */
enum way {
	VALUES, /* a statement of many rows */
	ARRAYS, /* one of one row, for an array of parameters */
	SINGLY,
};

struct param {
	size_t at; /* in link.values */
	SQLLEN len;
};

struct link {
	struct db db; /* first: the callers' handle */
	SQLHENV env;
	SQLHDBC dbc;
	SQLHSTMT statement, insert;
	bool connected, told;
	const struct savepoints *savepoints; /* of the session */
	char quote[4];                       /* around names; or "" */
	struct buf text;                     /* a statement, translated */
	struct buf values;                   /* its parameters */
	struct param params[PARAMS_MAX];
	unsigned param_count, skip; /* rows of its answer */
	struct buf answer;          /* what the last one points into */
	/* Of INSERT: */
	enum way way;
	unsigned prepared;            /* for so many rows; 0: not yet */
	char table[DB_TABLE_MAX + 1]; /* likewise */
	unsigned rows;    /* its parameters are bound for; 0: not yet */
	struct buf cells; /* their values */
	size_t widths[COLUMNS_MAX + 4]; /* of the cells of each column */
	SQLLEN *lens;                   /* of each value; owned */
	char digits[2][20];             /* of a row by itself */
	/* A row, or a batch, over a limit of the server may end a session. */
	unsigned losses; /* sessions, in INSERT, since the last COMMIT */
	struct {
		uint64_t file_id, line;
		unsigned losses;
	} alone; /* the row by itself that the last one was lost with */
};

static inline struct link *
odbc_of(struct db *db)
{
	return (struct link *)db;
}

/*
 * The error of a handle, of that kind; what NULL: of rows, in the database's
 * own words.
 */
enum db_verdict
odbc_failed(struct link *, SQLSMALLINT kind, SQLHANDLE, const char *what);
/*
 * What a driver says of a success. It is DB_OK, unless a value was cut, or some
 * rows of an array are not stored.
 */
enum db_verdict odbc_heed(struct link *, SQLHSTMT);
/* An error of ours. */
enum db_verdict odbc_refused(struct link *, enum db_verdict, const char *why);

/* SQL of ours into l->text, as the database has it. -1 with ENOMEM. */
int odbc_translate(struct link *, const char *sql, size_t len);
/* Runs what was translated. */
enum db_verdict odbc_execute(struct link *, const char *what);
/* The database's own SQL. */
enum db_verdict odbc_run_text(struct link *, const char *sql);
/* All that a statement has stored or changed; -1: the driver cannot tell. */
enum db_verdict
odbc_count_rows(struct link *, SQLHSTMT, const char *what, SQLLEN *count);
enum db_verdict
odbc_end_transaction(struct link *, SQLSMALLINT how, const char *what);

/* One of the forms of l->savepoints. */
enum db_verdict odbc_run_savepoint(
    struct link *, const char *form, const char *name, size_t len);
enum db_verdict odbc_set_savepoint(struct link *);
/* Of what is refused nothing stays, and the transaction goes on. */
enum db_verdict odbc_end_savepoint(struct link *, enum db_verdict);

/* As in struct db_driver. */
enum db_verdict odbc_open(struct db *);
void odbc_close(struct db *);
void odbc_interrupt(struct db *);
enum db_verdict odbc_check(struct db *, const char *table);
enum db_verdict odbc_list(struct db *, const char *first, struct buf *names);
enum db_verdict
odbc_store(struct db *, const struct batch *, unsigned from, unsigned count);

/* An attribute that is a number goes in place of a pointer. */
static inline SQLPOINTER
odbc_number(uint64_t number)
{
	/* NOLINTNEXTLINE(performance-no-int-to-ptr) */
	return (SQLPOINTER)(uintptr_t)number;
}

#endif
