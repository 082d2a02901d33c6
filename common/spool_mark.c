/*
 * spool_mark.c - up to when loaded/ is an archive; see spool.h.
 */
#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "clock.h"
#include "spool.h"

bool
spool_mark_read(struct spool *s, uint64_t *until_us)
{
	struct stat st;

	if (fstatat(s->dir[SPOOL_READY], SPOOL_MARK, &st, AT_SYMLINK_NOFOLLOW) <
		0 ||
	    !S_ISREG(st.st_mode))
		return false;
	*until_us = (uint64_t)st.st_mtim.tv_sec * CLOCK_US_PER_S +
		    (uint64_t)st.st_mtim.tv_nsec / 1000;
	return true;
}

int
spool_mark_write(struct spool *s, uint64_t until_us, struct error *err)
{
	int dir = s->dir[SPOOL_READY], rc;
	struct timespec times[] = {{.tv_nsec = UTIME_OMIT},
	    {.tv_sec = (time_t)(until_us / CLOCK_US_PER_S),
		.tv_nsec = (long)(until_us % CLOCK_US_PER_S * 1000)}};
	bool is_new = faccessat(dir, SPOOL_MARK, F_OK, 0) < 0;
	int fd = spool_create(dir, SPOOL_MARK, O_RDONLY, SPOOL_FILE_MODE);

	/* Another user's: he who may load may replace it. */
	if (fd >= 0 && futimens(fd, times) < 0 && errno == EPERM) {
		(void)close(fd); /* nothing was written */
		(void)unlinkat(dir, SPOOL_MARK, 0);
		fd = spool_create(dir, SPOOL_MARK, O_RDONLY, SPOOL_FILE_MODE);
	}
	if (fd < 0)
		return error_errno(
		    err, "create %s/ready/%s", s->path, SPOOL_MARK);
	rc = futimens(fd, times);
	/* Before any file comes that it does not mean. */
	if (rc == 0 && is_new)
		rc = fsync(dir);
	if (rc < 0)
		(void)error_errno(err, "mark %s/ready/%s", s->path, SPOOL_MARK);
	(void)close(fd); /* nothing was written */
	return rc;
}
