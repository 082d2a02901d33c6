/*
 * log.c - see log.h.
 */
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "clock.h"
#include "log.h"

static const char *const level_names[] = {"error", "warn", "info", "debug"};

/* Set once, before threads start: see log_init. */
static const char *log_tool = "?";
static enum log_level log_most = LOG_LEVEL_INFO;

static void log_line(enum log_level, const char *fmt, va_list)
    __attribute__((format(printf, 2, 0)));

void
log_init(const char *tool, enum log_level most)
{
	log_tool = tool;
	log_most = most;
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
log_line(enum log_level level, const char *fmt, va_list ap)
{
	char text[LOG_LINE_MAX], line[LOG_LINE_MAX];
	char stamp[CLOCK_STAMP_LEN + 1];
	char *end;
	int n;

	if (level > log_most)
		return;
	clock_stamp(clock_wall_us(), stamp);
	n = snprintf(line, sizeof(line), "%s %s %s: ", stamp,
	    level_names[level], log_tool);
	if (n < 0 || (size_t)n >= sizeof(line))
		return;
	(void)vsnprintf(text, sizeof(text), fmt, ap);
	end = escape(line + n, line + sizeof(line), text);
	*end++ = '\n';
	/* Nowhere is left to say that stderr failed. */
	if (write(STDERR_FILENO, line, (size_t)(end - line)) < 0)
		return;
}
