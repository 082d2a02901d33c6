/*
 * metrics.c - the text that Prometheus reads, the files it is kept in, and
 * what is made of several files.
 */
#include <fcntl.h>
#include <pthread.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include "metrics.h"
#include "tap.h"

static char scratch[64], root[80];
static struct spool spool, empty;
static struct error err;

static struct metric_histogram sync_time, sizes;
static struct metric table[] = {
    METRIC_COUNTER("t_events_total", "Events."),
    METRIC_COUNTER(
	"t_refused_total", "Refused.", METRIC_LABEL("reason", "json")),
    METRIC_COUNTER(
	"t_refused_total", "Refused.", METRIC_LABEL("reason", "si\\\"ze")),
    METRIC_GAUGE("t_age_seconds", "Age.", .scale = 0.001),
    METRIC_HISTOGRAM("t_sync_seconds", "Sync.", .histogram = &sync_time),
    METRIC_HISTOGRAM(
	"t_event_bytes", "Sizes.", .histogram = &sizes, .bounds = metric_sizes),
    METRIC_GAUGE("t_left_bytes", "Left.", .of_spool = true),
    {.name = NULL},
};

static const char first_part[] = "# HELP t_events_total Events.\n"
				 "# TYPE t_events_total counter\n"
				 "t_events_total 7\n"
				 "# HELP t_refused_total Refused.\n"
				 "# TYPE t_refused_total counter\n"
				 "t_refused_total{reason=\"json\"} 0\n"
				 "t_refused_total{reason=\"si\\\"ze\"} 2\n"
				 "# HELP t_age_seconds Age.\n"
				 "# TYPE t_age_seconds gauge\n"
				 "t_age_seconds 1.500000\n"
				 "# HELP t_sync_seconds Sync.\n"
				 "# TYPE t_sync_seconds histogram\n";

/* The table alone, as a spool without files shows it. */
static const char *
rendered(void)
{
	static const struct metrics_file own = {.process = 1};
	static struct buf out;

	out.len = 0;
	must(metrics_collect(&empty, &own, table, &out, &err) == 0);
	must(buf_append(&out, "", 1) == 0);
	return out.data;
}

/* The number in the line that begins with `sample` and a space, or -1. */
static double
value_of(const char *text, const char *sample)
{
	size_t len = strlen(sample);

	for (const char *p = text; *p != '\0'; p += strcspn(p, "\n") + 1) {
		if (strncmp(p, sample, len) == 0 && p[len] == ' ')
			return atof(p + len);
	}
	return -1;
}

static bool
begins(const char *text, const char *front)
{
	return strncmp(text, front, strlen(front)) == 0;
}

static void
test_render(void)
{
	const char *text;

	metric_add(&table[0], 3);
	metric_add(&table[0], 4);
	metric_add(&table[2], 2);
	metric_set(&table[3], 1500);
	text = rendered();
	ok(strncmp(text, first_part, sizeof(first_part) - 1) == 0,
	    "help and type once a family, then its samples");
	if (strncmp(text, first_part, sizeof(first_part) - 1) != 0)
		fprintf(stderr, "%s", text);
	is_number(metric_get(&table[0]), 7, "a counter adds up");
	metric_set(&table[3], -2000);
	ok(strstr(rendered(), "t_age_seconds -2.000000\n") != NULL,
	    "a gauge may be negative");
}

