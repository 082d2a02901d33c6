/*
 * load.c - see load.h.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "clock.h"
#include "load.h"
#include "log.h"
#include "naming.h"

#define SINGLES 16       /* so few events are tried one by one */
#define SCHEMA_LEAST 100 /* events, all refused alike: it is the table */

/* A state within a chunk, to go back to where a try has failed. */
struct mark {
	struct load_tally tally;
	struct reject_mark reject;
	uint64_t before;
};

static enum load_verdict load_chunk(struct load *);
static enum db_verdict
load_range(struct load *, const struct db_file *, const struct range *);
static enum db_verdict
load_singly(struct load *, const struct db_file *, const struct range *);
static bool is_schema(struct load *);
static enum load_verdict finish_chunk(struct load *, struct db_file *);
static int next_event(void *, const struct db_row **);

int
loader_init(struct loader *l, struct db *db, const struct columns *columns,
    const struct load_limits *limits, int reject_dir, const char *reject_suffix)
{
	memset(l, 0, sizeof(*l));
	l->db = db;
	l->limits = *limits;
	reject_init(&l->reject, reject_dir, reject_suffix);
	if (lines_init(&l->lines, limits->max_event + EVENT_HEAD_MAX) < 0)
		return -1;
	if (row_maker_init(&l->maker, columns) < 0) {
		lines_release(&l->lines);
		return -1;
	}
	return 0;
}

void
loader_release(struct loader *l)
{
	if (l->db != NULL)
		l->db->ops->free(l->db);
	reject_release(&l->reject);
	row_maker_release(&l->maker);
	lines_release(&l->lines);
}

void
load_init(struct load *f, struct loader *l, struct source *source,
    const char *name, bool torn_tails)
{
	memset(f, 0, sizeof(*f));
	f->loader = l;
	f->source = source;
	f->name = name;
	f->torn_tails = torn_tails;
	f->rules.max_event = l->limits.max_event;
	f->rules.max_depth = l->limits.max_depth;
	naming_stem(f->stem, sizeof(f->stem), name);
	row_maker_begin(&l->maker, clock_wall_us());
	l->maker.misfits = 0;
	l->reject.lacking = 0;
	atomic_store_explicit(&l->position, 0, memory_order_relaxed);
	atomic_store_explicit(&l->consumed, 0, memory_order_relaxed);
}

enum load_verdict
load_run(struct load *f)
{
	enum load_verdict verdict;

	for (;;) {
		uint64_t started = clock_monotonic_ns();
		bool last;

		if (source_chunk(f->source, f->at, f->loader->limits.chunk,
			f->loader->limits.max_event, &f->range, &f->error) < 0)
			return LOAD_IO;
		last = f->range.last;
		verdict = load_chunk(f);
		if (verdict == LOAD_STOPPED) /* the ledger is elsewhere */
			continue;
		if (verdict != LOAD_DONE)
			return verdict;
		metric_observe(&f->loader->meters->table[METER_LOAD_SECONDS],
		    clock_monotonic_ns() - started);
		if (last)
			return LOAD_DONE;
		if (stop_asked(f->loader->stop))
			return LOAD_STOPPED;
	}
}

/* Takes the database's error over and gives up the transaction. */
static enum load_verdict
failed(struct load *f, enum db_verdict verdict)
{
	struct loader *l = f->loader;

	/* DB_SOURCE has set f->error itself. */
	if (verdict != DB_SOURCE)
		f->error = l->db->error;
	reject_discard(&l->reject);
	/*
	 * Connecting anew looks at the server's settings and the tables again:
	 * what a human puts right is seen.
	 */
	if (verdict == DB_SOURCE)
		l->db->ops->rollback(l->db);
	else
		l->db->ops->disconnect(l->db);
	switch (verdict) {
	case DB_PASSING:
		return LOAD_PASSING;
	case DB_SOURCE:
		return LOAD_IO;
	default:
		return LOAD_SCHEMA;
	}
}

/*
 * One chunk. LOAD_STOPPED means here that the ledger is at another place than
 * we thought, which f->at now is: nothing was done, begin there.
 */
