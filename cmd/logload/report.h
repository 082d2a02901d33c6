/*
 * report.h - what loading by hand has come to, on stdout: a line for people, or
 * one JSON object.
 *
 * Of an object its files are written as they come, so that memory does not grow
 * with their number.
 */
#ifndef LOGLOAD_REPORT_H
#define LOGLOAD_REPORT_H

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>

#include "load.h"
#include "paths.h"
#include "settings.h"

#define REPORT_PATH_MAX 256

struct report {
	const struct settings *settings; /* not owned */
	uint64_t started_ns;
	const struct paths *paths; /* all of them; the caller's; or NULL */
	_Atomic uint64_t loaded, skipped;
	pthread_mutex_t lock;    /* of stdout, and of what follows */
	bool any;                /* file was written */
	struct load_tally total; /* of all files */
	/* Of each column the first value that does not fit, and its file. */
	struct report_example {
		struct row_example value;
		char path[REPORT_PATH_MAX]; /* or its beginning */
	} examples[COLUMNS_MAX];
};

/* One file, of which not all need be known. */
struct report_file {
	const char *path, *name; /* name NULL: not found out */
	const char *verdict; /* loaded, skipped, kept, …; NULL: tell later */
	const char *error;   /* why not; NULL: nothing */
	const struct load_tally *tally; /* NULL: nothing */
};

void report_begin(struct report *, const struct settings *);

/* From any thread: counts what was done, and tells of it. */
void report_file(struct report *, const struct report_file *);

/* The same of a file of which nothing was loaded; why may be NULL. */
void report_none(struct report *, const char *path, const char *verdict,
    const struct error *why);

/* And of one that was tried; later: another turn will tell of it. */
void report_load(struct report *, const struct load *, const char *path,
    enum load_verdict, bool later);

/*
 * Sums up; status is the exit status to be, reason a word for it. -1 with errno
 * where stdout could not be written.
 */
int report_end(struct report *, int status, const char *reason);

/* Where nothing could be begun, programs are told so. */
void report_early(const struct settings *, int status);

#endif
