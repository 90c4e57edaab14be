/*
 * The filters access and delay, run by the real chain.
 */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "compat.h"
#include "fake_chain.h"
#include "opt.h"

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

extern const struct filter filter_access;
extern const struct filter filter_delay;

static struct arena conf_arena;

static int
setup(void **state)
{
	arena_init(&conf_arena, 1024);
	return fake_setup(state);
}

static int
teardown(void **state)
{
	arena_free(&conf_arena);
	return fake_teardown(state);
}

/* Makes instance i one of this type, with its defaults. */
static void
use(int i, const struct filter *type)
{
	rig.fi[i].type = type;
	rig.fi[i].conf = arena_alloc(&conf_arena, type->conf_size);
	opt_defaults(type->options, rig.fi[i].conf, &conf_arena);
}

static void
option(int i, const char *name, const char *value)
{
	const struct opt *o = opt_find(rig.fi[i].type->options, name);
	char err[200] = "";

	assert_non_null(o);
	if (opt_set(o, rig.fi[i].conf, &conf_arena, &value, 1, err,
		sizeof(err)) == -1)
		fail_msg("%s: %s", name, err);
}

static void
from(const char *address)
{
	const char *err = NULL;

	assert_int_equal(net_parse(address, &rig.client.addr, &err), 0);
}

static enum verdict
judged(enum phase phase)
{
	const struct judgement *j = fake_judge(phase);

	assert_non_null(j);
	return j->verdict;
}

/* access in front of a fake filter */
static void
start_access(void)
{
	use(0, &filter_access);
	option(0, "allow", "192.0.2.0/25");
	option(0, "deny", "192.0.2.0/24");
	fake_start(2);
}

static void
test_access_allow(void **state)
{
	(void)state;
	start_access();
	from("192.0.2.1:1000");
	assert_int_equal(judged(PHASE_CONNECT), VERDICT_PASS);
	assert_string_equal(rig.trace, ""); /* the others are not asked */
	assert_int_equal(judged(PHASE_MAIL), VERDICT_PASS);
	assert_string_equal(rig.trace, "b"); /* at CONNECT only */
}

static void
test_access_deny(void **state)
{
	const struct judgement *j;

	(void)state;
	start_access();
	from("192.0.2.200:1000");
	j = fake_judge(PHASE_CONNECT);
	assert_non_null(j);
	assert_int_equal(j->verdict, VERDICT_REJECT);
	assert_int_equal(j->code, 554);
	assert_string_equal(j->enhanced, "5.7.1");
	assert_string_equal(j->text, "your address is not allowed here");
	assert_string_equal(j->filter, "a");
	assert_string_equal(rig.trace, "");
}

static void
test_access_text(void **state)
{
	(void)state;
	start_access();
	option(0, "text", "100%s no");
	from("192.0.2.200:1000");
	assert_string_equal(fake_judge(PHASE_CONNECT)->text, "100%s no");
}

static void
test_access_others(void **state)
{
	(void)state;
	start_access();
	from("198.51.100.1:1000");
	assert_int_equal(judged(PHASE_CONNECT), VERDICT_PASS);
	from("[2001:db8::1]:1000");
	assert_int_equal(judged(PHASE_CONNECT), VERDICT_PASS);
	assert_string_equal(rig.trace, "bb");
	from("[::ffff:192.0.2.200]:1000"); /* the same host as in IPv4 */
	assert_int_equal(judged(PHASE_CONNECT), VERDICT_REJECT);
}

/* What decides is who the client is, not who connected for it. */
static void
test_access_behind_a_proxy(void **state)
{
	const char *err;

	(void)state;
	start_access();
	from("192.0.2.200:1000");
	rig.client.proxied = true;
	assert_int_equal(net_parse("192.0.2.1:99", &rig.client.peer, &err), 0);
	assert_int_equal(judged(PHASE_CONNECT), VERDICT_REJECT);
}

