/*
 * metrics.c - see metrics.h.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "clock.h"
#include "log.h"
#include "metrics.h"
#include "metrics_process.h"

#define METRICS_SUFFIX ".prom"
#define METRICS_FILE_MAX (256 << 10)
#define METRICS_ALL_MAX (4 << 20)
#define EXTRA_MAX 32

const uint64_t metric_durations[METRIC_BUCKETS] = {100000, 250000, 500000,
    1000000, 2500000, 5000000, 10000000, 25000000, 50000000, 100000000,
    250000000, 1000000000, 5000000000, 30000000000};
const uint64_t metric_sizes[METRIC_BUCKETS] = {64, 128, 256, 512, 1024, 2048,
    4096, 8192, 16384, 32768, 65536, 131072, 262144, 524288};

void
metric_observe_many(struct metric *m, uint64_t n, uint64_t times)
{
	const uint64_t *bounds =
	    m->bounds != NULL ? m->bounds : metric_durations;
	struct metric_histogram *h = m->histogram;
	int i = 0;

	while (i < METRIC_BUCKETS && n > bounds[i])
		i++;
	atomic_fetch_add_explicit(&h->buckets[i], times, memory_order_relaxed);
	atomic_fetch_add_explicit(&h->sum, n * times, memory_order_relaxed);
}

/*
 * Rendering
 */

/* "{a,b}" of what is not empty, or "". */
static int
render_labels(struct buf *out, const char *a, const char *b, const char *c)
{
	const char *parts[] = {a, b, c};
	const char *before = "{";

	for (int i = 0; i < 3; i++) {
		if (parts[i] == NULL || parts[i][0] == '\0')
			continue;
		if (buf_printf(out, "%s%s", before, parts[i]) < 0)
			return -1;
		before = ",";
	}
	return *before == ',' ? buf_append(out, "}", 1) : 0;
}

static int
render_histogram(struct metric *m, const char *extra, struct buf *out)
{
	bool lasts = m->bounds == NULL;
	const uint64_t *bounds = lasts ? metric_durations : m->bounds;
	double unit = lasts ? 1 / (double)CLOCK_NS_PER_S : 1;
	struct metric_histogram *h = m->histogram;
	uint64_t count = 0;
	char le[32];

	for (int i = 0; i <= METRIC_BUCKETS; i++) {
		count +=
		    atomic_load_explicit(&h->buckets[i], memory_order_relaxed);
		if (i < METRIC_BUCKETS)
			(void)snprintf(le, sizeof(le), "le=\"%.10g\"",
			    (double)bounds[i] * unit);
		else
			(void)snprintf(le, sizeof(le), "le=\"+Inf\"");
		if (buf_printf(out, "%s_bucket", m->name) < 0 ||
		    render_labels(out, m->labels, extra, le) < 0 ||
		    buf_printf(out, " %llu\n", (unsigned long long)count) < 0)
			return -1;
	}
	if (buf_printf(out, "%s_sum", m->name) < 0 ||
	    render_labels(out, m->labels, extra, NULL) < 0 ||
	    buf_printf(out, " %.*f\n", lasts ? 9 : 0,
		(double)atomic_load_explicit(&h->sum, memory_order_relaxed) *
		    unit) < 0 ||
	    buf_printf(out, "%s_count", m->name) < 0 ||
	    render_labels(out, m->labels, extra, NULL) < 0)
		return -1;
	return buf_printf(out, " %llu\n", (unsigned long long)count);
}

static int
render_sample(struct metric *m, const char *extra, struct buf *out)
{
	long long value = (long long)metric_get(m);

	if (m->type == METRIC_IS_HISTOGRAM)
		return render_histogram(m, extra, out);
	if (buf_append(out, m->name, strlen(m->name)) < 0 ||
	    render_labels(out, m->labels, extra, NULL) < 0)
		return -1;
	if (m->scale != 0)
		return buf_printf(out, " %.6f\n", (double)value * m->scale);
	return buf_printf(out, " %lld\n", value);
}

