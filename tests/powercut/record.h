/*
 * record.h - what the parts of the recorder share. See record.c.
 *
 *   record_lock();
 *   rc = the step;
 *   record("word", path, data, len, "what it is about: %d", ...);
 *   record_unlock(errno);
 */
#ifndef POWERCUT_RECORD_H
#define POWERCUT_RECORD_H

#include <stdbool.h>
#include <stddef.h>

/* Not for the program that the recorder is loaded into. */
#pragma GCC visibility push(hidden)

bool record_is_on(void);
bool record_is_server(void); /* of HTTP: this is logrecv */
const char *record_root(void);

/* One step of all processes at a time. */
void record_lock(void);
/* Sets errno at last. */
void record_unlock(int error);

/* `path` is what POWERCUT_DIE is compared with, "" if it is about none. */
void record(const char *word, const char *path, const void *data, size_t len,
    const char *fmt, ...) __attribute__((format(printf, 5, 6)));

/* Waits for a while, or not. Leaves errno alone. */
void record_delay(void);

/* Ends the process: what it did was not recorded. */
void record_fail(const char *what) __attribute__((noreturn));

#pragma GCC visibility pop

#endif
