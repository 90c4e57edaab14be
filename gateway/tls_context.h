#ifndef POSTERN_TLS_CONTEXT_H
#define POSTERN_TLS_CONTEXT_H

/*
 * Behind tls.h: certificates and policy as OpenSSL wants them.  For tls*.c
 * alone.
 */

#include <openssl/ssl.h>

struct tls_context;
struct tls_tickets;

SSL_CTX *tls_context_ssl(const struct tls_context *c);
/* Makes ctx seal and open session tickets with the shared keys. */
void tls_tickets_use(struct tls_tickets *t, SSL_CTX *ctx);

#endif
