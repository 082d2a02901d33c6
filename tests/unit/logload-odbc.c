/*
 * logload-odbc.c - the password of a connection string, which is taken out of
 * it, and what errors mean that Debian's drivers cannot be made to give.
 */
#include "../../cmd/logload/db/db.h"
#include "../../cmd/logload/db/odbc_own.h"
#include "../../cmd/logload/db/url.h"
#include "tap.h"

static const struct {
	const char *url, *rest, *password; /* rest NULL: it is refused */
} urls[] = {
    {"odbc:DSN=logs", "DSN=logs", NULL},
    {"ODBC:DSN=logs;UID=u;PWD=a b=c", "DSN=logs;UID=u;", "a b=c"},
    {"odbc:PWD=s;DSN=logs;UID=u", "DSN=logs;UID=u", "s"},
    {"odbc:DSN=logs;pwd={a;b}}{c};UID=u", "DSN=logs;UID=u", "a;b}{c"},
    {"odbc:DSN=logs;Password=;UID=u", "DSN=logs;UID=u", ""},
    {"odbc:Driver={My ;PWD=x};UID=u", "Driver={My ;PWD=x};UID=u", NULL},
    {"odbc: PWD =s;DSN=logs", "DSN=logs", "s"},
    {"odbc:DSN=logs;PWD={open", "DSN=logs;", "open"},
    {"odbc:DSN=logs;TLSKEYPWD=s", NULL, NULL},
    {"odbc:DSN=logs;pqopt={sslmode=require password =s}", NULL, NULL},
    {"odbc:DSN=logs;Database=passwords", "DSN=logs;Database=passwords", NULL},
    {"odbc:", NULL, NULL},
};

static bool
same(const char *a, const char *b)
{
	return a == NULL || b == NULL ? a == b : strcmp(a, b) == 0;
}

static bool
parses(unsigned i)
{
	struct db_config config = {0};
	char *copy = NULL;
	struct error err;
	bool good;

	if (url_parse(urls[i].url, &config, &copy, &err) < 0)
		good = urls[i].rest == NULL && strstr(err.text, "=s") == NULL;
	else
		good = same(config.rest, urls[i].rest) &&
		       same(config.password, urls[i].password);
	free(copy);
	return good;
}

static enum db_verdict
verdict(
    const char *state, int native, const char *message, enum db_cause *cause)
{
	return odbc_verdict(state, native, odbc_text(message), cause);
}

int
main(void)
{
	enum db_cause cause;

	for (unsigned i = 0; i < sizeof(urls) / sizeof(urls[0]); i++)
		ok(parses(i), "%s", urls[i].url);
	is_number(verdict("23000", 2627,
		      "[Microsoft][ODBC Driver 18 for SQL Server][SQL "
		      "Server]Violation of PRIMARY KEY constraint 'x'",
		      &cause),
	    DB_REFUSED, "a duplicate in SQL Server");
	is_number(cause, DB_CAUSE_DUPLICATE, "is one");
	(void)verdict(
	    "23000", 1, "[Oracle][ODBC][Ora]ORA-00001: unique", &cause);
	is_number(cause, DB_CAUSE_DUPLICATE, "in Oracle");
	(void)verdict("23000", 1400, "[Oracle][ODBC][Ora]ORA-01400: ", &cause);
	is_number(cause, DB_CAUSE_OTHER,
	    "but not what else is an integrity violation");
	is_number(
	    verdict("40001", -911, "[IBM][CLI Driver][DB2] deadlock", &cause),
	    DB_CONFLICT, "a deadlock in DB2");
	is_number(verdict("HY000", 7, "[x]what nobody knows", &cause),
	    DB_REFUSED, "what is not known is a row's");
	ok(odbc_is_harmless("01000") && odbc_is_harmless("00000"),
	    "what a driver says beside a success");
	ok(!odbc_is_harmless("01004") && !odbc_is_harmless("01S07"),
	    "but not of a value that was cut");
	ok(!odbc_is_harmless("23505"), "nor of a row of an array");
	return tap_end();
}
