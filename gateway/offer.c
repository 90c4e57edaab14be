/*
 * What may be offered: see offer.h.
 */

#include "offer.h"

#include <stdbool.h>
#include <string.h>

#include "caps.h"
#include "pool.h"
#include "route.h"
#include "servers.h"

#define ALL (~0u)
#define HEADER_ROOM 4096 /* octets of fields that we add on the way */

static bool counts(const struct route_conf *, const char *);
static bool add_backend(const struct caps *, const struct servers *,
    const struct backend_conf *, struct ehlo *);
static void add_server(struct ehlo *, const struct ehlo *);
static void finish(struct ehlo *);

void
offer_find(const struct caps *c, const struct servers *servers,
    const struct backend_conf *conf, const struct offer_routes *routes,
    struct ehlo *r)
{
	bool unknown = false;
	size_t i;

	*r = (struct ehlo){ .have = ALL };
	for (i = 0; i < routes->count; i++)
		if (counts(&routes->list[i], routes->listener) &&
		    !add_backend(c, servers, &conf[routes->list[i].backend], r))
			unknown = true;
	if (unknown || r->have == ALL) /* nobody is there */
		r->have = 0;
	finish(r);
}

/* Does a recipient of this listener's clients go to a backend by it? */
static bool
counts(const struct route_conf *rc, const char *listener)
{
	size_t i;

	if (rc->action != ROUTE_DELIVER)
		return false;
	for (i = 0; i < rc->listener.count; i++)
		if (strcmp(rc->listener.list[i], listener) == 0)
			return true;
	return rc->listener.count == 0;
}

/* False: it has servers, and nobody has talked to any of them yet. */
static bool
add_backend(const struct caps *c, const struct servers *servers,
    const struct backend_conf *b, struct ehlo *all)
{
	struct ehlo e = { .have = b->type->offers };
	size_t i, unknown = 0;

	if (b->type->link != BACKEND_SERVER)
		add_server(all, &e);
	for (i = 0; i < b->server_count; i++) {
		if (servers != NULL &&
		    !servers_usable(servers, b->servers[i].index))
			continue;
		switch (caps_get(c, b->name, b->servers[i].name, &e)) {
		case CAPS_UNKNOWN:
			unknown++;
			break;
		case CAPS_KNOWN:
			add_server(all, &e);
			break;
		case CAPS_DOWN:
			break;
		}
	}
	return unknown == 0 || unknown < b->server_count;
}

uint32_t
offer_rcpt_max(const struct caps *c, const struct servers *servers,
    const struct backend_conf *b)
{
	struct ehlo e = { .have = ALL };

	(void)add_backend(c, servers, b, &e);
	return e.rcpt_max;
}

static uint64_t
smaller(uint64_t a, uint64_t b)
{
	return b != 0 && (a == 0 || b < a) ? b : a;
}

static void
add_server(struct ehlo *all, const struct ehlo *e)
{
	all->have &= e->have;
	all->size = smaller(all->size, e->size);
	all->rcpt_max = (uint32_t)smaller(all->rcpt_max, e->rcpt_max);
}

/* What one extension is without another is nothing. */
static void
finish(struct ehlo *r)
{
	if ((r->have & EHLO_CHUNKING) == 0)
		r->have &= ~(unsigned)EHLO_BINARYMIME;
	if ((r->have & EHLO_8BITMIME) == 0) /* RFC 6531 3.1 */
		r->have &= ~(unsigned)EHLO_SMTPUTF8;
	r->have &= OFFER_OF_BACKENDS;
	if (r->size > 2 * HEADER_ROOM)
		r->size -= HEADER_ROOM;
	else
		r->size -= r->size / 2;
}
