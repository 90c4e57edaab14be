/*
 * Names of the DNS: see dns_name.h.
 */

#include "dns_name.h"

#include <idn2.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>

#include "compat.h"
#include "utf8.h"

#define UTF8_MAX 1000 /* octets; of 253 characters */
#define NAME_MAX_OCTETS 253
#define LABEL_MAX 63

static bool take(const char *, char *, size_t);

bool
dns_name_ascii(const char *domain, char *buf, size_t size)
{
	char *ascii = NULL;
	bool good;

	buf[0] = '\0';
	if (utf8_is_ascii(domain))
		return take(domain, buf, size);
	if (strlen(domain) > UTF8_MAX ||
	    idn2_to_ascii_8z(domain, &ascii,
		IDN2_NFC_INPUT | IDN2_NONTRANSITIONAL) != IDN2_OK)
		return false;
	good = take(ascii, buf, size);
	idn2_free(ascii);
	return good;
}

const char *
dns_name_plain(const char *text, char *buf, size_t size)
{
	const char *at = strrchr(text, '@'), *domain = text;
	size_t before;

	if (at != NULL)
		domain = at + 1;
	else if (strncmp(text, "*.", 2) == 0)
		domain = text + 2;
	if (utf8_is_ascii(domain))
		return text;
	before = (size_t)(domain - text);
	if (before >= size ||
	    !dns_name_ascii(domain, buf + before, size - before))
		return NULL;
	memcpy(buf, text, before);
	return buf;
}

/* Copies in lower case. */
static bool
take(const char *name, char *buf, size_t size)
{
	size_t i, label = 0, len = strlen(name);

	if (len > 0 && name[len - 1] == '.')
		len--;
	if (len == 0 || len > NAME_MAX_OCTETS || len >= size)
		return false;
	for (i = 0; i < len; i++) {
		char c = name[i];

		if (c <= ' ' || c > '~' || c == '\\' ||
		    (c == '.' ? label == 0 : label == LABEL_MAX)) {
			buf[0] = '\0';
			return false;
		}
		label = c == '.' ? 0 : label + 1;
		buf[i] = (char)(c >= 'A' && c <= 'Z' ? c + ('a' - 'A') : c);
	}
	buf[len] = '\0';
	if (label > 0)
		return true;
	buf[0] = '\0'; /* two dots at the end */
	return false;
}

static bool
is_label(const char *s, size_t len)
{
	size_t i;

	if (len == 0 || len > LABEL_MAX || s[0] == '-' || s[len - 1] == '-')
		return false;
	for (i = 0; i < len; i++)
		if (!((s[i] >= 'a' && s[i] <= 'z') ||
			(s[i] >= 'A' && s[i] <= 'Z') ||
			(s[i] >= '0' && s[i] <= '9') || s[i] == '-' ||
			s[i] == '_'))
			return false;
	return true;
}

bool
dns_name_is_host(const char *name)
{
	const char *label = name;
	size_t len;

	if (strlen(name) > NAME_MAX_OCTETS)
		return false;
	for (;; label += len + 1) {
		len = strcspn(label, ".");
		if (!is_label(label, len))
			return false;
		if (label[len] == '\0')
			return strspn(label, "0123456789") < len;
	}
}

bool
dns_name_reverse(
    const struct net_addr *addr, const char *zone, char *buf, size_t size)
{
	static const char hex[] = "0123456789abcdef";
	const struct sockaddr_in *in = (const struct sockaddr_in *)&addr->ss;
	const struct sockaddr_in6 *in6 = (const struct sockaddr_in6 *)&addr->ss;
	const unsigned char *ip;
	char digits[65];
	size_t i, n = 0;
	int len;

	if (addr->ss.ss_family == AF_INET) {
		ip = (const unsigned char *)&in->sin_addr;
		len = snprintf(buf, size, "%u.%u.%u.%u.%s", ip[3], ip[2], ip[1],
		    ip[0], zone != NULL ? zone : "in-addr.arpa");
		return len > 0 && (size_t)len < size;
	}
	if (addr->ss.ss_family != AF_INET6)
		return false;
	ip = in6->sin6_addr.s6_addr;
	for (i = 16; i-- > 0;) {
		digits[n++] = hex[ip[i] & 15];
		digits[n++] = '.';
		digits[n++] = hex[ip[i] >> 4];
		digits[n++] = '.';
	}
	digits[n] = '\0';
	len = snprintf(
	    buf, size, "%s%s", digits, zone != NULL ? zone : "ip6.arpa");
	return len > 0 && (size_t)len < size;
}
