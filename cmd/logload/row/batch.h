/*
 * batch.h - rows, copied, as many as a database takes at a time. Those of one
 * table are together once it is sorted.
 *
 * The values lie column by column, so that a driver can point at them: row I
 * of a column is text[I], of so many bytes, with no NUL behind. Each row keeps
 * the place of its event, for the record that it becomes where it is refused.
 */
#ifndef LOGLOAD_BATCH_H
#define LOGLOAD_BATCH_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "buf.h"
#include "columns.h"
#include "row.h"

#define BATCH_ROWS_MAX 16384

/* How much is stored at a time; a row over `bytes` goes by itself. */
struct batch_limits {
	unsigned rows;    /* at most BATCH_ROWS_MAX */
	size_t bytes;     /* as batch_size counts them */
	unsigned batches; /* of a transaction; 0: any number */
};

/* One of the texts of each row; all three are owned. */
struct batch_texts {
	const char **text; /* into the batch's bytes */
	unsigned long *len;
	char *null; /* 1: SQL NULL */
};

struct batch {
	unsigned count;
	unsigned text_count;
	bool payload; /* the last text is one */
	struct batch_texts
	    *texts; /* received_at, the columns, the payload; owned */
	uint64_t *file_id, *line; /* owned */
	struct row_place *place;  /* owned */
	unsigned *table;          /* number of each row's; owned */
	bool mixed;               /* they are not of one table */
	unsigned *order;          /* while it is sorted; owned */
	void *sorted;             /* likewise; NULL until then */
	struct buf bytes;         /* grows only while the batch is empty */
	size_t size;              /* of all rows */
};

/* For so many rows at most. -1 with ENOMEM. */
int batch_init(struct batch *, const struct columns *, unsigned rows);
void batch_release(struct batch *);
void batch_clear(struct batch *);

/*
 * 1: it is copied, a value with blanks beyond its column's width so that they
 * are none; 0: the batch is full, store it first; -1 with ENOMEM.
 */
int batch_add(struct batch *, const struct batch_limits *, uint64_t file_id,
    const struct row *);

/*
 * Puts the rows of each table together, in their order; what has their indexes
 * from before is wrong then. -1 with ENOMEM.
 */
int batch_sort(struct batch *);
/* How many from that one on are of its table; the batch is sorted. */
unsigned batch_of_table(const struct batch *, unsigned from);

/*
 * Is that text too long for so many characters, or bytes, only by blanks at its
 * end? Many databases cut these without a word. Of width 0 none is.
 */
#define BATCH_BYTES_WIDE 0x80000000U /* beside a width: it is one of bytes */
bool batch_has_blanks_beyond(
    const struct batch_texts *, unsigned row, unsigned width);

/* A batch of that row alone; *to was cleared. -1 with ENOMEM. */
int batch_copy(struct batch *to, const struct batch *, unsigned row);

/*
 * The bytes that so many rows need on their way, at most: of their texts, and
 * what a protocol adds to each value.
 */
size_t batch_size(const struct batch *, unsigned from, unsigned count);

#endif
