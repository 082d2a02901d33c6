/*
 * postgresql_connect.c - the addresses of PostgreSQL, and connecting to one.
 */
#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "clock.h"
#include "postgresql_link.h"
#include "url.h"

/* Of "USER@HOST:PORT,HOST:PORT/…": the hosts, and where they end. */
static const char *
find_hosts(const char *rest, const char **end)
{
	size_t len = strcspn(rest, "/?");
	const char *at = memrchr(rest, '@', len);

	*end = rest + len;
	return at == NULL ? rest : at + 1;
}

/* The address, with its hosts in turn: l->first of them goes to their end. */
static int
put_address(struct link *l)
{
	const char *rest = l->pg.db.config->rest, *end;
	const char *hosts = find_hosts(rest, &end), *cut = hosts, *comma;
	unsigned count = 1;

	for (const char *p = hosts; p < end; p++)
		count += *p == ',';
	for (unsigned i = l->first % count; i > 0; i--)
		cut = strchr(cut, ',') + 1;
	comma = cut > hosts ? "," : "";
	l->text.len = 0;
	return buf_printf(&l->text, "postgresql://%.*s%.*s%s%.*s%s",
	    (int)(hosts - rest), rest, (int)(end - cut), cut, comma,
	    (int)(cut > hosts ? cut - hosts - 1 : 0), hosts, end);
}

/* What an address, and the variables PG*, leave open, and what we say. */
static PGconn *
begin_connecting(struct link *l)
{
	static const char *const ssl[] = {
	    "disable", "prefer", "require", "verify-ca", "verify-full"};
	const struct db_config *c = l->pg.db.config;
	bool writes = !c->look_only && getenv("PGTARGETSESSIONATTRS") == NULL;
	const char *const keys[] = {"fallback_application_name",
	    "keepalives_idle", "keepalives_interval", "keepalives_count",
	    writes ? "target_session_attrs" : "keepalives", "dbname",
	    "client_encoding", c->password != NULL ? "password" : "keepalives",
	    c->ssl_mode != NULL ? "sslmode" : "keepalives", NULL};
	const char *const values[] = {"logload", "10", "5", "3",
	    writes ? "read-write" : NULL, l->text.data, "UTF8", c->password,
	    c->ssl_mode != NULL ? ssl[c->ssl] : NULL, NULL};

	return PQconnectStartParams(keys, values, 1);
}

/*
 * Of an attempt to connect there is no answer that one could ask for the state,
 * but its text has it: "…: FATAL:  28P01: password …".
 */
static enum db_verdict
connect_failed(struct link *l)
{
	char text[ERROR_TEXT_MAX], state[6] = "", *p;
	struct db *db = &l->pg.db;

	(void)snprintf(text, sizeof(text), "%s",
	    l->lost != NULL ? l->lost : PQerrorMessage(l->conn));
	while ((p = strstr(text, "LOCATION:")) != NULL)
		memmove(
		    p, p + strcspn(p, "\n"), strlen(p + strcspn(p, "\n")) + 1);
	for (p = text; (p = strstr(p, ":  ")) != NULL; p += 3) {
		if (strspn(p + 3, "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ") ==
			5 &&
		    p[8] == ':')
			(void)snprintf(state, sizeof(state), "%.5s", p + 3);
	}
	postgresql_tell(db, "connect", text);
	db->error.code = postgresql_code(*state == '\0' ? NULL : state);
	db->unanswered = true;
	return postgresql_verdict(
	    *state == '\0' ? NULL : state, text, &db->cause);
}

static void
ignore_notice(void *context, const PGresult *notice)
{
	(void)context, (void)notice;
}

/*
 * The time is for all hosts of the address. One that is silent is not the
 * first one the next time: the library leaves none but those that refuse.
 */
