/*
 * mysql_bulk.c - rows into MariaDB by INSERT, many at a time.
 *
 * The statement is prepared once for a connection. Then the values of many
 * rows go to the server in one packet, each with its length before it
 * (COM_STMT_BULK_EXECUTE; MariaDB's documentation, "Array binding"): it has
 * no text to search for ends and escapes, so a row costs it less than by
 * LOAD DATA, and an error is an error. MySQL has nothing like it.
 */
#include <stdlib.h>
#include <string.h>

#include "clock.h"
#include "mysql_own.h"
#include "log.h"

#ifdef MARIADB_PACKAGE_VERSION_ID

#define ROWS_MAX 4096          /* in a packet */
#define PACKET_BYTES (1 << 20) /* of rows; a larger one goes by itself */
#define PACKET_SPARE 128       /* of max_allowed_packet, for the protocol */
#define VALUE_SPARE 10         /* of a value: its indicator and its length */
#define NUMBER_SIZE 9          /* of one of those that are no text */

enum { PARAM_RECEIVED_AT, PARAM_FILE_ID, PARAM_LINE, PARAM_COLUMNS };

/* What one parameter is in each row of a packet. */
struct values {
	const char *texts[ROWS_MAX]; /* into the packet's */
	unsigned long lens[ROWS_MAX];
	char indicators[ROWS_MAX];
};

struct mysql_bulk {
	MYSQL_STMT *stmt;
	MYSQL_BIND binds[COLUMNS_MAX + 4];
	struct values *values; /* one for each parameter */
	uint64_t file_ids[ROWS_MAX], lines[ROWS_MAX];
	struct buf texts; /* of the rows gathered; grows only while empty */
	size_t size;      /* what those will need of a packet, at most */
	unsigned rows;
};

bool
mysql_has_bulk(struct mysql_db *m)
{
	unsigned long capabilities = 0; /* so much is written */

	/* The extended ones: the upper half of 64 bits. */
	return mariadb_get_infov(m->link,
		   MARIADB_CONNECTION_EXTENDED_SERVER_CAPABILITIES,
		   &capabilities) == 0 &&
	       (capabilities & (MARIADB_CLIENT_STMT_BULK_OPERATIONS >> 32)) !=
		   0;
}

void
mysql_bulk_free(struct mysql_bulk *k)
{
	if (k == NULL)
		return;
	if (k->stmt != NULL)
		(void)mysql_stmt_close(k->stmt); /* says goodbye, at most */
	buf_release(&k->texts);
	free(k->values);
	free(k);
}

static void
bind_number(MYSQL_BIND *bind, uint64_t *numbers)
{
	bind->buffer_type = MYSQL_TYPE_LONGLONG;
	bind->buffer = numbers;
	bind->is_unsigned = true;
}

static void
bind_texts(MYSQL_BIND *bind, struct values *v)
{
	bind->buffer_type = MYSQL_TYPE_STRING;
	bind->buffer = v->texts;
	bind->length = v->lens;
	bind->u.indicator = v->indicators;
}

static enum db_verdict
failed(struct mysql_db *m)
{
	MYSQL_STMT *stmt = m->bulk->stmt;

	return mysql_failure(m, "INSERT", mysql_stmt_errno(stmt),
	    mysql_stmt_sqlstate(stmt), mysql_stmt_error(stmt));
}

static enum db_verdict
fill_bulk(struct mysql_db *m)
{
	unsigned params = PARAM_COLUMNS + m->config->columns->count + 1;
	struct mysql_bulk *k = m->bulk;

	k->stmt = mysql_stmt_init(m->link);
	k->values = calloc(params, sizeof(*k->values));
	if (k->stmt == NULL || k->values == NULL || mysql_put_insert(m) < 0)
		return mysql_no_memory(m);
	for (unsigned i = 0; i < params; i++) {
		if (buf_append(&m->sql, i == 0 ? "(?" : ",?", 2) < 0)
			return mysql_no_memory(m);
		bind_texts(&k->binds[i], &k->values[i]);
	}
	bind_number(&k->binds[PARAM_FILE_ID], k->file_ids);
	bind_number(&k->binds[PARAM_LINE], k->lines);
	if (buf_append(&m->sql, ")", 1) < 0)
		return mysql_no_memory(m);
	if (mysql_stmt_prepare(k->stmt, m->sql.data, m->sql.len) != 0 ||
	    mysql_stmt_bind_param(k->stmt, k->binds) != 0)
		return failed(m);
	return DB_OK;
}

enum db_verdict
mysql_bulk_prepare(struct mysql_db *m)
{
	enum db_verdict verdict;

	m->bulk = calloc(1, sizeof(*m->bulk));
	if (m->bulk == NULL)
		return mysql_no_memory(m);
	verdict = fill_bulk(m);
	if (verdict == DB_OK)
		return DB_OK;
	mysql_bulk_free(m->bulk);
	m->bulk = NULL;
	if (m->db.error.code != SERVER_TOO_MANY_PREPARED &&
	    m->db.error.code != SERVER_CANNOT_PREPARE)
		return verdict;
	log_warn("no arrays of rows on this connection, which is slower: %s",
	    m->db.error.text);
	m->arrays = false;
	return DB_OK;
}

