/*
 * lines.h - the lines of a file or a pipe, in constant memory, never waiting
 * for a pipe that has nothing to say yet.
 */
#ifndef LOGSEND_LINES_H
#define LOGSEND_LINES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "buf.h"
#include "error.h"

#define LINES_LINE_MAX 8388608 /* longer lines are passed over */

enum lines_verdict {
	LINES_ONE, /* *line is set, without its LF; valid until the next call */
	LINES_TOO_LONG, /* a line over the limit; it is passed over */
	LINES_WAIT,     /* nothing now: when fd is readable, ask again */
	LINES_END,
	LINES_ERROR,
};

struct lines {
	const char *name; /* not owned */
	int fd;
	bool polls;      /* a pipe, a terminal: a read could block */
	bool ended;      /* read(2) has returned 0 */
	bool passing;    /* inside a line over the limit */
	uint64_t number; /* of the line returned last; the first is 1 */
	struct buf text;
	size_t at, scanned; /* the next line; where to look for its LF */
};

/* path "-" is standard input. */
int lines_open(struct lines *, const char *path, struct error *);
enum lines_verdict
lines_next(struct lines *, const char **line, size_t *len, struct error *);

/*
 * Will nothing be added to what there is: is it a file, or has whoever writes
 * to the pipe gone?
 */
bool lines_all_there(const struct lines *);

/*
 * Ends the lines with what a pipe holds now, since nobody else can read that
 * later, or, of a file, with what has been returned.
 */
void lines_finish(struct lines *);
void lines_close(struct lines *);

#endif
