/*
 * Open relays: what may stand between a client from another machine and a route
 * that takes every recipient.
 */

#include <netinet/in.h>

#include <string.h>
#include <strings.h>

#include "compat.h"
#include "conf_tree.h"
#include "dns_tld.h"

/* Shorter prefixes are a part of the Internet, not networks of somebody. */
#define BITS_MIN_V4 8
#define BITS_MIN_V6 16

static void warn_of_suffixes(
    struct conf_reader *, const struct conf_block *, const struct route_conf *);
static const struct net_addr *open_address(
    const struct route_conf *, const struct listener_conf *);
static bool needs_login(
    const struct route_conf *, const struct listener_conf *);
static bool anybody_logs_in(const struct listener_conf *);
static bool anybody_is_local(const struct listener_conf *);
static bool is_for(const struct route_conf *, const struct listener_conf *);
static bool speaks_for_others(const struct listener_conf *);
static bool loopback_only(const struct net_list *);
static bool takes_all(const struct conf_block *, const struct route_conf *);

bool
conf_is_anybody(const struct net_list *nets)
{
	const struct net_prefix *p;
	size_t i;

	for (i = 0; i < nets->count; i++) {
		p = &nets->list[i];
		if ((p->family == AF_INET && p->bits < BITS_MIN_V4) ||
		    (p->family == AF_INET6 && p->bits < BITS_MIN_V6))
			return true;
	}
	return false;
}

/* "*.org" and "*.co.uk" are conditions, but nobody's domains.  Those for local
 * use are. */
static void
warn_of_suffixes(struct conf_reader *r, const struct conf_block *b,
    const struct route_conf *rc)
{
	static const char *const local[] = { "internal", "local", "localhost",
		"test", "example", "invalid", "lan" };
	const char *d;
	size_t i, k;
	bool top;

	for (i = 0; i < rc->rcpt_domain.count; i++) {
		d = rc->rcpt_domain.list[i];
		if (strncmp(d, "*.", 2) != 0)
			continue;
		top = strchr(d + 2, '.') == NULL;
		if (!top && !dns_tld_is_registry(d + 2))
			continue;
		for (k = 0; k < nitems(local); k++)
			if (strcasecmp(d + 2, local[k]) == 0)
				break;
		if (k == nitems(local))
			conf_warn(r, conf_line(b, "rcpt-domain"),
			    "\"%s\" is all of a %s: unless it is yours, that "
			    "is an open relay for it",
			    d, top ? "top-level domain" : "registry's suffix");
	}
}

/*
 * Never an open relay (DESIGN promise 11): who comes from another machine and
 * has not authenticated reaches no route to a backend that takes every
 * recipient.  Senders and flags do not count: the one is what a client says,
 * and what the other means is not known here.  A network of clients is for the
 * operator to answer for.
 */
void
conf_check_relay(struct conf_reader *r, const struct conf_block *b,
    const struct route_conf *rc)
{
	const struct listener_conf *lc = r->config->listeners;
	const struct listener_conf *end = lc + r->config->listener_count;
	const struct net_addr *a = NULL;
	char text[NET_TEXT_MAX];

	if (rc->open_relay && route_has_rcpt(rc))
		conf_warn(r, conf_line(b, "open-relay"),
		    "open-relay says nothing in a route with %s",
		    rc->rcpt.count > 0 ? "rcpt" : "rcpt-domain");
	if (rc->open_relay || rc->action != ROUTE_DELIVER)
		return;
	warn_of_suffixes(r, b, rc);
	if (!takes_all(b, rc))
		return;
	for (; lc < end && a == NULL; lc++)
		a = open_address(rc, lc);
	if (a == NULL)
		return;
	lc--;
	conf_complain(r, b->line,
	    "route '%s' takes every recipient, and listen '%s' (%s) %s: that "
	    "is an open relay; give the route rcpt-domain, rcpt or "
	    "authenticated = yes, or open-relay = yes if it is meant",
	    rc->name, lc->name, net_text(a, text, sizeof(text)),
	    anybody_is_local(lc)	? "lets everybody say who they are"
		: speaks_for_others(lc) ? "has clients behind a proxy"
					: "is reached from other machines");
}

static const struct net_addr *
open_address(const struct route_conf *rc, const struct listener_conf *lc)
{
	size_t i;

	if (!is_for(rc, lc) || (needs_login(rc, lc) && !anybody_logs_in(lc)) ||
	    (loopback_only(&rc->client) && !anybody_is_local(lc)))
		return NULL;
	for (i = 0; i < lc->address.count; i++)
		if (!net_is_loopback(&lc->address.list[i]) ||
		    speaks_for_others(lc))
			return &lc->address.list[i];
	return NULL;
}

/* With require-auth, whoever reaches a route has authenticated. */
static bool
needs_login(const struct route_conf *rc, const struct listener_conf *lc)
{
	return lc->require_auth || rc->authenticated == ROUTE_AUTHENTICATED;
}

/* XCLIENT may say so, and everybody may say XCLIENT. */
static bool
anybody_logs_in(const struct listener_conf *lc)
{
	return lc->xclient_login &&
	    (conf_is_anybody(&lc->xclient_from) ||
		(lc->xclient_from.count > 0 &&
		    conf_is_anybody(&lc->proxy_from)));
}

/* Whoever connects may say to come from 127.0.0.1. */
static bool
anybody_is_local(const struct listener_conf *lc)
{
	return conf_is_anybody(&lc->proxy_from) ||
	    conf_is_anybody(&lc->xclient_from);
}

static bool
is_for(const struct route_conf *rc, const struct listener_conf *lc)
{
	size_t i;

	for (i = 0; i < rc->listener.count; i++)
		if (strcmp(rc->listener.list[i], lc->name) == 0)
			return true;
	return rc->listener.count == 0;
}

/* Its clients may be anybody, whoever connects. */
static bool
speaks_for_others(const struct listener_conf *lc)
{
	return lc->proxy_from.count > 0 || lc->xclient_from.count > 0;
}

static bool
loopback_only(const struct net_list *nets)
{
	const struct net_prefix *p;
	size_t i;

	for (i = 0; i < nets->count; i++) {
		p = &nets->list[i];
		if (p->family == AF_INET && p->bits >= 8 && p->addr[0] == 127)
			continue;
		if (p->family == AF_INET6 && p->bits == 128 &&
		    memcmp(p->addr, &in6addr_loopback, 16) == 0)
			continue;
		if (p->family != AF_UNIX)
			return false;
	}
	return nets->count > 0;
}

/* A list with a mistake in it is not an empty one. */
static bool
takes_all(const struct conf_block *b, const struct route_conf *rc)
{
	return !route_has_rcpt(rc) && conf_item(b, "rcpt-domain") == NULL &&
	    conf_item(b, "rcpt") == NULL;
}
