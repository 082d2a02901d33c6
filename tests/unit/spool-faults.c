/*
 * spool-faults.c - what each failing system call of the spool leaves, and
 * what a crash between each two leaves: acknowledged lines are in the spool
 * exactly once, whatever happens.
 *
 * The calls go through the wrappers below (ld --wrap). The n-th one can be
 * made to fail, or the process to end before or after it; a sweep does so for
 * each n until nothing is left to break.
 */
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

/*
 * An append that must fail, with this result, error and word in its message.
 */
static void
append_fails(struct segment *seg, const char *line, int result, int code,
    const char *word)
{
	int rc =
	    spool_append(&spool, seg, line, strlen(line), true, NULL, &err);

	ok(rc == result && err.code == code, "append fails with errno %d",
	    code);
	ok(strncmp(err.text, word, strlen(word)) == 0 &&
		strstr(err.text, strerror(code)) != NULL,
	    "  %s", err.text);
	ok(fault.fired, "  by the fault");
	disarm();
}

static void
append_works(struct segment *seg, const char *line)
{
	int rc =
	    spool_append(&spool, seg, line, strlen(line), true, NULL, &err);

	ok(rc == 0, "append works%s%s", rc == 0 ? "" : ": ",
	    rc == 0 ? "" : err.text);
}

static void
test_failed_sync(void)
{
	struct segment seg = SEGMENT_INIT;
	char given_up[SPOOL_NAME_MAX];
	unsigned before;

	open_new();
	append_works(&seg, "1\n");
	memcpy(given_up, seg.name, sizeof(given_up));
	before = syncs;
	arm(FAIL, "fdatasync", 1, EIO);
	append_fails(&seg, "2\n", SPOOL_IN_DOUBT, EIO, "sync ");
	is_number(syncs - before, 1, "a failed sync is not tried again");
	is_number(seg.fd, -1, "the file is given up");
	append_works(&seg, "3\n");
	ok(strcmp(seg.name, given_up) != 0, "the next line is in a new file");
	is_text(content(SPOOL_BUFFER), "1\n2\n3\n",
	    "what was written stays for logbatch");
	rotate_all();
	is_text(content(SPOOL_READY), "1\n2\n3\n", "which takes it");
	segment_close(&seg);
	spool_close(&spool);
}

static void
test_failed_write(void)
{
	struct segment seg = SEGMENT_INIT;
	char name[SPOOL_NAME_MAX];

	open_new();
	append_works(&seg, "first\n");
	memcpy(name, seg.name, sizeof(name));
	arm(FAIL, "write", 1, ENOSPC);
	append_fails(&seg, "second\n", -1, ENOSPC, "write ");
	is_text(content(SPOOL_BUFFER), "first\n", "a torn write is cut back");
	append_works(&seg, "third\n");
	is_text(seg.name, name, "in the same file");
	arm(SHORT, "write", 1, 0);
	append_works(&seg, "fourth\n");
	ok(fault.fired, "after a short write that goes on");
	arm(INTERRUPT, "write", 1, 0);
	append_works(&seg, "fifth\n");
	ok(fault.fired, "after an interrupted one");
	is_text(content(SPOOL_BUFFER), "first\nthird\nfourth\nfifth\n",
	    "no line is torn or doubled");
	segment_close(&seg);
	spool_close(&spool);
}

/* Neither the write works nor the cut: the torn file gets no more lines. */
static void
test_failed_cut(void)
{
	struct segment seg = SEGMENT_INIT;
	char torn[SPOOL_NAME_MAX];

	open_new();
	append_works(&seg, "first\n");
	memcpy(torn, seg.name, sizeof(torn));
	arm(FAIL, "write", 1, ENOSPC);
	fault.also = "ftruncate";
	append_fails(&seg, "second\n", SPOOL_IN_DOUBT, ENOSPC, "write ");
	append_works(&seg, "third\n");
	ok(strcmp(seg.name, torn) != 0, "a file that stays torn is given up");
	is_text(content(SPOOL_BUFFER), "first\nsecthird\n",
	    "its torn tail is its end");
	segment_close(&seg);
	spool_close(&spool);
}

