/*
 * url.h - a database's address in one word:
 *
 *   mysql://USER:PASSWORD@HOST:PORT/DATABASE?socket=/PATH&ssl-mode=required
 *
 * HOST:PORT may be several, with commas between them, which are tried in turn.
 * All parts may be left out; percent-encoding (RFC 3986, section 2.1) is
 * resolved in each. The scheme names the driver. The parameters say how to
 * connect: socket, ssl-mode, ssl-ca, ssl-cert, ssl-key.
 */
#ifndef LOGLOAD_URL_H
#define LOGLOAD_URL_H

#include "db.h"

/*
 * Fills in what it tells of the configuration, which then points into *copy, to
 * be freed by the caller in any case. -1 with a text that does not show the
 * password.
 */
int url_parse(const char *url, struct db_config *, char **copy, struct error *);

/*
 * For drivers, as their `parse`:
 * USER:PASSWORD@HOST:PORT,…/DATABASE?NAME=VALUE&…
 */
int url_parse_server(struct db_config *, char *rest, struct error *);
/* For drivers: -1 where a password is cut by what must not stand in it. */
int url_check_password(const char *rest, struct error *);
/* Resolves %XX in place; an empty part counts as not given: NULL. */
int url_decode(char *part, const char **result, struct error *);

#endif
