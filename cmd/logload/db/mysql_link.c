/*
 * mysql_link.c - opens a session of MySQL or MariaDB and runs statements.
 *
 * What `mysql` and `mariadb` read from my.cnf is read through the client
 * library, from a file of ours that includes those of the user and then adds
 * what was given as options. The library lets a file's settings win over those
 * of mysql_options(3); so the last word must be in a file too.
 */
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "clock.h"
#include "mysql_own.h"
#include "log.h"
#include "spool.h"

static int write_settings(const struct mysql_db *, int *fd, struct error *);
static void set_options(struct mysql_db *, const char *settings);
static enum db_verdict check_tls(struct mysql_db *);
static enum db_verdict open_session(struct mysql_db *);
static enum db_verdict suit_binary_log(struct mysql_db *);
static enum db_verdict read_server(struct mysql_db *);

/*
 * Running statements
 */

enum db_verdict
mysql_failure(struct mysql_db *m, const char *what, unsigned code,
    const char *sqlstate, const char *text)
{
	enum db_verdict verdict = mysql_verdict(code, sqlstate, text);

	(void)error_set(&m->db.error, "%s: %s (%u)", what, text, code);
	m->db.error.code = (int)code;
	m->db.suspect =
	    verdict == DB_EVENT && !mysql_is_content(code, sqlstate);
	return verdict;
}

enum db_verdict
mysql_failed(struct mysql_db *m, const char *what)
{
	return mysql_failure(m, what, mysql_errno(m->link),
	    mysql_sqlstate(m->link), mysql_error(m->link));
}

enum db_verdict
mysql_no_memory(struct mysql_db *m)
{
	(void)error_set(&m->db.error, "out of memory");
	return DB_PASSING;
}

enum db_verdict
mysql_run(struct mysql_db *m, const char *sql, size_t len)
{
	char what[24];

	m->used_ns = clock_monotonic_ns();
	if (mysql_real_query(m->link, sql, len) == 0)
		return DB_OK;
	/* The statement's first words say enough, and hold nobody's data. */
	(void)snprintf(
	    what, sizeof(what), "%.*s", (int)strcspn(sql, "(`'@="), sql);
	for (size_t n = strlen(what); n > 0 && what[n - 1] == ' '; n--)
		what[n - 1] = '\0';
	return mysql_failed(m, what);
}

enum db_verdict
mysql_run_text(struct mysql_db *m, const char *sql)
{
	return mysql_run(m, sql, strlen(sql));
}

enum db_verdict
mysql_ask(struct mysql_db *m, const char *sql, size_t len, MYSQL_RES **result)
{
	enum db_verdict verdict = mysql_run(m, sql, len);

	*result = NULL;
	if (verdict != DB_OK)
		return verdict;
	*result = mysql_store_result(m->link);
	return *result == NULL ? mysql_failed(m, "read a result") : DB_OK;
}

/*
 * Connecting
 */

