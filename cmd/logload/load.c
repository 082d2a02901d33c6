/*
 * load.c - see load.h.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "clock.h"
#include "db/known.h"
#include "db/partitions.h"
#include "events.h"
#include "failure.h"
#include "load.h"
#include "log.h"
#include "naming.h"
#include "row/instant.h"

static enum load_verdict load_chunk(struct load *);
static enum load_verdict load_rows(struct load *);
static enum load_verdict finish_chunk(struct load *);
static enum load_verdict take_refused(struct load *, const struct line *);

void
load_init(struct load *f, struct loader *l, struct source *source,
    const char *name, bool torn_tails)
{
	memset(f, 0, sizeof(*f));
	f->loader = l;
	f->source = source;
	f->name = name;
	f->torn_tails = torn_tails;
	f->framing = torn_tails ? &framing_lines : NULL;
	f->rules.max_event = l->limits.max_event;
	f->rules.max_depth = l->limits.max_depth;
	naming_stem(f->stem, sizeof(f->stem), name);
	memset(l->maker.examples, 0, sizeof(l->maker.examples));
	l->reject.lacking = 0;
	l->reader.passed.to = 0;
	loader_rest(l);
}

/* What unpacking has passed over. */
static void
tell_left(const struct load *f)
{
	if (f->source->unpack.left != NULL)
		log_warn("not all of it was read: %s file=%s",
		    f->source->unpack.left, f->name);
}

enum load_verdict
load_run(struct load *f)
{
	struct store *s = &f->loader->store;
	enum load_verdict verdict = events_open(f);

	if (verdict != LOAD_DONE)
		return verdict;
	store_begin_file(s, f->source, f->rules.origin != NULL, f->witnessed);
	f->prepared = 0;
	for (;;) {
		uint64_t started = clock_monotonic_ns();

		if (f->stream && events_pass_front(f) < 0)
			return LOAD_IO;
		/* A transaction must not wait for whoever writes a pipe. */
		if (source_wait(f->source, f->at, f->loader->limits.chunk,
			&f->error) < 0)
			return LOAD_IO;
		verdict = load_chunk(f);
		if (verdict ==
		    LOAD_STOPPED) /* at another place, or with less */
			continue;
		if (verdict != LOAD_DONE)
			return verdict;
		metric_observe(&f->loader->meters->table[METER_LOAD_SECONDS],
		    clock_monotonic_ns() - started);
		if (f->last) {
			tell_left(f);
			return LOAD_DONE;
		}
		if (stop_asked(f->loader->stop))
			return LOAD_STOPPED;
	}
}

/*
 * What the ledger says of the file, in a transaction that has begun. LOAD_DONE:
 * our chunk is the next one; else this transaction is over. LOAD_STOPPED: the
 * ledger is at another place than we thought, which f->at now is.
 */
static enum load_verdict
place_chunk(struct load *f, bool *ours)
{
	bool ends = f->file.loaded && !f->stream &&
		    (f->sum == NULL || f->file.progress == f->sum->all.bytes);
	struct db *db = f->loader->db;

	*ours = f->unsure_at != 0 && f->file.progress == f->unsure_at;
	if (!ends && f->file.progress == f->at)
		return LOAD_DONE;
	db_rollback(db);
	if (ends) {
		enum load_verdict known = load_known(f, &f->file);

		*ours = *ours && known == LOAD_SKIPPED;
		return known;
	}
	if (!*ours) {
		f->at = f->file.progress;
		f->lines = f->file.lines;
	}
	return LOAD_STOPPED;
}

/* Has it no more than the ledger has, but for a last line in the making? */
static bool
is_nothing_new(const struct load *f)
{
	return f->last && f->file.progress == f->at &&
	       (f->file.loaded || (f->at == 0 && f->chunk.waiting > 0));
}

/*
 * Is what the ledger has in its line still what was seen to be a front of the
 * content? If not, another process has loaded more; the error says so.
 */
