/*
 * The reply table: every reply that we may give is well formed.
 */

#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <cmocka.h>

#include "compat.h"
#include "replies.h"
#include "reply.h"

static const struct own_reply *
own(int id)
{
	return reply_own((enum reply_id)id);
}

/* Codes that RFC 5321 4.2.3 (and RFC 1870, 3463, 4954) know. */
static bool
is_known(int code)
{
	static const int known[] = { 214, 220, 221, 250, 252, 354, 421, 450,
		451, 452, 455, 500, 501, 502, 503, 504, 550, 551, 552, 553, 554,
		555, 235, 454, 530, 538 };
	size_t i;

	for (i = 0; i < nitems(known); i++)
		if (known[i] == code)
			return true;
	return false;
}

static void
test_codes(void **state)
{
	int id;

	(void)state;
	for (id = 0; id < REPLY_COUNT; id++) {
		if (!is_known(own(id)->code))
			fail_msg("reply %d: code %d", id, own(id)->code);
		if (own(id)->enhanced == NULL) {
			assert_int_equal(own(id)->code / 100, 3);
			continue;
		}
		if (own(id)->enhanced[0] - '0' != own(id)->code / 100)
			fail_msg("reply %d: %d %s", id, own(id)->code,
			    own(id)->enhanced);
	}
}

/* As a client's parser reads them. */
static void
test_lines(void **state)
{
	const struct own_reply *o;
	char line[600];
	struct reply r;
	int id, len;

	(void)state;
	for (id = 0; id < REPLY_COUNT; id++) {
		o = own(id);
		len = snprintf(line, sizeof(line), "%d %s%s%s", o->code,
		    o->enhanced != NULL ? o->enhanced : "",
		    o->enhanced != NULL ? " " : "", o->text);
		assert_in_range(len, 6, 510);
		reply_init(&r);
		assert_int_equal(reply_feed(&r, line, (size_t)len), REPLY_DONE);
		assert_int_equal(r.code, o->code);
		assert_string_equal(r.text, o->text);
		assert_string_equal(
		    r.enhanced, o->enhanced != NULL ? o->enhanced : "");
	}
}

static void
test_texts(void **state)
{
	const char *p;
	int id;

	(void)state;
	for (id = 0; id < REPLY_COUNT; id++) {
		assert_true(own(id)->text[0] != '\0');
		for (p = own(id)->text; *p != '\0'; p++)
			assert_in_range(*p, ' ', '~');
	}
}

/* Trouble of our own is never permanent, and 421 is what ends a session. */
static void
test_own_trouble_is_temporary(void **state)
{
	static const int temporary[] = { REPLY_NONE, REPLY_NO_STORAGE,
		REPLY_LOCAL_ERROR, REPLY_TOO_SLOW, REPLY_TOO_MANY_RECIPIENTS,
		REPLY_TOO_MANY_FOR_SERVER };
	static const int final[] = { REPLY_TIMEOUT, REPLY_SHUTDOWN,
		REPLY_TOO_MANY_CONNECTIONS, REPLY_TOO_MANY_ERRORS };
	size_t i;

	(void)state;
	for (i = 0; i < nitems(temporary); i++)
		assert_int_equal(own(temporary[i])->code / 10, 45);
	for (i = 0; i < nitems(final); i++)
		assert_int_equal(own(final[i])->code, 421);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_codes),
		cmocka_unit_test(test_lines),
		cmocka_unit_test(test_texts),
		cmocka_unit_test(test_own_trouble_is_temporary),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
