/*
 * The filter chain: verdicts and policies (filter.h).  What filters share
 * and keep is in test_chain_state.c, what waits in test_chain_async.c.
 */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "fake_chain.h"

#define TEST(name) \
	cmocka_unit_test_setup_teardown(name, fake_setup, fake_teardown)

static enum verdict
put_aside(struct filter_call *fc)
{
	(void)fc;
	return VERDICT_QUARANTINE;
}

static enum verdict
accept_it(struct filter_call *fc)
{
	(void)fc;
	return VERDICT_ACCEPT;
}

static enum verdict
reject_it(struct filter_call *fc)
{
	return fc_reject(fc, 550, "5.1.8", "go %s", "away");
}

static enum verdict
defer_it(struct filter_call *fc)
{
	return fc_defer(fc, 450, "4.2.0", "later");
}

static enum verdict
disconnect_it(struct filter_call *fc)
{
	return fc_disconnect(fc, "4.7.0", "hang up");
}

static enum verdict
discard_it(struct filter_call *fc)
{
	(void)fc;
	return VERDICT_DISCARD;
}

static enum verdict
unknown_it(struct filter_call *fc)
{
	return fc_unknown(fc, "no answer from %s", "server");
}

/* Runs one filter and expects this of its verdict. */
static void
expect(const struct judgement *j, enum verdict v, int code,
    const char *enhanced, const char *filter)
{
	assert_non_null(j);
	assert_int_equal(j->verdict, v);
	assert_int_equal(j->code, code);
	assert_string_equal(j->enhanced, enhanced);
	if (filter == NULL)
		assert_null(j->filter);
	else
		assert_string_equal(j->filter, filter);
}

static void
expect_pass(const struct judgement *j)
{
	expect(j, VERDICT_PASS, 0, "", NULL);
}

static void
test_order(void **state)
{
	(void)state;
	fake_start(4);
	expect_pass(fake_judge(PHASE_CONNECT));
	assert_string_equal(rig.trace, "abcd");
	expect_pass(fake_judge(PHASE_MAIL));
	assert_string_equal(rig.trace, "abcdabcd");
	assert_int_equal(rig.done, 0);
	assert_null(rig.tx.filter);
}

static void
test_no_filters(void **state)
{
	(void)state;
	fake_start(0);
	expect_pass(fake_judge(PHASE_CONNECT));
}

static void
test_not_interested(void **state)
{
	(void)state;
	fake_start(2);
	rig.act[0] = rig.act[1] = reject_it;
	expect_pass(fake_judge(PHASE_HELO));
	assert_string_equal(rig.trace, "");
}

static void
test_accept_skips_the_rest(void **state)
{
	(void)state;
	fake_start(3);
	rig.act[1] = accept_it;
	rig.act[2] = reject_it;
	expect_pass(fake_judge(PHASE_CONNECT));
	assert_string_equal(rig.trace, "ab");
	rig.act[1] = NULL; /* of that phase only */
	expect(fake_judge(PHASE_MAIL), VERDICT_REJECT, 550, "5.1.8", "c");
}

static void
test_reject(void **state)
{
	const struct judgement *j;

	(void)state;
	fake_start(3);
	rig.act[1] = reject_it;
	j = fake_judge(PHASE_MAIL);
	expect(j, VERDICT_REJECT, 550, "5.1.8", "b");
	assert_string_equal(j->text, "go away");
	assert_string_equal(rig.trace, "ab");
	assert_string_equal(rig.tx.filter, "b");
	assert_string_equal(rig.tx.reason, "go away");
}

static void
test_defer(void **state)
{
	const struct judgement *j;

	(void)state;
	fake_start(2);
	rig.act[0] = defer_it;
	j = fake_judge(PHASE_MAIL);
	expect(j, VERDICT_DEFER, 450, "4.2.0", "a");
	assert_string_equal(j->text, "later");
	assert_string_equal(rig.trace, "a");
}

static void
test_disconnect(void **state)
{
	const struct judgement *j;

	(void)state;
	fake_start(2);
	rig.act[0] = disconnect_it;
	j = fake_judge(PHASE_MAIL);
	expect(j, VERDICT_DISCONNECT, 421, "4.7.0", "a");
	assert_string_equal(j->text, "hang up");
}

static void
test_discard(void **state)
{
	(void)state;
	fake_start(2);
	rig.act[0] = discard_it;
	expect(fake_judge(PHASE_MESSAGE), VERDICT_DISCARD, 0, "", "a");
	assert_string_equal(rig.trace, "a");
	assert_true(rig.tx.discard);
	tx_reset(&rig.tx);
	assert_false(rig.tx.discard);
}

