/*
 * columns.h - which members of an event become columns of their own.
 *
 * A column is given as NAME=PATH:TYPE. PATH names a member, dots lead into
 * objects ("http.status"), `\.` is a dot within a name, and `|` separates
 * alternatives, of which the first that is there and fits is taken. TYPE is
 * varchar(N), bigint, double, boolean or datetime. `NAME=` takes a column away.
 */
#ifndef LOGLOAD_COLUMNS_H
#define LOGLOAD_COLUMNS_H

#include <stddef.h>
#include <string.h>

#include "error.h"
#include "json.h"

#define COLUMNS_MAX 32
#define COLUMN_NAME_MAX 64 /* of MySQL, in characters */
#define COLUMN_PATHS_MAX 24
#define COLUMN_PATH_DEPTH_MAX 8
#define COLUMN_WIDTH_MOST 16383 /* utf8mb4 characters in a row of 64 KiB */
#define COLUMN_HEADS_MAX (COLUMNS_MAX * 4)

/*
 * A new one has its word in columns.c, how to get there from JSON in value.c,
 * and its name in SQL in the dialect of each driver.
 */
enum column_type {
	COLUMN_VARCHAR,
	COLUMN_BIGINT,
	COLUMN_DOUBLE,
	COLUMN_BOOLEAN,
	COLUMN_DATETIME,
	COLUMN_TYPES /* how many */
};

struct column_path {
	unsigned head; /* the top-level member, an index of columns.heads */
	struct json_text rest[COLUMN_PATH_DEPTH_MAX]; /* the members below */
	unsigned depth;                               /* how many of rest */
};

struct column {
	char name[COLUMN_NAME_MAX + 1];
	enum column_type type;
	unsigned width; /* characters of a varchar */
	struct column_path paths[COLUMN_PATHS_MAX];
	unsigned path_count;
	/* Names behind so many say little; see value_convert. */
	unsigned plain_count;
	char *text; /* what the paths point into; owned */
};

/* The names that matter at the top of an event; the first is received_at's. */
#define COLUMN_HEAD_RECEIVED 0

struct column_head {
	struct json_text name;
	unsigned char next; /* of its slot, as in columns.first */
};

struct columns {
	struct column list[COLUMNS_MAX];
	unsigned count;
	struct column_head heads[COLUMN_HEADS_MAX];
	unsigned head_count;
	/* By columns_slot: the index of one such head, plus 1. */
	unsigned char first[64];
};

/* p has a byte also where a name is empty: the quote. */
static inline unsigned
columns_slot(const char *p, size_t len)
{
	return ((unsigned)len * 10 + (unsigned char)*p) % 64;
}

/* The index of the head of that name, plus 1, or 0: there is none. */
static inline unsigned
columns_head(const struct columns *c, const char *name, size_t len)
{
	unsigned i = c->first[columns_slot(name, len)];

	while (i > 0 && (c->heads[i - 1].name.len != len ||
			    memcmp(c->heads[i - 1].name.p, name, len) != 0))
		i = c->heads[i - 1].next;
	return i;
}

/* The columns of DESIGN: occurred_at, event, level, user_id. */
int columns_init(struct columns *, struct error *);
void columns_release(struct columns *);

/* Adds a column, replaces the one of that name, or takes it away. */
int columns_set(struct columns *, const char *spec, struct error *);

/* Resolves the paths; call it once, after the last columns_set. */
int columns_compile(struct columns *, struct error *);

/* The index of the column of that name, or -1. */
int columns_find(const struct columns *, const char *name, size_t len);

#endif
