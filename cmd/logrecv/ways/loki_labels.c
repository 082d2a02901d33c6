/*
 * loki_labels.c - see loki_labels.h.
 */
#include "hex.h"
#include "loki_labels.h"
#include "utf8.h"

#define LABEL_MAX 4096 /* bytes; Loki takes 2048, if not told otherwise */

static void
fail(struct draft *d)
{
	draft_fail(d, EVENT_UNFIT, "labels that are none");
}

static const char *
skip_blanks(const char *p, const char *end)
{
	while (p < end && (*p == ' ' || *p == '\t' || *p == '\n' || *p == '\r'))
		p++;
	return p;
}

static bool
is_name_char(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
	       (c >= '0' && c <= '9') || c == '_' || c == ':' || c == '.';
}

/* So many digits of a base up to 16; -1: they are not. */
static long
read_digits(const char *p, const char *end, int count, int base)
{
	long value = 0;

	if (end - p < count)
		return -1;
	for (int i = 0; i < count; i++) {
		int digit = hex_digit(p[i]);

		if (digit < 0 || digit >= base)
			return -1;
		value = value * base + digit;
	}
	return value;
}

/*
 * Resolves the escape at *cursor, a backslash, and moves on behind it. Returns
 * the length; 0: it is none.
 */
static size_t
resolve(const char **cursor, const char *end, char *to)
{
	static const char letters[] = "abfnrtv\\'\"",
			  plain[] = "\a\b\f\n\r\t\v\\'\"";
	static const struct {
		char letter;
		int digits;
	} numbers[] = {{'x', 2}, {'u', 4}, {'U', 8}};
	const char *p = *cursor + 1, *found;
	long value = -1;

	if (p == end || *p == '\0')
		return 0;
	found = strchr(letters, *p);
	if (found != NULL) {
		*to = plain[found - letters];
		*cursor = p + 1;
		return 1;
	}
	for (int i = 0; i < 3; i++) {
		if (*p != numbers[i].letter)
			continue;
		value = read_digits(p + 1, end, numbers[i].digits, 16);
		*cursor = p + 1 + numbers[i].digits;
		if (i == 0)
			continue;
		if (value < 0 || value > 0x10ffff ||
		    (value >= 0xd800 && value < 0xe000))
			return 0;
		return utf8_put((unsigned)value, to);
	}
	if (*p >= '0' && *p <= '7') {
		value = read_digits(p, end, 3, 8);
		*cursor = p + 3;
	}
	*to = (char)value; /* a byte, perhaps of a character */
	return value >= 0 && value < 256;
}

/*
 * A string from its quote on, or a bare name where that may stand; returns the
 * byte after it, or NULL: it is none.
 */
static const char *
put_text(struct draft *d, const char *p, const char *end, bool name)
{
	char text[LABEL_MAX], quote;
	size_t len = 0;

	if (p < end && name && is_name_char(*p)) {
		const char *from = p;

		while (p < end && is_name_char(*p))
			p++;
		draft_string(d, from, (size_t)(p - from));
		return p;
	}
	if (p == end || strchr("\"'`", *p) == NULL || *p == '\0')
		return NULL;
	quote = *p++;
	while (p < end && *p != quote) {
		size_t n = 1;

		if (len + 4 > sizeof(text))
			return NULL;
		text[len] = *p;
		if (*p == '\\' && quote != '`') {
			n = resolve(&p, end, text + len);
			if (n == 0)
				return NULL;
		} else {
			p++;
		}
		len += n;
	}
	if (p >= end)
		return NULL;
	draft_string(d, text, len);
	return p + 1;
}

/* name="value"; returns the byte after it, or NULL. */
static const char *
put_pair(struct draft *d, const char *p, const char *end)
{
	p = put_text(d, p, end, true);
	if (p == NULL)
		return NULL;
	p = skip_blanks(p, end);
	if (p == end || *p != '=')
		return NULL;
	draft_put(d, ":", 1);
	return put_text(d, skip_blanks(p + 1, end), end, false);
}

void
loki_put_labels(struct draft *d, const char *text, size_t len)
{
	const char *end = text + len, *p = skip_blanks(text, end);
	char before = '{';

	if (p == end || *p != '{') {
		fail(d);
		return;
	}
	p = skip_blanks(p + 1, end);
	while (p < end && *p != '}') {
		draft_put(d, &before, 1);
		before = ',';
		p = put_pair(d, p, end);
		if (p == NULL)
			break;
		p = skip_blanks(p, end);
		if (p < end && *p == ',')
			p = skip_blanks(p + 1, end);
		else if (p < end && *p != '}')
			break;
	}
	if (p == NULL || p == end || *p != '}' || skip_blanks(p + 1, end) < end)
		fail(d);
	draft_text(d, before == '{' ? "{}" : "}");
}
