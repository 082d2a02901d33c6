/*
 * tls_own.h - what tls.c and tls_session.c share.
 */
#ifndef LOGRECV_TLS_OWN_H
#define LOGRECV_TLS_OWN_H

#include <openssl/ssl.h>

#include "tls.h"

/* As tls_peer has it. False: the certificate has no such name. */
bool tls_name_of(const X509 *, char name[TLS_NAME_MAX + 1]);

/* What sessions read from and write to. NULL: no memory. */
BIO_METHOD *tls_create_socket(void);

#endif
