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
#include "dns_name.h"
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

/* Only names are looked up: nothing else can fail to be found for now. */
static bool
check_absent(const struct xclient *x)
{
	int i;

	for (i = 0; i < XCLIENT_NAMES; i++)
		if (x->given[i] && x->attrs[i].state == XCLIENT_TEMPUNAVAIL &&
		    i != XCLIENT_NAME && i != XCLIENT_REVERSE_NAME)
			return false;
	return true;
}

static bool
check_values(const struct session *s, const struct xclient *x)
{
	struct net_addr addr;

	if (!check_absent(x))
		return false;
	if (x->given[XCLIENT_ADDR] &&
	    !parse_address(&x->attrs[XCLIENT_ADDR], 0, &addr))
		return false;
	if (x->given[XCLIENT_DESTADDR] &&
	    !parse_address(&x->attrs[XCLIENT_DESTADDR], 0, &addr))
		return false;
	if (x->given[XCLIENT_LOGIN] && !s->listener->xclient_login &&
	    x->attrs[XCLIENT_LOGIN].state == XCLIENT_VALUE)
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

/* A port may come in a command of its own, before or behind the address. */
static void
apply_port(const struct xclient *x, enum xclient_name addr,
    enum xclient_name port, bool anew, int *told, struct net_addr *a)
{
	if (anew || x->given[port])
		*told = port_of(x, port);
	if (x->given[addr])
		(void)parse_address(&x->attrs[addr], *told, a);
	else if (x->given[port] &&
	    (a->ss.ss_family == AF_INET || a->ss.ss_family == AF_INET6))
		net_set_port(a, *told);
}

/* Several commands make one client.  Behind a greeting they make another one,
 * and an address comes without the name and port of the one before. */
static void
apply_address(struct session *s, const struct xclient *x)
{
	struct client *c = &s->client;
	bool anew = c->helo != NULL;

	apply_port(x, XCLIENT_DESTADDR, XCLIENT_DESTPORT, anew,
	    &s->told_destport, &c->local);
	apply_port(
	    x, XCLIENT_ADDR, XCLIENT_PORT, anew, &s->told_port, &c->addr);
	s->told_destaddr |= x->given[XCLIENT_DESTADDR];
	if (!x->given[XCLIENT_ADDR])
		return;
	if (!s->told_destaddr) /* there is only where the proxy came to */
		memset(&c->local, 0, sizeof(c->local));
	if (c->addr.len == 0)
		snprintf(c->ip, sizeof(c->ip), "unknown");
	else
		net_ip(&c->addr, c->ip, sizeof(c->ip));
	if (anew || !c->name_told) {
		c->name = NULL; /* of somebody else */
		c->naming = CLIENT_NAME_NOT_ASKED;
		c->name_told = false;
	}
	c->proxied = true;
	c->early_talker = false;
	s->spoke_for = true;
}

/* What is no host name is none: it would stand in Received. */
static void
apply_name(struct session *s, const struct xclient_attr *a)
{
	struct client *c = &s->client;

	c->name = NULL;
	c->naming = CLIENT_NAME_NONE;
	c->name_told = true;
	if (a->state == XCLIENT_TEMPUNAVAIL)
		c->naming = CLIENT_NAME_TEMPORARY;
	else if (a->state == XCLIENT_VALUE && dns_name_is_host(a->value)) {
		c->name = keep(s, a);
		c->naming = CLIENT_NAME_KNOWN;
	}
}

/* It is what some client said to the proxy, whom we can not ask for better. */
static void
apply_helo(struct session *s, struct xclient_attr *a)
{
	size_t i;

	while ((i = strcspn(a->value, HELO_FORBIDDEN)) < a->len)
		a->value[i] = '?';
	s->told_helo = keep(s, a);
}

static void
apply(struct session *s, struct xclient *x)
{
	struct client *c = &s->client;
	const struct xclient_attr *proto = &x->attrs[XCLIENT_PROTO];

	c->tls_subject = NULL; /* the proxy's, not this client's */
	apply_address(s, x);
	if (x->given[XCLIENT_NAME])
		apply_name(s, &x->attrs[XCLIENT_NAME]);
	if (x->given[XCLIENT_LOGIN])
		c->login = keep(s, &x->attrs[XCLIENT_LOGIN]);
	if (x->given[XCLIENT_HELO])
		apply_helo(s, &x->attrs[XCLIENT_HELO]);
	if (x->given[XCLIENT_PROTO] && proto->state != XCLIENT_VALUE)
		s->told_proto = 0;
	else if (x->given[XCLIENT_PROTO])
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
