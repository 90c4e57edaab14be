/*
 * The filter chain: see chain.h and filter.h.
 *
 * The runner is a loop over the instances, resumed where it stopped; it never
 * recurses, so the depth of the stack does not depend on the configuration.
 */

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "chain.h"
#include "compat.h"
#include "filter_call.h"
#include "log.h"
#include "loop.h"
#include "mem.h"
#include "tx.h"

#define OBSERVED_MAX 500 /* then nothing is added any more */
#define CALL_MAGIC 0x66636c31u

static const char *const on_unknown_names[] = { "pass", "defer", "reject",
	NULL };

#define OPT(field) offsetof(struct chain_conf, field)
const struct opt chain_options[] = {
	{ .name = "timeout",
	    .type = OPT_DURATION,
	    .offset = OPT(timeout),
	    .def = "10s",
	    .min = 1,
	    .max = 600000,
	    .help = "how long one call may take; then it is unknown" },
	{ .name = "on-unknown",
	    .type = OPT_CHOICE,
	    .offset = OPT(on_unknown),
	    .def = "defer",
	    .values = on_unknown_names,
	    .help = "what to do when the filter can not find out" },
	{ .name = "observe",
	    .type = OPT_BOOL,
	    .offset = OPT(observe),
	    .def = "no",
	    .help = "judge and log, but let everything pass" },
	{ .name = "breaker",
	    .type = OPT_NUMBER,
	    .offset = OPT(breaker),
	    .def = "10",
	    .min = 0,
	    .max = 1000000,
	    .help = "unknowns in a row after which the filter is not asked "
		    "for a while; 0: never" },
	{ .name = "breaker-pause",
	    .type = OPT_DURATION,
	    .offset = OPT(breaker_pause),
	    .def = "30s",
	    .min = 1,
	    .max = 86400000,
	    .help = "how long it is not asked then" },
	{ .name = NULL },
};

/* The circuit breaker of an instance, in this worker. */
struct breaker {
	int64_t unknowns;   /* in a row */
	int64_t open_until; /* 0: closed */
};

struct chain {
	struct loop *loop;
	const struct filter_instance *const *instances; /* borrowed */
	size_t count;
	struct breaker *breakers;	 /* one per instance */
	struct dns *dns;		 /* borrowed; may be NULL */
	const struct services *services; /* borrowed */
	const char *hostname;		 /* borrowed; NULL: none was set */
};

struct chain_run {
	struct chain *chain; /* borrowed */
	struct tx *tx;	     /* borrowed */
	struct client *client;
	chain_done_fn *done;
	void *ctx;
	enum phase phase;
	const struct address *rcpt;
	size_t at;    /* the instance at work */
	bool waiting; /* call is PENDING */
	struct filter_call call;
	struct judgement result;
	void **session_states; /* owned; one per instance, NULL until used */
	void **tx_states;
};

static bool run_on(struct chain_run *r);

struct chain *
chain_new(struct loop *l, const struct filter_instance *const *instances,
    size_t count)
{
	struct chain *c = xcalloc(1, sizeof(*c));

	c->loop = l;
	c->instances = instances;
	c->count = count;
	c->breakers = xcalloc(count + 1, sizeof(*c->breakers));
	return c;
}

void
chain_set_dns(struct chain *c, struct dns *dns)
{
	c->dns = dns;
}

void
chain_set_services(struct chain *c, const struct services *s)
{
	c->services = s;
}

void
chain_set_hostname(struct chain *c, const char *hostname)
{
	c->hostname = hostname;
}

void
chain_free(struct chain **cp)
{
	if (*cp == NULL)
		return;
	free((*cp)->breakers);
	free(*cp);
	*cp = NULL;
}

static void
on_deadline(void *arg)
{
	struct filter_call *fc = arg;

	op_cancel_all(&fc->owner);
	fc->reason = "timed out";
	chain_call_continued(fc, VERDICT_UNKNOWN);
}

