/*
 * spool_draft.c - files that appear whole or not at all; see spool.h.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "spool.h"

int
spool_write_all(int fd, const void *data, size_t len)
{
	const char *p = data;

	while (len > 0) {
		ssize_t n = write(fd, p, len);

		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0) {
			if (n == 0)
				errno = EIO;
			return -1;
		}
		p += n;
		len -= (size_t)n;
	}
	return 0;
}

static void
draft_path(const struct spool_draft *d, char out[sizeof(d->name) + 8])
{
	(void)snprintf(out, sizeof(d->name) + 8, ".%s.tmp", d->name);
}

/*
 * "VERB DIRECTORY/FILE: …", of errno. Only what fails needs the directory's
 * path, so the kernel is asked for it.
 */
static int
draft_failed(int dir, const char *verb, const char *file, struct error *err)
{
	int code = errno;
	char fd[32], path[256];
	ssize_t n;

	(void)snprintf(fd, sizeof(fd), "/proc/self/fd/%d", dir);
	n = readlink(fd, path, sizeof(path));
	if (n < 0 || (size_t)n == sizeof(path)) {
		path[0] = '.'; /* too long to be told */
		n = 1;
	}
	path[n] = '\0';
	errno = code;
	return error_errno(err, "%s %s/%s", verb, path, file);
}

int
spool_draft_open(
    struct spool_draft *d, int dir, const char *name, struct error *err)
{
	char path[sizeof(d->name) + 8];
	size_t len = strlen(name);

	d->fd = -1;
	d->dir = dir;
	if (len >= sizeof(d->name))
		return error_set(err, "create %s: the name is over %zu bytes",
		    name, sizeof(d->name) - 1);
	memcpy(d->name, name, len + 1);
	draft_path(d, path);
	/* One of another user, who was killed, would be in the way. */
	d->fd =
	    spool_create_over(dir, path, O_WRONLY | O_TRUNC, SPOOL_FILE_MODE);
	if (d->fd < 0)
		return draft_failed(dir, "create", path, err);
	return 0;
}

int
spool_draft_write(
    struct spool_draft *d, const void *data, size_t len, struct error *err)
{
	if (spool_write_all(d->fd, data, len) < 0)
		return draft_failed(d->dir, "write", d->name, err);
	return 0;
}

int
spool_draft_publish(struct spool_draft *d, bool sync, struct error *err)
{
	char path[sizeof(d->name) + 8];

	draft_path(d, path);
	if (sync && fsync(d->fd) < 0) {
		(void)draft_failed(d->dir, "sync", path, err);
		spool_draft_discard(d);
		return -1;
	}
	if (close(d->fd) < 0) {
		(void)draft_failed(d->dir, "close", path, err);
		d->fd = -1;
		return -1;
	}
	d->fd = -1;
	/* A crash here leaves a hidden draft, which the next one overwrites. */
	if (renameat(d->dir, path, d->dir, d->name) < 0)
		return draft_failed(d->dir, "rename to", d->name, err);
	if (sync && fsync(d->dir) < 0)
		return draft_failed(
		    d->dir, "sync the directory of", d->name, err);
	return 0;
}

int
spool_draft_remove(int dir, const char *name, struct error *err)
{
	char path[sizeof(((struct spool_draft *)NULL)->name) + 8];
	int n = snprintf(path, sizeof(path), ".%s.tmp", name);

	if (n < 0 || (size_t)n >= sizeof(path))
		return 0; /* no draft has such a name */
	if (unlinkat(dir, path, 0) < 0 && errno != ENOENT)
		return draft_failed(dir, "remove", path, err);
	return 0;
}

void
spool_draft_discard(struct spool_draft *d)
{
	char path[sizeof(d->name) + 8];

	if (d->fd < 0)
		return;
	draft_path(d, path);
	(void)close(d->fd);              /* its content is not wanted */
	(void)unlinkat(d->dir, path, 0); /* left behind, it does no harm */
	d->fd = -1;
}
