/*
 * settings.c - see settings.h.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sysexits.h>
#include <unistd.h>

#include "clock.h"
#include "json.h"
#include "log.h"
#include "naming.h"
#include "settings.h"
#include "settings_own.h"

#define CHUNK_LEAST (64 * 1024)
#define STAMP_MAX 64 /* bytes of "@received_at" in a line */
#define SECOND 1000000000ULL

void
settings_table(
    struct settings *s, struct option_spec table[SETTINGS_OPTIONS_MAX])
{
	const struct option_spec all[] = {
	    OPTION_HEADING_ROW("Database"),
	    {"db", OPTION_STRING, &s->url, NULL, "URL",
		"the database: mysql://USER@HOST:PORT/DATABASE, "
		"postgresql://..., sqlite:PATH, odbc:CONNECTION-STRING",
		NULL, 0, 0},
	    {"db-password-file", OPTION_STRING, &s->password_file, NULL, "FILE",
		"file with the password in its first line", NULL, 0, 0},
	    {"db-password", OPTION_SECRET, &s->password_variable, NULL,
		"PASSWORD", "the password", NULL, 0, 0},
	    {"defaults-file", OPTION_STRING, &s->db.defaults_file, NULL, "FILE",
		"read only this my.cnf", NULL, 0, 0},
	    {"ssl-mode", OPTION_STRING, &s->ssl_mode, NULL, "MODE",
		"disabled, preferred, required, verify_ca or verify_identity "
		"[preferred]",
		NULL, 0, 0},
	    {"connect-timeout", OPTION_DURATION, &s->db.connect_ns, "10s",
		"TIME", "for a connection to be made", NULL, SECOND,
		86400 * SECOND},
	    {"read-timeout", OPTION_DURATION, &s->db.read_ns, "5m", "TIME",
		"for an answer of the database", NULL, SECOND, 86400 * SECOND},
	    {"write-timeout", OPTION_DURATION, &s->db.write_ns, "5m", "TIME",
		"for the database to take what is sent", NULL, SECOND,
		86400 * SECOND},
	    {"wait", OPTION_DURATION, &s->wait_ns, "30s", "TIME",
		"how long --once and FILEs wait for the database", NULL, 0, 0},
	    OPTION_HEADING_ROW("Spool"),
	    {"spool", OPTION_STRING, &s->spool, NULL, "DIR",
		"spool whose ready/ is loaded, if no FILE is given", NULL, 0,
		0},
	    {"once", OPTION_FLAG, &s->once, NULL, NULL,
		"load what is ready now, then exit", NULL, 0, 0},
	    {"settle", OPTION_DURATION, &s->settle_ns, "5m", "TIME",
		"how long a loaded file stays in loaded/, in case the database "
		"forgets it; 0: not at all",
		NULL, 0, 365 * 86400 * SECOND},
	    {"settle-limit", OPTION_SIZE, &s->settle_limit, "1GB", "SIZE",
		"most that lies there, the oldest go early; 0: no limit", NULL,
		0, 0},
	    {"keep", OPTION_FLAG, &s->keep, NULL, NULL,
		"keep files in loaded/ for longer than --settle", NULL, 0, 0},
	    {"keep-limit", OPTION_SIZE, &s->keep_limit, "10GB", "SIZE",
		"most that --keep keeps, the oldest go; 0: no limit", NULL, 0,
		0},
	    {"rejected-limit", OPTION_SIZE, &s->rejected_limit, "1GB", "SIZE",
		"most that may lie in the spool's rejected/; 0: no limit", NULL,
		0, 0},
	    {"rejected-full", OPTION_ENUM, &s->rejected_full, "wait", NULL,
		"when it is full: files wait, or the oldest records go",
		"wait|drop", 0, 0},
	    {"drain", OPTION_DURATION, &s->drain_ns, "0", "TIME",
		"how long to load what is left when told to stop", NULL, 0, 0},
	    {"check", OPTION_FLAG, &s->check, NULL, NULL,
		"say what is in the spool, and what is wrong with it", NULL, 0,
		0},
	    {"watch", OPTION_FLAG, &s->watch, NULL, NULL,
		"with --check: say it again every 2 seconds", NULL, 0, 0},
	    OPTION_HEADING_ROW("By hand"),
	    {"dry-run", OPTION_FLAG, &s->dry_run, NULL, NULL,
		"only say what would be loaded and what rejected", NULL, 0, 0},
	    {"force", OPTION_FLAG, &s->force, NULL, NULL,
		"load files that were loaded before once more", NULL, 0, 0},
	    {"name", OPTION_STRING, &s->name, NULL, "NAME",
		"what the ledger calls standard input, to go on with it", NULL,
		0, 0},
	    {"since", OPTION_STRING, &s->since, NULL, "WHEN",
		"of FILEs, those of this time on by their names: a date, RFC "
		"3339, or 2d (ago)",
		NULL, 0, 0},
	    {"until", OPTION_STRING, &s->until, NULL, "WHEN",
		"and those before that one", NULL, 0, 0},
	    {"salvage", OPTION_FLAG, &s->salvage, NULL, NULL,
		"of compressed FILEs that are cut or damaged, load what stands "
		"before that",
		NULL, 0, 0},
	    {"long", OPTION_FLAG, &s->wide, NULL, NULL,
		"read zstd's windows up to 2 GiB, which take as much memory",
		NULL, 0, 0},
	    {"retry-rejected", OPTION_FLAG, &s->retry_rejected, NULL, NULL,
		"load the rejected events of the spool, or of FILEs, again",
		NULL, 0, 0},
	    {"rejected-dir", OPTION_STRING, &s->rejected_dir, NULL, "DIR",
		"where FILEs' rejected events go, if not to the spool", NULL, 0,
		0},
	    {"progress", OPTION_ENUM, &s->progress, "auto", NULL,
		"show a progress bar on stderr; auto: on a terminal",
		"auto|always|never", 0, 0},
	    {"report", OPTION_ENUM, &s->report, "text", NULL,
		"how FILEs are summed up on stdout: a line, or a JSON object",
		"text|json", 0, 0},
	    OPTION_HEADING_ROW("Tables"),
	    {"table", OPTION_STRING, &s->db.table, "logs", "NAME",
		"table of the events; or of many: logs_{event}, logs_%Y%m%d",
		NULL, 0, 0},
	    {"tables", OPTION_STRING, &s->tables, NULL, "WORD[,WORD]...",
		"what the {member} in --table may be; with *, ? and [] a "
		"pattern",
		NULL, 0, 0},
	    {"tables-max", OPTION_COUNT, &s->tables_max, "64", "N",
		"most of these values, and tables at a time", NULL, 1, 1000},
	    {"table-other", OPTION_STRING, &s->db.other_table, "logs", "NAME",
		"table of events that have none of these; rejected/: they are "
		"rejected",
		NULL, 0, 0},
	    {"ledger", OPTION_STRING, &s->db.ledger, "log_files", "NAME",
		"table of the files", NULL, 0, 0},
	    {"column", OPTION_LIST, &s->column_specs, NULL, "NAME=PATH:TYPE",
		"add a column, or replace the one of that "
		"name; NAME= takes it away",
		NULL, 0, 0},
	    {"columns", OPTION_LIST, &s->column_files, NULL, "FILE",
		"the same for each line of a file, before --column", NULL, 0,
		0},
	    {"rename", OPTION_LIST, &s->renames, NULL, "OLD=NEW",
		"another name for received_at, file_id, line or payload", NULL,
		0, 0},
	    {"evolve", OPTION_FLAG, &s->db.evolve, NULL, NULL,
		"add columns that the table lacks", NULL, 0, 0},
	    {"payload-type", OPTION_STRING, &s->payload_type, NULL, "TYPE",
		"type of the payload when the table is made, such as jsonb "
		"[one that keeps the text]",
		NULL, 0, 0},
	    {"index", OPTION_LIST, &s->indexes, NULL, "COLUMN[,COLUMN]...",
		"add an index when the table is made", NULL, 0, 0},
	    {"unique", OPTION_LIST, &s->uniques, NULL, "COLUMN[,COLUMN]...",
		"make the table with a unique key of these; an event that has "
		"it twice is rejected",
		NULL, 0, 0},
	    {"partition", OPTION_ENUM, &s->db.period, "none", NULL,
		"divide the table by received_at, in UTC: make what is missing",
		"none|hour|day|month", 0, 0},
	    {"partition-else", OPTION_ENUM, &s->partition_else, "reject", NULL,
		"what becomes of an event whose time is far from now",
		"reject|catch-all", 0, 0},
	    {"retain", OPTION_DURATION, &s->db.retain_ns, "0", "TIME",
		"for how long events stay in the table; 0: for ever", NULL, 0,
		36500 * 86400ULL * SECOND},
	    {"print-schema", OPTION_FLAG, &s->print_schema, NULL, NULL,
		"print the statements that make the tables, and exit", NULL, 0,
		0},
	    OPTION_HEADING_ROW("Limits"),
	    {"jobs", OPTION_COUNT, &s->jobs, "1", "N",
		"how many files are loaded at a time", NULL, 1, 64},
	    {"rate", OPTION_COUNT, &s->rate, "0", "N",
		"most events a second, of all jobs; 0: no limit", NULL, 0,
		1000000000},
	    {"chunk", OPTION_SIZE, &s->chunk, "64MiB", "SIZE",
		"most of a file in one transaction", NULL, CHUNK_LEAST,
		1ULL << 40},
	    {"max-event", OPTION_SIZE, &s->max_event, "16MiB", "SIZE",
		"largest event; larger ones are rejected", NULL, 1024,
		1ULL << 30},
	    {"max-depth", OPTION_COUNT, &s->max_depth, "1024", "N",
		"deepest nesting; deeper events are rejected", NULL, 1,
		JSON_DEPTH_MOST},
	    OPTION_HEADING_ROW("Output"),
	    {"log-level", OPTION_ENUM, &s->log_level, "info", NULL,
		"least important lines that are shown", "error|warn|info|debug",
		0, 0},
	    {NULL, OPTION_FLAG, NULL, NULL, NULL, NULL, NULL, 0, 0},
	};

