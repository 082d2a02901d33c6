/*
 * options.c - each type of option, from argv, environment and default; every
 * message; help; secrets from files.
 */
#include <errno.h>
#include <fcntl.h>
#include <sysexits.h>

#include "options.h"
#include "tap.h"

#define MS 1000000ULL
#define S 1000000000ULL

static const char *name, *secret;
static bool verbose;
static uint64_t count, size, duration;
static unsigned mode;
static struct option_list list;

static const struct option_spec specs[] = {
    OPTION_HEADING_ROW("Who"),
    {"name", OPTION_STRING, &name, "none", "WORD", "what it is called", NULL, 0,
	0},
    {"verbose", OPTION_FLAG, &verbose, NULL, NULL, "say more", NULL, 0, 0},
    OPTION_HEADING_ROW("How many"),
    {"max-count", OPTION_COUNT, &count, "5", "N", "how many", NULL, 2, 1000},
    {"size", OPTION_SIZE, &size, "10MB", "SIZE", "how large", NULL, 1000,
	1000000000},
    {"age", OPTION_DURATION, &duration, "30s", "TIME", "how old", NULL, 1000000,
	3600000000000},
    {"mode", OPTION_ENUM, &mode, "slow", NULL, "how", "fast|slow|off", 0, 0},
    {"column", OPTION_LIST, &list, "preset", "X", "which", NULL, 0, 0},
    {"password", OPTION_SECRET, &secret, NULL, NULL, "of the server", NULL, 0,
	0},
    {0},
};

static struct option_tool tool = {
    .name = "tool",
    .synopsis = "[option]...",
    .summary = "Does things.",
    .epilogue = "Examples: none.",
    .options = specs,
};

static struct error err;
static int first;
static char *args[100];

/* Parses a command line, its words separated by one space. */
static enum option_verdict
parse(const char *line)
{
	static char words[4096];
	char *state, *word;
	int argc = 0;

	(void)snprintf(words, sizeof(words), "tool %s", line);
	for (word = strtok_r(words, " ", &state); word != NULL && argc < 99;
	     word = strtok_r(NULL, " ", &state))
		args[argc++] = word;
	args[argc] = NULL;
	memset(&err, 0, sizeof(err));
	option_list_release(&list);
	first = -1;
	return options_parse(&tool, argc, args, &first, &err);
}

/* A command line that must be refused, with these words. */
static void
refuse(const char *line, const char *message)
{
	char what[200];

	(void)snprintf(what, sizeof(what), "refused: %s", line);
	if (ok(parse(line) == OPTIONS_USAGE, "%s", what))
		is_text(err.text, message, "  and says why");
}

static void
test_defaults(void)
{
	is_number(parse(""), OPTIONS_RUN, "no argument at all");
	is_text(name, "none", "the default of a string");
	ok(!verbose, "of a flag");
	is_number(count, 5, "of a count");
	is_number(size, 10000000, "of a size");
	is_number(duration, 30 * S, "of a duration");
	is_number(mode, 1, "of a choice");
	is_number(list.count, 1, "of a list");
	ok(secret == NULL, "of a secret");
	is_number(first, 1, "no arguments follow");
}

static void
test_arguments(void)
{
	is_number(parse("--name x --verbose --max-count=7 --size 64KiB "
			"--age 1.5s --mode off --column a --column b"),
	    OPTIONS_RUN, "all of them");
	is_text(name, "x", "string");
	ok(verbose, "flag");
	is_number(count, 7, "count");
	is_number(size, 65536, "size");
	is_number(duration, 1500 * MS, "duration");
	is_number(mode, 2, "choice");
	is_number(list.count, 2, "list");
	is_text(list.items[0], "a", "its first");
	is_text(list.items[1], "b", "its second");
	is_number(parse("--name a --name b"), OPTIONS_RUN, "one given twice");
	is_text(name, "b", "the last one wins");
	is_number(parse("--verbose=no"), OPTIONS_RUN, "a flag with a value");
	ok(!verbose, "may be switched off");
	is_number(parse("--name="), OPTIONS_RUN, "a string may be empty");
	is_text(name, "", "as an option");
}

