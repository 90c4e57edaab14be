/*
 * The state of servers in shared memory.
 */

#include <sys/wait.h>

#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <unistd.h>
#include <cmocka.h>

#include "servers.h"

#define NOW 1000000

static struct servers *s;
static const struct servers_policy passive = { .fall = 3, .rise = 2 };
static const struct servers_policy checked = {
	.fall = 2, .rise = 2, .interval = 5000
};
static const struct servers_policy slow = {
	.fall = 1, .rise = 1, .slow_start = 10000
};

static int
setup(void **state)
{
	(void)state;
	s = servers_new();
	return s != NULL && servers_take(s, "b/one", "127.0.0.1:1") == 0 ? 0
									 : -1;
}

static int
teardown(void **state)
{
	(void)state;
	servers_free(&s);
	return 0;
}

static struct servers_status
status(unsigned slot, const struct servers_policy *p, int64_t now)
{
	struct servers_status st;

	assert_true(servers_status(s, slot, p, now, &st));
	return st;
}

static void
test_slots(void **state)
{
	struct servers_status st;
	int i;

	(void)state;
	assert_int_equal(servers_take(s, "b/two", "127.0.0.1:1"), 1);
	assert_int_equal(servers_take(s, "b/one", "127.0.0.1:1"), 0);
	assert_int_equal(servers_take(s, "b/one", "127.0.0.1:2"), 2);
	servers_failed(s, 0, &slow, NOW, "dead");
	assert_false(servers_usable(s, 0));
	assert_true(servers_usable(s, 2)); /* is another one */
	servers_give(s, 0);
	assert_int_equal(status(0, &slow, NOW).state, SERVERS_DOWN);
	servers_give(s, 0);
	assert_false(servers_status(s, 0, &slow, NOW, &st));
	servers_give(s, 0); /* a worker has written there: the master goes on */
	assert_false(servers_status(s, 0, &slow, NOW, &st));
	/* nobody held it: it is as new */
	assert_int_equal(servers_take(s, "b/one", "127.0.0.1:1"), 0);
	assert_true(servers_usable(s, 0));
	assert_string_equal(status(0, &slow, NOW).why, "");
	for (i = 3; i < SERVERS_MAX; i++)
		assert_int_equal(servers_take(s, "b/many", i % 2 ? "x" : "y"),
		    i < 5 ? i : 3 + (i + 1) % 2);
}

static void
test_full(void **state)
{
	char name[20];
	int i;

	(void)state;
	for (i = 1; i < SERVERS_MAX; i++) {
		name[0] = (char)('a' + i % 26);
		name[1] = (char)('a' + i / 26);
		name[2] = '\0';
		assert_int_equal(servers_take(s, name, "x"), i);
	}
	assert_int_equal(servers_take(s, "more", "x"), -1);
	servers_give(s, 17);
	assert_int_equal(servers_take(s, "more", "x"), 17);
}

static void
test_fall(void **state)
{
	(void)state;
	assert_false(servers_failed(s, 0, &passive, NOW, "a"));
	assert_false(servers_failed(s, 0, &passive, NOW, "b"));
	assert_true(servers_usable(s, 0));
	assert_false(servers_worked(s, 0, &passive, NOW, false));
	assert_false(servers_failed(s, 0, &passive, NOW, "c"));
	assert_false(servers_failed(s, 0, &passive, NOW, "d"));
	assert_true(servers_failed(s, 0, &passive, NOW + 5, "e: refused"));
	assert_false(servers_failed(s, 0, &passive, NOW + 6, "f"));
	assert_false(servers_usable(s, 0));
	assert_int_equal(status(0, &passive, NOW).state, SERVERS_DOWN);
	assert_int_equal(status(0, &passive, NOW).since, NOW + 5);
	assert_string_equal(status(0, &passive, NOW).why, "e: refused");
}

static void
fall(const struct servers_policy *p, int64_t now)
{
	int64_t i;

	for (i = 0; i < p->fall; i++)
		servers_failed(s, 0, p, now, "dead");
	assert_false(servers_usable(s, 0));
}

/* Without checks somebody tries, one at a time, after longer and longer. */
static void
test_trial(void **state)
{
	int64_t now = NOW, pause;

	(void)state;
	fall(&passive, now);
	assert_false(servers_try(s, 0, &passive, now + 999));
	for (pause = 1000; pause < 40000; pause *= 2) {
		now += pause < 10000 ? pause : 10000;
		assert_false(servers_trial_due(s, 0, &passive, now - 1));
		assert_true(servers_trial_due(s, 0, &passive, now));
		assert_true(servers_try(s, 0, &passive, now));
		assert_false(servers_trial_due(s, 0, &passive, now));
		assert_false(servers_try(s, 0, &passive, now));
		assert_false(servers_failed(s, 0, &passive, now, "still"));
	}
	/* An old connection is no sign that there can be new ones. */
	assert_false(servers_worked(s, 0, &passive, now, false));
	assert_false(servers_usable(s, 0));
	assert_true(servers_worked(s, 0, &passive, now, true));
	assert_true(servers_usable(s, 0));
	assert_false(servers_worked(s, 0, &passive, now, true));
	assert_int_equal(status(0, &passive, now).failures, 0);
}

