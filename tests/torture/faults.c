/*
 * faults.c - a library that makes system calls fail, or the process die at
 * them. It is loaded into the tools by LD_PRELOAD, and obeys rules in a file
 * that it maps (TORTURE_FAULTS), so that the driver can set them at any time,
 * and so that calls are counted over all processes: the first to come to the
 * third write is the one that dies there. See lib/Torture/Faults.pm for the
 * other side.
 *
 * A rule names a tool, a call, and a pattern for the path of the call, which is
 *   for a descriptor     what /proc/self/fd says: a file's path, "socket:[7]"
 *   for a name           the directory's path and the name; the old one, if two
 *   for send and recv    for send the bytes that are sent, from the sixth on:
 *                        to a MySQL server that is the statement; "ARRAY"
 *                        where an array of rows begins, which has no text
 *   for mysql_real_query, mysql_stmt_prepare
 *                        the statement
 *   for mysql_stmt_execute, mariadb_get_infov, poll, clock_gettime, memory and
 * threads nothing: the pattern must be "*"
 *
 * A process that no rule names pays a look at RULES words for each call.
 */
#include <dlfcn.h>
#include <errno.h>
#include <execinfo.h>
#include <fcntl.h>
#include <fnmatch.h>
#include <limits.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <sys/uio.h>
#include <time.h>
#include <unistd.h>

#define RULES 16
#define ALWAYS 1000 /* per mille */

enum action {
	KILL_BEFORE = 1,
	KILL_AFTER,
	FAIL,       /* not done, and -1 with errno `arg` */
	FAIL_AFTER, /* done, but -1 all the same */
	SHORT,      /* half of it is written or read */
	SHORT_KILL, /* half of it is written, and then no more */
	DELAY_BEFORE,
	DELAY_AFTER, /* by `arg` ms */
	RESET,       /* the connection is shut, and ECONNRESET */
	SHIFT,       /* the wall clock is `arg` seconds back */
	LIE,         /* write, mysql_*: not done, but it succeeds */
};

struct rule {
	atomic_uint armed; /* set last */
	uint32_t action;
	uint32_t from, to; /* which of the matching calls, from 1 on */
	uint32_t arg;
	uint32_t chance;   /* per mille */
	atomic_uint fired; /* how often it was obeyed */
	atomic_uint seen;  /* matching calls since it was set */
	char tool[16];
	char call[24];
	char path[184];
};
_Static_assert(sizeof(struct rule) == 256, "as the driver packs it");

/* What a call is about. */
struct subject {
	int fd; /* or AT_FDCWD */
	const char *name;
	const void *data;
	size_t len;
};

static struct rule *rules;
static _Thread_local bool busy; /* our own calls are not to be looked at */
static _Thread_local unsigned seed;

extern char *program_invocation_short_name;
extern void *__libc_malloc(size_t);
extern void *__libc_calloc(size_t, size_t);
extern void *__libc_realloc(void *, size_t);

static void *
find(const char *name)
{
	void *f = dlsym(RTLD_NEXT, name);

	if (f == NULL)
		abort();
	return f;
}

