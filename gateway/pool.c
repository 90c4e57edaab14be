/*
 * The pool of connections to a backend's servers: see pool.h.
 */

#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "compat.h"
#include "log.h"
#include "loop.h"
#include "mem.h"
#include "pool.h"
#include "stats.h"

#define TARGETS_MAX 32	   /* bits of tried */
#define EXCESS_MS 1000	   /* idle time of a link beyond pool.idle */
#define DOWN_FIRST_MS 1000 /* a server that failed is avoided; then doubled */
#define DOWN_MAX_MS 30000
#define POLL_MS 20 /* how often waiters look at other workers' totals */

static const char *const identify_names[] = { [DL_IDENTIFY_NONE] = "none",
	[DL_IDENTIFY_XFORWARD] = "xforward",
	[DL_IDENTIFY_XCLIENT] = "xclient",
	[DL_IDENTIFY_PROXY_V1] = "proxy-v1",
	[DL_IDENTIFY_PROXY_V2] = "proxy-v2",
	NULL };
static const char *const reply_text_names[] = {
	[REPLY_TEXT_BACKEND] = "backend", [REPLY_TEXT_OWN] = "own", NULL
};
static const char *const verify_names[] = { "auto", "yes", "no", NULL };

#define BACKEND(field) offsetof(struct backend_conf, field)
const struct opt backend_options[] = {
	{ .name = "helo",
	    .type = OPT_STRING,
	    .offset = BACKEND(helo),
	    .help = "name in EHLO and LHLO; default: the hostname" },
	{ .name = "identify",
	    .type = OPT_CHOICE,
	    .offset = BACKEND(identify),
	    .def = "none",
	    .values = identify_names,
	    .help = "how servers are told who the client is" },
	{ .name = "chunking",
	    .type = OPT_BOOL,
	    .offset = BACKEND(chunking),
	    .def = "yes",
	    .help = "send messages by BDAT to servers that offer it" },
	{ .name = "reply-text",
	    .type = OPT_CHOICE,
	    .offset = BACKEND(reply_text),
	    .def = "backend",
	    .values = reply_text_names,
	    .help = "whose words clients get behind a reply's codes: the "
		    "server's, or our own" },
	{ .name = "verify",
	    .type = OPT_CHOICE,
	    .offset = BACKEND(verify),
	    .def = "auto",
	    .values = verify_names,
	    .help = "ask a server about recipients at RCPT: yes, no, or auto: "
		    "when a message has several" },
	{ .name = "verify-cache",
	    .type = OPT_DURATION,
	    .offset = BACKEND(verify_cache),
	    .def = "5m",
	    .min = 0,
	    .max = 86400000,
	    .help = "how long its answers are kept; temporary ones are not" },
	{ .name = "connect-timeout",
	    .type = OPT_DURATION,
	    .offset = BACKEND(connect_timeout),
	    .def = "5s",
	    .min = 10,
	    .max = 300000,
	    .help = "to connect to a server" },
	{ .name = "reply-timeout",
	    .type = OPT_DURATION,
	    .offset = BACKEND(reply_timeout),
	    .def = "30s",
	    .min = 10,
	    .max = 600000,
	    .help = "for each reply of a server; the reply to the message has "
		    "what is left of limits.reply-deadline" },
	{ .name = NULL },
};

const struct opt server_options[] = {
	{ .name = "address",
	    .type = OPT_STRING,
	    .offset = offsetof(struct server_conf, address),
	    .required = true,
	    .help = "host:port, [v6]:port or unix:/path; a name is looked up "
		    "at the start and at reload" },
	{ .name = NULL },
};

