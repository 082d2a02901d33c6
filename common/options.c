/*
 * options.c - see options.h.
 */
#include <assert.h>
#include <ctype.h>
#include <errno.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sysexits.h>
#include <unistd.h>

#include "options.h"
#include "secret.h"

#define OPTIONS_MAX 64
#define SECRET_MAX 4096
#define VARIABLE_MAX 64
#define HELP_COLUMNS 80
/* What getopt_long returns: index of the option + OPTION_BASE. */
enum { OPTION_HELP = 256, OPTION_VERSION, OPTION_BASE };

struct unit {
	const char *suffix;
	uint64_t factor;
};

static const struct unit size_units[] = {
    {"", 1},
    {"B", 1},
    {"kB", 1000},
    {"KB", 1000},
    {"MB", 1000000},
    {"GB", 1000000000},
    {"TB", 1000000000000},
    {"KiB", 1ULL << 10},
    {"MiB", 1ULL << 20},
    {"GiB", 1ULL << 30},
    {"TiB", 1ULL << 40},
    {NULL, 0},
};

static const struct unit duration_units[] = {
    {"", 1000000000ULL},
    {"us", 1000ULL},
    {"ms", 1000000ULL},
    {"s", 1000000000ULL},
    {"m", 60 * 1000000000ULL},
    {"h", 3600 * 1000000000ULL},
    {"d", 86400 * 1000000000ULL},
    {NULL, 0},
};

static void print_help(const struct option_tool *);
static int set_option(const struct option_spec *, const char *name,
    const char *value, struct error *);

/*
 * Numbers
 */

/* value * factor, with an optional fraction of up to nine digits. */
static int
parse_scaled(const char *text, const struct unit *units, const char *example,
    uint64_t *result, struct error *err)
{
	uint64_t whole = 0, fraction = 0, scale = 1;
	const char *p = text;

	for (; isdigit((unsigned char)*p); p++) {
		unsigned digit = (unsigned)(*p - '0');

		if (whole > (UINT64_MAX - digit) / 10)
			return error_set(err, "%s is too large", text);
		whole = whole * 10 + digit;
	}
	if (p > text && *p == '.' && isdigit((unsigned char)p[1])) {
		for (p++; isdigit((unsigned char)*p); p++) {
			if (scale == 1000000000)
				return error_set(
				    err, "%s has too many digits", text);
			fraction = fraction * 10 + (unsigned)(*p - '0');
			scale *= 10;
		}
	}
	for (const struct unit *u = units; p > text && u->suffix != NULL; u++) {
		if (strcmp(p, u->suffix) != 0)
			continue;
		if (whole > UINT64_MAX / 2 / u->factor)
			return error_set(err, "%s is too large", text);
		*result = whole * u->factor +
			  (uint64_t)((long double)fraction * u->factor / scale);
		return 0;
	}
	return error_set(err, "'%s' is not a number like %s", text, example);
}

int
option_size(const char *text, uint64_t *bytes, struct error *err)
{
	return parse_scaled(text, size_units, "500, 64KiB or 10MB", bytes, err);
}

int
option_duration(const char *text, uint64_t *ns, struct error *err)
{
	return parse_scaled(text, duration_units, "250ms, 30s or 5m", ns, err);
}

int
option_count(const char *text, uint64_t *value, struct error *err)
{
	static const struct unit none[] = {{"", 1}, {NULL, 0}};

	if (strchr(text, '.') != NULL)
		return error_set(err, "'%s' is not a whole number", text);
	return parse_scaled(text, none, "1000", value, err);
}

/*
 * Values
 */

static int
set_flag(bool *target, const char *value, struct error *err)
{
	static const char *const words[] = {
	    "1", "true", "yes", "on", "0", "false", "no", "off"};

	for (int i = 0; i < 8; i++) {
		if (strcasecmp(value, words[i]) == 0) {
			*target = i < 4;
			return 0;
		}
	}
	return error_set(err, "'%s' is neither true nor false", value);
}

static int
set_choice(const struct option_spec *spec, const char *value, unsigned *target,
    struct error *err)
{
	const char *p = spec->choices;
	size_t len = strlen(value);

	for (unsigned i = 0;; i++) {
		size_t n = strcspn(p, "|");

		if (n == len && memcmp(p, value, n) == 0) {
			*target = i;
			return 0;
		}
		if (p[n] == '\0')
			return error_set(
			    err, "'%s' is not one of %s", value, spec->choices);
		p += n + 1;
	}
}

