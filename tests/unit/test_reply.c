/*
 * Replies of servers.
 */

#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "reply.h"

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

static enum reply_status
feed(struct reply *r, const char *line, size_t len)
{
	char *copy = malloc(len > 0 ? len : 1);
	enum reply_status status;

	assert_non_null(copy);
	memcpy(copy, line, len);
	status = reply_feed(r, copy, len);
	free(copy);
	return status;
}

static enum reply_status
feed_text(struct reply *r, const char *line)
{
	return feed(r, line, strlen(line));
}

static void
test_one_line(void **state)
{
	static const struct {
		const char *line, *enhanced, *text;
		int code;
	} rows[] = {
		{ "250 OK", "", "OK", 250 },
		{ "250", "", "", 250 },
		{ "250 ", "", "", 250 },
		{ "220 mx.example.org ESMTP", "", "mx.example.org ESMTP", 220 },
		{ "250 2.1.5 Ok", "2.1.5", "Ok", 250 },
		{ "250 2.1.5", "2.1.5", "", 250 },
		{ "250 2.1.5 ", "2.1.5", "", 250 },
		{ "250   2.1.5 Ok", "", "2.1.5 Ok", 250 },
		{ "550 5.7.1 <a@b>: no", "5.7.1", "<a@b>: no", 550 },
		{ "452 4.123.999 x", "4.123.999", "x", 452 },
		{ "250 2.0.0\tOk", "2.0.0", "Ok", 250 },
		{ "354 go ahead", "", "go ahead", 354 },
		{ "354 2.0.0 go ahead", "", "go ahead", 354 },
		{ "550 4.7.1 of another class", "", "of another class", 550 },
		{ "450 5.7.1 of another class", "", "of another class", 450 },
		{ "250 2.1 x", "", "2.1 x", 250 },
		{ "250 2.1.5x", "", "2.1.5x", 250 },
		{ "250 2.1.5.6 x", "", "2.1.5.6 x", 250 },
		{ "250 2.1234.5 x", "", "2.1234.5 x", 250 },
		{ "250 2.1.1234 x", "", "2.1.1234 x", 250 },
		{ "250 2.01.5 x", "", "2.01.5 x", 250 },
		{ "250 2.1.05 x", "", "2.1.05 x", 250 },
		{ "250 2.0.0 x", "2.0.0", "x", 250 },
		{ "250 2..5 x", "", "2..5 x", 250 },
		{ "250 2.1.", "", "2.1.", 250 },
		{ "250 3.1.5 x", "", "3.1.5 x", 250 },
		{ "250 2.1.5-x", "", "2.1.5-x", 250 },
		{ "250  a\tb  c ", "", "a b  c", 250 },
		{ "250 caf\xc3\xa9 \x1b[1m\x7f", "", "caf?? ?[1m?", 250 },
		{ "599 x", "", "x", 599 },
		{ "200 x", "", "x", 200 },
		{ "250  ", "", "", 250 },
		{ "250 ~", "", "~", 250 },
		{ "250 2.x.5 y", "", "2.x.5 y", 250 },
		{ "250 2.1.x y", "", "2.1.x y", 250 },
		{ "250 2.123", "", "2.123", 250 },
		{ "250 2.12.", "", "2.12.", 250 },
		{ "299 x", "", "x", 299 },
	};
	struct reply r;
	size_t i;

	(void)state;
	for (i = 0; i < COUNT(rows); i++) {
		reply_init(&r);
		assert_int_equal(feed_text(&r, rows[i].line), REPLY_DONE);
		assert_int_equal(r.code, rows[i].code);
		assert_string_equal(r.enhanced, rows[i].enhanced);
		assert_string_equal(r.text, rows[i].text);
		assert_int_equal(r.lines, 1);
	}
}

static void
test_bad_line(void **state)
{
	static const char *const rows[] = { "", "2", "25", " 250 x", "250x",
		"250_x", "250\tx", "2500", "150 x", "100-x", "600 x", "999",
		"050 x", "2a0 x", "25a x", "+50 x", "-50", "2.1.5 x",
		"HTTP/1.1 200 OK", "* OK IMAP", "+OK POP3", "250 a\rb",
		"250 a\r", "250 a\nb", "\r", "\xb2\xb5\xb0 x" };
	struct reply r;
	size_t i;

	(void)state;
	for (i = 0; i < COUNT(rows); i++) {
		reply_init(&r);
		if (feed_text(&r, rows[i]) != REPLY_BAD)
			fail_msg("%s", rows[i]);
		/* and as a later line */
		reply_init(&r);
		assert_int_equal(feed_text(&r, "250-a"), REPLY_MORE);
		if (feed_text(&r, rows[i]) != REPLY_BAD)
			fail_msg("second line: %s", rows[i]);
	}
	reply_init(&r);
	assert_int_equal(feed(&r, "250 a\0b", 7), REPLY_BAD);
	reply_init(&r);
	assert_int_equal(feed(&r, "250\0", 4), REPLY_BAD);
}

