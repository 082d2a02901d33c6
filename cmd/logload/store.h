/*
 * store.h - what was gathered goes into the table, or into rejected/.
 *
 * A row that the database refuses, whatever the code, is put into rejected/ for
 * now, and is in doubt until there is a witness: another row that is stored in
 * the same table, over the same connection, after it. Most often that is one
 * of the next. Where a chunk ends without one, a row of the file that was
 * stored before, in that table, is tried again, and taken back. A duplicate
 * needs no witness: it is the same event, which counts as loaded, or, by
 * another unique key of the table, the event's fault.
 *
 * A file of which nothing could be stored is refused whole: LOAD_REFUSED. That
 * must not take a statement for each of its rows. So as long as nothing is
 * stored, only some of them are tried alone, and the rest is skimmed; if one is
 * stored after all, the chunk is begun anew and each row is tried. So it is for
 * each table of the file by itself; but at a later turn rows of other files in
 * any table will do, or one bad event in a table that few events go to would
 * hold up all others of its file.
 *
 * Records stand in the order of the file; where rows of several tables were
 * gathered, those of one table, and what our own check has refused behind them.
 */
#ifndef LOGLOAD_STORE_H
#define LOGLOAD_STORE_H

#include <stdbool.h>
#include <stdint.h>

#include "db/db.h"
#include "input/reader.h"
#include "input/source.h"
#include "reject.h"
#include "row/batch.h"
#include "row/value.h"

/* What came of a load; see load.h. */
enum load_verdict {
	LOAD_DONE,
	LOAD_SKIPPED, /* loaded before */
	LOAD_STOPPED, /* between two chunks, as asked */
	LOAD_PASSING, /* these three: error says why; call again */
	LOAD_CONFLICT,
	LOAD_SCHEMA,
	LOAD_REFUSED, /* all of its events, perhaps for no fault of theirs */
	LOAD_IO,      /* the file, or rejected/, could not be read or written */
	LOAD_UNFIT,   /* it has no events, or where they are cannot be told */
	LOAD_TOO_LARGE, /* within load.c: a smaller chunk is tried */
	LOAD_PREPARE,   /* likewise: db_prepare, and then the same chunk */
};

static inline bool
load_may_try_again(enum load_verdict verdict)
{
	return verdict == LOAD_PASSING || verdict == LOAD_CONFLICT ||
	       verdict == LOAD_SCHEMA;
}

#define HELD_MAX 512

/*
 * A line that our own check has refused, until the rows before it are stored:
 * records stand in the order of the file.
 */
struct held_line {
	unsigned row; /* of the batch; it stands before that one */
	struct line line;
	struct reject_reason why; /* its texts are these: */
	char text[ERROR_TEXT_MAX];
	char received_at[VALUE_DATETIME_LEN];
};

struct gathered {
	struct batch batch;     /* is sorted when it is stored */
	struct held_line *held; /* HELD_MAX of them; owned */
	unsigned held_count;
};

/* -1 with ENOMEM. */
int gathered_init(struct gathered *, const struct columns *);
void gathered_release(struct gathered *);
void gathered_clear(struct gathered *);

#define SEEN_MAX 8

/* How it goes with one table. */
struct store_table {
	/* Of one file: */
	bool thorough;     /* each row is tried */
	struct batch kept; /* a row of it that was stored, if any was; owned */
	unsigned alone;    /* rows refused by themselves before that */
	unsigned until_next; /* rows to be skimmed until one is tried */
	/* Of one chunk: */
	uint64_t doubtful;    /* refused since a row was stored */
	bool skims;           /* and some of them were not tried */
	struct error refusal; /* of the first of them */
	unsigned unit;        /* rows to store at a time */
	bool sifts, cannot_sift;
};

struct store {
	struct db *db;         /* these three are not owned */
	struct reject *reject; /* of the chunk; the caller begins it */
	const struct columns *columns;
	bool *missing;              /* BATCH_ROWS_MAX of them; owned */
	struct store_table *tables; /* as the database numbers them; owned */
	unsigned table_most;
	struct store_table *table; /* that is being stored into */
	/* Of one file: */
	struct source *source; /* not owned */
	bool copies;           /* lines that are held are records already */
	bool witnessed;        /* by others' rows, since it was refused */
	/* Of one chunk: */
	uint64_t events, rejected;
	/* What single rows of those that are sifted were refused with. */
	struct {
		int code;
		enum db_cause cause;
	} seen[SEEN_MAX];
	unsigned seen_count;
	unsigned put;       /* of the lines that are held: into rejected/ */
	struct error error; /* code: the database's, where it spoke */
};

/* -1 with ENOMEM. */
int store_init(
    struct store *, struct db *, struct reject *, const struct columns *);
void store_release(struct store *);

/* Also when the database has forgotten its tables. */
void
store_begin_file(struct store *, struct source *, bool copies, bool witnessed);
void store_begin_chunk(struct store *);

/*
 * Stores or rejects all that was gathered; what that came to is in the counts.
 * LOAD_STOPPED: begin the chunk anew. The caller clears it.
 */
enum load_verdict store_gathered(struct store *, struct gathered *);

/* At the chunk's end: may its records stand? */
enum load_verdict store_end(struct store *);

/* What the database has said of anything but rows. */
static inline enum load_verdict
store_heard(enum db_verdict verdict)
{
	static const enum load_verdict heard[] = {[DB_OK] = LOAD_DONE,
	    [DB_REFUSED] = LOAD_SCHEMA,
	    [DB_PASSING] = LOAD_PASSING,
	    [DB_CONFLICT] = LOAD_CONFLICT,
	    [DB_TOO_LARGE] = LOAD_TOO_LARGE,
	    [DB_SCHEMA] = LOAD_SCHEMA,
	    [DB_PREPARE] = LOAD_PREPARE};

	return heard[verdict];
}

#endif
