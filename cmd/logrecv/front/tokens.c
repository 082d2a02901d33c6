/*
 * tokens.c - see tokens.h.
 */
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include <openssl/evp.h>

#include "../format.h"
#include "../http_text.h"
#include "base64.h"
#include "hex.h"
#include "options.h"
#include "secret.h"
#include "tokens.h"

#define FILE_MAX (1 << 20)
#define HASHED "sha256:"
#define WAYS_MAX 64 /* bits of a sender's ways */

struct digest {
	uint64_t words[4]; /* SHA-256 */
};

struct token_list {
	unsigned count;
	struct digest digests[TOKENS_MAX];
	struct sender *senders[TOKENS_MAX];
};

/* A line of the file. */
struct entry {
	const char *name;
	struct digest digest;
	bool again;  /* a line before has the name */
	bool limits; /* has any of these */
	uint64_t rates[SENDER_COUNTS], ways;
};

struct entries {
	unsigned count;
	bool plain; /* a token stands there as it is */
	struct entry all[TOKENS_MAX];
};

static int
parse_line(struct tokens *, char *line, struct entries *, struct error *);
static int apply(struct tokens *, const struct entries *, struct error *);

/*
 * Digests
 */

static int
hash(const struct tokens *t, const char *text, size_t len, struct digest *d)
{
	return EVP_Digest(text, len, (unsigned char *)d->words, NULL, t->sha256,
		   NULL) == 1
		   ? 0
		   : -1;
}

static int
parse_digest(const char *hex, struct digest *d)
{
	unsigned char *bytes = (unsigned char *)d->words;

	for (size_t i = 0; i < sizeof(d->words); i++) {
		int high = hex_digit(hex[2 * i]);
		int low = high < 0 ? -1 : hex_digit(hex[2 * i + 1]);

		if (low < 0)
			return -1;
		bytes[i] = (unsigned char)(high << 4 | low);
	}
	return hex[2 * sizeof(d->words)] == '\0' ? 0 : -1;
}

/* 1 if they are the same, else 0; no branch tells which. */
static unsigned
is_equal(const struct digest *a, const struct digest *b)
{
	uint64_t differ = 0;

	for (int i = 0; i < 4; i++)
		differ |= a->words[i] ^ b->words[i];
	return 1 ^ (unsigned)((differ | -differ) >> 63);
}

/*
 * The file
 */

/* NULL: a member, a label or a line of the log could not have it as it is. */
static int
check_name(const char *name, struct error *err)
{
	size_t len = strspn(name, "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
				  "abcdefghijklmnopqrstuvwxyz0123456789"
				  "-_.@+/");

	if (len > 0 && len <= SENDER_NAME_MAX && name[len] == '\0')
		return 0;
	return error_set(err,
	    "a name has 1 to %d letters, digits or characters of -_.@+/",
	    SENDER_NAME_MAX);
}

static int
parse_token(
    struct tokens *t, const char *token, struct entries *es, struct error *err)
{
	struct entry *e = &es->all[es->count];
	size_t len = strlen(token);

	if (strncmp(token, HASHED, sizeof(HASHED) - 1) == 0) {
		if (parse_digest(token + sizeof(HASHED) - 1, &e->digest) == 0)
			return 0;
		return error_set(err, HASHED " has 64 hexadecimal digits "
					     "behind it");
	}
	if (len == 0 || len > TOKEN_MAX)
		return error_set(err, "a token has 1 to %d bytes", TOKEN_MAX);
	for (size_t i = 0; i < len; i++) {
		if (token[i] <= ' ' || token[i] > '~')
			return error_set(
			    err, "a token has printable ASCII alone");
	}
	es->plain = true;
	if (hash(t, token, len, &e->digest) < 0)
		return error_set(err, "hash a token: libcrypto refused");
	return 0;
}

/* "log,otlp": the rows of these names, a bit each. */
static int
parse_ways(
    const struct tokens *t, char *list, uint64_t *ways, struct error *err)
{
	char *name;

	while ((name = strsep(&list, ",")) != NULL) {
		uint64_t before = *ways;

		for (int i = 0; i < WAYS_MAX && t->ways[i].path != NULL; i++) {
			const struct way *way = &t->ways[i];

			if (way_takes_events(way) &&
			    strcmp(way->format->name, name) == 0)
				*ways |= 1ULL << i;
		}
		if (*ways == before)
			return error_set(err,
			    "ways=: '%s' is no way in, or is there twice",
			    name);
	}
	return 0;
}

