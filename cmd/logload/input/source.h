/*
 * source.h - the content of a file, pipe or compressed file, in chunks of
 * whole lines that can be read as often as needed.
 *
 * A plain file is read where it lies. Of anything else, the present chunk is
 * written to a nameless temporary file first ($TMPDIR, or /tmp), so that
 * memory stays small whatever the chunk's size.
 */
#ifndef LOGLOAD_SOURCE_H
#define LOGLOAD_SOURCE_H

#include <stdbool.h>
#include <stdint.h>

#include "error.h"
#include "lines.h"
#include "unpack.h"

#define SOURCE_HASH_LEN 64 /* hexadecimal digits of SHA-256 */

struct source {
	int fd;        /* owned */
	bool plain;    /* read in place */
	bool regular;  /* size is known, and it can be read again */
	uint64_t size; /* of the file, compressed or not */
	/* Where it is not plain: */
	struct unpack unpack;
	int chunk_fd;        /* the temporary file, holding the content from */
	uint64_t base, held; /* base on, so many bytes */
	bool ended;          /* nothing comes after what is held */
};

/*
 * Takes the descriptor over, also when it fails. What is waited for, such as a
 * pipe, is waited for until stop_fd is readable (-1: for ever).
 */
int source_open(struct source *, int fd, int stop_fd, struct error *);
void source_close(struct source *);

/*
 * The next chunk from `at` on, a multiple of lines that is no larger than
 * `max` unless one line is. `at` is where an earlier chunk began or ended, or
 * any later place. Where content must be held, a line over both `max` and
 * `longest` is an error: a small compressed file may hold a line without end.
 */
int source_chunk(struct source *, uint64_t at, uint64_t max, uint64_t longest,
    struct range *, struct error *);

/*
 * SHA-256 of `salt` and the whole content; the source must be regular, and is
 * rewound.
 */
int source_hash(struct source *, const char *salt,
    char hex[SOURCE_HASH_LEN + 1], struct error *);

/* How much of the file, in its own bytes, content up to `at` takes. */
uint64_t source_consumed(const struct source *, uint64_t at);

#endif
