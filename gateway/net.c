/*
 * Addresses: text to value, value to text, comparison, networks.  The socket
 * calls are in net_socket.c.
 */

#include "net.h"

#include <sys/types.h>
#include <sys/un.h>

#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "compat.h"

#define HOST_MAX 256 /* a name and a NUL */
#define UNIX_PREFIX "unix:"

static const unsigned char mapped[12] = { 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff,
	0xff };

static int parse_unix(const char *, struct net_addr *, const char **);
static int parse_number(const char *, int, int *);
static void set_ip(struct net_addr *, int, const unsigned char *, int);
static const unsigned char *ip_octets(const struct net_addr *);
static size_t ip_size(int);
static bool same_bits(const unsigned char *, const unsigned char *, unsigned);
static bool has_host_bits(const struct net_prefix *);
static void unmap_prefix(struct net_prefix *);

int
net_parse(const char *text, struct net_addr *addr_r, const char **err_r)
{
	char host[HOST_MAX];
	unsigned char ip[16];
	int port;

	memset(addr_r, 0, sizeof(*addr_r));
	if (strncmp(text, UNIX_PREFIX, strlen(UNIX_PREFIX)) == 0)
		return parse_unix(text + strlen(UNIX_PREFIX), addr_r, err_r);
	if (net_split(text, host, sizeof(host), &port, err_r) == -1)
		return -1;
	if (text[0] == '[' && inet_pton(AF_INET6, host, ip) == 1) {
		set_ip(addr_r, AF_INET6, ip, port);
		return 0;
	}
	if (text[0] != '[' && inet_pton(AF_INET, host, ip) == 1) {
		set_ip(addr_r, AF_INET, ip, port);
		return 0;
	}
	*err_r = text[0] == '[' ? "no IPv6 address between the brackets"
				: "no IPv4 address before the port";
	return -1;
}

static int
parse_unix(const char *path, struct net_addr *addr_r, const char **err_r)
{
	struct sockaddr_un *un = (struct sockaddr_un *)&addr_r->ss;

	if (path[0] != '/') {
		*err_r = "a unix socket needs an absolute path";
		return -1;
	}
	if (strlen(path) >= sizeof(un->sun_path)) {
		*err_r = "the path of the unix socket is too long";
		return -1;
	}
	un->sun_family = AF_UNIX;
	compat_strlcpy(un->sun_path, path, sizeof(un->sun_path));
	addr_r->len = sizeof(*un);
	return 0;
}

/* "[host]:port", too. */
int
net_split(
    const char *text, char *host, size_t size, int *port_r, const char **err_r)
{
	const char *begin = text, *end, *colon;

	if (text[0] == '[') {
		begin = text + 1;
		end = strchr(begin, ']');
		if (end == NULL) {
			*err_r = "closing bracket missing";
			return -1;
		}
		colon = end + 1;
	} else {
		end = colon = strchr(text, ':');
		if (colon != NULL && strchr(colon + 1, ':') != NULL) {
			*err_r = "an IPv6 address needs brackets: [::1]:25";
			return -1;
		}
	}
	if (colon == NULL || *colon != ':') {
		*err_r = "port missing: write ADDRESS:PORT";
		return -1;
	}
	if (parse_number(colon + 1, 65535, port_r) == -1) {
		*err_r = "the port must be a number from 1 to 65535";
		return -1;
	}
	if (end == begin || (size_t)(end - begin) >= size) {
		*err_r = end == begin ? "address missing before the port"
				      : "the host name is too long";
		return -1;
	}
	memcpy(host, begin, (size_t)(end - begin));
	host[end - begin] = '\0';
	return 0;
}

/* Digits only, without zeros in front: "010" means eight to some. */
static int
parse_number(const char *s, int max, int *value_r)
{
	int value = 0;

	if (*s == '\0' || (s[0] == '0' && s[1] != '\0'))
		return -1;
	for (; *s != '\0'; s++) {
		if (*s < '0' || *s > '9')
			return -1;
		value = value * 10 + (*s - '0');
		if (value > max)
			return -1;
	}
	*value_r = value;
	return 0;
}

/* Takes what ip_octets() gives: 4 or 16 octets. */
static void
set_ip(struct net_addr *a, int family, const unsigned char *ip, int port)
{
	struct sockaddr_in *in = (struct sockaddr_in *)&a->ss;
	struct sockaddr_in6 *in6 = (struct sockaddr_in6 *)&a->ss;

	memset(a, 0, sizeof(*a));
	if (family == AF_INET6 && memcmp(ip, mapped, sizeof(mapped)) == 0) {
		family = AF_INET;
		ip += sizeof(mapped);
	}
	if (family == AF_INET) {
		in->sin_family = AF_INET;
		in->sin_port = htons((uint16_t)port);
		memcpy(&in->sin_addr, ip, sizeof(in->sin_addr));
		a->len = sizeof(*in);
	} else {
		in6->sin6_family = AF_INET6;
		in6->sin6_port = htons((uint16_t)port);
		memcpy(&in6->sin6_addr, ip, sizeof(in6->sin6_addr));
		a->len = sizeof(*in6);
	}
}

