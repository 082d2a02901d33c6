/*
 * spool.c - names of files in a spool: what is taken for one of ours is named
 * by an instant, and can be loaded.
 */
#include <time.h>

#include "clock.h"
#include "fuzz.h"
#include "spool.h"

static unsigned
number(const char *p, unsigned digits)
{
	unsigned n = 0;

	while (digits-- > 0)
		n = n * 10 + (unsigned)(*p++ - '0');
	return n;
}

/* The C library's opinion of the instant that it begins with. */
static int64_t
born(const char *name)
{
	struct tm tm = {.tm_year = (int)number(name, 4) - 1900,
	    .tm_mon = (int)number(name + 4, 2) - 1,
	    .tm_mday = (int)number(name + 6, 2),
	    .tm_hour = (int)number(name + 9, 2),
	    .tm_min = (int)number(name + 11, 2),
	    .tm_sec = (int)number(name + 13, 2)};

	return (int64_t)timegm(&tm) * (int64_t)CLOCK_US_PER_S +
	       number(name + 16, 6);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char *name = input_text(input_of(data, size));
	bool ours, loadable = spool_name_is_loadable(name);
	char again[CLOCK_COMPACT_LEN + 1];
	uint64_t us = UINT64_MAX;

	ours = spool_name_parse(name, &us);
	check(spool_name_parse(name, NULL) == ours);
	check(spool_name_may_be_torn(name) ==
	      (ours && strchr(name, '+') == NULL));
	if (loadable)
		check(name[0] != '.' && strchr(name, '\n') == NULL &&
		      strlen(name) < SPOOL_NAME_MAX);
	if (ours) {
		check(loadable && (int64_t)us == born(name));
		clock_compact((int64_t)us, again);
		/* But for a leap second, which is another one's beginning. */
		check(strncmp(name + 13, "60", 2) == 0 ||
		      strncmp(name, again, CLOCK_COMPACT_LEN) == 0);
	} else {
		check(us == UINT64_MAX);
	}
	free(name);
	return 0;
}
