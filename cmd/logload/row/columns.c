/*
 * columns.c - see columns.h.
 */
#include <stdlib.h>
#include <string.h>

#include "columns.h"

/* The names that loggers have; names before numbers that mean the same. */
static const struct {
	const char *spec;
	unsigned plain_count; /* of those whose names say enough; 0: all */
} initial_columns[] = {
    {"occurred_at=timestamp|@timestamp|time|Timestamp|datetime|@t|ts|instant|"
     "asctime|timeMillis|timeUnixNano|__REALTIME_TIMESTAMP|eventTime|"
     "requestReceivedTimestamp|t.$date|date:datetime",
	6},
    {"event=event|event.action|event\\.action|event.name|event\\.name|"
     "event_name|eventName|event_type|eventType|operationName|"
     "MessageTemplate|@mt|action|verb:varchar(64)",
	0},
    {"level=level_name|level|levelname|severity|severityText|severity_text|"
     "SeverityText|log.level|log\\.level|Level|LogLevel|loglevel|@l|"
     "error_severity|PRIORITY|status|s:varchar(16)",
	15},
    {"user_id=user_id:varchar(64)", 0},
};

#define INITIAL (sizeof(initial_columns) / sizeof(initial_columns[0]))

/* The columns that every table has. */
static const char *const fixed_columns[] = {
    "received_at", "file_id", "line", "payload", NULL};

static int parse_type(struct column *, const char *type, struct error *);
static int compile_paths(struct columns *, struct column *, struct error *);

int
columns_init(struct columns *c, struct error *err)
{
	memset(c, 0, sizeof(*c));
	for (unsigned i = 0; i < INITIAL; i++) {
		if (columns_set(c, initial_columns[i].spec, err) < 0)
			return -1;
		if (initial_columns[i].plain_count > 0)
			c->list[i].plain_count = initial_columns[i].plain_count;
	}
	return 0;
}

void
columns_release(struct columns *c)
{
	for (unsigned i = 0; i < c->count; i++)
		free(c->list[i].text);
	memset(c, 0, sizeof(*c));
}

int
columns_find(const struct columns *c, const char *name, size_t len)
{
	for (unsigned i = 0; i < c->count; i++) {
		if (strncasecmp(c->list[i].name, name, len) == 0 &&
		    c->list[i].name[len] == '\0')
			return (int)i;
	}
	return -1;
}

static int
check_name(const char *name, size_t len, struct error *err)
{
	if (len == 0 || len > COLUMN_NAME_MAX)
		return error_set(
		    err, "a column's name has 1 to %d bytes", COLUMN_NAME_MAX);
	for (int i = 0; fixed_columns[i] != NULL; i++) {
		if (strncasecmp(name, fixed_columns[i], len) == 0 &&
		    fixed_columns[i][len] == '\0')
			return error_set(err,
			    "the column %s is there always and cannot be set",
			    fixed_columns[i]);
	}
	return 0;
}

int
columns_set(struct columns *c, const char *spec, struct error *err)
{
	const char *equals = strchr(spec, '='), *colon;
	size_t len = equals == NULL ? 0 : (size_t)(equals - spec);
	struct column new = {.name = "", .plain_count = COLUMN_PATHS_MAX};
	int at;

	if (equals == NULL)
		return error_set(err, "'%s' is not NAME=PATH:TYPE", spec);
	if (check_name(spec, len, err) < 0)
		return -1;
	at = columns_find(c, spec, len);
	if (equals[1] == '\0') {
		if (at < 0)
			return error_set(err,
			    "'%s' takes away a column that is not there", spec);
		free(c->list[at].text);
		c->count--;
		memmove(&c->list[at], &c->list[at + 1],
		    (c->count - (unsigned)at) * sizeof(c->list[0]));
		return 0;
	}
	colon = strrchr(equals, ':');
	if (colon == NULL || colon == equals + 1)
		return error_set(err, "'%s' is not NAME=PATH:TYPE", spec);
	memcpy(new.name, spec, len);
	if (parse_type(&new, colon + 1, err) < 0)
		return -1;
	if (at < 0 && c->count == COLUMNS_MAX)
		return error_set(err, "over %d columns", COLUMNS_MAX);
	new.text = strndup(equals + 1, (size_t)(colon - equals) - 1);
	if (new.text == NULL)
		return error_errno(err, "copy");
	if (at < 0)
		at = (int)c->count++;
	else
		free(c->list[at].text);
	c->list[at] = new;
	return 0;
}

