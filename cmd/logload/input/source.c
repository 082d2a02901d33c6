/*
 * source.c - see source.h.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "clock.h"
#include "lock.h"
#include "source.h"
#include "spool.h"

#define BLOCK (128 * 1024)

static ssize_t
read_plain(struct source *, uint64_t at, char *buf, size_t len, struct error *);
static ssize_t
read_held(struct source *, uint64_t at, char *buf, size_t len, struct error *);

/* Of a plain file, its end as it is now: so many bytes, or fewer, or -1. */
static ssize_t
read_tail(const struct source *s, char tail[SOURCE_TAIL])
{
	size_t len = s->size < SOURCE_TAIL ? (size_t)s->size : SOURCE_TAIL;
	ssize_t n;

	do {
		n = pread(s->fd, tail, len, (off_t)(s->size - len));
	} while (n < 0 && errno == EINTR);
	return n;
}

int
source_check(struct source *s, struct error *err)
{
	char tail[SOURCE_TAIL];
	ssize_t n;

	if (!s->plain)
		return 0;
	n = read_tail(s, tail);
	if (n < 0)
		return error_errno(err, "read");
	if ((uint64_t)n == (s->size < SOURCE_TAIL ? s->size : SOURCE_TAIL) &&
	    memcmp(tail, s->tail, (size_t)n) == 0)
		return 0;
	return error_set(err, "the file was cut or overwritten meanwhile");
}

int
source_open(struct source *s, int fd, int stop_fd, struct error *err)
{
	char head[UNPACK_MAGIC];
	struct stat st;
	ssize_t n = -1;

	memset(s, 0, sizeof(*s));
	s->fd = fd;
	s->held_fd = -1;
	s->lock = (pthread_mutex_t)PTHREAD_MUTEX_INITIALIZER;
	if (fstat(fd, &st) < 0) {
		(void)error_errno(err, "stat");
		goto fail;
	}
	if (S_ISDIR(st.st_mode)) {
		(void)error_set(err,
		    "it is a directory, and no file in it ends as a log does");
		goto fail;
	}
	/* A descriptor handed to us may stand anywhere in its file. */
	s->regular = S_ISREG(st.st_mode) && lseek(fd, 0, SEEK_CUR) == 0;
	s->size = s->regular ? (uint64_t)st.st_size : 0;
	s->changed_us = (uint64_t)st.st_mtim.tv_sec * CLOCK_US_PER_S +
			(uint64_t)st.st_mtim.tv_nsec / 1000;
	if (s->regular) {
		n = pread(fd, head, sizeof(head), 0);
		if (n < 0) {
			(void)error_errno(err, "read");
			goto fail;
		}
		s->plain = unpack_kind_of(head, (size_t)n) == UNPACK_PLAIN;
	}
	if (s->plain && read_tail(s, s->tail) < 0) {
		(void)error_errno(err, "read");
		goto fail;
	}
	if (s->plain)
		return 0;
	if (unpack_init(&s->unpack, fd, err) == 0) {
		s->unpack.stop_fd = s->regular ? -1 : stop_fd;
		return 0;
	}
fail:
	(void)close(fd); /* only read from */
	s->fd = -1;
	return -1;
}

void
source_close(struct source *s)
{
	if (s->fd < 0)
		return;
	if (!s->plain)
		unpack_release(&s->unpack);
	if (s->held_fd >= 0)
		(void)close(s->held_fd); /* its content is not wanted */
	(void)close(s->fd);              /* only read from */
	s->fd = s->held_fd = -1;
}

ssize_t
source_read(
    struct source *s, uint64_t at, char *buf, size_t len, struct error *err)
{
	ssize_t n;

	if (s->plain)
		return read_plain(s, at, buf, len, err);
	lock_take(&s->lock);
	n = read_held(s, at, buf, len, err);
	lock_release(&s->lock);
	return n;
}

int
source_wait(struct source *s, uint64_t at, uint64_t len, struct error *err)
{
	char block[16384];
	ssize_t n = 1;

	while (!s->regular && n > 0 && s->unpacked < at + len) {
		uint64_t next = s->unpacked > at ? s->unpacked : at;

		n = source_read(s, next, block, sizeof(block), err);
	}
	return n < 0 ? -1 : 0;
}

void
source_forget(struct source *s, uint64_t at)
{
	if (s->plain || at <= s->from)
		return;
	s->from = at;
	source_drop(s, 0, at);
}

void
source_drop(struct source *s, uint64_t from, uint64_t to)
{
	/* Where holes cannot be made, the space is free again at the end. */
	if (s->held_fd >= 0)
		(void)fallocate(s->held_fd,
		    FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, (off_t)from,
		    (off_t)(to - from));
}

static ssize_t
read_at(int fd, uint64_t at, char *buf, size_t len, struct error *err)
{
	ssize_t n;

	do {
		n = pread(fd, buf, len, (off_t)at);
	} while (n < 0 && errno == EINTR);
	if (n < 0)
		return error_errno(err, "read");
	if (n == 0)
		return error_set(err, "read: the file has become shorter");
	return n;
}

static ssize_t
read_plain(
    struct source *s, uint64_t at, char *buf, size_t len, struct error *err)
{
	if (at == s->size)
		return 0;
	if (at > s->size)
		return error_set(err,
		    "the file has %llu bytes, and %llu are loaded of a file of "
		    "that name",
		    (unsigned long long)s->size, (unsigned long long)at);
	if (len > s->size - at)
		len = (size_t)(s->size - at);
	return read_at(s->fd, at, buf, len, err);
}

/*
 * Streams
 */

