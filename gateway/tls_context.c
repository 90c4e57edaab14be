/*
 * What contexts of servers and clients have in common: see tls_context.h.
 */

#include "tls_context.h"

#include <stdio.h>
#include <string.h>

#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/x509.h>

int
tls_context_fail(char *err, size_t size, const char *what, const char *which)
{
	unsigned long code = ERR_get_error();
	const char *why = ERR_reason_error_string(code);

	if (code != 0 && ERR_GET_LIB(code) == ERR_LIB_SYS)
		why = strerror(ERR_GET_REASON(code));
	snprintf(err, size, "%s %s: %s", what, which,
	    why != NULL ? why : "not usable");
	ERR_clear_error();
	return -1;
}

/* A server that starts at night has nobody to ask. */
static int
no_password(char *buf, int size, int writing, void *arg)
{
	(void)buf;
	(void)size;
	(void)writing;
	(void)arg;
	return -1;
}

int
tls_context_load_pair(
    SSL_CTX *ctx, const char *cert, const char *key, char *err, size_t size)
{
	if (SSL_CTX_use_certificate_chain_file(ctx, cert) != 1)
		return tls_context_fail(err, size, "certificate", cert);
	SSL_CTX_set_default_passwd_cb(ctx, no_password);
	if (SSL_CTX_use_PrivateKey_file(ctx, key, SSL_FILETYPE_PEM) == 1 &&
	    SSL_CTX_check_private_key(ctx) == 1)
		return 0;
	switch (ERR_GET_REASON(ERR_peek_error())) {
	case X509_R_KEY_VALUES_MISMATCH:
	case X509_R_KEY_TYPE_MISMATCH:
	case SSL_R_NO_CERTIFICATE_ASSIGNED: /* of the key's type */
		snprintf(err, size, "key %s does not belong to certificate %s",
		    key, cert);
		ERR_clear_error();
		return -1;
	default:
		return tls_context_fail(err, size, "key", key);
	}
}

int
tls_context_policy(SSL_CTX *ctx, int min_version)
{
	uint64_t options = SSL_OP_NO_COMPRESSION;

#ifdef SSL_OP_NO_RENEGOTIATION
	options |= SSL_OP_NO_RENEGOTIATION;
#elif defined(SSL_OP_NO_CLIENT_RENEGOTIATION)
	options |= SSL_OP_NO_CLIENT_RENEGOTIATION;
#endif
#ifdef SSL_OP_IGNORE_UNEXPECTED_EOF
	options |= SSL_OP_IGNORE_UNEXPECTED_EOF;
#endif
	SSL_CTX_set_options(ctx, options);
	SSL_CTX_set_mode(ctx,
	    SSL_MODE_ENABLE_PARTIAL_WRITE |
		SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER | SSL_MODE_RELEASE_BUFFERS);
	return (int)SSL_CTX_set_min_proto_version(ctx, min_version);
}
