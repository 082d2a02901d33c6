/*
 * record-files.c - the functions that change a file system; see record.c.
 */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "record.h"

/*
 * Paths
 */

/* Cuts the root from an absolute path; false if it is not below it. */
static bool
below_root(char *path)
{
	const char *root = record_root();
	size_t n = strlen(root);

	if (strncmp(path, root, n) != 0 || (path[n] != '/' && path[n] != '\0'))
		return false;
	if (path[n] == '\0')
		memcpy(path, ".", 2);
	else
		memmove(path, path + n + 1, strlen(path + n + 1) + 1);
	return true;
}

/* Where a descriptor's file lies, counted from the root. */
static bool
path_of(int fd, char path[PATH_MAX])
{
	char link[40], *end;
	ssize_t n;
	int error = errno;

	if (!record_is_on() || fd < 0)
		return false;
	(void)snprintf(link, sizeof(link), "/proc/self/fd/%d", fd);
	n = readlink(link, path, PATH_MAX - 1);
	errno = error;
	if (n <= 0)
		return false;
	path[n] = '\0';
	end = strstr(path, " (deleted)");
	if (end != NULL)
		*end = '\0';
	return below_root(path);
}

/* The same for a name in a directory, which need not exist. */
static bool
path_at(int dir, const char *name, char path[PATH_MAX])
{
	char parent[PATH_MAX], whole[PATH_MAX];
	const char *base = strrchr(name, '/');
	int error = errno;
	size_t len;
	bool below;

	if (!record_is_on())
		return false;
	if (*name != '/' && dir != AT_FDCWD) {
		if (!path_of(dir, path))
			return false;
		len = strcmp(path, ".") == 0 ? 0 : strlen(path);
		return snprintf(path + len, PATH_MAX - len, "%s%s",
			   len > 0 ? "/" : "", name) < (int)(PATH_MAX - len);
	}
	if (base == NULL)
		memcpy(parent, ".", 2);
	else
		(void)snprintf(parent, sizeof(parent), "%.*s",
		    base == name ? 1 : (int)(base - name), name);
	below = realpath(parent, whole) != NULL && below_root(whole);
	errno = error;
	if (!below)
		return false;
	base = base == NULL ? name : base + 1;
	if (strcmp(whole, ".") == 0)
		return snprintf(path, PATH_MAX, "%s", base) < PATH_MAX;
	return snprintf(path, PATH_MAX, "%s/%s", whole, base) < PATH_MAX;
}

static unsigned long long
inode_of(int fd)
{
	struct stat st;

	if (fstat(fd, &st) < 0)
		record_fail("stat");
	return st.st_ino;
}

/*
 * Files and directories
 */

static int
open_at(int dir, const char *name, int flags, mode_t mode)
{
	char path[PATH_MAX];
	struct stat st;
	bool existed;
	int fd;

	if ((flags & (O_CREAT | O_TRUNC)) == 0 || !path_at(dir, name, path))
		return (int)syscall(SYS_openat, dir, name, flags, mode);
	record_delay();
	record_lock();
	existed = fstatat(dir, name, &st, AT_SYMLINK_NOFOLLOW) == 0;
	fd = (int)syscall(SYS_openat, dir, name, flags, mode);
	if (fd >= 0 && !existed)
		record("create", path, NULL, 0, "%llu %s", inode_of(fd), path);
	else if (fd >= 0 && (flags & O_TRUNC) != 0 && st.st_size > 0)
		record(
		    "truncate", path, NULL, 0, "%llu %s 0", inode_of(fd), path);
	record_unlock(errno);
	record_delay();
	return fd;
}

static mode_t
mode_of(int flags, va_list args)
{
	return (flags & O_CREAT) != 0 ? va_arg(args, mode_t) : 0;
}

int
open(const char *name, int flags, ...)
{
	va_list args;
	mode_t mode;

	va_start(args, flags);
	mode = mode_of(flags, args);
	va_end(args);
	return open_at(AT_FDCWD, name, flags, mode);
}

int
openat(int dir, const char *name, int flags, ...)
{
	va_list args;
	mode_t mode;

	va_start(args, flags);
	mode = mode_of(flags, args);
	va_end(args);
	return open_at(dir, name, flags, mode);
}

int
mkdirat(int dir, const char *name, mode_t mode)
{
	char path[PATH_MAX];
	struct stat st;
	int rc;

	if (!path_at(dir, name, path))
		return (int)syscall(SYS_mkdirat, dir, name, mode);
	record_delay();
	record_lock();
	rc = (int)syscall(SYS_mkdirat, dir, name, mode);
	if (rc == 0 && fstatat(dir, name, &st, AT_SYMLINK_NOFOLLOW) == 0)
		record("mkdir", path, NULL, 0, "%llu %s",
		    (unsigned long long)st.st_ino, path);
	record_unlock(errno);
	record_delay();
	return rc;
}

