/*
 * TLS towards servers: see tls_client.h.
 */

#include "tls_client.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>

#include "base64.h"
#include "compat.h"
#include "mem.h"
#include "tls.h"
#include "tls_context.h"

#define SESSIONS_MAX 32 /* places of which a session is kept */
#define DIGEST_SIZE 32

struct kept {		      /* the last session with a server */
	char *key;	      /* owned */
	SSL_SESSION *session; /* owned */
};

struct tls_client {
	SSL_CTX *ctx; /* owned */
	bool verify;
	char (*pins)[BASE64_SIZE(DIGEST_SIZE)]; /* owned */
	size_t pin_count;
	struct kept kept[SESSIONS_MAX];
	unsigned turn; /* whose place the next one takes */
};

static struct kept *find_session(struct tls_client *, const char *);
static int on_session(SSL *, SSL_SESSION *);

static int
load(struct tls_client *c, const struct tls_client_policy *p, char *err,
    size_t size)
{
	if (tls_context_policy(
		c->ctx, p->tls13_only ? TLS1_3_VERSION : TLS1_2_VERSION) != 1)
		return tls_context_fail(err, size, "min-version", "1.3");
	if (p->ca != NULL &&
	    SSL_CTX_load_verify_locations(c->ctx, p->ca, NULL) != 1)
		return tls_context_fail(err, size, "ca", p->ca);
	if (p->ca == NULL && SSL_CTX_set_default_verify_paths(c->ctx) != 1)
		return tls_context_fail(err, size, "ca", "of the system");
	if (p->certificate != NULL)
		return tls_context_load_pair(
		    c->ctx, p->certificate, p->key, err, size);
	return 0;
}

struct tls_client *
tls_client_new(const struct tls_client_policy *p, char *err, size_t size)
{
	struct tls_client *c = xcalloc(1, sizeof(*c));
	size_t i;

	ERR_clear_error();
	c->ctx = SSL_CTX_new(TLS_client_method());
	if (c->ctx == NULL)
		abort(); /* no memory */
	c->verify = p->verify;
	c->pins = xcalloc(p->pin_count + 1, sizeof(*c->pins));
	for (i = 0; i < p->pin_count; i++)
		compat_strlcpy(c->pins[i], p->pins[i], sizeof(c->pins[i]));
	c->pin_count = p->pin_count;
	/* Judged behind the handshake; the library notes what it found. */
	SSL_CTX_set_verify(c->ctx, SSL_VERIFY_NONE, NULL);
	SSL_CTX_sess_set_new_cb(c->ctx, on_session);
	if (load(c, p, err, size) == -1) {
		tls_client_free(&c);
		return NULL;
	}
	SSL_CTX_set_session_cache_mode(
	    c->ctx, SSL_SESS_CACHE_CLIENT | SSL_SESS_CACHE_NO_INTERNAL);
	return c;
}

void
tls_client_free(struct tls_client **cp)
{
	struct tls_client *c = *cp;
	size_t i;

	if (c == NULL)
		return;
	for (i = 0; i < SESSIONS_MAX; i++) {
		SSL_SESSION_free(c->kept[i].session);
		free(c->kept[i].key);
	}
	SSL_CTX_free(c->ctx);
	free(c->pins);
	free(c);
	*cp = NULL;
}

/* Sessions. */

/* A session stands for the certificate it began with, so it is good only for
 * the name that was verified. */
static struct kept *
find_session(struct tls_client *c, const char *key)
{
	size_t i;

	for (i = 0; i < SESSIONS_MAX; i++)
		if (c->kept[i].key != NULL && strcmp(c->kept[i].key, key) == 0)
			return &c->kept[i];
	return NULL;
}

static int
on_session(SSL *ssl, SSL_SESSION *session)
{
	struct tls *t = SSL_get_app_data(ssl);
	struct tls_client *c = t->client;
	struct kept *k = find_session(c, t->key);

	if (k == NULL) {
		k = &c->kept[c->turn++ % SESSIONS_MAX];
		free(k->key);
		k->key = xstrdup(t->key);
	}
	SSL_SESSION_free(k->session);
	k->session = session;
	return 1; /* it is ours now */
}

/* Connections. */

/* An address is looked for among the certificate's addresses and is no server
 * name (RFC 6066 section 3). */
static void
set_name(SSL *ssl, const char *name)
{
	X509_VERIFY_PARAM *param = SSL_get0_param(ssl);

	if (X509_VERIFY_PARAM_set1_ip_asc(param, name) == 1)
		return;
	ERR_clear_error();
	X509_VERIFY_PARAM_set_hostflags(
	    param, X509_CHECK_FLAG_NO_PARTIAL_WILDCARDS);
	if (X509_VERIFY_PARAM_set1_host(param, name, 0) != 1 ||
	    SSL_set_tlsext_host_name(ssl, (char *)(uintptr_t)name) != 1)
		abort(); /* no memory */
}

struct tls *
tls_connect(struct tls_client *c, int fd, const char *name, const char *place)
{
	struct tls *t = xcalloc(1, sizeof(*t));
	const struct kept *k;
	size_t size = strlen(place) + 2;

	size += name != NULL ? strlen(name) : 0;
	t->key = xmalloc(size);
	snprintf(t->key, size, "%s %s", name != NULL ? name : "", place);
	t->client = c;
	t->ssl = SSL_new(c->ctx);
	if (t->ssl == NULL || SSL_set_fd(t->ssl, fd) != 1)
		abort(); /* no memory */
	SSL_set_app_data(t->ssl, t);
	if (name != NULL)
		set_name(t->ssl, name);
	k = find_session(c, t->key);
	if (k != NULL)
		(void)SSL_set_session(t->ssl, k->session);
	SSL_set_connect_state(t->ssl);
	return t;
}

void
tls_server_pin(const struct tls *t, char *out)
{
	X509 *cert = SSL_get_peer_certificate(t->ssl);
	unsigned char digest[DIGEST_SIZE], *der = NULL;
	int len;

	out[0] = '\0';
	if (cert == NULL)
		return;
	len = i2d_X509_PUBKEY(X509_get_X509_PUBKEY(cert), &der);
	if (len > 0 &&
	    EVP_Digest(der, (size_t)len, digest, NULL, EVP_sha256(), NULL) == 1)
		base64_encode(
		    digest, sizeof(digest), out, BASE64_SIZE(DIGEST_SIZE));
	OPENSSL_free(der);
	X509_free(cert);
}

static bool
is_pinned(const struct tls *t)
{
	char pin[BASE64_SIZE(DIGEST_SIZE)];
	size_t i;

	tls_server_pin(t, pin);
	for (i = 0; i < t->client->pin_count; i++)
		if (strcmp(t->client->pins[i], pin) == 0)
			return true;
	return false;
}

enum fault
tls_server_fault(const struct tls *t, const char **why_r)
{
	long result = SSL_get_verify_result(t->ssl);

	*why_r = "its key is not pinned";
	if (t->client->pin_count > 0 && !is_pinned(t))
		return FAULT_TLS_PIN;
	if (!t->client->verify || result == X509_V_OK)
		return FAULT_NONE;
	*why_r = X509_verify_cert_error_string(result);
	switch (result) {
	case X509_V_ERR_CERT_HAS_EXPIRED:
	case X509_V_ERR_CERT_NOT_YET_VALID:
		return FAULT_TLS_EXPIRED;
	case X509_V_ERR_HOSTNAME_MISMATCH:
	case X509_V_ERR_IP_ADDRESS_MISMATCH:
		return FAULT_TLS_NAME;
	default:
		return FAULT_TLS_UNTRUSTED;
	}
}
