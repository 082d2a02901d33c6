/*
 * spool-sweep.c - what a failure of any system call of the spool leaves, and a
 * crash between any two: acknowledged lines are in the spool exactly once,
 * whatever happens. The n-th call fails, or the process ends before or after
 * it, for each n until nothing is left to break.
 */
#include "faults.h"

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
	sweep_failures();
	sweep_crashes(DIE_BEFORE, "so they do a crash before any call");
	sweep_crashes(DIE_AFTER, "and one after it, or in a write's middle");
	tap_remove_tree(scratch);
	return tap_end();
}
