/*
 * Routes, and the set of strings below them.
 */

#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "envelope.h"
#include "mem.h"
#include "route.h"
#include "strset.h"

#define MANY 100000
#define LIST(...)                                                            \
	{                                                                    \
		(const char *[]){ __VA_ARGS__ },                             \
		    sizeof((const char *[]){ __VA_ARGS__ }) / sizeof(char *) \
	}

static int
find(const struct router *r, const char *domain)
{
	struct address addr = { .text = "u@x", .local = "u", .domain = domain };

	return router_find(r, &addr);
}

static void
test_first_match(void **state)
{
	const struct route_conf routes[] = {
		{ .rcpt_domain = LIST("example.org", "Example.NET") },
		{ .rcpt_domain = LIST("*.example.org", "example.org") },
		{ .rcpt_domain = LIST("*.deep.example.org", "[192.0.2.1]") },
		{ .rcpt_domain = LIST("x.deep.example.com", "*.example.com") },
		{ .rcpt_domain = LIST("a.example.com") },
	};
	struct router *r = router_new(routes, 5);

	(void)state;
	assert_int_equal(find(r, "example.org"), 0);
	assert_int_equal(find(r, "EXAMPLE.org"), 0);
	assert_int_equal(find(r, "example.net"), 0);
	assert_int_equal(find(r, "a.example.org"), 1);
	assert_int_equal(find(r, "a.b.c.example.org"), 1);
	assert_int_equal(find(r, "a.deep.example.org"), 1);
	assert_int_equal(find(r, "[192.0.2.1]"), 2);
	assert_int_equal(find(r, "a.example.com"), 3);
	assert_int_equal(find(r, "example.com"), -1); /* not the domain */
	assert_int_equal(find(r, "a.example.net"), -1);
	assert_int_equal(find(r, "notexample.org"), -1);
	assert_int_equal(find(r, "org"), -1);
	assert_int_equal(find(r, "example.org.evil.example"), -1);
	assert_int_equal(find(r, ""), 0);
	router_free(&r);
	assert_null(r);
	router_free(&r);
}

static void
test_catch_all(void **state)
{
	const struct route_conf routes[] = {
		{ .rcpt_domain = LIST("example.org") },
		{ .rcpt_domain = { NULL, 0 } },
		{ .rcpt_domain = LIST("example.net") },
	};
	struct router *r = router_new(routes, 3);

	(void)state;
	assert_int_equal(find(r, "example.org"), 0);
	assert_int_equal(find(r, "example.net"), 1); /* the first that fits */
	assert_int_equal(find(r, "anything.example"), 1);
	assert_int_equal(find(r, ""), 0);
	router_free(&r);
	r = router_new(&routes[1], 2); /* postmaster: the one with domains */
	assert_int_equal(find(r, ""), 1);
	assert_int_equal(find(r, "example.org"), 0);
	router_free(&r);
	r = router_new(&routes[1], 1);
	assert_int_equal(find(r, ""), 0);
	router_free(&r);
	r = router_new(NULL, 0);
	assert_int_equal(find(r, ""), -1);
	assert_int_equal(find(r, "example.org"), -1);
	router_free(&r);
}

static void
test_check(void **state)
{
	static const char *const good[] = { "example.org", "*.example.org",
		"localhost", "[192.0.2.1]", "[IPv6:2001:db8::1]",
		"xn--bcher.example" };
	static const char *const bad[] = { "*", "a.*.org", "*example.org",
		".org", "example.org.", "*.", "*..org", "user@example.org",
		"a b", "example.org:25", "" };
	const char *domain;
	struct route_conf c = { .rcpt_domain = { &domain, 1 } };
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(good) / sizeof(good[0]); i++) {
		domain = good[i];
		assert_null(route_check(&c));
	}
	for (i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		domain = bad[i];
		assert_non_null(route_check(&c));
	}
	c.rcpt_domain.count = 0;
	assert_null(route_check(&c));
}

static void
test_options(void **state)
{
	static const char *const domains[] = { "a", "b" };
	struct route_conf c;
	struct arena a;
	char err[100];

	(void)state;
	arena_init(&a, 256);
	opt_defaults(route_options, &c, &a);
	assert_false(c.open_relay);
	assert_null(c.backend_name);
	assert_int_equal(c.rcpt_domain.count, 0);
	assert_true(opt_find(route_options, "backend")->required);
	assert_int_equal(opt_set(opt_find(route_options, "rcpt-domain"), &c, &a,
			     domains, 2, err, sizeof(err)),
	    0);
	assert_int_equal(c.rcpt_domain.count, 2);
	arena_free(&a);
}

/* Every one of many domains is found, in any case, and nothing else. */
static void
test_many(void **state)
{
	struct strset *s = strset_new(0);
	unsigned i, number;
	char other[64];
	struct arena a;
	char **names;

	(void)state;
	arena_init(&a, 65536);
	names = arena_alloc(&a, MANY * sizeof(*names));
	for (i = 0; i < MANY; i++) {
		names[i] = arena_printf(&a, "host%u.example%u.org", i, i % 7);
		assert_true(strset_add(s, names[i], i));
	}
	assert_false(strset_add(s, "HOST5.example5.org", 1));
	for (i = 0; i < MANY; i++) {
		snprintf(
		    other, sizeof(other), "Host%u.EXAMPLE%u.org", i, i % 7);
		assert_true(strset_find(s, other, &number));
		assert_int_equal(number, i);
		snprintf(other, sizeof(other), "host%u.example%u.or", i, i % 7);
		assert_false(strset_find(s, other, &number));
		snprintf(
		    other, sizeof(other), "host%u.example%u.orgx", i, i % 7);
		assert_false(strset_find(s, other, &number));
	}
	assert_false(strset_find(s, "", &number));
	strset_free(&s);
	assert_null(s);
	strset_free(&s);
	arena_free(&a);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_first_match),
		cmocka_unit_test(test_catch_all),
		cmocka_unit_test(test_check),
		cmocka_unit_test(test_options),
		cmocka_unit_test(test_many),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
