/*
 * What both filters for Dovecot share: fields, escapes, versions, sockets.
 */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "compat.h"
#include "filters/dovecot.h"

static void
test_fields(void **state)
{
	char line[] = "a\t\tb\001tc\001n\001r\0011\t\001x\t\001\td\0010e";
	char *rest = line;

	(void)state;
	assert_string_equal(dovecot_field(&rest), "a");
	assert_string_equal(dovecot_field(&rest), "");
	assert_string_equal(dovecot_field(&rest), "b\tc\n\r\001");
	/* Escapes that are none. */
	assert_string_equal(dovecot_field(&rest), "\001x");
	assert_string_equal(dovecot_field(&rest), "\001");
	/* What is behind a NUL is no part of a string. */
	assert_string_equal(dovecot_field(&rest), "d");
	assert_null(dovecot_field(&rest));
	assert_null(dovecot_field(&rest));
}

static void
test_add(void **state)
{
	char buf[16] = "";

	(void)state;
	assert_true(dovecot_add(buf, sizeof(buf), "PLAIN", NULL));
	assert_true(dovecot_add(buf, sizeof(buf), "a=", "\t\n"));
	assert_string_equal(buf, "PLAIN\ta=\001t\001n");
	/* All of it or nothing. */
	assert_false(dovecot_add(buf, sizeof(buf), "b=", "\r"));
	assert_string_equal(buf, "PLAIN\ta=\001t\001n");
	assert_true(dovecot_add(buf, sizeof(buf), "b=", NULL));
	assert_string_equal(buf, "PLAIN\ta=\001t\001n\tb=");
}

static void
test_numbers(void **state)
{
	static const char *const bad[] = { "", "-1", "+1", " 1", "1x",
		"4294967296", "12345678901" };
	char one[] = "1\t9", two[] = "2\t0", none[] = "", word[] = "one";
	uint32_t n;
	size_t i;

	(void)state;
	assert_true(dovecot_number("4294967295", &n) && n == UINT32_MAX);
	assert_true(dovecot_number("0", &n) && n == 0);
	assert_false(dovecot_number(NULL, &n));
	for (i = 0; i < nitems(bad); i++)
		if (dovecot_number(bad[i], &n))
			fail_msg("\"%s\" is a number", bad[i]);
	assert_true(dovecot_version(one));
	assert_false(dovecot_version(two));
	assert_false(dovecot_version(none));
	assert_false(dovecot_version(word));
}

static void
test_sockets(void **state)
{
	char say[300] = "", text[NET_TEXT_MAX];
	struct net_addr a;

	(void)state;
	assert_true(dovecot_socket("/run/x", "auth", &a, say, sizeof(say)));
	assert_string_equal(net_text(&a, text, sizeof(text)), "unix:/run/x");
	assert_true(
	    dovecot_socket("127.0.0.1:12345", "auth", &a, say, sizeof(say)));
	assert_int_equal(net_port(&a), 12345);
	assert_string_equal(say, "");
	assert_false(dovecot_socket("localhost", "auth", &a, say, sizeof(say)));
	assert_non_null(strstr(say, "socket \"localhost\": "));
	memset(text, 'x', sizeof(text) - 1);
	text[0] = '/';
	text[sizeof(text) - 1] = '\0';
	assert_false(dovecot_socket(text, "auth", &a, say, sizeof(say)));
	/* No such name lies anywhere. */
	assert_true(
	    dovecot_socket(NULL, "no-such-socket", &a, say, sizeof(say)));
	assert_string_equal(say,
	    "no socket of Dovecot is found; /var/run/dovecot/no-such-socket "
	    "is used");
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_fields),
		cmocka_unit_test(test_add),
		cmocka_unit_test(test_numbers),
		cmocka_unit_test(test_sockets),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
