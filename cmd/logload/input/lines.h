/*
 * lines.h - the framing of most files: an event a line.
 *
 * A run of NULs, as a crash or a log that was truncated under its writer leaves
 * behind, is a line of its own, so that it costs neither what stands before it
 * nor what follows.
 */
#ifndef LOGLOAD_LINES_H
#define LOGLOAD_LINES_H

#include "reader.h"

/* 1 and *line, 0 at the end of the content, -1. */
int lines_next(struct reader *, struct line *, struct error *);

#endif
