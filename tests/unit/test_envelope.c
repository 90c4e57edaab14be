/*
 * Envelopes: addresses from parsed commands, and the list of recipients.
 */

#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "ehlo.h"
#include "envelope.h"
#include "mem.h"
#include "smtp_parse.h"

static struct address
parsed(struct arena *a, const char *arg)
{
	struct smtp_params params;
	struct smtp_path path;
	struct slice s = { .ptr = arg, .len = strlen(arg) };

	if (strncmp(arg, "TO:", 3) == 0)
		assert_int_equal(
		    smtp_parse_rcpt(s, &path, &params), SMTP_PATH_GOOD);
	else
		assert_int_equal(
		    smtp_parse_mail(s, &path, &params), SMTP_PATH_GOOD);
	return envelope_address(a, &path);
}

static void
test_address(void **state)
{
	static const struct {
		const char *arg, *text, *local, *domain;
	} rows[] = {
		{ "TO:<User@Example.ORG>", "User@example.org", "User",
		    "example.org" },
		{ "FROM:<>", "", "", "" },
		{ "TO:<postmaster>", "postmaster", "postmaster", "" },
		{ "TO:<PostMaster>", "PostMaster", "PostMaster", "" },
		{ "TO:<@a.example,@b.example:u@c.example>", "u@c.example", "u",
		    "c.example" },
		{ "TO:<\"a b\"@EXAMPLE.org>", "\"a b\"@example.org", "\"a b\"",
		    "example.org" },
		{ "TO:<\"a@b\"@example.org>", "\"a@b\"@example.org", "\"a@b\"",
		    "example.org" },
		{ "TO:<u@[192.0.2.1]>", "u@[192.0.2.1]", "u", "[192.0.2.1]" },
		{ "FROM:<u@example.org> SIZE=5", "u@example.org", "u",
		    "example.org" },
	};
	struct address addr;
	struct arena a;
	size_t i;

	(void)state;
	arena_init(&a, 256);
	for (i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		addr = parsed(&a, rows[i].arg);
		assert_string_equal(addr.text, rows[i].text);
		assert_string_equal(addr.local, rows[i].local);
		assert_string_equal(addr.domain, rows[i].domain);
	}
	arena_free(&a);
}

/* As lists have it: the domain in A-labels, and no quotes. */
static void
test_plain(void **state)
{
	static const struct {
		const char *arg, *plain, *text;
	} rows[] = {
		{ "TO:<User@Example.ORG>", "example.org", "User@example.org" },
		{ "TO:<u@B\303\234cher.Example>", "xn--bcher-kva.example",
		    "u@xn--bcher-kva.example" },
		{ "TO:<u@XN--bcher-kva.example>", "xn--bcher-kva.example",
		    "u@xn--bcher-kva.example" },
		{ "TO:<\"a\\b c\"@b\303\274cher.example>",
		    "xn--bcher-kva.example", "ab c@xn--bcher-kva.example" },
		{ "TO:<\"joe\"@example.org>", "example.org",
		    "joe@example.org" },
		{ "TO:<postmaster>", "", "postmaster" },
		{ "FROM:<>", "", "" },
		/* It can be no name: as it is. */
		{ "TO:<u@\357\277\275.example>", "\357\277\275.example",
		    "u@\357\277\275.example" },
	};
	char buf[ADDRESS_PLAIN_SIZE];
	struct address addr;
	struct arena a;
	size_t i;

	(void)state;
	arena_init(&a, 256);
	for (i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		addr = parsed(&a, rows[i].arg);
		assert_string_equal(addr.plain, rows[i].plain);
		assert_string_equal(
		    address_plain(&addr, buf, sizeof(buf)), rows[i].text);
	}
	/* What is ASCII costs nothing. */
	addr = parsed(&a, "TO:<u@example.org>");
	assert_ptr_equal(addr.plain, addr.domain);
	assert_ptr_equal(address_plain(&addr, buf, sizeof(buf)), addr.text);
	arena_free(&a);
}

