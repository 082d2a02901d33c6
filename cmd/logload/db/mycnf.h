/*
 * mycnf.h - the settings of a connection, as a my.cnf in memory.
 *
 * The client library reads what `mysql` and `mariadb` read, the user's files
 * of my.cnf, and lets them win over mysql_options(3). So the last word must
 * be in a file too: one of ours, which includes those of the user and then
 * adds what was given to us.
 */
#ifndef LOGLOAD_MYCNF_H
#define LOGLOAD_MYCNF_H

#include "driver.h"

#define MYCNF_PATH_MAX 32

/* As in struct db_driver; the library reads "localhost" as its own socket. */
int mycnf_parse(struct db_config *, char *rest, struct error *);
/*
 * Is there a my.cnf of the user's own, which may say where to go, or was one
 * asked for?
 */
bool mycnf_is_there(const struct db_config *);

/*
 * Writes it, for MariaDB's library or MySQL's. Returns a descriptor, which the
 * caller closes after connecting, with its path; or -1.
 */
int mycnf_open(const struct db_config *, bool mariadb,
    char path[MYCNF_PATH_MAX], struct error *);

/* Does a connection to that host need TLS? One by socket does not. */
bool mycnf_wants_tls(const struct db_config *, const char *host);

#endif