/* To be shown by the process itself, or else for its file. */
static int
render(struct metric *table, const char *extra, bool shown, struct buf *out)
{
	static const char *const types[] = {"counter", "gauge", "histogram"};
	const char *family = "";

	for (struct metric *m = table; m->name != NULL; m++) {
		/* A sum over processes must have it once. */
		if (m->of_spool && *extra != '\0' && !shown)
			continue;
		if (strcmp(m->name, family) != 0 &&
		    buf_printf(out, "# HELP %s %s\n# TYPE %s %s\n", m->name,
			m->help, m->name, types[m->type]) < 0)
			return -1;
		family = m->name;
		if (render_sample(m, m->of_spool ? "" : extra, out) < 0)
			return -1;
	}
	return 0;
}

/*
 * Files
 */

static void
place_name(const char *tool, unsigned process, char name[METRICS_NAME_MAX])
{
	if (process == 1)
		(void)snprintf(
		    name, METRICS_NAME_MAX, "%s" METRICS_SUFFIX, tool);
	else
		(void)snprintf(name, METRICS_NAME_MAX, "%s-%u" METRICS_SUFFIX,
		    tool, process);
}

/* Until it has one, it goes by the first one's name. */
static int
take_place(struct metrics_file *f, struct error *err)
{
	int dir = f->spool->dir[SPOOL_METRICS], denied = 0, fd;
	char name[METRICS_NAME_MAX], lock[METRICS_NAME_MAX + 8];
	struct flock whole = {.l_type = F_WRLCK, .l_whence = SEEK_SET};

	for (unsigned i = 1; i <= METRICS_PROCESSES_MAX; i++) {
		place_name(f->tool, i, name);
		(void)snprintf(lock, sizeof(lock), ".%s.lock", name);
		fd = spool_create(dir, lock, O_RDWR, SPOOL_LOCK_MODE);
		if (fd < 0 && errno == EACCES) {
			denied++; /* another user's, who is no friend of ours */
			continue;
		}
		if (fd < 0)
			return error_errno(
			    err, "create %s/metrics/%s", f->spool->path, lock);
		if (flock(fd, LOCK_EX | LOCK_NB) == 0) {
			/* For those who look, and take nothing: find_life. */
			(void)fcntl(fd, F_OFD_SETLK, &whole);
			memcpy(f->name, name, sizeof(name));
			f->process = i;
			f->lock_fd = fd;
			return 0;
		}
		(void)close(fd); /* not ours */
	}
	if (denied == METRICS_PROCESSES_MAX) {
		errno = EACCES;
		return error_errno(
		    err, "create a file in %s/metrics", f->spool->path);
	}
	return error_set(err, "open %s/metrics: over %d processes of %s",
	    f->spool->path, METRICS_PROCESSES_MAX, f->tool);
}

int
metrics_open(struct metrics_file *f, struct spool *spool, const char *tool,
    struct error *err)
{
	memset(f, 0, sizeof(*f));
	f->spool = spool;
	f->tool = tool;
	f->started_us = clock_wall_us();
	f->lock_fd = -1;
	place_name(tool, 1, f->name);
	spool_draft_sweep(spool->dir[SPOOL_METRICS]);
	f->failed = take_place(f, err) < 0;
	return f->failed ? -1 : 0;
}

/* What tells this process's samples from others. */
static void
put_extra(const struct metrics_file *f, char extra[EXTRA_MAX])
{
	*extra = '\0';
	if (f->process > 1)
		(void)snprintf(extra, EXTRA_MAX, "process=\"%u\"", f->process);
}

static int
write_file(struct metrics_file *f, struct metric *table, struct error *err)
{
	struct spool_draft draft = SPOOL_DRAFT_INIT;
	int dir = f->spool->dir[SPOOL_METRICS], rc;
	struct buf text = {0};
	char extra[EXTRA_MAX];
	size_t table_len;

	if (f->lock_fd < 0 && take_place(f, err) < 0)
		return -1;
	put_extra(f, extra);
	rc = render(table, extra, false, &text);
	table_len = text.len;
	if (rc == 0 && table_len > 0 && table_len == f->text.len &&
	    memcmp(text.data, f->text.data, table_len) == 0 &&
	    utimensat(dir, f->name, NULL, AT_SYMLINK_NOFOLLOW) == 0) {
		buf_release(&text);
		return 0;
	}
	if (rc == 0)
		rc = metrics_put_process(&text, f->tool, extra, f->started_us);
	if (rc < 0) {
		buf_release(&text);
		return error_set(err, "write %s: out of memory", f->name);
	}
	rc = spool_draft_open(&draft, dir, f->name, err);
	if (rc == 0)
		rc = spool_draft_write(&draft, text.data, text.len, err);
	if (rc == 0)
		rc = spool_draft_publish(&draft, false, err);
	spool_draft_discard(&draft);
	buf_release(&f->text);
	f->text = text;
	f->text.len = table_len;
	if (rc < 0)
		f->text.len = 0; /* so that the next call tries again */
	return rc;
}

