/*
 * history.c - see history.h.
 */
#include <errno.h>
#include <fcntl.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "hash.h"
#include "history.h"
#include "json.h"
#include "log.h"
#include "metrics.h"
#include "spool.h"

#define NAME_MOST 128 /* bytes of a sample's name and labels */

#define REFUSED(why) "logrecv_refused_total{reason=\"" why "\"}"
#define REJECTED(why) "logrecv_rejected_events_total{reason=\"" why "\"}"
#define SYNC(le) "logrecv_sync_seconds_bucket{le=\"" le "\"}"

static const char *const rows[] = {
    "logrecv_requests_total",
    "logrecv_events_total",
    "logrecv_line_bytes_total",
    "logrecv_store_errors_total",
    "logrecv_ready",
    "logrecv_buffer_bytes",
    "logrecv_ready_bytes",
    "logrecv_disk_free_bytes",
    REJECTED("json"),
    REJECTED("object"),
    REJECTED("depth"),
    REJECTED("event-size"),
    REJECTED("unfit"),
    REFUSED("json"),
    REFUSED("object"),
    REFUSED("depth"),
    REFUSED("event-size"),
    REFUSED("unfit"),
    REFUSED("empty"),
    REFUSED("body-size"),
    REFUSED("header-size"),
    REFUSED("framing"),
    REFUSED("path"),
    REFUSED("method"),
    REFUSED("content-coding"),
    REFUSED("content-type"),
    REFUSED("spool"),
    REFUSED("in-flight"),
    REFUSED("store"),
    REFUSED("memory"),
    REFUSED("timeout"),
    REFUSED("metrics"),
    REFUSED("connections"),
    REFUSED("origin"),
    REFUSED("no-token"),
    REFUSED("token"),
    REFUSED("way"),
    REFUSED("rate"),
    REFUSED("host"),
    REFUSED("proxy"),
    REFUSED("tls"),
    SYNC("0.0001"),
    SYNC("0.00025"),
    SYNC("0.0005"),
    SYNC("0.001"),
    SYNC("0.0025"),
    SYNC("0.005"),
    SYNC("0.01"),
    SYNC("0.025"),
    SYNC("0.05"),
    SYNC("0.1"),
    SYNC("0.25"),
    SYNC("1"),
    SYNC("5"),
    SYNC("30"),
    SYNC("+Inf"),
    "logload_events_loaded_total",
    "logload_events_rejected_total",
    "logload_rejected_dropped_events_total",
    "logload_database_up",
    "logload_loaded_bytes",
};

#define ROWS (sizeof(rows) / sizeof(rows[0]))

struct history_sample {
	uint64_t time_s; /* 0: there is none */
	double values[ROWS];
	uint64_t sum; /* of what stands before */
};

static const struct {
	const char *name;
	uint64_t step_s, count, first; /* of all samples */
} rings[HISTORY_RINGS] = {
    [HISTORY_HOUR] = {"hour", 10, 360, 0},
    [HISTORY_DAY] = {"day", 300, 288, 360},
};

#define SAMPLES (360 + 288)

/* What the file begins with: another one has other rows, or more samples. */
struct head {
	char magic[16];
	uint64_t layout;
};

static uint64_t
sum_of(const struct history_sample *s)
{
	return hash_bytes(s, offsetof(struct history_sample, sum));
}

static struct history_sample *
slot(const struct history *h, int ring, uint64_t period)
{
	return &h->samples[rings[ring].first + period % rings[ring].count];
}

/* The sample of that period, or NULL. */
static const struct history_sample *
sample_of(const struct history *h, int ring, uint64_t period)
{
	const struct history_sample *s = slot(h, ring, period);

	return s->time_s != 0 && s->time_s / rings[ring].step_s == period
		   ? s
		   : NULL;
}

/*
 * The file
 */

static struct head
head_of_now(void)
{
	struct head head = {.magic = "logs history 1\n",
	    .layout = sizeof(struct history_sample) * SAMPLES};

	for (size_t i = 0; i < ROWS; i++)
		head.layout = head.layout * 31 + hash_name(rows[i]);
	return head;
}

