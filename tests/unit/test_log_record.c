/*
 * The text of records: JSON (logfmt's shape is in test_log.c).
 */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "log_record.h"

static struct record r;

static void
test_shape(void **state)
{
	(void)state;
	record_clear(&r, LOG_JSON, LEVEL_INFO);
	record_str(&r, "a", "b");
	record_str(&r, "absent", NULL);
	record_str(&r, "empty", "");
	record_num(&r, "n", -7);
	record_num(&r, "min", INT64_MIN);
	record_fmt(&r, "f", "%d", 1);
	record_real(&r, "r", -1.5);
	record_real(&r, "none", strtod("inf", NULL));
	record_close(&r);
	assert_string_equal(r.buf,
	    "{\"a\":\"b\",\"empty\":\"\",\"n\":-7,"
	    "\"min\":-9223372036854775808,\"f\":\"1\","
	    "\"r\":-1.5,\"none\":\"inf\"}");
	assert_int_equal(r.len, strlen(r.buf));
}

static void
expect(const char *value, const char *wanted)
{
	size_t len = strlen(wanted);

	record_clear(&r, LOG_JSON, LEVEL_INFO);
	record_str(&r, "k", value);
	record_close(&r);
	assert_memory_equal(r.buf, "{\"k\":\"", 6);
	assert_int_equal(r.len, 6 + len + 2);
	assert_memory_equal(r.buf + 6, wanted, len);
	assert_string_equal(r.buf + 6 + len, "\"}");
}

static void
test_escape(void **state)
{
	(void)state;
	expect("a=b c", "a=b c");
	expect("\"\\\r\n\t", "\\\"\\\\\\r\\n\\t");
	expect("\x01\x7f", "\\u0001\\u007f");
}

/* UTF-8 goes through; what is not becomes U+FFFD: an overlong form, a
 * surrogate, beyond the last character, alone, cut off. */
static void
test_utf8(void **state)
{
	(void)state;
	expect("u\xcc\x88", "u\xcc\x88");
	expect("\xe2\x82\xac", "\xe2\x82\xac");
	expect("\xf0\x9f\x93\xa7!", "\xf0\x9f\x93\xa7!");
	expect("\xc0\xaf", "\\ufffd\\ufffd");
	expect("\xe0\x80\xaf", "\\ufffd\\ufffd\\ufffd");
	expect("\xed\xa0\x80", "\\ufffd\\ufffd\\ufffd");
	expect("\xf4\x90\x80\x80", "\\ufffd\\ufffd\\ufffd\\ufffd");
	expect("\xf5", "\\ufffd");
	expect("\x80x", "\\ufffdx");
	expect("\xe2\x82", "\\ufffd\\ufffd");
}

/* Whatever does not fit, it stays one object in one line. */
static void
test_long(void **state)
{
	static char value[LOG_LINE_MAX + 1];
	const char *const end = "\",\"cut\":\"yes\"}";
	size_t len;

	(void)state;
	for (len = LOG_LINE_MAX - 100; len <= LOG_LINE_MAX; len++) {
		memset(value, len % 2 ? 'x' : '"', len);
		value[len] = '\0';
		record_clear(&r, LOG_JSON, LEVEL_INFO);
		record_str(&r, "k", value);
		record_str(&r, "behind", "it");
		record_num(&r, "number", INT64_MIN);
		record_close(&r);
		assert_true(r.len < LOG_LINE_MAX);
		assert_int_equal(r.buf[r.len - 1], '}');
	}
	assert_string_equal(r.buf + r.len - strlen(end), end);
}

/* A number is whole or not there. */
static void
test_number_at_the_end(void **state)
{
	char value[64];
	size_t i;

	(void)state;
	record_clear(&r, LOG_JSON, LEVEL_INFO);
	memset(value, 'x', sizeof(value) - 1);
	value[sizeof(value) - 1] = '\0';
	for (i = 0; i < 200; i++) {
		record_str(&r, "k", value + i % 32);
		record_num(&r, "n", INT64_MIN);
	}
	record_close(&r);
	assert_true(r.cut);
	assert_true(r.len < LOG_LINE_MAX);
	assert_non_null(strstr(r.buf + r.len - 40, ",\"cut\":\"yes\"}"));
	for (i = 1; i < r.len; i++)
		if (memcmp(r.buf + i, "\"n\":", 4) == 0)
			assert_memory_equal(
			    r.buf + i + 4, "-9223372036854775808,", 21);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_shape),
		cmocka_unit_test(test_escape),
		cmocka_unit_test(test_utf8),
		cmocka_unit_test(test_long),
		cmocka_unit_test(test_number_at_the_end),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