/* The line is gone when the address is used. */
static void
test_address_is_a_copy(void **state)
{
	char line[] = "TO:<user@example.org>";
	struct address addr;
	struct arena a;

	(void)state;
	arena_init(&a, 256);
	addr = parsed(&a, line);
	memset(line, 'x', sizeof(line) - 1);
	assert_string_equal(addr.text, "user@example.org");
	arena_free(&a);
}

static void
test_recipients(void **state)
{
	struct address addr = { .text = "a@b", .local = "a", .domain = "b" };
	struct recipient *r;
	struct envelope e;
	struct arena a;
	size_t i;

	(void)state;
	arena_init(&a, 256);
	memset(&e, 0xff, sizeof(e));
	envelope_init(&e, &a);
	assert_string_equal(e.sender.text, "");
	assert_string_equal(e.sender.domain, "");
	assert_false(e.has_sender);
	assert_int_equal(e.body, BODY_UNSPECIFIED);
	assert_int_equal(e.size, 0);
	assert_int_equal(e.count, 0);
	for (i = 0; i < 1000; i++) {
		addr.text = arena_printf(&a, "%zu@b", i);
		r = envelope_add(&e, &addr);
		assert_ptr_equal(r, &e.rcpts[i]);
		assert_int_equal(r->route, 0);
		r->route = (unsigned)i;
	}
	envelope_drop_last(&e);
	assert_int_equal(e.count, 999);
	addr.text = "last@b";
	r = envelope_add(&e, &addr);
	assert_int_equal(r->route, 0); /* nothing of the one that was there */
	assert_string_equal(e.rcpts[999].addr.text, "last@b");
	assert_string_equal(e.rcpts[0].addr.text, "0@b");
	assert_string_equal(e.rcpts[500].addr.text, "500@b");
	assert_int_equal(e.rcpts[500].route, 500);
	arena_free(&a);
}

static void
test_params_written(void **state)
{
	char buf[ENVELOPE_PARAMS_SIZE], blanks[SMTP_AUTH_MAX + 1];
	struct envelope e = { .envid = NULL };
	struct recipient r = { .notify = 0 };

	(void)state;
	envelope_write_mail_params(&e, buf, sizeof(buf));
	assert_string_equal(buf, "");
	envelope_write_rcpt_params(&r, buf, sizeof(buf));
	assert_string_equal(buf, "");
	e.size = 7;
	e.body = BODY_7BIT;
	e.needs = EHLO_SMTPUTF8 | EHLO_REQUIRETLS;
	e.ret = DSN_RET_FULL;
	e.envid = "a b\r\n";
	e.auth = "";
	envelope_write_mail_params(&e, buf, sizeof(buf));
	assert_string_equal(buf,
	    "SIZE=7 BODY=7BIT SMTPUTF8 REQUIRETLS RET=FULL "
	    "ENVID=a+20b+0D+0A AUTH=<>");
	/* What does not fit is left out, and the longest do fit. */
	envelope_write_mail_params(&e, buf, 20);
	assert_string_equal(buf, "SIZE=7 BODY=7BIT");
	memset(blanks, ' ', SMTP_AUTH_MAX);
	blanks[SMTP_AUTH_MAX] = '\0';
	e.auth = blanks;
	e.envid = blanks + SMTP_AUTH_MAX - SMTP_ENVID_MAX;
	envelope_write_mail_params(&e, buf, sizeof(buf));
	assert_int_equal(strlen(strstr(buf, " ENVID=")),
	    strlen(" ENVID= AUTH=") + 3 * (SMTP_ENVID_MAX + SMTP_AUTH_MAX));
	r.notify = DSN_DELAY;
	r.orcpt_type = "rfc822";
	r.orcpt = "a+b@c";
	envelope_write_rcpt_params(&r, buf, sizeof(buf));
	assert_string_equal(buf, "NOTIFY=DELAY ORCPT=rfc822;a+2Bb@c");
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_address),
		cmocka_unit_test(test_plain),
		cmocka_unit_test(test_address_is_a_copy),
		cmocka_unit_test(test_recipients),
		cmocka_unit_test(test_params_written),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