static void
read_samples(struct history *h, int fd)
{
	const struct head now = head_of_now();
	ssize_t size = SAMPLES * sizeof(*h->samples);
	struct head head;

	if (pread(fd, &head, sizeof(head), 0) != sizeof(head) ||
	    memcmp(&head, &now, sizeof(head)) != 0 ||
	    pread(fd, h->samples, (size_t)size, sizeof(head)) < 0) {
		memset(h->samples, 0, (size_t)size);
		return;
	}
	for (int r = 0; r < HISTORY_RINGS; r++) {
		for (uint64_t i = 0; i < rings[r].count; i++) {
			struct history_sample *s = slot(h, r, i);

			if (s->sum != sum_of(s))
				s->time_s = 0;
			else if (s->time_s / rings[r].step_s > h->last[r])
				h->last[r] = s->time_s / rings[r].step_s;
		}
	}
}

/* Of a fixed size from the beginning; what has not been sampled is a hole. */
static int
begin_file(int fd)
{
	const struct head head = head_of_now();
	off_t size = sizeof(head) + SAMPLES * sizeof(struct history_sample);
	struct head old;

	if (pread(fd, &old, sizeof(old), 0) == sizeof(old) &&
	    memcmp(&old, &head, sizeof(head)) == 0)
		return ftruncate(fd, size);
	if (ftruncate(fd, 0) < 0 || ftruncate(fd, size) < 0)
		return -1;
	return pwrite(fd, &head, sizeof(head), 0) == sizeof(head) ? 0 : -1;
}

static void
warn(struct history *h)
{
	if (!h->failed)
		log_warn("write SPOOL/metrics/" METRICS_HISTORY
			 ": %s (going on "
			 "without it)",
		    strerror(errno));
	h->failed = true;
}

