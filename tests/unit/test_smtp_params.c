/*
 * What the parameters of MAIL and RCPT mean.
 */

#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <cmocka.h>

#include "ehlo.h"
#include "smtp_params.h"

#define TEN "aaaaaaaaaa"
#define HUNDRED TEN TEN TEN TEN TEN TEN TEN TEN TEN TEN

static enum smtp_param_fault
mail(const char *params, struct smtp_mail_params *r)
{
	struct smtp_params list;
	struct smtp_path path;
	char line[3000];
	struct slice arg = { line, 0 };

	arg.len = (size_t)snprintf(line, sizeof(line), "FROM:<> %s", params);
	assert_int_equal(smtp_parse_mail(arg, &path, &list), SMTP_PATH_GOOD);
	return smtp_read_mail_params(&list, r);
}

static enum smtp_param_fault
rcpt(const char *params, bool utf8, struct smtp_rcpt_params *r)
{
	struct smtp_params list;
	struct smtp_path path;
	char line[3000];
	struct slice arg = { line, 0 };

	arg.len = (size_t)snprintf(line, sizeof(line), "TO:<a@b> %s", params);
	assert_int_equal(smtp_parse_rcpt(arg, &path, &list), SMTP_PATH_GOOD);
	return smtp_read_rcpt_params(&list, utf8, r);
}

static void
test_mail(void **state)
{
	struct smtp_mail_params r;

	(void)state;
	assert_int_equal(mail("", &r), SMTP_PARAM_GOOD);
	assert_int_equal(r.uses, 0);
	assert_false(r.has_envid || r.has_auth);
	assert_int_equal(
	    mail("size=5 BODY=8bitmime smtputf8 REQUIRETLS ret=hdrs "
		 "ENVID=a+2Bb+20c AUTH=me+40example.org",
		&r),
	    SMTP_PARAM_GOOD);
	assert_int_equal(r.uses,
	    EHLO_SIZE | EHLO_8BITMIME | EHLO_SMTPUTF8 | EHLO_REQUIRETLS |
		EHLO_DSN | EHLO_AUTH);
	assert_int_equal(r.size, 5);
	assert_int_equal(r.body, BODY_8BITMIME);
	assert_int_equal(r.ret, DSN_RET_HDRS);
	assert_true(r.has_envid && r.has_auth);
	assert_string_equal(r.envid, "a+b c");
	assert_string_equal(r.auth, "me@example.org");
	assert_int_equal(
	    mail("BODY=BINARYMIME RET=FULL AUTH=<>", &r), SMTP_PARAM_GOOD);
	assert_int_equal(r.uses, EHLO_BINARYMIME | EHLO_DSN | EHLO_AUTH);
	assert_int_equal(r.ret, DSN_RET_FULL);
	assert_true(r.has_auth);
	assert_string_equal(r.auth, "");
	assert_int_equal(mail("BODY=7BIT", &r), SMTP_PARAM_GOOD);
	assert_int_equal(r.uses, 0);
	assert_int_equal(mail("ENVID=" HUNDRED, &r), SMTP_PARAM_GOOD);
}

static void
test_bad_mail(void **state)
{
	static const struct {
		const char *params;
		enum smtp_param_fault fault;
	} rows[] = {
		{ "X=1", SMTP_PARAM_UNKNOWN },
		{ "NOTIFY=NEVER", SMTP_PARAM_UNKNOWN },
		{ "SIZE", SMTP_PARAM_SIZE },
		{ "SIZE=1x", SMTP_PARAM_SIZE },
		{ "SIZE=18446744073709551616", SMTP_PARAM_SIZE },
		{ "BODY", SMTP_PARAM_BODY },
		{ "BODY=8BIT", SMTP_PARAM_BODY },
		{ "SMTPUTF8=yes", SMTP_PARAM_HAS_VALUE },
		{ "REQUIRETLS=yes", SMTP_PARAM_HAS_VALUE },
		{ "RET", SMTP_PARAM_RET },
		{ "RET=ALL", SMTP_PARAM_RET },
		{ "ENVID", SMTP_PARAM_ENVID },
		{ "ENVID=" HUNDRED "a", SMTP_PARAM_ENVID },
		{ "ENVID=a+2", SMTP_PARAM_ENVID },
		{ "ENVID=a+2b", SMTP_PARAM_ENVID },
		{ "ENVID=a+0D+0Ab", SMTP_PARAM_ENVID },
		{ "ENVID=+00", SMTP_PARAM_ENVID },
		{ "ENVID=+C3+A4", SMTP_PARAM_ENVID },
		{ "ENVID=\xc3\xa4", SMTP_PARAM_ENVID },
		{ "AUTH", SMTP_PARAM_AUTH },
		{ "AUTH=a+3", SMTP_PARAM_AUTH },
		{ "AUTH=<a+40b>", SMTP_PARAM_AUTH },
		{ "AUTH=a+0Ab", SMTP_PARAM_AUTH },
	};
	struct smtp_mail_params r;
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		assert_int_equal(mail(rows[i].params, &r), rows[i].fault);
}

