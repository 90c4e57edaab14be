/*
 * XCLIENT's and XFORWARD's attributes, and xtext.
 */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <cmocka.h>

#include "compat.h"
#include "xclient.h"

static struct slice
slice(const char *text)
{
	return (struct slice){ text, strlen(text) };
}

/* Takes one attribute, which has to be this. */
static void
expect(struct slice *rest, enum xclient_name name, const char *value)
{
	struct xclient_attr a;

	assert_int_equal(xclient_next(rest, &a), 1);
	assert_int_equal(a.name, name);
	assert_int_equal(a.state, XCLIENT_VALUE);
	assert_string_equal(a.value, value);
	assert_int_equal(a.len, strlen(value));
}

static void
expect_end(struct slice *rest)
{
	struct xclient_attr a;

	assert_int_equal(xclient_next(rest, &a), 0);
	assert_int_equal(xclient_next(rest, &a), 0);
}

static void
expect_bad(const char *text)
{
	struct slice rest = slice(text);
	struct xclient_attr a;

	if (xclient_next(&rest, &a) != -1)
		fail_msg("%s", text);
}

static void
test_names(void **state)
{
	static const struct {
		const char *text;
		enum xclient_name name;
	} rows[] = {
		{ "NAME=v", XCLIENT_NAME },
		{ "ADDR=v", XCLIENT_ADDR },
		{ "PORT=v", XCLIENT_PORT },
		{ "PROTO=v", XCLIENT_PROTO },
		{ "HELO=v", XCLIENT_HELO },
		{ "LOGIN=v", XCLIENT_LOGIN },
		{ "DESTADDR=v", XCLIENT_DESTADDR },
		{ "DESTPORT=v", XCLIENT_DESTPORT },
		{ "REVERSE_NAME=v", XCLIENT_REVERSE_NAME },
		{ "IDENT=v", XCLIENT_IDENT },
		{ "SOURCE=v", XCLIENT_SOURCE },
		{ "reverse_name=v", XCLIENT_REVERSE_NAME },
		{ "dEsTaDdR=v", XCLIENT_DESTADDR },
	};
	struct slice rest;
	size_t i;

	(void)state;
	for (i = 0; i < nitems(rows); i++) {
		rest = slice(rows[i].text);
		expect(&rest, rows[i].name, "v");
		expect_end(&rest);
	}
}

static void
test_several(void **state)
{
	struct slice rest = slice(
	    " NAME=spike.porcupine.org\t ADDR=IPV6:2001:db8::1 NAME=a=b  ");

	(void)state;
	expect(&rest, XCLIENT_NAME, "spike.porcupine.org");
	expect(&rest, XCLIENT_ADDR, "IPV6:2001:db8::1");
	expect(&rest, XCLIENT_NAME, "a=b"); /* not encoded, as old ones are */
	expect_end(&rest);
	rest = slice("");
	expect_end(&rest);
	rest = slice(" \t ");
	expect_end(&rest);
}

static void
test_brackets(void **state)
{
	static const struct {
		const char *text;
		enum xclient_state state;
	} rows[] = {
		{ "NAME=[UNAVAILABLE]", XCLIENT_UNAVAILABLE },
		{ "NAME=[unavailable]", XCLIENT_UNAVAILABLE },
		{ "ADDR=[TEMPUNAVAIL]", XCLIENT_TEMPUNAVAIL },
		{ "ADDR=[TempUnavail]", XCLIENT_TEMPUNAVAIL },
		{ "ADDR=[TEMPUNAVAILABLE]", XCLIENT_VALUE },
		{ "ADDR=[UNAVAILABLE", XCLIENT_VALUE },
		/* Encoded it is a value like every other. */
		{ "NAME=+5BUNAVAILABLE]", XCLIENT_VALUE },
	};
	struct xclient_attr a;
	struct slice rest;
	size_t i;

	(void)state;
	for (i = 0; i < nitems(rows); i++) {
		rest = slice(rows[i].text);
		assert_int_equal(xclient_next(&rest, &a), 1);
		assert_int_equal(a.state, rows[i].state);
		assert_int_equal(a.len > 0, a.state == XCLIENT_VALUE);
		assert_int_equal(a.value[0] != '\0', a.state == XCLIENT_VALUE);
	}
}

