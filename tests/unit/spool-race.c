/*
 * spool-race.c - writers and movers at work on one spool at the same time:
 * no file in ready/ grows, no line is lost or doubled; and the same while
 * writers are killed with SIGKILL and others take their place.
 *
 * Writers are processes, as in life; they keep what was acknowledged to them
 * in memory that they share with the test.
 */
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <stdatomic.h>

#include "clock.h"
#include "spool.h"
#include "tap.h"

#define WRITERS 4
#define LINES 20000 /* most a writer may write */
#define BATCH 3     /* lines an append */

/* One writer's, in shared memory. */
struct record {
	_Atomic unsigned sent, acked; /* lines */
};

static char scratch[64];
static struct record *records;
static _Atomic bool *stop;

/* What was found of line n of writer w. */
static unsigned char seen[WRITERS * 64][LINES + 1];

/* Appends until told to stop; sync every 16th time, as syncs are slow. */
static void
write_lines(struct spool *spool, struct record *r, unsigned id)
{
	struct segment seg = SEGMENT_INIT;
	struct error err;
	unsigned sent = 0;

	for (unsigned i = 0; !*stop && sent + BATCH <= LINES; i++) {
		char text[BATCH * 40];
		int len = 0;

		for (int k = 0; k < BATCH; k++)
			len += snprintf(text + len, sizeof(text) - (size_t)len,
			    "{\"w\":%u,\"n\":%u}\n", id, sent++);
		r->sent = sent;
		if (spool_append(spool, &seg, text, (size_t)len, i % 16 == 0,
			NULL, &err) < 0) {
			fprintf(stderr, "# %s\n", err.text);
			_exit(1);
		}
		r->acked = sent;
	}
	segment_close(&seg);
}

static pid_t
start_writer(const char *root, unsigned id)
{
	struct spool spool;
	struct error err;
	pid_t pid;

	fflush(stdout);
	pid = fork();
	must(pid >= 0);
	if (pid > 0)
		return pid;
	if (spool_open(&spool, root, &err) < 0)
		_exit(1);
	write_lines(&spool, &records[id], id);
	spool_close(&spool);
	_exit(0);
}

/* A file that was handed over, and its size then. */
struct moved {
	char name[SPOOL_NAME_MAX];
	off_t bytes;
};

struct mover {
	struct spool *spool;
	struct moved *moved;
	size_t count, cap;
	_Atomic bool *end;
	bool failed;
};

/* Rotates everything in buffer/ once. */
static void
move_all(struct mover *m, struct spool_list *list)
{
	struct error err;
	struct stat st;

	if (spool_scan(m->spool, SPOOL_BUFFER, NULL, 1000, list, &err) < 0)
		m->failed = true;
	for (size_t i = 0; i < list->count; i++) {
		const char *name = list->files[i].name;
		int rc = spool_rotate(m->spool, name, &err);

		if (rc < 0 && err.code != EAGAIN) {
			fprintf(stderr, "# %s\n", err.text);
			m->failed = true;
		}
		if (rc != 1)
			continue;
		if (fstatat(m->spool->dir[SPOOL_READY], name, &st, 0) < 0) {
			m->failed = true;
			continue;
		}
		if (m->count == m->cap) {
			m->cap = m->cap * 2 + 64;
			m->moved =
			    realloc(m->moved, m->cap * sizeof(*m->moved));
			must(m->moved != NULL);
		}
		memcpy(m->moved[m->count].name, name, SPOOL_NAME_MAX);
		m->moved[m->count++].bytes = st.st_size;
	}
}

static void *
run_mover(void *arg)
{
	struct mover *m = arg;
	struct spool_list list = {0};

	while (!*m->end)
		move_all(m, &list);
	spool_list_release(&list);
	return NULL;
}

static void
check_growth(const struct mover *m, const char *name)
{
	struct tap_all all = {0};
	struct stat st = {0};

	for (size_t i = 0; i < m->count; i++)
		tap_case(&all,
		    fstatat(m->spool->dir[SPOOL_READY], m->moved[i].name, &st,
			0) == 0 &&
			st.st_size == m->moved[i].bytes,
		    "%s: %jd, then %jd", m->moved[i].name,
		    (intmax_t)m->moved[i].bytes, (intmax_t)st.st_size);
	tap_all(&all, name);
}

/* Reads every line of ready/ into seen. */
static void
count_lines(struct spool *spool, bool torn_tails)
{
	struct tap_all lines = {0};
	struct spool_list list = {0};
	struct error err;
	char text[256];

	memset(seen, 0, sizeof(seen));
	must(spool_scan(spool, SPOOL_READY, NULL, SIZE_MAX, &list, &err) == 0);
	for (size_t i = 0; i < list.count; i++) {
		int fd = openat(spool->dir[SPOOL_READY], list.files[i].name,
		    O_RDONLY | O_CLOEXEC);
		FILE *file = fdopen(fd, "r");

		must(file != NULL);
		while (fgets(text, sizeof(text), file) != NULL) {
			unsigned w = 0, n = 0;
			int end = 0;
			bool whole = sscanf(text, "{\"w\":%u,\"n\":%u}\n%n", &w,
					 &n, &end) == 2 &&
				     text[end] == '\0' && end > 0 &&
				     text[end - 1] == '\n' &&
				     w < WRITERS * 64 && n < LINES;

			if (whole)
				seen[w][n]++;
			/* A killed writer's tail, at the file's end. */
			tap_case(&lines,
			    whole ||
				(torn_tails && strchr(text, '\n') == NULL &&
				    fgetc(file) == EOF),
			    "%s: %s", list.files[i].name, text);
		}
		must(fclose(file) == 0);
	}
	tap_all(&lines, "each line in ready/ is whole");
	is_number(list.aliens, 0, "there is nothing else");
	spool_list_release(&list);
}

