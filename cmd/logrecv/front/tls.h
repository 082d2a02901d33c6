/*
 * tls.h - TLS 1.2 and 1.3 by OpenSSL: the certificate of the server, whose
 * clients' certificates it takes, and the sessions of its connections.
 *
 * A session works on a socket that does not block. Of a renegotiation, of old
 * protocols and of their ciphers it knows nothing.
 */
#ifndef LOGRECV_TLS_H
#define LOGRECV_TLS_H

#include <pthread.h>
#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

#include "error.h"

/* Bytes of a certificate's name. */
#define TLS_NAME_MAX 64

struct bio_method_st;
struct ssl_ctx_st;
struct tls_session;

/* Starts as all zeros. Any thread may begin sessions. */
struct tls {
	const char *cert, *key; /* paths of PEM; not owned */
	const char *client_ca;  /* clients need one of these; or NULL */
	pthread_mutex_t lock;
	struct ssl_ctx_st *context; /* under the lock */
	struct bio_method_st *socket;
};

/*
 * Reads certificates and key anew: at first, and when they may have changed.
 * What is wrong leaves it as it was. 0, or -1.
 */
int tls_load(struct tls *, struct error *);
void tls_release(struct tls *);

/*
 * A session on a connected socket, which stays the caller's, whose first bytes
 * have been read already, if any. NULL: no memory.
 */
struct tls_session *
tls_accept(struct tls *, int fd, const void *early, size_t early_len);

/*
 * As recv(2) and send(2), on a socket that does not block: EAGAIN where the
 * socket must become readable first, which is of tls_recv alone, EINPROGRESS
 * where it must become writable; any other error ends the connection.
 */
ssize_t tls_recv(struct tls_session *, void *data, size_t len);
ssize_t tls_send(struct tls_session *, const void *data, size_t len);

/* Is the handshake done? */
bool tls_is_open(const struct tls_session *);

/*
 * Whom the client's certificate is of: the common name of its subject; where
 * it has none, its first alternative name that is of DNS, a URI or an address
 * of mail. 1 to TLS_NAME_MAX bytes of UTF-8, none of them a quote, a backslash
 * or a control character; empty where none is asked for. As long as the
 * session.
 */
const char *tls_peer(const struct tls_session *);

/* Why it was ended, in a few words of constant text; NULL: not by TLS. */
const char *tls_fault(const struct tls_session *);

/*
 * Bytes of memory that it has between two calls, about, besides the 15 KiB that
 * any has, 24 KiB with a client's certificate: for a handshake, or a part of a
 * record.
 */
size_t tls_kept(const struct tls_session *);

/* Has it read from the socket what tls_recv has not given yet? */
bool tls_has_unread(const struct tls_session *);

/* May the next tls_recv give more, whether or not the socket has any? */
bool tls_may_have_more(const struct tls_session *);

/* Tells the client that no more will be sent, unless it knows. */
void tls_finish(struct tls_session *);
void tls_free(struct tls_session *);

#endif