static void
test_histogram(void)
{
	static const struct {
		const char *bound;
		int want;
	} buckets[] = {{"0.0001", 1}, {"0.00025", 2}, {"0.0005", 2},
	    {"0.001", 3}, {"0.0025", 3}, {"0.1", 3}, {"1", 3}, {"5", 4},
	    {"30", 4}, {"+Inf", 5}};
	const char *text;
	double last = 0;
	int lines = 0;
	struct tap_all rising = {0};

	metric_observe(&table[4], 0);
	metric_observe(&table[4], 200000);  /* 0.2 ms */
	metric_observe(&table[4], 1000000); /* 1 ms: its bucket's own bound */
	metric_observe(&table[4], 2000000000);
	metric_observe(&table[4], 100000000000);
	text = rendered();
	for (size_t i = 0; i < sizeof(buckets) / sizeof(*buckets); i++) {
		char sample[80];

		(void)snprintf(sample, sizeof(sample),
		    "t_sync_seconds_bucket{le=\"%s\"}", buckets[i].bound);
		is_number((int)value_of(text, sample), buckets[i].want, sample);
	}
	for (const char *p = text;
	     (p = strstr(p, "_seconds_bucket{")) != NULL;) {
		double value;

		p = strchr(p, ' ');
		must(p != NULL);
		value = atof(p);
		tap_case(&rising, value >= last, "%f after %f", value, last);
		last = value;
		lines++;
	}
	tap_all(&rising, "buckets are cumulative");
	is_number(lines, METRIC_BUCKETS + 1, "there are all of them");
	is_number((int)value_of(text, "t_sync_seconds_count"), 5, "the count");
	ok(strstr(text, "t_sync_seconds_sum 102.001200000\n") != NULL,
	    "the sum, in seconds");
	metric_observe(&table[5], 524288);
	metric_observe(&table[5], 524289);
	text = rendered();
	is_number((int)value_of(text, "t_event_bytes_bucket{le=\"262144\"}"), 0,
	    "bounds of another kind");
	is_number((int)value_of(text, "t_event_bytes_bucket{le=\"524288\"}"), 1,
	    "up to their last");
	ok(strstr(text, "t_event_bytes_sum 1048577\n") != NULL,
	    "the sum, in bytes");
}

static void *
add_many(void *arg)
{
	(void)arg;
	for (int i = 0; i < 100000; i++) {
		metric_add(&table[1], 1);
		if (i % 100 == 0)
			metric_observe(&table[4], 1000);
	}
	return NULL;
}

static void
test_threads(void)
{
	pthread_t threads[4];

	for (int i = 0; i < 4; i++)
		must(pthread_create(&threads[i], NULL, add_many, NULL) == 0);
	for (int i = 0; i < 20; i++)
		(void)rendered();
	for (int i = 0; i < 4; i++)
		must(pthread_join(threads[i], NULL) == 0);
	is_number(metric_get(&table[1]), 400000, "four threads add up");
	is_number((int)value_of(rendered(), "t_sync_seconds_count"), 4005,
	    "and observe");
}

/* A file of SPOOL/metrics/, or "(none)". */
static const char *
content(const char *name)
{
	static char text[8192];
	int fd = openat(spool.dir[SPOOL_METRICS], name, O_RDONLY | O_CLOEXEC);
	ssize_t n;

	if (fd < 0)
		return "(none)";
	n = read(fd, text, sizeof(text) - 1);
	must(n >= 0);
	(void)close(fd);
	text[n] = '\0';
	return text;
}

static void
put(const char *name, const char *text)
{
	struct spool_draft d = SPOOL_DRAFT_INIT;

	must(spool_draft_open(&d, spool.dir[SPOOL_METRICS], name, &err) == 0);
	must(spool_draft_write(&d, text, strlen(text), &err) == 0);
	must(spool_draft_publish(&d, false, &err) == 0);
}

static void
open_new(const char *name)
{
	(void)snprintf(root, sizeof(root), "%s/%s", scratch, name);
	must(spool_open(&spool, root, &err) == 0);
}

static void
test_files(void)
{
	struct metrics_file one, two, three;
	struct stat before, after;

	open_new("files");
	is_number(metrics_open(&one, &spool, "tool", &err), 0, "open");
	is_number(metrics_write(&one, table, &err), 0, "write");
	ok(begins(content("tool.prom"), rendered()), "tool.prom");
	ok(value_of(content("tool.prom"), "tool_process_start_time_seconds") >
		1e9,
	    "has what is known of the process behind it");
	ok(strstr(content("tool.prom"), "\ntool_build_info{version=\"") != NULL,
	    "and which one it is");
	must(fstatat(spool.dir[SPOOL_METRICS], "tool.prom", &before, 0) == 0);
	must(utimensat(spool.dir[SPOOL_METRICS], "tool.prom",
		 (struct timespec[]){{1000, 0}, {1000, 0}}, 0) == 0);
	is_number(metrics_write(&one, table, &err), 0, "write of the same");
	must(fstatat(spool.dir[SPOOL_METRICS], "tool.prom", &after, 0) == 0);
	ok(before.st_ino == after.st_ino, "leaves the file as it is");
	ok(after.st_mtim.tv_sec > 1000, "but for its time");
	metric_add(&table[0], 1);
	is_number(metrics_write(&one, table, &err), 0, "write of a change");
	ok(begins(content("tool.prom"), rendered()), "replaces the file");

	/* An flock is of a descriptor, so one process can play several. */
	is_number(metrics_open(&two, &spool, "tool", &err), 0,
	    "a second process of the tool");
	is_text(two.name, "tool-2.prom", "has a file of its own");
	is_number(metrics_write(&two, table, &err), 0, "writes to it");
	ok(strstr(content("tool-2.prom"),
	       "\nt_events_total{process=\"2\"} 8\n") != NULL,
	    "samples say which process");
	ok(strstr(content("tool-2.prom"),
	       "\nt_refused_total{reason=\"si\\\"ze\",process=\"2\"} 2\n") !=
		NULL,
	    "beside their own labels");
	ok(strstr(content("tool-2.prom"),
	       "_bucket{process=\"2\",le=\"+Inf\"} ") != NULL,
	    "in a histogram too");
	ok(strstr(content("tool-2.prom"), "t_left_bytes") == NULL,
	    "and what is of the spool is the first one's to write");
	is_number(metrics_open(&three, &spool, "other", &err), 0, "a tool");
	is_text(three.name, "other.prom", "of another name is the first");
	metrics_close(&three);
	metrics_close(&one);
	is_number(metrics_open(&one, &spool, "tool", &err), 0,
	    "once the first has ended");
	is_text(one.name, "tool.prom", "its place is free");
	metrics_close(&one);
	metrics_close(&two);
	spool_close(&spool);
}

