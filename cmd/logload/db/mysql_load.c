/*
 * mysql_load.c - a batch into MySQL or MariaDB by LOAD DATA LOCAL.
 *
 * It takes its bytes from a handler of ours. A server may ask for any file, and
 * at any statement: no file is ever read, and none but LOAD DATA is answered.
 *
 * A field ends in 0x02 and the escape is 0x01: neither can
 * stand in JSON, which has no control characters but the white space between
 * tokens, so a payload goes through as it is. A line ends in LF, which the
 * payload, being a line, does not hold.
 *
 * LOCAL makes the server turn errors into warnings, cutting or dropping what
 * it cannot store, and say OK. So anything but no warning and as many rows as
 * were sent counts as a refusal, and is taken back. When some rows are known to
 * be refused, just that is what serves to store the others; where LOCAL is off,
 * INSERT IGNORE does it.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "log.h"
#include "mysql_errors.h"
#include "mysql_own.h"
#include "sql.h"

#define FIELD_END '\x02'
#define ESCAPE '\x01'
#define ROWS_AT_LEAST (64 * 1024)   /* bytes that are made at a time */
#define ROWS_KEEP (2 * 1024 * 1024) /* bytes that stay allocated */

/* What is to be escaped is among the first of the characters. */
static char *
put_field(char *out, const struct batch_texts *t, unsigned row)
{
	const char *text = t->text[row];
	size_t len = t->len[row];

	for (size_t i = 0; i < len; i++) {
		unsigned char c = (unsigned char)text[i];

		if (c <= '\n' &&
		    (c == FIELD_END || c == ESCAPE || c == '\n' || c == '\0'))
			*out++ = ESCAPE;
		*out++ = c == '\0' ? '0' : (char)c;
	}
	if (t->null[row]) {
		*out++ = ESCAPE;
		*out++ = 'N';
	}
	*out++ = FIELD_END;
	return out;
}

/*
 * A payload, the last one, has nothing to escape; see above. Without one the
 * line ends where the last field does.
 */
static char *
put_row(char *out, const struct batch *b, unsigned row)
{
	const struct batch_texts *payload = &b->texts[b->text_count - 1];
	unsigned fields = b->text_count - b->payload;

	out = put_field(out, &b->texts[0], row);
	out = sql_put_digits(out, b->file_id[row]);
	*out++ = FIELD_END;
	out = sql_put_digits(out, b->line[row]);
	*out++ = FIELD_END;
	for (unsigned i = 1; i < fields; i++)
		out = put_field(out, &b->texts[i], row);
	if (b->payload) {
		memcpy(out, payload->text[row], payload->len[row]);
		out += payload->len[row] + 1;
	}
	out[-1] = '\n';
	return out;
}

/*
 * Makes rows while the server reads those before. There is room for one more
 * than what is at least made at a time.
 */
static void
put_rows(struct mysql *m)
{
	char *out = m->rows.data;

	for (; m->next < m->end && out - m->rows.data < ROWS_AT_LEAST;
	     m->next++) {
		if (m->skip == NULL || !m->skip[m->next - m->first])
			out = put_row(out, m->batch, m->next);
	}
	m->rows.len = (size_t)(out - m->rows.data);
	m->sent = 0;
}

/* Room for what put_rows makes: each byte may need an escape. */
static int
reserve_rows(struct mysql *m)
{
	const struct batch *b = m->batch;
	size_t most = 0;

	for (unsigned row = m->first; row < m->end; row++) {
		size_t size = 2 * batch_size(b, row, 1);

		most = size > most ? size : most;
	}
	m->rows.len = 0;
	m->sent = 0;
	return buf_reserve(&m->rows, ROWS_AT_LEAST + most);
}

int
mysql_infile_read(void *handle, char *out, unsigned size)
{
	struct mysql *m = handle;
	size_t left;

	/* MariaDB's library does not look whether it has got its buffer. */
	if (out == NULL)
		return -1;
	if (m->sent == m->rows.len)
		put_rows(m);
	left = m->rows.len - m->sent;
	if (left > size)
		left = size;
	memcpy(out, m->rows.data + m->sent, left);
	m->sent += left;
	return (int)left;
}

