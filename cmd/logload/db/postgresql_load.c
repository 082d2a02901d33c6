/*
 * postgresql_load.c - a batch into PostgreSQL by COPY.
 *
 * The text of COPY has a backslash for its escape, and a field ends in 0x02,
 * which no JSON holds: a payload goes through as it is, but for its backslashes
 * and what white space may stand between its tokens.
 *
 * A batch is one statement under a savepoint, so what is refused is taken back
 * and the transaction goes on. The error names the first line at fault.
 */
#include <stdlib.h>
#include <string.h>

#include "postgresql_own.h"
#include "scan.h"
#include "sql.h"

#define FIELD_END '\x02'
#define UNIT_LEAST 64

static enum db_verdict
run_text(struct pg *pg, const char *sql)
{
	return pg->db.driver->run(&pg->db, sql, strlen(sql));
}

int
postgresql_put_copy(struct pg *pg)
{
	const struct db_config *c = pg->db.config;
	const struct db_dialect *d = &c->driver->dialect;
	struct buf *b = &pg->copy;

	b->len = 0;
	return buf_printf(b, "SAVEPOINT logload; COPY ") < 0 ||
		       sql_put_table(b, d, pg->db.table->name) < 0 ||
		       buf_printf(b, " (") < 0 ||
		       sql_put_columns(b, d, c->columns) < 0 ||
		       buf_printf(b, ") FROM STDIN (DELIMITER E'\\x02'); "
				     "RELEASE SAVEPOINT logload") < 0
		   ? -1
		   : 0;
}

/* Copies up to a byte that may have a meaning, which few texts have. */
static char *
put_text(char *out, const char *text, size_t len)
{
	const char *end = text + len;

	for (;; text++) {
		const char *next = scan_escape(text, end);
		char c;

		memcpy(out, text, (size_t)(next - text));
		out += next - text;
		text = next;
		if (text == end)
			return out;
		c = *text;
		if (c == '\\' || c == FIELD_END || c == '\n' || c == '\r') {
			*out++ = '\\';
			c = c == '\n' ? 'n' : c == '\r' ? 'r' : c;
		}
		*out++ = c;
	}
}

int
postgresql_put_row(struct pg *pg, const struct batch *b, unsigned row)
{
	char *out;

	/* Each byte may need an escape. */
	if (buf_reserve(&pg->rows, 2 * batch_size(b, row, 1)) < 0)
		return -1;
	out = pg->rows.data + pg->rows.len;
	for (unsigned i = 0; i < b->text_count; i++) {
		const struct batch_texts *t = &b->texts[i];

		if (t->null[row] != 0) {
			*out++ = '\\';
			*out++ = 'N';
		} else {
			out = put_text(out, t->text[row], t->len[row]);
		}
		*out++ = FIELD_END;
		if (i == 0) {
			out = sql_put_digits(out, b->file_id[row]);
			*out++ = FIELD_END;
			out = sql_put_digits(out, b->line[row]);
			*out++ = FIELD_END;
		}
	}
	out[-1] = '\n';
	pg->rows.len = (size_t)(out - pg->rows.data);
	return 0;
}

enum db_verdict
postgresql_store(
    struct db *db, const struct batch *b, unsigned from, unsigned count)
{
	return postgresql_copy((struct pg *)db, b, from, count, NULL);
}

/*
 * Sifting: each row that is refused is looked for, under a savepoint, all of
 * which is taken back; then those that can be are stored at once. So one
 * savepoint of the transaction is used up for a batch, whatever is in its way.
 * Where a row is refused only for others of the batch, as by a unique key, they
 * are stored meanwhile.
 */

enum {
	WANTED,
	THERE, /* the table has that row already */
	REFUSED,
};

/* Texts of an array of SQL: {"…","…"}, and numbers as well. */
static int
put_keys(struct buf *sql, const struct batch *b, unsigned from, unsigned count)
{
	const struct batch_texts *t = &b->texts[0];

	for (int which = 0; which < 3; which++) {
		if (buf_printf(sql, "%s'{", which == 0 ? "" : ", ") < 0)
			return -1;
		for (unsigned row = from; row < from + count; row++) {
			const char *comma = row > from ? "," : "";
			uint64_t n =
			    which == 1 ? b->file_id[row] : b->line[row];
			int rc = which == 0
				     ? buf_printf(sql, "%s\"%.*s\"", comma,
					   (int)t->len[row], t->text[row])
				     : buf_printf(sql, "%s%llu", comma,
					   (unsigned long long)n);

			if (rc < 0)
				return -1;
		}
		if (buf_printf(sql, "}'::%s[]",
			which == 0 ? "timestamptz" : "bigint") < 0)
			return -1;
	}
	return 0;
}

struct sift {
	struct pg *pg;
	const struct batch *batch;
	unsigned from, count;
	unsigned at;   /* the next one of them */
	unsigned unit; /* so many are tried at a time */
	unsigned runs; /* savepoints held */
	bool keeps;    /* what is before a row that is refused, is stored */
	char *state;   /* of each of them */
};

static enum db_verdict
copy(struct sift *s, unsigned from, unsigned count)
{
	for (unsigned i = from; i < from + count; i++) {
		if (s->state[i] == WANTED)
			return postgresql_copy(s->pg, s->batch, s->from + from,
			    count, s->state + from);
	}
	return DB_OK; /* there is none */
}

