/*
 * Names, address literals and numbers of command lines.
 */

#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>

#include "smtp_parse.h"

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))
#define X60 "xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx"
#define X255 X60 "." X60 "." X60 "." X60 ".xxxxxxxxxxx"

static struct slice
slice(const char *s)
{
	struct slice r = { s, strlen(s) };

	return r;
}

static void
test_domains(void **state)
{
	static const struct {
		const char *s;
		bool ascii, utf8;
	} rows[] = {
		{ "a", 1, 1 },
		{ "example.org", 1, 1 },
		{ "EXAMPLE.ORG", 1, 1 },
		{ "a-b.c--d", 1, 1 },
		{ "_dmarc.a_b", 1, 1 },
		{ "1.2.3.4", 1, 1 },
		{ "xn--bcher-kva.example", 1, 1 },
		{ X60 "xxx", 1, 1 },
		{ X255, 1, 1 },
		{ "b\xc3\xbc"
		  "cher.example",
		    0, 1 },
		{ "", 0, 0 },
		{ ".", 0, 0 },
		{ "a.", 0, 0 },
		{ ".a", 0, 0 },
		{ "a..b", 0, 0 },
		{ "-a", 0, 0 },
		{ "a-", 0, 0 },
		{ "a.-b", 0, 0 },
		{ "a b", 0, 0 },
		{ "/a", 0, 0 },
		{ "a.!b", 0, 0 },
		{ "\xfc", 0, 0 },
		{ "0.9.a0.a9", 1, 1 },
		{ "a/b", 0, 0 },
		{ "a:b", 0, 0 },
		{ "a@b", 0, 0 },
		{ "[1.2.3.4]", 0, 0 },
		{ "a\r\nb", 0, 0 },
		{ "b\xfc"
		  "cher.example",
		    0, 0 },
		{ X60 "xxxx", 0, 0 },
		{ X255 "x", 0, 0 },
	};
	size_t i, len;

	(void)state;
	for (i = 0; i < COUNT(rows); i++) {
		len = strlen(rows[i].s);
		if (smtp_is_domain(rows[i].s, len, false) != rows[i].ascii ||
		    smtp_is_domain(rows[i].s, len, true) != rows[i].utf8)
			fail_msg("%s", rows[i].s);
	}
	assert_false(smtp_is_domain(NULL, 0, true));
	assert_false(smtp_is_domain("a\0b", 3, true));
}

static void
test_literals(void **state)
{
	static const struct {
		const char *s;
		bool good;
	} rows[] = {
		{ "[192.0.2.1]", 1 },
		{ "[0.0.0.0]", 1 },
		{ "[255.255.255.255]", 1 },
		{ "[IPv6:2001:db8::1]", 1 },
		{ "[ipV6:::]", 1 },
		{ "[IPv6:::ffff:192.0.2.1]", 1 },
		{ "[IPv6:0000:0000:0000:0000:0000:ffff:255.255.255.255]", 1 },
		{ "", 0 },
		{ "[", 0 },
		{ "]", 0 },
		{ "[]", 0 },
		{ "192.0.2.1", 0 },
		{ "[192.0.2.1", 0 },
		{ "192.0.2.1]", 0 },
		{ "[[192.0.2.1]]", 0 },
		{ "[192.0.2]", 0 },
		{ "[192.0.2.256]", 0 },
		{ "[192.0.2.01]", 0 },
		{ "[192.0.2.1.1]", 0 },
		{ "[ 192.0.2.1]", 0 },
		{ "[2001:db8::1]", 0 },
		{ "[IPv6:]", 0 },
		{ "[IPv6:192.0.2.1]", 0 },
		{ "[IPv6:2001:db8::1::1]", 0 },
		{ "[IPv6:fe80::1%eth0]", 0 },
		{ "[IPv4:192.0.2.1]", 0 },
		{ "[IPv6:0000:0000:0000:0000:0000:0000:0000:0000:000000]", 0 },
		{ "[x-tag:content]", 0 },
		{ "[IPv6:0000:0000:0000:0000:0000:0000:0000:0000:0000:0000]",
		    0 },
	};
	size_t i;

	(void)state;
	for (i = 0; i < COUNT(rows); i++) {
		if (smtp_is_literal(rows[i].s, strlen(rows[i].s)) !=
		    rows[i].good)
			fail_msg("%s", rows[i].s);
	}
	assert_false(smtp_is_literal("[192.0.2.1\0]", 12));
}

static void
test_numbers(void **state)
{
	static const struct {
		const char *s;
		uint64_t max;
		bool good;
		uint64_t value;
	} rows[] = {
		{ "0", 0, 1, 0 },
		{ "1", 0, 0, 0 },
		{ "10", 10, 1, 10 },
		{ "11", 10, 0, 0 },
		{ "007", 7, 1, 7 },
		{ "8", 7, 0, 0 },
		{ "9", 10, 1, 9 },
		{ "00000000000000000000000000000001", 1, 1, 1 },
		{ "18446744073709551615", UINT64_MAX, 1, UINT64_MAX },
		{ "18446744073709551616", UINT64_MAX, 0, 0 },
		{ "18446744073709551620", UINT64_MAX, 0, 0 },
		{ "99999999999999999999", UINT64_MAX, 0, 0 },
		{ "184467440737095516150", UINT64_MAX, 0, 0 },
		{ "4294967296", UINT32_MAX, 0, 0 },
		{ "", 9, 0, 0 },
		{ "-1", 9, 0, 0 },
		{ "+1", 9, 0, 0 },
		{ " 1", 9, 0, 0 },
		{ "1 ", 9, 0, 0 },
		{ "0x1", 9, 0, 0 },
		{ "1a", 99, 0, 0 },
		{ "/", 99, 0, 0 },
		{ ":", 99, 0, 0 },
	};
	uint64_t value;
	size_t i;

	(void)state;
	for (i = 0; i < COUNT(rows); i++) {
		value = 4711;
		if (smtp_parse_number(slice(rows[i].s), rows[i].max, &value) !=
		    rows[i].good)
			fail_msg("%s", rows[i].s);
		assert_true(value == (rows[i].good ? rows[i].value : 4711));
	}
	assert_false(smtp_parse_number((struct slice){ NULL, 0 }, 1, &value));
}

static void
test_slice_is(void **state)
{
	(void)state;
	assert_true(slice_is(slice("SIZE"), "size"));
	assert_true(slice_is(slice("x-1"), "X-1"));
	assert_false(slice_is(slice("SIZE"), "SIZ"));
	assert_false(slice_is(slice("SIZE"), "SIZES"));
	/* Not by clearing a bit, which would take these for the same. */
	assert_false(slice_is(slice("@"), "`"));
	assert_false(slice_is(slice("{"), "["));
	assert_true(slice_is((struct slice){ NULL, 0 }, ""));
	assert_false(slice_is((struct slice){ NULL, 0 }, "x"));
	assert_false(slice_is((struct slice){ "a\0b", 3 }, "a"));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_domains),
		cmocka_unit_test(test_literals),
		cmocka_unit_test(test_numbers),
		cmocka_unit_test(test_slice_is),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
