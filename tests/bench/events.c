/*
 * events.c - prints events for benchmarks: as lines of the spool, or as the
 * rows that logload makes of them, for another tool to load.
 *
 *	events [-t] [-f FILE-ID] [-s FIRST] COUNT
 *
 * COUNT events of 204 bytes, as logsend makes them, and what logrecv adds to
 * each. Event N is received N times 10 us after a fixed instant, so that runs
 * with different FIRST do not overlap. -t prints tab-separated rows of the
 * default table instead; nothing in them needs an escape.
 */
#include <inttypes.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#define EVENT_BYTES 204
#define STEP_US 10
#define START_S 1795330800 /* 2026-11-22T07:00:00Z */
#define STAMP_BYTES 32
#define OUT_BYTES (1 << 20)

struct event {
	char text[512];
	int len;
	char stamp[STAMP_BYTES]; /* 2026-11-22T07:00:00.000000Z */
	const char *name, *level;
	unsigned user_id;
};

static const char *const names[] = {"user_login", "user_logout", "page_view",
    "search", "add_to_cart", "checkout", "payment_ok", "upload"};
static const char *const levels[] = {
    "info", "info", "info", "info", "info", "debug", "warning", "error"};
static const char filler[] =
    "request served from cache after retry, session opened by peer, queue "
    "drained within limit, slow query on replica, token renewed for account";

/* splitmix64 (Steele, Lea, Flood 2014): a good hash of a counter. */
static uint64_t
mix(uint64_t x)
{
	x += 0x9e3779b97f4a7c15U;
	x = (x ^ x >> 30) * 0xbf58476d1ce4e5b9U;
	x = (x ^ x >> 27) * 0x94d049bb133111ebU;
	return x ^ x >> 31;
}

/* The calendar is asked once a second of the events' time. */
static void
put_stamp(char out[STAMP_BYTES], uint64_t n)
{
	static time_t last = -1;
	static char text[STAMP_BYTES];
	uint64_t us = n * STEP_US;
	time_t second = START_S + (time_t)(us / 1000000);
	struct tm tm;

	if (second != last) {
		(void)gmtime_r(&second, &tm); /* no year overflows here */
		(void)strftime(text, sizeof(text), "%Y-%m-%dT%H:%M:%S", &tm);
		last = second;
	}
	(void)snprintf(
	    out, STAMP_BYTES, "%.19s.%06uZ", text, (unsigned)(us % 1000000));
}

static void
make_event(struct event *e, uint64_t n)
{
	uint64_t random = mix(n);
	int len;

	e->name = names[random % 8];
	e->level = levels[(random >> 8) % 8];
	e->user_id = (unsigned)((random >> 16) % 100000);
	put_stamp(e->stamp, n);
	len = snprintf(e->text, sizeof(e->text),
	    "{\"id\":\"bench-%09" PRIu64 "\",\"event\":\"%s\",\"user_id\":%u,"
	    "\"level\":\"%s\",\"timestamp\":\"%s\",\"message\":\"",
	    n, e->name, e->user_id, e->level, e->stamp);
	len += snprintf(e->text + len, sizeof(e->text) - (size_t)len, "%.*s\"}",
	    EVENT_BYTES - 2 - len, filler);
	e->len = len;
}

static int
print_line(const struct event *e)
{
	return printf(
	    "%.*s,\"@received_at\":\"%s\"}\n", e->len - 1, e->text, e->stamp);
}

static int
print_row(const struct event *e, uint64_t line, uint64_t file_id)
{
	char at[STAMP_BYTES];

	/* As SQL writes it: 2026-11-22 07:00:00.000000 */
	(void)snprintf(at, sizeof(at), "%.10s %.15s", e->stamp, e->stamp + 11);
	return printf("%s\t%" PRIu64 "\t%" PRIu64 "\t%s\t%s\t%s\t%u\t"
		      "%.*s,\"@received_at\":\"%s\"}\n",
	    at, file_id, line, at, e->name, e->level, e->user_id, e->len - 1,
	    e->text, e->stamp);
}

static int
usage(void)
{
	(void)fprintf(
	    stderr, "usage: events [-t] [-f FILE-ID] [-s FIRST] COUNT\n");
	return 64;
}

int
main(int argc, char **argv)
{
	uint64_t count, first = 0, file_id = 1;
	static char out[OUT_BYTES];
	struct event e;
	bool rows = false;
	int c;

	while ((c = getopt(argc, argv, "tf:s:")) != -1) {
		if (c == 't')
			rows = true;
		else if (c == 'f')
			file_id = strtoull(optarg, NULL, 10);
		else if (c == 's')
			first = strtoull(optarg, NULL, 10);
		else
			return usage();
	}
	if (optind + 1 != argc)
		return usage();
	count = strtoull(argv[optind], NULL, 10);
	(void)setvbuf(stdout, out, _IOFBF, sizeof(out)); /* only for speed */
	for (uint64_t i = 0; i < count; i++) {
		make_event(&e, first + i);
		if ((rows ? print_row(&e, i + 1, file_id) : print_line(&e)) < 0)
			break;
	}
	if (fflush(stdout) == 0 && !ferror(stdout))
		return 0;
	perror("events: write");
	return 74;
}
