#ifndef POSTERN_TLS_CONTEXT_H
#define POSTERN_TLS_CONTEXT_H

/*
 * Behind tls.h: certificates and policy as OpenSSL wants them.  For tls*.c
 * alone.
 */

#include <stddef.h>

#include <openssl/ssl.h>

struct tls_client;
struct tls_tickets;

/* One connection. */
struct tls {
	SSL *ssl;		   /* owned */
	struct tls_client *client; /* borrowed; NULL on the server's side */
	char *key;		   /* owned; of its session; may be NULL */
	char error[160];
	char subject[256];
};

struct tls_context {
	SSL_CTX **list; /* owned; one per certificate, the default first */
	size_t count;
};

/* What both sides want of a context: no compression, no renegotiation, no
 * version below min_version.  1, or 0 if the library does not know that. */
int tls_context_policy(SSL_CTX *ctx, int min_version);
/* A certificate with its chain, and its key.  0, or -1 with the reason. */
int tls_context_load_pair(
    SSL_CTX *ctx, const char *cert, const char *key, char *err, size_t size);
/* Says in err what the library did not like of which; returns -1. */
int tls_context_fail(
    char *err, size_t size, const char *what, const char *which);

/* Makes ctx seal and open session tickets with the shared keys. */
void tls_tickets_use(struct tls_tickets *t, SSL_CTX *ctx);

#endif
