#ifndef POSTERN_TLS_CONF_H
#define POSTERN_TLS_CONF_H

/*
 * The tls blocks of the configuration: certificates, keys and policy, read by
 * the master before it drops its rights.
 */

#include <stddef.h>

#include "opt.h"

struct tls_context;
struct tls_tickets;

enum tls_verify { TLS_VERIFY_NONE, TLS_VERIFY_OPTIONAL, TLS_VERIFY_REQUIRED };

struct tls_conf {
	const char *name;
	struct opt_list certificates; /* PEM, each with its chain */
	struct opt_list keys;	      /* in the same order */
	int min_version;	      /* index: 1.2, 1.3 */
	const char *ciphers;	      /* of TLS 1.2; NULL: the library's */
	const char *ciphersuites;     /* of TLS 1.3; NULL: the library's */
	const char *curves;	      /* NULL: the library's */
	const char *client_ca;	      /* PEM; whose client certificates */
	int verify_client;	      /* enum tls_verify */
	struct tls_context *context;  /* owned; made by tls_load() */
};
extern const struct opt tls_options[];

/* Reads certificates and keys.  0, or -1 with the reason in err. */
int tls_load(struct tls_conf *conf, char *err, size_t err_size);
/* Makes its sessions resumable by all who share the tickets. */
void tls_share_tickets(struct tls_conf *conf, struct tls_tickets *tickets);
void tls_unload(struct tls_conf *conf);

#endif
