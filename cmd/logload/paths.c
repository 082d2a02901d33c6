/*
 * paths.c - see paths.h.
 */
#include <dirent.h>
#include <errno.h>
#include <glob.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "log.h"
#include "naming.h"
#include "paths.h"
#include "spool.h"

#define RECORDS ".rejected" SPOOL_SUFFIX

static int
add(struct paths *p, const char *path, struct error *err)
{
	if (strlen(path) >= PATH_MAX)
		return error_set(err, "open %s: the path is too long", path);
	if (p->count == PATHS_MAX)
		return error_set(err, "over %d files", PATHS_MAX);
	if (p->count == p->room) {
		size_t room = p->room * 2 + 16;
		char **list = realloc(p->list, room * sizeof(*list));

		if (list == NULL)
			return error_errno(err, "open %s", path);
		p->list = list;
		p->room = room;
	}
	p->list[p->count] = strdup(path);
	if (p->list[p->count] == NULL)
		return error_errno(err, "open %s", path);
	p->count++;
	return 0;
}

/* Does it end as a log does: app.log, app.log.2.gz, app.log-20261122.zst? */
static bool
is_log(const char *name, bool records)
{
	static const char *const endings[] = {
	    SPOOL_SUFFIX, ".jsonl", ".json", ".log", NULL};
	size_t len = strlen(name), front;

	if (records)
		return naming_cut(name, &len, SPOOL_SUFFIX);
	if (!naming_cut(name, &len, ".gz"))
		(void)naming_cut(name, &len, ".zst");
	front = len;
	while (front > 0 && strchr("0123456789.-_", name[front - 1]) != NULL)
		front--;
	if (naming_cut(name, &len, RECORDS) ||
	    (front < len && strchr(".-_", name[front]) == NULL))
		return false;
	for (int i = 0; endings[i] != NULL; i++) {
		if (naming_cut(name, &front, endings[i]))
			return true;
	}
	return false;
}

static int
by_name(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

/* Of a directory, what is left out of it. */
struct left {
	unsigned others, directories;
};

static int
add_entry(struct paths *p, const char *dir, const char *name, struct left *left,
    struct error *err)
{
	char path[PATH_MAX];
	struct stat st;

	if (name[0] == '.')
		return 0;
	if (snprintf(path, sizeof(path), "%s%s%s", dir,
		dir[strlen(dir) - 1] == '/' ? "" : "/",
		name) >= (int)sizeof(path))
		return error_set(err, "open %s: the path is too long", path);
	if (stat(path, &st) < 0)
		return 0;
	left->directories += S_ISDIR(st.st_mode);
	if (!S_ISREG(st.st_mode))
		return 0;
	if (is_log(name, p->records))
		return add(p, path, err);
	left->others++;
	return 0;
}

static int
add_directory(struct paths *p, const char *path, struct error *err)
{
	size_t before = p->count;
	DIR *dir = opendir(path);
	struct left left = {0, 0};
	struct dirent *entry;
	int rc = 0;

	if (dir == NULL)
		return add(p, path, err); /* opening it tells why */
	while (rc == 0 && (errno = 0, entry = readdir(dir)) != NULL)
		rc = add_entry(p, path, entry->d_name, &left, err);
	if (rc == 0 && errno != 0)
		rc = error_errno(err, "read %s", path);
	(void)closedir(dir); /* only read from */
	if (rc < 0)
		return rc;
	if (left.others > 0)
		log_warn("left out, since they do not end as logs do: dir=%s "
			 "files=%u",
		    path, left.others);
	if (left.directories > 0)
		log_warn("left out, name them to load what is in them: dir=%s "
			 "directories=%u",
		    path, left.directories);
	if (p->count == before)
		return add(p, path, err);
	qsort(p->list + before, p->count - before, sizeof(*p->list), by_name);
	return 0;
}

static int
add_path(struct paths *p, const char *path, struct error *err)
{
	struct stat st;

	return strcmp(path, "-") != 0 && stat(path, &st) == 0 &&
		       S_ISDIR(st.st_mode)
		   ? add_directory(p, path, err)
		   : add(p, path, err);
}

static int
add_pattern(struct paths *p, const char *pattern, struct error *err)
{
	int rc = 0;
	glob_t g;

	switch (glob(pattern, 0, NULL, &g)) {
	case 0:
		break;
	case GLOB_NOMATCH:
		return add(p, pattern, err);
	default:
		return error_set(
		    err, "open %s: as a pattern, out of memory", pattern);
	}
	for (size_t i = 0; rc == 0 && i < g.gl_pathc; i++)
		rc = add_path(p, g.gl_pathv[i], err);
	globfree(&g);
	return rc;
}

int
paths_find(
    struct paths *p, char *const *arguments, int count, struct error *err)
{
	int standard = 0, rc = 0;
	struct stat st;

	for (int i = 0; rc == 0 && i < count; i++) {
		const char *path = arguments[i];

		standard += strcmp(path, "-") == 0;
		if (strpbrk(path, "*?[") != NULL && lstat(path, &st) < 0 &&
		    errno == ENOENT)
			rc = add_pattern(p, path, err);
		else
			rc = add_path(p, path, err);
	}
	if (rc == 0 && standard > 1)
		rc = error_set(err, "- stands for standard input, once");
	return rc;
}

void
paths_release(struct paths *p)
{
	while (p->count > 0)
		free(p->list[--p->count]);
	free(p->list);
	memset(p, 0, sizeof(*p));
}

/* Counts it as what it is left out for. */
static bool
is_chosen(struct paths *p, const struct span *span, const char *path)
{
	struct span own;
	struct stat st;

	/* Opening it tells what is wrong with it. */
	if (stat(path, &st) < 0 || S_ISDIR(st.st_mode))
		return true;
	if (!span_of_path(path, &own)) {
		if (p->untimed++ == 0)
			log_warn("left out, as all others without a time in "
				 "their names: file=%s",
			    path);
		return false;
	}
	p->outside += !span_meets(&own, span);
	return span_meets(&own, span);
}

void
paths_choose(struct paths *p, const struct span *span)
{
	size_t n = 0;

	for (size_t i = 0; i < p->count; i++) {
		char *path = p->list[i];

		if (is_chosen(p, span, path))
			p->list[n++] = path;
		else
			free(path);
	}
	p->count = n;
	if (p->untimed > 1)
		log_warn(
		    "left out, since no time is in their names: files=%llu",
		    (unsigned long long)p->untimed);
	log_info("not of the time of --since and --until: files=%llu",
	    (unsigned long long)p->outside);
}

uint64_t
paths_bytes(const struct paths *p)
{
	uint64_t total = 0;

	for (size_t i = 0; i < p->count; i++) {
		struct stat st;

		if (strcmp(p->list[i], "-") == 0 || stat(p->list[i], &st) < 0 ||
		    !S_ISREG(st.st_mode))
			return 0;
		total += (uint64_t)st.st_size;
	}
	return total;
}
