/*
 * postgresql_link.h - a connection to PostgreSQL, for the files that include
 * the client library: postgresql.c and postgresql_connect.c.
 */
#ifndef LOGLOAD_POSTGRESQL_LINK_H
#define LOGLOAD_POSTGRESQL_LINK_H

#include <libpq-fe.h>
#include <stdatomic.h>

#include "postgresql_own.h"

struct link {
	struct pg pg;     /* first: the callers' handle, and the other files' */
	PGconn *conn;     /* NULL: not connected */
	PGresult *answer; /* what the last one points into */
	const char *lost; /* why we have given the connection up; or NULL */
	unsigned first;   /* which host of the address is tried first */
	struct buf text;  /* a statement, or an address, as a C string */
	atomic_bool interrupted;
};

/* Until the socket is ready for that, or `until`; then -1, and l->lost. */
int postgresql_wait(struct link *, short events, uint64_t until);
/* As in struct db_driver. */
int postgresql_parse(struct db_config *, char *rest, struct error *);
enum db_verdict postgresql_open(struct db *);

#endif
