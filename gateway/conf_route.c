/*
 * What routes mean: names, addresses and replies in them, open relays, and
 * routes that nothing reaches.
 */

#include <netinet/in.h>

#include <ctype.h>
#include <string.h>

#include "backend.h"
#include "conf_tree.h"
#include "smtp_parse.h"

#define TEXT_MAX 400 /* octets; a reply line has 512 */

static bool check_route(
    struct conf_reader *, const struct conf_block *, struct route_conf *);
static bool check_domains(struct conf_reader *, const struct conf_block *,
    const char *, const struct opt_list *);
static bool check_addresses(
    struct conf_reader *, const struct conf_block *, const struct route_conf *);
static void check_listeners(
    struct conf_reader *, const struct conf_block *, const struct route_conf *);
static void check_action(
    struct conf_reader *, const struct conf_block *, struct route_conf *);
static void check_reply(
    struct conf_reader *, const struct conf_block *, const struct route_conf *);
static void find_backend(
    struct conf_reader *, const struct conf_block *, struct route_conf *);
static void check_relay(
    struct conf_reader *, const struct conf_block *, const struct route_conf *);
static const struct net_addr *open_address(
    const struct route_conf *, const struct listener_conf *);
static bool is_for(const struct route_conf *, const struct listener_conf *);
static bool speaks_for_others(const struct listener_conf *);
static bool loopback_only(const struct net_list *);
static bool takes_all(const struct conf_block *, const struct route_conf *);
static void check_reach(struct conf_reader *);
static void report_shadow(struct conf_reader *, const struct conf_block *,
    const struct route_conf *, const struct route_shadow *);
static bool is_domain(const char *);
static bool is_local_part(const char *, size_t);
static bool is_code(const char *, char);

void
conf_check_routes(struct conf_reader *r)
{
	struct route_conf *rc = r->config->routes;
	const struct conf_block *b = NULL;
	bool good = true;

	for (; (b = conf_next(&r->root, "route", b)) != NULL; rc++)
		good = check_route(r, b, rc) && good;
	if (good)
		check_reach(r);
}

/* False: an item of its conditions is none. */
static bool
check_route(
    struct conf_reader *r, const struct conf_block *b, struct route_conf *rc)
{
	bool good = check_domains(r, b, "rcpt-domain", &rc->rcpt_domain);

	good = check_domains(r, b, "sender-domain", &rc->sender_domain) && good;
	good = check_addresses(r, b, rc) && good;
	check_listeners(r, b, rc);
	check_action(r, b, rc);
	check_relay(r, b, rc);
	return good;
}

static bool
check_domains(struct conf_reader *r, const struct conf_block *b,
    const char *option, const struct opt_list *list)
{
	bool good = true;
	const char *d;
	size_t i;

	for (i = 0; i < list->count; i++) {
		d = list->list[i];
		if (is_domain(strncmp(d, "*.", 2) == 0 ? d + 2 : d) ||
		    (option[0] == 's' && strcmp(d, "<>") == 0))
			continue;
		good = false;
		conf_complain(r, conf_line(b, option),
		    "\"%s\" is not a domain (example.org, *.example.org)", d);
	}
	return good;
}

static bool
check_addresses(struct conf_reader *r, const struct conf_block *b,
    const struct route_conf *rc)
{
	bool good = true;
	const char *a, *at;
	size_t i;

	for (i = 0; i < rc->rcpt.count; i++) {
		a = rc->rcpt.list[i];
		at = strrchr(a, '@');
		if (strcmp(a, "postmaster") == 0 ||
		    (at != NULL && is_local_part(a, (size_t)(at - a)) &&
			is_domain(at + 1)))
			continue;
		good = false;
		conf_complain(r, conf_line(b, "rcpt"),
		    "\"%s\" is not an address (user@example.org, without "
		    "quotes; or postmaster)",
		    a);
	}
	return good;
}

static void
check_listeners(struct conf_reader *r, const struct conf_block *b,
    const struct route_conf *rc)
{
	const struct config *c = r->config;
	size_t i, k;

	for (i = 0; i < rc->listener.count; i++) {
		for (k = 0; k < c->listener_count; k++)
			if (strcmp(rc->listener.list[i],
				c->listeners[k].name) == 0)
				break;
		if (k == c->listener_count)
			conf_complain(r, conf_line(b, "listener"),
			    "there is no listen '%s'", rc->listener.list[i]);
	}
}

static void
check_action(
    struct conf_reader *r, const struct conf_block *b, struct route_conf *rc)
{
	if (rc->action == ROUTE_DELIVER)
		find_backend(r, b, rc);
	else if (rc->backend_name != NULL)
		conf_complain(r, conf_line(b, "backend"),
		    "route '%s' delivers nothing: backend is of no use in it",
		    rc->name);
	if (rc->action == ROUTE_REJECT || rc->action == ROUTE_DEFER)
		check_reply(r, b, rc);
	else if (rc->code != NULL || rc->text != NULL)
		conf_complain(r,
		    conf_line(b, rc->code != NULL ? "code" : "text"),
		    "route '%s' neither rejects nor defers: code and text are "
		    "of no use in it",
		    rc->name);
}

