/*
 * mysql_errors.c - see mysql_errors.h.
 *
 * Taken for passing: whatever goes away by itself or by an operator's hand at
 * the server, not at the data. Taken for the event's own: what depends on the
 * values of one row, as SQLSTATE has it (classes 22 "data exception", 23
 * "integrity constraint violation", 45 "unhandled user-defined exception") or
 * the list below, for codes without a telling SQLSTATE. All others, known or
 * not, are a human's to look at; then every file is kept, so the worst that a
 * gap in these lists does is a wait.
 *
 * Sources: MySQL 9 Error Message Reference, MariaDB Error Codes; the numbers
 * are spelled out because neither header has those of the other.
 */
#include <string.h>
#include <strings.h>

#include "mysql_errors.h"

static const unsigned passing[] = {
    1020,             /* record has changed since last read */
    1021,             /* disk full */
    1030,             /* the storage engine's own error */
    1037, 1038, 1041, /* out of memory */
    1040,             /* too many connections */
    1047,             /* node not ready (Galera) */
    1053,             /* shutdown in progress */
    1077, 1079, 1080, /* shutdown */
    1114,             /* table full: the disk, most often */
    1129,             /* host blocked after connection errors */
    1135,             /* cannot create a thread */
    1152, 1158, 1159, 1160, 1161, 1184, /* broken connection */
    1180,                               /* error during COMMIT */
    1203,                               /* user has too many connections */
    1205,                               /* lock wait timeout */
    1206,                               /* lock table full */
    1213,                               /* deadlock */
    1226,                               /* user is over a resource limit */
    1243,                               /* unknown prepared statement */
    1290,                               /* the server runs with --read-only */
    1297,                               /* temporary error of the engine */
    1317,                               /* statement interrupted */
    1461,                               /* too many prepared statements */
    1412,       /* table definition has changed, please retry */
    1614,       /* transaction branch rolled back: deadlock */
    1615,       /* prepared statement needs to be prepared again */
    1637,       /* too many active transactions */
    1684,       /* the table is being altered right now */
    1792, 1836, /* read-only transaction, read-only mode */
    1878,       /* temporary file write failure */
    1927,       /* connection killed (MariaDB) */
    1969,       /* over max_statement_time (MariaDB) */
    3024,       /* over max_execution_time */
    3032,       /* the server is in offline mode */
    3058,       /* lock deadlock of user-level locks */
    3100, 3101, /* commit refused by the replication group */
    3168,       /* server is not available */
    3169,       /* session was killed */
    3572,       /* lock not available at once */
    4031,       /* disconnected for inactivity */
};

/*
 * The event's content, or a condition that somebody has set: no sign that the
 * table is wrong, however many events it hits. A client can cause these.
 */
static const unsigned content[] = {
    1153, 1301,                         /* over max_allowed_packet */
    1713,                               /* over the size of an undo record */
    2020,                               /* over what the client may send */
    3140, 3141, 3142, 3143, 3144,       /* not JSON to the server */
    3150, 3151, 3155, 3156, 3157, 3158, /* JSON too large, too deep, … */
    3819,                               /* CHECK (MySQL) */
    3903, 3904, 3905, 3906, 3907,       /* multi-valued index */
    4025,                               /* CHECK (MariaDB) */
    4035, 4036, 4037, 4038,             /* JSON functions (MariaDB) */
};

/* The event's, where SQLSTATE is of another class, or differs. */
static const unsigned event[] = {
    1118,       /* row too large */
    1265,       /* truncated */
    1300,       /* invalid character string */
    1366,       /* wrong value for the column */
    1411,       /* wrong value for a function */
    3751, 3752, /* functional index */
};

/* Of the client library, where all but these pass. */
static const unsigned client_schema[] = {
    2019,                               /* unknown character set */
    2049, 2054, 2058, 2059, 2060, 2061, /* authentication */
};

static bool
holds(const unsigned *list, size_t count, unsigned code)
{
	for (size_t i = 0; i < count; i++) {
		if (list[i] == code)
			return true;
	}
	return false;
}
#define HOLDS(list, code) holds(list, sizeof(list) / sizeof((list)[0]), code)

/*
 * TLS fails for a wrong certificate, which is the configuration, and when a
 * server goes down amid the handshake, which passes.
 */
static bool
is_tls_setup(const char *text)
{
	static const char *const words[] = {"certificate", "verif", "required",
	    "not support", "hostname", "No such file", "unable to", "cipher",
	    "version", "key", NULL};

	for (int i = 0; words[i] != NULL; i++) {
		if (strcasestr(text, words[i]) != NULL)
			return true;
	}
	return false;
}

static bool
is_class(const char *sqlstate, const char *class)
{
	return strncmp(sqlstate, class, 2) == 0;
}

/* Is it the event's content, so that no table could take it? */
static bool
is_content(unsigned code, const char *sqlstate)
{
	/* A trigger's SIGNAL may bear any code. */
	return is_class(sqlstate, "45") || HOLDS(content, code);
}

static enum db_cause
find_cause(unsigned code, const char *sqlstate)
{
	if (code == SERVER_NO_SUCH_TABLE)
		return DB_CAUSE_NO_TABLE;
	if (is_content(code, sqlstate))
		return DB_CAUSE_OTHER;
	if (code == SERVER_DUPLICATE || code == SERVER_DUPLICATE_NAMED)
		return DB_CAUSE_DUPLICATE;
	return DB_CAUSE_VALUE;
}

enum db_verdict
mysql_verdict(
    unsigned code, const char *sqlstate, const char *text, enum db_cause *cause)
{
	*cause = find_cause(code, sqlstate);
	if (is_content(code, sqlstate))
		return DB_EVENT;
	if (code == CLIENT_TLS)
		return is_tls_setup(text) ? DB_SCHEMA : DB_PASSING;
	if (code >= 2000 && code < 3000)
		return HOLDS(client_schema, code) ? DB_SCHEMA : DB_PASSING;
	if (HOLDS(passing, code))
		return DB_PASSING;
	if (HOLDS(event, code) || is_class(sqlstate, "22") ||
	    is_class(sqlstate, "23"))
		return DB_EVENT;
	return DB_SCHEMA;
}