/* It is for another filter, if the one who says so does not observe. */
static void
test_quarantine(void **state)
{
	(void)state;
	fake_start(2);
	rig.act[0] = put_aside;
	assert_int_equal(fake_judge(PHASE_RCPT)->verdict, VERDICT_PASS);
	assert_string_equal(rig.trace, "ab");
	assert_true(tx_flag(&rig.tx, "quarantine"));
	assert_false(rig.tx.discard);
}

static void
test_quarantine_observed(void **state)
{
	(void)state;
	fake_start(2);
	rig.act[0] = put_aside;
	rig.fi[0].chain.observe = true;
	assert_int_equal(fake_judge(PHASE_RCPT)->verdict, VERDICT_PASS);
	assert_false(tx_flag(&rig.tx, "quarantine"));
	assert_string_equal(tx_fact(&rig.tx, "observed"), "a:quarantine");
}

static enum verdict
reject_dirty(struct filter_call *fc)
{
	return fc_reject(fc, 550, "5.0.0", "a\r\nb\tc\177\303\244 d");
}

static void
test_text_is_one_clean_line(void **state)
{
	(void)state;
	fake_start(1);
	rig.act[0] = reject_dirty;
	assert_string_equal(fake_judge(PHASE_MAIL)->text, "a??b?c??? d");
}

static enum verdict
reject_long(struct filter_call *fc)
{
	char text[3000];

	memset(text, 'x', sizeof(text) - 1);
	text[sizeof(text) - 1] = '\0';
	return fc_reject(fc, 550, "5.0.0", "%s", text);
}

static void
test_text_fits_a_reply(void **state)
{
	(void)state;
	fake_start(1);
	rig.act[0] = reject_long;
	assert_in_range(strlen(fake_judge(PHASE_MAIL)->text), 300, 490);
}

static void
test_unknown_policies(void **state)
{
	(void)state;
	fake_start(2);
	rig.act[0] = unknown_it;
	rig.fi[0].chain.on_unknown = ON_UNKNOWN_PASS;
	expect_pass(fake_judge(PHASE_MAIL));
	assert_string_equal(rig.trace, "ab");
	rig.fi[0].chain.on_unknown = ON_UNKNOWN_DEFER;
	expect(fake_judge(PHASE_MAIL), VERDICT_DEFER, 451, "4.7.1", "a");
	assert_string_equal(rig.trace, "aba");
	rig.fi[0].chain.on_unknown = ON_UNKNOWN_REJECT;
	expect(fake_judge(PHASE_MAIL), VERDICT_REJECT, 550, "5.7.1", "a");
	assert_string_equal(rig.tx.filter, "a");
	assert_string_equal(rig.tx.reason, "no answer from server");
}

static void
test_unknown_tells_the_client_nothing(void **state)
{
	const struct judgement *j;

	(void)state;
	fake_start(1);
	rig.act[0] = unknown_it;
	j = fake_judge(PHASE_MAIL);
	assert_non_null(j->text);
	assert_null(strstr(j->text, "server"));
}

static void
test_observe(void **state)
{
	filter_fn *const acts[] = { reject_it, defer_it, disconnect_it,
		discard_it, accept_it, unknown_it };
	size_t i;

	(void)state;
	fake_start(2);
	rig.fi[0].chain.observe = true;
	for (i = 0; i < sizeof(acts) / sizeof(acts[0]); i++) {
		rig.act[0] = acts[i];
		rig.trace[0] = '\0';
		expect_pass(fake_judge(PHASE_MAIL));
		assert_string_equal(rig.trace, "ab");
	}
	assert_false(rig.tx.discard);
	assert_string_equal(tx_fact(&rig.tx, "observed"),
	    "a:reject,a:defer,a:disconnect,a:discard,a:accept,a:defer");
}

static void
test_observe_then_another_decides(void **state)
{
	(void)state;
	fake_start(3);
	rig.fi[0].chain.observe = rig.fi[1].chain.observe = true;
	rig.act[0] = rig.act[1] = reject_it;
	rig.act[2] = defer_it;
	expect(fake_judge(PHASE_MAIL), VERDICT_DEFER, 450, "4.2.0", "c");
	assert_string_equal(tx_fact(&rig.tx, "observed"), "a:reject,b:reject");
	assert_string_equal(rig.tx.reason, "later");
}

static enum verdict
add_header(struct filter_call *fc)
{
	fc_add_header(fc, "X-Spam", "yes\r\nX-Evil: 1");
	return VERDICT_PASS;
}

