/*
 * The PROXY protocol header.
 */

#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <arpa/inet.h>
#include <netinet/in.h>
#include <cmocka.h>

#include "proxyhdr.h"

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))
#define SIGNATURE "\r\n\r\n\0\r\nQUIT\n"
#define V4 "\xc0\x00\x02\x01\xc6\x33\x64\x02\x30\x39\x00\x19"
#define V4_LEN 12
#define SIX_1 "\x20\x01\x0d\xb8\0\0\0\0\0\0\0\0\0\0\0\x01"
#define SIX_2 "\x20\x01\x0d\xb8\0\0\0\0\0\0\0\0\0\0\0\x02"
#define V6 SIX_1 SIX_2 "\xff\xff\x00\x00"
#define V6_LEN 36

/* Parses a copy that ends where the input ends, so that the sanitizers see a
 * read beyond it. */
static enum proxyhdr_status
parse(const char *in, size_t len, struct proxyhdr *h)
{
	char *copy = malloc(len > 0 ? len : 1);
	enum proxyhdr_status status;

	assert_non_null(copy);
	memcpy(copy, in, len);
	status = proxyhdr_parse(copy, len, h);
	free(copy);
	if (status == PROXYHDR_BAD)
		assert_non_null(h->error);
	else
		assert_null(h->error);
	return status;
}

/* A header of version 2 in buf. */
static size_t
build(char *buf, int command, int family, const char *body, size_t len)
{
	memcpy(buf, SIGNATURE, 12);
	buf[12] = (char)(0x20 | command);
	buf[13] = (char)family;
	buf[14] = (char)(len >> 8);
	buf[15] = (char)(len & 0xff);
	memcpy(buf + 16, body, len);
	return 16 + len;
}

static void
assert_end(const struct sockaddr_storage *ss, const char *host, int port)
{
	char text[INET6_ADDRSTRLEN];
	struct sockaddr_in sin;
	struct sockaddr_in6 sin6;

	if (ss->ss_family == AF_INET) {
		memcpy(&sin, ss, sizeof(sin));
		inet_ntop(AF_INET, &sin.sin_addr, text, sizeof(text));
		assert_int_equal(ntohs(sin.sin_port), port);
	} else {
		assert_int_equal(ss->ss_family, AF_INET6);
		memcpy(&sin6, ss, sizeof(sin6));
		inet_ntop(AF_INET6, &sin6.sin6_addr, text, sizeof(text));
		assert_int_equal(ntohs(sin6.sin6_port), port);
		assert_int_equal(sin6.sin6_flowinfo, 0);
		assert_int_equal(sin6.sin6_scope_id, 0);
	}
	assert_string_equal(text, host);
}

/* Every part of a header that is valid as a whole wants more, says how much at
 * least, and never asks for more than there is to come. */
static void
assert_truncations(const char *in, size_t len)
{
	struct proxyhdr h;
	size_t i;

	for (i = 0; i < len; i++) {
		assert_int_equal(parse(in, i, &h), PROXYHDR_MORE);
		assert_true(h.len > i && h.len <= len);
	}
	assert_int_equal(parse(in, len, &h), PROXYHDR_DONE);
	assert_int_equal(h.len, len);
}

