/*
 * Which server of a backend gets a delivery, and which of its addresses.
 *
 * Servers that are drained or down are out (but for a trial).  Of the others,
 * those that are no backups come first, and of these the ones that did not fail
 * a moment ago.  The way to balance decides among equals.
 */

#include <stdio.h>
#include <string.h>

#include "compat.h"
#include "log.h"
#include "pool_impl.h"

#define AVOID_FIRST_MS 1000 /* a target that failed; then doubled */
#define AVOID_MAX_MS 30000

static bool
is_in(uint32_t set, unsigned i)
{
	return (set >> i & 1) != 0;
}

void
pool_choose_init(struct pool *p)
{
	const struct server_conf *sc;
	unsigned i;

	p->policy = pool_policy(p->conf);
	compat_random(&p->random, sizeof(p->random));
	p->random |= 1;
	p->server_count = (unsigned)p->conf->server_count;
	for (i = 0; i < p->server_count && i < TARGETS_MAX; i++) {
		sc = &p->conf->servers[i];
		p->entries[i].name = balance_hash(sc->name, strlen(sc->name));
	}
}

bool
pool_is_drained(const struct pool *p, const struct server_conf *sc)
{
	return sc->drain || servers_drained(p->shared.servers, sc->index);
}

bool
pool_is_usable(const struct pool *p, unsigned server)
{
	const struct server_conf *sc = &p->conf->servers[server];

	return !sc->drain && servers_usable(p->shared.servers, sc->index);
}

static bool
is_possible(const struct pool *p, unsigned server)
{
	const struct server_conf *sc = &p->conf->servers[server];

	return pool_is_usable(p, server) ||
	    (!sc->drain &&
		servers_trial_due(p->shared.servers, sc->index, &p->policy,
		    loop_now(p->loop)));
}

uint32_t
pool_candidates(const struct pool *p, uint32_t tried)
{
	uint32_t set = 0;
	unsigned i;

	for (i = 0; i < p->count; i++)
		if (!is_in(tried, i) && !p->targets[i].gone &&
		    is_possible(p, p->targets[i].server))
			set |= 1u << p->targets[i].server;
	return set;
}

/* Servers with an untried target that did not fail a moment ago. */
static uint32_t
unavoided(const struct pool *p, uint32_t tried)
{
	int64_t now = loop_now(p->loop);
	uint32_t set = 0;
	unsigned i;

	for (i = 0; i < p->count; i++)
		if (!is_in(tried, i) && !p->targets[i].gone &&
		    p->targets[i].avoid_until <= now)
			set |= 1u << p->targets[i].server;
	return set;
}

static uint32_t
primaries(const struct pool *p)
{
	uint32_t set = 0;
	unsigned i;

	for (i = 0; i < p->server_count; i++)
		if (!p->conf->servers[i].backup)
			set |= 1u << i;
	return set;
}

static uint64_t
random_number(struct pool *p)
{
	p->random ^= p->random << 13;
	p->random ^= p->random >> 7;
	p->random ^= p->random << 17;
	return p->random;
}

static int
balance(struct pool *p, const struct pool_wait *w, uint32_t set)
{
	enum balance_mode mode = (enum balance_mode)p->conf->balance;
	int64_t now = loop_now(p->loop);
	const struct server_conf *sc;
	unsigned i, share;

	for (i = 0; i < p->server_count; i++) {
		if (!is_in(set, i))
			continue;
		sc = &p->conf->servers[i];
		/* A mailbox has its server, slowly started or not. */
		share = mode == BALANCE_HASH ? 100
					     : servers_share(p->shared.servers,
						   sc->index, &p->policy, now);
		p->entries[i].weight = (uint32_t)sc->weight * share;
		if (mode == BALANCE_LEAST)
			p->entries[i].busy =
			    stats_sum(p->shared.stats, sc->index, STATS_LINKS) -
			    stats_sum(p->shared.stats, sc->index, STATS_IDLE);
	}
	return balance_choose(mode, p->entries, p->server_count, set,
	    mode == BALANCE_HASH ? w->key : random_number(p));
}

/* A server that is down is only tried by one. */
static bool
may_go(struct pool *p, unsigned server)
{
	const struct server_conf *sc = &p->conf->servers[server];

	return pool_is_usable(p, server) ||
	    servers_try(
		p->shared.servers, sc->index, &p->policy, loop_now(p->loop));
}