static bool
is_known(struct load *f)
{
	const char *has = f->file.sha256;

	if (f->sum == NULL || *has == '\0' ||
	    strcmp(has, f->sum->all.sha256) == 0 ||
	    strcmp(has, f->sum->lines.sha256) == 0 ||
	    strcmp(has, f->front->sha256) == 0)
		return true;
	(void)error_set(
	    &f->error, "another process is loading it, as %s", f->name);
	f->error.code = EAGAIN;
	return false;
}

/* Notes what the line is to have, with the chunk that is about to be saved. */
static int
note_content(struct load *f)
{
	struct loader *l = f->loader;
	const struct source_mark *mark;

	if (f->sum != NULL) {
		/* Of what ends elsewhere than a line the hash is not known. */
		mark = f->sum->lines.bytes == f->file.progress ? &f->sum->lines
							       : &f->sum->all;
		f->file.bytes = mark->bytes;
		memcpy(f->file.sha256, mark->sha256, sizeof(mark->sha256));
		return 0;
	}
	if (f->stream) {
		f->file.bytes = f->file.progress;
		return digest_copy(&l->ahead, &l->front, &f->error) < 0 ||
			       source_digest(f->source, &l->ahead,
				   f->file.progress, &f->error) < 0
			   ? -1
			   : digest_tell(&l->ahead, f->file.sha256, &f->error);
	}
	if (f->file.bytes < f->file.progress)
		f->file.bytes = f->file.progress; /* known only now */
	return 0;
}

/* That chunk is committed. */
static void
advance_digest(struct load *f)
{
	struct loader *l = f->loader;
	struct digest ahead = l->ahead;

	if (!f->stream)
		return;
	l->ahead = l->front;
	l->front = ahead;
}

static enum db_verdict
commit(struct loader *l)
{
	uint64_t began_ns = clock_monotonic_ns();
	enum db_verdict said = db_commit(l->db);

	if (said == DB_OK)
		metric_observe(&l->meters->table[METER_COMMIT_SECONDS],
		    clock_monotonic_ns() - began_ns);
	return said;
}

/* Lines stand in the order in which they were received. */
static void
count_newest(const struct load *f)
{
	int64_t us;

	if (f->chunk.events > 0 && f->row.received_at != NULL &&
	    instant_iso(f->row.received_at, VALUE_DATETIME_LEN, NULL, &us) &&
	    us > 0)
		meters_newest(f->loader->meters, (uint64_t)us);
}

