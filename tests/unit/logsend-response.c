/*
 * logsend-response.c - which bytes are an answer: a measuring tool that takes
 * half of one, or two for one, reports what never was.
 */
#include "../../cmd/logsend/response.h"
#include "tap.h"

#define OK "HTTP/1.1 202 Accepted\r\n"
#define CHUNKED OK "Transfer-Encoding: chunked\r\n\r\n"

struct answer {
	enum response_verdict verdict; /* if the server may send more */
	enum response_verdict at_eof;
	unsigned status;
	bool close;
	const char *bytes, *body;
};

#define MORE RESPONSE_MORE
#define DONE RESPONSE_DONE
#define BAD RESPONSE_BAD

static const struct answer answers[] = {
    {DONE, DONE, 202, false, OK "Content-Length: 2\r\n\r\nab", "ab"},
    {DONE, DONE, 202, false, OK "content-length:\t2 \r\n\r\nab", "ab"},
    {DONE, DONE, 202, false, OK "Content-Length: 0\r\n\r\n", ""},
    {DONE, DONE, 202, false,
	OK "Content-Length: 1\r\nContent-Length: 1\r\n\r\na", "a"},
    {DONE, DONE, 200, false, "HTTP/1.1 200\r\nContent-Length: 1\r\n\r\na", "a"},
    {DONE, DONE, 204, false, "HTTP/1.1 204 No\r\n\r\n", ""},
    {DONE, DONE, 304, false, "HTTP/1.1 304 No\r\nContent-Length: 9\r\n\r\n",
	""},
    {DONE, DONE, 202, false,
	"HTTP/1.1 100 C\r\n\r\nHTTP/1.1 103 E\r\nA: b\r\n\r\n" OK
	"Content-Length: 1\r\n\r\na",
	"a"},
    {DONE, DONE, 202, false,
	CHUNKED "1\r\na\r\n2;x=\"y\"\r\nbc\r\n000\r\nT: u\r\n\r\n", "abc"},
    {DONE, DONE, 202, false, CHUNKED "A\r\n0123456789\r\n0\r\n\r\n",
	"0123456789"},
    /* The connection goes on or does not. */
    {DONE, DONE, 202, true,
	OK "Connection: x, Close\r\nContent-Length: 0\r\n\r\n", ""},
    {DONE, DONE, 202, true, "HTTP/1.0 202 A\r\nContent-Length: 0\r\n\r\n", ""},
    {DONE, DONE, 202, false,
	"HTTP/1.0 202 A\r\nConnection: keep-alive\r\nContent-Length: 0\r\n\r\n",
	""},
    /* Only the end of the connection ends it. */
    {MORE, DONE, 202, true, OK "\r\nabc", "abc"},
    {MORE, DONE, 202, true, OK "\r\n", ""},
    /* Not whole. */
    {MORE, MORE, 0, false, "", NULL},
    {MORE, MORE, 0, false, "HTTP/1.1 202 Acc", NULL},
    {MORE, MORE, 0, false, OK "Content-Length: 2\r\n\r\na", NULL},
    {MORE, MORE, 0, false, OK "Content-Length: 2\r\n", NULL},
    {MORE, MORE, 0, false, CHUNKED "2\r\na", NULL},
    {MORE, MORE, 0, false, CHUNKED "1\r\na\r\n", NULL},
    {MORE, MORE, 0, false, CHUNKED "1\r\na\r\n0\r\nT: u\r\n", NULL},
    {MORE, MORE, 0, false, "HTTP/1.1 100 C\r\n\r\n", NULL},
    /* Not an answer, or one that can be read in two ways. */
    {BAD, BAD, 0, false, "HTTP/2 202 A\r\n\r\n", NULL},
    {BAD, BAD, 0, false, "HTTP/1.1  202 A\r\n\r\n", NULL},
    {BAD, BAD, 0, false, "HTTP/1.1 20 A\r\n\r\n", NULL},
    {BAD, BAD, 0, false, "HTTP/1.1 2020 A\r\n\r\n", NULL},
    {BAD, BAD, 0, false, "HTTP/1.1 602 A\r\n\r\n", NULL},
    {BAD, BAD, 0, false, "HTTP/1.1 202 A\n\n", NULL},
    {BAD, BAD, 0, false, "HTTP/1.1 101 A\r\n\r\n", NULL},
    {BAD, BAD, 0, false, "rubbish\r\n", NULL},
    {BAD, BAD, 0, false, "\r\n" OK "\r\n", NULL},
    {BAD, BAD, 0, false, OK "A: b\r\n c\r\n\r\n", NULL},
    {BAD, BAD, 0, false, OK "A : b\r\n\r\n", NULL},
    {BAD, BAD, 0, false, OK ": b\r\n\r\n", NULL},
    {BAD, BAD, 0, false, OK "A\r\n\r\n", NULL},
    {BAD, BAD, 0, false, OK "A: b\rc\r\n\r\n", NULL},
    {BAD, BAD, 0, false, OK "A: b\nC: d\r\n\r\n", NULL},
    {BAD, BAD, 0, false, OK "Content-Length: 1\r\nContent-Length: 2\r\n\r\nab",
	NULL},
    {BAD, BAD, 0, false, OK "Content-Length: 1, 1\r\n\r\na", NULL},
    {BAD, BAD, 0, false, OK "Content-Length: -1\r\n\r\n", NULL},
    {BAD, BAD, 0, false, OK "Content-Length: +1\r\n\r\na", NULL},
    {BAD, BAD, 0, false, OK "Content-Length: \r\n\r\n", NULL},
    {BAD, BAD, 0, false, OK "Content-Length: 0x1\r\n\r\na", NULL},
    {BAD, BAD, 0, false, OK "Content-Length: 18446744073709551617\r\n\r\na",
	NULL},
    {BAD, BAD, 0, false, OK "Content-Length: 200000\r\n\r\n", NULL},
    {BAD, BAD, 0, false,
	OK "Transfer-Encoding: chunked\r\nContent-Length: 1\r\n\r\n0\r\n\r\n",
	NULL},
    {BAD, BAD, 0, false, OK "Transfer-Encoding: gzip, chunked\r\n\r\n", NULL},
    {BAD, BAD, 0, false, CHUNKED "\r\n\r\n", NULL},
    {BAD, BAD, 0, false, CHUNKED "g\r\n", NULL},
    {BAD, BAD, 0, false, CHUNKED "-1\r\n", NULL},
    {BAD, BAD, 0, false, CHUNKED "1\na\r\n", NULL},
    {BAD, BAD, 0, false, CHUNKED "1\r\nabc", NULL},
    {BAD, BAD, 0, false, CHUNKED "ffffffffffffffff1\r\n", NULL},
    {BAD, BAD, 0, false, CHUNKED "0\r\nT: u\n\r\n", NULL},
};

