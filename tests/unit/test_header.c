/*
 * The header section: its fields, however it is split.
 */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "compat.h"
#include "header.h"

/* Everything that is found, as text: "[name|value]" each, then "@end", and
 * "!malformed".  Each piece is a copy of its own, so that a sanitizer sees a
 * read beyond it. */
static void
parse(const char *in, size_t len, size_t first, size_t step, char *out,
    size_t size)
{
	struct header h;
	enum header_found found = HEADER_MORE;
	size_t at = 0, n = first < len ? first : len, used, have = 0;
	char *piece;

	header_init(&h);
	out[0] = '\0';
	do {
		piece = malloc(n > 0 ? n : 1);
		assert_non_null(piece);
		memcpy(piece, in + at, n);
		used = 0;
		do {
			found = at < len ? header_next(&h, piece, n, &used)
					 : header_finish(&h);
			if (found != HEADER_FIELD)
				continue;
			assert_true(h.field.offset + h.field.len <= len);
			assert_true(h.field.value <= h.field.len);
			have += (size_t)snprintf(out + have, size - have,
			    "[%s|%.*s]", h.field.name,
			    (int)(h.field.len - h.field.value),
			    in + h.field.offset + h.field.value);
		} while (found == HEADER_FIELD);
		free(piece);
		at += used;
		n = len - at < step ? len - at : step;
	} while (found != HEADER_END);
	snprintf(out + have, size - have, "@%ju!%ju", (uintmax_t)h.pos,
	    (uintmax_t)h.malformed);
}

static const struct {
	const char *in;
	const char *out;
} sections[] = {
	{ "", "@0!0" },
	{ "\r\n", "@2!0" },
	{ "\r\nA: 1\r\n", "@2!0" },
	{ "A: 1\r\n", "[A| 1\r\n]@6!0" },
	{ "A: 1", "[A| 1]@4!0" },
	{ "A:", "[A|]@2!0" },
	{ "A", "@1!1" },
	{ "A: 1\r\n\r\nB: 2\r\n", "[A| 1\r\n]@8!0" },
	{ "A: 1\nB:2\n\nx", "[A| 1\n][B|2\n]@10!0" },
	{ "A: 1\r\nB: 2\r\n 3\r\n\t4\r\nC:\r\n\r\n",
	    "[A| 1\r\n][B| 2\r\n 3\r\n\t4\r\n][C|\r\n]@26!0" },
	{ "A \t : 1\r\n\r\n", "[A| 1\r\n]@11!0" },
	{ "A: 1\r\n \t \r\n\r\n", "[A| 1\r\n \t \r\n]@13!0" },
	{ "A: b:c\r\n\r\n", "[A| b:c\r\n]@10!0" },
	/* what is no field does not end the section */
	{ "hello\r\nA: 1\r\n\r\n", "[A| 1\r\n]@15!1" },
	{ "A: 1\r\nhello world: x\r\n more: y\r\nB: 2\r\n\r\n",
	    "[A| 1\r\n][B| 2\r\n]@40!1" },
	{ " A: 1\r\nB: 2\r\n\r\n", "[B| 2\r\n]@15!1" },
	{ ": 1\r\nB: 2\r\n\r\n", "[B| 2\r\n]@13!1" },
	{ "\303\274: 1\r\nA\001: 2\r\n\r\n", "@16!2" },
	{ "From a@b Mon\r\nA: 1\r\n\r\n", "[A| 1\r\n]@22!1" },
	{ "\rA: 1\r\nB: 2\r\n\r\n", "[B| 2\r\n]@15!1" },
	{ "\r", "@1!1" },
	{ "A: 1\r\r\nB: 2\r\n\r\n", "[A| 1\r\r\n][B| 2\r\n]@15!0" },
};

static void
test_sections(void **state)
{
	char got[500];
	size_t i, first, step, len;

	(void)state;
	for (i = 0; i < nitems(sections); i++) {
		len = strlen(sections[i].in);
		for (first = 0; first <= len; first++)
			for (step = 1; step <= len + 1; step++) {
				parse(sections[i].in, len, first, step, got,
				    sizeof(got));
				assert_string_equal(got, sections[i].out);
			}
	}
}

static void
test_open_len(void **state)
{
	struct header h;
	size_t used = 0;

	(void)state;
	header_init(&h);
	assert_int_equal(header_next(&h, "Ab", 2, &used), HEADER_MORE);
	assert_int_equal(header_open_len(&h), 0);
	used = 0;
	assert_int_equal(header_next(&h, "c: d\r\n e", 8, &used), HEADER_MORE);
	assert_int_equal(header_open_len(&h), 10);
	assert_int_equal(header_finish(&h), HEADER_FIELD);
	assert_int_equal(h.field.len, 10);
	assert_int_equal(header_open_len(&h), 0);
	assert_int_equal(header_finish(&h), HEADER_END);
	used = 0;
	assert_int_equal(header_next(&h, "X: y", 4, &used), HEADER_END);
	assert_int_equal(used, 0);
}