/* One chunk. LOAD_STOPPED: nothing was done; once more, from f->at on. */
static enum load_verdict
load_chunk(struct load *f)
{
	struct loader *l = f->loader;
	struct db_claim claim = {
	    .name = f->name, .bytes = f->source->plain ? f->source->size : 0};
	const struct source_mark *all = f->sum != NULL ? &f->sum->all : NULL;
	enum load_verdict verdict;
	enum db_verdict said;
	bool ours;

	if (all != NULL)
		claim = (struct db_claim){f->name, all->sha256, all->bytes};
	said = db_begin(l->db);
	if (said == DB_OK)
		said = db_claim(l->db, &claim, &f->file);
	if (said != DB_OK)
		return failure_heard(f, said);
	if (!is_known(f))
		return failure_give_up(f, LOAD_IO);
	verdict = place_chunk(f, &ours);
	/* Our own commit, whose answer was lost. */
	if (verdict != LOAD_DONE)
		return ours ? finish_chunk(f) : verdict;
	said = events_learn(f);
	if (said != DB_OK)
		return failure_heard(f, said);
	memset(&f->chunk, 0, sizeof(f->chunk));
	if (reject_begin(&l->reject,
		f->rules.origin != NULL ? f->rules.origin : f->name, f->stem,
		f->at, &f->error) < 0)
		return failure_give_up(f, LOAD_IO);
	f->rules.bounds = known_bounds(l->db);
	verdict = load_rows(f);
	if (verdict == LOAD_DONE && source_check(f->source, &f->error) < 0)
		verdict = LOAD_IO;
	if (verdict != LOAD_DONE)
		return failure_give_up(f, verdict);
	f->chunk.events += l->store.events;
	f->chunk.rejected += l->store.rejected;
	f->file.progress = f->ends ? f->from : l->reader.at - f->chunk.waiting;
	f->file.lines = l->reader.number - (f->ends || f->chunk.waiting > 0);
	if (is_nothing_new(f))
		return failure_give_up(f, LOAD_SKIPPED);
	f->file.events += f->chunk.events;
	f->file.rejected += f->chunk.rejected;
	f->file.torn += f->chunk.torn;
	f->file.loaded = f->last;
	if (note_content(f) < 0)
		return failure_give_up(f, LOAD_IO);
	said = db_save(l->db, &f->file);
	if (said != DB_OK)
		return failure_heard(f, said);
	/* Durable before the commit: no rejected event is ever in neither. */
	if (reject_publish(&l->reject, &f->error) < 0)
		return failure_give_up(f, LOAD_IO);
	f->chunk.lost = l->reject.lost;
	f->unsure_at = f->file.progress;
	said = commit(l);
	if (said != DB_OK && !l->db->unanswered)
		f->unsure_at = 0; /* the answer is no */
	return said == DB_OK ? finish_chunk(f) : failure_heard(f, said);
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

/* The chunk is committed: counts it. */
static enum load_verdict
finish_chunk(struct load *f)
{
	struct loader *l = f->loader;
	struct load_tally *c = &f->chunk;

	advance_digest(f);
	c->bytes = f->file.progress - f->at;
	f->unsure_at = 0;
	f->prepared = 0;
	f->at = f->file.progress;
	f->lines = f->file.lines;
	load_tally_add(&f->tally, c);
	l->committed = source_consumed(f->source, f->at);
	meter_add(l->meters, METER_EVENTS_LOADED, c->events);
	meter_add(l->meters, METER_BYTES_LOADED, c->bytes);
	meter_add(l->meters, METER_EVENTS_REJECTED, c->rejected);
	meter_add(l->meters, METER_DROPPED_EVENTS, c->lost);
	meter_add(l->meters, METER_TORN_BYTES, c->torn);
	meter_add(l->meters, METER_VALUES_NULL, c->nulls);
	for (unsigned i = 0; i < COLUMNS_MAX; i++)
		meter_add(l->meters, METER_COLUMN + i, c->columns[i].misfits);
	meter_set(l->meters, METER_LAST_SUCCESS,
	    (int64_t)(clock_wall_us() / CLOCK_US_PER_S));
	count_newest(f);
	if (c->rejected > c->kept)
		log_warn("rejected events=%llu file=%s in=%s first=\"%s\"",
		    (unsigned long long)(c->rejected - c->kept), f->name,
		    l->reject.name, l->reject.first);
	if (c->lost > 0)
		log_error("dropped, since rejected/ has no room for them (see "
			  "--rejected-limit): events=%llu file=%s",
		    (unsigned long long)c->lost, f->name);
	if (c->torn > 0)
		log_warn("skipped a torn tail, which was never acknowledged: "
			 "bytes=%llu file=%s",
		    (unsigned long long)c->torn, f->name);
	return LOAD_DONE;
}

/*
 * Lines
 */

/* As the database has it now: it may have taken a way of storing from us. */
static void
limit_batch(struct loader *l)
{
	l->at_a_time = l->db->limits;
	if (l->rate != NULL && l->at_a_time.rows > rate_rows(l->rate))
		l->at_a_time.rows = rate_rows(l->rate);
}

/* How the storing has gone up to now; nothing is being stored any more. */
static enum load_verdict
wait_for_store(struct load *f)
{
	struct loader *l = f->loader;
	enum load_verdict verdict = storer_wait(&l->storer);

	if (verdict != LOAD_DONE)
		f->error = l->store.error;
	limit_batch(l);
	return verdict;
}

/* Lets what was gathered be stored, while the next rows are gathered. */
static enum load_verdict
hand_over(struct load *f)
{
	struct loader *l = f->loader;
	enum load_verdict verdict = wait_for_store(f);
	struct gathered *g = l->gathers;

	if (verdict != LOAD_DONE)
		return verdict;
	l->gathers = &l->gathered[g == &l->gathered[0]];
	gathered_clear(l->gathers);
	/* Of a transaction; each table's rows are one. */
	f->batches += g->batch.mixed ? l->db->table_count : 1;
	if (storer_give(&l->storer, g))
		return LOAD_DONE;
	verdict = store_gathered(&l->store, g);
	f->error = l->store.error;
	return verdict;
}

/* Stores the last of a chunk. */
static enum load_verdict
finish_store(struct load *f)
{
	struct loader *l = f->loader;
	enum load_verdict verdict = wait_for_store(f);

	if (verdict != LOAD_DONE)
		return verdict;
	verdict = store_gathered(&l->store, l->gathers);
	if (verdict == LOAD_DONE)
		verdict = store_end(&l->store);
	f->error = l->store.error;
	return verdict;
}

/* Which values did not fit their columns: hardly ever any. */
static void
count_misfits(struct load_tally *t, uint32_t misfits)
{
	for (; misfits != 0; misfits &= misfits - 1)
		t->columns[__builtin_ctz(misfits)].misfits++;
}

/* Gathers an event's row. */
static enum load_verdict
take_row(struct load *f, const struct line *line)
{
	struct loader *l = f->loader;
	uint64_t id = f->event.file_id != 0 ? f->event.file_id : f->file.id;
	enum load_verdict verdict;
	enum row_verdict made;
	int rc = -1;

	made = events_make_row(f, line);
	if (f->ends)
		return LOAD_DONE;
	if (made == ROW_MADE &&
	    partitions_reject(l->db, f->row.table, f->row.received_at)) {
		(void)error_set(&f->error, "its time is far from any partition "
					   "(see --partition-else)");
		f->event.bounded = true;
		made = ROW_REJECTED;
	}
	if (made == ROW_REJECTED)
		return take_refused(f, line);
	if (made == ROW_MADE && f->wants) /* none of this try is stored */
		return l->reader.at >= f->look_to ? LOAD_PREPARE : LOAD_DONE;
	if (l->rate != NULL)
		rate_take(l->rate, l->stop);
	if (made == ROW_MADE) {
		f->chunk.nulls += (unsigned)__builtin_popcount(f->row.misfits);
		count_misfits(&f->chunk, f->row.misfits);
		rc = batch_add(&l->gathers->batch, &l->at_a_time, id, &f->row);
	}
	if (rc == 0) {
		verdict = hand_over(f);
		if (verdict != LOAD_DONE)
			return verdict;
		rc = batch_add(&l->gathers->batch, &l->at_a_time, id, &f->row);
	}
	if (rc < 0)
		(void)error_set(&f->error, "out of memory");
	return rc < 0 ? LOAD_PASSING : LOAD_DONE;
}

/* Holds a line that is no event, for a record of it. */
static enum load_verdict
take_refused(struct load *f, const struct line *line)
{
	struct loader *l = f->loader;
	struct error why = f->error; /* hand_over has errors of its own */
	struct held_line *h;

	if (l->gathers->held_count == HELD_MAX) {
		enum load_verdict verdict = hand_over(f);

		if (verdict != LOAD_DONE)
			return verdict;
	}
	h = &l->gathers->held[l->gathers->held_count++];
	h->row = l->gathers->batch.count;
	h->line = *line;
	h->line.text = NULL; /* is read again */
	if (line->hole)
		h->line.len = 0;
	(void)snprintf(h->text, sizeof(h->text), "%s", why.text);
	h->why = (struct reject_reason){.text = h->text,
	    .member = f->event.member,
	    .offset = f->event.offset,
	    .file_id = f->file.id};
	if (h->why.member != NULL && f->rules.origin == NULL) {
		/* As for an event's text, without white space. */
		h->line.offset = h->why.offset;
		h->line.len = f->event.text.len;
	}
	if (!f->source->plain && h->line.len > l->reader.keep) {
		h->line.len = l->reader.keep;
		(void)snprintf(h->text, sizeof(h->text),
		    "%.300s; its first %llu bytes are kept", why.text,
		    (unsigned long long)h->line.len);
	}
	if (f->event.bounded) {
		(void)events_make_row(f, line); /* for its instant */
		memcpy(h->received_at, f->row.received_at, VALUE_DATETIME_LEN);
		h->why.received_at = h->received_at;
	}
	f->chunk.rejected++;
	f->chunk.kept += f->rules.origin != NULL;
	return LOAD_DONE;
}

/*
 * Stores the chunk's events, and rejects those that cannot be. It ends with the
 * line that fills it.
 */
static enum load_verdict
load_rows(struct load *f)
{
	struct loader *l = f->loader;
	enum load_verdict verdict = LOAD_DONE;
	enum event_verdict kind;
	struct line line;
	bool fails;
	int rc = 1;

	l->gathers = &l->gathered[0];
	gathered_clear(l->gathers);
	limit_batch(l);
	store_begin_chunk(&l->store);
	f->wants = f->crowded = false;
	events_begin(f);
	while (verdict == LOAD_DONE && events_go_on(f) &&
	       (rc = events_next(f, &line, &kind)) > 0)
		verdict = kind == EVENT_GOOD ? take_row(f, &line)
					     : take_refused(f, &line);
	/* What was read before the place that stops it is stored first. */
	fails = rc < 0 && (!l->reader.unfit || l->reader.at == f->at);
	f->last = rc == 0;
	if (f->wants && verdict == LOAD_DONE)
		verdict = LOAD_PREPARE;
	if (!fails && verdict == LOAD_DONE)
		return finish_store(f);
	(void)storer_wait(&l->storer); /* its verdict comes too late */
	return fails ? events_failure(f) : verdict;
}

/* What there is in each column. */
static void
count_values(struct load *f)
{
	const struct row *row = &f->row;

	f->chunk.nulls += (unsigned)__builtin_popcount(row->misfits);
	count_misfits(&f->chunk, row->misfits);
	for (unsigned i = 0; i < f->loader->maker.columns->count; i++)
		f->chunk.columns[i].fitted +=
		    row->columns[i].p != NULL && (row->misfits >> i & 1) == 0;
}

/* Of an event that is rejected, just the values that it is for. */
static void
count_rejected(struct load *f)
{
	const struct columns *c = f->loader->maker.columns;

	for (unsigned i = 0; i < c->count; i++)
		f->chunk.columns[i].misfits +=
		    c->list[i].misfit == COLUMN_REJECT &&
		    (f->row.misfits >> i & 1) != 0;
}

enum load_verdict
load_check(struct load *f, load_refused *refused, void *context)
{
	struct loader *l = f->loader;
	enum event_verdict verdict = EVENT_BAD;
	enum load_verdict known = events_open(f);
	struct line line;
	int rc;

	if (known != LOAD_DONE)
		return known;
	f->learned = true; /* as far as it goes */
	events_begin(f);
	while ((rc = events_next(f, &line, &verdict)) > 0) {
		if (verdict == EVENT_GOOD &&
		    events_make_row(f, &line) == ROW_REJECTED) {
			verdict = EVENT_BAD;
			count_rejected(f);
		}
		if (verdict == EVENT_GOOD) {
			f->chunk.events++;
			count_values(f);
		} else {
			f->chunk.rejected++;
			f->chunk.kept += f->rules.origin != NULL;
			if (refused != NULL)
				refused(context, &line, f->error.text);
		}
		if (l->reader.at - f->at < l->limits.chunk)
			continue;
		f->at = l->reader.at;
		source_forget(f->source, f->at);
		if (stop_asked(l->stop))
			break;
	}
	if (rc < 0 && (!l->reader.unfit || l->reader.at == 0))
		return events_failure(f);
	f->tally = f->chunk;
	f->tally.bytes = l->reader.at;
	tell_left(f);
	if (rc < 0)
		return LOAD_UNFIT;
	return rc == 0 ? LOAD_DONE : LOAD_STOPPED;
}