struct chain_run *
chain_run_new(struct chain *c, struct tx *tx, struct client *client,
    chain_done_fn *done, void *ctx)
{
	struct chain_run *r = xcalloc(1, sizeof(*r));

	r->chain = c;
	r->tx = tx;
	r->client = client;
	r->done = done;
	r->ctx = ctx;
	r->call.magic = CALL_MAGIC;
	r->call.run = r;
	r->call.tx = tx;
	r->call.client = client;
	r->call.dns = c->dns;
	r->call.services = c->services;
	r->call.hostname = c->hostname;
	op_owner_init(&r->call.owner, c->loop);
	timer_init(&r->call.deadline, c->loop, on_deadline, &r->call);
	r->session_states = xcalloc(c->count + 1, sizeof(void *));
	r->tx_states = xcalloc(c->count + 1, sizeof(void *));
	return r;
}

static void
free_states(struct chain_run *r, void **states)
{
	size_t i;

	for (i = 0; i < r->chain->count; i++) {
		free(states[i]);
		states[i] = NULL;
	}
}

void
chain_run_free(struct chain_run **rp)
{
	struct chain_run *r = *rp;

	if (r == NULL)
		return;
	chain_run_cancel(r);
	free_states(r, r->session_states);
	free_states(r, r->tx_states);
	free(r->session_states);
	free(r->tx_states);
	r->call.magic = 0;
	free(r);
	*rp = NULL;
}

void
chain_run_reset_tx(struct chain_run *r)
{
	assert(!r->waiting);
	free_states(r, r->tx_states);
}

void
chain_run_set_auth(struct chain_run *r, struct auth_exchange *x)
{
	r->call.auth = x;
}

void
chain_run_cancel(struct chain_run *r)
{
	op_cancel_all(&r->call.owner);
	timer_clear(&r->call.deadline);
	r->waiting = false;
}

const char *
chain_run_waits_for(const struct chain_run *r, int64_t *since_ms_r)
{
	if (!r->waiting)
		return NULL;
	*since_ms_r = r->call.since;
	return r->call.instance->name;
}

/* Runs a phase from its first filter. */
const struct judgement *
chain_run_phase(
    struct chain_run *r, enum phase phase, const struct address *rcpt)
{
	assert(!r->waiting);
	r->phase = phase;
	r->rcpt = rcpt;
	r->at = 0;
	r->result = (struct judgement){ .verdict = VERDICT_PASS };
	return run_on(r) ? &r->result : NULL;
}

static void *
state_of(void **slot, size_t size)
{
	if (*slot == NULL && size > 0)
		*slot = xcalloc(1, size);
	return *slot;
}

/* Calls the filter at r->at; PASS if it does not care about the phase. */
static enum verdict
call_filter(struct chain_run *r)
{
	const struct filter_instance *fi = r->chain->instances[r->at];
	struct breaker *b = &r->chain->breakers[r->at];
	struct filter_call *fc = &r->call;
	filter_fn *fn = fi->type->on[r->phase];

	if (fn == NULL)
		return VERDICT_PASS;
	fc->instance = fi;
	fc->phase = r->phase;
	fc->rcpt = r->rcpt;
	fc->since = loop_now(r->chain->loop);
	fc->judgement = (struct judgement){ .verdict = VERDICT_PASS };
	fc->reason = NULL;
	fc->client_turn = false;
	fc->session_state =
	    state_of(&r->session_states[r->at], fi->type->session_size);
	fc->tx_state = state_of(&r->tx_states[r->at], fi->type->tx_size);
	if (b->open_until > fc->since) {
		fc->reason = "not asked: it failed too often (breaker)";
		return VERDICT_UNKNOWN;
	}
	return fn(fc);
}

/* UNKNOWN becomes what on-unknown says. */
static enum verdict
resolve_unknown(struct filter_call *fc)
{
	enum on_unknown policy =
	    (enum on_unknown)fc->instance->chain.on_unknown;

	/* RFC 4954 section 6: ours, so the client may try again; and nobody
	 * is let in because we could not find out. */
	if (fc->phase == PHASE_AUTH)
		return fc_defer(
		    fc, 454, "4.7.0", "temporary authentication failure");
	/* Who can not authenticate just now is no reason against a greeting. */
	if (fc->instance->type->mechanisms != NULL)
		return VERDICT_PASS;
	switch (policy) {
	case ON_UNKNOWN_DEFER:
		return fc_defer(fc, 451, "4.7.1",
		    "a check could not be completed, please try again later");
	case ON_UNKNOWN_REJECT:
		return fc_reject(
		    fc, 550, "5.7.1", "a check could not be completed");
	case ON_UNKNOWN_PASS:
		break;
	}
	return VERDICT_PASS;
}