static void
test_v1(void **state)
{
	static const struct {
		const char *line, *src, *dst;
		int sport, dport;
	} rows[] = {
		{ "PROXY TCP4 192.0.2.1 198.51.100.2 19999 25\r\n", "192.0.2.1",
		    "198.51.100.2", 19999, 25 },
		{ "PROXY TCP4 0.0.0.0 255.255.255.255 0 65535\r\n", "0.0.0.0",
		    "255.255.255.255", 0, 65535 },
		{ "PROXY TCP4 255.255.255.255 255.255.255.255 65535 65535\r\n",
		    "255.255.255.255", "255.255.255.255", 65535, 65535 },
		{ "PROXY TCP6 2001:db8::1 ::1 1 2\r\n", "2001:db8::1", "::1", 1,
		    2 },
		{ "PROXY TCP6 2001:0DB8:0:0:0:0:0:1 :: 1 2\r\n", "2001:db8::1",
		    "::", 1, 2 },
		{ "PROXY TCP6 ffff:ffff:ffff:ffff:ffff:ffff:ffff:fff1 "
		  "ffff:ffff:ffff:ffff:ffff:ffff:ffff:fff2 65535 65535\r\n",
		    "ffff:ffff:ffff:ffff:ffff:ffff:ffff:fff1",
		    "ffff:ffff:ffff:ffff:ffff:ffff:ffff:fff2", 65535, 65535 },
		{ "PROXY TCP6 ::ffff:192.0.2.1 ::1 1 2\r\n", "::ffff:192.0.2.1",
		    "::1", 1, 2 },
	};
	struct proxyhdr h;
	char more[256];
	size_t i;

	(void)state;
	for (i = 0; i < COUNT(rows); i++) {
		size_t len = strlen(rows[i].line);

		assert_truncations(rows[i].line, len);
		/* What follows is not touched. */
		snprintf(more, sizeof(more), "%sEHLO x\r\n", rows[i].line);
		assert_int_equal(parse(more, strlen(more), &h), PROXYHDR_DONE);
		assert_int_equal(h.len, len);
		assert_int_equal(h.version, 1);
		assert_int_equal(h.kind, PROXYHDR_CLIENT);
		assert_end(&h.src, rows[i].src, rows[i].sport);
		assert_end(&h.dst, rows[i].dst, rows[i].dport);
		assert_false(h.ssl || h.ssl_cert);
		assert_null(h.unique_id);
	}
}

static void
test_v1_unknown(void **state)
{
	static const char *const rows[] = {
		"PROXY UNKNOWN\r\n",
		"PROXY UNKNOWN \r\n",
		"PROXY UNKNOWN what ever  it says\r\n",
		("PROXY UNKNOWN ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff "
		 "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff 65535 65535\r\n"),
	};
	struct proxyhdr h;
	size_t i;

	(void)state;
	assert_int_equal(strlen(rows[0]), 15);
	assert_int_equal(strlen(rows[3]), PROXYHDR_V1_MAX);
	for (i = 0; i < COUNT(rows); i++) {
		assert_truncations(rows[i], strlen(rows[i]));
		parse(rows[i], strlen(rows[i]), &h);
		assert_int_equal(h.kind, PROXYHDR_UNKNOWN);
		assert_int_equal(h.src.ss_family, AF_UNSPEC);
	}
}

