/*
 * route.c - see route.h.
 */
#include <ctype.h>
#include <fnmatch.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "db/known.h"
#include "db/partitions.h"
#include "lock.h"
#include "log.h"
#include "route.h"

#define PARTS_MAX 32
#define VALUE_MAX 64 /* bytes */
#define VALUE_BYTES "abcdefghijklmnopqrstuvwxyz0123456789_-"

/* A literal text; or some bytes of the instant; or else the member's value. */
struct part {
	const char *text; /* not owned; NULL: none */
	size_t at, len;
};

struct route {
	const struct db_config *config;
	struct part parts[PARTS_MAX];
	unsigned count;
	size_t most;        /* bytes of a name, without the database's */
	const char *member; /* in the template; NULL: there is none */
	int member_len;
	unsigned column; /* of its value in a row */
	unsigned timed; /* a bit for each part of the instant: 1 for the year */
	char *allowed;  /* words, each with a NUL behind, and one more; owned */
	unsigned
	    pattern_most; /* values of patterns: the words have their own */
	/* The values that were let through, under the lock; owned. */
	pthread_mutex_t lock;
	char (*values)[VALUE_MAX + 1];
	unsigned value_count, value_room, pattern_count;
	bool told;
};

static int read_template(struct route *, struct columns *, struct error *);
static int read_allowed(struct route *, const char *, struct error *);
static size_t put_name(const struct route *, const char *instant,
    const char *value, char out[DB_TABLE_MAX + 1]);
static int check_name(const struct route *, const char *, struct error *);

bool
route_is_template(const char *table)
{
	return strpbrk(table, "{%") != NULL;
}

struct route *
route_new(const struct db_config *c, const char *allowed,
    struct columns *columns, struct error *err)
{
	struct route *r = calloc(1, sizeof(*r));

	if (r == NULL || pthread_mutex_init(&r->lock, NULL) != 0) {
		(void)error_set(err, "out of memory");
		free(r);
		return NULL;
	}
	r->config = c;
	r->most = c->driver->dialect.name_bytes;
	if (r->most > 0 && c->period != DB_PERIOD_NONE)
		r->most -=
		    PARTITION_NAME_LEN + 1; /* its partitions' have that */
	if (r->most == 0 || r->most > COLUMN_NAME_MAX)
		r->most = COLUMN_NAME_MAX;
	if (read_template(r, columns, err) == 0 &&
	    read_allowed(r, allowed, err) == 0)
		return r;
	route_free(r);
	return NULL;
}

void
route_free(struct route *r)
{
	if (r == NULL)
		return;
	(void)pthread_mutex_destroy(&r->lock); /* no other thread is left */
	free(r->values);
	free(r->allowed);
	free(r);
}

/*
 * The template
 */

/* One part from p on; returns what is behind it, or NULL with the error. */
static const char *
read_part(struct route *r, const char *p, struct part *part, struct error *err)
{
	static const struct {
		char conversion;
		size_t at, len;
	} times[] = {{'Y', 0, 4}, {'m', 5, 2}, {'d', 8, 2}, {'H', 11, 2}};
	const char *end = strchr(p, '}');

	if (*p == '{') {
		if (end == NULL || r->member != NULL) {
			(void)error_set(err, "'%s' has %s", r->config->table,
			    end == NULL ? "a { without a }"
					: "more than one {member}");
			return NULL;
		}
		r->member = p + 1;
		r->member_len = (int)(end - p - 1);
		return end + 1;
	}
	if (*p != '%') {
		*part = (struct part){.text = p, .len = strcspn(p, "{%")};
		return p + part->len;
	}
	if (p[1] == '%') {
		*part = (struct part){.text = p, .len = 1};
		return p + 2;
	}
	for (size_t i = 0; i < sizeof(times) / sizeof(times[0]); i++) {
		if (p[1] != times[i].conversion)
			continue;
		*part = (struct part){NULL, times[i].at, times[i].len};
		r->timed |= 1U << i;
		return p + 2;
	}
	(void)error_set(err,
	    "'%s' has a %% that is not of %%Y, %%m, %%d, %%H "
	    "or %%%%",
	    r->config->table);
	return NULL;
}

static int
read_template(struct route *r, struct columns *columns, struct error *err)
{
	const char *p = r->config->table;
	char name[DB_TABLE_MAX + 1];

	while (*p != '\0') {
		if (r->count == PARTS_MAX)
			return error_set(err, "'%s' has over %d parts",
			    r->config->table, PARTS_MAX);
		p = read_part(r, p, &r->parts[r->count++], err);
		if (p == NULL)
			return -1;
	}
	/* Whether the rest of it is a name: of a short value. */
	if (put_name(r, "2000-01-01 00:00", "x", name) == 0)
		name[0] = '\0';
	if (check_name(r, name, err) < 0)
		return -1;
	if (r->member == NULL)
		return 0;
	r->column = columns->count;
	return columns_watch(columns, r->member, (size_t)r->member_len, err);
}

