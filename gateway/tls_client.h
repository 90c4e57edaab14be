#ifndef POSTERN_TLS_CLIENT_H
#define POSTERN_TLS_CLIENT_H

/*
 * The client's side of TLS: whom we trust, how a server's certificate is
 * judged, and sessions that are resumed.  The connection itself is struct tls
 * (tls.h), the same as for clients of ours.
 *
 * A certificate that does not satisfy does not break the handshake: what to
 * make of it is the caller's business, who asks tls_server_fault() before it
 * says anything over the connection.
 */

#include <stdbool.h>
#include <stddef.h>

#include "fault.h"

struct tls;
struct tls_client;

struct tls_client_policy {	 /* all borrowed for tls_client_new() */
	bool verify;		 /* chain and name are looked at */
	const char *ca;		 /* PEM file; NULL: the system's authorities */
	const char *const *pins; /* base64 of the SHA-256 of a public key */
	size_t pin_count;
	const char *certificate; /* ours, PEM with its chain; NULL: none */
	const char *key;
	bool tls13_only;
};

/* NULL with the reason in err. */
struct tls_client *tls_client_new(
    const struct tls_client_policy *policy, char *err, size_t err_size);
void tls_client_free(struct tls_client **cp);

/* The client's side on a connected, non-blocking descriptor (borrowed).  name
 * is what the certificate has to have, a domain or an address; NULL: any.
 * Sessions are resumed among connections with the same name and place (the
 * server's address as text). */
struct tls *tls_connect(
    struct tls_client *c, int fd, const char *name, const char *place);
/* Behind the handshake: what is wrong with the server's certificate.  *why_r
 * is a static text. */
enum fault tls_server_fault(const struct tls *t, const char **why_r);
/* SHA-256 of the public key in the server's certificate, in base64; "" if
 * there is none.  out has room for 45 octets. */
void tls_server_pin(const struct tls *t, char *out);

#endif