static int
add_item(struct option_list *list, const char *item, struct error *err)
{
	if (list->count == OPTION_LIST_MAX)
		return error_set(
		    err, "given more than %d times", OPTION_LIST_MAX);
	list->items[list->count++] = item;
	return 0;
}

/* Splits a variable's value, instead of a default, at its line breaks. */
static int
add_lines(struct option_list *list, const char *value, struct error *err)
{
	char *rest, *line;

	list->count = 0;
	list->owned = strdup(value);
	if (list->owned == NULL)
		return error_errno(err, "copy");
	for (rest = list->owned; (line = strsep(&rest, "\n")) != NULL;) {
		if (*line != '\0' && add_item(list, line, err) < 0)
			return -1;
	}
	return 0;
}

static int
check_range(const struct option_spec *spec, uint64_t number, const char *value,
    struct error *err)
{
	static const char *const names[] = {[OPTION_COUNT] = "",
	    [OPTION_SIZE] = " bytes",
	    [OPTION_DURATION] = " ns"};
	const char *unit = names[spec->type];

	if (number < spec->min)
		return error_set(err, "%s is under the least, %llu%s", value,
		    (unsigned long long)spec->min, unit);
	if (spec->max != 0 && number > spec->max)
		return error_set(err, "%s is over the most, %llu%s", value,
		    (unsigned long long)spec->max, unit);
	return 0;
}

static int
set_number(const struct option_spec *spec, const char *value, struct error *err)
{
	uint64_t number = 0;
	int rc;

	if (spec->type == OPTION_SIZE)
		rc = option_size(value, &number, err);
	else if (spec->type == OPTION_DURATION)
		rc = option_duration(value, &number, err);
	else
		rc = option_count(value, &number, err);
	if (rc < 0 || check_range(spec, number, value, err) < 0)
		return -1;
	*(uint64_t *)spec->target = number;
	return 0;
}

/* Sets the target; an error begins with the name the user knows. */
static int
set_option(const struct option_spec *spec, const char *name, const char *value,
    struct error *err)
{
	struct error why;
	int rc = 0;

	switch (spec->type) {
	case OPTION_STRING:
	case OPTION_SECRET:
		*(const char **)spec->target = value;
		break;
	case OPTION_FLAG:
		rc = set_flag(spec->target, value, &why);
		break;
	case OPTION_COUNT:
	case OPTION_SIZE:
	case OPTION_DURATION:
		rc = set_number(spec, value, &why);
		break;
	case OPTION_ENUM:
		rc = set_choice(spec, value, spec->target, &why);
		break;
	case OPTION_LIST:
		rc = add_item(spec->target, value, &why);
		break;
	case OPTION_HEADING: /* is never set */
		break;
	}
	if (rc == 0)
		return 0;
	(void)error_set(err, "%s: %s", name, why.text);
	err->code = why.code;
	return -1;
}

void
option_list_release(struct option_list *list)
{
	free(list->owned);
	memset(list, 0, sizeof(*list));
}

/*
 * Defaults, environment, arguments
 */

/* LOGRECV_MAX_BODY for max-body of logrecv. */
static void
variable_name(const struct option_tool *tool, const struct option_spec *spec,
    char out[VARIABLE_MAX])
{
	int n = snprintf(out, VARIABLE_MAX, "%s_%s", tool->name, spec->name);

	assert(n > 0 && n < VARIABLE_MAX);
	(void)n;
	for (char *p = out; *p != '\0'; p++)
		*p = *p == '-' ? '_' : (char)toupper((unsigned char)*p);
}

static int
set_initial(const struct option_spec *spec, struct error *err)
{
	switch (spec->type) {
	case OPTION_STRING:
	case OPTION_SECRET:
		*(const char **)spec->target = NULL;
		break;
	case OPTION_FLAG:
		*(bool *)spec->target = false;
		break;
	case OPTION_LIST:
		memset(spec->target, 0, sizeof(struct option_list));
		break;
	case OPTION_HEADING:
		return 0;
	case OPTION_ENUM:
		*(unsigned *)spec->target = 0;
		break;
	default:
		*(uint64_t *)spec->target = 0;
	}
	if (spec->initial == NULL)
		return 0;
	return set_option(spec, spec->name, spec->initial, err);
}

static int
set_variable(const struct option_tool *tool, const struct option_spec *spec,
    struct error *err)
{
	char name[VARIABLE_MAX];
	const char *value;
	struct error why;

