/*
 * spool-faults.c - what each failing system call of the spool leaves, and says.
 */
#include "faults.h"
#include "metrics.h"

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
	arm(FAIL, "getrandom", 1, ENOSYS);
	append_fails(&seg, "1\n", -1, ENOSYS, "name ");
	arm(FAIL, "openat", 1, EMFILE);
	append_fails(&seg, "1\n", -1, EMFILE, "create ");
	arm(FAIL, "fstat", 2, EIO); /* the first looks at buffer/ */
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
	rotate_fails("fstatat", 1, SPOOL_BUFFER);
	rotate_fails("fdatasync", 1, SPOOL_BUFFER);
	rotate_fails("renameat2", 1, SPOOL_BUFFER);
	rotate_fails("fsync", 1, SPOOL_READY);
	rotate_fails("fsync", 2, SPOOL_READY);
}

/*
 * Where the file system does not know RENAME_NOREPLACE, a plain rename does;
 * but not over a file that is there.
 */
static void
test_plain_rename(void)
{
	static const int codes[] = {EINVAL, ENOSYS, EOPNOTSUPP};
	struct segment seg = SEGMENT_INIT;
	int fd;

	for (size_t i = 0; i < 3; i++) {
		open_new();
		must(spool_append(&spool, &seg, "1\n", 2, true, NULL, &err) ==
		     0);
		arm(FAIL, "renameat2", 1, codes[i]);
		is_number(spool_rotate(&spool, seg.name, &err), 1,
		    "handed over by a plain rename");
		ok(fault.fired, "where renameat2 fails with %s",
		    strerror(codes[i]));
		disarm();
		is_text(content(SPOOL_READY), "1\n", "  whole");
		spool_close(&spool);
	}
	open_new();
	must(spool_append(&spool, &seg, "new\n", 4, true, NULL, &err) == 0);
	fd = openat(spool.dir[SPOOL_READY], seg.name,
	    O_CREAT | O_WRONLY | O_CLOEXEC, 0600);
	must(fd >= 0 && write(fd, "old\n", 4) == 4 && close(fd) == 0);
	arm(FAIL, "renameat2", 1, EINVAL);
	is_number(spool_rotate(&spool, seg.name, &err), -1,
	    "a name that ready/ has already");
	ok(fault.fired && err.code == EEXIST, "%s", err.text);
	disarm();
	is_text(content(SPOOL_READY), "old\n", "is not overwritten");
	is_text(content(SPOOL_BUFFER), "new\n", "and the file stays");
	must(unlinkat(spool.dir[SPOOL_READY], seg.name, 0) == 0);
	/* The look at ready/, and then the rename itself. */
	arm(FAIL, "fstatat", 2, EINVAL);
	fault.also = "renameat2";
	is_number(spool_rotate(&spool, seg.name, &err), -1,
	    "nor where that cannot be told");
	ok(fault.fired, "%s", err.text);
	disarm();
	arm(FAIL, "renameat", 1, EINVAL);
	fault.also = "renameat2";
	is_number(spool_rotate(&spool, seg.name, &err), -1, "no rename works");
	ok(fault.fired, "%s", err.text);
	disarm();
	is_text(content(SPOOL_BUFFER), "new\n", "the file stays");
	rotate_all();
	is_text(content(SPOOL_READY), "new\n", "  the next one repairs it");
	segment_close(&seg);
	spool_close(&spool);
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

/* What may not be opened is removed; where that fails, it is not the reason. */
static void
test_denied(void)
{
	struct spool_draft d = SPOOL_DRAFT_INIT;
	int dir, fd;

	open_new();
	dir = spool.dir[SPOOL_READY];
	arm(FAIL, "openat", 1, EACCES);
	ok(spool_draft_open(&d, dir, "a.ndjson", &err) == -1 && fault.fired,
	    "a draft that may not be made");
	ok(err.code == EACCES && strstr(err.text, strerror(EACCES)) != NULL,
	    "  %s", err.text);
	arm(FAIL, "openat", 1, EACCES);
	is_number(spool_claims_open(&spool, &err), -1, "nor claims");
	ok(err.code == EACCES && strstr(err.text, strerror(EACCES)) != NULL,
	    "  %s", err.text);
	fd = spool_claims_open(&spool, &err);
	must(fd >= 0 && close(fd) == 0);
	arm(FAIL, "openat", 1, EACCES);
	fd = spool_claims_open(&spool, &err);
	ok(fd >= 0 && fault.fired, "those of another user give way");
	must(close(fd) == 0);
	disarm();
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
	ok(strstr(err.text, "/ready/.a.ndjson.") != NULL &&
		strstr(err.text, root) != NULL,
	    "  %s", err.text);
	disarm();
	must(spool_draft_open(&d, dir, "a.ndjson", &err) == 0);
	arm(FAIL, "write", 1, ENOSPC);
	is_number(spool_draft_write(&d, "new", 3, &err), -1, "a failed write");
	ok(strstr(err.text, "/ready/a.ndjson: ") != NULL, "  %s", err.text);
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

/* A file that cannot get a name of its own keeps the one that it has. */
static void
test_failed_adoption(void)
{
	static const char mine[] = "mine.ndjson";
	char own[SPOOL_NAME_MAX];
	struct tap_all all = {0};
	unsigned at;

	for (at = 1; at < 100; at++) {
		int fd, claims, rc;
		bool kept;

		open_new();
		claims = spool_claims_open(&spool, &err);
		fd = openat(spool.dir[SPOOL_READY], mine,
		    O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
		must(claims >= 0 && fd >= 0);
		must(write(fd, "x", 1) == 1 && close(fd) == 0);
		arm(FAIL, NULL, at, EIO);
		rc = spool_adopt(&spool, claims, mine, own, &err);
		disarm();
		kept = faccessat(spool.dir[SPOOL_READY], mine, F_OK, 0) == 0;
		tap_case(&all, kept == (rc != 1), "call %u: %d", at, rc);
		tap_case(&all,
		    rc == 1 ||
			spool_adopt(&spool, claims, mine, own, &err) == 1,
		    "call %u: once more: %s", at, err.text);
		tap_case(&all, strcmp(content(SPOOL_READY), "x") == 0,
		    "call %u: %s", at, content(SPOOL_READY));
		must(close(claims) == 0);
		spool_close(&spool);
		if (!fault.fired)
			break;
	}
	ok(at > 5 && at < 100, "%u calls made to fail", at - 1);
	tap_all(&all, "a file is adopted, or is as it was");
}

/* A place for metrics that cannot be had is one to try again. */
static void
metrics_wait(int code)
{
	struct metric table[] = {METRIC_COUNTER("t_total", "T."), {0}};
	struct metrics_file f;

	open_new();
	fault.code = code;
	fault.also = "openat";
	is_number(metrics_open(&f, &spool, "tool", &err), -1,
	    "metrics that have no place");
	ok(err.code == code && strstr(err.text, "/metrics") != NULL &&
		strstr(err.text, strerror(code)) != NULL,
	    "  %s", err.text);
	is_text(f.name, "tool.prom", "go by the name of the first");
	is_number(metrics_write(&f, table, &err), 1, "still have none");
	disarm();
	is_number(metrics_write(&f, table, &err), 0, "until they can have one");
	is_number(f.process, 1, "the first");
	metric_add(&table[0], 1);
	arm(FAIL, "write", 1, ENOSPC);
	is_number(metrics_write(&f, table, &err), -1, "a new failure is told");
	disarm();
	metrics_close(&f);
	spool_close(&spool);
}

static void
test_failed_metrics(void)
{
	metrics_wait(EACCES);
	metrics_wait(ENOSPC);
}

static void
test_failed_open(void)
{
	static const char *const calls[] = {
	    "openat", "fsync", "mkdirat", "fstat"};
	struct tap_all all = {0};
	mode_t before_us;

	for (size_t c = 0; c < 4; c++) {
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
	(void)snprintf(root, sizeof(root), "%s/group", scratch);
	before_us = umask(0);
	must(mkdir(root, 0770) == 0);
	(void)umask(before_us);
	arm(FAIL, "fchmod", 1, EPERM);
	is_number(spool_open(&spool, root, &err), -1,
	    "a place that cannot be made the group's");
	ok(fault.fired, "%s", err.text);
	disarm();
}

/* Is a trial's file left anywhere? */
static bool
is_left(void)
{
	bool left = false;
	struct stat st;

	for (int i = 0; i < SPOOL_PLACES; i++)
		left = left || fstatat(spool.dir[i], ".try.tmp", &st, 0) == 0;
	return left;
}

/* Each call that a trial makes is one that it tells of. */
static void
test_failed_trial(void)
{
	static const char *const calls[] = {
	    "openat", "flock", "write", "renameat", "fcntl"};
	struct tap_all all = {0};
	unsigned fired = 0;

	open_new();
	for (int work = SPOOL_RECEIVE; work <= SPOOL_LOAD; work++) {
		for (size_t c = 0; c < 5; c++) {
			for (unsigned at = 1; at < 10; at++) {
				int rc;

				arm(FAIL, calls[c], at, EIO);
				rc = spool_try(
				    &spool, (enum spool_work)work, &err);
				disarm();
				tap_case(&all, !is_left(),
				    "%s %u leaves a file", calls[c], at);
				if (!fault.fired)
					break;
				fired++;
				tap_case(&all,
				    rc == -1 && err.code == EIO &&
					strstr(err.text, root) != NULL,
				    "%s %u: %s", calls[c], at, err.text);
			}
		}
	}
	tap_all(
	    &all, "a trial fails with any of its calls, and leaves nothing");
	ok(fired > 10, "%u calls made to fail", fired);

	arm(FAIL, "renameat", 1, EXDEV);
	is_number(spool_try(&spool, SPOOL_BATCH, &err), -1, "two file systems");
	ok(strstr(err.text, "have to be on one file system") != NULL, "%s",
	    err.text);
	arm(FAIL, "renameat", 1, EACCES);
	is_number(spool_try(&spool, SPOOL_BATCH, &err), -1, "no right to");
	ok(strstr(err.text, "ready: Permission denied") != NULL, "%s",
	    err.text);
	arm(FAIL, "write", 1, ENOSPC);
	is_number(spool_try(&spool, SPOOL_RECEIVE, &err), 0,
	    "a full disk is no failure");
	arm(FAIL, "openat", 1, EDQUOT);
	is_number(spool_try(&spool, SPOOL_LOAD, &err), 0, "in no way");
	arm(FAIL, "openat", 3, ENOSPC);
	is_number(spool_try(&spool, SPOOL_LOAD, &err), 0, "nor without claims");
	ok(fault.fired && strstr(err.text, SPOOL_CLAIMS) != NULL, "  %s",
	    err.text);
	is_number(spool_claim(-1, "a.ndjson"), 1, "any file is one's own then");
	arm(FAIL, "openat", 1, EEXIST);
	is_number(spool_try(&spool, SPOOL_BATCH, &err), 0,
	    "nor another one that tries the same");
	arm(FAIL, "fcntl", 1, EAGAIN);
	is_number(spool_try(&spool, SPOOL_LOAD, &err), 0, "in any way");
	arm(FAIL, "fstatat", 1, EIO);
	ok(spool_is_current(&spool) && fault.fired,
	    "a look that fails says nothing of the spool");
	disarm();
	spool_close(&spool);
}

/* A crash at any call of a trial leaves what the next one removes. */
static void
test_killed_trial(void)
{
	struct tap_all all = {0};
	int status = 42;

	open_new();
	for (unsigned at = 1; at < 100 && status != 0; at++) {
		pid_t pid;

		fflush(stdout);
		pid = fork();
		must(pid >= 0);
		if (pid == 0) {
			arm(DIE_BEFORE, NULL, at, 0);
			_exit(
			    spool_try(&spool, SPOOL_BATCH, &err) == 0 ? 0 : 1);
		}
		must(waitpid(pid, &status, 0) == pid && WIFEXITED(status));
		status = WEXITSTATUS(status);
		tap_case(&all,
		    (status == 0 || status == 42) &&
			spool_try(&spool, SPOOL_BATCH, &err) == 0 && !is_left(),
		    "crash at call %u: status %d", at, status);
	}
	tap_all(&all, "a trial clears away what a killed one has left");
	spool_close(&spool);
}

int
main(void)
{
	tap_scratch(scratch);
	test_failed_creation(); /* first: random bits are drawn but once */
	test_failed_sync();
	test_failed_write();
	test_failed_cut();
	test_failed_rotation();
	test_plain_rename();
	test_other_failures();
	test_denied();
	test_failed_draft();
	test_failed_adoption();
	test_failed_metrics();
	test_failed_open();
	test_failed_trial();
	test_killed_trial();
	tap_remove_tree(scratch);
	return tap_end();
}