void
net_from_sockaddr(struct net_addr *a, const struct sockaddr *sa, socklen_t len)
{
	struct net_addr raw;
	uint32_t scope;

	memset(&raw, 0, sizeof(raw));
	if (len > (socklen_t)sizeof(raw.ss))
		len = (socklen_t)sizeof(raw.ss);
	memcpy(&raw.ss, sa, len);
	raw.len = len;
	if (raw.ss.ss_family != AF_INET && raw.ss.ss_family != AF_INET6) {
		*a = raw;
		return;
	}
	set_ip(a, raw.ss.ss_family, ip_octets(&raw), net_port(&raw));
	if (a->ss.ss_family == AF_INET6) { /* link-local addresses need it */
		scope = ((const struct sockaddr_in6 *)&raw.ss)->sin6_scope_id;
		((struct sockaddr_in6 *)&a->ss)->sin6_scope_id = scope;
	}
}

const char *
net_ip(const struct net_addr *a, char *buf, size_t size)
{
	char text[INET6_ADDRSTRLEN] = "unknown";
	const unsigned char *ip = ip_octets(a);

	if (a->ss.ss_family == AF_UNIX)
		compat_strlcpy(text, "unix", sizeof(text));
	else if (ip != NULL)
		(void)inet_ntop(a->ss.ss_family, ip, text, sizeof(text));
	compat_strlcpy(buf, text, size);
	return buf;
}

const char *
net_text(const struct net_addr *a, char *buf, size_t size)
{
	const struct sockaddr_un *un = (const struct sockaddr_un *)&a->ss;
	char ip[INET6_ADDRSTRLEN];

	net_ip(a, ip, sizeof(ip));
	if (a->ss.ss_family == AF_INET6)
		snprintf(buf, size, "[%s]:%d", ip, net_port(a));
	else if (a->ss.ss_family == AF_INET)
		snprintf(buf, size, "%s:%d", ip, net_port(a));
	else if (a->ss.ss_family == AF_UNIX && un->sun_path[0] != '\0')
		snprintf(buf, size, UNIX_PREFIX "%.*s",
		    (int)sizeof(un->sun_path), un->sun_path);
	else
		compat_strlcpy(buf, ip, size);
	return buf;
}

int
net_port(const struct net_addr *a)
{
	if (a->ss.ss_family == AF_INET)
		return ntohs(((const struct sockaddr_in *)&a->ss)->sin_port);
	if (a->ss.ss_family == AF_INET6)
		return ntohs(((const struct sockaddr_in6 *)&a->ss)->sin6_port);
	return 0;
}

void
net_set_port(struct net_addr *a, int port)
{
	if (a->ss.ss_family == AF_INET)
		((struct sockaddr_in *)&a->ss)->sin_port =
		    htons((uint16_t)port);
	else if (a->ss.ss_family == AF_INET6)
		((struct sockaddr_in6 *)&a->ss)->sin6_port =
		    htons((uint16_t)port);
}

bool
net_same_ip(const struct net_addr *a, const struct net_addr *b)
{
	if (a->ss.ss_family != b->ss.ss_family)
		return false;
	if (a->ss.ss_family == AF_UNIX)
		return true;
	return ip_octets(a) != NULL &&
	    memcmp(ip_octets(a), ip_octets(b), ip_size(a->ss.ss_family)) == 0;
}

bool
net_is_loopback(const struct net_addr *a)
{
	static const unsigned char one[16] = { [15] = 1 };

	if (a->ss.ss_family == AF_INET)
		return ip_octets(a)[0] == 127;
	if (a->ss.ss_family == AF_INET6)
		return memcmp(ip_octets(a), one, sizeof(one)) == 0;
	return a->ss.ss_family == AF_UNIX;
}

bool
net_is_any(const struct net_addr *a)
{
	static const unsigned char zero[16];

	if (a->ss.ss_family == AF_INET)
		return memcmp(ip_octets(a), zero, 4) == 0;
	return a->ss.ss_family == AF_INET6 &&
	    memcmp(ip_octets(a), zero, sizeof(zero)) == 0;
}

static const unsigned char *
ip_octets(const struct net_addr *a)
{
	const void *ip = NULL;

	if (a->ss.ss_family == AF_INET)
		ip = &((const struct sockaddr_in *)&a->ss)->sin_addr;
	else if (a->ss.ss_family == AF_INET6)
		ip = &((const struct sockaddr_in6 *)&a->ss)->sin6_addr;
	return ip;
}

