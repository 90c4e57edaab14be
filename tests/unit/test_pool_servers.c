/*
 * The pool: which server gets a link, and what is counted.
 */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "balance.h"
#include "fake_pool.h"

static const char *
got_from(int i)
{
	return wishes[i].link->server->name;
}

static int64_t
links(int server)
{
	return stats_sum(stats, servers[server].index, STATS_LINKS);
}

static void
test_weights(void **state)
{
	int i;

	(void)state;
	conf.server_count = 2;
	servers[1].weight = 2;
	conf.pool.max = 10;
	begin();
	for (i = 0; i < 6; i++)
		assert_true(ask(i));
	assert_int_equal(links(0), 2);
	assert_int_equal(links(1), 4);
}

/* Those of other workers count. */
static void
test_least_of_all(void **state)
{
	int i;

	(void)state;
	conf.server_count = 2;
	begin();
	assert_true(ask_of(pools[1], 0, false, 0));
	assert_string_equal(got_from(0), "a");
	for (i = 1; i < 4; i++) {
		assert_true(ask(i));
		assert_string_equal(got_from(i), i % 2 ? "b" : "a");
	}
}

static void
test_round_robin(void **state)
{
	int i;

	(void)state;
	conf.balance = BALANCE_ROUND_ROBIN;
	conf.server_count = 2;
	begin();
	assert_true(ask_of(pools[1], 5, false, 0)); /* does not count */
	for (i = 0; i < 4; i++) {
		assert_true(ask(i));
		assert_string_equal(got_from(i), i % 2 ? "b" : "a");
	}
}

static void
test_hash(void **state)
{
	int i;

	(void)state;
	conf.balance = BALANCE_HASH;
	conf.server_count = 2;
	begin();
	for (i = 0; i < 4; i++) {
		wishes[i].wait.key = 77;
		assert_true(ask(i));
	}
	/* one server has max, the fourth had to go elsewhere */
	assert_true((links(0) == 3 && links(1) == 1) ||
	    (links(0) == 1 && links(1) == 3));
	assert_string_not_equal(got_from(0), got_from(3));
}

static void
test_slow_start(void **state)
{
	int i, n = 0;

	(void)state;
	conf.server_count = 2;
	conf.slow_start = 10000;
	conf.balance = BALANCE_ROUND_ROBIN;
	begin();
	servers_drain(shared, "test/b", loop_now(loop));
	servers_enable(shared, "test/b", loop_now(loop));
	for (i = 0; i < 110; i++) {
		assert_true(ask(0));
		n += got_from(0)[0] == 'b';
		give(0);
	}
	assert_int_equal(n, 10);
	loop_advance(loop, 10000);
	for (n = i = 0; i < 100; i++) {
		assert_true(ask(0));
		n += got_from(0)[0] == 'b';
		give(0);
	}
	assert_int_equal(n, 50);
}

/* Backups help when others are down, not when they are busy. */
static void
test_backup(void **state)
{
	(void)state;
	conf.server_count = 2;
	conf.pool.max = 1;
	servers[1].backup = true;
	begin();
	assert_true(ask(0));
	assert_string_equal(got_from(0), "a");
	assert_false(ask(1));
	servers_drain(shared, "test/a", loop_now(loop));
	loop_advance(loop, 50);
	assert_non_null(wishes[1].link);
	assert_string_equal(got_from(1), "b");
}

static void
down(int server)
{
	struct servers_policy p = pool_policy(&conf);
	int64_t i;

	for (i = 0; i < p.fall; i++)
		servers_failed(shared, servers[server].index, &p,
		    loop_now(loop), "it is dead");
	assert_false(servers_usable(shared, servers[server].index));
}

static void
test_down(void **state)
{
	(void)state;
	conf.server_count = 2;
	begin();
	down(0);
	assert_true(ask(0) && ask(1));
	assert_string_equal(got_from(0), "b");
	assert_string_equal(got_from(1), "b");
	assert_false(pool_has_other(pools[0], 1u << wishes[0].link->target));
	/* one of both workers tries */
	loop_advance(loop, 1000);
	assert_true(ask_of(pools[1], 2, false, 0));
	assert_string_equal(got_from(2), "a");
	assert_true(ask(3));
	assert_string_equal(got_from(3), "b");
	assert_false(servers_usable(shared, servers[0].index));
	give(2);
	assert_true(servers_usable(shared, servers[0].index));
	assert_true(ask(4));
	assert_string_equal(got_from(4), "a");
}

/* Who waits is not left waiting for one that is down by now. */
static void
test_down_while_waiting(void **state)
{
	(void)state;
	conf.pool.max = 1;
	begin();
	assert_true(ask(0));
	assert_false(ask(1));
	assert_int_equal(total(STATS_WAITING), 1);
	down(0);
	loop_advance(loop, 50);
	assert_int_equal(wishes[1].got, 1);
	assert_null(wishes[1].link);
	assert_string_equal(wishes[1].why, "a is down: it is dead");
	assert_int_equal(total(STATS_WAITING), 0);
	assert_int_equal(total(STATS_WAITED), 1);
}

