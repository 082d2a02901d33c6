/*
 * postgresql_errors.c - what an error of PostgreSQL means for the loader.
 *
 * Taken for passing: whatever goes away by itself or by an operator's hand at
 * the server, not at the data. Taken for the statement's: what no row can be
 * the cause of. All others, known or not, are the refusal of some rows: whether
 * these are to blame is found out by others, see ../store.h. One of them is a
 * partition that is missing, which is 23514 like a CHECK: it is made for the
 * others of its day, and then the row is taken.
 *
 * Source: PostgreSQL 15, Appendix A.
 */
#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#include "postgresql_own.h"

/* Of a state, or of its class, whichever fits first. */
static const struct meaning {
	const char *state;
	enum db_verdict verdict;
	enum db_cause cause;
} meanings[] = {
    {"23505", DB_REFUSED, DB_CAUSE_DUPLICATE},
    {"42P01", DB_SCHEMA, DB_CAUSE_NO_TABLE},
    {"42501", DB_SCHEMA, DB_CAUSE_OTHER},   /* a right is missing */
    {"40001", DB_CONFLICT, DB_CAUSE_OTHER}, /* serialization */
    {"40002", DB_REFUSED, DB_CAUSE_OTHER},  /* a constraint, at the commit */
    {"40P01", DB_CONFLICT, DB_CAUSE_OTHER}, /* deadlock */
    {"55P03", DB_CONFLICT, DB_CAUSE_OTHER}, /* lock_timeout */
    {"55006", DB_PASSING, DB_CAUSE_OTHER},  /* object in use */
    {"25006", DB_PASSING, DB_CAUSE_OTHER},  /* read-only: a standby */
    {"25P03", DB_PASSING, DB_CAUSE_OTHER},  /* idle for too long */
    {"25P04", DB_PASSING, DB_CAUSE_OTHER},  /* transaction_timeout */
    {"08", DB_PASSING, DB_CAUSE_OTHER},     /* the connection */
    {"40", DB_PASSING, DB_CAUSE_OTHER},     /* rolled back */
    {"53", DB_PASSING, DB_CAUSE_OTHER},     /* disk, memory, connections */
    {"57", DB_PASSING, DB_CAUSE_OTHER},     /* stopped, canceled, starting */
    {"58", DB_PASSING, DB_CAUSE_OTHER},     /* its files */
    {"0A", DB_SCHEMA, DB_CAUSE_OTHER},      /* not supported */
    {"25", DB_SCHEMA, DB_CAUSE_OTHER},      /* the transaction's state */
    {"28", DB_SCHEMA, DB_CAUSE_OTHER},      /* not allowed */
    {"3D", DB_SCHEMA, DB_CAUSE_OTHER},      /* no such database */
    {"3F", DB_SCHEMA, DB_CAUSE_OTHER},      /* no such schema */
    {"42", DB_SCHEMA, DB_CAUSE_OTHER},      /* not understood, no such column */
    {"55", DB_SCHEMA, DB_CAUSE_OTHER},      /* not in that state */
    {"", DB_REFUSED, DB_CAUSE_OTHER},
};

enum db_verdict
postgresql_verdict(const char *sqlstate, const char *text, enum db_cause *cause)
{
	const struct meaning *m = meanings;

	*cause = DB_CAUSE_OTHER;
	/* Of the library; of TLS only what is set up wrongly says so. */
	if (sqlstate == NULL)
		return strstr(text, "certificate") != NULL ||
			       strstr(text, "SSL was required") != NULL ||
			       strstr(text, "no password supplied") != NULL
			   ? DB_SCHEMA
			   : DB_PASSING;
	/* After a change of the table, of a statement that is prepared. */
	if (strcmp(sqlstate, "0A000") == 0 &&
	    strstr(text, "cached plan") != NULL)
		return DB_PASSING;
	/* Of pgbouncer, which is set up so. */
	if (strcmp(sqlstate, "08P01") == 0 &&
	    strstr(text, "statement pooling mode") != NULL)
		return DB_SCHEMA;
	while (strncmp(sqlstate, m->state, strlen(m->state)) != 0)
		m++;
	*cause = m->cause;
	return m->verdict;
}

int
postgresql_code(const char *sqlstate)
{
	return sqlstate == NULL ? 0 : (int)strtol(sqlstate, NULL, 36);
}

void
postgresql_tell(struct db *db, const char *what, const char *text)
{
	char *out;

	(void)error_set(
	    &db->error, "%s%s%s", what, *what == '\0' ? "" : ": ", text);
	out = db->error.text;
	for (char *p = out; *p != '\0'; p++) {
		if (*p != '\n' && *p != '\t')
			*out++ = *p;
		else if (out > db->error.text && out[-1] != ' ')
			*out++ = ' ';
	}
	while (out > db->error.text && out[-1] == ' ')
		out--;
	*out = '\0';
}
