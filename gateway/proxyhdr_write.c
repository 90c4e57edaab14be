/*
 * Making PROXY headers: see proxyhdr.h.
 */

#include <netinet/in.h>

#include <arpa/inet.h>
#include <stdio.h>
#include <string.h>

#include "proxyhdr.h"

#define V2_LOCAL 0x20
#define V2_PROXY 0x21
#define V2_TCP4 0x11
#define V2_TCP6 0x21

struct ends { /* of a connection, of one family */
	bool v6;
	unsigned char src[16];
	unsigned char dst[16];
	uint16_t src_port; /* network order */
	uint16_t dst_port;
};

/* False if it is no address of the Internet. */
static bool
get(const struct sockaddr *sa, bool as_v6, unsigned char *addr, uint16_t *port)
{
	const struct sockaddr_in6 *six = (const void *)sa;
	const struct sockaddr_in *four = (const void *)sa;
	static const unsigned char mapped[12] = { [10] = 0xff, [11] = 0xff };

	if (sa->sa_family == AF_INET6) {
		memcpy(addr, &six->sin6_addr, 16);
		*port = six->sin6_port;
		return true;
	}
	if (sa->sa_family != AF_INET)
		return false;
	if (as_v6)
		memcpy(addr, mapped, sizeof(mapped));
	memcpy(addr + (as_v6 ? 12 : 0), &four->sin_addr, 4);
	*port = four->sin_port;
	return true;
}

static size_t
write_v1(char *out, const struct ends *e)
{
	int family = e->v6 ? AF_INET6 : AF_INET;
	char src[INET6_ADDRSTRLEN], dst[INET6_ADDRSTRLEN];

	inet_ntop(family, e->src, src, sizeof(src));
	inet_ntop(family, e->dst, dst, sizeof(dst));
	return (size_t)snprintf(out, PROXYHDR_WRITE_MAX,
	    "PROXY %s %s %s %u %u\r\n", e->v6 ? "TCP6" : "TCP4", src, dst,
	    (unsigned)ntohs(e->src_port), (unsigned)ntohs(e->dst_port));
}

static size_t
write_v2(char *out, const struct ends *e)
{
	static const unsigned char signature[12] = { 0x0d, 0x0a, 0x0d, 0x0a,
		0x00, 0x0d, 0x0a, 0x51, 0x55, 0x49, 0x54, 0x0a };
	size_t size = e == NULL ? 0 : e->v6 ? 16 : 4;
	size_t len = e == NULL ? 0 : 2 * size + 4;

	memcpy(out, signature, sizeof(signature));
	out[12] = e == NULL ? V2_LOCAL : V2_PROXY;
	out[13] = (char)(e == NULL ? 0 : e->v6 ? V2_TCP6 : V2_TCP4);
	out[14] = 0;
	out[15] = (char)len;
	if (e == NULL)
		return PROXYHDR_V2_FIXED;
	memcpy(out + 16, e->src, size);
	memcpy(out + 16 + size, e->dst, size);
	memcpy(out + 16 + 2 * size, &e->src_port, 2);
	memcpy(out + 18 + 2 * size, &e->dst_port, 2);
	return PROXYHDR_V2_FIXED + len;
}

size_t
proxyhdr_write(char *out, int version, const struct sockaddr *src,
    const struct sockaddr *dst)
{
	struct ends e = { .v6 = src->sa_family == AF_INET6 ||
		    dst->sa_family == AF_INET6 };
	bool known = get(src, e.v6, e.src, &e.src_port) &&
	    get(dst, e.v6, e.dst, &e.dst_port);

	if (version == 2)
		return write_v2(out, known ? &e : NULL);
	if (known)
		return write_v1(out, &e);
	return (size_t)snprintf(out, PROXYHDR_WRITE_MAX, "PROXY UNKNOWN\r\n");
}
