/*
 * The pool of connections to a backend's servers: see pool.h.  Here are the
 * links; pool_impl.h says what is where.
 */

#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "mem.h"
#include "compat.h"
#include "pool_impl.h"

#define EXCESS_MS 1000 /* idle time of a link beyond pool.idle */
#define FOURTH 4
#define UPKEEP_MS 1000 /* how often idle links are looked after */

static void on_upkeep(void *);
static void end_idle(struct link *, bool);
static void close_all_idle(struct pool *);

struct pool *
pool_new(struct loop *l, const struct backend_conf *conf,
    const struct pool_shared *shared)
{
	struct pool *p = xcalloc(1, sizeof(*p));

	p->loop = l;
	p->conf = conf;
	p->shared = *shared;
	pool_wait_init(p);
	timer_init(&p->upkeep, l, on_upkeep, p);
	pool_set_targets(p);
	pool_choose_init(p);
	return p;
}

void
pool_free(struct pool **pp)
{
	struct pool *p = *pp;

	if (p == NULL)
		return;
	assert(TAILQ_EMPTY(&p->waits));
	close_all_idle(p);
	timer_clear(&p->timer);
	timer_clear(&p->upkeep);
	loop_undefer(p->loop, &p->task);
	free(p);
	*pp = NULL;
}

const struct backend_conf *
pool_conf_of(const struct pool *p)
{
	return p->conf;
}

static void
count(const struct pool *p, const struct server_conf *sc, enum stats_cell cell,
    int by)
{
	stats_add(p->shared.stats, p->shared.worker, sc->index, cell, by);
}

static int64_t
total(const struct pool *p, const struct server_conf *sc, enum stats_cell cell)
{
	return stats_sum(p->shared.stats, sc->index, cell);
}

/* Idle links.  Whatever happens on one of them ends it: the server closed it,
 * said 421, or the idle time is over. */

static void
leave_idle(struct link *l)
{
	TAILQ_REMOVE(&l->pool->targets[l->target].idle, l, entry);
	count(l->pool, l->server, STATS_IDLE, -1);
}

/* Says goodbye without waiting for the answer. */
static void
end_idle(struct link *l, bool goodbye)
{
	const char *bye = l->pool->conf->type->goodbye;

	leave_idle(l);
	if (goodbye && bye != NULL) {
		conn_put(l->conn, bye, strlen(bye));
		conn_flush(l->conn);
	}
	l->finished = goodbye;
	pool_drop(&l);
}

static bool
is_old(const struct link *l)
{
	const struct pool_conf *conf = &l->pool->conf->pool;

	return l->uses >= l->max_uses ||
	    loop_now(l->pool->loop) - l->born >= conf->max_age;
}

/* It is one of those that are to be there in advance. */
static bool
is_needed(const struct link *l)
{
	const struct pool *p = l->pool;

	return !p->closing && !is_old(l) && p->open != NULL &&
	    !p->targets[l->target].gone &&
	    pool_is_usable(p, p->targets[l->target].server) &&
	    total(p, l->server, STATS_LINKS) <= p->conf->pool.min;
}

static void
idle_input(void *ctx)
{
	end_idle(ctx, false);
}

static void
idle_end(void *ctx, enum conn_end why, int error)
{
	struct link *l = ctx;

	(void)error;
	if (why == CONN_DEADLINE && is_needed(l))
		conn_deadline(l->conn,
		    loop_now(l->pool->loop) + l->pool->conf->pool.idle_timeout);
	else
		end_idle(l, why == CONN_DEADLINE);
}

static const struct conn_ops idle_ops = { .on_input = idle_input,
	.on_end = idle_end };

/* New links. */

/* Between connecting and the delivery's own callbacks nothing can happen: they
 * are set before the loop runs again. */
static struct link *
open_link(struct pool *p, unsigned target)
{
	struct target *t = &p->targets[target];
	const struct server_conf *sc = &p->conf->servers[t->server];
	struct link *l;
	struct conn *conn;

	if (!stats_reserve(p->shared.stats, p->shared.worker, sc->index,
		STATS_LINKS, p->conf->pool.max)) {
		errno = EAGAIN;
		return NULL;
	}
	l = xcalloc(1, sizeof(*l));
	conn = conn_connect_from(
	    p->loop, pool_source(p->conf, &t->addr), &t->addr, &idle_ops, l);
	if (conn == NULL) {
		if (!pool_is_our_trouble(errno))
			pool_blame_target(p, target, strerror(errno));
		count(p, sc, STATS_LINKS, -1);
		free(l);
		errno = ECONNREFUSED;
		return NULL;
	}
	l->conn = conn;
	l->pool = p;
	l->server = sc;
	l->addr = &t->addr;
	t->links++;
	l->target = target;
	l->fresh = true;
	l->born = loop_now(p->loop);
	l->uses = 1;
	l->max_uses = (uint64_t)p->conf->pool.max_uses;
	if (p->conf->type->link_size > 0)
		l->state = xcalloc(1, p->conf->type->link_size);
	count(p, sc, STATS_OPENED, 1);
	return l;
}