	if (spec->type == OPTION_HEADING)
		return 0;
	variable_name(tool, spec, name);
	value = getenv(name);
	if (value == NULL || *value == '\0')
		return 0;
	if (spec->type != OPTION_LIST)
		return set_option(spec, name, value, err);
	if (add_lines(spec->target, value, &why) == 0)
		return 0;
	(void)error_set(err, "%s: %s", name, why.text);
	err->code = why.code;
	return -1;
}

/* One of ours that is no option is a slip, and its wish would go unheard. */
static int
check_variables(const struct option_tool *tool, struct error *err)
{
	char prefix[VARIABLE_MAX], name[VARIABLE_MAX];

	variable_name(tool, &(struct option_spec){.name = ""}, prefix);
	for (char **v = environ; *v != NULL; v++) {
		const struct option_spec *s = tool->options;
		size_t len = strcspn(*v, "=");

		if (strncmp(*v, prefix, strlen(prefix)) != 0 ||
		    (*v)[len] == '\0' || (*v)[len + 1] == '\0')
			continue; /* another's, or not set */
		for (; s->name != NULL; s++) {
			variable_name(tool, s, name);
			if (strlen(name) == len && memcmp(*v, name, len) == 0)
				break;
		}
		if (s->name == NULL)
			return error_set(
			    err, "%.*s: there is no such option", (int)len, *v);
	}
	return 0;
}

/* The arguments' turn; a list given here replaces the variable's. */
static enum option_verdict
parse_arguments(const struct option_tool *tool, const struct option *table,
    int argc, char **argv, struct error *err)
{
	bool listed[OPTIONS_MAX] = {false};
	int c, index;

	optind = 0; /* glibc: start afresh, even if called before */
	opterr = 0;
	while ((c = getopt_long(argc, argv, ":", table, NULL)) != -1) {
		const struct option_spec *spec;
		char name[VARIABLE_MAX];

		if (c == OPTION_HELP || c == OPTION_VERSION) {
			if (c == OPTION_HELP)
				print_help(tool);
			else
				printf("%s " VERSION "\n", tool->name);
			if (fflush(stdout) == 0 && !ferror(stdout))
				return OPTIONS_DONE;
			(void)error_errno(err, "write to standard output");
			return OPTIONS_USAGE;
		}
		if (c == '?' && optopt > 0 && optopt < OPTION_HELP) {
			/* Of "-xy" optind may not have moved on yet. */
			(void)error_set(err, "unknown option -%c", optopt);
			return OPTIONS_USAGE;
		}
		if (c < OPTION_BASE) {
			/* getopt_long(3) tells missing from unknown. */
			(void)error_set(err, "%s %s",
			    c == ':' ? "a value is missing after"
				     : "unknown option",
			    argv[optind - 1]);
			return OPTIONS_USAGE;
		}
		index = c - OPTION_BASE;
		spec = &tool->options[index];
		if (spec->type == OPTION_LIST && !listed[index]) {
			listed[index] = true;
			option_list_release(spec->target);
		}
		(void)snprintf(name, sizeof(name), "--%s", spec->name);
		if (set_option(
			spec, name, optarg != NULL ? optarg : "true", err) < 0)
			return OPTIONS_USAGE;
	}
	return OPTIONS_RUN;
}

enum option_verdict
options_parse(const struct option_tool *tool, int argc, char **argv, int *first,
    struct error *err)
{
	struct option table[OPTIONS_MAX + 3];
	enum option_verdict verdict;
	int n = 0;

	table[n++] = (struct option){"help", no_argument, NULL, OPTION_HELP};
	table[n++] =
	    (struct option){"version", no_argument, NULL, OPTION_VERSION};
	for (int i = 0; tool->options[i].name != NULL; i++) {
		const struct option_spec *spec = &tool->options[i];

		assert(i < OPTIONS_MAX);
		if (set_initial(spec, err) < 0)
			return OPTIONS_USAGE;
		if (spec->type == OPTION_SECRET || spec->type == OPTION_HEADING)
			continue;
		table[n++] = (struct option){spec->name,
		    spec->type == OPTION_FLAG ? optional_argument
					      : required_argument,
		    NULL, OPTION_BASE + i};
	}
	table[n] = (struct option){NULL, 0, NULL, 0};
	for (const struct option_spec *s = tool->options; s->name != NULL;
	     s++) {
		if (set_variable(tool, s, err) < 0)
			return OPTIONS_USAGE;
	}
	verdict = parse_arguments(tool, table, argc, argv, err);
	if (verdict != OPTIONS_RUN)
		return verdict;
	if (check_variables(tool, err) < 0)
		return OPTIONS_USAGE;
	*first = optind;
	if (!tool->takes_arguments && optind < argc) {
		(void)error_set(err, "unexpected argument %s", argv[optind]);
		return OPTIONS_USAGE;
	}
	return OPTIONS_RUN;
}

