/*
 * tls.c - see tls.h.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <string.h>

#include <event2/bufferevent_ssl.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>

#include "tls.h"

/* OpenSSL's own word on what went wrong. */
static void
fail(struct error *err, const char *what, const char *path)
{
	unsigned long code = ERR_peek_error();
	const char *reason = code == 0 ? NULL : ERR_reason_error_string(code);

	if (code != 0 && ERR_SYSTEM_ERROR(code))
		reason = strerror((int)ERR_GET_REASON(code));
	ERR_clear_error();
	(void)error_set(err, "%s %s: %s", what, path,
	    reason == NULL ? "it cannot be used" : reason);
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

struct ssl_ctx_st *
tls_open(const struct tls_options *o, struct error *err)
{
	static const unsigned char protocols[] = "\x08http/1.1";
	SSL_CTX *c = SSL_CTX_new(TLS_client_method());

	if (c == NULL ||
	    SSL_CTX_set_min_proto_version(c, TLS1_2_VERSION) != 1 ||
	    SSL_CTX_set_alpn_protos(c, protocols, sizeof(protocols) - 1) != 0) {
		fail(err, "set up", "TLS");
		goto failed;
	}
	SSL_CTX_set_verify(c, SSL_VERIFY_PEER, NULL);
	SSL_CTX_set_default_passwd_cb(c, no_password);
	if (o->ca == NULL && SSL_CTX_set_default_verify_paths(c) != 1)
		fail(err, "read", "the system's certificates");
	else if (o->ca != NULL && SSL_CTX_load_verify_file(c, o->ca) != 1)
		fail(err, "read --tls-ca", o->ca);
	else if (o->cert != NULL &&
		 SSL_CTX_use_certificate_chain_file(c, o->cert) != 1)
		fail(err, "read --tls-cert", o->cert);
	/* Only the check finds a key of another kind, such as RSA. */
	else if (o->key != NULL && (SSL_CTX_use_PrivateKey_file(
					c, o->key, SSL_FILETYPE_PEM) != 1 ||
				       SSL_CTX_check_private_key(c) != 1))
		fail(err, "read --tls-key", o->key);
	else
		return c;
failed:
	SSL_CTX_free(c);
	return NULL;
}

void
tls_close(struct ssl_ctx_st *c)
{
	SSL_CTX_free(c);
}

/* A name is told to the server, too (RFC 6066); an address must not be. */
static int
expect(SSL *ssl, const char *host)
{
	unsigned char address[sizeof(struct in6_addr)];

	if (inet_pton(AF_INET, host, address) == 1 ||
	    inet_pton(AF_INET6, host, address) == 1)
		return X509_VERIFY_PARAM_set1_ip_asc(SSL_get0_param(ssl), host);
	SSL_set_hostflags(ssl, X509_CHECK_FLAG_NO_PARTIAL_WILDCARDS);
	return SSL_set1_host(ssl, host) == 1 &&
	       SSL_set_tlsext_host_name(ssl, host) == 1;
}

struct bufferevent *
tls_connect(
    struct ssl_ctx_st *c, struct event_base *base, int fd, const char *host)
{
	SSL *ssl = SSL_new(c);
	struct bufferevent *bev = NULL;

	if (ssl != NULL && expect(ssl, host) == 1)
		bev = bufferevent_openssl_socket_new(base, fd, ssl,
		    BUFFEREVENT_SSL_CONNECTING, BEV_OPT_CLOSE_ON_FREE);
	if (bev == NULL)
		SSL_free(ssl);
	ERR_clear_error();
	return bev;
}

const char *
tls_reason(struct bufferevent *bev)
{
	SSL *ssl = bufferevent_openssl_get_ssl(bev);
	unsigned long code = bufferevent_get_openssl_error(bev);
	long verdict = ssl == NULL ? X509_V_OK : SSL_get_verify_result(ssl);

	if (verdict != X509_V_OK)
		return X509_verify_cert_error_string(verdict);
	return code == 0 ? NULL : ERR_reason_error_string(code);
}
