/*
 * buf.h - bytes that grow at the end.
 *
 * Starts as all zeros (`struct buf b = {0}`); buf_release frees it and makes
 * it all zeros again. A failed call leaves the contents as they were. Room
 * is kept when `len` is set back, so a loop that reuses a buf allocates only
 * until it has seen its largest content.
 */
#ifndef COMMON_BUF_H
#define COMMON_BUF_H

#include <stddef.h>

struct buf {
	char *data;
	size_t len, cap;
};

void buf_release(struct buf *);

/* Empties it, and gives the memory back where that is more than `keep`. */
void buf_clear(struct buf *, size_t keep);

/* Makes room for `more` bytes after len. 0, or -1 with errno ENOMEM. */
int buf_reserve(struct buf *, size_t more);

int buf_append(struct buf *, const void *data, size_t len);
int buf_printf(struct buf *, const char *fmt, ...)
    __attribute__((format(printf, 2, 3)));

#endif