static int
parse_limit(
    const struct tokens *t, char *word, struct entry *e, struct error *err)
{
	static const struct {
		const char *name;
		int (*parse)(const char *, uint64_t *, struct error *);
	} rates[SENDER_COUNTS] = {
	    [SENDER_REQUESTS] = {"requests=", option_count},
	    [SENDER_EVENTS] = {"events=", option_count},
	    [SENDER_BYTES] = {"bytes=", option_size},
	};
	struct error why;

	if (strncmp(word, "ways=", 5) == 0)
		return parse_ways(t, word + 5, &e->ways, err);
	for (int i = 0; i < SENDER_COUNTS; i++) {
		size_t len = strlen(rates[i].name);

		if (strncmp(word, rates[i].name, len) == 0 &&
		    rates[i].parse(word + len, &e->rates[i], &why) == 0 &&
		    e->rates[i] > 0)
			return 0;
	}
	return error_set(err,
	    "'%s' is not requests=N, events=N or bytes=SIZE, over 0 and each a "
	    "second, or ways=LIST",
	    word);
}

/* Against those of the lines before. */
static int
check_entry(const struct entries *es, struct entry *e, struct error *err)
{
	for (const struct entry *o = es->all; o < e; o++) {
		if (is_equal(&o->digest, &e->digest))
			return error_set(
			    err, "its token is that of %s, too", o->name);
		if (strcmp(o->name, e->name) != 0)
			continue;
		e->again = true;
		if (e->limits)
			return error_set(err,
			    "what %s may stands on its first line", e->name);
	}
	return 0;
}

static int
parse_line(struct tokens *t, char *line, struct entries *es, struct error *err)
{
	struct entry *e = &es->all[es->count];
	char *word, *colon;

	line += strspn(line, " \t\r");
	if (*line == '\0' || *line == '#')
		return 0;
	if (es->count == TOKENS_MAX)
		return error_set(err, "there are over %d tokens", TOKENS_MAX);
	word = strsep(&line, " \t\r");
	colon = strchr(word, ':');
	if (colon == NULL)
		return error_set(err, "it is not NAME:TOKEN");
	*colon = '\0';
	memset(e, 0, sizeof(*e));
	e->name = word;
	if (check_name(word, err) < 0 || parse_token(t, colon + 1, es, err) < 0)
		return -1;
	while ((word = strsep(&line, " \t\r")) != NULL) {
		if (*word == '\0')
			continue;
		e->limits = true;
		if (parse_limit(t, word, e, err) < 0)
			return -1;
	}
	if (check_entry(es, e, err) < 0)
		return -1;
	es->count++;
	return 0;
}

int
tokens_parse(struct tokens *t, char *text, size_t len, struct error *err)
{
	struct entries *es = malloc(sizeof(*es));
	char *line, *rest = text;
	struct error why;
	int rc = 0;

	if (es == NULL)
		return error_errno(err, "read tokens");
	es->count = 0;
	es->plain = false;
	if (memchr(text, '\0', len) != NULL)
		rc = error_set(err, "it holds a NUL");
	for (int i = 1; rc == 0 && (line = strsep(&rest, "\n")) != NULL; i++) {
		rc = parse_line(t, line, es, &why);
		if (rc < 0)
			(void)error_set(err, "line %d: %s", i, why.text);
	}
	if (rc == 0 && es->count == 0)
		rc = error_set(err, "it has no token");
	if (rc == 0)
		rc = apply(t, es, err);
	if (rc == 0)
		t->plain = es->plain;
	free(es); /* digests alone */
	return rc;
}

/* What the entry's name may. What it has to wait for a rate ends with that. */
static void
allow(const struct entry *e, struct sender *s)
{
	atomic_store(&s->ways, e->ways);
	for (int i = 0; i < SENDER_COUNTS; i++) {
		if (atomic_exchange(&s->rates[i].most, e->rates[i]) !=
		    e->rates[i])
			atomic_store(&s->rates[i].due_ns, 0);
	}
}

/*
 * Whom the list does not have may all: those who come with a certificate. The
 * others are forgotten in the end.
 */
static void
allow_others(struct senders *ss, const struct token_list *list)
{
	static const struct entry all = {0};
	unsigned count = atomic_load(&ss->count), k;

	for (unsigned i = 0; i < count; i++) {
		for (k = 0; k < list->count; k++) {
			if (list->senders[k] == &ss->all[i])
				break;
		}
		if (k < list->count)
			continue;
		allow(&all, &ss->all[i]);
		senders_leave(ss, &ss->all[i]);
	}
}

/* Are all names known, or is there room for them? None is taken if not. */
static bool
have_room(struct tokens *t, const struct entries *es)
{
	unsigned fresh = 0;

	for (unsigned i = 0; i < es->count; i++) {
		if (!es->all[i].again &&
		    senders_find(t->senders, es->all[i].name) == NULL)
			fresh++;
	}
	if (fresh <= senders_room(t->senders))
		return true;
	if (t->list != NULL)
		allow_others(t->senders, t->list);
	return false;
}