int
pool_choose(struct pool *p, const struct pool_wait *w, uint32_t out)
{
	uint32_t all = pool_candidates(p, w->tried), set;
	int i;

	/* Backups do not help out servers that have much to do. */
	if ((all & primaries(p)) != 0)
		all &= primaries(p);
	for (;;) {
		set = all & ~out & unavoided(p, w->tried);
		if (set == 0)
			set = all & ~out;
		i = balance(p, w, set);
		if (i == -1 || may_go(p, (unsigned)i))
			return i;
		out |= 1u << i;
	}
}

int
pool_choose_target(struct pool *p, unsigned server, uint32_t tried)
{
	int64_t now = loop_now(p->loop);
	unsigned i, t;
	int found = -1;

	p->turn++;
	for (i = 0; i < p->count; i++) {
		t = (p->turn + i) % p->count;
		if (p->targets[t].server != server || is_in(tried, t) ||
		    p->targets[t].gone)
			continue;
		if (!TAILQ_EMPTY(&p->targets[t].idle))
			return (int)t;
		if (found == -1 ||
		    (p->targets[found].avoid_until > now &&
			p->targets[t].avoid_until <= now))
			found = (int)t;
	}
	return found;
}

bool
pool_has_other(const struct pool *p, uint32_t tried)
{
	return pool_candidates(p, tried) != 0;
}

/* Blame and praise. */

void
pool_say_state(const struct backend_conf *conf, const struct server_conf *sc,
    bool up, const char *why)
{
	struct record r;

	record_start(&r, up ? LEVEL_INFO : LEVEL_WARN, "server");
	record_str(&r, "backend", conf->name);
	record_str(&r, "server", sc->name);
	record_str(&r, "state", up ? "up" : "down");
	record_str(&r, "why", why);
	record_end(&r);
}

void
pool_blame(const struct link *l, const char *why)
{
	pool_blame_target(l->pool, l->target, why);
}

void
pool_blame_target(struct pool *p, unsigned target, const char *why)
{
	struct target *t = &p->targets[target];
	const struct server_conf *sc = &p->conf->servers[t->server];
	int64_t pause = AVOID_FIRST_MS, now = loop_now(p->loop);
	unsigned i;

	for (i = 0; i < t->failures && pause < AVOID_MAX_MS; i++)
		pause *= 2;
	t->failures++;
	t->avoid_until = now + (pause < AVOID_MAX_MS ? pause : AVOID_MAX_MS);
	stats_add(
	    p->shared.stats, p->shared.worker, sc->index, STATS_FAILED, 1);
	/* A server has failed when none of its addresses is left. */
	for (i = 0; i < p->count; i++)
		if (p->targets[i].server == t->server && !p->targets[i].gone &&
		    p->targets[i].avoid_until <= now)
			return;
	if (servers_failed(p->shared.servers, sc->index, &p->policy, now, why))
		pool_say_state(p->conf, sc, false, why);
}

void
pool_praise(struct pool *p, unsigned target, bool fresh)
{
	struct target *t = &p->targets[target];
	const struct server_conf *sc = &p->conf->servers[t->server];

	t->failures = 0;
	t->avoid_until = 0;
	if (servers_worked(p->shared.servers, sc->index, &p->policy,
		loop_now(p->loop), fresh))
		pool_say_state(p->conf, sc, true, NULL);
}

void
pool_say_why(const struct pool *p, uint32_t tried, char *buf, size_t size)
{
	const struct server_conf *sc, *down = NULL, *lost = NULL;
	struct servers_status st;
	unsigned i, drained = 0;

	for (i = 0; i < p->server_count; i++) {
		sc = &p->conf->servers[i];
		if (pool_is_drained(p, sc))
			drained++;
		else if (sc->named != NULL && sc->named->count == 0)
			lost = sc;
		else if (down == NULL && !pool_is_usable(p, i))
			down = sc;
	}
	if (drained == p->server_count)
		compat_strlcpy(buf, "all servers are drained", size);
	else if (tried == 0 && down == NULL && lost != NULL)
		snprintf(buf, size, "%s can not be resolved: %s",
		    lost->named->host,
		    lost->named->why != NULL ? lost->named->why : "not yet");
	else if (tried == 0 && down != NULL &&
	    servers_status(p->shared.servers, down->index, &p->policy,
		loop_now(p->loop), &st))
		snprintf(buf, size, "%s is down: %s",
		    p->server_count - drained == 1
			? down->name
			: "no server is up; the first one",
		    st.why);
	else
		compat_strlcpy(buf, "no server can be connected to", size);
}
