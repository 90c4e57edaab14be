/*
 * The relay: beginning and end of deliveries.  See relay.h; delivery_attempt.c
 * finds the links, the conversation is in delivery.c.
 */

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "balance.h"
#include "client.h"
#include "compat.h"
#include "delivery.h"
#include "fold.h"
#include "greet.h"
#include "loop.h"
#include "mem.h"
#include "names.h"
#include "message.h"
#include "offer.h"
#include "relay.h"
#include "relay_impl.h"
#include "verified.h"

static void tell_end(struct task *t);
static void keep_verdict(struct delivery *, const struct relay_outcome *);

struct relay *
relay_new(struct loop *l, const struct backend_conf *conf, size_t count,
    const struct pool_shared *shared, int agent_fd, const char *hostname)
{
	struct relay *r = xcalloc(1, sizeof(*r));
	size_t i;

	r->loop = l;
	r->backends = conf;
	r->count = count;
	r->agent_fd = agent_fd;
	r->hostname = hostname;
	r->verified = verified_new();
	r->pools = xcalloc(count + 1, sizeof(struct pool *));
	r->greets = greets_new(l, r);
	r->servers = shared != NULL ? shared->servers : NULL;
	for (i = 0; i < count; i++) {
		if (conf[i].type->link != BACKEND_SERVER || shared == NULL)
			continue;
		r->pools[i] = pool_new(l, &conf[i], shared);
		greets_serve(r->greets, r->pools[i]);
	}
	return r;
}

void
relay_free(struct relay **rp)
{
	struct relay *r = *rp;
	size_t i;

	if (r == NULL)
		return;
	names_free(&r->names);
	greets_free(&r->greets);
	for (i = 0; i < r->count; i++)
		pool_free(&r->pools[i]);
	free(r->pools);
	verified_free(&r->verified);
	free(r);
	*rp = NULL;
}

void
relay_set_show(struct relay *r, const struct relay_show *show)
{
	r->show = *show;
}

void
relay_close_idle(struct relay *r)
{
	size_t i;

	for (i = 0; i < r->count; i++)
		if (r->pools[i] != NULL)
			pool_close_idle(r->pools[i]);
}

static void
on_addresses(
    void *ctx, const struct backend_conf *bc, const struct server_conf *sc)
{
	struct relay *r = ctx;
	struct pool *p = r->pools[bc - r->backends];

	(void)sc;
	if (p != NULL)
		pool_set_targets(p);
}

void
relay_set_dns(struct relay *r, struct dns *dns)
{
	r->names =
	    names_new(r->loop, dns, r->backends, r->count, on_addresses, r);
}

void
relay_set_caps(struct relay *r, struct caps *c)
{
	r->caps = c;
}

void
relay_offer(
    const struct relay *r, const struct offer_routes *routes, struct ehlo *e_r)
{
	offer_find(r->caps, r->servers, r->backends, routes, e_r);
}

uint32_t
relay_rcpt_max(const struct relay *r, unsigned backend)
{
	return offer_rcpt_max(r->caps, r->servers, &r->backends[backend]);
}

struct caps *
relay_caps(const struct relay *r)
{
	return r->caps;
}

struct caps *
delivery_caps(const struct delivery *dl)
{
	return dl->relay->caps;
}

const char *
dl_helo(const struct delivery *dl)
{
	return dl->conf->helo != NULL ? dl->conf->helo : dl->relay->hostname;
}

/* However its address is written, a mailbox has one server. */
static uint64_t
key_of(const struct address *a)
{
	char buf[ADDRESS_PLAIN_SIZE];
	const char *plain = address_plain(a, buf, sizeof(buf));

	return balance_hash(plain, strlen(plain));
}

struct delivery *
relay_start(struct relay *r, const struct relay_order *order,
    relay_done_fn *done, void *ctx)
{
	struct delivery *dl = xcalloc(1, sizeof(*dl));

	assert(order->backend < r->count);
	dl->magic = DELIVERY_MAGIC;
	dl->relay = r;
	dl->order = *order;
	dl->conf = &r->backends[order->backend];
	dl->done = done;
	dl->ctx = ctx;
	dl->began = loop_now(r->loop);
	dl->wait.got = delivery_got_link;
	dl->task.run = tell_end;
	dl->count =
	    order->rcpts != NULL ? order->rcpt_count : order->envelope->count;
	assert(dl->count > 0);
	if (dl->conf->balance == BALANCE_HASH)
		dl->wait.key = key_of(dl_recipient(dl, 0));
	dl->outcomes = xcalloc(dl->count, sizeof(struct dl_outcome));
	dl->identity = delivery_identity(dl);
	dl->wait.identity = dl->identity;
	timer_init(&dl->deadline, r->loop, delivery_too_late, dl);
	timer_set(&dl->deadline, order->deadline);
	delivery_attempt(dl, false);
	return dl;
}

/* The end. */

static void
let_go(struct delivery *dl)
{
	message_reader_free(&dl->reader);
	pool_cancel(&dl->wait);
	if (dl->link == NULL)
		return;
	if (dl->link->pool != NULL && dl->reusable && !dl->broken)
		pool_put(&dl->link, dl->reset_after);
	else
		pool_drop(&dl->link);
}