static void
test_drained(void **state)
{
	int fd;

	(void)state;
	conf.server_count = 2;
	servers[1].drain = true;
	begin();
	assert_true(ask(0) && ask(1));
	fd = accepted(0);
	until(&wishes[0].link->connected);
	give(0);
	assert_int_equal(total(STATS_IDLE), 1);
	servers_drain(shared, "test/a", loop_now(loop));
	loop_advance(loop, 1000);
	assert_int_equal(total(STATS_IDLE), 0);
	assert_true(server_hears(fd, "QUIT\r\n"));
	give(1); /* it was busy: closed now */
	assert_int_equal(total(STATS_LINKS), 0);
	assert_false(ask(0));
	loop_turn(loop, false);
	assert_string_equal(wishes[0].why, "all servers are drained");
	close(fd);
}

/* A server is not to blame as long as one of its addresses is good. */
static void
test_blame_of_addresses(void **state)
{
	int i;

	(void)state;
	servers[0].addr_count = 2;
	servers[0].addrs[1] = servers[1].addrs[0];
	conf.check.fall = 1;
	begin();
	assert_true(ask(0));
	for (i = 0; i < 3; i++)
		pool_blame(wishes[0].link, "it closed");
	assert_true(servers_usable(shared, servers[0].index));
	assert_true(ask_of(pools[0], 1, false, 1u << wishes[0].link->target));
	pool_blame(wishes[1].link, "it closed");
	assert_false(servers_usable(shared, servers[0].index));
	assert_int_equal(total(STATS_FAILED), 4);
}

static void
test_source(void **state)
{
	struct net_addr from;
	const char *err;
	char text[NET_TEXT_MAX];
	int i, fd = -1;

	(void)state;
	assert_int_equal(net_parse("127.0.0.1:0", &conf.source4, &err), 0);
	assert_int_equal(net_parse("[::1]:0", &conf.source6, &err), 0);
	assert_null(pool_source(&conf, &(struct net_addr){ .len = 0 }));
	assert_ptr_equal(pool_source(&conf, &conf.source6), &conf.source6);
	begin();
	assert_true(ask(0));
	for (i = 0; i < 1000 && fd == -1; i++) {
		usleep(1000);
		fd = net_accept(listeners[0], &from);
	}
	assert_string_equal(net_ip(&from, text, sizeof(text)), "127.0.0.1");
	close(fd);
	/* not ours: no connection, and nobody else is to blame */
	assert_int_equal(net_parse("192.0.2.1:0", &conf.source4, &err), 0);
	assert_false(ask(1));
	assert_int_equal(total(STATS_FAILED), 0);
}

static void
test_discarded(void **state)
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
	assert_int_equal(total(STATS_DISCARDED), 1);
	assert_true(ask(0));
	close(accepted(0));
	give(0);
	pool_close_idle(pools[0]); /* with QUIT: as it should be */
	assert_int_equal(total(STATS_DISCARDED), 1);
}

/* After a reload that took a server away, another one in its slot had no TLS
 * and no fault. */
static void
test_slot_of_another(void **state)
{
	unsigned slot;

	(void)state;
	begin();
	slot = servers[0].index;
	stats_add(stats, 1, slot, STATS_TLS, 1);
	stats_add(stats, 0, slot, STATS_FAULT + FAULT_BDAT_UNSWALLOWED, 1);
	stats_add(stats, 0, slot, STATS_OPENED, 7);
	/* the same servers again: theirs */
	assert_true(pool_enter_servers(shared, stats, &conf, 1, START));
	assert_int_equal(servers[0].index, slot);
	assert_int_equal(stats_sum(stats, slot, STATS_OPENED), 7);
	pool_leave_servers(shared, &conf, 1);
	pool_leave_servers(shared, &conf, 1);
	servers[0].name = "another";
	assert_true(pool_enter_servers(shared, stats, &conf, 1, START));
	assert_int_equal(servers[0].index, slot);
	assert_int_equal(stats_sum(stats, slot, STATS_OPENED), 0);
	assert_int_equal(stats_sum(stats, slot, STATS_TLS), 0);
	assert_int_equal(
	    stats_sum(stats, slot, STATS_FAULT + FAULT_BDAT_UNSWALLOWED), 0);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_weights),
		TEST(test_least_of_all),
		TEST(test_round_robin),
		TEST(test_hash),
		TEST(test_slow_start),
		TEST(test_backup),
		TEST(test_down),
		TEST(test_down_while_waiting),
		TEST(test_slot_of_another),
		TEST(test_drained),
		TEST(test_blame_of_addresses),
		TEST(test_source),
		TEST(test_discarded),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
