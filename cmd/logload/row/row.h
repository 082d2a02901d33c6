/*
 * row.h - one event as the values of a row.
 *
 * Nothing is allocated and nothing copied that can be pointed at: the values
 * are valid until the event's text, or the next row, changes.
 */
#ifndef LOGLOAD_ROW_H
#define LOGLOAD_ROW_H

#include <stdbool.h>
#include <stdint.h>

#include "bounds.h"
#include "buf.h"
#include "columns.h"
#include "error.h"
#include "json.h"
#include "value.h"

/* Where the event of a row lies, in the content that is being loaded. */
struct row_place {
	uint64_t at, len; /* of its text */
	uint64_t offset;  /* where it was read first; see event.h */
};

/* One event. Texts are valid until the event's text, or the next row, changes.
 */
struct row {
	const char *received_at; /* VALUE_DATETIME_LEN bytes */
	uint64_t line;
	unsigned table; /* its number; the caller's to set, and these: */
	const unsigned *widths; /* of the columns, as in row_bounds; or NULL */
	struct value columns[COLUMNS_MAX];
	uint32_t misfits; /* a bit for each column whose value did not fit */
	struct value payload;
	struct row_place place; /* the caller's to set */
};

#define ROW_EXAMPLE_MAX 64

/* The first value that did not fit a column. */
struct row_example {
	uint64_t line;                  /* 0: there is none */
	char text[ROW_EXAMPLE_MAX + 1]; /* its beginning, as it stands there */
};

enum row_verdict {
	ROW_MADE,
	ROW_REJECTED, /* for a value that does not fit; the error says which */
	ROW_NO_MEMORY
};

struct row_head {
	struct json_member member;
	uint64_t event; /* of which it is; an older one is not there */
};

struct row_maker {
	const struct columns *columns;            /* not owned */
	char received_at[VALUE_DATETIME_LEN + 1]; /* of events without one */
	char stamp[VALUE_DATETIME_LEN + 1];       /* of the present event */
	struct buf scratch[COLUMNS_MAX];          /* of each column; owned */
	struct row_head heads[COLUMN_HEADS_MAX];
	uint64_t event;                           /* counts them */
	struct row_example examples[COLUMNS_MAX]; /* the caller resets them */
};

/* columns must outlive it. -1 with ENOMEM. */
int row_maker_init(struct row_maker *, const struct columns *);
void row_maker_release(struct row_maker *);

/* Sets what received_at is for events that do not say. */
void row_maker_begin(struct row_maker *, uint64_t wall_us);

/*
 * An event's row: begin, note each of its top-level members in their order,
 * make. An event that turns out to be none is left at that.
 */
void row_begin(struct row_maker *);
void row_note(struct row_maker *, const struct json_member *);
enum row_verdict row_make(struct row_maker *, const char *event, size_t len,
    uint64_t line, struct row *, struct error *);
/*
 * A value that is JSON, and beyond the bounds that the database has for its
 * column, does not fit: as row_make.
 */
enum row_verdict row_bound(const struct row_maker *, const struct row_bounds *,
    struct row *, struct error *);
/* Has a column's text a NUL in it? */
bool row_has_nul(const struct row_maker *, const struct row *);
/* Its instant is another one, a JSON string, if that is a date and time. */
void row_keep_stamp(struct row_maker *, struct json_text quoted, struct row *);

#endif
