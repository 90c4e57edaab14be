/*
 * The filter chain: what filters see, keep and share (filter.h).
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
count_states(struct filter_call *fc)
{
	unsigned char *session = fc_session_state(fc), *tx = fc_tx_state(fc);
	char text[20];

	if (session[0] == 0 && fake_me(fc) == 1)
		session[0] = 100; /* instances do not share */
	snprintf(text, sizeof(text), "(%d,%d)", session[0]++, tx[0]++);
	session[99]++;
	tx[49]++;
	fake_trace(text);
	return VERDICT_PASS;
}

static void
test_states(void **state)
{
	struct chain_run *other;

	(void)state;
	fake_start(2);
	rig.act[0] = rig.act[1] = count_states;
	fake_judge(PHASE_CONNECT);
	fake_judge(PHASE_MAIL);
	assert_string_equal(rig.trace, "a(0,0)b(100,0)a(1,1)b(101,1)");
	chain_run_reset_tx(rig.run);
	rig.trace[0] = '\0';
	fake_judge(PHASE_MAIL);
	assert_string_equal(rig.trace, "a(2,0)b(102,0)");
	other = fake_run();
	rig.trace[0] = '\0';
	chain_run_phase(other, PHASE_CONNECT, NULL);
	assert_string_equal(rig.trace, "a(0,0)b(100,0)");
	chain_run_free(&other);
}

static enum verdict
make_notes(struct filter_call *fc)
{
	fc_set_fact(fc, "fact", "found");
	fc_add_counter(fc, "counter", 2);
	fc_add_counter(fc, "counter", 0.5);
	fc_set_flag(fc, "flag");
	fc_add_karma(fc, -3, "test");
	return VERDICT_PASS;
}

static enum verdict
see_notes(struct filter_call *fc)
{
	bool all = fc_flag(fc, "flag") && fc_counter(fc, "counter") == 2.5 &&
	    strcmp(fc_fact(fc, "fact"), "found") == 0;

	fake_trace(all ? "+" : "-");
	return VERDICT_PASS;
}

static enum verdict
see_nothing(struct filter_call *fc)
{
	bool none = !fc_flag(fc, "flag") && fc_counter(fc, "counter") == 0 &&
	    fc_fact(fc, "fact") == NULL;

	fake_trace(none ? "0" : "?");
	return VERDICT_PASS;
}

static void
test_notes_of_the_session(void **state)
{
	(void)state;
	fake_start(2);
	rig.act[0] = make_notes;
	rig.act[1] = see_notes;
	fake_judge(PHASE_CONNECT);
	tx_reset(&rig.tx);
	rig.act[0] = NULL;
	rig.tx.envelope.has_sender = true;
	fake_judge(PHASE_MAIL);
	tx_reset(&rig.tx);
	fake_judge(PHASE_MAIL);
	assert_string_equal(rig.trace, "ab+ab+ab+");
	assert_true(rig.tx.karma == -3);
	assert_string_equal(rig.tx.karma_for, "a.test:-3");
}

/* What a filter that observes would have done is told, and not done; however
 * often. */
static void
test_notes_observed(void **state)
{
	int i;

	(void)state;
	fake_start(1);
	rig.act[0] = make_notes;
	rig.fi[0].chain.observe = true;
	fake_judge(PHASE_CONNECT);
	assert_false(tx_flag(&rig.tx, "flag"));
	assert_true(rig.tx.karma == 0);
	assert_null(rig.tx.karma_for);
	assert_string_equal(
	    tx_fact(&rig.tx, "observed"), "a:flag=flag,a:karma=test:-3");
	for (i = 0; i < 1000; i++) {
		rig.trace[0] = '\0';
		fake_judge(PHASE_CONNECT);
	}
	assert_true(strlen(tx_fact(&rig.tx, "observed")) < 600);
	rig.fi[0].chain.observe = false;
	for (i = 0; i < 1000; i++) {
		rig.trace[0] = '\0';
		fake_judge(PHASE_CONNECT);
	}
	assert_true(rig.tx.karma == -3000);
	assert_true(strlen(rig.tx.karma_for) < 250);
}

static void
test_notes_of_the_transaction(void **state)
{
	(void)state;
	fake_start(2);
	rig.act[0] = make_notes;
	rig.act[1] = see_notes;
	rig.tx.envelope.has_sender = true;
	fake_judge(PHASE_MAIL);
	tx_reset(&rig.tx);
	rig.act[0] = NULL;
	rig.act[1] = see_nothing;
	fake_judge(PHASE_MAIL);
	assert_string_equal(rig.trace, "ab+ab0");
}

static enum verdict
see_recipient(struct filter_call *fc)
{
	assert_int_equal(fc_phase(fc), PHASE_RCPT);
	assert_string_equal(fc_recipient(fc)->text, "x@example.org");
	assert_ptr_equal(fc_client(fc), &rig.client);
	assert_ptr_equal(fc_sender(fc), &rig.tx.envelope.sender);
	assert_ptr_equal(fc_envelope(fc), &rig.tx.envelope);
	return VERDICT_PASS;
}

static void
test_what_a_filter_sees(void **state)
{
	static const struct address rcpt = { "x@example.org", "x",
		"example.org", "example.org" };

	(void)state;
	fake_start(1);
	rig.act[0] = see_recipient;
	assert_non_null(chain_run_phase(rig.run, PHASE_RCPT, &rcpt));
	assert_int_equal(rig.calls[0], 1);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_states),
		TEST(test_notes_of_the_session),
		TEST(test_notes_of_the_transaction),
		TEST(test_notes_observed),
		TEST(test_what_a_filter_sees),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
