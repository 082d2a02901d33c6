/*
 * secret.h - files that hold secrets.
 */
#ifndef COMMON_SECRET_H
#define COMMON_SECRET_H

#include <stdbool.h>
#include <stddef.h>

#include "buf.h"
#include "error.h"

/* Whom its mode lets at a file besides its owner and group. */
struct secret_mode {
	bool others_read, others_write;
};

/*
 * Reads a whole file of at most max bytes into an empty buffer, and puts a NUL
 * behind it. *mode may be NULL. 0, or -1; secret_release in any case.
 */
int secret_read(const char *path, size_t max, struct buf *,
    struct secret_mode *, struct error *);

/*
 * Can each of these be read another time? Not what is no regular file: a pipe
 * that had it would be waited for, for ever. Paths may be NULL. 0, or -1.
 */
int secret_are_files(const char *const *paths, size_t count, struct error *);

/* Frees the buffer, and leaves nothing of it in memory. */
void secret_release(struct buf *);

/*
 * No core dump, and no other process of this user, such as another tool that
 * was broken into, looks into our memory and environment (PR_SET_DUMPABLE in
 * prctl(2)). A sanitizer has to.
 */
void secret_keep(void);

#endif
