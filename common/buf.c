/*
 * buf.c - see buf.h.
 */
#include <errno.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "buf.h"

#define BUF_LEAST 256

void
buf_release(struct buf *b)
{
	free(b->data);
	memset(b, 0, sizeof(*b));
}

void
buf_clear(struct buf *b, size_t keep)
{
	b->len = 0;
	if (b->cap > keep)
		buf_release(b);
}

int
buf_reserve(struct buf *b, size_t more)
{
	size_t cap = b->cap < BUF_LEAST ? BUF_LEAST : b->cap;
	char *data;

	if (b->cap - b->len >= more)
		return 0;
	if (more > SIZE_MAX / 2 - b->len) {
		errno = ENOMEM;
		return -1;
	}
	while (cap - b->len < more || cap < b->len)
		cap *= 2;
	data = realloc(b->data, cap);
	if (data == NULL)
		return -1;
	b->data = data;
	b->cap = cap;
	return 0;
}

int
buf_append(struct buf *b, const void *data, size_t len)
{
	if (len == 0)
		return 0;
	if (buf_reserve(b, len) < 0)
		return -1;
	memcpy(b->data + b->len, data, len);
	b->len += len;
	return 0;
}

int
buf_printf(struct buf *b, const char *fmt, ...)
{
	va_list ap, again;
	int n;

	va_start(ap, fmt);
	va_copy(again, ap);
	n = vsnprintf(NULL, 0, fmt, ap);
	va_end(ap);
	if (n >= 0 && buf_reserve(b, (size_t)n + 1) == 0)
		n = vsnprintf(b->data + b->len, (size_t)n + 1, fmt, again);
	else
		n = -1;
	va_end(again);
	if (n < 0)
		return -1;
	b->len += (size_t)n;
	return 0;
}