void
mysql_infile_end(void *handle)
{
	(void)handle; /* not its own */
}

int
mysql_infile_error(void *handle, char *text, unsigned size)
{
	(void)handle;
	(void)snprintf(text, size, "no file is sent");
	return CLIENT_INFILE_REFUSED;
}

enum db_verdict
mysql_file_asked(struct mysql *m)
{
	(void)error_set(&m->db.error,
	    "the server asked for our file '%s' and got nothing: it, or who "
	    "stands before it, is hostile",
	    m->asked);
	m->db.error.code = 0;
	m->db.cause = DB_CAUSE_OTHER;
	return DB_SCHEMA;
}

/* Takes what LOAD DATA has warned of first for the error that it is. */
static enum db_verdict
read_warning(struct db *db)
{
	static const char sql[] = "SHOW WARNINGS LIMIT 1";
	enum db_verdict verdict;
	struct db_answer answer;

	verdict = db->driver->ask(db, sql, sizeof(sql) - 1, &answer);
	if (verdict != DB_OK)
		return verdict;
	if (answer.fields[1] != NULL && answer.fields[2] != NULL) {
		(void)error_set(&db->error, "%s", answer.fields[2]);
		db->error.code = (int)strtoul(answer.fields[1], NULL, 10);
		return mysql_verdict(
		    (unsigned)db->error.code, "", answer.fields[2], &db->cause);
	}
	return DB_REFUSED;
}

static enum db_verdict
run_text(struct db *db, const char *sql)
{
	return db->driver->run(db, sql, strlen(sql));
}

static enum db_verdict
send_rows(struct mysql *m)
{
	const struct db_config *c = m->db.config;
	const struct db_dialect *d = &m->db.driver->dialect;
	enum db_verdict verdict;
	struct buf *b = &m->db.sql;

	b->len = 0;
	/* MariaDB's library looks for the word LOAD at the very front. */
	if (buf_printf(b, "LOAD DATA LOCAL INFILE 'logload' INTO TABLE ") < 0 ||
	    sql_put_table(b, d, m->db.table->name) < 0 ||
	    buf_printf(b, " CHARACTER SET utf8mb4 FIELDS TERMINATED BY 0x02 "
			  "ESCAPED BY 0x01 LINES TERMINATED BY 0x0A (") < 0 ||
	    sql_put_columns(b, d, c->columns) < 0 || buf_append(b, ")", 1) < 0)
		return db_no_memory(&m->db);
	m->loading = true;
	verdict = m->db.driver->run(&m->db, b->data, b->len);
	m->loading = false;
	return verdict;
}

static bool
is_infile_refused(int code)
{
	return code == SERVER_INFILE_OFF || code == SERVER_LOCAL_INFILE_OFF ||
	       code == SERVER_INFILE_NO_CAPABILITY ||
	       code == CLIENT_INFILE_REFUSED;
}

/*
 * Without those that skip[] names, if there is one; so in all that follows.
 * DB_OK: as many rows as m->db.changed says, of which some may have been cut.
 */
static enum db_verdict
load(struct mysql *m, const struct batch *b, unsigned from, unsigned count,
    const bool *skip)
{
	enum db_verdict verdict;

	m->batch = b;
	m->first = m->next = from;
	m->end = from + count;
	m->skip = skip;
	if (reserve_rows(m) < 0)
		return db_no_memory(&m->db);
	verdict = run_text(&m->db, "SAVEPOINT logload");
	if (verdict == DB_OK)
		verdict = send_rows(m);
	buf_clear(&m->rows, ROWS_KEEP);
	if (verdict != DB_OK && is_infile_refused(m->db.error.code)) {
		m->load_data = false;
		mysql_set_limits(m);
		return DB_REFUSED; /* then they go by INSERT */
	}
	return verdict;
}

/* DB_REFUSED, with the error as it is, once the rows are taken back. */
static enum db_verdict
take_back(struct mysql *m)
{
	struct error kept = m->db.error;
	enum db_cause cause = m->db.cause;
	enum db_verdict undone =
	    run_text(&m->db, "ROLLBACK TO SAVEPOINT logload");

	if (undone != DB_OK)
		return undone;
	m->db.error = kept;
	m->db.cause = cause;
	return DB_REFUSED;
}

