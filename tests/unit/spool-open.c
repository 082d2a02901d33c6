/*
 * spool-open.c - opening a spool: what is made, what is refused, what is tried,
 * and whether it is still there.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>

#include "spool.h"
#include "tap.h"

static char scratch[64], root[80];
static struct spool spool;
static struct error err;

/* A path below the spool; valid until the next but three. */
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

static int
mode_of(const char *path)
{
	struct stat st;

	must(lstat(path, &st) == 0);
	return (int)(st.st_mode & 07777);
}

static void
new_root(void)
{
	static int count;

	(void)snprintf(root, sizeof(root), "%s/%d", scratch, ++count);
}

static void
open_new(void)
{
	new_root();
	if (spool_open(&spool, root, &err) < 0) {
		fprintf(stderr, "# %s\n", err.text);
		must(false);
	}
}

/* How many entries all places have, hidden ones included, but ready/.lock. */
static unsigned
entries(void)
{
	unsigned count = 0;

	for (int i = 0; i < SPOOL_PLACES; i++) {
		DIR *dir = opendir(path_of((enum spool_place)i, ""));
		struct dirent *entry;

		must(dir != NULL);
		while ((entry = readdir(dir)) != NULL)
			count += strcmp(entry->d_name, ".") != 0 &&
				 strcmp(entry->d_name, "..") != 0 &&
				 strcmp(entry->d_name, SPOOL_CLAIMS) != 0;
		must(closedir(dir) == 0);
	}
	return count;
}

static void
test_open(void)
{
	char path[PATH_MAX + 10];
	struct spool again;
	mode_t before = umask(0);

	open_new();
	(void)umask(before);
	is_number(mode_of(root), 0750, "a new spool, mode 0750");
	for (int i = 0; i < SPOOL_PLACES; i++)
		is_number(mode_of(path_of((enum spool_place)i, "")), 0750,
		    spool_place_name((enum spool_place)i));
	is_number(spool_open(&again, root, &err), 0, "opened a second time");
	spool_close(&again);
	spool_close(&again);
	is_number(again.dir[0], -1, "closed, even twice");

	(void)snprintf(path, sizeof(path), "%s/no/spool", scratch);
	is_number(spool_open(&again, path, &err), -1,
	    "only the last component is made");
	ok(strstr(err.text, path) != NULL && err.code == ENOENT, "%s",
	    err.text);
	is_number(spool_open(&again, "", &err), -1, "no path");
	ok(strstr(err.text, "empty") != NULL, "%s", err.text);
	memset(path, 'x', sizeof(path) - 1);
	path[sizeof(path) - 1] = '\0';
	is_number(spool_open(&again, path, &err), -1, "a path too long");
	(void)snprintf(path, sizeof(path), "%s/file", scratch);
	must(close(open(path, O_CREAT | O_WRONLY | O_CLOEXEC, 0600)) == 0);
	is_number(spool_open(&again, path, &err), -1, "a file");
	ok(err.code == ENOTDIR, "%s", err.text);
	spool_close(&spool);
}

/* An open that is refused for what `what` says, in so many words. */
static void
refused(const char *what, const char *words)
{
	int rc = spool_open(&spool, root, &err);

	ok(rc == -1 && err.code == EPERM, "%s is refused", what);
	ok(strstr(err.text, words) != NULL, "  %s", err.text);
	is_number(spool.dir[SPOOL_BUFFER], -1, "  nothing is open");
}

static void
test_trust(void)
{
	char link_path[100];

	open_new();
	spool_close(&spool);
	must(chmod(path_of(SPOOL_METRICS, ""), 0757) == 0);
	refused("a place that others may write to", "metrics: others may");
	must(chmod(path_of(SPOOL_METRICS, ""), 0750) == 0);
	must(chmod(root, 0777) == 0);
	refused("a spool that they may write to", ": others may write to it");
	must(chmod(root, 0750) == 0);
	must(rename(path_of(SPOOL_READY, ""), path_of(SPOOL_BUFFER, "moved")) ==
	     0);
	(void)snprintf(link_path, sizeof(link_path), "%s/ready", root);
	must(symlink("buffer/moved", link_path) == 0);
	refused("a place that is a link", "ready: it is a symbolic link");
	must(unlink(link_path) == 0);
	must(chmod(path_of(SPOOL_BUFFER, ""), 0770) == 0);
	is_number(spool_open(&spool, root, &err), 0,
	    "a place that our group may write to is not");
	spool_close(&spool);

	/* Only root can be a stranger to himself. */
	if (geteuid() != 0)
		return;
	must(chown(path_of(SPOOL_BUFFER, ""), (uid_t)-1, 62000) == 0);
	refused("a foreign group's", "buffer: group 62000, which");
	must(chown(path_of(SPOOL_BUFFER, ""), 62001, 0) == 0);
	refused("a foreign user's", "buffer: it belongs to user 62001");
	must(chown(root, 62001, (gid_t)-1) == 0);
	is_number(spool_open(&spool, root, &err), 0,
	    "not where the spool is his, too");
	spool_close(&spool);
}

