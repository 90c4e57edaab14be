/*
 * Routes that are never reached, because an earlier one takes what they would
 * get: for posternd -n.
 */

#include <stddef.h>
#include <string.h>

#include "route_index.h"

static bool implies(const struct router *, unsigned, unsigned);
static bool names_within(const struct opt_list *, const struct opt_list *);
static bool nets_within(const struct net_list *, const struct net_list *);
static bool net_within(const struct net_prefix *, const struct net_prefix *);
static bool senders_within(const struct router *, unsigned, unsigned);
static unsigned taken_by(const struct router *, unsigned, const char *);
static bool takes_domain(const struct router *, unsigned, const char *);

struct route_shadow
router_shadow(const struct router *r, unsigned number)
{
	const struct route_conf *c = &r->conf[number];
	const struct opt_list *items =
	    c->rcpt.count > 0 ? &c->rcpt : &c->rcpt_domain;
	struct route_shadow shadow = { ROUTE_REACHED, NULL, ROUTE_NONE };
	size_t taken = 0, i;
	unsigned by;

	if (items->count == 0) {
		shadow.by = taken_by(r, number, NULL);
		if (shadow.by != ROUTE_NONE)
			shadow.reach = ROUTE_NEVER;
		return shadow;
	}
	for (i = 0; i < items->count; i++) {
		by = taken_by(r, number, items->list[i]);
		if (by == ROUTE_NONE)
			continue;
		if (taken++ > 0)
			continue;
		shadow.item = items->list[i];
		shadow.by = by;
	}
	if (taken > 0)
		shadow.reach =
		    taken == items->count ? ROUTE_NEVER : ROUTE_PARTLY;
	return shadow;
}

/* The first route before this one that takes the item (NULL: everything) of it
 * under conditions that hold whenever its own do. */
static unsigned
taken_by(const struct router *r, unsigned number, const char *item)
{
	const char *at = item != NULL ? strchr(item, '@') : NULL;
	const char *domain = item;
	struct route_search s;
	unsigned other;

	if (r->conf[number].rcpt.count > 0)
		domain = at != NULL ? at + 1 : NULL;
	route_search_init(&s, r);
	if (domain != NULL)
		route_search_domain(&s, domain);
	if (r->conf[number].rcpt.count > 0)
		route_search_address(&s, item);
	while ((other = route_search_next(&s)) < number)
		if (takes_domain(r, other, domain) && implies(r, other, number))
			return other;
	return ROUTE_NONE;
}

/* A route with addresses and domains is found by the addresses alone. */
static bool
takes_domain(const struct router *r, unsigned number, const char *domain)
{
	const struct route_domains *own = &r->sets[number].rcpts;

	return own->exact == NULL ||
	    (domain != NULL && route_domains_have(own, domain));
}

/* Do the other conditions of a hold whenever those of b do? */
static bool
implies(const struct router *r, unsigned a, unsigned b)
{
	const struct route_conf *x = &r->conf[a], *y = &r->conf[b];

	return names_within(&x->listener, &y->listener) &&
	    names_within(&x->flag, &y->flag) &&
	    nets_within(&x->client, &y->client) &&
	    (x->authenticated == ROUTE_ANYBODY ||
		x->authenticated == y->authenticated) &&
	    senders_within(r, a, b);
}

static bool
names_within(const struct opt_list *a, const struct opt_list *b)
{
	size_t i, k;

	if (a->count == 0)
		return true;
	for (i = 0; i < b->count; i++) {
		for (k = 0; k < a->count; k++)
			if (strcmp(a->list[k], b->list[i]) == 0)
				break;
		if (k == a->count)
			return false;
	}
	return b->count > 0;
}

static bool
nets_within(const struct net_list *a, const struct net_list *b)
{
	size_t i, k;

	if (a->count == 0)
		return true;
	for (i = 0; i < b->count; i++) {
		for (k = 0; k < a->count; k++)
			if (net_within(&a->list[k], &b->list[i]))
				break;
		if (k == a->count)
			return false;
	}
	return b->count > 0;
}

static bool
net_within(const struct net_prefix *a, const struct net_prefix *b)
{
	unsigned octets = a->bits / 8, rest = a->bits % 8;

	if (a->family != b->family || a->bits > b->bits ||
	    memcmp(a->addr, b->addr, octets) != 0)
		return false;
	return rest == 0 ||
	    (a->addr[octets] ^ b->addr[octets]) >> (8 - rest) == 0;
}

static bool
senders_within(const struct router *r, unsigned a, unsigned b)
{
	const struct opt_list *list = &r->conf[b].sender_domain;
	size_t i;

	if (r->conf[a].sender_domain.count == 0)
		return true;
	for (i = 0; i < list->count; i++)
		if (!route_domains_have(&r->sets[a].senders, list->list[i]))
			return false;
	return list->count > 0;
}
