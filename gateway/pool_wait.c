/*
 * Deliveries that want a link: who finds none waits in line, for pool.wait at
 * most.
 */

#include <errno.h>

#include "compat.h"
#include "pool_impl.h"

#define POLL_MS 20 /* how often waiters look at other workers' totals */
#define WHY_MAX 160

static void serve_waits(struct task *);
static void on_timer(void *);
static void count_waits(struct pool *, int);

void
pool_wait_init(struct pool *p)
{
	p->task.run = serve_waits;
	TAILQ_INIT(&p->waits);
	timer_init(&p->timer, p->loop, on_timer, p);
}

/* A link of this server: an idle one, or one of its addresses.  NULL with
 * EAGAIN when it has max. */
static struct link *
link_to(struct pool *p, struct pool_wait *w, unsigned server)
{
	struct link *l;
	int t;

	while ((t = pool_choose_target(p, server, w->tried)) != -1) {
		l = w->fresh ? NULL : pool_take_idle(p, w, (unsigned)t);
		if (l == NULL)
			l = pool_open_link(p, (unsigned)t);
		if (l != NULL || errno == EAGAIN)
			return l;
		w->tried |= 1u << t;
	}
	errno = ECONNREFUSED;
	return NULL;
}

/* One attempt.  *full has a bit for each server that can not have more links;
 * it is used and added to. */
static struct link *
try_get(struct pool *p, struct pool_wait *w, uint32_t *full)
{
	struct link *l;
	int i;

	while ((i = pool_choose(p, w, *full)) != -1) {
		l = link_to(p, w, (unsigned)i);
		if (l != NULL)
			return l;
		if (errno == EAGAIN)
			*full |= 1u << i;
	}
	return NULL;
}

struct link *
pool_get(struct pool *p, struct pool_wait *w, bool fresh, uint32_t tried)
{
	struct link *l;
	uint32_t full = 0;

	w->fresh = fresh;
	w->tried = tried;
	w->failed = false;
	w->until = loop_now(p->loop) + p->conf->pool.wait;
	/* Who came first is served first. */
	if (TAILQ_EMPTY(&p->waits)) {
		l = try_get(p, w, &full);
		if (l != NULL)
			return l;
		if (pool_candidates(p, w->tried) == 0 &&
		    !pool_is_resolving(p)) {
			w->failed = true;
			loop_defer(p->loop, &p->task);
		}
	}
	w->pool = p;
	TAILQ_INSERT_TAIL(&p->waits, w, entry);
	count_waits(p, 1);
	if (p->timer.at == 0)
		timer_set(&p->timer, loop_now(p->loop) + POLL_MS);
	return NULL;
}

static void
count_waits(struct pool *p, int by)
{
	p->waiting += by;
	stats_add(p->shared.stats, p->shared.worker, p->conf->index,
	    STATS_WAITING, by);
	if (by > 0)
		stats_add(p->shared.stats, p->shared.worker, p->conf->index,
		    STATS_WAITED, by);
}

void
pool_cancel(struct pool_wait *w)
{
	if (w->pool == NULL)
		return;
	if (w->pool->next == w)
		w->pool->next = TAILQ_NEXT(w, entry);
	TAILQ_REMOVE(&w->pool->waits, w, entry);
	count_waits(w->pool, -1);
	w->pool = NULL;
}

void
pool_wake(struct pool *p)
{
	if (TAILQ_EMPTY(&p->waits))
		return;
	if (p->yielding)
		timer_set(&p->timer, loop_now(p->loop) + 2 * POLL_MS);
	else
		loop_defer(p->loop, &p->task);
}

static void
on_timer(void *arg)
{
	struct pool *p = arg;

	loop_defer(p->loop, &p->task);
}

static void
answer(struct pool_wait *w, struct link *l, const char *why)
{
	pool_cancel(w);
	w->got(w, l, why);
}

/* Answers a waiter if there is an answer for it. */
static void
serve(struct pool *p, struct pool_wait *w, uint32_t *full)
{
	struct link *l = w->failed ? NULL : try_get(p, w, full);
	char why[WHY_MAX];

	if (l != NULL) {
		answer(w, l, NULL);
	} else if (w->failed ||
	    (pool_candidates(p, w->tried) == 0 && !pool_is_resolving(p))) {
		pool_say_why(p, w->tried, why, sizeof(why));
		answer(w, NULL, why);
	} else if (w->until <= loop_now(p->loop)) {
		answer(w, NULL, "no connection became free in time");
	}
}

/* In the order they came.  Whoever is answered may take back any wish. */
static void
serve_waits(struct task *t)
{
	struct pool *p = container_of(t, struct pool, task);
	struct pool_wait *w;
	uint32_t full = 0;

	for (w = TAILQ_FIRST(&p->waits); w != NULL; w = p->next) {
		p->next = TAILQ_NEXT(w, entry);
		serve(p, w, &full);
	}
	if (!TAILQ_EMPTY(&p->waits))
		timer_set(&p->timer, loop_now(p->loop) + POLL_MS);
}