static void
test_notify(void **state)
{
	static const struct {
		const char *params;
		unsigned notify;
		const char *text;
	} good[] = {
		{ "NOTIFY=NEVER", DSN_NEVER, "NEVER" },
		{ "notify=success", DSN_SUCCESS, "SUCCESS" },
		{ "NOTIFY=DELAY,FAILURE", DSN_DELAY | DSN_FAILURE,
		    "FAILURE,DELAY" },
		{ "NOTIFY=SUCCESS,FAILURE,DELAY",
		    DSN_SUCCESS | DSN_FAILURE | DSN_DELAY,
		    "SUCCESS,FAILURE,DELAY" },
		{ "NOTIFY=FAILURE,FAILURE", DSN_FAILURE, "FAILURE" },
	};
	static const char *const bad[] = { "NOTIFY", "NOTIFY=,",
		"NOTIFY=SUCCESS,", "NOTIFY=,SUCCESS", "NOTIFY=NEVER,SUCCESS",
		"NOTIFY=FAILURE,NEVER", "NOTIFY=ALWAYS",
		"NOTIFY=SUCCESS;FAILURE" };
	struct smtp_rcpt_params r;
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(good) / sizeof(good[0]); i++) {
		assert_int_equal(
		    rcpt(good[i].params, false, &r), SMTP_PARAM_GOOD);
		assert_int_equal(r.uses, EHLO_DSN);
		assert_int_equal(r.notify, good[i].notify);
		assert_string_equal(smtp_notify_text(r.notify), good[i].text);
	}
	for (i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		assert_int_equal(rcpt(bad[i], false, &r), SMTP_PARAM_NOTIFY);
	assert_int_equal(rcpt("SIZE=1", false, &r), SMTP_PARAM_UNKNOWN);
	assert_int_equal(rcpt("", false, &r), SMTP_PARAM_GOOD);
	assert_int_equal(r.uses, 0);
}

static void
test_orcpt(void **state)
{
	static const struct {
		const char *sent, *again;
	} good[] = {
		{ "rfc822;b@example.org", NULL },
		{ "RFC822;b+2Bc@example.org", NULL },
		/* What needs no code loses it. */
		{ "rfc822;+62@example.org", "rfc822;b@example.org" },
		{ "rfc822;a+20b", NULL },
		{ "x-y1;+3D;", NULL },
		{ "utf-8;b\\x{20AC}@example.org", NULL },
		{ "utf-8;+2Bb\\x{10FFFF}", NULL },
		{ "UTF-8;plain", NULL },
	};
	static const char *const bad[] = { "rfc822", "rfc822;", ";b",
		"rfc822;+", "rfc822;+4", "rfc822;+4g", "rfc822;b+0A",
		"rfc822;+80", "rf_c822;b", "rfc822;\xc3\xa4", "utf-8;",
		"utf-8;\\x", "utf-8;\\x{}", "utf-8;\\x{1}", "utf-8;\\x{20ac}",
		"utf-8;\\x{20AC", "utf-8;\\x{1234567}", "utf-8;a\\b",
		"utf-8;\xc3\xa4", "utf-8;+2",
		"a12345678901234567890123456789012;b" };
	struct smtp_rcpt_params r;
	char line[3000], out[SMTP_ORCPT_LINE], want[SMTP_ORCPT_LINE];
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(good) / sizeof(good[0]); i++) {
		snprintf(line, sizeof(line), "ORCPT=%s", good[i].sent);
		assert_int_equal(rcpt(line, false, &r), SMTP_PARAM_GOOD);
		snprintf(want, sizeof(want), " ORCPT=%s",
		    good[i].again != NULL ? good[i].again : good[i].sent);
		assert_int_equal(
		    smtp_write_orcpt(r.orcpt_type, r.orcpt, out, sizeof(out)),
		    strlen(want));
		assert_string_equal(out, want);
	}
	for (i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		snprintf(line, sizeof(line), "ORCPT=%s", bad[i]);
		assert_int_equal(rcpt(line, false, &r), SMTP_PARAM_ORCPT);
	}
	/* In a transaction with SMTPUTF8 an address may stand as it is. */
	assert_int_equal(
	    rcpt("ORCPT=utf-8;\xc3\xa4@b", true, &r), SMTP_PARAM_GOOD);
	assert_string_equal(r.orcpt, "\xc3\xa4@b");
	assert_int_equal(
	    rcpt("ORCPT=rfc822;\xc3\xa4@b", true, &r), SMTP_PARAM_ORCPT);
}

static void
test_long_orcpt(void **state)
{
	struct smtp_rcpt_params r;
	char line[600], out[SMTP_ORCPT_LINE];

	(void)state;
	snprintf(
	    line, sizeof(line), "ORCPT=rfc822;%0*d", SMTP_ORCPT_MAX - 7, 0);
	assert_int_equal(rcpt(line, false, &r), SMTP_PARAM_GOOD);
	assert_int_equal(
	    smtp_write_orcpt(r.orcpt_type, r.orcpt, out, sizeof(out)),
	    7 + SMTP_ORCPT_MAX);
	assert_int_equal(smtp_write_orcpt(r.orcpt_type, r.orcpt, out, 20), 0);
	assert_int_equal(smtp_write_orcpt("", "", out, sizeof(out)), 0);
	snprintf(
	    line, sizeof(line), "ORCPT=rfc822;%0*d", SMTP_ORCPT_MAX - 6, 0);
	assert_int_equal(rcpt(line, false, &r), SMTP_PARAM_ORCPT);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_mail),
		cmocka_unit_test(test_bad_mail),
		cmocka_unit_test(test_notify),
		cmocka_unit_test(test_orcpt),
		cmocka_unit_test(test_long_orcpt),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
