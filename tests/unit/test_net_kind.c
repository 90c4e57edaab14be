/*
 * Kinds of addresses: their borders.
 */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <cmocka.h>

#include "compat.h"
#include "net_kind.h"

static const struct {
	const char *ip;
	enum net_kind kind;
} cases[] = {
	{ "0.0.0.0", NET_UNSPECIFIED },
	{ "0.255.255.255", NET_UNSPECIFIED },
	{ "1.0.0.0", NET_PUBLIC },
	{ "9.255.255.255", NET_PUBLIC },
	{ "10.0.0.0", NET_PRIVATE },
	{ "11.0.0.0", NET_PUBLIC },
	{ "100.63.255.255", NET_PUBLIC },
	{ "100.64.0.0", NET_PRIVATE },
	{ "100.127.255.255", NET_PRIVATE },
	{ "100.128.0.0", NET_PUBLIC },
	{ "126.255.255.255", NET_PUBLIC },
	{ "127.0.0.1", NET_LOOPBACK },
	{ "127.255.255.255", NET_LOOPBACK },
	{ "169.254.1.1", NET_PRIVATE },
	{ "169.255.0.0", NET_PUBLIC },
	{ "172.15.255.255", NET_PUBLIC },
	{ "172.16.0.0", NET_PRIVATE },
	{ "172.31.255.255", NET_PRIVATE },
	{ "172.32.0.0", NET_PUBLIC },
	{ "192.167.255.255", NET_PUBLIC },
	{ "192.168.255.255", NET_PRIVATE },
	{ "223.255.255.255", NET_PUBLIC },
	{ "224.0.0.1", NET_MULTICAST },
	{ "255.255.255.255", NET_MULTICAST },
	{ "::", NET_UNSPECIFIED },
	{ "::1", NET_LOOPBACK },
	{ "::2", NET_PUBLIC },
	{ "::ffff:10.0.0.1", NET_PRIVATE },
	{ "2001:db8::1", NET_PUBLIC },
	{ "fbff::1", NET_PUBLIC },
	{ "fc00::1", NET_PRIVATE },
	{ "fdff::1", NET_PRIVATE },
	{ "fe00::1", NET_PUBLIC },
	{ "fe80::1", NET_PRIVATE },
	{ "fec0::1", NET_PRIVATE },
	{ "ff02::1", NET_MULTICAST },
};

static void
test_kinds(void **state)
{
	char text[80];
	const char *err;
	struct net_addr a;
	size_t i;

	(void)state;
	for (i = 0; i < nitems(cases); i++) {
		snprintf(text, sizeof(text),
		    strchr(cases[i].ip, ':') != NULL ? "[%s]:25" : "%s:25",
		    cases[i].ip);
		assert_int_equal(net_parse(text, &a, &err), 0);
		if (net_kind(&a) != cases[i].kind)
			fail_msg("%s is %d", cases[i].ip, (int)net_kind(&a));
	}
}

static void
test_others(void **state)
{
	struct net_addr a = { .len = 0 };
	const char *err;

	(void)state;
	assert_int_equal(net_kind(&a), NET_UNSPECIFIED);
	assert_int_equal(net_parse("unix:/x", &a, &err), 0);
	assert_int_equal(net_kind(&a), NET_LOOPBACK);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_kinds),
		cmocka_unit_test(test_others),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
