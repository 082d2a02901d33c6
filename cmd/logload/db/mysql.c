/*
 * mysql.c - the driver of MySQL and MariaDB; the one file that includes their
 * client library, which may be either's.
 *
 * A batch is stored by the fastest way that there is:
 *
 *   arrays     MariaDB's own: the values of many rows go to the server in one
 *              packet, for one prepared INSERT (COM_STMT_BULK_EXECUTE;
 *              MariaDB's documentation, "Array binding"). It has no text to
 *              search for ends and escapes.
 *   LOAD DATA  LOCAL, of more than a few rows: see mysql_load.c.
 *   INSERT     prepared, of a few rows; where the server has local_infile
 *              off, of up to INSERT_ROWS.
 *
 * Where none can be prepared any more, LOAD DATA takes all. Of an INSERT, with
 * arrays too, all rows are stored or none, as the strict sql_mode has it.
 */
#include <errmsg.h>
#include <mysql.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "clock.h"
#include "lock.h"
#include "mycnf.h"
#include "mysql_errors.h"
#include "mysql_own.h"
#include "sql.h"

#ifdef MARIADB_PACKAGE_VERSION_ID
#define IS_MARIADB true
#else
#define IS_MARIADB false
#endif

struct link {
	struct mysql m; /* first: the callers' handle, and the other files' */
	pthread_mutex_t lock;
	int socket;                   /* under the lock; -1: none */
	MYSQL *mysql;                 /* NULL: not connected */
	MYSQL_STMT *insert;           /* prepared; NULL: none */
	unsigned rows;                /* of it */
	char table[DB_TABLE_MAX + 1]; /* likewise */
	MYSQL_BIND *binds;            /* for INSERT_ROWS; owned */
	struct buf answer;            /* what the last one points into */
};

static struct link *
of(struct db *db)
{
	return (struct link *)db;
}

static int
start(void)
{
	return mysql_library_init(0, NULL, NULL) == 0 ? 0 : -1;
}

static void
thread_begin(void)
{
	(void)mysql_thread_init(); /* without memory, no call will do */
}

static struct db *
make(void)
{
	struct link *l = calloc(1, sizeof(*l));

	if (l == NULL || pthread_mutex_init(&l->lock, NULL) != 0) {
		free(l);
		return NULL;
	}
	l->socket = -1;
	return &l->m.db;
}

static void
release(struct db *db)
{
	struct link *l = of(db);

	free(l->binds);
	buf_release(&l->m.rows);
	buf_release(&l->m.reasons);
	buf_release(&l->answer);
	(void)pthread_mutex_destroy(&l->lock); /* no other thread is left */
	free(l);
}

/*
 * Statements
 */

static enum db_verdict
failure(struct link *l, const char *what, unsigned code, const char *sqlstate,
    const char *text)
{
	enum db_verdict verdict =
	    mysql_verdict(code, sqlstate, text, &l->m.db.cause);

	l->m.db.unanswered = code >= CR_MIN_ERROR && code <= CR_MAX_ERROR;
	if (l->m.asked[0] != '\0')
		return mysql_file_asked(&l->m);
	/* An event's goes into its record: the server's own words. */
	if ((what == NULL || l->m.loading) && verdict == DB_REFUSED)
		(void)error_set(&l->m.db.error, "%s", text);
	else
		(void)error_set(&l->m.db.error, "%s: %s (%u)",
		    what == NULL ? "INSERT" : what, text, code);
	l->m.db.error.code = (int)code;
	mysql_tell_remedy(&l->m);
	return verdict;
}

static enum db_verdict
failed(struct link *l, const char *what)
{
	return failure(l, what, mysql_errno(l->mysql), mysql_sqlstate(l->mysql),
	    mysql_error(l->mysql));
}

static enum db_verdict
run(struct db *db, const char *sql, size_t len)
{
	struct link *l = of(db);
	char what[16];

	if (mysql_real_query(l->mysql, sql, len) == 0) {
		db->changed = mysql_affected_rows(l->mysql);
		l->m.warnings = mysql_warning_count(l->mysql);
		return DB_OK;
	}
	/* The first word says enough, and holds nobody's data. */
	(void)snprintf(what, sizeof(what), "%.*s", (int)strcspn(sql, " "), sql);
	return failed(l, what);
}

