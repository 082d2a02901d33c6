/*
 * spool.c - the names, hand-over, lists, claims and drafts of a spool. How it
 * is opened is in spool-open.c, what many processes do to each other in
 * spool-race.c, what failing calls and crashes leave in spool-faults.c and
 * spool-sweep.c.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include "clock.h"
#include "spool.h"
#include "tap.h"

static char scratch[64], root[80];
static struct spool spool;
static struct error err;

/* PLACE/NAME in the spool; valid until the next but three. */
static const char *
path_of(enum spool_place place, const char *name)
{
	static char paths[4][400];
	static unsigned next;
	char *path = paths[next++ % 4];

	(void)snprintf(
	    path, 400, "%s/%s/%s", root, spool_place_name(place), name);
	return path;
}

/* The content of a file, or "(none)"; valid until the next call. */
static const char *
content(enum spool_place place, const char *name)
{
	static char text[8192];
	int fd = open(path_of(place, name), O_RDONLY | O_CLOEXEC);
	ssize_t n;

	if (fd < 0)
		return "(none)";
	n = read(fd, text, sizeof(text) - 1);
	must(n >= 0);
	(void)close(fd);
	text[n] = '\0';
	return text;
}

static void
put(enum spool_place place, const char *name, const char *text)
{
	FILE *f = fopen(path_of(place, name), "w");

	must(f != NULL && fputs(text, f) >= 0 && fclose(f) == 0);
}

static int
mode_of(const char *path)
{
	struct stat st;

	must(lstat(path, &st) == 0);
	return (int)(st.st_mode & 07777);
}

static void
open_new(void)
{
	static int count;

	(void)snprintf(root, sizeof(root), "%s/%d", scratch, ++count);
	if (spool_open(&spool, root, &err) < 0) {
		fprintf(stderr, "# %s\n", err.text);
		must(false);
	}
}

static void
test_names(void)
{
	static const char *const no[] = {"", "x.ndjson",
	    "20261122T073351.123456Z-.txt",
	    "20261122T073351.123456-h-1-1.ndjson",
	    "20261322T073351.123456Z-h-1-1.ndjson",
	    "20261122T243351.123456Z-h-1-1.ndjson",
	    "20261100T073351.123456Z-h-1-1.ndjson",
	    "2026112 T073351.123456Z-h-1-1.ndjson",
	    "+0261122T073351.123456Z-h-1-1.ndjson",
	    ".20261122T073351.123456Z-h-1-1.ndjson",
	    "19691231T235959.999999Z-h-1-1.ndjson",
	    "20261122T073351.123456Z-h-1-1.ndjson.gz"};
	char longest[SPOOL_NAME_MAX + 1];
	uint64_t born = 0;

	ok(spool_name_parse("20261122T073351.123456Z-host-7-1.ndjson", &born),
	    "a name of a spool file");
	is_number(born, 1795332831123456, "tells its birth");
	ok(spool_name_parse("20261122T073351.123456Z-h-7-1.ndjson", NULL),
	    "also where nobody asks");
	for (size_t i = 0; i < sizeof(no) / sizeof(*no); i++)
		ok(!spool_name_parse(no[i], &born), "not one: '%s'", no[i]);
	ok(spool_name_is_loadable("x.ndjson"), "any *.ndjson can be loaded");
	ok(!spool_name_is_loadable(".x.ndjson"), "but no hidden one");
	ok(!spool_name_is_loadable(".ndjson"), "nor one without a name");
	ok(!spool_name_is_loadable("x.ndjson~"), "nor another suffix");
	ok(spool_name_is_loadable("a b~.ndjson"), "printable ASCII");
	ok(!spool_name_is_loadable("1\xff.ndjson"),
	    "but nothing that is no text");
	ok(!spool_name_is_loadable("\xc3\xa9.ndjson"), "nor UTF-8");
	ok(!spool_name_is_loadable("a\nb.ndjson"), "nor a control character");
	ok(!spool_name_is_loadable("a\x7f.ndjson"), "nor DEL");
	memset(longest, 'x', sizeof(longest));
	memcpy(longest + SPOOL_NAME_MAX - 8, ".ndjson", 8);
	ok(spool_name_is_loadable(longest), "a name of 199 bytes");
	memcpy(longest + SPOOL_NAME_MAX - 7, ".ndjson", 8);
	ok(!spool_name_is_loadable(longest), "but none of 200");
}

