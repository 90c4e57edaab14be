/*
 * Counts of client networks: networks, windows with the time as an argument,
 * a full table, a worker that died, and real processes.
 */

#include <sys/types.h>
#include <sys/wait.h>

#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <cmocka.h>

#include "net.h"
#include "rates.h"

#define NOW 1000000
#define MINUTE 60000
#define WORKERS 4
#define ROUNDS 20000

static uint64_t
key(const struct rates *r, const char *text)
{
	struct net_addr a;
	const char *err;

	assert_int_equal(net_parse(text, &a, &err), 0);
	return rates_key(r, &a);
}

/* The address number n. */
static uint64_t
key_of(const struct rates *r, unsigned n)
{
	char text[40];

	snprintf(text, sizeof(text), "10.%u.%u.%u:1", n >> 16 & 255,
	    n >> 8 & 255, n & 255);
	return key(r, text);
}

static void
test_networks(void **state)
{
	struct rates *r = rates_new(64, 1);
	struct net_addr none = { .len = 0 };

	(void)state;
	assert_true(key(r, "192.0.2.1:25") == key(r, "192.0.2.1:26"));
	assert_true(key(r, "192.0.2.1:25") != key(r, "192.0.2.2:25"));
	assert_true(key(r, "192.0.2.1:25") == key(r, "[::ffff:192.0.2.1]:25"));
	assert_true(key(r, "[2001:db8::1]:1") == key(r, "[2001:db8::2:1]:2"));
	assert_true(key(r, "[2001:db8::1]:1") != key(r, "[2001:db8:0:1::1]:1"));
	assert_true(key(r, "unix:/x") == 0);
	assert_true(rates_key(r, &none) == 0);
	assert_true(rates_key_name(r, "a") != rates_key_name(r, "b"));
	assert_true(rates_key_name(r, "mx") == rates_key_name(r, "mx"));
	assert_int_equal(rates_enter(r, 0, 0, 1, NOW), RATES_UNKNOWN);
	rates_free(&r);
	assert_null(r);
	rates_free(&r);
}

static void
test_open(void **state)
{
	struct rates *r = rates_new(64, 2);
	uint64_t a = key(r, "192.0.2.1:1"), b = key(r, "[2001:db8::1]:1");
	int slot, other;

	(void)state;
	slot = rates_enter(r, 0, a, 2, NOW);
	assert_true(slot >= 0);
	assert_int_equal(rates_enter(r, 1, a, 2, NOW), slot);
	assert_int_equal(rates_enter(r, 0, a, 2, NOW), RATES_FULL);
	assert_int_equal(rates_enter(r, 1, a, 2, NOW), RATES_FULL);
	assert_int_equal(rates_open(r, slot), 2);
	other = rates_enter(r, 1, b, 2, NOW);
	assert_true(other >= 0 && other != slot);
	rates_leave(r, 1, slot);
	assert_int_equal(rates_enter(r, 0, a, 2, NOW), slot);
	assert_int_equal(rates_all_open(r), 3);
	/* Without a column there are no counts. */
	assert_int_equal(
	    rates_enter(r, RATES_NO_COLUMN, a, 2, NOW), RATES_UNKNOWN);
	rates_leave(r, RATES_NO_COLUMN, RATES_UNKNOWN);
	rates_leave(r, 0, RATES_FULL);
	assert_int_equal(rates_all_open(r), 3);
	rates_free(&r);
}

static void
test_dead_worker(void **state)
{
	struct rates *r = rates_new(64, 3);
	uint64_t a = key(r, "192.0.2.1:1");
	int slot = rates_enter(r, 0, a, 3, NOW);

	(void)state;
	assert_int_equal(rates_enter(r, 2, a, 3, NOW), slot);
	assert_int_equal(rates_enter(r, 2, a, 3, NOW), slot);
	assert_int_equal(rates_enter(r, 0, a, 3, NOW), RATES_FULL);
	rates_clear_worker(r, 2);
	rates_clear_worker(r, RATES_NO_COLUMN);
	assert_int_equal(rates_open(r, slot), 1);
	assert_int_equal(rates_enter(r, 2, a, 3, NOW), slot);
	rates_free(&r);
}

static bool
count(struct rates *r, int slot, int64_t now)
{
	return rates_count(r, slot, RATES_MESSAGES, 10, MINUTE, now);
}

/* How many of n come through. */
static int
through(struct rates *r, int slot, int n, int64_t now)
{
	int i, good = 0;

	for (i = 0; i < n; i++)
		good += count(r, slot, now);
	return good;
}

static void
test_window(void **state)
{
	struct rates *r = rates_new(64, 1);
	int slot = rates_enter(r, 0, key(r, "192.0.2.1:1"), 9, NOW);
	int64_t t = 100 * MINUTE;

	(void)state;
	assert_int_equal(through(r, slot, 20, t), 10);
	assert_int_equal(through(r, slot, 20, t + MINUTE - 1), 0);
	/* What is refused does not count: the ten go out one by one. */
	assert_int_equal(through(r, slot, 20, t + MINUTE), 0);
	assert_int_equal(through(r, slot, 20, t + MINUTE + 5999), 0);
	assert_int_equal(through(r, slot, 20, t + MINUTE + 6001), 1);
	assert_int_equal(through(r, slot, 20, t + MINUTE + 30001), 4);
	assert_int_equal(through(r, slot, 20, t + MINUTE + 59999), 4);
	/* A quiet window forgets all. */
	assert_int_equal(through(r, slot, 20, t + 3 * MINUTE), 10);
	/* The other kind has windows of its own. */
	assert_true(
	    rates_count(r, slot, RATES_CONNECTIONS, 1, MINUTE, t + 3 * MINUTE));
	assert_false(
	    rates_count(r, slot, RATES_CONNECTIONS, 1, MINUTE, t + 3 * MINUTE));
	/* Looking counts nothing. */
	assert_false(rates_full(r, slot, RATES_LOGINS, 1, MINUTE, t));
	assert_true(rates_count(r, slot, RATES_LOGINS, 1, MINUTE, t));
	assert_true(rates_full(r, slot, RATES_LOGINS, 1, MINUTE, t));
	assert_false(rates_full(r, slot, RATES_LOGINS, 2, MINUTE, t));
	assert_false(
	    rates_full(r, slot, RATES_LOGINS, 1, MINUTE, t + 2 * MINUTE));
	rates_free(&r);
}

