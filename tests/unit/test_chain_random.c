/*
 * Random chains against a model: fake filters that answer at once, after one
 * wait, after several in parallel or one after another, each with a random
 * verdict; a few sessions at a time, of which some vanish at random moments.
 * SEED= in the environment repeats a run, CHAINS= says how many.
 */

#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "chain.h"
#include "chain_model.h"
#include "client.h"
#include "compat.h"
#include "filter_call.h"
#include "loop.h"
#include "mem.h"
#include "op.h"
#include "tx.h"

#define FILTERS 8
#define SESSIONS 3
#define HORIZON 20000 /* ms; longer than any chain */
#define COOKIE_LIVE 0x11fe11feu
#define COOKIE_RAN 0x0000d0d0u
#define COOKIE_POISON 0xdeaddeadu

struct session {
	struct arena arena;
	struct tx tx;
	struct chain_run *run;
	int64_t leaves; /* ms after the start; -1: stays */
	bool left;
	unsigned done;
};

/* A fake service's request; never freed before its chain ends. */
struct fake_op {
	struct op op;
	struct timer timer;
	struct filter_call *fc;
	unsigned cookie;
	unsigned index;
	struct fake_op *next;
};

static struct loop *loop;
static struct client client;
static struct spec specs[FILTERS];
static struct filter_instance instances[FILTERS];
static const struct filter_instance *list[FILTERS];
static size_t filter_count;
static struct session sessions[SESSIONS];
static struct fake_op *all_ops;
static struct expected expected;
static int64_t start;
static unsigned long seed, chain_number;
static uint64_t random_state;
static struct { /* that it is not all about nothing */
	unsigned long ops, cancelled, waited, sessions, at_once, later, left;
	unsigned long verdicts[VERDICT_PENDING + 1];
} seen;

static uint32_t
random_below(uint32_t limit)
{
	random_state ^= random_state << 13;
	random_state ^= random_state >> 7;
	random_state ^= random_state << 17;
	return (uint32_t)((random_state >> 16) % limit);
}

