/*
 * Base64 is strict: each value has one form (RFC 4648 section 10 and 3.5).
 */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#include "base64.h"
#include "compat.h"

static void
test_vectors(void **state)
{
	static const char *const pairs[][2] = { { "", "" }, { "f", "Zg==" },
		{ "fo", "Zm8=" }, { "foo", "Zm9v" }, { "foob", "Zm9vYg==" },
		{ "fooba", "Zm9vYmE=" }, { "foobar", "Zm9vYmFy" } };
	char buf[20];
	size_t i, len;

	(void)state;
	for (i = 0; i < nitems(pairs); i++) {
		len = strlen(pairs[i][0]);
		base64_encode(pairs[i][0], len, buf, sizeof(buf));
		assert_string_equal(buf, pairs[i][1]);
		assert_int_equal(
		    base64_decode(buf, strlen(buf), buf, len), len);
		assert_memory_equal(buf, pairs[i][0], len);
	}
	/* All bits, and the two odd characters. */
	base64_encode("\xff\xef\xbe\x00", 4, buf, sizeof(buf));
	assert_string_equal(buf, "/+++AA==");
	assert_int_equal(base64_decode("/+++AA==", 8, buf, 4), 4);
	assert_memory_equal(buf, "\xff\xef\xbe\x00", 4);
}

static void
test_faults(void **state)
{
	static const char *const bad[] = { "Z", "Zg", "Zg=", "Zg===", "=",
		"==", "====", "Z===", "Zh==", "Zm9=", "Zg==Zg==", "Zm=v",
		"Zm9v\n", "Zm9 ", " Zm9", "Zm9-", "Zm9_", "Zm9\x80", "*",
		"Z=g=" };
	char buf[20];
	size_t i;

	(void)state;
	for (i = 0; i < nitems(bad); i++)
		if (base64_check(bad[i], strlen(bad[i])))
			fail_msg("\"%s\" is taken", bad[i]);
	/* Room for one octet less. */
	assert_int_equal(base64_decode("Zm9v", 4, buf, 2), -1);
	assert_int_equal(base64_decode("Zm9v", 4, buf, 3), 3);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_vectors),
		cmocka_unit_test(test_faults),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
