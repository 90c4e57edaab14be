/*
 * The filter chain: filters that wait.  The one rule of op.h and what filter.h
 * promises about it.
 */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "fake_chain.h"

#define TEST(name) \
	cmocka_unit_test_setup_teardown(name, fake_setup, fake_teardown)

/* Continuations. */

static enum verdict
then_pass(struct filter_call *fc)
{
	(void)fc;
	fake_trace("p");
	return VERDICT_PASS;
}

static enum verdict
then_reject(struct filter_call *fc)
{
	fake_trace("r");
	return fc_reject(fc, 550, "5.7.1", "no");
}

static enum verdict
then_join(struct filter_call *fc)
{
	fake_trace("j");
	return fc_join(fc, VERDICT_PASS);
}

/* Handlers. */

static enum verdict
wait_pass(struct filter_call *fc)
{
	return fc_wait(fc, 500, then_pass);
}

static enum verdict
wait_none(struct filter_call *fc)
{
	enum verdict v = fc_wait(fc, 0, then_pass);

	fake_trace("|"); /* not continued inside the call */
	return v;
}

static void
expect_waits(const char *name)
{
	int64_t since = 0;

	assert_string_equal(chain_run_waits_for(rig.run, &since), name);
	assert_true(since >= FAKE_START);
}

static void
test_wait(void **state)
{
	int64_t since;

	(void)state;
	fake_start(2);
	rig.act[0] = wait_pass;
	assert_null(chain_run_waits_for(rig.run, &since));
	assert_null(fake_judge(PHASE_MAIL));
	expect_waits("a");
	loop_advance(rig.loop, 499);
	assert_string_equal(rig.trace, "a");
	loop_advance(rig.loop, 1);
	assert_string_equal(rig.trace, "apb!");
	assert_int_equal(rig.done, 1);
	assert_int_equal(rig.judgement.verdict, VERDICT_PASS);
	assert_null(chain_run_waits_for(rig.run, &since));
	assert_int_equal(op_outstanding(), 0);
}

static void
test_one_after_another(void **state)
{
	(void)state;
	fake_start(3);
	rig.act[0] = rig.act[1] = rig.act[2] = wait_pass;
	assert_null(fake_judge(PHASE_MAIL));
	loop_advance(rig.loop, 500);
	expect_waits("b");
	loop_advance(rig.loop, 500);
	expect_waits("c");
	assert_int_equal(rig.done, 0);
	loop_advance(rig.loop, 500);
	assert_string_equal(rig.trace, "apbpcp!");
}

/* With libevent's timers, whose memory has to go as well. */
static void
test_wait_with_the_real_clock(void **state)
{
	(void)state;
	loop_free(&rig.loop);
	rig.loop = loop_new();
	fake_start(2);
	rig.act[0] = wait_none;
	rig.act[1] = wait_pass;
	rig.fi[1].chain.timeout = 20;
	rig.fi[1].chain.on_unknown = ON_UNKNOWN_PASS;
	assert_null(fake_judge(PHASE_MAIL));
	while (rig.done == 0)
		loop_turn(rig.loop, true);
	assert_string_equal(rig.trace, "a|pb!");
	assert_null(fake_judge(PHASE_MAIL));
	chain_run_free(&rig.run);
	assert_int_equal(op_outstanding(), 0);
}

static void
test_only_from_the_loop(void **state)
{
	(void)state;
	fake_start(1);
	rig.act[0] = wait_none;
	assert_null(fake_judge(PHASE_MAIL));
	assert_string_equal(rig.trace, "a|");
	loop_advance(rig.loop, 0);
	assert_string_equal(rig.trace, "a|p!");
	loop_advance(rig.loop, 5000);
	assert_string_equal(rig.trace, "a|p!");
}

static enum verdict
three_in_parallel(struct filter_call *fc)
{
	fc_wait(fc, 300, then_join);
	fc_wait(fc, 100, then_join);
	return fc_wait(fc, 200, then_join);
}

