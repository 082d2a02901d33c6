/*
 * sql.h - SQL text, as a dialect writes it. Each appends to a buf; 0, or -1
 * with ENOMEM.
 */
#ifndef LOGLOAD_SQL_H
#define LOGLOAD_SQL_H

#include "driver.h"

int sql_put_name(
    struct buf *, const struct db_dialect *, const char *name, size_t len);
/* "name" or "database.name". */
int sql_put_table(struct buf *, const struct db_dialect *, const char *name);
/* A string; it holds no NUL. */
int sql_put_text(
    struct buf *, const struct db_dialect *, const char *text, size_t len);
/* A column of instants, as text. */
int
sql_put_instant(struct buf *, const struct db_dialect *, const char *column);
int sql_put_drop(struct buf *, const struct db_dialect *, const char *table);
/* Behind a SELECT: its row of that number, from 0 on. */
int sql_put_nth(struct buf *, const struct db_dialect *, unsigned n);
/* The statements that give the rights to load into tables that are there. */
int sql_put_grants(struct buf *, const struct db *);
/* The key's columns, and what else a batch has, in its order. */
int sql_put_columns(
    struct buf *, const struct db_dialect *, const struct columns *);
/*
 * SQL of ours in which <received_at>, <file_id>, <line> and <payload> stand for
 * the names that these columns have, {received_at} and so on for the same as
 * texts; {columns} for ", name" of each other one; and {types} for
 * " WHEN name THEN type" of all, as texts: of these four their own first names,
 * of the others the words of types.h, of a decimal with its scale; and
 * {uniques} for a SELECT of the keys that --unique asks for, each as
 * "column,column", with the name w, and a NULL.
 */
int sql_put_form(struct buf *, const struct db_config *, const char *form);
/* Of the ledger, all but started_at; or what the version before had. */
int sql_put_ledger_columns(struct buf *, const struct db_dialect *, bool old);
/* So many rows into the table, with a ? for each value; verb: "INSERT", … */
int sql_put_insert(
    struct buf *, const struct db *, const char *verb, unsigned rows);

/* In decimal; there is room for 20 bytes. Returns what is behind them. */
char *sql_put_digits(char *out, uint64_t n);

#endif
