/*
 * logrecv-tokens.c - which files of tokens are taken, whose token a field has,
 * and how much a sender may send; whatever is changed in a file or a field.
 */
#include "../../cmd/logrecv/format.h"
#include "../../cmd/logrecv/front/tokens.h"
#include "base64.h"
#include "clock.h"
#include "tap.h"

#define HASH_OF_TEST \
	"9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08"

static int
take_nothing(struct event_writer *w, const struct request *r)
{
	(void)w;
	(void)r;
	return 0;
}

static const struct format formats[] = {
    {.name = "log", .take = take_nothing},
    {.name = "otlp", .take = take_nothing},
    {.name = "status"},
};
static const struct way ways[] = {
    {.path = "/log", .format = &formats[0]},
    {.path = "/log"},
    {.path = "/log/", .format = &formats[0]},
    {.path = "/v1/logs", .format = &formats[1]},
    {.path = "/healthz", .format = &formats[2]},
    {.path = NULL},
};

static struct senders senders;
static struct tokens tokens = {.ways = ways, .senders = &senders};
static char path[96];

static int
load(const char *text, size_t len, struct error *err)
{
	FILE *f = fopen(path, "w");

	must(f != NULL && fwrite(text, 1, len, f) == len && fclose(f) == 0);
	return tokens_load(&tokens, err);
}

static const char *
name_of(const char *value)
{
	const struct sender *s =
	    tokens_find(&tokens, (struct http_text){value, strlen(value)});

	return s == NULL ? "" : s->name;
}

/*
 * Files
 */

static const char good[] = "# of shops\n"
			   "a:secret\n"
			   "\n"
			   "b.c-d_e@f/g+1:sha256:" HASH_OF_TEST "\r\n"
			   "  c:with:colon==  events=10\tbytes=1MB "
			   "ways=log,otlp \n"
			   "a:second";

/* What is wrong, by a piece of the error. */
static const struct {
	const char *text, *error;
} bad[] = {
    {"", "it has no token"},
    {"# nothing\n\n", "it has no token"},
    {"a", "line 1: it is not NAME:TOKEN"},
    {"a:x\n\nb\n", "line 3: it is not NAME:TOKEN"},
    {":x", "line 1: a name has"},
    {"a b:x", "line 1: it is not NAME:TOKEN"},
    {"\"a\":x", "line 1: a name has"},
    {"\xc3\xa4:x", "line 1: a name has"},
    {"a:", "line 1: a token has"},
    {"a: x", "line 1: a token has"},
    {"a:x\xc3\xa4", "line 1: a token has printable"},
    {"a:sha256:", "line 1: sha256: has 64"},
    {"a:sha256:" HASH_OF_TEST "0", "line 1: sha256: has 64"},
    {"a:sha256:x" HASH_OF_TEST, "line 1: sha256: has 64"},
    {"a:x rate=1", "line 1: 'rate=1' is not requests=N"},
    {"a:x events=", "line 1: 'events=' is not"},
    {"a:x events=0", "line 1: 'events=0' is not"},
    {"a:x events=-1", "line 1: 'events=-1' is not"},
    {"a:x bytes=1.5x", "line 1: 'bytes=1.5x' is not"},
    {"a:x ways=", "line 1: ways=: '' is no way in"},
    {"a:x ways=hec", "line 1: ways=: 'hec' is no way in"},
    {"a:x ways=status", "line 1: ways=: 'status' is no way in"},
    {"a:x ways=log,log", "line 1: ways=: 'log' is no way in, or is there"},
    {"a:x ways=log,", "line 1: ways=: '' is no way in"},
    {"a:x\nb:x", "line 2: its token is that of a, too"},
    {"a:test\nb:sha256:" HASH_OF_TEST, "line 2: its token is that of a, too"},
    {"a:x\na:y events=1", "line 2: what a may stands on its first line"},
};