/* Every line acknowledged is there once; no other one is there twice. */
static void
check_lines(unsigned writers)
{
	struct tap_all all = {0};

	for (unsigned w = 0; w < writers; w++) {
		for (unsigned n = 0; n < records[w].sent; n++)
			tap_case(&all,
			    seen[w][n] == 1 ||
				(seen[w][n] == 0 && n >= records[w].acked),
			    "writer %u line %u: %u times", w, n, seen[w][n]);
		tap_case(&all, seen[w][records[w].sent] == 0,
		    "writer %u: a line that was not sent", w);
	}
	tap_all(&all, "each acknowledged line is there once");
}

static void
wait_ms(unsigned ms)
{
	struct timespec ts = {.tv_nsec = (long)ms * 1000000};

	(void)nanosleep(&ts, NULL);
}

/* Ends the movers, then hands over what is left. */
static void
finish(struct mover movers[2], pthread_t threads[2])
{
	struct spool_list list = {0};

	*movers[0].end = true;
	for (int i = 0; i < 2; i++)
		must(pthread_join(threads[i], NULL) == 0);
	move_all(&movers[0], &list);
	move_all(&movers[0], &list);
	is_number(list.all_files, 0, "buffer/ is empty in the end");
	spool_list_release(&list);
	ok(!movers[0].failed && !movers[1].failed, "no mover met an error");
	check_growth(&movers[0], "no file grew after it was handed over");
	check_growth(&movers[1], "nor those of the second mover");
}

static void
start(struct spool *spool, const char *root, struct mover movers[2],
    pthread_t threads[2], _Atomic bool *end)
{
	struct error err;

	must(spool_open(spool, root, &err) == 0);
	memset(records, 0, WRITERS * 64 * sizeof(*records));
	*stop = false;
	*end = false;
	for (int i = 0; i < 2; i++) {
		movers[i] = (struct mover){.spool = spool, .end = end};
		must(pthread_create(&threads[i], NULL, run_mover, &movers[i]) ==
		     0);
	}
}

static void
test_race(void)
{
	struct mover movers[2];
	pthread_t threads[2];
	_Atomic bool end;
	struct spool spool;
	char root[80];
	pid_t pids[WRITERS];
	int status;

	(void)snprintf(root, sizeof(root), "%s/race", scratch);
	start(&spool, root, movers, threads, &end);
	for (unsigned i = 0; i < WRITERS; i++)
		pids[i] = start_writer(root, i);
	wait_ms(900); /* the time they are given to race, not one to wait for */
	*stop = true;
	for (int i = 0; i < WRITERS; i++) {
		must(waitpid(pids[i], &status, 0) == pids[i]);
		ok(status == 0, "writer %d met no error, %u lines", i,
		    records[i].acked);
		ok(records[i].acked > 0 && records[i].acked == records[i].sent,
		    "all it sent was acknowledged");
	}
	finish(movers, threads);
	ok(movers[0].count + movers[1].count > 20,
	    "there was a race: %zu files handed over",
	    movers[0].count + movers[1].count);
	count_lines(&spool, false);
	check_lines(WRITERS);
	free(movers[0].moved);
	free(movers[1].moved);
	spool_close(&spool);
}

static void
test_kill(void)
{
	struct mover movers[2];
	pthread_t threads[2];
	_Atomic bool end;
	struct spool spool;
	char root[80];
	pid_t pids[WRITERS];
	unsigned next = 0;
	uint64_t seed = 5;
	int status;

	(void)snprintf(root, sizeof(root), "%s/kill", scratch);
	start(&spool, root, movers, threads, &end);
	for (unsigned i = 0; i < WRITERS; i++)
		pids[i] = start_writer(root, next++);
	while (next < WRITERS * 32) {
		unsigned i = (unsigned)(tap_random(&seed) % WRITERS);

		wait_ms(1 + (unsigned)(tap_random(&seed) % 20));
		must(kill(pids[i], SIGKILL) == 0);
		must(waitpid(pids[i], &status, 0) == pids[i]);
		pids[i] = start_writer(root, next++);
	}
	*stop = true;
	for (int i = 0; i < WRITERS; i++)
		must(waitpid(pids[i], &status, 0) == pids[i]);
	finish(movers, threads);
	count_lines(&spool, true);
	check_lines(next);
	free(movers[0].moved);
	free(movers[1].moved);
	spool_close(&spool);
}

int
main(void)
{
	size_t bytes = WRITERS * 64 * sizeof(*records) + sizeof(*stop);

	records = mmap(NULL, bytes, PROT_READ | PROT_WRITE,
	    MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	must(records != MAP_FAILED);
	stop = (_Atomic bool *)(records + WRITERS * 64);
	tap_scratch(scratch);
	test_race();
	test_kill();
	tap_remove_tree(scratch);
	return tap_end();
}
