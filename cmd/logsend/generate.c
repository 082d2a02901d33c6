/*
 * generate.c - see generate.h. No printf(3) and no allocation an event: the
 * tool must be faster than what it measures.
 */
#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "clock.h"
#include "generate.h"

#define NUMBER_DIGITS 9
#define DIGITS_MAX 20 /* of a uint64_t */
#define USERS 100000
#define WORDS_LEN 8192 /* where a message may begin */
/* All of an event but id and message, with the longest words. */
#define FIXED_MAX 256

static const char *const event_names[] = {"user_login", "user_logout",
    "page_view", "search", "add_to_cart", "checkout", "payment_ok",
    "payment_failed", "signup", "upload", "download", "api_call", "cache_miss",
    "job_done", "job_failed", "timeout"};

/* As often as they stand here. */
static const char *const level_names[] = {"info", "info", "info", "info",
    "info", "info", "info", "info", "info", "info", "info", "debug", "debug",
    "warning", "warning", "error"};

static const char *const message_words[] = {"request", "served", "from",
    "cache", "after", "retry", "user", "session", "opened", "closed", "by",
    "peer", "queue", "drained", "within", "limit", "slow", "query", "on",
    "replica", "token", "renewed", "for", "account", "payment", "accepted",
    "order", "shipped", "to", "address", "not", "found"};

#define PICK(table, random) \
	((table)[(random) % (sizeof(table) / sizeof((table)[0]))])

/* splitmix64 (Steele, Lea, Flood 2014): a good hash of a counter. */
static uint64_t
mix(uint64_t x)
{
	x += 0x9e3779b97f4a7c15U;
	x = (x ^ x >> 30) * 0xbf58476d1ce4e5b9U;
	x = (x ^ x >> 27) * 0x94d049bb133111ebU;
	return x ^ x >> 31;
}

static char *
put(char *p, const char *text, size_t len)
{
	memcpy(p, text, len);
	return p + len;
}

#define PUT(p, literal) put(p, literal, sizeof(literal) - 1)

static char *
put_number(char *p, uint64_t n, unsigned least_digits)
{
	char digits[DIGITS_MAX];
	unsigned at = DIGITS_MAX;

	while (n > 0 || DIGITS_MAX - at < least_digits) {
		digits[--at] = (char)('0' + n % 10);
		n /= 10;
	}
	return put(p, digits + at, DIGITS_MAX - at);
}

static char *
put_id(char *p, const char *run, size_t run_len, uint64_t n)
{
	p = put(p, run, run_len);
	*p++ = '-';
	return put_number(p, n, NUMBER_DIGITS);
}

/* The event up to where its message begins. */
static char *
put_fields(char *p, const struct generator *g, uint64_t n, uint64_t random,
    const char *stamp)
{
	const char *event = PICK(event_names, random);
	const char *level = PICK(level_names, random >> 8);

	p = PUT(p, "{\"id\":\"");
	p = put_id(p, g->run, g->run_len, n);
	p = PUT(p, "\",\"event\":\"");
	p = put(p, event, strlen(event));
	p = PUT(p, "\",\"user_id\":");
	p = put_number(p, (random >> 16) % USERS, 1);
	p = PUT(p, ",\"level\":\"");
	p = put(p, level, strlen(level));
	p = PUT(p, "\",\"timestamp\":\"");
	p = put(p, stamp, CLOCK_STAMP_LEN);
	return PUT(p, "\",\"message\":\"");
}

/* The longest of all words, to know whether an event fits its size. */
static size_t
least_size(const struct generator *g)
{
	char longest[FIXED_MAX + GENERATE_RUN_MAX];
	static const char stamp[CLOCK_STAMP_LEN + 1];
	size_t most = 0;

	for (uint64_t random = 0; random < 65536; random++) {
		char *end = put_fields(
		    longest, g, 1, random | (uint64_t)(USERS - 1) << 16, stamp);
		size_t len = (size_t)(end - longest);

		if (len > most)
			most = len;
	}
	return most + strlen("\"}");
}

int
generator_open(struct generator *g, const char *run, uint64_t seed, size_t size,
    struct error *err)
{
	uint64_t random = seed;
	size_t len = 0;

	memset(g, 0, sizeof(*g));
	g->run = run;
	g->run_len = strlen(run);
	g->seed = seed;
	g->size = size;
	assert(g->run_len <= GENERATE_RUN_MAX);
	if (size < least_size(g))
		return error_set(err,
		    "an event of run %s needs at least %zu bytes", run,
		    least_size(g));
	g->words = malloc(WORDS_LEN + size);
	if (g->words == NULL)
		return error_errno(err, "allocate %zu bytes", WORDS_LEN + size);
	while (len < WORDS_LEN + size) {
		const char *word = PICK(message_words, random = mix(random));
		size_t n = strlen(word);

		if (n > WORDS_LEN + size - len)
			n = WORDS_LEN + size - len;
		memcpy(g->words + len, word, n);
		len += n;
		if (len < WORDS_LEN + size)
			g->words[len++] = ' ';
	}
	return 0;
}

void
generator_close(struct generator *g)
{
	free(g->words);
	g->words = NULL;
}

int
generator_event(
    const struct generator *g, uint64_t n, const char *stamp, struct buf *out)
{
	uint64_t random = mix(g->seed ^ mix(n));
	char *begin, *p;
	size_t len;

	if (buf_reserve(out, g->size + FIXED_MAX + GENERATE_RUN_MAX) < 0)
		return -1;
	begin = out->data + out->len;
	p = put_fields(begin, g, n, random, stamp);
	len = (size_t)(p - begin) + 2;
	if (len < g->size)
		p = put(
		    p, g->words + (random >> 40) % WORDS_LEN, g->size - len);
	p = PUT(p, "\"}");
	out->len += (size_t)(p - begin);
	return 0;
}

int
generate_id(const char *run, size_t run_len, uint64_t n, struct buf *out)
{
	char *p;

	if (buf_reserve(out, run_len + 1 + DIGITS_MAX) < 0)
		return -1;
	p = put_id(out->data + out->len, run, run_len, n);
	out->len = (size_t)(p - out->data);
	return 0;
}
