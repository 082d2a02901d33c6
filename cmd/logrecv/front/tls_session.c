/*
 * tls_session.c - one connection's TLS: see tls.h.
 */
#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include <openssl/err.h>
#include <openssl/ssl.h>
#include <openssl/x509.h>

#include "buf.h"
#include "hello.h"
#include "tls.h"
#include "tls_own.h"

#define RECORD_MAX (16 << 10) /* bytes; a reading of the socket is one more */
/*
 * Bytes that OpenSSL 3.0 takes besides the 15 KiB of any session: in a
 * handshake; and where a part of a record has come.
 */
#define KEPT_SHAKES (45 << 10)
#define KEPT_RECORD (17 << 10)

struct tls_session {
	SSL *ssl;
	int fd;         /* not owned */
	unsigned reads; /* of the socket, which this call may still do */
	bool open;      /* a handshake was done */
	bool ended;     /* the client sends no more */
	struct hello hello;
	struct buf early; /* what was read before it began */
	size_t early_taken;
	const char *fault;
	char peer[TLS_NAME_MAX + 1];
};

/*
 * The socket, as OpenSSL sees it
 */

/* What has come early, then what the socket has; as recv(2). */
static ssize_t
read_next(struct tls_session *s, char *data, size_t len)
{
	size_t n = s->early.len - s->early_taken;

	if (n == 0) {
		s->reads--;
		return recv(s->fd, data, len, 0);
	}
	if (n > len)
		n = len;
	memcpy(data, s->early.data + s->early_taken, n);
	s->early_taken += n;
	if (s->early_taken == s->early.len) {
		buf_release(&s->early);
		s->early_taken = 0;
	}
	return (ssize_t)n;
}

/*
 * Reads from the socket as often as a call may. OpenSSL itself would go on in
 * one call for as long as there is something that is no data, such as updates
 * of keys: all others would wait for one client.
 */
static int
on_read(BIO *b, char *data, int len)
{
	struct tls_session *s = BIO_get_data(b);
	ssize_t n;

	BIO_clear_retry_flags(b);
	if (s->reads == 0 && s->early.len == 0) {
		BIO_set_retry_read(b);
		return -1;
	}
	n = read_next(s, data, (size_t)len);
	if (n < 0 && (errno == EAGAIN || errno == EINTR))
		BIO_set_retry_read(b);
	s->ended = n == 0;
	if (n > 0 && !s->open &&
	    !hello_is_small(&s->hello, (unsigned char *)data, (size_t)n,
		SSL_version(s->ssl) == TLS1_3_VERSION)) {
		s->fault = "a hello of more than 16 KiB";
		return -1;
	}
	return (int)n;
}

static int
on_write(BIO *b, const char *data, int len)
{
	struct tls_session *s = BIO_get_data(b);
	ssize_t n = send(s->fd, data, (size_t)len, MSG_NOSIGNAL);

	BIO_clear_retry_flags(b);
	if (n < 0 && (errno == EAGAIN || errno == EINTR))
		BIO_set_retry_write(b);
	return (int)n;
}

static long
on_control(BIO *b, int what, long n, void *arg)
{
	const struct tls_session *s = BIO_get_data(b);

	(void)n;
	(void)arg;
	switch (what) {
	case BIO_CTRL_EOF:
		return s->ended;
	case BIO_CTRL_FLUSH: /* nothing is kept here */
		return 1;
	default:
		return 0;
	}
}

BIO_METHOD *
tls_create_socket(void)
{
	BIO_METHOD *m = BIO_meth_new(
	    BIO_get_new_index() | BIO_TYPE_SOURCE_SINK, "a socket");

	if (m != NULL && BIO_meth_set_read(m, on_read) == 1 &&
	    BIO_meth_set_write(m, on_write) == 1 &&
	    BIO_meth_set_ctrl(m, on_control) == 1)
		return m;
	BIO_meth_free(m);
	return NULL;
}

/*
 * Beginning
 */

struct tls_session *
tls_accept(struct tls *t, int fd, const void *early, size_t early_len)
{
	struct tls_session *s = calloc(1, sizeof(*s));
	BIO *socket = BIO_new(t->socket);

	if (s == NULL || socket == NULL) {
		free(s);
		BIO_free(socket);
		ERR_clear_error();
		return NULL;
	}
	BIO_set_data(socket, s);
	BIO_set_init(socket, 1);
	s->fd = fd;
	(void)pthread_mutex_lock(&t->lock); /* fails only on misuse */
	s->ssl = SSL_new(t->context);
	(void)pthread_mutex_unlock(&t->lock);
	if (s->ssl == NULL ||
	    (early_len > 0 && buf_append(&s->early, early, early_len) < 0)) {
		BIO_free(socket);
		tls_free(s);
		ERR_clear_error();
		return NULL;
	}
	SSL_set_bio(s->ssl, socket, socket);
	SSL_set_accept_state(s->ssl);
	return s;
}