/* From a copy of exactly this size, for AddressSanitizer. */
static enum response_verdict
parse(const char *bytes, size_t len, bool eof, struct response *r)
{
	char *copy = malloc(len == 0 ? 1 : len);
	enum response_verdict v;

	must(copy != NULL);
	memcpy(copy, bytes, len);
	v = response_parse(copy, len, eof, r);
	free(copy);
	return v;
}

static bool
is_as_said(const struct answer *a, bool eof)
{
	size_t len = strlen(a->bytes);
	struct response r;
	enum response_verdict v = parse(a->bytes, len, eof, &r);

	if (v != (eof ? a->at_eof : a->verdict))
		return false;
	if (v == RESPONSE_BAD)
		return r.reason != NULL;
	return v == RESPONSE_MORE ||
	       (r.status == a->status && r.close == a->close &&
		   r.consumed == len && r.body_len == strlen(a->body) &&
		   memcmp(r.body, a->body, r.body_len) == 0);
}

static void
test_answers(void)
{
	struct tap_all all = {0};

	for (size_t i = 0; i < sizeof(answers) / sizeof(answers[0]); i++) {
		tap_case(&all, is_as_said(&answers[i], false), "%s",
		    answers[i].bytes);
		tap_case(&all, is_as_said(&answers[i], true), "at eof: %s",
		    answers[i].bytes);
	}
	tap_all(&all, "each answer is read as it must be");
}

static void
test_retry_after(void)
{
	static const struct {
		const char *fields;
		unsigned seconds;
	} rows[] = {{"", 0}, {"retry-after: 7\r\n", 7},
	    {"Retry-After:\t999999999 \r\n", 999999999},
	    {"Retry-After: 1000000000\r\n", 0}, {"Retry-After: -1\r\n", 0},
	    {"Retry-After: \r\n", 0}, {"Retry-After: 1.5\r\n", 0},
	    {"Retry-After: Fri, 31 Dec 1999 23:59:59 GMT\r\n", 0}};
	struct tap_all all = {0};
	struct response r;
	char bytes[256];

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		int n = snprintf(bytes, sizeof(bytes),
		    "HTTP/1.1 503 A\r\n%sContent-Length: 0\r\n\r\n",
		    rows[i].fields);

		tap_case(&all,
		    parse(bytes, (size_t)n, false, &r) == RESPONSE_DONE &&
			r.retry_after == rows[i].seconds,
		    "%s", bytes);
	}
	tap_all(&all, "Retry-After is seconds, or is passed over");
}

