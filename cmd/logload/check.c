/*
 * check.c - see check.h.
 *
 * One pass over each directory, a file at a time, so memory does not grow with
 * the spool.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sysexits.h>
#include <unistd.h>

#include "age.h"
#include "check.h"
#include "clock.h"
#include "log.h"
#include "metrics.h"
#include "naming.h"
#include "retry.h"
#include "run.h"

#define TAIL_MAX 4096 /* bytes of a torn tail that are looked at */
#define FULL_TENTHS 9 /* of --rejected-limit: time to look */

/* Of one directory. */
struct totals {
	uint64_t files, bytes, events, written, oldest_us;
};

struct check {
	struct run run;
	struct age age;
	enum spool_place place; /* being looked at */
	struct totals totals;
	bool asks; /* the ledger */
	uint64_t wrong, notes;
};

/* One file, with what was found in it. */
struct found {
	struct check *check;
	const char *name;
	struct source *source;
	struct load load;
	uint64_t bad, line, offset;  /* lines that are no events; the first */
	char reason[ERROR_TEXT_MAX]; /* of that */
};

static void check_place(struct check *, enum spool_place);
static void cannot_read(struct check *, const char *name, const struct error *);
static void check_entry(struct check *, const char *name);
static void check_hidden(struct check *, const char *name, uint64_t bytes);
static void check_metrics(struct check *, const char *name);
static void check_events(struct check *, const char *name);
static void check_rejected(struct check *, const char *name);
static void read_events(struct found *);
static bool ask(struct check *, const char *name, struct db_file *, bool *any);

int
check_run(const struct settings *s, struct spool *spool, struct stop *stop)
{
	struct check *c = calloc(1, sizeof(*c));
	struct error err;
	int status;

	if (c == NULL) {
		log_error("out of memory");
		return EX_OSERR;
	}
	if (run_init(&c->run, s, spool, stop, NULL, -1, "", &err) < 0) {
		log_error("%s", err.text);
		free(c);
		return EX_OSERR;
	}
	c->run.patience.most_ns = s->wait_ns;
	age_init(&c->age, spool, s->settle_ns / 1000);
	c->asks = s->db_given;
	for (int i = 0; i < SPOOL_PLACES && !stop_asked(stop); i++)
		check_place(c, (enum spool_place)i);
	if (stop_asked(stop))
		run_note(&c->run, OUTCOME_STOPPED);
	if (c->wrong > 0)
		run_note(&c->run, OUTCOME_REJECTED);
	(void)printf("checked: wrong=%llu notes=%llu ledger=%s\n",
	    (unsigned long long)c->wrong, (unsigned long long)c->notes,
	    c->asks ? "asked" : "not-asked");
	if (fflush(stdout) != 0 || ferror(stdout)) {
		log_error("write to stdout: %s", strerror(errno));
		run_note(&c->run, OUTCOME_IO);
	}
	status = run_end(&c->run).status;
	run_release(&c->run);
	free(c);
	return status;
}

/* One finding, a line; what is no printable ASCII is escaped as \xNN. */
static void __attribute__((format(printf, 4, 5)))
tell(struct check *c, bool wrong, const char *name, const char *fmt, ...)
{
	char text[NAME_MAX + ERROR_TEXT_MAX + 256];
	va_list args;
	int n;

	n = snprintf(text, sizeof(text), "%s %s/%s: ", wrong ? "wrong" : "note",
	    spool_place_name(c->place), name);
	va_start(args, fmt);
	(void)vsnprintf(text + n, sizeof(text) - (size_t)n, fmt, args);
	va_end(args);
	for (const char *p = text; *p != '\0'; p++) {
		if (*p >= ' ' && *p <= '~')
			(void)putchar(*p);
		else
			(void)printf("\\x%02x", (unsigned char)*p);
	}
	(void)putchar('\n'); /* failures show at the end */
	*(wrong ? &c->wrong : &c->notes) += 1;
}

/*
 * Places
 */

static void
print_totals(const struct check *c)
{
	const struct totals *t = &c->totals;
	uint64_t now = clock_wall_us(), age = 0;

	if (t->oldest_us != 0 && t->oldest_us < now)
		age = (now - t->oldest_us) / CLOCK_US_PER_S;
	(void)printf("%s: files=%llu bytes=%llu", spool_place_name(c->place),
	    (unsigned long long)t->files, (unsigned long long)t->bytes);
	if (c->place != SPOOL_METRICS)
		(void)printf(" events=%llu oldest_seconds=%llu",
		    (unsigned long long)t->events, (unsigned long long)age);
	if (c->place == SPOOL_BUFFER)
		(void)printf(" open=%llu", (unsigned long long)t->written);
	(void)putchar('\n'); /* failures show at the end */
}

