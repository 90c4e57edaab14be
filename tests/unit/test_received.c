/*
 * The Received header field.
 */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <cmocka.h>

#include "client.h"
#include "compat.h"
#include "envelope.h"
#include "received.h"

#define WALL 1709210096789 /* Thu, 29 Feb 2024 12:34:56.789 UTC */

static struct client client;
static struct envelope envelope;
static struct recipient rcpts[2];
static char line[RECEIVED_MAX];
static enum received_style style;

static void
from(const char *address)
{
	const char *err = NULL;

	memset(&client, 0, sizeof(client));
	assert_int_equal(net_parse(address, &client.addr, &err), 0);
	net_ip(&client.addr, client.ip, sizeof(client.ip));
	client.helo = "client.example";
	client.esmtp = true;
	rcpts[0].addr.text = "a@example.org";
	rcpts[1].addr.text = "secret@example.org";
	envelope.rcpts = rcpts;
	envelope.count = 1;
}

static void
make(int64_t wall)
{
	size_t len = received_line(line, sizeof(line), style, &client,
	    &envelope, "gw.example.net", "0123abc.1", wall);

	assert_int_equal(len, strlen(line));
}

static void
test_one_recipient(void **state)
{
	(void)state;
	from("192.0.2.7:4242");
	make(WALL);
	assert_string_equal(line,
	    "Received: from client.example ([192.0.2.7])\r\n"
	    "\tby gw.example.net with ESMTP id 0123abc.1\r\n"
	    "\tfor <a@example.org>;\r\n"
	    "\tThu, 29 Feb 2024 12:34:56 +0000\r\n");
}

/* Two recipients do not learn of each other (RFC 5321 7.2). */
static void
test_two_recipients(void **state)
{
	(void)state;
	from("192.0.2.7:4242");
	envelope.count = 2;
	client.esmtp = false;
	make(WALL);
	assert_string_equal(line,
	    "Received: from client.example ([192.0.2.7])\r\n"
	    "\tby gw.example.net with SMTP id 0123abc.1;\r\n"
	    "\tThu, 29 Feb 2024 12:34:56 +0000\r\n");
}

static void
test_literals(void **state)
{
	(void)state;
	from("[2001:db8::25]:4242");
	make(WALL);
	assert_non_null(strstr(line, "([IPv6:2001:db8::25])\r\n"));
	from("[::ffff:192.0.2.7]:4242");
	make(WALL);
	assert_non_null(strstr(line, "([192.0.2.7])\r\n"));
	from("unix:/run/x");
	make(WALL);
	assert_non_null(strstr(line, "([127.0.0.1])\r\n"));
}

/* By PROXY or XCLIENT: whoever reads a trace has to find the proxy in it. */
static void
test_proxy(void **state)
{
	const char *err = NULL;

	(void)state;
	from("192.0.2.7:4242");
	client.proxied = true;
	assert_int_equal(net_parse("10.0.0.1:4711", &client.peer, &err), 0);
	make(WALL);
	assert_string_equal(line,
	    "Received: from client.example ([192.0.2.7])\r\n"
	    "\tby gw.example.net with ESMTP id 0123abc.1\r\n"
	    "\t(through the proxy [10.0.0.1])\r\n"
	    "\tfor <a@example.org>;\r\n"
	    "\tThu, 29 Feb 2024 12:34:56 +0000\r\n");
	assert_int_equal(
	    net_parse("[2001:db8::1]:4711", &client.peer, &err), 0);
	make(WALL);
	assert_non_null(strstr(line, "(through the proxy [IPv6:2001:db8::1])"));
	style = RECEIVED_PRIVATE;
	make(WALL);
	style = RECEIVED_FULL;
	assert_null(strstr(line, "proxy"));
}

static void
test_dates(void **state)
{
	static const struct {
		int64_t wall;
		const char *text;
	} dates[] = {
		{ 0, "Thu, 1 Jan 1970 00:00:00 +0000" },
		{ 946684799999, "Fri, 31 Dec 1999 23:59:59 +0000" },
		{ 1735689600000, "Wed, 1 Jan 2025 00:00:00 +0000" },
		{ 4102444800000, "Fri, 1 Jan 2100 00:00:00 +0000" },
	};
	char want[60];
	size_t i;

	(void)state;
	from("192.0.2.7:4242");
	for (i = 0; i < nitems(dates); i++) {
		make(dates[i].wall);
		snprintf(want, sizeof(want), ";\r\n\t%s\r\n", dates[i].text);
		assert_non_null(strstr(line, want));
	}
}

static void
test_styles(void **state)
{
	(void)state;
	from("192.0.2.7:4242");
	client.name = "name.example";
	client.tls = true;
	client.tls_version = "TLSv1.3";
	client.login = "somebody";
	style = RECEIVED_PRIVATE;
	make(WALL);
	assert_string_equal(line,
	    "Received: from hidden.invalid\r\n"
	    "\tby gw.example.net with ESMTPSA id 0123abc.1\r\n"
	    "\t(TLSv1.3);\r\n"
	    "\tThu, 29 Feb 2024 12:34:56 +0000\r\n");
	style = RECEIVED_NONE;
	line[0] = '\0';
	make(WALL);
	assert_string_equal(line, "");
	style = RECEIVED_FULL;
}

/* The longest of everything still fits, and no line is too long. */
static void
test_longest(void **state)
{
	char helo[600], rcpt[600];
	const char *p, *nl;

	(void)state;
	from("[2001:db8:1111:2222:3333:4444:5555:6666]:4242");
	memset(helo, 'h', sizeof(helo));
	memset(rcpt, 'r', sizeof(rcpt));
	helo[sizeof(helo) - 1] = rcpt[sizeof(rcpt) - 1] = '\0';
	client.helo = helo;
	rcpts[0].addr.text = rcpt;
	make(WALL);
	for (p = line; (nl = strstr(p, "\r\n")) != NULL; p = nl + 2)
		assert_true(nl - p <= 998);
	assert_int_equal(*p, '\0');
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_one_recipient),
		cmocka_unit_test(test_two_recipients),
		cmocka_unit_test(test_literals),
		cmocka_unit_test(test_proxy),
		cmocka_unit_test(test_dates),
		cmocka_unit_test(test_styles),
		cmocka_unit_test(test_longest),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
