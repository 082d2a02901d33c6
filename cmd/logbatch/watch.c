/*
 * watch.c - see watch.h.
 */
#include <errno.h>
#include <stdio.h>
#include <sys/inotify.h>
#include <unistd.h>

#include "watch.h"

/* At most this many reads, so that a storm of writes cannot hold us here. */
#define READS_MAX 64
#define READ_BYTES 16384

static void
tell(struct watch *, const struct inotify_event *, struct watch_news *);

int
watch_open(struct watch *w, const struct spool *spool, struct error *err)
{
	char path[64];

	w->fd = inotify_init1(IN_NONBLOCK | IN_CLOEXEC);
	if (w->fd < 0)
		return error_errno(err, "watch %s: inotify_init1", spool->path);
	/* By its descriptor: the very directory that spool_open opened. */
	(void)snprintf(
	    path, sizeof(path), "/proc/self/fd/%d", spool->dir[SPOOL_BUFFER]);
	w->buffer = inotify_add_watch(w->fd, path,
	    IN_MODIFY | IN_CREATE | IN_MOVED_TO | IN_DELETE | IN_MOVED_FROM);
	if (w->buffer >= 0)
		return 0;
	(void)error_errno(err, "watch %s/buffer", spool->path);
	watch_close(w);
	return -1;
}

void
watch_close(struct watch *w)
{
	if (w->fd >= 0)
		(void)close(w->fd); /* only read from */
	w->fd = -1;
}

int
watch_read(struct watch *w, struct watch_news *news, struct error *err)
{
	_Alignas(struct inotify_event) char data[READ_BYTES];

	for (int i = 0; i < READS_MAX; i++) {
		const struct inotify_event *event;
		ssize_t n = read(w->fd, data, sizeof(data));

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0 && errno == EAGAIN)
			return 0;
		if (n < 0)
			return error_errno(err, "read inotify");
		for (const char *p = data; p < data + n;
		     p += sizeof(*event) + event->len) {
			event = (const struct inotify_event *)(const void *)p;
			tell(w, event, news);
		}
	}
	return 0;
}

static void
tell(
    struct watch *w, const struct inotify_event *event, struct watch_news *news)
{
	if (event->mask & IN_Q_OVERFLOW)
		news->lost = true;
	else if (event->len > 0 && event->wd == w->buffer)
		news->file(news->arg, event->name);
}