/* Should that fail, the numbers do, too, and are told of. */
static void
write_log(struct metrics_file *f)
{
	int dir = f->spool->dir[SPOOL_METRICS];
	struct spool_draft draft = SPOOL_DRAFT_INIT;
	char name[METRICS_NAME_MAX];
	struct buf text = {0}, last;
	struct error err;

	(void)snprintf(name, sizeof(name), "%.*s.log",
	    (int)(strlen(f->name) - strlen(METRICS_SUFFIX)), f->name);
	/* Where there is nothing, what the process before has said stays. */
	if (f->lock_fd >= 0 && log_kept(&text) == 0 && text.len > 0 &&
	    (text.len != f->log.len ||
		memcmp(text.data, f->log.data, text.len) != 0) &&
	    spool_draft_open(&draft, dir, name, &err) == 0 &&
	    spool_draft_write(&draft, text.data, text.len, &err) == 0 &&
	    spool_draft_publish(&draft, false, &err) == 0) {
		last = f->log;
		f->log = text;
		text = last;
	}
	spool_draft_discard(&draft);
	buf_release(&text);
}

int
metrics_write(struct metrics_file *f, struct metric *table, struct error *err)
{
	bool again = f->failed;

	write_log(f);
	f->failed = write_file(f, table, err) < 0;
	if (!f->failed)
		return 0;
	return again ? 1 : -1;
}

void
metrics_close(struct metrics_file *f)
{
	if (f->lock_fd >= 0)
		(void)close(f->lock_fd); /* lets the lock go */
	f->lock_fd = -1;
	buf_release(&f->text);
	buf_release(&f->log);
}

/*
 * Collecting. A text is a run of blocks, one a family: its comment lines, then
 * its samples. The texts of all files are put one behind the other. Only those
 * of several processes of one tool share families; the samples of a later one
 * are moved to the first.
 */

static const char *
line_end(const char *p, const char *end)
{
	const char *eol = memchr(p, '\n', (size_t)(end - p));

	return eol == NULL ? end : eol + 1;
}

/* Where the samples begin of the block at p. */
static const char *
samples(const char *p, const char *end)
{
	while (p < end && *p == '#')
		p = line_end(p, end);
	return p;
}

static const char *
block_end(const char *p, const char *end)
{
	p = samples(p, end);
	while (p < end && *p != '#')
		p = line_end(p, end);
	return p;
}

/* Do both begin with the same "# HELP NAME "? */
static bool
is_same_family(const char *a, const char *b)
{
	for (unsigned spaces = 0; *a == *b && *a != '\n'; a++, b++) {
		if (*a == ' ' && ++spaces == 3)
			return true;
	}
	return false;
}

/* The first block from p on, before `end`, of the family of that one. */
static const char *
find_family(const char *p, const char *end, const char *block)
{
	while (p < end && !is_same_family(p, block))
		p = block_end(p, end);
	return p < end ? p : NULL;
}

/* Is the block at p of a family of the table that is of the spool? */
static bool
is_of_spool(const struct metric *table, const char *p)
{
	size_t len;

	for (; table != NULL && table->name != NULL; table++) {
		len = strlen(table->name);
		if (table->of_spool && strncmp(p, "# HELP ", 7) == 0 &&
		    strncmp(p + 7, table->name, len) == 0 && p[7 + len] == ' ')
			return true;
	}
	return false;
}

