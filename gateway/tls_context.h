#ifndef POSTERN_TLS_CONTEXT_H
#define POSTERN_TLS_CONTEXT_H

/*
 * Behind tls.h: certificates and policy as OpenSSL wants them.  For tls*.c
 * alone.
 */

#include <stddef.h>

#include <openssl/ssl.h>

struct tls_tickets;

struct tls_context {
	SSL_CTX **list; /* owned; one per certificate, the default first */
	size_t count;
};

/* Makes ctx seal and open session tickets with the shared keys. */
void tls_tickets_use(struct tls_tickets *t, SSL_CTX *ctx);

#endif