static enum load_verdict
load_chunk(struct load *f)
{
	struct loader *l = f->loader;
	struct db_file file;
	enum db_verdict verdict;

	verdict = l->db->ops->begin(l->db);
	if (verdict == DB_OK)
		verdict = l->db->ops->claim(l->db, f->name,
		    f->source->plain ? f->source->size : 0, &file);
	if (verdict != DB_OK)
		return failed(f, verdict);
	if (file.loaded && f->unsure_at != 0 && file.progress == f->unsure_at &&
	    load_known(f, &file) == LOAD_SKIPPED) {
		/* Our own commit, whose answer was lost. */
		l->db->ops->rollback(l->db);
		return finish_chunk(f, &file);
	}
	if (file.loaded) {
		l->db->ops->rollback(l->db);
		return load_known(f, &file);
	}
	if (file.progress != f->at) {
		l->db->ops->rollback(l->db);
		if (f->unsure_at == file.progress && f->unsure_at != 0)
			return finish_chunk(f, &file);
		f->at = file.progress;
		f->lines = file.lines;
		return LOAD_STOPPED;
	}
	memset(&f->chunk, 0, sizeof(f->chunk));
	memset(&f->refused, 0, sizeof(f->refused));
	f->before = f->lines;
	if (reject_begin(&l->reject,
		f->rules.origin != NULL ? f->rules.origin : f->name, f->stem,
		f->range.from, &f->error) < 0)
		return failed(f, DB_SOURCE);
	verdict = load_range(f, &file, &f->range);
	if (verdict == DB_OK && is_schema(f))
		verdict = DB_SCHEMA;
	if (verdict != DB_OK)
		return failed(f, verdict);
	file.progress = f->range.to;
	file.lines = f->before;
	file.events += f->chunk.events;
	file.rejected += f->chunk.rejected;
	file.torn += f->chunk.torn;
	file.loaded = f->range.last;
	if (file.bytes < file.progress)
		file.bytes = file.progress; /* of a stream, known only now */
	verdict = l->db->ops->save(l->db, &file);
	if (verdict != DB_OK)
		return failed(f, verdict);
	/* Durable before the commit: no rejected event is ever in neither. */
	if (reject_publish(&l->reject, &f->error) < 0)
		return failed(f, DB_SOURCE);
	f->chunk.lost = l->reject.lost;
	f->unsure_at = f->range.to;
	verdict = l->db->ops->commit(l->db);
	if (verdict != DB_OK)
		return failed(f, verdict);
	return finish_chunk(f, &file);
}

/*
 * The name alone does not tell that the content was loaded: a file that grew
 * after that, or another one that was given the name, has events that are in
 * no table.
 */
enum load_verdict
load_known(struct load *f, const struct db_file *file)
{
	if (!f->source->plain || file->progress == f->source->size)
		return LOAD_SKIPPED;
	(void)error_set(&f->error,
	    "the ledger has %llu bytes under that name, the file has %llu",
	    (unsigned long long)file->progress,
	    (unsigned long long)f->source->size);
	return LOAD_IO;
}

/*
 * Errors that one event can cause look alike where the table causes them: a
 * column too narrow for anything must not send all events into rejected/.
 */
static bool
is_schema(struct load *f)
{
	struct error *error = &f->loader->db->error;

	if (f->chunk.events > 0 || f->refused.mixed ||
	    f->refused.count < SCHEMA_LEAST)
		return false;
	(void)error_set(error, "all of %llu events are refused alike: %s (%d)",
	    (unsigned long long)f->refused.count, f->loader->reject.first,
	    f->refused.code);
	error->code = f->refused.code;
	return true;
}

/* Notes what the database has said of an event. */
static void
note_refusal(struct load *f)
{
	const struct db *db = f->loader->db;

	if (!db->suspect ||
	    (f->refused.count > 0 && f->refused.code != db->error.code))
		f->refused.mixed = true;
	f->refused.code = db->error.code;
	f->refused.count++;
}

