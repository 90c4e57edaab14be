#ifndef POSTERN_FAKE_CHAIN_H
#define POSTERN_FAKE_CHAIN_H

/*
 * A chain of fake filters for the tests of the engine.  Instances are called
 * "a" to "d"; what each does is a function set by the test.  The clock is
 * scripted, what happens is written down as letters in rig.trace.
 */

#include <assert.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "chain.h"
#include "client.h"
#include "filter_call.h"
#include "log.h"
#include "loop.h"
#include "mem.h"
#include "message.h"
#include "op.h"
#include "tx.h"

#define FAKES 4
#define FAKE_START 1000000 /* ms on the scripted clock */

static struct rig {
	struct loop *loop;
	struct arena session;
	struct tx tx;
	struct client client;
	filter_fn *act[FAKES]; /* NULL: PASS */
	unsigned calls[FAKES];
	int index[FAKES]; /* the instances' configuration */
	struct filter_instance fi[FAKES];
	const struct filter_instance *list[FAKES];
	struct chain *chain;
	struct chain_run *run;
	unsigned done;
	struct judgement judgement; /* the last that came by done */
	char trace[200];
	char logged[500]; /* the last line */
} rig;

static inline void
fake_trace(const char *word)
{
	size_t have = strlen(rig.trace);

	assert(have + strlen(word) < sizeof(rig.trace));
	snprintf(rig.trace + have, sizeof(rig.trace) - have, "%s", word);
}

/* Which of the instances is called. */
static inline int
fake_me(const struct filter_call *fc)
{
	const int *index = fc_conf(fc);

	return *index;
}

static inline enum verdict
fake_on(struct filter_call *fc)
{
	int me = fake_me(fc);

	rig.calls[me]++;
	fake_trace(fc->instance->name);
	return rig.act[me] != NULL ? rig.act[me](fc) : VERDICT_PASS;
}

static const struct filter fake_filter = {
	.name = "fake",
	.summary = "does as it is told",
	.on = { [PHASE_CONNECT] = fake_on,
	    [PHASE_MAIL] = fake_on,
	    [PHASE_RCPT] = fake_on,
	    [PHASE_MESSAGE] = fake_on,
	    [PHASE_CLOSE] = fake_on },
	.conf_size = sizeof(int),
	.session_size = 100,
	.tx_size = 50,
};

static inline void
fake_done(void *ctx, const struct judgement *j)
{
	assert(ctx == &rig);
	rig.done++;
	rig.judgement = *j;
	fake_trace("!");
}

static inline void
fake_logged(const char *line, size_t len)
{
	(void)len;
	snprintf(rig.logged, sizeof(rig.logged), "%s", line);
}

static inline int
fake_setup(void **state)
{
	static const char *const names[FAKES] = { "a", "b", "c", "d" };
	int i;

	(void)state;
	memset(&rig, 0, sizeof(rig));
	log_capture(fake_logged);
	rig.loop = loop_new();
	loop_script_clock(rig.loop, FAKE_START, 1700000000000);
	arena_init(&rig.session, 1024);
	tx_init(&rig.tx, &rig.session);
	for (i = 0; i < FAKES; i++) {
		rig.index[i] = i;
		rig.fi[i] = (struct filter_instance){ .type = &fake_filter,
			.name = names[i],
			.chain = { .timeout = 1000,
			    .on_unknown = ON_UNKNOWN_DEFER,
			    .breaker_pause = 5000 },
			.conf = &rig.index[i] };
		rig.list[i] = &rig.fi[i];
	}
	return 0;
}

static inline struct chain_run *
fake_run(void)
{
	return chain_run_new(rig.chain, &rig.tx, &rig.client, fake_done, &rig);
}

/* Begins with the first so many instances. */
static inline void
fake_start(size_t count)
{
	rig.chain = chain_new(rig.loop, rig.list, count);
	rig.run = fake_run();
}

static inline int
fake_teardown(void **state)
{
	(void)state;
	chain_run_free(&rig.run);
	chain_free(&rig.chain);
	tx_free(&rig.tx);
	arena_free(&rig.session);
	loop_free(&rig.loop);
	log_capture(NULL);
	return op_outstanding() == 0 ? 0 : -1;
}

static inline const struct judgement *
fake_judge(enum phase phase)
{
	return chain_run_phase(rig.run, phase, NULL);
}

#endif