static void
test_failed_creation(void)
{
	struct segment seg = SEGMENT_INIT;

	open_new();
	arm(FAIL, "openat", 1, EMFILE);
	append_fails(&seg, "1\n", -1, EMFILE, "create ");
	arm(FAIL, "fstat", 1, EIO);
	append_fails(&seg, "1\n", -1, EIO, "stat ");
	is_number(seg.fd, -1, "nothing stays open");
	arm(FAIL, "fsync", 1, EIO);
	append_fails(&seg, "1\n", -1, EIO, "sync ");
	is_number(seg.fd, -1, "a file whose name is not durable is not used");
	fault.also = "fstatat";
	fault.code = ENOENT;
	is_number(spool_append(&spool, &seg, "1\n", 2, true, NULL, &err), -1,
	    "append fails where each new file is taken away");
	disarm();
	ok(strstr(err.text, "each of 100 was taken away") != NULL, "%s",
	    err.text);
	arm(FAIL, "flock", 1, ENOLCK);
	append_fails(&seg, "1\n", -1, ENOLCK, "lock ");
	append_works(&seg, "2\n");
	is_text(content(SPOOL_BUFFER), "2\n", "nothing was written before");
	rotate_all();
	is_text(content(SPOOL_BUFFER), "", "the empty files are cleared away");
	is_text(content(SPOOL_READY), "2\n", "and the line is handed over");
	segment_close(&seg);
	spool_close(&spool);
}

/* A rotation with one fault: refused, and the file whole in `place`. */
static void
rotate_fails(const char *call, unsigned at, enum spool_place place)
{
	struct segment seg = SEGMENT_INIT;
	int rc;

	open_new();
	must(spool_append(&spool, &seg, "1\n2\n", 4, true, NULL, &err) == 0);
	arm(FAIL, call, at, EIO);
	rc = spool_rotate(&spool, seg.name, &err);
	ok(rc == -1 && fault.fired, "rotate fails where %s does: %s", call,
	    err.text);
	disarm();
	is_text(content(place), "1\n2\n", spool_place_name(place));
	is_text(content(place == SPOOL_READY ? SPOOL_BUFFER : SPOOL_READY), "",
	    "  has it alone");
	rotate_all();
	is_text(content(SPOOL_READY), "1\n2\n", "  the next one repairs it");
	segment_close(&seg);
	spool_close(&spool);
}

static void
test_failed_rotation(void)
{
	rotate_fails("openat", 1, SPOOL_BUFFER);
	rotate_fails("flock", 1, SPOOL_BUFFER);
	rotate_fails("fstat", 1, SPOOL_BUFFER);
	rotate_fails("fdatasync", 1, SPOOL_BUFFER);
	rotate_fails("renameat2", 1, SPOOL_BUFFER);
	rotate_fails("fsync", 1, SPOOL_READY);
	rotate_fails("fsync", 2, SPOOL_READY);
}

static void
test_other_failures(void)
{
	struct segment seg = SEGMENT_INIT;
	struct spool_list list = {0};

	open_new();
	is_number(segment_sync(&spool, &seg, &err), 0,
	    "with no file open there is nothing to sync");
	must(spool_append(&spool, &seg, "1\n", 2, false, NULL, &err) == 0);
	arm(FAIL, "fdatasync", 1, EIO);
	is_number(segment_sync(&spool, &seg, &err), -1, "a late sync fails");
	ok(fault.fired && strstr(err.text, seg.name) != NULL, "%s", err.text);
	disarm();
	is_number(seg.fd, -1, "and gives the file up");
	must(spool_append(&spool, &seg, "2\n", 2, false, NULL, &err) == 0);
	is_number(segment_sync(&spool, &seg, &err), 0, "a late sync");
	must(ftruncate(seg.fd, 0) == 0);
	arm(FAIL, "unlinkat", 1, EPERM);
	is_number(spool_rotate(&spool, seg.name, &err), -1,
	    "an empty file that cannot be removed");
	ok(fault.fired && strncmp(err.text, "remove ", 7) == 0, "%s", err.text);
	arm(FAIL, "openat", 1, EMFILE);
	is_number(spool_scan(&spool, SPOOL_READY, NULL, 1, &list, &err), -1,
	    "a directory that cannot be listed");
	ok(fault.fired && strncmp(err.text, "list ", 5) == 0, "%s", err.text);
	disarm();
	spool_list_release(&list);
	segment_close(&seg);
	spool_close(&spool);
}