/* Files have to wait for room in rejected/, or records are lost. */
static void
check_limit(struct check *c)
{
	uint64_t limit =
	    room_bound(c->run.spool, c->run.settings->rejected_limit);
	bool drops = c->run.settings->rejected_full == REJECTED_DROP;

	if (limit == 0 || c->totals.bytes < limit / 10 * FULL_TENTHS)
		return;
	tell(c, true, "", "full: bytes=%llu of --rejected-limit (%llu), %s",
	    (unsigned long long)c->totals.bytes, (unsigned long long)limit,
	    drops ? "the oldest records are dropped"
		  : "files wait in ready/ where theirs have no room");
}

/* May there be events that are nowhere else? */
static bool
holds_events(const struct check *c)
{
	return c->place != SPOOL_LOADED && c->place != SPOOL_METRICS;
}

static void
check_place(struct check *c, enum spool_place place)
{
	struct dirent *entry;
	struct error err;
	DIR *dir = NULL;
	int fd = -1;

	c->place = place;
	memset(&c->totals, 0, sizeof(c->totals));
	if (c->run.spool->dir[place] == -ENOENT) {
		tell(c, holds_events(c), "", "there is no such directory");
		return;
	}
	if (c->run.spool->dir[place] < 0) {
		errno = -c->run.spool->dir[place];
		(void)error_errno(&err, "open");
		cannot_read(c, "", &err);
		return;
	}
	/* A descriptor of its own, since a directory stream moves it. */
	fd = openat(
	    c->run.spool->dir[place], ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	dir = fd < 0 ? NULL : fdopendir(fd);
	while (dir != NULL && (errno = 0, entry = readdir(dir)) != NULL) {
		if (stop_asked(c->run.stop)) {
			errno = 0;
			break;
		}
		if (strcmp(entry->d_name, ".") != 0 &&
		    strcmp(entry->d_name, "..") != 0)
			check_entry(c, entry->d_name);
	}
	if (dir == NULL || errno != 0) {
		log_error("list %s/%s: %s", c->run.spool->path,
		    spool_place_name(place), strerror(errno));
		run_note(&c->run, OUTCOME_IO);
	}
	if (dir != NULL)
		(void)closedir(dir); /* only read from */
	else if (fd >= 0)
		(void)close(fd);
	if (place == SPOOL_REJECTED)
		check_limit(c);
	print_totals(c);
}

static bool
is_named_well(const struct check *c, const char *name)
{
	return c->place == SPOOL_BUFFER ? spool_name_parse(name, NULL)
					: spool_name_is_loadable(name);
}

static void
check_entry(struct check *c, const char *name)
{
	uint64_t born_us;
	struct stat st;

	if (fstatat(c->run.spool->dir[c->place], name, &st,
		AT_SYMLINK_NOFOLLOW) < 0)
		return; /* gone meanwhile */
	if (!S_ISREG(st.st_mode)) {
		tell(c, holds_events(c), name, "alien: not a regular file");
		return;
	}
	if (name[0] == '.') {
		check_hidden(c, name, (uint64_t)st.st_size);
		return;
	}
	if (c->place != SPOOL_METRICS && !is_named_well(c, name)) {
		tell(c, holds_events(c), name,
		    "alien: no tool takes a file so named");
		return;
	}
	if (!spool_name_parse(name, &born_us))
		born_us = (uint64_t)st.st_mtim.tv_sec * CLOCK_US_PER_S;
	if (c->totals.oldest_us == 0 || born_us < c->totals.oldest_us)
		c->totals.oldest_us = born_us;
	c->totals.files++;
	c->totals.bytes += (uint64_t)st.st_size;
	if (c->place == SPOOL_METRICS)
		check_metrics(c, name);
	else if (c->place == SPOOL_REJECTED)
		check_rejected(c, name);
	else
		check_events(c, name);
}

/* A file that cannot be opened; SPOOL_WRITER_UNKNOWN if there is none. */
static enum spool_writer
find_writer_of(struct check *c, const char *name)
{
	enum spool_writer writer = SPOOL_WRITER_UNKNOWN;
	int fd = openat(c->run.spool->dir[c->place], name,
	    O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);

	if (fd >= 0) {
		writer = spool_find_writer(fd);
		(void)close(fd); /* only read from */
	}
	return writer;
}

static bool
ends_in(const char *name, const char *ending)
{
	size_t len = strlen(name);

	return naming_cut(name, &len, ending);
}

static void
check_hidden(struct check *c, const char *name, uint64_t bytes)
{
	bool draft = ends_in(name, ".tmp");

	if ((c->place == SPOOL_METRICS && ends_in(name, ".lock")) ||
	    (c->place == SPOOL_READY && (strcmp(name, SPOOL_CLAIMS) == 0 ||
					    strcmp(name, SPOOL_MARK) == 0)))
		return;
	if (draft && find_writer_of(c, name) != SPOOL_WRITER_GONE)
		return;
	tell(c, false, name, "%s: bytes=%llu",
	    draft ? "stray: the draft of a tool that was killed"
		  : "hidden: no tool looks at it",
	    (unsigned long long)bytes);
}

static void
check_metrics(struct check *c, const char *name)
{
	char lock[NAME_MAX + 8];

	if (strcmp(name, METRICS_HISTORY) == 0 || ends_in(name, ".log"))
		return;
	if (!ends_in(name, ".prom")) {
		tell(c, holds_events(c), name,
		    "alien: no tool takes a file so named");
		return;
	}
	(void)snprintf(lock, sizeof(lock), ".%s.lock", name);
	if (find_writer_of(c, lock) == SPOOL_WRITER_GONE)
		tell(c, false, name, "ended: the process that wrote it");
}

/*
 * Events
 */

/* err->code tells whose fault it is. */
static void
cannot_read(struct check *c, const char *name, const struct error *why)
{
	tell(c, true, name, "%s: %s", why->code != 0 ? "unreadable" : "damaged",
	    why->text);
	if (why->code != 0)
		run_note(&c->run, OUTCOME_IO);
}

/* Is it, under its name, what was looked at? Else it has moved on. */
static bool
is_still_there(const struct found *f)
{
	const struct check *c = f->check;
	struct stat named, opened;

	return fstat(f->source->fd, &opened) == 0 &&
	       fstatat(c->run.spool->dir[c->place], f->name, &named,
		   AT_SYMLINK_NOFOLLOW) == 0 &&
	       named.st_ino == opened.st_ino &&
	       (uint64_t)opened.st_size == f->source->size;
}

static void
note_bad(void *context, const struct line *line, const char *reason)
{
	struct found *f = context;

	if (f->bad++ > 0)
		return;
	f->line = line->number;
	f->offset = line->offset;
	(void)snprintf(f->reason, sizeof(f->reason), "%s", reason);
}

/* What follows the last line break; no writer leaves anything binary. */
static void
tell_torn(struct found *f, bool ends)
{
	uint64_t torn = f->load.tally.torn, zeros = 0, other = 0;
	size_t want = torn < TAIL_MAX ? (size_t)torn : TAIL_MAX;
	char tail[TAIL_MAX];
	ssize_t n = pread(f->source->fd, tail, want,
	    (off_t)(f->source->size - (uint64_t)want));

	for (ssize_t i = 0; i < n; i++) {
		zeros += tail[i] == '\0';
		other += (unsigned char)tail[i] < ' ' && tail[i] != '\t';
	}
	tell(f->check, ends && other > zeros && holds_events(f->check), f->name,
	    "torn: bytes=%llu behind the last line break, %s",
	    (unsigned long long)torn,
	    n > 0 && zeros == (uint64_t)n ? "zeros"
	    : other > 0                   ? "binary"
					  : "text");
}

/* Reads all of a file whose load is set up. */
static void
read_events(struct found *f)
{
	struct check *c = f->check;
	enum spool_writer writer = spool_find_writer(f->source->fd);
	enum load_verdict verdict = load_check(&f->load, note_bad, f);
	const struct load_tally *t = &f->load.tally;

	if (c->place == SPOOL_BUFFER && writer == SPOOL_WRITER_THERE)
		c->totals.written++;
	c->totals.events += t->events;
	if (verdict == LOAD_STOPPED)
		return;
	if (c->place == SPOOL_READY && writer == SPOOL_WRITER_THERE &&
	    !spool_name_may_be_torn(f->name)) {
		tell(c, false, f->name,
		    "waits: somebody has it open for writing");
		return;
	}
	if (verdict == LOAD_IO || verdict == LOAD_UNFIT) {
		if (is_still_there(f))
			cannot_read(c, f->name, &f->load.error);
		return;
	}
	if (t->torn > 0 && f->source->plain && is_still_there(f) &&
	    (c->place != SPOOL_BUFFER || writer != SPOOL_WRITER_THERE))
		tell_torn(f, writer == SPOOL_WRITER_GONE);
	if (c->place == SPOOL_REJECTED) {
		c->totals.events += t->kept;
		return;
	}
	if (f->bad > 0 && is_still_there(f))
		tell(c, false, f->name,
		    "not events: lines=%llu first=%llu offset=%llu %s",
		    (unsigned long long)f->bad, (unsigned long long)f->line,
		    (unsigned long long)f->offset, f->reason);
}

/* Will a file of loaded/ that the ledger lacks be loaded again? */
static bool
may_come_back(const struct found *f)
{
	const struct check *c = f->check;
	struct stat st;

	return c->age.for_us > 0 && fstat(f->source->fd, &st) == 0 &&
	       !age_is_archive(
		   &c->age, (uint64_t)st.st_ctim.tv_sec * CLOCK_US_PER_S +
				(uint64_t)st.st_ctim.tv_nsec / 1000);
}

/* What the ledger says of a file in ready/ or loaded/. */
static void
compare_ledger(struct found *f)
{
	char base[SPOOL_NAME_MAX], ledger[LOAD_NAME_MAX + 1];
	struct check *c = f->check;
	const char *name =
	    retry_find_kept(f->name, base, ledger) ? ledger : f->name;
	struct db_file file = {0};
	bool any, over, back;

	if (c->place == SPOOL_BUFFER || !ask(c, name, &file, &any) ||
	    !is_still_there(f))
		return;
	back = may_come_back(f);
	over = f->source->plain && file.progress > f->source->size;
	if (any && (file.loaded || over) &&
	    load_known(&f->load, &file) != LOAD_SKIPPED)
		tell(c, true, f->name, "differs: %s", f->load.error.text);
	else if (c->place == SPOOL_LOADED && !(any && file.loaded))
		tell(c, any && !back, f->name, "%s; %s",
		    any ? "incomplete: the ledger has a part of it"
			: "unknown: the ledger does not have it",
		    back ? "it will be loaded again"
			 : "it has settled, and is not asked about");
	else if (c->place == SPOOL_READY && any && file.loaded)
		tell(c, false, f->name,
		    "loaded before: it will be skipped and put away");
	else if (c->place == SPOOL_READY && any)
		tell(c, false, f->name,
		    "begun: bytes=%llu of %llu are loaded, the rest will be",
		    (unsigned long long)file.progress,
		    (unsigned long long)f->source->size);
}

static void
check_events(struct check *c, const char *name)
{
	struct loader *l = &c->run.crew.workers[0].loader;
	struct found f = {.check = c, .name = name};
	struct source source;
	struct error err;
	int fd = openat(c->run.spool->dir[c->place], name,
	    O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);

	if (fd < 0) {
		(void)error_errno(&err, "open");
		if (err.code != ENOENT)
			cannot_read(c, name, &err);
		return;
	}
	if (source_open(&source, fd, -1, &err) < 0) {
		cannot_read(c, name, &err);
		return;
	}
	f.source = &source;
	load_init(&f.load, l, &source, name, spool_name_may_be_torn(name));
	read_events(&f);
	compare_ledger(&f);
	source_close(&source);
}

static void
check_rejected(struct check *c, const char *name)
{
	struct found f = {.check = c, .name = name};
	char path[PATH_MAX + NAME_MAX];
	struct error err;
	struct retry r;

	(void)snprintf(path, sizeof(path), "%s/%s/%s", c->run.spool->path,
	    spool_place_name(c->place), name);
	switch (retry_open(&r, path, false, &err)) {
	case RETRY_GONE:
		break;
	case RETRY_READY:
		f.source = &r.source;
		retry_load(&r, &f.load, &c->run.crew.workers[0].loader);
		read_events(&f);
		break;
	default:
		cannot_read(c, name, &err);
	}
	retry_close(&r);
}

/* Asks the ledger, until it does not answer. */
static bool
ask(struct check *c, const char *name, struct db_file *file, bool *any)
{
	struct worker *w = &c->run.crew.workers[0];
	enum load_verdict verdict;
	struct error err;

	if (!c->asks)
		return false;
	verdict = trial_find(&w->trial, &w->loader, name, file, any, &err);
	if (verdict == LOAD_DONE)
		return true;
	c->asks = false;
	run_note(
	    &c->run, verdict == LOAD_SCHEMA ? OUTCOME_SCHEMA : OUTCOME_AWAY);
	log_error("ask the ledger: %s", err.text);
	return false;
}
