/*
 * What rspamd says: good answers, wrong types, garbage.
 */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "../../filters/rspamd_answer.h"

static struct rspamd_answer a;

static const char *
parse(const char *text)
{
	rspamd_answer_free(&a);
	return rspamd_answer_parse(&a, text, strlen(text));
}

static int
release(void **state)
{
	(void)state;
	rspamd_answer_free(&a);
	return 0;
}

static void
test_actions(void **state)
{
	(void)state;
	assert_null(parse("{\"action\":\"soft reject\",\"score\":-1.5}"));
	assert_int_equal(a.action, RSPAMD_SOFT_REJECT);
	assert_true(a.score < -1.4 && a.score > -1.6);
	assert_null(parse("{\"action\":\"invented\",\"score\":1}"));
	assert_int_equal(a.action, RSPAMD_OTHER);
	assert_string_equal(a.action_name, "invented");
	assert_null(parse("{\"action\":\"reject\",\"score\":1,"
			  "\"milter\":{\"reject\":\"quarantine\"}}"));
	assert_int_equal(a.action, RSPAMD_QUARANTINE);
	assert_string_equal(a.action_name, "reject");
	assert_null(parse("{\"action\":\"reject\",\"score\":1,"
			  "\"milter\":{\"reject\":\"discard\"}}"));
	assert_int_equal(a.action, RSPAMD_DISCARD);
}

/* "reject" in the milter part is for what is rejected; "no_action" is for
 * every action. */
static void
test_instead(void **state)
{
	static const char *const others[] = { "no action", "add header",
		"soft reject" };
	char text[200];
	size_t i;

	(void)state;
	for (i = 0; i < 3; i++) {
		snprintf(text, sizeof(text),
		    "{\"action\":\"%s\",\"score\":1,\"milter\":"
		    "{\"reject\":\"%s\"}}",
		    others[i], i == 1 ? "quarantine" : "discard");
		assert_null(parse(text));
		assert_true(a.action != RSPAMD_DISCARD &&
		    a.action != RSPAMD_QUARANTINE);
	}
	assert_null(
	    parse("{\"action\":\"reject\",\"score\":30,\"milter\":{"
		  "\"no_action\":true,\"reject\":\"discard\","
		  "\"add_headers\":{\"A\":{\"value\":\"a\",\"index\":1}}}}"));
	assert_int_equal(a.action, RSPAMD_NO_ACTION);
	assert_string_equal(a.action_name, "reject");
	assert_int_equal(a.count, 1);
	assert_int_equal(a.edits[0].number, 1);
}

static void
test_no_verdict(void **state)
{
	static const char *const bad[] = { "", "pong", "[]", "{", "{}",
		"{\"action\":\"reject\"}", "{\"score\":1}",
		"{\"action\":1,\"score\":1}",
		"{\"action\":\"reject\",\"score\":\"1\"}",
		"{\"action\":\"reject\",\"score\":1} x" };
	char deep[3000];
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		assert_non_null(parse(bad[i]));
	memset(deep, '[', sizeof(deep) - 1);
	deep[sizeof(deep) - 1] = '\0';
	assert_string_equal(parse(deep), "the answer is nested too deeply");
}

/* Brackets in texts are no depth; octets that are no UTF-8 are not the end. */
static void
test_texts(void **state)
{
	(void)state;
	assert_null(parse("{\"action\":\"reject\",\"score\":1,\"messages\":"
			  "{\"smtp_message\":\"\\\"[[[[[[[[[[[[[[[[[[[[[[[[[[[["
			  "[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[\"}}"));
	assert_int_equal(strlen(a.text), 61);
	assert_null(parse("{\"action\":\"rewrite subject\",\"score\":1,"
			  "\"subject\":\"a\xff\xc3\xa9\xed\xa0\x80z\"}"));
	assert_string_equal(a.subject, "a?\xc3\xa9???z");
}

static void
test_edits(void **state)
{
	char text[8000], *p = text;
	int i;

	(void)state;
	assert_null(parse("{\"action\":\"no action\",\"score\":1,\"milter\":{"
			  "\"remove_headers\":{\"A\":[1,\"x\",-1],\"B\":0},"
			  "\"add_headers\":{\"C\":[\"c\",{\"order\":2,"
			  "\"value\":\"d\"},{\"order\":1},7]},"
			  "\"spam_header\":\"very\",\"add_rcpt\":[\"x@y\",3]},"
			  "\"dkim-signature\":[\"s\",\"t\"]}"));
	assert_int_equal(a.count, 9);
	assert_int_equal(a.edits[1].number, -1);
	assert_int_equal(a.edits[3].kind, RSPAMD_INSERT_HEADER);
	assert_int_equal(a.edits[3].number, -1);
	assert_int_equal(a.edits[4].number, 2);
	assert_null(a.edits[5].name);
	assert_string_equal(a.edits[5].value, "very");
	assert_int_equal(a.edits[8].kind, RSPAMD_SIGNATURE);
	p += snprintf(
	    p, 100, "{\"action\":\"reject\",\"score\":1,\"dkim-signature\":[");
	for (i = 0; i < 1000; i++)
		p += snprintf(p, 100, "\"s\",");
	snprintf(p, 100, "\"s\"]}");
	assert_null(parse(text));
	assert_int_equal(a.count, RSPAMD_EDITS_MAX);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_teardown(test_actions, release),
		cmocka_unit_test_teardown(test_instead, release),
		cmocka_unit_test_teardown(test_no_verdict, release),
		cmocka_unit_test_teardown(test_texts, release),
		cmocka_unit_test_teardown(test_edits, release),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
