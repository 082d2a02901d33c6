/*
 * url.h - a database's address in one word:
 *
 *   mysql://USER:PASSWORD@HOST:PORT/DATABASE?socket=/PATH&ssl-mode=required
 *
 * All parts may be left out; percent-encoding (RFC 3986, section 2.1) is
 * resolved in each. `mariadb:` means the same. The parameters are those options
 * that say how to connect: socket, ssl-mode, ssl-ca, ssl-cert, ssl-key.
 */
#ifndef LOGLOAD_URL_H
#define LOGLOAD_URL_H

#include <stdint.h>

#include "error.h"

struct url {
	char *text; /* what the others point into; owned */
	const char *host, *user, *password, *database; /* NULL: not given */
	const char *socket, *ssl_mode, *ssl_ca, *ssl_cert, *ssl_key;
	uint64_t port; /* 0: not given */
};

/* -1 with a text that does not show the password. */
int url_parse(struct url *, const char *text, struct error *);
void url_release(struct url *);

#endif
