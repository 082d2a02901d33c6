/*
 * hand_load.c - one file that was named: a worker's work. Such files are never
 * removed or changed.
 */
#include <errno.h>
#include <fcntl.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "clock.h"
#include "hand.h"
#include "identity.h"
#include "log.h"
#include "naming.h"

#define CLAIM_AGAIN_NS (100 * CLOCK_NS_PER_MS)

/*
 * Waits until no other process on this machine is at the file: a log that grows
 * is another content for each of them, and the ledger knows of neither before
 * its first commit. A name of unix(7) without a file is free again when we end,
 * however that is, and, unlike a lock, is in the way of nobody who writes the
 * log. Returns a descriptor, or -1 where that cannot be had: then it is as if
 * nobody was there.
 */
static int
claim_file(struct hand *h, int file, const char *path)
{
	struct sockaddr_un name = {.sun_family = AF_UNIX};
	socklen_t len = offsetof(struct sockaddr_un, sun_path) + 1;
	bool told = false;
	struct stat st;
	int fd;

	if (fstat(file, &st) < 0 || !S_ISREG(st.st_mode))
		return -1;
	len += (socklen_t)snprintf(name.sun_path + 1, sizeof(name.sun_path) - 1,
	    "logload/%llx/%llx", (unsigned long long)st.st_dev,
	    (unsigned long long)st.st_ino);
	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	while (fd >= 0 && bind(fd, (struct sockaddr *)&name, len) < 0 &&
	       errno == EADDRINUSE) {
		if (!told)
			log_info("it is being loaded already, and is waited "
				 "for: file=%s",
			    path);
		told = true;
		if (stop_wait(h->run.stop, CLAIM_AGAIN_NS))
			break;
	}
	return fd;
}

/* *claim: see above; also where it fails. */
static int
open_path(struct hand *h, struct source *s, const char *path, int *claim,
    struct error *err)
{
	struct error why;
	int fd;

	if (strcmp(path, "-") == 0) {
		fd = fcntl(STDIN_FILENO, F_DUPFD_CLOEXEC, 0);
	} else {
		/* A FIFO is waited for where a signal is seen: at its read. */
		fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
		if (fd >= 0)
			(void)fcntl(fd, F_SETFL, 0); /* cannot fail */
	}
	if (fd < 0 && errno == ENOENT && strpbrk(path, "*?[") != NULL)
		return error_set(err,
		    "open %s: there is no such file, and none that it matches "
		    "as a pattern",
		    path);
	if (fd < 0)
		return error_errno(err, "open %s", path);
	/* Before its size is looked at: others may load more than that. */
	if (!h->run.settings->dry_run)
		*claim = claim_file(h, fd, path);
	if (source_open(s, fd, h->run.stop->fd, &why) < 0)
		return error_set(err, "open %s: %s", path, why.text);
	return 0;
}

static void
refused(void *context, const struct line *line, const char *reason)
{
	const struct worker *w = context;
	const struct hand *h = w->crew->context;
	const char *path = w->name;

	if (h->run.settings->report == REPORT_JSON) {
		log_warn("would be rejected: file=%s line=%llu offset=%llu %s",
		    path, (unsigned long long)line->number,
		    (unsigned long long)line->offset, reason);
		return;
	}
	/* stdout is the answer; a failure to print it shows at the end. */
	(void)printf("%s:%llu: offset=%llu %s\n", path,
	    (unsigned long long)line->number, (unsigned long long)line->offset,
	    reason);
}

enum load_verdict
hand_dry_run(struct worker *w, struct load *load)
{
	struct db_file *file = &load->file;
	enum load_verdict verdict;
	bool any = false;

	if (w->loader.db != NULL) {
		verdict = trial_find(&w->trial, &w->loader, load->name, file,
		    &any, &load->error);
		if (verdict != LOAD_DONE)
			return verdict;
	}
	if (any && file->loaded && load->sum == NULL)
		return load_known(load, file);
	if (any && !load->stream) { /* the rest */
		load->at = file->progress;
		load->lines = file->lines;
	}
	verdict = load_check(load, refused, w);
	return verdict == LOAD_DONE && any && file->loaded &&
		       load->tally.events + load->tally.rejected == 0
		   ? LOAD_SKIPPED
		   : verdict;
}