static void
test_refusals(void)
{
	static char many[65 * 11 + 1];

	refuse("--colour", "unknown option --colour");
	refuse("-x", "unknown option -x");
	refuse("-xy", "unknown option -x");
	refuse("--name a -xy", "unknown option -x");
	refuse("--password=x", "unknown option --password=x");
	refuse("--name", "a value is missing after --name");
	refuse("stray", "unexpected argument stray");
	refuse("-- stray", "unexpected argument stray");
	refuse(
	    "--verbose=maybe", "--verbose: 'maybe' is neither true nor false");
	refuse("--max-count 1", "--max-count: 1 is under the least, 2");
	refuse("--max-count 1001", "--max-count: 1001 is over the most, 1000");
	refuse("--max-count 2.5", "--max-count: '2.5' is not a whole number");
	refuse("--max-count -7", "--max-count: '-7' is not a number like 1000");
	refuse("--max-count 7x", "--max-count: '7x' is not a number like 1000");
	refuse("--max-count=", "--max-count: '' is not a number like 1000");
	refuse("--max-count 18446744073709551616",
	    "--max-count: 18446744073709551616 is too large");
	refuse("--size 999", "--size: 999 is under the least, 1000 bytes");
	refuse("--size 2GB", "--size: 2GB is over the most, 1000000000 bytes");
	refuse("--size 1XB",
	    "--size: '1XB' is not a number like 500, 64KiB or 10MB");
	refuse(
	    "--age 30x", "--age: '30x' is not a number like 250ms, 30s or 5m");
	refuse("--mode quick", "--mode: 'quick' is not one of fast|slow|off");
	refuse("--mode fas", "--mode: 'fas' is not one of fast|slow|off");
	refuse("--mode fast|slow",
	    "--mode: 'fast|slow' is not one of fast|slow|off");
	for (int i = 0; i < 65; i++)
		memcpy(many + i * 11, "--column=x ", 11);
	is_number(parse(many), OPTIONS_USAGE, "refused: 65 items of a list");
	is_text(
	    err.text, "--column: given more than 64 times", "  and says why");
	many[64 * 11] = '\0';
	is_number(parse(many), OPTIONS_RUN, "64 are taken");
}

static void
test_positional(void)
{
	tool.takes_arguments = true;
	is_number(parse("a --name x b -- --verbose"), OPTIONS_RUN,
	    "arguments among options");
	is_number(first, 4, "stand behind them");
	is_text(args[first], "a", "in order");
	is_text(args[first + 1], "b", "in order");
	is_text(args[first + 2], "--verbose", "after -- nothing is an option");
	ok(!verbose, "nor taken as one");
	is_number(parse("-"), OPTIONS_RUN, "a dash is an argument");
	is_text(args[first], "-", "as it is");
	tool.takes_arguments = false;
}