static void
test_files(void)
{
	static const char nul[] = "a:x\0y";
	char *many = malloc(32UL * (TOKENS_MAX + 1));
	size_t len = 0;
	struct error err;

	ok(load(good, sizeof(good) - 1, &err) == 0, "a good file is taken");
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		ok(load(bad[i].text, strlen(bad[i].text), &err) < 0 &&
			strstr(err.text, bad[i].error) != NULL,
		    "refused: %s", bad[i].error);
		if (strstr(err.text, bad[i].error) == NULL)
			fprintf(stderr, "# %s\n", err.text);
	}
	ok(load(nul, sizeof(nul) - 1, &err) < 0, "a NUL is refused");
	must(many != NULL);
	memset(many, 'x', TOKEN_MAX + 3);
	memcpy(many, "a:", 2);
	ok(load(many, TOKEN_MAX + 3, &err) < 0, "a token that is too long");
	memset(many, 'n', SENDER_NAME_MAX + 3);
	memcpy(many + SENDER_NAME_MAX + 1, ":x", 2);
	ok(load(many, SENDER_NAME_MAX + 3, &err) < 0, "so is a name");
	for (int i = 0; i <= TOKENS_MAX; i++)
		len += (size_t)sprintf(many + len, "a:token%d\n", i);
	ok(load(many, len, &err) < 0 && strstr(err.text, "line 401:") != NULL,
	    "so are too many");
	free(many);
	is_text(name_of("Bearer secret"), "a", "the tokens are still there");
	must(unlink(path) == 0);
	ok(tokens_load(&tokens, &err) < 0, "no file");
	is_text(name_of("Bearer secret"), "a", "and still");
}

static void
test_limits(void)
{
	const struct sender *c = senders_know(&senders, "c");
	struct error err;

	must(load(good, sizeof(good) - 1, &err) == 0);
	is_number(c->rates[SENDER_EVENTS].most, 10, "events a second");
	is_number(c->rates[SENDER_BYTES].most, 1000000, "bytes a second");
	is_number(c->ways, 1 | 4 | 8, "all rows of these names");
	must(load("c:x\n", 4, &err) == 0);
	ok(c->rates[SENDER_EVENTS].most == 0 &&
		c->rates[SENDER_BYTES].most == 0 && c->ways == 0,
	    "a name that has no limits any more");
	is_text(name_of("Bearer with:colon=="), "", "its token is gone");
	must(load("c:x events=1 ways=log\n", 22, &err) == 0);
	must(load("d:x\n", 4, &err) == 0);
	ok(c->rates[SENDER_EVENTS].most == 0 && c->ways == 0,
	    "nor has one whose name is not there, for its certificate");
}

/* Counts when nothing is forbidden to c. */
static void *
watch_ways(void *arg)
{
	const struct sender *c = senders_know(&senders, "c");
	static int free_times;

	while (!atomic_load((atomic_bool *)arg)) {
		if (atomic_load(&c->ways) == 0)
			free_times++;
	}
	return &free_times;
}

static void
test_limits_anew(void)
{
	static const char file[] = "c:x ways=log requests=1\nc:y\n";
	static atomic_bool over;
	struct sender *c = senders_know(&senders, "c");
	struct rate *rate = &c->rates[SENDER_REQUESTS];
	char text[sizeof(file)];
	struct error err;
	pthread_t watcher;
	void *free_times;

	memcpy(text, file, sizeof(file));
	must(tokens_parse(&tokens, text, sizeof(file) - 1, &err) == 0);
	must(pthread_create(&watcher, NULL, watch_ways, &over) == 0);
	for (int i = 0; i < 100000; i++) {
		memcpy(text, file, sizeof(file));
		must(tokens_parse(&tokens, text, sizeof(file) - 1, &err) == 0);
	}
	atomic_store(&over, true);
	must(pthread_join(watcher, &free_times) == 0);
	is_number(*(int *)free_times, 0,
	    "a name with two tokens is never without its limits");

	rate_take(rate, 1000, CLOCK_NS_PER_S);
	memcpy(text, file, sizeof(file));
	must(tokens_parse(&tokens, text, sizeof(file) - 1, &err) == 0);
	is_number(rate_wait_s(rate, CLOCK_NS_PER_S), 1000,
	    "the same rate: the time to wait stays");
	must(load("c:x requests=9\n", 15, &err) == 0);
	is_number(
	    rate_wait_s(rate, CLOCK_NS_PER_S), 0, "another rate: it has ended");
	must(load("c:x\n", 4, &err) == 0);
}

