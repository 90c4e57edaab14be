/*
 * The Received header field: see received.h.
 */

#include <assert.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>

#include "client.h"
#include "ehlo.h"
#include "envelope.h"
#include "maildate.h"
#include "received.h"

/* An address literal as RFC 5321 4.1.3 wants it. */
static void
format_literal(char *buf, size_t size, const struct net_addr *a)
{
	const char *tag = a->ss.ss_family == AF_INET6 ? "IPv6:" : "";
	char ip[NET_TEXT_MAX];

	if (a->ss.ss_family == AF_UNIX)
		snprintf(buf, size, "[127.0.0.1]");
	else
		snprintf(buf, size, "[%s%s]", tag, net_ip(a, ip, sizeof(ip)));
}

/* Who spoke for the client: a comment, too. */
static void
format_proxy(char *buf, size_t size, const struct client *c)
{
	char literal[NET_TEXT_MAX + 8];

	buf[0] = '\0';
	if (!c->proxied)
		return;
	format_literal(literal, sizeof(literal), &c->peer);
	snprintf(buf, size, "\r\n\t(through the proxy %s)", literal);
}

/* Which TLS it was: a comment behind the id. */
static void
format_tls(char *buf, size_t size, const struct client *c)
{
	buf[0] = '\0';
	if (c->tls && c->tls_version != NULL)
		snprintf(buf, size, "\r\n\t(%.30s%s%.60s%s)", c->tls_version,
		    c->tls_cipher != NULL ? " " : "",
		    c->tls_cipher != NULL ? c->tls_cipher : "",
		    c->tls_by_proxy ? " at the proxy" : "");
}

static void
format_from(char *buf, size_t size, const struct client *c)
{
	char literal[NET_TEXT_MAX + 8];

	format_literal(literal, sizeof(literal), &c->addr);
	snprintf(buf, size, "%.255s (%.255s%s%s)", c->helo,
	    c->name != NULL ? c->name : "", c->name != NULL ? " " : "",
	    literal);
}

/* The protocol (RFC 3848; with SMTPUTF8, RFC 6531 4.3). */
static void
format_with(char *buf, size_t size, const struct client *c, bool utf8)
{
	snprintf(buf, size, "%s%s%s",
	    !c->esmtp  ? "SMTP"
		: utf8 ? "UTF8SMTP"
		       : "ESMTP",
	    c->esmtp && c->tls ? "S" : "",
	    c->esmtp && c->login != NULL ? "A" : "");
}

size_t
received_line(char *buf, size_t size, enum received_style style,
    const struct client *client, const struct envelope *envelope,
    const char *hostname, const char *id, int64_t wall_ms)
{
	char from[700] = "hidden.invalid", proxy[160] = "";
	char date[64], tls[160], with[16];
	bool one = envelope->count == 1 && style == RECEIVED_FULL;
	int n;

	if (style == RECEIVED_NONE)
		return 0;
	if (style == RECEIVED_FULL) {
		format_from(from, sizeof(from), client);
		format_proxy(proxy, sizeof(proxy), client);
	}
	format_tls(tls, sizeof(tls), client);
	format_with(
	    with, sizeof(with), client, (envelope->needs & EHLO_SMTPUTF8) != 0);
	maildate_format(date, sizeof(date), wall_ms / 1000);
	n = snprintf(buf, size,
	    "Received: from %s\r\n"
	    "\tby %.255s with %s id %s%s%s%s%.320s%s;\r\n"
	    "\t%s\r\n",
	    from, hostname, with, id, proxy, tls, one ? "\r\n\tfor <" : "",
	    one ? envelope->rcpts[0].addr.text : "", one ? ">" : "", date);
	assert(n > 0 && (size_t)n < size);
	return (size_t)n;
}
