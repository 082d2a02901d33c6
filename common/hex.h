/*
 * hex.h - hexadecimal digits, as JSON's escapes, chunk sizes and URLs hold
 * them.
 */
#ifndef COMMON_HEX_H
#define COMMON_HEX_H

/* The value of a digit of either case, or -1: it is none. */
static inline int
hex_digit(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	if (c >= 'a' && c <= 'f')
		return c - 'a' + 10;
	if (c >= 'A' && c <= 'F')
		return c - 'A' + 10;
	return -1;
}

#endif
