#ifndef POSTERN_CERT_H
#define POSTERN_CERT_H

/*
 * Certificates and keys for tests, made on the spot: nothing that expires lies
 * in the repository.
 */

#include <stdbool.h>

struct cert {
	const char *name; /* subject and DNS name */
	const char *cert; /* file to write; PEM */
	const char *key;
	bool rsa;	     /* else P-256 */
	const char *pass;    /* the key is encrypted; NULL: it is not */
	const char *ca_cert; /* files of who signs; NULL: it signs itself */
	const char *ca_key;
};

/* Writes both files; aborts when that is not possible. */
void cert_make(const struct cert *c);

#endif