/* The table is the caller's own, whose samples stand first. */
static int
copy_families(
    const struct buf *all, const struct metric *table, struct buf *out)
{
	const char *end = all->data + all->len, *next;

	for (const char *p = all->data; p < end; p = next) {
		next = block_end(p, end);
		if (find_family(all->data, p, p) != NULL)
			continue; /* copied behind that one */
		if (buf_append(out, p, (size_t)(next - p)) < 0)
			return -1;
		if (is_of_spool(table, p))
			continue;
		for (const char *q = next, *from;
		     (q = find_family(q, end, p)) != NULL;
		     q = block_end(q, end)) {
			from = samples(q, end);
			if (buf_append(out, from,
				(size_t)(block_end(q, end) - from)) < 0)
				return -1;
		}
	}
	return 0;
}

#define LOCK_NAME_MAX (NAME_MAX + 8)

static void
put_lock_name(char lock[LOCK_NAME_MAX], const char *name)
{
	(void)snprintf(lock, LOCK_NAME_MAX, ".%.*s.lock", NAME_MAX, name);
}

/* Is it of a tool that keeps its place, and so goes on writing it? */
static bool
has_lock(int dir, const char *name)
{
	char lock[LOCK_NAME_MAX];

	put_lock_name(lock, name);
	return faccessat(dir, lock, F_OK, AT_SYMLINK_NOFOLLOW) == 0;
}

/* Appends when that file was written last: a tool that lives does so. */
static int
add_time(struct buf *times, const char *name, time_t seconds)
{
	if (times->len == 0 &&
	    buf_printf(times,
		"# HELP logs_tool_seen_timestamp_seconds When that tool last "
		"wrote its metrics, as it does every 5 seconds.\n"
		"# TYPE logs_tool_seen_timestamp_seconds gauge\n") < 0)
		return -1;
	return buf_printf(times,
	    "logs_tool_seen_timestamp_seconds{tool=\"%.*s\"} %lld\n",
	    (int)(strlen(name) - strlen(METRICS_SUFFIX)), name,
	    (long long)seconds);
}

