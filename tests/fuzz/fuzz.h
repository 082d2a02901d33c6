/*
 * fuzz.h - what the targets of libFuzzer are made with.
 *
 * Each is a program. TOOL-PART.c is linked with all of that tool but its
 * main.c, any other with common/ alone, as those of tests/unit/ are; replay.c
 * makes a test of it. LLVMFuzzerTestOneInput ends the process where something
 * does not hold that has to. It returns 0.
 */
#ifndef TESTS_FUZZ_H
#define TESTS_FUZZ_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "buf.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define check(condition) \
	do { \
		if (!(condition)) { \
			fprintf(stderr, "%s:%d: does not hold: %s\n", \
			    __FILE__, __LINE__, #condition); \
			abort(); \
		} \
	} while (0)

/*
 * What is left of the input. What it says besides the text comes first: the
 * text's end stays that of a memory block, so that AddressSanitizer sees a read
 * beyond it.
 */
struct input {
	const char *p;
	size_t len;
};

static inline struct input
input_of(const uint8_t *data, size_t size)
{
	return (struct input){(const char *)data, size};
}

/* Takes a byte; 0 where there is none. */
static inline unsigned
input_byte(struct input *in)
{
	if (in->len == 0)
		return 0;
	in->len--;
	return (unsigned char)*in->p++;
}

/* Takes what is in front of that byte, and the byte; or all that is left. */
static inline struct input
input_until(struct input *in, char stop)
{
	const char *at = in->len > 0 ? memchr(in->p, stop, in->len) : NULL;
	size_t len = at != NULL ? (size_t)(at - in->p) : in->len;
	struct input part = {in->p, len};

	in->p += len + (at != NULL);
	in->len -= len + (at != NULL);
	return part;
}

/* A copy with a NUL behind it; the caller frees it. */
static inline char *
input_text(struct input in)
{
	char *copy = calloc(1, in.len + 1);

	check(copy != NULL);
	if (in.len > 0)
		memcpy(copy, in.p, in.len);
	return copy;
}

static inline bool
buf_is_same(const struct buf *a, const struct buf *b)
{
	return a->len == b->len &&
	       (a->len == 0 || memcmp(a->data, b->data, a->len) == 0);
}

/*
 * How long the next piece is, of what is cut up: at least 1, and mostly few
 * bytes. Of cuts 0 all is one piece; it changes with each.
 */
static inline size_t
input_piece(uint32_t *cuts, size_t left)
{
	size_t len;

	if (*cuts == 0)
		return left;
	*cuts = *cuts * 1664525 + 1013904223;
	*cuts += *cuts == 0;
	len = 1 + (*cuts >> 16) % (*cuts >> 31 ? 4 : 300);
	return len < left ? len : left;
}

#endif
