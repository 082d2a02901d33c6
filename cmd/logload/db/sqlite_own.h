/*
 * sqlite_own.h - what the files of the driver of SQLite share, without the
 * library.
 */
#ifndef LOGLOAD_SQLITE_OWN_H
#define LOGLOAD_SQLITE_OWN_H

#include "driver.h"

/* As in struct db_driver; the statement may have a ?1, which is the text. */
enum db_verdict sqlite_ask(struct db *, const char *sql, size_t len,
    const char *text, struct db_answer *);
enum db_verdict sqlite_check(struct db *, const char *table);

#endif