/* The chunk is committed: counts it. */
static enum load_verdict
finish_chunk(struct load *f, struct db_file *file)
{
	struct loader *l = f->loader;
	struct load_tally *c = &f->chunk, *t = &f->tally;

	c->bytes = file->progress - f->at;
	f->unsure_at = 0;
	f->at = file->progress;
	f->lines = file->lines;
	t->events += c->events;
	t->rejected += c->rejected;
	t->kept += c->kept;
	t->lost += c->lost;
	t->torn += c->torn;
	t->nulls += c->nulls;
	t->bytes += c->bytes;
	atomic_store_explicit(&l->consumed, source_consumed(f->source, f->at),
	    memory_order_relaxed);
	meter_add(l->meters, METER_EVENTS_LOADED, c->events);
	meter_add(l->meters, METER_BYTES_LOADED, c->bytes);
	meter_add(l->meters, METER_EVENTS_REJECTED, c->rejected);
	meter_add(l->meters, METER_DROPPED_EVENTS, c->lost);
	meter_add(l->meters, METER_TORN_BYTES, c->torn);
	meter_add(l->meters, METER_VALUES_NULL, c->nulls);
	meter_set(l->meters, METER_LAST_SUCCESS,
	    (int64_t)(clock_wall_us() / CLOCK_US_PER_S));
	if (c->rejected > c->kept)
		log_warn("rejected events=%llu file=%s in=%s first=\"%s\"",
		    (unsigned long long)(c->rejected - c->kept), f->name,
		    l->reject.name, l->reject.first);
	if (c->lost > 0)
		log_error("dropped, since rejected/ has no room for them: "
			  "events=%llu file=%s",
		    (unsigned long long)c->lost, f->name);
	if (c->torn > 0)
		log_warn("skipped a torn tail, which was never acknowledged: "
			 "bytes=%llu file=%s",
		    (unsigned long long)c->torn, f->name);
	return LOAD_DONE;
}

/*
 * Ranges
 */

static struct mark
mark(const struct load *f)
{
	return (struct mark){
	    f->chunk, reject_mark(&f->loader->reject), f->before};
}

static int
go_back(struct load *f, const struct mark *m)
{
	f->chunk = m->tally;
	f->before = m->before;
	return reject_rewind(&f->loader->reject, m->reject, &f->error);
}

/* Where the middle line of a range begins, or its end if it is one line. */
static int
find_middle(struct load *f, const struct range *range, uint64_t *middle)
{
	struct range rest = *range;
	struct lines *lines = &f->loader->lines;
	struct line line;
	int rc;

	/* From within some line on: the one after it is whole. */
	rest.from = range->from + (range->to - range->from) / 2;
	lines_begin(lines, &rest, 0);
	rc = lines_next(lines, &line);
	if (rc > 0 && lines->at < range->to) {
		*middle = lines->at;
		return 0;
	}
	/* The last line fills the second half: cut in front of it. */
	*middle = range->from;
	lines_begin(lines, range, 0);
	while (rc >= 0 && (rc = lines_next(lines, &line)) > 0)
		*middle = line.offset;
	if (rc < 0)
		return error_errno(&f->error, "read");
	if (*middle == range->from)
		*middle = range->to;
	return 0;
}

/*
 * Stores a range. If the database refuses it as a whole, it is halved until
 * so few events are left that each can be tried alone.
 */
static enum db_verdict
load_range(
    struct load *f, const struct db_file *file, const struct range *range)
{
	struct db *db = f->loader->db;
	struct db_rows rows = {.next = next_event, .context = f};
	struct range half = *range;
	struct mark begun = mark(f);
	enum db_verdict verdict;

	verdict = db->ops->savepoint(db);
	if (verdict != DB_OK)
		return verdict;
	lines_begin(&f->loader->lines, range, f->before);
	verdict = db->ops->load(db, file, &rows);
	if (verdict == DB_OK) {
		f->chunk.events += rows.sent;
		f->before = f->loader->lines.number;
	}
	if (verdict != DB_EVENT)
		return verdict;
	log_debug("refused: file=%s from=%llu to=%llu events=%llu error=\"%s\"",
	    f->name, (unsigned long long)range->from,
	    (unsigned long long)range->to, (unsigned long long)rows.sent,
	    db->error.text);
	verdict = db->ops->rewind(db);
	if (verdict != DB_OK)
		return verdict;
	if (go_back(f, &begun) < 0)
		return DB_SOURCE;
	if (rows.sent <= SINGLES && f->loader->lines.at == range->to)
		return load_singly(f, file, range);
	if (find_middle(f, range, &half.to) < 0)
		return DB_SOURCE;
	if (half.to == range->to)
		return load_singly(f, file, range); /* a line alone */
	half.last = false;
	verdict = load_range(f, file, &half);
	if (verdict != DB_OK)
		return verdict;
	half.from = half.to;
	half.to = range->to;
	half.last = range->last;
	return load_range(f, file, &half);
}

/* Stores each event by itself; those that cannot be are rejected. */
static enum db_verdict
load_singly(
    struct load *f, const struct db_file *file, const struct range *range)
{
	struct loader *l = f->loader;
	const struct db_row *row;
	uint64_t refused = 0;
	int rc;

