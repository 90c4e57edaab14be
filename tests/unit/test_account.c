/*
 * The account of memory, and messages that go to files when it is short.
 */

#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>

#include "account.h"
#include "message.h"
#include "stats.h"

#define LIMIT (1 << 20)

static void
test_levels(void **state)
{
	struct stats *s = stats_new(2, 0);
	struct account *a = account_new(s, 0, LIMIT);
	struct account *b = account_new(s, 1, LIMIT);

	(void)state;
	assert_int_equal(account_level(NULL), ACCOUNT_EASY);
	account_add(NULL, 5);
	account_add(a, LIMIT / 2);
	account_add(b, LIMIT / 4 - 1);
	assert_int_equal(account_level(a), ACCOUNT_EASY);
	account_add(a, 1);
	assert_int_equal(account_level(b), ACCOUNT_SPILL);
	account_add(a, LIMIT / 8);
	assert_int_equal(account_level(b), ACCOUNT_CROWDED);
	account_add(b, LIMIT / 16);
	assert_int_equal(account_level(a), ACCOUNT_SHED);
	account_add(b, LIMIT / 16);
	assert_int_equal(account_level(a), ACCOUNT_FULL);
	assert_int_equal(account_used(a), LIMIT);
	stats_clear_worker(s, 0); /* it died */
	assert_int_equal(account_level(b), ACCOUNT_EASY);
	account_free(&a);
	account_free(&b);
	stats_free(&s);
}

/* Writes a message of size octets: is it in a file? */
static bool
goes_to_file(struct spool *sp, size_t size)
{
	static char text[20000];
	struct message *m = message_new(sp);
	bool in_file;

	assert_true(size <= sizeof(text));
	assert_int_equal(message_append(m, text, size / 2), 0);
	assert_int_equal(message_append(m, text, size - size / 2), 0);
	assert_int_equal(message_size(m), size);
	in_file = message_in_file(m);
	message_free(&m);
	return in_file;
}

static void
test_spill(void **state)
{
	struct spool_conf conf = { .directory = "/tmp", .memory = 16000 };
	struct stats *s = stats_new(1, 0);
	struct account *a = account_new(s, 0, LIMIT);
	struct spool *sp = spool_new(&conf);

	(void)state;
	spool_set_account(sp, a);
	assert_false(goes_to_file(sp, 15000));
	assert_true(goes_to_file(sp, 17000));
	assert_true(account_used(a) > 0); /* blocks for the next message */
	account_add(a, LIMIT - LIMIT / 4);
	assert_true(goes_to_file(sp, 15000));
	assert_false(goes_to_file(sp, 8000));
	/* No file to be had: what may stay stays. */
	conf.directory = "/nowhere/at/all";
	assert_false(goes_to_file(sp, 15000));
	account_add(a, -(LIMIT - LIMIT / 4));
	assert_false(goes_to_file(sp, 15000));
	spool_free(&sp);
	assert_int_equal(account_used(a), 0);
	account_free(&a);
	stats_free(&s);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_levels),
		cmocka_unit_test(test_spill),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