enum load_verdict
hand_load(struct worker *w, struct load *load)
{
	struct hand *h = w->crew->context;
	enum load_verdict verdict;

	do {
		if (!trial_connect(&w->trial, &w->loader, &verdict)) {
			load->error = w->loader.db->error;
			return verdict;
		}
		if (!h->run.settings->retry_rejected)
			retain_turn(&h->run.retain, w->loader.db);
		verdict = load_run(load);
		if (!load_may_try_again(verdict)) {
			trial_succeeded(&w->trial);
			return verdict;
		}
	} while (trial_failed(&w->trial, verdict, &load->error));
	return verdict;
}

void
hand_tell_stopped(const char *path)
{
	log_warn("stopped in the midst of a file, what is not committed is "
		 "rolled back: file=%s",
	    path);
}

/*
 * Is it us who have ended it, told by a signal? Whatever the database says
 * then, the connection may have been broken by us.
 */
static bool
is_stopped(struct hand *h, enum load_verdict verdict, const struct error *why)
{
	return stop_asked(h->run.stop) &&
	       (load_may_try_again(verdict) ||
		   (verdict == LOAD_IO && why->code == EINTR));
}

void
hand_fail(struct hand *h, const char *path, enum load_verdict verdict,
    const struct error *why)
{
	if (stop_asked(h->run.stop) || why->code == EAGAIN)
		run_note(&h->run, OUTCOME_STOPPED);
	else if (verdict == LOAD_SCHEMA || verdict == LOAD_REFUSED)
		run_note(&h->run, OUTCOME_SCHEMA);
	else if (verdict == LOAD_PASSING || verdict == LOAD_CONFLICT)
		run_note(&h->run, OUTCOME_AWAY);
	else if (verdict == LOAD_UNFIT)
		run_note(&h->run, OUTCOME_REJECTED);
	else
		run_note(&h->run, OUTCOME_IO);
	if (is_stopped(h, verdict, why))
		hand_tell_stopped(path);
	else
		log_error("load %s: %s", path, why->text);
}

void
hand_fail_early(struct hand *h, const char *path, enum load_verdict verdict,
    const struct error *why)
{
	if (is_stopped(h, verdict, why))
		report_none(&h->report, path, "stopped", NULL);
	else
		report_none(&h->report, path, "failed", why);
	hand_fail(h, path, verdict, why);
}

/* Can it be read only once, with nothing to tell that it was before? */
static bool
is_nameless(const struct load *load)
{
	return load->stream && !load->waits;
}

static void
tell_name(const struct load *load, const char *path)
{
	if (is_nameless(load) && load->at > 0)
		log_warn("what is loaded of it, %llu bytes, is loaded twice if "
			 "it is given again without --name=%s file=%s",
		    (unsigned long long)load->at, load->name, path);
}

/* A file that cannot be opened or named; the others can. */
static bool
pass_by(struct hand *h, const char *path, const struct error *why)
{
	run_note(&h->run, OUTCOME_IO);
	log_error("%s", why->text);
	report_none(&h->report, path, "failed", why);
	return true;
}

/* Leaves a file for a later turn, if there will be one. */
static bool
put_later(struct hand *h, const char *path)
{
	char *copy;
	size_t i;

	if (h->is_later || strcmp(path, "-") == 0 ||
	    (copy = strdup(path)) == NULL)
		return false;
	i = atomic_fetch_add(&h->later_count, 1);
	h->later_rows[i] = meter_get(&h->run.meters, METER_EVENTS_LOADED);
	h->later[i] = copy;
	return true;
}

void
hand_conclude(struct hand *h, const struct load *load, const char *path,
    enum load_verdict verdict)
{
	const struct load_tally *t = &load->tally;
	const char *would = h->run.settings->dry_run ? "would be " : "";
	bool stopped = is_stopped(h, verdict, &load->error), later;

