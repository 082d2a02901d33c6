/*
 * spool.h - the directories that join the tools: names, paths, renames.
 *
 *   SPOOL/buffer/    being written, one file per logrecv worker
 *   SPOOL/ready/     whole, immutable, waiting for the database
 *   SPOOL/rejected/  events the database cannot take, with the reason
 *   SPOOL/loaded/    loaded files, for a while (--settle) or longer (--keep)
 *   SPOOL/metrics/   Prometheus text, one file per tool
 *
 * All of it lies on one local file system where rename(2) and flock(2) work.
 * No other module builds a name, opens a spool file for writing, or renames.
 * spool.c opens a spool, spool_file.c has the life of a file, spool_list.c,
 * spool_mark.c and spool_draft.c what their names say.
 *
 * A file is named once, at birth,
 * 20261122T073351.123456Z-HOST-PID-SEQ-RANDOM.ndjson; names without RANDOM, of
 * the version before, are as good. They sort by age and are unique for ever.
 * State is the directory a file lies in, nothing else. What somebody puts into
 * ready/ as NAME.ndjson gets a name of its own there (spool_adopt), which ends
 * in -RANDOM+NAME.ndjson.
 *
 * The life of a file, and what a crash leaves between each two steps:
 *
 *   1. spool_append creates buffer/NAME, locks it, syncs buffer/.
 *      A crash leaves an empty file: spool_rotate removes it.
 *   2. It writes lines under the lock, lets go, syncs the file, and only
 *      then are they acknowledged.
 *      A crash leaves lines that nobody was promised, the last one perhaps
 *      torn: the loader skips a torn tail.
 *   3. spool_rotate takes the lock, syncs the file, renames it to ready/NAME,
 *      syncs ready/ and buffer/, lets go.
 *      A crash leaves the file under one of the two names, whole: the next
 *      run finds it in either place.
 *      A loader does not wait for these two syncs. A power cut before them
 *      may bring buffer/NAME back after its rows were committed, with the
 *      same bytes, since they were synced before the rename and nobody has
 *      appended since: it is handed over again, and the ledger knows it.
 *   4. The writer, when it has the lock, looks whether its path still names
 *      its inode. If not, the file was handed over: it opens a new one. So a
 *      file in ready/ never grows.
 *   5. The loader claims ready/NAME, and renames it to loaded/NAME once the
 *      database has committed it. Neither directory is synced for it.
 *      A crash before that leaves a file whose name is in the ledger: it is
 *      skipped, and renamed then.
 *   6. A loader asks the ledger whether it still has what is in loaded/: when
 *      it connects, and at last before it removes the file. What the database
 *      has forgotten is renamed to ready/NAME, and is again at 5.
 *      A crash leaves it under one of the two names, and it is asked about, or
 *      loaded, then.
 *
 * The lock of a file is its writer's and its mover's alone. Whoever loads it
 * may hold it as long as the database likes, and so has a lock of another
 * kind (spool_claim), which no writer ever waits for.
 */
#ifndef COMMON_SPOOL_H
#define COMMON_SPOOL_H

#include <limits.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "error.h"

#define SPOOL_NAME_MAX 200 /* with its NUL */
#define SPOOL_SUFFIX ".ndjson"
#define SPOOL_FILE_MODE 0640
#define SPOOL_LOCK_MODE 0660  /* to lock by fcntl is to write */
#define SPOOL_CLAIMS ".lock"  /* in ready/ */
#define SPOOL_MARK ".settled" /* there, too */

enum spool_place {
	SPOOL_BUFFER,
	SPOOL_READY,
	SPOOL_REJECTED,
	SPOOL_LOADED,
	SPOOL_METRICS,
	SPOOL_PLACES
};

struct spool {
	char path[PATH_MAX];
	int dir[SPOOL_PLACES]; /* O_DIRECTORY descriptors, for openat(2) */
	unsigned places;       /* in use, a bit each; see spool_try */
};

/*
 * Opens a spool and creates what is missing of it, the last component of the
 * path included; new directories are synced. Modes 0750 and, for files, 0640,
 * less the umask; where the spool's group may write to it, to the new
 * directories too, and then the umask takes nothing from it.
 *
 * Refused, with err->code EPERM, since no start anew would mend it: what is
 * owned by anyone but root, this user or the owner of the spool (or a user of
 * the spool's group, where that may write to it), what others, or a group that
 * this process is not in, may write to, and places that are symbolic links. The
 * spool itself may be reached by one: its path comes from
 * the operator, what is in it from whoever may write there.
 *
 * 0, or -1 with nothing left open.
 */
int spool_open(struct spool *, const char *path, struct error *);
void spool_close(struct spool *);

