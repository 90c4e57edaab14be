/*
 * Names as they are asked for: domains in ASCII and UTF-8, reverse names.
 */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>

#include "compat.h"
#include "dns_answer.h"
#include "dns_name.h"

static void
names_are_made_plain(void **state)
{
	static const char *const cases[][2] = {
		{ "example.org", "example.org" },
		{ "Example.ORG.", "example.org" },
		{ "_dmarc.example.org", "_dmarc.example.org" },
		{ "a", "a" },
		/* U-labels, also in capitals and decomposed. */
		{ "b\303\274cher.example", "xn--bcher-kva.example" },
		{ "B\303\234CHER.example", "xn--bcher-kva.example" },
		{ "bu\314\210cher.example", "xn--bcher-kva.example" },
		{ "stra\303\237e.de", "xn--strae-oqa.de" },
		{ "xn--bcher-kva.example", "xn--bcher-kva.example" },
	};
	char buf[DNS_NAME_SIZE];
	size_t i;

	(void)state;
	for (i = 0; i < nitems(cases); i++) {
		assert_true(dns_name_ascii(cases[i][0], buf, sizeof(buf)));
		assert_string_equal(buf, cases[i][1]);
	}
}

static void
domains_in_lists_are_plain(void **state)
{
	static const char *const cases[][2] = {
		{ "b\303\274cher.example", "xn--bcher-kva.example" },
		{ "*.B\303\234CHER.example", "*.xn--bcher-kva.example" },
		{ "@b\303\274cher.example", "@xn--bcher-kva.example" },
		{ "j\303\274@b\303\274cher.example",
		    "j\303\274@xn--bcher-kva.example" },
		{ "\"a@b\"@b\303\274cher.example",
		    "\"a@b\"@xn--bcher-kva.example" },
	};
	static const char *const same[] = { "", "*", "<>", "Example.ORG",
		"a@Example.org", "j\303\274@example.org", "[IPv6:::1]", "a@b@c",
		"*.example.org" };
	static const char *const none[] = { "b\303\274cher..example",
		"\xff.example", "a@b\303\274 cher.example", "*.\303\274\\" };
	const char *got;
	char buf[300];
	size_t i;

	(void)state;
	for (i = 0; i < nitems(cases); i++) {
		got = dns_name_plain(cases[i][0], buf, sizeof(buf));
		assert_string_equal(got, cases[i][1]);
		/* Room for all but one. */
		assert_null(
		    dns_name_plain(cases[i][0], buf, strlen(cases[i][1])));
		assert_string_equal(
		    dns_name_plain(cases[i][0], buf, strlen(cases[i][1]) + 1),
		    cases[i][1]);
	}
	for (i = 0; i < nitems(same); i++)
		assert_ptr_equal(
		    dns_name_plain(same[i], buf, sizeof(buf)), same[i]);
	for (i = 0; i < nitems(none); i++)
		assert_null(dns_name_plain(none[i], buf, sizeof(buf)));
}

static void
what_can_be_no_name_is_none(void **state)
{
	static const char *const cases[] = { "", ".", "..", "a..b", ".a", "a..",
		"a b", "a\tb", "a\\046b", "a\x7f", "\xff\xfe.example",
		"a\342\200\213..b" };
	char buf[DNS_NAME_SIZE], name[300];
	size_t i;

	(void)state;
	for (i = 0; i < nitems(cases); i++) {
		assert_false(dns_name_ascii(cases[i], buf, sizeof(buf)));
		assert_string_equal(buf, "");
	}
	memset(name, 'a', sizeof(name));
	name[63] = '\0';
	assert_true(dns_name_ascii(name, buf, sizeof(buf)));
	name[63] = 'a';
	name[64] = '\0';
	assert_false(dns_name_ascii(name, buf, sizeof(buf)));
	for (i = 0; i < sizeof(name); i++)
		name[i] = i % 64 == 63 ? '.' : 'a';
	name[253] = '\0';
	assert_true(dns_name_ascii(name, buf, sizeof(buf)));
	name[253] = 'a';
	name[254] = '\0';
	assert_false(dns_name_ascii(name, buf, sizeof(buf)));
}

static void
names_of_hosts(void **state)
{
	static const char *const good[] = { "a", "mail.example.org",
		"A-1.b_c.d", "1.2.3.4x", "xn--bcher-kva.example" };
	static const char *const bad[] = { "", ".", "a.", ".a", "a..b", "-a.b",
		"a-.b", "a b", "a/b", "1", "a.1", "b\303\274cher.example",
		"[x]", "a:b" };
	char text[300];
	size_t i;

	(void)state;
	for (i = 0; i < nitems(good); i++)
		if (!dns_name_is_host(good[i]))
			fail_msg("%s", good[i]);
	for (i = 0; i < nitems(bad); i++)
		if (dns_name_is_host(bad[i]))
			fail_msg("%s", bad[i]);
	memset(text, 'a', sizeof(text));
	text[63] = '\0';
	assert_true(dns_name_is_host(text));
	text[63] = 'a';
	text[64] = '\0';
	assert_false(dns_name_is_host(text));
	memset(text, 'a', sizeof(text));
	text[63] = text[127] = text[191] = '.';
	text[253] = '\0';
	assert_true(dns_name_is_host(text));
	text[253] = 'a';
	text[254] = '\0';
	assert_false(dns_name_is_host(text));
}

static struct net_addr
addr(const char *text)
{
	struct net_addr a;
	const char *err;

	assert_int_equal(net_parse(text, &a, &err), 0);
	return a;
}

static void
reverse_names(void **state)
{
	struct net_addr v4 = addr("192.0.2.17:25"),
			v6 = addr("[2001:db8::abcd]:25"), un = addr("unix:/x");
	char buf[DNS_REVERSE_SIZE], big[DNS_NAME_SIZE];

	(void)state;
	assert_true(dns_name_reverse(&v4, NULL, buf, sizeof(buf)));
	assert_string_equal(buf, "17.2.0.192.in-addr.arpa");
	assert_true(dns_name_reverse(&v6, NULL, buf, sizeof(buf)));
	assert_string_equal(buf,
	    "d.c.b.a.0.0.0.0.0.0.0.0.0.0.0.0."
	    "0.0.0.0.0.0.0.0.8.b.d.0.1.0.0.2.ip6.arpa");
	assert_true(dns_name_reverse(&v4, "bl.example.net", big, sizeof(big)));
	assert_string_equal(big, "17.2.0.192.bl.example.net");
	assert_false(dns_name_reverse(&v6, NULL, buf, 70));
	assert_false(dns_name_reverse(&un, NULL, buf, sizeof(buf)));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(names_are_made_plain),
		cmocka_unit_test(domains_in_lists_are_plain),
		cmocka_unit_test(what_can_be_no_name_is_none),
		cmocka_unit_test(names_of_hosts),
		cmocka_unit_test(reverse_names),
	};

	return cmocka_run_group_tests_name("dns_name", tests, NULL, NULL);
}