static void
test_failed_draft(void)
{
	struct spool_draft d = SPOOL_DRAFT_INIT;
	int dir, rc;

	open_new();
	dir = spool.dir[SPOOL_READY];
	must(spool_draft_open(&d, dir, "a.ndjson", &err) == 0);
	must(spool_draft_write(&d, "old", 3, &err) == 0);
	must(spool_draft_publish(&d, true, &err) == 0);

	arm(FAIL, "openat", 1, EMFILE);
	is_number(spool_draft_open(&d, dir, "a.ndjson", &err), -1,
	    "a draft that cannot be made");
	is_number(d.fd, -1, "is not open");
	disarm();
	must(spool_draft_open(&d, dir, "a.ndjson", &err) == 0);
	arm(FAIL, "write", 1, ENOSPC);
	is_number(spool_draft_write(&d, "new", 3, &err), -1, "a failed write");
	disarm();
	spool_draft_discard(&d);
	is_text(content(SPOOL_READY), "old", "leaves the old one");
	for (int i = 0; i < 2; i++) {
		must(spool_draft_open(&d, dir, "a.ndjson", &err) == 0);
		must(spool_draft_write(&d, "new", 3, &err) == 0);
		arm(FAIL, i == 0 ? "fsync" : "renameat", 1, EIO);
		rc = spool_draft_publish(&d, true, &err);
		ok(rc == -1 && fault.fired, "a failed publication: %s",
		    err.text);
		disarm();
		is_number(d.fd, -1, "closes the draft");
		is_text(content(SPOOL_READY), "old", "leaves the old one");
		spool_draft_discard(&d);
	}
	/* Here it is in place, but not durable: the caller must not say so. */
	must(spool_draft_open(&d, dir, "a.ndjson", &err) == 0);
	must(spool_draft_write(&d, "new", 3, &err) == 0);
	arm(FAIL, "fsync", 2, EIO);
	is_number(spool_draft_publish(&d, true, &err), -1,
	    "a directory that cannot be synced");
	ok(fault.fired && strstr(err.text, "directory") != NULL, "%s",
	    err.text);
	disarm();
	spool_close(&spool);
}

static void
test_failed_open(void)
{
	static const char *const calls[] = {"openat", "fsync", "mkdirat"};
	struct tap_all all = {0};

	for (size_t c = 0; c < 3; c++) {
		for (unsigned at = 1; at < 50; at++) {
			int before = dup(0), rc, now;

			must(before >= 0 && close(before) == 0);
			arm(FAIL, calls[c], at, EIO);
			(void)snprintf(root, sizeof(root), "%s/open%zu.%u",
			    scratch, c, at);
			rc = spool_open(&spool, root, &err);
			disarm();
			if (rc == 0)
				spool_close(&spool);
			/* Without its parent's sync the spool can still be
			 * opened where the parent cannot. */
			tap_case(&all,
			    rc == -1 || !fault.fired ||
				strcmp(calls[c], "openat") == 0,
			    "%s %u", calls[c], at);
			now = dup(0);
			must(now >= 0 && close(now) == 0);
			tap_case(&all, now == before, "%s %u leaves open",
			    calls[c], at);
			if (!fault.fired)
				break;
		}
	}
	tap_all(&all, "an open that fails leaves nothing open");
}

/*
 * A little history: three appends, a rotation after the second, and one more
 * at the end, as logrecv and logbatch would do in turn. What is acknowledged
 * is noted in `acked`, which may be shared memory.
 */
