/*
 * http_text.h - the characters and the pieces that a request is made of.
 */
#ifndef LOGRECV_HTTP_TEXT_H
#define LOGRECV_HTTP_TEXT_H

#include <stdbool.h>
#include <stdint.h>

#include "http.h"

static inline int
http_fail(struct http_error *err, int status, const char *reason)
{
	err->status = status;
	err->reason = reason;
	return -1;
}

/* Sets of ASCII characters, a bit each. */
struct set {
	uint64_t bits[2];
};

/* Letters, digits and !#$%&'*+-.^_`|~ (RFC 9110, section 5.6.2). */
static const struct set token_chars = {
    {0x03ff6cfa00000000ULL, 0x57ffffffc7fffffeULL}};
static inline bool
is_in(const struct set *set, char c)
{
	unsigned char u = (unsigned char)c;

	return u < 0x80 && (set->bits[u >> 6] >> (u & 63) & 1) != 0;
}

/* RFC 9110, section 5.5: visible, space, tab, or not ASCII. */
static inline bool
is_value_char(char c)
{
	unsigned char u = (unsigned char)c;

	return u == '\t' || (u >= ' ' && u != 0x7f);
}

static inline bool
is_blank(char c)
{
	return c == ' ' || c == '\t';
}

/* The token at p, up to its end. */
static inline const char *
pass_token(const char *p, const char *end)
{
	while (p < end && is_in(&token_chars, *p))
		p++;
	return p;
}

static inline const char *
pass_blanks(const char *p, const char *end)
{
	while (p < end && is_blank(*p))
		p++;
	return p;
}

#endif
