/*
 * tls.c - see tls.h; tls_session.c has the sessions.
 */
#include <string.h>

#include <openssl/err.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>

#include "json.h"
#include "tls.h"
#include "tls_own.h"

#define CHAIN_MAX (16 << 10) /* bytes of a client's certificates */
#define SEND_MAX 4096        /* bytes in a record: see stream.c */

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

/*
 * Clients' certificates
 */

/* May this be a name? An address or a path of a file it need not be. */
static bool
is_name(const char *name, size_t len)
{
	if (len == 0 || len > TLS_NAME_MAX || !json_is_utf8(name, len))
		return false;
	for (size_t i = 0; i < len; i++) {
		if ((unsigned char)name[i] < ' ' || name[i] == 0x7f ||
		    name[i] == '"' || name[i] == '\\')
			return false;
	}
	return true;
}

/* A name of any of ASN.1's kinds of text. False: it cannot be one. */
static bool
take_name(const ASN1_STRING *from, char name[TLS_NAME_MAX + 1])
{
	unsigned char *text;
	int n = ASN1_STRING_to_UTF8(&text, from);
	bool good;

	if (n < 0)
		return false;
	good = is_name((char *)text, (size_t)n);
	if (good) {
		memcpy(name, text, (size_t)n);
		name[n] = '\0';
	}
	OPENSSL_free(text);
	return good;
}

/* The first alternative name (RFC 5280, section 4.2.1.6) of these kinds. */
static bool
find_alternative(const X509 *cert, char name[TLS_NAME_MAX + 1])
{
	GENERAL_NAMES *all =
	    X509_get_ext_d2i(cert, NID_subject_alt_name, NULL, NULL);
	bool found = false, good = false;

	for (int i = 0; i < sk_GENERAL_NAME_num(all) && !found; i++) {
		const GENERAL_NAME *one = sk_GENERAL_NAME_value(all, i);

		found = one->type == GEN_DNS || one->type == GEN_URI ||
			one->type == GEN_EMAIL;
		good = found && take_name(one->d.ia5, name);
	}
	GENERAL_NAMES_free(all);
	return good;
}

bool
tls_name_of(const X509 *cert, char name[TLS_NAME_MAX + 1])
{
	const X509_NAME *subject = X509_get_subject_name(cert);
	int at = X509_NAME_get_index_by_NID(subject, NID_commonName, -1);

	if (at < 0)
		return find_alternative(cert, name);
	return take_name(
	    X509_NAME_ENTRY_get_data(X509_NAME_get_entry(subject, at)), name);
}

/* The last word on a certificate of a chain: who it is of must be known. */
static int
judge_certificate(int good, X509_STORE_CTX *chain)
{
	char name[TLS_NAME_MAX + 1];

	if (good != 1 || X509_STORE_CTX_get_error_depth(chain) > 0 ||
	    tls_name_of(X509_STORE_CTX_get_current_cert(chain), name))
		return good;
	X509_STORE_CTX_set_error(chain, X509_V_ERR_APPLICATION_VERIFICATION);
	return 0;
}

/* A ticket of a certificate that has expired since is worth nothing. */
static SSL_TICKET_RETURN
judge_ticket(SSL *ssl, SSL_SESSION *session, const unsigned char *key,
    size_t key_len, SSL_TICKET_STATUS status, void *arg)
{
	X509 *cert = session == NULL ? NULL : SSL_SESSION_get0_peer(session);

	(void)ssl;
	(void)key;
	(void)key_len;
	(void)arg;
	if (status != SSL_TICKET_SUCCESS && status != SSL_TICKET_SUCCESS_RENEW)
		return SSL_TICKET_RETURN_IGNORE_RENEW;
	if (cert == NULL ||
	    X509_cmp_current_time(X509_get0_notAfter(cert)) <= 0)
		return SSL_TICKET_RETURN_IGNORE_RENEW;
	return status == SSL_TICKET_SUCCESS ? SSL_TICKET_RETURN_USE
					    : SSL_TICKET_RETURN_USE_RENEW;
}

/* Clients need a certificate of these, be they roots or not. 0, or -1. */
static int
demand_certificates(SSL_CTX *c, const char *path)
{
	STACK_OF(X509_NAME) * names;

	if (SSL_CTX_load_verify_file(c, path) != 1)
		return -1;
	names = SSL_load_client_CA_file(path);
	if (names == NULL)
		return -1;
	SSL_CTX_set_client_CA_list(c, names);
	(void)X509_VERIFY_PARAM_set_flags(
	    SSL_CTX_get0_param(c), X509_V_FLAG_PARTIAL_CHAIN);
	SSL_CTX_set_verify(c, SSL_VERIFY_PEER | SSL_VERIFY_FAIL_IF_NO_PEER_CERT,
	    judge_certificate);
	SSL_CTX_set_max_cert_list(c, CHAIN_MAX);
	if (SSL_CTX_set_session_ticket_cb(c, NULL, judge_ticket, NULL) != 1)
		return -1;
	/* Without one a ticket could not be used (SSL_CTX_set_verify(3)). */
	return SSL_CTX_set_session_id_context(
		   c, (const unsigned char *)"logrecv", 7) == 1
		   ? 0
		   : -1;
}

/*
 * All of it
 */

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
	else if (t->client_ca != NULL &&
		 demand_certificates(c, t->client_ca) < 0)
		(void)fail(err, "read --tls-client-ca", t->client_ca);
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
