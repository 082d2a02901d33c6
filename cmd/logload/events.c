/*
 * events.c - see events.h.
 */
#include <string.h>

#include "events.h"

#define FRONT_MOST 1000 /* lines, of which none is an event: it is no log */
#define FRONT_BYTES (64 * 1024 * 1024) /* so far they are looked for */
#define PIECE (1024 * 1024)
#define LOOK_AT_LEAST PIECE

enum load_verdict
events_failure(const struct load *f)
{
	return f->loader->reader.unfit ? LOAD_UNFIT : LOAD_IO;
}

enum load_verdict
events_open(struct load *f)
{
	if (f->framing == NULL)
		f->framing =
		    framing_find(&f->loader->reader, f->source, &f->error);
	return f->framing != NULL ? LOAD_DONE : events_failure(f);
}

int
events_pass_front(struct load *f)
{
	struct digest *front = &f->loader->front;
	char sha256[DIGEST_LEN + 1];

	if (f->at == 0)
		return digest_begin(front, &f->error);
	if (front->at == f->at)
		return 0;
	while (front->at < f->at) {
		uint64_t from = front->at, to = from + PIECE;

		if (source_digest(f->source, front, to < f->at ? to : f->at,
			&f->error) < 0)
			return -1;
		if (front->at == from)
			break;
		source_forget(f->source, front->at);
	}
	if (digest_tell(front, sha256, &f->error) < 0)
		return -1;
	if (front->at == f->at && strcmp(sha256, f->file.sha256) == 0)
		return 0;
	return error_set(&f->error,
	    "the name %s is that of another content, of which the ledger has "
	    "%llu bytes",
	    f->name, (unsigned long long)f->at);
}

/*
 * When events have come that do not say it: at the birth in the file's name,
 * else when it was last changed, or, of a stream, was begun. It is a part of
 * their rows' key, and must be the same at each try.
 */
static void
set_received(struct load *f)
{
	const char *name = f->rules.origin != NULL ? f->rules.origin : f->name;
	uint64_t us = f->source->changed_us;

	/* What can be read only once has come when that began. */
	if (f->stream && strlen(f->file.started_at) == VALUE_DATETIME_LEN) {
		memcpy(f->loader->maker.received_at, f->file.started_at,
		    VALUE_DATETIME_LEN);
		return;
	}
	(void)spool_name_parse(name, &us); /* or else it stays */
	row_maker_begin(&f->loader->maker, us);
}

void
events_begin(struct load *f)
{
	source_forget(f->source, f->at);
	reader_begin(&f->loader->reader, f->source, f->at, f->lines);
	f->loader->reader.closed = f->file.loaded;
	set_received(f);
	f->batches = f->bad_left = 0;
	f->ends = false;
	if (f->at == 0 && !f->torn_tails && f->rules.origin == NULL)
		f->bad_left = FRONT_MOST;
}

/* It is no file of events: nothing of it is loaded, or rejected. */
static int
no_events(struct load *f)
{
	struct error why = f->error;

	f->loader->reader.unfit = true;
	f->loader->reader.at = f->at;
	return error_set(&f->error,
	    "none of its first %u lines is an event; of the last one: %.300s",
	    FRONT_MOST, why.text);
}

bool
events_go_on(const struct load *f)
{
	uint64_t size = f->loader->reader.at - f->at;
	unsigned most = f->loader->at_a_time.batches;

	/* With the one that is being gathered. */
	if (f->ends || (most > 0 && f->batches + 1 >= most))
		return false;
	return size < f->loader->limits.chunk ||
	       (f->bad_left > 0 && size < FRONT_BYTES);
}

/*
 * May it be left for the next run? What does not keep to lines may end here for
 * an event before that is broken.
 */
static bool
may_wait(const struct load *f, const struct line *line)
{
	return f->waits && line->text != NULL &&
	       (f->event.cut || f->framing == &framing_lines);
}