static void
test_access_observe(void **state)
{
	(void)state;
	start_access();
	rig.fi[0].chain.observe = true;
	from("192.0.2.200:1000");
	assert_int_equal(judged(PHASE_CONNECT), VERDICT_PASS);
	from("192.0.2.1:1000"); /* does not spare the others either */
	assert_int_equal(judged(PHASE_CONNECT), VERDICT_PASS);
	assert_string_equal(rig.trace, "bb");
	assert_string_equal(tx_fact(&rig.tx, "observed"), "a:reject,a:accept");
}

static void
test_access_empty(void **state)
{
	(void)state;
	use(0, &filter_access);
	fake_start(2);
	from("192.0.2.1:1000");
	assert_int_equal(judged(PHASE_CONNECT), VERDICT_PASS);
	assert_string_equal(rig.trace, "b");
}

/* delay */

static void
test_delay_phases(void **state)
{
	static const struct {
		const char *option;
		enum phase phase;
	} all[] = { { "connect", PHASE_CONNECT }, { "helo", PHASE_HELO },
		{ "mail", PHASE_MAIL }, { "rcpt", PHASE_RCPT },
		{ "message", PHASE_MESSAGE } };
	unsigned i;

	(void)state;
	use(0, &filter_delay);
	fake_start(1);
	from("192.0.2.1:1000");
	for (i = 0; i < nitems(all); i++) {
		assert_int_equal(judged(all[i].phase), VERDICT_PASS);
		option(0, all[i].option, "700ms");
		assert_null(fake_judge(all[i].phase));
		loop_advance(rig.loop, 699);
		assert_int_equal(rig.done, i);
		loop_advance(rig.loop, 1);
		assert_int_equal(rig.done, i + 1);
		assert_int_equal(rig.judgement.verdict, VERDICT_PASS);
	}
	assert_int_equal(judged(PHASE_DATA), VERDICT_PASS);
	assert_int_equal(judged(PHASE_CLOSE), VERDICT_PASS);
}

static void
test_delay_except(void **state)
{
	(void)state;
	use(0, &filter_delay);
	option(0, "connect", "700ms");
	option(0, "except", "192.0.2.0/24");
	fake_start(1);
	from("192.0.2.1:1000");
	assert_int_equal(judged(PHASE_CONNECT), VERDICT_PASS);
	from("198.51.100.1:1000");
	rig.client.is_probe = true;
	assert_int_equal(judged(PHASE_CONNECT), VERDICT_PASS);
	rig.client.is_probe = false;
	assert_null(fake_judge(PHASE_CONNECT));
	chain_run_cancel(rig.run);
	assert_int_equal(op_outstanding(), 0);
}

static void
test_delay_of_a_client_that_leaves(void **state)
{
	(void)state;
	use(0, &filter_delay);
	option(0, "connect", "700ms");
	fake_start(2);
	from("192.0.2.1:1000");
	assert_null(fake_judge(PHASE_CONNECT));
	loop_advance(rig.loop, 300);
	chain_run_free(&rig.run);
	loop_advance(rig.loop, 1000);
	assert_int_equal(rig.done, 0);
	assert_string_equal(rig.trace, "");
}

static void
test_delay_then_access(void **state)
{
	(void)state;
	use(0, &filter_delay);
	option(0, "connect", "700ms");
	use(1, &filter_access);
	option(1, "deny", "192.0.2.0/24");
	fake_start(3);
	from("192.0.2.1:1000");
	assert_null(fake_judge(PHASE_CONNECT));
	loop_advance(rig.loop, 700);
	assert_int_equal(rig.judgement.verdict, VERDICT_REJECT);
	assert_string_equal(rig.judgement.filter, "b");
	assert_string_equal(rig.trace, "!");
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_access_allow),
		TEST(test_access_deny),
		TEST(test_access_text),
		TEST(test_access_others),
		TEST(test_access_behind_a_proxy),
		TEST(test_access_observe),
		TEST(test_access_empty),
		TEST(test_delay_phases),
		TEST(test_delay_except),
		TEST(test_delay_of_a_client_that_leaves),
		TEST(test_delay_then_access),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
