/*
 * TLS contexts: certificates, policy, choice by server name.  See tls_conf.h.
 */

#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "compat.h"
#include "mem.h"
#include "tls.h"
#include "tls_conf.h"
#include "tls_context.h"

static const char *const version_names[] = { "1.2", "1.3", NULL };
static const char *const verify_names[] = { "none", "optional", "required",
	NULL };

#define OPT(field) offsetof(struct tls_conf, field)
const struct opt tls_options[] = {
	{ .name = "certificate",
	    .type = OPT_LIST,
	    .offset = OPT(certificates),
	    .required = true,
	    .help = "PEM files, each a certificate with its chain; the one "
		    "that has the client's server name is used, else the "
		    "first" },
	{ .name = "key",
	    .type = OPT_LIST,
	    .offset = OPT(keys),
	    .required = true,
	    .help = "PEM files with the keys, in the same order" },
	{ .name = "min-version",
	    .type = OPT_CHOICE,
	    .offset = OPT(min_version),
	    .def = "1.2",
	    .values = version_names,
	    .help = "the oldest version of TLS that is spoken" },
	{ .name = "ciphers",
	    .type = OPT_STRING,
	    .offset = OPT(ciphers),
	    .help = "cipher list of TLS 1.2, as of ciphers(1)" },
	{ .name = "ciphersuites",
	    .type = OPT_STRING,
	    .offset = OPT(ciphersuites),
	    .help = "cipher suites of TLS 1.3" },
	{ .name = "curves",
	    .type = OPT_STRING,
	    .offset = OPT(curves),
	    .help = "groups for the key exchange, colons between them" },
	{ .name = "client-ca",
	    .type = OPT_PATH,
	    .offset = OPT(client_ca),
	    .help = "PEM file of the authorities for client certificates" },
	{ .name = "verify-client",
	    .type = OPT_CHOICE,
	    .offset = OPT(verify_client),
	    .def = "none",
	    .values = verify_names,
	    .help = "whether clients are asked for a certificate" },
	{ .name = NULL },
};

static int
set_policy(SSL_CTX *ctx, const struct tls_conf *conf, char *err, size_t size)
{
	static const int versions[] = { TLS1_2_VERSION, TLS1_3_VERSION };

	SSL_CTX_set_options(ctx, SSL_OP_CIPHER_SERVER_PREFERENCE);
	SSL_CTX_set_session_cache_mode(ctx, SSL_SESS_CACHE_OFF);
	if (tls_context_policy(ctx, versions[conf->min_version]) != 1)
		return tls_context_fail(
		    err, size, "min-version", version_names[conf->min_version]);
	if (conf->ciphers != NULL &&
	    SSL_CTX_set_cipher_list(ctx, conf->ciphers) != 1)
		return tls_context_fail(err, size, "ciphers", conf->ciphers);
	if (conf->ciphersuites != NULL &&
	    SSL_CTX_set_ciphersuites(ctx, conf->ciphersuites) != 1)
		return tls_context_fail(
		    err, size, "ciphersuites", conf->ciphersuites);
	if (conf->curves != NULL &&
	    SSL_CTX_set1_groups_list(ctx, (char *)(uintptr_t)conf->curves) != 1)
		return tls_context_fail(err, size, "curves", conf->curves);
	return 0;
}

/*
 * All contexts share their ticket keys, and a session that is resumed is not
 * asked for its certificate again: so sessions are good only where clients are
 * verified alike, or one that began without a certificate would pass where one
 * is required.
 */
static void
set_session_context(SSL_CTX *ctx, const struct tls_conf *conf)
{
	EVP_MD_CTX *md = EVP_MD_CTX_new();
	unsigned char digest[EVP_MAX_MD_SIZE];
	char buf[4096];
	unsigned len = 0;
	FILE *f = NULL;
	size_t n;

	if (md == NULL || EVP_DigestInit_ex(md, EVP_sha256(), NULL) != 1)
		abort(); /* no memory */
	EVP_DigestUpdate(md, conf->name, strlen(conf->name) + 1);
	EVP_DigestUpdate(md, &conf->verify_client, sizeof(int));
	if (conf->verify_client != TLS_VERIFY_NONE)
		f = fopen(conf->client_ca, "r");
	while (f != NULL && (n = fread(buf, 1, sizeof(buf), f)) > 0)
		EVP_DigestUpdate(md, buf, n);
	if (f != NULL)
		fclose(f);
	EVP_DigestFinal_ex(md, digest, &len);
	EVP_MD_CTX_free(md);
	(void)SSL_CTX_set_session_id_context(ctx, digest, len);
}

