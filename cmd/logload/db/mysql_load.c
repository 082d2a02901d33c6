/*
 * mysql_load.c - rows into MySQL or MariaDB: LOAD DATA LOCAL, or INSERT.
 * mysql_bulk.c has a third way, MariaDB's own.
 *
 * LOAD DATA LOCAL takes its bytes from a handler of ours; no file is read,
 * whatever name a server may ask for. Fields end in 0x02 and the escape is
 * 0x01: neither can stand in JSON, which has no control characters but the
 * white space between tokens, so a payload goes through as it is. A line ends
 * in LF, which the payload, being a line, does not hold.
 *
 * LOCAL makes the server turn errors into warnings, cutting or dropping what
 * it cannot store, and say OK. So anything but no warning and as many rows as
 * were sent counts as a refusal. INSERT under the strict sql_mode of the
 * session tells the truth by itself.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "mysql_own.h"

#define FIELD_END '\x02'
#define ESCAPE '\x01'
#define PACKET_SPARE 64        /* of max_allowed_packet, for the protocol */
#define INSERT_BYTES (1 << 20) /* about so much a statement */

struct infile {
	struct db_rows *rows;
	struct buf *head; /* the row up to its payload; of the mysql_db */
	size_t head_at;
	struct value payload; /* what is left of it */
	uint64_t file_id;
	unsigned columns;
	bool begun, ended, failed, no_memory;
};

static enum db_verdict
load_data(struct mysql_db *, const struct db_file *, struct db_rows *);
static enum db_verdict
insert_rows(struct mysql_db *, const struct db_file *, struct db_rows *);

enum db_verdict
mysql_load(struct db *db, const struct db_file *file, struct db_rows *rows)
{
	struct mysql_db *m = (struct mysql_db *)db;
	enum db_verdict verdict = DB_OK;

	if (m->arrays && m->bulk == NULL)
		verdict = mysql_bulk_prepare(m);
	if (verdict != DB_OK)
		return verdict;
	if (m->arrays)
		return mysql_bulk_load(m, file, rows);
	return m->inserts ? insert_rows(m, file, rows)
			  : load_data(m, file, rows);
}

/* The column names, without brackets. */
static int
put_columns(struct buf *b, const struct columns *columns)
{
	if (buf_printf(b, "received_at, file_id, line, ") < 0)
		return -1;
	for (unsigned i = 0; i < columns->count; i++) {
		const char *name = columns->list[i].name;

		if (mysql_quote_name(b, name, strlen(name)) < 0 ||
		    buf_append(b, ", ", 2) < 0)
			return -1;
	}
	return buf_append(b, "payload", 7);
}

/*
 * LOAD DATA LOCAL
 */

static char *
put_decimal(char *out, uint64_t n)
{
	char digits[20];
	int count = 0;

	do {
		digits[count++] = (char)('0' + n % 10);
	} while ((n /= 10) > 0);
	while (count > 0)
		*out++ = digits[--count];
	return out;
}

static char *
put_field(char *out, const struct value *v)
{
	if (v->p == NULL) {
		*out++ = ESCAPE;
		*out++ = 'N';
	} else if (!v->decoded) {
		memcpy(out, v->p, v->len);
		out += v->len;
	} else {
		for (size_t i = 0; i < v->len; i++) {
			char c = v->p[i];

			if (c == FIELD_END || c == ESCAPE || c == '\n' ||
			    c == '\0')
				*out++ = ESCAPE;
			*out++ = c == '\0' ? '0' : c;
		}
	}
	*out++ = FIELD_END;
	return out;
}