/* Copies all texts, so that the library's are not needed any more. */
static int
copy_rows(struct link *l, MYSQL_RES *result, struct db_answer *answer)
{
	unsigned fields = mysql_num_fields(result);
	size_t at[DB_FIELDS_MAX] = {0};
	MYSQL_ROW row;

	memset(answer, 0, sizeof(*answer));
	if (fields > DB_FIELDS_MAX)
		fields = DB_FIELDS_MAX;
	l->answer.len = 0;
	for (l->m.rows_told = 0; (row = mysql_fetch_row(result)) != NULL;
	     l->m.rows_told++) {
		for (unsigned i = 0; i < fields; i++) {
			if (l->m.rows_told == 0)
				at[i] =
				    row[i] == NULL ? SIZE_MAX : l->answer.len;
			if (row[i] != NULL && buf_append(&l->answer, row[i],
						  strlen(row[i]) + 1) < 0)
				return -1;
		}
	}
	answer->found = l->m.rows_told > 0;
	for (unsigned i = 0; answer->found && i < fields; i++)
		answer->fields[i] =
		    at[i] == SIZE_MAX ? NULL : l->answer.data + at[i];
	return 0;
}

static enum db_verdict
ask(struct db *db, const char *sql, size_t len, struct db_answer *answer)
{
	enum db_verdict verdict = run(db, sql, len);
	struct link *l = of(db);
	MYSQL_RES *result;

	if (verdict != DB_OK)
		return verdict;
	result = mysql_store_result(l->mysql);
	if (result == NULL)
		return failed(l, "read a result");
	if (copy_rows(l, result, answer) < 0)
		verdict = db_no_memory(db);
	mysql_free_result(result);
	return verdict;
}

/*
 * Connecting
 */

/* For interrupt, which must never meet a descriptor that is another's. */
static void
set_socket(struct link *l, int fd)
{
	lock_take(&l->lock);
	l->socket = fd;
	lock_release(&l->lock);
}

static void
interrupt(struct db *db)
{
	struct link *l = of(db);

	lock_take(&l->lock);
	if (l->socket >= 0)
		(void)shutdown(l->socket, SHUT_RDWR); /* or it has gone */
	lock_release(&l->lock);
}

static int
socket_of(MYSQL *link)
{
#ifdef MARIADB_PACKAGE_VERSION_ID
	return mysql_get_socket(link);
#else
	return (int)link->net.fd;
#endif
}

/* The library itself would wait as long as for the longest statement. */
static bool
alive(struct db *db)
{
	MYSQL *link = of(db)->mysql;

	return mysql_send_query(link, "DO 0", 4) == 0 &&
	       mysql_answers(socket_of(link)) &&
	       mysql_read_query_result(link) == 0;
}

/*
 * A server may ask for a file of ours at any statement. It gets the rows of a
 * LOAD DATA that runs; else the connection ends, for the library would go on to
 * wait for the server's word.
 */
static int
infile_init(void **handle, const char *name, void *link)
{
	struct link *l = link;

	*handle = &l->m;
	if (l->m.loading)
		return 0;
	(void)snprintf(l->m.asked, sizeof(l->m.asked), "%s", name);
	(void)shutdown(socket_of(l->mysql), SHUT_RDWR); /* or it has gone */
	return 1;
}

static unsigned
seconds(uint64_t ns)
{
	return (unsigned)((ns + CLOCK_NS_PER_S - 1) / CLOCK_NS_PER_S);
}