/* The random bits in the name of a file that was just made; 0: none. */
static unsigned
random_of_new(void)
{
	struct segment seg = SEGMENT_INIT;
	unsigned long bits;
	char *at, *end;

	must(spool_append(&spool, &seg, "1\n", 2, false, NULL, &err) == 0);
	segment_close(&seg);
	at = strrchr(seg.name, '-') + 1;
	bits = strtoul(at, &end, 16);
	return end == at + 8 && strcmp(end, ".ndjson") == 0 ? (unsigned)bits
							    : 0;
}

static void
test_random_names(void)
{
	char name[SPOOL_NAME_MAX];
	unsigned ours, theirs = 0, bits[2];
	int notes[2];
	pid_t pid;

	open_new();
	ours = random_of_new();
	ok(ours != 0, "a name ends with 32 random bits: %08x", ours);
	is_number(random_of_new(), ours, "those of the process");
	must(pipe2(notes, O_CLOEXEC) == 0);
	pid = fork();
	must(pid >= 0);
	if (pid == 0) {
		bits[0] = random_of_new();
		bits[1] = random_of_new();
		_exit(write(notes[1], bits, sizeof(bits)) != sizeof(bits));
	}
	must(waitpid(pid, NULL, 0) == pid);
	must(read(notes[0], bits, sizeof(bits)) == sizeof(bits));
	theirs = bits[0];
	ok(theirs != 0 && theirs != ours, "a child has others: %08x", theirs);
	is_number(bits[1], theirs, "of its own");
	must(close(notes[0]) == 0 && close(notes[1]) == 0);

	/* The longest that there can be, and one of the version before. */
	(void)snprintf(name, sizeof(name),
	    "20261122T073351.123456Z-%064d-%ld-%u-ffffffff.ndjson", 0, LONG_MAX,
	    UINT32_MAX);
	ok(spool_name_parse(name, NULL), "the longest is one, of %zu bytes",
	    strlen(name));
	ok(spool_name_parse("20261122T073351.123456Z-h-7-1.ndjson", NULL),
	    "and so is one without such bits");
	spool_close(&spool);
}

static void
test_append(void)
{
	struct segment a = SEGMENT_INIT, b = SEGMENT_INIT;
	char first[SPOOL_NAME_MAX];
	uint64_t born, ns = 0;

	open_new();
	is_number(
	    spool_append(&spool, &a, "1\n", 2, true, &ns, &err), 0, "append");
	ok(ns > 0, "says how long the sync took");
	is_text(content(SPOOL_BUFFER, a.name), "1\n", "the line is in buffer/");
	is_number(mode_of(path_of(SPOOL_BUFFER, a.name)), 0640, "mode 0640");
	ok(spool_name_parse(a.name, &born) &&
		clock_wall_us() - born < 60 * CLOCK_US_PER_S,
	    "its name has the time of birth");
	is_number(spool_append(&spool, &a, "2\n3\n", 4, false, &ns, &err), 0,
	    "append without a sync");
	is_number(ns, 0, "takes no time for one");
	is_text(content(SPOOL_BUFFER, a.name), "1\n2\n3\n", "in the same file");
	is_number(spool_append(&spool, &b, "x\n", 2, true, NULL, &err), 0,
	    "another writer");
	ok(strcmp(a.name, b.name) < 0, "has another file, later in order");

	memcpy(first, a.name, sizeof(first));
	is_number(spool_rotate(&spool, a.name, &err), 1, "rotate");
	is_text(
	    content(SPOOL_READY, first), "1\n2\n3\n", "is in ready/, whole");
	is_text(content(SPOOL_BUFFER, first), "(none)", "not in buffer/");
	is_number(spool_append(&spool, &a, "4\n", 2, true, NULL, &err), 0,
	    "append after that");
	ok(strcmp(a.name, first) > 0, "opens a new file");
	is_text(content(SPOOL_BUFFER, a.name), "4\n", "for the new line");
	is_text(
	    content(SPOOL_READY, first), "1\n2\n3\n", "ready/ did not grow");

	memcpy(first, a.name, sizeof(first));
	must(unlink(path_of(SPOOL_BUFFER, a.name)) == 0);
	is_number(spool_append(&spool, &a, "5\n", 2, true, NULL, &err), 0,
	    "append after somebody removed the file");
	ok(strcmp(a.name, first) != 0 &&
		strcmp(content(SPOOL_BUFFER, a.name), "5\n") == 0,
	    "opens a new file too");
	segment_close(&a);
	segment_close(&a);
	is_number(a.fd, -1, "closed, even twice");
	is_text(content(SPOOL_BUFFER, a.name), "5\n", "the file stays");
	memcpy(first, a.name, sizeof(first));
	is_number(spool_append(&spool, &a, "6\n", 2, true, NULL, &err), 0,
	    "append after close");
	ok(strcmp(a.name, first) != 0, "opens a new file");
	segment_close(&a);
	segment_close(&b);
	spool_close(&spool);
}