/* However it is cut, no answer is whole, or wrong, before its last byte. */
static void
test_prefixes(void)
{
	struct tap_all all = {0};
	struct response r;

	for (size_t i = 0; i < sizeof(answers) / sizeof(answers[0]); i++) {
		const char *bytes = answers[i].bytes;

		if (answers[i].verdict != RESPONSE_DONE)
			continue;
		for (size_t len = 0; len < strlen(bytes); len++)
			tap_case(&all,
			    parse(bytes, len, false, &r) == RESPONSE_MORE,
			    "%zu bytes of %s", len, bytes);
	}
	tap_all(&all, "no answer is taken before its last byte");
}

/* A head, a body, and chunks that never end. */
static void
test_bounds(void)
{
	static const struct {
		const char *begin, *again;
	} endless[] = {
	    {OK "A: ", "b"},
	    {OK, "A: b\r\n"},
	    {"HTTP/1.1 ", "2"},
	    {"", "HTTP/1.1 100 C\r\n\r\n"},
	    {OK "\r\n", "a"},
	    {CHUNKED, "4\r\nabcd\r\n"},
	    {CHUNKED "0\r\n", "A: b\r\n"},
	    {CHUNKED "1;", "a"},
	};
	static char bytes[RESPONSE_MAX + 64];
	struct tap_all all = {0};
	struct response r;

	for (size_t i = 0; i < sizeof(endless) / sizeof(endless[0]); i++) {
		size_t len = strlen(endless[i].begin);
		size_t n = strlen(endless[i].again);

		memcpy(bytes, endless[i].begin, len);
		for (; len <= RESPONSE_MAX; len += n)
			memcpy(bytes + len, endless[i].again, n);
		tap_case(&all, parse(bytes, len, false, &r) == RESPONSE_BAD,
		    "%s%s...", endless[i].begin, endless[i].again);
	}
	tap_all(&all, "what never ends is refused");
}

/* Changes, adds, removes or repeats some bytes. */
static size_t
mutate(char *bytes, size_t len, size_t cap, uint64_t *random)
{
	static const char set[] = "\r\n :;,0f\t";
	size_t at = tap_random(random) % len, n = len - at;

	switch (tap_random(random) % 4) {
	case 0:
		bytes[at] = (char)tap_random(random);
		return len;
	case 1:
		if (len == cap)
			return len;
		memmove(bytes + at + 1, bytes + at, n);
		bytes[at] = set[tap_random(random) % (sizeof(set) - 1)];
		return len + 1;
	case 2:
		if (len == 1)
			return len;
		memmove(bytes + at, bytes + at + 1, n - 1);
		return len - 1;
	default:
		if (len + n > cap)
			return len;
		memcpy(bytes + len, bytes + at, n);
		return len + n;
	}
}

/* What is whole is so by its own bytes alone, and by no fewer of them. */
static bool
is_sound(const char *bytes, size_t len, uint64_t *random)
{
	struct response r, again;
	size_t some;

	if (parse(bytes, len, false, &r) != RESPONSE_DONE)
		return true;
	if (r.consumed > len || r.status < 200 || r.status > 599)
		return false;
	some = tap_random(random) % r.consumed;
	return parse(bytes, r.consumed, true, &again) == RESPONSE_DONE &&
	       again.status == r.status && again.body_len == r.body_len &&
	       parse(bytes, some, false, &again) != RESPONSE_DONE;
}

static void
test_mutations(void)
{
	enum { CASES = 200000, CAP = 512 };
	uint64_t random = 1;
	struct tap_all all = {0};
	char bytes[CAP];

	for (int i = 0; i < CASES; i++) {
		const struct answer *a =
		    &answers[tap_random(&random) %
			     (sizeof(answers) / sizeof(answers[0]))];
		size_t len = strlen(a->bytes);
		unsigned times = tap_random(&random) % 5;

		if (len == 0)
			continue;
		memcpy(bytes, a->bytes, len);
		while (times-- > 0)
			len = mutate(bytes, len, CAP, &random);
		tap_case(&all, is_sound(bytes, len, &random), "%.*s", (int)len,
		    bytes);
	}
	tap_all(&all, "mutated answers are whole by themselves or not at all");
}

int
main(void)
{
	test_answers();
	test_retry_after();
	test_prefixes();
	test_bounds();
	test_mutations();
	return tap_end();
}
