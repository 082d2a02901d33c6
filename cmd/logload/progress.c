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
#define EVERY_NS (CLOCK_NS_PER_S / 2) /* a point of the window */

void
progress_begin(struct progress *p, bool on, uint64_t total)
{
	memset(p, 0, sizeof(*p));
	p->on = on;
	p->total = total;
	p->points[0].ns = clock_monotonic_ns();
	p->count = 1;
}

/* Bytes a second, since the oldest point of the window. */
static double
rate(struct progress *p, uint64_t now, uint64_t bytes)
{
	const struct progress_point *last =
	    &p->points[(p->count - 1) % PROGRESS_POINTS];
	const struct progress_point *first;

	if (now - last->ns >= EVERY_NS)
		p->points[p->count++ % PROGRESS_POINTS] =
		    (struct progress_point){now, bytes};
	first = p->count <= PROGRESS_POINTS
		    ? &p->points[0]
		    : &p->points[p->count % PROGRESS_POINTS];
	return now > first->ns ? (double)(bytes - first->bytes) * 1e9 /
				     (double)(now - first->ns)
			       : 0;
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

/*
 * What is committed comes chunk by chunk; the bytes come steadily. How many
 * events these are is known once there was a chunk.
 */
static void
put_speed(const struct progress *p, const struct progress_state *now,
    double speed, char *out, size_t size)
{
	int n = snprintf(out, size, "  %.1f MB/s", speed / 1e6);

	if (now->committed > 0)
		n += snprintf(out + n, size - (size_t)n, "  %.0f events/s",
		    speed * (double)now->events / (double)now->committed);
	if (p->total > p->bytes && speed > 0) {
		n += snprintf(out + n, size - (size_t)n, "  left ");
		(void)put_time(out + n, size - (size_t)n,
		    (uint64_t)((double)(p->total - p->bytes) / speed));
	}
}

void
progress_draw(struct progress *p, const struct progress_state *now)
{
	char line[LINE], out[LINE + 16];
	size_t most = width();
	double speed;
	int n = 0;

	if (!p->on)
		return;
	/* A chunk that begins anew does not go back to be seen. */
	if (now->bytes > p->bytes)
		p->bytes = now->bytes;
	if (p->total > 0 && p->bytes > p->total)
		p->bytes = p->total;
	speed = rate(p, clock_monotonic_ns(), p->bytes);
	if (p->total > 0)
		n = put_bar(
		    line, sizeof(line), (double)p->bytes / (double)p->total);
	n += snprintf(line + n, sizeof(line) - (size_t)n, "%.1f MB",
	    (double)p->bytes / 1e6);
	if (now->hashed > 0)
		(void)snprintf(line + n, sizeof(line) - (size_t)n,
		    "  reading for a name: %.1f MB", (double)now->hashed / 1e6);
	else
		put_speed(p, now, speed, line + n, sizeof(line) - (size_t)n);
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
