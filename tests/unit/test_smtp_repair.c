/*
 * Bare CR, bare LF and NUL made good.
 */

#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <cmocka.h>

#include "naive_data.h"
#include "smtp_data.h"

#define S(text) text, sizeof(text) - 1
#define RANDOM_ROUNDS 20000

struct row {
	const char *in;
	size_t len;
	const char *good;
	size_t good_len;
	bool leading_dot;
};

static const struct row rows[] = {
	{ S(""), S(""), false },
	{ S("a\r\nb\r\n"), S("a\r\nb\r\n"), false },
	{ S("a\nb\n"), S("a\r\nb\r\n"), false },
	{ S("a\rb\r"), S("a\r\nb\r\n"), false },
	{ S("a\r\r\nb"), S("a\r\nb"), false },
	{ S("a\r\rb"), S("a\r\n\r\nb"), false },
	{ S("a\n\nb"), S("a\r\n\r\nb"), false },
	{ S("a\n\r\nb"), S("a\r\n\r\nb"), false },
	{ S("a\0b\0"), S("ab"), false },
	{ S("a\r\0\nb"), S("a\r\n\r\nb"), false },
	{ S("\r\r\r\r\r\r\r\r\r\r\n"), S("\r\n\r\n\r\n"), false },
	{ S(".a"), S(".a"), true },
	{ S("a\r\n.b"), S("a\r\n.b"), true },
	/* The smuggler's ends of data. */
	{ S("a\n.\nb"), S("a\r\n.\r\nb"), true },
	{ S("a\n.\r\nb"), S("a\r\n.\r\nb"), true },
	{ S("a\r\n.\nb"), S("a\r\n.\r\nb"), true },
	{ S("a\r.\rb"), S("a\r\n.\r\nb"), true },
	{ S("a\r.\r\nb"), S("a\r\n.\r\nb"), true },
	{ S("a\r\n.\rb"), S("a\r\n.\r\nb"), true },
	{ S("a\r\n\0.\r\nb"), S("a\r\n.\r\nb"), true },
	{ S("a\r\n.\r\r\nb"), S("a\r\n.\r\nb"), true },
	{ S("a\r\n\r.\r\nb"), S("a\r\n\r\n.\r\nb"), true },
};

static void
test_rows(void **state)
{
	char got[100];
	size_t i, first, n;
	bool dot;

	(void)state;
	for (i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		for (first = 0; first <= rows[i].len; first++) {
			n = feed_repair(rows[i].in, rows[i].len, first,
			    first == 0 ? 1 : 100, got, &dot);
			assert_int_equal(n, rows[i].good_len);
			assert_memory_equal(got, rows[i].good, n);
			assert_int_equal(dot, rows[i].leading_dot);
		}
}

/* Against the reference, of octets that matter. */
static void
test_random(void **state)
{
	static const char octets[] = "\r\n.\0a\r\n\r";
	uint32_t random = 1;
	char in[24], want[48], got[48];
	bool want_dot, got_dot;
	size_t i, len, n;
	int round;

	(void)state;
	for (round = 0; round < RANDOM_ROUNDS; round++) {
		len = (size_t)round % sizeof(in);
		for (i = 0; i < len; i++) {
			random = random * 1664525u + 1013904223u;
			in[i] = octets[(random >> 16) % 8];
		}
		n = naive_repair(in, len, want, &want_dot);
		assert_int_equal(n,
		    feed_repair(in, len, 1 + (random >> 20) % 5,
			1 + (random >> 24) % 5, got, &got_dot));
		assert_memory_equal(got, want, n);
		assert_int_equal(got_dot, want_dot);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_rows),
		cmocka_unit_test(test_random),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
