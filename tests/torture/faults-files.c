/*
 * faults-files.c - calls on files and directories; see faults.c.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <sys/file.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include "faults.h"

static mode_t
mode_of(int flags, va_list args)
{
	return flags & (O_CREAT | O_TMPFILE) ? (mode_t)va_arg(args, int) : 0;
}

int
open(const char *path, int flags, ...)
{
	struct subject s = {.fd = AT_FDCWD, .name = path};
	struct rule *r = fault_hit("open", &s);
	va_list args;
	mode_t mode;

	va_start(args, flags);
	mode = mode_of(flags, args);
	va_end(args);
	OBEY(int, open, path, flags, mode);
}

int
openat(int dir, const char *path, int flags, ...)
{
	struct subject s = {.fd = dir, .name = path};
	struct rule *r = fault_hit("openat", &s);
	va_list args;
	mode_t mode;

	va_start(args, flags);
	mode = mode_of(flags, args);
	va_end(args);
	OBEY(int, openat, dir, path, flags, mode);
}

int
close(int fd)
{
	struct subject s = {.fd = fd};
	struct rule *r = fault_hit("close", &s);

	OBEY(int, close, fd);
}

ssize_t
write(int fd, const void *data, size_t len)
{
	struct subject s = {.fd = fd};
	struct rule *r = fault_hit("write", &s);

	if (r != NULL && r->action == LIE)
		return (ssize_t)len;
	if (r != NULL && fault_is_short(r) && len > 1)
		len /= 2;
	OBEY(ssize_t, write, fd, data, len);
}

ssize_t
pwrite(int fd, const void *data, size_t len, off_t at)
{
	struct subject s = {.fd = fd};
	struct rule *r = fault_hit("pwrite", &s);

	if (r != NULL && fault_is_short(r) && len > 1)
		len /= 2;
	OBEY(ssize_t, pwrite, fd, data, len, at);
}

ssize_t
read(int fd, void *data, size_t len)
{
	struct subject s = {.fd = fd};
	struct rule *r = fault_hit("read", &s);

	if (r != NULL && fault_is_short(r) && len > 8)
		len = len / 2 < 8 ? 8 : len / 2;
	OBEY(ssize_t, read, fd, data, len);
}

ssize_t
pread(int fd, void *data, size_t len, off_t at)
{
	struct subject s = {.fd = fd};
	struct rule *r = fault_hit("pread", &s);

	if (r != NULL && fault_is_short(r) && len > 1)
		len /= 2;
	OBEY(ssize_t, pread, fd, data, len, at);
}

int
fsync(int fd)
{
	struct subject s = {.fd = fd};
	struct rule *r = fault_hit("fsync", &s);

	OBEY(int, fsync, fd);
}

int
fdatasync(int fd)
{
	struct subject s = {.fd = fd};
	struct rule *r = fault_hit("fdatasync", &s);

	OBEY(int, fdatasync, fd);
}

int
ftruncate(int fd, off_t len)
{
	struct subject s = {.fd = fd};
	struct rule *r = fault_hit("ftruncate", &s);

	OBEY(int, ftruncate, fd, len);
}

int
flock(int fd, int how)
{
	struct subject s = {.fd = fd};
	struct rule *r = fault_hit("flock", &s);

	OBEY(int, flock, fd, how);
}

/* Locks alone: of the kind that an open file description holds, or a process.
 */
int
fcntl(int fd, int command, ...)
{
	struct subject s = {.fd = fd};
	struct rule *r = command == F_OFD_SETLK || command == F_SETLK
			     ? fault_hit("fcntl", &s)
			     : NULL;
	va_list ap;
	void *argument;

	/* Whatever its type is, it comes in a register. */
	va_start(ap, command);
	argument = va_arg(ap, void *);
	va_end(ap);
	OBEY(int, fcntl, fd, command, argument);
}

int
fstat(int fd, struct stat *st)
{
	struct subject s = {.fd = fd};
	struct rule *r = fault_hit("fstat", &s);

	OBEY(int, fstat, fd, st);
}

int
fstatat(int dir, const char *restrict path, struct stat *restrict st, int flags)
{
	struct subject s = {.fd = dir, .name = path};
	struct rule *r = fault_hit("fstatat", &s);

	OBEY(int, fstatat, dir, path, st, flags);
}

int
fstatvfs(int fd, struct statvfs *st)
{
	struct subject s = {.fd = fd};
	struct rule *r = fault_hit("fstatvfs", &s);

	OBEY(int, fstatvfs, fd, st);
}

int
mkdirat(int dir, const char *path, mode_t mode)
{
	struct subject s = {.fd = dir, .name = path};
	struct rule *r = fault_hit("mkdirat", &s);

	OBEY(int, mkdirat, dir, path, mode);
}

int
unlinkat(int dir, const char *path, int flags)
{
	struct subject s = {.fd = dir, .name = path};
	struct rule *r = fault_hit("unlinkat", &s);

	OBEY(int, unlinkat, dir, path, flags);
}

int
unlink(const char *path)
{
	struct subject s = {.fd = AT_FDCWD, .name = path};
	struct rule *r = fault_hit("unlink", &s);

	OBEY(int, unlink, path);
}

int
renameat(int from, const char *old, int to, const char *new)
{
	struct subject s = {.fd = from, .name = old};
	struct rule *r = fault_hit("renameat", &s);

	OBEY(int, renameat, from, old, to, new);
}

int
renameat2(int from, const char *old, int to, const char *new, unsigned flags)
{
	struct subject s = {.fd = from, .name = old};
	struct rule *r = fault_hit("renameat2", &s);

	OBEY(int, renameat2, from, old, to, new, flags);
}

int
memfd_create(const char *name, unsigned flags)
{
	struct subject s = {.fd = AT_FDCWD, .name = name};
	struct rule *r = fault_hit("memfd_create", &s);

	OBEY(int, memfd_create, name, flags);
}

/* By these names libraries call them that are built for large files. */
#define ALSO(name, of) \
	__asm__(".globl " #name "\n.type " #name ", @function\n.set " #name \
		", " #of)

ALSO(open64, open);
ALSO(pwrite64, pwrite);
ALSO(pread64, pread);
ALSO(ftruncate64, ftruncate);
ALSO(fcntl64, fcntl);
ALSO(fstat64, fstat);