static void
test_v1_bad(void **state)
{
#define IP4 "192.0.2.1 192.0.2.2"
	static const char *const rows[] = { "PROXY \r\n", "PROXY\r\n",
		"proxy TCP4 " IP4 " 1 2\r\n", "PROXY tcp4 " IP4 " 1 2\r\n",
		"PROXY TCP5 " IP4 " 1 2\r\n", "PROXY TCP " IP4 " 1 2\r\n",
		"PROXY TCP44 " IP4 " 1 2\r\n", "PROXY UDP4 " IP4 " 1 2\r\n",
		"PROXY unknown\r\n", "PROXY UNKNOWNS\r\n", "PROXY UNKNOW\r\n",
		"PROXY  TCP4 " IP4 " 1 2\r\n", "PROXY TCP4  " IP4 " 1 2\r\n",
		"PROXY TCP4 " IP4 "  1 2\r\n", "PROXY TCP4 " IP4 " 1  2\r\n",
		"PROXY TCP4 " IP4 " 1 2 \r\n", "PROXY TCP4 " IP4 " 1 2 3\r\n",
		"PROXY TCP4 " IP4 " 1\r\n", "PROXY TCP4 " IP4 " 1 \r\n",
		"PROXY TCP4 " IP4 "\r\n", "PROXY TCP4\r\n",
		"PROXY\tTCP4\t192.0.2.1\t192.0.2.2\t1\t2\r\n",
		"PROXY TCP4 " IP4 " 01 2\r\n", "PROXY TCP4 " IP4 " 1 02\r\n",
		"PROXY TCP4 " IP4 " 00 2\r\n", "PROXY TCP4 " IP4 " 65536 2\r\n",
		"PROXY TCP4 " IP4 " 1 99999\r\n",
		"PROXY TCP4 " IP4 " 1 100000\r\n",
		"PROXY TCP4 " IP4 " -1 2\r\n", "PROXY TCP4 " IP4 " +1 2\r\n",
		"PROXY TCP4 " IP4 " 0x1 2\r\n", "PROXY TCP4 " IP4 " 1 2a\r\n",
		"PROXY TCP5 ::1 ::1 1 2\r\n",
		"PROXY TCP6 2001:0db8:0000:0000:0000:0000:0000:0000:0000:0 ::1 "
		"1 2"
		"\r\n",
		"PROXY TCP4 192.0.2 192.0.2.2 1 2\r\n",
		"PROXY TCP4 192.0.2.256 192.0.2.2 1 2\r\n",
		"PROXY TCP4 192.0.2.01 192.0.2.2 1 2\r\n",
		"PROXY TCP4 192.0.2.1 192.0.2.0x2 1 2\r\n",
		"PROXY TCP4 3221225985 192.0.2.2 1 2\r\n",
		"PROXY TCP4 2001:db8::1 192.0.2.2 1 2\r\n",
		"PROXY TCP6 192.0.2.1 ::1 1 2\r\n",
		"PROXY TCP6 2001:db8::1::2 ::1 1 2\r\n",
		"PROXY TCP6 [::1] ::1 1 2\r\n",
		"PROXY TCP6 fe80::1%1 ::1 1 2\r\n",
		"PROXY TCP6 0000:0000:0000:0000:0000:0000:0000:0000:00000 ::1 "
		"1 2"
		"\r\n",
		"PROXY TCP4 " IP4 " 1 2\n", "PROXY TCP4 " IP4 " 1 2\rx",
		"PROXY TCP4 " IP4 " 1 2\r\r\n", "PROXY TCP4\r" IP4 " 1 2\r\n",
		"PROXY UNKNOWN\n", "PROXY UNKNOWN a\rb\r\n",
		"PROXY UNKNOWN a\nb\r\n", "EHLO mx\r\n", "QUIT\r\n",
		"GET / HTTP/1.1\r\n", "\n", "x", "P R", "PROXYTCP4",
		"\x16\x03\x01\x02" };
	struct proxyhdr h;
	size_t i;

	(void)state;
	for (i = 0; i < COUNT(rows); i++) {
		if (parse(rows[i], strlen(rows[i]), &h) != PROXYHDR_BAD)
			fail_msg("%s", rows[i]);
	}
	assert_int_equal(
	    parse("PROXY TCP4 192.0.2.1\0 192.0.2.2 1 2\r\n", 38, &h),
	    PROXYHDR_BAD);
}

static void
test_v1_too_long(void **state)
{
	char line[200];
	struct proxyhdr h;
	size_t i;

	(void)state;
	memset(line, 'x', sizeof(line));
	memcpy(line, "PROXY UNKNOWN ", 14);
	for (i = 0; i < PROXYHDR_V1_MAX - 1; i++)
		assert_int_equal(parse(line, i, &h), PROXYHDR_MORE);
	assert_int_equal(parse(line, PROXYHDR_V1_MAX - 1, &h), PROXYHDR_BAD);
	for (i = PROXYHDR_V1_MAX + 5; i > PROXYHDR_V1_MAX - 2; i--) {
		memcpy(line + i, "\r\n", 2); /* too far */
		assert_int_equal(parse(line, sizeof(line), &h), PROXYHDR_BAD);
	}
	memcpy(line + PROXYHDR_V1_MAX - 2, "\r\n", 2);
	assert_int_equal(parse(line, sizeof(line), &h), PROXYHDR_DONE);
	assert_int_equal(h.len, PROXYHDR_V1_MAX);
}

static void
test_v2_addresses(void **state)
{
	char in[128];
	struct proxyhdr h;
	size_t len;

	(void)state;
	len = build(in, 1, 0x11, V4, V4_LEN);
	assert_truncations(in, len);
	memcpy(in + len, "EHLO", 4);
	assert_int_equal(parse(in, len + 4, &h), PROXYHDR_DONE);
	assert_int_equal(h.len, len);
	assert_int_equal(h.version, 2);
	assert_int_equal(h.kind, PROXYHDR_CLIENT);
	assert_end(&h.src, "192.0.2.1", 12345);
	assert_end(&h.dst, "198.51.100.2", 25);

	len = build(in, 1, 0x21, V6, V6_LEN);
	assert_truncations(in, len);
	assert_int_equal(parse(in, len, &h), PROXYHDR_DONE);
	assert_int_equal(h.kind, PROXYHDR_CLIENT);
	assert_end(&h.src, "2001:db8::1", 65535);
	assert_end(&h.dst, "2001:db8::2", 0);

	len = build(in, 1, 0x00, "", 0);
	assert_truncations(in, len);
	assert_int_equal(parse(in, len, &h), PROXYHDR_DONE);
	assert_int_equal(h.kind, PROXYHDR_UNKNOWN);
	assert_int_equal(h.src.ss_family, AF_UNSPEC);
}