static void
test_xtext_values(void **state)
{
	struct slice rest = slice("HELO=a+2Bb+3Dc LOGIN=+75ser+40x NAME=+2B");

	(void)state;
	expect(&rest, XCLIENT_HELO, "a+b=c");
	expect(&rest, XCLIENT_LOGIN, "user@x");
	expect(&rest, XCLIENT_NAME, "+");
	expect_end(&rest);
	/* Only who has logged in may have other letters in his name. */
	rest = slice("LOGIN=j+C3+BCrg");
	expect(&rest, XCLIENT_LOGIN, "j\xc3\xbcrg");
	expect_bad("LOGIN=j+C3rg");
	expect_bad("LOGIN=j+7Frg");
	expect_bad("HELO=j+C3+BCrg");
	expect_bad("HELO=a+0Ab");
	expect_bad("HELO=a+0Db");
	expect_bad("HELO=a+00");
	expect_bad("HELO=a+20b");
	expect_bad("HELO=+09");
	expect_bad("HELO=+7F");
	expect_bad("HELO=+80");
	expect_bad("HELO=+FF");
	expect_bad("HELO=a\x7f");
	expect_bad("HELO=a\xc3\xa4");
	expect_bad("HELO=a+");
	expect_bad("HELO=a+4");
	expect_bad("HELO=a+4 1");
	expect_bad("HELO=a+4g");
	expect_bad("HELO=a+4a"); /* capitals, says the RFC */
	expect_bad("HELO=a++2B");
}

static void
test_garbage(void **state)
{
	struct slice rest = slice("NAME=a COLOUR=red ADDR=b");
	struct xclient_attr a;

	(void)state;
	expect_bad("NAME");
	expect_bad("NAME ADDR=b");
	expect_bad("NAME=");
	expect_bad("NAME= b");
	expect_bad("=");
	expect_bad("=b");
	expect_bad("NAM=b");
	expect_bad("NAMES=b");
	expect_bad("NAME =b");
	expect_bad("\"NAME=b\"");
	expect(&rest, XCLIENT_NAME, "a");
	assert_int_equal(xclient_next(&rest, &a), -1);
}

static void
test_lengths(void **state)
{
	char text[1000], value[XCLIENT_VALUE_MAX + 2];
	struct slice rest;
	size_t i, len = 5;

	(void)state;
	memset(value, 'a', sizeof(value));
	value[XCLIENT_VALUE_MAX] = '\0';
	snprintf(text, sizeof(text), "NAME=%s", value);
	rest = slice(text);
	expect(&rest, XCLIENT_NAME, value);
	snprintf(text, sizeof(text), "NAME=%sa", value);
	expect_bad(text);
	/* The limit is one of the decoded value. */
	memcpy(text, "NAME=", len);
	for (i = 0; i <= XCLIENT_VALUE_MAX; i++, len += 3)
		memcpy(text + len, "+61", 4);
	expect_bad(text);
	text[len - 3] = '\0';
	rest = slice(text);
	expect(&rest, XCLIENT_NAME, value);
}

static void
test_xtext(void **state)
{
	char all[256], coded[1024], back[256];
	struct slice in;
	size_t i, len;

	(void)state;
	for (i = 1; i < 256; i++)
		all[i - 1] = (char)i;
	all[255] = '\0';
	in.len = xtext_encode(all, coded, sizeof(coded));
	in.ptr = coded;
	assert_int_equal(in.len, strlen(coded));
	/* RFC 3461: "!" to "~" but "+" and "=" stand for themselves. */
	assert_int_equal(in.len, 92 + (255 - 92) * 3);
	for (i = 0; i < in.len; i++)
		assert_true(
		    coded[i] > ' ' && coded[i] < 127 && coded[i] != '=');
	assert_true(xtext_decode(in, back, sizeof(back), &len));
	assert_int_equal(len, 255);
	assert_memory_equal(back, all, 256);
	assert_false(xtext_decode(in, back, sizeof(back) - 1, &len));
	for (i = 0; i <= in.len; i++)
		assert_int_equal(xtext_encode(all, coded, i), 0);
	assert_int_equal(xtext_encode("", coded, 1), 0);
	assert_int_equal(xtext_encode("+", coded, 4), 3);
	assert_string_equal(coded, "+2B");
	/* An encoded NUL is an octet like every other; who asks decides. */
	assert_true(xtext_decode(slice("a+00b"), back, sizeof(back), &len));
	assert_int_equal(len, 3);
	assert_memory_equal(back, "a\0b", 4);
	assert_true(xtext_decode(slice(""), back, 1, &len));
	assert_int_equal(len, 0);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_names),
		cmocka_unit_test(test_several),
		cmocka_unit_test(test_brackets),
		cmocka_unit_test(test_xtext_values),
		cmocka_unit_test(test_garbage),
		cmocka_unit_test(test_lengths),
		cmocka_unit_test(test_xtext),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
