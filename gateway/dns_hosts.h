#ifndef POSTERN_DNS_HOSTS_H
#define POSTERN_DNS_HOSTS_H

/*
 * hosts(5): names that need no DNS.  Reads a file: for the start only.
 */

#include "net.h"

/* Stores the addresses of a name (of dns_name_ascii()'s), without a port, and
 * returns how many; 0 if the file has none or can not be read.  localhost, and
 * all below it, is this machine whatever the file says (RFC 6761 6.3). */
int dns_hosts_find(
    const char *path, const char *name, struct net_addr *list, int max);

#endif