	_Static_assert(sizeof(all) / sizeof(all[0]) <= SETTINGS_OPTIONS_MAX,
	    "the table is too small");
	memcpy(table, all, sizeof(all));
}

int
settings_usage(struct error *err, const char *option)
{
	struct error why = *err;

	(void)error_set(err, "--%s: %s", option, why.text);
	err->code = why.code; /* ENOMEM is no wrong usage */
	return EX_USAGE;
}

static int
complete_url(struct settings *s, struct error *err)
{
	const char *variable = getenv("LOGLOAD_DB");

	if (s->url == NULL) {
		s->db.driver = db_default_driver(&s->db, &s->db_given);
		if (s->db.driver != NULL)
			return 0;
		(void)error_set(err, "this logload was built for no database");
		return settings_usage(err, "db");
	}
	s->db_given = true;
	if (url_parse(s->url, &s->db, &s->url_copy, err) < 0)
		return settings_usage(err, "db");
	/* Arguments are for every user of the machine to see. */
	if (s->db.password != NULL &&
	    (variable == NULL || strcmp(variable, s->url) != 0)) {
		(void)error_set(err, "a password must not be an argument; use "
				     "--db-password-file or "
				     "LOGLOAD_DB_PASSWORD");
		return settings_usage(err, "db");
	}
	return 0;
}

