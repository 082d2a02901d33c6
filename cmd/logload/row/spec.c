/*
 * spec.c - see spec.h.
 */
#include <stdlib.h>
#include <string.h>

#include "element.h"
#include "spec.h"
#include "types.h"
#include "value.h"

#define INDEX_MOST 1000000
#define SHOWN 60 /* bytes of a text in an error */

static char *find_type(struct column *, char *path, struct error *);
static int parse_paths(struct column *, struct error *);

int
spec_parse(struct column *c, const char *text, struct error *err)
{
	char *end;

	c->text = strdup(text);
	if (c->text == NULL)
		return error_errno(err, "copy");
	end = find_type(c, c->text, err);
	if (end != NULL) {
		*end = '\0';
		if (parse_paths(c, err) == 0)
			return 0;
	}
	spec_release(c);
	return -1;
}

void
spec_release(struct column *c)
{
	for (unsigned i = 0; i < c->path_count; i++)
		free((char *)c->paths[i].constant.p);
	free((char *)c->fallback.p);
	free(c->text);
	c->text = NULL;
	c->fallback.p = NULL;
	c->path_count = 0;
}

/*
 * Constants
 */

/*
 * Converts a text once and for all: `json` as the JSON that it is, if it is
 * that, else as a string.
 */
static int
make_constant(const struct column *c, const char *text, size_t len, bool json,
    struct value *out, struct error *err)
{
	struct json_member m = {.name.p = text}; /* it is not the whole */
	enum value_verdict verdict = VALUE_NO_MEMORY;
	struct buf b = {0}, scratch = {0};
	struct value v = {NULL, 0};
	bool breaks;
	struct json_error e;
	const char *cursor;

	if (buf_reserve(&b, 6 * len + 4) < 0 ||
	    buf_reserve(&scratch, type_scratch(c)) < 0)
		goto out;
	b.data[0] = '[';
	if (json && json_check(text, text + len, JSON_DEPTH_MOST, &breaks,
			&e) == text + len) {
		memcpy(b.data + 1, text, len);
		b.len = len + 1;
	} else {
		b.len = 1 + json_string_encode(text, len, b.data + 1);
	}
	b.data[b.len++] = ']';
	cursor = b.data;
	verdict = VALUE_MISFITS;
	if (element_next(&cursor, b.data + b.len, &m))
		verdict = m.kind == JSON_NULL
			      ? VALUE_ABSENT
			      : c->convert(c, &m, false, &scratch, &v);
	if (verdict == VALUE_FITS) {
		char *copy = malloc(v.len + 1);

		if (copy == NULL)
			verdict = VALUE_NO_MEMORY;
		else
			*out = (struct value){memcpy(copy, v.p, v.len), v.len};
	}
out:
	buf_release(&b);
	buf_release(&scratch);
	if (verdict == VALUE_NO_MEMORY)
		return error_errno(err, "copy");
	if (verdict == VALUE_MISFITS)
		return error_set(err,
		    "'%.*s' does not fit the column's type, %s",
		    len < SHOWN ? (int)len : SHOWN, text, type_word(c->type));
	return 0;
}

/*
 * Types
 */

static int
parse_misfit(struct column *c, const char *p, struct error *err)
{
	static const char set[] = "default=";

	if (strcmp(p, "null") == 0) {
		c->misfit = COLUMN_NULL;
	} else if (strcmp(p, "reject") == 0) {
		c->misfit = COLUMN_REJECT;
	} else if (strcmp(p, "cut") == 0 && type_cuts(c->type)) {
		c->misfit = COLUMN_CUT;
	} else if (strncmp(p, set, sizeof(set) - 1) == 0) {
		p += sizeof(set) - 1;
		c->misfit = COLUMN_DEFAULT;
		return make_constant(c, p, strlen(p), true, &c->fallback, err);
	} else {
		return error_set(err,
		    "'%.60s' is not null, reject%s or default=VALUE", p,
		    type_cuts(c->type) ? ", cut" : "");
	}
	return 0;
}

/* What stands behind a colon. */
static int
parse_type(struct column *c, const char *p, bool *known, struct error *err)
{
	size_t len = strcspn(p, ":(");
	const char *close = p[len] == '(' ? strchr(p, ')') : NULL;

	if (close != NULL)
		len = (size_t)(close - p) + 1;
	if (type_parse(c, p, len, known, err) < 0)
		return -1;
	if (p[len] == '\0')
		return 0;
	if (p[len] == ':')
		return parse_misfit(c, p + len + 1, err);
	return error_set(err, "'%.60s' is not TYPE or TYPE:MISFIT", p);
}

/*
 * The colon behind which there is a type; a name may hold one too. Of several
 * errors that of a word that is a type is told.
 */
