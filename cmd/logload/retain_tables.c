/*
 * retain_tables.c - what is older than --retain goes from the tables: from
 * those that the session knows, whole ones that are named after times, and, now
 * and then, all others that --table may have made.
 *
 * Nobody is waited for for long who has one of them locked. It is left alone
 * then, and its turn comes again after all that are not, one in a turn.
 */
#include <stdio.h>
#include <string.h>

#include "db/expire.h"
#include "db/known.h"
#include "db/partitions.h"
#include "db/statement.h"
#include "db/tables.h"
#include "log.h"
#include "retain_own.h"

#define STEP_ROWS 5000

/*
 * What others have locked
 */

/* Its place, or held_count. */
static unsigned
find_held(const struct retain *r, const char *table)
{
	unsigned i = 0;

	while (i < r->held_count && strcmp(r->held[i], table) != 0)
		i++;
	return i;
}

static void
take_held(struct retain *r, unsigned i)
{
	if (i == r->held_count)
		return;
	r->held_count--;
	memmove(r->held[i], r->held[i + 1],
	    (r->held_count - i) * sizeof(r->held[0]));
}

static void
put_held(struct retain *r, const char *table)
{
	if (r->held_count == RETAIN_HELD_MAX)
		take_held(r, 0);
	(void)snprintf(
	    r->held[r->held_count++], sizeof(r->held[0]), "%s", table);
}

/* After a turn that has waited for one, the others have their time. */
static void
choose_held(struct turn *t)
{
	struct retain *r = t->r;

	if (!r->blocked && r->held_count > 0) {
		memcpy(t->tries, r->held[0], sizeof(t->tries));
		take_held(r, 0);
		put_held(r, t->tries);
	}
	r->blocked = false;
}

/* Of such a one nobody knows what is left. */
static bool
is_left(struct turn *t, const char *table)
{
	if (strcmp(table, t->tries) == 0 ||
	    find_held(t->r, table) == t->r->held_count)
		return false;
	t->limit[0] = '\0';
	return true;
}

/* It is told once, until it has been done. */
static void
note_held(struct turn *t, const char *table)
{
	struct retain *r = t->r;

	t->blocked = r->blocked = true;
	t->limit[0] = t->tries[0] = '\0'; /* nor is it tried again */
	if (find_held(r, table) < r->held_count)
		return;
	log_warn("what is too old in the table %s stays until others, who have "
		 "it locked, let it go: %s",
	    table, t->db->error.text);
	put_held(r, table);
}

/*
 * The work at db->table has ended so: the turn goes on where others are at it,
 * or have dropped it. `left`: it is not all done.
 */
static enum db_verdict
end_table(struct turn *t, enum db_verdict verdict, bool left)
{
	struct db *db = t->db;
	const char *table = db->table->name;

	if (verdict == DB_OK && !left && !t->cut)
		take_held(t->r, find_held(t->r, table));
	if (verdict == DB_CONFLICT)
		note_held(t, table);
	else if (verdict == DB_SCHEMA && db->cause == DB_CAUSE_NO_TABLE &&
		 db->table != &db->tables[0])
		known_lose(db, table);
	else
		return verdict;
	return db_run_text(db, "ROLLBACK");
}

/*
 * Rows and partitions
 */

/* *left: not those that others have locked. */
static enum db_verdict
drop_partitions(struct turn *t, bool *left)
{
	struct db_partitions *p = &t->db->table->partitions;
	enum db_verdict verdict = DB_OK;
	bool any = true;

	while (any && verdict == DB_OK && retain_has_time(t))
		verdict = partitions_drop(t->db, t->limit, &any);
	*left = p->passed[0] != '\0';
	if (!any)
		p->passed[0] = '\0'; /* from the oldest on again */
	return verdict;
}

/* Once, or each minute while there are more. */
static void
tell_expired(struct turn *t)
{
	uint64_t now = clock_monotonic_ns();
	struct retain *r = t->r;

	if (r->expired == 0 || (t->cut && now - r->told_ns < RETAIN_EVERY_NS))
		return;
	log_info("deleted what is older than --retain: rows=%llu "
		 "before=\"%.19s\"%s",
	    (unsigned long long)r->expired, t->limit,
	    t->cut ? ", and there is more" : "");
	r->expired = 0;
	r->told_ns = now;
}

