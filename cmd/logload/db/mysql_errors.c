/*
 * mysql_errors.c - see mysql_errors.h.
 *
 * Taken for passing: whatever goes away by itself or by an operator's hand at
 * the server, not at the data. Taken for the statement's: what no row can be
 * the cause of. All others, known or not, are the refusal of some rows: whether
 * these are to blame is found out by others, see ../store.h. So a gap in the
 * lists does little harm; what does not belong there would stop every file.
 *
 * Sources: MySQL 9 Error Message Reference, MariaDB Error Codes; the numbers
 * are spelled out because neither header has those of the other.
 */
#include <string.h>

#include "mysql_errors.h"

static const unsigned passing[] = {
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
    1226,                               /* user is over a resource limit */
    1243,                               /* unknown prepared statement */
    1290,                               /* the server runs with --read-only */
    1297,                               /* temporary error of the engine */
    1317,                               /* statement interrupted */
    1461,                               /* too many prepared statements */
    1412,       /* table definition has changed, please retry */
    1615,       /* prepared statement needs to be prepared again */
    1637,       /* too many active transactions */
    1684,       /* the table is being altered right now */
    1792, 1836, /* read-only transaction, read-only mode */
    1878,       /* temporary file write failure */
    1927,       /* connection killed (MariaDB) */
    1969,       /* over max_statement_time (MariaDB) */
    3024,       /* over max_execution_time */
    3032,       /* the server is in offline mode */
    3168,       /* server is not available */
    3169,       /* session was killed */
    4031,       /* disconnected for inactivity */
};

/* Another transaction was in the way; TiDB's codes too. */
static const unsigned conflict[] = {
    1020,             /* record has changed since last read */
    1205,             /* lock wait timeout */
    1213, 1614,       /* deadlock, and what Galera makes of a conflict */
    3058,             /* deadlock of user-level locks */
    3101,             /* Group Replication has rolled it back */
    3572,             /* lock not available at once */
    8002, 8022, 9007, /* of optimistic transactions (TiDB) */
};

/* The transaction is too large for the server. */
static const unsigned too_large[] = {
    1197, /* over max_binlog_cache_size */
    1206, /* over what the lock table holds */
    3100, /* over group_replication_transaction_size_limit, most often */
    8004, /* TiDB */
};

/* Rights, tables, columns, syntax, what the server has or has not. */
static const unsigned statement[] = {
    1044, 1045, 1142, 1143, 1227, 1370, /* a right is missing */
    1698, 1820, 1862, 3118, 4151,       /* the account, its password */
    1046, 1049,                         /* no such database */
    1051, 1146, 1168, 1347, 1348, 1356, /* no such table, a view that is none */
    1471, 1288,                         /* a view that takes no rows */
    1054, 1110, 1136, 1364, 3105,       /* the table's columns are others */
    1064, 1149, 1235, 1295,             /* not understood */
    1148, 3948, 4166,                   /* LOAD DATA LOCAL */
    1115, 1193, 1231, 1273,             /* a character set, a variable */
    1305, 1449,                         /* what a trigger calls, who made it */
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

/* What Galera says of a transaction over its limits, under either code. */
static bool
is_over_writeset(unsigned code, const char *text)
{
	return (code == SERVER_AT_COMMIT || code == SERVER_UNKNOWN_ERROR) &&
	       (strcasestr(text, "too long") != NULL ||
		   strcasestr(text, "writeset size") != NULL ||
		   strcasestr(text, "max_ws_rows") != NULL);
}

static enum db_cause
find_cause(unsigned code)
{
	if (code == SERVER_NO_SUCH_TABLE)
		return DB_CAUSE_NO_TABLE;
	if (code == SERVER_DUPLICATE || code == SERVER_DUPLICATE_NAMED)
		return DB_CAUSE_DUPLICATE;
	return code == SERVER_NO_PARTITION ? DB_CAUSE_NO_PARTITION
					   : DB_CAUSE_OTHER;
}

enum db_verdict
mysql_verdict(
    unsigned code, const char *sqlstate, const char *text, enum db_cause *cause)
{
	*cause = DB_CAUSE_OTHER;
	/* A trigger's SIGNAL may bear any code; "unhandled user-defined". */
	if (strncmp(sqlstate, "45", 2) == 0 || code == CLIENT_PACKET_TOO_LARGE)
		return DB_REFUSED;
	*cause = find_cause(code);
	if (code == CLIENT_TLS)
		return is_tls_setup(text) ? DB_SCHEMA : DB_PASSING;
	if (code >= 2000 && code < 3000)
		return HOLDS(client_schema, code) ? DB_SCHEMA : DB_PASSING;
	if (HOLDS(too_large, code) || is_over_writeset(code, text))
		return DB_TOO_LARGE;
	if (HOLDS(conflict, code) ||
	    (code == SERVER_AT_COMMIT && strcasestr(text, "deadlock") != NULL))
		return DB_CONFLICT;
	if (HOLDS(passing, code))
		return DB_PASSING;
	return HOLDS(statement, code) ? DB_SCHEMA : DB_REFUSED;
}