/* Words between commas, in lower case. */
static int
read_allowed(struct route *r, const char *allowed, struct error *err)
{
	unsigned words = 0;
	char *out;

	if ((allowed == NULL) != (r->member == NULL))
		return error_set(err,
		    r->member == NULL
			? "'%s' has no {member} that --tables could be of"
			: "'%s' needs --tables, which says what the {member} "
			  "may be",
		    r->config->table);
	if (allowed == NULL)
		return 0;
	r->allowed = out = calloc(1, strlen(allowed) + 2);
	if (out == NULL)
		return error_set(err, "out of memory");
	while (*allowed != '\0') {
		size_t n = strspn(
		    allowed, VALUE_BYTES "ABCDEFGHIJKLMNOPQRSTUVWXYZ*?[]!");

		if (n == 0 || (allowed[n] != ',' && allowed[n] != '\0'))
			return error_set(err,
			    "'%.*s' in --tables is not of letters, digits, "
			    "'_', '-', and the signs of a pattern",
			    (int)strcspn(allowed, ","), allowed);
		words += strcspn(allowed, "*?[") >= n;
		while (n-- > 0)
			*out++ = (char)tolower((unsigned char)*allowed++);
		out++;
		allowed += *allowed == ',';
	}
	if (*r->allowed == '\0')
		return error_set(err, "--tables allows nothing");
	if (words < r->config->table_most)
		r->pattern_most = r->config->table_most - words;
	return 0;
}

/*
 * Rows
 */

/* Its value, as a name has it; or -1. */
static int
take_value(const struct route *r, const struct row *row,
    char out[VALUE_MAX + 1], struct error *err)
{
	const struct value *v = &row->columns[r->column];

	if (v->p == NULL || v->len == 0 || v->len > VALUE_MAX ||
	    memchr(v->p, '\0', v->len) != NULL)
		return error_set(err,
		    "it has no {%.*s} of 1 to %d bytes, "
		    "which its table is named after",
		    r->member_len, r->member, VALUE_MAX);
	for (size_t i = 0; i < v->len; i++) {
		out[i] = v->p[i];
		if (out[i] >= 'A' && out[i] <= 'Z')
			out[i] = (char)(out[i] - 'A' + 'a');
	}
	out[v->len] = '\0';
	return 0;
}

/* The table's name, and its length; 0: it is too long. */
static size_t
put_name(const struct route *r, const char *instant, const char *value,
    char out[DB_TABLE_MAX + 1])
{
	size_t len = 0;

	for (unsigned i = 0; i < r->count; i++) {
		const struct part *p = &r->parts[i];
		const char *from = p->text != NULL ? p->text
				   : p->len > 0    ? instant + p->at
						   : value;
		size_t n = p->len > 0 ? p->len : strlen(value);

		if (len + n > DB_TABLE_MAX)
			return 0;
		memcpy(out + len, from, n);
		len += n;
	}
	out[len] = '\0';
	return len;
}

/* Does --tables name it, or have at least a pattern for it? */
static bool
is_allowed(const struct route *r, const char *value, bool *optional)
{
	bool matches = false;

	if (value[strspn(value, VALUE_BYTES)] != '\0')
		return false;
	for (const char *word = r->allowed; *word != '\0';
	     word += strlen(word) + 1) {
		if (strcmp(word, value) == 0)
			return true;
		matches = matches || fnmatch(word, value, 0) == 0;
	}
	*optional = matches;
	return matches;
}

/* Under the lock. False: no memory, or `bound`, and it would be one too many.
 */
static bool
note_value(struct route *r, const char *value, bool optional, bool bound)
{
	unsigned i = 0, words = r->value_count - r->pattern_count;
	void *more;

	while (i < r->value_count && strcmp(r->values[i], value) != 0)
		i++;
	if (i < r->value_count)
		return true;
	if (bound && (optional ? r->pattern_count >= r->pattern_most
			       : words >= r->config->table_most))
		return false;
	if (i == r->value_room) {
		more = realloc(r->values, (2 * i + 16) * sizeof(*r->values));
		if (more == NULL)
			return false;
		r->values = more;
		r->value_room = 2 * i + 16;
	}
	(void)snprintf(
	    r->values[r->value_count++], sizeof(r->values[0]), "%s", value);
	r->pattern_count += optional;
	return true;
}

