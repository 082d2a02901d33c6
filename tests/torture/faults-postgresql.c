/*
 * faults-postgresql.c - calls of libpq; see faults.c.
 */
#include <errno.h>
#include <string.h>

#include "faults.h"

struct pg_conn;
int PQsendQuery(struct pg_conn *, const char *);
int PQputCopyData(struct pg_conn *, const char *, int);
int PQputCopyEnd(struct pg_conn *, const char *);

/* The lie has the answers of a COMMIT, the last one of them. */
int
PQsendQuery(struct pg_conn *conn, const char *sql)
{
	struct subject s = {.fd = -1, .data = sql, .len = strlen(sql)};
	struct rule *r = fault_hit("PQsendQuery", &s);
	int rc;

	if (r == NULL)
		return REAL(PQsendQuery)(conn, sql);
	if (fault_instead(r))
		return 0;
	rc = REAL(PQsendQuery)(
	    conn, r->action == LIE ? "ROLLBACK; BEGIN; COMMIT" : sql);
	return fault_afterwards(r) ? 0 : rc;
}

int
PQputCopyData(struct pg_conn *conn, const char *data, int len)
{
	struct rule *r = fault_hit("PQputCopyData", NULL);

	OBEY(int, PQputCopyData, conn, data, len);
}

int
PQputCopyEnd(struct pg_conn *conn, const char *error)
{
	struct rule *r = fault_hit("PQputCopyEnd", NULL);

	OBEY(int, PQputCopyEnd, conn, error);
}
