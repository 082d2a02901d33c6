/*
 * spool.c - opening a spool; see spool.h.
 */
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "spool.h"

#define DIRECTORY_MODE 0750

static const char *const place_names[SPOOL_PLACES] = {
    "buffer", "ready", "rejected", "loaded", "metrics"};

static int
open_place(struct spool *, int root, enum spool_place, struct error *);

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
