/*
 * odbc.c - the driver of whatever database has an ODBC driver: statements; with
 * odbc_session.c, odbc_table.c and odbc_insert.c, the only files to include the
 * library.
 *
 * What a database can do is asked of it, or tried, when a session begins. Our
 * SQL has what all of them know, and a few words that none does: see
 * odbc_translate. Texts go as parameters, which no database reads in its own
 * way.
 */
#include <ctype.h>
#include <errno.h>
#include <locale.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "clock.h"
#include "log.h"
#include "odbc_link.h"
#include "sql.h"

#define FIELD_BYTES 1100  /* DB_NAME_MAX characters, and more */
#define RECORDS_MOST 4096 /* of what a driver has to say are read */

/* Drivers take a text to be in the encoding of the locale. */
static int
start(void)
{
	(void)setlocale(LC_CTYPE, "C.UTF-8"); /* where there is one */
	return setenv("LC_ALL", "C.UTF-8", 1);
}

static struct db *
make(void)
{
	struct link *l = calloc(1, sizeof(*l));

	return (struct db *)l; /* it begins with one */
}

static void
release(struct db *db)
{
	struct link *l = odbc_of(db);

	buf_release(&l->text);
	buf_release(&l->values);
	buf_release(&l->answer);
	buf_release(&l->cells);
	free(l->lens);
	free(l);
}

static int
parse(struct db_config *c, char *rest, struct error *err)
{
	c->rest = rest;
	if (*rest == '\0')
		return error_set(err,
		    "no connection string is behind odbc:, such as DSN=logs");
	return odbc_take_password(rest, &c->password, err);
}

/*
 * Errors
 */

static bool
is_dead(struct link *l)
{
	SQLUINTEGER dead = SQL_CD_FALSE;

	return SQL_SUCCEEDED(SQLGetConnectAttr(l->dbc, SQL_ATTR_CONNECTION_DEAD,
		   &dead, sizeof(dead), NULL)) &&
	       dead == SQL_CD_TRUE;
}

/* One of the records of what a handle has to say. */
struct said {
	SQLCHAR state[6], message[2 * ERROR_TEXT_MAX];
	SQLINTEGER native;
	const char *text; /* of the message */
};

static bool
hear(SQLSMALLINT kind, SQLHANDLE handle, SQLSMALLINT number, struct said *said)
{
	SQLSMALLINT len;
	SQLRETURN rc;

	*said = (struct said){"HY000", "no reason", 0, NULL};
	rc = SQLGetDiagRec(kind, handle, number, said->state, &said->native,
	    said->message, sizeof(said->message), &len);
	for (SQLCHAR *p = said->message; *p != '\0'; p++)
		*p = *p < ' ' ? ' ' : *p;
	said->text = odbc_text((char *)said->message);
	return SQL_SUCCEEDED(rc);
}

static enum db_verdict
fail(struct link *l, const struct said *said, const char *what)
{
	const char *state = (const char *)said->state;
	enum db_verdict verdict =
	    odbc_verdict(state, (int)said->native, said->text, &l->db.cause);

	if (verdict == DB_REFUSED && is_dead(l))
		verdict = DB_PASSING;
	if (what == NULL && verdict == DB_REFUSED)
		(void)error_set(&l->db.error, "%s", said->text);
	else
		(void)error_set(&l->db.error, "%s: %.400s (%s)",
		    what == NULL ? "INSERT" : what, said->text, state);
	l->db.error.code = (int)strtol(state, NULL, 36);
	l->db.unanswered = verdict == DB_PASSING;
	return verdict;
}

/* what NULL: of rows, in the database's own words. */
enum db_verdict
odbc_failed(
    struct link *l, SQLSMALLINT kind, SQLHANDLE handle, const char *what)
{
	struct said said;

	(void)hear(kind, handle, 1, &said); /* or it stays unknown */
	return fail(l, &said, what);
}

