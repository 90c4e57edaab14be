/*
 * The cache of answers: what is kept, how long, and what goes first.
 */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <cmocka.h>

#include "dns_cache.h"

#define PLENTY 1000000

static void
put(struct dns_cache *c, const char *name, enum dns_type type, int64_t until,
    size_t text)
{
	static char octets[100000];
	struct dns_answer *a = dns_answer_new(name, type);

	a->until = until;
	if (text > 0)
		dns_answer_add(
		    a, &(struct dns_record){ .text = octets, .len = text });
	dns_cache_put(c, a);
	dns_answer_unref(&a);
}

static void
an_answer_gets_old(void **state)
{
	struct dns_cache *c = dns_cache_new(10, PLENTY);

	(void)state;
	put(c, "a.test", DNS_A, 1000, 0);
	assert_non_null(dns_cache_get(c, "a.test", DNS_A, 999));
	assert_null(dns_cache_get(c, "a.test", DNS_MX, 999));
	assert_null(dns_cache_get(c, "b.test", DNS_A, 999));
	assert_null(dns_cache_get(c, "a.test", DNS_A, 1000));
	assert_int_equal(dns_cache_count(c), 0);
	dns_cache_free(&c);
}

static void
a_new_answer_takes_its_place(void **state)
{
	struct dns_cache *c = dns_cache_new(10, PLENTY);
	struct dns_answer *old;

	(void)state;
	put(c, "a.test", DNS_A, 1000, 0);
	old = dns_answer_ref(dns_cache_get(c, "a.test", DNS_A, 0));
	put(c, "a.test", DNS_A, 2000, 0);
	assert_int_equal(dns_cache_count(c), 1);
	assert_int_equal(dns_cache_get(c, "a.test", DNS_A, 1500)->until, 2000);
	assert_string_equal(old->name, "a.test"); /* who has it keeps it */
	dns_answer_unref(&old);
	dns_cache_free(&c);
}

static void
the_longest_unused_goes_first(void **state)
{
	struct dns_cache *c = dns_cache_new(3, PLENTY);

	(void)state;
	put(c, "a.test", DNS_A, 9, 0);
	put(c, "b.test", DNS_A, 9, 0);
	put(c, "c.test", DNS_A, 9, 0);
	assert_non_null(dns_cache_get(c, "a.test", DNS_A, 0));
	put(c, "d.test", DNS_A, 9, 0);
	assert_int_equal(dns_cache_count(c), 3);
	assert_non_null(dns_cache_get(c, "a.test", DNS_A, 0));
	assert_null(dns_cache_get(c, "b.test", DNS_A, 0));
	dns_cache_free(&c);
}

static void
octets_are_limited(void **state)
{
	struct dns_cache *c = dns_cache_new(1000, 100000);
	char name[40];
	int i;

	(void)state;
	for (i = 0; i < 30; i++) {
		snprintf(name, sizeof(name), "n%d.test", i);
		put(c, name, DNS_TXT, 9, 10000);
	}
	assert_in_range(dns_cache_count(c), 8, 10);
	assert_non_null(dns_cache_get(c, "n29.test", DNS_TXT, 0));
	/* One that would throw out too many others. */
	put(c, "big.test", DNS_TXT, 9, 50000);
	assert_null(dns_cache_get(c, "big.test", DNS_TXT, 0));
	assert_in_range(dns_cache_count(c), 8, 10);
	dns_cache_free(&c);
	c = dns_cache_new(0, PLENTY);
	put(c, "a.test", DNS_A, 9, 0);
	assert_int_equal(dns_cache_count(c), 0);
	dns_cache_free(&c);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(an_answer_gets_old),
		cmocka_unit_test(a_new_answer_takes_its_place),
		cmocka_unit_test(the_longest_unused_goes_first),
		cmocka_unit_test(octets_are_limited),
	};

	return cmocka_run_group_tests_name("dns_cache", tests, NULL, NULL);
}
