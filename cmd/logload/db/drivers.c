/*
 * drivers.c - the table of drivers, and which one an address is for.
 */
#include <stdio.h>
#include <string.h>

#include "db.h"

/* A row for each, also where it was not built. */
static const struct {
	const struct db_driver *driver; /* NULL: its library was missing */
	const char *schemes[2];         /* what its addresses begin with */
	const char *package;            /* Debian's, to build it */
} drivers[] = {
    {&db_mysql, {"mysql://", "mariadb://"}, "default-libmysqlclient-dev"},
    {&db_postgresql, {"postgresql://", "postgres://"}, "libpq-dev"},
    {&db_sqlite, {"sqlite:"}, "libsqlite3-dev"},
    {&db_odbc, {"odbc:"}, "unixodbc-dev"},
};

#define DRIVERS (sizeof(drivers) / sizeof(drivers[0]))

int
db_start(void)
{
	for (size_t i = 0; i < DRIVERS; i++) {
		const struct db_driver *d = drivers[i].driver;

		if (d != NULL && d->start != NULL && d->start() < 0)
			return -1;
	}
	return 0;
}

void
db_stop(void)
{
	for (size_t i = 0; i < DRIVERS; i++) {
		const struct db_driver *d = drivers[i].driver;

		if (d != NULL && d->stop != NULL)
			d->stop();
	}
}

void
db_thread_begin(void)
{
	for (size_t i = 0; i < DRIVERS; i++) {
		const struct db_driver *d = drivers[i].driver;

		if (d != NULL && d->thread_begin != NULL)
			d->thread_begin();
	}
}

void
db_thread_end(void)
{
	for (size_t i = 0; i < DRIVERS; i++) {
		const struct db_driver *d = drivers[i].driver;

		if (d != NULL && d->thread_end != NULL)
			d->thread_end();
	}
}

const struct db_driver *
db_find_driver(const char *address, size_t *scheme_len, struct error *err)
{
	char known[256] = "";

	for (size_t i = 0; i < 2 * DRIVERS; i++) {
		const char *scheme = drivers[i / 2].schemes[i % 2];
		size_t used = strlen(known);

		if (scheme == NULL)
			continue;
		*scheme_len = strlen(scheme);
		if (strncasecmp(address, scheme, *scheme_len) == 0) {
			if (drivers[i / 2].driver == NULL)
				(void)error_set(err,
				    "this logload was built without %s; "
				    "install %s, and run make again",
				    scheme, drivers[i / 2].package);
			return drivers[i / 2].driver;
		}
		(void)snprintf(known + used, sizeof(known) - used, "%s%s",
		    used > 0 ? " or " : "", scheme);
	}
	(void)error_set(
	    err, "it does not begin with %s, the databases known", known);
	return NULL;
}

const struct db_driver *
db_default_driver(const struct db_config *c, bool *configured)
{
	const struct db_driver *first = NULL;

	for (size_t i = 0; i < DRIVERS; i++) {
		const struct db_driver *d = drivers[i].driver;

		*configured =
		    d != NULL && d->configured != NULL && d->configured(c);
		if (*configured)
			return d;
		if (first == NULL)
			first = d;
	}
	return first;
}
