/*
 * XCLIENT: a trusted proxy or test tool speaks for another client; XFORWARD: it
 * tells who it was, for the log only.  Who may do so is decided once, by the
 * address that the connection has behind the PROXY header.
 */

#include <stdio.h>
#include <string.h>
#include <strings.h>

#include <sys/socket.h>

#include "chain.h"
#include "session_priv.h"
#include "xclient.h"

#define FORWARD_MAX 1000 /* octets kept of XFORWARD attributes */

struct xclient { /* what one XCLIENT command changes */
	bool given[XCLIENT_NAMES];
	struct xclient_attr attrs[XCLIENT_NAMES];
};

/* Every attribute of the line; false if the line is malformed. */
static bool
parse(struct slice arg, struct xclient *x)
{
	struct xclient_attr a;
	int more;

	memset(x, 0, sizeof(*x));
	if (arg.len == 0)
		return false;
	while ((more = xclient_next(&arg, &a)) == 1) {
		x->given[a.name] = true;
		x->attrs[a.name] = a;
	}
	return more == 0;
}

static int
port_of(const struct xclient *x, enum xclient_name name)
{
	const struct xclient_attr *a = &x->attrs[name];
	uint64_t port = 0;

	if (x->given[name] && a->state == XCLIENT_VALUE)
		(void)smtp_parse_number(
		    (struct slice){ a->value, a->len }, 65535, &port);
	return (int)port;
}

/* "192.0.2.1" or "IPV6:2001:db8::1". */
static bool
parse_address(const struct xclient_attr *a, int port, struct net_addr *addr_r)
{
	bool v6 = strncasecmp(a->value, "IPV6:", 5) == 0;
	char text[XCLIENT_VALUE_MAX + 12];
	const char *err;

	memset(addr_r, 0, sizeof(*addr_r));
	if (a->state != XCLIENT_VALUE)
		return true; /* nobody knows */
	if (!v6 && strspn(a->value, "0123456789.") != a->len)
		return false; /* net_parse() knows more than addresses */
	snprintf(text, sizeof(text), v6 ? "[%s]:%d" : "%s:%d",
	    a->value + (v6 ? 5 : 0), port);
	return net_parse(text, addr_r, &err) == 0;
}

static bool
check_port(const struct xclient *x, enum xclient_name name)
{
	const struct xclient_attr *a = &x->attrs[name];
	uint64_t port;

	return !x->given[name] || a->state != XCLIENT_VALUE ||
	    smtp_parse_number((struct slice){ a->value, a->len }, 65535, &port);
}

static bool
check_proto(const struct xclient *x)
{
	const struct xclient_attr *a = &x->attrs[XCLIENT_PROTO];

	return !x->given[XCLIENT_PROTO] || a->state != XCLIENT_VALUE ||
	    strcasecmp(a->value, "SMTP") == 0 ||
	    strcasecmp(a->value, "ESMTP") == 0;
}

static bool
check_values(const struct session *s, const struct xclient *x)
{
	struct net_addr addr;

	if (x->given[XCLIENT_ADDR] &&
	    !parse_address(&x->attrs[XCLIENT_ADDR], 0, &addr))
		return false;
	if (x->given[XCLIENT_DESTADDR] &&
	    !parse_address(&x->attrs[XCLIENT_DESTADDR], 0, &addr))
		return false;
	if (x->given[XCLIENT_LOGIN] && !s->listener->xclient_login)
		return false;
	return check_port(x, XCLIENT_PORT) && check_port(x, XCLIENT_DESTPORT) &&
	    check_proto(x) && !x->given[XCLIENT_IDENT] &&
	    !x->given[XCLIENT_SOURCE];
}

static const char *
keep(struct session *s, const struct xclient_attr *a)
{
	return a->state == XCLIENT_VALUE
	    ? arena_strndup(&s->arena, a->value, a->len)
	    : NULL;
}

static void
apply_address(struct session *s, const struct xclient *x)
{
	struct client *c = &s->client;

	if (x->given[XCLIENT_DESTADDR])
		(void)parse_address(&x->attrs[XCLIENT_DESTADDR],
		    port_of(x, XCLIENT_DESTPORT), &c->local);
	if (!x->given[XCLIENT_ADDR])
		return;
	(void)parse_address(
	    &x->attrs[XCLIENT_ADDR], port_of(x, XCLIENT_PORT), &c->addr);
	if (c->addr.len == 0)
		snprintf(c->ip, sizeof(c->ip), "unknown");
	else
		net_ip(&c->addr, c->ip, sizeof(c->ip));
	c->name = NULL; /* of somebody else */
	c->proxied = true;
	c->early_talker = false;
	s->spoke_for = true;
}

static void
apply(struct session *s, const struct xclient *x)
{
	struct client *c = &s->client;
	const struct xclient_attr *proto = &x->attrs[XCLIENT_PROTO];

	c->tls_subject = NULL; /* the proxy's, not this client's */
	apply_address(s, x);
	if (x->given[XCLIENT_NAME])
		c->name = keep(s, &x->attrs[XCLIENT_NAME]);
	if (x->given[XCLIENT_LOGIN])
		c->login = keep(s, &x->attrs[XCLIENT_LOGIN]);
	if (x->given[XCLIENT_HELO])
		s->told_helo = keep(s, &x->attrs[XCLIENT_HELO]);
	if (x->given[XCLIENT_PROTO] && proto->state == XCLIENT_VALUE)
		s->told_proto =
		    strcasecmp(proto->value, "ESMTP") == 0 ? 'E' : 'S';
}

enum reply_id
session_check_xclient(struct session *s, struct slice arg)
{
	struct xclient x;

	if (!s->may_xclient)
		return REPLY_NOT_AUTHORISED;
	if (!parse(arg, &x) || !check_values(s, &x))
		return REPLY_BAD_ATTRIBUTES;
	session_forget_login(s);
	apply(s, &x);
	return REPLY_NONE;
}

/* The session is at its start again, with the new client: CONNECT filters and
 * limits judge it, then comes the greeting. */
void
session_act_xclient(struct session *s)
{
	s->client.helo = NULL;
	s->helo_refused = 0;
	s->client.esmtp = false;
	session_new_run(s);
	s->refusal = session_admit(s);
	session_greet(s);
}

enum reply_id
session_check_xforward(struct session *s, struct slice arg)
{
	const char *old = s->forwarded != NULL ? s->forwarded : "";
	struct xclient x;
	int i;

	if (!s->may_xforward)
		return REPLY_NOT_AUTHORISED;
	if (!parse(arg, &x) || x.given[XCLIENT_LOGIN] ||
	    x.given[XCLIENT_DESTADDR] || x.given[XCLIENT_DESTPORT] ||
	    x.given[XCLIENT_REVERSE_NAME])
		return REPLY_BAD_ATTRIBUTES;
	for (i = 0; i < XCLIENT_NAMES && strlen(old) < FORWARD_MAX; i++)
		if (x.given[i] && x.attrs[i].state == XCLIENT_VALUE)
			old = arena_printf(&s->tx.arena, "%s%s%s=%s", old,
			    *old != '\0' ? " " : "",
			    xclient_text((enum xclient_name)i),
			    x.attrs[i].value);
	s->forwarded = old;
	return REPLY_NONE;
}
