/*
 * logload-room.c - whatever is rejected and given up, rejected/ keeps to its
 * limit, what is known of its size is true, and each record is in a file,
 * whole, or counted as lost.
 */
#include <fcntl.h>
#include <sys/file.h>
#include <sys/mman.h>
#include <sys/stat.h>

#include "../../cmd/logload/reject.h"
#include "tap.h"

#define LIMIT 200000
#define LONGEST 90000
#define ROUNDS 500
#define FILES 12
#define MOST 40 /* records of a chunk */
#define HEAD "{\"file\":"

static struct spool spool;
static struct meters meters;
static struct room room;
static struct reject reject;
static struct source source = {.plain = true};
static uint64_t seed = 7;

static uint64_t
dropped(void)
{
	return (uint64_t)meter_get(&meters, METER_DROPPED_EVENTS);
}

static void
add(uint64_t len)
{
	struct reject_reason why = {.text = "why", .member = "event"};
	struct line line = {.number = 1, .len = len};
	struct error err;

	must(reject_add(&reject, &source, &line, &why, &err) == 0);
}

/* Rejects some records of a chunk. */
static void
add_some(void)
{
	unsigned most = (unsigned)(tap_random(&seed) % MOST);

	/* Most are short, so that some fit beside a long one. */
	for (unsigned n = 0; n < most; n++)
		add(tap_random(&seed) %
		    (tap_random(&seed) % 4 == 0 ? LONGEST : 2000));
}

/* Records in rejected/, all whole; its bytes. -1: one is not whole. */
static int64_t
look(uint64_t *bytes)
{
	struct spool_list list = {0};
	struct error err;
	int64_t records = 0;

	must(spool_scan(&spool, SPOOL_REJECTED, NULL, SIZE_MAX, &list, &err) ==
	     0);
	*bytes = list.all_bytes;
	for (size_t i = 0; i < list.count && records >= 0; i++) {
		size_t len = (size_t)list.files[i].bytes;
		int fd = openat(spool.dir[SPOOL_REJECTED], list.files[i].name,
		    O_RDONLY | O_CLOEXEC);
		char *p = malloc(len + 1), *q = p, *end;

		must(fd >= 0 && p != NULL);
		must(read(fd, p, len) == (ssize_t)len);
		p[len] = '\0';
		while (records >= 0 && q < p + len) {
			end = memchr(q, '\n', (size_t)(p + len - q));
			if (end == NULL || end[-1] != '}' ||
			    memmem(q, (size_t)(end - q), HEAD, 8) != q ||
			    memmem(q + 1, (size_t)(end - q - 1), HEAD, 8) != 0)
				records = -1;
			else
				records++;
			q = end == NULL ? p + len : end + 1;
		}
		free(p);
		(void)close(fd);
	}
	spool_list_release(&list);
	return records;
}

/* Each chunk has a name of few, so that it often replaces another's file. */
static void
begin(void)
{
	static const char letters[FILES + 1] = "abcdefghijkl";
	char stem[] = {letters[tap_random(&seed) % FILES], '\0'};
	struct error err;

	must(reject_begin(&reject, "file", stem, 0, &err) == 0);
}

/* Records of the file that the chunk would replace. */
static int64_t
replaced(void)
{
	struct stat st;
	uint64_t bytes;
	int64_t before, with = look(&bytes);
	int dir = spool.dir[SPOOL_REJECTED];

	if (fstatat(dir, reject.name, &st, 0) < 0)
		return 0;
	must(renameat(dir, reject.name, dir, ".hidden") == 0);
	before = look(&bytes);
	must(renameat(dir, ".hidden", dir, reject.name) == 0);
	return with - before;
}

static void
clear(void)
{
	struct spool_list list = {0};
	struct error err;

	must(spool_scan(&spool, SPOOL_REJECTED, NULL, SIZE_MAX, &list, &err) ==
	     0);
	for (size_t i = 0; i < list.count; i++)
		must(spool_remove(&spool, SPOOL_REJECTED, list.files[i].name,
			 &err) == 0);
	spool_list_release(&list);
	room.next_ns = 0; /* look again */
	room_look(&room);
}

static void
test_drop(void)
{
	struct tap_all whole = {0}, kept = {0}, known = {0}, counted = {0};
	int64_t records = 0;

	room_limit(&room, &spool, LIMIT, true);
	for (int i = 0; i < ROUNDS; i++) {
		uint64_t before = dropped(), bytes;
		struct error err;
		int64_t had, want;

		begin();
		had = replaced();
		add_some();
		want = (int64_t)reject.end.count;
		if (tap_random(&seed) % 10 == 0) { /* rolled back */
			reject_discard(&reject);
			had = want = 0;
		} else {
			must(reject_publish(&reject, &err) == 0);
		}
		want += records - had - (int64_t)(dropped() - before) -
			(int64_t)reject.lost;
		records = look(&bytes);
		tap_case(&whole, records >= 0, "round %d", i);
		tap_case(&kept, bytes <= LIMIT, "round %d: %" PRIu64, i, bytes);
		tap_case(&known, room.lying == bytes && room.taken == 0,
		    "round %d: %" PRIu64 ", %" PRIu64 " bytes", i, room.lying,
		    bytes);
		tap_case(&counted, records == want,
		    "round %d: %" PRId64 ", not %" PRId64, i, records, want);
	}
	tap_all(&whole, "drop: each record is whole");
	tap_all(&kept, "the limit is kept");
	tap_all(&known, "the size is known");
	tap_all(&counted, "each record is there or counted");
}