static void
history(char *acked)
{
	struct segment seg = SEGMENT_INIT;

	for (int i = 0; i < 4; i++) {
		char c = (char)('a' + i);
		char line[] = {c, c, c, c, '\n'};

		if (spool_append(&spool, &seg, line, sizeof(line), true, NULL,
			&err) == 0)
			acked[i] = 1;
		if (c == 'b')
			rotate_all();
	}
	segment_close(&seg);
	rotate_all();
}

/* Each of these lines once; no other text but whole lines and torn tails. */
static bool
holds(const char *text, const char *acked)
{
	for (int i = 0; i < 4; i++) {
		char c = (char)('a' + i);
		char line[] = {c, c, c, c, '\n', '\0'};
		const char *found = strstr(text, line);

		if (acked[i] && found == NULL)
			return false;
		if (found != NULL && strstr(found + 1, line) != NULL)
			return false;
	}
	return true;
}

static void
sweep_failures(void)
{
	static const int codes[] = {EIO, ENOSPC};
	struct tap_all all = {0};
	unsigned at;

	for (size_t i = 0; i < 2; i++) {
		for (at = 1; at < 1000; at++) {
			char acked[4] = {0};

			open_new();
			arm(FAIL, NULL, at, codes[i]);
			history(acked);
			disarm();
			rotate_all();
			rotate_all();
			tap_case(&all, holds(content(SPOOL_READY), acked),
			    "call %u: %s", at, content(SPOOL_READY));
			tap_case(&all, content(SPOOL_BUFFER)[0] == '\0',
			    "call %u: buffer/ is not empty", at);
			spool_close(&spool);
			if (!fault.fired)
				break;
		}
		ok(at > 30 && at < 1000, "%u calls made to fail", at - 1);
	}
	tap_all(&all, "acknowledged lines survive any failing call, once");
}

static void
sweep_crashes(enum what what, const char *name)
{
	struct tap_all all = {0};
	unsigned at;
	int status = 42;

	for (at = 1; at < 1000 && status != 0; at++) {
		char acked[5] = {0};
		int notes[2];
		pid_t pid;

		open_new();
		must(pipe2(notes, O_CLOEXEC) == 0);
		fflush(stdout);
		pid = fork();
		must(pid >= 0);
		if (pid == 0) {
			struct segment seg = SEGMENT_INIT;

			arm(what, NULL, at, 0);
			for (int i = 0; i < 4; i++) {
				char c = (char)('a' + i);
				char line[] = {c, c, c, c, '\n'};

				if (spool_append(&spool, &seg, line,
					sizeof(line), true, NULL, &err) < 0 ||
				    __real_write(notes[1], &c, 1) != 1)
					_exit(1);
				if (c == 'b')
					rotate_all();
			}
			rotate_all();
			_exit(0);
		}
		must(waitpid(pid, &status, 0) == pid);
		must(close(notes[1]) == 0);
		for (char c; read(notes[0], &c, 1) == 1;)
			acked[c - 'a'] = 1;
		must(close(notes[0]) == 0);
		must(WIFEXITED(status));
		status = WEXITSTATUS(status);
		tap_case(&all, status == 42 || status == 0,
		    "call %u: status %d", at, status);
		rotate_all();
		tap_case(&all, holds(content(SPOOL_READY), acked),
		    "crash at call %u: %s", at, content(SPOOL_READY));
		tap_case(&all, content(SPOOL_BUFFER)[0] == '\0',
		    "crash at call %u: buffer/ is not empty", at);
		spool_close(&spool);
	}
	ok(at > 30 && at < 1000, "%u crashes", at - 2);
	tap_all(&all, name);
}

int
main(void)
{
	tap_scratch(scratch);
	test_failed_sync();
	test_failed_write();
	test_failed_cut();
	test_failed_creation();
	test_failed_rotation();
	test_other_failures();
	test_failed_draft();
	test_failed_open();
	sweep_failures();
	sweep_crashes(DIE_BEFORE, "so they do a crash before any call");
	sweep_crashes(DIE_AFTER, "and one after it, or in a write's middle");
	tap_remove_tree(scratch);
	return tap_end();
}
