#ifndef POSTERN_DNS_NAME_H
#define POSTERN_DNS_NAME_H

/*
 * Names of the DNS as they are asked for: in lower case, A-labels, absolute,
 * without the final dot.  Pure.
 */

#include <stdbool.h>
#include <stddef.h>

#include "net.h"

#define DNS_REVERSE_SIZE 80 /* of the reverse name of any address, with NUL */

/* Makes such a name of a domain in ASCII or UTF-8 (IDNA2008 with the mappings
 * of UTS 46; RFC 5891).  One final dot may be there.  False, and "" in buf, if
 * it can not be the name of anything: empty, a label of no or more than 63
 * octets, more than size - 1 (253) octets in all, blanks, control characters, a
 * backslash, or no valid U-labels. */
bool dns_name_ascii(const char *domain, char *buf, size_t size);

/* A domain as lists have it: what is behind the last "@" of the text, or behind
 * "*." in front, else all of it, becomes A-labels (in buf) if it is not ASCII;
 * otherwise the text itself, at no cost.  NULL: it can not be a name. */
const char *dns_name_plain(const char *text, char *buf, size_t size);

/* May it be the name of a host?  Labels of letters, digits, underscores and
 * inner hyphens, 63 of these at most, the last one not of digits alone; no dot
 * at the end; 253 in all.  A single label is good. */
bool dns_name_is_host(const char *name);

/* The name under which an address stands in a zone: "2.0.192.ZONE" turned
 * around, or the 32 nibbles of IPv6 (RFC 1035 3.5, RFC 3596 2.5, RFC 5782).
 * With NULL for the zone it is the name of its PTR record (in-addr.arpa,
 * ip6.arpa).  False if the address is no IP address or size too small. */
bool dns_name_reverse(
    const struct net_addr *addr, const char *zone, char *buf, size_t size);

#endif
