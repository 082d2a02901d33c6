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

#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "digest.h"
#include "error.h"
#include "unpack.h"

#define SOURCE_TAIL 1024

struct source {
	int fd;                 /* owned */
	bool plain;             /* read in place */
	bool regular;           /* size is known, and it can be read again */
	uint64_t size;          /* of the file, compressed or not */
	uint64_t changed_us;    /* when it was last changed; wall clock */
	char tail[SOURCE_TAIL]; /* of a plain one, so much of its end or all */
	/* The caller's to set: where hashing tells how far it is. */
	_Atomic uint64_t *hashed;
	/* Where it is not plain: */
	struct unpack unpack;
	int held_fd; /* the temporary file; owned; -1: none yet */
	/* It holds the content's bytes between these, each at its offset. */
	uint64_t from, unpacked;
	pthread_mutex_t lock; /* of all these */
};

/*
 * Takes the descriptor over, also when it fails. What is waited for, such as a
 * pipe, is waited for until stop_fd is readable (-1: for ever).
 */
int source_open(struct source *, int fd, int stop_fd, struct error *);
void source_close(struct source *);

/*
 * Up to len bytes of the content from `at` on; 0 at its end, -1. Anything
 * before what was forgotten is an error. Two threads may read.
 */
ssize_t source_read(
    struct source *, uint64_t at, char *buf, size_t len, struct error *);

/*
 * Of a pipe: waits until so many bytes from `at` on are there, or all there
 * will be, for those who have better nothing open while they wait.
 */
int source_wait(struct source *, uint64_t at, uint64_t len, struct error *);

/*
 * Is a plain file still the one that was opened? A log that is cut, to be
 * written anew from its beginning, no longer has what it ended with. What was
 * read before is right then. -1: it is not, or cannot be read.
 */
int source_check(struct source *, struct error *);

/* What lies before `at` will not be read again; it may not be reached yet. */
void source_forget(struct source *, uint64_t at);

/* Nor will this be, in the midst of what is held. */
void source_drop(struct source *, uint64_t from, uint64_t to);

/* A front of some content. */
struct source_mark {
	uint64_t bytes;
	char sha256[DIGEST_LEN + 1]; /* "": it has not so many */
};

struct source_sum {
	struct source_mark all;
	struct source_mark lines;  /* up to the last line break */
	struct source_mark *marks; /* of more than 0 bytes; the caller's */
	unsigned mark_count;
};

/*
 * SHA-256 of `salt` and the content: all of it, its lines, and the marks, whose
 * hashes must be "" before. The source must be regular, and is rewound.
 */
int source_hash(
    struct source *, const char *salt, struct source_sum *, struct error *);

/* Adds the content up to `to` to what is in the digest, or to its end. */
int
source_digest(struct source *, struct digest *, uint64_t to, struct error *);

/* How much of the file, in its own bytes, content up to `at` takes. */
uint64_t source_consumed(const struct source *, uint64_t at);

#endif