/*
 * Fields
 */

static const struct {
	const char *value, *name;
} fields[] = {
    {"Bearer secret", "a"},
    {"Bearer second", "a"},
    {"bearer \t secret", "a"},
    {"BEARER test", "b.c-d_e@f/g+1"},
    {"Bearer with:colon==", "c"},
    {"Splunk secret", "a"},
    {"ApiKey secret", "a"},
    {"ApiKey aWQ6c2VjcmV0", "a"},            /* id:secret */
    {"Basic Y2F0OnNlY3JldA==", "a"},         /* cat:secret */
    {"Basic OnNlY3JldA==", "a"},             /* :secret */
    {"Basic Y2F0OndpdGg6Y29sb249PQ==", "c"}, /* cat:with:colon== */
    {"Bearer Secret", ""},
    {"Bearer secre", ""},
    {"Bearer secrett", ""},
    {"Bearer secret x", ""},
    {"Bearer", ""},
    {"Bearer ", ""},
    {"secret", ""},
    {"Basic secret", ""},
    {"Basic c2VjcmV0", ""},          /* secret */
    {"Basic Y2F0OnNlY3JldA", ""},    /* not padded */
    {"Basic Y2F0OnNlY3JldA===", ""}, /* or too much */
    {"Basic Y2F0OnNlY3JldA==x", ""},
    {"Basic Y2F0Og==", ""}, /* cat: */
    {"Bearer Y2F0OnNlY3JldA==", ""},
    {"Bearer sha256:" HASH_OF_TEST, ""},
    {"Bearer " HASH_OF_TEST, ""},
    {"Digest secret", ""},
    {"Bearersecret", ""},
    {"Bear secret", ""},
    {"", ""},
};

static void
test_fields(void)
{
	static char long_value[4096] = "Basic ";
	struct error err;

	must(load(good, sizeof(good) - 1, &err) == 0);
	for (size_t i = 0; i < sizeof(fields) / sizeof(fields[0]); i++)
		is_text(
		    name_of(fields[i].value), fields[i].name, fields[i].value);
	memset(long_value + 6, 'A', 4000);
	is_text(name_of(long_value), "", "one that is too long");
}

/*
 * Whatever is changed
 */

static uint64_t seed = 0x9e3779b97f4a7c15;

static void
mutate(char *text, size_t *len, size_t cap)
{
	static const char likely[] = ":\n \t#=,sha256aA/+=\0";

	for (uint64_t n = tap_random(&seed) % 4 + 1; n > 0; n--) {
		size_t at = tap_random(&seed) % (*len + 1);
		char c = tap_random(&seed) % 2 == 0
			     ? (char)tap_random(&seed)
			     : likely[tap_random(&seed) % sizeof(likely)];

		switch (tap_random(&seed) % 3) {
		case 0:
			if (at < *len)
				text[at] = c;
			break;
		case 1:
			if (*len + 1 < cap) {
				memmove(text + at + 1, text + at, *len - at);
				text[at] = c;
				++*len;
			}
			break;
		default:
			if (at < *len) {
				--*len;
				memmove(text + at, text + at + 1, *len - at);
			}
		}
	}
}

static void
parse_good(void)
{
	char text[sizeof(good)];
	struct error err;

	memcpy(text, good, sizeof(good));
	must(tokens_parse(&tokens, text, sizeof(good) - 1, &err) == 0);
}

