/*
 * The relay: beginning, links and the end of deliveries.  See relay.h; the
 * conversation in between is in delivery.c.
 */

#include <sys/socket.h>

#include <assert.h>
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "balance.h"
#include "caps.h"
#include "client.h"
#include "compat.h"
#include "conn.h"
#include "delivery.h"
#include "fold.h"
#include "greet.h"
#include "log.h"
#include "loop.h"
#include "mem.h"
#include "names.h"
#include "message.h"
#include "offer.h"
#include "relay.h"
#include "verified.h"

struct relay {
	struct loop *loop;
	const struct backend_conf *backends;
	size_t count;
	struct pool **pools;   /* owned; NULL for backends without servers */
	struct greets *greets; /* owned */
	int agent_fd;
	const char *hostname;
	struct verified *verified; /* owned */
	struct names *names;	   /* owned; NULL without a resolver */
	struct caps *caps;	   /* borrowed, as the next; may be NULL */
	const struct servers *servers;
};

static void got_link(struct pool_wait *w, struct link *l, const char *why);
static void on_deadline(void *arg);
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
	dl->wait.got = got_link;
	dl->task.run = tell_end;
	dl->count =
	    order->rcpts != NULL ? order->rcpt_count : order->envelope->count;
	assert(dl->count > 0);
	if (dl->conf->balance == BALANCE_HASH)
		dl->wait.key = balance_hash(dl_recipient(dl, 0)->text,
		    strlen(dl_recipient(dl, 0)->text));
	dl->outcomes = xcalloc(dl->count, sizeof(struct dl_outcome));
	dl->identity = delivery_identity(dl);
	dl->wait.identity = dl->identity;
	timer_init(&dl->deadline, r->loop, on_deadline, dl);
	timer_set(&dl->deadline, order->deadline);
	delivery_attempt(dl, false);
	return dl;
}

/* Links. */

static void
use_link(struct delivery *dl, struct link *l)
{
	dl->link = l;
	dl->server = l->server != NULL ? l->server->name : NULL;
	dl->tls = l->tls;
	delivery_attach(dl);
}

/* The agent gets one end of a new socketpair; its link is never pooled. */
static void
open_agent_link(struct delivery *dl)
{
	struct link *l;
	int fds[2];

	if (socketpair(AF_UNIX, SOCK_STREAM, 0, fds) == -1) {
		delivery_link_lost(dl, "socketpair: %s", strerror(errno));
		return;
	}
	if (net_nonblock(fds[0]) == -1 || net_cloexec(fds[0]) == -1 ||
	    net_send_fd(dl->relay->agent_fd, fds[1]) == -1) {
		delivery_link_lost(
		    dl, "the agent can not be reached: %s", strerror(errno));
		close(fds[0]);
		close(fds[1]);
		return;
	}
	close(fds[1]);
	l = xcalloc(1, sizeof(*l));
	l->connected = true;
	l->born = loop_now(dl->relay->loop);
	l->uses = 1;
	if (dl->conf->type->link_size > 0)
		l->state = xcalloc(1, dl->conf->type->link_size);
	l->conn = conn_new(dl->relay->loop, fds[0], NULL, NULL);
	use_link(dl, l);
}

/* Servers that the pool could not even begin to connect to. */
static void
note_unreachable(struct delivery *dl)
{
	struct pool *p = dl->relay->pools[dl->order.backend];
	uint32_t failed = dl->wait.tried & ~dl->tried;
	unsigned i;

	for (i = 0; failed != 0; i++, failed >>= 1)
		if ((failed & 1) != 0)
			caps_lost(dl->relay->caps, dl->conf->name,
			    pool_server(p, i)->name);
}

void
delivery_attempt(struct delivery *dl, bool fresh)
{
	struct link *l;

	delivery_forget(dl);
	dl->error[0] = '\0';
	if (dl->conf->type->link != BACKEND_SERVER && delivery_lacks(dl))
		return;
	switch (dl->conf->type->link) {
	case BACKEND_NO_LINK:
		delivery_begin(dl);
		break;
	case BACKEND_AGENT:
		open_agent_link(dl);
		break;
	case BACKEND_SERVER:
		l = pool_get(dl->relay->pools[dl->order.backend], &dl->wait,
		    fresh, dl->tried);
		note_unreachable(dl);
		if (l != NULL)
			use_link(dl, l);
		break;
	}
}