static int
open_temporary(struct error *err)
{
	const char *dir = getenv("TMPDIR");
	char path[4096];
	int fd;

	if (dir == NULL || *dir == '\0')
		dir = "/tmp";
	fd = open(dir, O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);
	if (fd >= 0)
		return fd;
	/* Not every file system has files without a name. */
	if (snprintf(path, sizeof(path), "%s/logload.XXXXXX", dir) >=
	    (int)sizeof(path))
		return error_set(err, "create a file in %s: too long", dir);
	fd = mkostemp(path, O_CLOEXEC);
	if (fd < 0)
		return error_errno(err, "create %s", path);
	if (unlink(path) < 0) {
		(void)error_errno(err, "remove %s", path);
		(void)close(fd); /* empty */
		return -1;
	}
	return fd;
}

/* What was unpacked goes where it lies in the content: holes cost nothing. */
static int
hold(struct source *s, const char *data, size_t len, struct error *err)
{
	if (s->held_fd < 0 && (s->held_fd = open_temporary(err)) < 0)
		return -1;
	if (lseek(s->held_fd, (off_t)s->unpacked, SEEK_SET) < 0 ||
	    spool_write_all(s->held_fd, data, len) < 0)
		return error_errno(err, "write a temporary file");
	return 0;
}

static ssize_t
read_held(
    struct source *s, uint64_t at, char *buf, size_t len, struct error *err)
{
	if (at < s->from)
		return error_set(err, "read: byte %llu has gone by already",
		    (unsigned long long)at);
	while (at >= s->unpacked) {
		ssize_t n = unpack_read(&s->unpack, buf, len, err);

		if (n < 0)
			return -1;
		if (n == 0 && at == s->unpacked)
			return 0;
		if (n == 0)
			return error_set(err,
			    "the content has %llu bytes, and %llu are loaded "
			    "of one of that name",
			    (unsigned long long)s->unpacked,
			    (unsigned long long)at);
		if (s->unpacked + (uint64_t)n > s->from &&
		    hold(s, buf, (size_t)n, err) < 0)
			return -1;
		s->unpacked += (uint64_t)n;
		if (s->unpacked - (uint64_t)n == at)
			return n;
	}
	if (len > s->unpacked - at)
		len = (size_t)(s->unpacked - at);
	return read_at(s->held_fd, at, buf, len, err);
}

/*
 * The content's identity
 */

/* Adds a block, and notes the marks that lie in it, and its last line break. */
static int
hash_block(struct digest *d, const char *block, size_t len,
    struct source_sum *sum, struct error *err)
{
	const char *lf = memrchr(block, '\n', len);
	uint64_t from = d->at, lines = 0;

	if (lf != NULL)
		lines = from + (uint64_t)(lf - block) + 1;
	while (d->at < from + len) {
		uint64_t to = from + len;

		for (unsigned i = 0; i < sum->mark_count; i++) {
			if (sum->marks[i].bytes > d->at &&
			    sum->marks[i].bytes < to)
				to = sum->marks[i].bytes;
		}
		if (lines > d->at && lines < to)
			to = lines;
		if (digest_add(d, block + (d->at - from), (size_t)(to - d->at),
			err) < 0)
			return -1;
		for (unsigned i = 0; i < sum->mark_count; i++) {
			if (sum->marks[i].bytes == to &&
			    digest_tell(d, sum->marks[i].sha256, err) < 0)
				return -1;
		}
		if (to == lines && digest_tell(d, sum->lines.sha256, err) < 0)
			return -1;
	}
	if (lf != NULL)
		sum->lines.bytes = lines;
	return 0;
}

static int
hash_content(struct source *s, struct digest *d, struct source_sum *sum,
    struct error *err)
{
	char *block = malloc(BLOCK);
	ssize_t n = 1;

	if (block == NULL)
		return error_errno(err, "read");
	while (n > 0) {
		n = s->plain ? read_plain(s, d->at, block, BLOCK, err)
			     : unpack_read(&s->unpack, block, BLOCK, err);
		if (n > 0 && hash_block(d, block, (size_t)n, sum, err) < 0)
			n = -1;
		if (s->hashed != NULL)
			atomic_store_explicit(s->hashed,
			    source_consumed(s, d->at), memory_order_relaxed);
	}
	free(block);
	return n < 0 ? -1 : 0;
}

int
source_hash(struct source *s, const char *salt, struct source_sum *sum,
    struct error *err)
{
	struct digest d;
	int rc = -1;

	sum->lines = (struct source_mark){0};
	if (digest_init(&d) < 0)
		(void)error_set(err, "hash: libcrypto refused");
	else if (digest_add(&d, salt, strlen(salt), err) == 0) {
		d.at = 0; /* of the content */
		rc = hash_content(s, &d, sum, err);
	}
	sum->all.bytes = d.at;
	if (rc == 0)
		rc = digest_tell(&d, sum->all.sha256, err);
	digest_release(&d);
	if (rc == 0 && !s->plain) {
		if (lseek(s->fd, 0, SEEK_SET) < 0)
			rc = error_errno(err, "rewind");
		unpack_restart(&s->unpack);
	}
	return rc;
}

int
source_digest(
    struct source *s, struct digest *d, uint64_t to, struct error *err)
{
	char *block = malloc(BLOCK);
	ssize_t n = 1;

	if (block == NULL)
		return error_errno(err, "read");
	while (n > 0 && d->at < to) {
		n = source_read(s, d->at, block,
		    to - d->at < BLOCK ? (size_t)(to - d->at) : BLOCK, err);
		if (n > 0 && digest_add(d, block, (size_t)n, err) < 0)
			n = -1;
	}
	free(block);
	return n < 0 ? -1 : 0;
}

uint64_t
source_consumed(const struct source *s, uint64_t at)
{
	return s->plain ? at : s->unpack.consumed;
}
