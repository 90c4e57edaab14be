/*
 * Shared counters, with real processes.
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

#include "stats.h"

#define WORKERS 4
#define ROUNDS 20000

static void
test_columns(void **state)
{
	struct stats *s = stats_new(3, 2);

	(void)state;
	assert_non_null(s);
	assert_int_equal(stats_sum(s, 0, STATS_LINKS), 0);
	stats_add(s, 0, 0, STATS_LINKS, 5);
	stats_add(s, 2, 0, STATS_LINKS, 7);
	stats_add(s, 2, 0, STATS_LINKS, -1);
	stats_add(s, 1, 1, STATS_REUSED, 3);
	stats_sessions(s, 0, 1);
	stats_sessions(s, 2, 2);
	assert_int_equal(stats_sum(s, 0, STATS_LINKS), 11);
	assert_int_equal(stats_sum(s, 0, STATS_IDLE), 0);
	assert_int_equal(stats_sum(s, 1, STATS_LINKS), 0);
	assert_int_equal(stats_sum(s, 1, STATS_REUSED), 3);
	assert_int_equal(stats_all_sessions(s), 3);
	stats_clear_worker(s, 2);
	assert_int_equal(stats_sum(s, 0, STATS_LINKS), 5);
	assert_int_equal(stats_sum(s, 1, STATS_REUSED), 3);
	assert_int_equal(stats_all_sessions(s), 1);
	stats_free(&s);
	assert_null(s);
	stats_free(&s);
}

/* What has happened is not undone by the death of who saw it. */
static void
test_events(void **state)
{
	struct stats *s = stats_new(2, 1);

	(void)state;
	assert_int_equal(stats_counted(s, STATS_PROBES), 0);
	assert_int_equal(stats_count(s, 0, STATS_PROBES), 1);
	assert_int_equal(stats_count(s, 1, STATS_PROBES), 2);
	assert_int_equal(stats_count(s, 1, STATS_PROXY_MISSING), 1);
	stats_add(s, 1, 0, STATS_LINKS, 4);
	stats_sessions(s, 1, 2);
	stats_clear_worker(s, 1);
	assert_int_equal(stats_counted(s, STATS_PROBES), 2);
	assert_int_equal(stats_counted(s, STATS_PROXY_MISSING), 1);
	assert_int_equal(stats_counted(s, STATS_PROXY_UNTRUSTED), 0);
	assert_int_equal(stats_sum(s, 0, STATS_LINKS), 0);
	assert_int_equal(stats_all_sessions(s), 0);
	stats_free(&s);
}

/* What a worker had open dies with it, what it has counted does not; whoever
 * has its column next counts on. */
static void
test_counters_are_kept(void **state)
{
	struct stats *s = stats_new(2, 2);

	(void)state;
	stats_add(s, 0, 1, STATS_LINKS, 3);
	stats_add(s, 0, 1, STATS_IDLE, 2);
	stats_add(s, 0, 1, STATS_WAITING, 1);
	stats_add(s, 0, 1, STATS_OPENED, 30);
	stats_add(s, 0, 1, STATS_DISCARDED, 4);
	stats_sessions(s, 0, 9);
	stats_clear_worker(s, 0);
	stats_clear_worker(s, 0);
	assert_int_equal(stats_sum(s, 1, STATS_LINKS), 0);
	assert_int_equal(stats_sum(s, 1, STATS_IDLE), 0);
	assert_int_equal(stats_sum(s, 1, STATS_WAITING), 0);
	assert_int_equal(stats_all_sessions(s), 0);
	stats_add(s, 0, 1, STATS_OPENED, 5);
	assert_int_equal(stats_sum(s, 1, STATS_OPENED), 35);
	assert_int_equal(stats_sum(s, 1, STATS_DISCARDED), 4);
	assert_int_equal(stats_sum(s, 0, STATS_OPENED), 0);
	assert_true(stats_reserve(s, 1, 1, STATS_LINKS, 1));
	stats_free(&s);
}

static void
test_no_servers(void **state)
{
	struct stats *s = stats_new(1, 0);

	(void)state;
	stats_sessions(s, 0, 1);
	assert_int_equal(stats_all_sessions(s), 1);
	stats_free(&s);
}

static void
test_reserve(void **state)
{
	struct stats *s = stats_new(2, 1);

	(void)state;
	assert_false(stats_reserve(s, 0, 0, STATS_LINKS, 0));
	assert_int_equal(stats_sum(s, 0, STATS_LINKS), 0);
	assert_true(stats_reserve(s, 0, 0, STATS_LINKS, 2));
	assert_true(stats_reserve(s, 1, 0, STATS_LINKS, 2));
	assert_false(stats_reserve(s, 0, 0, STATS_LINKS, 2));
	assert_false(stats_reserve(s, 1, 0, STATS_LINKS, 2));
	assert_int_equal(stats_sum(s, 0, STATS_LINKS), 2);
	stats_clear_worker(s, 0); /* it died */
	assert_true(stats_reserve(s, 1, 0, STATS_LINKS, 2));
	stats_free(&s);
}

/* Never more than three at once among four: each that has one counts itself
 * in a cell of another kind, and looks. */
static void
compete(struct stats *s, unsigned worker)
{
	int i, got = 0;

	for (i = 0; i < ROUNDS; i++) {
		if (!stats_reserve(s, worker, 0, STATS_LINKS, 3))
			continue;
		got++;
		stats_add(s, worker, 0, STATS_IDLE, 1);
		if (stats_sum(s, 0, STATS_IDLE) > 3)
			_exit(1);
		stats_add(s, worker, 0, STATS_IDLE, -1);
		stats_add(s, worker, 0, STATS_OPENED, 1);
		stats_add(s, worker, 0, STATS_LINKS, -1);
	}
	_exit(got > 0 ? 0 : 2);
}

static void
test_processes(void **state)
{
	struct stats *s = stats_new(WORKERS, 1);
	pid_t pids[WORKERS];
	unsigned w;
	int status;

	(void)state;
	for (w = 0; w < WORKERS; w++) {
		pids[w] = fork();
		assert_int_not_equal(pids[w], -1);
		if (pids[w] == 0)
			compete(s, w);
	}
	for (w = 0; w < WORKERS; w++) {
		assert_int_equal(waitpid(pids[w], &status, 0), pids[w]);
		assert_int_equal(status, 0);
	}
	assert_int_equal(stats_sum(s, 0, STATS_LINKS), 0);
	assert_true(stats_sum(s, 0, STATS_OPENED) > 0);
	stats_free(&s);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_columns),
		cmocka_unit_test(test_events),
		cmocka_unit_test(test_counters_are_kept),
		cmocka_unit_test(test_no_servers),
		cmocka_unit_test(test_reserve),
		cmocka_unit_test(test_processes),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
