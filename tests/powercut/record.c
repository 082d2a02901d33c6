/*
 * record.c - writes down, in one order for all processes, what each does to
 * the files below a directory, for tests/powercut/replay.
 *
 * To be loaded by LD_PRELOAD into logrecv, logbatch, logload and sqlite3; in
 * any other program it sleeps. It takes the place of the functions that change
 * a file system, and of those by which logrecv talks to clients and logload to
 * the database. A call that should be here and is not makes the replay end with
 * other files than the real ones, which tests/powercut/run checks.
 *
 *   POWERCUT_ROOT    the directory; absolute, without links in it
 *   POWERCUT_TRACE   the file to append to
 *   POWERCUT_DELAY   up to so many microseconds are waited before and after
 *                    each step, so that processes meet in more ways
 *   POWERCUT_DIE     "WORD PATH N": kill -9 of this process right after the
 *                    N-th record of that word whose PATH, counted from the
 *                    root, begins so ("" for any)
 *
 * A record is a line: WORD PID TID, what it is about, and the length of the
 * data that follows it with a line break after it.
 *
 *   create   INODE PATH         write    INODE PATH OFFSET   + data
 *   mkdir    INODE PATH         truncate INODE PATH SIZE
 *   unlink   INODE PATH         rename   INODE PATH NEWPATH
 *   sync     INODE PATH         begins;  synced INODE PATH RESULT  is its end
 *   accept FD      receive FD + data      send FD + data (before it is sent)
 *   sent FD N                   of that data only so much was taken
 *   begin - ledger - + statement - commit - committed - RESULT - rollback -
 *   die WORD                    it was killed here
 *
 * The change and its record are one step under a lock that all processes
 * share. A sync takes time, so it has a record at each end: what was there at
 * the begin is durable from the end on. A promise is recorded before it is
 * given, and what the database says after it was said; both err on the side
 * that makes the test harder.
 */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <pthread.h>
#include <signal.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <time.h>
#include <unistd.h>

#include "record.h"

static struct {
	bool on, server; /* recording; this is logrecv */
	int trace;
	char root[PATH_MAX];
	unsigned delay_us;
	char die_word[32], die_path[PATH_MAX];
	unsigned die_left;
	pthread_mutex_t lock;
} recorder = {.trace = -1, .lock = PTHREAD_MUTEX_INITIALIZER};

/*
 * Start
 */

void
record_fail(const char *what)
{
	(void)fprintf(stderr, "record: %s: %s\n", what, strerror(errno));
	_exit(70);
}

static void
read_death(const char *text)
{
	const char *word_end = strchr(text, ' ');
	const char *path_end = strrchr(text, ' ');

	if (word_end == NULL || word_end == path_end)
		record_fail("POWERCUT_DIE is not \"WORD PATH N\"");
	(void)snprintf(recorder.die_word, sizeof(recorder.die_word), "%.*s",
	    (int)(word_end - text), text);
	(void)snprintf(recorder.die_path, sizeof(recorder.die_path), "%.*s",
	    (int)(path_end - word_end - 1), word_end + 1);
	recorder.die_left = (unsigned)strtoul(path_end + 1, NULL, 10);
}

__attribute__((constructor)) static void
start(void)
{
	const char *root = getenv("POWERCUT_ROOT");
	const char *trace = getenv("POWERCUT_TRACE");
	const char *delay = getenv("POWERCUT_DELAY");
	const char *death = getenv("POWERCUT_DIE");
	const char *me = program_invocation_short_name;
	int fd;

	if (root == NULL || trace == NULL ||
	    (strcmp(me, "logrecv") != 0 && strcmp(me, "logbatch") != 0 &&
		strcmp(me, "logload") != 0 && strcmp(me, "sqlite3") != 0))
		return;
	(void)snprintf(recorder.root, sizeof(recorder.root), "%s", root);
	if (delay != NULL)
		recorder.delay_us = (unsigned)strtoul(delay, NULL, 10);
	if (death != NULL && *death != '\0')
		read_death(death);
	fd = (int)syscall(SYS_openat, AT_FDCWD, trace,
	    O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC, 0600);
	if (fd < 0)
		record_fail(trace);
	/* Out of the way of the program's own numbers. */
	recorder.trace = fcntl(fd, F_DUPFD_CLOEXEC, 500);
	if (recorder.trace < 0)
		record_fail("F_DUPFD");
	(void)close(fd); /* the other one stays */
	recorder.server = strcmp(me, "logrecv") == 0;
	recorder.on = true;
}

bool
record_is_on(void)
{
	return recorder.on;
}

bool
record_is_server(void)
{
	return recorder.server;
}

const char *
record_root(void)
{
	return recorder.root;
}

/*
 * Records
 */

/* flock(2) keeps processes apart, and ends with them; the mutex threads. */
void
record_lock(void)
{
	pthread_mutex_lock(&recorder.lock);
	while (flock(recorder.trace, LOCK_EX) < 0) {
		if (errno != EINTR)
			record_fail("lock the trace");
	}
}

void
record_unlock(int error)
{
	if (flock(recorder.trace, LOCK_UN) < 0)
		record_fail("unlock the trace");
	pthread_mutex_unlock(&recorder.lock);
	errno = error;
}

void
record_delay(void)
{
	static _Thread_local unsigned seed;
	int error = errno;

	if (recorder.delay_us == 0)
		return;
	if (seed == 0)
		seed = (unsigned)gettid() ^ (unsigned)time(NULL);
	/* Half of all steps follow at once, as they mostly do. */
	if (rand_r(&seed) % 2 == 0)
		(void)usleep((unsigned)rand_r(&seed) % recorder.delay_us);
	errno = error;
}

/* Under the lock: no other thread is between a step and its record. */
static void
die_after(const char *word, const char *path)
{
	char line[128];
	int n;

	if (recorder.die_left == 0 || strcmp(word, recorder.die_word) != 0 ||
	    strncmp(path, recorder.die_path, strlen(recorder.die_path)) != 0 ||
	    --recorder.die_left > 0)
		return;
	n = snprintf(line, sizeof(line), "die %ld %ld %s 0\n", (long)getpid(),
	    (long)gettid(), word);
	if (syscall(SYS_write, recorder.trace, line, (size_t)n) != n)
		record_fail("write the trace");
	(void)raise(SIGKILL);
}

/* One write(2) each. */
void
record(const char *word, const char *path, const void *data, size_t len,
    const char *fmt, ...)
{
	char about[2 * PATH_MAX + 128], head[3 * PATH_MAX];
	char end = '\n';
	struct iovec parts[] = {
	    {head, 0}, {(void *)(uintptr_t)data, len}, {&end, len > 0}};
	va_list args;
	int n;

	va_start(args, fmt);
	(void)vsnprintf(about, sizeof(about), fmt, args);
	va_end(args);
	n = snprintf(head, sizeof(head), "%s %ld %ld %s %zu\n", word,
	    (long)getpid(), (long)gettid(), about, len);
	parts[0].iov_len = (size_t)n;
	if (syscall(SYS_writev, recorder.trace, parts, 3) !=
	    n + (ssize_t)len + (len > 0))
		record_fail("write the trace");
	die_after(word, path);
}
