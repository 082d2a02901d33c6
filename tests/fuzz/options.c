/*
 * options.c - numbers with units, against arithmetic of 128 bits; and whatever
 * arguments there are, what is taken of them is within the bounds.
 */
#include <ctype.h>
#include <strings.h>

#include "fuzz.h"
#include "options.h"

#define ARGUMENTS 16

__extension__ typedef unsigned __int128 wide;

static const struct unit {
	const char *suffix;
	uint64_t size, time; /* 0: it is none of that */
} units[] = {{"", 1, 1000000000}, {"B", 1, 0}, {"kB", 1000, 0}, {"KB", 1000, 0},
    {"MB", 1000000, 0}, {"GB", 1000000000, 0}, {"TB", 1000000000000, 0},
    {"KiB", 1 << 10, 0}, {"MiB", 1 << 20, 0}, {"GiB", 1 << 30, 0},
    {"TiB", 1ULL << 40, 0}, {"us", 0, 1000}, {"ms", 0, 1000000},
    {"s", 0, 1000000000}, {"m", 0, 60000000000}, {"h", 0, 3600000000000},
    {"d", 0, 86400000000000}};

/* Digits, perhaps a point and up to nine more, and a unit; 10^9 for each. */
static bool
read_number(const char *p, bool time, wide *value)
{
	wide number = 0;
	int behind = 0;
	const char *begin = p;

	for (; isdigit((unsigned char)*p) && p - begin < 24; p++)
		number = number * 10 + (wide)(*p - '0');
	if (p == begin || isdigit((unsigned char)*p))
		return false;
	if (*p == '.' && isdigit((unsigned char)p[1])) {
		for (p++; isdigit((unsigned char)*p); p++) {
			if (behind++ == 9)
				return false;
			number = number * 10 + (wide)(*p - '0');
		}
	}
	for (; behind < 9; behind++)
		number *= 10;
	for (size_t i = 0; i < sizeof(units) / sizeof(units[0]); i++) {
		uint64_t factor = time ? units[i].time : units[i].size;

		if (strcmp(units[i].suffix, p) != 0 || factor == 0)
			continue;
		if (number / 1000000000 > UINT64_MAX / 2 / factor)
			return false;
		*value = number * factor / 1000000000;
		return true;
	}
	return false;
}

static void
check_number(const char *text)
{
	uint64_t got = 0, other;
	struct error err;
	wide want = 0;

	if (strspn(text, "0") > 4 || strlen(text) > 40)
		return; /* more than read_number has room for */
	check((option_size(text, &got, &err) == 0) ==
	      read_number(text, false, &want));
	/* What is rounded in the end may be the next one. */
	check(want <= UINT64_MAX && (got == want || got == want + 1));
	if (option_count(text, &other, &err) == 0)
		check(
		    other == got && strspn(text, "0123456789") == strlen(text));
	got = 0;
	want = 0;
	check((option_duration(text, &got, &err) == 0) ==
	      read_number(text, true, &want));
	check(got == want || got == want + 1);
}

static void
check_arguments(struct input in)
{
	static uint64_t count, size, time;
	static const char *string, *secret;
	static unsigned choice;
	static bool flag;
	static struct option_list list;
	static const struct option_spec options[] = {
	    OPTION_HEADING_ROW("of these"),
	    {"count", OPTION_COUNT, &count, "7", "N", "h", NULL, 2, 100},
	    {"size", OPTION_SIZE, &size, "1MB", "SIZE", "h", NULL, 1000, 0},
	    {"time", OPTION_DURATION, &time, "5m", "T", "h", NULL, 0, 1 << 30},
	    {"string", OPTION_STRING, &string, NULL, "S", "h", NULL, 0, 0},
	    {"choice", OPTION_ENUM, &choice, "a", "C", "h", "a|bc|d", 0, 0},
	    {"flag", OPTION_FLAG, &flag, NULL, NULL, "h", NULL, 0, 0},
	    {"list", OPTION_LIST, &list, NULL, "L", "h", NULL, 0, 0},
	    {"secret", OPTION_SECRET, &secret, NULL, NULL, "h", NULL, 0, 0},
	    {NULL, OPTION_FLAG, NULL, NULL, NULL, NULL, NULL, 0, 0}};
	static const struct option_tool tool = {
	    "fuzzed", "", "", NULL, options, true};
	char *argv[ARGUMENTS + 2] = {input_text((struct input){"x", 1})};
	int argc = 1, first = 0;
	struct error err = {.text = ""};

	while (in.len > 0 && argc <= ARGUMENTS) {
		char *text = input_text(input_until(&in, '\n'));

		/* These print. */
		if (strncmp(text, "--h", 3) == 0 ||
		    strncmp(text, "--v", 3) == 0)
			*text = ' ';
		argv[argc++] = text;
	}
	if (options_parse(&tool, argc, argv, &first, &err) == OPTIONS_RUN) {
		check(first > 0 && first <= argc && choice < 3);
		check(count >= 2 && count <= 100 && size >= 1000);
		check(time <= 1 << 30 && list.count <= ARGUMENTS);
		check(secret == NULL);
	} else {
		check(err.text[0] != '\0');
	}
	option_list_release(&list);
	while (argc > 0)
		free(argv[--argc]);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct input in = input_of(data, size);
	char *text;

	if (in.len > 0 && *in.p == '-') {
		check_arguments(in);
		return 0;
	}
	text = input_text(in);
	check_number(text);
	free(text);
	return 0;
}
