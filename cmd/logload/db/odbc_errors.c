/*
 * odbc_errors.c - what an error means that comes through ODBC; and what a
 * connection string holds.
 *
 * An SQLSTATE is all that databases have in common, and HY000 is anything. So
 * a native code, or how the text begins, helps where it is known. All others
 * are the refusal of some rows: whether these are to blame is found out by
 * others, see ../store.h.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "odbc_own.h"

/* The first one that fits; 0 and NULL fit all. */
static const struct meaning {
	const char *state; /* or how it begins */
	int native;
	const char *text; /* how it begins */
	enum db_verdict verdict;
	enum db_cause cause;
} meanings[] = {
    /* Duplicates: PostgreSQL and DB2; MariaDB, SQL Server, Oracle; SQLite. */
    {"23505", 0, NULL, DB_REFUSED, DB_CAUSE_DUPLICATE},
    {"23", 1062, NULL, DB_REFUSED, DB_CAUSE_DUPLICATE},
    {"23", 1586, NULL, DB_REFUSED, DB_CAUSE_DUPLICATE},
    {"23", 2601, NULL, DB_REFUSED, DB_CAUSE_DUPLICATE},
    {"23", 2627, NULL, DB_REFUSED, DB_CAUSE_DUPLICATE},
    {"23", 1, "ORA-", DB_REFUSED, DB_CAUSE_DUPLICATE},
    {"HY000", 0, "UNIQUE constraint", DB_REFUSED, DB_CAUSE_DUPLICATE},
    /* Tables that are not there. */
    {"42S02", 0, NULL, DB_SCHEMA, DB_CAUSE_NO_TABLE},
    {"42P01", 0, NULL, DB_SCHEMA, DB_CAUSE_NO_TABLE},
    {"HY000", 0, "no such table", DB_SCHEMA, DB_CAUSE_NO_TABLE},
    /* SQLite, which has no other state. */
    {"HY000", 0, "database is locked", DB_CONFLICT, DB_CAUSE_OTHER},
    {"HY000", 0, "database table is locked", DB_CONFLICT, DB_CAUSE_OTHER},
    {"HY000", 0, "database schema is locked", DB_CONFLICT, DB_CAUSE_OTHER},
    {"HY000", 0, "database or disk is full", DB_PASSING, DB_CAUSE_OTHER},
    {"HY000", 0, "disk I/O error", DB_PASSING, DB_CAUSE_OTHER},
    {"HY000", 0, "out of memory", DB_PASSING, DB_CAUSE_OTHER},
    {"HY000", 0, "unable to open database", DB_PASSING, DB_CAUSE_OTHER},
    {"HY000", 0, "interrupted", DB_PASSING, DB_CAUSE_OTHER},
    {"HY000", 0, "attempt to write a readonly", DB_SCHEMA, DB_CAUSE_OTHER},
    {"HY000", 0, "database disk image is", DB_SCHEMA, DB_CAUSE_OTHER},
    {"HY000", 0, "file is not a database", DB_SCHEMA, DB_CAUSE_OTHER},
    {"HY000", 0, "no such column", DB_SCHEMA, DB_CAUSE_OTHER},
    /* MariaDB: a row over max_allowed_packet breaks the connection. */
    {"HY000", 1205, NULL, DB_CONFLICT, DB_CAUSE_OTHER},
    {"HY000", 1020, NULL, DB_CONFLICT, DB_CAUSE_OTHER},
    {"HY000", 1197, NULL, DB_TOO_LARGE, DB_CAUSE_OTHER},
    {"HY000", 1206, NULL, DB_TOO_LARGE, DB_CAUSE_OTHER},
    {"HY000", 1021, NULL, DB_PASSING, DB_CAUSE_OTHER},
    {"HY000", 1114, NULL, DB_PASSING, DB_CAUSE_OTHER},
    {"HY000", 1180, NULL, DB_PASSING, DB_CAUSE_OTHER},
    {"HY000", 1290, NULL, DB_PASSING, DB_CAUSE_OTHER},
    {"HY000", 1836, NULL, DB_PASSING, DB_CAUSE_OTHER},
    {"HY000", 2003, NULL, DB_PASSING, DB_CAUSE_OTHER},
    {"HY000", 2006, NULL, DB_PASSING, DB_CAUSE_OTHER},
    {"HY000", 2013, NULL, DB_PASSING, DB_CAUSE_OTHER},
    /* Deadlocks, and locks that others hold; 57033 is DB2's. */
    {"40001", 0, NULL, DB_CONFLICT, DB_CAUSE_OTHER},
    {"40P01", 0, NULL, DB_CONFLICT, DB_CAUSE_OTHER},
    {"55P03", 0, NULL, DB_CONFLICT, DB_CAUSE_OTHER},
    {"57033", 0, NULL, DB_CONFLICT, DB_CAUSE_OTHER},
    {"40002", 0, NULL, DB_REFUSED, DB_CAUSE_OTHER},
    {"25006", 0, NULL, DB_PASSING, DB_CAUSE_OTHER}, /* read-only */
    {"25P0", 0, NULL, DB_PASSING, DB_CAUSE_OTHER},
    {"08001", 0, NULL, DB_PASSING, DB_CAUSE_OTHER},
    {"08", 0, NULL, DB_PASSING, DB_CAUSE_OTHER},    /* the connection */
    {"40", 0, NULL, DB_PASSING, DB_CAUSE_OTHER},    /* rolled back */
    {"53", 0, NULL, DB_PASSING, DB_CAUSE_OTHER},    /* disk, memory */
    {"57", 0, NULL, DB_PASSING, DB_CAUSE_OTHER},    /* stopped, canceled */
    {"58", 0, NULL, DB_PASSING, DB_CAUSE_OTHER},    /* its files */
    {"HYT", 0, NULL, DB_PASSING, DB_CAUSE_OTHER},   /* timeouts */
    {"HY001", 0, NULL, DB_PASSING, DB_CAUSE_OTHER}, /* memory */
    {"HY008", 0, NULL, DB_PASSING, DB_CAUSE_OTHER}, /* canceled */
    {"HY013", 0, NULL, DB_PASSING, DB_CAUSE_OTHER}, /* memory */
    {"HY117", 0, NULL, DB_PASSING, DB_CAUSE_OTHER}, /* suspended */
    {"01000", 0, "Can't open lib", DB_SCHEMA, DB_CAUSE_OTHER}, /* a driver */
    {"07", 0, NULL, DB_SCHEMA, DB_CAUSE_OTHER},                /* parameters */
    {"0A", 0, NULL, DB_SCHEMA, DB_CAUSE_OTHER},    /* not supported */
    {"25", 0, NULL, DB_SCHEMA, DB_CAUSE_OTHER},    /* the transaction's state */
    {"28", 0, NULL, DB_SCHEMA, DB_CAUSE_OTHER},    /* not allowed */
    {"3D", 0, NULL, DB_SCHEMA, DB_CAUSE_OTHER},    /* no such database */
    {"3F", 0, NULL, DB_SCHEMA, DB_CAUSE_OTHER},    /* no such schema */
    {"42", 0, NULL, DB_SCHEMA, DB_CAUSE_OTHER},    /* not understood */
    {"HYC00", 0, NULL, DB_SCHEMA, DB_CAUSE_OTHER}, /* not implemented */
    {"IM", 0, NULL, DB_SCHEMA, DB_CAUSE_OTHER},    /* no such driver, no DSN */
    {"", 0, NULL, DB_REFUSED, DB_CAUSE_OTHER},
};

