/*
 * A transaction's deliveries: see dispatch.h.
 */

#include "dispatch_impl.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "compat.h"
#include "envelope.h"
#include "flight.h"
#include "fold.h"
#include "loop.h"
#include "mem.h"
#include "remember.h"

#define ADDED_MS 30000 /* for recipients whom the client knows nothing of */

static void look_back(struct dispatch *);
static void start_parts(struct dispatch *);
static void start_part(struct dispatch *, struct part *);
static void on_link(void *);
static void on_ready(void *);
static void on_committing(void *);
static void on_part_done(void *, const struct relay_outcome *);
static bool is_accepted(const struct dl_outcome *);
static void decide(struct task *);
static bool all_accepted(const struct dispatch *);
static void finish(struct dispatch *);
static void say_busy(struct relay_outcome *);
static void fold_all(const struct dispatch *, struct relay_outcome *);
static void remember(const struct dispatch *, const struct relay_outcome *);
static void remember_refusals(
    const struct dispatch *, const struct relay_outcome *);
static bool any_held(const struct dispatch *);
static void destroy(struct dispatch *);

struct dispatch *
dispatch_start(
    const struct dispatch_order *order, dispatch_done_fn *done, void *ctx)
{
	const struct envelope *e = order->envelope;
	struct dispatch *d = xcalloc(1, sizeof(*d));

	d->order = *order;
	d->done = done;
	d->ctx = ctx;
	d->task.run = decide;
	d->results = xcalloc(e->count, sizeof(*d->results));
	d->busy = !flight_begin(
	    order->flight, order->arena, e, order->message, order->headers);
	if (!d->busy) {
		look_back(d);
		dispatch_divide(d);
	}
	d->left = d->count;
	d->outcomes = xcalloc(d->count + 1, sizeof(*d->outcomes));
	start_parts(d);
	if (d->count == 0)
		loop_defer(order->loop, &d->task);
	return d;
}

/* What earlier attempts have done. */
static void
look_back(struct dispatch *d)
{
	const struct dispatch_order *o = &d->order;
	int64_t now = loop_now(o->loop);
	size_t i;

	d->known = recall_done(o->journal, now, o->envelope, o->message);
	for (i = 0; i < o->envelope->count; i++)
		switch (flight_past(o->flight, now, i)) {
		case FLIGHT_NEW:
			break;
		case FLIGHT_DELIVERED:
			if (d->known == NULL)
				d->known = xcalloc(
				    o->envelope->count, sizeof(*d->known));
			d->known[i] = true;
			break;
		case FLIGHT_UNKNOWN:
			d->again++;
			break;
		}
}

/*
 * A part keeps its connection until all have answered.  Where connections are
 * short, two messages would wait for what the other one has; so all take them
 * in the same order, one after another.
 */
static void
start_parts(struct dispatch *d)
{
	struct part *p;
	size_t i;

	for (i = 0; i < d->count; i++) {
		p = &d->parts[i];
		if (!p->begun)
			start_part(d, p);
		if (!p->linked && p->delivery != NULL)
			return;
	}
}

static void
start_part(struct dispatch *d, struct part *p)
{
	int64_t soon = loop_now(d->order.loop) + ADDED_MS;
	const struct relay_order order = {
		.id = d->order.id,
		.client = d->order.client,
		.envelope = d->order.envelope,
		.message = d->order.message,
		.rcpts = p->rcpts,
		.rcpt_count = p->count,
		.backend = p->backend,
		.deadline = d->order.deadline < soon || !p->added
		    ? d->order.deadline
		    : soon,
		.shared = d->count > 1,
		.linked = on_link,
		.ready = on_ready,
		.committing = on_committing,
	};

	p->begun = true;
	p->delivery = relay_start(d->order.relay, &order, on_part_done, p);
}

/* These two are called from inside the relay: what to do is for the loop. */
static void
on_link(void *ctx)
{
	struct part *p = ctx;

	p->linked = true;
	if (p->dispatch->count > 1)
		on_ready(p);
}

