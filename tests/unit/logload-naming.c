/*
 * logload-naming.c - what a log is called before it is rotated, and how much of
 * a long name is kept.
 */
#include "../../cmd/logload/naming.h"
#include "tap.h"

int
main(void)
{
	static const char *const cases[][2] = {
	    {"/var/log/app.log", "app.log"},
	    {"app.log.1", "app.log"},
	    {"app.log.12.gz", "app.log"},
	    {"app.log-20261130", "app.log"},
	    {"app.log-20261130.zst", "app.log"},
	    {"app.log-2026-11-30", "app.log"},
	    {"app.log-2026113014-1764511200", "app.log"},
	    {"app.1.log", "app.log"},
	    {"app-20261130.log.gz", "app.log"},
	    {"app.log.1a", "app.log.1a"},
	    {"app1.log", "app1.log"},
	    {"app", "app"},
	    {"app-", "app-"},
	    {".1", ".1"},
	    {"1.2", "1"},
	    {"2026", "2026"},
	    {"", ""},
	};
	char base[PATH_MAX], got[PATH_MAX];

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		naming_base(cases[i][0], base);
		naming_unrotate(base, got);
		is_text(got, cases[i][1], cases[i][0]);
	}
	/* Bytes that would go on with a character, if it had begun. */
	memset(base, 0xbf, 2 * NAMING_MAX);
	base[2 * NAMING_MAX] = '\0';
	naming_clean(base);
	ok(strlen(base) > NAMING_MAX - 4 && strlen(base) <= NAMING_MAX &&
		strspn(base, "_") == strlen(base),
	    "a long name that is not UTF-8 is cut, not emptied");
	return tap_end();
}