static void
test_environment(void)
{
	char many[65 * 2 + 1] = "";

	must(setenv("TOOL_NAME", "env", 1) == 0);
	must(setenv("TOOL_MAX_COUNT", "9", 1) == 0);
	must(setenv("TOOL_VERBOSE", "Yes", 1) == 0);
	must(setenv("TOOL_COLUMN", "a b\n\nc\n", 1) == 0);
	must(setenv("TOOL_PASSWORD", "secret word", 1) == 0);
	must(setenv("TOOL_SIZE", "", 1) == 0);
	is_number(parse(""), OPTIONS_RUN, "from the environment");
	is_text(name, "env", "a string");
	is_number(count, 9, "a count, its dash an underscore");
	ok(verbose, "a flag");
	is_number(list.count, 2, "a list, an item a line");
	is_text(list.items[0], "a b", "its first, as it is");
	is_text(list.items[1], "c", "its second: empty lines do not count");
	is_text(secret, "secret word", "a secret");
	is_number(size, 10000000, "an empty variable counts as not set");
	is_number(parse("--name arg --max-count 4 --verbose=0 --column z"),
	    OPTIONS_RUN, "options beside variables");
	is_text(name, "arg", "the option wins");
	is_number(count, 4, "the option wins");
	ok(!verbose, "the option wins");
	is_number(list.count, 1, "a list of options replaces the variable's");
	is_text(list.items[0], "z", "with its own");
	must(setenv("TOOL_VERBOSE", "off", 1) == 0);
	is_number(parse(""), OPTIONS_RUN, "a flag that a variable denies");
	ok(!verbose, "is off");
	must(setenv("TOOL_MAX_COUNT", "1001", 1) == 0);
	refuse("", "TOOL_MAX_COUNT: 1001 is over the most, 1000");
	must(setenv("TOOL_MAX_COUNT", "3", 1) == 0);
	memset(many, '\n', sizeof(many) - 1);
	for (size_t i = 0; i < sizeof(many) - 1; i += 2)
		many[i] = 'x';
	must(setenv("TOOL_COLUMN", many, 1) == 0);
	refuse("", "TOOL_COLUMN: given more than 64 times");
	must(setenv("TOOL_COLUMN", "x", 1) == 0);
	must(setenv("TOOL_VERBOSE", "perhaps", 1) == 0);
	refuse("", "TOOL_VERBOSE: 'perhaps' is neither true nor false");
	must(unsetenv("TOOL_NAME") == 0 && unsetenv("TOOL_MAX_COUNT") == 0);
	must(unsetenv("TOOL_VERBOSE") == 0 && unsetenv("TOOL_COLUMN") == 0);
	must(unsetenv("TOOL_PASSWORD") == 0 && unsetenv("TOOL_SIZE") == 0);
	option_list_release(&list);
}

static void
test_numbers(void)
{
	static const struct {
		const char *text;
		uint64_t want;
	} sizes[] = {{"0", 0}, {"1", 1}, {"500", 500}, {"500B", 500},
	    {"1kB", 1000}, {"1KB", 1000}, {"10MB", 10000000},
	    {"2GB", 2000000000}, {"1TB", 1000000000000}, {"1KiB", 1024},
	    {"64KiB", 65536}, {"1MiB", 1048576}, {"1GiB", 1073741824},
	    {"1TiB", 1099511627776}, {"1.5KiB", 1536}, {"0.5MB", 500000},
	    {"007", 7}, {"8000000TiB", 8796093022208000000}},
	  durations[] = {{"0", 0}, {"7", 7 * S}, {"250ms", 250 * MS},
	      {"10us", 10000}, {"1.5", 1500 * MS}, {"30s", 30 * S},
	      {"5m", 300 * S}, {"2h", 7200 * S}, {"1d", 86400 * S},
	      {"0.25m", 15 * S}, {"1.000000001s", 1000000001}};
	static const char *const bad[] = {"", " 1", "1 ", "-1", "+1", "1e3",
	    "0x10", ".5", "1.", "1.s", "MB", "1mb", "1 MB", "1K", "1MBs", "NaN",
	    "1,5MB", "1..5s", "99999999999TB", "99999999999999999999",
	    "1.0000000001s", "200000000d"};
	struct tap_all all = {0}, refused = {0};
	uint64_t got;

	for (size_t i = 0; i < sizeof(sizes) / sizeof(*sizes); i++)
		tap_case(&all,
		    option_size(sizes[i].text, &got, &err) == 0 &&
			got == sizes[i].want,
		    "size %s", sizes[i].text);
	for (size_t i = 0; i < sizeof(durations) / sizeof(*durations); i++)
		tap_case(&all,
		    option_duration(durations[i].text, &got, &err) == 0 &&
			got == durations[i].want,
		    "duration %s", durations[i].text);
	tap_all(&all, "sizes and durations");
	for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++) {
		err.text[0] = '\0';
		tap_case(&refused,
		    option_size(bad[i], &got, &err) < 0 ||
			option_duration(bad[i], &got, &err) < 0,
		    "%s is taken", bad[i]);
		tap_case(&refused,
		    option_count(bad[i], &got, &err) < 0 && err.text[0] != '\0',
		    "%s is taken", bad[i]);
	}
	tap_all(&refused, "what is no number is refused, with a message");
	is_number(option_count("18446744073709551615", &got, &err), -1,
	    "a count over 2^63 is refused");
	is_number(option_count("9223372036854775807", &got, &err), 0,
	    "the largest count");
	is_number(got, INT64_MAX, "is 2^63 - 1");
}