static void
test_rotate(void)
{
	struct segment a = SEGMENT_INIT;
	char other[SPOOL_NAME_MAX];

	open_new();
	is_number(
	    spool_rotate(&spool, "none.ndjson", &err), 0, "nothing to rotate");
	put(SPOOL_BUFFER, "empty.ndjson", "");
	is_number(spool_rotate(&spool, "empty.ndjson", &err), 0,
	    "an empty file, as a crash after its creation leaves it");
	is_text(content(SPOOL_BUFFER, "empty.ndjson"), "(none)", "is removed");
	is_text(content(SPOOL_READY, "empty.ndjson"), "(none)", "for good");
	put(SPOOL_BUFFER, "torn.ndjson", "{}\n{\"a\":");
	is_number(spool_rotate(&spool, "torn.ndjson", &err), 1,
	    "a file that a dead writer left with a torn tail");
	is_text(content(SPOOL_READY, "torn.ndjson"), "{}\n{\"a\":", "as it is");

	put(SPOOL_BUFFER, "twice.ndjson", "new\n");
	put(SPOOL_READY, "twice.ndjson", "old\n");
	is_number(spool_rotate(&spool, "twice.ndjson", &err), -1,
	    "a name that ready/ has already");
	is_number(err.code, EEXIST, "is never overwritten");
	ok(strstr(err.text, "twice.ndjson") != NULL, "%s", err.text);
	is_text(content(SPOOL_READY, "twice.ndjson"), "old\n", "old is whole");
	is_text(content(SPOOL_BUFFER, "twice.ndjson"), "new\n", "new as well");

	must(mkdir(path_of(SPOOL_BUFFER, "dir.ndjson"), 0700) == 0);
	is_number(spool_rotate(&spool, "dir.ndjson", &err), -1, "a directory");
	must(mkfifo(path_of(SPOOL_BUFFER, "fifo.ndjson"), 0600) == 0);
	is_number(spool_rotate(&spool, "fifo.ndjson", &err), -1,
	    "a pipe, without waiting for its writer");
	must(symlink("/etc/passwd", path_of(SPOOL_BUFFER, "link.ndjson")) == 0);
	is_number(spool_rotate(&spool, "link.ndjson", &err), -1,
	    "a symbolic link is not followed");

	/* The writer's file was moved, and another file has got its name. */
	must(spool_append(&spool, &a, "1\n", 2, true, NULL, &err) == 0);
	memcpy(other, a.name, sizeof(other));
	must(spool_rotate(&spool, other, &err) == 1);
	put(SPOOL_BUFFER, other, "alien\n");
	is_number(spool_append(&spool, &a, "2\n", 2, true, NULL, &err), 0,
	    "another file under the writer's name");
	is_text(
	    content(SPOOL_READY, other), "1\n", "the moved one is as it was");
	is_text(content(SPOOL_BUFFER, other), "alien\n", "so is the other");
	is_text(content(SPOOL_BUFFER, a.name), "2\n", "the line is elsewhere");
	segment_close(&a);
	spool_close(&spool);
}