/* Workers read the clock at different times. */
static void
test_clock_behind(void **state)
{
	struct rates *r = rates_new(64, 1);
	int slot = rates_enter(r, 0, key(r, "192.0.2.1:1"), 9, NOW);
	int64_t t = 100 * MINUTE;

	(void)state;
	assert_int_equal(through(r, slot, 5, t - 1), 5);
	assert_int_equal(through(r, slot, 3, t), 3);
	assert_int_equal(through(r, slot, 20, t - 1), 2);
	assert_int_equal(through(r, slot, 20, t), 0);
	/* Another period begins anew. */
	assert_true(rates_count(r, slot, RATES_MESSAGES, 10, MINUTE * 60, t));
	rates_free(&r);
}

/* Idle networks make room, the oldest first; busy ones never. */
static void
test_full(void **state)
{
	struct rates *r = rates_new(8, 1);
	int slots[8], slot, i;

	(void)state;
	for (i = 0; i < 8; i++) {
		slots[i] =
		    rates_enter(r, 0, key_of(r, (unsigned)i), 1, NOW + i);
		assert_true(slots[i] >= 0);
	}
	assert_int_equal(
	    rates_enter(r, 0, key_of(r, 8), 1, NOW), RATES_UNKNOWN);
	assert_true(count(r, slots[5], NOW));
	rates_leave(r, 0, slots[6]);
	rates_leave(r, 0, slots[5]);
	slot = rates_enter(r, 0, key_of(r, 9), 1, NOW + 100);
	assert_int_equal(slot, slots[5]);
	/* Nothing is left of who was there before. */
	assert_int_equal(through(r, slot, 20, NOW), 10);
	assert_int_equal(
	    rates_enter(r, 0, key_of(r, 6), 1, NOW + 101), slots[6]);
	assert_int_equal(
	    rates_enter(r, 0, key_of(r, 5), 1, NOW), RATES_UNKNOWN);
	assert_int_equal(rates_all_open(r), 8);
	rates_free(&r);
}

/* In a table of eight slots, which change hands all the time. */
static void
compete(struct rates *r, unsigned worker)
{
	uint64_t mine = key_of(r, 1);
	int i, slot, other, got = 0;

	for (i = 0; i < ROUNDS; i++) {
		other = rates_enter(
		    r, worker, key_of(r, 2 + (unsigned)(i & 15)), 100, NOW + i);
		slot = rates_enter(r, worker, mine, 3, NOW + i);
		got += slot >= 0;
		rates_leave(r, worker, slot);
		rates_leave(r, worker, other);
	}
	_exit(got > 0 ? 0 : 2);
}

static void
fork_all(struct rates *r, void (*work)(struct rates *, unsigned))
{
	pid_t pids[WORKERS];
	unsigned w;
	int status;

	for (w = 0; w < WORKERS; w++) {
		pids[w] = fork();
		assert_int_not_equal(pids[w], -1);
		if (pids[w] == 0)
			work(r, w);
	}
	for (w = 0; w < WORKERS; w++) {
		assert_int_equal(waitpid(pids[w], &status, 0), pids[w]);
		assert_int_equal(status, 0);
	}
}

static void
test_processes(void **state)
{
	struct rates *r = rates_new(8, WORKERS);

	(void)state;
	fork_all(r, compete);
	assert_int_equal(rates_all_open(r), 0);
	rates_free(&r);
}

/* Each enters as often as it can, and counts what it may. */
static void
grab(struct rates *r, unsigned worker)
{
	int i, slot;

	for (i = 0; i < ROUNDS; i++) {
		slot = rates_enter(r, worker, key_of(r, 1), 1000, NOW);
		if (slot >= 0)
			(void)rates_count(
			    r, slot, RATES_MESSAGES, 5000, MINUTE, NOW);
	}
	_exit(0);
}

static void
test_exact(void **state)
{
	struct rates *r = rates_new(64, WORKERS);
	int slot = rates_enter(r, 0, key_of(r, 1), 1000, NOW), n = 0;

	(void)state;
	fork_all(r, grab);
	assert_in_range(rates_open(r, slot), 1000 - WORKERS, 1000);
	while (rates_count(r, slot, RATES_MESSAGES, 5000, MINUTE, NOW))
		n++;
	/* Who entered has counted, and nothing was lost. */
	assert_int_equal(n, 5000 - (rates_open(r, slot) - 1));
	rates_clear_worker(r, 0);
	rates_clear_worker(r, 1);
	rates_clear_worker(r, 2);
	rates_clear_worker(r, 3);
	assert_int_equal(rates_all_open(r), 0);
	rates_free(&r);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_networks),
		cmocka_unit_test(test_open),
		cmocka_unit_test(test_dead_worker),
		cmocka_unit_test(test_window),
		cmocka_unit_test(test_clock_behind),
		cmocka_unit_test(test_full),
		cmocka_unit_test(test_processes),
		cmocka_unit_test(test_exact),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
