/*
 * error.c - see error.h.
 */
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "error.h"

int
error_set(struct error *err, const char *fmt, ...)
{
	va_list ap;

	err->code = 0;
	va_start(ap, fmt);
	/* A text that does not fit is cut: better than none. */
	(void)vsnprintf(err->text, sizeof(err->text), fmt, ap);
	va_end(ap);
	return -1;
}

int
error_errno(struct error *err, const char *fmt, ...)
{
	int code = errno;
	size_t used;
	va_list ap;

	err->code = code;
	va_start(ap, fmt);
	(void)vsnprintf(err->text, sizeof(err->text), fmt, ap);
	va_end(ap);
	used = strlen(err->text);
	(void)snprintf(
	    err->text + used, sizeof(err->text) - used, ": %s", strerror(code));
	errno = code;
	return -1;
}
