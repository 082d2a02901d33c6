/*
 * logload - loads files of events into the database, exactly once.
 *
 * The way of an event leads through three rooms:
 *
 *   input/   file, lines, event: what a file may be is told by unpack.h
 *   row/     event, columns, batch: the types of columns are in columns.h
 *   db/      batch, driver: README.md tells how to add a database
 *
 * Here are those who follow a spool or load by hand (follow.c, hand.c), take a
 * file from ready/ (ready.c), load one file (load.c), remind a database that
 * forgets (settle.c), remove what is too old (retain.c), set events aside and
 * load them again (reject.c, retry.c), look at a spool (check.c), and wait for
 * the database (patience.c).
 */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sysexits.h>
#include <unistd.h>

#include "buf.h"
#include "check.h"
#include "clock.h"
#include "db/tables.h"
#include "follow.h"
#include "hand.h"
#include "log.h"
#include "report.h"
#include "secret.h"
#include "settings.h"
#include "spool.h"
#include "stop.h"

static const char synopsis[] = "--db=URL --spool=DIR [option]...\n"
			       "       logload --db=URL [option]... "
			       "FILE...|DIR...|-\n"
			       "       logload --db=URL --retry-rejected "
			       "[option]... --spool=DIR|FILE...\n"
			       "       logload --check [--watch] --spool=DIR "
			       "[--db=URL] [option]...";

static const char summary[] =
    "Loads events, as NDJSON or other JSON, plain, .gz or .zst, into a SQL\n"
    "database, each file exactly once. Without FILE, follows DIR/ready for\n"
    "ever.";

static const char epilogue[] =
    "Exit status: 0 all is loaded, or all is well; 64 usage; 65 some events\n"
    "were rejected, or --check has found something wrong; 74 a file cannot be\n"
    "read or written; 75 try again, the database is away or a signal came\n"
    "first; 78 the database refuses: schema, rights, password; or others may\n"
    "write to the spool.";

#define WATCH_NS (2 * CLOCK_NS_PER_S)

/* What the signal handler reaches. */
static struct stop stop;

/* The first signal asks, the second one ends us as if we had no handler. */
static void
on_signal(int number)
{
	static volatile sig_atomic_t before;

	if (before) {
		(void)signal(number, SIG_DFL);
		(void)raise(number);
		return;
	}
	before = 1;
	stop_ask(&stop);
}

/* --check, which changes nothing, ends at a signal as if we had no handler. */
static int
catch_signals(const struct settings *s, struct error *err)
{
	struct sigaction action = {
	    .sa_handler = on_signal, .sa_flags = SA_RESTART};

	(void)sigemptyset(&action.sa_mask); /* cannot fail */
	if (stop_init(&stop, err) < 0)
		return -1;
	if (s->check)
		action.sa_handler = SIG_DFL;
	if (sigaction(SIGTERM, &action, NULL) < 0 ||
	    sigaction(SIGINT, &action, NULL) < 0 ||
	    signal(SIGPIPE, SIG_IGN) == SIG_ERR ||
	    signal(SIGIO, SIG_IGN) == SIG_ERR) /* see spool_find_writer */
		return error_errno(err, "set a signal handler");
	return 0;
}

static int
print_schema(const struct settings *s)
{
	struct buf tables = {0}, text = {0};
	const char *one = s->db.table;
	int rc = s->route != NULL ? route_names(s->route, &tables)
				  : buf_append(&tables, one, strlen(one) + 1);

	if (rc == 0)
		rc = buf_append(&tables, "", 1);
	if (rc == 0)
		rc = tables_schema(&s->db, tables.data, &text);
	buf_release(&tables);
	if (rc == 0 && (fwrite(text.data, 1, text.len, stdout) != text.len ||
			   fflush(stdout) != 0))
		rc = -1;
	buf_release(&text);
	if (rc < 0)
		log_error("print the schema: it could not be written");
	return rc < 0 ? EX_IOERR : EX_OK;
}

/* What cannot go together, or is missing. */
static int
check_usage(
    const struct settings *s, char *const *paths, int count, struct error *err)
{
	bool files = count > 0, timed = s->since != NULL || s->until != NULL;

	if (s->print_schema)
		return 0;
	if (s->watch && !s->check)
		return error_set(err, "--watch goes with --check");
	if (s->check) {
		if (files || s->spool == NULL || s->once || s->force ||
		    s->dry_run || s->retry_rejected)
			return error_set(err, "--check goes with --spool, and "
					      "with nothing else to do");
		return 0;
	}
	if (!files && s->spool == NULL)
		return error_set(err, "nothing to load: give --spool, a FILE, "
				      "or - for standard input");
	if (s->retry_rejected &&
	    (s->once || s->force || s->rejected_dir != NULL))
		return error_set(err, "--retry-rejected goes without --once, "
				      "--force and --rejected-dir");
	if (!files &&
	    ((s->dry_run && !s->retry_rejected) || s->force || s->salvage))
		return error_set(
		    err, "--dry-run, --force and --salvage are for FILEs");
	if (timed && !files && !s->retry_rejected)
		return error_set(err, "--since and --until are for FILEs");
	for (int i = 0; timed && i < count; i++) {
		if (strcmp(paths[i], "-") == 0)
			return error_set(err, "--since and --until go by the "
					      "time in a name: - has none");
	}
	if (s->name != NULL && (count != 1 || s->retry_rejected))
		return error_set(err, "--name is for one FILE, or -");
	if (files && s->once)
		return error_set(err, "--once is for a spool, without FILEs");
	if (!s->db_given && !s->dry_run)
		return error_set(err, "where is the database? give --db");
	return 0;
}

