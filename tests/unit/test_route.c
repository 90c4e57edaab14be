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

#include "client.h"
#include "envelope.h"
#include "mem.h"
#include "net.h"
#include "route.h"
#include "strset.h"
#include "tx.h"

#define MANY 100000
#define LIST(...)                                                            \
	{                                                                    \
		(const char *[]){ __VA_ARGS__ },                             \
		    sizeof((const char *[]){ __VA_ARGS__ }) / sizeof(char *) \
	}

static struct address
address(const char *text)
{
	struct address a = { .text = text };
	const char *at = strrchr(text, '@');
	static char local[200];

	snprintf(local, sizeof(local), "%.*s",
	    at != NULL ? (int)(at - text) : (int)strlen(text), text);
	a.local = local;
	a.domain = a.plain = at != NULL ? at + 1 : "";
	return a;
}

/* Nobody in particular, from nowhere in particular. */
static struct client client;
static struct tx tx;

static int
ask(const struct router *r, const char *sender, const char *rcpt,
    const char *listener)
{
	struct address from = address(sender), to = address(rcpt);
	struct route_query q = { .rcpt = &to,
		.sender = &from,
		.client = &client,
		.listener = listener,
		.tx = &tx };

	return router_find(r, &q);
}

static int
find(const struct router *r, const char *domain)
{
	char rcpt[300];

	snprintf(rcpt, sizeof(rcpt), "%s%s%s",
	    domain[0] != '\0' ? "u" : "postmaster",
	    domain[0] != '\0' ? "@" : "", domain);
	return ask(r, "a@example.net", rcpt, "mx");
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

/* Each condition alone, and several together. */
static void
test_conditions(void **state)
{
	struct net_prefix inside = { .bits = 0 };
	const struct route_conf routes[] = {
		{ .listener = LIST("submission", "local"),
		    .rcpt_domain = LIST("example.org") },
		{ .rcpt = LIST("boss@example.org", "Sales@example.com") },
		{ .sender_domain = LIST("bad.example", "*.bad.example", "<>"),
		    .rcpt_domain = LIST("example.org") },
		{ .client = { .list = &inside, .count = 1 },
		    .rcpt_domain = LIST("example.org") },
		{ .flag = LIST("one", "two"),
		    .rcpt_domain = LIST("example.org") },
		{ .authenticated = ROUTE_AUTHENTICATED },
		{ .rcpt_domain = LIST("example.org", "*.example.org"),
		    .rcpt = LIST("x@a.example.org", "x@example.net") },
		{ .rcpt_domain = LIST("example.org") },
		{ .authenticated = ROUTE_ANONYMOUS,
		    .rcpt_domain = LIST("example.com") },
	};
	const char *why;
	struct router *r = router_new(routes, 9);
	struct arena a;

	(void)state;
	assert_int_equal(net_prefix_parse("192.0.2.0/24", &inside, &why), 0);
	assert_int_equal(net_parse("203.0.113.1:1", &client.addr, &why), 0);
	arena_init(&a, 1024);
	tx_init(&tx, &a);
	assert_int_equal(ask(r, "a@b", "u@example.org", "mx"), 7);
	assert_int_equal(ask(r, "a@b", "u@example.org", "local"), 0);
	assert_int_equal(ask(r, "a@b", "u@example.org", "submission"), 0);
	assert_int_equal(ask(r, "a@b", "boss@example.org", "mx"), 1);
	assert_int_equal(ask(r, "a@b", "BOSS@example.org", "mx"), 1);
	assert_int_equal(ask(r, "a@b", "\"boss\"@example.org", "mx"), 1);
	assert_int_equal(ask(r, "a@b", "\"bo\\ss\"@example.org", "mx"), 1);
	assert_int_equal(ask(r, "a@b", "sales@example.com", "mx"), 1);
	assert_int_equal(ask(r, "a@b", "boss@example.com", "mx"), 8);
	assert_int_equal(ask(r, "a@bad.example", "u@example.org", "mx"), 2);
	assert_int_equal(ask(r, "a@x.bad.example", "u@example.org", "mx"), 2);
	assert_int_equal(ask(r, "", "u@example.org", "mx"), 2);
	assert_int_equal(ask(r, "a@xbad.example", "u@example.org", "mx"), 7);
	assert_int_equal(ask(r, "a@b", "x@a.example.org", "mx"), 6);
	assert_int_equal(ask(r, "a@b", "y@a.example.org", "mx"), -1);
	assert_int_equal(ask(r, "a@b", "x@example.net", "mx"), -1);
	tx_set_flag(&tx, "two");
	assert_int_equal(ask(r, "a@b", "u@example.org", "mx"), 4);
	assert_int_equal(net_parse("192.0.2.77:1", &client.addr, &why), 0);
	assert_int_equal(ask(r, "a@b", "u@example.org", "mx"), 3);
	client.login = "joe";
	assert_int_equal(ask(r, "a@b", "u@example.edu", "mx"), 5);
	assert_int_equal(ask(r, "a@b", "u@example.com", "mx"), 5);
	client.login = NULL;
	assert_int_equal(ask(r, "a@b", "u@example.edu", "mx"), -1);
	assert_int_equal(ask(r, "a@b", "u@example.com", "mx"), 8);
	router_free(&r);
	tx_free(&tx);
	arena_free(&a);
	memset(&client, 0, sizeof(client));
}

static void
test_postmaster(void **state)
{
	const struct route_conf routes[] = {
		{ .sender_domain = LIST("bad.example"),
		    .action = ROUTE_REJECT },
		{ .rcpt_domain = LIST("no.example"), .action = ROUTE_REJECT },
		{ .rcpt_domain = LIST("example.org") },
		{ .rcpt = LIST("a@example.org", "postmaster") },
	};
	struct router *r = router_new(routes, 4);

	(void)state;
	assert_int_equal(ask(r, "a@b", "postmaster", "mx"), 3);
	router_free(&r);
	r = router_new(routes, 3);
	assert_int_equal(ask(r, "a@b", "postmaster", "mx"), 2);
	router_free(&r);
	r = router_new(routes, 2);
	assert_int_equal(ask(r, "a@b", "postmaster", "mx"), -1);
	assert_int_equal(ask(r, "a@bad.example", "postmaster", "mx"), 0);
	router_free(&r);
}

static void
test_refusal(void **state)
{
	struct route_conf c = { .action = ROUTE_REJECT };
	struct route_refusal r = route_refusal(&c);

	(void)state;
	assert_int_equal(r.code, 550);
	assert_string_equal(r.enhanced, "5.7.1");
	c.action = ROUTE_DEFER;
	r = route_refusal(&c);
	assert_int_equal(r.code, 451);
	assert_string_equal(r.enhanced, "4.7.1");
	c.code = "450 4.2.1";
	c.text = "not today";
	r = route_refusal(&c);
	assert_int_equal(r.code, 450);
	assert_string_equal(r.enhanced, "4.2.1");
	assert_string_equal(r.text, "not today");
	c.code = "450";
	r = route_refusal(&c);
	assert_int_equal(r.code, 450);
	assert_string_equal(r.enhanced, "4.7.1");
}

/* Which routes an earlier one leaves nothing for. */
static void
test_shadow(void **state)
{
	struct net_prefix wide = { .bits = 0 }, narrow = { .bits = 0 };
	const struct route_conf routes[] = {
		/* 0 */ { .rcpt_domain = LIST("example.org", "*.example.org") },
		/* 1 */ { .rcpt_domain = LIST("a.example.org") },
		/* 2 */
		{ .rcpt_domain = LIST("*.a.example.org", "example.net") },
		/* 3 */ { .rcpt = LIST("u@example.org", "u@b.example.org") },
		/* 4 */ { .rcpt = LIST("u@example.edu", "v@example.net") },
		/* 5 */
		{ .rcpt_domain = LIST("example.edu"),
		    .rcpt = LIST("u@example.edu") },
		/* 6 */
		{ .listener = LIST("mx"), .rcpt_domain = LIST("example.com") },
		/* 7 */ { .rcpt_domain = LIST("example.com") },
		/* 8 */
		{ .listener = LIST("mx", "local"),
		    .rcpt_domain = LIST("example.com") },
		/* 9 */ { .client = { .list = &wide, .count = 1 } },
		/* 10 */ { .client = { .list = &narrow, .count = 1 } },
		/* 11 */ { .sender_domain = LIST("*.example") },
		/* 12 */ { .sender_domain = LIST("a.example") },
		/* 13 */ { .sender_domain = LIST("example") },
		/* 14 */ { .authenticated = ROUTE_AUTHENTICATED },
		/* 15 */
		{ .authenticated = ROUTE_ANONYMOUS, .flag = LIST("x") },
		/* 16 */
		{ .authenticated = ROUTE_AUTHENTICATED,
		    .rcpt_domain = LIST("example.info") },
		/* 17 */ { .name = "all" },
		/* 18 */ { .flag = LIST("x") },
	};
	static const struct {
		enum route_reach reach;
		unsigned by;
	} want[] = { { 0, 0 }, { ROUTE_NEVER, 0 }, { ROUTE_PARTLY, 0 },
		{ ROUTE_NEVER, 0 }, { ROUTE_PARTLY, 2 }, { ROUTE_NEVER, 4 },
		{ 0, 0 }, { 0, 0 }, { ROUTE_NEVER, 7 }, { 0, 0 },
		{ ROUTE_NEVER, 9 }, { 0, 0 }, { ROUTE_NEVER, 11 }, { 0, 0 },
		{ 0, 0 }, { 0, 0 }, { ROUTE_NEVER, 14 }, { 0, 0 },
		{ ROUTE_NEVER, 17 } };
	struct router *r = router_new(routes, 19);
	struct route_shadow s;
	const char *why;
	unsigned i;

	(void)state;
	assert_int_equal(net_prefix_parse("10.0.0.0/9", &wide, &why), 0);
	assert_int_equal(net_prefix_parse("10.100.0.0/16", &narrow, &why), 0);
	for (i = 0; i < 19; i++) {
		s = router_shadow(r, i);
		if (s.reach != want[i].reach ||
		    (s.reach != ROUTE_REACHED && s.by != want[i].by))
			fail_msg("route %u: %d by %u", i, (int)s.reach, s.by);
	}
	s = router_shadow(r, 2);
	assert_string_equal(s.item, "*.a.example.org");
	router_free(&r);
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

/* A route for each of many domains, and one route for many: each recipient is
 * found, and no lookup goes through the list. */
static void
test_many_routes(void **state)
{
	struct route_conf *routes;
	struct router *r;
	const char **names;
	struct arena a;
	unsigned i;

	(void)state;
	arena_init(&a, 65536);
	names = arena_alloc(&a, MANY * sizeof(*names));
	routes = arena_alloc(&a, (MANY + 1) * sizeof(*routes));
	for (i = 0; i < MANY; i++) {
		names[i] = arena_printf(&a, "host%u.example.org", i);
		routes[i].rcpt_domain.list = &names[i];
		routes[i].rcpt_domain.count = 1;
	}
	routes[MANY].rcpt_domain.list = names;
	routes[MANY].rcpt_domain.count = MANY;
	r = router_new(routes, MANY);
	for (i = 0; i < MANY; i++)
		assert_int_equal(find(r, names[i]), (int)i);
	assert_int_equal(find(r, "host.example.org"), -1);
	router_free(&r);
	r = router_new(&routes[MANY], 1);
	for (i = 0; i < MANY; i++)
		assert_int_equal(find(r, names[i]), 0);
	router_free(&r);
	arena_free(&a);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_first_match),
		cmocka_unit_test(test_catch_all),
		cmocka_unit_test(test_conditions),
		cmocka_unit_test(test_postmaster),
		cmocka_unit_test(test_refusal),
		cmocka_unit_test(test_shadow),
		cmocka_unit_test(test_many_routes),
		cmocka_unit_test(test_options),
		cmocka_unit_test(test_many),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
