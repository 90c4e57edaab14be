/*
 * The addresses of a pool's servers.  A target keeps its address as long as
 * there are links to it, also when the server's name has others by now: then
 * it is gone, gets no new links, and those that become idle are closed.
 */

#include <string.h>

#include "pool_impl.h"

static bool is_one_of(const struct net_addr *, const struct net_addr *, int);
static void add_target(struct pool *, unsigned, const struct net_addr *);

const struct net_addr *
pool_addrs(const struct server_conf *sc, int *count_r)
{
	*count_r = sc->named != NULL ? sc->named->count : sc->addr_count;
	return sc->named != NULL ? sc->named->addrs : sc->addrs;
}

void
pool_set_targets(struct pool *p)
{
	const struct net_addr *list;
	unsigned i, t;
	int count, k;

	for (i = 0; i < p->conf->server_count; i++) {
		list = pool_addrs(&p->conf->servers[i], &count);
		for (t = 0; t < p->count; t++) {
			if (p->targets[t].server != i || p->targets[t].gone)
				continue;
			p->targets[t].gone =
			    !is_one_of(&p->targets[t].addr, list, count);
			if (p->targets[t].gone)
				pool_close_target(p, t);
		}
	}
	for (i = 0; i < p->conf->server_count; i++) {
		list = pool_addrs(&p->conf->servers[i], &count);
		for (k = 0; k < count; k++)
			add_target(p, i, &list[k]);
	}
	pool_wake(p);
}

static bool
is_equal(const struct net_addr *a, const struct net_addr *b)
{
	return a->len == b->len && memcmp(&a->ss, &b->ss, a->len) == 0;
}

static bool
is_one_of(const struct net_addr *a, const struct net_addr *list, int count)
{
	int i;

	for (i = 0; i < count; i++)
		if (is_equal(a, &list[i]))
			return true;
	return false;
}

/* An address that is there already, perhaps gone meanwhile; else in the place
 * of one that is gone; else a new place, as long as there are some. */
static void
add_target(struct pool *p, unsigned server, const struct net_addr *a)
{
	struct target *t, *room = NULL;
	unsigned i;

	for (i = 0; i < p->count; i++) {
		t = &p->targets[i];
		if (t->server == server && is_equal(&t->addr, a)) {
			t->gone = false;
			return;
		}
		if (t->gone && t->links == 0 && room == NULL)
			room = t;
	}
	if (room == NULL && p->count == TARGETS_MAX)
		return;
	if (room == NULL)
		room = &p->targets[p->count++];
	*room = (struct target){ .server = server, .addr = *a };
	TAILQ_INIT(&room->idle);
}

bool
pool_is_resolving(const struct pool *p)
{
	unsigned i;

	for (i = 0; i < p->conf->server_count; i++)
		if (p->conf->servers[i].named != NULL &&
		    !p->conf->servers[i].named->known)
			return true;
	return false;
}