static int
apply(struct tokens *t, const struct entries *es, struct error *err)
{
	struct token_list *list = calloc(1, sizeof(*list)), *last;

	if (list == NULL)
		return error_errno(err, "read tokens");
	if (!have_room(t, es)) {
		free(list);
		return error_set(err,
		    "over %d names in an hour, with those that were in it "
		    "before",
		    SENDERS_OWN);
	}
	for (; list->count < es->count; list->count++) {
		const struct entry *e = &es->all[list->count];

		list->digests[list->count] = e->digest;
		list->senders[list->count] = senders_know(t->senders, e->name);
		if (list->senders[list->count] == NULL) { /* just taken */
			free(list);
			return error_set(
			    err, "over %d names in an hour", SENDERS_OWN);
		}
	}
	for (unsigned i = 0; i < es->count; i++) {
		if (!es->all[i].again)
			allow(&es->all[i], list->senders[i]);
	}
	if (t->list == NULL)
		(void)pthread_rwlock_init(&t->lock, NULL); /* cannot fail */
	(void)pthread_rwlock_wrlock(&t->lock); /* fails only on misuse */
	last = t->list;
	t->list = list;
	(void)pthread_rwlock_unlock(&t->lock);
	free(last);
	allow_others(t->senders, list); /* only now: they had tokens */
	return 0;
}

int
tokens_load(struct tokens *t, struct error *err)
{
	struct buf text = {0};
	struct secret_mode mode;
	struct error why;
	int rc = 0;

	if (t->sha256 == NULL)
		t->sha256 = EVP_MD_fetch(NULL, "SHA2-256", NULL);
	if (t->sha256 == NULL)
		rc = error_set(err, "--token-file: libcrypto has no SHA-256");
	else if (secret_read(t->path, FILE_MAX, &text, &mode, &why) < 0)
		rc = error_set(err, "--token-file: %s", why.text);
	else if (tokens_parse(t, text.data, text.len, &why) < 0)
		rc = error_set(err, "--token-file %s: %s", t->path, why.text);
	else
		t->exposed =
		    mode.others_write || (t->plain && mode.others_read);
	secret_release(&text);
	return rc;
}

void
tokens_release(struct tokens *t)
{
	EVP_MD_free(t->sha256);
	t->sha256 = NULL;
	if (t->list == NULL)
		return;
	free(t->list);
	t->list = NULL;
	(void)pthread_rwlock_destroy(&t->lock); /* no thread is left */
}

/*
 * The field
 */

/* All are looked at, so that the time tells nothing of those that differ. */
static struct sender *
find(struct tokens *t, const char *token, size_t len)
{
	struct sender *s = NULL;
	struct digest digest;
	unsigned at = 0;

	if (len == 0 || len > TOKEN_MAX || hash(t, token, len, &digest) < 0)
		return NULL;
	(void)pthread_rwlock_rdlock(&t->lock); /* fails only on misuse */
	for (unsigned i = 0; i < t->list->count; i++)
		at |= -is_equal(&t->list->digests[i], &digest) & (i + 1);
	if (at > 0)
		s = t->list->senders[at - 1];
	(void)pthread_rwlock_unlock(&t->lock);
	return s;
}

/* What stands behind the colon in it, in base64. */
static struct sender *
find_password(struct tokens *t, const char *text, size_t len)
{
	char plain[TOKEN_MAX + 256];
	const char *colon;
	long n;

	if (len > sizeof(plain) / 3 * 4)
		return NULL;
	n = base64_decode(text, len, plain);
	colon = n <= 0 ? NULL : memchr(plain, ':', (size_t)n);
	if (colon == NULL)
		return NULL;
	colon++;
	return find(t, colon, (size_t)(plain + n - colon));
}

struct sender *
tokens_find(struct tokens *t, struct http_text value)
{
	static const struct {
		const char *name;
		bool plain, password;
	} schemes[] = {
	    {"Bearer", true, false},
	    {"Splunk", true, false},
	    {"Basic", false, true},
	    {"ApiKey", true, true},
	};
	const char *end = value.p + value.len;
	const char *stop = pass_token(value.p, end), *p;
	size_t len = (size_t)(stop - value.p);
	struct sender *s = NULL;

	p = pass_blanks(stop, end);
	if (p == stop)
		return NULL;
	for (size_t i = 0; i < sizeof(schemes) / sizeof(schemes[0]); i++) {
		if (strlen(schemes[i].name) != len ||
		    strncasecmp(schemes[i].name, value.p, len) != 0)
			continue;
		if (schemes[i].password)
			s = find_password(t, p, (size_t)(end - p));
		if (s == NULL && schemes[i].plain)
			s = find(t, p, (size_t)(end - p));
	}
	return s;
}