/* For interrupt, which must never meet a descriptor that is another's. */
static void
set_socket(struct mysql_db *m, int fd)
{
	(void)pthread_mutex_lock(&m->lock); /* fails only on misuse */
	m->socket = fd;
	(void)pthread_mutex_unlock(&m->lock);
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

enum db_verdict
mysql_link_open(struct mysql_db *m)
{
	const struct db_config *c = m->config;
	enum db_verdict verdict;
	char settings[32];
	int fd;

	if (write_settings(m, &fd, &m->db.error) < 0)
		return DB_PASSING;
	m->link = mysql_init(NULL);
	if (m->link == NULL) {
		(void)close(fd); /* in memory */
		(void)error_set(&m->db.error, "connect: out of memory");
		return DB_PASSING;
	}
	(void)snprintf(settings, sizeof(settings), "/proc/self/fd/%d", fd);
	set_options(m, settings);
	if (mysql_real_connect(m->link, c->host, c->user, c->password,
		c->database, (unsigned)c->port, c->socket, 0) == NULL)
		verdict = mysql_failed(m, "connect");
	else
		verdict = check_tls(m);
	(void)close(fd); /* in memory */
	if (verdict == DB_OK)
		set_socket(m, socket_of(m->link));
	if (verdict == DB_OK)
		verdict = open_session(m);
	if (verdict != DB_OK)
		mysql_link_close(m);
	return verdict;
}

void
mysql_link_close(struct mysql_db *m)
{
	set_socket(m, -1);
	if (m->link != NULL)
		mysql_close(m->link);
	m->link = NULL;
	mysql_bulk_free(m->bulk); /* cannot send anything any more */
	m->bulk = NULL;
}

/* key="value", quoted as my.cnf has it. */
static int
put_setting(struct buf *b, const char *key, const char *value)
{
	if (value == NULL)
		return 0;
	if (buf_printf(b, "%s=\"", key) < 0)
		return -1;
	for (const char *p = value; *p != '\0'; p++) {
		if ((*p == '\\' || *p == '"') && buf_append(b, "\\", 1) < 0)
			return -1;
		if (buf_append(b, p, 1) < 0)
			return -1;
	}
	return buf_append(b, "\"\n", 2);
}

static int
put_include(struct buf *b, const char *directory, const char *name)
{
	char path[PATH_MAX];

	/* What cannot be included, MySQL's library would complain of. */
	if (directory == NULL || strpbrk(directory, "\n\r") != NULL ||
	    snprintf(path, sizeof(path), "%s%s", directory, name) >=
		(int)sizeof(path) ||
	    access(path, R_OK) < 0)
		return 0;
	return buf_printf(b, "!include %s\n", path);
}

/* The files that a client of MySQL reads, in its order. */
static int
put_includes(struct buf *b, const struct db_config *c)
{
	const char *home = getenv("MARIADB_HOME");

	if (home == NULL)
		home = getenv("MYSQL_HOME");
	if (c->no_defaults)
		return 0;
	if (c->defaults_file != NULL)
		return put_include(b, c->defaults_file, "");
	if (put_include(b, "/etc", "/my.cnf") < 0 ||
	    put_include(b, "/etc/mysql", "/my.cnf") < 0 ||
	    put_include(b, home, "/my.cnf") < 0 ||
	    put_include(b, c->defaults_extra_file, "") < 0)
		return -1;
	return put_include(b, getenv("HOME"), "/.my.cnf");
}

/*
 * MariaDB's library finds out that a server has no TLS only when it has logged
 * in. Whoever stands in between can strip TLS off and ask for the password in
 * clear: so, where TLS is asked for, none of the ways to log in that tell it.
 * The user's own my.cnf, read later, may allow more. MySQL's library logs in
 * over TLS alone, and knows no such setting.
 */
static int
put_restriction(struct buf *b, const struct db_config *c)
{
#ifdef MARIADB_PACKAGE_VERSION_ID
	if (c->ssl >= DB_SSL_REQUIRED)
		return buf_printf(b, "[client]\nrestricted-auth="
				     "mysql_native_password,"
				     "caching_sha2_password,client_ed25519\n");
#endif
	(void)b;
	(void)c;
	return 0;
}

static int
put_settings(struct buf *b, const struct db_config *c)
{
	if (put_restriction(b, c) < 0)
		return -1;
	if (put_includes(b, c) < 0 || buf_printf(b, "[logload]\n") < 0)
		return -1;
	if (put_setting(b, "ssl-ca", c->ssl_ca) < 0 ||
	    put_setting(b, "ssl-cert", c->ssl_cert) < 0 ||
	    put_setting(b, "ssl-key", c->ssl_key) < 0)
		return -1;
#ifdef MARIADB_PACKAGE_VERSION_ID
	if (c->ssl == DB_SSL_VERIFY_IDENTITY &&
	    put_setting(b, "ssl-verify-server-cert", "1") < 0)
		return -1;
	if (c->ssl_given && put_setting(b, "ssl-enforce",
				c->ssl == DB_SSL_DISABLED ? "0" : "1") < 0)
		return -1;
#endif
	return put_setting(b, "default-character-set", "utf8mb4");
}

/* A file in memory alone, which no other user can open. */
static int
write_settings(const struct mysql_db *m, int *fd, struct error *err)
{
	struct buf text = {0};
	int rc = -1;

	*fd = memfd_create("logload.cnf", MFD_CLOEXEC);
	if (*fd < 0)
		return error_errno(err, "create a file in memory");
	/* The library ignores a file that anybody may write to. */
	if (put_settings(&text, m->config) < 0 || fchmod(*fd, 0600) < 0 ||
	    spool_write_all(*fd, text.data, text.len) < 0)
		(void)error_errno(err, "write the connection's settings");
	else
		rc = 0;
	buf_release(&text);
	if (rc < 0)
		(void)close(*fd); /* in memory */
	return rc;
}

static unsigned
seconds(uint64_t ns)
{
	return (unsigned)((ns + CLOCK_NS_PER_S - 1) / CLOCK_NS_PER_S);
}

/* A connection by socket needs no TLS, and cannot be listened to. */
static bool
wants_tls(const struct db_config *c)
{
	bool local = c->socket != NULL || c->host == NULL ||
		     strcmp(c->host, "localhost") == 0;

	if (c->ssl == DB_SSL_PREFERRED)
		return !local;
	return c->ssl > DB_SSL_PREFERRED;
}

static void
set_options(struct mysql_db *m, const char *settings)
{
	const struct db_config *c = m->config;
	unsigned local = 1, connect_s = seconds(c->connect_ns);
	unsigned read_s = seconds(c->read_ns), write_s = seconds(c->write_ns);

	/* None of these can fail, but for lack of memory. */
	(void)mysql_options(m->link, MYSQL_OPT_LOCAL_INFILE, &local);
	(void)mysql_options(m->link, MYSQL_OPT_CONNECT_TIMEOUT, &connect_s);
	(void)mysql_options(m->link, MYSQL_OPT_READ_TIMEOUT, &read_s);
	(void)mysql_options(m->link, MYSQL_OPT_WRITE_TIMEOUT, &write_s);
	(void)mysql_options(m->link, MYSQL_SET_CHARSET_NAME, "utf8mb4");
	(void)mysql_options(m->link, MYSQL_READ_DEFAULT_FILE, settings);
	(void)mysql_options(m->link, MYSQL_READ_DEFAULT_GROUP, "logload");
#ifdef MARIADB_PACKAGE_VERSION_ID
	{
		my_bool tls = wants_tls(c);

		if (tls)
			(void)mysql_options(
			    m->link, MYSQL_OPT_SSL_ENFORCE, &tls);
	}
#else
	{
		static const unsigned modes[] = {SSL_MODE_DISABLED,
		    SSL_MODE_PREFERRED, SSL_MODE_REQUIRED, SSL_MODE_VERIFY_CA,
		    SSL_MODE_VERIFY_IDENTITY};
		bool get_key = true;
		unsigned long packet = 1UL << 30;

		if (c->ssl_given || !wants_tls(c))
			(void)mysql_options(
			    m->link, MYSQL_OPT_SSL_MODE, &modes[c->ssl]);
		/* caching_sha2_password without TLS needs the server's key. */
		(void)mysql_options(
		    m->link, MYSQL_OPT_GET_SERVER_PUBLIC_KEY, &get_key);
		(void)mysql_options(
		    m->link, MYSQL_OPT_MAX_ALLOWED_PACKET, &packet);
	}
#endif
}

/* MariaDB's library goes on without TLS where the server has none. */
static enum db_verdict
check_tls(struct mysql_db *m)
{
	if (m->config->ssl < DB_SSL_REQUIRED ||
	    mysql_get_ssl_cipher(m->link) != NULL)
		return DB_OK;
	(void)error_set(&m->db.error,
	    "connect: --ssl-mode asks for TLS, and the server has none");
	return DB_SCHEMA;
}

/*
 * The session: UTC, every error an error, no notes among the warnings that
 * mysql_load counts, and no transaction but those that we begin. Whatever an
 * init-command of the user's has set comes before.
 */
static enum db_verdict
open_session(struct mysql_db *m)
{
	static const char *const statements[] = {
	    "SET NAMES utf8mb4",
	    "SET SESSION time_zone='+00:00', sql_notes=0, "
	    "sql_mode='STRICT_ALL_TABLES,NO_ENGINE_SUBSTITUTION'",
	    "SET SESSION autocommit=0",
	    NULL,
	};
	enum db_verdict verdict = DB_OK;

#ifdef MARIADB_PACKAGE_VERSION_ID
	{
		/* Connecting anew amid a transaction would lose its begin. */
		my_bool off = 0;

		(void)mysql_options(m->link, MYSQL_OPT_RECONNECT, &off);
	}
#endif
	for (int i = 0; statements[i] != NULL && verdict == DB_OK; i++)
		verdict = mysql_run_text(m, statements[i]);
	if (verdict == DB_OK)
		verdict = suit_binary_log(m);
	if (verdict == DB_OK)
		verdict = read_server(m);
	if (verdict == DB_OK)
		verdict = mysql_prepare_tables(m);
	return verdict;
}

static enum db_verdict
ask_number(struct mysql_db *m, const char *sql, uint64_t *number)
{
	enum db_verdict verdict;
	MYSQL_RES *result;
	MYSQL_ROW row;

	verdict = mysql_ask(m, sql, strlen(sql), &result);
	if (verdict != DB_OK)
		return verdict;
	row = mysql_fetch_row(result);
	*number =
	    row != NULL && row[0] != NULL ? strtoull(row[0], NULL, 10) : 0;
	mysql_free_result(result);
	return DB_OK;
}

/*
 * READ COMMITTED locks less than the default, and arrays of rows are the
 * fastest way, but a binary log of statements can have neither. An engine
 * without the variables has no such log.
 */
static enum db_verdict
suit_binary_log(struct mysql_db *m)
{
	uint64_t statements = 0;
	enum db_verdict verdict;

	verdict = ask_number(
	    m, "SELECT @@log_bin AND @@binlog_format='STATEMENT'", &statements);
	if (verdict != DB_OK && m->db.error.code != SERVER_UNKNOWN_VARIABLE)
		return verdict;
	m->arrays = statements == 0 && m->config->method == DB_METHOD_AUTO &&
		    mysql_has_bulk(m);
	return mysql_run_text(m, statements != 0
				     ? "SET SESSION TRANSACTION ISOLATION "
				       "LEVEL REPEATABLE READ"
				     : "SET SESSION TRANSACTION ISOLATION "
				       "LEVEL READ COMMITTED");
}

/* What the server allows, and whether its commits last. */
static enum db_verdict
read_server(struct mysql_db *m)
{
	uint64_t infile = 0, flush = 1;
	enum db_verdict verdict;

	verdict = ask_number(m, "SELECT @@max_allowed_packet", &m->packet_max);
	if (verdict == DB_OK)
		verdict = ask_number(m, "SELECT @@local_infile", &infile);
	if (verdict != DB_OK)
		return verdict;
	m->inserts = m->config->method == DB_METHOD_INSERT ||
		     (m->config->method == DB_METHOD_AUTO && infile == 0);
	if (m->warned)
		return DB_OK;
	m->warned = true;
	if (m->inserts && !m->arrays && m->config->method == DB_METHOD_AUTO)
		log_info("the server has local_infile off: loading by INSERT, "
			 "which is slower");
	/* Another engine may have no such variable: then it does not matter. */
	verdict =
	    ask_number(m, "SELECT @@innodb_flush_log_at_trx_commit", &flush);
	if (verdict != DB_OK && m->db.error.code != SERVER_UNKNOWN_VARIABLE)
		return verdict;
	if (flush != 1)
		log_warn("the server has innodb_flush_log_at_trx_commit=%llu: "
			 "a crash of its machine can lose events that were "
			 "loaded and removed here",
		    (unsigned long long)flush);
	return DB_OK;
}
