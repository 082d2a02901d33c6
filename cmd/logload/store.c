/*
 * store.c - see store.h.
 *
 * Rows are stored as many at a time as were gathered. Where some of them are
 * refused, the driver sifts, if it can; else half as many are tried, and after
 * each success twice as many.
 */
#include <limits.h>
#include <stdlib.h>
#include <string.h>

#include "clock.h"
#include "db/period.h"
#include "store.h"

/*
 * As long as nothing of a file is stored: how many rows are tried alone where
 * the driver sifts, and where it does not; and then one of so many.
 */
#define ALONE_SIFTED 64
#define ALONE_MOST 300
#define SKIM_EVERY 1024
#define NEAR_US (60 * (int64_t)CLOCK_US_PER_S)

int
gathered_init(struct gathered *g, const struct columns *columns)
{
	g->held_count = 0;
	g->held = calloc(HELD_MAX, sizeof(*g->held));
	if (g->held != NULL &&
	    batch_init(&g->batch, columns, BATCH_ROWS_MAX) == 0)
		return 0;
	free(g->held);
	g->held = NULL;
	return -1;
}

void
gathered_release(struct gathered *g)
{
	if (g->held == NULL)
		return;
	free(g->held);
	batch_release(&g->batch);
}

void
gathered_clear(struct gathered *g)
{
	batch_clear(&g->batch);
	g->held_count = 0;
}

int
store_init(struct store *s, struct db *db, struct reject *reject,
    const struct columns *columns)
{
	memset(s, 0, sizeof(*s));
	s->db = db;
	s->reject = reject;
	s->columns = columns;
	s->table_most = 1 + (db == NULL ? 0 : db->config->table_room);
	s->missing = calloc(BATCH_ROWS_MAX, sizeof(*s->missing));
	s->tables = calloc(s->table_most, sizeof(*s->tables));
	if (s->missing != NULL && s->tables != NULL)
		return 0;
	free(s->missing);
	free(s->tables);
	s->missing = NULL;
	s->tables = NULL;
	return -1;
}

void
store_release(struct store *s)
{
	if (s->missing == NULL)
		return;
	free(s->missing);
	for (unsigned i = 0; i < s->table_most; i++)
		batch_release(&s->tables[i].kept);
	free(s->tables);
}

void
store_begin_file(
    struct store *s, struct source *source, bool copies, bool witnessed)
{
	s->source = source;
	s->copies = copies;
	s->witnessed = witnessed;
	for (unsigned i = 0; i < s->table_most; i++) {
		struct store_table *t = &s->tables[i];

		t->thorough = witnessed;
		t->alone = t->until_next = 0;
		batch_clear(&t->kept);
	}
}

void
store_begin_chunk(struct store *s)
{
	s->events = s->rejected = 0;
	for (unsigned i = 0; i < s->table_most; i++) {
		struct store_table *t = &s->tables[i];

		t->doubtful = 0;
		t->skims = t->sifts = t->cannot_sift = false;
		t->unit = BATCH_ROWS_MAX;
	}
}

/* The database has spoken, and not of rows. */
static enum load_verdict
heard(struct store *s, enum db_verdict verdict)
{
	s->error = s->db->error;
	return store_heard(verdict);
}

/* Puts a line into rejected/; a record from there goes back as it is. */
static int
put_held(struct store *s, const struct held_line *h)
{
	if (s->copies)
		return reject_copy(s->reject, s->source, &h->line, &s->error);
	return reject_add(s->reject, s->source, &h->line, &h->why, &s->error);
}

/*
 * The lines that stand before that row, and were not put yet. In a batch that
 * was sorted no row has its place: they are put behind all.
 */
static int
put_held_before(struct store *s, const struct gathered *g, unsigned row)
{
	if (g->batch.mixed && row != UINT_MAX)
		return 0;
	while (s->put < g->held_count && g->held[s->put].row <= row) {
		if (put_held(s, &g->held[s->put++]) < 0)
			return -1;
	}
	return 0;
}