	lines_begin(&l->lines, range, f->before);
	while ((rc = next_event(f, &row)) > 0) {
		enum db_verdict verdict = l->db->ops->insert(l->db, file, row);
		struct reject_reason why = {.member = "event"};
		struct line line = {
		    .len = row->payload.len, .number = row->line};

		if (verdict == DB_OK) {
			f->chunk.events++;
			continue;
		}
		if (verdict != DB_EVENT)
			return verdict;
		refused++;
		note_refusal(f);
		why.code = l->db->error.code;
		why.text = l->db->error.text;
		line.offset = f->event_at;
		why.offset = f->event.offset;
		if (reject_add(&l->reject, range, &line, &why, &f->error) < 0)
			return DB_SOURCE;
		f->chunk.rejected++;
	}
	if (rc < 0)
		return DB_SOURCE;
	f->before = l->lines.number;
	if (refused == 0)
		l->db->ops->distrust(l->db);
	return DB_OK;
}

/*
 * Lines
 */

/* The next line that is an event, or not to be passed over in silence. */
static int
next_line(struct load *f, struct line *line, enum event_verdict *verdict)
{
	struct loader *l = f->loader;
	bool torn;
	int rc;

	do {
		rc = lines_next(&l->lines, line);
		if (rc < 0)
			return error_errno(&f->error, "read");
		if (rc == 0)
			return 0;
		*verdict = event_read(
		    &f->rules, line, &l->maker, &f->event, &f->error);
		if (*verdict == EVENT_ALIEN)
			return -1;
		torn = *verdict == EVENT_BAD && !line->ended &&
		       !f->event.valid && f->torn_tails;
		if (torn)
			f->chunk.torn += line->len;
	} while (*verdict == EVENT_NONE || torn);
	atomic_store_explicit(&l->position, l->lines.at, memory_order_relaxed);
	return 1;
}

static void
make_row(struct load *f)
{
	const struct event *e = &f->event;

	row_make(&f->loader->maker, e->text.p, e->text.len, e->line, &f->row);
}

/* Puts a line that is no event into rejected/, if it does not come from it. */
static int
reject_line(struct load *f, struct line *line)
{
	struct reject *r = &f->loader->reject;
	struct reject_reason why = {.text = f->error.text,
	    .member = f->event.valid ? f->event.member : NULL,
	    .offset = f->event.offset};

	f->chunk.rejected++;
	if (f->rules.origin != NULL) {
		f->chunk.kept++;
		return reject_copy(r, &f->range, line, &f->error);
	}
	if (why.member != NULL) {
		/* As for an event's text, without white space. */
		line->offset = why.offset;
		line->len = f->event.text.len;
	}
	return reject_add(r, &f->range, line, &why, &f->error);
}

/* Rows for the database; lines that are no events are rejected on the way. */
static int
next_event(void *context, const struct db_row **row)
{
	struct load *f = context;
	uint64_t misfits = f->loader->maker.misfits;
	enum event_verdict verdict = EVENT_BAD;
	struct line line;
	int rc;

	while ((rc = next_line(f, &line, &verdict)) > 0) {
		if (verdict == EVENT_GOOD) {
			make_row(f);
			f->chunk.nulls += f->loader->maker.misfits - misfits;
			f->event_at = line.offset +
				      (uint64_t)(f->event.text.p - line.text);
			*row = &f->row;
			return 1;
		}
		if (reject_line(f, &line) < 0)
			return -1;
	}
	return rc;
}

enum load_verdict
load_check(struct load *f, load_refused *refused, void *context)
{
	struct loader *l = f->loader;
	enum event_verdict verdict = EVENT_BAD;
	struct line line;
	int rc;

	do {
		if (source_chunk(f->source, f->at, l->limits.chunk,
			l->limits.max_event, &f->range, &f->error) < 0)
			return LOAD_IO;
		lines_begin(&l->lines, &f->range, f->lines);
		while ((rc = next_line(f, &line, &verdict)) > 0) {
			if (verdict == EVENT_GOOD) {
				make_row(f);
				f->chunk.events++;
				continue;
			}
			f->chunk.rejected++;
			f->chunk.kept += f->rules.origin != NULL;
			refused(context, &line, f->error.text);
		}
		if (rc < 0)
			return LOAD_IO;
		f->at = f->range.to;
		f->lines = l->lines.number;
		atomic_store_explicit(&l->consumed,
		    source_consumed(f->source, f->at), memory_order_relaxed);
	} while (!f->range.last && !stop_asked(l->stop));
	f->tally = f->chunk;
	f->tally.nulls = l->maker.misfits;
	f->tally.bytes = f->at;
	return f->range.last ? LOAD_DONE : LOAD_STOPPED;
}