enum db_verdict
mysql_load(
    struct mysql *m, const struct batch *b, unsigned from, unsigned count)
{
	enum db_verdict verdict = load(m, b, from, count, NULL);

	if (verdict != DB_OK || (m->db.changed == count && m->warnings == 0))
		return verdict;
	(void)error_set(&m->db.error,
	    "LOAD DATA: sent %u rows, stored %llu with %u warnings", count,
	    (unsigned long long)m->db.changed, m->warnings);
	m->db.cause = DB_CAUSE_OTHER;
	if (count == 1 && m->warnings > 0)
		verdict = read_warning(&m->db);
	else
		verdict = DB_REFUSED;
	return verdict == DB_REFUSED ? take_back(m) : verdict;
}

static int
put_values(struct buf *sql, const struct db_dialect *d, const struct batch *b,
    unsigned row)
{
	for (unsigned i = 0; i < b->text_count; i++) {
		const struct batch_texts *t = &b->texts[i];
		int rc = t->null[row]
			     ? buf_printf(sql, "NULL")
			     : sql_put_text(sql, d, t->text[row], t->len[row]);

		if (rc < 0 ||
		    (i + 1 < b->text_count && buf_append(sql, ",", 1) < 0))
			return -1;
		if (i == 0 && buf_printf(sql, "%llu,%llu,",
				  (unsigned long long)b->file_id[row],
				  (unsigned long long)b->line[row]) < 0)
			return -1;
	}
	return 0;
}

/* The same by INSERT IGNORE; DB_REFUSED where it would be too large. */
static enum db_verdict
insert_ignoring(struct mysql *m, const struct batch *b, unsigned from,
    unsigned count, const bool *skip)
{
	const struct db_config *c = m->db.config;
	const struct db_dialect *d = &m->db.driver->dialect;
	struct buf *sql = &m->db.sql;
	enum db_verdict verdict = run_text(&m->db, "SAVEPOINT logload");
	const char *open = "(";

	sql->len = 0;
	if (buf_printf(sql, "INSERT IGNORE INTO ") < 0 ||
	    sql_put_table(sql, d, m->db.table->name) < 0 ||
	    buf_printf(sql, " (") < 0 ||
	    sql_put_columns(sql, d, c->columns) < 0 ||
	    buf_printf(sql, ") VALUES ") < 0)
		return db_no_memory(&m->db);
	for (unsigned i = 0; i < count; i++) {
		if (skip[i])
			continue;
		if (buf_printf(sql, "%s", open) < 0 ||
		    put_values(sql, d, b, from + i) < 0 ||
		    buf_append(sql, ")", 1) < 0)
			return db_no_memory(&m->db);
		open = ",(";
	}
	if (verdict == DB_OK && sql->len + PACKET_SPARE > m->packet_max)
		verdict = DB_REFUSED;
	if (verdict == DB_OK)
		verdict = m->db.driver->run(&m->db, sql->data, sql->len);
	buf_clear(sql, ROWS_KEEP);
	return verdict;
}

static uint64_t
count_there(const bool *missing, unsigned count)
{
	uint64_t there = 0;

	for (unsigned i = 0; i < count; i++)
		there += !missing[i];
	return there;
}

static enum db_verdict
send_ignoring(struct mysql *m, const struct batch *b, unsigned from,
    unsigned count, const bool *skip)
{
	return m->load_data ? load(m, b, from, count, skip)
			    : insert_ignoring(m, b, from, count, skip);
}

/* The level, the code and the text of each warning, one behind the other. */
static enum db_verdict
ask_warnings(struct mysql *m, unsigned *count, const char **texts)
{
	static const char sql[] = "SHOW WARNINGS";
	struct db_answer answer;
	enum db_verdict verdict =
	    m->db.driver->ask(&m->db, sql, sizeof(sql) - 1, &answer);

	*count = verdict == DB_OK ? m->rows_told : 0;
	*texts = verdict == DB_OK ? answer.fields[0] : NULL;
	return verdict;
}

static const char *
behind(const char *text)
{
	return text + strlen(text) + 1;
}

/*
 * Which rows do the warnings name, as "… at row 7"? Those that were cut. To
 * name one too many is no harm, and one too few is noticed.
 */