static bool
is_told(const struct link *l, const struct pool_wait *w)
{
	return w->identity != NULL && l->told != NULL &&
	    strcmp(l->told, w->identity) == 0;
}

/* The last used one; but best one whose server was told of this client, and
 * none that can not be told. */
static struct link *
best_idle(struct pool *p, const struct pool_wait *w, unsigned target)
{
	struct link *i, *next, *l = NULL;

	TAILQ_FOREACH_SAFE (i, &p->targets[target].idle, entry, next) {
		if (is_old(i))
			end_idle(i, true);
		else if (is_told(i, w) ? l == NULL || !is_told(l, w)
				       : l == NULL && !i->bound)
			l = i;
	}
	return l;
}

/* The server has not closed the link or said anything, not even in this turn of
 * the loop: it would be taken for the reply to the first command. */
static bool
is_quiet(const struct link *l)
{
	char octet;

	return conn_peek(l->conn, &octet, 1) == -1 &&
	    (errno == EAGAIN || errno == EWOULDBLOCK);
}

struct link *
pool_take_idle(struct pool *p, const struct pool_wait *w, unsigned target)
{
	struct link *l;

	while ((l = best_idle(p, w, target)) != NULL && !is_quiet(l))
		end_idle(l, false);
	if (l == NULL)
		return NULL;
	leave_idle(l);
	l->uses++;
	count(p, l->server, STATS_REUSED, 1);
	return l;
}

struct link *
pool_open_link(struct pool *p, unsigned target)
{
	struct link *l = open_link(p, target), *oldest = NULL;
	unsigned i;

	if (l != NULL || errno != EAGAIN)
		return l;
	for (i = 0; i < p->count && oldest == NULL; i++)
		if (p->targets[i].server == p->targets[target].server)
			oldest = TAILQ_LAST(&p->targets[i].idle, link_list);
	errno = EAGAIN;
	if (oldest == NULL)
		return NULL;
	end_idle(oldest, true);
	return open_link(p, target);
}

/* Links of checks belong to no pool, and are not counted. */
static void
count_link(const struct link *l, enum stats_cell cell)
{
	if (l->pool != NULL)
		count(l->pool, l->server, cell, 1);
}

static bool
has_counted(const struct link *l, enum stats_cell cell)
{
	return l->pool != NULL &&
	    stats_sum(l->pool->shared.stats, l->server->index, cell) > 0;
}

void
pool_fault(const struct link *l, enum fault f)
{
	count_link(l, (enum stats_cell)((unsigned)STATS_FAULT + f));
}

const struct server_conf *
pool_server(const struct pool *p, unsigned target)
{
	assert(target < p->count);
	return &p->conf->servers[p->targets[target].server];
}

bool
pool_had_fault(const struct link *l, enum fault f)
{
	return has_counted(l, (enum stats_cell)((unsigned)STATS_FAULT + f));
}

void
pool_secured(const struct link *l)
{
	count_link(l, STATS_TLS);
}

bool
pool_had_tls(const struct link *l)
{
	return has_counted(l, STATS_TLS);
}

/*
 * More links than pool.idle may be idle for a moment: they are what a burst
 * left, and the next burst is likely to be milliseconds away.
 */
static int64_t
idle_time(struct link *l)
{
	struct pool *p = l->pool;
	int64_t keep = p->conf->pool.idle;

	if (keep < p->conf->pool.min)
		keep = p->conf->pool.min;
	if (stats_reserve(p->shared.stats, p->shared.worker, l->server->index,
		STATS_IDLE, keep))
		return p->conf->pool.idle_timeout;
	count(p, l->server, STATS_IDLE, 1);
	return p->conf->pool.idle_timeout < EXCESS_MS
	    ? p->conf->pool.idle_timeout
	    : EXCESS_MS;
}

/* Do other workers wait for a server that can not have more links than it has?
 */
