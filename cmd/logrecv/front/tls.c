/*
 * tls.c - see tls.h.
 */
#include <errno.h>
#include <limits.h>
#include <string.h>

#include <openssl/err.h>
#include <openssl/ssl.h>

#include "tls.h"

#define RECORD_MAX (16 << 10) /* bytes; a reading of the socket is one more */

/* OpenSSL's own word on what went wrong. */
static int
fail(struct error *err, const char *what, const char *path)
{
	unsigned long code = ERR_peek_error();
	const char *reason = code == 0 ? NULL : ERR_reason_error_string(code);

	if (code != 0 && ERR_SYSTEM_ERROR(code))
		reason = strerror((int)ERR_GET_REASON(code));
	ERR_clear_error();
	return error_set(err, "%s %s: %s", what, path,
	    reason == NULL ? "it cannot be used" : reason);
}

/* Of what a client offers, HTTP/1.1 alone is spoken (RFC 7301). */
static int
choose_protocol(SSL *ssl, const unsigned char **out, unsigned char *out_len,
    const unsigned char *in, unsigned in_len, void *arg)
{
	static const unsigned char ours[] = "\x08http/1.1";
	unsigned char *chosen;

	(void)ssl;
	(void)arg;
	if (SSL_select_next_proto(&chosen, out_len, ours, sizeof(ours) - 1, in,
		in_len) != OPENSSL_NPN_NEGOTIATED)
		return SSL_TLSEXT_ERR_ALERT_FATAL;
	*out = chosen;
	return SSL_TLSEXT_ERR_OK;
}

/* OpenSSL would ask on the terminal: a key with a password is an error. */
static int
no_password(char *out, int size, int writes, void *arg)
{
	(void)out;
	(void)size;
	(void)writes;
	(void)arg;
	return -1;
}

static SSL_CTX *
create_context(void)
{
	SSL_CTX *c = SSL_CTX_new(TLS_server_method());

	if (c == NULL)
		return NULL;
	(void)SSL_CTX_set_options(
	    c, SSL_OP_NO_RENEGOTIATION | SSL_OP_CIPHER_SERVER_PREFERENCE |
		   SSL_OP_NO_COMPRESSION | SSL_OP_IGNORE_UNEXPECTED_EOF |
		   SSL_OP_PRIORITIZE_CHACHA);
	/* Thousands are idle; answers may move before they have left. */
	(void)SSL_CTX_set_mode(c, SSL_MODE_RELEASE_BUFFERS |
				      SSL_MODE_ENABLE_PARTIAL_WRITE |
				      SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER);
	(void)SSL_CTX_set_session_cache_mode(c, SSL_SESS_CACHE_OFF);
	(void)SSL_CTX_set_num_tickets(c, 1);
	SSL_CTX_set_read_ahead(c, 1);
	SSL_CTX_set_default_passwd_cb(c, no_password);
	SSL_CTX_set_alpn_select_cb(c, choose_protocol, NULL);
	/* RFC 9325, section 4.2: forward secrecy, and authenticated. */
	if (SSL_CTX_set_min_proto_version(c, TLS1_2_VERSION) == 1 &&
	    SSL_CTX_set_cipher_list(c, "ECDHE+AESGCM:ECDHE+CHACHA20") == 1)
		return c;
	SSL_CTX_free(c);
	return NULL;
}

int
tls_load(struct tls *t, struct error *err)
{
	SSL_CTX *c = create_context(), *last;

	if (c == NULL)
		return fail(err, "set up", "TLS");
	if (SSL_CTX_use_certificate_chain_file(c, t->cert) != 1)
		(void)fail(err, "read --tls-cert", t->cert);
	/* Only the check finds a key of another kind, such as RSA. */
	else if (SSL_CTX_use_PrivateKey_file(c, t->key, SSL_FILETYPE_PEM) !=
		     1 ||
		 SSL_CTX_check_private_key(c) != 1)
		(void)fail(err, "read --tls-key", t->key);
	else {
		if (t->context == NULL)
			(void)pthread_mutex_init(&t->lock, NULL);
		(void)pthread_mutex_lock(&t->lock); /* fails only on misuse */
		last = t->context;
		t->context = c;
		(void)pthread_mutex_unlock(&t->lock);
		SSL_CTX_free(last); /* sessions keep theirs */
		return 0;
	}
	SSL_CTX_free(c);
	return -1;
}

void
tls_release(struct tls *t)
{
	if (t->context == NULL)
		return;
	SSL_CTX_free(t->context);
	t->context = NULL;
	(void)pthread_mutex_destroy(&t->lock); /* no thread is left */
}