enum db_verdict
odbc_heed(struct link *l, SQLHSTMT s)
{
	struct said said;

	for (SQLSMALLINT i = 1;
	     i <= RECORDS_MOST && hear(SQL_HANDLE_STMT, s, i, &said); i++) {
		if (!odbc_is_harmless((char *)said.state))
			return fail(l, &said, NULL);
		if (!l->told)
			log_warn("INSERT: the driver says: %s (%s)", said.text,
			    said.state);
		l->told = true; /* one in a session is enough */
	}
	return DB_OK;
}

enum db_verdict
odbc_refused(struct link *l, enum db_verdict verdict, const char *why)
{
	(void)error_set(&l->db.error, "%s", why);
	l->db.cause = DB_CAUSE_OTHER;
	l->db.unanswered = false;
	return verdict;
}

/*
 * Statements
 */

/* The text behind a front, or NULL. */
static const char *
behind(const char *sql, size_t len, const char *front)
{
	size_t n = strlen(front);

	return len >= n && memcmp(sql, front, n) == 0 ? sql + n : NULL;
}

static int
put_quoted(struct link *l, const char *name, size_t len)
{
	size_t n = strlen(l->quote);

	if (buf_append(&l->text, l->quote, n) < 0)
		return -1;
	for (size_t i = 0; i < len; i++) {
		if ((name[i] == *l->quote &&
			buf_append(&l->text, l->quote, n) < 0) ||
		    buf_append(&l->text, name + i, 1) < 0)
			return -1;
		i += name[i] == '"'; /* doubled, as ours is written */
	}
	return buf_append(&l->text, l->quote, n);
}

static int
put_param(struct link *l, const char *text, size_t len)
{
	struct param *p = &l->params[l->param_count];
	size_t at = l->values.len;

	if (l->param_count == PARAMS_MAX) {
		errno = ENOMEM;
		return -1;
	}
	for (size_t i = 0; i < len; i++) {
		if (buf_append(&l->values, text + i, 1) < 0)
			return -1;
		i += text[i] == '\''; /* doubled */
	}
	*p = (struct param){at, (SQLLEN)(l->values.len - at)};
	l->param_count++;
	return buf_append(&l->text, "?", 1);
}

/* Behind what begins there in quotes; what is behind the end is none of it. */
static const char *
skip_quoted(const char *p, const char *end)
{
	char quote = *p++;

	while (*p != quote || (p + 1 < end && p[1] == quote))
		p += *p == quote ? 2 : 1;
	return p + 1;
}

static int
put_now(struct link *l)
{
	char now[VALUE_DATETIME_LEN + 1];

	value_stamp((int64_t)clock_wall_us(), now);
	return put_param(l, now, VALUE_DATETIME_LEN);
}

/* Behind the word that begins there. */
static const char *
skip_word(const char *p, const char *end)
{
	while (p < end && (islower((unsigned char)*p) != 0 ||
			      isdigit((unsigned char)*p) != 0 || *p == '_'))
		p++;
	return p;
}

/*
 * Keywords are in capitals, and any other word is a name, which gets the
 * database's quotes, as one in ours does. A text becomes a parameter, and so
 * does {now}, the instant. {row N} asks for that row of the answer.
 */
int
odbc_translate(struct link *l, const char *sql, size_t len)
{
	const char *end = sql + len, *to;
	int rc = 0;

	l->text.len = l->values.len = 0;
	l->param_count = l->skip = 0;
	for (; sql < end && rc == 0; sql = to) {
		size_t left = (size_t)(end - sql);

		if (*sql == '"') {
			to = skip_quoted(sql, end);
			rc = put_quoted(l, sql + 1, (size_t)(to - sql) - 2);
		} else if (*sql == '\'') {
			to = skip_quoted(sql, end);
			rc = put_param(l, sql + 1, (size_t)(to - sql) - 2);
		} else if ((to = behind(sql, left, "{now}")) != NULL) {
			rc = put_now(l);
		} else if ((to = behind(sql, left, "{row ")) != NULL) {
			l->skip = (unsigned)strtoul(to, NULL, 10);
			break;
		} else if ((to = skip_word(sql, end)) > sql &&
			   isdigit((unsigned char)*sql) == 0) {
			rc = put_quoted(l, sql, (size_t)(to - sql));
		} else {
			to = to > sql ? to : sql + 1;
			rc = buf_append(&l->text, sql, (size_t)(to - sql));
		}
	}
	return rc < 0 ? rc : buf_append(&l->text, "", 1);
}

