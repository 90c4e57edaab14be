/*
 * The head of a request to the agent.
 */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <cmocka.h>

#include "gateway/agent_request.h"

static struct agent_request rq;
static const char *why;

/* Feeds lines, each ended by LF; returns the status of the last one. */
static enum agent_request_status
feed(const char *lines)
{
	enum agent_request_status status = AGENT_REQUEST_MORE;
	size_t len;

	why = NULL;
	agent_request_init(&rq);
	while (*lines != '\0') {
		assert_int_equal(status, AGENT_REQUEST_MORE);
		len = strcspn(lines, "\n");
		status = agent_request_feed(&rq, lines, len, &why);
		lines += len + 1;
	}
	assert_int_equal(status == AGENT_REQUEST_BAD, why != NULL);
	return status;
}

static void
good(void **state)
{
	(void)state;
	assert_int_equal(
	    feed("maildir /a%20b/%25%0a..c\nfrom \nto x@y\nsize 0\n\n"),
	    AGENT_REQUEST_DONE);
	assert_string_equal(rq.where, "/a b/%\n..c");
	assert_string_equal(rq.from, "");
	assert_string_equal(rq.to, "x@y");
	assert_true(rq.size == 0);

	assert_int_equal(feed("sendmail a%2F..\nfrom a\nto x@y\nsize 1\n\n"),
	    AGENT_REQUEST_DONE);
	assert_int_equal(rq.kind, AGENT_PROGRAM);
	assert_string_equal(rq.where, "a/..");
	assert_int_equal(feed("sendmail a\nfrom -x\n"), AGENT_REQUEST_BAD);
	assert_int_equal(
	    feed("sendmail a\nfrom x\nto -x\n"), AGENT_REQUEST_BAD);
	assert_int_equal(feed("sendfile a\n"), AGENT_REQUEST_BAD);

	assert_int_equal(feed("quarantine held%20back\nid a4-0v.1\nsize 7\n\n"),
	    AGENT_REQUEST_DONE);
	assert_int_equal(rq.kind, AGENT_QUARANTINE);
	assert_string_equal(rq.where, "held back");
	assert_string_equal(rq.id, "a4-0v.1");

	assert_int_equal(feed("maildir ./...\nfrom a%0D%0ab\nto \xc3\xa4\n"
			      "size 18446744073709551605\n\n"),
	    AGENT_REQUEST_DONE);
	assert_string_equal(rq.where, "./...");
	assert_string_equal(rq.from, "a\r\nb");
	assert_string_equal(rq.to, "\xc3\xa4");
	assert_true(rq.size == UINT64_C(18446744073709551605));
}

static void
bad(void **state)
{
	static const char *const heads[] = { "HELO x\n", "\n", "maildir\n",
		"maildir \n", "Maildir a\n", "maildir a b\n", "maildir a\x7f\n",
		"maildir a%\n", "maildir a%0\n", "maildir %00\n",
		"maildir %zz\n", "maildir %4z\n", "maildir ..\n",
		"maildir ../x\n", "maildir /a/%2e%2e/x\n", "maildir x/..\n",
		"from a\n", "maildir a\nto b\n", "maildir a\nfrom\n",
		"maildir a\nfrom b\tc\n", "maildir a\nfrom b%\n",
		"maildir a\nfrom b\nto \n", "maildir a\nfrom b\nto c\nto d\n",
		"maildir a\nfrom b\nto c\nsize \n",
		"maildir a\nfrom b\nto c\nsize -1\n",
		"maildir a\nfrom b\nto c\nsize 1 \n",
		"maildir a\nfrom b\nto c\nsize 99999999999999999999\n",
		"maildir a\nfrom b\nto c\nsize 1\nmore\n", "quarantine\n",
		"quarantine \n", "quarantine a\nfrom b\n",
		"quarantine a\nid \n", "quarantine a\nid ..\n",
		"quarantine a\nid a..b\n", "quarantine a\nid .a\n",
		"quarantine a\nid a.\n", "quarantine a\nid a/b\n",
		"quarantine a\nid %2e%2e%2fa\n", "quarantine a\nid a%0a\n",
		"quarantine a\nid a\nfrom b\n", "maildir a\nid b\n",
		"quarantine a\nid "
		"aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
		"aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa\n" };
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(heads) / sizeof(heads[0]); i++)
		if (feed(heads[i]) != AGENT_REQUEST_BAD)
			fail_msg("accepted: %s", heads[i]);
	agent_request_init(&rq);
	assert_int_equal(agent_request_feed(&rq, "maildir a\0b", 11, &why),
	    AGENT_REQUEST_BAD);
}

/* A value of so many octets, behind the word. */
static enum agent_request_status
long_value(const char *before, const char *word, size_t len)
{
	char line[AGENT_LINE_MAX];

	assert_int_equal(feed(before), AGENT_REQUEST_MORE);
	snprintf(line, sizeof(line), "%s", word);
	memset(line + strlen(word), 'a', len);
	return agent_request_feed(&rq, line, strlen(word) + len, &why);
}

static void
limits(void **state)
{
	(void)state;
	assert_int_equal(
	    long_value("", "maildir ", AGENT_PATH_MAX - 1), AGENT_REQUEST_MORE);
	assert_int_equal(
	    long_value("", "maildir ", AGENT_PATH_MAX), AGENT_REQUEST_BAD);
	assert_int_equal(
	    long_value("maildir a\n", "from ", AGENT_ADDRESS_MAX - 1),
	    AGENT_REQUEST_MORE);
	assert_int_equal(long_value("maildir a\n", "from ", AGENT_ADDRESS_MAX),
	    AGENT_REQUEST_BAD);
	assert_int_equal(
	    long_value("maildir a\nfrom \n", "to ", AGENT_ADDRESS_MAX - 1),
	    AGENT_REQUEST_MORE);
	assert_int_equal(
	    long_value("maildir a\nfrom \n", "to ", AGENT_ADDRESS_MAX),
	    AGENT_REQUEST_BAD);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(good),
		cmocka_unit_test(bad),
		cmocka_unit_test(limits),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
