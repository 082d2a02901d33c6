/*
 * logrecv-page.c - what the status page remembers outlives its process, and a
 * sample that was torn, or a layout of another version, is passed over; what it
 * shows of rejected/ is the last records, bounded, whatever lies there.
 */
#include <fcntl.h>
#include <sys/stat.h>

#include "../../cmd/logrecv/page/history.h"
#include "../../cmd/logrecv/page/rejected.h"
#include "json.h"
#include "spool.h"
#include "tap.h"

#define HEAD 24 /* bytes of the file before its samples */

static char scratch[64];
static struct spool spool;
static struct error err;
static struct buf out;

static void
open_new(const char *name)
{
	char path[128];

	(void)snprintf(path, sizeof(path), "%s/%s", scratch, name);
	must(spool_open(&spool, path, &err) == 0);
}

static struct buf
text_of(const char *text)
{
	struct buf b = {0};

	must(buf_append(&b, text, strlen(text)) == 0);
	return b;
}

/* Keeps a sample of so many events. */
static bool
keep(struct history *h, unsigned events, uint64_t now_s)
{
	char text[128];
	struct buf b;
	bool kept;

	(void)snprintf(text, sizeof(text),
	    "# HELP logrecv_events_total x\nlogrecv_events_total %u\n", events);
	b = text_of(text);
	kept = history_keep(h, &b, now_s, false);
	buf_release(&b);
	return kept;
}

/* What is shown of a ring's times, or of a row, "[1,2]". */
static const char *
shown(const struct history *h, uint64_t now_s, const char *ring,
    const char *member)
{
	static char text[4000];
	const char *p, *end;

	out.len = 0;
	must(history_put(h, now_s, &out) == 0);
	must(buf_append(&out, "", 1) == 0);
	p = strstr(out.data, ring);
	must(p != NULL && (p = strstr(p, member)) != NULL);
	p += strlen(member) + 1;
	end = strchr(p, ']');
	must(end != NULL && end - p < (long)sizeof(text) - 2);
	(void)snprintf(text, sizeof(text), "%.*s", (int)(end - p + 1), p);
	return text;
}

#define AT "\"at\""
#define EVENTS "\"logrecv_events_total\""

static void
test_samples(void)
{
	struct history h;
	struct json_error why;

	open_new("samples");
	history_open(&h, &spool, true);
	ok(keep(&h, 1, 1000), "a sample is kept");
	ok(!keep(&h, 2, 1009), "not a second one in 10 seconds");
	ok(keep(&h, 3, 1010), "then the next one");
	ok(keep(&h, 4, 1200), "and one, later");
	is_text(shown(&h, 1200, "hour", AT), "[1000,1010,1200]", "times");
	is_text(shown(&h, 1200, "hour", EVENTS), "[1,3,4]", "and values");
	is_text(shown(&h, 1200, "day", AT), "[1000,1200]", "each 5 minutes");
	is_text(shown(&h, 1200, "hour", "\"logrecv_ready\""), "[null]",
	    "what nobody told");
	is_text(shown(&h, 4605, "hour", AT), "[1010,1200]", "of the last hour");
	is_text(shown(&h, 900, "hour", AT), "[]", "none of the future");
	must(history_put(&h, 1200, &out) == 0);
	out.len = 0;
	must(history_put(&h, 1200, &out) == 0);
	ok(json_check(out.data, out.data + out.len, 8, &(bool){false}, &why) ==
		out.data + out.len,
	    "it is JSON");
	for (unsigned i = 0; i < 1000; i++)
		must(keep(&h, i, 10000 + 10 * i));
	(void)shown(&h, 20000, "hour", EVENTS);
	ok(strstr(out.data, "[641,642,") != NULL, "360 are kept, no more");
	history_close(&h);
	spool_close(&spool);
}

static void
test_processes(void)
{
	struct history h;
	struct buf b =
	    text_of("logrecv_events_total 3\n"
		    "logrecv_events_total{process=\"2\"} 4\n"
		    "logrecv_sync_seconds_bucket{process=\"2\",le=\"0.1\"} 5\n"
		    "logrecv_sync_seconds_bucket{le=\"0.1\"} 1\n"
		    "logrecv_refused_total{reason=\"json\",process=\"2\"} 6\n"
		    "logrecv_ready 1\n"
		    "logrecv_ready{process=\"2\"} 0\n"
		    "process=\"1\" 7\nlogrecv_requests_total{process=\" 8\n");

	open_new("processes");
	history_open(&h, &spool, true);
	ok(history_keep(&h, &b, 1000, false), "those of two processes");
	is_text(shown(&h, 1000, "hour", EVENTS), "[7]", "are added");
	is_text(shown(&h, 1000, "hour",
		    "\"logrecv_sync_seconds_bucket{le=\\\"0.1\\\"}\""),
	    "[6]", "by their labels");
	is_text(shown(&h, 1000, "hour",
		    "\"logrecv_refused_total{reason=\\\"json\\\"}\""),
	    "[6]", "wherever the process stands");
	is_text(shown(&h, 1000, "hour", "\"logrecv_ready\""), "[1]",
	    "of gauges, ours counts");
	buf_release(&b);
	history_close(&h);
	spool_close(&spool);
}

