/*
 * columns.c - see columns.h.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "columns.h"
#include "spec.h"

/* Of a file of them. */
#define LINE_MOST 8192
#define LINES_MOST 10000

/* The names that loggers have; names before numbers that mean the same. */
static const struct {
	const char *spec;
	unsigned plain_count; /* of those whose names say enough; 0: all */
} initial_columns[] = {
    {"occurred_at=timestamp|@timestamp|time|Timestamp|datetime|@t|ts|instant|"
     "asctime|timeMillis|timeUnixNano|__REALTIME_TIMESTAMP|eventTime|"
     "requestReceivedTimestamp|observedTimestamp|t.$date|date:timestamp",
	6},
    {"event=event|event.action|event\\.action|event.name|event\\.name|"
     "event_name|eventName|event_type|eventType|operationName|"
     "MessageTemplate|@mt|action|verb:text(64)",
	0},
    {"level=level_name|level|levelname|severity|severityText|severity_text|"
     "SeverityText|log.level|log\\.level|Level|LogLevel|loglevel|@l|"
     "error_severity|PRIORITY|labels.level|status|s:text(16)",
	16},
    {"user_id=user_id:text(64)", 0},
};

#define INITIAL (sizeof(initial_columns) / sizeof(initial_columns[0]))

const char *
columns_fixed(enum column_fixed which)
{
	static const char *const names[COLUMNS_FIXED] = {
	    "received_at", "file_id", "line", "payload"};

	return names[which];
}

int
columns_init(struct columns *c, struct error *err)
{
	memset(c, 0, sizeof(*c));
	for (int i = 0; i < COLUMNS_FIXED; i++)
		(void)snprintf(c->fixed[i], sizeof(c->fixed[i]), "%s",
		    columns_fixed((enum column_fixed)i));
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
	for (unsigned i = 0; i < c->count + c->watched; i++)
		spec_release(&c->list[i]);
	memset(c, 0, sizeof(*c));
}

static bool
is_name(const char *known, const char *name, size_t len)
{
	return strncasecmp(known, name, len) == 0 && known[len] == '\0';
}

int
columns_find(const struct columns *c, const char *name, size_t len)
{
	for (unsigned i = 0; i < c->count; i++) {
		if (is_name(c->list[i].name, name, len))
			return (int)i;
	}
	return -1;
}

/* Which one of those that are fixed, or COLUMNS_FIXED. */
static int
find_fixed(const struct columns *c, const char *name, size_t len)
{
	int i = 0;

	while (i < COLUMNS_FIXED && !is_name(c->fixed[i], name, len))
		i++;
	return i;
}

bool
columns_has(const struct columns *c, const char *name, size_t len)
{
	return columns_find(c, name, len) >= 0 ||
	       find_fixed(c, name, len) < COLUMNS_FIXED;
}

static int
check_name(size_t len, struct error *err)
{
	if (len > 0 && len <= COLUMN_NAME_MAX)
		return 0;
	return error_set(
	    err, "a column's name has 1 to %d bytes", COLUMN_NAME_MAX);
}

static int
take_away(struct columns *c, const char *name, size_t len, struct error *err)
{
	int at = columns_find(c, name, len), fixed = find_fixed(c, name, len);

	if (at < 0 && fixed == COLUMN_PAYLOAD) {
		c->fixed[COLUMN_PAYLOAD][0] = '\0';
		return 0;
	}
	if (at < 0 && fixed < COLUMNS_FIXED)
		return error_set(err,
		    "the column %s is of the key, and can only have another "
		    "name (--rename)",
		    c->fixed[fixed]);
	if (at < 0)
		return error_set(err,
		    "'%.*s=' takes away a column that is not there", (int)len,
		    name);
	spec_release(&c->list[at]);
	c->count--;
	memmove(&c->list[at], &c->list[at + 1],
	    (c->count - (unsigned)at) * sizeof(c->list[0]));
	return 0;
}

int
columns_set(struct columns *c, const char *spec, struct error *err)
{
	const char *equals = strchr(spec, '=');
	size_t len = equals == NULL ? 0 : (size_t)(equals - spec);
	struct column *new;
	struct error why;
	int at;

	if (equals == NULL)
		return error_set(err, "'%.200s' is not NAME=PATH:TYPE", spec);
	if (check_name(len, err) < 0)
		return -1;
	if (equals[1] == '\0')
		return take_away(c, spec, len, err);
	if (find_fixed(c, spec, len) < COLUMNS_FIXED)
		return error_set(err,
		    "the column %.*s is there always and cannot be set",
		    (int)len, spec);
	at = columns_find(c, spec, len);
	if (at < 0 && c->count == COLUMNS_MAX)
		return error_set(err, "over %d columns", COLUMNS_MAX);
	new = calloc(1, sizeof(*new));
	if (new == NULL)
		return error_errno(err, "copy");
	memcpy(new->name, spec, len);
	new->plain_count = COLUMN_PATHS_MAX;
	if (spec_parse(new, equals + 1, &why) < 0) {
		(void)error_set(err, "column %s: %s", new->name, why.text);
		err->code = why.code;
		free(new);
		return -1;
	}
	if (at < 0)
		at = (int)c->count++;
	else
		spec_release(&c->list[at]);
	c->list[at] = *new;
	free(new);
	return 0;
}

