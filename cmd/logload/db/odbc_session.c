/*
 * odbc_session.c - a session through ODBC: connecting, and finding out how its
 * database wants to be spoken to.
 */
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <string.h>
#include <sys/socket.h>

#include "clock.h"
#include "odbc_link.h"

#define BATCH_BYTES ((size_t)1024 * 1024)
#define BATCH_STATEMENTS 8 /* of many rows, each prepared for as many */
#define BATCHES_MOST 40    /* some databases pay for each savepoint */

static const struct savepoints savepoints[] = {
    {"SAVEPOINT %s", "ROLLBACK TO SAVEPOINT %s", "RELEASE SAVEPOINT %s"},
    {"SAVEPOINT %s ON ROLLBACK RETAIN CURSORS", "ROLLBACK TO SAVEPOINT %s",
	"RELEASE SAVEPOINT %s"},
    {"SAVEPOINT %s", "ROLLBACK TO SAVEPOINT %s", NULL},
    {"SAVE TRANSACTION %s", "ROLLBACK TRANSACTION %s", NULL},
};

/*
 * What a connection string has to say beside, by the driver's name. That of
 * PostgreSQL would roll more back than a statement that fails; that of SQLite
 * waits for others for 100 s, whoever tells us to stop meanwhile.
 */
static const struct {
	const char *driver, *text;
} additions[] = {
    {"psqlodbc", "Protocol=7.4-0;"},
    {"libmaodbc", "CHARSET=utf8mb4;"},
    {"sqlite3odbc", "Timeout=2000;"},
};

/* What a session needs beside, by the beginning of the database's name. */
static const struct {
	const char *name, *sql;
} settings[] = {
    {"MariaDB", "SET time_zone='+00:00', "
		"sql_mode=CONCAT(@@sql_mode, ',STRICT_ALL_TABLES')"},
    {"MySQL", "SET time_zone='+00:00', "
	      "sql_mode=CONCAT(@@sql_mode, ',STRICT_ALL_TABLES')"},
    {"PostgreSQL", "SET TimeZone='UTC'; "
		   "SET plan_cache_mode=force_generic_plan"},
    {"Oracle", "ALTER SESSION SET TIME_ZONE='UTC' "
	       "NLS_TIMESTAMP_FORMAT='YYYY-MM-DD HH24:MI:SS.FF6' "
	       "NLS_NUMERIC_CHARACTERS='.,'"},
};

/*
 * No driver tells which socket it has, nor has this process others: so all of
 * them are looked at.
 */
static void
each_socket(void (*deal)(int fd))
{
	struct sockaddr_storage peer;

	for (int fd = 3; fd < 1024; fd++) {
		socklen_t len = sizeof(peer);

		if (getpeername(fd, (struct sockaddr *)&peer, &len) == 0)
			deal(fd);
	}
}

/* Lets the system find out that the other end is not there any more. */
static void
watch(int fd)
{
	const int on = 1, seconds = 10, most_ms = 60000;

	/* One of the system's own needs none of these. */
	(void)setsockopt(fd, SOL_SOCKET, SO_KEEPALIVE, &on, sizeof(on));
	(void)setsockopt(
	    fd, IPPROTO_TCP, TCP_KEEPIDLE, &seconds, sizeof(seconds));
	(void)setsockopt(
	    fd, IPPROTO_TCP, TCP_KEEPINTVL, &seconds, sizeof(seconds));
	(void)setsockopt(
	    fd, IPPROTO_TCP, TCP_USER_TIMEOUT, &most_ms, sizeof(most_ms));
}

static void
give_up(int fd)
{
	(void)shutdown(fd, SHUT_RDWR); /* or it has gone */
}

/* All sessions are interrupted, if one is. */
void
odbc_interrupt(struct db *db)
{
	(void)db;
	each_socket(give_up);
}

