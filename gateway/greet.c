/*
 * Deliveries that only open a session: see greet.h.
 */

#include "greet.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "caps.h"
#include "client.h"
#include "compat.h"
#include "delivery.h"
#include "mem.h"

struct greeting {
	struct delivery dl;
	struct dl_outcome outcome;
	struct greets *greets; /* borrowed */
	struct link *link;     /* owned, when it is over */
	void (*done)(void *ctx, struct link *l, const char *why);
	void *ctx;
	LIST_ENTRY(greeting) entry;
};

struct greets {
	struct loop *loop;
	struct relay *relay; /* borrowed */
	LIST_HEAD(greet_list, greeting) list;
};

/* Nobody's message. */
static const struct client nobody = { .ip = "unknown", .is_probe = true };
static const struct envelope nothing = { .count = 0 };

static void on_deadline(void *);
static void on_over(struct delivery *);
static void tell(struct task *);
static void lost(void *, enum conn_end, int);
static void spoke(void *);

/* Between the end and its telling. */
static const struct conn_ops over_ops = { .on_input = spoke, .on_end = lost };

struct greets *
greets_new(struct loop *l, struct relay *relay)
{
	struct greets *g = xcalloc(1, sizeof(*g));

	g->loop = l;
	g->relay = relay;
	LIST_INIT(&g->list);
	return g;
}

static void
destroy(struct greeting *gr)
{
	LIST_REMOVE(gr, entry);
	timer_clear(&gr->dl.deadline);
	loop_undefer(gr->greets->loop, &gr->dl.task);
	free(gr->dl.state);
	delivery_show_forget(&gr->dl);
	free(gr);
}

void
greets_free(struct greets **gp)
{
	struct greets *g = *gp;
	struct greeting *gr;

	if (g == NULL)
		return;
	while ((gr = LIST_FIRST(&g->list)) != NULL) {
		pool_drop(gr->link != NULL ? &gr->link : &gr->dl.link);
		destroy(gr);
	}
	free(g);
	*gp = NULL;
}

void
greet(struct greets *g, const struct backend_conf *conf, struct link *l,
    int64_t deadline, void (*done)(void *ctx, struct link *l, const char *why),
    void *ctx)
{
	struct greeting *gr = xcalloc(1, sizeof(*gr));
	struct delivery *dl = &gr->dl;

	gr->greets = g;
	gr->done = done;
	gr->ctx = ctx;
	LIST_INSERT_HEAD(&g->list, gr, entry);
	dl->magic = DELIVERY_MAGIC;
	dl->relay = g->relay;
	dl->conf = conf;
	dl->order.id = "-";
	dl->order.client = &nobody;
	dl->order.envelope = &nothing;
	dl->order.deadline = deadline;
	dl->began = loop_now(g->loop);
	dl->greeted = on_over;
	dl->task.run = tell;
	dl->outcomes = &gr->outcome;
	dl->count = 1; /* of nobody: it is there for what the server says */
	dl->link = l;
	dl->server = l->server->name;
	timer_init(&dl->deadline, g->loop, on_deadline, dl);
	timer_set(&dl->deadline, deadline);
	delivery_forget(dl);
	delivery_attach(dl);
}

static void
on_deadline(void *arg)
{
	struct delivery *dl = arg;

	compat_strlcpy(dl->error, "no reply in time", sizeof(dl->error));
	on_over(dl);
}

static void
on_over(struct delivery *dl)
{
	struct greeting *gr = container_of(dl, struct greeting, dl);

	if (dl->ended)
		return;
	dl->ended = true;
	if (dl->error[0] == '\0' && !dl->reusable)
		snprintf(dl->error, sizeof(dl->error),
		    "the server said %d %.100s", gr->outcome.reply.code,
		    gr->outcome.reply.text);
	gr->link = dl->link;
	dl->link = NULL;
	conn_set_ops(gr->link->conn, &over_ops, gr);
	timer_clear(&dl->deadline);
	loop_defer(gr->greets->loop, &dl->task);
}

static void
lost(void *ctx, enum conn_end why, int error)
{
	struct greeting *gr = ctx;

	(void)why;
	(void)error;
	if (gr->dl.error[0] == '\0')
		compat_strlcpy(gr->dl.error, "the server closed the connection",
		    sizeof(gr->dl.error));
}

/* pool_put() finds what it said. */
static void
spoke(void *ctx)
{
	(void)ctx;
}

static void
tell(struct task *t)
{
	struct delivery *dl = container_of(t, struct delivery, task);
	struct greeting *gr = container_of(dl, struct greeting, dl);
	struct link *l = gr->link;

	gr->link = NULL;
	gr->done(gr->ctx, l, dl->error[0] != '\0' ? dl->error : NULL);
	destroy(gr);
}

/* Links that a pool opens in advance. */

/* What it offered does not hold any more, as with a delivery that failed. */
static void
opened(void *ctx, struct link *l, const char *why)
{
	struct greets *g = ctx;

	if (why == NULL) {
		l->max_uses++; /* this one was no transaction */
		pool_put(&l, false);
		return;
	}
	pool_blame(l, why);
	caps_lost(
	    relay_caps(g->relay), pool_conf_of(l->pool)->name, l->server->name);
	pool_drop(&l);
}

static void
open_session(
    void *ctx, struct pool *p, const struct server_conf *sc, struct link *l)
{
	struct greets *g = ctx;
	const struct backend_conf *conf = pool_conf_of(p);

	if (l == NULL) {
		caps_lost(relay_caps(g->relay), conf->name, sc->name);
		return;
	}
	greet(g, conf, l,
	    loop_now(g->loop) + conf->connect_timeout + conf->reply_timeout,
	    opened, g);
}

void
greets_serve(struct greets *g, struct pool *p)
{
	if (pool_conf_of(p)->type->greet != NULL)
		pool_set_opener(p, open_session, g);
}
