/*
 * digest.h - SHA-256 of a content that is read from its beginning on, told at
 * any place.
 */
#ifndef LOGLOAD_DIGEST_H
#define LOGLOAD_DIGEST_H

#include <openssl/evp.h>
#include <stddef.h>
#include <stdint.h>

#include "error.h"

#define DIGEST_LEN 64 /* hexadecimal digits */

struct digest {
	EVP_MD_CTX *ctx; /* owned */
	uint64_t at;     /* so many bytes of the content are in it */
};

/* Of nothing yet. digest_release it in any case. -1: libcrypto refused. */
int digest_init(struct digest *);
void digest_release(struct digest *);

/* Begins anew. Here and below, -1 where libcrypto refuses. */
int digest_begin(struct digest *, struct error *);
int digest_copy(struct digest *, const struct digest *from, struct error *);
int digest_add(struct digest *, const void *, size_t, struct error *);
/* It can be added to afterwards. */
int
digest_tell(const struct digest *, char hex[DIGEST_LEN + 1], struct error *);

#endif