static size_t
ip_size(int family)
{
	return family == AF_INET ? 4 : 16;
}

int
net_prefix_parse(
    const char *text, struct net_prefix *prefix_r, const char **err_r)
{
	struct net_prefix p = { .family = AF_UNIX };
	const char *slash = strchr(text, '/');
	char host[INET6_ADDRSTRLEN];
	size_t len = slash != NULL ? (size_t)(slash - text) : strlen(text);
	int bits;

	if (strcmp(text, "unix") == 0) {
		*prefix_r = p;
		return 0;
	}
	p.family = memchr(text, ':', len) != NULL ? AF_INET6 : AF_INET;
	compat_strlcpy(host, text, len < sizeof(host) ? len + 1 : 1);
	if (inet_pton(p.family, host, p.addr) != 1) {
		*err_r = "not a network: write 192.0.2.0/24 or 2001:db8::/32";
		return -1;
	}
	bits = (int)ip_size(p.family) * 8;
	if (slash != NULL && parse_number(slash + 1, bits, &bits) == -1) {
		*err_r = p.family == AF_INET
		    ? "the prefix length must be from 0 to 32"
		    : "the prefix length must be from 0 to 128";
		return -1;
	}
	p.bits = (unsigned)bits;
	if (has_host_bits(&p)) {
		*err_r = "host bits set: the address has ones behind the "
			 "prefix length";
		return -1;
	}
	unmap_prefix(&p);
	*prefix_r = p;
	return 0;
}

static bool
has_host_bits(const struct net_prefix *p)
{
	unsigned i, octets = (unsigned)ip_size(p->family);

	for (i = p->bits; i < octets * 8; i++)
		if (p->addr[i / 8] & (0x80u >> (i % 8)))
			return true;
	return false;
}

/* Clients are unmapped, so a mapped network has to be, too. */
static void
unmap_prefix(struct net_prefix *p)
{
	if (p->family != AF_INET6 || p->bits < sizeof(mapped) * 8 ||
	    memcmp(p->addr, mapped, sizeof(mapped)) != 0)
		return;
	p->family = AF_INET;
	p->bits -= (unsigned)sizeof(mapped) * 8;
	memmove(p->addr, p->addr + sizeof(mapped), 4);
	memset(p->addr + 4, 0, sizeof(p->addr) - 4);
}

static int
compare_prefixes(const void *a, const void *b)
{
	const struct net_prefix *p = a, *q = b;
	int c = memcmp(p->addr, q->addr, sizeof(p->addr));

	if (p->family != q->family)
		return p->family < q->family ? -1 : 1;
	if (c != 0)
		return c;
	return (p->bits > q->bits) - (p->bits < q->bits);
}

/* A network stands before those that it contains. */
void
net_list_sort(struct net_list *l)
{
	const struct net_prefix *p, *last;
	size_t i, kept = 0;

	if (l->count > 0)
		qsort(l->list, l->count, sizeof(*l->list), compare_prefixes);
	for (i = 0; i < l->count; i++) {
		p = &l->list[i];
		last = kept > 0 ? &l->list[kept - 1] : NULL;
		if (last == NULL || last->family != p->family ||
		    !same_bits(last->addr, p->addr, last->bits))
			l->list[kept++] = *p;
	}
	l->count = kept;
	l->sorted = true;
}

/* The last one that does not begin behind the address. */
static const struct net_prefix *
search(const struct net_list *l, const struct net_prefix *wanted)
{
	size_t low = 0, high = l->count, mid;

	while (low < high) {
		mid = low + (high - low) / 2;
		if (compare_prefixes(&l->list[mid], wanted) <= 0)
			low = mid + 1;
		else
			high = mid;
	}
	return low > 0 ? &l->list[low - 1] : NULL;
}

bool
net_list_has(const struct net_list *l, const struct net_addr *a)
{
	struct net_prefix whole = { .family = a->ss.ss_family, .bits = 128 };
	const unsigned char *ip = ip_octets(a);
	const struct net_prefix *p;
	size_t i;

	if (ip != NULL)
		memcpy(whole.addr, ip, ip_size(whole.family));
	if (l->sorted) {
		p = search(l, &whole);
		return p != NULL && p->family == whole.family &&
		    same_bits(p->addr, whole.addr, p->bits);
	}
	for (i = 0; i < l->count; i++) {
		p = &l->list[i];
		if (p->family == whole.family &&
		    same_bits(p->addr, whole.addr, p->bits))
			return true;
	}
	return false;
}

static bool
same_bits(const unsigned char *a, const unsigned char *b, unsigned bits)
{
	unsigned rest = bits % 8;
	unsigned char mask = (unsigned char)(0xff00u >> rest);

	if (memcmp(a, b, bits / 8) != 0)
		return false;
	return rest == 0 || ((a[bits / 8] ^ b[bits / 8]) & mask) == 0;
}