/* The end of the last row, and all of this one but its payload. */
static int
put_head(struct infile *f, const struct db_row *row)
{
	size_t most = VALUE_DATETIME_LEN + 64;
	struct buf *b = f->head;
	char *out;

	for (unsigned i = 0; i < f->columns; i++)
		most += 2 * row->columns[i].len + 3;
	b->len = 0;
	if (buf_reserve(b, most) < 0)
		return -1;
	out = b->data;
	if (f->begun)
		*out++ = '\n';
	f->begun = true;
	memcpy(out, row->received_at, VALUE_DATETIME_LEN);
	out += VALUE_DATETIME_LEN;
	*out++ = FIELD_END;
	out = put_decimal(out, f->file_id);
	*out++ = FIELD_END;
	out = put_decimal(out, row->line);
	*out++ = FIELD_END;
	for (unsigned i = 0; i < f->columns; i++)
		out = put_field(out, &row->columns[i]);
	b->len = (size_t)(out - b->data);
	f->head_at = 0;
	f->payload = row->payload;
	return 0;
}

/* The next row, or the end of the last one. False at the end of all. */
static bool
next_row(struct infile *f)
{
	const struct db_row *row;
	int rc;

	if (f->ended)
		return false;
	rc = f->rows->next(f->rows->context, &row);
	if (rc < 0) {
		f->failed = true;
		return false;
	}
	if (rc > 0) {
		f->rows->sent++;
		if (put_head(f, row) == 0)
			return true;
		f->no_memory = true;
		return false;
	}
	f->ended = true;
	f->head->len = f->head_at = 0;
	if (f->begun && buf_append(f->head, "\n", 1) < 0)
		f->no_memory = true;
	return f->begun && !f->no_memory;
}

static int
infile_init(void **handle, const char *name, void *userdata)
{
	(void)name; /* whatever the server asks for, it gets our rows */
	*handle = userdata;
	return userdata == NULL;
}

static int
infile_read(void *handle, char *out, unsigned int size)
{
	struct infile *f = handle;
	size_t room = size;

	/* MariaDB's library does not look whether it has got its buffer. */
	if (out == NULL)
		f->no_memory = true;
	while (room > 0 && out != NULL) {
		size_t head = f->head->len - f->head_at, n;

		if (head > 0) {
			n = head < room ? head : room;
			memcpy(out, f->head->data + f->head_at, n);
			f->head_at += n;
		} else if (f->payload.len > 0) {
			n = f->payload.len < room ? f->payload.len : room;
			memcpy(out, f->payload.p, n);
			f->payload.p += n;
			f->payload.len -= n;
		} else if (!next_row(f)) {
			break;
		} else {
			continue;
		}
		out += n;
		room -= n;
	}
	if (f->failed || f->no_memory)
		return -1;
	return (int)(size - room);
}

static void
infile_end(void *handle)
{
	(void)handle; /* the caller's */
}

static int
infile_error(void *handle, char *text, unsigned int size)
{
	(void)handle;
	(void)snprintf(text, size, "no rows to send");
	return CR_UNKNOWN_ERROR;
}

static bool
is_infile_refused(unsigned code)
{
	return code == SERVER_INFILE_OFF || code == SERVER_LOCAL_INFILE_OFF ||
	       code == SERVER_INFILE_NO_CAPABILITY ||
	       code == CLIENT_INFILE_REFUSED;
}

static int
put_load_statement(struct mysql_db *m)
{
	m->sql.len = 0;
	/* MariaDB's library looks for the word LOAD at the very front. */
	if (buf_printf(
		&m->sql, "LOAD DATA LOCAL INFILE 'logload' INTO TABLE ") < 0 ||
	    mysql_quote_table(&m->sql, m->config->table) < 0 ||
	    buf_printf(&m->sql,
		" CHARACTER SET utf8mb4 FIELDS TERMINATED BY 0x02 "
		"ESCAPED BY 0x01 LINES TERMINATED BY 0x0A (") < 0 ||
	    put_columns(&m->sql, m->config->columns) < 0)
		return -1;
	return buf_append(&m->sql, ")", 1);
}

