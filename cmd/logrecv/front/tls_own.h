/*
 * tls_own.h - what tls.c and tls_session.c share.
 */
#ifndef LOGRECV_TLS_OWN_H
#define LOGRECV_TLS_OWN_H

#include <openssl/ssl.h>

#include "tls.h"

/* What sessions read from and write to. NULL: no memory. */
BIO_METHOD *tls_create_socket(void);

#endif