/* A health check: whatever follows is skipped, not looked at. */
static void
test_v2_local(void **state)
{
	char in[128];
	struct proxyhdr h;
	size_t len;
	int family;

	(void)state;
	for (family = 0; family < 256; family++) {
		len = build(in, 0, family, "\xff\xff\xff garbage", 11);
		assert_truncations(in, len);
		assert_int_equal(parse(in, len, &h), PROXYHDR_DONE);
		assert_int_equal(h.kind, PROXYHDR_LOCAL);
		assert_int_equal(h.src.ss_family, AF_UNSPEC);
	}
	len = build(in, 0, 0, "", 0);
	assert_truncations(in, len);
}

static void
test_v2_bad(void **state)
{
	char in[256], body[216];
	struct proxyhdr h;
	size_t len;
	int i;

	(void)state;
	memset(body, 0, sizeof(body));
	for (i = 0; i < 256; i++) { /* version and command */
		len = build(in, 1, 0x11, V4, V4_LEN);
		in[12] = (char)i;
		assert_int_equal(parse(in, len, &h),
		    i == 0x20 || i == 0x21 ? PROXYHDR_DONE : PROXYHDR_BAD);
		/* family and transport: TCP or nothing; UNSPEC has no
		 * addresses, but what follows is good as TLVs, too */
		len = build(in, 1, i, body, sizeof(body));
		assert_int_equal(parse(in, len, &h),
		    i == 0x11 || i == 0x21 || i == 0 ? PROXYHDR_DONE
						     : PROXYHDR_BAD);
	}
	for (len = 0; len < V6_LEN; len++) {
		build(in, 1, 0x21, V6, len);
		assert_int_equal(parse(in, 16 + len, &h), PROXYHDR_BAD);
		if (len < V4_LEN) {
			build(in, 1, 0x11, V4, len);
			assert_int_equal(parse(in, 16 + len, &h), PROXYHDR_BAD);
		}
	}
	for (i = 0; i < 12; i++) { /* signature */
		len = build(in, 1, 0x11, V4, V4_LEN);
		in[i] ^= 1;
		assert_int_equal(parse(in, (size_t)i + 1, &h), PROXYHDR_BAD);
		assert_int_equal(parse(in, len, &h), PROXYHDR_BAD);
	}
}

static void
test_v2_length(void **state)
{
	static char in[PROXYHDR_MAX + 1], body[PROXYHDR_MAX];
	struct proxyhdr h;
	size_t len, tlvs = PROXYHDR_MAX - 16 - V4_LEN;

	(void)state;
	memcpy(body, V4, V4_LEN);
	body[V4_LEN] = 0x04; /* NOOP */
	body[V4_LEN + 1] = (char)((tlvs - 3) >> 8);
	body[V4_LEN + 2] = (char)((tlvs - 3) & 0xff);
	len = build(in, 1, 0x11, body, V4_LEN + tlvs);
	assert_int_equal(len, PROXYHDR_MAX);
	assert_int_equal(parse(in, 16, &h), PROXYHDR_MORE);
	assert_int_equal(h.len, PROXYHDR_MAX);
	assert_int_equal(parse(in, len, &h), PROXYHDR_DONE);
	/* One more is too many, and that is known after 16 octets. */
	len = PROXYHDR_MAX - 16 + 1;
	in[14] = (char)(len >> 8);
	in[15] = (char)(len & 0xff);
	assert_int_equal(parse(in, 16, &h), PROXYHDR_BAD);
	in[12] = 0x20; /* LOCAL likewise */
	assert_int_equal(parse(in, 16, &h), PROXYHDR_BAD);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_v1),
		cmocka_unit_test(test_v1_unknown),
		cmocka_unit_test(test_v1_bad),
		cmocka_unit_test(test_v1_too_long),
		cmocka_unit_test(test_v2_addresses),
		cmocka_unit_test(test_v2_local),
		cmocka_unit_test(test_v2_bad),
		cmocka_unit_test(test_v2_length),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