static void
test_header(void **state)
{
	static const struct spool_conf conf = { .directory = "/tmp",
		.memory = 100000 };
	struct spool *spool = spool_new(&conf);
	struct message_reader *r;
	const char *data;
	size_t len;

	(void)state;
	fake_start(1);
	rig.tx.message = message_new(spool);
	rig.act[0] = add_header;
	rig.fi[0].chain.observe = true;
	expect_pass(fake_judge(PHASE_MESSAGE));
	assert_int_equal(message_wire_size(rig.tx.message), 0);
	rig.fi[0].chain.observe = false;
	expect_pass(fake_judge(PHASE_MESSAGE));
	r = message_reader_new(rig.tx.message);
	assert_int_equal(message_reader_peek(r, &data, &len), 0);
	assert_int_equal(len, strlen("X-Spam: yes  X-Evil: 1\r\n"));
	assert_memory_equal(data, "X-Spam: yes  X-Evil: 1\r\n", len);
	message_reader_free(&r);
	tx_reset(&rig.tx);
	spool_free(&spool);
}

static void
test_breaker(void **state)
{
	int i;

	(void)state;
	fake_start(1);
	rig.act[0] = unknown_it;
	rig.fi[0].chain.breaker = 3;
	for (i = 0; i < 3; i++)
		expect(
		    fake_judge(PHASE_MAIL), VERDICT_DEFER, 451, "4.7.1", "a");
	assert_int_equal(rig.calls[0], 3);
	assert_non_null(strstr(rig.logged, "no answer from server"));
	expect(fake_judge(PHASE_MAIL), VERDICT_DEFER, 451, "4.7.1", "a");
	loop_advance(rig.loop, 4999);
	expect(fake_judge(PHASE_MAIL), VERDICT_DEFER, 451, "4.7.1", "a");
	assert_non_null(strstr(rig.tx.reason, "breaker"));
	assert_int_equal(rig.calls[0], 3);
	loop_advance(rig.loop, 1);
	rig.act[0] = NULL;
	expect_pass(fake_judge(PHASE_MAIL));
	assert_int_equal(rig.calls[0], 4);
}

static void
test_breaker_wants_them_in_a_row(void **state)
{
	int i;

	(void)state;
	fake_start(1);
	rig.fi[0].chain.breaker = 3;
	for (i = 0; i < 30; i++) {
		rig.act[0] = i % 3 == 2 ? NULL : unknown_it;
		fake_judge(PHASE_MAIL);
	}
	assert_int_equal(rig.calls[0], 30);
	rig.fi[0].chain.breaker = 0; /* never */
	rig.act[0] = unknown_it;
	for (i = 0; i < 30; i++)
		fake_judge(PHASE_MAIL);
	assert_int_equal(rig.calls[0], 60);
}

static void
test_breaker_is_of_one_instance(void **state)
{
	(void)state;
	fake_start(2);
	rig.act[0] = unknown_it;
	rig.fi[0].chain.on_unknown = ON_UNKNOWN_PASS;
	rig.fi[0].chain.breaker = rig.fi[1].chain.breaker = 1;
	fake_judge(PHASE_MAIL);
	fake_judge(PHASE_MAIL);
	assert_string_equal(rig.trace, "abb");
}

static enum verdict
wait_at_close(struct filter_call *fc)
{
	return fc_wait(fc, 10, reject_it);
}

/* At CLOSE every filter is told, whatever the others say, and nothing acts. */
static void
test_close_ignores_verdicts(void **state)
{
	(void)state;
	fake_start(4);
	rig.act[0] = reject_it;
	rig.act[1] = accept_it;
	rig.act[2] = wait_at_close;
	rig.act[3] = discard_it;
	expect_pass(fake_judge(PHASE_CLOSE));
	assert_string_equal(rig.trace, "abcd");
	assert_int_equal(op_outstanding(), 0);
	assert_null(rig.tx.filter);
	assert_false(rig.tx.discard);
	loop_advance(rig.loop, 100);
	assert_string_equal(rig.trace, "abcd");
}

static void
test_close_does_not_close_the_breaker(void **state)
{
	int i;

	(void)state;
	fake_start(1);
	rig.fi[0].chain.breaker = 2;
	for (i = 0; i < 3; i++) {
		rig.act[0] = unknown_it;
		fake_judge(PHASE_MAIL);
		rig.act[0] = NULL;
		fake_judge(PHASE_CLOSE);
	}
	assert_non_null(strstr(rig.logged, "in a row"));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_order),
		TEST(test_no_filters),
		TEST(test_not_interested),
		TEST(test_accept_skips_the_rest),
		TEST(test_reject),
		TEST(test_defer),
		TEST(test_disconnect),
		TEST(test_discard),
		TEST(test_quarantine),
		TEST(test_quarantine_observed),
		TEST(test_text_is_one_clean_line),
		TEST(test_text_fits_a_reply),
		TEST(test_unknown_policies),
		TEST(test_unknown_tells_the_client_nothing),
		TEST(test_observe),
		TEST(test_observe_then_another_decides),
		TEST(test_header),
		TEST(test_breaker),
		TEST(test_breaker_wants_them_in_a_row),
		TEST(test_breaker_is_of_one_instance),
		TEST(test_close_ignores_verdicts),
		TEST(test_close_does_not_close_the_breaker),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