#define POOL(field) offsetof(struct pool_conf, field)
const struct opt pool_options[] = {
	{ .name = "max",
	    .type = OPT_NUMBER,
	    .offset = POOL(max),
	    .def = "32",
	    .min = 1,
	    .max = 100000,
	    .help = "connections to one server, all workers together" },
	{ .name = "idle",
	    .type = OPT_NUMBER,
	    .offset = POOL(idle),
	    .def = "4",
	    .min = 0,
	    .max = 100000,
	    .help =
		"idle connections kept per server, all workers together; more "
		"than that stay idle for a second at most" },
	{ .name = "idle-timeout",
	    .type = OPT_DURATION,
	    .offset = POOL(idle_timeout),
	    .def = "10s",
	    .min = 1,
	    .max = 3600000,
	    .help = "how long a connection is kept idle" },
	{ .name = "max-age",
	    .type = OPT_DURATION,
	    .offset = POOL(max_age),
	    .def = "15m",
	    .min = 1000,
	    .max = 86400000,
	    .help = "how old a connection may get" },
	{ .name = "max-uses",
	    .type = OPT_NUMBER,
	    .offset = POOL(max_uses),
	    .def = "1000",
	    .min = 1,
	    .max = 1000000000,
	    .help = "transactions on one connection" },
	{ .name = "wait",
	    .type = OPT_DURATION,
	    .offset = POOL(wait),
	    .def = "10s",
	    .min = 0,
	    .max = 600000,
	    .help = "how long a message waits for a free connection" },
	{ .name = NULL },
};

TAILQ_HEAD(link_list, link);
TAILQ_HEAD(wait_list, pool_wait);

/* One address of a server. */
struct target {
	const struct server_conf *server;
	const struct net_addr *addr;
	struct link_list idle; /* the last used first: the oldest may expire */
	int64_t down_until;    /* loop_now(); others are preferred until then */
	unsigned failures;     /* in a row */
};

struct pool {
	struct loop *loop;
	const struct backend_conf *conf;
	struct stats *stats;
	unsigned worker;
	struct target targets[TARGETS_MAX];
	unsigned count;
	unsigned turn;
	struct wait_list waits;
	struct pool_wait *next; /* to be served, while waiters are served */
	struct task task;	/* serves the waiters */
	struct timer timer;
};

static void serve_waits(struct task *t);
static void on_timer(void *arg);

struct pool *
pool_new(struct loop *l, const struct backend_conf *conf, struct stats *stats,
    unsigned worker)
{
	struct pool *p = xcalloc(1, sizeof(*p));
	struct target *t;
	size_t i;
	int k;

	p->loop = l;
	p->conf = conf;
	p->stats = stats;
	p->worker = worker;
	p->task.run = serve_waits;
	TAILQ_INIT(&p->waits);
	timer_init(&p->timer, l, on_timer, p);
	for (i = 0; i < conf->server_count; i++) {
		for (k = 0; k < conf->servers[i].addr_count; k++) {
			if (p->count == TARGETS_MAX)
				break;
			t = &p->targets[p->count++];
			t->server = &conf->servers[i];
			t->addr = &conf->servers[i].addrs[k];
			TAILQ_INIT(&t->idle);
		}
	}
	return p;
}

void
pool_free(struct pool **pp)
{
	struct pool *p = *pp;

	if (p == NULL)
		return;
	assert(TAILQ_EMPTY(&p->waits));
	pool_close_idle(p);
	timer_clear(&p->timer);
	loop_undefer(p->loop, &p->task);
	free(p);
	*pp = NULL;
}

static void
count(struct link *l, enum stats_cell cell, int by)
{
	if (l->pool != NULL)
		stats_add(l->pool->stats, l->pool->worker, l->server->index,
		    cell, by);
}

/* Idle links.  Whatever happens on one of them ends it: the server closed it,
 * said 421, or the idle time is over. */

static void
leave_idle(struct link *l)
{
	TAILQ_REMOVE(&l->pool->targets[l->target].idle, l, entry);
	count(l, STATS_IDLE, -1);
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
	pool_drop(&l);
}

static void
idle_input(void *ctx)
{
	end_idle(ctx, false);
}

static void
idle_end(void *ctx, enum conn_end why, int error)
{
	(void)error;
	end_idle(ctx, why == CONN_DEADLINE);
}

static const struct conn_ops idle_ops = { .on_input = idle_input,
	.on_end = idle_end };

static bool
is_old(const struct link *l)
{
	const struct pool_conf *conf = &l->pool->conf->pool;

	return l->uses >= l->max_uses ||
	    loop_now(l->pool->loop) - l->born >= conf->max_age;
}

/* New links. */

/* Between conn_connect() and the delivery's own callbacks nothing can happen:
 * they are set before the loop runs again. */
