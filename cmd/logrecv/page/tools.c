/*
 * tools.c - see tools.h.
 */
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "json.h"
#include "log.h"
#include "metrics.h"
#include "tools.h"

#define TOOLS_MOST 32

/* The lines of a text, as strings. */
static int
put_lines(struct buf *out, const char *p, const char *end)
{
	char string[6 * LOG_KEPT_MAX + 2];

	for (const char *eol; p < end; p = eol + 1) {
		size_t len;

		eol = memchr(p, '\n', (size_t)(end - p));
		if (eol == NULL)
			break;
		if (eol == p || eol - p > LOG_KEPT_MAX)
			continue;
		len = json_string_encode(p, (size_t)(eol - p), string);
		if ((out->data[out->len - 1] != '[' &&
			buf_append(out, ",", 1) < 0) ||
		    buf_append(out, string, len) < 0)
			return -1;
	}
	return 0;
}

/* What the tools have last warned of: see metrics_write. */
static int
put_warnings(
    struct buf *out, int dir, const struct metrics_tool *tools, int count)
{
	char name[METRICS_NAME_MAX + 4], text[LOG_KEPT * LOG_KEPT_MAX];
	ssize_t n;
	int fd;

	if (buf_printf(out, ",\"warnings\":[") < 0)
		return -1;
	for (int i = 0; i < count; i++) {
		(void)snprintf(name, sizeof(name), "%.*s.log",
		    METRICS_NAME_MAX - 1, tools[i].name);
		fd = openat(
		    dir, name, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
		if (fd < 0)
			continue;
		n = read(fd, text, sizeof(text));
		(void)close(fd); /* only read from */
		if (n > 0 && put_lines(out, text, text + n) < 0)
			return -1;
	}
	return buf_append(out, "]", 1);
}

int
tools_put(struct spool *spool, struct buf *out)
{
	struct metrics_tool tools[TOOLS_MOST];
	int count = metrics_tools(spool, tools, TOOLS_MOST);

	if (buf_printf(out, "\"tools\":[") < 0)
		return -1;
	for (int i = 0; i < count; i++) {
		char name[6 * METRICS_NAME_MAX + 2];
		size_t len = json_string_encode(
		    tools[i].name, strlen(tools[i].name), name);

		if (buf_printf(out,
			"%s{\"name\":%.*s,\"runs\":%s,\"written\":%llu}",
			i > 0 ? "," : "", (int)len, name,
			tools[i].runs ? "true" : "false",
			(unsigned long long)tools[i].written_s) < 0)
			return -1;
	}
	return buf_append(out, "]", 1) < 0
		   ? -1
		   : put_warnings(out, spool->dir[SPOOL_METRICS], tools, count);
}