/* Is that errno a full disk's? It does nothing wrong, and does not stay so. */
bool spool_is_full(int code);

/* What a tool does with a spool, and therefore needs of it. */
enum spool_work {
	SPOOL_RECEIVE,
	SPOOL_BATCH,
	SPOOL_LOAD,
	SPOOL_SHIP,
	SPOOL_FETCH
};

/*
 * Tries all that this work needs, so that it is not found out with events at
 * hand: locks, writing, renames between the directories. A full disk is no
 * failure. 0, or -1, and err names what does not work.
 */
int spool_try(struct spool *, enum spool_work, struct error *);

/*
 * Opens a file for writing and makes it where it is not there: openat(2) with
 * these flags, and O_CREAT, O_CLOEXEC and O_NOFOLLOW. Where the directory is a
 * group's, which may write to it, and nobody else's, the file has this mode,
 * whatever the umask. A descriptor, which the caller owns, or -1 with errno.
 */
int spool_create(int dir, const char *name, int flags, mode_t);

/*
 * Are the places that this work uses still what their paths name? If not, they
 * were taken away or replaced, and what is written there is seen by nobody:
 * open the spool anew. Cheap enough for once a second.
 */
bool spool_is_current(const struct spool *);

/* "buffer", "ready", … */
const char *spool_place_name(enum spool_place);

/* Was this name made by a spool? *born_us (may be NULL) is its birth. */
bool spool_name_parse(const char *name, uint64_t *born_us);

/*
 * Was a file of this name written by spool_append, so that its last line may be
 * cut short? Then it was never acknowledged.
 */
bool spool_name_may_be_torn(const char *name);

/*
 * Can a file of this name be loaded: *.ndjson in printable ASCII, not hidden,
 * not too long?
 */
bool spool_name_is_loadable(const char *name);

/*
 * 32 random bits that no other process has drawn, but by chance; a child that
 * was forked is another. -1 with errno.
 */
int spool_random(uint32_t *);

/*
 * A writer's file. Start as SEGMENT_INIT; one thread uses one segment. It
 * opens its file at the first append and a new one whenever the old one was
 * rotated away or given up.
 */
struct segment {
	int fd;
	ino_t inode;
	char name[SPOOL_NAME_MAX];
};
#define SEGMENT_INIT \
	{ \
		.fd = -1 \
	}

/*
 * Appends len bytes of whole lines, all or nothing: 0 once they are written
 * and, if sync is set, durable (fdatasync has returned). *sync_ns (may be
 * NULL) is how long the sync took. On -1 none of it is stored: a write that
 * fell short was cut back. SPOOL_IN_DOUBT (-2): nobody can tell, since the sync
 * failed, or the cutting; the file is given up to logbatch as it is, and the
 * next call opens a new one (the kernel drops the pages that failed, so a
 * second fsync(2) would lie). In both err says why, err->code the errno.
 */
#define SPOOL_IN_DOUBT (-2)
int spool_append(struct spool *, struct segment *, const void *lines,
    size_t len, bool sync, uint64_t *sync_ns, struct error *);

/*
 * Syncs what was appended without it to the open file, if there is one; files
 * that were rotated away are synced by spool_rotate. 0, or -1 and the file is
 * given up.
 */
int segment_sync(struct spool *, struct segment *, struct error *);

/* Closes the descriptor; the file stays for logbatch. */
void segment_close(struct segment *);

/*
 * Hands buffer/NAME over to ready/. 1: done. 0: nothing to hand over (it has
 * gone, or was empty and is removed). -1: error, and the file is where it was
 * or whole in ready/. It waits for nobody: with err->code EAGAIN the writer, or
 * another mover, has the lock, and is to be given a moment.
 */
int spool_rotate(struct spool *, const char *name, struct error *);

struct spool_file {
	char name[SPOOL_NAME_MAX];
	uint64_t bytes;
	/*
	 * When it came to where it lies, by the wall clock: its ctime, which
	 * the rename has set (on ext4, XFS, Btrfs, tmpfs), and nothing of ours
	 * after that.
	 */
	uint64_t moved_us;
};

struct spool_list {
	/* The caller's: by moved_us, not by name; what has come before is not
	 * there at all. */
	bool by_move;
	uint64_t from_us;
	struct spool_file *files; /* oldest first */
	size_t count, cap;
	uint64_t all_files, all_bytes; /* of the directory */
	uint64_t matching;             /* after `after`, beyond the limit too */
	char oldest[SPOOL_NAME_MAX];   /* "" if there is none */
	uint64_t aliens; /* entries that are no loadable regular file */
};

/*
 * Lists the loadable files of a directory whose names come after `after` (NULL
 * or "": all), at most `limit` of them, the oldest ones (0: only the totals),
 * in a memory that does not grow with the directory. The list may be reused;
 * start with all zeros; `after` may not point into it.
 */