static void
set_options(struct link *l, const char *mycnf)
{
	const struct db_config *c = l->m.db.config;
	const char *host = c->hosts[l->m.db.host].name;
	unsigned local = 1, connect_s = seconds(c->connect_ns);
	unsigned read_s = seconds(c->read_ns), write_s = seconds(c->write_ns);

	/* None of these can fail, but for lack of memory. */
	(void)mysql_options(l->mysql, MYSQL_OPT_LOCAL_INFILE, &local);
	(void)mysql_options(l->mysql, MYSQL_OPT_CONNECT_TIMEOUT, &connect_s);
	(void)mysql_options(l->mysql, MYSQL_OPT_READ_TIMEOUT, &read_s);
	(void)mysql_options(l->mysql, MYSQL_OPT_WRITE_TIMEOUT, &write_s);
	(void)mysql_options(l->mysql, MYSQL_SET_CHARSET_NAME, "utf8mb4");
	(void)mysql_options(l->mysql, MYSQL_READ_DEFAULT_FILE, mycnf);
	(void)mysql_options(l->mysql, MYSQL_READ_DEFAULT_GROUP, "logload");
	/* Before anything can be asked for. */
	mysql_set_local_infile_handler(l->mysql, infile_init, mysql_infile_read,
	    mysql_infile_end, mysql_infile_error, l);
#ifdef MARIADB_PACKAGE_VERSION_ID
	{
		my_bool tls = mycnf_wants_tls(c, host);

		if (tls)
			(void)mysql_options(
			    l->mysql, MYSQL_OPT_SSL_ENFORCE, &tls);
	}
#else
	{
		static const unsigned modes[] = {SSL_MODE_DISABLED,
		    SSL_MODE_PREFERRED, SSL_MODE_REQUIRED, SSL_MODE_VERIFY_CA,
		    SSL_MODE_VERIFY_IDENTITY};
		bool get_key = true;
		unsigned long packet = 1UL << 30;

		if (c->ssl_mode != NULL || !mycnf_wants_tls(c, host))
			(void)mysql_options(
			    l->mysql, MYSQL_OPT_SSL_MODE, &modes[c->ssl]);
		/* caching_sha2_password without TLS needs the server's key. */
		(void)mysql_options(
		    l->mysql, MYSQL_OPT_GET_SERVER_PUBLIC_KEY, &get_key);
		(void)mysql_options(
		    l->mysql, MYSQL_OPT_MAX_ALLOWED_PACKET, &packet);
	}
#endif
}

/* MariaDB's library goes on without TLS where the server has none. */
static enum db_verdict
check_tls(struct link *l)
{
	if (l->m.db.config->ssl < DB_SSL_REQUIRED ||
	    mysql_get_ssl_cipher(l->mysql) != NULL)
		return DB_OK;
	(void)error_set(&l->m.db.error,
	    "connect: --ssl-mode asks for TLS, and the server has none");
	return DB_SCHEMA;
}

/* Arrays of rows: can the server and the library take them? */
static bool
has_arrays(struct link *l)
{
#ifdef MARIADB_PACKAGE_VERSION_ID
	unsigned long capabilities = 0; /* so much is written */

	/* The extended ones: the upper half of 64 bits. */
	return mariadb_get_infov(l->mysql,
		   MARIADB_CONNECTION_EXTENDED_SERVER_CAPABILITIES,
		   &capabilities) == 0 &&
	       (capabilities & (MARIADB_CLIENT_STMT_BULK_OPERATIONS >> 32)) !=
		   0;
#else
	(void)l;
	return false;
#endif
}

static enum db_verdict
open_link(struct db *db)
{
	const struct db_config *c = db->config;
	const struct db_host *h = &c->hosts[db->host];
	struct link *l = of(db);
	enum db_verdict verdict;
	char mycnf[MYCNF_PATH_MAX];
	int fd = mycnf_open(c, IS_MARIADB, mycnf, &db->error);

	if (fd < 0)
		return DB_PASSING;
	l->mysql = mysql_init(NULL);
	if (l->mysql == NULL) {
		(void)close(fd); /* in memory */
		return db_no_memory(db);
	}
	l->m.asked[0] = '\0';
	set_options(l, mycnf);
	if (mysql_real_connect(l->mysql, h->name, c->user, c->password,
		c->database, (unsigned)h->port, c->socket,
		CLIENT_FOUND_ROWS) == NULL)
		verdict = failed(l, "connect");
	else
		verdict = check_tls(l);
	(void)close(fd); /* in memory */
	if (verdict != DB_OK)
		return verdict;
#ifdef MARIADB_PACKAGE_VERSION_ID
	{
		/* Connecting anew amid a transaction would lose its begin. */
		my_bool off = 0;

		(void)mysql_options(l->mysql, MYSQL_OPT_RECONNECT, &off);
	}
#endif
	set_socket(l, socket_of(l->mysql));
	mysql_watch(socket_of(l->mysql));
	l->m.arrays = has_arrays(l);
	return mysql_open_session(&l->m);
}