void
delivery_finish(struct delivery *dl)
{
	struct reply none;
	size_t i;

	if (dl->ended)
		return;
	dl->ended = true;
	fold_trouble(&none);
	for (i = 0; i < dl_count(dl); i++) {
		if (dl->outcomes[i].set)
			continue;
		assert(dl->error[0] != '\0');
		dl_result(dl, i, DL_STAGE_SESSION, &none);
		dl->outcomes[i].unknown = dl->uncertain = dl->committed;
	}
	let_go(dl);
	timer_clear(&dl->deadline);
	loop_defer(dl->relay->loop, &dl->task);
}

/* Which recipient was refused how, for the record. */
static void
list_refusals(const struct delivery *dl, struct relay_outcome *o)
{
	const struct reply *r;
	size_t i, at = 0;
	int n;

	for (i = 0; dl_count(dl) > 1 && i < dl_count(dl); i++) {
		r = &dl->outcomes[i].reply;
		if (r->lines == 0 || reply_class(r->code) == 2 ||
		    at >= sizeof(o->refusals))
			continue;
		n = snprintf(o->refusals + at, sizeof(o->refusals) - at,
		    "%s%s: %d %s %s", at > 0 ? ", " : "",
		    dl_recipient(dl, i)->text, r->code, r->enhanced, r->text);
		at += n > 0 ? (size_t)n : 0;
	}
}

/* The one recipient of a verification; what the client will hear. */
static void
keep_verdict(struct delivery *dl, const struct relay_outcome *o)
{
	struct relay *r = dl->relay;
	struct reply said;

	if (dl->conf->verify_cache == 0)
		return;
	reply_init(&said);
	said.code = o->code;
	compat_strlcpy(said.enhanced, o->enhanced, sizeof(said.enhanced));
	compat_strlcpy(said.text, o->text, sizeof(said.text));
	verified_put(r->verified, dl->conf->name, &dl->order.envelope->sender,
	    dl_recipient(dl, 0), loop_now(r->loop) + dl->conf->verify_cache,
	    &said);
}

bool
relay_wants_verify(const struct relay *r, unsigned backend,
    const struct envelope *e, bool more)
{
	const struct backend_conf *bc = &r->backends[backend];

	if (bc->type->verify == NULL || bc->verify == VERIFY_NO)
		return false;
	return bc->verify == VERIFY_YES || e->count > 1 || more;
}

bool
relay_verified(const struct relay *r, unsigned backend,
    const struct address *sender, const struct address *rcpt,
    struct reply *reply_r)
{
	return verified_get(r->verified, r->backends[backend].name, sender,
	    rcpt, loop_now(r->loop), reply_r);
}

static void
destroy(struct delivery *dl)
{
	free(dl->state);
	delivery_show_forget(dl);
	free(dl->outcomes);
	free(dl->identity);
	dl->magic = 0;
	free(dl);
}

static void
tell_end(struct task *t)
{
	struct delivery *dl = container_of(t, struct delivery, task);
	struct relay_outcome o;

	o.known = 0;
	fold(dl->outcomes, dl->count, &o);
	if (dl->order.verify)
		keep_verdict(dl, &o);
	o.refusals[0] = '\0';
	list_refusals(dl, &o);
	o.backend = dl->conf->name;
	o.server = dl->server;
	o.reused = dl->reused;
	o.committed = dl->committed;
	o.fault = fault_name(dl->fault);
	o.tls = dl->tls;
	o.uncertain = dl->uncertain;
	o.ms = loop_now(dl->relay->loop) - dl->began;
	o.results = dl->outcomes;
	compat_strlcpy(o.error, dl->error, sizeof(o.error));
	dl->done(dl->ctx, &o);
	destroy(dl);
}

void
relay_cancel(struct delivery **dlp)
{
	struct delivery *dl = *dlp;

	*dlp = NULL;
	dl->broken = true;
	let_go(dl);
	timer_clear(&dl->deadline);
	loop_undefer(dl->relay->loop, &dl->task);
	destroy(dl);
}

bool
relay_abandon(struct delivery **dlp)
{
	struct delivery *dl = *dlp;

	if (dl->committed || dl->ended)
		return false;
	relay_cancel(dlp);
	return true;
}

/* Several backends. */

bool
relay_is_ready(const struct delivery *dl)
{
	return dl->resume != NULL && !dl->ended;
}

bool
relay_is_committed(const struct delivery *dl)
{
	return dl->committed;
}

void
relay_release(struct delivery *dl)
{
	backend_fn *resume = dl->resume;

	assert(relay_is_ready(dl));
	dl->resume = NULL;
	dl->agreed = true;
	delivery_progress(dl, resume(dl));
}

void
relay_hold_back(struct delivery *dl)
{
	assert(relay_is_ready(dl));
	dl->resume = NULL;
	dl_hold_back(dl);
	dl_link_reusable(dl, true);
	delivery_finish(dl);
}
