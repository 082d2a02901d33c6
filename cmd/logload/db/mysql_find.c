/*
 * mysql_find.c - which rows of a batch are in the table?
 *
 * One SELECT tells, over the instants of the batch: they are the front of the
 * rows' own key, and hardly anything else lies between them. How much it may
 * look at is bounded, for instants that are years apart. The answer is one row
 * of text, which needs nothing of the client library.
 */
#include <stdlib.h>
#include <string.h>

#include "mysql_own.h"
#include "sql.h"

/* The first or the last instant of the batch; texts of one length. */
static unsigned
find_end(const struct batch *b, unsigned from, unsigned count, bool last)
{
	const struct batch_texts *t = &b->texts[0];
	unsigned found = from;

	for (unsigned i = from; i < from + count; i++) {
		int order = memcmp(t->text[i], t->text[found], t->len[i]);

		if (last ? order > 0 : order < 0)
			found = i;
	}
	return found;
}

/* Where all have one instant, there may be many others of it. */
static int
put_lines(struct mysql *m, const struct batch *b, unsigned from, unsigned count)
{
	struct buf *sql = &m->db.sql;
	const struct db_config *c = m->db.config;
	uint64_t file[2] = {UINT64_MAX, 0}, line[2] = {UINT64_MAX, 0};

	for (unsigned i = from; i < from + count; i++) {
		if (b->file_id[i] < file[0])
			file[0] = b->file_id[i];
		if (b->file_id[i] > file[1])
			file[1] = b->file_id[i];
		if (b->line[i] < line[0])
			line[0] = b->line[i];
		if (b->line[i] > line[1])
			line[1] = b->line[i];
	}
	return sql_put_form(sql, c, " AND <file_id>") < 0 ||
		       buf_printf(sql, " BETWEEN %llu AND %llu",
			   (unsigned long long)file[0],
			   (unsigned long long)file[1]) < 0 ||
		       sql_put_form(sql, c, " AND <line>") < 0 ||
		       buf_printf(sql, " BETWEEN %llu AND %llu",
			   (unsigned long long)line[0],
			   (unsigned long long)line[1]) < 0
		   ? -1
		   : 0;
}

static int
put_select(struct mysql *m, const struct batch *b, unsigned from,
    unsigned count, unsigned most)
{
	const struct db_dialect *d = &m->db.driver->dialect;
	const struct batch_texts *t = &b->texts[0];
	unsigned low = find_end(b, from, count, false);
	unsigned high = find_end(b, from, count, true);
	struct buf *sql = &m->db.sql;

	sql->len = 0;
	if (sql_put_form(sql, m->db.config,
		"SELECT COUNT(*), GROUP_CONCAT(f, ' ', l) "
		"FROM (SELECT <file_id> f, <line> l FROM ") < 0 ||
	    sql_put_table(sql, d, m->db.table->name) < 0 ||
	    sql_put_form(sql, m->db.config, " WHERE <received_at> BETWEEN ") <
		0 ||
	    sql_put_text(sql, d, t->text[low], t->len[low]) < 0 ||
	    buf_printf(sql, " AND ") < 0 ||
	    sql_put_text(sql, d, t->text[high], t->len[high]) < 0)
		return -1;
	if (memcmp(t->text[low], t->text[high], t->len[low]) == 0 &&
	    put_lines(m, b, from, count) < 0)
		return -1;
	return buf_printf(sql, " LIMIT %u) found", most);
}

/* They come in the order of the key, which is most often that of the batch. */
static void
note(const struct batch *b, unsigned from, unsigned count, uint64_t file_id,
    uint64_t line, unsigned *at, bool *missing)
{
	for (unsigned i = 0; i < count; i++) {
		unsigned k = (*at + i) % count;

		if (b->line[from + k] == line &&
		    b->file_id[from + k] == file_id) {
			missing[k] = false;
			*at = k + 1;
			return;
		}
	}
}

enum db_verdict
mysql_find(struct mysql *m, const struct batch *b, unsigned from,
    unsigned count, bool *missing)
{
	unsigned most = 4 * count + 1000, at = 0;
	enum db_verdict verdict;
	struct db_answer answer;
	uint64_t rows;
	char *p;

	if (put_select(m, b, from, count, most) < 0)
		return db_no_memory(&m->db);
	verdict =
	    m->db.driver->ask(&m->db, m->db.sql.data, m->db.sql.len, &answer);
	if (verdict != DB_OK)
		return verdict;
	rows = answer.found ? strtoull(answer.fields[0], NULL, 10) : most;
	p = (char *)answer.fields[1];
	for (uint64_t i = 0; i < rows && rows < most; i++) {
		uint64_t file_id, line;

		if (p == NULL || *p == '\0') /* cut: it was too long */
			return DB_REFUSED;
		file_id = strtoull(p, &p, 10);
		line = strtoull(p, &p, 10);
		p += *p == ',';
		note(b, from, count, file_id, line, &at, missing);
	}
	return rows < most ? DB_OK : DB_REFUSED;
}
