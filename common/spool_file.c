/*
 * spool_file.c - the life of a file, which spool.h tells.
 */
#include <assert.h>
#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <unistd.h>

#include "clock.h"
#include "hash.h"
#include "spool.h"

#define HOST_MAX 64 /* of the host's name, in a file's name */
#define CREATE_TRIES 100
#define SPOOL_QUIET_US (10 * CLOCK_US_PER_S)
#define CLAIMS_BITS 62 /* of a hash: an off_t has 63 */

_Static_assert(
    CLOCK_COMPACT_LEN + sizeof("-") + HOST_MAX +
	    sizeof("-9223372036854775808-4294967295-ffffffff" SPOOL_SUFFIX) <=
	SPOOL_NAME_MAX,
    "the longest name fits");

static int lock_wait(int fd);
static int segment_lock(struct spool *, struct segment *, struct error *);
static int segment_create(struct spool *, struct segment *, struct error *);
static int sync_directory(struct spool *, enum spool_place, struct error *);

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

int
spool_random(uint32_t *random)
{
	static _Atomic uint64_t known; /* a process number, and its bits */
	uint64_t own = (uint64_t)getpid() << 32, have = atomic_load(&known);

	while ((have & ~(uint64_t)UINT32_MAX) != own) {
		if (getrandom(random, sizeof(*random), 0) != sizeof(*random))
			return -1;
		/* Another thread may be faster: then `have` is its. */
		if (atomic_compare_exchange_strong(
			&known, &have, own | *random))
			return 0;
	}
	*random = (uint32_t)have;
	return 0;
}

/*
 * A name that no file has had: the microsecond, the host, the process, a count
 * within it, and the process's random bits, since clones of a machine have one
 * host name. Should the clock have been set back onto a microsecond that this
 * process has used before, the count differs. -1 with errno.
 */
static int
make_name(char out[SPOOL_NAME_MAX])
{
	static atomic_uint sequence;
	char stamp[CLOCK_COMPACT_LEN + 1], host[HOST_MAX + 1];
	uint32_t random;
	int n;

	if (spool_random(&random) < 0)
		return -1;
	clock_compact(clock_wall_us(), stamp);
	host_name(host);
	n = snprintf(out, SPOOL_NAME_MAX,
	    "%s-%s-%ld-%u-%08" PRIx32 SPOOL_SUFFIX, stamp, host, (long)getpid(),
	    atomic_fetch_add(&sequence, 1) + 1, random);
	assert(n > 0 && n < SPOOL_NAME_MAX);
	(void)n;
	return 0;
}

/*
 * The same for a file that somebody has put into ready/ as `old`, which is kept
 * behind a '+', as much of it as there is room for.
 */
static int
make_own_name(char out[SPOOL_NAME_MAX], const char *old)
{
	size_t tail = strlen(SPOOL_SUFFIX), len;

	if (make_name(out) < 0)
		return -1;
	len = strlen(out) - tail;
	(void)snprintf(out + len, SPOOL_NAME_MAX - tail - len, "+%.*s",
	    (int)(strlen(old) - tail), old);
	memcpy(out + strlen(out), SPOOL_SUFFIX, tail + 1);
	return 0;
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
	if (!clock_is_date((int)year, month, day) || hour > 23 || minute > 59 ||
	    second > 60)
		return false;
	us = clock_from_civil(
	    (int)year, month, day, hour, minute, second, micro);
	if (us < 0)
		return false;
	if (born_us != NULL)
		*born_us = (uint64_t)us;
	return true;
}

bool
spool_name_may_be_torn(const char *name)
{
	return spool_name_parse(name, NULL) && strchr(name, '+') == NULL;
}

/*
 * The writer's side of the hand-over
 */

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
		if (make_name(seg->name) < 0)
			return error_errno(
			    err, "name a file in %s/buffer", s->path);
		seg->fd = spool_create(s->dir[SPOOL_BUFFER], seg->name,
		    O_WRONLY | O_EXCL | O_APPEND, SPOOL_FILE_MODE);
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
		    err, "sync %s/%s", s->path, spool_place_name(place));
	return 0;
}