static void
test_join(void **state)
{
	(void)state;
	fake_start(2);
	rig.act[0] = three_in_parallel;
	assert_null(fake_judge(PHASE_MAIL));
	assert_int_equal(op_outstanding(), 3);
	loop_advance(rig.loop, 200);
	assert_string_equal(rig.trace, "ajj");
	assert_int_equal(op_outstanding(), 1);
	loop_advance(rig.loop, 100);
	assert_string_equal(rig.trace, "ajjjb!");
}

static enum verdict
first_rejects(struct filter_call *fc)
{
	fc_wait(fc, 300, then_join);
	fc_wait(fc, 100, then_reject);
	return fc_wait(fc, 100, then_pass);
}

static void
test_verdict_cancels_the_rest(void **state)
{
	(void)state;
	fake_start(2);
	rig.act[0] = first_rejects;
	assert_null(fake_judge(PHASE_MAIL));
	loop_advance(rig.loop, 100);
	assert_int_equal(rig.done, 1);
	assert_int_equal(rig.judgement.code, 550);
	assert_int_equal(op_outstanding(), 0);
	loop_advance(rig.loop, 1000);
	assert_int_equal(strlen(rig.trace), strlen("ar!"));
}

static enum verdict
start_but_pass(struct filter_call *fc)
{
	fc_wait(fc, 100, then_reject);
	return VERDICT_PASS;
}

static void
test_answer_now_cancels_too(void **state)
{
	(void)state;
	fake_start(2);
	rig.act[0] = start_but_pass;
	assert_non_null(fake_judge(PHASE_MAIL));
	assert_int_equal(op_outstanding(), 0);
	loop_advance(rig.loop, 1000);
	assert_string_equal(rig.trace, "ab");
}

/* A service of the test: two operations that get their answer in one turn. */

struct fake_op {
	struct op op;
	struct filter_call *fc;
	unsigned runs;
	unsigned cancels;
	enum verdict say;
};
static struct fake_op ops[2];

static void
fake_op_run(struct op *op)
{
	struct fake_op *f = (struct fake_op *)(void *)op;

	f->runs++;
	chain_call_continued(f->fc, f->say);
}

static void
fake_op_cancel(struct op *op)
{
	struct fake_op *f = (struct fake_op *)(void *)op;

	f->cancels++;
}

static enum verdict
two_operations(struct filter_call *fc)
{
	int i;

	for (i = 0; i < 2; i++) {
		memset(&ops[i], 0, sizeof(ops[i]));
		ops[i].fc = fc;
		ops[i].say = VERDICT_PASS;
		op_start(&fc->owner, &ops[i].op, fake_op_run, fake_op_cancel);
	}
	return VERDICT_PENDING;
}

/* Both answers are there, but the first continuation ends the call. */
static void
test_ready_is_cancelled(void **state)
{
	(void)state;
	fake_start(1);
	rig.act[0] = two_operations;
	assert_null(fake_judge(PHASE_MAIL));
	op_ready(&ops[1].op);
	op_ready(&ops[0].op);
	op_ready(&ops[0].op); /* changes nothing */
	loop_turn(rig.loop, false);
	assert_int_equal(ops[1].runs, 1);
	assert_int_equal(ops[1].cancels, 0);
	assert_int_equal(ops[0].runs, 0);
	assert_int_equal(ops[0].cancels, 1);
	assert_int_equal(rig.done, 1);
}

static void
test_answer_inside_the_call(void **state)
{
	(void)state;
	fake_start(1);
	rig.act[0] = two_operations;
	assert_null(fake_judge(PHASE_MAIL));
	op_ready(&ops[0].op);
	assert_int_equal(ops[0].runs, 0);
	chain_run_cancel(rig.run);
	assert_int_equal(ops[0].cancels, 1);
	assert_int_equal(ops[1].cancels, 1);
	loop_turn(rig.loop, false);
	assert_int_equal(ops[0].runs + ops[1].runs, 0);
	assert_int_equal(rig.done, 0);
}

