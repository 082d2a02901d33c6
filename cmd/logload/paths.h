/*
 * paths.h - the files that the arguments name: themselves, what is in a
 * directory, and what a pattern matches that no shell has expanded.
 */
#ifndef LOGLOAD_PATHS_H
#define LOGLOAD_PATHS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "error.h"
#include "span.h"

#define PATHS_MAX 1000000

/* Of all zeros, but for what is asked. */
struct paths {
	bool records; /* of rejected events, and no others */
	char **list;  /* owned, as each one is */
	size_t count, room;
	uint64_t outside, untimed; /* left out by paths_choose */
};

/*
 * "-" is standard input, at most once. Of a directory the regular files that
 * are not hidden, by name: those that end as logs do (.ndjson, .jsonl, .json,
 * .log; then a number or date of a rotation, then .gz or .zst), but for our own
 * records of rejected events; of `records`, these alone. The others are told of
 * in the log. An argument that is no file's name is a pattern, as of glob(7),
 * if it can be one. One that nothing was found for is in the list itself, for
 * those who open it to tell of. -1: nothing can be begun.
 */
int
paths_find(struct paths *, char *const *arguments, int count, struct error *);
void paths_release(struct paths *);

/*
 * Leaves out, and tells of in the log, those whose names are of another time,
 * and those whose names tell of none. What is no file stays.
 */
void paths_choose(struct paths *, const struct span *);

/* Their size; 0 where that of one is not known. */
uint64_t paths_bytes(const struct paths *);

#endif
