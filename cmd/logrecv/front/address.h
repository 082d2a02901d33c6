/*
 * address.h - where a client is, and whether that is one of some networks.
 */
#ifndef LOGRECV_ADDRESS_H
#define LOGRECV_ADDRESS_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/socket.h>

#include "error.h"

/*
 * An address of IPv6; one of IPv4 as ::ffff:a.b.c.d; or, all zeros, a client
 * of this machine, by a unix socket.
 */
struct address {
	unsigned char ip[16];
};

#define ADDRESS_TEXT_MAX 46 /* with its NUL */

void address_of(struct address *, const struct sockaddr *);

/* Without a port or brackets. 0, or -1: it is none that a client may have. */
int address_parse(struct address *, const char *text, size_t len);

/* As people write it, "unix" if it is none of a network. */
void address_format(const struct address *, char text[ADDRESS_TEXT_MAX]);

bool address_is_unix(const struct address *);
bool address_is_ipv4(const struct address *);
/* Can it be reached from this machine alone? */
bool address_is_local(const struct address *);

#define NETWORKS_MAX 64

struct network {
	struct address base;
	unsigned bits; /* of it that count */
};

/* Starts as all zeros. */
struct networks {
	struct network all[NETWORKS_MAX];
	unsigned count;
};

/* Adds "10.0.0.0/8,2001:db8::/32,192.0.2.1,unix". 0, or -1. */
int networks_add(struct networks *, const char *list, struct error *);

bool networks_have(const struct networks *, const struct address *);

#endif
