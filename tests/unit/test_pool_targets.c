/*
 * Servers whose addresses change while there are links to them.
 */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "fake_pool.h"

static struct server_names named;

/* The first server is called by a name now, with these addresses: those of the
 * first and of the second listener. */
static void
name_is(bool first, bool second)
{
	named.known = true;
	named.count = 0;
	if (first)
		named.addrs[named.count++] = servers[0].addrs[0];
	if (second)
		named.addrs[named.count++] = servers[1].addrs[0];
	if (pools[0] != NULL)
		pool_set_targets(pools[0]);
}

static int
setup_named(void **state)
{
	int rc = setup(state);

	pools[0] = pools[1] = NULL;
	named = (struct server_names){ .host = "mail.test" };
	servers[0].named = &named;
	return rc;
}

static void
idle_links_are_closed(void **state)
{
	int fd;

	(void)state;
	name_is(true, false);
	begin();
	assert_true(ask(0));
	fd = accepted(0);
	until(&wishes[0].link->connected);
	give(0);
	name_is(true, true); /* it still has that one */
	assert_int_equal(total(STATS_IDLE), 1);
	name_is(false, true);
	assert_int_equal(total(STATS_IDLE), 0);
	assert_true(server_hears(fd, "QUIT\r\n"));
	assert_true(ask(1));
	close(accepted(1));
	close(fd);
}

/* A link in use is left alone until it is given back, and its address stays
 * what it was. */
static void
busy_links_go_on(void **state)
{
	char before[NET_TEXT_MAX], now[NET_TEXT_MAX];
	int fd;

	(void)state;
	name_is(true, false);
	begin();
	assert_true(ask(0));
	fd = accepted(0);
	until(&wishes[0].link->connected);
	net_text(wishes[0].link->addr, before, sizeof(before));
	name_is(false, true);
	assert_true(ask(1)); /* elsewhere */
	close(accepted(1));
	assert_string_equal(
	    net_text(wishes[0].link->addr, now, sizeof(now)), before);
	give(0);
	assert_int_equal(total(STATS_IDLE), 0);
	assert_true(server_hears(fd, "QUIT\r\n"));
	close(fd);
}

/* One that comes back is the same target. */
static void
an_address_comes_back(void **state)
{
	int fd;

	(void)state;
	name_is(true, false);
	begin();
	assert_true(ask(0));
	fd = accepted(0);
	until(&wishes[0].link->connected);
	name_is(false, true);
	name_is(true, false);
	give(0);
	assert_int_equal(total(STATS_IDLE), 1);
	close(fd);
}

/* Changes do not use up the places. */
static void
places_are_used_again(void **state)
{
	int i;

	(void)state;
	name_is(true, false);
	begin();
	for (i = 0; i < 100; i++)
		name_is(i % 2 != 0, i % 2 == 0);
	assert_true(ask(0));
	assert_in_range(wishes[0].link->target, 0, 1);
}

static void
no_address_at_all(void **state)
{
	(void)state;
	name_is(false, false);
	named.why = "timed out";
	begin();
	assert_false(ask(0));
	loop_turn(loop, false);
	assert_int_equal(wishes[0].got, 1);
	assert_null(wishes[0].link);
	assert_string_equal(
	    wishes[0].why, "mail.test can not be resolved: timed out");
}

/* As long as nothing was said, deliveries wait; then they are served. */
static void
the_first_answer_is_awaited(void **state)
{
	(void)state;
	begin();
	assert_false(ask(0));
	loop_advance(loop, 1000);
	assert_int_equal(wishes[0].got, 0);
	name_is(true, false);
	loop_turn(loop, false);
	assert_non_null(wishes[0].link);
	named.known = false;
	named.count = 0;
	pool_set_targets(pools[0]);
	assert_false(ask(1));
	loop_advance(loop, 5000); /* pool.wait */
	assert_int_equal(wishes[1].got, 1);
	assert_null(wishes[1].link);
}

#define TEST_NAMED(name) \
	cmocka_unit_test_setup_teardown(name, setup_named, teardown)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		TEST_NAMED(idle_links_are_closed),
		TEST_NAMED(busy_links_go_on),
		TEST_NAMED(an_address_comes_back),
		TEST_NAMED(places_are_used_again),
		TEST_NAMED(no_address_at_all),
		TEST_NAMED(the_first_answer_is_awaited),
	};

	return cmocka_run_group_tests_name("pool_targets", tests, NULL, NULL);
}