static enum db_verdict
load_data(struct mysql_db *m, const struct db_file *file, struct db_rows *rows)
{
	struct buf head = {0};
	struct infile f = {.rows = rows,
	    .head = &head,
	    .file_id = file->id,
	    .columns = m->config->columns->count};
	enum db_verdict verdict;
	uint64_t stored;
	unsigned warnings;

	if (put_load_statement(m) < 0)
		return mysql_no_memory(m);
	mysql_set_local_infile_handler(
	    m->link, infile_init, infile_read, infile_end, infile_error, &f);
	verdict = mysql_run(m, m->sql.data, m->sql.len);
	mysql_set_local_infile_handler(
	    m->link, infile_init, infile_read, infile_end, infile_error, NULL);
	buf_release(&head);
	if (f.failed)
		return DB_SOURCE;
	if (f.no_memory)
		return mysql_no_memory(m);
	if (verdict != DB_OK && rows->sent == 0 &&
	    is_infile_refused((unsigned)m->db.error.code) &&
	    m->config->method == DB_METHOD_AUTO) {
		m->inserts = true;
		return insert_rows(m, file, rows);
	}
	if (verdict != DB_OK)
		return verdict;
	stored = mysql_affected_rows(m->link);
	warnings = mysql_warning_count(m->link);
	if (stored == rows->sent && warnings == 0)
		return DB_OK;
	(void)error_set(&m->db.error,
	    "LOAD DATA: sent %llu rows, stored %llu with %u warnings",
	    (unsigned long long)rows->sent, (unsigned long long)stored,
	    warnings);
	return DB_EVENT;
}

/*
 * INSERT
 */

int
mysql_put_insert(struct mysql_db *m)
{
	m->sql.len = 0;
	if (buf_printf(&m->sql, "INSERT INTO ") < 0 ||
	    mysql_quote_table(&m->sql, m->config->table) < 0 ||
	    buf_printf(&m->sql, " (") < 0 ||
	    put_columns(&m->sql, m->config->columns) < 0)
		return -1;
	return buf_printf(&m->sql, ") VALUES ");
}

static int
put_values(
    struct mysql_db *m, const struct db_file *file, const struct db_row *row)
{
	struct buf *b = &m->sql;

	if (buf_printf(b, "('%.*s',%llu,%llu,", VALUE_DATETIME_LEN,
		row->received_at, (unsigned long long)file->id,
		(unsigned long long)row->line) < 0)
		return -1;
	for (unsigned i = 0; i < m->config->columns->count; i++) {
		const struct value *v = &row->columns[i];

		if ((v->p == NULL ? buf_append(b, "NULL", 4)
				  : mysql_quote_text(b, v->p, v->len)) < 0 ||
		    buf_append(b, ",", 1) < 0)
			return -1;
	}
	if (mysql_quote_text(b, row->payload.p, row->payload.len) < 0)
		return -1;
	return buf_append(b, ")", 1);
}

/* Sends what the buffer holds up to len, and checks the count. */
static enum db_verdict
send_insert(struct mysql_db *m, size_t len, uint64_t rows)
{
	enum db_verdict verdict;
	uint64_t stored;

	if (len + PACKET_SPARE > m->packet_max) {
		(void)error_set(&m->db.error,
		    "the event needs %zu bytes, over the server's "
		    "max_allowed_packet of %llu",
		    len, (unsigned long long)m->packet_max);
		m->db.error.code = SERVER_PACKET_TOO_LARGE;
		m->db.suspect = false;
		return DB_EVENT;
	}
	verdict = mysql_run(m, m->sql.data, len);
	if (verdict == DB_EVENT) {
		/* As it will stand in rejected/: the server's own words. */
		(void)error_set(&m->db.error, "%s", mysql_error(m->link));
		m->db.error.code = (int)mysql_errno(m->link);
	}
	if (verdict != DB_OK)
		return verdict;
	stored = mysql_affected_rows(m->link);
	if (stored == rows)
		return DB_OK;
	(void)error_set(&m->db.error, "INSERT stored %llu rows instead of %llu",
	    (unsigned long long)stored, (unsigned long long)rows);
	return DB_EVENT;
}