void
history_open(struct history *h, struct spool *spool, bool writes)
{
	int dir = spool->dir[SPOOL_METRICS];

	memset(h, 0, sizeof(*h));
	h->samples = calloc(SAMPLES, sizeof(*h->samples));
	h->fd =
	    writes ? spool_create(dir, METRICS_HISTORY, O_RDWR, SPOOL_FILE_MODE)
		   : openat(dir, METRICS_HISTORY,
			 O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
	if (h->fd >= 0 && h->samples != NULL)
		read_samples(h, h->fd);
	if (writes && (h->fd < 0 || begin_file(h->fd) < 0))
		warn(h);
	if (!writes && h->fd >= 0) {
		(void)close(h->fd); /* only read from */
		h->fd = -1;
	}
}

void
history_close(struct history *h)
{
	if (h->fd >= 0)
		(void)close(h->fd); /* what is lost is a sample */
	free(h->samples);
}

static void
write_sample(struct history *h, const struct history_sample *s)
{
	off_t at = sizeof(struct head) + (s - h->samples) * (off_t)sizeof(*s);

	if (h->fd < 0)
		return;
	if (pwrite(h->fd, s, sizeof(*s), at) < 0)
		warn(h);
	else
		h->failed = false;
}

/*
 * Samples
 */

/* A sample's name, "a{b="c",process="2"}", without that of its process. */
static void
cut_process(char *name)
{
	static const char label[] = "process=\"";
	char *from = strstr(name, label), *to;

	if (from == NULL || from == name)
		return;
	to = strchr(from + strlen(label), '"');
	if (to == NULL)
		return;
	to++;
	if (from[-1] == ',') {
		from--;
	} else if (*to == ',') {
		to++;
	} else if (*to == '}') {
		from--;
		to++;
	}
	memmove(from, to, strlen(to) + 1);
}

static bool
is_counter(const char *name)
{
	return strstr(name, "_total") != NULL ||
	       strstr(name, "_bucket") != NULL;
}

/* Those of several processes are added; of gauges ours, the first, counts. */
static void
take_line(double values[ROWS], const char *line, const char *eol)
{
	const char *space = memrchr(line, ' ', (size_t)(eol - line));
	char name[NAME_MOST];

	if (*line == '#' || space == NULL || space - line >= NAME_MOST)
		return;
	memcpy(name, line, (size_t)(space - line));
	name[space - line] = '\0';
	cut_process(name);
	for (size_t i = 0; i < ROWS; i++) {
		if (strcmp(rows[i], name) != 0)
			continue;
		if (isnan(values[i]))
			values[i] = strtod(space, NULL);
		else if (is_counter(rows[i]))
			values[i] += strtod(space, NULL);
		return;
	}
}

bool
history_keep(
    struct history *h, const struct buf *text, uint64_t now_s, bool last)
{
	struct history_sample now = {.time_s = now_s};
	bool kept = false;

	for (size_t i = 0; i < ROWS; i++)
		now.values[i] = NAN;
	for (int r = 0; h->samples != NULL && r < HISTORY_RINGS; r++) {
		uint64_t period = now_s / rings[r].step_s;

		if (period == h->last[r] && !last)
			continue;
		for (const char *p = text->data, *end = p + text->len, *eol;
		     !kept && text->len > 0 && p < end; p = eol + 1) {
			eol = memchr(p, '\n', (size_t)(end - p));
			if (eol == NULL)
				break;
			take_line(now.values, p, eol);
		}
		now.sum = sum_of(&now);
		h->last[r] = period;
		*slot(h, r, period) = now;
		write_sample(h, slot(h, r, period));
		kept = true;
	}
	return kept;
}

/*
 * For the page
 */

static int
put_value(struct buf *out, double v)
{
	if (!isfinite(v))
		return buf_append(out, "null", 4);
	return buf_printf(out, "%.15g", v);
}

static bool
is_same(double a, double b)
{
	return a == b || (isnan(a) && isnan(b));
}

static int
put_row(struct buf *out, size_t row, const struct history_sample **samples,
    size_t count)
{
	char name[6 * NAME_MOST + 2];
	size_t len = json_string_encode(rows[row], strlen(rows[row]), name);
	size_t most = 1;

	for (size_t i = 1; i < count; i++) {
		if (!is_same(samples[i]->values[row], samples[0]->values[row]))
			most = count;
	}
	if (buf_printf(out, "%s%.*s:[", row > 0 ? "," : "", (int)len, name) < 0)
		return -1;
	for (size_t i = 0; i < count && i < most; i++) {
		if ((i > 0 && buf_append(out, ",", 1) < 0) ||
		    put_value(out, samples[i]->values[row]) < 0)
			return -1;
	}
	return buf_append(out, "]", 1);
}

static int
put_ring(const struct history *h, int ring, uint64_t now_s, struct buf *out)
{
	const struct history_sample *samples[SAMPLES], *s;
	uint64_t now = now_s / rings[ring].step_s;
	uint64_t first =
	    now < rings[ring].count ? 0 : now - rings[ring].count + 1;
	size_t count = 0;

	for (uint64_t i = first; h->samples != NULL && i <= now; i++) {
		if ((s = sample_of(h, ring, i)) != NULL)
			samples[count++] = s;
	}
	if (buf_printf(out, "\"%s\":{\"step\":%llu,\"at\":[", rings[ring].name,
		(unsigned long long)rings[ring].step_s) < 0)
		return -1;
	for (size_t i = 0; i < count; i++) {
		if (buf_printf(out, "%s%llu", i > 0 ? "," : "",
			(unsigned long long)samples[i]->time_s) < 0)
			return -1;
	}
	if (buf_printf(out, "],\"values\":{") < 0)
		return -1;
	for (size_t row = 0; row < ROWS; row++) {
		if (put_row(out, row, samples, count) < 0)
			return -1;
	}
	return buf_printf(out, "}}");
}

int
history_put(const struct history *h, uint64_t now_s, struct buf *out)
{
	if (buf_printf(out, "{") < 0 ||
	    put_ring(h, HISTORY_HOUR, now_s, out) < 0 ||
	    buf_printf(out, ",") < 0 ||
	    put_ring(h, HISTORY_DAY, now_s, out) < 0)
		return -1;
	return buf_printf(out, "}");
}
