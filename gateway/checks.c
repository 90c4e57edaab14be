/*
 * Active checks of servers: see checks.h.
 */

#include "checks.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "caps.h"
#include "conn.h"
#include "greet.h"
#include "loop.h"
#include "mem.h"
#include "pool.h"

#define FIRST_MS 1000	 /* within which all servers are checked once */
#define WAVERING_MS 1000 /* to the next one, when it may decide */

struct check { /* of a server */
	struct checks *checks;
	const struct backend_conf *backend;
	const struct server_conf *server;
	struct servers_policy policy;
	struct timer timer;
	int64_t deadline; /* of the one that runs */
	int address;	  /* that it tries */
};

struct checks {
	struct loop *loop;
	struct servers *servers;
	struct caps *caps;
	struct greets *greets;
	struct check *list; /* owned */
	size_t count;
};

static void begin(void *);
static void attempt(struct check *);
static void done(void *, struct link *, const char *);
static void finish(struct check *, const char *);

static bool
is_wanted(const struct backend_conf *bc)
{
	return bc->check.interval > 0 && bc->type->greet != NULL;
}

bool
checks_wanted(const struct backend_conf *conf, size_t count)
{
	size_t i;

	for (i = 0; i < count; i++)
		if (is_wanted(&conf[i]))
			return true;
	return false;
}

static void
add(struct checks *c, const struct backend_conf *bc)
{
	struct check *ch;
	size_t i;

	for (i = 0; is_wanted(bc) && i < bc->server_count; i++) {
		ch = &c->list[c->count++];
		ch->checks = c;
		ch->backend = bc;
		ch->server = &bc->servers[i];
		ch->policy = pool_policy(bc);
		timer_init(&ch->timer, c->loop, begin, ch);
	}
}

struct checks *
checks_new(struct loop *l, const struct backend_conf *conf, size_t count,
    struct servers *servers, struct caps *caps, struct greets *greets)
{
	struct checks *c = xcalloc(1, sizeof(*c));
	int64_t spread;
	size_t i, n = 0;

	c->loop = l;
	c->servers = servers;
	c->caps = caps;
	c->greets = greets;
	for (i = 0; i < count; i++)
		n += conf[i].server_count;
	c->list = xcalloc(n + 1, sizeof(*c->list));
	for (i = 0; i < count; i++)
		add(c, &conf[i]);
	for (i = 0; i < c->count; i++) {
		spread = c->list[i].policy.interval;
		if (spread > FIRST_MS)
			spread = FIRST_MS;
		timer_set(&c->list[i].timer,
		    loop_now(l) + 1 + spread * (int64_t)i / (int64_t)c->count);
	}
	return c;
}

void
checks_free(struct checks **cp)
{
	struct checks *c = *cp;
	size_t i;

	if (c == NULL)
		return;
	for (i = 0; i < c->count; i++)
		timer_clear(&c->list[i].timer);
	free(c->list);
	free(c);
	*cp = NULL;
}

static void
begin(void *arg)
{
	struct check *ch = arg;

	ch->deadline = loop_now(ch->checks->loop) + ch->backend->check.timeout;
	ch->address = 0;
	attempt(ch);
}

/* A server is up when one of its addresses is. */
static void
attempt(struct check *ch)
{
	int count;
	const struct net_addr *to = pool_addrs(ch->server, &count);
	struct link *l;

	if (ch->address >= count) {
		if (ch->server->named->known)
			finish(ch, ch->server->named->why);
		else
			timer_set(
			    &ch->timer, loop_now(ch->checks->loop) + FIRST_MS);
		return;
	}
	to += ch->address;
	l = xcalloc(1, sizeof(*l));

	/* greet() sets the callbacks before the loop runs. */
	l->conn = conn_connect_from(
	    ch->checks->loop, pool_source(ch->backend, to), to, NULL, NULL);
	if (l->conn == NULL) {
		free(l);
		if (pool_is_our_trouble(errno))
			timer_set(&ch->timer,
			    loop_now(ch->checks->loop) + ch->policy.interval);
		else
			finish(ch, strerror(errno));
		return;
	}
	l->server = ch->server;
	l->addr = to;
	l->fresh = true;
	l->born = loop_now(ch->checks->loop);
	l->uses = 1;
	if (ch->backend->type->link_size > 0)
		l->state = xcalloc(1, ch->backend->type->link_size);
	greet(ch->checks->greets, ch->backend, l, ch->deadline, done, ch);
}

static void
done(void *ctx, struct link *l, const char *why)
{
	struct check *ch = ctx;
	const char *bye = ch->backend->type->goodbye;

	if (why == NULL && bye != NULL) {
		conn_put(l->conn, bye, strlen(bye));
		conn_flush(l->conn);
		conn_linger(&l->conn);
	}
	pool_drop(&l);
	finish(ch, why);
}

static void
finish(struct check *ch, const char *why)
{
	struct checks *c = ch->checks;
	unsigned slot = ch->server->index;
	int64_t now = loop_now(c->loop), pause = ch->policy.interval;
	int count;

	pool_addrs(ch->server, &count);
	if (why != NULL && ch->address + 1 < count && now < ch->deadline) {
		ch->address++;
		attempt(ch);
		return;
	}
	if (why != NULL)
		caps_lost(c->caps, ch->backend->name, ch->server->name);
	servers_check_ended(c->servers, slot, now);
	if (why == NULL) {
		if (servers_checked(c->servers, slot, &ch->policy, now))
			pool_say_state(ch->backend, ch->server, true, NULL);
	} else if (servers_failed(c->servers, slot, &ch->policy, now, why)) {
		pool_say_state(ch->backend, ch->server, false, why);
	}
	if (pause > WAVERING_MS && servers_wavers(c->servers, slot))
		pause = WAVERING_MS;
	timer_set(&ch->timer, now + pause);
}
