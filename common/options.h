/*
 * options.h - one table a tool that drives parsing, the environment and the
 * help text.
 *
 * `logrecv --listen X` may also be given as LOGRECV_LISTEN=X; the option wins
 * over the variable and the variable over the default. An empty variable
 * counts as not set, so that Compose files can pass variables through; one of
 * the tool's prefix that is no option is refused. Values:
 *
 *   OPTION_STRING    const char **    the argument itself, not copied
 *   OPTION_FLAG      bool *           no argument; a variable: 1/true/yes/on
 *                                     or 0/false/no/off
 *   OPTION_COUNT     uint64_t *       a whole number
 *   OPTION_SIZE      uint64_t *       bytes: 500, 64KiB, 10MB (kB MB GB TB are
 *                                     powers of 1000, KiB MiB GiB TiB of 1024)
 *   OPTION_DURATION  uint64_t *       nanoseconds: 250ms, 30s, 5m, 2h, 1d; a
 *                                     bare number is seconds; 1.5s works
 *   OPTION_ENUM      unsigned *       index into `choices` ("a|b|c")
 *   OPTION_LIST      struct option_list *   may be repeated; a variable holds
 *                                     one item a line
 *   OPTION_SECRET    const char **    from the environment alone, never argv;
 *                                     shown in the help as a variable
 *
 * Numbers are checked against min and max (max 0: no bound) and refused with
 * a message that names the option and the limit.
 */
#ifndef COMMON_OPTIONS_H
#define COMMON_OPTIONS_H

#include <stdbool.h>
#include <stdint.h>

#include "error.h"

#define OPTION_LIST_MAX 64

enum option_type {
	OPTION_STRING,
	OPTION_FLAG,
	OPTION_COUNT,
	OPTION_SIZE,
	OPTION_DURATION,
	OPTION_ENUM,
	OPTION_LIST,
	OPTION_SECRET,
	OPTION_HEADING,
};

/* A row of the table that is no option: what the help says above the next. */
#define OPTION_HEADING_ROW(text) \
	{ \
		"", OPTION_HEADING, NULL, NULL, NULL, text, NULL, 0, 0 \
	}

struct option_list {
	const char *items[OPTION_LIST_MAX]; /* not owned */
	unsigned count;
	void *owned; /* a copy of the variable, where one was split */
};

struct option_spec {
	const char *name; /* without the dashes; NULL ends the table */
	enum option_type type;
	void *target;
	const char *initial;  /* default, as a user would type it; NULL: none */
	const char *argument; /* shown in the help: ADDR:PORT, SIZE */
	const char *help;     /* one phrase, no full stop */
	const char *choices;  /* OPTION_ENUM: "synced|written" */
	uint64_t min, max;
};

struct option_tool {
	const char *name;     /* "logrecv"; LOGRECV_ begins its variables */
	const char *synopsis; /* "[option]... [FILE]..." */
	const char *summary;  /* what it does, a few lines */
	const char *epilogue; /* examples, exit codes; may be NULL */
	const struct option_spec *options;
	bool takes_arguments; /* others than options */
};

enum option_verdict { OPTIONS_RUN, OPTIONS_DONE, OPTIONS_USAGE };

/*
 * Fills in every target from argv, environment and defaults. OPTIONS_DONE
 * after --help or --version, which it has printed on stdout: exit 0.
 * OPTIONS_USAGE with err filled in: print it and exit 64. *first is the index
 * of the first argument that is no option; argv is reordered (getopt_long(3)).
 */
enum option_verdict options_parse(const struct option_tool *, int argc,
    char **argv, int *first, struct error *err);

/*
 * Prints the usage error that options_parse, or the tool itself, found, with
 * a pointer to --help; returns EX_USAGE for main to return, or EX_TEMPFAIL if
 * the error's code is ENOMEM or EAGAIN: right options must not look wrong.
 */
int options_usage(const struct option_tool *, const struct error *);

/* Frees what a list owns. */
void option_list_release(struct option_list *);

/*
 * The same parsers, for numbers elsewhere. 0, or -1 with a text that says what
 * is wrong with the value.
 */
int option_size(const char *text, uint64_t *bytes, struct error *);
int option_duration(const char *text, uint64_t *ns, struct error *);
int option_count(const char *text, uint64_t *value, struct error *);

/*
 * Reads a secret from a file: its first line, without the line break. 0 with
 * *secret to be freed by the caller, or -1. A file over 4 KiB, empty (then the
 * code is ENODATA), or one that holds a NUL is refused.
 */
int option_secret_file(const char *path, char **secret, struct error *);

#endif
