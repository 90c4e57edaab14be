#ifndef POSTERN_FILTERS_HELO_NAME_H
#define POSTERN_FILTERS_HELO_NAME_H

/*
 * What a client calls itself in HELO: questions that can be answered without
 * asking anybody.  Pure.
 */

#include <stdbool.h>

#include "gateway/filter.h"

/* An address without brackets, IPv4 or IPv6. */
bool helo_is_bare_ip(const char *helo);
/* "[192.0.2.1]", "[IPv6:2001:db8::1]" (RFC 5321 4.1.3); the address to addr_r.
 * The tag's case does not matter. */
bool helo_is_literal(const char *helo, struct net_addr *addr_r);
/*
 * Does the name contain the address, as providers name the lines of their
 * customers?  IPv4: the first two octets beside each other, in either order,
 * as whole numbers (026 is 26) with one of "-._" between them; or all four as
 * twelve digits or eight hexadecimal ones, in either order.  IPv6: the 32
 * nibbles or the last 16 of them (unless they are almost empty), in either
 * order, dots and hyphens left out; or the groups with hyphens or dots between
 * them.
 */
bool helo_is_dynamic(const char *helo, const struct net_addr *addr);

#endif
