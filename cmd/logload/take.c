/*
 * take.c - see take.h.
 */
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "clock.h"
#include "log.h"
#include "row/value.h"
#include "take.h"

/* Was it there, just as large, when the loading of that line began? */
static bool
was_there(
    const struct spool *spool, const char *name, const struct db_file *file)
{
	char came[VALUE_DATETIME_LEN + 1];
	struct stat st;

	if (fstatat(spool->dir[SPOOL_READY], name, &st, AT_SYMLINK_NOFOLLOW) <
		0 ||
	    (uint64_t)st.st_size != file->progress)
		return false;
	value_stamp((int64_t)st.st_ctim.tv_sec * (int64_t)CLOCK_US_PER_S +
			st.st_ctim.tv_nsec / 1000,
	    came);
	return strcmp(came, file->started_at) < 0;
}

/*
 * The version before loaded such a file under the name that it was given: has
 * it loaded a part of it? Then the rest belongs to that. Or all of it, and was
 * killed before it could remove it?
 */
static enum load_verdict
find_begun(const struct spool *spool, struct worker *w, const char *name,
    bool *begun, struct error *err)
{
	enum load_verdict verdict;
	struct db_file file;
	bool any;

	verdict = trial_find(&w->trial, &w->loader, name, &file, &any, err);
	*begun = verdict == LOAD_DONE && any && file.table[0] == '\0' &&
		 (!file.loaded || was_there(spool, name, &file));
	return verdict;
}

enum taken
take_name(struct spool *spool, struct worker *w, const char **name, char *own,
    enum load_verdict *asked, struct error *err)
{
	bool begun;
	int rc;

	if (spool_name_parse(*name, NULL))
		return TAKEN;
	*asked = find_begun(spool, w, *name, &begun, err);
	if (*asked != LOAD_DONE)
		return TAKEN_UNKNOWN;
	if (begun)
		return TAKEN;
	rc = spool_adopt(spool, w->claims, *name, own, err);
	if (rc == 0)
		return TAKEN_BY_ANOTHER;
	if (rc < 0)
		return err->code == ENOENT ? TAKEN_GONE : TAKEN_NOT;
	log_info("named file=%s as=%s", *name, own);
	*name = own;
	return TAKEN;
}

/* It is claimed. Before that, whoever had it may just have removed it. */
static enum taken
open_file(struct spool *spool, const char *name, struct source *source,
    struct error *err)
{
	int fd = openat(spool->dir[SPOOL_READY], name,
	    O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);

	if (fd < 0) {
		(void)error_errno(err, "open");
		return err->code == ENOENT ? TAKEN_GONE : TAKEN_NOT;
	}
	/* Before its size is looked at, which is final then. */
	if (spool_name_may_be_torn(name)
		? spool_is_being_copied(fd)
		: spool_find_writer(fd) == SPOOL_WRITER_THERE) {
		(void)close(fd); /* only read from */
		return TAKEN_BY_ANOTHER;
	}
	return source_open(source, fd, -1, err) < 0 ? TAKEN_NOT : TAKEN;
}

enum taken
take_file(struct spool *spool, int claims, const char *name,
    struct source *source, struct error *err)
{
	int rc = spool_claim(claims, name);
	enum taken taken;

	if (rc == 0)
		return TAKEN_BY_ANOTHER;
	if (rc < 0) {
		(void)error_errno(err, "claim");
		return TAKEN_NOT;
	}
	taken = open_file(spool, name, source, err);
	if (taken != TAKEN)
		spool_release(claims, name);
	return taken;
}
