/*
 * tls.c - see tls.h; tls_session.c has the sessions.
 */
#include <string.h>

#include <openssl/err.h>
#include <openssl/ssl.h>

#include "tls.h"
#include "tls_own.h"

#define SEND_MAX 4096 /* bytes in a record: see stream.c */

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
	(void)SSL_CTX_set_max_send_fragment(c, SEND_MAX);
	(void)SSL_CTX_set_session_cache_mode(c, SSL_SESS_CACHE_OFF);
	(void)SSL_CTX_set_num_tickets(c, 1);
	SSL_CTX_set_read_ahead(c, 1);
	SSL_CTX_set_default_passwd_cb(c, no_password);
	SSL_CTX_set_alpn_select_cb(c, choose_protocol, NULL);
	/*
	 * RFC 9325, section 4.2: forward secrecy, and authenticated. Keys of
	 * 128 bits are as good for the time that this is worth, and faster.
	 */
	if (SSL_CTX_set_min_proto_version(c, TLS1_2_VERSION) == 1 &&
	    SSL_CTX_set_ciphersuites(c,
		"TLS_AES_128_GCM_SHA256:TLS_AES_256_GCM_SHA384:"
		"TLS_CHACHA20_POLY1305_SHA256") == 1 &&
	    SSL_CTX_set_cipher_list(
		c, "ECDHE+AES128+AESGCM:ECDHE+AESGCM:ECDHE+CHACHA20") == 1)
		return c;
	SSL_CTX_free(c);
	return NULL;
}

int
tls_load(struct tls *t, struct error *err)
{
	SSL_CTX *c = create_context(), *last;

	if (t->socket == NULL)
		t->socket = tls_create_socket();
	if (c == NULL || t->socket == NULL) {
		SSL_CTX_free(c);
		return fail(err, "set up", "TLS");
	}
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
		/* Sessions keep theirs; its tickets are worth nothing now. */
		SSL_CTX_free(last);
		return 0;
	}
	SSL_CTX_free(c);
	return -1;
}

void
tls_release(struct tls *t)
{
	BIO_meth_free(t->socket);
	t->socket = NULL;
	if (t->context == NULL)
		return;
	SSL_CTX_free(t->context);
	t->context = NULL;
	(void)pthread_mutex_destroy(&t->lock); /* no thread is left */
}
