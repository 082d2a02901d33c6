/*
 * base64.h - bytes as text (RFC 4648, section 4).
 */
#ifndef COMMON_BASE64_H
#define COMMON_BASE64_H

#include <stddef.h>
#include <string.h>

static const char base64_digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
				    "abcdefghijklmnopqrstuvwxyz0123456789+/";

/* The length of so many bytes in it. */
static inline size_t
base64_length(size_t len)
{
	return (len + 2) / 3 * 4;
}

/* Writes base64_length(len) bytes to out. */
static inline void
base64_encode(const char *bytes, size_t len, char *out)
{
	const char *digits = base64_digits;
	const unsigned char *p = (const unsigned char *)bytes;

	for (size_t i = 0; i < len; i += 3) {
		size_t left = len - i;
		unsigned bits = (unsigned)p[i] << 16;

		if (left > 1)
			bits |= (unsigned)p[i + 1] << 8;
		if (left > 2)
			bits |= p[i + 2];
		*out++ = digits[bits >> 18];
		*out++ = digits[bits >> 12 & 63];
		*out++ = left > 1 ? digits[bits >> 6 & 63] : '=';
		*out++ = left > 2 ? digits[bits & 63] : '=';
	}
}

/*
 * Writes the bytes of such a text, padded as it must be, to out, which has room
 * for three for each four of it. Returns how many, or -1: it is none.
 */
static inline long
base64_decode(const char *text, size_t len, char *out)
{
	size_t padding = 0, n = 0;
	unsigned bits = 0;

	if (len % 4 != 0)
		return -1;
	while (padding < 2 && padding < len && text[len - padding - 1] == '=')
		padding++;
	for (size_t i = 0; i < len - padding; i++) {
		const char *digit = memchr(base64_digits, text[i], 64);

		if (digit == NULL)
			return -1;
		bits = bits << 6 | (unsigned)(digit - base64_digits);
		if (i % 4 > 0)
			out[n++] = (char)(bits >> (6 - 2 * (i % 4)) & 0xff);
	}
	return (long)n;
}

#endif