/* Of two that differ the later one is taken, as of mysql's own options. */
static void
take_password(struct settings *s, const char *password, const char *source,
    const char **before)
{
	const char *other = s->db.password;

	if (other != NULL && strcmp(other, password) != 0)
		log_warn("the password of %s is not used: %s has another one",
		    *before, source);
	s->db.password = password;
	*before = source;
}

static int
complete_password(struct settings *s, struct error *err)
{
	const char *before = "LOGLOAD_DB";

	if (s->password_variable != NULL)
		take_password(
		    s, s->password_variable, "LOGLOAD_DB_PASSWORD", &before);
	if (s->password_file == NULL)
		return 0;
	if (option_secret_file(s->password_file, &s->password, err) < 0) {
		/* None is given: Compose has no other way to say so. */
		if (err->code == ENODATA)
			return 0;
		(void)settings_usage(err, "db-password-file");
		return EX_CONFIG;
	}
	take_password(s, s->password,
	    "--db-password-file (LOGLOAD_DB_PASSWORD_FILE)", &before);
	return 0;
}

static int
complete_ssl(struct settings *s, struct error *err)
{
	static const char *const modes[] = {"disabled", "preferred", "required",
	    "verify_ca", "verify_identity", NULL};
	struct db_config *c = &s->db;
	bool given = s->ssl_mode != NULL && *s->ssl_mode != '\0';
	const char *wish = given ? s->ssl_mode : c->ssl_mode;

	c->ssl_mode = wish;
	c->ssl = DB_SSL_PREFERRED;
	if (wish != NULL) {
		int i = 0;

		while (modes[i] != NULL && strcasecmp(modes[i], wish) != 0)
			i++;
		if (modes[i] == NULL) {
			(void)error_set(err,
			    "'%s' is not one of disabled, preferred, required, "
			    "verify_ca, verify_identity",
			    wish);
			return settings_usage(err, "ssl-mode");
		}
		c->ssl = (enum db_ssl)i;
	}
	/* An address that the driver has whole may name them in its own way. */
	if (c->ssl >= DB_SSL_VERIFY_CA && c->ssl_ca == NULL &&
	    c->rest == NULL) {
		(void)error_set(err, "%s needs ssl-ca= in --db", wish);
		return settings_usage(err, "ssl-mode");
	}
	return 0;
}

