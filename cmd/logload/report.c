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

/* ,"key":"text" */
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

/* Of each column the first one is kept. */
static void
keep_examples(struct report *r, const struct load *load, const char *path)
{
	lock_take(&r->lock);
	for (unsigned i = 0; i < COLUMNS_MAX; i++) {
		struct report_example *e = &r->examples[i];

		if (e->value.line > 0)
			continue;
		e->value = load->loader->maker.examples[i];
		(void)snprintf(e->path, sizeof(e->path), "%s", path);
	}
	lock_release(&r->lock);
}

void
report_load(struct report *r, const struct load *load, const char *path,
    enum load_verdict verdict, bool later)
{
	static const char *const words[] = {[LOAD_DONE] = "loaded",
	    [LOAD_SKIPPED] = "skipped",
	    [LOAD_STOPPED] = "stopped"};
	bool failed = verdict > LOAD_STOPPED;

	keep_examples(r, load, path);
	report_file(r, &(struct report_file){.path = path,
			   .name = load->name,
			   .tally = &load->tally,
			   .verdict = later    ? NULL
				      : failed ? "failed"
					       : words[verdict],
			   .error = failed ? load->error.text : NULL});
}

static const struct paths none;

static void
put_text_summary(
    const struct report *r, const struct paths *p, double seconds, double rate)
{
	const struct settings *s = r->settings;
	const struct load_tally *t = &r->total;
	char kept[40] = "", left[80] = "";

	if (s->retry_rejected)
		(void)snprintf(kept, sizeof(kept), " kept=%llu", (ull)t->kept);
	if (s->since != NULL || s->until != NULL)
		(void)snprintf(left, sizeof(left), " outside=%llu untimed=%llu",
		    (ull)p->outside, (ull)p->untimed);
	(void)printf("%s: files=%zu loaded=%llu skipped=%llu%s events=%llu "
		     "rejected=%llu%s nulls=%llu torn_bytes=%llu bytes=%llu "
		     "seconds=%.3f events_per_second=%.0f\n",
	    s->dry_run ? "would load" : "loaded", p->count, (ull)r->loaded,
	    (ull)r->skipped, left, (ull)t->events, (ull)t->rejected, kept,
	    (ull)t->nulls, (ull)t->torn, (ull)t->bytes, seconds, rate);
}

/*
 * Columns. A path with a mistake in it shows as one that is never there.
 */

/* Of the events that would be loaded. */
static uint64_t
count_nulls(const struct report *r, unsigned column)
{
	const struct column_tally *t = &r->total.columns[column];
	const struct column *c = &r->settings->columns.list[column];

	return r->total.events - t->fitted -
	       (c->misfit == COLUMN_DEFAULT ? t->misfits : 0);
}

static void
put_text_columns(const struct report *r)
{
	for (unsigned i = 0; i < r->settings->columns.count; i++) {
		const struct column_tally *t = &r->total.columns[i];
		const struct report_example *e = &r->examples[i];
		uint64_t there = t->fitted + t->misfits;

		(void)printf("column %s: there=%llu fitted=%llu null=%llu",
		    r->settings->columns.list[i].name, (ull)there,
		    (ull)t->fitted, (ull)count_nulls(r, i));
		if (t->misfits > 0)
			(void)printf(", does not fit at %s:%llu: %s", e->path,
			    (ull)e->value.line, e->value.text);
		(void)printf("\n");
	}
}

static void
put_json_columns(const struct report *r)
{
	(void)printf("\"columns\":[");
	for (unsigned i = 0; i < r->settings->columns.count; i++) {
		const struct column_tally *t = &r->total.columns[i];
		const struct report_example *e = &r->examples[i];
		uint64_t there = t->fitted + t->misfits;

		(void)printf(
		    "%s\n{\"misfits\":%llu", i > 0 ? "," : "", (ull)t->misfits);
		put_text("name", r->settings->columns.list[i].name);
		if (r->settings->dry_run)
			(void)printf(
			    ",\"there\":%llu,\"fitted\":%llu,\"null\":%llu",
			    (ull)there, (ull)t->fitted, (ull)count_nulls(r, i));
		if (t->misfits > 0) {
			put_text("path", e->path);
			put_text("value", e->value.text);
			(void)printf(",\"line\":%llu", (ull)e->value.line);
		}
		(void)printf("}");
	}
	(void)printf("],\n");
}

int
report_end(struct report *r, int status, const char *reason)
{
	double seconds = (double)(clock_monotonic_ns() - r->started_ns) / 1e9;
	const struct paths *p = r->paths != NULL ? r->paths : &none;
	const struct load_tally *t = &r->total;
	double rate;

	/* It is kept: of a thread that is left behind nothing is to follow. */
	lock_take(&r->lock);
	rate = seconds > 0 ? (double)t->events / seconds : 0;
	if (is_json(r)) {
		(void)printf("%s],\n", r->any ? "" : "{\"files\":[");
		put_json_columns(r);
		(void)printf(
		    "\"totals\":{\"files\":%zu,\"loaded\":%llu,"
		    "\"skipped\":%llu,\"outside\":%llu,\"untimed\":%llu,"
		    "\"events\":%llu,\"rejected\":%llu,\"kept\":%llu,"
		    "\"nulls\":%llu,\"torn_bytes\":%llu,\"bytes\":%llu},\n"
		    "\"dry_run\":%s,\"seconds\":%.3f,"
		    "\"events_per_second\":%.0f,\"status\":%d,"
		    "\"reason\":\"%s\"}\n",
		    p->count, (ull)r->loaded, (ull)r->skipped, (ull)p->outside,
		    (ull)p->untimed, (ull)t->events, (ull)t->rejected,
		    (ull)t->kept, (ull)t->nulls, (ull)t->torn, (ull)t->bytes,
		    r->settings->dry_run ? "true" : "false", seconds, rate,
		    status, reason);
	} else {
		if (r->settings->dry_run)
			put_text_columns(r);
		put_text_summary(r, p, seconds, rate);
	}
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