/* Runs what was translated. */
enum db_verdict
odbc_execute(struct link *l, const char *what)
{
	SQLHSTMT s = l->statement;
	SQLRETURN rc;

	(void)SQLFreeStmt(s, SQL_CLOSE); /* these forget, at most */
	(void)SQLFreeStmt(s, SQL_RESET_PARAMS);
	for (unsigned i = 0; i < l->param_count; i++) {
		struct param *p = &l->params[i];

		rc = SQLBindParameter(s, (SQLUSMALLINT)(i + 1), SQL_PARAM_INPUT,
		    SQL_C_CHAR, SQL_VARCHAR, p->len > 0 ? (SQLULEN)p->len : 1,
		    0, l->values.data + p->at, p->len, &p->len);
		if (!SQL_SUCCEEDED(rc))
			return odbc_failed(l, SQL_HANDLE_STMT, s, what);
	}
	rc = SQLExecDirect(s, (SQLCHAR *)l->text.data, SQL_NTS);
	return SQL_SUCCEEDED(rc) || rc == SQL_NO_DATA
		   ? DB_OK
		   : odbc_failed(l, SQL_HANDLE_STMT, s, what);
}

/* All that a statement has stored or changed; -1: the driver cannot tell. */
enum db_verdict
odbc_count_rows(struct link *l, SQLHSTMT s, const char *what, SQLLEN *count)
{
	SQLRETURN rc;
	SQLLEN n;

	*count = 0;
	do {
		rc = SQLRowCount(s, &n);
		*count =
		    *count < 0 || !SQL_SUCCEEDED(rc) || n < 0 ? -1 : *count + n;
		rc = SQLMoreResults(s);
	} while (SQL_SUCCEEDED(rc));
	return rc == SQL_NO_DATA ? DB_OK
				 : odbc_failed(l, SQL_HANDLE_STMT, s, what);
}

enum db_verdict
odbc_run_text(struct link *l, const char *sql)
{
	l->text.len = 0;
	l->param_count = 0;
	if (buf_append(&l->text, sql, strlen(sql) + 1) < 0)
		return db_no_memory(&l->db);
	return odbc_execute(l, "session");
}

enum db_verdict
odbc_run_savepoint(
    struct link *l, const char *form, const char *name, size_t len)
{
	const char *place = strstr(form, "%s");
	char sql[80];

	(void)snprintf(sql, sizeof(sql), "%.*s%.*s%s", (int)(place - form),
	    form, (int)len, name, place + 2);
	return odbc_run_text(l, sql);
}

enum db_verdict
odbc_set_savepoint(struct link *l)
{
	return odbc_run_savepoint(l, l->savepoints->set, "store", 5);
}

/* Of what is refused nothing stays, and the transaction goes on. */
enum db_verdict
odbc_end_savepoint(struct link *l, enum db_verdict verdict)
{
	const struct savepoints *s = l->savepoints;
	struct error kept = l->db.error;
	enum db_cause cause = l->db.cause;
	enum db_verdict undone = DB_OK;

	if (verdict == DB_PASSING || verdict == DB_CONFLICT)
		return verdict;
	if (verdict != DB_OK)
		undone = odbc_run_savepoint(l, s->back, "store", 5);
	if (undone == DB_OK && s->release != NULL)
		undone = odbc_run_savepoint(l, s->release, "store", 5);
	if (undone != DB_OK)
		return undone == DB_REFUSED ? DB_SCHEMA : undone;
	l->db.error = kept;
	l->db.cause = cause;
	return verdict;
}

