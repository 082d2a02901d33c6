/*
 * batch.c - see batch.h.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>

#include "batch.h"
#include "clock.h"
#include "log.h"

/*
 * Files in the table, at most; about 1 MB. There is one per worker of logrecv
 * and what dead ones left. Those beyond are taken in as they are written to,
 * and, oldest first, as room comes.
 */
#define FILES_MAX 4096
#define PAUSE_LEAST_NS (100 * CLOCK_NS_PER_MS)
#define PAUSE_MOST_NS (10 * CLOCK_NS_PER_S)
/*
 * For a lock that others have. A writer has it as long as a write(2) takes, but
 * one that writes all the time has it most of the time: at first it is asked
 * for often, BUSY_ROUND_NS long each time.
 */
#define BUSY_LEAST_NS (CLOCK_NS_PER_MS / 5)
#define BUSY_ROUND_NS (10 * CLOCK_NS_PER_MS)
#define BUSY_MOST_NS CLOCK_NS_PER_S
#define BUSY_LONG_NS (5 * CLOCK_NS_PER_S) /* then it is a failure */

static size_t place_of(const struct batch *, const char *name);
static void take_in(struct batch_file *, const char *name, uint64_t bytes);
static void look(struct batch *, struct batch_file *);
static uint64_t file_due_ns(const struct batch *, const struct batch_file *);
static int rotate_due(struct batch *, enum stats_field cause, uint64_t until,
    const volatile sig_atomic_t *stop);
static int rotate(struct batch *, struct batch_file *, enum stats_field cause);
static void drop_gone(struct batch *);
static uint64_t next_pause(uint64_t pause_ns);

void
batch_init(struct batch *b, struct spool *spool, struct stats *stats,
    uint64_t max_bytes, uint64_t max_age_ns)
{
	memset(b, 0, sizeof(*b));
	b->spool = spool;
	b->stats = stats;
	b->max_bytes = max_bytes;
	b->max_age_ns = max_age_ns;
}

void
batch_release(struct batch *b)
{
	free(b->files);
	b->files = NULL;
	b->count = b->cap = 0;
}

/*
 * Taking in
 */

/* Says once what lies in buffer/ that no logrecv has put there. */
static void
warn_aliens(struct batch *b, uint64_t aliens, const char *example)
{
	if (aliens > b->aliens)
		log_warn("entries in %s/buffer that are no buffer files are "
			 "left alone count=%llu example=%s",
		    b->spool->path, (unsigned long long)aliens,
		    example != NULL ? example : "?");
	b->aliens = aliens;
}

/* All but the size, which the listing knows better. */
static void
keep_known(struct batch_file *f, const struct batch_file *known)
{
	uint64_t bytes = f->bytes;

	*f = *known;
	f->bytes = bytes;
	f->changed = false;
}

/*
 * Makes the table from a listing, both sorted by name. What is known of a
 * file stays known.
 */
static int
merge(struct batch *b, const struct spool_list *list)
{
	struct batch_file *files = calloc(list->count + 1, sizeof(*files));
	uint64_t aliens = list->aliens;
	const char *example = NULL;
	size_t n = 0, old = 0;

	if (files == NULL)
		return -1;
	for (size_t i = 0; i < list->count; i++) {
		const struct spool_file *f = &list->files[i];
		int order = -1;

		if (!spool_name_parse(f->name, NULL)) {
			aliens++;
			example = f->name;
			continue;
		}
		while (old < b->count &&
		       (order = strcmp(b->files[old].name, f->name)) < 0)
			old++;
		take_in(&files[n], f->name, f->bytes);
		if (old < b->count && order == 0)
			keep_known(&files[n], &b->files[old]);
		n++;
	}
	free(b->files);
	b->files = files;
	b->count = n;
	b->cap = list->count + 1;
	b->crowded = list->all_files > list->count;
	warn_aliens(b, aliens, example);
	return 0;
}

int
batch_scan(struct batch *b)
{
	struct spool_list list = {0};
	struct error err;
	int rc;

	rc = spool_scan(b->spool, SPOOL_BUFFER, NULL, FILES_MAX, &list, &err);
	if (rc == 0 && merge(b, &list) < 0)
		rc = error_errno(&err, "list %s/buffer", b->spool->path);
	spool_list_release(&list);
	if (rc == 0) {
		if (b->scan_pause_ns != 0)
			log_info("list %s/buffer: works again", b->spool->path);
		b->scan_ns = BATCH_NEVER;
		b->scan_pause_ns = 0;
		return 0;
	}
	if (b->scan_pause_ns == 0)
		log_warn("%s (trying again)", err.text);
	metric_add(&b->stats->table[STAT_ERRORS], 1);
	b->scan_pause_ns = next_pause(b->scan_pause_ns);
	b->scan_ns = clock_monotonic_ns() + b->scan_pause_ns;
	return -1;
}

