/*
 * The PROXY header: slices stay inside, and the answer does not depend on how
 * much has come already.
 */

#include <assert.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "proxyhdr.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void
check_slice(const struct proxyhdr *h, const char *in, const char *p, size_t len)
{
	if (p == NULL)
		assert(len == 0);
	else
		assert(h->version == 2 && p >= in + PROXYHDR_V2_FIXED &&
		    len <= h->len && p + len <= in + h->len);
}

static void
check_done(const struct proxyhdr *h, const char *in, size_t len)
{
	assert(h->len <= len && h->len <= PROXYHDR_MAX && h->error == NULL);
	assert(h->version == 1 || h->version == 2);
	assert(h->version == 2 || h->len <= PROXYHDR_V1_MAX);
	if (h->version == 1)
		assert(memcmp(in + h->len - 2, "\r\n", 2) == 0);
	if (h->kind == PROXYHDR_CLIENT) {
		assert(h->src.ss_family == AF_INET ||
		    h->src.ss_family == AF_INET6);
		assert(h->src.ss_family == h->dst.ss_family);
	} else {
		assert(h->src.ss_family == AF_UNSPEC);
	}
	check_slice(h, in, h->authority, h->authority_len);
	check_slice(h, in, h->unique_id, h->unique_id_len);
	check_slice(h, in, h->ssl_version, h->ssl_version_len);
	check_slice(h, in, h->ssl_cipher, h->ssl_cipher_len);
	check_slice(h, in, h->ssl_cn, h->ssl_cn_len);
	assert(h->unique_id_len <= 128);
	assert(h->ssl || !h->ssl_cert);
}

/* What was known of the first octets stays true when more come. */
static void
check_part(const char *in, size_t part, enum proxyhdr_status status,
    const struct proxyhdr *whole)
{
	struct proxyhdr h;
	enum proxyhdr_status early;
	char *copy = malloc(part > 0 ? part : 1);

	assert(copy != NULL);
	memcpy(copy, in, part);
	early = proxyhdr_parse(copy, part, &h);
	free(copy);
	if (early == PROXYHDR_MORE) {
		assert(h.len > part);
		if (status == PROXYHDR_DONE)
			assert(part < whole->len && h.len <= whole->len);
		if (status == PROXYHDR_MORE)
			assert(h.len <= whole->len);
	} else {
		assert(early == status && h.len == whole->len);
	}
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const char *in = (const char *)data;
	struct proxyhdr h;
	enum proxyhdr_status status;
	size_t i;

	status = proxyhdr_parse(in, size, &h);
	if (status == PROXYHDR_DONE)
		check_done(&h, in, size);
	else if (status == PROXYHDR_MORE)
		assert(h.len > size && h.len <= PROXYHDR_MAX);
	else
		assert(h.error != NULL && h.len == 0);
	for (i = 0; i < size && i < 120; i++)
		check_part(in, i, status, &h);
	if (size > 0)
		check_part(in, size - 1, status, &h);
	if (status == PROXYHDR_DONE) {
		check_part(in, h.len, status, &h);
		check_part(in, h.len - 1, status, &h);
	}
	return 0;
}
