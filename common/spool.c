/*
 * spool.c - see spool.h, which tells the life of a file.
 */
#include <assert.h>
#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "clock.h"
#include "spool.h"

#define DIRECTORY_MODE 0750
#define FILE_MODE 0640
#define HOST_MAX 64 /* of the host's name, in a file's name */
#define CREATE_TRIES 100

static const char *const place_names[SPOOL_PLACES] = {
    "buffer", "ready", "rejected", "loaded", "metrics"};

static int
open_place(struct spool *, int root, enum spool_place, struct error *);
static int lock_wait(int fd);
static int segment_lock(struct spool *, struct segment *, struct error *);
static int segment_create(struct spool *, struct segment *, struct error *);
static int sync_directory(struct spool *, enum spool_place, struct error *);
static void list_count(struct spool_list *, const char *name, uint64_t bytes);
static int
list_offer(struct spool_list *, size_t limit, const char *name, uint64_t bytes);
static int compare_files(const void *, const void *);

int
spool_open(struct spool *s, const char *path, struct error *err)
{
	size_t len = strlen(path);
	int root, parent, rc = 0;

	for (int i = 0; i < SPOOL_PLACES; i++)
		s->dir[i] = -1;
	if (len == 0 || len > sizeof(s->path) - SPOOL_NAME_MAX)
		return error_set(err, "open spool %s: the path is %s", path,
		    len == 0 ? "empty" : "too long");
	memcpy(s->path, path, len + 1);
	if (mkdir(path, DIRECTORY_MODE) < 0 && errno != EEXIST)
		return error_errno(err, "create spool %s", path);
	root = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (root < 0)
		return error_errno(err, "open spool %s", path);
	for (int i = 0; i < SPOOL_PLACES && rc == 0; i++)
		rc = open_place(s, root, (enum spool_place)i, err);
	/*
	 * Synced even if somebody else made the directories: he may not have
	 * come to it yet. A root without a parent that we may read is one that
	 * we did not make.
	 */
	if (rc == 0 && fsync(root) < 0)
		rc = error_errno(err, "sync %s", path);
	parent = openat(root, "..", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (parent >= 0) {
		if (rc == 0 && fsync(parent) < 0)
			rc = error_errno(err, "sync %s/..", path);
		(void)close(parent); /* only read from */
	}
	(void)close(root); /* only read from */
	if (rc < 0)
		spool_close(s);
	return rc;
}

static int
open_place(struct spool *s, int root, enum spool_place place, struct error *err)
{
	const char *name = place_names[place];

	if (mkdirat(root, name, DIRECTORY_MODE) < 0 && errno != EEXIST)
		return error_errno(err, "create %s/%s", s->path, name);
	s->dir[place] = openat(root, name, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (s->dir[place] < 0)
		return error_errno(err, "open %s/%s", s->path, name);
	return 0;
}

void
spool_close(struct spool *s)
{
	for (int i = 0; i < SPOOL_PLACES; i++) {
		if (s->dir[i] >= 0)
			(void)close(s->dir[i]); /* only read from */
		s->dir[i] = -1;
	}
}

const char *
spool_place_name(enum spool_place place)
{
	return place_names[place];
}

/*
 * Names
 */

/* The host's name with all but [A-Za-z0-9._-] replaced, and bounded. */
static void
host_name(char out[HOST_MAX + 1])
{
	if (gethostname(out, HOST_MAX + 1) < 0)
		memcpy(out, "localhost", sizeof("localhost"));
	out[HOST_MAX] = '\0';
	for (char *p = out; *p != '\0'; p++) {
		if (!isalnum((unsigned char)*p) && *p != '.' && *p != '_')
			*p = '-';
	}
}

/*
 * A name that no file has had: the microsecond, the host, the process and a
 * count within it. Should the clock have been set back onto a microsecond
 * that this process number has used before, O_EXCL or RENAME_NOREPLACE finds
 * it while the other file exists.
 */
static void
make_name(char out[SPOOL_NAME_MAX])
{
	static atomic_uint sequence;
	char stamp[CLOCK_COMPACT_LEN + 1], host[HOST_MAX + 1];
	int n;

	clock_compact(clock_wall_us(), stamp);
	host_name(host);
	n = snprintf(out, SPOOL_NAME_MAX, "%s-%s-%ld-%u" SPOOL_SUFFIX, stamp,
	    host, (long)getpid(), atomic_fetch_add(&sequence, 1) + 1);
	assert(n > 0 && n < SPOOL_NAME_MAX);
	(void)n;
}

static bool
ends_with(const char *name, const char *suffix)
{
	size_t len = strlen(name), tail = strlen(suffix);

	return len > tail && strcmp(name + len - tail, suffix) == 0;
}

bool
spool_name_is_loadable(const char *name)
{
	/* Any other byte could be one that the ledger or a log cannot hold. */
	for (const char *p = name; *p != '\0'; p++) {
		if (*p < ' ' || *p > '~')
			return false;
	}
	return name[0] != '.' && strlen(name) < SPOOL_NAME_MAX &&
	       ends_with(name, SPOOL_SUFFIX);
}

bool
spool_name_parse(const char *name, uint64_t *born_us)
{
	static const char form[] = "ddddddddTdddddd.ddddddZ-";
	unsigned year, month, day, hour, minute, second, micro;
	int64_t us;

	if (!spool_name_is_loadable(name))
		return false;
	for (size_t i = 0; i < sizeof(form) - 1; i++) {
		if (form[i] == 'd' ? !isdigit((unsigned char)name[i])
				   : name[i] != form[i])
			return false;
	}
	if (sscanf(name, "%4u%2u%2uT%2u%2u%2u.%6u", &year, &month, &day, &hour,
		&minute, &second, &micro) != 7)
		return false;
	if (month < 1 || month > 12 || day < 1 || day > 31 || hour > 23 ||
	    minute > 59 || second > 60)
		return false;
	us = clock_from_civil(
	    (int)year, month, day, hour, minute, second, micro);
	if (us < 0)
		return false;
	if (born_us != NULL)
		*born_us = (uint64_t)us;
	return true;
}

/*
 * The writer's side of the hand-over
 */

int
spool_write_all(int fd, const void *data, size_t len)
{
	const char *p = data;

	while (len > 0) {
		ssize_t n = write(fd, p, len);

		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0) {
			if (n == 0)
				errno = EIO;
			return -1;
		}
		p += n;
		len -= (size_t)n;
	}
	return 0;
}

int
spool_append(struct spool *s, struct segment *seg, const void *lines,
    size_t len, bool sync, uint64_t *sync_ns, struct error *err)
{
	uint64_t started;
	struct stat st;

	if (sync_ns != NULL)
		*sync_ns = 0;
	if (segment_lock(s, seg, err) < 0)
		return -1;
	if (fstat(seg->fd, &st) < 0) {
		(void)error_errno(err, "stat %s/buffer/%s", s->path, seg->name);
		segment_close(seg);
		return -1;
	}
	if (spool_write_all(seg->fd, lines, len) < 0) {
		(void)error_errno(
		    err, "write %s/buffer/%s", s->path, seg->name);
		/*
		 * Cut the short write back, so that the file ends with a whole
		 * line. If even that fails, the file is given up: its torn
		 * tail is then its end for good, and the loader skips it.
		 */
		if (ftruncate(seg->fd, st.st_size) < 0) {
			segment_close(seg);
			return SPOOL_IN_DOUBT;
		}
		(void)flock(seg->fd, LOCK_UN); /* close would too */
		return -1;
	}
	if (flock(seg->fd, LOCK_UN) < 0) {
		(void)error_errno(
		    err, "unlock %s/buffer/%s", s->path, seg->name);
		segment_close(seg);
		return SPOOL_IN_DOUBT;
	}
	if (!sync)
		return 0;
	/*
	 * Outside the lock: a rotation meanwhile does no harm, since the
	 * descriptor stays that of the file. A crash here leaves lines that
	 * nobody was promised.
	 */
	started = clock_monotonic_ns();
	if (fdatasync(seg->fd) < 0) {
		(void)error_errno(err, "sync %s/buffer/%s", s->path, seg->name);
		segment_close(seg);
		return SPOOL_IN_DOUBT;
	}
	if (sync_ns != NULL)
		*sync_ns = clock_monotonic_ns() - started;
	return 0;
}

int
segment_sync(struct spool *s, struct segment *seg, struct error *err)
{
	if (seg->fd < 0 || fdatasync(seg->fd) == 0)
		return 0;
	(void)error_errno(err, "sync %s/buffer/%s", s->path, seg->name);
	segment_close(seg); /* given up: a second sync would lie */
	return -1;
}

void
segment_close(struct segment *seg)
{
	/* Nothing depends on close: what matters was synced, or not promised.
	 */
	if (seg->fd >= 0)
		(void)close(seg->fd);
	seg->fd = -1;
}

static int
lock_wait(int fd)
{
	int rc;

	do {
		rc = flock(fd, LOCK_EX);
	} while (rc < 0 && errno == EINTR);
	return rc;
}

/* Returns with the lock on a file that buffer/NAME still names. */
static int
segment_lock(struct spool *s, struct segment *seg, struct error *err)
{
	for (int i = 0; i < CREATE_TRIES; i++) {
		struct stat st;

		if (seg->fd < 0 && segment_create(s, seg, err) < 0)
			return -1;
		if (lock_wait(seg->fd) < 0) {
			(void)error_errno(
			    err, "lock %s/buffer/%s", s->path, seg->name);
			segment_close(seg);
			return -1;
		}
		if (fstatat(s->dir[SPOOL_BUFFER], seg->name, &st,
			AT_SYMLINK_NOFOLLOW) == 0 &&
		    st.st_ino == seg->inode)
			return 0;
		/* Handed over meanwhile; closing lets the lock go. */
		segment_close(seg);
	}
	return error_set(err,
	    "lock a file in %s/buffer: each of %d was taken away", s->path,
	    CREATE_TRIES);
}

/* Opens a new file and makes its name durable. */
static int
segment_create(struct spool *s, struct segment *seg, struct error *err)
{
	struct stat st;

	for (int i = 0; i < CREATE_TRIES && seg->fd < 0; i++) {
		make_name(seg->name);
		seg->fd = openat(s->dir[SPOOL_BUFFER], seg->name,
		    O_WRONLY | O_CREAT | O_EXCL | O_APPEND | O_CLOEXEC |
			O_NOFOLLOW,
		    FILE_MODE);
		if (seg->fd < 0 && errno != EEXIST)
			break;
	}
	if (seg->fd < 0)
		return error_errno(
		    err, "create %s/buffer/%s", s->path, seg->name);
	if (fstat(seg->fd, &st) < 0) {
		(void)error_errno(err, "stat %s/buffer/%s", s->path, seg->name);
		segment_close(seg);
		return -1;
	}
	seg->inode = st.st_ino;
	/* At once: a mover would take an empty file for a dead writer's. */
	if (lock_wait(seg->fd) < 0) {
		(void)error_errno(err, "lock %s/buffer/%s", s->path, seg->name);
		segment_close(seg);
		return -1;
	}
	/*
	 * Before anything is written: were it after, a rotation in between
	 * could leave neither name durable when the lines are acknowledged.
	 */
	if (sync_directory(s, SPOOL_BUFFER, err) < 0) {
		segment_close(seg);
		return -1;
	}
	return 0;
}

static int
sync_directory(struct spool *s, enum spool_place place, struct error *err)
{
	if (fsync(s->dir[place]) < 0)
		return error_errno(
		    err, "sync %s/%s", s->path, place_names[place]);
	return 0;
}

/*
 * The mover's side
 */

/* With the lock held on fd: moves the file, or removes it if it is empty. */
static int
rotate_locked(struct spool *s, int fd, const char *name, struct error *err)
{
	struct stat named, opened;

	if (fstat(fd, &opened) < 0)
		return error_errno(err, "stat %s/buffer/%s", s->path, name);
	if (fstatat(s->dir[SPOOL_BUFFER], name, &named, AT_SYMLINK_NOFOLLOW) <
		0 ||
	    named.st_ino != opened.st_ino)
		return 0; /* another logbatch was faster */
	if (!S_ISREG(opened.st_mode))
		return error_set(err, "rotate %s/buffer/%s: not a regular file",
		    s->path, name);
	if (opened.st_size == 0) {
		if (unlinkat(s->dir[SPOOL_BUFFER], name, 0) < 0)
			return error_errno(
			    err, "remove %s/buffer/%s", s->path, name);
		return 0;
	}
	/* What is in ready/ is durable, acknowledged or not. */
	if (fdatasync(fd) < 0)
		return error_errno(err, "sync %s/buffer/%s", s->path, name);
	if (renameat2(s->dir[SPOOL_BUFFER], name, s->dir[SPOOL_READY], name,
		RENAME_NOREPLACE) < 0)
		return error_errno(err, "rename %s/buffer/%s to %s/ready/%s",
		    s->path, name, s->path, name);
	/* The new name first: no order of these two can leave no name. */
	if (sync_directory(s, SPOOL_READY, err) < 0 ||
	    sync_directory(s, SPOOL_BUFFER, err) < 0)
		return -1;
	return 1;
}

int
spool_rotate(struct spool *s, const char *name, struct error *err)
{
	int fd, rc;

	fd = openat(s->dir[SPOOL_BUFFER], name,
	    O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
	if (fd < 0 && errno == ENOENT)
		return 0;
	if (fd < 0)
		return error_errno(err, "open %s/buffer/%s", s->path, name);
	if (lock_wait(fd) < 0)
		rc = error_errno(err, "lock %s/buffer/%s", s->path, name);
	else
		rc = rotate_locked(s, fd, name, err);
	(void)close(fd); /* only read from; lets the lock go */
	return rc;
}

/*
 * Listing
 */

int
spool_scan(struct spool *s, enum spool_place place, const char *after,
    size_t limit, struct spool_list *list, struct error *err)
{
	struct dirent *entry;
	struct stat st;
	DIR *dir;
	int fd, rc = 0;

	list->count = 0;
	list->all_files = list->all_bytes = list->aliens = 0;
	list->matching = 0;
	list->oldest[0] = '\0';
	/* A descriptor of its own, since a directory stream moves it. */
	fd = openat(s->dir[place], ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	dir = fd < 0 ? NULL : fdopendir(fd);
	if (dir == NULL) {
		(void)error_errno(
		    err, "list %s/%s", s->path, place_names[place]);
		if (fd >= 0)
			(void)close(fd);
		return -1;
	}
	while (rc == 0 && (errno = 0, entry = readdir(dir)) != NULL) {
		if (entry->d_name[0] == '.')
			continue; /* ., .., drafts */
		if (fstatat(dirfd(dir), entry->d_name, &st,
			AT_SYMLINK_NOFOLLOW) < 0)
			continue; /* gone meanwhile */
		if (!S_ISREG(st.st_mode) ||
		    !spool_name_is_loadable(entry->d_name)) {
			list->aliens++;
			continue;
		}
		list_count(list, entry->d_name, (uint64_t)st.st_size);
		if (after == NULL || strcmp(entry->d_name, after) > 0)
			rc = list_offer(
			    list, limit, entry->d_name, (uint64_t)st.st_size);
	}
	if (rc < 0 || errno != 0)
		rc =
		    error_errno(err, "list %s/%s", s->path, place_names[place]);
	(void)closedir(dir); /* only read from */
	/* qsort(3) may not be given NULL, not even for nothing. */
	if (list->count > 1)
		qsort(list->files, list->count, sizeof(*list->files),
		    compare_files);
	return rc;
}

static int
compare_files(const void *a, const void *b)
{
	return strcmp(((const struct spool_file *)a)->name,
	    ((const struct spool_file *)b)->name);
}

static void
swap_files(struct spool_file *a, struct spool_file *b)
{
	struct spool_file t = *a;

	*a = *b;
	*b = t;
}

/* Restores the heap (greatest name on top) downwards from its top. */
static void
heap_sink(struct spool_file *heap, size_t count)
{
	for (size_t i = 0, child; (child = 2 * i + 1) < count; i = child) {
		if (child + 1 < count &&
		    compare_files(&heap[child + 1], &heap[child]) > 0)
			child++;
		if (compare_files(&heap[i], &heap[child]) >= 0)
			return;
		swap_files(&heap[i], &heap[child]);
	}
}

static void
heap_rise(struct spool_file *heap, size_t i)
{
	for (; i > 0 && compare_files(&heap[i], &heap[(i - 1) / 2]) > 0;
	     i = (i - 1) / 2)
		swap_files(&heap[i], &heap[(i - 1) / 2]);
}

static void
list_count(struct spool_list *list, const char *name, uint64_t bytes)
{
	list->all_files++;
	list->all_bytes += bytes;
	if (list->oldest[0] == '\0' || strcmp(name, list->oldest) < 0)
		memcpy(list->oldest, name, strlen(name) + 1);
}

/*
 * Keeps a file if it is among the `limit` oldest: the list is a heap with the
 * youngest on top, which gives way to an older one.
 */
static int
list_offer(
    struct spool_list *list, size_t limit, const char *name, uint64_t bytes)
{
	struct spool_file file = {.bytes = bytes};

	memcpy(file.name, name, strlen(name) + 1);
	list->matching++;
	if (list->count == limit) {
		if (limit > 0 && strcmp(name, list->files[0].name) < 0) {
			list->files[0] = file;
			heap_sink(list->files, list->count);
		}
		return 0;
	}
	if (list->count == list->cap) {
		size_t cap = list->cap == 0 ? 64 : list->cap * 2;
		struct spool_file *files =
		    realloc(list->files, cap * sizeof(*files));

		if (files == NULL)
			return -1;
		list->files = files;
		list->cap = cap;
	}
	list->files[list->count] = file;
	heap_rise(list->files, list->count++);
	return 0;
}

void
spool_list_release(struct spool_list *list)
{
	free(list->files);
	memset(list, 0, sizeof(*list));
}

/*
 * The end of a file
 */

int
spool_remove(struct spool *s, enum spool_place place, const char *name,
    struct error *err)
{
	if (unlinkat(s->dir[place], name, 0) < 0 && errno != ENOENT)
		return error_errno(
		    err, "remove %s/%s/%s", s->path, place_names[place], name);
	return 0;
}

int
spool_keep(struct spool *s, const char *name, struct error *err)
{
	if (renameat(s->dir[SPOOL_READY], name, s->dir[SPOOL_LOADED], name) <
		0 &&
	    errno != ENOENT)
		return error_errno(err, "rename %s/ready/%s to %s/loaded/%s",
		    s->path, name, s->path, name);
	/* rename(2) does nothing where both names are one file already. */
	if (unlinkat(s->dir[SPOOL_READY], name, 0) < 0 && errno != ENOENT)
		return error_errno(err, "remove %s/ready/%s", s->path, name);
	return 0;
}

/*
 * Drafts
 */

static void
draft_path(const struct spool_draft *d, char out[sizeof(d->name) + 8])
{
	(void)snprintf(out, sizeof(d->name) + 8, ".%s.tmp", d->name);
}

int
spool_draft_open(
    struct spool_draft *d, int dir, const char *name, struct error *err)
{
	char path[sizeof(d->name) + 8];
	size_t len = strlen(name);

	d->fd = -1;
	d->dir = dir;
	if (len >= sizeof(d->name))
		return error_set(err, "create %s: the name is over %zu bytes",
		    name, sizeof(d->name) - 1);
	memcpy(d->name, name, len + 1);
	draft_path(d, path);
	d->fd = openat(dir, path,
	    O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, FILE_MODE);
	if (d->fd < 0)
		return error_errno(err, "create %s", path);
	return 0;
}

int
spool_draft_write(
    struct spool_draft *d, const void *data, size_t len, struct error *err)
{
	if (spool_write_all(d->fd, data, len) < 0)
		return error_errno(err, "write %s", d->name);
	return 0;
}

int
spool_draft_publish(struct spool_draft *d, bool sync, struct error *err)
{
	char path[sizeof(d->name) + 8];

	draft_path(d, path);
	if (sync && fsync(d->fd) < 0) {
		(void)error_errno(err, "sync %s", path);
		spool_draft_discard(d);
		return -1;
	}
	if (close(d->fd) < 0) {
		(void)error_errno(err, "close %s", path);
		d->fd = -1;
		return -1;
	}
	d->fd = -1;
	/* A crash here leaves a hidden draft, which the next one overwrites. */
	if (renameat(d->dir, path, d->dir, d->name) < 0)
		return error_errno(err, "rename %s to %s", path, d->name);
	if (sync && fsync(d->dir) < 0)
		return error_errno(err, "sync the directory of %s", d->name);
	return 0;
}

int
spool_draft_remove(int dir, const char *name, struct error *err)
{
	char path[sizeof(((struct spool_draft *)NULL)->name) + 8];
	int n = snprintf(path, sizeof(path), ".%s.tmp", name);

	if (n < 0 || (size_t)n >= sizeof(path))
		return 0; /* no draft has such a name */
	if (unlinkat(dir, path, 0) < 0 && errno != ENOENT)
		return error_errno(err, "remove %s", path);
	return 0;
}

void
spool_draft_discard(struct spool_draft *d)
{
	char path[sizeof(d->name) + 8];

	if (d->fd < 0)
		return;
	draft_path(d, path);
	(void)close(d->fd);              /* its content is not wanted */
	(void)unlinkat(d->dir, path, 0); /* left behind, it does no harm */
	d->fd = -1;
}
