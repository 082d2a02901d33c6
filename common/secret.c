/*
 * secret.c - see secret.h.
 */
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include "secret.h"

static int
read_whole(int fd, size_t max, struct buf *b, struct secret_mode *mode)
{
	struct stat st;
	ssize_t n = 1;

	if (fstat(fd, &st) < 0 || buf_reserve(b, max + 1) < 0)
		return -1;
	if (mode != NULL) {
		mode->others_read = (st.st_mode & S_IROTH) != 0;
		mode->others_write = (st.st_mode & S_IWOTH) != 0;
	}
	while (n > 0 && b->len <= max) {
		n = read(fd, b->data + b->len, max + 1 - b->len);
		if (n > 0)
			b->len += (size_t)n;
		else if (n < 0 && errno == EINTR)
			n = 1;
	}
	return n < 0 ? -1 : 0;
}

int
secret_read(const char *path, size_t max, struct buf *b,
    struct secret_mode *mode, struct error *err)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC), rc;

	if (fd < 0)
		return error_errno(err, "open %s", path);
	rc = read_whole(fd, max, b, mode);
	if (rc < 0)
		(void)error_errno(err, "read %s", path);
	else if (b->len > max)
		rc = error_set(err, "read %s: it is over %zu bytes", path, max);
	else
		b->data[b->len] = '\0';
	(void)close(fd); /* only read from */
	return rc;
}

int
secret_are_files(const char *const *paths, size_t count, struct error *err)
{
	struct stat st;

	for (size_t i = 0; i < count; i++) {
		if (paths[i] == NULL)
			continue;
		if (stat(paths[i], &st) < 0)
			return error_errno(err, "open %s", paths[i]);
		if (!S_ISREG(st.st_mode))
			return error_set(err,
			    "read %s anew: it is no regular file", paths[i]);
	}
	return 0;
}

void
secret_release(struct buf *b)
{
	if (b->data != NULL)
		explicit_bzero(b->data, b->cap);
	buf_release(b);
}

void
secret_keep(void)
{
	const struct rlimit none = {0, 0};

	(void)setrlimit(RLIMIT_CORE, &none); /* less is always allowed */
#ifndef SANITIZED
	(void)prctl(PR_SET_DUMPABLE, 0, 0, 0, 0); /* cannot fail */
#endif
}