static void
test_full_disk(void)
{
	struct segment a = SEGMENT_INIT;
	struct rlimit old, small;
	char big[3000], name[SPOOL_NAME_MAX];

	open_new();
	memset(big, 'x', sizeof(big));
	must(signal(SIGXFSZ, SIG_IGN) != SIG_ERR);
	must(getrlimit(RLIMIT_FSIZE, &old) == 0);
	must(spool_append(&spool, &a, "1\n", 2, true, NULL, &err) == 0);
	memcpy(name, a.name, sizeof(name));
	small = old;
	small.rlim_cur = 1000;
	must(setrlimit(RLIMIT_FSIZE, &small) == 0);
	/* The first write is short, the one for its rest fails. */
	is_number(spool_append(&spool, &a, big, sizeof(big), true, NULL, &err),
	    -1, "no room for all of it");
	must(setrlimit(RLIMIT_FSIZE, &old) == 0);
	ok(err.code == EFBIG && strstr(err.text, name) != NULL, "%s", err.text);
	is_text(content(SPOOL_BUFFER, name), "1\n", "the part is cut back");
	is_number(spool_append(&spool, &a, "2\n", 2, true, NULL, &err), 0,
	    "with room again");
	is_text(content(SPOOL_BUFFER, name), "1\n2\n", "it goes on, in place");
	segment_close(&a);
	spool_close(&spool);
}

static void
test_scan(void)
{
	struct spool_list list = {0};
	struct tap_all order = {0};
	const size_t many = 10000;
	size_t cap;

	open_new();
	is_number(spool_scan(&spool, SPOOL_READY, NULL, 100, &list, &err), 0,
	    "an empty directory");
	ok(list.count == 0 && list.all_files == 0 && list.oldest[0] == '\0',
	    "has nothing");
	for (size_t i = 0; i < many; i++) {
		char name[40];

		/* In no order: 7919 is prime to 10,000. */
		(void)snprintf(
		    name, sizeof(name), "%05zu.ndjson", i * 7919 % many);
		put(SPOOL_READY, name, "{}\n");
	}
	put(SPOOL_READY, ".hidden.ndjson", "x");
	put(SPOOL_READY, "other.txt", "x");
	must(mkdir(path_of(SPOOL_READY, "dir.ndjson"), 0700) == 0);
	must(symlink("00000.ndjson", path_of(SPOOL_READY, "ln.ndjson")) == 0);

	is_number(spool_scan(&spool, SPOOL_READY, NULL, 100, &list, &err), 0,
	    "10,000 files, at most 100 of them");
	is_number(list.count, 100, "gives 100");
	is_number(list.all_files, many, "counts all");
	is_number(list.all_bytes, 3 * many, "and their bytes");
	is_text(list.oldest, "00000.ndjson", "knows the oldest");
	is_number(list.aliens, 3, "counts what is no file to load");
	cap = list.cap;
	ok(cap < 1000, "in memory for the limit, not for all (%zu)", cap);
	for (size_t i = 0; i < list.count; i++) {
		char name[40];

		(void)snprintf(name, sizeof(name), "%05zu.ndjson", i);
		tap_case(&order,
		    strcmp(list.files[i].name, name) == 0 &&
			list.files[i].bytes == 3,
		    "%zu: %s", i, list.files[i].name);
	}
	tap_all(&order, "the oldest ones, oldest first");
	is_number(spool_scan(&spool, SPOOL_READY, NULL, 0, &list, &err), 0,
	    "the totals alone");
	ok(list.count == 0 && list.all_files == many, "need no list");
	is_text(list.oldest, "00000.ndjson", "but know the oldest");
	is_number(
	    spool_scan(&spool, SPOOL_READY, NULL, 1, &list, &err), 0, "one");
	ok(list.count == 1 && strcmp(list.files[0].name, "00000.ndjson") == 0,
	    "the oldest");
	is_number(spool_scan(&spool, SPOOL_READY, NULL, SIZE_MAX, &list, &err),
	    0, "no limit");
	is_number(list.count, many, "gives all");
	is_number(
	    spool_scan(&spool, SPOOL_READY, "09989.ndjson", 8, &list, &err), 0,
	    "those after a name");
	ok(list.count == 8 && strcmp(list.files[0].name, "09990.ndjson") == 0 &&
		strcmp(list.files[7].name, "09997.ndjson") == 0,
	    "begin after it");
	is_number(list.matching, 10, "are counted");
	ok(list.all_files == many && strcmp(list.oldest, "00000.ndjson") == 0,
	    "and so are all");
	is_number(
	    spool_scan(&spool, SPOOL_READY, "09999.ndjson", 8, &list, &err), 0,
	    "after the last one");
	ok(list.count == 0 && list.matching == 0, "there is none");
	spool_list_release(&list);
	ok(list.files == NULL && list.cap == 0, "released");
	spool_close(&spool);
}

