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

#include "spool.h"

static void list_count(struct spool_list *, const char *name, uint64_t bytes);
static int
list_offer(struct spool_list *, size_t limit, const char *name, uint64_t bytes);
static int compare_files(const void *, const void *);

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
			list->aliens++;
			continue;
		}
		list_count(list, entry->d_name, (uint64_t)st.st_size);
		if (after == NULL || strcmp(entry->d_name, after) > 0)
			rc = list_offer(
			    list, limit, entry->d_name, (uint64_t)st.st_size);
	}
	if (rc < 0 || errno != 0)
		rc = error_errno(
		    err, "list %s/%s", s->path, spool_place_name(place));
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
