/*
 * spool_list.c - listing a directory of the spool; see spool.h.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "clock.h"
#include "spool.h"

struct scan {
	struct spool_list *list;
	const char *after;
	size_t limit;
};

static int count_file(void *, const struct spool_file *);
static int list_offer(struct scan *, const struct spool_file *);
static int compare_names(const void *, const void *);
static int compare_moves(const void *, const void *);

typedef int compare(const void *, const void *);

static compare *
order_of(const struct spool_list *list)
{
	return list->by_move ? compare_moves : compare_names;
}

int
spool_scan(struct spool *s, enum spool_place place, const char *after,
    size_t limit, struct spool_list *list, struct error *err)
{
	struct scan scan = {list, after, limit};
	int rc;

	list->count = 0;
	list->all_files = list->all_bytes = 0;
	list->matching = 0;
	list->oldest[0] = '\0';
	rc = spool_walk(s, place, count_file, &scan, &list->aliens, err);
	/* qsort(3) may not be given NULL, not even for nothing. */
	if (list->count > 1)
		qsort(list->files, list->count, sizeof(*list->files),
		    order_of(list));
	return rc;
}

static uint64_t
moved_us(const struct stat *st)
{
	return (uint64_t)st->st_ctim.tv_sec * CLOCK_US_PER_S +
	       (uint64_t)st->st_ctim.tv_nsec / 1000;
}

int
spool_walk(struct spool *s, enum spool_place place, spool_visit *visit,
    void *context, uint64_t *aliens, struct error *err)
{
	struct spool_file file;
	struct dirent *entry;
	struct stat st;
	DIR *dir;
	int fd, rc = 0;

	*aliens = 0;
	/* A descriptor of its own, since a directory stream moves it. */
	fd = openat(s->dir[place], ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	dir = fd < 0 ? NULL : fdopendir(fd);
	if (dir == NULL) {
		(void)error_errno(
		    err, "list %s/%s", s->path, spool_place_name(place));
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
			++*aliens;
			continue;
		}
		memcpy(file.name, entry->d_name, strlen(entry->d_name) + 1);
		file.bytes = (uint64_t)st.st_size;
		file.moved_us = moved_us(&st);
		rc = visit(context, &file);
	}
	if (rc < 0 || (rc == 0 && errno != 0))
		rc = error_errno(
		    err, "list %s/%s", s->path, spool_place_name(place));
	(void)closedir(dir); /* only read from */
	return rc;
}

bool
spool_has_moved(
    const struct spool *s, enum spool_place place, const struct spool_file *f)
{
	struct stat st;

	return fstatat(s->dir[place], f->name, &st, AT_SYMLINK_NOFOLLOW) == 0 &&
	       moved_us(&st) != f->moved_us;
}

static int
compare_names(const void *a, const void *b)
{
	return strcmp(((const struct spool_file *)a)->name,
	    ((const struct spool_file *)b)->name);
}

static int
compare_moves(const void *a, const void *b)
{
	uint64_t x = ((const struct spool_file *)a)->moved_us;
	uint64_t y = ((const struct spool_file *)b)->moved_us;

	return x != y ? (x > y) - (x < y) : compare_names(a, b);
}

static void
swap_files(struct spool_file *a, struct spool_file *b)
{
	struct spool_file t = *a;

	*a = *b;
	*b = t;
}

/* Restores the heap (the youngest on top) downwards from its top. */
static void
heap_sink(struct spool_file *heap, size_t count, compare *order)
{
	for (size_t i = 0, child; (child = 2 * i + 1) < count; i = child) {
		if (child + 1 < count &&
		    order(&heap[child + 1], &heap[child]) > 0)
			child++;
		if (order(&heap[i], &heap[child]) >= 0)
			return;
		swap_files(&heap[i], &heap[child]);
	}
}

static void
heap_rise(struct spool_file *heap, size_t i, compare *order)
{
	for (; i > 0 && order(&heap[i], &heap[(i - 1) / 2]) > 0;
	     i = (i - 1) / 2)
		swap_files(&heap[i], &heap[(i - 1) / 2]);
}

static int
count_file(void *context, const struct spool_file *file)
{
	struct scan *scan = context;
	struct spool_list *list = scan->list;

	if (file->moved_us < list->from_us)
		return 0;
	list->all_files++;
	list->all_bytes += file->bytes;
	if (list->oldest[0] == '\0' || strcmp(file->name, list->oldest) < 0)
		memcpy(list->oldest, file->name, sizeof(list->oldest));
	if (scan->after != NULL && strcmp(file->name, scan->after) <= 0)
		return 0;
	list->matching++;
	return list_offer(scan, file);
}

/*
 * Keeps a file if it is among the `limit` oldest: the list is a heap with the
 * youngest on top, which gives way to an older one.
 */
static int
list_offer(struct scan *scan, const struct spool_file *file)
{
	struct spool_list *list = scan->list;
	compare *order = order_of(list);

	if (list->count == scan->limit) {
		if (scan->limit > 0 && order(file, &list->files[0]) < 0) {
			list->files[0] = *file;
			heap_sink(list->files, list->count, order);
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
	list->files[list->count] = *file;
	heap_rise(list->files, list->count++, order);
	return 0;
}

void
spool_list_release(struct spool_list *list)
{
	free(list->files);
	memset(list, 0, sizeof(*list));
}