static void
forget_insert(struct link *l)
{
	if (l->insert != NULL)
		(void)mysql_stmt_close(l->insert); /* says goodbye, at most */
	l->insert = NULL;
	l->rows = 0;
}

static void
close_link(struct db *db)
{
	struct link *l = of(db);

	set_socket(l, -1);
	if (l->mysql != NULL)
		mysql_close(l->mysql);
	l->mysql = NULL;
	forget_insert(l); /* cannot send anything any more */
}

/*
 * INSERT
 */

static enum db_verdict
insert_failed(struct link *l)
{
	return failure(l, NULL, mysql_stmt_errno(l->insert),
	    mysql_stmt_sqlstate(l->insert), mysql_stmt_error(l->insert));
}

/* Prepares it for so many rows, unless it is that already. */
static enum db_verdict
prepare(struct link *l, unsigned rows)
{
	const struct db_config *c = l->m.db.config;
	unsigned params = columns_values(c->columns);
	struct buf *b = &l->m.db.sql;
	enum db_verdict verdict;

	if (l->insert != NULL && l->rows == rows &&
	    strcmp(l->table, l->m.db.table->name) == 0)
		return DB_OK;
	forget_insert(l);
	if (l->binds == NULL)
		l->binds = calloc(INSERT_ROWS * params, sizeof(*l->binds));
	b->len = 0;
	l->insert = mysql_stmt_init(l->mysql);
	if (l->binds == NULL || l->insert == NULL ||
	    sql_put_insert(b, &l->m.db, "INSERT", rows) < 0)
		return db_no_memory(&l->m.db);
	l->rows = rows;
	memcpy(l->table, l->m.db.table->name, sizeof(l->table));
	if (mysql_stmt_prepare(l->insert, b->data, b->len) == 0)
		return DB_OK;
	verdict = insert_failed(l);
	forget_insert(l);
	/* What no event has caused. */
	return verdict == DB_REFUSED ? DB_SCHEMA : verdict;
}

static void
bind_number(MYSQL_BIND *bind, const uint64_t *number)
{
	memset(bind, 0, sizeof(*bind));
	bind->buffer_type = MYSQL_TYPE_LONGLONG;
	bind->buffer = (void *)number;
	bind->is_unsigned = true;
}

/* Each row's values, one row behind the other: ids are behind an instant. */
static void
bind_rows(struct link *l, const struct batch *b, unsigned from, unsigned count)
{
	MYSQL_BIND *binds = l->binds;

	for (unsigned row = from; row < from + count; row++) {
		bind_number(&binds[1], &b->file_id[row]);
		bind_number(&binds[2], &b->line[row]);
		for (unsigned i = 0; i < b->text_count; i++) {
			const struct batch_texts *t = &b->texts[i];
			MYSQL_BIND *bind = &binds[i == 0 ? 0 : i + 2];

			memset(bind, 0, sizeof(*bind));
			bind->buffer_type =
			    t->null[row] ? MYSQL_TYPE_NULL : MYSQL_TYPE_STRING;
			bind->buffer = (void *)t->text[row];
			bind->buffer_length = t->len[row];
			bind->length = (unsigned long *)&t->len[row];
		}
		binds += b->text_count + 2;
	}
}

/* Each column's values, of many rows. */
static int
bind_arrays(
    struct link *l, const struct batch *b, unsigned from, unsigned count)
{
#ifdef MARIADB_PACKAGE_VERSION_ID
	_Static_assert(STMT_INDICATOR_NULL == 1, "as batch.h has it");

	bind_number(&l->binds[1], &b->file_id[from]);
	bind_number(&l->binds[2], &b->line[from]);
	for (unsigned i = 0; i < b->text_count; i++) {
		const struct batch_texts *t = &b->texts[i];
		MYSQL_BIND *bind = &l->binds[i == 0 ? 0 : i + 2];

		memset(bind, 0, sizeof(*bind));
		bind->buffer_type = MYSQL_TYPE_STRING;
		bind->buffer = (void *)&t->text[from];
		bind->length = (unsigned long *)&t->len[from];
		bind->u.indicator = (char *)&t->null[from];
	}
	return mysql_stmt_attr_set(l->insert, STMT_ATTR_ARRAY_SIZE, &count);
#else
	(void)l, (void)b, (void)from, (void)count;
	return -1; /* is not called */
#endif
}

