#ifndef POSTERN_DNS_TLD_H
#define POSTERN_DNS_TLD_H

/*
 * Top-level domains and other suffixes of registries, as the Public Suffix List
 * that libpsl was built with knows them; without libpsl nothing is known to be
 * missing.  Pure.
 */

#include <stdbool.h>

/* False if the last label of the name, without regard to case, is certainly
 * none.  No final dot. */
bool dns_tld_may_exist(const char *name);
/* Is it a suffix below which anybody may have a domain, as "co.uk"?  What a
 * company lets its customers have is none.  False without libpsl. */
bool dns_tld_is_registry(const char *domain);

#endif
