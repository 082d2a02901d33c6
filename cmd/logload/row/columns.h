/*
 * columns.h - which members of an event become columns of their own.
 *
 * A column is given as NAME=PATH:TYPE, or NAME=PATH:TYPE:MISFIT; `NAME=` takes
 * it away.
 *
 * PATH names a member; dots lead into objects ("http.status"), brackets into
 * arrays ("a[0]"; [-1] is the last one). A name in double quotes, or with `\`
 * before a character, is as it is. `$` is the whole event; a text in single
 * quotes, or a number, is a constant. `|` separates alternatives, of which the
 * first that is there and fits is taken.
 *
 * TYPE is a row of the table in types.c. MISFIT says what becomes of a value
 * that fits none: `null`, `reject` (the event is), `default=VALUE`, or `cut`.
 *
 * The columns of the key, and the payload, are there without being asked for.
 */
#ifndef LOGLOAD_COLUMNS_H
#define LOGLOAD_COLUMNS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "buf.h"
#include "error.h"
#include "json.h"

#define COLUMNS_MAX 32
#define COLUMN_NAME_MAX 64 /* of MySQL, in characters */
#define COLUMN_PATHS_MAX 24
#define COLUMN_PATH_DEPTH_MAX 8
#define COLUMN_HEADS_MAX (COLUMNS_MAX * 4)

/*
 * A new one has its row in types.c, and its name in SQL in the dialect of each
 * driver.
 */
enum column_type {
	COLUMN_VARCHAR, /* text(n) */
	COLUMN_TEXT,
	COLUMN_INT,
	COLUMN_BIGINT,
	COLUMN_UNSIGNED,
	COLUMN_DOUBLE,
	COLUMN_DECIMAL,
	COLUMN_BOOLEAN,
	COLUMN_DATETIME,
	COLUMN_JSON,
	COLUMN_IP,
	COLUMN_UUID,
	COLUMN_TYPES /* how many */
};

/* p NULL: SQL NULL. */
struct value {
	const char *p;
	size_t len;
};

/* A member below, or an element. */
struct column_step {
	struct json_text name; /* p NULL: an element */
	int index;             /* from the end on where it is negative */
};

enum column_source { COLUMN_MEMBER, COLUMN_WHOLE, COLUMN_CONSTANT };

struct column_path {
	enum column_source source;
	struct json_text top; /* of a member */
	unsigned head;        /* that, as an index of columns.heads */
	struct column_step rest[COLUMN_PATH_DEPTH_MAX];
	unsigned depth;        /* how many of rest */
	struct value constant; /* owned */
};

enum column_misfit {
	COLUMN_NULL,
	COLUMN_REJECT,
	COLUMN_DEFAULT,
	COLUMN_CUT /* what is too long, or has digits too many; else NULL */
};

enum value_verdict {
	VALUE_FITS,
	VALUE_ABSENT, /* a JSON null */
	VALUE_MISFITS,
	VALUE_NO_MEMORY,
};

struct column;
typedef enum value_verdict
column_convert(const struct column *, const struct json_member *, bool surely,
    struct buf *scratch, struct value *);

struct column {
	char name[COLUMN_NAME_MAX + 1];
	enum column_type type;
	column_convert *convert; /* of that type; see value.h */
	unsigned width;          /* characters of a text, digits of a decimal */
	unsigned scale;          /* of those, digits behind the point */
	int64_t least;           /* of a whole number, these two; */
	uint64_t most;
	unsigned plain; /* so many digits are always within */
	bool zoned;     /* an instant that tells no zone has this one: */
	int zone;       /* as of instant_zone */
	enum column_misfit misfit;
	struct value fallback; /* of COLUMN_DEFAULT; owned */
	struct column_path paths[COLUMN_PATHS_MAX];
	unsigned path_count;
	/* Names behind so many say little; see value.h. */
	unsigned plain_count;
	char *text; /* what the paths point into; owned */
};

/* The names that matter at the top of an event; the first is received_at's. */
#define COLUMN_HEAD_RECEIVED 0

struct column_head {
	struct json_text name;
	unsigned char next; /* of its slot, as in columns.first */
};

/* The columns that are no members of the event. The first three are the key. */
enum column_fixed {
	COLUMN_RECEIVED_AT,
	COLUMN_FILE_ID,
	COLUMN_LINE,
	COLUMN_PAYLOAD,
	COLUMNS_FIXED
};

struct columns {
	/* Their names; of the payload "": the table has none. */
	char fixed[COLUMNS_FIXED][COLUMN_NAME_MAX + 1];
	struct column list[COLUMNS_MAX];
	unsigned count;
	unsigned watched; /* 1: list[count] is none, see columns_watch */
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

static inline bool
columns_has_payload(const struct columns *c)
{
	return c->fixed[COLUMN_PAYLOAD][0] != '\0';
}

/* How many values a row has. */
static inline unsigned
columns_values(const struct columns *c)
{
	return COLUMN_PAYLOAD + c->count + columns_has_payload(c);
}

/* What a column that is fixed is called where it has no other name. */
const char *columns_fixed(enum column_fixed);

/* The columns of DESIGN: occurred_at, event, level, user_id. */
int columns_init(struct columns *, struct error *);
void columns_release(struct columns *);

/* Adds a column, replaces the one of that name, or takes it away. */
int columns_set(struct columns *, const char *spec, struct error *);
/*
 * The same with each line of a file that is not blank and does not begin with
 * '#'. An error names the file and the line.
 */
int columns_read(struct columns *, const char *path, struct error *);
/* "OLD=NEW": another name for one of those that are fixed. */
int columns_rename(struct columns *, const char *spec, struct error *);

/*
 * Of each event, takes the text at that path too, as the value behind those of
 * the columns; it is stored nowhere. It is the last one to be set.
 */
int
columns_watch(struct columns *, const char *path, size_t len, struct error *);

/* Resolves the paths; call it once, after the last of these. */
int columns_compile(struct columns *, struct error *);

/* The index of the column of that name, or -1. */
int columns_find(const struct columns *, const char *name, size_t len);

/* Is it one of all, those that are fixed included? */
bool columns_has(const struct columns *, const char *name, size_t len);

#endif