static void
test_rise(void **state)
{
	(void)state;
	servers_check_ended(s, 0, NOW);
	fall(&checked, NOW);
	/* deliveries do not bring it up */
	assert_false(servers_worked(s, 0, &checked, NOW, true));
	assert_false(servers_trial_due(s, 0, &checked, NOW + 20000));
	assert_false(servers_checked(s, 0, &checked, NOW));
	assert_false(servers_failed(s, 0, &checked, NOW, "again"));
	assert_false(servers_checked(s, 0, &checked, NOW));
	assert_true(servers_checked(s, 0, &checked, NOW));
	assert_true(servers_usable(s, 0));
	/* a good check is a success like another */
	assert_false(servers_failed(s, 0, &checked, NOW, "x"));
	assert_false(servers_checked(s, 0, &checked, NOW));
	assert_false(servers_failed(s, 0, &checked, NOW, "x"));
	assert_true(servers_failed(s, 0, &checked, NOW, "x"));
}

/* Whoever checks is gone: as without. */
static void
test_no_checks_any_more(void **state)
{
	(void)state;
	servers_check_ended(s, 0, NOW);
	fall(&checked, NOW);
	assert_false(servers_trial_due(s, 0, &checked, NOW + 29999));
	assert_true(servers_try(s, 0, &checked, NOW + 30000));
	assert_true(servers_worked(s, 0, &checked, NOW + 30000, true));
}

static void
test_drain(void **state)
{
	(void)state;
	assert_false(servers_drain(s, "b/none", NOW));
	assert_true(servers_drain(s, "b/one", NOW));
	assert_false(servers_usable(s, 0));
	assert_true(servers_drained(s, 0));
	assert_int_equal(status(0, &passive, NOW).state, SERVERS_DRAINING);
	/* another address, as after a reload */
	assert_int_equal(servers_take(s, "b/one", "127.0.0.1:9"), 1);
	assert_true(servers_drained(s, 1));
	fall(&passive, NOW);
	assert_false(servers_trial_due(s, 0, &passive, NOW + 60000));
	assert_true(servers_enable(s, "b/one", NOW));
	assert_false(servers_drained(s, 0));
	assert_false(servers_drained(s, 1));
	assert_true(servers_trial_due(s, 0, &passive, NOW + 60000));
	/* a backend is none */
	assert_int_equal(servers_take(s, "b", ""), 2);
	assert_false(servers_drain(s, "b", NOW));
}

static void
test_slow_start(void **state)
{
	(void)state;
	assert_int_equal(servers_share(s, 0, &slow, NOW), 100);
	servers_failed(s, 0, &slow, NOW, "x");
	servers_worked(s, 0, &slow, NOW, true);
	assert_int_equal(servers_share(s, 0, &slow, NOW), 10);
	assert_int_equal(servers_share(s, 0, &slow, NOW + 5000), 50);
	assert_int_equal(status(0, &slow, NOW + 9999).state, SERVERS_STARTING);
	assert_int_equal(servers_share(s, 0, &slow, NOW + 10000), 100);
	assert_int_equal(status(0, &slow, NOW + 10000).state, SERVERS_UP);
	assert_int_equal(servers_share(s, 0, &passive, NOW), 100);
	servers_drain(s, "b/one", NOW + 20000);
	servers_enable(s, "b/one", NOW + 30000);
	assert_int_equal(servers_share(s, 0, &slow, NOW + 32000), 20);
}

/* drain = yes, and a reload without it. */
static void
test_configured(void **state)
{
	(void)state;
	servers_configure(s, 0, false, NOW);
	assert_int_equal(servers_share(s, 0, &slow, NOW), 100);
	servers_configure(s, 0, true, NOW);
	assert_int_equal(status(0, &slow, NOW).state, SERVERS_DRAINING);
	assert_false(servers_drained(s, 0)); /* older workers may use it */
	servers_configure(s, 0, true, NOW + 5000);
	assert_int_equal(status(0, &slow, NOW).since, NOW);
	servers_configure(s, 0, false, NOW + 9000);
	assert_int_equal(servers_share(s, 0, &slow, NOW + 12000), 30);
}

/* What a process that dies has found out is known to the others. */
static void
test_shared(void **state)
{
	pid_t pid = fork();
	int st;

	(void)state;
	if (pid == 0) {
		fall(&passive, NOW);
		kill(getpid(), SIGKILL);
	}
	assert_int_equal(waitpid(pid, &st, 0), pid);
	assert_false(servers_usable(s, 0));
	assert_string_equal(status(0, &passive, NOW).why, "dead");
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_slots),
		TEST(test_full),
		TEST(test_fall),
		TEST(test_trial),
		TEST(test_rise),
		TEST(test_no_checks_any_more),
		TEST(test_drain),
		TEST(test_slow_start),
		TEST(test_configured),
		TEST(test_shared),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