/* Also those that no partition with two ends has, before all that have. */
static enum db_verdict
delete_rows(struct turn *t)
{
	struct db_partitions *p = &t->db->table->partitions;
	char oldest[DB_INSTANT_LEN + 1] = "";
	uint64_t rows, all = 0;
	enum db_verdict verdict = DB_OK;
	bool more = true;
	int64_t us;

	if (p->any)
		partitions_cut(t->db, t->limit);
	if (!t->db->table->own_key) {
		if (!p->any && !p->warned)
			log_warn("nothing is removed from the table %s: it "
				 "needs UNIQUE (received_at, file_id, line)",
			    t->db->table->name);
		p->warned = true;
		t->limit[0] =
		    '\0'; /* the ledger alone keeps it from doubling */
		return DB_OK;
	}
	verdict = db_ask_oldest(t->db, t->db->table->name, oldest);
	while (verdict == DB_OK && oldest[0] != '\0' &&
	       strcmp(oldest, t->limit) < 0 && more && retain_has_time(t)) {
		verdict = db_expire(t->db, t->db->table->name, t->limit,
		    STEP_ROWS, &rows, &more);
		if (verdict == DB_OK)
			all += rows;
	}
	meter_add(t->r->meters, METER_EXPIRED_ROWS, all);
	t->r->expired += all;
	tell_expired(t);
	if (verdict == DB_OK && all > 0)
		verdict = db_ask_oldest(t->db, t->db->table->name, oldest);
	if (verdict == DB_OK && retain_instant(oldest, &us) &&
	    (t->oldest_us == 0 || us < t->oldest_us))
		t->oldest_us = us;
	return verdict;
}

/*
 * Tables that are named after times
 */

/* Why not, at the first turn that it is so; others may be. */
static enum db_verdict
tell_left(struct turn *t, const char *what, const char *why)
{
	if (!t->r->told_left)
		log_warn("the table %s%s: %s", t->db->table->name, what, why);
	t->r->told_left = true;
	t->limit[0] = '\0';
	return db_run_text(t->db, "ROLLBACK");
}

/* What the database refuses of one table keeps no other. */
static enum db_verdict
heed(struct turn *t, const char *what, enum db_verdict verdict)
{
	return (verdict == DB_SCHEMA || verdict == DB_REFUSED) &&
		       t->db->cause != DB_CAUSE_NO_TABLE
		   ? tell_left(t, what, t->db->error.text)
		   : verdict;
}

#define NOT_DROPPED \
	", which is older than --retain, is not dropped, nor what the ledger " \
	"has from then on"
#define NOT_SWEPT " keeps what is too old, and so does the ledger"

/* Has it nothing that is young? Where nothing can be dropped, it is deleted. */
static enum db_verdict
look_through(struct turn *t, bool *old)
{
	const char *table = t->db->table->name;
	char newest[DB_INSTANT_LEN + 1];
	enum db_verdict verdict = tables_look(t->db);
	bool more = t->db->driver->partitioning == NULL;
	uint64_t rows;

	*old = false;
	if (verdict == DB_OK && !t->db->table->own_key)
		return tell_left(t, NOT_DROPPED,
		    "it needs UNIQUE (received_at, file_id, line)");
	if (verdict == DB_OK)
		verdict =
		    db_ask_newest(t->db, table, RETAIN_END_OF_TIME, newest);
	if (verdict == DB_OK && strcmp(newest, t->limit) >= 0)
		return tell_left(t, NOT_DROPPED, "it has events of later");
	while (verdict == DB_OK && more && retain_has_time(t)) {
		verdict =
		    db_expire(t->db, table, t->limit, STEP_ROWS, &rows, &more);
		meter_add(t->r->meters, METER_EXPIRED_ROWS, rows);
	}
	*old = verdict == DB_OK && !more;
	return verdict;
}

static enum db_verdict
drop_table(struct turn *t, const char *name, bool *dropped)
{
	struct db_table table = {.ready = true};
	struct db *db = t->db;
	enum db_verdict verdict;

	(void)snprintf(table.name, sizeof(table.name), "%s", name);
	db->table = &table;
	verdict = look_through(t, dropped);
	if (verdict == DB_OK && *dropped) {
		verdict = db_drop(db, name);
		known_lose(db, name);
	}
	*dropped = *dropped && verdict == DB_OK;
	db->partitions_dropped += *dropped;
	if (*dropped)
		log_info(
		    "dropped the table %s, which is older than --retain", name);
	verdict = end_table(t, heed(t, NOT_DROPPED, verdict), false);
	db->table = &db->tables[0];
	return verdict;
}

/* Whole ones that lie before the limit; what is left begins at `lowest`. */
static enum db_verdict
drop_tables(struct turn *t, const struct buf *names, const char *limit,
    char lowest[DB_INSTANT_LEN + 1])
{
	const struct route *route = t->r->settings->route;
	enum db_verdict verdict = DB_OK;
	int64_t from, to;

	for (size_t at = 0; at < names->len && verdict == DB_OK;
	     at += strlen(names->data + at) + 1) {
		const char *name = names->data + at;
		char first[DB_INSTANT_LEN + 1];
		bool dropped = false;

		route_period(route, name, &from, &to);
		value_stamp(from, first);
		memcpy(t->limit, limit, sizeof(t->limit));
		if (to <= instant_us(limit) && !is_left(t, name) &&
		    retain_has_time(t))
			verdict = drop_table(t, name, &dropped);
		if (!dropped && strcmp(first, lowest) < 0)
			memcpy(lowest, first, sizeof(first));
	}
	return verdict;
}

/*
 * All others
 */

/* Of db->table; *left as above. */
static enum db_verdict
clear_table(struct turn *t, bool *left)
{
	enum db_verdict verdict = DB_OK;

	*left = false;
	if (t->db->table->partitions.any)
		verdict = drop_partitions(t, left);
	return verdict == DB_OK ? delete_rows(t) : verdict;
}

