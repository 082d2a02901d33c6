/*
 * proxy.h - the header by which a proxy says for whom it connects: the PROXY
 * protocol, versions 1 and 2 (haproxy.org, proxy-protocol.txt).
 *
 * A pure function over bytes in memory. It must be the first thing on a
 * connection, and is believed only where a listener was told to expect it.
 */
#ifndef LOGRECV_PROXY_H
#define LOGRECV_PROXY_H

#include <stddef.h>

#include "address.h"

/* Bytes of a header of version 2, those that are passed over included. */
#define PROXY_MAX 4096

/*
 * Looks for the header in what has arrived so far. Returns its length; 0: more
 * must come; -1: it is none. *client is set to the client's address, and left
 * alone where the header tells none (UNKNOWN, LOCAL).
 */
long proxy_parse(const char *p, size_t len, struct address *client);

#endif