int
events_next(struct load *f, struct line *line, enum event_verdict *verdict)
{
	struct loader *l = f->loader;
	bool cut, torn;
	int rc;

	do {
		f->from = l->reader.at;
		rc = framing_read(f->framing, &l->reader, line, &f->error);
		if (rc <= 0)
			return rc;
		*verdict = event_read(
		    &f->rules, line, &l->maker, &f->event, &f->error);
		if (*verdict == EVENT_ALIEN)
			return -1;
		cut = *verdict == EVENT_BAD && !line->ended &&
		      f->event.member == NULL;
		if (cut && may_wait(f, line)) {
			f->chunk.waiting = l->reader.at - f->from;
			return 0;
		}
		torn = cut && f->torn_tails;
		if (torn)
			f->chunk.torn += line->len;
	} while (*verdict == EVENT_NONE || torn);
	atomic_store_explicit(&l->position, l->reader.at, memory_order_relaxed);
	atomic_store_explicit(&l->consumed,
	    source_consumed(f->source, l->reader.at), memory_order_relaxed);
	if (*verdict == EVENT_GOOD)
		f->bad_left = 0;
	return f->bad_left > 0 && --f->bad_left == 0 ? no_events(f) : 1;
}

enum db_verdict
events_learn(struct load *f)
{
	struct loader *l = f->loader;
	enum db_verdict verdict;

	if (l->route == NULL)
		return DB_OK;
	f->learned = l->lacks_place || l->learned_ns != l->db->opened_ns;
	l->lacks_place = false;
	verdict = route_learn(l->route, l->db, f->learned);
	if (verdict == DB_OK || verdict == DB_PREPARE)
		l->learned_ns = l->db->opened_ns;
	return verdict;
}

/*
 * Which of many tables load->row goes to. False, with the error: none. Where
 * the session has no room for one more, the chunk ends in front of it, or, if
 * it begins with it, forgets the others: were it sent elsewhere, its table
 * would depend on where chunks begin, and who loads it again looks in another.
 */
static bool
choose_table(struct load *f)
{
	struct loader *l = f->loader;
	int number = route_row(l->route, l->db, &f->row, &f->error);

	l->lacks_place |= number == ROUTE_OVER;
	if (number == ROUTE_OVER && f->learned)
		number = route_other(l->route, l->db);
	if (number == ROUTE_FULL && f->from > f->at) {
		f->ends = true;
		return true;
	}
	if (number == ROUTE_FULL || number == ROUTE_OVER) {
		f->crowded |= number == ROUTE_FULL;
		f->wants = true;
		f->look_to = 0;
		return true;
	}
	if (number < 0)
		return false;
	f->row.table = (unsigned)number;
	if (l->db != NULL && !l->db->tables[number].ready && !f->wants) {
		f->wants = true;
		/* So a chunk is begun anew just a few times, and read twice. */
		f->look_to = 2 * l->reader.at - f->at + LOOK_AT_LEAST;
	}
	return true;
}

enum row_verdict
events_make_row(struct load *f, const struct line *line)
{
	const struct event *e = &f->event;
	struct row_maker *m = &f->loader->maker;
	enum row_verdict made =
	    row_make(m, e->text.p, e->text.len, e->line, &f->row, &f->error);

	if (e->received_at.p != NULL)
		row_keep_stamp(m, e->received_at, &f->row);
	f->row.place = (struct row_place){
	    .at = line->offset + (uint64_t)(e->text.p - line->text),
	    .len = e->text.len,
	    .offset = e->offset};
	if (made == ROW_MADE && f->rules.bounds.no_nul_value &&
	    row_has_nul(m, &f->row)) {
		(void)error_set(&f->error, "a value of a column has a NUL, "
					   "which no text of the database has");
		made = ROW_REJECTED;
	}
	/* One that is refused already needs no table, and ends no chunk. */
	if (made == ROW_MADE && f->loader->route != NULL && !e->bounded &&
	    !choose_table(f))
		made = ROW_REJECTED;
	if (made == ROW_MADE && f->loader->db != NULL) {
		const struct row_bounds *b =
		    &f->loader->db->tables[f->row.table].bounds;

		f->row.widths = b->widths;
		made = row_bound(m, b, &f->row, &f->error);
	}
	f->event.bounded = f->event.bounded || made == ROW_REJECTED;
	return made;
}