static enum db_verdict
connect_link(struct link *l)
{
	uint64_t until = clock_monotonic_ns() + l->pg.db.config->connect_ns;
	PostgresPollingStatusType status = PGRES_POLLING_WRITING;

	if (put_address(l) < 0)
		return db_no_memory(&l->pg.db);
	l->conn = begin_connecting(l);
	if (l->conn == NULL)
		return db_no_memory(&l->pg.db);
	(void)PQsetErrorVerbosity(l->conn, PQERRORS_VERBOSE);
	(void)PQsetNoticeReceiver(l->conn, ignore_notice, NULL);
	if (PQstatus(l->conn) == CONNECTION_BAD)
		return connect_failed(l);
	while (status != PGRES_POLLING_OK && status != PGRES_POLLING_FAILED) {
		if (postgresql_wait(l,
			status == PGRES_POLLING_READING ? POLLIN : POLLOUT,
			until) < 0) {
			l->first++;
			return connect_failed(l);
		}
		status = PQconnectPoll(l->conn);
	}
	if (status == PGRES_POLLING_FAILED)
		return connect_failed(l);
	(void)PQsetnonblocking(l->conn, 1); /* nothing is to be sent now */
	return DB_OK;
}

static bool
has_many_hosts(PGconn *conn)
{
	PQconninfoOption *options = PQconninfo(conn); /* NULL: no memory */
	bool many = false;

	for (int i = 0; options != NULL && options[i].keyword != NULL; i++)
		many |= strcmp(options[i].keyword, "host") == 0 &&
			options[i].val != NULL &&
			strchr(options[i].val, ',') != NULL;
	PQconninfoFree(options);
	return many;
}

enum db_verdict
postgresql_open(struct db *db)
{
	struct link *l = (struct link *)db;
	enum db_verdict verdict;

	atomic_store(&l->interrupted, false);
	l->lost = NULL;
	verdict = connect_link(l);
	if (verdict != DB_OK)
		return verdict;
	l->pg.many_hosts = has_many_hosts(l->conn);
	return postgresql_open_session(&l->pg);
}

/* Cuts the password out, and keeps it behind the rest, which gets shorter. */
static int
take_password(struct db_config *c, char *rest, struct error *err)
{
	const char *end, *hosts = find_hosts(rest, &end);
	size_t user_len = hosts > rest ? (size_t)(hosts - rest - 1) : 0;
	char *colon = memchr(rest, ':', user_len), *password;
	size_t len, tail_len = strlen(hosts);

	if (colon == NULL)
		return 0;
	len = (size_t)(hosts - 1 - colon - 1);
	password = strndup(colon + 1, len);
	if (password == NULL)
		return error_errno(err, "copy");
	memmove(colon + 1, hosts, tail_len + 1);
	*colon = '@';
	memcpy(colon + 1 + tail_len + 1, password, len);
	colon[1 + tail_len + 1 + len] = '\0';
	explicit_bzero(password, len);
	free(password);
	return url_decode(colon + 1 + tail_len + 1, &c->password, err);
}

/* The library's own text may show a password. */
int
postgresql_parse(struct db_config *c, char *rest, struct error *err)
{
	PQconninfoOption *options;
	bool shown = false, lacks_memory;
	char *address, *why = NULL;

	if (url_check_password(rest, err) < 0 ||
	    take_password(c, rest, err) < 0)
		return -1;
	c->rest = rest;
	if (asprintf(&address, "postgresql://%s", rest) < 0)
		return error_errno(err, "copy");
	options = PQconninfoParse(address, &why);
	lacks_memory = options == NULL &&
		       (why == NULL || strstr(why, "out of memory") != NULL);
	PQfreemem(why);
	free(address);
	if (lacks_memory) { /* then the address is not wrong */
		errno = ENOMEM;
		return error_errno(err, "read");
	}
	for (int i = 0; options != NULL && options[i].keyword != NULL; i++)
		shown |= strcmp(options[i].keyword, "password") == 0 &&
			 options[i].val != NULL;
	PQconninfoFree(options);
	if (shown)
		return error_set(err, "a password stands before the host: "
				      "USER:PASSWORD@HOST");
	return options != NULL
		   ? 0
		   : error_set(err, "it is not as libpq wants it: "
				    "postgresql://USER@HOST:PORT,.../DATABASE"
				    "?NAME=VALUE&...");
}
