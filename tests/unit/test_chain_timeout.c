/*
 * The filter chain: filters that wait too long, or for nothing.
 */

#include <sys/wait.h>

#include <fcntl.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <unistd.h>
#include <cmocka.h>

#include "fake_chain.h"

#define TEST(name) \
	cmocka_unit_test_setup_teardown(name, fake_setup, fake_teardown)

static enum verdict
then_pass(struct filter_call *fc)
{
	(void)fc;
	fake_trace("p");
	return VERDICT_PASS;
}

static enum verdict
wait_pass(struct filter_call *fc)
{
	return fc_wait(fc, 500, then_pass);
}

static void
test_timeout_is_unknown(void **state)
{
	(void)state;
	fake_start(2);
	rig.act[0] = wait_pass;
	rig.fi[0].chain.timeout = 400;
	assert_null(fake_judge(PHASE_MAIL));
	loop_advance(rig.loop, 399);
	assert_int_equal(rig.done, 0);
	loop_advance(rig.loop, 1);
	assert_int_equal(rig.done, 1);
	assert_int_equal(rig.judgement.verdict, VERDICT_DEFER);
	assert_string_equal(rig.judgement.filter, "a");
	assert_string_equal(rig.tx.reason, "timed out");
	assert_int_equal(op_outstanding(), 0);
	loop_advance(rig.loop, 5000);
	assert_string_equal(rig.trace, "a!");
}

static void
test_timeout_may_pass(void **state)
{
	(void)state;
	fake_start(2);
	rig.act[0] = wait_pass;
	rig.fi[0].chain.timeout = 400;
	rig.fi[0].chain.on_unknown = ON_UNKNOWN_PASS;
	assert_null(fake_judge(PHASE_MAIL));
	loop_advance(rig.loop, 400);
	assert_string_equal(rig.trace, "ab!");
	assert_int_equal(rig.judgement.verdict, VERDICT_PASS);
}

/* The answer is there and waits for the bottom of the turn when the deadline
 * passes: only one of both counts. */
static void
test_timeout_and_answer_at_once(void **state)
{
	(void)state;
	fake_start(1);
	rig.act[0] = wait_pass;
	rig.fi[0].chain.timeout = 500;
	assert_null(fake_judge(PHASE_MAIL));
	loop_advance(rig.loop, 2000);
	assert_int_equal(rig.done, 1);
	assert_int_equal(op_outstanding(), 0);
}

static enum verdict
wait_again(struct filter_call *fc)
{
	fake_trace("w");
	return fc_wait(fc, 300, wait_again);
}

/* Steps do not move the deadline of the call. */
static void
test_timeout_is_of_the_whole_call(void **state)
{
	(void)state;
	fake_start(1);
	rig.act[0] = wait_again;
	assert_null(fake_judge(PHASE_MAIL));
	loop_advance(rig.loop, 1000);
	assert_string_equal(rig.trace, "awwww!");
	assert_string_equal(rig.tx.reason, "timed out");
}

static void
test_timeouts_open_the_breaker(void **state)
{
	int i;

	(void)state;
	fake_start(1);
	rig.act[0] = wait_pass;
	rig.fi[0].chain.timeout = 10;
	rig.fi[0].chain.breaker = 2;
	for (i = 0; i < 2; i++) {
		assert_null(fake_judge(PHASE_MAIL));
		loop_advance(rig.loop, 10);
	}
	assert_non_null(strstr(rig.logged, "timed out"));
	assert_non_null(fake_judge(PHASE_MAIL));
	assert_int_equal(rig.calls[0], 2);
	loop_advance(rig.loop, 5000);
	assert_null(fake_judge(PHASE_MAIL));
}

/* Bugs of ours stop the process. */

static enum verdict
just_pending(struct filter_call *fc)
{
	(void)fc;
	return VERDICT_PENDING;
}

static enum verdict
wait_then_just_pending(struct filter_call *fc)
{
	return fc_wait(fc, 1, just_pending);
}

static void
judge_and_wait(void)
{
	fake_judge(PHASE_MAIL);
	loop_advance(rig.loop, 1);
}

static void
judge_twice(void)
{
	fake_judge(PHASE_MAIL);
	fake_judge(PHASE_RCPT);
}

static void
expect_abort(void (*fn)(void))
{
	int status = 0, null;
	pid_t pid = fork();

	assert_true(pid != -1);
	if (pid == 0) {
		null = open("/dev/null", O_WRONLY);
		dup2(null, STDERR_FILENO);
		fn();
		_exit(0);
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_true(WIFSIGNALED(status));
	assert_int_equal(WTERMSIG(status), SIGABRT);
}

static void
test_pending_for_nothing(void **state)
{
	(void)state;
	fake_start(1);
	rig.act[0] = just_pending;
	expect_abort(judge_and_wait);
	rig.act[0] = wait_then_just_pending;
	expect_abort(judge_and_wait);
	rig.act[0] = wait_pass;
	expect_abort(judge_twice);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_timeout_is_unknown),
		TEST(test_timeout_may_pass),
		TEST(test_timeout_and_answer_at_once),
		TEST(test_timeout_is_of_the_whole_call),
		TEST(test_timeouts_open_the_breaker),
		TEST(test_pending_for_nothing),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