static void
test_collect(void)
{
	static const char want_a[] =
	    "# HELP a_total A.\n# TYPE a_total counter\n";
	struct buf out = {0};
	char *big = malloc((1 << 20) + 10);
	const char *a, *b, *text;

	open_new("collect");
	is_number(metrics_collect(&spool, NULL, NULL, &out, &err), 0,
	    "nothing to collect");
	is_number(out.len, 0, "is nothing");
	put("one.prom", "# HELP a_total A.\n# TYPE a_total counter\n"
			"a_total 1\n"
			"# HELP b_total B.\n# TYPE b_total counter\n"
			"b_total{x=\"y\"} 2\n");
	put("one-2.prom", "# HELP a_total A.\n# TYPE a_total counter\n"
			  "a_total{process=\"2\"} 3\n"
			  "# HELP b_total B.\n# TYPE b_total counter\n"
			  "b_total{x=\"y\",process=\"2\"} 4\n");
	put("ab.prom", "# HELP a_total_more C.\n# TYPE a_total_more counter\n"
		       "a_total_more 5\n");
	put(".hidden.prom", "hidden 1\n");
	put("note.txt", "note 1\n");
	put("torn.prom", "torn 1");
	put("empty.prom", "");
	must(big != NULL);
	memset(big, '#', (1 << 20) + 9);
	big[(1 << 20) + 8] = '\n';
	big[(1 << 20) + 9] = '\0';
	put("big.prom", big);
	free(big);
	must(mkdirat(spool.dir[SPOOL_METRICS], "dir.prom", 0700) == 0);
	must(mkfifoat(spool.dir[SPOOL_METRICS], "fifo.prom", 0600) == 0);
	must(
	    symlinkat("/etc/passwd", spool.dir[SPOOL_METRICS], "ln.prom") == 0);
	out.len = 0;
	is_number(
	    metrics_collect(&spool, NULL, NULL, &out, &err), 0, "collect");
	must(buf_append(&out, "", 1) == 0);
	text = out.data;
	a = strstr(text, want_a);
	ok(a != NULL && strstr(a + 1, want_a) == NULL,
	    "a family's comments stand there once");
	a = strstr(text, "a_total 1\na_total{process=\"2\"} 3\n");
	b = strstr(text, "a_total{process=\"2\"} 3\na_total 1\n");
	ok(a != NULL || b != NULL, "its samples of all files together");
	a = strstr(text, "b_total{x=\"y\"} 2\n");
	b = strstr(text, "b_total{x=\"y\",process=\"2\"} 4\n");
	ok(a != NULL && b != NULL && labs(a - b) < 40,
	    "so those of the next family");
	ok(strstr(text, "a_total_more 5\n") != NULL,
	    "a name that begins with another's is a family of its own");
	is_number((int)strlen(text), out.len - 1, "nothing binary");
	ok(strstr(text, "hidden") == NULL && strstr(text, "note") == NULL &&
		strstr(text, "torn") == NULL && strstr(text, "root") == NULL,
	    "and nothing that is no metrics file");
	ok(out.len < 1000, "not even a very large one");
	buf_release(&out);
	spool_close(&spool);
}