/* Fills in a new entry of the table. */
static void
take_in(struct batch_file *f, const char *name, uint64_t bytes)
{
	uint64_t born_us = 0, wall_us = clock_wall_us();

	memset(f, 0, sizeof(*f));
	memcpy(f->name, name, strlen(name) + 1); /* spool_name_parse: fits */
	f->bytes = bytes;
	f->born_ns = (int64_t)clock_monotonic_ns();
	if (spool_name_parse(name, &born_us) && born_us < wall_us)
		f->born_ns -= (int64_t)((wall_us - born_us) * 1000);
}

/* Room for one more in the table. 0, or -1 with ENOMEM. */
static int
make_room(struct batch *b)
{
	size_t cap = b->cap < 16 ? 16 : b->cap * 2;
	struct batch_file *files;

	if (b->count < b->cap)
		return 0;
	files = realloc(b->files, cap * sizeof(*files));
	if (files == NULL)
		return -1;
	b->files = files;
	b->cap = cap;
	return 0;
}

void
batch_changed(struct batch *b, const char *name)
{
	size_t i;

	if (!spool_name_parse(name, NULL)) {
		/* A hidden one is somebody's draft. */
		if (name[0] != '.' && b->scan_ns == BATCH_NEVER)
			b->scan_ns = 0;
		return;
	}
	i = place_of(b, name);
	if (i < b->count && strcmp(b->files[i].name, name) == 0) {
		b->files[i].changed = true;
		return;
	}
	if (b->count == FILES_MAX || make_room(b) < 0) {
		/* A scan finds what is left out once others have gone. */
		b->crowded = true;
		if (b->count == 0)
			return;
		/* One that is written to counts more than the youngest. */
		b->count--;
		if (i > b->count)
			i = b->count;
	}
	memmove(
	    &b->files[i + 1], &b->files[i], (b->count - i) * sizeof(*b->files));
	take_in(&b->files[i], name, 0);
	b->files[i].changed = true;
	b->count++;
}

