/*
 * faults-mysql.c - calls of libmariadb and libmysqlclient; see faults.c.
 */
#include <errno.h>

#include "faults.h"

struct MYSQL;
int mysql_real_query(struct MYSQL *, const char *, unsigned long);

int
mysql_real_query(struct MYSQL *link, const char *sql, unsigned long len)
{
	struct subject s = {.fd = -1, .data = sql, .len = len};
	struct rule *r = fault_hit("mysql_real_query", &s);

	if (r != NULL && r->action == LIE)
		return 0;
	OBEY(int, mysql_real_query, link, sql, len);
}

struct st_mysql_stmt;
int mysql_stmt_prepare(struct st_mysql_stmt *, const char *, unsigned long);

int
mysql_stmt_prepare(
    struct st_mysql_stmt *stmt, const char *sql, unsigned long len)
{
	struct subject s = {.fd = -1, .data = sql, .len = len};
	struct rule *r = fault_hit("mysql_stmt_prepare", &s);

	if (r != NULL && r->action == LIE)
		return 0;
	OBEY(int, mysql_stmt_prepare, stmt, sql, len);
}

int mysql_stmt_execute(struct st_mysql_stmt *);

int
mysql_stmt_execute(struct st_mysql_stmt *stmt)
{
	struct rule *r = fault_hit("mysql_stmt_execute", NULL);

	if (r != NULL && r->action == LIE)
		return 0;
	OBEY(int, mysql_stmt_execute, stmt);
}

/* Of libmariadb alone. The lie: that the server can do nothing of that. */
char mariadb_get_infov(struct MYSQL *, int, void *, ...);

char
mariadb_get_infov(struct MYSQL *link, int what, void *to, ...)
{
	struct rule *r = fault_hit("mariadb_get_infov", NULL);

	if (r != NULL && r->action == LIE) {
		*(unsigned long *)to = 0; /* as the library writes it */
		return 0;
	}
	OBEY(char, mariadb_get_infov, link, what, to);
}