static enum db_verdict
find_cut(struct mysql *m, unsigned count, bool *cut)
{
	static const char place[] = " at row ";
	const char *p, *found;
	unsigned warnings;
	enum db_verdict verdict = ask_warnings(m, &warnings, &p);

	for (; warnings > 0; warnings--) {
		unsigned long row;

		p = behind(behind(p));
		found = strstr(p, place);
		row = found == NULL ? 0
				    : strtoul(found + strlen(place), NULL, 10);
		if (row > 0 && row <= count)
			cut[row - 1] = true;
		p = behind(p);
	}
	return verdict;
}

/* Keeps what was warned of, where each warning is of a row of its own. */
static enum db_verdict
keep_reasons(struct mysql *m)
{
	unsigned count, warnings = m->warnings;
	const char *p;
	enum db_verdict verdict = ask_warnings(m, &count, &p);

	if (verdict != DB_OK || count != warnings)
		return verdict;
	m->reasons.len = 0;
	for (; count > 0; count--) {
		const char *code = behind(p);

		p = behind(behind(code));
		if (buf_append(&m->reasons, code, (size_t)(p - code)) < 0)
			return db_no_memory(&m->db);
	}
	m->db.reasons = m->reasons.data;
	return DB_OK;
}

/* Once more without the rows that were cut, where these are few. */
static enum db_verdict
send_uncut(struct mysql *m, const struct batch *b, unsigned from,
    unsigned *count, bool *cut)
{
	unsigned rows = *count;
	enum db_verdict verdict, undone;

	if (m->warnings > rows / 4)
		return take_back(m);
	verdict = find_cut(m, rows, cut);
	if (verdict != DB_OK)
		return verdict;
	undone = take_back(m);
	if (undone != DB_REFUSED)
		return undone;
	for (unsigned i = 0; i < rows; i++)
		*count -= cut[i];
	return send_ignoring(m, b, from, rows, cut);
}

/*
 * Each warning is of a row that is not there, if with these there are as many
 * rows as were sent: one that was cut is there, and has a warning too. A row
 * that was stored and is not found has another key: a trigger's.
 */
enum db_verdict
mysql_sift(struct db *db, const struct batch *b, unsigned from, unsigned count,
    bool *missing)
{
	struct mysql *m = (struct mysql *)db;
	enum db_verdict verdict;
	unsigned sent = count;
	uint64_t stored, there;

	if (!db->table->can_sift)
		return DB_REFUSED;
	db->reasons = NULL;
	memset(missing, false, count * sizeof(*missing));
	verdict = send_ignoring(m, b, from, count, missing);
	if (verdict == DB_OK && m->db.changed + m->warnings != count)
		verdict = send_uncut(m, b, from, &sent, missing);
	if (verdict != DB_OK)
		return verdict;
	stored = m->db.changed;
	if (stored + m->warnings != sent)
		return take_back(m);
	if (stored == count)
		return DB_OK;
	verdict = sent == count ? keep_reasons(m) : DB_OK;
	if (verdict != DB_OK)
		return verdict;
	memset(missing, true, count * sizeof(*missing));
	verdict = mysql_find(m, b, from, count, missing);
	there = verdict == DB_OK ? count_there(missing, count) : 0;
	if (there > stored) /* before: a warning may be of one of those */
		db->reasons = NULL;
	if (verdict == DB_OK && there < stored)
		verdict = DB_REFUSED;
	return verdict == DB_REFUSED ? take_back(m) : verdict;
}

enum db_verdict
mysql_load_instead(struct mysql *m, const struct batch *b, unsigned from,
    unsigned count, enum db_verdict verdict)
{
	enum db_verdict said;

	if (!m->load_data || (m->db.error.code != SERVER_NOT_PREPARED &&
				 m->db.error.code != SERVER_TOO_MANY_PREPARED))
		return verdict;
	if (!m->unprepared)
		log_warn("loading by LOAD DATA: %s", m->db.error.text);
	m->unprepared = true;
	m->arrays = false;
	mysql_set_limits(m);
	said = mysql_load(m, b, from, count);
	return m->load_data ? said : verdict; /* none of the ways is there */
}