/* Where the name stands in the table, or would stand. */
static size_t
place_of(const struct batch *b, const char *name)
{
	size_t low = 0, high = b->count;

	while (low < high) {
		size_t middle = low + (high - low) / 2;

		if (strcmp(b->files[middle].name, name) < 0)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

/* Asks how large the file is now. */
static void
look(struct batch *b, struct batch_file *f)
{
	struct stat st;

	f->changed = false;
	if (fstatat(b->spool->dir[SPOOL_BUFFER], f->name, &st,
		AT_SYMLINK_NOFOLLOW) < 0)
		f->gone = errno == ENOENT;
	else if (!S_ISREG(st.st_mode))
		f->gone = true;
	else if (f->bytes != (uint64_t)st.st_size) {
		f->bytes = (uint64_t)st.st_size;
	}
}

/*
 * Handing over
 */

static uint64_t
file_due_ns(const struct batch *b, const struct batch_file *f)
{
	int64_t aged = f->born_ns + (int64_t)b->max_age_ns;

	if (f->retry_ns != 0)
		return f->retry_ns;
	/* An empty file is being written, or its writer died: age tells. */
	if (f->bytes >= b->max_bytes || aged < 0)
		return 0;
	return (uint64_t)aged;
}

uint64_t
batch_due_ns(const struct batch *b)
{
	uint64_t due = b->scan_ns;

	for (size_t i = 0; i < b->count; i++) {
		uint64_t file = file_due_ns(b, &b->files[i]);

		if (file < due)
			due = file;
	}
	return due;
}

void
batch_rotate(struct batch *b, const volatile sig_atomic_t *stop)
{
	(void)rotate_due(
	    b, STAT_ROTATED_AGE, clock_monotonic_ns() + BUSY_ROUND_NS, stop);
	drop_gone(b);
}

int
batch_rotate_all(
    struct batch *b, enum stats_field cause, const volatile sig_atomic_t *stop)
{
	size_t found;
	int rc = 0;

	do {
		if (batch_scan(b) < 0)
			return -1;
		found = b->count;
		rc = rotate_due(b, cause, BATCH_NEVER, stop);
		drop_gone(b);
	} while (rc == 0 && b->crowded && found > 0 && !*stop);
	return rc;
}

static bool
is_due(const struct batch *b, const struct batch_file *f)
{
	return file_due_ns(b, f) <= clock_monotonic_ns();
}

/* Is its lock to be asked for again before that? */
static bool
comes_again(const struct batch_file *f, uint64_t until)
{
	return !f->gone && f->busy_ns != 0 && f->failure != EAGAIN &&
	       f->retry_ns < until;
}

/*
 * Tries each file that is due, or for another cause than its age each one; then
 * those whose locks others had, again and again until then, or until they are a
 * failure.
 */
static int
rotate_due(struct batch *b, enum stats_field cause, uint64_t until,
    const volatile sig_atomic_t *stop)
{
	const struct timespec pause = {.tv_nsec = (long)BUSY_LEAST_NS};
	bool all = cause != STAT_ROTATED_AGE, again = false, busy;
	int rc = 0;

	do {
		busy = false;
		if (again)
			(void)nanosleep(&pause, NULL); /* a signal ends it */
		for (size_t i = 0; i < b->count && !*stop; i++) {
			struct batch_file *f = &b->files[i];

			if (again && !comes_again(f, until))
				continue;
			if (f->changed)
				look(b, f);
			if (!f->gone && (is_due(b, f) || (all && !again)) &&
			    rotate(b, f, cause) < 0)
				rc = -1;
			busy = busy || comes_again(f, until);
		}
		again = true;
	} while (busy && !*stop && clock_monotonic_ns() < until);
	return rc;
}

/* Somebody else has its lock. 1, or -1 if that has been so for long. */
static int
rotate_busy(struct batch *b, struct batch_file *f, const struct error *err)
{
	uint64_t now = clock_monotonic_ns(), pause = BUSY_MOST_NS;

	if (f->busy_ns == 0)
		f->busy_ns = now;
	if (now - f->busy_ns < BUSY_MOST_NS)
		pause = BUSY_LEAST_NS;
	f->retry_ns = now + pause;
	if (now - f->busy_ns < BUSY_LONG_NS)
		return 1;
	if (f->failure != EAGAIN) {
		log_warn("%s: another process has had it for %llu s (trying "
			 "again)",
		    err->text,
		    (unsigned long long)(BUSY_LONG_NS / CLOCK_NS_PER_S));
		metric_add(&b->stats->table[STAT_ERRORS], 1);
	}
	f->failure = EAGAIN;
	return -1;
}

static void
rotate_failed(struct batch *b, struct batch_file *f, const struct error *err)
{
	int failure = err->code != 0 ? err->code : -1;

	if (f->failure != failure)
		log_warn("%s (trying again)", err->text);
	f->failure = failure;
	metric_add(&b->stats->table[STAT_ERRORS], 1);
	f->pause_ns = next_pause(f->pause_ns);
	f->retry_ns = clock_monotonic_ns() + f->pause_ns;
}

/* 0; or 1 where it is busy, or -1, with the file left in the table. */
static int
rotate(struct batch *b, struct batch_file *f, enum stats_field cause)
{
	static const char *const causes[] = {[STAT_ROTATED_SIZE] = "size",
	    [STAT_ROTATED_AGE] = "age",
	    [STAT_ROTATED_ONCE] = "once",
	    [STAT_ROTATED_DRAIN] = "drain"};
	struct metric *table = b->stats->table;
	uint64_t began = clock_monotonic_ns();
	struct error err;
	struct stat st;
	int rc = spool_rotate(b->spool, f->name, &err);

	if (cause == STAT_ROTATED_AGE && f->bytes >= b->max_bytes)
		cause = STAT_ROTATED_SIZE;
	if (rc < 0 && err.code == EAGAIN)
		return rotate_busy(b, f, &err);
	f->busy_ns = 0;
	if (rc < 0) {
		rotate_failed(b, f, &err);
		return -1;
	}
	f->gone = true;
	if (rc == 0)
		return 0; /* was empty, or another logbatch was faster */
	/* It may have grown since we looked; or the loader took it already. */
	if (fstatat(b->spool->dir[SPOOL_READY], f->name, &st,
		AT_SYMLINK_NOFOLLOW) == 0)
		f->bytes = (uint64_t)st.st_size;
	metric_observe(
	    &table[STAT_ROTATE_SECONDS], clock_monotonic_ns() - began);
	metric_add(&table[cause], 1);
	metric_add(&table[STAT_ROTATED_BYTES], f->bytes);
	metric_set(&table[STAT_LAST_SUCCESS], (int64_t)clock_wall_us());
	log_info("rotated file=%s bytes=%llu cause=%s", f->name,
	    (unsigned long long)f->bytes, causes[cause]);
	return 0;
}

static void
drop_gone(struct batch *b)
{
	size_t kept = 0;

	for (size_t i = 0; i < b->count; i++) {
		if (b->files[i].gone)
			continue;
		if (kept != i)
			b->files[kept] = b->files[i];
		kept++;
	}
	if (kept == b->count)
		return;
	b->count = kept;
	if (b->crowded && b->scan_ns == BATCH_NEVER)
		b->scan_ns = 0; /* there is room for more */
}

static uint64_t
next_pause(uint64_t pause_ns)
{
	if (pause_ns == 0)
		return PAUSE_LEAST_NS;
	return pause_ns < PAUSE_MOST_NS / 2 ? pause_ns * 2 : PAUSE_MOST_NS;
}

void
batch_measure(struct batch *b)
{
	struct metric *table = b->stats->table;
	int64_t now = (int64_t)clock_monotonic_ns(), oldest = now;

	for (size_t i = 0; i < b->count; i++) {
		if (b->files[i].born_ns < oldest)
			oldest = b->files[i].born_ns;
	}
	metric_set(
	    &table[STAT_OLDEST_AGE], (now - oldest) / (int64_t)CLOCK_NS_PER_MS);
}