enum db_verdict
odbc_end_transaction(struct link *l, SQLSMALLINT how, const char *what)
{
	return SQL_SUCCEEDED(SQLEndTran(SQL_HANDLE_DBC, l->dbc, how))
		   ? DB_OK
		   : odbc_failed(l, SQL_HANDLE_DBC, l->dbc, what);
}

static enum db_verdict
run(struct db *db, const char *sql, size_t len)
{
	static const char set[] = "SAVEPOINT ",
			  back[] = "ROLLBACK TO SAVEPOINT ";
	struct link *l = odbc_of(db);
	/* Which may end the transaction, and with it all savepoints. */
	bool drops = behind(sql, len, "DROP ") != NULL;
	enum db_verdict verdict;
	const char *name;
	SQLLEN count;
	char what[16];

	/*
	 * One begins by itself, with whatever comes; one that has only read is
	 * in the way of others, and they in its own, when it goes on to write.
	 */
	if (behind(sql, len, db->driver->dialect.begin) != NULL)
		return odbc_end_transaction(l, SQL_ROLLBACK, "ROLLBACK");
	if ((name = behind(sql, len, set)) != NULL)
		return odbc_run_savepoint(
		    l, l->savepoints->set, name, len - (sizeof(set) - 1));
	if ((name = behind(sql, len, back)) != NULL)
		return odbc_run_savepoint(
		    l, l->savepoints->back, name, len - (sizeof(back) - 1));
	if (behind(sql, len, "COMMIT") != NULL) {
		verdict = odbc_end_transaction(l, SQL_COMMIT, "COMMIT");
		l->losses = verdict == DB_OK ? 0 : l->losses;
		return verdict;
	}
	if (behind(sql, len, "ROLLBACK") != NULL)
		return odbc_end_transaction(l, SQL_ROLLBACK, "ROLLBACK");
	/* The first word says enough, and holds nobody's data. */
	(void)snprintf(what, sizeof(what), "%.*s", (int)strcspn(sql, " "), sql);
	verdict = drops ? DB_OK : odbc_set_savepoint(l);
	if (verdict != DB_OK)
		return verdict;
	if (odbc_translate(l, sql, len) < 0)
		return db_no_memory(db);
	verdict = odbc_execute(l, what);
	if (verdict == DB_OK)
		verdict = odbc_count_rows(l, l->statement, what, &count);
	if (verdict == DB_OK)
		db->changed = count < 0 ? 0 : (uint64_t)count;
	return drops ? verdict : odbc_end_savepoint(l, verdict);
}

/* An instant in any number of digits, as ours are. */
static void
read_instant(const char *text, char out[VALUE_DATETIME_LEN + 1])
{
	size_t n = strspn(text, "0123456789-:. T");

	memcpy(out, "0000-00-00 00:00:00.000000", VALUE_DATETIME_LEN + 1);
	memcpy(out, text, n < VALUE_DATETIME_LEN ? n : VALUE_DATETIME_LEN);
	out[10] = ' ';
}

static int
copy_row(struct link *l, struct db_answer *answer)
{
	size_t at[DB_FIELDS_MAX];
	SQLSMALLINT fields = 0;

	(void)SQLNumResultCols(l->statement, &fields); /* or there are none */
	if (fields > DB_FIELDS_MAX)
		fields = DB_FIELDS_MAX;
	l->answer.len = 0;
	for (SQLSMALLINT i = 0; i < fields; i++) {
		char text[FIELD_BYTES], instant[VALUE_DATETIME_LEN + 1];
		SQLUSMALLINT number = (SQLUSMALLINT)(i + 1);
		SQLSMALLINT type = 0;
		SQLLEN len = SQL_NULL_DATA;
		const char *field = text;

		(void)SQLDescribeCol(l->statement, number, NULL, 0, NULL, &type,
		    NULL, NULL, NULL);
		at[i] = SIZE_MAX;
		if (!SQL_SUCCEEDED(SQLGetData(l->statement, number, SQL_C_CHAR,
			text, sizeof(text), &len)) ||
		    len == SQL_NULL_DATA)
			continue;
		if (type == SQL_TYPE_TIMESTAMP) {
			read_instant(text, instant);
			field = instant;
		}
		at[i] = l->answer.len;
		if (buf_append(&l->answer, field, strlen(field) + 1) < 0)
			return -1;
	}
	for (SQLSMALLINT i = 0; i < fields; i++)
		answer->fields[i] =
		    at[i] == SIZE_MAX ? NULL : l->answer.data + at[i];
	return 0;
}