/* A row for db_probe. */
static int
keep(struct store *s, const struct batch *b, unsigned row)
{
	struct batch *kept = &s->table->kept;

	if (kept->texts == NULL && batch_init(kept, s->columns, 1) < 0)
		return -1;
	return batch_copy(kept, b, row);
}

/* So many rows are in the table, that one among them: a witness. */
static enum load_verdict
stored(struct store *s, const struct batch *b, unsigned row, unsigned count)
{
	if (s->table->skims) {
		s->table->thorough = true;
		return LOAD_STOPPED;
	}
	s->events += count;
	s->table->doubtful = 0;
	if (s->table->kept.count == 0 && keep(s, b, row) < 0)
		return heard(s, db_no_memory(s->db));
	return LOAD_DONE;
}

/*
 * The database has refused a row by itself. `absent`: it was not there before
 * the rows of its batch; records of rejected/ may hold one twice.
 */
static enum load_verdict
refused(struct store *s, const struct gathered *g, unsigned row, bool absent)
{
	const struct batch *b = &g->batch;
	bool duplicate = s->db->cause == DB_CAUSE_DUPLICATE, there = false;
	struct error said = s->db->error;
	char code[DB_CODE_MAX];
	struct line line = {.offset = b->place[row].at,
	    .len = b->place[row].len,
	    .number = b->line[row]};
	struct reject_reason why = {.code = code,
	    .text = said.text,
	    .member = "event",
	    .offset = b->place[row].offset,
	    .received_at = b->texts[0].text[row],
	    .file_id = b->file_id[row]};
	enum db_verdict verdict = DB_OK;

	db_code(s->db, said.code, code);
	if (duplicate && (!absent || s->copies))
		verdict = db_is_there(s->db, b, row, 1, &there);
	if (verdict != DB_OK)
		return heard(s, verdict);
	if (there)
		return stored(s, b, row, 1);
	if (!duplicate) {
		if (s->table->doubtful++ == 0)
			s->table->refusal = said;
		s->table->alone += s->table->kept.count == 0;
	}
	s->rejected++;
	if (put_held_before(s, g, row) < 0 ||
	    reject_add(s->reject, s->source, &line, &why, &s->error) < 0)
		return LOAD_IO;
	return LOAD_DONE;
}

static enum load_verdict
store_alone(
    struct store *s, const struct gathered *g, unsigned row, bool absent)
{
	enum db_verdict said = db_store(s->db, &g->batch, row, 1);

	if (said == DB_OK)
		return stored(s, &g->batch, row, 1);
	return said == DB_REFUSED ? refused(s, g, row, absent) : heard(s, said);
}

/*
 * A row that was passed over among others, and why, if that is known: it is
 * believed where a row by itself was refused with that code.
 */
static enum load_verdict
store_missing(
    struct store *s, const struct gathered *g, unsigned row, const char **why)
{
	int code = *why == NULL ? 0 : (int)strtol(*why, NULL, 10);
	const char *text = *why == NULL ? NULL : strchr(*why, '\0') + 1;
	uint64_t before = s->rejected;
	enum load_verdict verdict;

	if (text != NULL)
		*why = strchr(text, '\0') + 1;
	for (unsigned i = 0; i < s->seen_count; i++) {
		if (s->seen[i].code != code)
			continue;
		(void)error_set(&s->db->error, "%s", text);
		s->db->error.code = code;
		s->db->cause = s->seen[i].cause;
		return refused(s, g, row, true);
	}
	verdict = store_alone(s, g, row, true);
	if (text != NULL && s->rejected > before && s->db->error.code == code &&
	    s->seen_count < SEEN_MAX) {
		s->seen[s->seen_count].code = code;
		s->seen[s->seen_count++].cause = s->db->cause;
	}
	return verdict;
}

/* Were so many refused that the rest will be, too? */
static bool
gives_up(const struct store *s, unsigned most)
{
	return s->table->kept.count == 0 && !s->table->thorough &&
	       s->table->alone >= most;
}

/* Tries a few of the rows; if all are refused, so are the others. */
static enum load_verdict
skim(struct store *s, const struct gathered *g, unsigned from, unsigned count)
{
	enum load_verdict verdict = LOAD_DONE;
	unsigned i = s->table->until_next;

	s->table->skims = true;
	s->table->doubtful += count;
	for (; i < count && verdict == LOAD_DONE; i += SKIM_EVERY)
		verdict = store_alone(s, g, from + i, false);
	s->table->until_next = i - count;
	return verdict;
}

