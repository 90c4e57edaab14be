/*
 * Addresses of From: what is found, and what is not guessed at.
 */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#include "compat.h"
#include "mailbox.h"

/* All addresses, with blanks between them, and "BAD" for a bad one. */
static const char *
all(const char *value)
{
	static char out[1000];
	enum mailbox_found found;
	char buf[100];

	out[0] = '\0';
	while (
	    (found = mailbox_next(&value, buf, sizeof(buf))) != MAILBOX_END) {
		compat_strlcpy(out + strlen(out), out[0] != '\0' ? " " : "",
		    sizeof(out) - strlen(out));
		compat_strlcpy(out + strlen(out),
		    found == MAILBOX_BAD ? "BAD" : buf,
		    sizeof(out) - strlen(out));
		if (found == MAILBOX_BAD)
			break;
	}
	return out;
}

static void
test_found(void **state)
{
	static const char *const list[][2] = { { "", "" },
		{ "a@b.example", "a@b.example" },
		{ " a@b.example\t", "a@b.example" },
		{ "Ann <a@b.example>", "a@b.example" },
		{ "Ann Lee < a@b.example >", "a@b.example" },
		{ "\"a@b.example\" <c@d.example>", "c@d.example" },
		{ "\"x\\\"<a@b.example>\" <c@d.example>", "c@d.example" },
		{ "a@b.example (Ann (of (us)) \\) )", "a@b.example" },
		{ "(x@y.example) <a@b.example> (z)", "a@b.example" },
		{ "a@b.example, Ann <c@d.example>", "a@b.example c@d.example" },
		{ "friends: a@b.example, <c@d.example>;",
		    "a@b.example c@d.example" },
		{ "friends:;", "" }, { ",,a@b.example,", "a@b.example" },
		{ "\"a b\"@c.example", "\"a b\"@c.example" },
		{ "\"a\\b\\\"\"@c.example", "\"ab\\\"\"@c.example" },
		{ "a@[192.0.2.1]", "a@[192.0.2.1]" },
		{ "=?utf-8?q?a=40b?= <c@d.example>", "c@d.example" },
		{ "J\xc3\xbcrgen <j\xc3\xbc@d.example>",
		    "j\xc3\xbc@d.example" },
		{ "J. Doe <j@d.example>", "j@d.example" } };
	size_t i;

	(void)state;
	for (i = 0; i < nitems(list); i++)
		if (strcmp(all(list[i][0]), list[i][1]) != 0)
			fail_msg("%s: %s", list[i][0], all(list[i][0]));
}

static void
test_bad(void **state)
{
	static const char *const list[] = { "a", "Ann Lee", "a@", "@b.example",
		"a@b@c.example", "a b@c.example", "a @b.example", "<>",
		"<a@b.example", "a@b.example>", "<a@b.example> x",
		"<a@b.example> <c@d.example>", "<@x.example:a@b.example>",
		"<a @b.example>", "a@b.example c@d.example", "(a@b.example",
		"\"a@b.example", "\"a\\", "a@[192.0.2.1", "a@b.example\\",
		"a@b.example <c>", "<a,b@c.example>", "a\"b\"@c.example",
		"\"a\"b@c.example", "a@\"b\"" };
	char longest[300];
	size_t i;

	(void)state;
	for (i = 0; i < nitems(list); i++)
		if (strcmp(all(list[i]), "BAD") != 0)
			fail_msg("%s: %s", list[i], all(list[i]));
	memset(longest, 'a', sizeof(longest));
	memcpy(longest + 250, "@b.example", 11);
	assert_string_equal(all(longest), "BAD");
	assert_string_equal(all("a@b.example, c"), "a@b.example BAD");
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_found),
		cmocka_unit_test(test_bad),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
