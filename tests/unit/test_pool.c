/*
 * The pool: connections that are used again, and when they end.
 */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "fake_pool.h"

static void
test_taken_again(void **state)
{
	struct conn *first;
	struct link *link;
	int fd;

	(void)state;
	begin();
	assert_true(ask(0));
	link = wishes[0].link;
	first = link->conn;
	assert_true(link->fresh);
	assert_int_equal(link->uses, 1);
	fd = accepted(0);
	until(&link->connected);
	memset(link->state, 7, 10);
	give(0);
	assert_null(wishes[0].link);
	assert_int_equal(total(STATS_IDLE), 1);
	assert_true(ask(1));
	link = wishes[1].link;
	assert_ptr_equal(link->conn, first);
	assert_false(link->fresh);
	assert_int_equal(link->uses, 2);
	assert_int_equal(((char *)link->state)[9], 7);
	conn_put(link->conn, "again", 5);
	conn_flush(link->conn);
	assert_true(server_hears(fd, "again"));
	assert_int_equal(total(STATS_LINKS), 1);
	assert_int_equal(total(STATS_IDLE), 0);
	assert_int_equal(total(STATS_OPENED), 1);
	assert_int_equal(total(STATS_REUSED), 1);
	close(fd);
}

static void
test_reset_is_remembered(void **state)
{
	(void)state;
	begin();
	assert_true(ask(0));
	assert_false(wishes[0].link->needs_reset);
	pool_put(&wishes[0].link, true);
	assert_true(ask(0));
	assert_true(wishes[0].link->needs_reset);
	give(0);
	assert_true(ask(0));
	assert_false(wishes[0].link->needs_reset);
}

static void
test_last_used_first(void **state)
{
	struct conn *second;

	(void)state;
	begin();
	assert_true(ask(0) && ask(1));
	second = wishes[1].link->conn;
	give(0);
	give(1);
	assert_true(ask(2));
	assert_ptr_equal(wishes[2].link->conn, second);
}

static void
test_idle_cap(void **state)
{
	int i, fds[3];

	(void)state;
	begin();
	for (i = 0; i < 3; i++) {
		assert_true(ask(i));
		fds[i] = accepted(0);
		until(&wishes[i].link->connected);
	}
	for (i = 0; i < 3; i++)
		give(i);
	/* one more than that is kept for a moment only */
	loop_advance(loop, 5000);
	assert_int_equal(total(STATS_IDLE), 2);
	assert_int_equal(total(STATS_LINKS), 2);
	assert_true(server_hears(fds[2], "QUIT\r\n"));
	for (i = 0; i < 3; i++)
		close(fds[i]);
}

static void
test_idle_timeout(void **state)
{
	int fd;

	(void)state;
	begin();
	assert_true(ask(0));
	fd = accepted(0);
	until(&wishes[0].link->connected);
	give(0);
	loop_advance(loop, 9999);
	assert_int_equal(total(STATS_IDLE), 1);
	loop_advance(loop, 1);
	assert_int_equal(total(STATS_IDLE), 0);
	assert_int_equal(total(STATS_LINKS), 0);
	assert_true(server_hears(fd, "QUIT\r\n"));
	close(fd);
}

static void
test_max_age(void **state)
{
	(void)state;
	conf.pool.idle_timeout = 3600000;
	begin();
	assert_true(ask(0));
	loop_advance(loop, 59999);
	give(0);
	assert_int_equal(total(STATS_IDLE), 1);
	assert_true(ask(0));
	loop_advance(loop, 1);
	give(0);
	assert_int_equal(total(STATS_LINKS), 0);
}

static void
test_max_uses(void **state)
{
	int i;

	(void)state;
	conf.pool.max_uses = 3;
	begin();
	for (i = 0; i < 6; i++) {
		assert_true(ask(0));
		assert_int_equal(wishes[0].link->uses, i % 3 + 1);
		give(0);
	}
	assert_int_equal(total(STATS_OPENED), 2);
	assert_int_equal(total(STATS_LINKS), 0);
}

