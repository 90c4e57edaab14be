#ifndef POSTERN_DNS_HOSTS_H
#define POSTERN_DNS_HOSTS_H

/*
 * hosts(5): names that need no DNS.  Reads a file: for the start only.
 */

#include <stddef.h>

#include "net.h"

#define DNS_HOST_ADDRS 8

/* What was found at the start, for those who can not read files any more. */
struct dns_host {
	const char *name;
	struct net_addr addrs[DNS_HOST_ADDRS]; /* without a port */
	int count;			       /* at least 1 */
};
struct dns_hosts {
	struct dns_host *list;
	size_t count;
};

/* Stores the addresses of a name (of dns_name_ascii()'s), without a port, and
 * returns how many; 0 if the file has none or can not be read.  localhost, and
 * all below it, is this machine whatever the file says (RFC 6761 6.3). */
int dns_hosts_find(
    const char *path, const char *name, struct net_addr *list, int max);
/* NULL: it was not found. */
const struct dns_host *dns_hosts_get(
    const struct dns_hosts *hosts, const char *name);

#endif
