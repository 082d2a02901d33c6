/*
 * route.h - which table an event goes to, where there are many.
 *
 * Then --table is a template: text, at most one {member} of the event (a path
 * as --column has them), and %Y %m %d %H of received_at, in UTC. That is the
 * instant of the row's key: no client sets it, and it is the same at each try,
 * from rejected/ too. %% is a per cent sign.
 *
 * What a member holds is foreign text. It becomes a part of a name only if
 * --tables allows it, a list of words and of patterns as a shell has them, and
 * only as one of so many: the first that come to this process, but there is a
 * place for each word. It is written in lower case, for some servers take two
 * names that differ in that for one; and nothing in it is replaced, so no two
 * values share a table else: what has other characters than a-z, 0-9, _ and -
 * has no table of its own. With one member, all else being text or of a fixed
 * length, a name tells its value. The ledger's name is nobody's.
 *
 * So that an event that is loaded again finds the table that it went to, a
 * value whose table is there keeps it, and takes one of the places:
 * route_learn. What had no place then is in the other one, where store.c looks.
 *
 * An event that has no table of its own goes to the other one, or, if there is
 * none, into rejected/. So does one whose table the database refuses to have,
 * as where an index has that name, if just a pattern allows it: no client may
 * stop the others. A word of the list is the operator's, who has to mend that.
 */
#ifndef LOGLOAD_ROUTE_H
#define LOGLOAD_ROUTE_H

#include <stdbool.h>

#include "buf.h"
#include "db/db.h"
#include "row/columns.h"
#include "row/row.h"

struct route; /* shared by all threads */

/* Is it a template? */
bool route_is_template(const char *table);

/*
 * Of config's table, which it points into; allowed: of --tables, or NULL. The
 * member is noted in the columns, which are not compiled yet. NULL with the
 * error.
 */
struct route *route_new(const struct db_config *, const char *allowed,
    struct columns *, struct error *);
void route_free(struct route *);

/*
 * Looks which tables there are, in a transaction, if `all`; and else for the
 * other one alone. DB_PREPARE: that one has come.
 */
enum db_verdict route_learn(struct route *, struct db *, bool all);

enum { ROUTE_REFUSED = -1, ROUTE_FULL = -2, ROUTE_OVER = -3 };

/*
 * The number of the row's table: see known_find. ROUTE_REFUSED, and the
 * error says why: it has none. ROUTE_FULL: there would be too many at a time;
 * known_forget helps. ROUTE_OVER: there is no place for its value; route_learn
 * may find that it has one, or route_other. db NULL: nobody asks for the
 * number.
 */
int route_row(struct route *, struct db *, const struct row *, struct error *);
/* The number of the other table; or ROUTE_REFUSED, with the error as it was. */
int route_other(struct route *, struct db *);

/*
 * Appends the names of the tables that are there and that the template may have
 * made, but for the other one; each with its NUL.
 */
enum db_verdict
route_list(const struct route *, struct db *, struct buf *names);
/* By the template, has each the events of one hour, day, month or year? */
bool route_is_dated(const struct route *);
/* From when on, and up to when, such a table has any. */
void route_period(
    const struct route *, const char *name, int64_t *from_us, int64_t *to_us);

/*
 * Appends the names that are known beforehand, of the other table too, each
 * with its NUL. -1 with ENOMEM.
 */
int route_names(const struct route *, struct buf *);

#endif
