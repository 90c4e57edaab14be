/*
 * Kinds of addresses: see net_kind.h.
 */

#include "net_kind.h"

#include <sys/types.h>

#include <netinet/in.h>
#include <string.h>

static enum net_kind
kind_of_v4(const unsigned char *ip)
{
	if (ip[0] == 0)
		return NET_UNSPECIFIED;
	if (ip[0] == 127)
		return NET_LOOPBACK;
	if (ip[0] == 10 || (ip[0] == 172 && (ip[1] & 0xf0) == 16) ||
	    (ip[0] == 192 && ip[1] == 168) || (ip[0] == 169 && ip[1] == 254) ||
	    (ip[0] == 100 && (ip[1] & 0xc0) == 64))
		return NET_PRIVATE;
	return ip[0] >= 224 ? NET_MULTICAST : NET_PUBLIC;
}

static enum net_kind
kind_of_v6(const unsigned char *ip)
{
	static const unsigned char zero[15];

	if (memcmp(ip, zero, sizeof(zero)) == 0 && ip[15] <= 1)
		return ip[15] == 0 ? NET_UNSPECIFIED : NET_LOOPBACK;
	if ((ip[0] & 0xfe) == 0xfc || (ip[0] == 0xfe && (ip[1] & 0x80) != 0))
		return NET_PRIVATE;
	return ip[0] == 0xff ? NET_MULTICAST : NET_PUBLIC;
}

enum net_kind
net_kind(const struct net_addr *a)
{
	const void *ip;

	switch (a->ss.ss_family) {
	case AF_INET:
		ip = &((const struct sockaddr_in *)&a->ss)->sin_addr;
		return kind_of_v4(ip);
	case AF_INET6:
		ip = &((const struct sockaddr_in6 *)&a->ss)->sin6_addr;
		return kind_of_v6(ip);
	case AF_UNIX:
		return NET_LOOPBACK;
	default:
		return NET_UNSPECIFIED;
	}
}