/* What a row needs of a packet, at most. */
static size_t
row_size(const struct mysql_db *m, const struct db_row *row)
{
	size_t size = VALUE_DATETIME_LEN + row->payload.len + 2 * VALUE_SPARE +
		      2 * NUMBER_SIZE;

	for (unsigned i = 0; i < m->config->columns->count; i++)
		size += row->columns[i].len + VALUE_SPARE;
	return size;
}

/* There is room for it. */
static void
put_text(struct mysql_bulk *k, unsigned param, const char *text, size_t len)
{
	struct values *v = &k->values[param];

	v->indicators[k->rows] =
	    text == NULL ? STMT_INDICATOR_NULL : STMT_INDICATOR_NONE;
	v->texts[k->rows] = k->texts.data + k->texts.len;
	v->lens[k->rows] = len;
	if (text != NULL)
		memcpy(k->texts.data + k->texts.len, text, len);
	k->texts.len += len;
}

static void
put_row(struct mysql_db *m, uint64_t file_id, const struct db_row *row)
{
	unsigned columns = m->config->columns->count;
	struct mysql_bulk *k = m->bulk;

	put_text(k, PARAM_RECEIVED_AT, row->received_at, VALUE_DATETIME_LEN);
	k->file_ids[k->rows] = file_id;
	k->lines[k->rows] = row->line;
	for (unsigned i = 0; i < columns; i++)
		put_text(k, PARAM_COLUMNS + i, row->columns[i].p,
		    row->columns[i].len);
	put_text(k, PARAM_COLUMNS + columns, row->payload.p, row->payload.len);
	k->rows++;
}

static void
empty(struct mysql_bulk *k)
{
	k->rows = 0;
	k->size = 0;
	k->texts.len = 0;
}

/* Sends what was gathered, and checks the count. */
static enum db_verdict
send_rows(struct mysql_db *m)
{
	struct mysql_bulk *k = m->bulk;
	unsigned rows = k->rows;
	uint64_t stored;

	if (rows == 0)
		return DB_OK;
	m->used_ns = clock_monotonic_ns();
	if (mysql_stmt_attr_set(k->stmt, STMT_ATTR_ARRAY_SIZE, &rows) != 0 ||
	    mysql_stmt_execute(k->stmt) != 0)
		return failed(m);
	empty(k);
	stored = mysql_stmt_affected_rows(k->stmt);
	if (stored == rows)
		return DB_OK;
	(void)error_set(&m->db.error, "INSERT stored %llu rows instead of %u",
	    (unsigned long long)stored, rows);
	return DB_EVENT;
}

/* Puts a row to the others, or by itself where it is too large for that. */
static enum db_verdict
take_row(
    struct mysql_db *m, const struct db_file *file, const struct db_row *row)
{
	size_t most = PACKET_BYTES, size = row_size(m, row);
	enum db_verdict verdict = DB_OK;
	struct mysql_bulk *k = m->bulk;

	if (most + PACKET_SPARE > m->packet_max)
		most = m->packet_max - PACKET_SPARE;
	if (k->rows == ROWS_MAX || k->size + size > most)
		verdict = send_rows(m);
	if (verdict != DB_OK)
		return verdict;
	if (size > most)
		return mysql_insert(&m->db, file, row);
	if (buf_reserve(&k->texts, most - k->size) < 0)
		return mysql_no_memory(m);
	put_row(m, file->id, row);
	k->size += size;
	return DB_OK;
}

enum db_verdict
mysql_bulk_load(
    struct mysql_db *m, const struct db_file *file, struct db_rows *rows)
{
	enum db_verdict verdict;
	const struct db_row *row;
	int rc;

	empty(m->bulk); /* of a load that failed */
	while ((rc = rows->next(rows->context, &row)) > 0) {
		rows->sent++;
		verdict = take_row(m, file, row);
		if (verdict != DB_OK)
			return verdict;
	}
	return rc < 0 ? DB_SOURCE : send_rows(m);
}

#else

bool
mysql_has_bulk(struct mysql_db *m)
{
	(void)m;
	return false;
}

void
mysql_bulk_free(struct mysql_bulk *k)
{
	(void)k; /* there is none */
}

/* Neither is called. */

enum db_verdict
mysql_bulk_prepare(struct mysql_db *m)
{
	(void)m;
	return DB_SCHEMA;
}

enum db_verdict
mysql_bulk_load(
    struct mysql_db *m, const struct db_file *file, struct db_rows *rows)
{
	(void)m;
	(void)file;
	(void)rows;
	return DB_SCHEMA;
}

#endif