int
columns_watch(
    struct columns *c, const char *path, size_t len, struct error *err)
{
	char spec[512];

	if (len > sizeof(spec) - 32)
		return error_set(err, "the path '%.40s...' is too long", path);
	(void)snprintf(
	    spec, sizeof(spec), "--table=%.*s:varchar(64)", (int)len, path);
	if (columns_set(c, spec, err) < 0)
		return -1;
	c->count--;
	c->watched = 1;
	return 0;
}

int
columns_rename(struct columns *c, const char *spec, struct error *err)
{
	const char *equals = strchr(spec, '=');
	size_t len = equals == NULL ? 0 : (size_t)(equals - spec);
	int which = 0;

	while (which < COLUMNS_FIXED &&
	       !is_name(columns_fixed((enum column_fixed)which), spec, len))
		which++;
	if (which == COLUMNS_FIXED)
		return error_set(err,
		    "'%.200s' is not OLD=NEW, with received_at, file_id, line "
		    "or payload for OLD",
		    spec);
	len = strlen(equals + 1);
	if (check_name(len, err) < 0)
		return -1;
	memcpy(c->fixed[which], equals + 1, len + 1);
	return 0;
}

/*
 * A file of columns
 */

static int
set_line(struct columns *c, char *line, size_t len, struct error *err)
{
	while (len > 0 && strchr(" \t\r", line[len - 1]) != NULL)
		len--;
	line[len] = '\0';
	line += strspn(line, " \t");
	return *line == '\0' || *line == '#' ? 0 : columns_set(c, line, err);
}

/* The next line, and how long it is, with whatever NUL is in it. */
static bool
next_line(FILE *file, char line[LINE_MOST + 2], size_t *len)
{
	memset(line, 'x', LINE_MOST + 2);
	if (fgets(line, LINE_MOST + 2, file) == NULL)
		return false;
	/* The last NUL is not the line's. */
	*len = (size_t)((char *)memrchr(line, '\0', LINE_MOST + 2) - line);
	return true;
}

int
columns_read(struct columns *c, const char *path, struct error *err)
{
	static const char mark[] = "\xef\xbb\xbf"; /* of the byte order */
	FILE *file = fopen(path, "re");
	unsigned number = 0;
	char line[LINE_MOST + 2];
	struct error why;
	size_t len;
	int rc = 0;

	if (file == NULL)
		return error_errno(err, "open %s", path);
	while (rc == 0 && next_line(file, line, &len)) {
		bool ends = line[len - 1] == '\n';

		if (++number == 1 && strncmp(line, mark, 3) == 0)
			memset(line, ' ', 3);
		if (number > LINES_MOST)
			rc = error_set(&why, "over %d lines", LINES_MOST);
		else if (len - ends <= LINE_MOST && strlen(line) == len)
			rc = set_line(c, line, len - ends, &why);
		else
			rc = error_set(&why,
			    "over %d bytes, or with a NUL in it", LINE_MOST);
	}
	if (rc < 0) {
		(void)error_set(err, "%s:%u: %s", path, number, why.text);
		err->code = why.code;
	} else if (ferror(file) != 0) {
		rc = error_errno(err, "read %s", path);
	}
	(void)fclose(file); /* only read from */
	return rc;
}

/*
 * Heads
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

/* Each name is that of one column. */
static int
check_names(const struct columns *c, struct error *err)
{
	for (int i = 0; i < COLUMNS_FIXED; i++) {
		const char *name = c->fixed[i];
		size_t len = strlen(name);

		if (len > 0 && (columns_find(c, name, len) >= 0 ||
				   find_fixed(c, name, len) != i))
			return error_set(
			    err, "two columns have the name %s", name);
	}
	return 0;
}

int
columns_compile(struct columns *c, struct error *err)
{
	static const char received[] = "@received_at";

	if (check_names(c, err) < 0 ||
	    add_head(c, received, sizeof(received) - 1, err) < 0)
		return -1;
	for (unsigned i = 0; i < c->count + c->watched; i++) {
		struct column *column = &c->list[i];

		for (unsigned k = 0; k < column->path_count; k++) {
			struct column_path *path = &column->paths[k];
			int head = 0;

			if (path->source == COLUMN_MEMBER)
				head = add_head(
				    c, path->top.p, path->top.len, err);
			if (head < 0)
				return -1;
			path->head = (unsigned)head;
		}
	}
	return 0;
}
