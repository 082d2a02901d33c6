/*
 * tables.h - the tables of events and of files: made where they are missing,
 * extended where an older version has made them, and checked.
 */
#ifndef LOGLOAD_TABLES_H
#define LOGLOAD_TABLES_H

#include "driver.h"

/*
 * Appends the statements that make them; those of events are given, each with a
 * NUL behind, and one more. 0, or -1 with ENOMEM.
 */
int tables_schema(const struct db_config *, const char *tables, struct buf *);

/*
 * Over a new session, which must not be within a transaction. With look_only it
 * only finds out whether the ledger is an old one.
 */
enum db_verdict tables_prepare(struct db *);

/* Could db->table, which is there, be loaded into? Sets what `check` sets. */
enum db_verdict tables_look(struct db *);

#endif
