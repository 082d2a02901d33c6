/*
 * progress.c - see progress.h.
 */
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "clock.h"
#include "progress.h"

#define BAR 24
#define LINE 256

void
progress_begin(struct progress *p, bool on, uint64_t total)
{
	p->on = on;
	p->total = total;
	p->started_ns = clock_monotonic_ns();
}

static int
put_bar(char *out, size_t size, double part)
{
	char bar[BAR + 1];
	int full = (int)(part * BAR);

	for (int i = 0; i < BAR; i++)
		bar[i] = i < full ? '#' : '.';
	bar[BAR] = '\0';
	return snprintf(out, size, "[%s] %3d%%  ", bar, (int)(part * 100));
}

/* Minutes and seconds, hours where there are any. */
static int
put_time(char *out, size_t size, uint64_t s)
{
	if (s >= 3600)
		return snprintf(out, size, "%u:%02u:%02u", (unsigned)(s / 3600),
		    (unsigned)(s / 60 % 60), (unsigned)(s % 60));
	return snprintf(
	    out, size, "%u:%02u", (unsigned)(s / 60), (unsigned)(s % 60));
}

/* A terminal's width, so that the line never wraps. */
static size_t
width(void)
{
	struct winsize w;

	if (ioctl(STDERR_FILENO, TIOCGWINSZ, &w) < 0 || w.ws_col < 20)
		return 79;
	return w.ws_col < LINE - 8 ? (size_t)w.ws_col - 1 : LINE - 8;
}

void
progress_draw(struct progress *p, uint64_t bytes, uint64_t events)
{
	double elapsed = (double)(clock_monotonic_ns() - p->started_ns) / 1e9;
	double rate = elapsed > 0 ? (double)bytes / elapsed : 0;
	char line[LINE], out[LINE + 16];
	size_t most = width();
	int n = 0;

	if (!p->on)
		return;
	if (p->total > 0) {
		if (bytes > p->total)
			bytes = p->total;
		n = put_bar(
		    line, sizeof(line), (double)bytes / (double)p->total);
	}
	n += snprintf(line + n, sizeof(line) - (size_t)n,
	    "%.1f MB  %.1f MB/s  %.0f events/s", (double)bytes / 1e6,
	    rate / 1e6, elapsed > 0 ? (double)events / elapsed : 0);
	if (p->total > bytes && rate > 0) {
		n += snprintf(line + n, sizeof(line) - (size_t)n, "  left ");
		(void)put_time(line + n, sizeof(line) - (size_t)n,
		    (uint64_t)((double)(p->total - bytes) / rate));
	}
	/* The cursor goes back to the left: a message then writes over it. */
	n = snprintf(out, sizeof(out), "\r%.*s\033[K\r", (int)most, line);
	(void)!write(STDERR_FILENO, out, (size_t)n); /* only for the eyes */
}

void
progress_end(struct progress *p)
{
	if (p->on)
		(void)!write(STDERR_FILENO, "\r\033[K", 4);
	p->on = false;
}