/* A file is taken or not; what was taken before stays where it is not. */
static void
test_changed_files(void)
{
	struct tap_all all = {0};
	struct error err;
	char text[512];

	for (int i = 0; i < 20000; i++) {
		size_t len = sizeof(good) - 1;

		if (i % 100 == 0) { /* no name is forgotten */
			memset(&senders, 0, sizeof(senders));
			senders_init(&senders);
			parse_good();
		}
		memcpy(text, good, len);
		mutate(text, &len, sizeof(text) - 1);
		text[len] = '\0';
		if (tokens_parse(&tokens, text, len, &err) == 0)
			parse_good();
		else
			tap_case(&all,
			    strncmp(err.text, "line ", 5) == 0 ||
				strncmp(err.text, "it has no", 9) == 0 ||
				strncmp(err.text, "it holds a NUL", 14) == 0,
			    "%s", err.text);
		tap_case(&all, strcmp(name_of("Bearer secret"), "a") == 0,
		    "after %s", text);
	}
	tap_all(&all, "files that were changed");
}

/* Is it the token itself, behind a scheme that has it as it is? */
static bool
has_token(const char *value, size_t len)
{
	static const char *const schemes[] = {"Bearer", "Splunk", "ApiKey"};

	for (size_t i = 0; i < 3; i++) {
		size_t at = strlen(schemes[i]);

		if (len < at || strncasecmp(value, schemes[i], at) != 0 ||
		    len == at || (value[at] != ' ' && value[at] != '\t'))
			continue;
		while (at < len && (value[at] == ' ' || value[at] == '\t'))
			at++;
		return len - at == 6 && memcmp(value + at, "secret", 6) == 0;
	}
	return false;
}

static void
test_changed_fields(void)
{
	static const char *const values[] = {
	    "Bearer secret", "Splunk secret", "ApiKey secret"};
	struct tap_all all = {0}, bytes = {0};
	char text[64], coded[128], plain[96];

	for (int i = 0; i < 60000; i++) {
		size_t len = strlen(values[i % 3]);
		const struct sender *s;

		memcpy(text, values[i % 3], len);
		mutate(text, &len, sizeof(text));
		s = tokens_find(&tokens, (struct http_text){text, len});
		tap_case(&all, (s != NULL) == has_token(text, len), "%.*s",
		    (int)len, text);
	}
	tap_all(&all, "fields that were changed");
	for (int i = 0; i < 60000; i++) {
		size_t len = tap_random(&seed) % sizeof(text), n;

		for (size_t k = 0; k < len; k++)
			text[k] = (char)tap_random(&seed);
		base64_encode(text, len, coded);
		n = base64_length(len);
		tap_case(&bytes,
		    base64_decode(coded, n, plain) == (long)len &&
			memcmp(plain, text, len) == 0,
		    "%.*s", (int)n, coded);
		mutate(coded, &n, sizeof(coded));
		tap_case(&bytes,
		    base64_decode(coded, n, plain) <= (long)(n / 4 * 3), "%.*s",
		    (int)n, coded);
	}
	tap_all(&bytes, "base64, as it was, and changed");
}

/*
 * Rates
 */

static void
test_rates(void)
{
	const uint64_t s = CLOCK_NS_PER_S, now = 1000 * s;
	struct rate r = {0};

	rate_take(&r, 1000000, now);
	is_number(rate_wait_s(&r, now), 0, "without a limit, any number");
	r.most = 10;
	for (int i = 0; i < 10; i++) {
		is_number(rate_wait_s(&r, now), 0, "a second's worth at once");
		rate_take(&r, 1, now);
	}
	is_number(rate_wait_s(&r, now), 1, "then the next must wait");
	is_number(rate_wait_s(&r, now + 1), 1, "and not a moment only");
	is_number(rate_wait_s(&r, now + s / 10), 0, "until there is room");
	rate_take(&r, 40, now + s / 10);
	is_number(rate_wait_s(&r, now + s / 10), 4, "much at once is taken");
	is_number(rate_wait_s(&r, now + s), 4, "and must be made up for");
	is_number(rate_wait_s(&r, now + 5 * s), 0, "which ends");
	rate_take(&r, UINT64_MAX, now + 5 * s);
	is_number(rate_wait_s(&r, now + 5 * s), 86400, "after a day at most");
	rate_take(&r, UINT64_MAX, now + 5 * s);
	is_number(rate_wait_s(&r, now + 5 * s), 86400, "however much it is");
	r.most = 1ULL << 60;
	rate_take(&r, 1, now + 90000 * s);
	is_number(rate_wait_s(&r, now + 90000 * s), 0, "a limit that is none");
}

