/*
 * Choosing a server: how often each one is it, and when.
 */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <cmocka.h>

#include "balance.h"

#define ALL UINT32_MAX
#define MANY 20000

static struct balance_entry e[32];
static unsigned hits[32];

static void
servers(unsigned count, const uint32_t *weights)
{
	unsigned i;
	char name[8];

	memset(e, 0, sizeof(e));
	memset(hits, 0, sizeof(hits));
	for (i = 0; i < count; i++) {
		snprintf(name, sizeof(name), "s%u", i);
		e[i].name = balance_hash(name, strlen(name));
		e[i].weight = weights[i];
	}
}

static void
choose_many(enum balance_mode m, unsigned count, uint32_t eligible, unsigned n)
{
	char key[40];
	unsigned i;
	int c;

	for (i = 0; i < n; i++) {
		snprintf(key, sizeof(key), "user%u@example.org", i);
		c = balance_choose(
		    m, e, count, eligible, balance_hash(key, strlen(key)));
		assert_in_range(c, 0, count - 1);
		hits[c]++;
	}
}

/* Within a twentieth of what the weight says. */
static void
assert_shares(unsigned count, uint32_t eligible, unsigned n)
{
	unsigned i, total = 0, want;

	for (i = 0; i < count; i++)
		if ((eligible >> i & 1) != 0)
			total += e[i].weight;
	for (i = 0; i < count; i++) {
		want = (eligible >> i & 1) != 0 ? n * e[i].weight / total : 0;
		assert_in_range(hits[i], want - want / 20, want + want / 20);
	}
}

static void
test_nobody(void **state)
{
	enum balance_mode m;

	(void)state;
	servers(2, (uint32_t[]){ 1, 1 });
	for (m = BALANCE_LEAST; m <= BALANCE_HASH; m++) {
		assert_int_equal(balance_choose(m, e, 2, 0, 7), -1);
		/* bits of servers that are not there */
		assert_int_equal(balance_choose(m, e, 2, ~3u, 7), -1);
		assert_int_equal(balance_choose(m, e, 0, ALL, 7), -1);
		assert_int_equal(balance_choose(m, e, 2, 2, 7), 1);
	}
}

static void
test_turns(void **state)
{
	static const int want[] = { 0, 1, 2, 0, 0, 1, 2, 0 };
	unsigned i;

	(void)state;
	servers(3, (uint32_t[]){ 2, 1, 1 });
	for (i = 0; i < 8; i++)
		assert_int_equal(
		    balance_choose(BALANCE_ROUND_ROBIN, e, 3, ALL, 0), want[i]);
	/* One that is away for a while does not catch up. */
	servers(2, (uint32_t[]){ 1, 1 });
	choose_many(BALANCE_ROUND_ROBIN, 2, 1, 100);
	choose_many(BALANCE_ROUND_ROBIN, 2, ALL, 10);
	assert_int_equal(hits[0], 105);
	assert_int_equal(hits[1], 5);
}

static void
test_shares(void **state)
{
	static const enum balance_mode modes[] = { BALANCE_ROUND_ROBIN,
		BALANCE_RANDOM, BALANCE_HASH };
	unsigned i;

	(void)state;
	for (i = 0; i < 3; i++) {
		servers(3, (uint32_t[]){ 100, 200, 500 });
		choose_many(modes[i], 3, ALL, MANY);
		assert_shares(3, ALL, MANY);
		servers(4, (uint32_t[]){ 100, 100, 300, 100 });
		choose_many(modes[i], 4, 0xd, MANY);
		assert_shares(4, 0xd, MANY);
		servers(
		    32, (uint32_t[32]){ [0] = 25600, [31] = 25600, [7] = 1 });
		choose_many(modes[i], 32, 1u << 31 | 1, MANY);
		assert_in_range(
		    hits[0], MANY / 2 - MANY / 40, MANY / 2 + MANY / 40);
		assert_int_equal(hits[0] + hits[31], MANY);
	}
}

static void
test_least(void **state)
{
	unsigned i;
	int c;

	(void)state;
	servers(3, (uint32_t[]){ 1, 1, 1 });
	e[0].busy = 3;
	e[1].busy = 1;
	e[2].busy = 2;
	assert_int_equal(balance_choose(BALANCE_LEAST, e, 3, ALL, 0), 1);
	assert_int_equal(balance_choose(BALANCE_LEAST, e, 3, 5, 0), 2);
	/* equal ones take turns */
	memset(hits, 0, sizeof(hits));
	e[0].busy = e[1].busy = e[2].busy = 0;
	choose_many(BALANCE_LEAST, 3, ALL, 9);
	assert_true(hits[0] == 3 && hits[1] == 3 && hits[2] == 3);
	/* what is never given back is spread by weight */
	servers(2, (uint32_t[]){ 100, 300 });
	for (i = 0; i < 400; i++) {
		c = balance_choose(BALANCE_LEAST, e, 2, ALL, 0);
		e[c].busy++;
	}
	assert_int_equal(e[0].busy, 100);
	assert_int_equal(e[1].busy, 300);
}

/* The same key has the same server, and only the keys of one that goes move.
 */
static void
test_hash_stays(void **state)
{
	unsigned i, moved = 0;
	int before, after;

	(void)state;
	servers(4, (uint32_t[]){ 1, 1, 1, 1 });
	for (i = 0; i < 1000; i++) {
		before = balance_choose(BALANCE_HASH, e, 4, ALL, i);
		assert_int_equal(
		    balance_choose(BALANCE_HASH, e, 4, ALL, i), before);
		after = balance_choose(BALANCE_HASH, e, 4, ~4u, i);
		if (before != 2)
			assert_int_equal(after, before);
		else
			assert_int_not_equal(after, 2);
		moved += before == 2;
	}
	assert_in_range(moved, 200, 300);
}

static void
test_hash_case(void **state)
{
	(void)state;
	assert_true(balance_hash("User@Example.ORG", 16) ==
	    balance_hash("user@example.org", 16));
	assert_false(balance_hash("user@example.org", 16) ==
	    balance_hash("user@example.net", 16));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_nobody),
		cmocka_unit_test(test_turns),
		cmocka_unit_test(test_shares),
		cmocka_unit_test(test_least),
		cmocka_unit_test(test_hash_stays),
		cmocka_unit_test(test_hash_case),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