/* The next library's function of that name, looked up once. */
#define REAL(f) \
	__extension__({ \
		static __typeof__(&f) real_; \
		if (real_ == NULL) { \
			bool was_ = busy; \
			busy = true; \
			real_ = (__typeof__(&f))find(#f); \
			busy = was_; \
		} \
		real_; \
	})

/*
 * Where it crashed, so that the driver can tell our mistakes from those of the
 * libraries. Names of files and offsets in them, for addr2line(1).
 */
static void
tell_crash(int signal)
{
	static const char head[] = "torture: crashed at\n";
	void *frames[40];
	int n;

	busy = true;
	n = backtrace(frames, 40);
	(void)!REAL(write)(STDERR_FILENO, head, sizeof(head) - 1);
	backtrace_symbols_fd(frames, n, STDERR_FILENO);
	(void)raise(signal); /* SA_RESETHAND: now it ends */
}

static const int crashes[] = {SIGSEGV, SIGBUS, SIGABRT, SIGFPE, SIGILL};
#define CRASHES (sizeof(crashes) / sizeof(crashes[0]))

static void
watch_crashes(void)
{
	struct sigaction action = {.sa_handler = tell_crash,
	    .sa_flags = (int)(SA_RESETHAND | SA_NODEFER)};
	void *frames[1];

	/* Shells and sleep(1) of pipeline.sh are none of our business. */
	if (strncmp(program_invocation_short_name, "log", 3) != 0)
		return;
	(void)backtrace(frames, 1); /* loads a library, the first time */
	for (size_t i = 0; i < CRASHES; i++)
		(void)sigaction(crashes[i], &action, NULL);
}

/* A thread that blocks all signals would crash without a word. */
int
pthread_sigmask(int how, const sigset_t *restrict set, sigset_t *restrict old)
{
	sigset_t some;

	if (set == NULL || how == SIG_UNBLOCK)
		return REAL(pthread_sigmask)(how, set, old);
	some = *set;
	for (size_t i = 0; i < CRASHES; i++)
		(void)sigdelset(&some, crashes[i]);
	return REAL(pthread_sigmask)(how, &some, old);
}

__attribute__((constructor)) static void
start(void)
{
	const char *path = getenv("TORTURE_FAULTS");
	int fd;

	if (path == NULL)
		return;
	busy = true;
	fd = open(path, O_RDWR | O_CLOEXEC);
	if (fd >= 0) {
		void *map = mmap(NULL, RULES * sizeof(*rules),
		    PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);

		if (map != MAP_FAILED)
			rules = map;
		(void)close(fd);
	}
	watch_crashes();
	busy = false;
}

/*
 * Rules
 */

static void
descriptor_path(int fd, char *out, size_t size)
{
	char link[40];
	ssize_t n;

	(void)snprintf(link, sizeof(link), "/proc/self/fd/%d", fd);
	n = readlink(link, out, size - 1);
	out[n < 0 ? 0 : n] = '\0';
}

static void
subject_path(const struct subject *s, char *out, size_t size)
{
	size_t n = 0;

	out[0] = '\0';
	if (s->data != NULL) {
		n = s->len < size - 1 ? s->len : size - 1;
		memcpy(out, s->data, n);
		out[n] = '\0';
		return;
	}
	if (s->fd >= 0 && (s->name == NULL || s->name[0] != '/')) {
		descriptor_path(s->fd, out, size);
		n = strlen(out);
	}
	if (s->name != NULL)
		(void)snprintf(
		    out + n, size - n, "%s%s", n > 0 ? "/" : "", s->name);
}

static bool
is_about(const struct rule *r, const struct subject *s)
{
	char path[PATH_MAX];

	if (strcmp(r->path, "*") == 0)
		return true;
	if (s == NULL)
		return false;
	subject_path(s, path, sizeof(path));
	return fnmatch(r->path, path, 0) == 0;
}

/* By chance, from the process's number: a run of the driver differs anyhow. */
static bool
is_lucky(const struct rule *r)
{
	if (r->chance >= ALWAYS)
		return true;
	if (seed == 0)
		seed = (unsigned)getpid() * 2654435761U + 1;
	return (unsigned)rand_r(&seed) % ALWAYS < r->chance;
}

/* The rule that this call has to obey, if there is one. */
static struct rule *
hit(const char *call, const struct subject *s)
{
	struct rule *found = NULL;
	int error = errno;

	if (rules == NULL || busy)
		return NULL;
	busy = true;
	for (int i = 0; i < RULES && found == NULL; i++) {
		struct rule *r = &rules[i];
		unsigned n;

		if (atomic_load_explicit(&r->armed, memory_order_acquire) ==
			0 ||
		    strcmp(r->call, call) != 0 ||
		    strcmp(r->tool, program_invocation_short_name) != 0 ||
		    !is_about(r, s))
			continue;
		n = atomic_fetch_add(&r->seen, 1) + 1;
		if (n < r->from || n > r->to || !is_lucky(r))
			continue;
		atomic_fetch_add(&r->fired, 1);
		found = r;
	}
	busy = false;
	errno = error;
	return found;
}

static void
die(void)
{
	(void)kill(getpid(), SIGKILL);
	for (;;)
		(void)pause();
}

static void
delay(uint32_t ms)
{
	struct timespec t = {ms / 1000, ms % 1000 * 1000000L};

	(void)nanosleep(&t, NULL);
}

/* True if the call is not to be made; then errno is set. */
static bool
instead(const struct rule *r)
{
	switch (r->action) {
	case KILL_BEFORE:
		die();
		return true;
	case FAIL:
		errno = (int)r->arg;
		return true;
	case DELAY_BEFORE:
		delay(r->arg);
		return false;
	default:
		return false;
	}
}

/* True if the call has failed for its caller, though it was made. */
static bool
afterwards(const struct rule *r)
{
	int error = errno;

	switch (r->action) {
	case KILL_AFTER:
	case SHORT_KILL:
		die();
		return true;
	case FAIL_AFTER:
		errno = (int)r->arg;
		return true;
	case DELAY_AFTER:
		delay(r->arg);
		errno = error;
		return false;
	default:
		return false;
	}
}

static bool
is_short(const struct rule *r)
{
	return r->action == SHORT || r->action == SHORT_KILL;
}

/* The body of a call that returns -1 where it fails. */
#define OBEY(type, call, ...) \
	do { \
		type rc_; \
		if (r == NULL) \
			return REAL(call)(__VA_ARGS__); \
		if (instead(r)) \
			return -1; \
		rc_ = REAL(call)(__VA_ARGS__); \
		return afterwards(r) ? -1 : rc_; \
	} while (0)

/*
 * Files
 */

static mode_t
mode_of(int flags, va_list args)
{
	return flags & (O_CREAT | O_TMPFILE) ? (mode_t)va_arg(args, int) : 0;
}

int
open(const char *path, int flags, ...)
{
	struct subject s = {.fd = AT_FDCWD, .name = path};
	struct rule *r = hit("open", &s);
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
	struct rule *r = hit("openat", &s);
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
	struct rule *r = hit("close", &s);

	OBEY(int, close, fd);
}

ssize_t
write(int fd, const void *data, size_t len)
{
	struct subject s = {.fd = fd};
	struct rule *r = hit("write", &s);

	if (r != NULL && r->action == LIE)
		return (ssize_t)len;
	if (r != NULL && is_short(r) && len > 1)
		len /= 2;
	OBEY(ssize_t, write, fd, data, len);
}

ssize_t
pwrite(int fd, const void *data, size_t len, off_t at)
{
	struct subject s = {.fd = fd};
	struct rule *r = hit("pwrite", &s);

	if (r != NULL && is_short(r) && len > 1)
		len /= 2;
	OBEY(ssize_t, pwrite, fd, data, len, at);
}

ssize_t
read(int fd, void *data, size_t len)
{
	struct subject s = {.fd = fd};
	struct rule *r = hit("read", &s);

	if (r != NULL && is_short(r) && len > 8)
		len = len / 2 < 8 ? 8 : len / 2;
	OBEY(ssize_t, read, fd, data, len);
}

ssize_t
pread(int fd, void *data, size_t len, off_t at)
{
	struct subject s = {.fd = fd};
	struct rule *r = hit("pread", &s);

	if (r != NULL && is_short(r) && len > 1)
		len /= 2;
	OBEY(ssize_t, pread, fd, data, len, at);
}

int
fsync(int fd)
{
	struct subject s = {.fd = fd};
	struct rule *r = hit("fsync", &s);

	OBEY(int, fsync, fd);
}

int
fdatasync(int fd)
{
	struct subject s = {.fd = fd};
	struct rule *r = hit("fdatasync", &s);

	OBEY(int, fdatasync, fd);
}

int
ftruncate(int fd, off_t len)
{
	struct subject s = {.fd = fd};
	struct rule *r = hit("ftruncate", &s);

	OBEY(int, ftruncate, fd, len);
}

int
flock(int fd, int how)
{
	struct subject s = {.fd = fd};
	struct rule *r = hit("flock", &s);

	OBEY(int, flock, fd, how);
}

/* Claims alone: a lock of the kind that an open file description holds. */
int
fcntl(int fd, int command, ...)
{
	struct subject s = {.fd = fd};
	struct rule *r = command == F_OFD_SETLK ? hit("fcntl", &s) : NULL;
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
	struct rule *r = hit("fstat", &s);

	OBEY(int, fstat, fd, st);
}

int
fstatat(int dir, const char *restrict path, struct stat *restrict st, int flags)
{
	struct subject s = {.fd = dir, .name = path};
	struct rule *r = hit("fstatat", &s);

	OBEY(int, fstatat, dir, path, st, flags);
}

int
fstatvfs(int fd, struct statvfs *st)
{
	struct subject s = {.fd = fd};
	struct rule *r = hit("fstatvfs", &s);

	OBEY(int, fstatvfs, fd, st);
}

int
mkdirat(int dir, const char *path, mode_t mode)
{
	struct subject s = {.fd = dir, .name = path};
	struct rule *r = hit("mkdirat", &s);

	OBEY(int, mkdirat, dir, path, mode);
}

int
unlinkat(int dir, const char *path, int flags)
{
	struct subject s = {.fd = dir, .name = path};
	struct rule *r = hit("unlinkat", &s);

	OBEY(int, unlinkat, dir, path, flags);
}

int
renameat(int from, const char *old, int to, const char *new)
{
	struct subject s = {.fd = from, .name = old};
	struct rule *r = hit("renameat", &s);

	OBEY(int, renameat, from, old, to, new);
}

int
renameat2(int from, const char *old, int to, const char *new, unsigned flags)
{
	struct subject s = {.fd = from, .name = old};
	struct rule *r = hit("renameat2", &s);

	OBEY(int, renameat2, from, old, to, new, flags);
}

int
memfd_create(const char *name, unsigned flags)
{
	struct subject s = {.fd = AT_FDCWD, .name = name};
	struct rule *r = hit("memfd_create", &s);

	OBEY(int, memfd_create, name, flags);
}

/*
 * Connections
 */

static void
reset_connection(int fd)
{
	(void)shutdown(fd, SHUT_RDWR);
	errno = ECONNRESET;
}

int
connect(int fd, __CONST_SOCKADDR_ARG address, socklen_t len)
{
	struct subject s = {.fd = fd};
	struct rule *r = hit("connect", &s);

	OBEY(int, connect, fd, address, len);
}

int
accept4(int fd, __SOCKADDR_ARG address, socklen_t *restrict len, int flags)
{
	struct subject s = {.fd = fd};
	struct rule *r = hit("accept4", &s);

	OBEY(int, accept4, fd, address, len, flags);
}

/* COM_STMT_BULK_EXECUTE: a packet's length, its number, and the command. */
static bool
is_array(const unsigned char *packet, size_t len)
{
	return len > 5 && packet[3] == 0 && packet[4] == 0xfa;
}

ssize_t
send(int fd, const void *data, size_t len, int flags)
{
	struct subject s = {.fd = fd,
	    .data = len > 5 ? (const char *)data + 5 : "",
	    .len = len > 5 ? len - 5 : 0};
	struct rule *r;

	if (is_array(data, len)) {
		s.data = "ARRAY";
		s.len = strlen(s.data);
	}
	r = hit("send", &s);
	if (r != NULL && is_short(r) && len > 1)
		len /= 2;
	if (r != NULL && r->action == RESET) {
		(void)REAL(send)(fd, data, len / 2, flags);
		reset_connection(fd);
		return -1;
	}
	OBEY(ssize_t, send, fd, data, len, flags);
}

ssize_t
recv(int fd, void *data, size_t len, int flags)
{
	struct subject s = {.fd = fd};
	struct rule *r = hit("recv", &s);

	if (r != NULL && r->action == RESET) {
		reset_connection(fd);
		return -1;
	}
	if (r != NULL && is_short(r) && len > 1)
		len = 1;
	OBEY(ssize_t, recv, fd, data, len, flags);
}

ssize_t
writev(int fd, const struct iovec *v, int n)
{
	struct subject s = {.fd = fd};
	struct rule *r = hit("writev", &s);
	struct iovec part = n > 0 ? v[0] : (struct iovec){0};

	if (r != NULL && r->action == RESET) {
		reset_connection(fd);
		return -1;
	}
	if (r != NULL && is_short(r) && part.iov_len > 1) {
		part.iov_len /= 2;
		OBEY(ssize_t, writev, fd, &part, 1);
	}
	OBEY(ssize_t, writev, fd, v, n);
}

int
poll(struct pollfd *fds, nfds_t n, int ms)
{
	struct rule *r = hit("poll", NULL);

	OBEY(int, poll, fds, n, ms);
}

/* Of libmariadb, libmysqlclient. */
struct MYSQL;
int mysql_real_query(struct MYSQL *, const char *, unsigned long);

int
mysql_real_query(struct MYSQL *link, const char *sql, unsigned long len)
{
	struct subject s = {.fd = -1, .data = sql, .len = len};
	struct rule *r = hit("mysql_real_query", &s);

	if (r != NULL && r->action == LIE)
		return 0;
	OBEY(int, mysql_real_query, link, sql, len);
}

struct st_mysql_stmt;
int mysql_stmt_prepare(struct st_mysql_stmt *, const char *, unsigned long);

int
mysql_stmt_prepare(
    struct st_mysql_stmt *stmt, const char *sql, unsigned long len)
{
	struct subject s = {.fd = -1, .data = sql, .len = len};
	struct rule *r = hit("mysql_stmt_prepare", &s);

	if (r != NULL && r->action == LIE)
		return 0;
	OBEY(int, mysql_stmt_prepare, stmt, sql, len);
}

int mysql_stmt_execute(struct st_mysql_stmt *);

int
mysql_stmt_execute(struct st_mysql_stmt *stmt)
{
	struct rule *r = hit("mysql_stmt_execute", NULL);

	if (r != NULL && r->action == LIE)
		return 0;
	OBEY(int, mysql_stmt_execute, stmt);
}

/* Of libmariadb alone. The lie: that the server can do nothing of that. */
char mariadb_get_infov(struct MYSQL *, int, void *, ...);

char
mariadb_get_infov(struct MYSQL *link, int what, void *to, ...)
{
	struct rule *r = hit("mariadb_get_infov", NULL);

	if (r != NULL && r->action == LIE) {
		*(unsigned long *)to = 0; /* as the library writes it */
		return 0;
	}
	OBEY(char, mariadb_get_infov, link, what, to);
}

/*
 * Memory, threads, time
 */

void *
malloc(size_t size)
{
	struct rule *r = hit("malloc", NULL);

	return r != NULL && instead(r) ? NULL : __libc_malloc(size);
}

void *
calloc(size_t n, size_t size)
{
	struct rule *r = hit("calloc", NULL);

	return r != NULL && instead(r) ? NULL : __libc_calloc(n, size);
}

void *
realloc(void *p, size_t size)
{
	struct rule *r = hit("realloc", NULL);

	return r != NULL && instead(r) ? NULL : __libc_realloc(p, size);
}

void *
mmap(void *at, size_t len, int prot, int flags, int fd, off_t offset)
{
	struct rule *r = hit("mmap", NULL);

	return r != NULL && instead(r)
		   ? MAP_FAILED
		   : REAL(mmap)(at, len, prot, flags, fd, offset);
}

int
pthread_create(pthread_t *restrict thread, const pthread_attr_t *restrict how,
    void *(*run)(void *), void *restrict arg)
{
	struct rule *r = hit("pthread_create", NULL);

	if (r != NULL && instead(r))
		return EAGAIN;
	return REAL(pthread_create)(thread, how, run, arg);
}

int
clock_gettime(clockid_t clock, struct timespec *t)
{
	int rc = REAL(clock_gettime)(clock, t);

	if (clock == CLOCK_REALTIME) {
		struct rule *r = hit("clock_gettime", NULL);

		if (r != NULL && rc == 0 && r->action == SHIFT)
			t->tv_sec -= (time_t)r->arg;
	}
	return rc;
}