/*
 * The mover's side
 */

/*
 * Renames it, never over another file. A file system that cannot be asked that
 * (ZFS before 2.2, CIFS, FUSE) is looked at first: names are unique, so nothing
 * of ours comes in between.
 */
static int
rename_beside(int from, const char *name, int to, const char *as)
{
	struct stat st;

	if (renameat2(from, name, to, as, RENAME_NOREPLACE) == 0)
		return 0;
	if (errno != EINVAL && errno != ENOSYS && errno != EOPNOTSUPP)
		return -1;
	if (fstatat(to, as, &st, AT_SYMLINK_NOFOLLOW) == 0) {
		errno = EEXIST;
		return -1;
	}
	return errno == ENOENT ? renameat(from, name, to, as) : -1;
}

/* With the lock held on fd: moves the file, or removes it if it is empty. */
static int
rotate_locked(struct spool *s, int fd, const char *name, struct error *err)
{
	struct stat named, opened;
	int there =
	    fstatat(s->dir[SPOOL_BUFFER], name, &named, AT_SYMLINK_NOFOLLOW);

	if ((there < 0 && errno != ENOENT) || fstat(fd, &opened) < 0)
		return error_errno(err, "stat %s/buffer/%s", s->path, name);
	if (there < 0 || named.st_ino != opened.st_ino)
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
	if (rename_beside(
		s->dir[SPOOL_BUFFER], name, s->dir[SPOOL_READY], name) < 0)
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
	if (flock(fd, LOCK_EX | LOCK_NB) < 0)
		rc = error_errno(err, "lock %s/buffer/%s", s->path, name);
	else
		rc = rotate_locked(s, fd, name, err);
	(void)close(fd); /* only read from; lets the lock go */
	return rc;
}

/*
 * The loader's side
 */

/* A lease for reading (fcntl(2)) is given where nobody has it open to write. */
enum spool_writer
spool_find_writer(int fd)
{
	if (fcntl(fd, F_SETLEASE, F_RDLCK) < 0)
		return errno == EAGAIN ? SPOOL_WRITER_THERE
				       : SPOOL_WRITER_UNKNOWN;
	(void)fcntl(fd, F_SETLEASE, F_UNLCK); /* closing it would, too */
	return SPOOL_WRITER_GONE;
}

/* Not by its mtime, which whoever copies may set. */
static bool
has_changed_lately(const struct stat *st)
{
	uint64_t now = clock_wall_us();
	uint64_t then = (uint64_t)st->st_ctim.tv_sec * CLOCK_US_PER_S +
			(uint64_t)st->st_ctim.tv_nsec / 1000;

	return (now > then ? now - then : then - now) < SPOOL_QUIET_US;
}

bool
spool_is_being_copied(int fd)
{
	struct stat st;

	return fstat(fd, &st) == 0 && st.st_mtim.tv_sec == st.st_ctim.tv_sec &&
	       st.st_mtim.tv_nsec == st.st_ctim.tv_nsec &&
	       has_changed_lately(&st) &&
	       spool_find_writer(fd) != SPOOL_WRITER_GONE;
}

/*
 * Nobody loads it before it cannot have its old name again, under which it
 * would be another file.
 */
static int
rename_claimed(struct spool *s, int claims, const char *name, const char *own,
    struct error *err)
{
	int ready = s->dir[SPOOL_READY], rc = 0;

	if (spool_claim(claims, own) != 1)
		return error_set(err, "claim %s/ready/%s", s->path, own);
	if (rename_beside(ready, name, ready, own) < 0) {
		rc = error_errno(err, "rename %s/ready/%s", s->path, name);
	} else if (sync_directory(s, SPOOL_READY, err) < 0) {
		(void)rename_beside(ready, own, ready, name);
		rc = -1;
	}
	spool_release(claims, own);
	return rc;
}

