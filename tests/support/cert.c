/*
 * Certificates for tests: see cert.h.
 */

#include "cert.h"

#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/rsa.h>
#include <openssl/x509v3.h>
#include <stdio.h>
#include <stdlib.h>

#define DAY (24 * 3600)

/* What fails here has nothing to do with postern. */
static void
must(bool good)
{
	if (!good)
		abort();
}

static EVP_PKEY *
make_key(bool rsa)
{
	EVP_PKEY_CTX *ctx =
	    EVP_PKEY_CTX_new_id(rsa ? EVP_PKEY_RSA : EVP_PKEY_EC, NULL);
	EVP_PKEY *key = NULL;

	must(ctx != NULL && EVP_PKEY_keygen_init(ctx) == 1);
	if (rsa)
		must(EVP_PKEY_CTX_set_rsa_keygen_bits(ctx, 2048) == 1);
	else
		must(EVP_PKEY_CTX_set_ec_paramgen_curve_nid(
			 ctx, NID_X9_62_prime256v1) == 1);
	must(EVP_PKEY_keygen(ctx, &key) == 1);
	EVP_PKEY_CTX_free(ctx);
	return key;
}

static FILE *
open_file(const char *path, const char *mode)
{
	FILE *f = fopen(path, mode);

	must(f != NULL);
	return f;
}

static void
add_extension(X509 *cert, int nid, const char *value)
{
	X509_EXTENSION *e = X509V3_EXT_conf_nid(NULL, NULL, nid, value);

	must(e != NULL && X509_add_ext(cert, e, -1) == 1);
	X509_EXTENSION_free(e);
}

static X509 *
make_cert(const struct cert *c, EVP_PKEY *key)
{
	static long serial = 1;
	X509 *x = X509_new();
	X509_NAME *name;
	char san[300];

	must(x != NULL && X509_set_version(x, 2) == 1);
	ASN1_INTEGER_set(X509_get_serialNumber(x), serial++);
	X509_gmtime_adj(X509_getm_notBefore(x), -DAY);
	X509_gmtime_adj(X509_getm_notAfter(x), 30 * DAY);
	must(X509_set_pubkey(x, key) == 1);
	name = X509_get_subject_name(x);
	must(X509_NAME_add_entry_by_txt(name, "CN", MBSTRING_ASC,
		 (const unsigned char *)c->name, -1, -1, 0) == 1);
	must(X509_set_issuer_name(x, name) == 1);
	snprintf(san, sizeof(san), "DNS:%s", c->name);
	add_extension(x, NID_subject_alt_name, san);
	if (c->ca_cert == NULL)
		add_extension(x, NID_basic_constraints, "CA:TRUE");
	return x;
}

static void
sign(const struct cert *c, X509 *x, EVP_PKEY *own)
{
	EVP_PKEY *key = own;
	X509 *ca;
	FILE *f;

	if (c->ca_cert != NULL) {
		f = open_file(c->ca_cert, "r");
		ca = PEM_read_X509(f, NULL, NULL, NULL);
		fclose(f);
		f = open_file(c->ca_key, "r");
		key = PEM_read_PrivateKey(f, NULL, NULL, NULL);
		fclose(f);
		must(ca != NULL && key != NULL &&
		    X509_set_issuer_name(x, X509_get_subject_name(ca)) == 1);
		X509_free(ca);
	}
	must(X509_sign(x, key, EVP_sha256()) > 0);
	if (key != own)
		EVP_PKEY_free(key);
}

void
cert_make(const struct cert *c)
{
	EVP_PKEY *key = make_key(c->rsa);
	X509 *x = make_cert(c, key);
	FILE *f;

	sign(c, x, key);
	f = open_file(c->cert, "w");
	must(PEM_write_X509(f, x) == 1);
	fclose(f);
	f = open_file(c->key, "w");
	must(PEM_write_PKCS8PrivateKey(f, key,
		 c->pass != NULL ? EVP_aes_128_cbc() : NULL, NULL, 0, NULL,
		 (void *)(uintptr_t)c->pass) == 1);
	fclose(f);
	X509_free(x);
	EVP_PKEY_free(key);
}