static enum db_verdict
insert_rows(
    struct mysql_db *m, const struct db_file *file, struct db_rows *rows)
{
	uint64_t held = 0, most = INSERT_BYTES;
	enum db_verdict verdict = DB_OK;
	const struct db_row *row;
	size_t front, whole;
	int rc;

	if (most + PACKET_SPARE > m->packet_max)
		most = m->packet_max - PACKET_SPARE;
	if (mysql_put_insert(m) < 0)
		return mysql_no_memory(m);
	front = m->sql.len;
	while ((rc = rows->next(rows->context, &row)) > 0) {
		rows->sent++;
		whole = m->sql.len;
		if ((held > 0 && buf_append(&m->sql, ",", 1) < 0) ||
		    put_values(m, file, row) < 0)
			return mysql_no_memory(m);
		held++;
		if (m->sql.len <= most)
			continue;
		/* Over the limit with this row: it goes with the next ones. */
		if (held > 1) {
			verdict = send_insert(m, whole, held - 1);
			memmove(m->sql.data + front, m->sql.data + whole + 1,
			    m->sql.len - whole - 1);
			m->sql.len -= whole + 1 - front;
			held = 1;
		}
		if (verdict == DB_OK && m->sql.len > most) {
			verdict = send_insert(m, m->sql.len, held);
			m->sql.len = front;
			held = 0;
		}
		if (verdict != DB_OK)
			return verdict;
	}
	if (rc < 0)
		return DB_SOURCE;
	return held == 0 ? DB_OK : send_insert(m, m->sql.len, held);
}

/*
 * One row, too large for a statement
 */

struct single {
	const struct db_row *row; /* NULL: given */
};

static int
next_single(void *context, const struct db_row **row)
{
	struct single *s = context;

	*row = s->row;
	s->row = NULL;
	return *row != NULL;
}

/* Takes what LOAD DATA has warned of first for the error that it is. */
static enum db_verdict
read_warning(struct mysql_db *m)
{
	static const char sql[] = "SHOW WARNINGS LIMIT 1";
	enum db_verdict verdict;
	MYSQL_RES *result;
	MYSQL_ROW row;

	verdict = mysql_ask(m, sql, sizeof(sql) - 1, &result);
	if (verdict != DB_OK)
		return verdict;
	row = mysql_fetch_row(result);
	if (row != NULL && row[1] != NULL && row[2] != NULL) {
		(void)error_set(&m->db.error, "%s", row[2]);
		m->db.error.code = (int)strtoul(row[1], NULL, 10);
	}
	mysql_free_result(result);
	return DB_EVENT;
}

/*
 * LOAD DATA has no statement to be over max_allowed_packet. A row that it has
 * cut is taken back.
 */
static enum db_verdict
load_single(
    struct mysql_db *m, const struct db_file *file, const struct db_row *row)
{
	struct single single = {row};
	struct db_rows rows = {.next = next_single, .context = &single};
	enum db_verdict verdict;
	struct error kept;

	verdict = mysql_run_text(m, "SAVEPOINT single");
	if (verdict == DB_OK)
		verdict = load_data(m, file, &rows);
	if (verdict != DB_EVENT)
		return verdict;
	if (m->db.error.code == 0) {
		verdict = read_warning(m);
		if (verdict != DB_EVENT)
			return verdict;
	}
	m->db.suspect = false;
	kept = m->db.error;
	verdict = mysql_run_text(m, "ROLLBACK TO SAVEPOINT single");
	if (verdict != DB_OK)
		return verdict;
	m->db.error = kept;
	return DB_EVENT;
}

enum db_verdict
mysql_insert(
    struct db *db, const struct db_file *file, const struct db_row *row)
{
	struct mysql_db *m = (struct mysql_db *)db;

	if (mysql_put_insert(m) < 0 || put_values(m, file, row) < 0)
		return mysql_no_memory(m);
	if (!m->inserts && m->sql.len + PACKET_SPARE > m->packet_max)
		return load_single(m, file, row);
	return send_insert(m, m->sql.len, 1);
}