/* Stores what can be, and then asks of the others, one by one, why not. */
static enum load_verdict
sift(struct store *s, const struct gathered *g, unsigned from, unsigned count)
{
	enum load_verdict verdict = LOAD_DONE;
	unsigned there = count, first = 0;
	/* Of a record that is there twice: which of them was passed over? */
	const char *why = s->copies ? NULL : s->db->reasons;

	s->seen_count = 0;
	for (unsigned i = count; i > 0; i--) {
		if (s->missing[i - 1])
			there--;
		else
			first = i - 1;
	}
	s->table->sifts = there < count;
	if (there > 0)
		verdict = stored(s, &g->batch, from + first, there);
	for (unsigned i = 0; i < count && verdict == LOAD_DONE; i++) {
		if (!s->missing[i])
			continue;
		if (gives_up(s, ALONE_SIFTED)) {
			s->table->skims = true;
			s->table->doubtful += count - i;
			break;
		}
		verdict = store_missing(s, g, from + i, &why);
	}
	return verdict;
}

/* Deals with some of the rows from `from` on, of which *done tells. */
static enum load_verdict
store_some(struct store *s, const struct gathered *g, unsigned from,
    unsigned count, unsigned *done)
{
	const struct batch *b = &g->batch;
	enum db_verdict said;

	*done = count;
	if (gives_up(s, ALONE_MOST))
		return skim(s, g, from, count);
	*done = count = count < s->table->unit ? count : s->table->unit;
	if (count == 1) {
		uint64_t before = s->events;
		enum load_verdict verdict = store_alone(s, g, from, false);

		s->table->unit = s->events > before ? 2 : 1;
		return verdict;
	}
	if (s->table->sifts) {
		said = db_sift(s->db, b, from, count, s->missing);
		if (said == DB_OK)
			return sift(s, g, from, count);
		s->table->sifts = false;
		s->table->cannot_sift = true;
	} else {
		said = db_store(s->db, b, from, count);
		s->table->sifts = said == DB_REFUSED && !s->table->cannot_sift;
	}
	if (said == DB_OK) {
		if (s->table->unit < BATCH_ROWS_MAX)
			s->table->unit *= 2;
		return stored(s, b, from, count);
	}
	if (said != DB_REFUSED)
		return heard(s, said);
	*done = 0; /* once more, otherwise */
	if (!s->table->sifts)
		s->table->unit = count / 2;
	return LOAD_DONE;
}

/* The rows from `from` on, of one table. */
static enum load_verdict
store_rows(
    struct store *s, const struct gathered *g, unsigned from, unsigned count)
{
	enum load_verdict verdict = LOAD_DONE;
	unsigned done;

	for (unsigned at = 0; at < count && verdict == LOAD_DONE; at += done)
		verdict = store_some(s, g, from + at, count - at, &done);
	return verdict;
}

/* Does the table know an event that it has? What was rejected may be there. */
static bool
may_take_copies(struct store *s)
{
	if (s->db->table->own_key)
		return true;
	(void)error_set(&s->error,
	    "without a unique key an event could be stored twice: the table %s "
	    "needs UNIQUE (%s, %s, %s)",
	    s->db->table->name, s->columns->fixed[COLUMN_RECEIVED_AT],
	    s->columns->fixed[COLUMN_FILE_ID], s->columns->fixed[COLUMN_LINE]);
	return false;
}

static void
use_table(struct store *s, unsigned number)
{
	s->db->table = &s->db->tables[number];
	s->table = &s->tables[number];
}

/* Is any of so many rows in the other one of many tables? */
static enum load_verdict
ask_other(struct store *s, const struct batch *b, unsigned from, unsigned count,
    bool *there)
{
	struct db_table *own = s->db->table, *other = &s->db->tables[0];
	enum db_verdict verdict;

	*there = false;
	s->db->table = other;
	verdict = db_is_there(s->db, b, from, count, there);
	s->db->table = own;
	return verdict == DB_OK ? LOAD_DONE : heard(s, verdict);
}

