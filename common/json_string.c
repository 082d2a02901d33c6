/*
 * json_string.c - see json.h: strings and names, and what their escapes mean
 * (RFC 8259, section 7).
 */
#include <string.h>

#include "hex.h"
#include "json.h"
#include "scan.h"
#include "utf8.h"

bool
json_is_utf8(const char *text, size_t len)
{
	const char *p = text, *end = text + len;

	while (p < end) {
		if ((unsigned char)*p < 0x80)
			p++;
		else if ((p = utf8_next(p, end)) == NULL)
			return false;
	}
	return true;
}

static unsigned
read_hex4(const char *p)
{
	unsigned value = 0;

	for (int i = 0; i < 4; i++)
		value = value << 4 | (unsigned)hex_digit(p[i]);
	return value;
}

/*
 * Resolves the escape at p (a backslash) into out; moves p behind it. Returns
 * the length, or 0 for a lone surrogate.
 */
static size_t
resolve_escape(const char **cursor, const char *end, char out[4])
{
	static const char from[] = "\"\\/bfnrt", to[] = "\"\\/\b\f\n\r\t";
	const char *p = *cursor + 1;
	unsigned cp, low;

	if (*p != 'u') {
		*cursor = p + 1;
		out[0] = to[strchr(from, *p) - from];
		return 1;
	}
	cp = read_hex4(p + 1);
	p += 5;
	if (cp >= 0xd800 && cp < 0xdc00 && end - p >= 6 && p[0] == '\\' &&
	    p[1] == 'u') {
		low = read_hex4(p + 2);
		if (low >= 0xdc00 && low < 0xe000) {
			cp = 0x10000 + ((cp - 0xd800) << 10) + (low - 0xdc00);
			p += 6;
		}
	}
	*cursor = p;
	return cp >= 0xd800 && cp < 0xe000 ? 0 : utf8_put(cp, out);
}

long
json_string_decode(struct json_text quoted, char *out, size_t cap)
{
	const char *p = quoted.p + 1, *end = quoted.p + quoted.len - 1;
	size_t len = 0;

	while (p < end) {
		const char *plain = p;
		char piece[4];
		size_t n;

		p = scan_plain(p, end, false);
		if (p == plain) { /* a backslash */
			n = resolve_escape(&p, end, piece);
			if (n == 0)
				return -1;
			plain = piece;
		} else {
			n = (size_t)(p - plain);
		}
		if (cap - len < n)
			return -1;
		memcpy(out + len, plain, n);
		len += n;
	}
	return (long)len;
}

bool
json_name_is(const struct json_member *m, const char *plain, size_t len)
{
	const char *p = m->name.p, *end = p + m->name.len;

	if (!m->name_escapes)
		return m->name.len == len && memcmp(p, plain, len) == 0;
	while (p < end) {
		char piece[4];
		size_t n = 1;

		piece[0] = *p;
		if (*p != '\\')
			p++;
		else if ((n = resolve_escape(&p, end, piece)) == 0)
			return false;
		if (len < n || memcmp(plain, piece, n) != 0)
			return false;
		plain += n;
		len -= n;
	}
	return len == 0;
}

size_t
json_string_encode(const char *text, size_t len, char *out)
{
	static const char hex[] = "0123456789abcdef";
	const char *p = text, *end = text + len;
	char *o = out;

	*o++ = '"';
	while (p < end) {
		unsigned char c = (unsigned char)*p;
		const char *next;

		if (c == '"' || c == '\\') {
			*o++ = '\\';
			*o++ = *p++;
		} else if (c < 0x20) {
			memcpy(o, "\\u00", 4);
			o[4] = hex[c >> 4];
			o[5] = hex[c & 15];
			o += 6;
			p++;
		} else if (c < 0x80) {
			*o++ = *p++;
		} else if ((next = utf8_next(p, end)) != NULL) {
			memcpy(o, p, (size_t)(next - p));
			o += next - p;
			p = next;
		} else {
			memcpy(o, "\xef\xbf\xbd", 3);
			o += 3;
			p++;
		}
	}
	*o++ = '"';
	return (size_t)(o - out);
}