static void
test_lines(void **state)
{
	struct reply r;

	(void)state;
	reply_init(&r);
	assert_int_equal(feed_text(&r, "250-mx greets you"), REPLY_MORE);
	assert_int_equal(feed_text(&r, "250-PIPELINING"), REPLY_MORE);
	assert_int_equal(feed_text(&r, "250-"), REPLY_MORE);
	assert_int_equal(feed_text(&r, "250 SIZE 1000"), REPLY_DONE);
	assert_int_equal(r.code, 250);
	assert_int_equal(r.lines, 4);
	assert_string_equal(r.text, "mx greets you PIPELINING SIZE 1000");
	assert_string_equal(r.enhanced, "");

	reply_init(&r);
	assert_int_equal(feed_text(&r, "550-5.1.1 no such"), REPLY_MORE);
	assert_int_equal(feed_text(&r, "550-5.1.1"), REPLY_MORE);
	assert_int_equal(feed_text(&r, "550-4.4.4 wrong"), REPLY_MORE);
	assert_int_equal(feed_text(&r, "550-5.9.9 other"), REPLY_MORE);
	assert_int_equal(feed_text(&r, "550"), REPLY_DONE);
	assert_string_equal(r.text, "no such wrong other");
	assert_string_equal(r.enhanced, "5.1.1");

	reply_init(&r);
	feed_text(&r, "250-a");
	assert_int_equal(feed_text(&r, "250 b"), REPLY_DONE);
	assert_string_equal(r.text, "a b");

	reply_init(&r);
	feed_text(&r, "250-first");
	assert_int_equal(feed_text(&r, "250 2.0.0 second"), REPLY_DONE);
	assert_string_equal(r.enhanced, "2.0.0");
}

static void
test_code_changes(void **state)
{
	struct reply r;

	(void)state;
	reply_init(&r);
	assert_int_equal(feed_text(&r, "250-a"), REPLY_MORE);
	assert_int_equal(feed_text(&r, "251 b"), REPLY_BAD);
	reply_init(&r);
	assert_int_equal(feed_text(&r, "250-a"), REPLY_MORE);
	assert_int_equal(feed_text(&r, "550-b"), REPLY_BAD);
	assert_int_equal(r.code, 250);
}

static void
test_limits(void **state)
{
	char line[REPLY_LINE_MAX + 2];
	struct reply r;
	int i;

	(void)state;
	memset(line, 'x', sizeof(line));
	memcpy(line, "250 ", 4);
	reply_init(&r);
	assert_int_equal(feed(&r, line, REPLY_LINE_MAX), REPLY_DONE);
	assert_int_equal(strlen(r.text), REPLY_TEXT_MAX);
	reply_init(&r);
	assert_int_equal(feed(&r, line, REPLY_LINE_MAX + 1), REPLY_BAD);

	reply_init(&r);
	for (i = 1; i < REPLY_LINES_MAX; i++)
		assert_int_equal(feed_text(&r, "250-x"), REPLY_MORE);
	assert_int_equal(feed_text(&r, "250 x"), REPLY_DONE);
	assert_int_equal(r.lines, REPLY_LINES_MAX);

	reply_init(&r);
	for (i = 1; i <= REPLY_LINES_MAX; i++)
		assert_int_equal(feed_text(&r, "250-x"), REPLY_MORE);
	assert_int_equal(feed_text(&r, "250 x"), REPLY_BAD);
}

/* Text is cut, never written beyond its end, wherever a line border falls. */
static void
test_text_is_cut(void **state)
{
	char line[REPLY_TEXT_MAX + 16];
	struct reply r;
	size_t n, len;

	(void)state;
	for (n = REPLY_TEXT_MAX - 5; n <= REPLY_TEXT_MAX + 5; n++) {
		memset(line, 'x', sizeof(line));
		memcpy(line, "250-", 4);
		reply_init(&r);
		assert_int_equal(feed(&r, line, 4 + n), REPLY_MORE);
		assert_int_equal(feed_text(&r, "250-y"), REPLY_MORE);
		assert_int_equal(feed_text(&r, "250 z"), REPLY_DONE);
		len = strlen(r.text);
		assert_true(len <= REPLY_TEXT_MAX);
		assert_int_equal(
		    strchr(r.text, 'y') != NULL, n < REPLY_TEXT_MAX - 1);
		assert_int_equal(r.text[len - 1] == ' ', 0);
	}
}

static void
test_line_ends(void **state)
{
	static const struct {
		const char *in;
		size_t len;
		bool found;
		size_t line_len, used;
	} rows[] = {
		{ "250 a\r\n250 b\r\n", 14, true, 5, 7 },
		{ "250 a\n250 b\r\n", 13, true, 6, 6 },
		{ "250 a\r", 6, false, 0, 0 },
		{ "250 a", 5, false, 0, 0 },
		{ "", 0, false, 0, 0 },
		{ "\r\n", 2, true, 0, 2 },
		{ "\n", 1, true, 1, 1 },
		{ "\r\r\n", 3, true, 1, 3 },
		{ "a\rb\n", 4, true, 4, 4 },
		{ "\0\r\n", 3, true, 1, 3 },
		{ "abc\r\n", 4, false, 0, 0 },
	};
	size_t i, line_len, used;

	(void)state;
	for (i = 0; i < COUNT(rows); i++) {
		line_len = used = 0;
		assert_int_equal(
		    reply_line(rows[i].in, rows[i].len, &line_len, &used),
		    rows[i].found);
		assert_int_equal(line_len, rows[i].line_len);
		assert_int_equal(used, rows[i].used);
	}
	assert_false(reply_line(NULL, 0, &line_len, &used));
}

static void
test_class(void **state)
{
	(void)state;
	assert_int_equal(reply_class(200), 2);
	assert_int_equal(reply_class(354), 3);
	assert_int_equal(reply_class(421), 4);
	assert_int_equal(reply_class(599), 5);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_one_line),
		cmocka_unit_test(test_bad_line),
		cmocka_unit_test(test_lines),
		cmocka_unit_test(test_code_changes),
		cmocka_unit_test(test_limits),
		cmocka_unit_test(test_text_is_cut),
		cmocka_unit_test(test_line_ends),
		cmocka_unit_test(test_class),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