/* Appends one file; what has gone, is too large or no metrics is left out. */
static int
add_file(struct buf *all, struct buf *times, int dir, const char *name)
{
	size_t before = all->len;
	struct stat st;
	ssize_t n = 1;
	int fd, rc = 0;

	fd = openat(dir, name, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
	if (fd < 0)
		return 0;
	while (rc == 0 && n > 0 && all->len - before <= METRICS_FILE_MAX) {
		rc = buf_reserve(all, 16384);
		if (rc == 0)
			n = read(fd, all->data + all->len, 16384);
		if (rc == 0 && n > 0)
			all->len += (size_t)n;
	}
	if (rc < 0 || n != 0 || all->len == before ||
	    all->data[before] != '#' || all->data[all->len - 1] != '\n')
		all->len = before;
	else if (has_lock(dir, name) && fstat(fd, &st) == 0)
		rc = add_time(times, name, st.st_mtim.tv_sec);
	(void)close(fd); /* only read from */
	return rc;
}

enum life { LIFE_UNKNOWN, LIFE_ENDED, LIFE_RUNS };

/* Does the process run that has this file's place? Takes no lock for that. */
static enum life
find_life(int dir, const char *name)
{
	struct flock l = {.l_type = F_WRLCK, .l_whence = SEEK_SET};
	enum life life = LIFE_UNKNOWN;
	char lock[NAME_MAX + 8];
	int fd;

	(void)snprintf(lock, sizeof(lock), ".%s.lock", name);
	fd = openat(dir, lock, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
	if (fd < 0)
		return LIFE_UNKNOWN;
	if (fcntl(fd, F_OFD_GETLK, &l) == 0)
		life = l.l_type == F_UNLCK ? LIFE_ENDED : LIFE_RUNS;
	(void)close(fd); /* only read from */
	return life;
}

/* Is it the file of a second or later process, NAME-2.prom? */
static bool
is_of_later(const char *name)
{
	const char *p = name + strlen(name) - strlen(METRICS_SUFFIX);
	const char *digits = p;

	while (p > name && p[-1] >= '0' && p[-1] <= '9')
		p--;
	return p != digits && p != name && p[-1] == '-';
}

/*
 * Is it such a file, of one that has ended? Its gauges would look alive for
 * ever. That of the first one tells how the tool was when it stopped.
 */
static bool
is_left_behind(int dir, const char *name)
{
	return is_of_later(name) && find_life(dir, name) == LIFE_ENDED;
}

static bool
is_metrics_file(const char *name)
{
	size_t len = strlen(name), tail = strlen(METRICS_SUFFIX);

	return name[0] != '.' && len > tail &&
	       strcmp(name + len - tail, METRICS_SUFFIX) == 0;
}

/* The directory; NULL with errno. */
static DIR *
open_directory(struct spool *spool)
{
	int fd = openat(
	    spool->dir[SPOOL_METRICS], ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	DIR *dir = fd < 0 ? NULL : fdopendir(fd);

	if (dir == NULL && fd >= 0)
		(void)close(fd); /* only read from */
	return dir;
}

/* Appends every file but the one of that name. */
static int
add_files(struct buf *all, struct buf *times, struct spool *spool,
    const char *except, struct error *err)
{
	DIR *dir = open_directory(spool);
	struct dirent *entry;
	int rc = 0;

	if (dir == NULL)
		return error_errno(err, "list %s/metrics", spool->path);
	while (rc == 0 && all->len < METRICS_ALL_MAX &&
	       (entry = readdir(dir)) != NULL) {
		if (is_metrics_file(entry->d_name) &&
		    strcmp(entry->d_name, except) != 0 &&
		    !is_left_behind(dirfd(dir), entry->d_name) &&
		    add_file(all, times, dirfd(dir), entry->d_name) < 0)
			rc = error_set(err, "collect metrics: out of memory");
	}
	(void)closedir(dir); /* only read from */
	return rc;
}

int
metrics_tools(struct spool *spool, struct metrics_tool *out, unsigned most)
{
	DIR *dir = open_directory(spool);
	struct dirent *entry;
	unsigned count = 0;
	enum life life;
	struct stat st;

	if (dir == NULL)
		return -1;
	while (count < most && (entry = readdir(dir)) != NULL) {
		const char *name = entry->d_name;
		size_t len = strlen(name);

		if (!is_metrics_file(name) || len >= METRICS_NAME_MAX ||
		    fstatat(dirfd(dir), name, &st, AT_SYMLINK_NOFOLLOW) < 0)
			continue;
		life = find_life(dirfd(dir), name);
		if (life == LIFE_UNKNOWN ||
		    (life == LIFE_ENDED && is_of_later(name)))
			continue;
		len -= strlen(METRICS_SUFFIX);
		memcpy(out[count].name, name, len);
		out[count].name[len] = '\0';
		out[count].runs = life == LIFE_RUNS;
		out[count].written_s = (uint64_t)st.st_mtim.tv_sec;
		count++;
	}
	(void)closedir(dir); /* only read from */
	return (int)count;
}

int
metrics_collect(struct spool *spool, const struct metrics_file *own,
    struct metric *table, struct buf *out, struct error *err)
{
	struct buf all = {0}, times = {0};
	char extra[EXTRA_MAX];
	int rc = 0;

	if (own != NULL) {
		put_extra(own, extra);
		rc = render(table, extra, true, &all);
	}
	if (rc == 0 && own != NULL && own->tool != NULL &&
	    (metrics_put_process(&all, own->tool, extra, own->started_us) < 0 ||
		add_time(&times, own->name, time(NULL)) < 0))
		rc = -1;
	if (rc < 0)
		(void)error_set(err, "collect metrics: out of memory");
	if (rc == 0)
		rc = add_files(
		    &all, &times, spool, own != NULL ? own->name : "", err);
	if (rc == 0 &&
	    ((all.data != NULL && copy_families(&all, table, out) < 0) ||
		(times.data != NULL &&
		    buf_append(out, times.data, times.len) < 0)))
		rc = error_set(err, "collect metrics: out of memory");
	buf_release(&times);
	buf_release(&all);
	return rc;
}

bool
metrics_find(const struct buf *text, const char *name, double *value)
{
	const char *end = text->data + text->len;
	size_t len = strlen(name);

	for (const char *p = text->data; p < end; p = line_end(p, end)) {
		const char *eol = line_end(p, end), *number;

		if ((size_t)(eol - p) <= len || memcmp(p, name, len) != 0 ||
		    (p[len] != ' ' && p[len] != '{'))
			continue;
		number = memrchr(p, ' ', (size_t)(eol - p));
		if (number == NULL)
			continue;
		*value = strtod(number + 1, NULL);
		return true;
	}
	return false;
}
