/*
 * The Received header field: see received.h.  It is written for each message,
 * so it is put together piece by piece, without printf's formats.
 */

#include "received.h"

#include <assert.h>
#include <string.h>
#include <sys/socket.h>

#include "client.h"
#include "ehlo.h"
#include "envelope.h"
#include "maildate.h"

#define NAME_MAX_LEN 255 /* octets of a domain */
#define ADDRESS_MAX_LEN 320
#define TLS_MAX_LEN 60 /* of what the library calls a version or a cipher */

struct field {
	char *at;
	size_t left;
};

static void
put_most(struct field *f, const char *text, size_t max)
{
	size_t len = strnlen(text, max);

	assert(len < f->left);
	memcpy(f->at, text, len);
	f->at += len;
	f->left -= len;
}

static void
put(struct field *f, const char *text)
{
	put_most(f, text, f->left);
}

/* An address literal as RFC 5321 4.1.3 wants it. */
static void
put_literal(struct field *f, const struct net_addr *a)
{
	char ip[NET_TEXT_MAX];

	put(f, a->ss.ss_family == AF_INET6 ? "[IPv6:" : "[");
	put(f,
	    a->ss.ss_family == AF_UNIX ? "127.0.0.1"
				       : net_ip(a, ip, sizeof(ip)));
	put(f, "]");
}

static void
put_from(struct field *f, const struct client *c)
{
	put_most(f, c->helo, NAME_MAX_LEN);
	put(f, " (");
	if (c->name != NULL) {
		put_most(f, c->name, NAME_MAX_LEN);
		put(f, " ");
	}
	put_literal(f, &c->addr);
	put(f, ")");
}

/* The protocol (RFC 3848; with SMTPUTF8, RFC 6531 4.3). */
static void
put_with(struct field *f, const struct client *c, bool utf8)
{
	if (!c->esmtp) {
		put(f, "SMTP");
		return;
	}
	put(f, utf8 ? "UTF8SMTP" : "ESMTP");
	put(f, c->tls ? "S" : "");
	put(f, c->login != NULL ? "A" : "");
}

/* Who spoke for the client: a comment. */
static void
put_proxy(struct field *f, const struct client *c)
{
	if (!c->proxied)
		return;
	put(f, "\r\n\t(through the proxy ");
	put_literal(f, &c->peer);
	put(f, ")");
}

/* Which TLS it was: a comment, too. */
static void
put_tls(struct field *f, const struct client *c)
{
	if (!c->tls || c->tls_version == NULL)
		return;
	put(f, "\r\n\t(");
	put_most(f, c->tls_version, TLS_MAX_LEN);
	if (c->tls_cipher != NULL) {
		put(f, " ");
		put_most(f, c->tls_cipher, TLS_MAX_LEN);
	}
	put(f, c->tls_by_proxy ? " at the proxy)" : ")");
}

size_t
received_line(char *buf, size_t size, enum received_style style,
    const struct client *client, const struct envelope *envelope,
    const char *hostname, const char *id, int64_t wall_ms)
{
	struct field f = { buf, size };
	char date[64];

	if (style == RECEIVED_NONE)
		return 0;
	put(&f, "Received: from ");
	if (style == RECEIVED_FULL)
		put_from(&f, client);
	else
		put(&f, "hidden.invalid");
	put(&f, "\r\n\tby ");
	put_most(&f, hostname, NAME_MAX_LEN);
	put(&f, " with ");
	put_with(&f, client, (envelope->needs & EHLO_SMTPUTF8) != 0);
	put(&f, " id ");
	put(&f, id);
	if (style == RECEIVED_FULL)
		put_proxy(&f, client);
	put_tls(&f, client);
	if (style == RECEIVED_FULL && envelope->count == 1) {
		put(&f, "\r\n\tfor <");
		put_most(&f, envelope->rcpts[0].addr.text, ADDRESS_MAX_LEN);
		put(&f, ">");
	}
	put(&f, ";\r\n\t");
	maildate_format(date, sizeof(date), wall_ms / 1000);
	put(&f, date);
	put(&f, "\r\n");
	*f.at = '\0';
	return size - f.left;
}
