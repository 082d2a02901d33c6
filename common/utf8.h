/*
 * utf8.h - through UTF-8 as RFC 3629 has it.
 */
#ifndef COMMON_UTF8_H
#define COMMON_UTF8_H

#include <stddef.h>

/*
 * One character of more than a byte (RFC 3629, section 4), from its first
 * byte. NULL unless it is well-formed: no overlong form, no surrogate, nothing
 * over U+10FFFF.
 */
static inline const char *
utf8_next(const char *text, const char *end)
{
	const unsigned char *p = (const unsigned char *)text;
	size_t room = (size_t)(end - text), len;
	unsigned char least = 0x80, most = 0xbf;

	if (p[0] < 0xc2 || p[0] > 0xf4)
		return NULL;
	if (p[0] < 0xe0) {
		len = 2;
	} else if (p[0] < 0xf0) {
		len = 3;
		if (p[0] == 0xe0)
			least = 0xa0;
		if (p[0] == 0xed)
			most = 0x9f;
	} else {
		len = 4;
		if (p[0] == 0xf0)
			least = 0x90;
		if (p[0] == 0xf4)
			most = 0x8f;
	}
	if (room < len || p[1] < least || p[1] > most)
		return NULL;
	for (size_t i = 2; i < len; i++) {
		if ((p[i] & 0xc0) != 0x80)
			return NULL;
	}
	return text + len;
}

/* Writes a character, which is no surrogate and at most U+10FFFF; its length.
 */
static inline size_t
utf8_put(unsigned cp, char out[4])
{
	if (cp < 0x80) {
		out[0] = (char)cp;
		return 1;
	}
	if (cp < 0x800) {
		out[0] = (char)(0xc0 | cp >> 6);
		out[1] = (char)(0x80 | (cp & 0x3f));
		return 2;
	}
	if (cp < 0x10000) {
		out[0] = (char)(0xe0 | cp >> 12);
		out[1] = (char)(0x80 | (cp >> 6 & 0x3f));
		out[2] = (char)(0x80 | (cp & 0x3f));
		return 3;
	}
	out[0] = (char)(0xf0 | cp >> 18);
	out[1] = (char)(0x80 | (cp >> 12 & 0x3f));
	out[2] = (char)(0x80 | (cp >> 6 & 0x3f));
	out[3] = (char)(0x80 | (cp & 0x3f));
	return 4;
}

/*
 * How much of `most` bytes of a longer text ends with a whole character, where
 * the text is UTF-8 at all; up to 3 bytes less.
 */
static inline size_t
utf8_cut(const char *text, size_t most)
{
	size_t n = most;

	while (n > 0 && most - n < 3 && ((unsigned char)text[n] & 0xc0) == 0x80)
		n--;
	return n;
}

#endif