enum db_verdict
odbc_verdict(
    const char *sqlstate, int native, const char *text, enum db_cause *cause)
{
	const struct meaning *m = meanings;

	while (
	    strncmp(sqlstate, m->state, strlen(m->state)) != 0 ||
	    (m->native != 0 && m->native != native) ||
	    (m->text != NULL && strncmp(text, m->text, strlen(m->text)) != 0))
		m++;
	*cause = m->cause;
	return m->verdict;
}

/* Not a value that was cut, in characters or in digits, nor an error. */
bool
odbc_is_harmless(const char *sqlstate)
{
	return strcmp(sqlstate, "01004") != 0 &&
	       strcmp(sqlstate, "01S07") != 0 &&
	       (strncmp(sqlstate, "00", 2) == 0 ||
		   strncmp(sqlstate, "01", 2) == 0);
}

/* "[vendor][driver][server]text". */
const char *
odbc_text(const char *message)
{
	while (*message == '[' && strchr(message, ']') != NULL)
		message = strchr(message, ']') + 1;
	return message + strspn(message, " ");
}

/*
 * Connection strings: NAME=VALUE;…, where a value may stand in braces.
 */

/* Behind the value that begins there. */
static char *
skip_value(char *p)
{
	if (*p == '{') {
		/* "}}" is a brace within. */
		for (p++; *p != '\0' && (*p != '}' || p[1] == '}'); p++)
			p += *p == '}';
	}
	return p + strcspn(p, ";");
}

/* A copy of the value, to be freed; NULL: no memory. */
static char *
copy_value(const char *from, const char *to)
{
	char *copy = malloc((size_t)(to - from) + 1), *out = copy;
	bool braces = *from == '{';

	if (copy == NULL)
		return NULL;
	for (from += braces; from < to; from++) {
		if (braces && *from == '}' && *++from != '}')
			break;
		*out++ = *from;
	}
	*out = '\0';
	return copy;
}

static bool
is_secret(const char *name)
{
	static const char *const words[] = {
	    "pwd", "password", "passphrase", "secret", "token", NULL};

	for (int i = 0; words[i] != NULL; i++) {
		if (strcasestr(name, words[i]) != NULL)
			return true;
	}
	return false;
}

/* Options of some library below, in a value: "pqopt={password=…}". */
static bool
holds_secret(const char *value)
{
	while ((value = strcasestr(value, "password")) != NULL) {
		value += strlen("password");
		if (value[strspn(value, " ")] == '=')
			return true;
	}
	return false;
}

int
odbc_take_password(char *connection, const char **password, struct error *err)
{
	char *p = connection;

	while (*p != '\0') {
		char *item = p, *equals = p + strcspn(p, "=;"), *end, *value;
		char name[64] = "";
		bool own, secret;

		p = equals + (*equals == ';');
		if (*equals != '=')
			continue;
		end = skip_value(equals + 1);
		p = end + (*end == ';');
		value = copy_value(equals + 1, end);
		if (value == NULL)
			return error_errno(err, "copy");
		/* Its first word: blanks around it do not count. */
		*equals = '\0';
		(void)sscanf(item, "%63s", name);
		own = strcasecmp(name, "PWD") == 0 ||
		      strcasecmp(name, "PASSWORD") == 0;
		secret = own || is_secret(item) || holds_secret(value);
		*equals = '=';
		if (!own) {
			explicit_bzero(value, strlen(value));
			free(value);
			if (!secret)
				continue;
			return error_set(err,
			    "the secret in %s= has no place in an address; "
			    "odbc.ini may have it",
			    name);
		}
		/* The rest moves up, and the value behind it: they fit. */
		memmove(item, p, strlen(p) + 1);
		p = item + strlen(item) + 1;
		memcpy(p, value, strlen(value) + 1);
		*password = p;
		p = item;
		explicit_bzero(value, strlen(value));
		free(value);
	}
	return 0;
}
