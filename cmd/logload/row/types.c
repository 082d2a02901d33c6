/*
 * types.c - see types.h.
 */
#include <stdlib.h>
#include <string.h>

#include "instant.h"
#include "types.h"
#include "value.h"

#define WIDTH_MOST 16383  /* utf8mb4 characters in a row of 64 KiB */
#define PRECISION_MOST 65 /* these two are MySQL's */
#define SCALE_MOST 30

typedef int parse_arguments(struct column *, const char *, struct error *);

static parse_arguments parse_width, parse_digits, parse_zone;

/* By enum column_type. */
static const struct type {
	const char *word, *synonym;
	column_convert *convert;
	parse_arguments *parse; /* what is in brackets; NULL: nothing may be */
	bool bare;              /* the brackets may be left out */
	bool cuts;
	int64_t least;
	uint64_t most;
} types[COLUMN_TYPES] = {
    [COLUMN_VARCHAR] = {"text", "varchar", value_to_text, parse_width,
	.cuts = true},
    [COLUMN_TEXT] = {"text", NULL, value_to_text, .bare = true},
    [COLUMN_INT] = {"int", "integer", value_to_whole, .bare = true,
	.cuts = true, .least = INT32_MIN, .most = INT32_MAX},
    [COLUMN_BIGINT] = {"bigint", NULL, value_to_whole, .bare = true,
	.cuts = true, .least = INT64_MIN, .most = INT64_MAX},
    [COLUMN_UNSIGNED] = {"unsigned", NULL, value_to_whole, .bare = true,
	.cuts = true, .most = UINT64_MAX},
    [COLUMN_DOUBLE] = {"double", NULL, value_to_double, .bare = true},
    [COLUMN_DECIMAL] = {"decimal", "numeric", value_to_decimal, parse_digits,
	.cuts = true},
    [COLUMN_BOOLEAN] = {"bool", "boolean", value_to_boolean, .bare = true},
    [COLUMN_DATETIME] = {"timestamp", "datetime", value_to_instant, parse_zone,
	.bare = true},
    [COLUMN_JSON] = {"json", NULL, value_to_json, .bare = true},
    [COLUMN_IP] = {"ip", NULL, value_to_ip, .bare = true},
    [COLUMN_UUID] = {"uuid", NULL, value_to_uuid, .bare = true},
};

static bool
is_word(const char *word, const char *text, size_t len)
{
	return word != NULL && strlen(word) == len &&
	       strncasecmp(word, text, len) == 0;
}

int
type_parse(struct column *c, const char *text, size_t len, bool *known,
    struct error *err)
{
	const char *open = memchr(text, '(', len);
	size_t word = open == NULL ? len : (size_t)(open - text);
	char arguments[COLUMN_NAME_MAX + 1];
	size_t inner;

	*known = false;
	c->width = c->scale = 0;
	c->zoned = false;
	for (unsigned i = 0; i < COLUMN_TYPES; i++) {
		const struct type *t = &types[i];

		if (!is_word(t->word, text, word) &&
		    !is_word(t->synonym, text, word))
			continue;
		*known = true;
		if (open == NULL ? !t->bare : t->parse == NULL)
			continue;
		c->type = (enum column_type)i;
		c->convert = t->convert;
		c->least = t->least;
		c->most = t->most;
		c->plain = t->most <= INT32_MAX ? 9 : VALUE_PLAIN_DIGITS;
		if (open == NULL)
			return 0;
		inner = len - word - 2; /* the caller has seen both brackets */
		if (inner > COLUMN_NAME_MAX)
			break;
		memcpy(arguments, open + 1, inner);
		arguments[inner] = '\0';
		return t->parse(c, arguments, err);
	}
	return error_set(err,
	    "'%.*s' is not one of text(N), text, int, bigint, unsigned, "
	    "double, "
	    "decimal(P,S), bool, timestamp, timestamp(ZONE), json, ip, uuid",
	    (int)len, text);
}

const char *
type_word(enum column_type type)
{
	return types[type].word;
}

bool
type_cuts(enum column_type type)
{
	return types[type].cuts;
}

size_t
type_scratch(const struct column *c)
{
	return c->type == COLUMN_VARCHAR ? (size_t)c->width * 4 : VALUE_SCRATCH;
}

/* A whole number up to `most`, and what is behind it; or NULL. */
static const char *
take_number(const char *p, unsigned most, unsigned *n)
{
	const char *begin = p;

	for (*n = 0; *p >= '0' && *p <= '9' && *n <= most; p++)
		*n = *n * 10 + (unsigned)(*p - '0');
	return p == begin || *n > most ? NULL : p;
}

static int
parse_width(struct column *c, const char *p, struct error *err)
{
	const char *end = take_number(p, WIDTH_MOST, &c->width);

	if (end != NULL && *end == '\0' && c->width > 0)
		return 0;
	return error_set(
	    err, "the width of 'text(%s)' is not 1 to %d", p, WIDTH_MOST);
}

static int
parse_digits(struct column *c, const char *p, struct error *err)
{
	const char *end = take_number(p, PRECISION_MOST, &c->width);

	c->scale = 0;
	if (end != NULL && *end == ',')
		end = take_number(end + 1, SCALE_MOST, &c->scale);
	if (end != NULL && *end == '\0' && c->width > 0 && c->scale <= c->width)
		return 0;
	return error_set(err,
	    "'decimal(%s)' is not (P,S) with P, all digits, from 1 to %d and "
	    "S, those behind the point, up to %d and P",
	    p, PRECISION_MOST, SCALE_MOST);
}

static int
parse_zone(struct column *c, const char *p, struct error *err)
{
	c->zoned = instant_zone(p, &c->zone);
	if (c->zoned)
		return 0;
	return error_set(err,
	    "'timestamp(%s)' has no zone that is known: UTC, an offset such as "
	    "+01:00, or a name such as Europe/Berlin, one for all columns",
	    p);
}
