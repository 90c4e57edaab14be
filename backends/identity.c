/*
 * The XFORWARD and XCLIENT commands: see identity.h.
 */

#include "identity.h"

#include <stdio.h>
#include <string.h>
#include <strings.h>
#include <sys/socket.h>

#include "gateway/client.h"
#include "gateway/compat.h"
#include "gateway/xclient.h"

#define UNAVAILABLE "[UNAVAILABLE]"
#define TEMPUNAVAIL "[TEMPUNAVAIL]" /* only for XCLIENT's NAME */

/* Those that we have a value for, in the order in which they are sent. */
static const enum xclient_name known[] = { XCLIENT_NAME, XCLIENT_ADDR,
	XCLIENT_PORT, XCLIENT_PROTO, XCLIENT_HELO, XCLIENT_LOGIN,
	XCLIENT_DESTADDR, XCLIENT_DESTPORT, XCLIENT_IDENT, XCLIENT_SOURCE };

unsigned
identity_attributes(const char *list, size_t len)
{
	unsigned found = 0;
	size_t at = 0, n, i;
	const char *name;

	while (at < len) {
		while (at < len && list[at] == ' ')
			at++;
		for (n = 0; at + n < len && list[at + n] != ' '; n++)
			;
		for (i = 0; i < nitems(known); i++) {
			name = xclient_text(known[i]);
			if (n == strlen(name) &&
			    strncasecmp(list + at, name, n) == 0)
				found |= 1u << i;
		}
		at += n;
	}
	return found;
}

static void
put_text(char *text, size_t size, const char *value)
{
	compat_strlcpy(text, value != NULL ? value : "", size);
}

static void
put_addr(char *text, size_t size, const struct net_addr *a)
{
	char ip[NET_TEXT_MAX];

	if (a->ss.ss_family == AF_INET || a->ss.ss_family == AF_INET6)
		snprintf(text, size, "%s%s",
		    a->ss.ss_family == AF_INET6 ? "IPV6:" : "",
		    net_ip(a, ip, sizeof(ip)));
}

static void
put_port(char *text, size_t size, const struct net_addr *a)
{
	if (net_port(a) > 0)
		snprintf(text, size, "%d", net_port(a));
}

/* The value of one attribute; "" when there is none. */
static void
value_of(enum xclient_name name, char *text, size_t size,
    const struct client *c, const char *id)
{
	text[0] = '\0';
	switch (name) {
	case XCLIENT_NAME:
		put_text(text, size, c->name);
		break;
	case XCLIENT_ADDR:
		put_addr(text, size, &c->addr);
		break;
	case XCLIENT_PORT:
		put_port(text, size, &c->addr);
		break;
	case XCLIENT_PROTO:
		put_text(text, size, c->esmtp ? "ESMTP" : "SMTP");
		break;
	case XCLIENT_HELO:
		put_text(text, size, c->helo);
		break;
	case XCLIENT_LOGIN:
		put_text(text, size, c->login);
		break;
	case XCLIENT_DESTADDR:
		put_addr(text, size, &c->local);
		break;
	case XCLIENT_DESTPORT:
		put_port(text, size, &c->local);
		break;
	case XCLIENT_IDENT:
		put_text(text, size, id);
		break;
	case XCLIENT_SOURCE:
		put_text(text, size, "REMOTE");
		break;
	case XCLIENT_REVERSE_NAME:
	case XCLIENT_NAMES:
		break;
	}
}

/* What stands for a value that is not there. */
static const char *
absent(enum xclient_name name, const char *command, const struct client *c)
{
	return name == XCLIENT_NAME && strcmp(command, "XCLIENT") == 0 &&
		c->naming == CLIENT_NAME_TEMPORARY
	    ? TEMPUNAVAIL
	    : UNAVAILABLE;
}

/* A value that would make the line too long is as good as none. */
bool
identity_line(char *buf, size_t size, const char *command, unsigned attributes,
    const struct client *client, const char *id)
{
	char text[256], encoded[300];
	size_t at, need, i, left = 0;

	if (attributes == 0)
		return false;
	at = compat_strlcpy(buf, command, size);
	for (i = 0; i < nitems(known); i++)
		left += (attributes & 1u << i) != 0;
	for (i = 0; i < nitems(known); i++) {
		if ((attributes & 1u << i) == 0)
			continue;
		value_of(known[i], text, sizeof(text), client, id);
		/* What follows must have room at least for "unavailable". */
		need = left-- * (sizeof(UNAVAILABLE) + 8);
		if (xtext_encode(text, encoded, sizeof(encoded)) == 0 ||
		    at + strlen(encoded) + need + 2 > size)
			compat_strlcpy(encoded,
			    absent(known[i], command, client), sizeof(encoded));
		at += (size_t)snprintf(buf + at, size - at, " %s=%s",
		    xclient_text(known[i]), encoded);
	}
	compat_strlcpy(buf + at, "\r\n", size - at);
	return true;
}