#define CHECK(what)                                                            \
	do {                                                                   \
		if (!(what))                                                   \
			fail_msg("SEED=%lu chain %lu: %s", seed, chain_number, \
			    #what);                                            \
	} while (0)

/* The fake filters. */

static enum verdict
say(struct filter_call *fc, enum verdict v)
{
	const struct spec *s = fc_conf(fc);
	int i = (int)(s - specs);

	switch (v) {
	case VERDICT_REJECT:
		return fc_reject(fc, 550 + i, "5.1.1", "r%d", i);
	case VERDICT_DEFER:
		return fc_defer(fc, 450 + i, "4.1.1", "d%d", i);
	case VERDICT_DISCONNECT:
		return fc_disconnect(fc, "4.1.1", "x%d", i);
	case VERDICT_UNKNOWN:
		return fc_unknown(fc, "u%d", i);
	case VERDICT_PASS:
	case VERDICT_ACCEPT:
	case VERDICT_DISCARD:
	case VERDICT_QUARANTINE:
	case VERDICT_PENDING:
	default:
		return v;
	}
}

static void fake_start(struct filter_call *fc, unsigned index);

static enum verdict
answered(struct filter_call *fc, unsigned index)
{
	const struct spec *s = fc_conf(fc);

	if (s->kind == PARALLEL) {
		if (s->each[index] == VERDICT_PENDING)
			return fc_join(fc, say(fc, s->last));
		return say(fc, s->each[index]);
	}
	if (index + 1 == s->count)
		return say(fc, s->last);
	fake_start(fc, index + 1);
	return VERDICT_PENDING;
}

static void
fake_run(struct op *op)
{
	struct fake_op *f = container_of(op, struct fake_op, op);

	CHECK(f->cookie == COOKIE_LIVE);
	f->cookie = COOKIE_RAN;
	timer_clear(&f->timer);
	chain_call_continued(f->fc, answered(f->fc, f->index));
}

static void
fake_cancel(struct op *op)
{
	struct fake_op *f = container_of(op, struct fake_op, op);

	CHECK(f->cookie == COOKIE_LIVE);
	f->cookie = COOKIE_POISON;
	seen.cancelled++;
	timer_clear(&f->timer);
}

static void
fake_answer(void *arg)
{
	struct fake_op *f = arg;

	CHECK(f->cookie == COOKIE_LIVE);
	op_ready(&f->op);
}

static void
fake_start(struct filter_call *fc, unsigned index)
{
	const struct spec *s = fc_conf(fc);
	struct fake_op *f = xcalloc(1, sizeof(*f));

	f->fc = fc;
	f->index = index;
	f->cookie = COOKIE_LIVE;
	seen.ops++;
	f->next = all_ops;
	all_ops = f;
	op_start(&fc->owner, &f->op, fake_run, fake_cancel);
	timer_init(&f->timer, loop, fake_answer, f);
	timer_set(&f->timer, loop_now(loop) + s->wait[index]);
}

static enum verdict
waited(struct filter_call *fc)
{
	const struct spec *s = fc_conf(fc);
	unsigned *step = fc_tx_state(fc);

	seen.waited++;
	if (++*step == s->count)
		return say(fc, s->last);
	return fc_wait(fc, s->wait[*step], waited);
}

static enum verdict
on_mail(struct filter_call *fc)
{
	const struct spec *s = fc_conf(fc);
	unsigned *step = fc_tx_state(fc), i;

	CHECK(*step == 0);
	switch (s->kind) {
	case AT_ONCE:
		return say(fc, s->last);
	case FC_WAIT:
		return fc_wait(fc, s->wait[0], waited);
	case PARALLEL:
		for (i = 0; i < s->count; i++)
			fake_start(fc, i);
		return VERDICT_PENDING;
	case SEQUENTIAL:
	case KINDS:
		break;
	}
	fake_start(fc, 0);
	return VERDICT_PENDING;
}

static const struct filter fake = { .name = "fake",
	.on = { [PHASE_MAIL] = on_mail },
	.conf_size = sizeof(struct spec),
	.tx_size = sizeof(unsigned) };

static void
check_judgement(const struct judgement *j)
{
	seen.verdicts[j->verdict]++;
	CHECK(loop_now(loop) == start + expected.end);
	if (expected.filter == -1) {
		CHECK(j->verdict == VERDICT_PASS && j->filter == NULL);
		return;
	}
	CHECK(j->verdict == expected.verdict);
	CHECK(j->filter == instances[expected.filter].name);
	CHECK(
	    j->verdict == VERDICT_DISCARD || j->code == model_code(&expected));
}

static void
on_done(void *ctx, const struct judgement *j)
{
	struct session *s = ctx;

	CHECK(!s->left && s->done == 0);
	s->done++;
	seen.later++;
	check_judgement(j);
}

/* The making of a chain. */

static enum verdict
random_verdict(void)
{
	static const enum verdict choice[] = { VERDICT_PASS, VERDICT_PASS,
		VERDICT_PASS, VERDICT_PASS, VERDICT_PASS, VERDICT_ACCEPT,
		VERDICT_REJECT, VERDICT_DEFER, VERDICT_DISCONNECT,
		VERDICT_DISCARD, VERDICT_UNKNOWN };

	return choice[random_below(nitems(choice))];
}

static void
random_filter(size_t i)
{
	struct spec *s = &specs[i];
	unsigned k;

	memset(s, 0, sizeof(*s));
	s->kind = random_below(KINDS);
	s->last = random_verdict();
	s->count = 1 + random_below(OPS);
	for (k = 0; k < s->count; k++) {
		s->wait[k] = random_below(4) == 0 ? 0 : 2 * random_below(200);
		s->each[k] = s->kind == PARALLEL && random_below(5) == 0
		    ? random_verdict()
		    : VERDICT_PENDING;
	}
	instances[i].chain =
	    (struct chain_conf){ .timeout = 2 * random_below(600) + 1,
		    .on_unknown = (int)random_below(3),
		    .observe = random_below(6) == 0 };
	instances[i].type = &fake;
	instances[i].name = &"abcdefgh"[i];
	instances[i].conf = s;
	list[i] = &instances[i];
}

static void
leave(struct session *s)
{
	if (random_below(2) == 0)
		chain_run_cancel(s->run);
	else
		chain_run_free(&s->run);
	s->left = true;
	seen.left += s->done == 0;
}

/* The next to leave, NULL when all others stay. */
static struct session *
next_to_leave(unsigned count)
{
	struct session *s, *first = NULL;

	for (s = sessions; s < sessions + count; s++)
		if (s->leaves != -1 && !s->left &&
		    (first == NULL || s->leaves < first->leaves))
			first = s;
	return first;
}

static void
begin_session(struct chain *chain, struct session *s, int64_t drain)
{
	const struct judgement *j;

	seen.sessions++;
	memset(s, 0, sizeof(*s));
	arena_init(&s->arena, 512);
	tx_init(&s->tx, &s->arena);
	s->leaves = random_below(4) == 0
	    ? random_below((uint32_t)expected.end + 3)
	    : drain;
	s->run = chain_run_new(chain, &s->tx, &client, on_done, s);
	j = chain_run_phase(s->run, PHASE_MAIL, NULL);
	CHECK(s->done == 0);
	if (j != NULL) {
		check_judgement(j);
		s->done++;
		seen.at_once++;
	}
}

/* In a session that stays done comes exactly once; in one that left, exactly
 * when it had left late enough. */
static void
end_session(struct session *s)
{
	CHECK(s->done <= 1);
	if (s->leaves == -1 || s->leaves > expected.end)
		CHECK(s->done == 1);
	else if (s->leaves < expected.end)
		CHECK(s->done == 0);
	chain_run_free(&s->run);
	tx_free(&s->tx);
	arena_free(&s->arena);
}

static void
play(unsigned count)
{
	struct session *s;
	unsigned i;

	while ((s = next_to_leave(count)) != NULL) {
		/* who leaves at 0 does so before the loop turns */
		if (start + s->leaves > loop_now(loop))
			loop_advance(loop, start + s->leaves - loop_now(loop));
		leave(s);
	}
	loop_advance(loop, start + HORIZON - loop_now(loop));
	for (i = 0; i < count; i++)
		end_session(&sessions[i]);
}

static void
one_chain(void)
{
	unsigned i, count = 1 + random_below(SESSIONS);
	struct fake_op *f;
	struct chain *chain;
	int64_t drain = -1;

	filter_count = 1 + random_below(FILTERS);
	for (i = 0; i < filter_count; i++)
		random_filter(i);
	expected = model(specs, instances, filter_count);
	if (random_below(6) == 0)
		drain = random_below((uint32_t)expected.end + 3);
	start = loop_now(loop);
	chain = chain_new(loop, list, filter_count);
	for (i = 0; i < count; i++) {
		begin_session(chain, &sessions[i], drain);
		CHECK(sessions[i].done == !expected.pending);
	}
	play(count);
	CHECK(op_outstanding() == 0);
	chain_free(&chain);
	while ((f = all_ops) != NULL) {
		CHECK(f->cookie != COOKIE_LIVE);
		all_ops = f->next;
		free(f);
	}
}

static unsigned long
from_environment(const char *name, unsigned long otherwise)
{
	const char *text = getenv(name);

	return text != NULL ? strtoul(text, NULL, 10) : otherwise;
}

/* Nothing that matters is rarer than one in a hundred chains. */
static void
check_seen(unsigned long chains)
{
	unsigned long rare = chains / 100;

	printf("%lu sessions: %lu decided at once, %lu later, %lu left "
	       "before; %lu operations, %lu cancelled, %lu waits\n",
	    seen.sessions, seen.at_once, seen.later, seen.left, seen.ops,
	    seen.cancelled, seen.waited);
	assert_int_equal(seen.sessions, seen.at_once + seen.later + seen.left);
	assert_true(seen.at_once >= rare && seen.later >= rare);
	assert_true(seen.left >= rare && seen.cancelled >= rare);
	assert_true(seen.ops >= rare && seen.waited >= rare);
	assert_true(seen.verdicts[VERDICT_PASS] >= rare);
	assert_true(seen.verdicts[VERDICT_REJECT] >= rare);
	assert_true(seen.verdicts[VERDICT_DEFER] >= rare);
	assert_true(seen.verdicts[VERDICT_DISCONNECT] >= rare);
	assert_true(seen.verdicts[VERDICT_DISCARD] >= rare);
}

static void
test_random_chains(void **state)
{
	unsigned long chains = from_environment("CHAINS", 20000);

	(void)state;
	seed = from_environment("SEED", 20240229);
	random_state = seed * 2654435761u + 88172645463325252u;
	printf("SEED=%lu, %lu chains\n", seed, chains);
	loop = loop_new();
	loop_script_clock(loop, 1000, 1700000000000);
	for (chain_number = 0; chain_number < chains; chain_number++)
		one_chain();
	loop_free(&loop);
	check_seen(chains);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_random_chains),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
