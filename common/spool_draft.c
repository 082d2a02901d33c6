/*
 * spool_draft.c - files that appear whole or not at all; see spool.h.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
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

/*
 * Locked as long as its process lives. One that is gone again was taken for a
 * dead process's, before we had the lock.
 */
static int
lock_draft(int fd)
{
	struct stat st;

	if (flock(fd, LOCK_EX | LOCK_NB) < 0 || fstat(fd, &st) < 0)
		return -1;
	errno = EAGAIN;
	return st.st_nlink > 0 ? 0 : -1;
}

int
spool_draft_open(
    struct spool_draft *d, int dir, const char *name, struct error *err)
{
	static atomic_uint sequence;
	uint32_t random;
	int n;

	d->fd = -1;
	d->dir = dir;
	n = snprintf(d->name, sizeof(d->name), "%s", name);
	if (n < 0 || (size_t)n >= sizeof(d->name))
		return error_set(err, "create %s: the name is over %zu bytes",
		    name, sizeof(d->name) - 1);
	if (spool_random(&random) < 0)
		return draft_failed(dir, "name a draft of", name, err);
	(void)snprintf(d->path, sizeof(d->path), ".%s.%08" PRIx32 "-%u.tmp",
	    name, random, atomic_fetch_add(&sequence, 1) + 1);
	d->fd = spool_create(dir, d->path, O_WRONLY | O_EXCL, SPOOL_FILE_MODE);
	if (d->fd < 0)
		return draft_failed(dir, "create", d->path, err);
	if (lock_draft(d->fd) == 0)
		return 0;
	(void)draft_failed(dir, "lock", d->path, err);
	spool_draft_discard(d);
	return -1;
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
	int fd = d->fd, rc = 0;

	if (sync && fsync(fd) < 0)
		rc = draft_failed(d->dir, "sync", d->path, err);
	/* A crash here leaves a hidden draft, which is swept away. */
	else if (renameat(d->dir, d->path, d->dir, d->name) < 0)
		rc = draft_failed(d->dir, "rename to", d->name, err);
	if (rc < 0) {
		spool_draft_discard(d);
		return -1;
	}
	d->fd = -1;
	if (close(fd) < 0)
		return draft_failed(d->dir, "close", d->name, err);
	if (sync && fsync(d->dir) < 0)
		return draft_failed(
		    d->dir, "sync the directory of", d->name, err);
	return 0;
}

void
spool_draft_discard(struct spool_draft *d)
{
	if (d->fd < 0)
		return;
	(void)unlinkat(d->dir, d->path, 0); /* left behind, it is swept away */
	(void)close(d->fd);                 /* its content is not wanted */
	d->fd = -1;
}

/* ".NAME.RANDOM-N.tmp", as spool_draft_open makes them, and nobody else. */
static bool
is_draft(const char *name)
{
	const char *end = strrchr(name, '.'), *p = end;
	unsigned digits = 0;

	if (name[0] != '.' || strcmp(end, ".tmp") != 0)
		return false;
	for (; p > name && p[-1] >= '0' && p[-1] <= '9'; p--)
		digits++;
	return digits > 0 && p - name > 11 && p[-1] == '-' && p[-10] == '.' &&
	       strspn(p - 9, "0123456789abcdef") == 8;
}

/* ".NAME.tmp" of a name that a spool has made, as the version before did. */
static bool
is_old_draft(const char *name)
{
	char file[SPOOL_NAME_MAX];
	size_t len = strlen(name);

	if (name[0] != '.' || len < 5 || len - 5 >= sizeof(file) ||
	    strcmp(name + len - 4, ".tmp") != 0)
		return false;
	memcpy(file, name + 1, len - 5);
	file[len - 5] = '\0';
	return spool_name_parse(file, NULL);
}

/* A draft that nobody is at. */
static bool
is_left(int fd, const char *name)
{
	return is_draft(name) ? flock(fd, LOCK_EX | LOCK_NB) == 0
			      : spool_find_writer(fd) == SPOOL_WRITER_GONE;
}

void
spool_draft_sweep(int dir)
{
	/* A descriptor of its own, since a directory stream moves it. */
	int list = openat(dir, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	DIR *stream = list < 0 ? NULL : fdopendir(list);
	struct dirent *entry;

	while (stream != NULL && (entry = readdir(stream)) != NULL) {
		int fd = -1;

		if (is_draft(entry->d_name) || is_old_draft(entry->d_name))
			fd = openat(dir, entry->d_name,
			    O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
		if (fd < 0)
			continue;
		if (is_left(fd, entry->d_name))
			(void)unlinkat(dir, entry->d_name, 0);
		(void)close(fd); /* only read from */
	}
	if (stream != NULL)
		(void)closedir(stream); /* only read from */
	else if (list >= 0)
		(void)close(list);
}
