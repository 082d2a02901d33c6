/*
 * acked.c - see acked.h.
 */
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "acked.h"
#include "spool.h"

#define PENDING_MAX 65536

/*
 * What is added must not be glued to a line that a crash or a full disk has
 * left without its end.
 */
static int
begin_line(struct acked *a)
{
	struct stat st;
	char last = '\n';
	int fd;

	/* Of a pipe nothing may be read, and a second one not be opened. */
	if (fstat(a->fd, &st) < 0 || !S_ISREG(st.st_mode) || st.st_size == 0)
		return 0;
	/* Where it may not be read, it is left as it is. */
	fd = open(a->path, O_RDONLY | O_CLOEXEC);
	if (fd < 0 || pread(fd, &last, 1, st.st_size - 1) != 1)
		last = '\n';
	if (fd >= 0)
		(void)close(fd);
	return last == '\n' ? 0 : buf_append(&a->pending, "\n", 1);
}

int
acked_open(struct acked *a, const char *path, bool empty, struct error *err)
{
	int how = O_WRONLY | O_CREAT | O_CLOEXEC;

	memset(a, 0, sizeof(*a));
	a->path = path;
	a->fd = open(path, how | (empty ? O_TRUNC : O_APPEND), 0666);
	if (a->fd < 0 || (!empty && begin_line(a) < 0))
		return error_errno(err, "open %s", path);
	return 0;
}

int
acked_flush(struct acked *a, struct error *err)
{
	if (a->pending.len > 0 &&
	    spool_write_all(a->fd, a->pending.data, a->pending.len) < 0)
		return error_errno(err, "write %s", a->path);
	a->pending.len = 0;
	return 0;
}

int
acked_add(struct acked *a, const struct buf *lines, struct error *err)
{
	if (a->pending.len + lines->len > PENDING_MAX &&
	    acked_flush(a, err) < 0)
		return -1;
	if (buf_append(&a->pending, lines->data, lines->len) < 0)
		return error_errno(err, "write %s", a->path);
	return 0;
}

int
acked_close(struct acked *a, struct error *err)
{
	int rc = acked_flush(a, err);

	if (close(a->fd) < 0 && rc == 0)
		rc = error_errno(err, "close %s", a->path);
	a->fd = -1;
	buf_release(&a->pending);
	return rc;
}