/* What parse prints on stdout. */
static const char *
printed(const char *line, enum option_verdict *verdict)
{
	static char text[8192];
	char path[] = "/tmp/logs-unit-out.XXXXXX";
	int saved = dup(STDOUT_FILENO), fd = mkstemp(path);
	ssize_t n;

	must(fd >= 0 && unlink(path) == 0 && saved >= 0);
	must(fflush(stdout) == 0 && dup2(fd, STDOUT_FILENO) >= 0);
	*verdict = parse(line);
	must(fflush(stdout) == 0 && dup2(saved, STDOUT_FILENO) >= 0);
	n = pread(fd, text, sizeof(text) - 1, 0);
	must(n >= 0);
	text[n] = '\0';
	(void)close(fd);
	(void)close(saved);
	return text;
}

static void
test_help(void)
{
	enum option_verdict verdict;
	const char *text = printed("--help", &verdict);
	struct tap_all wide = {0};

	is_number(verdict, OPTIONS_DONE, "--help");
	ok(strncmp(text, "Usage: tool [option]...\n", 24) == 0,
	    "begins with the usage");
	ok(strstr(text, "Does things.") != NULL, "has the summary");
	ok(strstr(text, "Examples: none.") != NULL, "has the epilogue");
	for (const struct option_spec *s = specs; s->name != NULL; s++) {
		char option[40];

		(void)snprintf(option, sizeof(option), "--%s", s->name);
		if (s->type == OPTION_HEADING)
			(void)snprintf(
			    option, sizeof(option), "\n\n%s:\n  --", s->help);
		if (s->type == OPTION_SECRET)
			ok(strstr(text, "TOOL_PASSWORD") != NULL &&
				strstr(text, "--password") == NULL,
			    "has %s as a variable alone", s->name);
		else
			ok(strstr(text, option) != NULL, "has %s",
			    s->type == OPTION_HEADING ? s->help : option);
		ok(strstr(text, s->help) != NULL, "  and what it is for");
	}
	ok(strstr(text, "[10MB]") != NULL, "has the defaults");
	ok(strstr(text, "Options:") == NULL, "no heading above the headings");
	ok(strstr(text, "fast|slow|off") != NULL, "has the choices");
	ok(strstr(text, "TOOL_NAME") != NULL, "says how variables are named");
	ok(strstr(text, "--help") != NULL && strstr(text, "--version") != NULL,
	    "has --help and --version");
	for (const char *p = text; *p != '\0'; p += strcspn(p, "\n") + 1)
		tap_case(&wide, strcspn(p, "\n") <= 80, "%.90s", p);
	tap_all(&wide, "fits 80 columns");
	text = printed("--version", &verdict);
	is_number(verdict, OPTIONS_DONE, "--version");
	is_text(text, "tool " VERSION "\n", "says the version");
	text = printed("--colour", &verdict);
	is_text(text, "", "a refusal prints nothing on stdout");
	text = printed("--help stray --max-count 0", &verdict);
	ok(verdict == OPTIONS_DONE && strncmp(text, "Usage:", 6) == 0,
	    "--help before a mistake is help");
}