static void
got_link(struct pool_wait *w, struct link *l, const char *why)
{
	struct delivery *dl = container_of(w, struct delivery, wait);

	note_unreachable(dl);
	if (l != NULL)
		use_link(dl, l);
	else
		delivery_link_lost(dl, "%s", why);
}

static void
on_deadline(void *arg)
{
	struct delivery *dl = arg;

	dl->broken = true;
	snprintf(dl->error, sizeof(dl->error), "%s",
	    dl->resume != NULL	   ? "other backends not ready in time"
		: dl->link == NULL ? "no connection in time"
				   : "no reply in time");
	/* Not if it was we who were slow. */
	if (dl->link != NULL && dl->link->pool != NULL && dl->next != NULL &&
	    dl->reader == NULL &&
	    loop_now(dl->relay->loop) - dl->attached >=
		dl->conf->connect_timeout)
		pool_blame(dl->link, dl->error);
	delivery_finish(dl);
}

/*
 * An attempt failed.  As long as nothing was committed, a pooled connection
 * that turned out stale is replaced by a fresh one, once and silently, and a
 * server that can not be talked to by the next one.
 */
void
delivery_link_lost(struct delivery *dl, const char *fmt, ...)
{
	bool was_pooled = dl->link != NULL && dl->link->uses > 1;
	bool again = false;
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(dl->error, sizeof(dl->error), fmt, ap);
	va_end(ap);
	if (dl->greeted != NULL) {
		dl->greeted(dl);
		return;
	}
	if (dl->link != NULL && dl->link->pool != NULL) {
		if (dl->committed || !was_pooled) {
			dl->tried |= 1u << dl->link->target;
			pool_blame(dl->link, dl->error);
			caps_lost(dl->relay->caps, dl->conf->name,
			    dl->link->server->name);
		}
		again = !dl->committed &&
		    (was_pooled || pool_has_other(dl->link->pool, dl->tried));
	}
	dl->broken = true;
	if (!again) {
		delivery_finish(dl);
		return;
	}
	log_event(LEVEL_DEBUG, "%s: backend %s: %s; trying another connection",
	    dl->order.id, dl->conf->name, dl->error);
	pool_drop(&dl->link);
	delivery_attempt(dl, was_pooled);
}

/* Did the server refuse to talk at all (banner, EHLO, RSET), or close a pooled
 * connection with 421 instead of an answer? */
static bool
server_unwilling(const struct delivery *dl)
{
	const struct dl_outcome *first = &dl->outcomes[0];
	size_t i;

	if (dl->link->uses > 1 && first->set && first->reply.code == 421)
		return true;
	for (i = 0; i < dl_count(dl); i++)
		if (!dl->outcomes[i].set ||
		    dl->outcomes[i].stage != DL_STAGE_SESSION)
			return false;
	return true;
}

void
delivery_progress(struct delivery *dl, enum progress p)
{
	char why[sizeof(dl->error)];

	assert(dl->magic == DELIVERY_MAGIC);
	if (dl->ended)
		return;
	if (p == DELIVERY_PENDING) {
		assert(dl->next != NULL || dl->resume != NULL ||
		    dl->secured != NULL);
		if (dl->link != NULL)
			conn_flush(dl->link->conn);
		return;
	}
	if (dl->greeted != NULL) {
		dl->greeted(dl);
		return;
	}
	if (dl->lacks != 0) {
		delivery_try_fitter(dl);
		return;
	}
	if (dl->error[0] != '\0') {
		compat_strlcpy(why, dl->error, sizeof(why));
		delivery_link_lost(dl, "%s", why);
		return;
	}
	if (dl->link != NULL && !dl->committed && server_unwilling(dl)) {
		delivery_link_lost(dl, "the server said %d %s",
		    dl->outcomes[0].reply.code, dl->outcomes[0].reply.text);
		return;
	}
	delivery_finish(dl);
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
