/*
 * target.h - where the events go: an URL, its addresses, and the part of the
 * request that is always the same.
 */
#ifndef LOGSEND_TARGET_H
#define LOGSEND_TARGET_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/socket.h>

#include "buf.h"
#include "error.h"

#define TARGET_URL_MAX 2048
#define TARGET_ADDRESSES_MAX 16

struct target_address {
	struct sockaddr_storage address;
	socklen_t len;
};

struct ssl_ctx_st;

struct target {
	bool secure;            /* https */
	struct ssl_ctx_st *tls; /* the caller's; set where it is secure */
	char host[256];         /* a name, or an address without brackets */
	char port[6];
	char authority[272];       /* for the Host field: as in the URL */
	char path[TARGET_URL_MAX]; /* with the query; "/" at least */
	struct target_address addresses[TARGET_ADDRESSES_MAX];
	unsigned count;
	uint64_t resolved_ns; /* when they were looked up */
};

/*
 * Takes http[s]://HOST[:PORT][/PATH][?QUERY] apart (RFC 9110, section 4.2);
 * HOST is a name, an IPv4 address or an [IPv6 address].
 */
int target_parse(struct target *, const char *url, struct error *);

/* Looks the host up, once; blocks. */
int target_resolve(struct target *, struct error *);

/*
 * The same again, unless it was done just now: a server may come back with
 * another address. Where it fails, what was known stands.
 */
void target_refresh(struct target *);

/*
 * Appends the request up to the value of Content-Length. The token proves who
 * sends it (RFC 6750); NULL: there is none.
 */
int target_head(const struct target *, const char *content_type,
    const char *token, struct buf *);

#endif