static void
mind_breaker(struct chain_run *r, bool unknown)
{
	const struct chain_conf *conf = &r->call.instance->chain;
	struct breaker *b = &r->chain->breakers[r->at];

	if (!unknown) {
		b->unknowns = 0;
		b->open_until = 0;
		return;
	}
	if (b->open_until > r->call.since)
		return;
	if (conf->breaker == 0 || ++b->unknowns < conf->breaker)
		return;
	b->unknowns = 0;
	b->open_until = loop_now(r->chain->loop) + conf->breaker_pause;
	log_event(LEVEL_WARN,
	    "filter %s: %lld unknown in a row (%s), not asked for %lld ms",
	    r->call.instance->name, (long long)conf->breaker,
	    r->call.reason != NULL ? r->call.reason : "no reason given",
	    (long long)conf->breaker_pause);
}

static const char *
verdict_name(enum verdict v)
{
	static const char *const names[] = { "pass", "accept", "reject",
		"defer", "disconnect", "discard", "quarantine", "unknown",
		"pending" };

	return names[v];
}

void
chain_note_observed(struct filter_call *fc, const char *what)
{
	const char *old = tx_fact(fc->tx, "observed");

	if (old != NULL && strlen(old) > OBSERVED_MAX)
		return;
	tx_set_fact(fc->tx, "observed",
	    arena_printf(&fc->tx->arena, "%s%s%s:%s", old != NULL ? old : "",
		old != NULL ? "," : "", fc->instance->name, what));
}

/* Takes the verdict of the filter at r->at.  True: the phase is decided. */
static bool
absorb(struct chain_run *r, enum verdict v)
{
	struct filter_call *fc = &r->call;
	bool cared = r->chain->instances[r->at]->type->on[r->phase] != NULL;
	bool unknown = v == VERDICT_UNKNOWN;

	if (!cared)
		return false;
	op_cancel_all(&fc->owner);
	timer_clear(&fc->deadline);
	mind_breaker(r, unknown);
	if (unknown) {
		fc->tx->filter = fc->instance->name;
		fc->tx->reason = fc->reason;
		v = resolve_unknown(fc);
	}
	if (v == VERDICT_PASS)
		return false;
	if (fc->instance->chain.observe) {
		chain_note_observed(fc, verdict_name(v));
		return false;
	}
	if (v == VERDICT_QUARANTINE) {
		tx_set_flag(fc->tx, "quarantine");
		return false;
	}
	if (v == VERDICT_ACCEPT)
		return true;
	r->result = fc->judgement;
	r->result.verdict = v;
	r->result.filter = fc->instance->name;
	fc->tx->filter = fc->instance->name;
	if (!unknown)
		fc->tx->reason = fc->judgement.text;
	if (v == VERDICT_DISCARD)
		fc->tx->discard = true;
	return true;
}

/* Goes on at r->at until a verdict decides, a filter waits, or all passed.
 * True: the phase is over. */
static bool
run_on(struct chain_run *r)
{
	enum verdict v;

	for (; r->at < r->chain->count; r->at++) {
		v = call_filter(r);
		if (r->phase == PHASE_CLOSE) { /* nobody waits or acts */
			op_cancel_all(&r->call.owner);
			continue;
		}
		if (v == VERDICT_PENDING) {
			assert(r->call.owner.count > 0);
			if (!r->call.client_turn)
				timer_set(&r->call.deadline,
				    r->call.since +
					r->call.instance->chain.timeout);
			r->waiting = true;
			return false;
		}
		if (absorb(r, v))
			return true;
	}
	return true;
}

void
chain_call_continued(struct filter_call *fc, enum verdict v)
{
	struct chain_run *r = fc->run;

	assert(fc->magic == CALL_MAGIC && r->waiting);
	if (v == VERDICT_PENDING) {
		assert(fc->owner.count > 0);
		return;
	}
	r->waiting = false;
	if (!absorb(r, v)) {
		r->at++;
		if (!run_on(r))
			return;
	}
	r->done(r->ctx, &r->result);
}
