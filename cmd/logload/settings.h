/*
 * settings.h - what the user has asked for: the option table, and what the
 * options come to.
 */
#ifndef LOGLOAD_SETTINGS_H
#define LOGLOAD_SETTINGS_H

#include <stdbool.h>
#include <stdint.h>

#include "row/columns.h"
#include "db/db.h"
#include "options.h"
#include "route.h"
#include "db/url.h"
#include "span.h"

#define SETTINGS_OPTIONS_MAX 60

enum { PROGRESS_AUTO, PROGRESS_ALWAYS, PROGRESS_NEVER };
enum { REJECTED_WAIT, REJECTED_DROP };
enum { REPORT_TEXT, REPORT_JSON };
enum { ELSE_REJECT, ELSE_CATCH_ALL };

struct settings {
	/* As given; db has the rest. */
	const char *url, *password_file, *password_variable;
	const char *ssl_mode, *payload_type;
	const char *spool, *rejected_dir;
	const char *name;          /* of what is loaded; NULL: its own */
	const char *since, *until; /* of which FILEs; NULL: all */
	const char *tables;        /* of --table's {member}; NULL: none */
	struct option_list column_specs, column_files, renames;
	struct option_list indexes, uniques;
	uint64_t tables_max;
	uint64_t chunk, max_event, max_depth, jobs, wait_ns, drain_ns;
	uint64_t rate;      /* events a second; 0: no limit */
	uint64_t settle_ns; /* 0: nothing is asked about again */
	uint64_t rejected_limit, keep_limit, settle_limit; /* bytes; 0: none */
	unsigned rejected_full;  /* REJECTED_WAIT, … */
	unsigned partition_else; /* ELSE_REJECT, … */
	unsigned progress, report, log_level;
	bool once, keep, force, dry_run, retry_rejected, check, watch,
	    print_schema;
	bool salvage, wide; /* see unpack.h */
	/* What it comes to. */
	struct db_config db;
	/* Of db, where they were not named so. */
	char table[DB_TABLE_MAX + 1], other_table[DB_TABLE_MAX + 1];
	struct route *route; /* owned; NULL: one table */
	bool db_given;       /* a database was named, by whatever means */
	struct columns columns;
	struct span span; /* where since or until is there */
	char *url_copy;   /* what db points into; owned */
	char *password;   /* owned */
};

/* Fills in the table, which ends in a NULL name, with targets in *s. */
void settings_table(
    struct settings *s, struct option_spec table[SETTINGS_OPTIONS_MAX]);

/*
 * After parsing: makes db, columns and the rest. 0, or the exit status with
 * err set: EX_USAGE, or EX_CONFIG for a password that cannot be read.
 */
int settings_complete(struct settings *, struct error *);
void settings_release(struct settings *);

#endif
