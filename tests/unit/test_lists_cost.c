/*
 * What it costs to look something up in long lists: comparisons are counted,
 * for time says little.  The sources are taken in as they are, but for the
 * function that compares.
 */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include <cmocka.h>

#include "gateway/compat.h"
#include "gateway/mem.h"

static unsigned long comparisons;

static int
counted_strcasecmp(const char *a, const char *b)
{
	comparisons++;
	return strcasecmp(a, b);
}

static int
counted_memcmp(const void *a, const void *b, size_t len)
{
	comparisons++;
	return memcmp(a, b, len);
}

#define strcasecmp counted_strcasecmp
#define memcmp counted_memcmp
#include "gateway/net.c"
#include "gateway/opt_match.c"
#undef memcmp
#undef strcasecmp

#define MANY 100000
#define LOOKUPS 1000
/* Binary searches of 17 steps, one per label of a domain of three, for the
 * address and for "*"; a list that is gone through needs 50,000. */
#define AT_MOST (6 * 18)

static struct arena arena;

/* Comparisons of one look-up, of a list with so many addresses. */
static unsigned long
cost_of_addresses(size_t count)
{
	const char **texts = calloc(count, sizeof(*texts));
	struct opt_list l = { texts, count };
	char name[80], say[100];
	size_t i;

	assert_non_null(texts);
	for (i = 0; i < count; i++)
		texts[i] = arena_printf(
		    &arena, "u%zu@a.d%zu.example", i * 7919 % 100003, i % 1000);
	assert_true(
	    opt_match_prepare(&l, OPT_MATCH_ADDRESSES, "x", say, sizeof(say)));
	comparisons = 0;
	for (i = 0; i < LOOKUPS; i++) {
		snprintf(name, sizeof(name), "u%zu@a.d%zu.example",
		    i * 7919 % 100003, i % 1000);
		assert_true(
		    (opt_match_address(&l, name, strchr(name, '@') + 1) !=
			NULL) == (i < count));
		name[0] = 'v';
		assert_null(opt_match_address(&l, name, strchr(name, '@') + 1));
	}
	free(texts);
	return comparisons / (2 * LOOKUPS);
}

static unsigned long
cost_of_networks(size_t count)
{
	struct net_prefix *list = calloc(count, sizeof(*list));
	struct net_list l = { .list = list, .count = count };
	struct net_addr a;
	char text[80];
	const char *err;
	size_t i;

	assert_non_null(list);
	for (i = 0; i < count; i++) {
		snprintf(text, sizeof(text), "%zu.%zu.%zu.0/25", 11 + i / 65536,
		    i / 256 % 256, i % 256);
		assert_int_equal(net_prefix_parse(text, &list[i], &err), 0);
	}
	net_list_sort(&l);
	assert_int_equal(l.count, count);
	comparisons = 0;
	for (i = 0; i < LOOKUPS; i++) {
		snprintf(text, sizeof(text), "11.%zu.%zu.%d:1", i / 256,
		    i % 256, i % 2 == 0 ? 5 : 200);
		assert_int_equal(net_parse(text, &a, &err), 0);
		assert_true(net_list_has(&l, &a) == (i < count && i % 2 == 0));
	}
	free(list);
	return comparisons / LOOKUPS;
}

static void
test_addresses(void **state)
{
	unsigned long few = cost_of_addresses(10);
	unsigned long many = cost_of_addresses(MANY);

	(void)state;
	assert_true(few > 0);
	assert_in_range(many, few, AT_MOST);
}

static void
test_networks(void **state)
{
	unsigned long few = cost_of_networks(10);
	unsigned long many = cost_of_networks(MANY);

	(void)state;
	assert_true(few > 0);
	assert_in_range(many, few, AT_MOST);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_addresses),
		cmocka_unit_test(test_networks),
	};
	int failed;

	arena_init(&arena, 65536);
	failed = cmocka_run_group_tests(tests, NULL, NULL);
	arena_free(&arena);
	return failed;
}
