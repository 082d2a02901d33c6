/*
 * logload-span.c - --since and --until: what people write, and what the names
 * of files tell.
 */
#include <inttypes.h>
#include <stdio.h>

#include "../../cmd/logload/span.h"
#include "clock.h"
#include "tap.h"

#define NOW ((uint64_t)1795678200 * CLOCK_US_PER_S) /* 2026-11-26T07:30 */
#define S ((int64_t)CLOCK_US_PER_S)

static void
put(char *out, size_t size, const struct span *span)
{
	char from[CLOCK_STAMP_LEN + 1];

	clock_stamp(span->from, from);
	(void)snprintf(out, size, "%s %" PRId64, from, span->to - span->from);
}

int
main(void)
{
	static const char *const times[][2] = {
	    {"2026-11-22", "2026-11-22T00:00:00.000000Z"},
	    {"20261122", "2026-11-22T00:00:00.000000Z"},
	    {"2026/11/22", "2026-11-22T00:00:00.000000Z"},
	    {"2026-11-22T07:33", "2026-11-22T07:33:00.000000Z"},
	    {"2026-11-22T07", "2026-11-22T07:00:00.000000Z"},
	    {"2026-11-22 07:33:51", "2026-11-22T07:33:51.000000Z"},
	    {"2026-11-22T07:33:51.5Z", "2026-11-22T07:33:51.500000Z"},
	    {"2026-11-22T07:33:51+01:00", "2026-11-22T06:33:51.000000Z"},
	    {"20261122T073351.123456Z", "2026-11-22T07:33:51.123456Z"},
	    {"20261122T0733", "2026-11-22T07:33:00.000000Z"},
	    {"1795678200", "2026-11-26T07:30:00.000000Z"},
	    {"2d", "2026-11-24T07:30:00.000000Z"},
	    {"90m ago", "2026-11-26T06:00:00.000000Z"},
	    {"0s", "2026-11-26T07:30:00.000000Z"},
	};
	static const char *const wrong[] = {"", "2", "20", "yesterday", "ago",
	    "d", " ago", "2026-11-31", "2026-13-01", "2026-11-22x",
	    "2026-11-22T25:00", "20261122T", "2026", "-2d", "x2026-11-22"};
	static const struct {
		const char *path, *want; /* its beginning, and microseconds */
	} paths[] = {
	    {"20261122T073351.123456Z-h-1-1.ndjson",
		"2026-11-22T07:33:51.123456Z 1"},
	    {"20261122T073351.123456Z-h-1-1-ab+x-2026-01-01.ndjson.zst",
		"2026-11-22T07:33:51.123456Z 1"},
	    {"app-2026-11-22.log", "2026-11-22T00:00:00.000000Z 86400000000"},
	    {"app.log-20261122.gz", "2026-11-22T00:00:00.000000Z 86400000000"},
	    {"app.2026_11_22.log", "2026-11-22T00:00:00.000000Z 86400000000"},
	    {"app-2026-11-22.3.log", "2026-11-22T00:00:00.000000Z 86400000000"},
	    {"app-2026-11-21_2026-11-22.log",
		"2026-11-22T00:00:00.000000Z 86400000000"},
	    {"app-2026-11-22-11.log",
		"2026-11-22T00:00:00.000000Z 86400000000"},
	    {"app-2026-11-22T07.log", "2026-11-22T07:00:00.000000Z 3600000000"},
	    {"app-2026112207.log", "2026-11-22T07:00:00.000000Z 3600000000"},
	    {"app.log-202611220733", "2026-11-22T07:33:00.000000Z 60000000"},
	    {"a-2026-11-22-07-33-51-0b1c",
		"2026-11-22T07:33:51.000000Z 1000000"},
	    {"app_20261122_073351.log", "2026-11-22T07:33:51.000000Z 1000000"},
	    {"app-2026-11-22T07:33Z.log",
		"2026-11-22T07:33:00.000000Z 60000000"},
	    {"app-2026-11-22_99-99.log",
		"2026-11-22T00:00:00.000000Z 86400000000"},
	    {"logs/2026/11/22/x.ndjson.gz",
		"2026-11-22T00:00:00.000000Z 86400000000"},
	    {"logs/2026/11/22/07/x.ndjson",
		"2026-11-22T07:00:00.000000Z 3600000000"},
	    {"logs/2026/11/22/07-x.ndjson",
		"2026-11-22T00:00:00.000000Z 86400000000"},
	    {"dt=2026-11-22/x.log", "2026-11-22T00:00:00.000000Z 86400000000"},
	    {"backup-2026-11-30/app-2026-11-22.log",
		"2026-11-22T00:00:00.000000Z 86400000000"},
	    {"app.log", NULL},
	    {"app.log.1", NULL},
	    {"app-20261322.log", NULL},
	    {"app-1764511200.log", NULL},
	    {"app-120261122.log", NULL},
	    {"app-2026-1-2.log", NULL},
	    {"app-2026-11_22.log", NULL},
	    {"app-2026-11.log", NULL},
	    {"2026", NULL},
	    {"", NULL},
	};
	const struct span a = {10, 20};
	char got[80];
	struct error err;
	struct span span;
	int64_t us;

	for (size_t i = 0; i < sizeof(times) / sizeof(times[0]); i++) {
		if (span_parse(times[i][0], NOW, &us, &err) == 0)
			clock_stamp(us, got);
		else
			(void)snprintf(got, sizeof(got), "%.70s", err.text);
		is_text(got, times[i][1], times[i][0]);
	}
	for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++)
		ok(span_parse(wrong[i], NOW, &us, &err) < 0, "no time: '%s'",
		    wrong[i]);
	for (size_t i = 0; i < sizeof(paths) / sizeof(paths[0]); i++) {
		bool any = span_of_path(paths[i].path, &span);

		if (any)
			put(got, sizeof(got), &span);
		is_text(any ? got : "none",
		    paths[i].want != NULL ? paths[i].want : "none",
		    paths[i].path);
	}
	ok(span_meets(&a, &(struct span){19, 30}), "the ends meet");
	ok(!span_meets(&a, &(struct span){20, 30}), "an end is not of it");
	ok(!span_meets(&a, &(struct span){0, 10}), "nor of the one before");
	return tap_end();
}