void
tls_free(struct tls_session *s)
{
	SSL_free(s->ssl);
	buf_release(&s->early);
	free(s);
}

/* The handshake is done: who is it? */
static void
enter(struct tls_session *s)
{
	const X509 *cert = SSL_get0_peer_certificate(s->ssl);

	s->open = true;
	if (cert != NULL && !tls_name_of(cert, s->peer))
		s->peer[0] = '\0'; /* none was let in without */
}

/*
 * At work
 */

/* OpenSSL's own word on what was wrong, in constant text. */
static const char *
find_fault(const SSL *ssl)
{
	unsigned long code = ERR_peek_error();
	long verdict = SSL_get_verify_result(ssl);

	if (code == 0 || ERR_SYSTEM_ERROR(code))
		return NULL;
	if (ERR_GET_REASON(code) != SSL_R_CERTIFICATE_VERIFY_FAILED)
		return ERR_reason_error_string(code);
	return verdict == X509_V_ERR_APPLICATION_VERIFICATION
		   ? "the certificate has no name that a sender can have"
		   : X509_verify_cert_error_string(verdict);
}

/* What a call that did not do what it should is in the words of recv(2). */
static ssize_t
judge(struct tls_session *s, int rc)
{
	int why = SSL_get_error(s->ssl, rc);

	if (why == SSL_ERROR_SSL && s->fault == NULL)
		s->fault = find_fault(s->ssl);
	ERR_clear_error();
	switch (why) {
	case SSL_ERROR_ZERO_RETURN:
		return 0;
	case SSL_ERROR_WANT_READ:
		errno = EAGAIN;
		return -1;
	case SSL_ERROR_WANT_WRITE:
		errno = EINPROGRESS;
		return -1;
	default:
		errno = EPROTO;
		return -1;
	}
}

ssize_t
tls_recv(struct tls_session *s, void *data, size_t len)
{
	size_t got = 0;
	int rc = 1, n;

	s->reads = 1 + (unsigned)(len / RECORD_MAX);
	/*
	 * A record holds 16 KiB at most. Where nothing more is there, the
	 * socket tells when something is: to ask would be a system call.
	 */
	while (rc > 0 && got < len && (got == 0 || tls_has_unread(s))) {
		n = (int)(len - got < INT_MAX ? len - got : INT_MAX);
		rc = SSL_read(s->ssl, (char *)data + got, n);
		if (rc > 0)
			got += (size_t)rc;
	}
	s->reads = 0;
	if (!s->open && SSL_is_init_finished(s->ssl))
		enter(s);
	if (got == 0 && !s->open)
		(void)SSL_free_buffers(s->ssl); /* where they are empty */
	if (got == 0)
		return judge(s, rc);
	if (rc <= 0)
		ERR_clear_error(); /* the next call will find it again */
	return (ssize_t)got;
}

ssize_t
tls_send(struct tls_session *s, const void *data, size_t len)
{
	int rc = SSL_write(s->ssl, data, (int)(len < INT_MAX ? len : INT_MAX));

	if (rc > 0)
		return rc;
	/* To read first: the client is in the middle of a message of TLS. */
	if (judge(s, rc) == 0 || errno != EINPROGRESS)
		errno = EPROTO;
	return -1;
}

/*
 * Telling
 */

bool
tls_is_open(const struct tls_session *s)
{
	return s->open;
}

const char *
tls_peer(const struct tls_session *s)
{
	return s->peer;
}

const char *
tls_fault(const struct tls_session *s)
{
	return s->fault;
}

size_t
tls_kept(const struct tls_session *s)
{
	if (!s->open)
		return KEPT_SHAKES + s->early.cap;
	return SSL_has_pending(s->ssl) == 1 ? KEPT_RECORD : 0;
}

bool
tls_has_unread(const struct tls_session *s)
{
	return SSL_has_pending(s->ssl) == 1 || s->early.len > 0;
}

bool
tls_may_have_more(const struct tls_session *s)
{
	if (SSL_want_read(s->ssl) || SSL_want_write(s->ssl))
		return false;
	return tls_has_unread(s) ||
	       (SSL_get_shutdown(s->ssl) & SSL_RECEIVED_SHUTDOWN) != 0;
}

void
tls_finish(struct tls_session *s)
{
	if (SSL_is_init_finished(s->ssl) &&
	    (SSL_get_shutdown(s->ssl) & SSL_SENT_SHUTDOWN) == 0)
		(void)SSL_shutdown(s->ssl); /* as far as it goes */
	ERR_clear_error();
}
