/*
 * The XFORWARD and XCLIENT commands towards servers.
 */

#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>

#include "backends/identity.h"
#include "client.h"

static void
client(struct client *c, const char *address, const char *helo)
{
	const char *err;

	memset(c, 0, sizeof(*c));
	assert_int_equal(net_parse(address, &c->addr, &err), 0);
	net_ip(&c->addr, c->ip, sizeof(c->ip));
	c->helo = helo;
	c->esmtp = true;
}

static unsigned
attributes(const char *list)
{
	return identity_attributes(list, strlen(list));
}

static void
test_only_what_is_listed(void **state)
{
	char line[IDENTITY_LINE_MAX];
	struct client c;

	(void)state;
	client(&c, "192.0.2.1:1234", "h.example");
	assert_false(identity_line(
	    line, sizeof(line), "XFORWARD", attributes(""), &c, "i"));
	assert_false(identity_line(line, sizeof(line), "XFORWARD",
	    attributes(" FUTURE NAMES"), &c, "i"));
	assert_true(identity_line(
	    line, sizeof(line), "XFORWARD", attributes(" port ADDR"), &c, "i"));
	assert_string_equal(line, "XFORWARD ADDR=192.0.2.1 PORT=1234\r\n");
}

static void
test_values(void **state)
{
	char line[IDENTITY_LINE_MAX];
	unsigned all = attributes(" NAME ADDR PORT PROTO HELO IDENT SOURCE");
	struct client c;

	(void)state;
	client(&c, "[2001:db8::1]:0", "[IPv6:::1]+=");
	c.name = "real.example";
	assert_true(
	    identity_line(line, sizeof(line), "XFORWARD", all, &c, "id.1"));
	assert_string_equal(line,
	    "XFORWARD NAME=real.example ADDR=IPV6:2001:db8::1 "
	    "PORT=[UNAVAILABLE] PROTO=ESMTP HELO=[IPv6:::1]+2B+3D IDENT=id.1 "
	    "SOURCE=REMOTE\r\n");
}

/* However long the values are, the line is a whole one. */
static void
test_long(void **state)
{
	char line[IDENTITY_LINE_MAX], name[251], helo[251];
	unsigned all = attributes(" NAME ADDR PORT PROTO HELO IDENT SOURCE");
	struct client c;

	(void)state;
	memset(name, 'n', 250);
	memset(helo, '+', 250);
	name[250] = helo[250] = '\0';
	client(&c, "192.0.2.1:25", helo);
	c.name = name;
	assert_true(
	    identity_line(line, sizeof(line), "XFORWARD", all, &c, "id"));
	assert_in_range(strlen(line), 1, sizeof(line) - 1);
	assert_non_null(strstr(line, " HELO=[UNAVAILABLE] "));
	assert_non_null(strstr(line, " SOURCE=REMOTE\r\n"));
}

static void
test_xclient(void **state)
{
	char line[IDENTITY_LINE_MAX];
	unsigned all =
	    attributes(" NAME ADDR PORT PROTO HELO LOGIN DESTADDR DESTPORT");
	struct client c;
	const char *err;

	(void)state;
	client(&c, "192.0.2.1:1234", "h.example");
	assert_int_equal(net_parse("[2001:db8::25]:25", &c.local, &err), 0);
	c.login = "a=b";
	c.esmtp = false;
	assert_true(identity_line(line, sizeof(line), "XCLIENT", all, &c, "i"));
	assert_string_equal(line,
	    "XCLIENT NAME=[UNAVAILABLE] ADDR=192.0.2.1 PORT=1234 PROTO=SMTP "
	    "HELO=h.example LOGIN=a+3Db DESTADDR=IPV6:2001:db8::25 "
	    "DESTPORT=25\r\n");
}

/* Whether a name is missing for good is for XCLIENT only: XFORWARD has no word
 * for it, and Postfix refuses it there. */
static void
test_no_name(void **state)
{
	char line[IDENTITY_LINE_MAX];
	unsigned all = attributes(" NAME ADDR HELO");
	struct client c;

	(void)state;
	client(&c, "192.0.2.1:1234", NULL);
	c.naming = CLIENT_NAME_TEMPORARY;
	assert_true(identity_line(line, sizeof(line), "XCLIENT", all, &c, "i"));
	assert_string_equal(line,
	    "XCLIENT NAME=[TEMPUNAVAIL] ADDR=192.0.2.1 "
	    "HELO=[UNAVAILABLE]\r\n");
	assert_true(
	    identity_line(line, sizeof(line), "XFORWARD", all, &c, "i"));
	assert_non_null(strstr(line, " NAME=[UNAVAILABLE] "));
	c.naming = CLIENT_NAME_NONE;
	assert_true(identity_line(line, sizeof(line), "XCLIENT", all, &c, "i"));
	assert_non_null(strstr(line, " NAME=[UNAVAILABLE] "));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_only_what_is_listed),
		cmocka_unit_test(test_values),
		cmocka_unit_test(test_long),
		cmocka_unit_test(test_xclient),
		cmocka_unit_test(test_no_name),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