static void
test_claims(void)
{
	int a, b;

	open_new();
	a = spool_claims_open(&spool, &err);
	b = spool_claims_open(&spool, &err);
	must(a >= 0 && b >= 0);
	is_number(mode_of(path_of(SPOOL_READY, SPOOL_CLAIMS)), 0640,
	    "claims are this user's to make");
	must(chmod(path_of(SPOOL_READY, ""), 0770) == 0);
	must(close(a) == 0);
	a = spool_claims_open(&spool, &err);
	is_number(mode_of(path_of(SPOOL_READY, SPOOL_CLAIMS)), 0660,
	    "or the group's, as the directory is");
	is_number(spool_claim(a, "1.ndjson"), 1, "a file is claimed");
	is_number(spool_claim(b, "1.ndjson"), 0, "by one alone");
	is_number(spool_claim(b, "2.ndjson"), 1, "another by another");
	is_number(spool_claim(a, "2.ndjson"), 0, "and by him alone");
	spool_release(b, "1.ndjson");
	is_number(spool_claim(b, "1.ndjson"), 0, "nobody else releases it");
	spool_release(a, "1.ndjson");
	is_number(spool_claim(b, "1.ndjson"), 1, "who has it, does");
	must(close(open(
		 path_of(SPOOL_READY, SPOOL_CLAIMS), O_RDWR | O_CLOEXEC)) == 0);
	is_number(spool_claim(a, "1.ndjson"), 0,
	    "it outlives another descriptor of this process");
	must(close(b) == 0);
	is_number(spool_claim(a, "1.ndjson"), 1, "but not its holder");
	must(close(a) == 0);
	is_number(spool_claim(a, "1.ndjson"), -1, "without a descriptor: -1");
	spool_close(&spool);
}

