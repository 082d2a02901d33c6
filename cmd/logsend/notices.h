/*
 * notices.h - trouble, of which somebody is told once, or now and then.
 */
#ifndef LOGSEND_NOTICES_H
#define LOGSEND_NOTICES_H

#include <stdbool.h>
#include <stdint.h>

struct notices {
	void (*tell)(const char *text);
	bool again;       /* of the same trouble, twice a minute at most */
	uint64_t told_ns; /* when that was, of any */
};

/* Of trouble that there was so often before. */
void notices_add(struct notices *, uint64_t before, const char *fmt, ...)
    __attribute__((format(printf, 3, 4)));

#endif