static char *
find_type(struct column *c, char *path, struct error *err)
{
	bool starts = true, begins = true, any = false, known;
	char quote = '\0';

	(void)error_set(err, "'%.200s' is not PATH:TYPE", path);
	for (char *p = path; *p != '\0'; p++) {
		struct error why;

		if (*p == '\\' && p[1] != '\0') {
			p++;
			begins = starts = false;
			continue;
		}
		if (quote != '\0') {
			quote = *p == quote ? '\0' : quote;
		} else if ((begins && *p == '"') || (starts && *p == '\'')) {
			quote = *p;
		} else if (*p == ':' && p > path) {
			if (parse_type(c, p + 1, &known, &why) == 0)
				return p;
			if (!any)
				*err = why;
			any = any || known;
		}
		starts = *p == '|';
		begins = starts || *p == '.';
	}
	if (quote != '\0')
		(void)error_set(
		    err, "'%.200s' has no %c at its end", path, quote);
	return NULL;
}

/*
 * Paths
 */

/* Up to its quote, in place, without its backslashes. */
static int
take_quoted(char **p, struct json_text *text, struct error *err)
{
	char quote = **p, *in = *p + 1, *out = in;

	text->p = in;
	while (*in != '\0' && *in != quote) {
		if (*in == '\\' && in[1] != '\0')
			in++;
		*out++ = *in++;
	}
	text->len = (size_t)(out - text->p);
	*p = in + 1;
	if (*in == '\0' || (**p != '\0' && strchr(".|[", **p) == NULL))
		return error_set(err, "a quote has to end its name");
	return 0;
}

static int
take_name(char **p, struct json_text *name, struct error *err)
{
	char *out = *p, *in = *p;

	if (**p == '"')
		return take_quoted(p, name, err);
	name->p = *p;
	while (*in != '\0' && strchr(".|[,", *in) == NULL) {
		if (*in == '\\' && in[1] != '\0')
			in++;
		*out++ = *in++;
	}
	name->len = (size_t)(out - name->p);
	*p = in;
	return name->len > 0 ? 0 : error_set(err, "a path has an empty name");
}

/* Behind a '['. */
static int
take_index(char **p, int *index, struct error *err)
{
	bool negative = **p == '-';
	char *begin = *p + negative, *end;
	unsigned long n = strtoul(begin, &end, 10);

	*p = end + 1;
	if (*begin < '0' || *begin > '9' || *end != ']' || n > INDEX_MOST ||
	    (negative && n == 0))
		return error_set(err,
		    "behind '[' has to be a number up to %d, and ']'; before a "
		    "'[' of a name, a \\",
		    INDEX_MOST);
	*index = negative ? -(int)n : (int)n;
	return 0;
}

static int
parse_member(struct column_path *path, char **p, struct error *err)
{
	path->source = COLUMN_MEMBER;
	if (take_name(p, &path->top, err) < 0)
		return -1;
	while (**p == '.' || **p == '[') {
		struct column_step *step = &path->rest[path->depth];
		bool element = **p == '[';

		if (path->depth++ == COLUMN_PATH_DEPTH_MAX)
			return error_set(err, "a path is over %d deep",
			    COLUMN_PATH_DEPTH_MAX + 1);
		(*p)++;
		if ((element ? take_index(p, &step->index, err)
			     : take_name(p, &step->name, err)) < 0)
			return -1;
	}
	return 0;
}

static int
parse_path(
    struct column *c, struct column_path *path, char **p, struct error *err)
{
	size_t len = strcspn(*p, "|");
	struct json_error e;
	struct json_text text;
	bool breaks;

	if (**p == '\'') {
		path->source = COLUMN_CONSTANT;
		if (take_quoted(p, &text, err) < 0)
			return -1;
		return make_constant(
		    c, text.p, text.len, false, &path->constant, err);
	}
	if (strchr("-0123456789", **p) != NULL && len > 0 &&
	    json_check(*p, *p + len, 1, &breaks, &e) == *p + len) {
		path->source = COLUMN_CONSTANT;
		*p += len;
		return make_constant(
		    c, *p - len, len, true, &path->constant, err);
	}
	if (**p == '$' && len == 1) {
		path->source = COLUMN_WHOLE;
		(*p)++;
		return 0;
	}
	return parse_member(path, p, err);
}

static int
parse_paths(struct column *c, struct error *err)
{
	char *p = c->text;

	for (;; p++) {
		if (c->path_count == COLUMN_PATHS_MAX)
			return error_set(
			    err, "over %d alternatives", COLUMN_PATHS_MAX);
		if (parse_path(c, &c->paths[c->path_count++], &p, err) < 0)
			return -1;
		if (*p == '\0')
			return 0;
		if (*p == ',')
			return error_set(err,
			    "a ',' stands in a path only in quotes or behind "
			    "a \\; of several columns each is a --column of "
			    "its "
			    "own, or a line of the variable or of --columns");
		if (*p != '|')
			return error_set(
			    err, "'%.60s' cannot stand in a path", p);
	}
}