static void
test_file(void)
{
	int dir, fd;
	struct history h, other;
	struct stat before, after;

	open_new("file");
	dir = spool.dir[SPOOL_METRICS];
	history_open(&h, &spool, true);
	must(keep(&h, 5, 1000) && keep(&h, 6, 1010) && keep(&h, 7, 1020));
	must(fstatat(dir, "history", &before, 0) == 0);
	history_close(&h);

	history_open(&h, &spool, true);
	is_text(shown(&h, 1020, "hour", EVENTS), "[5,6,7]", "a new process");
	ok(!keep(&h, 0, 1025), "does not write over the last sample");
	ok(keep(&h, 8, 1030), "and goes on");
	history_open(&other, &spool, false);
	is_text(shown(&other, 1030, "hour", EVENTS), "[5,6,7,8]",
	    "a second one reads");
	ok(keep(&other, 9, 1040), "and remembers");
	history_close(&other);
	is_text(
	    shown(&h, 1040, "hour", EVENTS), "[5,6,7,8]", "but does not write");
	history_close(&h);
	must(fstatat(dir, "history", &after, 0) == 0);
	is_number(after.st_size, before.st_size, "the file does not grow");

	/* In the middle of the second sample, which lies at 101 of 360. */
	fd = openat(dir, "history", O_RDWR);
	must(fd >= 0);
	must(pwrite(fd, "torn", 4,
		 HEAD + 101 * ((before.st_size - HEAD) / (360 + 288)) + 100) ==
	     4);
	must(close(fd) == 0);
	history_open(&h, &spool, true);
	is_text(shown(&h, 1040, "hour", EVENTS), "[5,7,8]",
	    "a torn sample is passed over");
	history_close(&h);

	fd = openat(dir, "history", O_RDWR);
	must(fd >= 0 && pwrite(fd, "x", 1, HEAD - 1) == 1 && close(fd) == 0);
	history_open(&h, &spool, true);
	is_text(
	    shown(&h, 1040, "hour", AT), "[]", "another layout is not read");
	must(keep(&h, 1, 1050));
	history_close(&h);
	history_open(&h, &spool, true);
	is_text(shown(&h, 1050, "hour", EVENTS), "[1]", "and is replaced");
	history_close(&h);

	must(unlinkat(dir, "history", 0) == 0);
	must(mkdirat(dir, "history", 0700) == 0);
	history_open(&h, &spool, true);
	ok(keep(&h, 2, 1000), "where there can be no file");
	is_text(shown(&h, 1000, "hour", EVENTS), "[2]", "it lives in memory");
	history_close(&h);
	spool_close(&spool);
}

/*
 * Rejected events
 */

static void
put_file(const char *name, const char *text, size_t len)
{
	int fd = openat(
	    spool.dir[SPOOL_REJECTED], name, O_WRONLY | O_CREAT | O_EXCL, 0600);

	must(fd >= 0 && write(fd, text, len) == (ssize_t)len);
	must(close(fd) == 0);
}

static const char *
shown_rejected(struct rejected *r)
{
	struct json_error why;
	const char *end;

	r->next_ns = 0;
	rejected_refresh(r, &spool);
	end = r->json.data + r->json.len;
	ok(r->json.len > 0 && json_check(r->json.data, end, 1024,
				  &(bool){false}, &why) == end,
	    "it is JSON");
	must(buf_append(&r->json, "", 1) == 0);
	r->json.len--;
	return r->json.data;
}

static void
test_rejected(void)
{
	static const char one[] =
	    "{\"file\":\"a\",\"line\":1,\"offset\":0,\"code\":7,\"text\":"
	    "\"why\",\"rejected_at\":\"t\",\"event\":{\"a\":\"</script>\"}}\n"
	    "no record\n[1]\n{\"file\":\"a\",\n{\"text\":\"second\"}\n"
	    "{\"text\":\"torn";
	struct rejected r = {.next_ns = 0};
	char *big = malloc(300000);

	open_new("rejected");
	is_text(shown_rejected(&r), "[]", "there are none");
	put_file("one.ndjson", one, sizeof(one) - 1);
	is_text(shown_rejected(&r),
	    "[{\"text\":\"second\"},{\"file\":\"a\",\"line\":1,\"code\":7,"
	    "\"text\":\"why\",\"rejected_at\":\"t\",\"event\":{\"a\":"
	    "\"</script>\"}}]",
	    "records, the last one first, and nothing else");

	/* A record of 299,000 bytes, and one behind it. */
	must(big != NULL);
	memset(big, 'x', 300000);
	memcpy(big, "{\"event\":\"", 10);
	memcpy(big + 299000, "\"}\n{\"raw\":\"", 11);
	memcpy(big + 299997, "\"}\n", 3);
	must(unlinkat(spool.dir[SPOOL_REJECTED], "one.ndjson", 0) == 0);
	put_file("two.ndjson", big, 300000);
	is_text(strncmp(shown_rejected(&r), "[{\"raw\":\"\\\"xxx", 13) == 0
		    ? "cut"
		    : r.json.data,
	    "cut", "a long value is its beginning, as text");
	ok(r.json.len < 500, "and no more");
	put_file("large.ndjson", big, 299003);
	ok(strstr(shown_rejected(&r), "{\"event\":\"\\\"xxx") != NULL,
	    "a record that is large is shown, where it is the last one");
	for (int i = 0; i < 1000; i++)
		memcpy(big + 16 * i, "{\"line\": 12345}\n", 16);
	put_file("three.ndjson", big, 16000);
	must(mkdirat(spool.dir[SPOOL_REJECTED], "four.ndjson", 0700) == 0);
	must(symlinkat(
		 "/etc/passwd", spool.dir[SPOOL_REJECTED], "five.ndjson") == 0);
	must(mkfifoat(spool.dir[SPOOL_REJECTED], "six.ndjson", 0600) == 0);
	ok(strlen(shown_rejected(&r)) < 1000, "only the last ones are shown");
	free(big);
	rejected_release(&r);
	spool_close(&spool);
}

int
main(void)
{
	tap_scratch(scratch);
	test_samples();
	test_processes();
	test_file();
	test_rejected();
	buf_release(&out);
	tap_remove_tree(scratch);
	return tap_end();
}