static int
parse_type(struct column *column, const char *type, struct error *err)
{
	static const char *const words[] = {[COLUMN_BIGINT] = "bigint",
	    [COLUMN_DOUBLE] = "double",
	    [COLUMN_BOOLEAN] = "boolean",
	    [COLUMN_DATETIME] = "datetime"};
	size_t len = strlen(type);

	for (int i = COLUMN_BIGINT; i < COLUMN_TYPES; i++) {
		if (strcasecmp(type, words[i]) == 0) {
			column->type = (enum column_type)i;
			return 0;
		}
	}
	if (strncasecmp(type, "varchar(", 8) == 0 && len > 9 &&
	    type[len - 1] == ')' && strspn(type + 8, "0123456789") == len - 9) {
		unsigned long width = strtoul(type + 8, NULL, 10);

		if (width < 1 || width > COLUMN_WIDTH_MOST)
			return error_set(err,
			    "the width of '%s' is not 1 to %d", type,
			    COLUMN_WIDTH_MOST);
		column->type = COLUMN_VARCHAR;
		column->width = (unsigned)width;
		return 0;
	}
	return error_set(err,
	    "'%s' is not one of varchar(N), bigint, double, boolean, datetime",
	    type);
}

/*
 * Paths
 */

static int
add_head(struct columns *c, const char *p, size_t len, struct error *err)
{
	struct column_head *head = &c->heads[c->head_count];
	unsigned char *first = &c->first[columns_slot(p, len)];
	unsigned known = columns_head(c, p, len);

	if (known > 0)
		return (int)known - 1;
	if (c->head_count == COLUMN_HEADS_MAX)
		return error_set(
		    err, "the columns name over %d members", COLUMN_HEADS_MAX);
	head->name.p = p;
	head->name.len = len;
	head->next = *first;
	*first = (unsigned char)++c->head_count;
	return (int)c->head_count - 1;
}

int
columns_compile(struct columns *c, struct error *err)
{
	static const char received[] = "@received_at";

	if (add_head(c, received, sizeof(received) - 1, err) < 0)
		return -1;
	for (unsigned i = 0; i < c->count; i++) {
		if (compile_paths(c, &c->list[i], err) < 0)
			return -1;
	}
	return 0;
}

/*
 * Takes one name off *p, up to a dot, a bar or the end, and resolves its
 * backslashes in place.
 */
static struct json_text
take_name(char **p)
{
	struct json_text name = {.p = *p};
	char *out = *p, *in = *p;

	while (*in != '\0' && *in != '.' && *in != '|') {
		if (*in == '\\' && in[1] != '\0')
			in++;
		*out++ = *in++;
	}
	name.len = (size_t)(out - name.p);
	*p = in;
	return name;
}

static int
compile_path(struct columns *c, struct column_path *path, char **p,
    const char *column, struct error *err)
{
	struct json_text name = take_name(p);
	int head;

	path->depth = 0;
	for (;;) {
		if (name.len == 0)
			return error_set(err,
			    "the path of column %s has an empty name", column);
		if (path->depth == 0) {
			head = add_head(c, name.p, name.len, err);
			if (head < 0)
				return -1;
			path->head = (unsigned)head;
		} else {
			path->rest[path->depth - 1] = name;
		}
		if (**p != '.')
			return 0;
		(*p)++;
		if (path->depth++ == COLUMN_PATH_DEPTH_MAX)
			return error_set(err,
			    "the path of column %s is over %d deep", column,
			    COLUMN_PATH_DEPTH_MAX + 1);
		name = take_name(p);
	}
}

static int
compile_paths(struct columns *c, struct column *column, struct error *err)
{
	char *p = column->text;

	for (;;) {
		if (column->path_count == COLUMN_PATHS_MAX)
			return error_set(err,
			    "column %s has over %d alternatives", column->name,
			    COLUMN_PATHS_MAX);
		if (compile_path(c, &column->paths[column->path_count++], &p,
			column->name, err) < 0)
			return -1;
		if (*p != '|')
			return 0;
		p++;
	}
}