static void
on_ready(void *ctx)
{
	struct part *p = ctx;

	loop_defer(p->dispatch->order.loop, &p->dispatch->task);
}

static void
on_committing(void *ctx)
{
	struct part *p = ctx;
	size_t i;

	for (i = 0; i < p->count; i++)
		flight_set(
		    p->dispatch->order.flight, p->rcpts[i], INFLIGHT_COMMITTED);
}

static void
on_part_done(void *ctx, const struct relay_outcome *o)
{
	struct part *p = ctx;
	struct dispatch *d = p->dispatch;
	size_t i;

	p->delivery = NULL;
	d->outcomes[p - d->parts] = *o;
	for (i = 0; i < p->count; i++) {
		d->results[p->rcpts[i]] = o->results[i];
		if (!o->results[i].unknown)
			flight_set(d->order.flight, p->rcpts[i],
			    is_accepted(&o->results[i]) ? INFLIGHT_DELIVERED
							: INFLIGHT_FREE);
	}
	if (--d->left == 0)
		finish(d);
	else
		loop_defer(d->order.loop, &d->task);
}

static bool
is_accepted(const struct dl_outcome *r)
{
	struct reply mapped;
	bool alarm;

	fold_map(r->stage, &r->reply, &mapped, &alarm);
	return reply_class(mapped.code) == 2;
}

/* Nobody waits for those that were added. */
static bool
has_answered(const struct part *p)
{
	return p->added || p->told ||
	    (p->begun && (p->delivery == NULL || relay_is_ready(p->delivery)));
}

/* When every backend has answered for its recipients, all get the message, or
 * none of them does. */
static void
decide(struct task *t)
{
	struct dispatch *d = container_of(t, struct dispatch, task);
	size_t i;
	bool go;

	if (d->count == 0) {
		finish(d);
		return;
	}
	start_parts(d);
	for (i = 0; i < d->count; i++)
		if (!has_answered(&d->parts[i]))
			return;
	go = all_accepted(d);
	for (i = 0; i < d->count; i++) {
		if (d->parts[i].delivery == NULL || d->parts[i].told ||
		    !relay_is_ready(d->parts[i].delivery))
			continue;
		d->parts[i].told = true;
		if (go)
			relay_release(d->parts[i].delivery);
		else
			relay_hold_back(d->parts[i].delivery);
	}
}

/* Those that have ended. */
static bool
all_accepted(const struct dispatch *d)
{
	size_t i;

	for (i = 0; i < d->count; i++)
		if (d->parts[i].delivery == NULL && !d->parts[i].added &&
		    d->outcomes[i].code / 100 != 2)
			return false;
	return true;
}

static void
finish(struct dispatch *d)
{
	struct dispatch_outcome o = { .parts = d->outcomes,
		.count = d->count,
		.discarded = d->discarded,
		.again = d->again,
		.busy = d->busy };

	loop_undefer(d->order.loop, &d->task);
	if (d->busy) {
		say_busy(&o.all);
	} else {
		fold_all(d, &o.all);
		remember(d, &o.all);
	}
	d->done(d->ctx, &o);
	destroy(d);
}

/* What becomes of the delivery that is under way nobody knows yet.  When the
 * client comes again, the journal does. */
static void
say_busy(struct relay_outcome *all)
{
	all->code = 451;
	compat_strlcpy(all->enhanced, "4.3.0", sizeof(all->enhanced));
	compat_strlcpy(all->text,
	    "this message is being delivered already, please try again later",
	    sizeof(all->text));
}

