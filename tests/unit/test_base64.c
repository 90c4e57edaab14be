/*
 * Base64.
 */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>

#include "base64.h"

static void
expect(const char *in, size_t len, const char *want)
{
	char out[40];

	memset(out, 'x', sizeof(out));
	base64_encode(in, len, out);
	assert_string_equal(out, want);
	assert_int_equal(strlen(out) + 1, BASE64_SIZE(len));
}

/* The examples of RFC 4648 section 10, and octets that are no text. */
static void
test_encode(void **state)
{
	(void)state;
	expect("", 0, "");
	expect("f", 1, "Zg==");
	expect("fo", 2, "Zm8=");
	expect("foo", 3, "Zm9v");
	expect("foob", 4, "Zm9vYg==");
	expect("fooba", 5, "Zm9vYmE=");
	expect("foobar", 6, "Zm9vYmFy");
	expect("\xff\xfe\0\xfb", 4, "//4A+w==");
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_encode),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
