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

static int open_temporary(struct error *);
static int hold_chunk(struct source *, uint64_t at, uint64_t max,
    uint64_t longest, struct error *);
static int
find_end(const struct range *, uint64_t max, uint64_t *to, struct error *);

int
source_open(struct source *s, int fd, int stop_fd, struct error *err)
{
	char head[UNPACK_MAGIC];
	struct stat st;
	ssize_t n = -1;

	memset(s, 0, sizeof(*s));
	s->fd = fd;
	s->chunk_fd = -1;
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
	if (s->chunk_fd >= 0)
		(void)close(s->chunk_fd); /* its content is not wanted */
	(void)close(s->fd);               /* only read from */
	s->fd = s->chunk_fd = -1;
}

int
source_chunk(struct source *s, uint64_t at, uint64_t max, uint64_t longest,
    struct range *r, struct error *err)
{
	if (s->plain) {
		r->fd = s->fd;
		r->base = 0;
		r->to = s->size;
		r->last = true;
		if (at > s->size)
			return error_set(err,
			    "the file has %llu bytes, and %llu are loaded "
			    "of a file of that name",
			    (unsigned long long)s->size,
			    (unsigned long long)at);
	} else {
		if (hold_chunk(s, at, max, longest, err) < 0)
			return -1;
		r->fd = s->chunk_fd;
		r->base = s->base;
		r->to = s->base + s->held;
		r->last = s->ended;
	}
	r->from = at;
	if (r->to - at > max || !r->last) {
		uint64_t end = r->to;

		if (find_end(r, max, &r->to, err) < 0)
			return -1;
		r->last = r->last && r->to == end;
	}
	return 0;
}

static ssize_t
read_block(int fd, char *out, size_t len, uint64_t at, struct error *err)
{
	ssize_t n;

	do {
		n = pread(fd, out, len, (off_t)at);
	} while (n < 0 && errno == EINTR);
	if (n < 0)
		return error_errno(err, "read");
	if (n == 0)
		return error_set(err, "read: the file has become shorter");
	return n;
}

/* The offset after the last line break in [from, to), or 0 if there is none. */
static int
last_break(
    const struct range *r, uint64_t to, uint64_t *found, struct error *err)
{
	char block[4096];

	*found = 0;
	while (to > r->from) {
		size_t want = sizeof(block);
		const char *lf;
		ssize_t n;

		if (want > to - r->from)
			want = (size_t)(to - r->from);
		n = read_block(r->fd, block, want, to - want - r->base, err);
		if (n < 0)
			return -1;
		if ((size_t)n < want)
			return error_set(
			    err, "read: the file has become shorter");
		lf = memrchr(block, '\n', want);
		if (lf != NULL) {
			*found = to - want + (uint64_t)(lf - block) + 1;
			return 0;
		}
		to -= want;
	}
	return 0;
}

/* The offset after the first line break in [at, to), or to. */
static int
first_break(
    const struct range *r, uint64_t at, uint64_t *found, struct error *err)
{
	char block[4096];

	while (at < r->to) {
		size_t want = sizeof(block);
		const char *lf;
		ssize_t n;

		if (want > r->to - at)
			want = (size_t)(r->to - at);
		n = read_block(r->fd, block, want, at - r->base, err);
		if (n < 0)
			return -1;
		lf = memchr(block, '\n', (size_t)n);
		if (lf != NULL) {
			*found = at + (uint64_t)(lf - block) + 1;
			return 0;
		}
		at += (uint64_t)n;
	}
	*found = r->to;
	return 0;
}

/* Where a chunk ends: at the last line break before the limit, or the next. */
static int
find_end(const struct range *r, uint64_t max, uint64_t *to, struct error *err)
{
	uint64_t limit = r->to - r->from > max ? r->from + max : r->to;
	uint64_t found;

	if (last_break(r, limit, &found, err) < 0)
		return -1;
	if (found == 0 && first_break(r, limit, &found, err) < 0)
		return -1;
	*to = found;
	return 0;
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

/* Drops what is held in front of `at`. */
static int
drop_before(struct source *s, char *block, uint64_t at, struct error *err)
{
	uint64_t left = s->base + s->held - at, done = 0;

	while (done < left) {
		size_t want =
		    left - done < BLOCK ? (size_t)(left - done) : BLOCK;
		ssize_t n = read_block(
		    s->chunk_fd, block, want, at - s->base + done, err);

		if (n < 0)
			return -1;
		if (pwrite(s->chunk_fd, block, (size_t)n, (off_t)done) != n)
			return error_errno(err, "write a temporary file");
		done += (uint64_t)n;
	}
	s->base = at;
	s->held = left;
	return 0;
}

/* Reads on; the bytes are held, or forgotten if they lie before `at`. */
static int
read_on(struct source *s, char *block, uint64_t at, struct error *err)
{
	ssize_t n = unpack_read(&s->unpack, block, BLOCK, err);
	size_t skip = 0;

	if (n < 0)
		return -1;
	s->ended = n == 0;
	if (s->held == 0 && s->base < at) {
		skip = at - s->base < (uint64_t)n ? (size_t)(at - s->base)
						  : (size_t)n;
		s->base += skip;
	}
	if (lseek(s->chunk_fd, (off_t)s->held, SEEK_SET) < 0 ||
	    spool_write_all(s->chunk_fd, block + skip, (size_t)n - skip) < 0)
		return error_errno(err, "write a temporary file");
	s->held += (size_t)n - skip;
	return 0;
}

static int
hold_chunk(struct source *s, uint64_t at, uint64_t max, uint64_t longest,
    struct error *err)
{
	uint64_t searched = 0;
	char *block;
	int rc = 0;

	if (s->chunk_fd < 0 && (s->chunk_fd = open_temporary(err)) < 0)
		return -1;
	if (at < s->base)
		return error_set(err, "read: byte %llu has gone by already",
		    (unsigned long long)at);
	block = malloc(BLOCK);
	if (block == NULL)
		return error_errno(err, "read");
	if (at > s->base + s->held) {
		s->base += s->held;
		s->held = 0;
	} else if (at > s->base) {
		rc = drop_before(s, block, at, err);
	}
	while (rc == 0 && !s->ended) {
		if (s->base == at && s->held >= max) {
			/* Enough, if a line ends in it. */
			struct range r = {s->chunk_fd, s->base, at + searched,
			    s->base + s->held, false};
			uint64_t found;

			rc = last_break(&r, r.to, &found, err);
			if (rc == 0 && found == 0 && s->held > longest)
				rc = error_set(err,
				    "a line is over --chunk (%llu) and "
				    "--max-event (%llu): no more of it is held",
				    (unsigned long long)max,
				    (unsigned long long)longest);
			if (rc < 0 || found != 0)
				break;
			searched = s->held;
		}
		rc = read_on(s, block, at, err);
	}
	free(block);
	if (rc == 0 && s->base < at)
		return error_set(err,
		    "the content has %llu bytes, and %llu are loaded of one "
		    "of that name",
		    (unsigned long long)s->base, (unsigned long long)at);
	return rc;
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
		if (!s->plain)
			n = unpack_read(&s->unpack, block, BLOCK, err);
		else if (at == s->size)
			n = 0;
		else
			n = read_block(s->fd, block,
			    s->size - at < BLOCK ? (size_t)(s->size - at)
						 : BLOCK,
			    at, err);
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
