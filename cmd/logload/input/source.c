/*
 * source.c - see source.h.
 */
#include <errno.h>
#include <fcntl.h>
#include <openssl/evp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "source.h"
#include "spool.h"

#define BLOCK (128 * 1024)

static ssize_t
read_plain(struct source *, uint64_t at, char *buf, size_t len, struct error *);
static ssize_t
read_held(struct source *, uint64_t at, char *buf, size_t len, struct error *);

int
source_open(struct source *s, int fd, int stop_fd, struct error *err)
{
	char head[UNPACK_MAGIC];
	struct stat st;
	ssize_t n = -1;

	memset(s, 0, sizeof(*s));
	s->fd = fd;
	s->held_fd = -1;
	if (fstat(fd, &st) < 0) {
		(void)error_errno(err, "stat");
		goto fail;
	}
	if (S_ISDIR(st.st_mode)) {
		(void)error_set(err, "it is a directory");
		goto fail;
	}
	/* A descriptor handed to us may stand anywhere in its file. */
	s->regular = S_ISREG(st.st_mode) && lseek(fd, 0, SEEK_CUR) == 0;
	s->size = s->regular ? (uint64_t)st.st_size : 0;
	if (s->regular) {
		n = pread(fd, head, sizeof(head), 0);
		if (n < 0) {
			(void)error_errno(err, "read");
			goto fail;
		}
		s->plain = unpack_kind_of(head, (size_t)n) == UNPACK_PLAIN;
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
	return s->plain ? read_plain(s, at, buf, len, err)
			: read_held(s, at, buf, len, err);
}

void
source_forget(struct source *s, uint64_t at)
{
	if (s->plain || at <= s->from)
		return;
	s->from = at;
	/* Where holes cannot be made, the space is free again at the end. */
	if (s->held_fd >= 0)
		(void)fallocate(s->held_fd,
		    FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, 0, (off_t)at);
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

static int
hash_content(struct source *s, EVP_MD_CTX *ctx, struct error *err)
{
	char *block = malloc(BLOCK);
	uint64_t at = 0;
	ssize_t n = 1;

	if (block == NULL)
		return error_errno(err, "read");
	while (n > 0) {
		n = s->plain ? read_plain(s, at, block, BLOCK, err)
			     : unpack_read(&s->unpack, block, BLOCK, err);
		if (n > 0 && EVP_DigestUpdate(ctx, block, (size_t)n) != 1)
			n = error_set(err, "hash: libcrypto refused");
		at += n > 0 ? (uint64_t)n : 0;
	}
	free(block);
	return n < 0 ? -1 : 0;
}

int
source_hash(struct source *s, const char *salt, char hex[SOURCE_HASH_LEN + 1],
    struct error *err)
{
	unsigned char digest[EVP_MAX_MD_SIZE];
	EVP_MD_CTX *ctx = EVP_MD_CTX_new();
	int rc = -1;

	if (ctx == NULL || EVP_DigestInit_ex(ctx, EVP_sha256(), NULL) != 1 ||
	    EVP_DigestUpdate(ctx, salt, strlen(salt)) != 1)
		(void)error_set(err, "hash: libcrypto refused");
	else
		rc = hash_content(s, ctx, err);
	if (rc == 0 && EVP_DigestFinal_ex(ctx, digest, NULL) != 1)
		rc = error_set(err, "hash: libcrypto refused");
	EVP_MD_CTX_free(ctx);
	if (rc == 0 && !s->plain) {
		if (lseek(s->fd, 0, SEEK_SET) < 0)
			rc = error_errno(err, "rewind");
		unpack_restart(&s->unpack);
	}
	for (int i = 0; rc == 0 && i < SOURCE_HASH_LEN / 2; i++)
		(void)snprintf(hex + 2 * i, 3, "%02x", digest[i]);
	return rc;
}

uint64_t
source_consumed(const struct source *s, uint64_t at)
{
	return s->plain ? at : s->unpack.consumed;
}