/* Which of the rows has the table by their own key, before any is tried? */
static enum db_verdict
find_there(struct sift *s)
{
	struct pg *pg = s->pg;
	struct buf *sql = &pg->db.sql;
	enum db_verdict verdict;
	struct db_answer answer;
	char *p;

	if (!pg->db.table->own_key)
		return DB_OK;
	sql->len = 0;
	if (buf_printf(sql, "SELECT string_agg(k.n::text, ' ') FROM unnest(") <
		0 ||
	    put_keys(sql, s->batch, s->from, s->count) < 0 ||
	    buf_printf(sql, ") WITH ORDINALITY k (r, f, l, n) JOIN ") < 0 ||
	    sql_put_table(sql, &pg->db.driver->dialect, pg->db.table->name) <
		0 ||
	    sql_put_form(sql, pg->db.config,
		" t ON t.<received_at>=k.r AND t.<file_id>=k.f AND "
		"t.<line>=k.l") < 0)
		return db_no_memory(&pg->db);
	verdict = pg->db.driver->ask(&pg->db, sql->data, sql->len, &answer);
	if (verdict != DB_OK || answer.fields[0] == NULL)
		return verdict;
	for (p = (char *)answer.fields[0]; *p != '\0';) {
		unsigned long n = strtoul(p, &p, 10);

		if (n > 0 && n <= s->count)
			s->state[n - 1] = THERE;
		p += *p == ' ';
	}
	return DB_OK;
}

/* The row that is the n-th of those that are wanted, from s->at on. */
static unsigned
find_row(const struct sift *s, unsigned n)
{
	unsigned row = s->at;

	while (row < s->count && (s->state[row] != WANTED || --n > 0))
		row++;
	return row;
}

/* Takes all back, and stores what was kept up to now at once. */
static enum db_verdict
merge(struct sift *s)
{
	enum db_verdict verdict = run_text(s->pg, "ROLLBACK TO SAVEPOINT sift");

	s->runs = 0;
	if (verdict == DB_OK && s->keeps) {
		verdict = copy(s, 0, s->at);
		s->runs = 1;
	}
	return verdict;
}

/* So many rows from s->at on were refused. */
static enum db_verdict
split(struct sift *s, unsigned count)
{
	unsigned line = s->pg->bad_line;
	unsigned bad = line > 0 ? find_row(s, line) : s->at + count;
	enum db_verdict verdict = DB_OK;

	if (count == 1)
		bad = s->at;
	if (bad >= s->at + count) { /* it does not say which: half as many */
		s->unit = count / 2;
		return DB_OK;
	}
	s->unit = 2 * (bad - s->at);
	if (s->unit < UNIT_LEAST)
		s->unit = UNIT_LEAST;
	if (s->keeps) {
		verdict = copy(s, s->at, bad - s->at);
		s->runs++;
	}
	if (verdict == DB_OK) {
		s->state[bad] = REFUSED;
		s->at = bad + 1;
	}
	return verdict;
}

/* Leaves none of them in the table. */
static enum db_verdict
find_refused(struct sift *s, bool keeps)
{
	enum db_verdict verdict = run_text(s->pg, "SAVEPOINT sift"), undone;
	struct db *db = &s->pg->db;
	struct error kept;
	enum db_cause cause;

	s->keeps = keeps;
	s->at = s->runs = 0;
	s->unit = s->count;
	while (s->at < s->count && verdict == DB_OK) {
		unsigned left = s->count - s->at;
		unsigned count = s->unit < left ? s->unit : left;

		verdict = copy(s, s->at, count);
		if (verdict == DB_REFUSED) {
			verdict = split(s, count);
		} else if (verdict == DB_OK) {
			s->at += count;
			s->unit = 2 * count;
			s->runs++;
		}
		if (verdict == DB_OK && s->runs >= RUNS_MOST)
			verdict = merge(s);
	}
	if (verdict != DB_OK && verdict != DB_REFUSED)
		return verdict;
	kept = db->error;
	cause = db->cause;
	undone = run_text(
	    s->pg, "ROLLBACK TO SAVEPOINT sift; RELEASE SAVEPOINT sift");
	db->error = undone == DB_OK ? kept : db->error;
	db->cause = undone == DB_OK ? cause : db->cause;
	return undone == DB_OK ? verdict : undone;
}

enum db_verdict
postgresql_sift(struct db *db, const struct batch *b, unsigned from,
    unsigned count, bool *missing)
{
	struct pg *pg = (struct pg *)db;
	struct sift s = {.pg = pg,
	    .batch = b,
	    .from = from,
	    .count = count,
	    .state = pg->skip};
	enum db_verdict verdict;

	memset(s.state, WANTED, count);
	verdict = find_there(&s);
	if (verdict != DB_OK)
		return verdict;
	verdict = DB_REFUSED;
	for (int keeps = 0; keeps < 2 && verdict == DB_REFUSED; keeps++) {
		verdict = find_refused(&s, keeps != 0);
		if (verdict == DB_OK)
			verdict = copy(&s, 0, count);
	}
	for (unsigned i = 0; i < count; i++)
		missing[i] = s.state[i] == REFUSED;
	return verdict;
}