static enum db_verdict
insert(struct link *l, const struct batch *b, unsigned from, unsigned count)
{
	uint64_t stored;
	int rc = 0;

	if (l->m.arrays)
		rc = bind_arrays(l, b, from, count);
	else
		bind_rows(l, b, from, count);
	if (rc != 0 || mysql_stmt_bind_param(l->insert, l->binds) != 0 ||
	    mysql_stmt_execute(l->insert) != 0)
		return insert_failed(l);
	stored = mysql_stmt_affected_rows(l->insert);
	/* Of arrays MariaDB counts what triggers store elsewhere, too. */
	if (stored == count || (l->m.arrays && stored > count))
		return DB_OK;
	/* That is no event's fault, and not to be taken back alone. */
	(void)error_set(&l->m.db.error, "INSERT stored %llu rows instead of %u",
	    (unsigned long long)stored, count);
	return DB_SCHEMA;
}

/* LOAD DATA has no statement to be over max_allowed_packet. */
static enum db_verdict
store(struct db *db, const struct batch *b, unsigned from, unsigned count)
{
	struct link *l = of(db);
	struct mysql *m = &l->m;
	size_t size = batch_size(b, from, count);
	bool large = count == 1 && size + PACKET_SPARE > m->packet_max;
	enum db_verdict verdict;

	if (m->load_data && (large || (!m->arrays && count > FEW_ROWS))) {
		verdict = mysql_load(m, b, from, count);
		if (m->load_data)
			return verdict;
	}
	if (large)
		return mysql_too_large(m, size);
	/* Gathered for a way that was there then: the halves will do. */
	if (!m->arrays && count > INSERT_ROWS)
		return DB_REFUSED;
	verdict = prepare(l, m->arrays ? 1 : count);
	return verdict == DB_OK
		   ? insert(l, b, from, count)
		   : mysql_load_instead(m, b, from, count, verdict);
}

const struct db_driver db_mysql = {
    .dialect =
	{
	    .name_quote = '`',
	    .escaped = "\\",
	    .begin = "START TRANSACTION",
	    .same = "@logload=1",
	    .lock = " FOR UPDATE",
	    .now = "UTC_TIMESTAMP(6)",
	    .nth = " LIMIT 1 OFFSET %u",
	    .types = {[COLUMN_VARCHAR] = "VARCHAR(%u)",
		[COLUMN_TEXT] = "LONGTEXT",
		[COLUMN_INT] = "INT",
		[COLUMN_BIGINT] = "BIGINT",
		[COLUMN_UNSIGNED] = "BIGINT UNSIGNED",
		[COLUMN_DOUBLE] = "DOUBLE",
		[COLUMN_DECIMAL] = "DECIMAL(%u,%u)",
		[COLUMN_BOOLEAN] = "BOOLEAN",
		[COLUMN_DATETIME] = "DATETIME(6)",
		[COLUMN_JSON] = "JSON",
		[COLUMN_IP] = "VARCHAR(45)",
		[COLUMN_UUID] = "CHAR(36)"},
	    .count = "BIGINT UNSIGNED",
	    .json = "JSON",
	    .text = "VARCHAR(%u) CHARACTER SET utf8mb4 COLLATE utf8mb4_bin",
	    .table_end = " ENGINE=InnoDB DEFAULT CHARSET=utf8mb4",
	    .tables = MYSQL_TABLES,
	},
    .partitioning = &mysql_partitioning,
    .parse = mycnf_parse,
    .configured = mycnf_is_there,
    .start = start,
    .stop = mysql_library_end,
    .thread_begin = thread_begin,
    .thread_end = mysql_thread_end,
    .make = make,
    .free = release,
    .open = open_link,
    .close = close_link,
    .interrupt = interrupt,
    .alive = alive,
    .run = run,
    .ask = ask,
    .hasten = mysql_hasten,
    .check = mysql_check,
    .store = store,
    .sift = mysql_sift,
};
