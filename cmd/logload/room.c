/*
 * room.c - see room.h.
 */
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include "clock.h"
#include "lock.h"
#include "log.h"
#include "room.h"

#define LOOK_NS CLOCK_NS_PER_S
#define LOOK_SHARE 20        /* a look takes at most this share of the time */
#define DISK_SHARE 4         /* the limit is at most this share of the disk */
#define DROP_MOST 1024       /* files that one look finds to be dropped */
#define FREE_LEAST 384000000 /* bytes; logrecv's --min-free is two thirds */

static void look(struct room *);
static void make_room(struct room *, uint64_t bytes, const char *but);

int
room_init(struct room *r, struct meters *meters)
{
	memset(r, 0, sizeof(*r));
	r->meters = meters;
	return pthread_mutex_init(&r->lock, NULL) == 0 ? 0 : -1;
}

void
room_release(struct room *r)
{
	spool_list_release(&r->list);
	(void)pthread_mutex_destroy(&r->lock); /* no thread is left */
}

uint64_t
room_bound(struct spool *spool, uint64_t bytes)
{
	struct statvfs fs;
	uint64_t most = 0;

	/* What cannot be measured is no bound. */
	if (bytes > 0 && fstatvfs(spool->dir[SPOOL_REJECTED], &fs) == 0)
		most = (uint64_t)fs.f_blocks * fs.f_frsize / DISK_SHARE;
	return most > 0 && most < bytes ? most : bytes;
}

uint64_t
room_bound_told(struct spool *spool, uint64_t bytes, const char *option)
{
	uint64_t bound = room_bound(spool, bytes);

	if (bound < bytes)
		log_info("%s is lowered to a quarter of the file system: "
			 "bytes=%llu",
		    option, (unsigned long long)bound);
	return bound;
}

uint64_t
room_lack(struct spool *spool)
{
	uint64_t least = FREE_LEAST, half, left;
	struct statvfs fs;

	if (fstatvfs(spool->dir[SPOOL_LOADED], &fs) < 0)
		return 0; /* what cannot be measured is no lack */
	half = (uint64_t)fs.f_blocks * fs.f_frsize / 2;
	left = (uint64_t)fs.f_bavail * fs.f_frsize;
	if (least > half)
		least = half;
	return left < least ? least - left : 0;
}

void
room_limit(struct room *r, struct spool *spool, uint64_t bytes, bool drop)
{
	r->spool = spool;
	r->limit = room_bound_told(spool, bytes, "--rejected-limit");
	r->drop = drop;
	meter_set(r->meters, METER_REJECTED_LIMIT, (int64_t)r->limit);
}

static void
unlock(struct room *r)
{
	if (r->spool != NULL)
		meter_set(r->meters, METER_REJECTED_BYTES, (int64_t)r->lying);
	lock_release(&r->lock);
}

static uint64_t
left(const struct room *r)
{
	uint64_t used = r->taken;

	if (r->lying > r->spared)
		used += r->lying - r->spared;
	if (r->limit == 0)
		return UINT64_MAX;
	return used < r->limit ? r->limit - used : 0;
}

/* Less, but not less than nothing: others remove files, too. */
static void
subtract(uint64_t *from, uint64_t bytes)
{
	*from -= bytes < *from ? bytes : *from;
}

/*
 * A file that appears meanwhile may be counted twice, as lying and as taken;
 * none is passed over.
 */
static void
look(struct room *r)
{
	uint64_t started = clock_monotonic_ns(), took;
	struct error err;

	r->next = 0;
	if (spool_scan(r->spool, SPOOL_REJECTED, NULL, r->drop ? DROP_MOST : 0,
		&r->list, &err) == 0) {
		r->lying = r->list.all_bytes;
		r->spared = 0;
	} else {
		r->list.count = 0;
		log_warn("%s", err.text); /* it stays at what it was */
	}
	took = clock_monotonic_ns() - started;
	r->next_ns =
	    started + took +
	    (took * LOOK_SHARE > LOOK_NS ? took * LOOK_SHARE : LOOK_NS);
}

void
room_look(struct room *r)
{
	lock_take(&r->lock);
	if (r->spool != NULL && clock_monotonic_ns() >= r->next_ns)
		look(r);
	unlock(r);
}

uint64_t
room_left(struct room *r)
{
	uint64_t bytes;

	lock_take(&r->lock);
	bytes = left(r);
	unlock(r);
	return bytes;
}