static void
test_server_leaves(void **state)
{
	int fd;

	(void)state;
	begin();
	assert_true(ask(0));
	fd = accepted(0);
	until(&wishes[0].link->connected);
	give(0);
	close(fd);
	until_idle_is(0);
	assert_int_equal(total(STATS_LINKS), 0);
	assert_true(ask(0));
	assert_int_equal(wishes[0].link->uses, 1);
}

static void
test_server_says_421(void **state)
{
	int fd;

	(void)state;
	begin();
	assert_true(ask(0));
	fd = accepted(0);
	until(&wishes[0].link->connected);
	give(0);
	assert_int_equal(write(fd, "421 bye\r\n", 9), 9);
	until_idle_is(0);
	assert_int_equal(total(STATS_LINKS), 0);
	close(fd);
}

/* A link with something unread is out of step: nobody gets it. */
static void
test_unread_input(void **state)
{
	size_t len = 0;
	int fd, n;

	(void)state;
	begin();
	assert_true(ask(0));
	fd = accepted(0);
	until(&wishes[0].link->connected);
	assert_int_equal(write(fd, "250 ok\r\n", 8), 8);
	for (n = 0; n < 5000 && len == 0; n++) {
		usleep(1000);
		loop_turn(loop, false);
		conn_input(wishes[0].link->conn, &len);
	}
	give(0);
	assert_int_equal(total(STATS_LINKS), 0);
	close(fd);
}

/* What has come on an idle link, and no turn of the loop has seen yet. */
static void
test_spoken_unasked(void **state)
{
	int fd;

	(void)state;
	begin();
	assert_true(ask(0));
	fd = accepted(0);
	until(&wishes[0].link->connected);
	give(0);
	assert_int_equal(total(STATS_IDLE), 1);
	assert_int_equal(write(fd, "250 late\r\n", 10), 10);
	assert_true(ask(0));
	assert_int_equal(wishes[0].link->uses, 1);
	assert_int_equal(total(STATS_LINKS), 1);
	assert_int_equal(total(STATS_DISCARDED), 1);
	close(fd);
}

static void
test_fresh(void **state)
{
	struct conn *idle;

	(void)state;
	begin();
	assert_true(ask(0));
	idle = wishes[0].link->conn;
	give(0);
	assert_true(ask_of(pools[0], 1, true, 0));
	assert_ptr_not_equal(wishes[1].link->conn, idle);
	assert_true(wishes[1].link->fresh);
	assert_int_equal(total(STATS_LINKS), 2);
}

/* Idle connections do not keep away one that has to be new. */
static void
test_fresh_at_max(void **state)
{
	(void)state;
	conf.pool.max = 1;
	begin();
	assert_true(ask(0));
	give(0);
	assert_true(ask_of(pools[0], 1, true, 0));
	assert_int_equal(wishes[1].link->uses, 1);
	assert_int_equal(total(STATS_LINKS), 1);
	assert_int_equal(total(STATS_IDLE), 0);
}

static void
test_close_idle(void **state)
{
	(void)state;
	begin();
	assert_true(ask(0) && ask(1) && ask(2));
	give(0);
	give(1);
	pool_close_idle(pools[0]);
	assert_int_equal(total(STATS_LINKS), 1); /* the busy one goes on */
	assert_non_null(wishes[2].link);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_taken_again),
		TEST(test_reset_is_remembered),
		TEST(test_last_used_first),
		TEST(test_idle_cap),
		TEST(test_idle_timeout),
		TEST(test_max_age),
		TEST(test_max_uses),
		TEST(test_server_leaves),
		TEST(test_server_says_421),
		TEST(test_unread_input),
		TEST(test_spoken_unasked),
		TEST(test_fresh),
		TEST(test_fresh_at_max),
		TEST(test_close_idle),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
