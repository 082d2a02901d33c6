/*
 * faults-sqlite.c - calls of libsqlite3; see faults.c. Most of what may fail
 * there are calls of the system.
 */
#include <errno.h>
#include <string.h>

#include "faults.h"

#define DONE 101 /* SQLITE_DONE */

struct sqlite3;
struct sqlite3_stmt;
int sqlite3_step(struct sqlite3_stmt *);
int sqlite3_exec(struct sqlite3 *, const char *,
    int (*)(void *, int, char **, char **), void *, char **);
const char *sqlite3_sql(struct sqlite3_stmt *);
struct sqlite3 *sqlite3_db_handle(struct sqlite3_stmt *);

/* The lie is about COMMIT, which would be done later else. */
int
sqlite3_step(struct sqlite3_stmt *stmt)
{
	const char *sql = REAL(sqlite3_sql)(stmt); /* of its own: NULL */
	struct subject s = {.fd = -1,
	    .data = sql == NULL ? "" : sql,
	    .len = sql == NULL ? 0 : strlen(sql)};
	struct rule *r = fault_hit("sqlite3_step", &s);
	int rc;

	if (r == NULL)
		return REAL(sqlite3_step)(stmt);
	(void)fault_instead(r);
	if (r->action == LIE) {
		(void)REAL(sqlite3_exec)(REAL(sqlite3_db_handle)(stmt),
		    "ROLLBACK", NULL, NULL, NULL);
		return DONE;
	}
	rc = REAL(sqlite3_step)(stmt);
	(void)fault_afterwards(r);
	return rc;
}