/*
 * Is it one of those that were let through, or may it be? What just a pattern
 * allows takes no place of a word.
 */
static bool
let_through(struct route *r, const char *value, bool optional)
{
	bool good, told;

	lock_take(&r->lock);
	good = note_value(r, value, optional, true);
	told = r->told;
	r->told |= !good;
	lock_release(&r->lock);
	if (!good && !told)
		log_warn("over %u tables (--tables-max): no other one is made "
			 "for {%.*s}, the first being '%s'",
		    r->config->table_most, r->member_len, r->member, value);
	return good;
}

/* Without the database. */
static const char *
last_name(const char *table)
{
	const char *dot = strchr(table, '.');

	return dot == NULL ? table : dot + 1;
}

/*
 * May a table that is not known yet have that name? 0, or ROUTE_REFUSED, or
 * ROUTE_OVER.
 */
static int
may_be(struct route *r, const char *name, const char *value, bool *optional,
    struct error *err)
{
	if (check_name(r, name, err) < 0)
		return ROUTE_REFUSED;
	if (r->member == NULL)
		return 0;
	if (!is_allowed(r, value, optional))
		return error_set(
		    err, "--tables allows no table of '%s'", value);
	if (let_through(r, value, *optional))
		return 0;
	(void)error_set(err,
	    "a table of '%s' would be one over the %u of --tables-max", value,
	    r->config->table_most);
	return ROUTE_OVER;
}

static int
check_name(const struct route *r, const char *name, struct error *err)
{
	const char *dot = strchr(name, '.'), *last = last_name(name);

	if (*last == '\0' || dot == name || strchr(last, '.') != NULL)
		return error_set(
		    err, "'%s' is neither NAME nor DATABASE.NAME", name);
	if (strlen(last) > r->most ||
	    (dot != NULL && (size_t)(dot - name) > r->most))
		return error_set(err, "the table's name '%s' is over %zu bytes",
		    name, r->most);
	if (strcasecmp(last, last_name(r->config->ledger)) == 0)
		return error_set(err, "the table %s is the ledger", name);
	/* Where it was a table of its own, nobody could make that partition. */
	if (r->config->period != DB_PERIOD_NONE && partition_has_name(last))
		return error_set(err,
		    "the table's name '%s' ends as that of a partition", name);
	return 0;
}

int
route_row(
    struct route *r, struct db *db, const struct row *row, struct error *err)
{
	char name[DB_TABLE_MAX + 1], value[VALUE_MAX + 1] = "";
	bool optional = false;
	size_t len;
	int number;

	if (r->member != NULL && take_value(r, row, value, err) < 0)
		return route_other(r, db);
	len = put_name(r, row->received_at, value, name);
	if (len == 0) {
		(void)error_set(err, "the table's name would be over %d bytes",
		    DB_TABLE_MAX);
		return route_other(r, db);
	}
	number = db == NULL ? -1 : known_find(db, name, len);
	if (number >= 0 && db->tables[number].unfit) {
		(void)error_set(
		    err, "the database has no table %s for it", name);
		return route_other(r, db);
	}
	if (number >= 0)
		return number;
	number = may_be(r, name, value, &optional, err);
	if (number < 0)
		return number == ROUTE_OVER && db != NULL ? number
							  : route_other(r, db);
	number = db == NULL ? 0 : known_add(db, name, optional);
	if (number >= 0)
		return number;
	(void)error_set(err, "the table %s would be one over the %u at a time",
	    name, r->config->table_room);
	return ROUTE_FULL;
}

int
route_other(struct route *r, struct db *db)
{
	const char *other = r->config->other_table;

	if (other == NULL)
		return ROUTE_REFUSED;
	return db == NULL ? 0 : known_find(db, other, strlen(other));
}

/*
 * What is there
 */

/* A part of an instant. */
static bool
is_time(const struct part *p, const char *text)
{
	return p->text == NULL && p->len > 0 &&
	       strspn(text, "0123456789") >= p->len;
}

/* The value and the instant that a name of the template tells; else false. */
static bool
read_name(const struct route *r, const char *name, char value[VALUE_MAX + 1],
    char instant[VALUE_DATETIME_LEN + 1])
{
	size_t len = strlen(name), rest = 0, at = 0;
	char again[DB_TABLE_MAX + 1];

	for (unsigned i = 0; i < r->count; i++)
		rest += r->parts[i].len;
	if (r->member == NULL ? len != rest
			      : len <= rest || len - rest > VALUE_MAX)
		return false;
	memcpy(instant, "2000-01-01 00:00:00.000000", VALUE_DATETIME_LEN + 1);
	value[0] = '\0';
	for (unsigned i = 0; i < r->count; i++) {
		const struct part *p = &r->parts[i];
		size_t n = p->len > 0 ? p->len : len - rest;

		if (p->text == NULL && p->len == 0)
			(void)snprintf(
			    value, VALUE_MAX + 1, "%.*s", (int)n, name + at);
		else if (is_time(p, name + at))
			memcpy(instant + p->at, name + at, n);
		at += n;
	}
	value_stamp(instant_us(instant), again);
	return strcmp(again, instant) == 0 &&
	       put_name(r, instant, value, again) == len &&
	       strcmp(again, name) == 0;
}