bool
room_take(struct room *r, uint64_t bytes, const char *name)
{
	bool enough;

	lock_take(&r->lock);
	if (r->limit != 0 && clock_monotonic_ns() >= r->next_ns)
		look(r);
	/* What could never lie there drives nothing out. */
	if (r->drop && bytes <= r->limit)
		make_room(r, bytes, name);
	enough = bytes <= left(r);
	if (enough)
		r->taken += bytes;
	unlock(r);
	return enough;
}

void
room_settle(struct room *r, uint64_t taken, uint64_t added, uint64_t removed)
{
	lock_take(&r->lock);
	subtract(&r->taken, taken);
	r->lying += added;
	subtract(&r->lying, removed);
	unlock(r);
}

int
room_refuse(struct room *r, uint64_t bytes, struct error *err)
{
	uint64_t lying;

	lock_take(&r->lock);
	lying = r->lying;
	unlock(r);
	if (bytes > r->limit)
		return error_set(err,
		    "its rejected events take %llu bytes, more than "
		    "--rejected-limit (%llu): raise that",
		    (unsigned long long)bytes, (unsigned long long)r->limit);
	return error_set(err,
	    "no room for %llu bytes in rejected/, which has %llu of "
	    "--rejected-limit (%llu)",
	    (unsigned long long)bytes, (unsigned long long)lying,
	    (unsigned long long)r->limit);
}

/*
 * Dropping
 */

static uint64_t
count_records(int fd)
{
	char piece[16384];
	uint64_t count = 0;
	ssize_t n;

	while ((n = read(fd, piece, sizeof(piece))) > 0) {
		for (ssize_t i = 0; i < n; i++)
			count += piece[i] == '\n';
	}
	return count;
}

/* Counts what goes, with what only there was. */
static void
count_drop(struct room *r, const char *name, uint64_t records, uint64_t bytes)
{
	subtract(&r->lying, bytes);
	meter_add(r->meters, METER_DROPPED_FILES, 1);
	meter_add(r->meters, METER_DROPPED_BYTES, bytes);
	meter_add(r->meters, METER_DROPPED_EVENTS, records);
	log_error("dropped from rejected/ for want of room (see "
		  "--rejected-limit): file=%s events=%llu bytes=%llu",
	    name, (unsigned long long)records, (unsigned long long)bytes);
}

/* Is it gone now, by us? A file that is being loaded again is spared. */
static bool
drop(struct room *r, const char *name)
{
	struct error err;
	struct stat st;
	uint64_t records;
	bool gone = false;
	int fd = openat(r->spool->dir[SPOOL_REJECTED], name,
	    O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);

	if (fd < 0 || fstat(fd, &st) < 0) {
		if (errno != ENOENT)
			log_warn("open rejected/%s: %s", name, strerror(errno));
	} else if (flock(fd, LOCK_EX | LOCK_NB) < 0) {
		r->spared += (uint64_t)st.st_size;
	} else {
		records = count_records(fd);
		/* Under the lock one process alone counts it. */
		gone = fstat(fd, &st) == 0 && st.st_nlink > 0;
		if (gone &&
		    spool_remove(r->spool, SPOOL_REJECTED, name, &err) < 0) {
			log_warn("%s", err.text);
			gone = false;
		}
		if (gone)
			count_drop(r, name, records, (uint64_t)st.st_size);
	}
	if (fd >= 0)
		(void)close(fd); /* only read from; lets the lock go */
	return gone;
}

enum tried { TRIED_NONE, TRIED_SPARED, TRIED_DROPPED };

/*
 * Tries to drop the next of the oldest files; `fresh`, false at first, says
 * that nothing was dropped since the last look. TRIED_NONE: there is no other.
 */
static enum tried
try_next(struct room *r, const char *but, bool *fresh)
{
	const char *name;

	if (r->next == r->list.count && !*fresh) {
		look(r);
		*fresh = true;
	}
	if (r->next == r->list.count)
		return TRIED_NONE;
	name = r->list.files[r->next++].name;
	if (strcmp(name, but) == 0 || !drop(r, name))
		return TRIED_SPARED;
	*fresh = false;
	return TRIED_DROPPED;
}

static void
make_room(struct room *r, uint64_t bytes, const char *but)
{
	bool fresh = false;

	while (bytes > left(r) && try_next(r, but, &fresh) != TRIED_NONE)
		;
}

bool
room_drop(struct room *r, const char *but)
{
	bool fresh = false;
	enum tried tried;

	lock_take(&r->lock);
	do {
		tried = try_next(r, but, &fresh);
	} while (tried == TRIED_SPARED);
	unlock(r);
	return tried == TRIED_DROPPED;
}
