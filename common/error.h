/*
 * error.h - why a call failed, in words that a person can act on.
 *
 * A function that takes a `struct error *` fills it in exactly when it
 * returns -1 (or NULL); the caller owns it and decides whether to show it.
 * The text reads verb, object, reason: "rename /a to /b: No space left on
 * device". It never ends in a newline and may hold bytes from outside, which
 * log.h escapes when it prints them.
 */
#ifndef COMMON_ERROR_H
#define COMMON_ERROR_H

#define ERROR_TEXT_MAX 512

struct error {
	int code; /* an errno, or 0 where none applies */
	char text[ERROR_TEXT_MAX];
};

/* Sets the text, and code 0. Returns -1, so that a failure is one line. */
int error_set(struct error *, const char *fmt, ...)
    __attribute__((format(printf, 2, 3)));

/* The same with ": strerror(errno)" added and code set to errno. */
int error_errno(struct error *, const char *fmt, ...)
    __attribute__((format(printf, 2, 3)));

#endif
