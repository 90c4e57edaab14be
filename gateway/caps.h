#ifndef POSTERN_CAPS_H
#define POSTERN_CAPS_H

/*
 * What the backends' servers offer, as far as the gateway knows it: in shared
 * memory, written by whoever talked to a server (deliveries and health checks
 * of any process), read for the EHLO of clients.  The master maps it once; an
 * entry is found by the names of backend and server, so it outlives workers
 * and reloads.
 *
 * Nothing is locked: an entry is a few words, each of which is written as a
 * whole, and all of them are true of the server at some time.
 */

#include "ehlo.h"

struct caps;

enum caps_state {
	CAPS_UNKNOWN, /* nobody has talked to it yet */
	CAPS_KNOWN,
	CAPS_DOWN /* it could not be talked to the last time */
};

/* For that many servers, and as many that a reload may bring.  NULL when the
 * memory can not be had. */
struct caps *caps_new(unsigned servers);
void caps_free(struct caps **cp);

/* The server has greeted and answered EHLO (or LHLO; behind STARTTLS the second
 * one counts) with this.  REQUIRETLS counts only if the connection is under TLS
 * and the server's certificate was verified: leave the bit out otherwise.
 * c may be NULL, as below: then nothing is known or kept. */
void caps_learn(struct caps *c, const char *backend, const char *server,
    const struct ehlo *e);
/* It can not be connected to, or does not greet us. */
void caps_lost(struct caps *c, const char *backend, const char *server);
/* *e_r is set if it is CAPS_KNOWN. */
enum caps_state caps_get(const struct caps *c, const char *backend,
    const char *server, struct ehlo *e_r);

#endif