/* How often a line is in a text. */
static int
count(const char *text, const char *lines)
{
	int n = 0;

	for (const char *p = text; (p = strstr(p, lines)) != NULL; p++)
		n++;
	return n;
}

static void
test_collect_own(void)
{
	struct metrics_file own, second, dead;
	struct buf out = {0};

	open_new("own");
	must(metrics_open(&own, &spool, "tool", &err) == 0);
	must(metrics_open(&second, &spool, "tool", &err) == 0);
	must(metrics_open(&dead, &spool, "tool", &err) == 0);
	must(metrics_write(&own, table, &err) == 0);
	must(metrics_write(&second, table, &err) == 0);
	must(metrics_write(&dead, table, &err) == 0);
	metrics_close(&dead);
	metric_set(&table[3], 77000);
	must(metrics_collect(&spool, &own, table, &out, &err) == 0);
	must(buf_append(&out, "", 1) == 0);
	is_number(count(out.data, "\nt_age_seconds 77.000000\n"), 1,
	    "the caller's own metrics as they are now, and once");
	is_number(count(out.data, "\nt_age_seconds{process=\"2\"} -2.000000\n"),
	    1, "those of another process as it wrote them");
	is_number(count(out.data, "process=\"3\""), 0,
	    "none of a later process that has ended");
	is_number(count(out.data, "# TYPE t_age_seconds gauge\n"), 1,
	    "under one head");
	is_number(count(out.data, "\nlogs_tool_seen_timestamp_seconds{"), 2,
	    "and when each was seen");
	metric_set(&table[6], 5);
	out.len = 0;
	must(metrics_collect(&spool, &second, table, &out, &err) == 0);
	must(buf_append(&out, "", 1) == 0);
	is_number(count(out.data, "\nt_left_bytes"), 1,
	    "what is of the spool stands there once");
	is_number(count(out.data, "\nt_left_bytes 5\n"), 1,
	    "as the one knows it who tells");
	metrics_close(&own);
	out.len = 0;
	must(metrics_collect(&spool, NULL, NULL, &out, &err) == 0);
	must(buf_append(&out, "", 1) == 0);
	is_number(count(out.data, "\nt_age_seconds -2.000000\n"), 1,
	    "the first one's stay when it has ended");
	metrics_close(&second);
	buf_release(&out);
	spool_close(&spool);
}

static void
test_failures(void)
{
	struct metrics_file files[METRICS_PROCESSES_MAX], more;
	struct buf out = {0};

	open_new("failures");
	for (int i = 0; i < METRICS_PROCESSES_MAX; i++)
		must(metrics_open(&files[i], &spool, "tool", &err) == 0);
	is_number(metrics_open(&more, &spool, "tool", &err), -1,
	    "a process too many");
	ok(strstr(err.text, "over 64 processes of tool") != NULL, "%s",
	    err.text);
	for (int i = 1; i < METRICS_PROCESSES_MAX; i++)
		metrics_close(&files[i]);

	/* Nothing can be made in a directory that was removed. */
	must(unlinkat(spool.dir[SPOOL_METRICS], ".tool.prom.lock", 0) == 0);
	tap_remove_tree(root);
	is_number(metrics_write(&files[0], table, &err), -1, "a failed write");
	ok(strstr(err.text, "No such file") != NULL, "%s", err.text);
	is_number(metrics_write(&files[0], table, &err), 1,
	    "is tried again, though nothing has changed");
	is_number(metrics_open(&more, &spool, "x", &err), -1, "a failed open");
	metrics_close(&files[0]);
	must(close(spool.dir[SPOOL_METRICS]) == 0);
	spool.dir[SPOOL_METRICS] = -1;
	is_number(metrics_collect(&spool, NULL, NULL, &out, &err), -1,
	    "a failed collection");
	ok(strstr(err.text, "list ") == err.text, "%s", err.text);
	buf_release(&out);
	spool_close(&spool);
}

int
main(void)
{
	tap_scratch(scratch);
	(void)snprintf(root, sizeof(root), "%s/empty", scratch);
	must(spool_open(&empty, root, &err) == 0);
	test_render();
	test_histogram();
	test_threads();
	test_files();
	test_collect();
	test_collect_own();
	test_failures();
	spool_close(&empty);
	tap_remove_tree(scratch);
	return tap_end();
}