/*
 * Reads from the socket as often as the callback's argument allows. OpenSSL
 * itself would go on in one call for as long as there is something that is no
 * data, such as updates of keys: all others would wait for one client.
 */
static long
limit_reads(BIO *b, int oper, const char *data, size_t len, int argi, long argl,
    int rc, size_t *done)
{
	unsigned *left = (void *)BIO_get_callback_arg(b);

	(void)data;
	(void)len;
	(void)argi;
	(void)argl;
	(void)done;
	if (oper != BIO_CB_READ)
		return rc;
	if (left != NULL && *left > 0) {
		--*left;
		return rc;
	}
	BIO_set_retry_read(b);
	return -1;
}

SSL *
tls_accept(struct tls *t, int fd, const void *early, size_t early_len)
{
	BIO *first;
	SSL *ssl;

	(void)pthread_mutex_lock(&t->lock); /* fails only on misuse */
	ssl = SSL_new(t->context);
	(void)pthread_mutex_unlock(&t->lock);
	if (ssl == NULL || SSL_set_fd(ssl, fd) != 1)
		goto failed;
	SSL_set_accept_state(ssl);
	BIO_set_callback_ex(SSL_get_wbio(ssl), limit_reads);
	if (early_len == 0)
		return ssl;
	/* At its end the socket takes its place: see use_socket. */
	first = BIO_new(BIO_s_mem());
	if (first == NULL)
		goto failed;
	SSL_set0_rbio(ssl, first);
	if (BIO_write(first, early, (int)early_len) == (int)early_len)
		return ssl;
failed:
	SSL_free(ssl);
	ERR_clear_error();
	return NULL;
}

/* What was read early is used up: from now on it reads from the socket. */
static bool
use_socket(SSL *ssl)
{
	if (BIO_method_type(SSL_get_rbio(ssl)) != BIO_TYPE_MEM ||
	    !SSL_want_read(ssl))
		return false;
	return SSL_set_rfd(ssl, SSL_get_wfd(ssl)) == 1;
}

/* What a call that did not do what it should is in the words of recv(2). */
static ssize_t
judge(SSL *ssl, int rc)
{
	int why = SSL_get_error(ssl, rc);

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
tls_recv(SSL *ssl, void *data, size_t len)
{
	unsigned reads = 1 + (unsigned)(len / RECORD_MAX);
	size_t got = 0;
	int rc = 1, n;

	BIO_set_callback_arg(SSL_get_wbio(ssl), (void *)&reads);
	/*
	 * A record holds 16 KiB at most. Where nothing more is there, the
	 * socket tells when something is: to ask would be a system call.
	 */
	while (got < len && (got == 0 || tls_has_unread(ssl))) {
		n = (int)(len - got < INT_MAX ? len - got : INT_MAX);
		rc = SSL_read(ssl, (char *)data + got, n);
		if (rc > 0)
			got += (size_t)rc;
		else if (!use_socket(ssl))
			break;
	}
	BIO_set_callback_arg(SSL_get_wbio(ssl), NULL);
	if (got == 0 && !SSL_is_init_finished(ssl))
		(void)SSL_free_buffers(ssl); /* where they are empty */
	if (got == 0)
		return judge(ssl, rc);
	ERR_clear_error(); /* the next call will find it again */
	return (ssize_t)got;
}

ssize_t
tls_send(SSL *ssl, const void *data, size_t len)
{
	int rc = SSL_write(ssl, data, (int)(len < INT_MAX ? len : INT_MAX));

	if (rc > 0)
		return rc;
	/* To read first: the client is in the middle of a message of TLS. */
	if (judge(ssl, rc) == 0 || errno != EINPROGRESS)
		errno = EPROTO;
	return -1;
}

bool
tls_is_open(const SSL *ssl)
{
	return SSL_is_init_finished(ssl) == 1;
}

bool
tls_has_unread(const SSL *ssl)
{
	return SSL_has_pending(ssl) == 1 || BIO_pending(SSL_get_rbio(ssl)) > 0;
}

bool
tls_may_have_more(const SSL *ssl)
{
	if (SSL_want_read(ssl) || SSL_want_write(ssl))
		return false;
	return tls_has_unread(ssl) ||
	       (SSL_get_shutdown(ssl) & SSL_RECEIVED_SHUTDOWN) != 0;
}

void
tls_finish(SSL *ssl)
{
	if (SSL_is_init_finished(ssl) &&
	    (SSL_get_shutdown(ssl) & SSL_SENT_SHUTDOWN) == 0)
		(void)SSL_shutdown(ssl); /* as far as it goes */
	ERR_clear_error();
}

void
tls_free(SSL *ssl)
{
	SSL_free(ssl);
}
