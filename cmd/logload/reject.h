/*
 * reject.h - the events that could not be loaded, with the reason.
 *
 * One JSON object a line:
 *
 *   {"file":NAME,"line":N,"offset":B,"received_at":"…","file_id":N,
 *    "code":C,"text":"…","rejected_at":"…","event":{…}}
 *
 * received_at, file_id and line are the key of the row that the event is to
 * be, whenever it is loaded again. code is the database's, or 0 where our own
 * check refused the line. What is not a JSON value stands as "raw" (a string)
 * or, if it is not even UTF-8, as "base64" (RFC 4648), in place of "event"; no
 * row can come of that, and it has no received_at.
 *
 * One file a chunk: its name tells the chunk's start, so that a chunk that is
 * loaded again after a crash writes the same file again. It appears before the
 * chunk is committed; a crash between the two leaves a file that the next run
 * replaces, or removes, unless somebody is loading it again (see retry.h).
 *
 * Where there is a limit, room is taken for each piece before it is written. A
 * chunk that finds none goes on to its end, so that all that it needs is known,
 * but writes no more. Then reject_publish refuses; or, where the limit is kept
 * by dropping, the records that found no room are lost and counted.
 */
#ifndef LOGLOAD_REJECT_H
#define LOGLOAD_REJECT_H

#include <stdbool.h>
#include <stdint.h>

#include "buf.h"
#include "error.h"
#include "input/reader.h"
#include "room.h"
#include "spool.h"

/* A place between two records. */
struct reject_mark {
	uint64_t bytes, count;
};

struct reject {
	int dir;            /* not owned */
	struct room *room;  /* not owned; NULL: no limit */
	const char *suffix; /* of the files' names; not owned */
	const char *source; /* the file that is loaded, as records name it */
	char name[SPOOL_NAME_MAX + 64]; /* of the present chunk's file */
	struct spool_draft draft;
	struct buf out;           /* not yet written to the draft */
	uint64_t written;         /* to the draft, or would be if not full */
	struct reject_mark end;   /* of the last record */
	struct reject_mark whole; /* of the last one that is all in the draft */
	bool full;                /* there was no room for more than that */
	uint64_t replaces, taken; /* bytes: of an earlier try, of the room */
	/* Why it has failed: so many bytes of room were lacking, on a full disk
	 * UINT64_MAX; 0: for another reason. */
	uint64_t lacking;
	uint64_t lost; /* by reject_publish: records that are in no file */
	char first[ERROR_TEXT_MAX]; /* the first one's reason */
};

/* Why a line is refused. */
struct reject_reason {
	const char *code; /* the database's, as JSON; NULL: our own check */
	const char *text;
	/* The member that the line, which is JSON, is the value of; or NULL. */
	const char *member;
	uint64_t offset; /* of the line, as the record tells it */
	/* Of its row: VALUE_DATETIME_LEN bytes, or NULL; and the file's id. */
	const char *received_at;
	uint64_t file_id;
};

void reject_init(struct reject *, int dir, const char *suffix);
void reject_release(struct reject *);

/* Starts the file for the chunk at `offset` of a source. */
int reject_begin(struct reject *, const char *source, const char *stem,
    uint64_t offset, struct error *);

/* Adds a line, whose text is read from the source again. */
int reject_add(struct reject *, struct source *, const struct line *,
    const struct reject_reason *, struct error *);

/* Adds a line that is a record already, as it is. */
int reject_copy(
    struct reject *, struct source *, const struct line *, struct error *);

/*
 * The file is durable under its name; or gone, if there was nothing. -1, with
 * `lacking` set, also where there is no room.
 */
int reject_publish(struct reject *, struct error *);

/* Forgets what was added since reject_begin. */
void reject_discard(struct reject *);

#endif