/* Who opens the file to write to it while it is renamed is seen by its loader.
 */
static int
adopt_opened(struct spool *s, int claims, int fd, const char *name,
    char own[SPOOL_NAME_MAX], struct error *err)
{
	enum spool_writer writer = spool_find_writer(fd);
	struct stat st, named;

	if (fstat(fd, &st) < 0 ||
	    fstatat(s->dir[SPOOL_READY], name, &named, AT_SYMLINK_NOFOLLOW) < 0)
		return error_errno(err, "stat %s/ready/%s", s->path, name);
	if (writer == SPOOL_WRITER_THERE || named.st_ino != st.st_ino ||
	    (writer == SPOOL_WRITER_UNKNOWN && has_changed_lately(&st)))
		return 0;
	/* Whoever has put it there need not have synced it. */
	if (fsync(fd) < 0)
		return error_errno(err, "sync %s/ready/%s", s->path, name);
	if (make_own_name(own, name) < 0)
		return error_errno(err, "rename %s/ready/%s", s->path, name);
	return rename_claimed(s, claims, name, own, err) < 0 ? -1 : 1;
}

int
spool_adopt(struct spool *s, int claims, const char *name,
    char own[SPOOL_NAME_MAX], struct error *err)
{
	int rc, fd = openat(s->dir[SPOOL_READY], name,
		    O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);

	if (fd < 0)
		return error_errno(err, "open %s/ready/%s", s->path, name);
	rc = adopt_opened(s, claims, fd, name, own, err);
	(void)close(fd); /* only read from */
	return rc;
}

int
spool_claims_open(struct spool *s, struct error *err)
{
	int dir = s->dir[SPOOL_READY];
	int fd = spool_create(dir, SPOOL_CLAIMS, O_RDWR, SPOOL_LOCK_MODE);

	/*
	 * Another user's, root's perhaps, who loaded once: made anew, it loses
	 * what is claimed now, which costs no more than double work.
	 */
	if (fd < 0 && errno == EACCES) {
		if (unlinkat(dir, SPOOL_CLAIMS, 0) == 0)
			fd = spool_create(
			    dir, SPOOL_CLAIMS, O_RDWR, SPOOL_LOCK_MODE);
		else
			errno = EACCES; /* why it cannot be removed says less */
	}
	if (fd < 0)
		return error_errno(
		    err, "open %s/ready/%s", s->path, SPOOL_CLAIMS);
	return fd;
}

static int
set_claim(int claims, const char *name, short type)
{
	struct flock lock = {.l_type = type,
	    .l_whence = SEEK_SET,
	    .l_start = (off_t)(hash_name(name) >> (64 - CLAIMS_BITS)),
	    .l_len = 1};

	return fcntl(claims, F_OFD_SETLK, &lock);
}

int
spool_claim(int claims, const char *name)
{
	if (claims < 0 || set_claim(claims, name, F_WRLCK) == 0)
		return 1;
	return errno == EAGAIN || errno == EACCES ? 0 : -1;
}

void
spool_release(int claims, const char *name)
{
	/* Should it fail, this holder alone can still claim the file. */
	(void)set_claim(claims, name, F_UNLCK);
}

/*
 * The end of a file
 */

int
spool_remove(struct spool *s, enum spool_place place, const char *name,
    struct error *err)
{
	if (unlinkat(s->dir[place], name, 0) < 0 && errno != ENOENT)
		return error_errno(err, "remove %s/%s/%s", s->path,
		    spool_place_name(place), name);
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

int
spool_give_back(struct spool *s, const char *name, enum spool_place to,
    const char *as, struct error *err)
{
	if (rename_beside(s->dir[SPOOL_LOADED], name, s->dir[to], as) == 0)
		return 1;
	if (errno == ENOENT || errno == EEXIST)
		return 0;
	return error_errno(err, "rename %s/loaded/%s to %s/%s/%s", s->path,
	    name, s->path, spool_place_name(to), as);
}