static enum db_verdict
sweep_table(struct turn *t, const char *name)
{
	struct db_table table = {
	    .ready = true, .partitions.warned = t->r->told_left};
	struct db *db = t->db;
	enum db_verdict verdict;
	bool left = false;

	(void)snprintf(table.name, sizeof(table.name), "%s", name);
	db->table = &table;
	verdict = tables_look(db);
	if (verdict == DB_OK)
		verdict = partitions_look(db);
	if (verdict == DB_OK)
		verdict = clear_table(t, &left);
	verdict = end_table(t, heed(t, NOT_SWEPT, verdict), left);
	t->r->told_left |= table.partitions.warned;
	partitions_release(&table.partitions);
	db->table = &db->tables[0];
	return verdict;
}

/* The first one behind that one, by their names; NULL: there is none. */
static const char *
next_name(const struct buf *names, const char *after)
{
	const char *next = NULL, *name = names->data;

	for (; name < names->data + names->len; name += strlen(name) + 1) {
		if (strcmp(name, after) > 0 &&
		    (next == NULL || strcmp(name, next) < 0))
			next = name;
	}
	return next;
}

/*
 * As many as there is time for, and those that the session knows, too: the next
 * turn's may not know them. What is left in all of them is told by r->swept,
 * once all have been swept.
 */
static enum db_verdict
sweep(struct turn *t, const struct buf *names, const char *limit)
{
	struct retain *r = t->r;
	uint64_t now = clock_monotonic_ns();
	enum db_verdict verdict = DB_OK;
	const char *name = NULL;

	if (r->swept_ns > 0 && r->sweep_from[0] == '\0' &&
	    now - r->swept_ns < RETAIN_SELDOM_NS)
		return DB_OK;
	if (r->sweep_from[0] == '\0')
		memcpy(r->swept, limit, sizeof(r->swept));
	while (verdict == DB_OK &&
	       (name = next_name(names, r->sweep_from)) != NULL &&
	       retain_has_time(t)) {
		bool blocked = t->blocked;

		memcpy(t->limit, limit, sizeof(t->limit));
		if (!is_left(t, name))
			verdict = sweep_table(t, name);
		if (t->cut && t->blocked == blocked)
			return verdict; /* there is more in it */
		(void)snprintf(
		    r->sweep_from, sizeof(r->sweep_from), "%s", name);
		if (strcmp(t->limit, r->swept) < 0)
			memcpy(r->swept, t->limit, sizeof(r->swept));
	}
	if (verdict == DB_OK && name == NULL) {
		r->sweep_from[0] = '\0';
		r->swept_ns = now;
	}
	return verdict;
}

/* Those that the session knows; what is left begins at `lowest`. */
static enum db_verdict
clear_tables(struct turn *t, const char *limit, char lowest[DB_INSTANT_LEN + 1])
{
	enum db_verdict verdict = DB_OK;
	struct db *db = t->db;

	for (unsigned i = 0; i < db->table_count && verdict == DB_OK; i++) {
		bool left;

		if (!db->tables[i].ready)
			continue;
		db->table = &db->tables[i];
		memcpy(t->limit, limit, sizeof(t->limit));
		if (!is_left(t, db->table->name)) {
			verdict = clear_table(t, &left);
			verdict = end_table(t, verdict, left);
		}
		if (strcmp(t->limit, lowest) < 0)
			memcpy(lowest, t->limit, sizeof(t->limit));
	}
	db->table = &db->tables[0];
	return verdict;
}

enum db_verdict
retain_tables(struct turn *t)
{
	const struct settings *s = t->r->settings;
	char limit[DB_INSTANT_LEN + 1], lowest[DB_INSTANT_LEN + 1];
	enum db_verdict verdict = DB_OK;
	struct buf names = {0};
	bool dated = s->route != NULL && route_is_dated(s->route);

	value_stamp(t->now_us - (int64_t)(s->db.retain_ns / 1000), limit);
	memcpy(lowest, limit, sizeof(lowest));
	choose_held(t);
	/* The other one, too, though nothing was loaded over this session. */
	if (s->route != NULL)
		verdict = route_learn(s->route, t->db, false);
	if (verdict == DB_PREPARE)
		verdict = db_prepare(t->db);
	if (verdict == DB_OK && s->route != NULL)
		verdict = route_list(s->route, t->db, &names);
	if (verdict == DB_OK && dated)
		verdict = drop_tables(t, &names, limit, lowest);
	if (verdict == DB_OK)
		verdict = clear_tables(t, limit, lowest);
	if (verdict == DB_OK && s->route != NULL && !dated) {
		verdict = sweep(t, &names, limit);
		if (strcmp(t->r->swept, lowest) < 0)
			memcpy(lowest, t->r->swept, sizeof(lowest));
	}
	buf_release(&names);
	memcpy(t->limit, lowest, sizeof(t->limit));
	meter_set(t->r->meters, METER_OLDEST_KEPT,
	    t->oldest_us / (int64_t)CLOCK_US_PER_S);
	return verdict;
}
