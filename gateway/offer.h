#ifndef POSTERN_OFFER_H
#define POSTERN_OFFER_H

/*
 * What may honestly be offered to clients (DESIGN promise 4): what all servers
 * accept that a recipient may be routed to and that can be reached now and are
 * not drained.  A server of which nothing is known yet counts only when nothing
 * is known of its whole backend: then nothing is offered that depends on a
 * backend.
 */

#include <stddef.h>

#include "ehlo.h"

struct backend_conf;
struct caps;
struct route_conf;
struct servers;

/* Where the recipients of a client may go. */
struct offer_routes {
	const struct route_conf *list;
	size_t count;
	const char *listener; /* routes of others do not count */
};

/* Extensions that depend on what backends accept; postern does all the others
 * by itself (PIPELINING, SIZE, CHUNKING, ENHANCEDSTATUSCODES). */
#define OFFER_OF_BACKENDS                                             \
	(EHLO_8BITMIME | EHLO_SMTPUTF8 | EHLO_DSN | EHLO_BINARYMIME | \
	    EHLO_REQUIRETLS)

/* r->have: bits of OFFER_OF_BACKENDS; r->size: what a client's message may
 * have, added header fields taken off, 0 if no server names a limit;
 * r->rcpt_max: 0 likewise. */
void offer_find(const struct caps *c, const struct servers *servers,
    const struct backend_conf *conf, const struct offer_routes *routes,
    struct ehlo *r);
/* How many recipients each server of a backend takes in one transaction
 * (RCPTMAX, RFC 9422); 0 if none names a limit. */
uint32_t offer_rcpt_max(const struct caps *c, const struct servers *servers,
    const struct backend_conf *b);

#endif
