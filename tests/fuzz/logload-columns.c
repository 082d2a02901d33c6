/*
 * logload-columns.c - whatever an operator asks of columns, and an event holds:
 * it ends in an error that says why, or in values that a column of the type
 * takes.
 */
#include <arpa/inet.h>
#include <math.h>

#include "../../cmd/logload/input/event.h"
#include "fuzz.h"
#include "json.h"

#define SPECS_MOST 4

static bool
has_form(const char *p, size_t len, const char *form)
{
	if (len != strlen(form))
		return false;
	for (; len-- > 0; p++, form++) {
		if (*form == 'd' ? *p < '0' || *p > '9' : *p != *form)
			return false;
	}
	return true;
}

static size_t
characters(const char *p, size_t len)
{
	size_t n = 0;

	while (len-- > 0)
		n += ((unsigned char)*p++ & 0xc0) != 0x80;
	return n;
}

/* Digits, as many as the column has. */
static bool
is_decimal(const struct column *c, const char *text)
{
	const char *p = text + (*text == '-');
	size_t before = strspn(p, "0123456789"), behind = 0;

	p += before;
	if (*p == '.') {
		behind = strspn(++p, "0123456789");
		p += behind;
	}
	return before > 0 && (before <= c->width - c->scale || before == 1) &&
	       behind <= c->scale && *p == '\0';
}

static void
check_value(const struct column *c, const struct value *v)
{
	char *text = input_text((struct input){v->p, v->len}), *end;
	unsigned char address[16];
	struct json_error err;
	bool breaks;

	switch (c->type) {
	case COLUMN_VARCHAR:
	case COLUMN_TEXT:
		check(json_is_utf8(v->p, v->len));
		check(c->width == 0 || characters(v->p, v->len) <= c->width);
		break;
	case COLUMN_INT:
	case COLUMN_BIGINT:
		check(strtoll(text, &end, 10) >= c->least && *end == '\0');
		check(*text == '-' || strtoull(text, &end, 10) <= c->most);
		break;
	case COLUMN_UNSIGNED:
		check(strspn(text, "0123456789") == v->len && v->len > 0);
		break;
	case COLUMN_DOUBLE:
		check(isfinite(strtod(text, &end)) && *end == '\0');
		break;
	case COLUMN_DECIMAL:
		check(is_decimal(c, text));
		break;
	case COLUMN_BOOLEAN:
		check(strcmp(text, "0") == 0 || strcmp(text, "1") == 0);
		break;
	case COLUMN_DATETIME:
		check(has_form(v->p, v->len, "dddd-dd-dd dd:dd:dd.dddddd"));
		break;
	case COLUMN_JSON:
		check(json_check(text, text + v->len, JSON_DEPTH_MOST, &breaks,
			  &err) == text + v->len);
		break;
	case COLUMN_IP:
		check(inet_pton(strchr(text, ':') != NULL ? AF_INET6 : AF_INET,
			  text, address) == 1);
		break;
	case COLUMN_UUID:
		check(v->len == 36 && strspn(text, "0123456789abcdef-") == 36);
		break;
	case COLUMN_TYPES:
		check(false);
	}
	free(text);
}

static void
check_row(const struct columns *columns, struct input in)
{
	static const struct event_rules rules = {
	    .max_event = 4000, .max_depth = 20};
	struct line line = {.text = in.p, .len = in.len, .number = 1};
	struct error err = {.text = ""};
	struct row_maker maker;
	struct event event;
	struct row row;

	check(row_maker_init(&maker, columns) == 0);
	row_maker_begin(&maker, 1795332831123456);
	if (in.len > 0 &&
	    event_read(&rules, &line, &maker, &event, &err) == EVENT_GOOD) {
		enum row_verdict made = row_make(
		    &maker, event.text.p, event.text.len, 1, &row, &err);

		check(made == ROW_MADE ||
		      (made == ROW_REJECTED && err.text[0] != '\0'));
		for (unsigned i = 0; made == ROW_MADE && i < columns->count;
		     i++) {
			if (row.columns[i].p != NULL)
				check_value(&columns->list[i], &row.columns[i]);
		}
		if (made == ROW_MADE)
			check(has_form(row.received_at, VALUE_DATETIME_LEN,
			    "dddd-dd-dd dd:dd:dd.dddddd"));
	}
	row_maker_release(&maker);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct input in = input_of(data, size);
	static struct columns columns;
	struct error err = {.text = ""};
	int rc = 0;

	check(columns_init(&columns, &err) == 0);
	/* Lines of columns, an empty one, and an event. */
	for (int i = 0; rc == 0 && i < SPECS_MOST && in.len > 0; i++) {
		struct input part = input_until(&in, '\n');
		char *spec = input_text(part);

		/* A zone of the system's would stay that of the process. */
		if (part.len > 0 && strstr(spec, "(\"") == NULL)
			rc = columns_set(&columns, spec, &err);
		free(spec);
		if (part.len == 0)
			break;
	}
	if (rc == 0)
		rc = columns_compile(&columns, &err);
	check(columns.count <= COLUMNS_MAX && (rc == 0 || err.text[0] != '\0'));
	if (rc == 0)
		check_row(&columns, in);
	columns_release(&columns);
	(void)unsetenv("TZ"); /* a zone's name has set it */
	return 0;
}
