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
 *                        to a MySQL server, and PostgreSQL, that is the
 *                        statement, or some rows; "ARRAY" where an array of
 *                        rows begins, which has no text
 *   for mysql_real_query, mysql_stmt_prepare, PQsendQuery, sqlite3_step
 *                        the statement
 *   for mysql_stmt_execute, mariadb_get_infov, PQputCopyData, PQputCopyEnd,
 * poll, clock_gettime, memory and threads nothing: the pattern must be "*"
 *
 * Here are the rules, and memory, threads and time; faults-files.c and
 * faults-talk.c have the other calls of the system, and faults-mysql.c and the
 * like those of a database's client.
 *
 * A process that no rule names pays a look at RULES words for each call.
 */
#include <dlfcn.h>
#include <errno.h>
#include <execinfo.h>
#include <fcntl.h>
#include <fnmatch.h>
#include <limits.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "faults.h"

#define RULES 16
#define ALWAYS 1000 /* per mille */

static struct rule *rules;
static _Thread_local bool busy; /* our own calls are not to be looked at */
static _Thread_local unsigned seed;

extern char *program_invocation_short_name;
extern void *__libc_malloc(size_t);
extern void *__libc_calloc(size_t, size_t);
extern void *__libc_realloc(void *, size_t);

void *
fault_find(const char *name)
{
	bool was = busy;
	void *f;

	busy = true;
	f = dlsym(RTLD_NEXT, name);
	busy = was;
	if (f == NULL)
		abort();
	return f;
}

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

struct rule *
fault_hit(const char *call, const struct subject *s)
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

bool
fault_instead(const struct rule *r)
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

bool
fault_afterwards(const struct rule *r)
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

bool
fault_is_short(const struct rule *r)
{
	return r->action == SHORT || r->action == SHORT_KILL;
}

/*
 * Memory, threads, time
 */

void *
malloc(size_t size)
{
	struct rule *r = fault_hit("malloc", NULL);

	return r != NULL && fault_instead(r) ? NULL : __libc_malloc(size);
}

void *
calloc(size_t n, size_t size)
{
	struct rule *r = fault_hit("calloc", NULL);

	return r != NULL && fault_instead(r) ? NULL : __libc_calloc(n, size);
}

void *
realloc(void *p, size_t size)
{
	struct rule *r = fault_hit("realloc", NULL);

	return r != NULL && fault_instead(r) ? NULL : __libc_realloc(p, size);
}

void *
mmap(void *at, size_t len, int prot, int flags, int fd, off_t offset)
{
	struct rule *r = fault_hit("mmap", NULL);

	return r != NULL && fault_instead(r)
		   ? MAP_FAILED
		   : REAL(mmap)(at, len, prot, flags, fd, offset);
}

int
pthread_create(pthread_t *restrict thread, const pthread_attr_t *restrict how,
    void *(*run)(void *), void *restrict arg)
{
	struct rule *r = fault_hit("pthread_create", NULL);

	if (r != NULL && fault_instead(r))
		return EAGAIN;
	return REAL(pthread_create)(thread, how, run, arg);
}

int
clock_gettime(clockid_t clock, struct timespec *t)
{
	int rc = REAL(clock_gettime)(clock, t);

	if (clock == CLOCK_REALTIME) {
		struct rule *r = fault_hit("clock_gettime", NULL);

		if (r != NULL && rc == 0 && r->action == SHIFT)
			t->tv_sec -= (time_t)r->arg;
	}
	return rc;
}
