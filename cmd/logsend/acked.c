/*
 * acked.c - see acked.h.
 */
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "acked.h"
#include "spool.h"

#define PENDING_MAX 65536

int
acked_open(struct acked *a, const char *path, bool empty, struct error *err)
{
	int how = O_WRONLY | O_CREAT | O_CLOEXEC;

	memset(a, 0, sizeof(*a));
	a->path = path;
	a->fd = open(path, how | (empty ? O_TRUNC : O_APPEND), 0666);
	return a->fd < 0 ? error_errno(err, "open %s", path) : 0;
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
