#ifndef POSTERN_FAKE_DNS_H
#define POSTERN_FAKE_DNS_H

/*
 * A DNS server on a loopback port (UDP and TCP) for tests and transcripts, in
 * the same process: it does something only when it is polled.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "net.h"

#define FAKE_DNS_MAX 65535

struct fake_dns;

/* A query that came in. */
struct fake_query {
	unsigned char msg[600];
	size_t len;
	struct net_addr from;
	int tcp; /* index of the connection; -1: UDP */
	char name[260];
	char type[10];
};

struct fake_dns *fake_dns_new(void);
void fake_dns_free(struct fake_dns **fp);
/* Ends its sockets, so that the port is closed; and opens it again. */
void fake_dns_stop(struct fake_dns *f);
void fake_dns_start(struct fake_dns *f);
const struct net_addr *fake_dns_addr(const struct fake_dns *f);

/*
 * What it knows, a line each:
 *
 *	NAME [TTL] TYPE DATA	a record; TTL is 300 unless given
 *	NAME [TYPE] timeout	no answer (to this type, or to any)
 *	NAME [TYPE] SERVFAIL	likewise, and any other code
 *
 * A name that is not there does not exist.  False: it makes no sense.
 */
bool fake_dns_add(struct fake_dns *f, const char *line);
void fake_dns_forget(struct fake_dns *f);

/* Takes the next query; false: there is none. */
bool fake_dns_take(struct fake_dns *f, struct fake_query *q);
/* The reply to it as a server would give it, truncated over UDP where it is too
 * large; 0: none is to be given. */
size_t fake_dns_reply(struct fake_dns *f, const struct fake_query *q,
    unsigned char buf[FAKE_DNS_MAX]);
void fake_dns_send(struct fake_dns *f, const struct fake_query *q,
    const unsigned char *msg, size_t len);
/* Answers all that came; was there anything? */
bool fake_dns_poll(struct fake_dns *f);
/* Queries taken so far. */
unsigned fake_dns_queries(const struct fake_dns *f);

#endif
