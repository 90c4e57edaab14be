#ifndef POSTERN_NET_KIND_H
#define POSTERN_NET_KIND_H

/*
 * What an address is for (the IANA registries of RFC 6890).  Pure.
 */

#include "net.h"

enum net_kind {
	NET_PUBLIC,	 /* none of the others, so far as is known */
	NET_UNSPECIFIED, /* 0.0.0.0/8, :: */
	NET_LOOPBACK,	 /* 127.0.0.0/8, ::1, unix sockets */
	NET_PRIVATE,	 /* RFC 1918, 6598, 3927, 4193, fe80::/10 */
	NET_MULTICAST,	 /* 224.0.0.0/4, ff00::/8, and 240.0.0.0/4 */
};

/* An address that is not known at all is NET_UNSPECIFIED. */
enum net_kind net_kind(const struct net_addr *a);

#endif