int spool_scan(struct spool *, enum spool_place, const char *after,
    size_t limit, struct spool_list *, struct error *);
void spool_list_release(struct spool_list *);

/*
 * Calls `visit` for each loadable file of a directory, in no order; it may move
 * or remove the file. What it returns ends the walk if it is not 0, -1 with
 * errno. *aliens is as above.
 */
typedef int spool_visit(void *context, const struct spool_file *);
int spool_walk(struct spool *, enum spool_place, spool_visit *, void *context,
    uint64_t *aliens, struct error *);

/* Did it go and come again since it was listed? */
bool spool_has_moved(
    const struct spool *, enum spool_place, const struct spool_file *);

/*
 * A loader's claims on files of ready/: open-file-description locks (fcntl(2))
 * on ready/.lock, for each file one byte, by a hash of its name. They save
 * double work; what decides is the ledger. The descriptor is the holder, so
 * each thread opens one of its own, and keeps it: closing it, or dying,
 * releases all. -1 on error, else the caller owns it.
 */
int spool_claims_open(struct spool *, struct error *);

/*
 * 1: the file is ours until released. 0: another holder's. -1 with errno. With
 * claims -1, where a full disk has no room for them, it is always ours.
 */
int spool_claim(int claims, const char *name);
void spool_release(int claims, const char *name);

/*
 * Has anybody opened the file for writing? Only its owner, and who has
 * CAP_LEASE, can know. Whoever opens it at this moment waits until it is known,
 * and the process gets a SIGIO, which it has to ignore.
 */
enum spool_writer {
	SPOOL_WRITER_GONE,
	SPOOL_WRITER_THERE,
	SPOOL_WRITER_UNKNOWN
};
enum spool_writer spool_find_writer(int fd);

/*
 * Is a file of ready/ that bears a spool's name still being copied there? Its
 * writer may have it open as well, but has written nothing since it was moved
 * there, which has set its ctime alone. After ten seconds without a write it
 * is not, whatever was open.
 */
bool spool_is_being_copied(int fd);

/*
 * Gives ready/NAME, which somebody has put there under a name that no spool has
 * made, one that no other file has had, durably: once nobody has it open for
 * writing, or, where that cannot be known, it has not changed for ten seconds.
 * 1: `own` is the name. 0: not yet. -1: an error, ENOENT where it has gone. A
 * writer may come at that very moment: look for one again before it is loaded.
 */
int spool_adopt(struct spool *, int claims, const char *name,
    char own[SPOOL_NAME_MAX], struct error *);

/* Removes a file that is no longer needed; 0 also if it has gone already. */
int spool_remove(
    struct spool *, enum spool_place, const char *name, struct error *);

/* Moves ready/NAME to loaded/NAME. 0 also if it has gone already. */
int spool_keep(struct spool *, const char *name, struct error *);

/*
 * Moves loaded/NAME back, to another directory as AS. 1: done. 0: it has gone
 * already, or stays, since there is a file of that name there.
 */
int spool_give_back(struct spool *, const char *name, enum spool_place to,
    const char *as, struct error *);

/*
 * What came to loaded/ up to this time, of the wall clock, is an archive: it
 * has settled, and --keep keeps it. It is the mtime of a file of ready/, so
 * that it is known after --keep was given up. False: there is none.
 */
bool spool_mark_read(struct spool *, uint64_t *until_us);
int spool_mark_write(struct spool *, uint64_t until_us, struct error *);

/*
 * A file that appears under its name whole or not at all: written as
 * .NAME.RANDOM-N.tmp beside it, which is this process's alone, then renamed
 * over whatever has that name. `dir` is a directory's descriptor, not owned. No
 * reader looks at hidden names.
 */
struct spool_draft {
	int fd, dir; /* fd -1: not open */
	char name[SPOOL_NAME_MAX + 64];
	char path[SPOOL_NAME_MAX + 96]; /* of the draft, in dir */
};
#define SPOOL_DRAFT_INIT \
	{ \
		.fd = -1 \
	}

int spool_draft_open(
    struct spool_draft *, int dir, const char *name, struct error *);
/* Writes all of it to the draft. */
int spool_draft_write(
    struct spool_draft *, const void *data, size_t len, struct error *);
/* Renames it into place; if sync is set, durably. Closes in any case. */
int spool_draft_publish(struct spool_draft *, bool sync, struct error *);
void spool_draft_discard(struct spool_draft *);
/* Removes the drafts of processes that have died, as far as it can. */
void spool_draft_sweep(int dir);

/* write(2) until all is written; -1 with errno. */
int spool_write_all(int fd, const void *data, size_t len);

#endif