static void
check_reply(struct conf_reader *r, const struct conf_block *b,
    const struct route_conf *rc)
{
	char class = rc->action == ROUTE_DEFER ? '4' : '5';
	const char *p = rc->text;

	if (rc->code != NULL && !is_code(rc->code, class))
		conf_complain(r, conf_line(b, "code"),
		    "code \"%s\" is not a code for this action (%s)", rc->code,
		    class == '4' ? "451, 450 4.7.1" : "550, 550 5.1.1");
	while (p != NULL && *p >= ' ' && *p <= '~' && p - rc->text < TEXT_MAX)
		p++;
	if (p != NULL && (*p != '\0' || p == rc->text))
		conf_complain(r, conf_line(b, "text"),
		    "text must be at most %d printable ASCII characters",
		    TEXT_MAX);
}

static void
find_backend(
    struct conf_reader *r, const struct conf_block *b, struct route_conf *rc)
{
	const struct config *c = r->config;
	size_t i;

	if (rc->backend_name == NULL) {
		conf_needs(r, b, "backend");
		return;
	}
	for (i = 0; i < c->backend_count; i++)
		if (strcmp(c->backends[i].name, rc->backend_name) == 0) {
			rc->backend = (unsigned)i;
			return;
		}
	conf_complain(r, conf_line(b, "backend"), "there is no backend '%s'",
	    rc->backend_name);
}

/*
 * Never an open relay (DESIGN promise 11): who comes from another machine and
 * has not authenticated reaches no route to a backend that takes every
 * recipient.  Senders and flags do not count: the one is what a client says,
 * and what the other means is not known here.  A network of clients is for the
 * operator to answer for.
 */
static void
check_relay(struct conf_reader *r, const struct conf_block *b,
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
	if (rc->open_relay || !takes_all(b, rc) ||
	    rc->action != ROUTE_DELIVER ||
	    rc->authenticated == ROUTE_AUTHENTICATED ||
	    loopback_only(&rc->client))
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
	    speaks_for_others(lc) ? "has clients behind a proxy"
				  : "is reached from other machines");
}

static const struct net_addr *
open_address(const struct route_conf *rc, const struct listener_conf *lc)
{
	size_t i;

	/* With require-auth, whoever reaches a route has authenticated. */
	if (lc->require_auth || !is_for(rc, lc))
		return NULL;
	for (i = 0; i < lc->address.count; i++)
		if (!net_is_loopback(&lc->address.list[i]) ||
		    speaks_for_others(lc))
			return &lc->address.list[i];
	return NULL;
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

static void
check_reach(struct conf_reader *r)
{
	const struct config *c = r->config;
	struct router *router = router_new(c->routes, c->route_count);
	const struct conf_block *b = NULL;
	struct route_shadow shadow;
	unsigned i = 0;

	for (; (b = conf_next(&r->root, "route", b)) != NULL; i++) {
		shadow = router_shadow(router, i);
		report_shadow(r, b, &c->routes[i], &shadow);
	}
	router_free(&router);
}

static void
report_shadow(struct conf_reader *r, const struct conf_block *b,
    const struct route_conf *rc, const struct route_shadow *shadow)
{
	const struct route_conf *by = &r->config->routes[shadow->by];

	if (shadow->reach == ROUTE_PARTLY)
		conf_warn(r, b->line,
		    "route '%s' is never reached for %s: route '%s' before it "
		    "takes that",
		    rc->name, shadow->item, by->name);
	else if (shadow->reach == ROUTE_NEVER && !route_has_rcpt(by))
		conf_complain(r, b->line,
		    "route '%s' is never reached: route '%s' before it takes "
		    "every recipient%s",
		    rc->name, by->name,
		    by->listener.count + by->client.count +
				    by->sender_domain.count + by->flag.count >
				0 ||
			    by->authenticated != ROUTE_ANYBODY
			? " that could get here"
			: "");
	else if (shadow->reach == ROUTE_NEVER)
		conf_complain(r, b->line,
		    "route '%s' is never reached: route '%s' before it takes "
		    "%s%s",
		    rc->name, by->name, shadow->item,
		    rc->rcpt.count + rc->rcpt_domain.count > 1
			? ", and so it is with the rest"
			: "");
}

static bool
is_domain(const char *s)
{
	size_t len = strlen(s);

	return smtp_is_domain(s, len, false) || smtp_is_literal(s, len);
}

/* As the router compares it: what would need quotes stands without them. */
static bool
is_local_part(const char *s, size_t len)
{
	size_t i;

	for (i = 0; i < len; i++)
		if (s[i] <= ' ' || s[i] > '~' || strchr("\"<>\\", s[i]) != NULL)
			return false;
	return len > 0 && len <= 64;
}

/* "550", or "550 5.1.1" (RFC 5321 4.2.1, RFC 3463).  421 would say that the
 * connection ends. */
static bool
is_code(const char *s, char class)
{
	int parts = 0, digits;

	if (s[0] != class || s[1] < '0' || s[1] > '5' ||
	    !isdigit((unsigned char)s[2]) || strncmp(s, "421", 3) == 0)
		return false;
	if (s[3] == '\0')
		return true;
	if (s[3] != ' ' || s[4] != class || s[5] != '.')
		return false;
	for (s += 5; *s == '.' && parts < 2; parts++) {
		for (digits = 0; isdigit((unsigned char)*++s); digits++)
			;
		if (digits < 1 || digits > 3)
			return false;
	}
	return *s == '\0' && parts == 2;
}
