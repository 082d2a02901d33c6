/*
 * lines.c - see lines.h.
 *
 * O_NONBLOCK would be shared with whoever else holds the other end's open
 * file, the shell that started us for one; so poll(2) asks before each read.
 */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "lines.h"

#define READ_LEN 65536
#define PIPE_MOST 1048576 /* bytes that it holds: pipe(7), pipe-max-size */

int
lines_open(struct lines *l, const char *path, struct error *err)
{
	struct stat st;

	memset(l, 0, sizeof(*l));
	l->name = strcmp(path, "-") == 0 ? "standard input" : path;
	l->fd = strcmp(path, "-") == 0 ? STDIN_FILENO
				       : open(path, O_RDONLY | O_CLOEXEC);
	if (l->fd < 0)
		return error_errno(err, "open %s", path);
	if (fstat(l->fd, &st) < 0) {
		(void)error_errno(err, "stat %s", path);
		lines_close(l);
		return -1;
	}
	l->polls = !S_ISREG(st.st_mode) && !S_ISDIR(st.st_mode);
	return 0;
}

void
lines_close(struct lines *l)
{
	/* Nothing was written: there is nothing that close could lose. */
	if (l->fd > STDIN_FILENO)
		(void)close(l->fd);
	l->fd = -1;
	buf_release(&l->text);
}

/* Reads some more. LINES_ONE: there is more, or the end is reached. */
static enum lines_verdict
fill(struct lines *l, struct error *err)
{
	struct pollfd ready = {.fd = l->fd, .events = POLLIN};
	ssize_t n;

	if (l->at > 0) {
		l->text.len -= l->at;
		memmove(l->text.data, l->text.data + l->at, l->text.len);
		l->scanned -= l->at;
		l->at = 0;
	}
	if (buf_reserve(&l->text, READ_LEN) < 0) {
		(void)error_errno(err, "read %s", l->name);
		return LINES_ERROR;
	}
	if (l->polls && poll(&ready, 1, 0) == 0)
		return LINES_WAIT;
	do {
		n = read(l->fd, l->text.data + l->text.len, READ_LEN);
	} while (n < 0 && errno == EINTR);
	if (n < 0 && errno == EAGAIN)
		return LINES_WAIT;
	if (n < 0) {
		(void)error_errno(err, "read %s", l->name);
		return LINES_ERROR;
	}
	l->text.len += (size_t)n;
	l->ended = n == 0;
	return LINES_ONE;
}

/* The line of `len` bytes at `at`, then `skip` bytes. */
static enum lines_verdict
take(struct lines *l, size_t len, size_t skip, const char **line, size_t *out)
{
	bool too_long = l->passing || len > LINES_LINE_MAX;

	*line = l->text.data + l->at;
	*out = len;
	l->at += len + skip;
	l->scanned = l->at;
	l->passing = false;
	l->number++;
	return too_long ? LINES_TOO_LONG : LINES_ONE;
}

enum lines_verdict
lines_next(struct lines *l, const char **line, size_t *len, struct error *err)
{
	for (;;) {
		size_t left = l->text.len - l->scanned;
		char *lf = left == 0
			       ? NULL
			       : memchr(l->text.data + l->scanned, '\n', left);
		enum lines_verdict v;

		if (lf != NULL)
			return take(l, (size_t)(lf - l->text.data) - l->at, 1,
			    line, len);
		l->scanned = l->text.len;
		if (l->scanned - l->at > LINES_LINE_MAX) {
			l->passing = true;
			l->at = l->scanned;
		}
		if (l->ended && (l->at < l->text.len || l->passing))
			return take(l, l->text.len - l->at, 0, line, len);
		if (l->ended)
			return LINES_END;
		v = fill(l, err);
		if (v != LINES_ONE)
			return v;
	}
}

bool
lines_all_there(const struct lines *l)
{
	struct pollfd gone = {.fd = l->fd, .events = POLLRDHUP};

	return !l->polls || l->ended ||
	       (poll(&gone, 1, 0) > 0 &&
		   (gone.revents & (POLLHUP | POLLRDHUP)) != 0);
}

void
lines_finish(struct lines *l)
{
	size_t most = l->text.len - l->at + PIPE_MOST;
	struct error ignored; /* what was read before is there all the same */

	if (!l->polls) {
		l->text.len = l->scanned = l->at;
		l->passing = false;
	}
	while (l->polls && !l->ended && l->text.len - l->at < most &&
	       fill(l, &ignored) == LINES_ONE)
		;
	l->ended = true;
}
