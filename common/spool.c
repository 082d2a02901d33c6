/*
 * spool.c - opening a spool: whether it can be trusted, does what it has to,
 * and is still there. See spool.h.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "spool.h"

#define DIRECTORY_MODE 0750
#define TRIAL ".try.tmp" /* hidden, as drafts are */

static const char *const place_names[SPOOL_PLACES] = {
    "buffer", "ready", "rejected", "loaded", "metrics"};

#define IN(place) (1u << SPOOL_##place)

static const struct {
	unsigned places; /* that have to stay what they are */
	unsigned moves;
	struct {
		enum spool_place from, to;
	} move[2];
	bool claims;
	int lock; /* of ready/, while the spool is open: LOCK_SH, LOCK_EX */
} works[] = {
    [SPOOL_RECEIVE] = {.places = IN(BUFFER) | IN(READY) | IN(METRICS),
	.moves = 1,
	.move = {{SPOOL_BUFFER, SPOOL_BUFFER}}},
    [SPOOL_BATCH] = {.places = IN(BUFFER) | IN(READY) | IN(METRICS),
	.moves = 1,
	.move = {{SPOOL_BUFFER, SPOOL_READY}}},
    [SPOOL_LOAD] = {.places = (1u << SPOOL_PLACES) - 1,
	.moves = 2,
	.move = {{SPOOL_READY, SPOOL_LOADED}, {SPOOL_REJECTED, SPOOL_REJECTED}},
	.claims = true},
    [SPOOL_SHIP] = {.places = IN(READY) | IN(METRICS),
	.moves = 1,
	.move = {{SPOOL_READY, SPOOL_READY}},
	.claims = true,
	.lock = LOCK_SH},
    [SPOOL_FETCH] = {.places = IN(READY) | IN(LOADED) | IN(METRICS),
	.moves = 1,
	.move = {{SPOOL_READY, SPOOL_READY}},
	.lock = LOCK_EX},
};

static int open_root(struct spool *, struct stat *, struct error *);
static int open_place(struct spool *, int root, const struct stat *root_st,
    enum spool_place, struct error *);
static int try_move(
    struct spool *, enum spool_place from, enum spool_place to, struct error *);

