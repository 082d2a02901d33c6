/*
 * scan.h - through the inside of JSON strings, 16 bytes at a time where the
 * processor has SSE2 (every x86-64 has), else byte by byte. Both find the same;
 * tests/unit/scan.c holds them to it.
 */
#ifndef COMMON_SCAN_H
#define COMMON_SCAN_H

#include <stdbool.h>

#ifdef __SSE2__
#include <emmintrin.h>
#endif

/*
 * Does the byte stand for itself within a string (RFC 8259, section 7), and is
 * it ASCII? If not `strict`: is it neither quote nor backslash?
 */
static inline bool
scan_is_plain(char c, bool strict)
{
	if (c == '"' || c == '\\')
		return false;
	/* From 0x80 on a byte is negative, or over 0x7f: char may be either. */
	return !strict || (c >= 0x20 && (unsigned char)c < 0x80);
}

/* The first byte from p on that is not plain, or end. */
static inline const char *
scan_bytes(const char *p, const char *end, bool strict)
{
	while (p < end && scan_is_plain(*p, strict))
		p++;
	return p;
}

#ifdef __SSE2__
static inline const char *
scan_sse2(const char *p, const char *end, bool strict)
{
	const __m128i quote = _mm_set1_epi8('"'), escape = _mm_set1_epi8('\\'),
		      space = _mm_set1_epi8(' ');

	for (; end - p >= 16; p += 16) {
		__m128i bytes = _mm_loadu_si128((const __m128i *)p);
		__m128i stop = _mm_or_si128(_mm_cmpeq_epi8(bytes, quote),
		    _mm_cmpeq_epi8(bytes, escape));
		unsigned mask;

		/* Signed: less than a space is what is not ASCII, too. */
		if (strict)
			stop = _mm_or_si128(stop, _mm_cmplt_epi8(bytes, space));
		mask = (unsigned)_mm_movemask_epi8(stop);
		if (mask != 0)
			return p + __builtin_ctz(mask);
	}
	return scan_bytes(p, end, strict);
}
#endif

static inline const char *
scan_plain(const char *p, const char *end, bool strict)
{
#ifdef __SSE2__
	return scan_sse2(p, end, strict);
#else
	return scan_bytes(p, end, strict);
#endif
}

/* The first backslash or control character from p on, or end. */
static inline const char *
scan_escape(const char *p, const char *end)
{
#ifdef __SSE2__
	const __m128i escape = _mm_set1_epi8('\\'), last = _mm_set1_epi8(0x1f);

	for (; end - p >= 16; p += 16) {
		__m128i bytes = _mm_loadu_si128((const __m128i *)p);
		__m128i stop = _mm_or_si128(_mm_cmpeq_epi8(bytes, escape),
		    _mm_cmpeq_epi8(_mm_min_epu8(bytes, last), bytes));
		unsigned mask = (unsigned)_mm_movemask_epi8(stop);

		if (mask != 0)
			return p + __builtin_ctz(mask);
	}
#endif
	while (p < end && *p != '\\' && (unsigned char)*p >= 0x20)
		p++;
	return p;
}

#endif
