/*
 * The XFORWARD command: see xforward.h.
 */

#include "xforward.h"

#include <stdio.h>
#include <string.h>
#include <strings.h>
#include <sys/socket.h>

#include "gateway/client.h"
#include "gateway/compat.h"
#include "gateway/xclient.h"

#define UNAVAILABLE "[UNAVAILABLE]"

enum { NAME, ADDR, PORT, PROTO, HELO, IDENT, SOURCE, ATTRIBUTES };

static const char *const names[ATTRIBUTES] = { "NAME", "ADDR", "PORT", "PROTO",
	"HELO", "IDENT", "SOURCE" };

unsigned
xforward_attributes(const char *list, size_t len)
{
	unsigned found = 0;
	size_t at = 0, n, i;

	while (at < len) {
		while (at < len && list[at] == ' ')
			at++;
		for (n = 0; at + n < len && list[at + n] != ' '; n++)
			;
		for (i = 0; i < ATTRIBUTES; i++)
			if (n == strlen(names[i]) &&
			    strncasecmp(list + at, names[i], n) == 0)
				found |= 1u << i;
		at += n;
	}
	return found;
}

/* The value of one attribute in xtext; "" when there is none. */
static void
value_of(int attribute, char *text, size_t size, const struct client *c,
    const char *id)
{
	text[0] = '\0';
	switch (attribute) {
	case NAME:
		compat_strlcpy(text, c->name != NULL ? c->name : "", size);
		break;
	case ADDR:
		if (c->addr.ss.ss_family == AF_INET ||
		    c->addr.ss.ss_family == AF_INET6)
			snprintf(text, size, "%s%s",
			    c->addr.ss.ss_family == AF_INET6 ? "IPV6:" : "",
			    c->ip);
		break;
	case PORT:
		if (net_port(&c->addr) > 0)
			snprintf(text, size, "%d", net_port(&c->addr));
		break;
	case PROTO:
		compat_strlcpy(text, c->esmtp ? "ESMTP" : "SMTP", size);
		break;
	case HELO:
		compat_strlcpy(text, c->helo != NULL ? c->helo : "", size);
		break;
	case IDENT:
		compat_strlcpy(text, id, size);
		break;
	default:
		compat_strlcpy(text, "REMOTE", size);
		break;
	}
}

/* A value that would make the line too long is as good as none. */
bool
xforward_line(char *buf, size_t size, unsigned attributes,
    const struct client *client, const char *id)
{
	char text[256], encoded[300];
	size_t at, need;
	int i;

	if (attributes == 0)
		return false;
	at = compat_strlcpy(buf, "XFORWARD", size);
	for (i = 0; i < ATTRIBUTES; i++) {
		if ((attributes & 1u << i) == 0)
			continue;
		value_of(i, text, sizeof(text), client, id);
		/* What follows must have room at least for "unavailable". */
		need = (size_t)(ATTRIBUTES - i) * (sizeof(UNAVAILABLE) + 8);
		if (xtext_encode(text, encoded, sizeof(encoded)) == 0 ||
		    at + strlen(encoded) + need + 2 > size)
			compat_strlcpy(encoded, UNAVAILABLE, sizeof(encoded));
		at += (size_t)snprintf(
		    buf + at, size - at, " %s=%s", names[i], encoded);
	}
	compat_strlcpy(buf + at, "\r\n", size - at);
	return true;
}
