/*
 * odbc_own.h - what the files of the ODBC driver share, without the library.
 */
#ifndef LOGLOAD_ODBC_OWN_H
#define LOGLOAD_ODBC_OWN_H

#include "driver.h"

/*
 * Moves the password, where a connection string has one, to behind its end. -1
 * where another secret is in it.
 */
int
odbc_take_password(char *connection, const char **password, struct error *err);

/* What an error means. text: what the database itself says. */
enum db_verdict odbc_verdict(
    const char *sqlstate, int native, const char *text, enum db_cause *);
/* Does it, beside a success, say nothing that matters to what was stored? */
bool odbc_is_harmless(const char *sqlstate);
/* A message without the names that drivers put in front of it. */
const char *odbc_text(const char *message);

/*
 * Does the table, in this session, what the promise needs? That is tried, and
 * taken back: DB_SCHEMA, where it does not. lacking: a column to be blamed if
 * no row is taken, or "".
 */
enum db_verdict odbc_try_ledger(struct db *);
enum db_verdict odbc_try_events(struct db *, const char *lacking);

#endif