	h->file_bytes += load->source->size;
	h->loaded_bytes += verdict == LOAD_DONE ? load->source->size : 0;
	if (t->rejected > 0)
		run_note(&h->run, OUTCOME_REJECTED);
	if (load->chunk.waiting > 0)
		log_info("the last line is not whole, and waits for the next "
			 "run: file=%s bytes=%llu",
		    path, (unsigned long long)load->chunk.waiting);
	later = verdict == LOAD_REFUSED && put_later(h, path);
	report_load(
	    &h->report, load, path, stopped ? LOAD_STOPPED : verdict, later);
	switch (verdict) {
	case LOAD_DONE:
		h->report.loaded++;
		log_info("%sloaded: file=%s events=%llu rejected=%llu "
			 "name=%s",
		    would, path, (unsigned long long)t->events,
		    (unsigned long long)t->rejected, load->name);
		return;
	case LOAD_SKIPPED:
		h->report.skipped++;
		log_info("%sskipped, it was loaded before: file=%s name=%s "
			 "table=%s",
		    would, path, load->name,
		    load->file.table[0] != '\0' ? load->file.table
						: h->run.settings->db.table);
		return;
	case LOAD_STOPPED:
		run_note(&h->run, OUTCOME_STOPPED);
		log_warn("stopped within a file; run again%s to go on: "
			 "file=%s bytes=%llu",
		    is_nameless(load) ? " with its --name" : "", path,
		    (unsigned long long)load->at);
		tell_name(load, path);
		return;
	case LOAD_REFUSED:
		if (later)
			log_warn("left for later: file=%s %s", path,
			    load->error.text);
		else
			hand_fail(h, path, verdict, &load->error);
		return;
	default:
		hand_fail(h, path, verdict, &load->error);
		tell_name(load, path);
	}
}

bool
hand_goes_on(enum load_verdict verdict)
{
	return !load_may_try_again(verdict) && verdict != LOAD_STOPPED;
}

/* Of an open file: is there to be another one after it? */
static bool
load_source(
    struct hand *h, struct worker *w, const char *path, struct source *source)
{
	const struct settings *s = h->run.settings;
	enum load_verdict verdict;
	struct identity id;
	struct load load;
	struct error err;

	source->hashed = &w->loader.hashed;
	source->unpack.salvage = s->salvage;
	source->unpack.wide = s->wide;
	/* Copies of it may be at hand: one is loaded before the next is looked
	 * up. */
	do {
		verdict = identity_find(&id, w, &h->kin, s,
		    s->dry_run ? NULL : h->run.spool, path, source, &err);
	} while (verdict == LOAD_DONE && id.by_content &&
		 crew_claim(w, id.sum.all.sha256));
	if (verdict != LOAD_DONE && verdict != LOAD_SKIPPED) {
		hand_fail_early(h, path, verdict, &err);
		return hand_goes_on(verdict);
	}
	identity_load(&id, &load, &w->loader, source);
	load.witnessed = h->is_later;
	if (is_nameless(&load) && !s->dry_run)
		log_info("if this is interrupted, go on with --name=%s file=%s",
		    id.name, path);
	if (verdict == LOAD_DONE)
		verdict =
		    s->dry_run ? hand_dry_run(w, &load) : hand_load(w, &load);
	if (id.by_content && load.tally.bytes > 0 && !s->dry_run)
		kin_add(&h->kin, &load.file);
	hand_conclude(h, &load, path, verdict);
	loader_rest(&w->loader);
	return hand_goes_on(verdict);
}

/* A file that cannot be read does not keep the others from being loaded. */
bool
hand_file(void *context, struct worker *w, const char *path)
{
	struct hand *h = context;
	struct source source = {.fd = -1};
	struct error err;
	int claim = -1;
	bool more;

	if (stop_asked(h->run.stop))
		return false;
	/* It would be in the ledger with a part of its events alone. */
	if (!h->run.settings->dry_run && naming_is_being_written(path)) {
		(void)error_set(&err,
		    "load %s: a writer may add to it; wait for logbatch or run "
		    "logbatch --once",
		    path);
		return pass_by(h, path, &err);
	}
	if (open_path(h, &source, path, &claim, &err) < 0) {
		more = pass_by(h, path, &err);
	} else {
		more = !stop_asked(h->run.stop) &&
		       load_source(h, w, path, &source);
		source_close(&source);
	}
	if (claim >= 0)
		(void)close(claim); /* holds nothing */
	return more;
}