/* The address, with those words, and the password. */
static int
put_connection(struct link *l, const char *words)
{
	const char *password = l->db.config->password;
	bool braces = password != NULL && strpbrk(password, "[]{}(),;?*=!@%+ ");

	l->text.len = 0;
	if (buf_printf(&l->text, "%s;%s", l->db.config->rest, words) < 0)
		return -1;
	if (password == NULL)
		return buf_append(&l->text, "", 1);
	if (buf_printf(&l->text, "PWD=%s", braces ? "{" : "") < 0)
		return -1;
	for (const char *p = password; *p != '\0'; p++) {
		if (buf_append(&l->text, p, 1) < 0 ||
		    (*p == '}' && buf_append(&l->text, p, 1) < 0))
			return -1;
	}
	return buf_append(&l->text, braces ? "}" : "", braces ? 2 : 1);
}

static void
disconnect(struct link *l)
{
	/* What is in the way of these is given up, too. */
	if (l->connected) {
		(void)SQLEndTran(SQL_HANDLE_DBC, l->dbc, SQL_ROLLBACK);
		(void)SQLDisconnect(l->dbc);
	}
	if (l->dbc != NULL)
		(void)SQLFreeHandle(SQL_HANDLE_DBC, l->dbc);
	l->dbc = NULL;
	l->connected = false;
}

/* A number of seconds, for an attribute. */
static SQLPOINTER
seconds(uint64_t ns)
{
	return odbc_number((ns + CLOCK_NS_PER_S - 1) / CLOCK_NS_PER_S);
}

static enum db_verdict
connect_with(struct link *l, const char *words)
{
	const struct db_config *c = l->db.config;
	enum db_verdict verdict;
	SQLRETURN rc;

	if (!SQL_SUCCEEDED(SQLAllocHandle(SQL_HANDLE_DBC, l->env, &l->dbc)) ||
	    put_connection(l, words) < 0)
		return db_no_memory(&l->db);
	/* Not all drivers know of these. */
	(void)SQLSetConnectAttr(
	    l->dbc, SQL_ATTR_LOGIN_TIMEOUT, seconds(c->connect_ns), 0);
	(void)SQLSetConnectAttr(
	    l->dbc, SQL_ATTR_CONNECTION_TIMEOUT, seconds(c->read_ns), 0);
	rc = SQLDriverConnect(l->dbc, NULL, (SQLCHAR *)l->text.data, SQL_NTS,
	    NULL, 0, NULL, SQL_DRIVER_NOPROMPT);
	explicit_bzero(l->text.data, l->text.len);
	l->connected = SQL_SUCCEEDED(rc);
	if (l->connected)
		return DB_OK;
	verdict = odbc_failed(l, SQL_HANDLE_DBC, l->dbc, "connect");
	if (strstr(l->db.error.text, "authentication failed") != NULL ||
	    strstr(l->db.error.text, "no password") != NULL ||
	    strstr(l->db.error.text, "does not exist") != NULL)
		return DB_SCHEMA; /* under the state of a server that is away */
	return verdict == DB_REFUSED ? DB_PASSING : verdict;
}

/* Which driver it is, and what it has to be told, is known behind that. */
static enum db_verdict
connect_link(struct link *l)
{
	enum db_verdict verdict;
	char name[64] = "";

	if (!SQL_SUCCEEDED(
		SQLAllocHandle(SQL_HANDLE_ENV, SQL_NULL_HANDLE, &l->env)) ||
	    !SQL_SUCCEEDED(SQLSetEnvAttr(
		l->env, SQL_ATTR_ODBC_VERSION, (SQLPOINTER)SQL_OV_ODBC3, 0)))
		return db_no_memory(&l->db);
	verdict = connect_with(l, "");
	if (verdict == DB_OK)
		(void)SQLGetInfo(
		    l->dbc, SQL_DRIVER_NAME, name, sizeof(name), NULL);
	for (size_t i = 0; i < sizeof(additions) / sizeof(*additions); i++) {
		if (verdict != DB_OK ||
		    strstr(name, additions[i].driver) == NULL)
			continue;
		disconnect(l);
		verdict = connect_with(l, additions[i].text);
	}
	if (verdict != DB_OK)
		return verdict;
	each_socket(watch);
	if (!SQL_SUCCEEDED(
		SQLAllocHandle(SQL_HANDLE_STMT, l->dbc, &l->statement)) ||
	    !SQL_SUCCEEDED(SQLAllocHandle(SQL_HANDLE_STMT, l->dbc, &l->insert)))
		return odbc_failed(l, SQL_HANDLE_DBC, l->dbc, "connect");
	return DB_OK;
}

