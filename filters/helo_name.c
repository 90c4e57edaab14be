/*
 * Names in HELO: see helo_name.h.
 */

#include "filters/helo_name.h"

#include <sys/types.h>
#include <sys/socket.h>

#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#define HELO_SIZE 256
#define NIBBLES 32
#define SHORT_MIN 8   /* characters of a shortened address that say enough */
#define FEW_NIBBLES 4 /* that are not 0: ::25 is in many an honest name */

static const char digits[] = "0123456789";

bool
helo_is_bare_ip(const char *helo)
{
	unsigned char ip[16];

	return inet_pton(AF_INET, helo, ip) == 1 ||
	    inet_pton(AF_INET6, helo, ip) == 1;
}

bool
helo_is_literal(const char *helo, struct net_addr *addr_r)
{
	static const char tag[] = "IPv6:";
	char text[HELO_SIZE];
	size_t len = strlen(helo);
	bool v6 = strncasecmp(helo + (len > 0), tag, strlen(tag)) == 0;
	size_t skip = v6 ? 1 + strlen(tag) : 1;
	const char *err;

	if (len < skip + 2 || len >= sizeof(text) - 4 || helo[0] != '[' ||
	    helo[len - 1] != ']')
		return false;
	len -= skip + 1;
	if (!v6 && strspn(helo + skip, "0123456789.") != len)
		return false; /* the parser knows more than addresses */
	if (v6 && memchr(helo + skip, ']', len) != NULL)
		return false;
	snprintf(text, sizeof(text), v6 ? "[%.*s]:1" : "%.*s:1", (int)len,
	    helo + skip);
	return net_parse(text, addr_r, &err) == 0;
}

/* Dynamic names. */

/* The number that begins here; -1: none below 256. */
static int
number_at(const char *s, size_t *len_r)
{
	size_t len = strspn(s, digits), i;
	int value = 0;

	*len_r = len;
	if (len == 0 || len > 3)
		return -1;
	for (i = 0; i < len; i++)
		value = value * 10 + (s[i] - '0');
	return value <= 255 ? value : -1;
}

/* The two octets beside each other.  The longer forms contain this one. */
static bool
has_pair(const char *helo, int a, int b)
{
	const char *p = helo;
	int before = -1, n;
	size_t len;

	while (*p != '\0') {
		n = number_at(p, &len);
		if (len == 0) {
			p++;
			before = -1;
			continue;
		}
		if ((before == a && n == b) || (before == b && n == a))
			return true;
		p += len;
		before = n;
		if (strchr("-._", *p) != NULL && *p != '\0')
			p++; /* one, then the next number must follow */
		else
			before = -1;
	}
	return false;
}

static bool
is_dynamic_v4(const char *helo, const unsigned char *ip)
{
	char text[4][16];
	size_t i;

	snprintf(text[0], sizeof(text[0]), "%03d%03d%03d%03d", ip[0], ip[1],
	    ip[2], ip[3]);
	snprintf(text[1], sizeof(text[1]), "%03d%03d%03d%03d", ip[3], ip[2],
	    ip[1], ip[0]);
	snprintf(text[2], sizeof(text[2]), "%02x%02x%02x%02x", ip[0], ip[1],
	    ip[2], ip[3]);
	snprintf(text[3], sizeof(text[3]), "%02x%02x%02x%02x", ip[3], ip[2],
	    ip[1], ip[0]);
	for (i = 0; i < 4; i++)
		if (strstr(helo, text[i]) != NULL)
			return true;
	return has_pair(helo, ip[0], ip[1]);
}

/* The groups with a separator between them, as written in full and with the
 * longest run of zeros left out. */
static bool
has_groups(const char *helo, const struct net_addr *addr, char between)
{
	const struct sockaddr_in6 *in6 = (const void *)&addr->ss;
	const unsigned char *ip = (const void *)&in6->sin6_addr;
	char full[64] = "", text[NET_TEXT_MAX], *p;
	size_t i, at = 0;

	for (i = 0; i < 16; i += 2)
		at += (size_t)snprintf(full + at, sizeof(full) - at, "%s%x",
		    at > 0 ? (char[]){ between, '\0' } : "",
		    ip[i] << 8 | ip[i + 1]);
	net_ip(addr, text, sizeof(text));
	for (p = text; *p != '\0'; p++)
		if (*p == ':')
			*p = between;
	return strstr(helo, full) != NULL ||
	    (strlen(text) >= SHORT_MIN && strstr(helo, text) != NULL);
}

static bool
is_dynamic_v6(const char *helo, const struct net_addr *addr)
{
	const struct sockaddr_in6 *in6 = (const void *)&addr->ss;
	const unsigned char *ip = (const void *)&in6->sin6_addr;
	char order[NIBBLES + 1], reverse[NIBBLES + 1], name[HELO_SIZE];
	size_t i, n = 0, set = 0;
	bool host;

	for (i = 0; helo[i] != '\0' && n + 1 < sizeof(name); i++)
		if (helo[i] != '.' && helo[i] != '-')
			name[n++] = helo[i];
	name[n] = '\0';
	for (i = 0; i < NIBBLES; i++)
		order[i] = "0123456789abcdef"[i % 2 == 0 ? ip[i / 2] >> 4
							 : ip[i / 2] & 15];
	order[NIBBLES] = reverse[NIBBLES] = '\0';
	for (i = 0; i < NIBBLES; i++) {
		reverse[i] = order[NIBBLES - 1 - i];
		set += i < NIBBLES / 2 && reverse[i] != '0';
	}
	host = set > FEW_NIBBLES && strstr(name, order + NIBBLES / 2) != NULL;
	if (strstr(name, order) != NULL || strstr(name, reverse) != NULL ||
	    host)
		return true;
	reverse[NIBBLES / 2] = '\0';
	return (set > FEW_NIBBLES && strstr(name, reverse) != NULL) ||
	    has_groups(helo, addr, '-') || has_groups(helo, addr, '.');
}

bool
helo_is_dynamic(const char *helo, const struct net_addr *addr)
{
	const struct sockaddr_in *in = (const void *)&addr->ss;
	char name[HELO_SIZE];
	size_t i;

	for (i = 0; helo[i] != '\0' && i + 1 < sizeof(name); i++)
		name[i] = (char)(helo[i] >= 'A' && helo[i] <= 'Z'
			? helo[i] + ('a' - 'A')
			: helo[i]);
	name[i] = '\0';
	if (addr->ss.ss_family == AF_INET)
		return is_dynamic_v4(name, (const void *)&in->sin_addr);
	if (addr->ss.ss_family == AF_INET6)
		return is_dynamic_v6(name, addr);
	return false;
}