/* The chunk that begins with that seed. */
static int
try_chunk(uint64_t from)
{
	struct error err;
	int rc;

	seed = from;
	begin();
	add_some();
	rc = reject_publish(&reject, &err);
	reject_discard(&reject);
	return rc;
}

static void
test_wait(void)
{
	struct tap_all kept = {0}, known = {0}, needed = {0};
	unsigned refused = 0;
	uint64_t bytes;

	room_limit(&room, &spool, LIMIT, false);
	for (int i = 0; i < ROUNDS; i++) {
		uint64_t from = seed, left;
		int rc = try_chunk(from);

		must(look(&bytes) >= 0);
		tap_case(&kept, bytes <= LIMIT, "round %d: %" PRIu64, i, bytes);
		tap_case(&known, room.lying == bytes && room.taken == 0,
		    "round %d: %" PRIu64 ", %" PRIu64 " bytes", i, room.lying,
		    bytes);
		if (rc == 0)
			continue;
		refused++;
		left = room_left(&room);
		tap_case(&needed, reject.lacking > left, "round %d", i);
		room.limit += reject.lacking - left - 1;
		tap_case(&needed, try_chunk(from) < 0, "round %d", i);
		room.limit++;
		tap_case(&needed, try_chunk(from) == 0, "round %d", i);
		clear();
		room.limit = LIMIT;
	}
	ok(refused > ROUNDS / 20, "wait: %u are refused", refused);
	tap_all(&needed, "each of which lacks as much as it says");
	tap_all(&kept, "the limit is kept");
	tap_all(&known, "the size is known");
}

/* What a retry has locked stays, and does not count. */
static void
test_locked(void)
{
	int dir = spool.dir[SPOOL_REJECTED], fd;
	struct stat st;
	static const char *const names[] = {"a.ndjson", "b.ndjson"};

	clear();
	for (int i = 0; i < 2; i++) {
		fd =
		    openat(dir, names[i], O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
		must(fd >= 0 && ftruncate(fd, 1000) == 0);
		(void)close(fd);
	}
	room_limit(&room, &spool, 2000, true);
	room.next_ns = 0;
	fd = openat(dir, names[0], O_RDONLY | O_CLOEXEC);
	must(fd >= 0 && flock(fd, LOCK_EX) == 0);
	ok(room_take(&room, 1000, "c"), "one is locked: it does not count");
	ok(fstatat(dir, names[0], &st, 0) == 0, "it stays");
	ok(fstatat(dir, names[1], &st, 0) == 0, "so does the other");
	ok(room_take(&room, 1000, "c"), "more is wanted");
	ok(fstatat(dir, names[0], &st, 0) == 0, "the locked one stays");
	ok(fstatat(dir, names[1], &st, 0) < 0, "the other makes way");
	ok(!room_take(&room, 1, "c"), "then there is nothing more to take");
	(void)close(fd);
	ok(!room_take(&room, 1500, "c"), "drafts are not dropped");
	room_settle(&room, 2000, 0, 0);
	ok(room_take(&room, 2000, "c"), "no longer locked: all can be taken");
	ok(fstatat(dir, names[0], &st, 0) < 0, "and it has gone");
	room_settle(&room, 2000, 0, 0);
}

int
main(void)
{
	static char text[LONGEST];
	char path[64];
	struct error err;

	/* What it says of each file is not looked at here. */
	must(freopen("/dev/null", "w", stderr) != NULL);
	tap_scratch(path);
	must(spool_open(&spool, path, &err) == 0);
	memset(text, 'x', sizeof(text));
	source.fd = memfd_create("line", MFD_CLOEXEC);
	must(source.fd >= 0);
	must(write(source.fd, text, sizeof(text)) == sizeof(text));
	source.size = sizeof(text);
	meters_init(&meters);
	must(room_init(&room, &meters) == 0);
	reject_init(&reject, spool.dir[SPOOL_REJECTED], SPOOL_SUFFIX);
	reject.room = &room;
	test_drop();
	clear();
	test_wait();
	test_locked();
	reject_release(&reject);
	room_release(&room);
	spool_close(&spool);
	(void)close(source.fd);
	tap_remove_tree(path);
	return tap_end();
}
