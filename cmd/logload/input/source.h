/*
 * source.h - the content of a file, pipe or compressed file, read at any
 * offset from the last one on that was committed.
 *
 * A plain file is read where it lies. Of anything else, what was unpacked is
 * held in a nameless temporary file ($TMPDIR, or /tmp) until it is forgotten,
 * so that memory stays small whatever the size of a chunk.
 */
#ifndef LOGLOAD_SOURCE_H
#define LOGLOAD_SOURCE_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "error.h"
#include "unpack.h"

#define SOURCE_HASH_LEN 64 /* hexadecimal digits of SHA-256 */

struct source {
	int fd;        /* owned */
	bool plain;    /* read in place */
	bool regular;  /* size is known, and it can be read again */
	uint64_t size; /* of the file, compressed or not */
	/* Where it is not plain: */
	struct unpack unpack;
	int held_fd; /* the temporary file; owned; -1: none yet */
	/* It holds the content's bytes between these, each at its offset. */
	uint64_t from, unpacked;
};

/*
 * Takes the descriptor over, also when it fails. What is waited for, such as a
 * pipe, is waited for until stop_fd is readable (-1: for ever).
 */
int source_open(struct source *, int fd, int stop_fd, struct error *);
void source_close(struct source *);

/*
 * Up to len bytes of the content from `at` on; 0 at its end, -1. Anything
 * before what was forgotten is an error.
 */
ssize_t source_read(
    struct source *, uint64_t at, char *buf, size_t len, struct error *);

/* What lies before `at` will not be read again; it may not be reached yet. */
void source_forget(struct source *, uint64_t at);

/*
 * SHA-256 of `salt` and the whole content; the source must be regular, and is
 * rewound.
 */
int source_hash(struct source *, const char *salt,
    char hex[SOURCE_HASH_LEN + 1], struct error *);

/* How much of the file, in its own bytes, content up to `at` takes. */
uint64_t source_consumed(const struct source *, uint64_t at);

#endif
