/*
 * faults.h - a spool whose system calls can be made to fail, one at a time, or
 * to end the process. They go through the wrappers below (ld --wrap), see
 * LINK_spool-faults in the Makefile. For one program a file: it defines all.
 */
#ifndef TESTS_FAULTS_H
#define TESTS_FAULTS_H

#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include "spool.h"
#include "tap.h"

enum what { NOTHING, FAIL, SHORT, INTERRUPT, DIE_BEFORE, DIE_AFTER };

/* The next fault. */
static struct {
	enum what what;
	const char *call; /* NULL: any */
	unsigned at;      /* the at-th one from now on, from 1 */
	int code;
	const char *also; /* this call fails too, each time */
	unsigned count;   /* calls so far */
	bool fired;
} fault;

static unsigned syncs; /* fdatasync calls so far */

static struct spool spool;
static struct error err;
static char scratch[64], root[96];

/* The wrapped calls and their wrappers; ld(1), --wrap. */
ssize_t __real_write(int, const void *, size_t);
int __real_fdatasync(int);
int __real_fsync(int);
int __real_ftruncate(int, off_t);
int __real_renameat(int, const char *, int, const char *);
int __real_renameat2(int, const char *, int, const char *, unsigned);
int __real_openat(int, const char *, int, ...);
int __real_mkdirat(int, const char *, mode_t);
int __real_unlinkat(int, const char *, int);
int __real_flock(int, int);
int __real_fstat(int, struct stat *);
int __real_fstatat(int, const char *, struct stat *, int);
ssize_t __real_getrandom(void *, size_t, unsigned);
int __real_fchmod(int, mode_t);
int __real_fcntl(int, int, ...);
ssize_t __wrap_write(int, const void *, size_t);
int __wrap_fdatasync(int);
int __wrap_fsync(int);
int __wrap_ftruncate(int, off_t);
int __wrap_renameat(int, const char *, int, const char *);
int __wrap_renameat2(int, const char *, int, const char *, unsigned);
int __wrap_openat(int, const char *, int, ...);
int __wrap_mkdirat(int, const char *, mode_t);
int __wrap_unlinkat(int, const char *, int);
int __wrap_flock(int, int);
int __wrap_fstat(int, struct stat *);
int __wrap_fstatat(int, const char *, struct stat *, int);
ssize_t __wrap_getrandom(void *, size_t, unsigned);
int __wrap_fchmod(int, mode_t);
int __wrap_fcntl(int, int, ...);

/* Is it this call's turn? */
static enum what
turn(const char *call)
{
	if (fault.also != NULL && strcmp(fault.also, call) == 0) {
		errno = fault.code;
		return FAIL;
	}
	if (fault.what == NOTHING ||
	    (fault.call != NULL && strcmp(fault.call, call) != 0) ||
	    ++fault.count != fault.at)
		return NOTHING;
	fault.fired = true;
	if (fault.what == DIE_BEFORE)
		_exit(42);
	errno = fault.code;
	return fault.what;
}

/* After the call, which changed errno or not. */
static void
after(enum what what)
{
	if (what == DIE_AFTER)
		_exit(42);
}

#define WRAP(type, name, arguments, ...) \
	type __wrap_##name arguments \
	{ \
		enum what what = turn(#name); \
		type rc; \
\
		if (what == FAIL) \
			return -1; \
		rc = __real_##name(__VA_ARGS__); \
		after(what); \
		return rc; \
	}

WRAP(int, fsync, (int fd), fd)
WRAP(int, ftruncate, (int fd, off_t size), fd, size)
WRAP(int, renameat, (int d, const char *a, int e, const char *b), d, a, e, b)
WRAP(int, renameat2,
    (int d, const char *a, int e, const char *b, unsigned flags), d, a, e, b,
    flags)
WRAP(int, mkdirat, (int d, const char *a, mode_t mode), d, a, mode)
WRAP(int, unlinkat, (int d, const char *a, int flags), d, a, flags)
WRAP(int, flock, (int fd, int how), fd, how)
WRAP(int, fstat, (int fd, struct stat *st), fd, st)
WRAP(int, fstatat, (int d, const char *a, struct stat *st, int flags), d, a, st,
    flags)

WRAP(ssize_t, getrandom, (void *out, size_t len, unsigned flags), out, len,
    flags)
WRAP(int, fchmod, (int fd, mode_t mode), fd, mode)

int
__wrap_fdatasync(int fd)
{
	enum what what = turn("fdatasync");
	int rc;

	syncs++;
	if (what == FAIL)
		return -1;
	rc = __real_fdatasync(fd);
	after(what);
	return rc;
}

int
__wrap_openat(int dir, const char *path, int flags, ...)
{
	enum what what = turn("openat");
	va_list ap;
	int rc;

	if (what == FAIL)
		return -1;
	va_start(ap, flags);
	rc = __real_openat(dir, path, flags, va_arg(ap, unsigned));
	va_end(ap);
	after(what);
	return rc;
}

int
__wrap_fcntl(int fd, int command, ...)
{
	enum what what = turn("fcntl");
	va_list ap;
	int rc;

	if (what == FAIL)
		return -1;
	va_start(ap, command);
	rc = __real_fcntl(fd, command, va_arg(ap, struct flock *));
	va_end(ap);
	after(what);
	return rc;
}

/* A write can also be short, or die in the middle. */
ssize_t
__wrap_write(int fd, const void *data, size_t len)
{
	enum what what;
	ssize_t rc;

	if (fd <= STDERR_FILENO)
		return __real_write(fd, data, len);
	what = turn("write");
	if (what == INTERRUPT) {
		errno = EINTR;
		return -1;
	}
	if (what == FAIL || what == SHORT || what == DIE_AFTER) {
		rc = __real_write(fd, data, len / 2);
		after(what);
		if (what == SHORT)
			return rc;
		/* A full disk takes a part, and the next write fails. */
		errno = fault.code;
		return -1;
	}
	return __real_write(fd, data, len);
}

static void
arm(enum what what, const char *call, unsigned at, int code)
{
	fault.what = what;
	fault.call = call;
	fault.at = at;
	fault.code = code;
	fault.count = 0;
	fault.fired = false;
}

static void
disarm(void)
{
	fault.what = NOTHING;
	fault.also = NULL;
}

static void
open_new(void)
{
	static int count;

	disarm();
	(void)snprintf(root, sizeof(root), "%s/%d", scratch, ++count);
	must(spool_open(&spool, root, &err) == 0);
}

/* All files of a place, one after the other, by age. */
static const char *
content(enum spool_place place)
{
	static char text[65536];
	struct spool_list list = {0};
	size_t len = 0;

	must(spool_scan(&spool, place, NULL, SIZE_MAX, &list, &err) == 0);
	for (size_t i = 0; i < list.count; i++) {
		int fd = openat(
		    spool.dir[place], list.files[i].name, O_RDONLY | O_CLOEXEC);
		ssize_t n;

		must(fd >= 0);
		n = read(fd, text + len, sizeof(text) - 1 - len);
		must(n >= 0);
		(void)close(fd);
		len += (size_t)n;
	}
	text[len] = '\0';
	spool_list_release(&list);
	return text;
}

/* Rotates all there is, as logbatch does. */
static void
rotate_all(void)
{
	struct spool_list list = {0};

	/* It may be made to fail: then the next one is to repair it. */
	if (spool_scan(&spool, SPOOL_BUFFER, NULL, SIZE_MAX, &list, &err) < 0)
		list.count = 0;
	for (size_t i = 0; i < list.count; i++)
		(void)spool_rotate(&spool, list.files[i].name, &err);
	spool_list_release(&list);
}

#endif
