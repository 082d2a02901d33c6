/*
 * source.h - where events come from: generated ones, or the lines of a file.
 *
 * It fills bodies of requests, `batch` events each: one JSON object where
 * batch is 1, NDJSON else. Every event has an id: RUN-NUMBER for a generated
 * one; for a line its own member "id", which must be a string or a number, or,
 * where it has none, RUN-LINE, which is added as the last member.
 *
 * A source that ships leaves no line out: one that is no JSON object is sent as
 * {"message":"LINE"}, and of an id any kind will do.
 */
#ifndef LOGSEND_SOURCE_H
#define LOGSEND_SOURCE_H

#include <stdbool.h>
#include <stdint.h>

#include "buf.h"
#include "error.h"
#include "generate.h"
#include "lines.h"

/* A body takes no other event from here on, whatever the batch. */
#define SOURCE_BODY_MAX 16777216
/* The same of one that ships: what proxies take (nginx: 1 MiB) has room. */
#define SOURCE_SHIPPED_MAX 524288

enum source_verdict {
	SOURCE_SOME,  /* at least one event */
	SOURCE_WAIT,  /* none now: when source_fd is readable, ask again */
	SOURCE_AGAIN, /* none yet: ask again after others have had their turn */
	SOURCE_END,
	SOURCE_ERROR,
};

struct source {
	bool from_lines, ships;
	unsigned batch;
	struct generator generator;
	struct lines lines;
	const char *run;     /* not owned */
	uint64_t next;       /* number of the next generated event */
	uint64_t unsendable; /* lines that are no event */
	struct buf message;  /* one that was made of a line */
	/* Is told about each such line; may be NULL. */
	void (*complain)(const char *text);
};

int source_open_generated(struct source *, const char *run, unsigned batch,
    uint64_t seed, size_t size, struct error *);
int source_open_lines(struct source *, const char *run, unsigned batch,
    const char *path, bool ships, struct error *);
void source_close(struct source *);

/* What to wait for after SOURCE_WAIT. */
int source_fd(const struct source *);

/* Is what it has not read yet nowhere else? */
bool source_is_pipe(const struct source *);

/* See lines_all_there and lines_finish; of generated events there is no end. */
bool source_all_there(const struct source *);
void source_finish(struct source *);

/*
 * Sets body to the next request's, *events to how many are in it, and ids
 * (may be NULL) to their ids, each ended by LF.
 */
enum source_verdict source_fill(struct source *, struct buf *body,
    struct buf *ids, unsigned *events, struct error *);

#endif
