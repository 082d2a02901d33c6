/*
 * record-database.c - how logload speaks with the servers of databases; see
 * record.c. SQLite is no server: its file is one of those that are recorded.
 */
#include <dlfcn.h>
#include <errno.h>
#include <stdint.h>
#include <string.h>

#include "record.h"

static void *
find(const char *name)
{
	void *f = dlsym(RTLD_NEXT, name);

	if (f == NULL)
		record_fail(name);
	return f;
}

/* ROLLBACK TO SAVEPOINT does not end the transaction. */
static const char *
word_of(const char *sql, size_t len)
{
	static const struct {
		const char *begin, *word;
		bool whole;
	} words[] = {{"START TRANSACTION", "begin", true},
	    {"BEGIN ", "begin", false}, {"COMMIT", "commit", true},
	    {"UPDATE `log_files`", "ledger", false},
	    {"UPDATE \"log_files\"", "ledger", false},
	    {"ROLLBACK", "rollback", true}};

	for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++) {
		size_t n = strlen(words[i].begin);

		if (len >= n && memcmp(sql, words[i].begin, n) == 0 &&
		    (len == n || !words[i].whole))
			return words[i].word;
	}
	return NULL;
}

/* Before it is sent. True: its end is to be recorded. */
static bool
record_statement(const char *sql, size_t len)
{
	const char *word = record_is_on() ? word_of(sql, len) : NULL;

	if (word == NULL)
		return false;
	record_delay();
	record_lock();
	if (strcmp(word, "ledger") == 0)
		record(word, "", sql, len, "-");
	else
		record(word, "", NULL, 0, "-");
	record_unlock(errno);
	return strcmp(word, "commit") == 0;
}

static void
record_committed(int rc)
{
	record_delay();
	record_lock();
	record("committed", "", NULL, 0, "- %d", rc);
	record_unlock(errno);
	record_delay();
}

/*
 * MySQL and MariaDB
 */

struct st_mysql;
int mysql_real_query(struct st_mysql *, const char *, unsigned long);

int
mysql_real_query(struct st_mysql *link, const char *sql, unsigned long len)
{
	static int (*real)(struct st_mysql *, const char *, unsigned long);
	bool commits = record_statement(sql, len);
	int rc;

	if (real == NULL)
		*(void **)&real = find("mysql_real_query");
	rc = real(link, sql, len);
	if (commits)
		record_committed(rc);
	return rc;
}

/*
 * PostgreSQL: the answer of a COMMIT is the next one.
 */

struct pg_conn;
struct pg_result;
int PQsendQuery(struct pg_conn *, const char *);
struct pg_result *PQgetResult(struct pg_conn *);

static _Thread_local bool committing;

int
PQsendQuery(struct pg_conn *conn, const char *sql)
{
	static int (*real)(struct pg_conn *, const char *);

	if (real == NULL)
		*(void **)&real = find("PQsendQuery");
	committing = record_statement(sql, strlen(sql));
	return real(conn, sql);
}

struct pg_result *
PQgetResult(struct pg_conn *conn)
{
	static struct pg_result *(*real)(struct pg_conn *);
	static char *(*status)(struct pg_result *);
	struct pg_result *r;

	if (real == NULL) {
		*(void **)&status = find("PQcmdStatus");
		*(void **)&real = find("PQgetResult");
	}
	r = real(conn);
	if (r != NULL && committing) {
		committing = false;
		record_committed(strcmp(status(r), "COMMIT") != 0);
	}
	return r;
}
