/*
 * tap.h - the little of TAP that unit tests need. A test is one program:
 * checks, then `return tap_end();`. Each check prints a line; what failed says
 * where and why on stderr. A loop over many cases is one check: see tap_all.
 */
#ifndef TESTS_TAP_H
#define TESTS_TAP_H

#include <inttypes.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static unsigned tap_count, tap_failures;

__attribute__((format(printf, 4, 5), unused)) static bool
tap_ok(bool good, const char *file, int line, const char *fmt, ...)
{
	va_list ap;

	printf("%sok %u - ", good ? "" : "not ", ++tap_count);
	va_start(ap, fmt);
	vprintf(fmt, ap);
	va_end(ap);
	printf("\n");
	fflush(stdout);
	if (!good) {
		tap_failures++;
		fprintf(stderr, "# failed at %s:%d\n", file, line);
	}
	return good;
}

__attribute__((unused)) static bool
tap_text(const char *got, const char *want, const char *file, int line,
    const char *name)
{
	bool good = got != NULL && strcmp(got, want) == 0;

	tap_ok(good, file, line, "%s", name);
	if (!good)
		fprintf(stderr, "#  got: %s\n# want: %s\n",
		    got == NULL ? "(null)" : got, want);
	return good;
}

__attribute__((unused)) static bool
tap_number(
    intmax_t got, intmax_t want, const char *file, int line, const char *name)
{
	bool good = got == want;

	tap_ok(good, file, line, "%s", name);
	if (!good)
		fprintf(stderr, "#  got: %jd\n# want: %jd\n", got, want);
	return good;
}

#define ok(condition, ...) tap_ok((condition), __FILE__, __LINE__, __VA_ARGS__)
#define is_text(got, want, name) \
	tap_text((got), (want), __FILE__, __LINE__, (name))
#define is_number(got, want, name) \
	tap_number( \
	    (intmax_t)(got), (intmax_t)(want), __FILE__, __LINE__, (name))

/* Something the test itself stands on failed: no verdict is possible. */
#define must(condition) \
	do { \
		if (!(condition)) { \
			printf("Bail out!  %s:%d: %s\n", __FILE__, __LINE__, \
			    #condition); \
			perror("# last error"); \
			exit(255); \
		} \
	} while (0)

/*
 * For loops over many cases: counts them, shows the first few that are wrong,
 * and is one check in the end.
 *
 *	struct tap_all all = {0};
 *	for (…)
 *		tap_case(&all, good, "what %d is about", i);
 *	tap_all(&all, "every day is the next of the one before");
 */
struct tap_all {
	unsigned long cases, bad;
};

__attribute__((format(printf, 3, 4), unused)) static void
tap_case(struct tap_all *all, bool good, const char *fmt, ...)
{
	va_list ap;

	all->cases++;
	if (good || ++all->bad > 10)
		return;
	fprintf(stderr, "# wrong: ");
	va_start(ap, fmt);
	vfprintf(stderr, fmt, ap);
	va_end(ap);
	fprintf(stderr, "\n");
}

/* A test of no case at all has failed. */
#define tap_all(all, name) \
	ok((all)->bad == 0 && (all)->cases > 0, "%s (%lu cases, %lu wrong)", \
	    (name), (all)->cases, (all)->bad)

/* Prints the plan; for main to return. */
__attribute__((unused)) static int
tap_end(void)
{
	printf("1..%u\n", tap_count);
	return tap_failures == 0 ? 0 : 1;
}

/* A pseudo-random stream that is the same everywhere: xorshift64*. */
__attribute__((unused)) static uint64_t
tap_random(uint64_t *state)
{
	*state ^= *state >> 12;
	*state ^= *state << 25;
	*state ^= *state >> 27;
	return *state * 2685821657736338717ULL;
}

/*
 * A scratch directory of its own; out must hold 64 bytes. tap_remove_tree
 * removes it and what is in it.
 */
__attribute__((unused)) static void
tap_scratch(char *out)
{
	const char *tmp = getenv("TMPDIR");
	int n = snprintf(out, 64, "%s/logs-unit.XXXXXX",
	    tmp != NULL && strlen(tmp) < 40 ? tmp : "/tmp");

	must(n > 0 && n < 64);
	must(mkdtemp(out) != NULL);
}

__attribute__((unused)) static void
tap_remove_tree(const char *path)
{
	char command[128];

	(void)snprintf(command, sizeof(command), "rm -rf '%s'", path);
	must(system(command) == 0);
}

#endif
