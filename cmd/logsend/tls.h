/*
 * tls.h - TLS 1.2 and 1.3 by OpenSSL, the client's side: whom it believes, and
 * who it is.
 */
#ifndef LOGSEND_TLS_H
#define LOGSEND_TLS_H

#include <event2/bufferevent.h>
#include <stddef.h>

#include "error.h"

struct ssl_ctx_st;

/* Paths of PEM, not owned; NULL: the system's authorities, no certificate. */
struct tls_options {
	const char *ca, *cert, *key;
};

/* NULL: one of the files cannot be used. Freed by tls_close. */
struct ssl_ctx_st *tls_open(const struct tls_options *, struct error *);
void tls_close(struct ssl_ctx_st *);

/*
 * For a socket that is not connected yet, and is closed with it: once it is,
 * shakes hands with a server that must prove to be `host`, a name or an address
 * (RFC 9525). NULL: no memory, and the socket is still open.
 */
struct bufferevent *
tls_connect(struct ssl_ctx_st *, struct event_base *, int fd, const char *host);

/* Why it was lost, in OpenSSL's words: a constant text, or NULL: none there. */
const char *tls_reason(struct bufferevent *);

#endif
