/*
 * statement.h - statements over a session, other than for rows.
 */
#ifndef LOGLOAD_STATEMENT_H
#define LOGLOAD_STATEMENT_H

#include <string.h>

#include "driver.h"

/* Notes that the session was used, and whether its host has failed. */
enum db_verdict db_heard(struct db *, enum db_verdict);

/*
 * Rows may be refused, but not these: DB_REFUSED is DB_SCHEMA. The answer is
 * valid until the next call.
 */
enum db_verdict db_run(struct db *, const char *sql, size_t len);
enum db_verdict
db_ask(struct db *, const char *sql, size_t len, struct db_answer *);

static inline enum db_verdict
db_run_text(struct db *db, const char *sql)
{
	return db_run(db, sql, strlen(sql));
}

#endif