/* What the driver says of itself, and settings that outlive a transaction. */
static enum db_verdict
prepare_session(struct link *l)
{
	SQLUSMALLINT transactions = SQL_TC_ALL;
	enum db_verdict verdict = DB_OK;
	char name[64] = "";

	(void)SQLGetInfo(l->dbc, SQL_DBMS_NAME, name, sizeof(name), NULL);
	(void)SQLGetInfo(l->dbc, SQL_IDENTIFIER_QUOTE_CHAR, l->quote,
	    sizeof(l->quote), NULL);
	(void)SQLGetInfo(
	    l->dbc, SQL_TXN_CAPABLE, &transactions, sizeof(transactions), NULL);
	if (transactions == SQL_TC_NONE)
		return odbc_refused(
		    l, DB_SCHEMA, "the database has no transactions");
	if (*l->quote == ' ')
		*l->quote = '\0';
	for (size_t i = 0; i < sizeof(settings) / sizeof(*settings); i++) {
		if (strncmp(name, settings[i].name, strlen(settings[i].name)) ==
			0 &&
		    verdict == DB_OK)
			verdict = odbc_run_text(l, settings[i].sql);
	}
	if (verdict == DB_OK &&
	    !SQL_SUCCEEDED(SQLSetConnectAttr(l->dbc, SQL_ATTR_AUTOCOMMIT,
		(SQLPOINTER)SQL_AUTOCOMMIT_OFF, 0)))
		return odbc_failed(l, SQL_HANDLE_DBC, l->dbc, "autocommit off");
	return verdict;
}

/* Is that how savepoints are written here? */
static enum db_verdict
try_savepoints(struct link *l, const struct savepoints *s)
{
	enum db_verdict verdict, ended;

	l->savepoints = s;
	verdict = odbc_set_savepoint(l);
	if (verdict == DB_OK)
		verdict = odbc_run_savepoint(l, s->back, "store", 5);
	if (verdict == DB_OK && s->release != NULL)
		verdict = odbc_run_savepoint(l, s->release, "store", 5);
	ended = odbc_end_transaction(l, SQL_ROLLBACK, "ROLLBACK");
	return ended == DB_OK ? verdict : DB_PASSING;
}

static enum db_verdict
find_savepoints(struct link *l)
{
	enum db_verdict verdict;

	for (size_t i = 0; i < sizeof(savepoints) / sizeof(*savepoints); i++) {
		verdict = try_savepoints(l, &savepoints[i]);
		if (verdict == DB_OK || verdict == DB_PASSING)
			return verdict;
	}
	return odbc_refused(l, DB_SCHEMA,
	    "the database has no savepoints, in any way that is known");
}

enum db_verdict
odbc_open(struct db *db)
{
	struct link *l = odbc_of(db);
	unsigned rows = VALUES_PARAMS / columns_values(db->config->columns);
	enum db_verdict verdict;

	db->limits = (struct batch_limits){.rows = rows * BATCH_STATEMENTS,
	    .bytes = BATCH_BYTES >> (l->losses < 8 ? l->losses : 8),
	    .batches = BATCHES_MOST};
	if (db->config->ssl_mode != NULL)
		return odbc_refused(l, DB_SCHEMA,
		    "connect: --ssl-mode is not for odbc:, whose connection "
		    "string has words of its own for TLS");
	verdict = connect_link(l);
	if (verdict == DB_OK)
		verdict = prepare_session(l);
	if (verdict == DB_OK)
		verdict = find_savepoints(l);
	return verdict == DB_REFUSED ? DB_SCHEMA : verdict;
}

void
odbc_close(struct db *db)
{
	struct link *l = odbc_of(db);

	/* What is in the way of these is given up, too. */
	if (l->statement != NULL)
		(void)SQLFreeHandle(SQL_HANDLE_STMT, l->statement);
	if (l->insert != NULL)
		(void)SQLFreeHandle(SQL_HANDLE_STMT, l->insert);
	disconnect(l);
	if (l->env != NULL)
		(void)SQLFreeHandle(SQL_HANDLE_ENV, l->env);
	l->statement = l->insert = l->env = NULL;
	l->prepared = 0;
	l->told = false;
}
