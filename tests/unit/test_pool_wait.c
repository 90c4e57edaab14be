/*
 * The pool: limits, waiting for a connection, several servers and workers.
 */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "fake_pool.h"

static void
test_max(void **state)
{
	int i;

	(void)state;
	begin();
	for (i = 0; i < 3; i++)
		assert_true(ask(i));
	assert_false(ask(3));
	assert_int_equal(total(STATS_LINKS), 3);
	loop_advance(loop, 100);
	assert_int_equal(wishes[3].got, 0);
	give(1);
	assert_int_equal(wishes[3].got, 0); /* never inside a call */
	loop_turn(loop, false);
	assert_non_null(wishes[3].link);
	assert_int_equal(wishes[3].link->uses, 2);
	assert_int_equal(total(STATS_OPENED), 3);
}

/* A connection that ends makes room as well. */
static void
test_drop_makes_room(void **state)
{
	(void)state;
	conf.pool.max = 1;
	begin();
	assert_true(ask(0));
	assert_false(ask(1));
	pool_drop(&wishes[0].link);
	loop_turn(loop, false);
	assert_non_null(wishes[1].link);
	assert_int_equal(wishes[1].link->uses, 1);
}

static void
test_first_come_first_served(void **state)
{
	int i;

	(void)state;
	conf.pool.max = 1;
	begin();
	assert_true(ask(0));
	for (i = 1; i < 5; i++)
		assert_false(ask(i));
	pool_cancel(&wishes[2].wait);
	give(0);
	assert_false(ask(5)); /* behind those who wait */
	for (i = 1; i < 6; i++) {
		if (i == 2)
			continue;
		loop_turn(loop, false);
		assert_non_null(wishes[i].link);
		give(i);
	}
	assert_int_equal(wishes[2].got, 0);
	assert_true(wishes[1].rank < wishes[3].rank);
	assert_true(wishes[3].rank < wishes[4].rank);
	assert_true(wishes[4].rank < wishes[5].rank);
	assert_int_equal(total(STATS_OPENED), 1);
}

static void
test_waiting_has_an_end(void **state)
{
	(void)state;
	conf.pool.max = 1;
	begin();
	assert_true(ask(0));
	assert_false(ask(1));
	loop_advance(loop, 3000);
	assert_false(ask(2));
	loop_advance(loop, 1999);
	assert_int_equal(wishes[1].got, 0);
	loop_advance(loop, 50); /* looked at now and then */
	assert_int_equal(wishes[1].got, 1);
	assert_null(wishes[1].link);
	assert_non_null(strstr(wishes[1].why, "in time"));
	assert_int_equal(wishes[2].got, 0);
	give(0);
	loop_turn(loop, false);
	assert_non_null(wishes[2].link);
}

/* A callback may take back somebody else's wish. */
static void
test_cancel_in_got(void **state)
{
	(void)state;
	conf.pool.max = 1;
	begin();
	assert_true(ask(0));
	assert_false(ask(1));
	assert_false(ask(2));
	assert_false(ask(3));
	wishes[1].cancel = &wishes[2].wait;
	loop_advance(loop, 6000);
	assert_int_equal(wishes[1].got, 1);
	assert_int_equal(wishes[2].got, 0);
	assert_int_equal(wishes[3].got, 1);
}

static void
test_fresh_waits_its_turn(void **state)
{
	(void)state;
	conf.pool.max = 1;
	begin();
	assert_true(ask(0));
	assert_false(ask_of(pools[0], 1, true, 0));
	give(0);
	loop_turn(loop, false);
	assert_non_null(wishes[1].link);
	assert_int_equal(wishes[1].link->uses, 1);
}

static void
test_both_servers_get_some(void **state)
{
	int i;

	(void)state;
	conf.server_count = 2;
	begin();
	for (i = 0; i < 6; i++)
		assert_true(ask(i));
	assert_int_equal(stats_sum(stats, servers[0].index, STATS_LINKS), 3);
	assert_int_equal(stats_sum(stats, servers[1].index, STATS_LINKS), 3);
}

static bool
gone(const struct wish *w)
{
	int n;

	for (n = 0; n < 5000 && w->link != NULL; n++) {
		loop_turn(loop, false);
		if (w->link != NULL && w->link->connected)
			return false;
		usleep(1000);
	}
	return w->link == NULL;
}