static void
test_cancel(void **state)
{
	int64_t since;

	(void)state;
	fake_start(2);
	rig.act[0] = three_in_parallel;
	assert_null(fake_judge(PHASE_MAIL));
	loop_advance(rig.loop, 150);
	chain_run_cancel(rig.run);
	assert_int_equal(op_outstanding(), 0);
	assert_null(chain_run_waits_for(rig.run, &since));
	loop_advance(rig.loop, 5000); /* neither answers nor the deadline */
	assert_string_equal(rig.trace, "aj");
	rig.act[0] = NULL; /* the run can be used again */
	assert_non_null(fake_judge(PHASE_CLOSE));
}

static void
test_free_while_pending(void **state)
{
	(void)state;
	fake_start(2);
	rig.act[0] = three_in_parallel;
	assert_null(fake_judge(PHASE_MAIL));
	chain_run_free(&rig.run);
	assert_null(rig.run);
	assert_int_equal(op_outstanding(), 0);
	loop_advance(rig.loop, 5000);
	assert_string_equal(rig.trace, "a");
}

static void
done_free(void *ctx, const struct judgement *j)
{
	(void)ctx;
	(void)j;
	fake_trace("!");
	chain_run_free(&rig.run);
}

static void
test_free_in_done(void **state)
{
	(void)state;
	fake_start(0);
	chain_run_free(&rig.run);
	chain_free(&rig.chain);
	rig.chain = chain_new(rig.loop, rig.list, 1);
	rig.run =
	    chain_run_new(rig.chain, &rig.tx, &rig.client, done_free, NULL);
	rig.act[0] = wait_pass;
	assert_null(fake_judge(PHASE_MAIL));
	loop_advance(rig.loop, 500);
	assert_string_equal(rig.trace, "ap!");
	rig.run =
	    chain_run_new(rig.chain, &rig.tx, &rig.client, done_free, NULL);
	assert_null(fake_judge(PHASE_MAIL));
	rig.fi[0].chain.timeout = 1;
	loop_advance(rig.loop, 1000);
	assert_null(rig.run);
}

static void
done_next(void *ctx, const struct judgement *j)
{
	(void)ctx;
	fake_trace(j->verdict == VERDICT_PASS ? "+" : "-");
	if (rig.done++ == 0)
		assert_null(fake_judge(PHASE_RCPT));
}

static void
test_next_phase_in_done(void **state)
{
	(void)state;
	fake_start(1);
	chain_run_free(&rig.run);
	rig.run =
	    chain_run_new(rig.chain, &rig.tx, &rig.client, done_next, NULL);
	rig.act[0] = wait_pass;
	assert_null(fake_judge(PHASE_MAIL));
	loop_advance(rig.loop, 1000);
	assert_string_equal(rig.trace, "ap+ap+");
}

static enum verdict
then_maybe(struct filter_call *fc)
{
	return fc_join(fc, fc_unknown(fc, "first source is away"));
}

static enum verdict
unknown_then_reject(struct filter_call *fc)
{
	fc_wait(fc, 100, then_maybe);
	return fc_wait(fc, 200, then_reject);
}

/* The record tells the reason of the verdict that counts. */
static void
test_reason_of_the_verdict(void **state)
{
	(void)state;
	fake_start(1);
	rig.act[0] = unknown_then_reject;
	assert_null(fake_judge(PHASE_MAIL));
	loop_advance(rig.loop, 200);
	assert_int_equal(rig.judgement.verdict, VERDICT_REJECT);
	assert_string_equal(rig.tx.reason, "no");
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_wait),
		TEST(test_one_after_another),
		TEST(test_wait_with_the_real_clock),
		TEST(test_only_from_the_loop),
		TEST(test_join),
		TEST(test_verdict_cancels_the_rest),
		TEST(test_answer_now_cancels_too),
		TEST(test_ready_is_cancelled),
		TEST(test_answer_inside_the_call),
		TEST(test_cancel),
		TEST(test_free_while_pending),
		TEST(test_free_in_done),
		TEST(test_next_phase_in_done),
		TEST(test_reason_of_the_verdict),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