static void
test_names(void **state)
{
	char long_name[HEADER_NAME_MAX + 3];
	struct header h;
	size_t used = 0, n = HEADER_NAME_MAX;

	(void)state;
	header_init(&h);
	header_next(&h, "subJECT: x\r\n\r\n", 14, &used);
	assert_true(header_name_is(&h.field, "Subject"));
	assert_false(header_name_is(&h.field, "Subjects"));
	assert_false(header_name_is(&h.field, "Subjec"));

	memset(long_name, 'n', sizeof(long_name));
	for (n = HEADER_NAME_MAX; n <= HEADER_NAME_MAX + 1; n++) {
		header_init(&h);
		used = 0;
		header_next(&h, long_name, n, &used);
		used = 0;
		header_next(&h, ": x\r\n\r\n", 7, &used);
		assert_int_equal(h.field.name_len, n);
		assert_int_equal(strlen(h.field.name), HEADER_NAME_MAX);
		assert_int_equal(header_name_is(&h.field, h.field.name),
		    n == HEADER_NAME_MAX);
	}
	long_name[n] = '\0';
	assert_false(header_is_name(long_name));
	assert_true(header_is_name(long_name + 2));
	assert_true(header_is_name("X-Spam-Flag"));
	assert_false(header_is_name(""));
	assert_false(header_is_name("X:"));
	assert_false(header_is_name("X Y"));
	assert_false(header_is_name("\303\274"));
}

static void
test_unfold(void **state)
{
	static const struct {
		const char *in, *out;
	} values[] = {
		{ "", "" },
		{ " \r\n", "" },
		{ " a\r\n", "a" },
		{ "a b \t\r\n", "a b" },
		{ "\r\n a\r\n\tb \r\n c\r\n", "a\tb  c" },
		{ " a\001b\177c\td\303\274", "a?b?c\td\303\274" },
	};
	char buf[40];
	size_t i, size, len;

	(void)state;
	for (i = 0; i < nitems(values); i++) {
		len = strlen(values[i].out);
		for (size = 0; size < sizeof(buf); size++) {
			memset(buf, '#', sizeof(buf));
			assert_int_equal(header_unfold(values[i].in,
					     strlen(values[i].in), buf, size),
			    len);
			if (size > 0) {
				assert_memory_equal(buf, values[i].out,
				    len < size ? len : size - 1);
				assert_int_equal(
				    buf[len < size ? len : size - 1], '\0');
			}
			assert_int_equal(buf[size], '#');
		}
	}
}

static void
test_claims_authserv(void **state)
{
	static const struct {
		const char *value;
		bool claims;
	} values[] = {
		{ " mx1.example.org; spf=pass", true },
		{ "mx1.example.org", true },
		{ "MX1.Example.ORG 1; none", true },
		{ "\r\n\tmx1.example.org\r\n\t; spf=pass", true },
		{ " (a (b) \\) ; c) mx1.example.org;", true },
		{ " (a)(b)\r\n (c)mx1.example.org(d);", true },
		{ " \"mx1.example.org\"; spf=pass", true },
		{ " \"mx1.\\example.org\"; spf=pass", true },
		{ " mx1.example.org/1; none", true },
		/* nobody's */
		{ "", true },
		{ " ; spf=pass", true },
		{ " (mx1.example.com", true },
		{ " (a \\)", true },
		{ " \"mx1.example.com", true },
		{ " \"\"; none", true },
		/* others' */
		{ " mx1.example.com; spf=pass", false },
		{ " mx1.example.org.com; spf=pass", false },
		{ " mx1.example.or; spf=pass", false },
		{ " x.mx1.example.org; spf=pass", false },
		{ " (mx1.example.org) other.example;", false },
		{ " other.example; mx1.example.org", false },
		{ " \"mx1.example.org \"; spf=pass", false },
	};
	size_t i;

	(void)state;
	for (i = 0; i < nitems(values); i++)
		if (header_claims_authserv(values[i].value,
			strlen(values[i].value),
			"mx1.example.org") != values[i].claims)
			fail_msg("%s", values[i].value);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_sections),
		cmocka_unit_test(test_open_len),
		cmocka_unit_test(test_names),
		cmocka_unit_test(test_unfold),
		cmocka_unit_test(test_claims_authserv),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