static void
fold_all(const struct dispatch *d, struct relay_outcome *all)
{
	size_t count = d->order.envelope->count, n = 0, added = 0, i;
	struct dl_outcome *list = xcalloc(count, sizeof(*list));

	memset(all, 0, sizeof(*all));
	for (i = 0; i < count; i++)
		if (d->order.envelope->rcpts[i].added)
			added +=
			    d->order.envelope->rcpts[i].backend_name != NULL;
		else if (d->results[i].set)
			list[n++] = d->results[i];
	all->known = count - n - d->discarded - added;
	fold(list, n, all);
	free(list);
	if (n == 0 && all->known == 0)
		compat_strlcpy(
		    all->text, "message accepted", sizeof(all->text));
	for (i = 0; i < d->count; i++) {
		all->committed = all->committed || d->outcomes[i].committed;
		all->uncertain = all->uncertain || d->outcomes[i].uncertain;
		if (all->error[0] == '\0')
			compat_strlcpy(all->error, d->outcomes[i].error,
			    sizeof(all->error));
	}
}

/*
 * What the reply does not tell is kept for the client's retry: refusals behind
 * a 4xx, and recipients who have the message behind a 4xx or without a client.
 */
static void
remember(const struct dispatch *d, const struct relay_outcome *all)
{
	const struct dispatch_order *order = &d->order;
	int64_t now = loop_now(order->loop);
	bool *done;
	size_t i;

	for (i = 0; i < order->envelope->count; i++)
		if (d->results[i].unknown)
			flight_is_unknown(order->flight, now, i);
	if (d->abandoned && all->code / 100 == 2)
		remember_done(
		    order->journal, now, order->envelope, order->message, NULL);
	if (order->envelope->count == 1 || all->code / 100 != 4)
		return;
	remember_refusals(d, all);
	if (all->accepted == all->known)
		return;
	done = xcalloc(order->envelope->count, sizeof(*done));
	for (i = 0; i < order->envelope->count; i++)
		done[i] = d->results[i].set && is_accepted(&d->results[i]);
	remember_done(
	    order->journal, now, order->envelope, order->message, done);
	free(done);
}

/* Those for good; and those for now, if they have held up others: the retry
 * shall find them at RCPT, and the others get the message.  What became of an
 * uncertain one is no refusal. */
static void
remember_refusals(const struct dispatch *d, const struct relay_outcome *all)
{
	const struct envelope *e = d->order.envelope;
	bool for_now = any_held(d) && !all->uncertain, alarm;
	const struct dl_outcome *r;
	struct reply mapped;
	size_t i;
	int class;

	for (i = 0; i < e->count; i++) {
		r = &d->results[i];
		if (!r->set || r->held || e->rcpts[i].added)
			continue;
		fold_map(r->stage, &r->reply, &mapped, &alarm);
		if (r->own_text)
			fold_own_text(&mapped);
		class = reply_class(mapped.code);
		if (class == 5 || (class == 4 && for_now))
			remember_refused(d->order.journal,
			    loop_now(d->order.loop), e->rcpts[i].backend_name,
			    &e->sender, &e->rcpts[i].addr,
			    r->stage == DL_STAGE_FINAL ? e->size : 0, &mapped);
	}
}

static bool
any_held(const struct dispatch *d)
{
	size_t i;

	for (i = 0; i < d->order.envelope->count; i++)
		if (d->results[i].held)
			return true;
	return false;
}

bool
dispatch_abandon(struct dispatch **dp)
{
	struct dispatch *d = *dp;
	bool committed = d->left == 0;
	size_t i;

	for (i = 0; i < d->count; i++)
		committed = committed || d->outcomes[i].committed ||
		    (d->parts[i].delivery != NULL &&
			relay_is_committed(d->parts[i].delivery));
	if (committed) {
		d->abandoned = true;
		return false;
	}
	for (i = 0; i < d->count; i++)
		if (d->parts[i].delivery != NULL)
			relay_cancel(&d->parts[i].delivery);
	loop_undefer(d->order.loop, &d->task);
	*dp = NULL;
	destroy(d);
	return true;
}

static void
destroy(struct dispatch *d)
{
	size_t i;

	for (i = 0; i < d->count; i++)
		free(d->parts[i].rcpts);
	free(d->parts);
	free(d->outcomes);
	free(d->results);
	free(d->known);
	free(d);
}