int
options_usage(const struct option_tool *tool, const struct error *err)
{
	fprintf(stderr, "%s: %s\nTry '%s --help'.\n", tool->name, err->text,
	    tool->name);
	return err->code == ENOMEM || err->code == EAGAIN ? EX_TEMPFAIL
							  : EX_USAGE;
}

/*
 * Help
 */

/* The words of both texts, indented, in lines of at most 80 columns. */
static void
print_wrapped(const char *text, const char *more)
{
	const char *words[] = {text, more};
	size_t column = 0, len;

	for (int i = 0; i < 2; i++) {
		for (const char *p = words[i]; *p != '\0'; p += len) {
			p += strspn(p, " ");
			len = strcspn(p, " ");
			if (len == 0)
				break;
			if (column == 0 || column + 1 + len > HELP_COLUMNS) {
				printf("%s        %.*s",
				    column == 0 ? "" : "\n", (int)len, p);
				column = 8 + len;
			} else {
				printf(" %.*s", (int)len, p);
				column += 1 + len;
			}
		}
	}
	printf("\n");
}

static void
print_option(const struct option_tool *tool, const struct option_spec *spec)
{
	char variable[VARIABLE_MAX], initial[HELP_COLUMNS] = "";
	const char *argument =
	    spec->type == OPTION_ENUM ? spec->choices : spec->argument;

	if (spec->type == OPTION_HEADING) {
		printf("\n%s:\n", spec->help);
		return;
	}
	variable_name(tool, spec, variable);
	if (spec->type == OPTION_SECRET)
		printf("  %s=%s\n", variable,
		    argument != NULL ? argument : "VALUE");
	else if (spec->type == OPTION_FLAG)
		printf("  --%s\n", spec->name);
	else
		printf("  --%s=%s\n", spec->name,
		    argument != NULL ? argument : "VALUE");
	if (spec->initial != NULL && spec->type != OPTION_FLAG)
		(void)snprintf(initial, sizeof(initial), "[%s]", spec->initial);
	print_wrapped(spec->help, initial);
}

static void
print_help(const struct option_tool *tool)
{
	const struct option_spec *first = tool->options;
	bool grouped = first->name != NULL && first->type == OPTION_HEADING;
	char variable[VARIABLE_MAX];

	printf("Usage: %s %s\n\n%s\n%s", tool->name, tool->synopsis,
	    tool->summary, grouped ? "" : "\nOptions:\n");
	for (const struct option_spec *s = tool->options; s->name != NULL; s++)
		print_option(tool, s);
	printf("  --help\n        show this text and exit\n"
	       "  --version\n        show the version and exit\n");
	first += grouped;
	if (first->name != NULL) {
		variable_name(tool, first, variable);
		printf("\nEach option can be given as a variable too, --%s as "
		       "%s;\nthe option wins over the variable.\n",
		    first->name, variable);
	}
	if (tool->epilogue != NULL)
		printf("\n%s\n", tool->epilogue);
}

/*
 * Secrets
 */

int
option_secret_file(const char *path, char **secret, struct error *err)
{
	struct buf text = {0};
	size_t line = 0;
	int rc = -1;

	if (secret_read(path, SECRET_MAX, &text, NULL, err) < 0)
		goto done;
	while (line < text.len && text.data[line] != '\n')
		line++;
	if (line > 0 && text.data[line - 1] == '\r')
		line--;
	if (line == 0) {
		(void)error_set(err, "read %s: the first line is empty", path);
		err->code = text.len == 0 ? ENODATA : 0;
	} else if (memchr(text.data, '\0', text.len) != NULL)
		(void)error_set(err, "read %s: a secret holds a NUL", path);
	else if ((*secret = strndup(text.data, line)) == NULL)
		(void)error_errno(err, "copy %s", path);
	else
		rc = 0;
done:
	secret_release(&text);
	return rc;
}