int
spool_open(struct spool *s, const char *path, struct error *err)
{
	size_t len = strlen(path);
	int root, parent, rc = 0;
	struct stat st;

	for (int i = 0; i < SPOOL_PLACES; i++)
		s->dir[i] = -1;
	s->places = 0;
	if (len == 0 || len > sizeof(s->path) - SPOOL_NAME_MAX)
		return error_set(err, "open spool %s: the path is %s", path,
		    len == 0 ? "empty" : "too long");
	memcpy(s->path, path, len + 1);
	root = open_root(s, &st, err);
	if (root < 0)
		return -1;
	for (int i = 0; i < SPOOL_PLACES && rc == 0; i++)
		rc = open_place(s, root, &st, (enum spool_place)i, err);
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

/*
 * What lies in a spool is loaded, moved and overwritten: nobody may put things
 * there but root, this user, the owner of the spool, and a group that we are
 * in. Where that may write to the spool, what it has may be of any user, since
 * nobody else can have made it. `name` is "" for the spool itself, whose owner
 * the operator has chosen with the path.
 */
static int
check_trust(const struct spool *s, const char *name, const struct stat *st,
    const struct stat *root, struct error *err)
{
	bool ours = st->st_uid == 0 || st->st_uid == geteuid() ||
		    st->st_uid == root->st_uid ||
		    ((root->st_mode & S_IWGRP) && st->st_gid == root->st_gid);

	if (!ours)
		(void)error_set(err,
		    "use %s%s: it belongs to user %lu, not to root, this user "
		    "or the owner of the spool",
		    s->path, name, (unsigned long)st->st_uid);
	else if (st->st_mode & S_IWOTH)
		(void)error_set(err,
		    "use %s%s: others may write to it (mode "
		    "%04o)",
		    s->path, name, (unsigned)st->st_mode & 07777);
	else if ((st->st_mode & S_IWGRP) && st->st_gid != getegid() &&
		 !group_member(st->st_gid))
		(void)error_set(err,
		    "use %s%s: group %lu, which this process is not in, may "
		    "write to it (mode %04o)",
		    s->path, name, (unsigned long)st->st_gid,
		    (unsigned)st->st_mode & 07777);
	else
		return 0;
	err->code = EPERM;
	return -1;
}

/*
 * The path is the operator's, so links in it are followed, the last part
 * included: what it leads to is looked at.
 */
static int
open_root(struct spool *s, struct stat *st, struct error *err)
{
	int root;

	if (mkdir(s->path, DIRECTORY_MODE) < 0 && errno != EEXIST)
		return error_errno(err, "create spool %s", s->path);
	root = open(s->path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (root < 0)
		return error_errno(err, "open spool %s", s->path);
	if (fstat(root, st) < 0) {
		(void)error_errno(err, "stat %s", s->path);
	} else {
		/*
		 * As a new tmpfs is, and /tmp: others may put things there, but
		 * not touch ours, and what they put is looked at by itself.
		 */
		if ((st->st_mode & S_ISVTX) && (st->st_mode & S_IWOTH))
			st->st_mode &= ~(mode_t)(S_IWOTH | S_IWGRP);
		if (check_trust(s, "", st, st, err) == 0)
			return root;
	}
	(void)close(root); /* only read from */
	return -1;
}

/* Whoever may write to the spool can make a link in it: none is followed. */
static int
open_place(struct spool *s, int root, const struct stat *root_st,
    enum spool_place place, struct error *err)
{
	const char *name = place_names[place];
	const mode_t shared = S_ISGID | S_IRWXU | S_IRWXG;
	bool made = mkdirat(root, name, DIRECTORY_MODE) == 0;
	char below[16];
	struct stat st;
	int fd;

	if (!made && errno != EEXIST)
		return error_errno(err, "create %s/%s", s->path, name);
	fd =
	    openat(root, name, O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);
	if (fd < 0) {
		(void)error_errno(err, "open %s/%s", s->path, name);
		if (fstatat(root, name, &st, AT_SYMLINK_NOFOLLOW) == 0 &&
		    S_ISLNK(st.st_mode)) {
			(void)error_set(err, "use %s/%s: it is a symbolic link",
			    s->path, name);
			err->code = EPERM;
		}
		return -1;
	}
	s->dir[place] = fd;
	/* A spool for a group is one for it all through, whatever the umask. */
	if (made && (root_st->st_mode & S_IWGRP) &&
	    fchmod(fd, root_st->st_mode & shared) < 0)
		return error_errno(
		    err, "change the mode of %s/%s", s->path, name);
	if (fstat(fd, &st) < 0)
		return error_errno(err, "stat %s/%s", s->path, name);
	(void)snprintf(below, sizeof(below), "/%s", name);
	return check_trust(s, below, &st, root_st, err);
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

int
spool_create(int dir, const char *name, int flags, mode_t mode)
{
	int fd = openat(dir, name, flags | O_CREAT | O_CLOEXEC | O_NOFOLLOW,
	    SPOOL_FILE_MODE);
	struct stat st;

	/* Only its owner can: then it is as he has made it. */
	if (fd >= 0 && fstat(dir, &st) == 0 &&
	    (st.st_mode & (S_IWGRP | S_IWOTH)) == S_IWGRP)
		(void)fchmod(fd, mode);
	return fd;
}

int
spool_try(struct spool *s, enum spool_work work, struct error *err)
{
	int claims, rc;

	s->places = works[work].places;
	/* A fetcher would take what was shipped for loaded, and forget it. */
	if (works[work].lock != 0 &&
	    flock(s->dir[SPOOL_READY], works[work].lock | LOCK_NB) < 0)
		return error_set(err,
		    "use %s: a fetcher wants a spool of its own, which neither "
		    "another one nor a shipper has",
		    s->path);
	for (unsigned i = 0; i < works[work].moves; i++) {
		if (try_move(s, works[work].move[i].from,
			works[work].move[i].to, err) < 0)
			return -1;
	}
	if (!works[work].claims)
		return 0;
	claims = spool_claims_open(s, err);
	if (claims < 0)
		return spool_is_full(err->code) ? 0 : -1;
	rc = spool_claim(claims, TRIAL);
	if (rc < 0)
		(void)error_errno(err,
		    "lock a byte of %s/ready/%s, by an open-file-description "
		    "lock",
		    s->path, SPOOL_CLAIMS);
	(void)close(claims); /* lets it go */
	return rc < 0 ? -1 : 0;
}

bool
spool_is_full(int code)
{
	return code == ENOSPC || code == EDQUOT;
}

/* What is written to in `from`: the first thing that does not work. */
static int
try_file(struct spool *s, int fd, enum spool_place from, struct error *err)
{
	const char *name = place_names[from];

	/* Nobody else knows of this file, unless he tries the same. */
	if (flock(fd, LOCK_EX | LOCK_NB) < 0 && errno != EAGAIN)
		return error_errno(
		    err, "lock a file in %s/%s, by flock", s->path, name);
	if (spool_write_all(fd, "\n", 1) < 0)
		return error_errno(
		    err, "write to a file in %s/%s", s->path, name);
	return 0;
}

/*
 * Makes a file in `from`, writes to it, moves it to `to`, and removes it. A
 * crash leaves it for the next one to remove. Several may try at once: what
 * another one has removed or made meanwhile, has worked.
 */
static int
try_move(struct spool *s, enum spool_place from, enum spool_place to,
    struct error *err)
{
	int fd, rc;

	(void)unlinkat(s->dir[from], TRIAL, 0); /* by whomever it was left */
	fd = spool_create(
	    s->dir[from], TRIAL, O_WRONLY | O_EXCL, SPOOL_FILE_MODE);
	if (fd < 0 && (errno == EEXIST || spool_is_full(errno)))
		return 0;
	if (fd < 0)
		return error_errno(
		    err, "create a file in %s/%s", s->path, place_names[from]);
	rc = try_file(s, fd, from, err);
	(void)close(fd); /* what is in it is not wanted */
	if (rc == 0 && from != to &&
	    renameat(s->dir[from], TRIAL, s->dir[to], TRIAL) < 0 &&
	    errno != ENOENT)
		rc = error_errno(err, "rename a file in %s/%s to %s/%s%s",
		    s->path, place_names[from], s->path, place_names[to],
		    errno == EXDEV ? ", which have to be on one file system"
				   : "");
	(void)unlinkat(s->dir[from], TRIAL, 0); /* if it is still there */
	(void)unlinkat(s->dir[to], TRIAL, 0);
	return rc < 0 && !spool_is_full(err->code) ? -1 : 0;
}

bool
spool_is_current(const struct spool *s)
{
	int root = open(s->path, O_PATH | O_DIRECTORY | O_CLOEXEC);
	bool current = true;

	if (root < 0) /* what else fails says nothing about the spool */
		return errno != ENOENT && errno != ENOTDIR && errno != ELOOP;
	for (int i = 0; i < SPOOL_PLACES && current; i++) {
		struct stat named, opened;

		if (!(s->places & 1u << i) || fstat(s->dir[i], &opened) < 0)
			continue;
		if (fstatat(root, place_names[i], &named, AT_SYMLINK_NOFOLLOW) <
		    0)
			current = errno != ENOENT;
		else
			current = named.st_ino == opened.st_ino &&
				  named.st_dev == opened.st_dev;
	}
	(void)close(root); /* only looked at */
	return current;
}