/* Optional: mail servers present what they have, signed by whomever; who is
 * not verified is just nobody. */
static int
take_any(int good, X509_STORE_CTX *store)
{
	(void)good;
	(void)store;
	return 1;
}

static int
set_verification(
    SSL_CTX *ctx, const struct tls_conf *conf, char *err, size_t size)
{
	int mode = SSL_VERIFY_PEER;
	STACK_OF(X509_NAME) * names;

	set_session_context(ctx, conf);
	if (conf->verify_client == TLS_VERIFY_NONE)
		return 0;
	if (SSL_CTX_load_verify_locations(ctx, conf->client_ca, NULL) != 1)
		return tls_context_fail(
		    err, size, "client-ca", conf->client_ca);
	names = SSL_load_client_CA_file(conf->client_ca);
	if (names == NULL)
		return tls_context_fail(
		    err, size, "client-ca", conf->client_ca);
	SSL_CTX_set_client_CA_list(ctx, names);
	if (conf->verify_client == TLS_VERIFY_REQUIRED)
		mode |= SSL_VERIFY_FAIL_IF_NO_PEER_CERT;
	SSL_CTX_set_verify(ctx, mode,
	    conf->verify_client == TLS_VERIFY_OPTIONAL ? take_any : NULL);
	return 0;
}

/* The client named a server: the first certificate that has the name. */
static int
on_server_name(SSL *ssl, int *alert, void *arg)
{
	const struct tls_context *c = arg;
	const char *name = SSL_get_servername(ssl, TLSEXT_NAMETYPE_host_name);
	size_t i;
	X509 *cert;

	(void)alert;
	for (i = 0; name != NULL && i < c->count; i++) {
		cert = SSL_CTX_get0_certificate(c->list[i]);
		if (cert == NULL ||
		    X509_check_host(cert, name, strlen(name), 0, NULL) != 1)
			continue;
		SSL_set_SSL_CTX(ssl, c->list[i]);
		break;
	}
	return SSL_TLSEXT_ERR_OK;
}

static int
load_one(struct tls_conf *conf, size_t i, char *err, size_t size)
{
	SSL_CTX *ctx = SSL_CTX_new(TLS_server_method());

	if (ctx == NULL)
		return tls_context_fail(err, size, "tls", conf->name);
	conf->context->list[conf->context->count++] = ctx;
	if (tls_context_load_pair(ctx, conf->certificates.list[i],
		conf->keys.list[i], err, size) == -1 ||
	    set_policy(ctx, conf, err, size) == -1 ||
	    set_verification(ctx, conf, err, size) == -1)
		return -1;
	SSL_CTX_set_tlsext_servername_callback(ctx, on_server_name);
	SSL_CTX_set_tlsext_servername_arg(ctx, conf->context);
	return 0;
}

int
tls_load(struct tls_conf *conf, char *err, size_t err_size)
{
	size_t i, count = conf->certificates.count;

	if (conf->keys.count != count) {
		snprintf(err, err_size, "%zu certificates but %zu keys", count,
		    conf->keys.count);
		return -1;
	}
	if (conf->verify_client != TLS_VERIFY_NONE && conf->client_ca == NULL) {
		snprintf(err, err_size, "verify-client needs client-ca");
		return -1;
	}
	ERR_clear_error();
	conf->context = xcalloc(1, sizeof(*conf->context));
	conf->context->list = xcalloc(count + 1, sizeof(SSL_CTX *));
	for (i = 0; i < count; i++) {
		if (load_one(conf, i, err, err_size) == -1) {
			tls_unload(conf);
			return -1;
		}
	}
	return 0;
}

void
tls_share_tickets(struct tls_conf *conf, struct tls_tickets *tickets)
{
	size_t i;

	for (i = 0; i < conf->context->count; i++)
		tls_tickets_use(tickets, conf->context->list[i]);
}

void
tls_unload(struct tls_conf *conf)
{
	struct tls_context *c = conf->context;
	size_t i;

	if (c == NULL)
		return;
	for (i = 0; i < c->count; i++)
		SSL_CTX_free(c->list[i]);
	free(c->list);
	free(c);
	conf->context = NULL;
}