static bool
is_lacking(const struct pool *p, const struct server_conf *sc)
{
	return total(p, sc, STATS_LINKS) >= p->conf->pool.max &&
	    stats_sum(p->shared.stats, p->conf->index, STATS_WAITING) >
	    p->waiting;
}

/* A link is closed so that another worker can open one: at once if nobody waits
 * here, else every fourth, so that nobody waits for ever. */
static bool
is_for_others(const struct link *l)
{
	struct pool *p = l->pool;

	if (!is_lacking(p, l->server))
		return false;
	return p->waiting == 0 ||
	    (p->targets[l->target].links > 1 && ++p->given % FOURTH == 0);
}

void
pool_put(struct link **lp, bool needs_reset)
{
	struct link *l = *lp;
	struct pool *p = l->pool;
	int64_t now = loop_now(p->loop);
	size_t left;

	*lp = NULL;
	l->needs_reset = needs_reset;
	l->fresh = false;
	pool_praise(p, l->target, l->uses == 1);
	conn_input(l->conn, &left);
	conn_set_ops(l->conn, &idle_ops, l);
	if (left > 0 || conn_at_eof(l->conn) || conn_unsent(l->conn) > 0) {
		pool_drop(&l);
		return;
	}
	conn_deadline(l->conn, now + idle_time(l));
	TAILQ_INSERT_HEAD(&p->targets[l->target].idle, l, entry);
	if (p->upkeep.at == 0)
		timer_set(&p->upkeep, now + UPKEEP_MS);
	p->yielding = is_for_others(l);
	if (p->yielding || is_old(l) || pool_is_drained(p, l->server) ||
	    p->targets[l->target].gone)
		end_idle(l, true);
	else
		pool_wake(p);
	p->yielding = false;
}

void
pool_drop(struct link **lp)
{
	struct link *l = *lp;

	if (l == NULL)
		return;
	if (l->pool != NULL) {
		count(l->pool, l->server, STATS_LINKS, -1);
		l->pool->targets[l->target].links--;
		if (!l->finished)
			count(l->pool, l->server, STATS_DISCARDED, 1);
		pool_wake(l->pool);
	}
	conn_close(&l->conn);
	free(l->state);
	free(l->told);
	free(l);
	*lp = NULL;
}

/* Looking after idle links. */

void
pool_close_target(struct pool *p, unsigned target)
{
	struct link *l;

	while ((l = TAILQ_FIRST(&p->targets[target].idle)) != NULL)
		end_idle(l, true);
}

static void
close_all_idle(struct pool *p)
{
	unsigned i;

	for (i = 0; i < p->count; i++)
		pool_close_target(p, i);
}

void
pool_close_idle(struct pool *p)
{
	p->closing = true;
	close_all_idle(p);
}

/* One at a time and worker: all workers look, and a server that has just come
 * back is not to be run over. */
static void
open_in_advance(struct pool *p, unsigned server)
{
	const struct server_conf *sc = &p->conf->servers[server];
	struct link *l;
	int t;

	if (sc->backup || !pool_is_usable(p, server) ||
	    total(p, sc, STATS_LINKS) >= p->conf->pool.min)
		return;
	t = pool_choose_target(p, server, 0);
	if (t == -1 || p->targets[t].avoid_until > loop_now(p->loop))
		return;
	l = open_link(p, (unsigned)t);
	if (l != NULL || errno != EAGAIN)
		p->open(p->open_ctx, p, sc, l);
}

static void
on_upkeep(void *arg)
{
	struct pool *p = arg;
	bool idle = false, advance = p->open != NULL && !p->closing;
	struct link *l;
	unsigned i;

	for (i = 0; i < p->count; i++) {
		if (!pool_is_usable(p, p->targets[i].server))
			pool_close_target(p, i);
		l = TAILQ_LAST(&p->targets[i].idle, link_list);
		if (l != NULL && is_lacking(p, l->server))
			end_idle(l, true);
		idle |= !TAILQ_EMPTY(&p->targets[i].idle);
	}
	for (i = 0; advance && i < p->server_count; i++)
		open_in_advance(p, i);
	if (idle || advance)
		timer_set(&p->upkeep, loop_now(p->loop) + UPKEEP_MS);
}

void
pool_set_opener(struct pool *p, pool_open_fn *open, void *ctx)
{
	if (p->conf->pool.min == 0)
		return;
	p->open = open;
	p->open_ctx = ctx;
	timer_set(&p->upkeep, loop_now(p->loop) + 1);
}