/*
 * Opens a spool without making anything. What cannot be opened of it stands as
 * the errno, negated.
 */
static int
look_at_spool(struct spool *spool, const char *path, struct error *err)
{
	int root = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	if (root < 0) {
		(void)error_errno(err, "open spool %s", path);
		return -1;
	}
	(void)snprintf(spool->path, sizeof(spool->path), "%s", path);
	for (int i = 0; i < SPOOL_PLACES; i++) {
		spool->dir[i] =
		    openat(root, spool_place_name((enum spool_place)i),
			O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);
		if (spool->dir[i] < 0)
			spool->dir[i] = -errno;
	}
	(void)close(root); /* only read from */
	return 0;
}

static int
open_spool(struct spool *spool, const struct settings *s, bool follow,
    struct error *err)
{
	if (s->spool == NULL)
		return 0;
	if (!s->dry_run && !s->check && !s->retry_rejected) {
		int rc = spool_open(spool, s->spool, err);

		return rc == 0 && follow ? spool_try(spool, SPOOL_LOAD, err)
					 : rc;
	}
	if (look_at_spool(spool, s->spool, err) < 0)
		return -1;
	/* One without rejected/ is none, and nothing to be made on a typo. */
	if (s->retry_rejected && spool->dir[SPOOL_REJECTED] < 0) {
		errno = -spool->dir[SPOOL_REJECTED];
		(void)error_errno(err, "open %s/rejected", s->spool);
		spool_close(spool);
		return -1;
	}
	return 0;
}

/* --check, once or, with --watch, until a signal, or nobody reads it. */
static int
check(const struct settings *s, struct spool *spool)
{
	struct error err;
	int status;

	for (;;) {
		if (s->watch && isatty(STDOUT_FILENO))
			(void)fputs("\033[H\033[2J", stdout); /* clears it */
		status = check_run(s, spool, &stop);
		if (!s->watch || ferror(stdout) || stop_wait(&stop, WATCH_NS))
			return status;
		/* What was missing of it may be there now. */
		spool_close(spool);
		if (look_at_spool(spool, s->spool, &err) < 0) {
			log_error("%s", err.text);
			return EX_IOERR;
		}
	}
}

static int
run(const struct settings *s, char **files, int count)
{
	struct spool spool;
	bool by_hand = count > 0 || s->retry_rejected;
	struct error err;
	int status;

	if (catch_signals(s, &err) < 0 ||
	    open_spool(&spool, s, !by_hand, &err) < 0) {
		log_error("%s", err.text);
		status = err.code == EPERM ? EX_CONFIG : EX_IOERR;
		if (by_hand)
			report_early(s, status);
		return status;
	}
	if (db_start() < 0) {
		log_error("start the database's client library: no memory");
		return EX_TEMPFAIL;
	}
	if (s->check)
		status = check(s, &spool);
	else if (by_hand)
		status = hand_run(
		    s, s->spool != NULL ? &spool : NULL, &stop, files, count);
	else
		status = follow_run(s, &spool, &stop);
	if (by_hand && stop_asked(&stop))
		_exit(status); /* a thread may be left in the midst of work */
	db_stop();
	if (s->spool != NULL)
		spool_close(&spool);
	stop_release(&stop);
	return status;
}

int
main(int argc, char **argv)
{
	struct settings settings = {.url = NULL};
	struct option_spec options[SETTINGS_OPTIONS_MAX];
	struct option_tool tool = {.name = "logload",
	    .synopsis = synopsis,
	    .summary = summary,
	    .epilogue = epilogue,
	    .options = options,
	    .takes_arguments = true};
	struct error err;
	int first = 0, status;

	secret_keep();
	settings_table(&settings, options);
	switch (options_parse(&tool, argc, argv, &first, &err)) {
	case OPTIONS_DONE:
		return EX_OK;
	case OPTIONS_USAGE:
		return options_usage(&tool, &err);
	case OPTIONS_RUN:
		break;
	}
	log_init("logload", (enum log_level)settings.log_level);
	status = settings_complete(&settings, &err);
	if (status == EX_CONFIG)
		log_error("%s", err.text);
	else if (status != 0 ||
		 check_usage(&settings, argv + first, argc - first, &err) < 0)
		status = options_usage(&tool, &err);
	else if (settings.print_schema)
		status = print_schema(&settings);
	else
		status = run(&settings, argv + first, argc - first);
	settings_release(&settings);
	return status;
}
