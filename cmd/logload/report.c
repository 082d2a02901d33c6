/*
 * report.c - see report.h.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sysexits.h>

#include "clock.h"
#include "json.h"
#include "lock.h"
#include "report.h"

typedef unsigned long long ull;

void
report_begin(struct report *r, const struct settings *s)
{
	memset(r, 0, sizeof(*r));
	r->lock = (pthread_mutex_t)PTHREAD_MUTEX_INITIALIZER;
	r->settings = s;
	r->started_ns = clock_monotonic_ns();
}

static bool
is_json(const struct report *r)
{
	return r->settings->report == REPORT_JSON;
}

/* "key":"text" */
static void
put_text(const char *key, const char *text)
{
	size_t len = strlen(text);
	char *quoted = malloc(6 * len + 2);

	if (quoted == NULL)
		return;
	len = json_string_encode(text, len, quoted);
	(void)printf(",\"%s\":%.*s", key, (int)len, quoted);
	free(quoted);
}

/* A failure to print shows at the end. */
static void
put_file(
    struct report *r, const struct report_file *f, const struct load_tally *t)
{
	(void)printf("%s\n{\"events\":%llu,\"rejected\":%llu,\"bytes\":%llu",
	    r->any ? "," : "{\"files\":[", (ull)t->events, (ull)t->rejected,
	    (ull)t->bytes);
	r->any = true;
	put_text("verdict", f->verdict);
	put_text("path", f->path);
	if (f->name != NULL)
		put_text("name", f->name);
	if (f->error != NULL)
		put_text("error", f->error);
	(void)printf("}");
}

void
report_file(struct report *r, const struct report_file *f)
{
	static const struct load_tally nothing;
	const struct load_tally *t = f->tally != NULL ? f->tally : &nothing;

	lock_take(&r->lock);
	load_tally_add(&r->total, t);
	if (is_json(r) && f->verdict != NULL)
		put_file(r, f, t);
	lock_release(&r->lock);
}

void
report_none(struct report *r, const char *path, const char *verdict,
    const struct error *why)
{
	report_file(r, &(struct report_file){.path = path,
			   .verdict = verdict,
			   .error = why != NULL ? why->text : NULL});
}

void
report_load(struct report *r, const struct load *load, const char *path,
    enum load_verdict verdict, bool later)
{
	static const char *const words[] = {[LOAD_DONE] = "loaded",
	    [LOAD_SKIPPED] = "skipped",
	    [LOAD_STOPPED] = "stopped"};
	bool failed = verdict > LOAD_STOPPED;

	report_file(r, &(struct report_file){.path = path,
			   .name = load->name,
			   .tally = &load->tally,
			   .verdict = later    ? NULL
				      : failed ? "failed"
					       : words[verdict],
			   .error = failed ? load->error.text : NULL});
}

static void
put_text_summary(const struct report *r, double seconds, double rate)
{
	const struct load_tally *t = &r->total;
	char kept[40] = "";

	if (r->settings->retry_rejected)
		(void)snprintf(kept, sizeof(kept), " kept=%llu", (ull)t->kept);
	(void)printf("%s: files=%llu skipped=%llu events=%llu rejected=%llu%s "
		     "nulls=%llu torn_bytes=%llu bytes=%llu seconds=%.3f "
		     "events_per_second=%.0f\n",
	    r->settings->dry_run ? "would load" : "loaded", (ull)r->files,
	    (ull)r->skipped, (ull)t->events, (ull)t->rejected, kept,
	    (ull)t->nulls, (ull)t->torn, (ull)t->bytes, seconds, rate);
}

int
report_end(struct report *r, int status, const char *reason)
{
	double seconds = (double)(clock_monotonic_ns() - r->started_ns) / 1e9;
	const struct load_tally *t = &r->total;
	double rate;

	/* It is kept: of a thread that is left behind nothing is to follow. */
	lock_take(&r->lock);
	rate = seconds > 0 ? (double)t->events / seconds : 0;
	if (is_json(r))
		(void)printf(
		    "%s],\n\"totals\":{\"files\":%llu,\"skipped\":%llu,"
		    "\"events\":%llu,\"rejected\":%llu,\"kept\":%llu,"
		    "\"nulls\":%llu,\"torn_bytes\":%llu,\"bytes\":%llu},\n"
		    "\"dry_run\":%s,\"seconds\":%.3f,"
		    "\"events_per_second\":%.0f,\"status\":%d,"
		    "\"reason\":\"%s\"}\n",
		    r->any ? "" : "{\"files\":[", (ull)r->files,
		    (ull)r->skipped, (ull)t->events, (ull)t->rejected,
		    (ull)t->kept, (ull)t->nulls, (ull)t->torn, (ull)t->bytes,
		    r->settings->dry_run ? "true" : "false", seconds, rate,
		    status, reason);
	else
		put_text_summary(r, seconds, rate);
	return fflush(stdout) != 0 || ferror(stdout) ? -1 : 0;
}

void
report_early(const struct settings *s, int status)
{
	struct report r;

	report_begin(&r, s);
	if (is_json(&r)) /* a failure to print changes nothing */
		(void)report_end(
		    &r, status, status == EX_CONFIG ? "refused" : "failed");
}