static struct link *
open_link(struct pool *p, unsigned target)
{
	struct target *t = &p->targets[target];
	struct link *l;
	struct conn *conn;

	if (!stats_reserve(p->stats, p->worker, t->server->index, STATS_LINKS,
		p->conf->pool.max)) {
		errno = EAGAIN;
		return NULL;
	}
	l = xcalloc(1, sizeof(*l));
	conn = conn_connect(p->loop, (const struct sockaddr *)&t->addr->ss,
	    t->addr->len, &idle_ops, l);
	if (conn == NULL) {
		stats_add(
		    p->stats, p->worker, t->server->index, STATS_LINKS, -1);
		free(l);
		errno = ECONNREFUSED;
		return NULL;
	}
	l->conn = conn;
	l->pool = p;
	l->server = t->server;
	l->addr = t->addr;
	l->target = target;
	l->fresh = true;
	l->born = loop_now(p->loop);
	l->uses = 1;
	l->max_uses = (uint64_t)p->conf->pool.max_uses;
	if (p->conf->type->link_size > 0)
		l->state = xcalloc(1, p->conf->type->link_size);
	count(l, STATS_OPENED, 1);
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
take_idle(struct pool *p, const struct pool_wait *w, unsigned target)
{
	struct link *i, *next, *l = NULL;

	TAILQ_FOREACH_SAFE (i, &p->targets[target].idle, entry, next) {
		if (is_old(i))
			end_idle(i, true);
		else if (is_told(i, w) ? l == NULL || !is_told(l, w)
				       : l == NULL && !i->bound)
			l = i;
	}
	if (l == NULL)
		return NULL;
	leave_idle(l);
	l->uses++;
	count(l, STATS_REUSED, 1);
	return l;
}

/* A new link; an idle one, which can not be of use here, makes room for it. */
static struct link *
open_or_replace(struct pool *p, unsigned target)
{
	struct link *l = open_link(p, target);
	struct link *oldest = TAILQ_LAST(&p->targets[target].idle, link_list);

	if (l != NULL || errno != EAGAIN || oldest == NULL)
		return l;
	end_idle(oldest, true);
	return open_link(p, target);
}

static uint32_t
down_targets(const struct pool *p)
{
	int64_t now = loop_now(p->loop);
	uint32_t down = 0;
	unsigned i;

	for (i = 0; i < p->count; i++)
		if (p->targets[i].down_until > now)
			down |= 1u << i;
	return down;
}

/* A new link to any target but those in avoid. */
static struct link *
open_any(struct pool *p, struct pool_wait *w, uint32_t *full, uint32_t avoid)
{
	unsigned i, target;
	struct link *l;

	for (i = 0; i < p->count; i++) {
		target = (p->turn + i) % p->count;
		if (((w->tried | *full | avoid) & (1u << target)) != 0)
			continue;
		l = open_or_replace(p, target);
		if (l != NULL)
			return l;
		if (errno == EAGAIN)
			*full |= 1u << target;
		else
			w->tried |= 1u << target;
	}
	return NULL;
}

/* One attempt: an idle link of any target in turn, else a new one.  *full has
 * a bit for each target that can not have more links; it is used and added
 * to. */
static struct link *
try_get(struct pool *p, struct pool_wait *w, uint32_t *full)
{
	unsigned i, target;
	struct link *l;

	p->turn++;
	for (i = 0; i < p->count && !w->fresh; i++) {
		target = (p->turn + i) % p->count;
		if ((w->tried & (1u << target)) == 0 &&
		    (l = take_idle(p, w, target)) != NULL)
			return l;
	}
	/* Servers that failed a moment ago are left to those that have no
	 * other choice. */
	l = open_any(p, w, full, down_targets(p));
	return l != NULL ? l : open_any(p, w, full, 0);
}

void
pool_blame(const struct link *l)
{
	struct target *t = &l->pool->targets[l->target];
	int64_t pause = DOWN_FIRST_MS;
	unsigned i;

	for (i = 0; i < t->failures && pause < DOWN_MAX_MS; i++)
		pause *= 2;
	t->failures++;
	t->down_until = loop_now(l->pool->loop) +
	    (pause < DOWN_MAX_MS ? pause : DOWN_MAX_MS);
}

void
pool_fault(const struct link *l, enum fault f)
{
	stats_add(l->pool->stats, l->pool->worker, l->server->index,
	    (enum stats_cell)((unsigned)STATS_FAULT + f), 1);
}

bool
pool_had_fault(const struct link *l, enum fault f)
{
	return stats_sum(l->pool->stats, l->server->index,
		   (enum stats_cell)((unsigned)STATS_FAULT + f)) > 0;
}

void
pool_secured(const struct link *l)
{
	stats_add(
	    l->pool->stats, l->pool->worker, l->server->index, STATS_TLS, 1);
}

bool
pool_had_tls(const struct link *l)
{
	return stats_sum(l->pool->stats, l->server->index, STATS_TLS) > 0;
}

bool
pool_has_other(const struct pool *p, uint32_t tried)
{
	unsigned i;

	for (i = 0; i < p->count; i++)
		if ((tried & (1u << i)) == 0)
			return true;
	return false;
}

struct link *
pool_get(struct pool *p, struct pool_wait *w, bool fresh, uint32_t tried)
{
	struct link *l;
	uint32_t full = 0;

	w->fresh = fresh;
	w->tried = tried;
	w->why = NULL;
	w->until = loop_now(p->loop) + p->conf->pool.wait;
	/* Who came first is served first. */
	if (TAILQ_EMPTY(&p->waits)) {
		l = try_get(p, w, &full);
		if (l != NULL)
			return l;
		if ((full & ~w->tried) == 0) {
			w->why = "no server can be connected to";
			loop_defer(p->loop, &p->task);
		}
	}
	w->pool = p;
	TAILQ_INSERT_TAIL(&p->waits, w, entry);
	if (p->timer.at == 0)
		timer_set(&p->timer, loop_now(p->loop) + POLL_MS);
	return NULL;
}

void
pool_cancel(struct pool_wait *w)
{
	if (w->pool == NULL)
		return;
	if (w->pool->next == w)
		w->pool->next = TAILQ_NEXT(w, entry);
	TAILQ_REMOVE(&w->pool->waits, w, entry);
	w->pool = NULL;
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
	struct link *l;

	if (w->why != NULL) {
		answer(w, NULL, w->why);
		return;
	}
	l = try_get(p, w, full);
	if (l != NULL)
		answer(w, l, NULL);
	else if ((*full & ~w->tried) == 0)
		answer(w, NULL, "no server can be connected to");
	else if (w->until <= loop_now(p->loop))
		answer(w, NULL, "no connection became free in time");
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

/*
 * More links than pool.idle may be idle for a moment: they are what a burst
 * left, and the next burst is likely to be milliseconds away.
 */
static int64_t
idle_time(struct link *l)
{
	struct pool *p = l->pool;

	if (stats_reserve(p->stats, p->worker, l->server->index, STATS_IDLE,
		p->conf->pool.idle))
		return p->conf->pool.idle_timeout;
	count(l, STATS_IDLE, 1);
	return p->conf->pool.idle_timeout < EXCESS_MS
	    ? p->conf->pool.idle_timeout
	    : EXCESS_MS;
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
	p->targets[l->target].failures = 0;
	p->targets[l->target].down_until = 0;
	l->fresh = false;
	conn_input(l->conn, &left);
	conn_set_ops(l->conn, &idle_ops, l);
	if (left > 0 || conn_at_eof(l->conn) || conn_unsent(l->conn) > 0) {
		pool_drop(&l);
		return;
	}
	conn_deadline(l->conn, now + idle_time(l));
	TAILQ_INSERT_HEAD(&p->targets[l->target].idle, l, entry);
	if (is_old(l))
		end_idle(l, true);
	else if (!TAILQ_EMPTY(&p->waits))
		loop_defer(p->loop, &p->task);
}

void
pool_drop(struct link **lp)
{
	struct link *l = *lp;

	if (l == NULL)
		return;
	count(l, STATS_LINKS, -1);
	if (l->pool != NULL && !TAILQ_EMPTY(&l->pool->waits))
		loop_defer(l->pool->loop, &l->pool->task);
	conn_close(&l->conn);
	free(l->state);
	free(l->told);
	free(l);
	*lp = NULL;
}

void
pool_close_idle(struct pool *p)
{
	struct link *l;
	unsigned i;

	for (i = 0; i < p->count; i++)
		while ((l = TAILQ_FIRST(&p->targets[i].idle)) != NULL)
			end_idle(l, true);
}
