/*
 * notices.c - see notice.h.
 */
#include <stdarg.h>
#include <stdio.h>

#include "clock.h"
#include "error.h"
#include "notices.h"

#define AGAIN_NS (30 * CLOCK_NS_PER_S)

void
notices_add(struct notices *n, uint64_t before, const char *fmt, ...)
{
	uint64_t now = clock_monotonic_ns();
	char text[ERROR_TEXT_MAX];
	va_list ap;

	if (before > 0 && (!n->again || now - n->told_ns < AGAIN_NS))
		return;
	n->told_ns = now;
	va_start(ap, fmt);
	(void)vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	n->tell(text);
}
