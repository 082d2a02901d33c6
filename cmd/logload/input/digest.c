/*
 * digest.c - see digest.h.
 */
#include <stdbool.h>
#include <stdio.h>

#include "digest.h"

static int
refused(struct error *err)
{
	return error_set(err, "hash: libcrypto refused");
}

int
digest_init(struct digest *d)
{
	struct error ignored;

	d->ctx = EVP_MD_CTX_new();
	return d->ctx == NULL ? -1 : digest_begin(d, &ignored);
}

void
digest_release(struct digest *d)
{
	EVP_MD_CTX_free(d->ctx);
	d->ctx = NULL;
}

int
digest_begin(struct digest *d, struct error *err)
{
	d->at = 0;
	return EVP_DigestInit_ex(d->ctx, EVP_sha256(), NULL) == 1
		   ? 0
		   : refused(err);
}

int
digest_copy(struct digest *d, const struct digest *from, struct error *err)
{
	d->at = from->at;
	return EVP_MD_CTX_copy_ex(d->ctx, from->ctx) == 1 ? 0 : refused(err);
}

int
digest_add(struct digest *d, const void *data, size_t len, struct error *err)
{
	d->at += len;
	return EVP_DigestUpdate(d->ctx, data, len) == 1 ? 0 : refused(err);
}

int
digest_tell(const struct digest *d, char hex[DIGEST_LEN + 1], struct error *err)
{
	unsigned char digest[EVP_MAX_MD_SIZE];
	EVP_MD_CTX *ctx = EVP_MD_CTX_new();
	bool good = ctx != NULL && EVP_MD_CTX_copy_ex(ctx, d->ctx) == 1 &&
		    EVP_DigestFinal_ex(ctx, digest, NULL) == 1;

	EVP_MD_CTX_free(ctx);
	if (!good)
		return refused(err);
	for (int i = 0; i < DIGEST_LEN / 2; i++)
		(void)snprintf(hex + 2 * i, 3, "%02x", digest[i]);
	return 0;
}