/* As a delivery does it: the next, with what failed in tried. */
static void
test_dead_server_is_skipped(void **state)
{
	int round, live = 0;

	(void)state;
	conf.server_count = 2;
	conf.pool.idle = 0;
	begin();
	kill_server(0);
	for (round = 0; round < 4; round++) {
		assert_true(ask(0));
		if (gone(&wishes[0])) {
			assert_int_equal(error, ECONNREFUSED);
			assert_true(
			    pool_has_other(pools[0], wishes[0].wait.tried));
			assert_true(
			    ask_of(pools[0], 0, false, wishes[0].wait.tried));
			assert_false(gone(&wishes[0]));
		}
		assert_string_equal(wishes[0].link->server->name, "b");
		live++;
		give(0);
	}
	assert_int_equal(live, 4);
}

static void
test_all_dead(void **state)
{
	(void)state;
	conf.server_count = 2;
	begin();
	kill_server(0);
	kill_server(1);
	assert_true(ask(0));
	assert_true(gone(&wishes[0]));
	assert_true(ask_of(pools[0], 0, false, wishes[0].wait.tried));
	assert_true(gone(&wishes[0]));
	assert_false(pool_has_other(pools[0], wishes[0].wait.tried | 3));
	assert_false(ask_of(pools[0], 0, false, 3));
	assert_int_equal(wishes[0].got, 0); /* never inside the call */
	loop_turn(loop, false);
	assert_int_equal(wishes[0].got, 1);
	assert_null(wishes[0].link);
	assert_string_equal(wishes[0].why, "no server can be connected to");
	loop_advance(loop, 10000);
	assert_int_equal(wishes[0].got, 1);
}

/* Who waits for a full server does not keep away one that may use another. */
static void
test_waits_of_different_servers(void **state)
{
	(void)state;
	conf.server_count = 2;
	conf.pool.max = 1;
	begin();
	assert_true(ask(0) && ask(1));
	assert_false(ask_of(pools[0], 2, false,
	    1u << wishes[0].link->target)); /* wants the second's server */
	assert_false(ask_of(pools[0], 3, false,
	    1u << wishes[1].link->target)); /* wants the first's */
	give(0);
	loop_turn(loop, false);
	assert_null(wishes[2].link);
	assert_non_null(wishes[3].link);
}

static void
test_totals_over_workers(void **state)
{
	(void)state;
	begin();
	assert_true(ask(0) && ask(1));
	assert_true(ask_of(pools[1], 2, false, 0));
	assert_false(ask_of(pools[1], 3, false, 0)); /* max is 3 of both */
	assert_int_equal(total(STATS_LINKS), 3);
	pool_drop(&wishes[0].link);
	assert_int_equal(wishes[3].got, 0);
	loop_advance(loop, 50); /* notices that the other worker made room */
	assert_non_null(wishes[3].link);
	give(1);
	give(2);
	give(3);
	loop_advance(loop, 5000);
	assert_int_equal(total(STATS_IDLE), 2); /* idle is 2 of both */
	assert_int_equal(total(STATS_LINKS), 2);
}

/* What one worker keeps idle is not kept from another one that waits. */
static void
test_idle_is_given_up(void **state)
{
	(void)state;
	conf.pool.max = 1;
	begin();
	assert_true(ask_of(pools[0], 0, false, 0));
	give(0);
	assert_int_equal(total(STATS_IDLE), 1);
	assert_false(ask_of(pools[1], 1, false, 0));
	loop_advance(loop, 1100);
	loop_turn(loop, false);
	loop_advance(loop, 100);
	loop_turn(loop, false);
	assert_non_null(wishes[1].link);
	assert_int_equal(total(STATS_LINKS), 1);
}

/* Nor what becomes free while the other one waits; who has waiters of its own
 * gives every fourth away. */
static void
test_freed_is_shared(void **state)
{
	int i;

	(void)state;
	conf.pool.max = 2;
	begin();
	for (i = 0; i < 2; i++)
		assert_true(ask_of(pools[0], i, false, 0));
	assert_false(ask_of(pools[1], 7, false, 0));
	for (i = 0; i < 4 && wishes[7].link == NULL; i++) {
		assert_false(ask_of(pools[0], 2 + i, false, 0));
		give(i);
		loop_turn(loop, false);
		loop_advance(loop, 30);
	}
	assert_non_null(wishes[7].link);
	assert_int_equal(total(STATS_LINKS), 2);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_max),
		TEST(test_drop_makes_room),
		TEST(test_first_come_first_served),
		TEST(test_waiting_has_an_end),
		TEST(test_cancel_in_got),
		TEST(test_fresh_waits_its_turn),
		TEST(test_both_servers_get_some),
		TEST(test_dead_server_is_skipped),
		TEST(test_all_dead),
		TEST(test_waits_of_different_servers),
		TEST(test_totals_over_workers),
		TEST(test_idle_is_given_up),
		TEST(test_freed_is_shared),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
