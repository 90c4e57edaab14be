/*
 * SHA-256: see digest.h.
 */

#include <openssl/evp.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "digest.h"

/* The library's context is all there is to it. */
static EVP_MD_CTX *
context(struct digest *d)
{
	return (EVP_MD_CTX *)(void *)d;
}

struct digest *
digest_new(void)
{
	EVP_MD_CTX *ctx = EVP_MD_CTX_new();

	if (ctx == NULL || EVP_DigestInit_ex(ctx, EVP_sha256(), NULL) != 1)
		abort(); /* no memory */
	return (struct digest *)(void *)ctx;
}

void
digest_octets(struct digest *d, const void *octets, size_t len)
{
	if (EVP_DigestUpdate(context(d), octets, len) != 1)
		abort();
}

void
digest_text(struct digest *d, const char *text)
{
	uint64_t len = strlen(text);

	digest_octets(d, &len, sizeof(len));
	digest_octets(d, text, (size_t)len);
}

void
digest_end(struct digest **dp, unsigned char out[DIGEST_SIZE])
{
	if (EVP_DigestFinal_ex(context(*dp), out, NULL) != 1)
		abort();
	EVP_MD_CTX_free(context(*dp));
	*dp = NULL;
}