static enum db_verdict
ask(struct db *db, const char *sql, size_t len, struct db_answer *answer)
{
	struct link *l = odbc_of(db);
	enum db_verdict verdict;
	SQLRETURN rc = SQL_SUCCESS;

	memset(answer, 0, sizeof(*answer));
	if (odbc_translate(l, sql, len) < 0)
		return db_no_memory(db);
	verdict = odbc_execute(l, "SELECT");
	if (verdict != DB_OK)
		return verdict;
	for (unsigned i = 0; i <= l->skip && SQL_SUCCEEDED(rc); i++)
		rc = SQLFetch(l->statement);
	answer->found = SQL_SUCCEEDED(rc);
	if (!answer->found && rc != SQL_NO_DATA)
		verdict =
		    odbc_failed(l, SQL_HANDLE_STMT, l->statement, "SELECT");
	else if (answer->found && copy_row(l, answer) < 0)
		verdict = db_no_memory(db);
	(void)SQLFreeStmt(l->statement, SQL_CLOSE); /* forgets the others */
	return verdict;
}

static bool
alive(struct db *db)
{
	struct buf *b = &db->sql;
	struct db_answer answer;

	b->len = 0;
	return buf_printf(b, "SELECT 1 FROM ") == 0 &&
	       sql_put_table(b, &db->driver->dialect, db->config->ledger) ==
		   0 &&
	       buf_printf(b, " WHERE 1=0") == 0 &&
	       ask(db, b->data, b->len, &answer) == DB_OK &&
	       odbc_end_transaction(odbc_of(db), SQL_ROLLBACK, "ROLLBACK") ==
		   DB_OK;
}

const struct db_driver db_odbc = {
    .dialect =
	{
	    .name_quote = '"',
	    .escaped = "",
	    .begin = "BEGIN",
	    .same = "1=1",
	    .now = "{now}",
	    .nth = " {row %u}",
	    .types = {[COLUMN_VARCHAR] = "VARCHAR(%u)",
		[COLUMN_TEXT] = "TEXT",
		[COLUMN_INT] = "INTEGER",
		[COLUMN_BIGINT] = "BIGINT",
		[COLUMN_UNSIGNED] = "BIGINT",
		[COLUMN_DOUBLE] = "DOUBLE PRECISION",
		[COLUMN_DECIMAL] = "DECIMAL(%u,%u)",
		[COLUMN_BOOLEAN] = "BOOLEAN",
		[COLUMN_DATETIME] = "TIMESTAMP(6)",
		[COLUMN_JSON] = "TEXT",
		[COLUMN_IP] = "VARCHAR(45)",
		[COLUMN_UUID] = "CHAR(36)"},
	    .signed_only = true,
	    .count = "BIGINT",
	    .json = "TEXT",
	    .text = "VARCHAR(%u)",
	    .table_end = "",
	    .sqlstates = true,
	    .made_by_user = true,
	},
    .parse = parse,
    .start = start,
    .make = make,
    .free = release,
    .open = odbc_open,
    .close = odbc_close,
    .interrupt = odbc_interrupt,
    .alive = alive,
    .run = run,
    .ask = ask,
    .list = odbc_list,
    .check = odbc_check,
    .store = odbc_store,
};