static void
test_senders(void)
{
	char name[SENDER_NAME_MAX + 2];
	const struct sender *a;

	memset(&senders, 0, sizeof(senders));
	senders_init(&senders);
	a = senders_know(&senders, "a");
	ok(a != NULL && senders_know(&senders, "a") == a, "known once");
	is_text(a->label, "sender=\"a\"", "its label");
	memset(name, 'n', sizeof(name));
	name[SENDER_NAME_MAX + 1] = '\0';
	ok(senders_know(&senders, name) == NULL, "a name that is too long");
	ok(senders_know_peer(&senders, "a") == a, "by its certificate, too");
	for (int i = 1; i < SENDERS_PEERS; i++) {
		(void)sprintf(name, "p%d", i);
		must(
		    strcmp(senders_know_peer(&senders, name)->name, name) == 0);
	}
	is_text(senders_know_peer(&senders, "p0")->name, "(others)",
	    "a certificate too many");
	is_text(senders_know_peer(&senders, "p1")->name, "p1", "one before");
	for (int i = 1; i < SENDERS_OWN; i++) {
		(void)sprintf(name, "n%d", i);
		must(senders_know(&senders, name) != NULL);
	}
	ok(senders_know(&senders, "more") == NULL, "and a token too many");
	is_text(senders_know_peer(&senders, "more")->name, "(others)",
	    "which leaves others as they are");
	is_number(senders.count, SENDERS_MAX, "all together");
	ok(senders_know(&senders, "a") == a, "those that are known stay");
}

/* A file of names from there on: TOKENS_MAX of them. */
static int
load_names(int from, struct error *err)
{
	static char text[TOKENS_MAX * 16];
	size_t len = 0;

	for (int i = from; i < from + TOKENS_MAX; i++)
		len += (size_t)sprintf(text + len, "n%d:x%d\n", i, i);
	return load(text, len, err);
}

static void
test_forgotten(void)
{
	struct error err;

	memset(&senders, 0, sizeof(senders));
	senders_init(&senders);
	must(load("n0:x events=1\n", 14, &err) == 0);
	must(load("n1:x\n", 5, &err) == 0);
	(void)senders_know_peer(&senders, "n1");
	ok(load_names(2, &err) < 0 &&
		strstr(err.text, "over 400 names in an hour") != NULL,
	    "no room for a file of other names");
	is_number(senders.count, 2, "none of which is known then");
	must(load_names(0, &err) == 0);
	is_number(senders.count, TOKENS_MAX, "a file of the same is taken");
	ok(load_names(1, &err) < 0, "one that is new has no place");
	must(load("n2:x\n", 5, &err) == 0);
	for (unsigned i = 0; i < senders.count; i++)
		senders.all[i].gone_ns -= SENDERS_FORGET_NS;
	is_number(senders_room(&senders), TOKENS_MAX - 2,
	    "for an hour, but for those who are there or certified");
	ok(load_names(3, &err) < 0, "not for all");
	ok(load_names(1, &err) == 0, "for as many as there is room");
	is_text(name_of("Bearer x400"), "n400", "this one");
	is_number(senders.count, TOKENS_MAX, "in the places of others");
	is_text(senders.all[1].name, "n1", "of no certified one");
}

int
main(void)
{
	char dir[64];

	tap_scratch(dir);
	(void)snprintf(path, sizeof(path), "%s/tokens", dir);
	tokens.path = path;
	senders_init(&senders);
	test_files();
	test_limits();
	test_limits_anew();
	test_fields();
	test_changed_files();
	test_changed_fields();
	test_rates();
	test_senders();
	test_forgotten();
	tokens_release(&tokens);
	tap_remove_tree(dir);
	return tap_end();
}