static int
check_name(struct settings *s, struct error *err)
{
	char clean[PATH_MAX] = "";

	if (s->name == NULL)
		return 0;
	(void)snprintf(clean, sizeof(clean), "%s", s->name);
	naming_clean(clean);
	if (*clean != '\0' && strcmp(clean, s->name) == 0)
		return 0;
	(void)error_set(err,
	    "'%s' is no name: text without '/', of 1 to %d "
	    "bytes",
	    s->name, NAMING_MAX);
	return settings_usage(err, "name");
}

static int
complete_span(struct settings *s, struct error *err)
{
	uint64_t now_us = clock_wall_us();

	s->span = (struct span){INT64_MIN, INT64_MAX};
	if (s->since != NULL &&
	    span_parse(s->since, now_us, &s->span.from, err) < 0)
		return settings_usage(err, "since");
	if (s->until != NULL &&
	    span_parse(s->until, now_us, &s->span.to, err) < 0)
		return settings_usage(err, "until");
	if (s->span.from < s->span.to)
		return 0;
	(void)error_set(err, "'%s' is not after --since", s->until);
	return settings_usage(err, "until");
}

/* A my.cnf that was asked for must be there. */
static int
check_defaults(struct settings *s, struct error *err)
{
	const char *path = s->db.defaults_file;

	if (path == NULL || access(path, R_OK) == 0)
		return 0;
	(void)error_errno(err, "read %s", path);
	(void)settings_usage(err, "defaults-file");
	return EX_CONFIG;
}

/*
 * What logrecv has acknowledged must not be too large for us. Its limit, which
 * is for an event as it came, without the stamp that it adds, is known where we
 * are started with its variables, as pipeline.sh does.
 */
static int
fit_max_event(struct settings *s, struct error *err)
{
	const char *theirs = getenv("LOGRECV_MAX_EVENT");
	struct error why;
	uint64_t bytes;

	if (s->spool == NULL || theirs == NULL || *theirs == '\0' ||
	    option_size(theirs, &bytes, &why) < 0)
		return 0;
	if (bytes > s->max_event) {
		(void)error_set(err,
		    "LOGRECV_MAX_EVENT (%s) is over it: events that logrecv "
		    "has acknowledged would be rejected",
		    theirs);
		return settings_usage(err, "max-event");
	}
	if (s->max_event - bytes < STAMP_MAX)
		s->max_event = bytes + STAMP_MAX;
	return 0;
}

int
settings_complete(struct settings *s, struct error *err)
{
	static int (*const steps[])(struct settings *, struct error *) = {
	    complete_url, complete_password, complete_ssl, settings_tables,
	    check_name, complete_span, check_defaults, fit_max_event, NULL};
	struct db_config *c = &s->db;

	c->look_only = s->dry_run || s->check;
	for (int i = 0; steps[i] != NULL; i++) {
		int status = steps[i](s, err);

		if (status != 0)
			return status;
	}
	if (c->driver->one_writer)
		s->jobs = 1;
	return 0;
}

void
settings_release(struct settings *s)
{
	route_free(s->route);
	columns_release(&s->columns);
	free(s->url_copy);
	option_list_release(&s->column_specs);
	option_list_release(&s->column_files);
	option_list_release(&s->renames);
	option_list_release(&s->indexes);
	option_list_release(&s->uniques);
	if (s->password != NULL)
		explicit_bzero(s->password, strlen(s->password));
	free(s->password);
	s->password = NULL;
}