static void
test_adopt(void)
{
	static const char mine[] = "mine.ndjson";
	char own[SPOOL_NAME_MAX], other[SPOOL_NAME_MAX], name[SPOOL_NAME_MAX];
	int fd;

	open_new();
	is_number(
	    spool_adopt(&spool, -1, mine, own, &err), -1, "adopt no file");
	is_number(err.code, ENOENT, "says that it is not there");
	fd = openat(
	    spool.dir[SPOOL_READY], mine, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
	must(fd >= 0 && write(fd, "1", 1) == 1);
	is_number(spool_adopt(&spool, -1, mine, own, &err), 0,
	    "not while somebody writes to it");
	is_text(content(SPOOL_READY, mine), "1", "it keeps its name");
	must(close(fd) == 0);
	is_number(spool_adopt(&spool, -1, mine, own, &err), 1, "then it is");
	is_text(content(SPOOL_READY, mine), "(none)", "the old name is free");
	is_text(content(SPOOL_READY, own), "1", "it has a name of its own");
	ok(spool_name_parse(own, NULL), "%s is one of a spool", own);
	ok(strstr(own, "+mine.ndjson") != NULL, "with the old one");
	ok(!spool_name_may_be_torn(own), "whose last line is not cut short");
	ok(spool_name_may_be_torn("20261122T073351.123456Z-h-7-1.ndjson"),
	    "as that of another may be");
	put(SPOOL_READY, mine, "2");
	is_number(spool_adopt(&spool, -1, mine, other, &err), 1, "another one");
	ok(strcmp(own, other) != 0, "has another name");
	memset(name, 'x', sizeof(name));
	memcpy(name + sizeof(name) - 8, ".ndjson", 8);
	put(SPOOL_READY, name, "3");
	is_number(spool_adopt(&spool, -1, name, own, &err), 1, "a long name");
	is_number((long)strlen(own), SPOOL_NAME_MAX - 1, "is cut");
	ok(spool_name_parse(own, NULL), "to %s", own);
	is_text(content(SPOOL_READY, own), "3", "which is there");
	spool_close(&spool);
}

static void
test_end_of_a_file(void)
{
	open_new();
	put(SPOOL_READY, "a.ndjson", "1");
	is_number(spool_keep(&spool, "a.ndjson", &err), 0, "keep");
	is_text(content(SPOOL_LOADED, "a.ndjson"), "1", "is in loaded/");
	is_text(content(SPOOL_READY, "a.ndjson"), "(none)", "not in ready/");
	is_number(spool_keep(&spool, "a.ndjson", &err), 0, "a second time");
	put(SPOOL_READY, "a.ndjson", "2");
	is_number(
	    spool_give_back(&spool, "a.ndjson", SPOOL_READY, "a.ndjson", &err),
	    0, "give back where the name is taken");
	is_text(content(SPOOL_LOADED, "a.ndjson"), "1", "leaves it");
	is_number(spool_give_back(
		      &spool, "a.ndjson", SPOOL_REJECTED, "b.ndjson", &err),
	    1, "give back");
	is_text(content(SPOOL_REJECTED, "b.ndjson"), "1", "it is there");
	is_number(spool_give_back(
		      &spool, "a.ndjson", SPOOL_REJECTED, "c.ndjson", &err),
	    0, "nothing to give back");
	is_number(spool_keep(&spool, "a.ndjson", &err), 0, "keep another one");
	is_number(
	    spool_remove(&spool, SPOOL_LOADED, "a.ndjson", &err), 0, "remove");
	is_text(content(SPOOL_LOADED, "a.ndjson"), "(none)", "has gone");
	is_number(spool_remove(&spool, SPOOL_LOADED, "a.ndjson", &err), 0,
	    "a second time");
	put(SPOOL_READY, "b.ndjson", "1");
	must(mkdir(path_of(SPOOL_LOADED, "b.ndjson"), 0700) == 0);
	is_number(spool_keep(&spool, "b.ndjson", &err), -1,
	    "keep where a directory has the name");
	ok(strstr(err.text, "loaded/b.ndjson: Is a directory") != NULL, "%s",
	    err.text);
	is_text(content(SPOOL_READY, "b.ndjson"), "1", "leaves it in ready/");
	must(mkdir(path_of(SPOOL_READY, "d.ndjson"), 0700) == 0);
	is_number(spool_remove(&spool, SPOOL_READY, "d.ndjson", &err), -1,
	    "remove of a directory");
	ok(strstr(err.text, "ready/d.ndjson") != NULL, "%s", err.text);
	spool_close(&spool);
}

static void
test_draft(void)
{
	struct spool_draft d = SPOOL_DRAFT_INIT;
	char name[300];
	int dir;

	open_new();
	dir = spool.dir[SPOOL_REJECTED];
	spool_draft_discard(&d);
	is_number(spool_draft_open(&d, dir, "a.ndjson", &err), 0, "a draft");
	is_number(spool_draft_write(&d, "12", 2, &err), 0, "written to");
	is_number(spool_draft_write(&d, "3", 1, &err), 0, "twice");
	is_text(
	    content(SPOOL_REJECTED, "a.ndjson"), "(none)", "is not there yet");
	is_text(content(SPOOL_REJECTED, d.path), "123", "but hidden beside it");
	is_number(spool_draft_publish(&d, true, &err), 0, "published");
	is_text(content(SPOOL_REJECTED, "a.ndjson"), "123", "it is");
	is_number(mode_of(path_of(SPOOL_REJECTED, "a.ndjson")), 0640, "0640");
	is_text(content(SPOOL_REJECTED, d.path), "(none)",
	    "and the draft has gone");
	is_number(d.fd, -1, "closed");
	must(spool_draft_open(&d, dir, "a.ndjson", &err) == 0);
	must(spool_draft_write(&d, "new", 3, &err) == 0);
	is_text(content(SPOOL_REJECTED, "a.ndjson"), "123",
	    "the old one stays while the next is written");
	is_number(spool_draft_publish(&d, false, &err), 0, "and gives way");
	is_text(content(SPOOL_REJECTED, "a.ndjson"), "new", "to it");
	must(spool_draft_open(&d, dir, "a.ndjson", &err) == 0);
	must(spool_draft_write(&d, "no", 2, &err) == 0);
	spool_draft_discard(&d);
	is_text(content(SPOOL_REJECTED, "a.ndjson"), "new",
	    "a discarded one changes nothing");
	is_text(
	    content(SPOOL_REJECTED, d.path), "(none)", "and leaves nothing");
	memset(name, 'x', sizeof(name));
	name[sizeof(name) - 1] = '\0';
	is_number(spool_draft_open(&d, dir, name, &err), -1, "a long name");
	is_number(d.fd, -1, "opens nothing");
	spool_close(&spool);
}

/* Two write one file: neither is in the other's way, nor what a dead one left.
 */
static void
test_drafts(void)
{
	static const char *const no_drafts[] = {".a.ndjson.tmp",
	    ".0123abcd-1.tmp", ".a.0123abcd-.tmp", ".a.0123abcg-1.tmp",
	    ".a.0123abcd-1.tm", ".a-0123abcd-1.tmp", "a.0123abcd-1.tmp"};
	static const char dead[] = ".a.ndjson.0123abcd-17.tmp";
	static const char old[] = ".20260101T000001.000000Z-h-1-1.ndjson.tmp";
	struct spool_draft a = SPOOL_DRAFT_INIT, b = SPOOL_DRAFT_INIT;
	int dir, writer;

	open_new();
	dir = spool.dir[SPOOL_REJECTED];
	must(spool_draft_open(&a, dir, "a.ndjson", &err) == 0);
	must(spool_draft_open(&b, dir, "a.ndjson", &err) == 0);
	must(spool_draft_write(&a, "a", 1, &err) == 0);
	must(spool_draft_write(&b, "b", 1, &err) == 0);
	put(SPOOL_REJECTED, dead, "left by a crash");
	for (size_t i = 0; i < sizeof(no_drafts) / sizeof(*no_drafts); i++)
		put(SPOOL_REJECTED, no_drafts[i], "somebody's");
	put(SPOOL_REJECTED, old, "of the version before");
	writer = open(path_of(SPOOL_REJECTED, old), O_WRONLY | O_CLOEXEC);
	must(writer >= 0);
	spool_draft_sweep(dir);
	is_text(content(SPOOL_REJECTED, old), "of the version before",
	    "one of the version before stays while it is written");
	must(close(writer) == 0);
	spool_draft_sweep(dir);
	is_text(content(SPOOL_REJECTED, old), "(none)", "and goes after that");
	is_text(content(SPOOL_REJECTED, dead), "(none)",
	    "a dead one's draft is swept away");
	for (size_t i = 0; i < sizeof(no_drafts) / sizeof(*no_drafts); i++)
		is_text(content(SPOOL_REJECTED, no_drafts[i]), "somebody's",
		    no_drafts[i]);
	is_number(spool_draft_publish(&a, true, &err), 0, "a living one's is");
	is_text(content(SPOOL_REJECTED, "a.ndjson"), "a", "not");
	is_number(spool_draft_publish(&b, true, &err), 0, "nor is");
	is_text(content(SPOOL_REJECTED, "a.ndjson"), "b", "another one's");
	spool_close(&spool);
}

int
main(void)
{
	tap_scratch(scratch);
	test_names();
	test_random_names();
	test_append();
	test_rotate();
	test_full_disk();
	test_scan();
	test_claims();
	test_adopt();
	test_end_of_a_file();
	test_draft();
	test_drafts();
	tap_remove_tree(scratch);
	return tap_end();
}
