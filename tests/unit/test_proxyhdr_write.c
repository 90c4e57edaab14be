/*
 * PROXY headers that we make: their reader gets out what went in.
 */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>

#include "net.h"
#include "proxyhdr.h"

static void
addr(struct net_addr *a, const char *text)
{
	const char *err;

	assert_int_equal(net_parse(text, a, &err), 0);
}

static void
round_trip(int version, const char *from, const char *to, const char *seen_from,
    const char *seen_to)
{
	struct net_addr src, dst, got;
	char header[PROXYHDR_WRITE_MAX + 1], text[NET_TEXT_MAX];
	struct proxyhdr h;
	size_t len;

	addr(&src, from);
	addr(&dst, to);
	memset(header, 'x', sizeof(header));
	len = proxyhdr_write(header, version, (const struct sockaddr *)&src.ss,
	    (const struct sockaddr *)&dst.ss);
	assert_in_range(len, 1, PROXYHDR_WRITE_MAX);
	assert_int_equal(header[PROXYHDR_WRITE_MAX], 'x');
	assert_int_equal(proxyhdr_parse(header, len, &h), PROXYHDR_DONE);
	assert_int_equal(h.len, len);
	assert_int_equal(h.version, version);
	if (seen_from == NULL) {
		assert_int_not_equal(h.kind, PROXYHDR_CLIENT);
		return;
	}
	assert_int_equal(h.kind, PROXYHDR_CLIENT);
	net_from_sockaddr(&got, (struct sockaddr *)&h.src, sizeof(h.src));
	assert_string_equal(net_text(&got, text, sizeof(text)), seen_from);
	net_from_sockaddr(&got, (struct sockaddr *)&h.dst, sizeof(h.dst));
	assert_string_equal(net_text(&got, text, sizeof(text)), seen_to);
}

static void
test_round_trips(void **state)
{
	int v;

	(void)state;
	for (v = 1; v <= 2; v++) {
		round_trip(v, "192.0.2.1:65535", "203.0.113.25:25",
		    "192.0.2.1:65535", "203.0.113.25:25");
		round_trip(v, "[2001:db8::1]:1", "[2001:db8::25]:25",
		    "[2001:db8::1]:1", "[2001:db8::25]:25");
		/* The longest there is, for the size of the buffer. */
		round_trip(v, "[2001:db88:8888:8888:8888:8888:8888:8888]:65535",
		    "[2001:db88:8888:8888:8888:8888:8888:8889]:65535",
		    "[2001:db88:8888:8888:8888:8888:8888:8888]:65535",
		    "[2001:db88:8888:8888:8888:8888:8888:8889]:65535");
		/* One family for both ends. */
		round_trip(v, "192.0.2.1:7", "[2001:db8::25]:25", "192.0.2.1:7",
		    "[2001:db8::25]:25");
		round_trip(v, "unix:/x", "192.0.2.1:25", NULL, NULL);
		round_trip(v, "192.0.2.1:25", "unix:/x", NULL, NULL);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_round_trips),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