/* A spool of a group is one all through, whatever the umask. */
static void
test_group(void)
{
	mode_t before = umask(022);

	new_root();
	must(mkdir(root, 0700) == 0 && chmod(root, 02770) == 0);
	is_number(spool_open(&spool, root, &err), 0, "a group's spool");
	for (int i = 0; i < SPOOL_PLACES; i++)
		is_number(mode_of(path_of((enum spool_place)i, "")), 02770,
		    spool_place_name((enum spool_place)i));
	if (geteuid() == 0) {
		must(chown(path_of(SPOOL_READY, ""), 62001, (gid_t)-1) == 0);
		spool_close(&spool);
		is_number(spool_open(&spool, root, &err), 0,
		    "may have a place that another user has made");
		must(chown(path_of(SPOOL_READY, ""), 62001, 62001) == 0);
		spool_close(&spool);
		refused("but not one of a stranger", "to user 62001");
	}
	spool_close(&spool);
	(void)umask(before);
}

/* The mode of a new file of rejected/, whose own mode that is. */
static int
made_in(mode_t directory, mode_t mode)
{
	int fd, made;

	must(chmod(path_of(SPOOL_REJECTED, ""), directory) == 0);
	fd = spool_create(spool.dir[SPOOL_REJECTED], "f", O_WRONLY, mode);
	must(fd >= 0 && close(fd) == 0);
	made = mode_of(path_of(SPOOL_REJECTED, "f"));
	must(unlink(path_of(SPOOL_REJECTED, "f")) == 0);
	return made;
}

static void
test_file_modes(void)
{
	struct segment seg = SEGMENT_INIT;
	mode_t before = umask(077);

	open_new();
	is_number(made_in(0755, 0640), 0600, "a file is as the umask says");
	is_number(made_in(01777, 0660), 0600, "also where all may write");
	is_number(made_in(02770, 0640), 0640, "but for the directory's group");
	is_number(made_in(0770, 0660), 0660, "to write to, if it is a lock");
	must(chmod(path_of(SPOOL_BUFFER, ""), 0770) == 0);
	must(spool_append(&spool, &seg, "1\n", 2, true, NULL, &err) == 0);
	is_number(mode_of(path_of(SPOOL_BUFFER, seg.name)), 0640,
	    "logbatch reads what logrecv writes");
	segment_close(&seg);
	spool_close(&spool);
	(void)umask(before);
}

static void
test_try(void)
{
	static const enum spool_work works[] = {
	    SPOOL_RECEIVE, SPOOL_BATCH, SPOOL_LOAD};

	open_new();
	for (size_t i = 0; i < 3; i++) {
		is_number(spool_try(&spool, works[i], &err), 0,
		    "a spool as it should be");
		is_number(entries(), 0, "is left as it was");
		/* As a crash leaves them. */
		must(mknod(path_of(SPOOL_BUFFER, ".try.tmp"), S_IFREG, 0) == 0);
		must(mknod(path_of(SPOOL_READY, ".try.tmp"), S_IFREG, 0) == 0);
		is_number(spool_try(&spool, works[i], &err), 0,
		    "what a crash has left is in nobody's way");
		(void)unlink(path_of(SPOOL_BUFFER, ".try.tmp"));
		(void)unlink(path_of(SPOOL_READY, ".try.tmp"));
	}
	spool_close(&spool);
}

static void
test_current(void)
{
	char away[100];

	open_new();
	ok(spool_is_current(&spool), "a spool is there");
	must(spool_try(&spool, SPOOL_RECEIVE, &err) == 0);
	ok(spool_is_current(&spool), "also once it was tried");
	must(rmdir(path_of(SPOOL_REJECTED, "")) == 0);
	ok(spool_is_current(&spool), "without what is not used");
	must(spool_try(&spool, SPOOL_BATCH, &err) == 0);
	ok(spool_is_current(&spool), "by logbatch either");
	must(rmdir(path_of(SPOOL_READY, "")) == 0);
	ok(!spool_is_current(&spool), "not without what is");
	must(mkdir(path_of(SPOOL_READY, ""), 0750) == 0);
	ok(!spool_is_current(&spool), "nor with another in its place");
	spool_close(&spool);

	open_new();
	must(spool_try(&spool, SPOOL_RECEIVE, &err) == 0);
	(void)snprintf(away, sizeof(away), "%s.away", root);
	must(rename(root, away) == 0);
	ok(!spool_is_current(&spool), "not when all of it has moved");
	must(rename(away, root) == 0);
	ok(spool_is_current(&spool), "but when it has come back");
	spool_close(&spool);
}

int
main(void)
{
	tap_scratch(scratch);
	test_open();
	test_trust();
	test_group();
	test_file_modes();
	test_try();
	test_current();
	tap_remove_tree(scratch);
	return tap_end();
}
