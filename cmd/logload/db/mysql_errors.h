/*
 * mysql_errors.h - what an error of MySQL or MariaDB means for the loader.
 */
#ifndef LOGLOAD_MYSQL_ERRORS_H
#define LOGLOAD_MYSQL_ERRORS_H

#include "driver.h"

/* Codes that the client library's headers do not all have. */
enum {
	SERVER_NO_RIGHT_TO_DATABASE = 1044,
	SERVER_ACCESS_DENIED = 1045,
	SERVER_DUPLICATE = 1062,
	SERVER_UNKNOWN_ERROR = 1105,
	SERVER_NO_RIGHT_TO_TABLE = 1142,
	SERVER_NO_RIGHT_TO_COLUMN = 1143,
	SERVER_NO_SUCH_TABLE = 1146,
	SERVER_INFILE_OFF = 1148,
	SERVER_PACKET_TOO_LARGE = 1153,
	SERVER_AT_COMMIT = 1180, /* some error */
	SERVER_UNKNOWN_VARIABLE = 1193,
	SERVER_NO_ADMIN_RIGHT = 1227,
	SERVER_NOT_PREPARED = 1295,      /* what it takes only as text */
	SERVER_TOO_MANY_PREPARED = 1461, /* by all of its clients */
	SERVER_NO_PARTITION = 1526,
	SERVER_DUPLICATE_NAMED = 1586,
	SERVER_LOCAL_INFILE_OFF = 3948,     /* MySQL's */
	SERVER_INFILE_NO_CAPABILITY = 4166, /* MariaDB's */
	CLIENT_PACKET_TOO_LARGE = 2020,
	CLIENT_TLS = 2026,
	CLIENT_INFILE_REFUSED = 2068,
};

/* text helps where one code has several causes. */
enum db_verdict mysql_verdict(
    unsigned code, const char *sqlstate, const char *text, enum db_cause *);

#endif