int
mkdir(const char *name, mode_t mode)
{
	return mkdirat(AT_FDCWD, name, mode);
}

int
renameat2(int from, const char *old, int to, const char *new, unsigned flags)
{
	char old_path[PATH_MAX], new_path[PATH_MAX];
	struct stat st;
	int rc;

	if (!path_at(from, old, old_path) || !path_at(to, new, new_path))
		return (int)syscall(SYS_renameat2, from, old, to, new, flags);
	record_delay();
	record_lock();
	rc = fstatat(from, old, &st, AT_SYMLINK_NOFOLLOW);
	if (rc == 0)
		rc = (int)syscall(SYS_renameat2, from, old, to, new, flags);
	if (rc == 0)
		record("rename", new_path, NULL, 0, "%llu %s %s",
		    (unsigned long long)st.st_ino, old_path, new_path);
	record_unlock(errno);
	record_delay();
	return rc;
}

int
renameat(int from, const char *old, int to, const char *new)
{
	return renameat2(from, old, to, new, 0);
}

int
rename(const char *old, const char *new)
{
	return renameat2(AT_FDCWD, old, AT_FDCWD, new, 0);
}

int
unlinkat(int dir, const char *name, int flags)
{
	char path[PATH_MAX];
	struct stat st;
	int rc;

	if (!path_at(dir, name, path))
		return (int)syscall(SYS_unlinkat, dir, name, flags);
	record_delay();
	record_lock();
	rc = fstatat(dir, name, &st, AT_SYMLINK_NOFOLLOW);
	if (rc == 0)
		rc = (int)syscall(SYS_unlinkat, dir, name, flags);
	if (rc == 0)
		record("unlink", path, NULL, 0, "%llu %s",
		    (unsigned long long)st.st_ino, path);
	record_unlock(errno);
	record_delay();
	return rc;
}

int
unlink(const char *name)
{
	return unlinkat(AT_FDCWD, name, 0);
}

/*
 * Content
 */

static void
record_write(int fd, const char *path, off_t at, const void *data, ssize_t n)
{
	if (n > 0)
		record("write", path, data, (size_t)n, "%llu %s %lld",
		    inode_of(fd), path, (long long)at);
}

ssize_t
write(int fd, const void *data, size_t len)
{
	char path[PATH_MAX];
	struct stat st;
	ssize_t n;
	off_t at;

	if (!path_of(fd, path))
		return (ssize_t)syscall(SYS_write, fd, data, len);
	record_delay();
	record_lock();
	if ((fcntl(fd, F_GETFL) & O_APPEND) != 0)
		at = fstat(fd, &st) == 0 ? st.st_size : 0;
	else
		at = lseek(fd, 0, SEEK_CUR);
	n = (ssize_t)syscall(SYS_write, fd, data, len);
	record_write(fd, path, at, data, n);
	record_unlock(errno);
	record_delay();
	return n;
}

ssize_t
pwrite(int fd, const void *data, size_t len, off_t at)
{
	char path[PATH_MAX];
	ssize_t n;

	if (!path_of(fd, path))
		return (ssize_t)syscall(SYS_pwrite64, fd, data, len, at);
	record_delay();
	record_lock();
	n = (ssize_t)syscall(SYS_pwrite64, fd, data, len, at);
	record_write(fd, path, at, data, n);
	record_unlock(errno);
	record_delay();
	return n;
}

int
ftruncate(int fd, off_t size)
{
	char path[PATH_MAX];
	int rc;

	if (!path_of(fd, path))
		return (int)syscall(SYS_ftruncate, fd, size);
	record_delay();
	record_lock();
	rc = (int)syscall(SYS_ftruncate, fd, size);
	if (rc == 0)
		record("truncate", path, NULL, 0, "%llu %s %lld", inode_of(fd),
		    path, (long long)size);
	record_unlock(errno);
	record_delay();
	return rc;
}

static int
sync_by(long call, int fd)
{
	char path[PATH_MAX];
	int rc, error;

	if (!path_of(fd, path))
		return (int)syscall(call, fd);
	record_delay();
	record_lock();
	record("sync", path, NULL, 0, "%llu %s", inode_of(fd), path);
	record_unlock(errno);
	record_delay();
	rc = (int)syscall(call, fd);
	error = errno;
	record_delay();
	record_lock();
	record("synced", path, NULL, 0, "%llu %s %d", inode_of(fd), path, rc);
	record_unlock(error);
	return rc;
}

int
fsync(int fd)
{
	return sync_by(SYS_fsync, fd);
}

int
fdatasync(int fd)
{
	return sync_by(SYS_fdatasync, fd);
}

/* By these names libraries call them that are built for large files. */
#define ALSO(name, of) \
	__asm__(".globl " #name "\n.type " #name ", @function\n.set " #name \
		", " #of)

ALSO(open64, open);
ALSO(pwrite64, pwrite);
ALSO(ftruncate64, ftruncate);
