/*
 * Dates in header fields.
 */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "compat.h"
#include "maildate.h"

static const struct {
	const char *text;
	int64_t seconds;
} good[] = {
	{ "Thu, 1 Jan 1970 00:00:00 +0000", 0 },
	{ "1 Jan 1970 00:00 +0000", 0 },
	{ "Fri, 02 Jan 2026 03:04:05 +0000", 1767323045 },
	{ "fri,2 jan 2026 04:04:05 +0100", 1767323045 },
	{ "Thu, 1 Jan 2026 22:04:05 -0500 (EST)", 1767323045 },
	{ "Thu, 1 Jan 2026 22:04:05 EST", 1767323045 },
	{ "Fri, 2 Jan 26 03:04:05 gmt", 1767323045 },
	{ "Fri, 2 Jan 126 03:04:05 Z", 1767323045 },
	{ "Fri (a (b) \\) c) , 2 Jan 2026 03 : 04 : 05 +0000 ", 1767323045 },
	{ "Fri, 2 Jan 2026 03:04:05 XYZ", 1767323045 },
	{ "Sat, 31 Dec 2016 23:59:60 +0000", 1483228800 },
	{ "29 Feb 2024 12:00:00 +0000", 1709208000 },
	{ "29 Feb 2000 00:00:00 +0000", 951782400 },
	{ "31 Dec 1969 23:59:59 -0000", -1 },
	{ "1 Jan 1900 00:00:00 +0000", -2208988800 },
	{ "Mon, 1 Jan 99 00:00:00 +0000", 915148800 },
	{ "31 Dec 9999 23:59:59 +0000", 253402300799 },
};

static const char *const bad[] = { "", " ", "now", "Fri", "Fri,",
	"Mon Nov 22 16:46:22 2026", "2026-01-02T03:04:05Z", "Fri, 2 Jan 2026",
	"Fri, 2 Jan 2026 03:04:05", "Fri 2 Jan 2026 03:04:05 +0000",
	"Xyz, 2 Jan 2026 03:04:05 +0000", "Fri, 2 January 2026 03:04:05 +0000",
	"Fri, 32 Jan 2026 03:04:05 +0000", "Fri, 0 Jan 2026 03:04:05 +0000",
	"29 Feb 2025 12:00:00 +0000", "29 Feb 1900 12:00:00 +0000",
	"2 Jan 2026 24:00:00 +0000", "2 Jan 2026 03:60:00 +0000",
	"2 Jan 2026 03:00:61 +0000", "2 Jan 2026 3:04:05 +0000",
	"2 Jan 2026 03:04:05 +000", "2 Jan 2026 03:04:05 +00000",
	"2 Jan 2026 03:04:05 +0060", "2 Jan 12026 03:04:05 +0000",
	"2 Jan 1899 03:04:05 +0000", "2 Jan 2026 03:04:05 +0000 x",
	"2 Jan 2026 03:04:05 +0000 (x", "2 Jan 2026 03:04:05 +0000 )",
	"2 Jan 2 03:04:05 +0000", "2 Jan 2026 03:04:05 +0000 (\\" };

static void
test_good(void **state)
{
	int64_t seconds;
	size_t i;

	(void)state;
	for (i = 0; i < nitems(good); i++) {
		if (!maildate_parse(good[i].text, &seconds))
			fail_msg("%s", good[i].text);
		if (seconds != good[i].seconds)
			fail_msg("%s: %lld", good[i].text, (long long)seconds);
	}
}

static void
test_bad(void **state)
{
	int64_t seconds;
	size_t i;

	(void)state;
	for (i = 0; i < nitems(bad); i++)
		if (maildate_parse(bad[i], &seconds))
			fail_msg("%s", bad[i]);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_good),
		cmocka_unit_test(test_bad),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
