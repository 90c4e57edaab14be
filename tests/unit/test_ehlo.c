/*
 * Lines of a reply to EHLO.
 */

#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>

#include "ehlo.h"

/* Lines with '|' between them. */
static struct ehlo
heard(const char *lines)
{
	struct ehlo e = { .have = 0 };
	size_t len;

	for (; *lines != '\0'; lines += len + (lines[len] == '|')) {
		len = strcspn(lines, "|");
		ehlo_line(&e, lines, len);
	}
	return e;
}

static void
test_keywords(void **state)
{
	static const struct {
		const char *lines;
		unsigned have;
	} rows[] = {
		{ "", 0 },
		{ "PIPELINING", EHLO_PIPELINING },
		{ "pipelining", EHLO_PIPELINING },
		{ "PIPELINING and more", EHLO_PIPELINING },
		{ "XPIPELINING|PIPELININGS|PIPELININ|8BIT MIME|-SIZE", 0 },
		{ "8BITMIME|SMTPUTF8", EHLO_8BITMIME | EHLO_SMTPUTF8 },
		{ "DSN|CHUNKING|BINARYMIME",
		    EHLO_DSN | EHLO_CHUNKING | EHLO_BINARYMIME },
		{ "REQUIRETLS|ENHANCEDSTATUSCODES",
		    EHLO_REQUIRETLS | EHLO_ENHANCEDSTATUS },
		{ "AUTH PLAIN LOGIN", EHLO_AUTH },
		{ "AUTH=PLAIN", 0 }, /* an old way that nobody defined */
		{ " DSN", EHLO_DSN },
		{ "|   |", 0 },
		{ "LIMITS RCPTMAX=5", 0 },
	};
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		assert_int_equal(heard(rows[i].lines).have, rows[i].have);
}

static void
test_size(void **state)
{
	(void)state;
	assert_int_equal(heard("SIZE").size, 0);
	assert_int_equal(heard("SIZE 0").size, 0);
	assert_int_equal(heard("SIZE 1000").size, 1000);
	assert_int_equal(heard("size   1000 x").size, 1000);
	assert_int_equal(heard("SIZE 18446744073709551615").size, UINT64_MAX);
	assert_int_equal(heard("SIZE 18446744073709551616").size, 0);
	assert_int_equal(heard("SIZE 10k").size, 0);
	assert_int_equal(heard("SIZE -1").size, 0);
	assert_int_equal(heard("SIZE=1000").have, 0);
}

static void
test_limits(void **state)
{
	static const struct {
		const char *lines;
		uint32_t rcpt_max, mail_max;
	} rows[] = {
		{ "LIMITS RCPTMAX=20", 20, 0 },
		{ "limits mailmax=3  rcptmax=20", 20, 3 },
		{ "LIMITS RCPTDOMAINMAX=1 MAILMAX=999999", 0, 999999 },
		{ "LIMITS", 0, 0 },
		/* A bad value spoils itself only, */
		{ "LIMITS RCPTMAX=0 MAILMAX=5", 0, 5 },
		{ "LIMITS RCPTMAX=020 MAILMAX=5", 0, 5 },
		{ "LIMITS RCPTMAX=1000000 MAILMAX=5", 0, 5 },
		{ "LIMITS RCPTMAX=x MAILMAX=5", 0, 5 },
		/* a bad list everything. */
		{ "LIMITS MAILMAX=5 RCPTMAX", 0, 0 },
		{ "LIMITS MAILMAX=5 =7", 0, 0 },
		{ "LIMITS MAILMAX=5 RCPTMAX=", 0, 0 },
		{ "LIMITS MAILMAX=5 RCPT.MAX=7", 0, 0 },
	};
	struct ehlo e;
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		e = heard(rows[i].lines);
		assert_int_equal(e.rcpt_max, rows[i].rcpt_max);
		assert_int_equal(e.mail_max, rows[i].mail_max);
	}
}

static void
test_names(void **state)
{
	char buf[100];

	(void)state;
	ehlo_names(0, buf, sizeof(buf));
	assert_string_equal(buf, "");
	ehlo_names(EHLO_DSN | EHLO_SMTPUTF8, buf, sizeof(buf));
	assert_string_equal(buf, "SMTPUTF8 DSN");
	ehlo_names(~0u, buf, sizeof(buf));
	assert_non_null(strstr(buf, "REQUIRETLS ENHANCEDSTATUSCODES AUTH"));
	ehlo_names(~0u, buf, 12);
	assert_string_equal(buf, "PIPELINING ");
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_keywords),
		cmocka_unit_test(test_size),
		cmocka_unit_test(test_limits),
		cmocka_unit_test(test_names),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
