/*
 * Names in HELO: what can be said of them without a lookup.
 */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <cmocka.h>

#include "compat.h"
#include "dns_tld.h"
#include "filters/helo_name.h"

static struct net_addr
address(const char *ip)
{
	char text[80];
	const char *err;
	struct net_addr a;

	snprintf(text, sizeof(text),
	    strchr(ip, ':') != NULL ? "[%s]:25" : "%s:25", ip);
	assert_int_equal(net_parse(text, &a, &err), 0);
	return a;
}

static void
test_bare_ip(void **state)
{
	(void)state;
	assert_true(helo_is_bare_ip("192.0.2.1"));
	assert_true(helo_is_bare_ip("2001:db8::1"));
	assert_true(helo_is_bare_ip("::ffff:192.0.2.1"));
	assert_false(helo_is_bare_ip("[192.0.2.1]"));
	assert_false(helo_is_bare_ip("192.0.2.1.example.net"));
	assert_false(helo_is_bare_ip("192.0.2.256"));
	assert_false(helo_is_bare_ip(""));
}

static void
test_literal(void **state)
{
	static const char *const bad[] = { "", "[", "[]", "192.0.2.1",
		"[192.0.2.1", "[192.0.2.256]", "[IPv6:]", "[IPv6:192.0.2.1]",
		"[2001:db8::1]", "[unix:/x]", "[host.example]",
		"[IPv6:2001:db8::1]:25]", "[192.0.2.1]x", "x[192.0.2.1]",
		"[IPv6" };
	struct net_addr a, want = address("192.0.2.1");
	char text[300];
	size_t i;

	(void)state;
	assert_true(helo_is_literal("[192.0.2.1]", &a));
	assert_true(net_same_ip(&a, &want));
	assert_true(helo_is_literal("[ipv6:::ffff:192.0.2.1]", &a));
	assert_true(net_same_ip(&a, &want));
	want = address("2001:db8::1");
	assert_true(helo_is_literal("[IPv6:2001:DB8::1]", &a));
	assert_true(net_same_ip(&a, &want));
	for (i = 0; i < nitems(bad); i++)
		if (helo_is_literal(bad[i], &a))
			fail_msg("%s", bad[i]);
	memset(text, '1', sizeof(text));
	text[0] = '[';
	text[sizeof(text) - 2] = ']';
	text[sizeof(text) - 1] = '\0';
	assert_false(helo_is_literal(text, &a));
}

static const struct {
	const char *ip;
	const char *helo;
	bool dynamic;
} names[] = {
	/* the seed's forms, in both orders, with "-" and "." */
	{ "193.41.76.25", "r193-41-76-25.example.ru", true },
	{ "193.41.76.25", "25-76-41-193.example.ru", true },
	{ "193.41.76.25", "x193-41-76.example.ru", true },
	{ "193.41.76.25", "x76-41-193.example.ru", true },
	{ "193.41.76.25", "x193-41.example.ru", true },
	{ "193.41.76.25", "x41-193.example.ru", true },
	{ "193.41.76.25", "193.41.76.25.example.ru", true },
	{ "213.180.204.89", "89.204.180.213.in-addr.arpa", true },
	{ "213.180.204.89", "204.180.213.in-addr.arpa", true },
	{ "213.180.204.89", "a.213.180.204.example", true },
	{ "213.180.204.89", "a213.180.example", true },
	{ "213.180.204.89", "180.213.example", true },
	{ "122.160.68.26", "north-static-026.68.160.122.example.in", true },
	{ "193.41.76.5", "x_193_041_076_005.example", true },
	/* in one piece */
	{ "193.41.76.5", "x193041076005.example", true },
	{ "193.41.76.5", "005076041193.example", true },
	{ "193.41.76.5", "pC1294C05.dip.example", true },
	{ "193.41.76.5", "054c29c1.example", true },
	/* honest ones */
	{ "54.240.4.12", "a4-12.smtp-out.eu-west-1.example.com", false },
	{ "193.41.76.25", "mail.example.org", false },
	{ "193.41.76.25", "mx2.example.org", false },
	{ "193.41.76.25", "x1193-41.example.org", false },
	{ "193.41.76.25", "x193-411.example.org", false },
	{ "193.41.76.25", "x193a41.example.org", false },
	{ "193.41.76.25", "x193--41.example.org", false },
	{ "193.41.76.25", "x76-25.example.org", false },
	{ "193.41.76.25", "", false },
	/* IPv6 */
	{ "2001:db8:1:2:a1b2:c3d4:e5f6:789",
	    "20010db800010002a1b2c3d4e5f60789.example", true },
	{ "2001:db8:1:2:a1b2:c3d4:e5f6:789",
	    "9.8.7.0.6.f.5.e.4.d.3.c.2.b.1.a.2.0.0.0.1.0.0.0.8.b.d.0.1.0.0.2."
	    "ip6.arpa",
	    true },
	{ "2001:db8:1:2:a1b2:c3d4:e5f6:789",
	    "2001-0DB8-0001-0002-A1B2-C3D4-E5F6-0789.example", true },
	{ "2001:db8:1:2:a1b2:c3d4:e5f6:789",
	    "x2001-db8-1-2-a1b2-c3d4-e5f6-789.example", true },
	{ "2001:db8::5:6", "2001-db8--5-6.example", true },
	{ "2001:db8::5:6", "2001-db8-0-0-0-0-5-6.example", true },
	{ "2001:db8:1:2:a1b2:c3d4:e5f6:789", "a1b2-c3d4-e5f6-0789.dyn.example",
	    true },
	{ "2001:db8:1:2:a1b2:c3d4:e5f6:789", "mail.example.org", false },
	{ "2001:db8:1:2::25", "mail-0000000000000025.example", false },
	{ "2001:db8::25", "mx25.example.org", false },
	{ "::25", "a--25.example", false },
};

static void
test_dynamic(void **state)
{
	struct net_addr a;
	size_t i;

	(void)state;
	for (i = 0; i < nitems(names); i++) {
		a = address(names[i].ip);
		if (helo_is_dynamic(names[i].helo, &a) != names[i].dynamic)
			fail_msg("%s from %s", names[i].helo, names[i].ip);
	}
	memset(&a, 0, sizeof(a));
	assert_false(helo_is_dynamic("193-41-76-25.example", &a));
}

static void
test_tld(void **state)
{
	(void)state;
#ifndef HAVE_LIBPSL
	assert_true(dns_tld_may_exist("a.localdomain"));
	skip();
#endif
	assert_true(dns_tld_may_exist("mail.example.org"));
	assert_true(dns_tld_may_exist("mail.example.ORG"));
	assert_true(dns_tld_may_exist("www.example.ck")); /* by a wildcard */
	assert_true(dns_tld_may_exist("a.xn--p1ai"));
	assert_true(dns_tld_may_exist("1.in-addr.arpa"));
	assert_false(dns_tld_may_exist("a.localdomain"));
	assert_false(dns_tld_may_exist("a.lan"));
	assert_false(dns_tld_may_exist("a.org1"));
	assert_false(dns_tld_may_exist("a."));
	assert_false(dns_tld_may_exist(""));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_bare_ip),
		cmocka_unit_test(test_literal),
		cmocka_unit_test(test_dynamic),
		cmocka_unit_test(test_tld),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
