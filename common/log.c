/*
 * log.c - see log.h.
 */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "clock.h"
#include "lock.h"
#include "log.h"

static const char *const level_names[] = {"error", "warn", "info", "debug"};

/* Set once, before threads start: see log_init. */
static const char *log_tool = "?";
static enum log_level log_most = LOG_LEVEL_INFO;

/*
 * How to write without waiting for whoever reads. Others share stderr, so it is
 * not made non-blocking: a socket is asked for one call; of a pipe or terminal
 * we open a description of our own. Where we may not, as /proc and the mode of
 * a pipe decide, poll tells if there is room, which another one may just take.
 */
static enum { SINK_PLAIN, SINK_SOCKET, SINK_POLLED } sink_kind;
static int sink_fd = STDERR_FILENO;
static atomic_ulong lines_lost; /* and not told of */

static pthread_mutex_t kept_lock = PTHREAD_MUTEX_INITIALIZER;
static char kept[LOG_KEPT][LOG_KEPT_MAX]; /* a ring, under the lock */
static unsigned kept_count;               /* ever */

static void open_sink(void);
static void log_line(enum log_level, const char *fmt, va_list)
    __attribute__((format(printf, 2, 0)));

void
log_init(const char *tool, enum log_level most)
{
	log_tool = tool;
	log_most = most;
	open_sink();
}

static void
open_sink(void)
{
	struct stat st;

	if (sink_fd != STDERR_FILENO)
		(void)close(sink_fd); /* nothing is kept back in it */
	sink_fd = STDERR_FILENO;
	sink_kind = SINK_PLAIN;
	if (fstat(STDERR_FILENO, &st) < 0)
		return;
	if (S_ISSOCK(st.st_mode)) {
		sink_kind = SINK_SOCKET;
	} else if (S_ISFIFO(st.st_mode) || S_ISCHR(st.st_mode)) {
		int fd = open("/proc/self/fd/2",
		    O_WRONLY | O_APPEND | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);

		sink_kind = fd < 0 ? SINK_POLLED : SINK_PLAIN;
		sink_fd = fd < 0 ? STDERR_FILENO : fd;
	}
}

#define DEFINE_LOG(name, level) \
	void name(const char *fmt, ...) \
	{ \
		va_list ap; \
\
		va_start(ap, fmt); \
		log_line(level, fmt, ap); \
		va_end(ap); \
	}

DEFINE_LOG(log_error, LOG_LEVEL_ERROR)
DEFINE_LOG(log_warn, LOG_LEVEL_WARN)
DEFINE_LOG(log_info, LOG_LEVEL_INFO)
DEFINE_LOG(log_debug, LOG_LEVEL_DEBUG)

/* Copies text, escaped, to out; returns the end, always before limit. */
static char *
escape(char *out, const char *limit, const char *text)
{
	static const char hex[] = "0123456789abcdef";

	for (; *text != '\0' && limit - out > 4; text++) {
		unsigned char c = (unsigned char)*text;

		if (c >= 0x20 && c < 0x7f) {
			*out++ = (char)c;
			continue;
		}
		*out++ = '\\';
		*out++ = 'x';
		*out++ = hex[c >> 4];
		*out++ = hex[c & 15];
	}
	return out;
}

static void
keep(const char *line, size_t len)
{
	char *to;

	if (len > LOG_KEPT_MAX - 1)
		len = LOG_KEPT_MAX - 1;
	lock_take(&kept_lock);
	to = kept[kept_count++ % LOG_KEPT];
	memcpy(to, line, len);
	to[len] = '\0';
	lock_release(&kept_lock);
}

int
log_kept(struct buf *out)
{
	int rc = 0;

	lock_take(&kept_lock);
	for (unsigned i = 0; i < LOG_KEPT && rc == 0; i++) {
		const char *line = kept[(kept_count + i) % LOG_KEPT];

		if (*line != '\0')
			rc = buf_printf(out, "%s\n", line);
	}
	lock_release(&kept_lock);
	return rc;
}

/* Writes a line. False: there is no room for it now. */
static bool
put(enum log_level level, const char *text)
{
	struct pollfd room = {.fd = sink_fd, .events = POLLOUT};
	char stamp[CLOCK_STAMP_LEN + 1], line[LOG_LINE_MAX];
	char *end;
	ssize_t n;
	int head;

	clock_stamp(clock_wall_us(), stamp);
	head = snprintf(line, sizeof(line), "%s %s %s: ", stamp,
	    level_names[level], log_tool);
	if (head < 0 || (size_t)head >= sizeof(line))
		return true;
	end = escape(line + head, line + sizeof(line), text);
	if (level <= LOG_LEVEL_WARN)
		keep(line, (size_t)(end - line));
	*end++ = '\n';
	if (sink_kind == SINK_POLLED && poll(&room, 1, 0) == 0)
		return false;
	if (sink_kind == SINK_SOCKET)
		n = send(sink_fd, line, (size_t)(end - line),
		    MSG_DONTWAIT | MSG_NOSIGNAL);
	else
		n = write(sink_fd, line, (size_t)(end - line));
	/* Nowhere is left to say that stderr failed in another way. */
	return n >= 0 || (errno != EAGAIN && errno != ENOBUFS);
}

static void
log_line(enum log_level level, const char *fmt, va_list ap)
{
	char text[LOG_LINE_MAX], notice[64];
	unsigned long lost;

	if (level > log_most)
		return;
	(void)vsnprintf(text, sizeof(text), fmt, ap);
	lost = atomic_exchange(&lines_lost, 0);
	if (lost > 0) {
		(void)snprintf(notice, sizeof(notice),
		    "nobody read stderr: lines were lost lines=%lu", lost);
		if (!put(LOG_LEVEL_WARN, notice)) {
			atomic_fetch_add(&lines_lost, lost + 1);
			return;
		}
	}
	if (!put(level, text))
		atomic_fetch_add(&lines_lost, 1);
}
