/*
 * mycnf.c - see mycnf.h.
 */
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "mycnf.h"
#include "spool.h"
#include "url.h"

int
mycnf_parse(struct db_config *c, char *rest, struct error *err)
{
	int rc = url_parse_server(c, rest, err);

	if (c->socket != NULL && c->hosts[0].name == NULL)
		c->hosts[0].name = "localhost";
	return rc;
}

bool
mycnf_is_there(const struct db_config *c)
{
	const char *home = getenv("HOME");
	char path[PATH_MAX];

	if (c->defaults_file != NULL)
		return true;
	if (home == NULL)
		return false;
	(void)snprintf(path, sizeof(path), "%s/.my.cnf", home);
	return access(path, R_OK) == 0;
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

	if (c->defaults_file != NULL)
		return put_include(b, c->defaults_file, "");
	if (home == NULL)
		home = getenv("MYSQL_HOME");
	if (put_include(b, "/etc", "/my.cnf") < 0 ||
	    put_include(b, "/etc/mysql", "/my.cnf") < 0 ||
	    put_include(b, home, "/my.cnf") < 0)
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
	if (c->ssl < DB_SSL_REQUIRED)
		return 0;
	return buf_printf(b, "[client]\nrestricted-auth=mysql_native_password,"
			     "caching_sha2_password,client_ed25519\n");
}

static int
put_all(struct buf *b, const struct db_config *c, bool mariadb)
{
	if ((mariadb && put_restriction(b, c) < 0) || put_includes(b, c) < 0 ||
	    buf_printf(b, "[logload]\ndefault-character-set=utf8mb4\n") < 0 ||
	    put_setting(b, "ssl-ca", c->ssl_ca) < 0 ||
	    put_setting(b, "ssl-cert", c->ssl_cert) < 0 ||
	    put_setting(b, "ssl-key", c->ssl_key) < 0)
		return -1;
	if (mariadb && c->ssl == DB_SSL_VERIFY_IDENTITY &&
	    put_setting(b, "ssl-verify-server-cert", "1") < 0)
		return -1;
	if (mariadb && c->ssl_mode != NULL)
		return put_setting(
		    b, "ssl-enforce", c->ssl == DB_SSL_DISABLED ? "0" : "1");
	return 0;
}

int
mycnf_open(const struct db_config *c, bool mariadb, char path[MYCNF_PATH_MAX],
    struct error *err)
{
	/* In memory alone, where no other user can open it. */
	int fd = memfd_create("logload.cnf", MFD_CLOEXEC), rc = -1;
	struct buf text = {0};

	if (fd < 0)
		return error_errno(err, "create a file in memory");
	/* The library ignores a file that anybody may write to. */
	if (put_all(&text, c, mariadb) < 0 || fchmod(fd, 0600) < 0 ||
	    spool_write_all(fd, text.data, text.len) < 0)
		(void)error_errno(err, "write the connection's settings");
	else
		rc = 0;
	buf_release(&text);
	if (rc < 0) {
		(void)close(fd); /* in memory */
		return -1;
	}
	(void)snprintf(path, MYCNF_PATH_MAX, "/proc/self/fd/%d", fd);
	return fd;
}

bool
mycnf_wants_tls(const struct db_config *c, const char *host)
{
	/* Nobody can listen to a socket. */
	bool local =
	    c->socket != NULL || host == NULL || strcmp(host, "localhost") == 0;

	if (c->ssl == DB_SSL_PREFERRED)
		return !local;
	return c->ssl > DB_SSL_PREFERRED;
}