/*
 * The same, of rows that may be years apart: what is between them is looked
 * through, so it is asked of those at a time that are close together.
 */
static enum load_verdict
ask_other_of_all(struct store *s, const struct batch *b, unsigned from,
    unsigned count, bool *there)
{
	const char **at = b->texts[0].text;
	enum load_verdict verdict = LOAD_DONE;
	unsigned end = from + count, next;

	*there = false;
	if (!s->db->tables[0].ready)
		return LOAD_DONE;
	for (; from < end && verdict == LOAD_DONE && !*there; from = next) {
		int64_t us = instant_us(at[from]);

		for (next = from + 1; next < end; next++) {
			int64_t apart = instant_us(at[next]) - us;

			if (apart > NEAR_US || apart < -NEAR_US)
				break;
		}
		verdict = ask_other(s, b, from, next - from, there);
	}
	return verdict;
}

/*
 * Before a table was there for them, such rows may have gone to the other one,
 * and the ledger may have lost that: those that are there are loaded.
 */
static enum load_verdict
store_others(
    struct store *s, const struct gathered *g, unsigned from, unsigned count)
{
	enum load_verdict verdict = LOAD_DONE;
	unsigned end = from + count, next;

	for (; from < end && verdict == LOAD_DONE; from = next) {
		bool there = false;

		for (next = from; next < end && verdict == LOAD_DONE && !there;
		     next++)
			verdict = ask_other(s, &g->batch, next, 1, &there);
		count = next - from - there;
		if (verdict == LOAD_DONE && count > 0)
			verdict = store_rows(s, g, from, count);
		s->events += there;
	}
	return verdict;
}

enum load_verdict
store_gathered(struct store *s, struct gathered *g)
{
	enum load_verdict verdict = LOAD_DONE;
	struct batch *b = &g->batch;
	bool there = false;
	unsigned count = 0;

	s->put = 0;
	if (batch_sort(b) < 0)
		return heard(s, db_no_memory(s->db));
	/*
	 * The first table is the other one: its rows have keys between those of
	 * the rest, so that is asked about before they are there.
	 */
	if (b->count > 0 && b->table[0] == 0)
		count = batch_of_table(b, 0);
	verdict = ask_other_of_all(s, b, count, b->count - count, &there);
	for (unsigned at = 0; at < b->count && verdict == LOAD_DONE;
	     at += count) {
		count = batch_of_table(b, at);
		use_table(s, b->table[at]);
		if (s->copies && !may_take_copies(s))
			return LOAD_SCHEMA;
		verdict = there && b->table[at] > 0
			      ? store_others(s, g, at, count)
			      : store_rows(s, g, at, count);
	}
	if (verdict == LOAD_DONE && put_held_before(s, g, UINT_MAX) < 0)
		verdict = LOAD_IO;
	return verdict;
}

/* May the records of the table's rows stand? */
static enum load_verdict
end_table(struct store *s)
{
	struct store_table *t = s->table;
	struct error *e = &s->error;
	enum db_verdict verdict;
	char code[DB_CODE_MAX];

	if (t->doubtful == 0 || (s->witnessed && t->kept.count == 0))
		return LOAD_DONE;
	if (t->kept.count > 0) {
		verdict = db_probe(s->db, &t->kept, 0);
		if (verdict != DB_REFUSED)
			return heard(s, verdict);
	}
	db_code(s->db, t->refusal.code, code);
	(void)error_set(e,
	    t->kept.count > 0 ? "the table takes no rows any more: %s (%s)"
			      : "all of its events are refused: %s (%s)",
	    t->refusal.text, code);
	e->code = t->refusal.code;
	return t->kept.count > 0 ? LOAD_SCHEMA : LOAD_REFUSED;
}

enum load_verdict
store_end(struct store *s)
{
	enum load_verdict verdict = LOAD_DONE;

	for (unsigned i = 0; i < s->table_most && verdict == LOAD_DONE; i++) {
		use_table(s, i);
		verdict = end_table(s);
	}
	return verdict;
}
