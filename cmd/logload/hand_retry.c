/*
 * hand_retry.c - files of rejected events, by hand; see retry.h.
 */
#include <string.h>

#include "hand.h"
#include "log.h"
#include "retry.h"

/* A file in which there is nothing to try. */
static void
keep(struct hand *h, const char *path, uint64_t records)
{
	h->report.skipped++;
	report_file(&h->report, &(struct report_file){.path = path,
				    .verdict = "kept",
				    .tally = &(struct load_tally){
					.rejected = records, .kept = records}});
	run_note(&h->run, OUTCOME_REJECTED);
	log_warn("kept, since none of it is an event: file=%s records=%llu",
	    path, (unsigned long long)records);
}

/* A file that is not ours to take, at least not now. */
static void
pass_over(struct hand *h, const char *path, enum retry_state state,
    const struct error *why)
{
	bool gone = state == RETRY_GONE && h->listed;

	report_none(&h->report, path,
	    gone                   ? "skipped"
	    : state == RETRY_LATER ? "later"
				   : "failed",
	    gone ? NULL : why);
	if (gone) {
		h->report.skipped++;
		log_info("somebody else has taken it: file=%s", path);
	} else if (state == RETRY_LATER) {
		run_note(&h->run, OUTCOME_STOPPED);
		log_warn("left for later: file=%s %s", path, why->text);
	} else {
		hand_fail(h, path, LOAD_IO, why);
	}
}

/* Asks the ledger whether its records may be taken. */
static enum load_verdict
find_basis(struct worker *w, struct retry *r, enum retry_state *state,
    struct error *err)
{
	enum load_verdict verdict;
	struct db_file file;
	bool any;

	verdict = trial_find(&w->trial, &w->loader, r->basis, &file, &any, err);
	if (verdict == LOAD_DONE)
		*state = retry_wait(r, any ? &file : NULL, err);
	return verdict;
}

/* Connects, and finds what the records of an older version do not tell. */
static enum load_verdict
find_origin(struct worker *w, struct retry *r, struct error *err)
{
	enum load_verdict verdict;
	struct db_file file;
	bool any;

	verdict =
	    trial_find(&w->trial, &w->loader, r->origin, &file, &any, err);
	if (verdict != LOAD_DONE)
		return verdict;
	if (any)
		r->origin_id = file.id;
	else if (db_file_id(r->origin, &r->origin_id) < 0) {
		(void)error_set(err, "hash: libcrypto refused");
		return LOAD_IO;
	}
	return LOAD_DONE;
}

/* Loaded it is: it goes, unless the database has forgotten what it came of. */
static void
finish(struct hand *h, struct worker *w, struct retry *r, uint64_t opened_ns)
{
	enum retry_state state = RETRY_READY;
	struct error err;

	if (w->loader.db->opened_ns != opened_ns &&
	    find_basis(w, r, &state, &err) != LOAD_DONE)
		return; /* the next try removes it */
	if (state == RETRY_LATER) {
		log_warn("the database has forgotten what the file came of: "
			 "file=%s %s",
		    r->base, err.text);
		retry_undo(r);
	} else if (retry_remove(r, h->run.settings->settle_ns > 0, &err) < 0) {
		log_error("%s", err.text);
		run_note(&h->run, OUTCOME_IO);
	}
}

/*
 * Loads what can be of a file that was taken, and removes it. Shall there be
 * another one after it?
 */
static bool
load_again(struct hand *h, struct worker *w, struct retry *r, const char *path)
{
	bool dry = h->run.settings->dry_run;
	enum load_verdict verdict;
	struct db *db = w->loader.db; /* NULL only for a dry run */
	uint64_t opened_ns = db == NULL ? 0 : db->opened_ns;
	struct load load;

	retry_load(r, &load, &w->loader);
	verdict = dry ? hand_dry_run(w, &load) : load_check(&load, NULL, NULL);
	if (verdict != LOAD_DONE)
		memset(&load.tally, 0, sizeof(load.tally));
	if (dry || verdict != LOAD_DONE) {
		hand_conclude(h, &load, path, verdict);
		return hand_goes_on(verdict);
	}
	if (load.tally.events == 0) {
		keep(h, path, load.tally.kept);
		return true;
	}
	retry_load(r, &load, &w->loader);
	load.witnessed = true; /* when they were rejected first */
	verdict = hand_load(w, &load);
	hand_conclude(h, &load, path, verdict);
	if (verdict == LOAD_DONE || verdict == LOAD_SKIPPED)
		finish(h, w, r, opened_ns);
	return hand_goes_on(verdict);
}

/* Takes a file, if nobody else is at it. */
bool
hand_retry(void *context, struct worker *w, const char *path)
{
	struct hand *h = context;
	enum load_verdict verdict;
	enum retry_state state;
	bool more = true;
	struct error err;
	struct retry r;

	if (stop_asked(h->run.stop))
		return false;
	state = retry_open(&r, path, !h->run.settings->dry_run, &err);
	if (state == RETRY_READY && w->loader.db != NULL) {
		verdict = find_origin(w, &r, &err);
		if (verdict == LOAD_DONE)
			verdict = find_basis(w, &r, &state, &err);
		if (verdict != LOAD_DONE) {
			hand_fail_early(h, path, verdict, &err);
			retry_close(&r);
			return false;
		}
	}
	if (state == RETRY_READY && retry_name(&r, &err) < 0)
		state = RETRY_FAILED;
	if (state == RETRY_READY)
		more = load_again(h, w, &r, path);
	else
		pass_over(h, path, state, &err);
	loader_rest(&w->loader);
	retry_close(&r);
	return more;
}
