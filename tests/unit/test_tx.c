/*
 * Transactions: notes of the session and of the transaction.
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

#include "mem.h"
#include "message.h"
#include "tx.h"

static struct arena session;

static int
begin(void **state)
{
	static struct tx tx;

	arena_init(&session, 1024);
	tx_init(&tx, &session);
	*state = &tx;
	return 0;
}

static int
end(void **state)
{
	tx_free(*state);
	arena_free(&session);
	return 0;
}

static void
test_notes(void **state)
{
	struct tx *tx = *state;

	tx->envelope.has_sender = true;
	assert_null(tx_fact(tx, "fact"));
	tx_set_fact(tx, "fact", "one");
	tx_set_fact(tx, "fact",
	    "a longer one that needs more room than the "
	    "first one had, and much more than that");
	assert_memory_equal(tx_fact(tx, "fact"), "a longer", 8);
	tx_set_fact(tx, "fact", "");
	assert_string_equal(tx_fact(tx, "fact"), "");
	assert_true(tx_counter(tx, "n") == 0);
	tx_add_counter(tx, "n", 1.5);
	tx_add_counter(tx, "n", -4);
	assert_true(tx_counter(tx, "n") == -2.5);
	assert_null(tx_fact(tx, "n"));
	assert_false(tx_flag(tx, "f"));
	tx_set_flag(tx, "f");
	tx_set_flag(tx, "f");
	assert_true(tx_flag(tx, "f"));
	tx_reset(tx);
	assert_null(tx_fact(tx, "fact"));
	assert_true(tx_counter(tx, "n") == 0);
	assert_false(tx_flag(tx, "f"));
}

static void
test_session_notes(void **state)
{
	struct tx *tx = *state;
	int i;

	tx_set_fact(tx, "helo.name", "mx.example.org");
	tx_add_counter(tx, "score", 2);
	tx_set_flag(tx, "known");
	tx->karma = -3;
	for (i = 0; i < 3; i++) {
		tx->envelope.has_sender = true;
		assert_string_equal(tx_fact(tx, "helo.name"), "mx.example.org");
		assert_true(tx_counter(tx, "score") == 2);
		/* changes of the transaction go with it */
		tx_set_fact(tx, "helo.name", "changed");
		tx_add_counter(tx, "score", 5);
		tx_set_flag(tx, "mine");
		assert_string_equal(tx_fact(tx, "helo.name"), "changed");
		assert_true(tx_counter(tx, "score") == 7);
		tx_reset(tx);
		assert_false(tx_flag(tx, "mine"));
		assert_true(tx_flag(tx, "known"));
		assert_true(tx->karma == -3);
	}
	assert_string_equal(tx_fact(tx, "helo.name"), "mx.example.org");
	tx_set_fact(tx, "helo.name", "other.example.org");
	tx_reset(tx);
	assert_string_equal(tx_fact(tx, "helo.name"), "other.example.org");
}

/* A client that says EHLO for hours costs no memory. */
static void
test_session_does_not_grow(void **state)
{
	struct tx *tx = *state;
	struct arena_block *before;
	int i;

	tx_set_fact(tx, "helo.name", "a");
	before = session.blocks;
	for (i = 0; i < 10000; i++) {
		tx_set_fact(tx, "helo.name", i % 2 ? "mx.example.org" : "mail");
		tx->envelope.has_sender = true;
		tx_set_fact(tx, "helo.name", "x");
		tx_reset(tx);
	}
	assert_ptr_equal(session.blocks, before);
}

static void
test_reset(void **state)
{
	struct spool_conf conf = { .directory = "/tmp", .memory = 4096 };
	struct spool *sp = spool_new(&conf);
	struct address addr = { .text = "a@b", .local = "a", .domain = "b" };
	struct tx *tx = *state;

	tx_reset(tx); /* before anything */
	tx->envelope.has_sender = true;
	envelope_add(&tx->envelope, &addr);
	tx->message = message_new(sp);
	tx->began_ms = 5;
	tx->discard = true;
	tx->filter = "helo";
	tx->reason = arena_printf(&tx->arena, "because");
	tx->id[0] = 'x';
	tx_reset(tx);
	assert_null(tx->message);
	assert_int_equal(message_outstanding(), 0);
	assert_false(tx->envelope.has_sender);
	assert_int_equal(tx->envelope.count, 0);
	assert_string_equal(tx->envelope.sender.text, "");
	assert_int_equal(tx->began_ms, 0);
	assert_false(tx->discard);
	assert_null(tx->filter);
	assert_null(tx->reason);
	assert_string_equal(tx->id, "");
	envelope_add(&tx->envelope, &addr); /* it goes on */
	assert_int_equal(tx->envelope.count, 1);
	tx->message = message_new(sp);
	tx_free(tx);
	assert_int_equal(message_outstanding(), 0);
	spool_free(&sp);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_notes, begin, end),
		cmocka_unit_test_setup_teardown(test_session_notes, begin, end),
		cmocka_unit_test_setup_teardown(
		    test_session_does_not_grow, begin, end),
		cmocka_unit_test_setup_teardown(test_reset, begin, end),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