/* The names of the tables that begin as the template does. */
static enum db_verdict
list_tables(const struct route *r, struct db *db, struct buf *names)
{
	char first[DB_TABLE_MAX + 1] = "";
	size_t len = 0;

	for (unsigned i = 0; i < r->count && r->parts[i].text != NULL; i++) {
		memcpy(first + len, r->parts[i].text, r->parts[i].len);
		len += r->parts[i].len;
	}
	return known_list(db, first, names);
}

bool
route_is_dated(const struct route *r)
{
	/* From the year on, without a gap: else it has those of other times. */
	return (r->timed & 1) != 0 && (r->timed & (r->timed + 1)) == 0;
}

enum db_verdict
route_list(const struct route *r, struct db *db, struct buf *names)
{
	char value[VALUE_MAX + 1], instant[VALUE_DATETIME_LEN + 1];
	struct buf all = {0};
	enum db_verdict verdict = list_tables(r, db, &all);
	struct error err;

	for (size_t at = 0, n; at < all.len && verdict == DB_OK; at += n) {
		const char *name = all.data + at;
		bool optional;

		n = strlen(name) + 1;
		if (read_name(r, name, value, instant) &&
		    (r->member == NULL || is_allowed(r, value, &optional)) &&
		    check_name(r, name, &err) == 0 &&
		    (r->config->other_table == NULL ||
			strcasecmp(name, r->config->other_table) != 0) &&
		    buf_append(names, name, n) < 0)
			verdict = db_no_memory(db);
	}
	buf_release(&all);
	return verdict;
}

void
route_period(
    const struct route *r, const char *name, int64_t *from_us, int64_t *to_us)
{
	char value[VALUE_MAX + 1], instant[VALUE_DATETIME_LEN + 1];
	enum db_period period = r->timed > 7   ? DB_PERIOD_HOUR
				: r->timed > 3 ? DB_PERIOD_DAY
					       : DB_PERIOD_MONTH;

	(void)read_name(r, name, value, instant); /* it is such a name */
	*from_us = instant_us(instant);
	*to_us = period_move(period, *from_us, r->timed == 1 ? 12 : 1);
}

/* Values whose tables are there have a place, however many these are. */
static void
learn_values(struct route *r, const struct buf *names)
{
	char value[VALUE_MAX + 1], instant[VALUE_DATETIME_LEN + 1];

	lock_take(&r->lock);
	for (size_t at = 0; at < names->len;
	     at += strlen(names->data + at) + 1) {
		bool optional = false;

		if (read_name(r, names->data + at, value, instant) &&
		    is_allowed(r, value, &optional))
			(void)note_value(r, value, optional, false);
	}
	lock_release(&r->lock);
}

enum db_verdict
route_learn(struct route *r, struct db *db, bool all)
{
	const char *other = r->config->other_table;
	struct buf names = {0};
	enum db_verdict verdict = DB_OK;

	if (all && r->member != NULL) {
		verdict = list_tables(r, db, &names);
		learn_values(r, &names);
		names.len = 0;
	}
	if (verdict == DB_OK && other != NULL && !db->tables[0].wanted)
		verdict = known_list(db, other, &names);
	for (size_t at = 0; at < names.len && verdict == DB_OK;
	     at += strlen(names.data + at) + 1) {
		if (strcasecmp(names.data + at, other) != 0)
			continue;
		db->tables[0].wanted = true;
		verdict = DB_PREPARE;
	}
	buf_release(&names);
	return verdict;
}

int
route_names(const struct route *r, struct buf *b)
{
	const char *word = r->timed ? NULL : r->allowed;
	const char *other = r->config->other_table;
	char name[DB_TABLE_MAX + 1];
	struct error err;

	for (; word != NULL && *word != '\0'; word += strlen(word) + 1) {
		if (strpbrk(word, "*?[") == NULL &&
		    put_name(r, "", word, name) > 0 &&
		    check_name(r, name, &err) == 0 &&
		    buf_append(b, name, strlen(name) + 1) < 0)
			return -1;
	}
	return other == NULL ? 0 : buf_append(b, other, strlen(other) + 1);
}
