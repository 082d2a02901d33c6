/*
 * reject.h - the events that could not be loaded, with the reason.
 *
 * One JSON object a line:
 *
 *   {"file":NAME,"line":N,"offset":B,"code":C,"text":"…",
 *    "rejected_at":"…","event":{…}}
 *
 * code is the database's, or 0 where our own check refused the line. What is
 * not a JSON value stands as "raw" (a string) or, if it is not even UTF-8, as
 * "base64" (RFC 4648), in place of "event".
 *
 * One file a chunk: its name tells the chunk's start, so that a chunk that is
 * loaded again after a crash writes the same file again. It appears before the
 * chunk is committed; a crash between the two leaves a file that the next run
 * replaces, or removes.
 */
#ifndef LOGLOAD_REJECT_H
#define LOGLOAD_REJECT_H

#include <stdbool.h>
#include <stdint.h>

#include "buf.h"
#include "error.h"
#include "input/lines.h"
#include "spool.h"

struct reject {
	int dir;            /* not owned */
	const char *suffix; /* of the files' names; not owned */
	const char *source; /* the file that is loaded, as records name it */
	char name[SPOOL_NAME_MAX + 64]; /* of the present chunk's file */
	struct spool_draft draft;
	struct buf out;             /* not yet written to the draft */
	uint64_t count;             /* records */
	char first[ERROR_TEXT_MAX]; /* the first one's reason */
};

/* Why a line is refused. */
struct reject_reason {
	int code;
	const char *text;
	/* The member that the line, which is JSON, is the value of; or NULL. */
	const char *member;
	uint64_t offset; /* of the line, as the record tells it */
};

void reject_init(struct reject *, int dir, const char *suffix);
void reject_release(struct reject *);

/* Starts the file for the chunk at `offset` of a source. */
int reject_begin(struct reject *, const char *source, const char *stem,
    uint64_t offset, struct error *);

/* Adds a line, whose text is read from the range again. */
int reject_add(struct reject *, const struct range *, const struct line *,
    const struct reject_reason *, struct error *);

/* Adds a line that is a record already, as it is. */
int reject_copy(
    struct reject *, const struct range *, const struct line *, struct error *);

/* The file is durable under its name; or gone, if there was nothing. */
int reject_publish(struct reject *, struct error *);

/* Forgets what was added since reject_begin. */
void reject_discard(struct reject *);

#endif
