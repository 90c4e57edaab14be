#ifndef POSTERN_DNS_WIRE_H
#define POSTERN_DNS_WIRE_H

/*
 * DNS messages: makes queries and reads replies (RFC 1035 4; EDNS: RFC 6891;
 * negative answers: RFC 2308).  Pure; ldns does the octets.  Nothing in a reply
 * is believed that does not belong to the question.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "dns_answer.h"

#define DNS_WIRE_QUERY_MAX 300 /* octets of any query */
#define DNS_WIRE_UDP_MAX 1232  /* that we tell servers to send over UDP */

enum dns_wire_found {
	DNS_WIRE_FOREIGN,   /* not a reply to this question, or broken */
	DNS_WIRE_TRUNCATED, /* to be asked again over TCP */
	DNS_WIRE_FAILED,    /* the server can not answer: reason */
	DNS_WIRE_ALIAS,	    /* ends at another name, which is to be asked for */
	DNS_WIRE_ANSWER
};

struct dns_wire_note {
	const char *reason;	   /* static */
	bool no_edns;		   /* perhaps it answers without EDNS */
	char alias[DNS_NAME_SIZE]; /* where the CNAMEs lead to */
};

/* A query for a name of dns_name_ascii()'s; returns its length, or 0 if that is
 * no name. */
size_t dns_wire_query(unsigned char buf[DNS_WIRE_QUERY_MAX], uint16_t id,
    const char *name, enum dns_type type, bool edns);

/* Reads a reply to the question (id, name, a->type) into a, which is only
 * touched when ANSWER (status, records, ttl, aliases) or ALIAS (ttl, aliases)
 * is returned. */
enum dns_wire_found dns_wire_read(const unsigned char *msg, size_t len,
    uint16_t id, const char *name, struct dns_answer *a,
    struct dns_wire_note *note);

#endif