/* What options_usage prints on stderr. */
static void
test_usage(void)
{
	char path[] = "/tmp/logs-unit-err.XXXXXX", text[400];
	int saved = dup(STDERR_FILENO), fd = mkstemp(path), rc;
	ssize_t n;

	must(fd >= 0 && unlink(path) == 0 && saved >= 0);
	must(dup2(fd, STDERR_FILENO) >= 0);
	(void)error_set(&err, "--max-count: %s", "no");
	rc = options_usage(&tool, &err);
	must(dup2(saved, STDERR_FILENO) >= 0);
	n = pread(fd, text, sizeof(text) - 1, 0);
	must(n >= 0);
	text[n] = '\0';
	(void)close(fd);
	(void)close(saved);
	is_number(rc, EX_USAGE, "a usage error is for main to return");
	is_text(text, "tool: --max-count: no\nTry 'tool --help'.\n",
	    "and says where to look");
}

static void
test_secret_file(void)
{
	static const struct {
		const char *content;
		size_t len;
		const char *want; /* NULL: refused */
	} cases[] = {{"secret\n", 7, "secret"}, {"secret", 6, "secret"},
	    {"secret\r\n", 8, "secret"}, {"two words \n", 11, "two words "},
	    {"first\nsecond\n", 13, "first"},
	    {"p\xc3\xa4ss\n", 6, "p\xc3\xa4ss"}, {"", 0, NULL}, {"\n", 1, NULL},
	    {"\r\n", 2, NULL}, {"\nsecond\n", 8, NULL}, {"a\0b\n", 4, NULL},
	    {"a\nb\0", 4, NULL}};
	char scratch[64], path[80], *got, big[4097];
	FILE *file;

	tap_scratch(scratch);
	(void)snprintf(path, sizeof(path), "%s/secret", scratch);
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		file = fopen(path, "w");
		must(file != NULL);
		must(fwrite(cases[i].content, 1, cases[i].len, file) ==
			 cases[i].len &&
		     fclose(file) == 0);
		got = NULL;
		if (cases[i].want == NULL) {
			ok(option_secret_file(path, &got, &err) < 0,
			    "refused: file %zu", i);
			ok(strstr(err.text, path) != NULL && got == NULL,
			    "  %s", err.text + strlen(scratch));
			is_number(err.code, cases[i].len == 0 ? ENODATA : 0,
			    "  and that it is empty");
			free(got);
			continue;
		}
		ok(option_secret_file(path, &got, &err) == 0, "file %zu", i);
		is_text(got, cases[i].want, "  its secret");
		free(got);
	}
	memset(big, 'x', sizeof(big));
	file = fopen(path, "w");
	must(file != NULL && fwrite(big, 1, 4096, file) == 4096 &&
	     fclose(file) == 0);
	is_number(option_secret_file(path, &got, &err), 0, "4 KiB are taken");
	is_number(strlen(got), 4096, "whole");
	free(got);
	file = fopen(path, "a");
	must(file != NULL && fputc('x', file) == 'x' && fclose(file) == 0);
	is_number(
	    option_secret_file(path, &got, &err), -1, "a byte more is not");
	ok(strstr(err.text, "4096") != NULL, "and the limit is named");
	must(unlink(path) == 0);
	is_number(option_secret_file(path, &got, &err), -1, "a missing file");
	ok(strstr(err.text, "No such file") != NULL, "says so");
	is_number(option_secret_file(scratch, &got, &err), -1, "a directory");
	ok(strstr(err.text, "directory") != NULL, "says so");
	tap_remove_tree(scratch);
}

int
main(void)
{
	test_defaults();
	test_arguments();
	test_refusals();
	test_positional();
	test_environment();
	test_numbers();
	test_help();
	test_usage();
	test_secret_file();
	option_list_release(&list);
	return tap_end();
}
