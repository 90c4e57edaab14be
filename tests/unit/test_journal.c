/*
 * The delivery journal: what is written, what is found again, and for how long.
 */

#include <sys/types.h>
#include <sys/wait.h>

#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <cmocka.h>

#include "envelope.h"
#include "journal.h"
#include "mem.h"
#include "message.h"
#include "remember.h"
#include "smtp_parse.h"

#define NOW 1000000

static struct arena arena;
static struct spool_conf spool_conf = { "/tmp", 1 << 20 };
static struct spool *spool;
static struct journal *journal;

static int
setup(void **state)
{
	(void)state;
	arena_init(&arena, 1024);
	spool = spool_new(&spool_conf);
	journal = journal_new();
	return journal == NULL ? -1 : 0;
}

static int
teardown(void **state)
{
	(void)state;
	journal_free(&journal);
	spool_free(&spool);
	arena_free(&arena);
	return 0;
}

static struct address
address(const char *text)
{
	struct address a = { text, text, "", "" };

	return a;
}

static struct message *
message(const char *content, const char *added)
{
	struct message *m = message_new(spool);

	assert_int_equal(message_append(m, content, strlen(content)), 0);
	if (added != NULL)
		message_prepend(m, added, strlen(added));
	return m;
}

static void
envelope(
    struct envelope *e, const char *sender, const char *one, const char *two)
{
	struct address a;

	envelope_init(e, &arena);
	e->sender = address(sender);
	e->has_sender = true;
	a = address(one);
	envelope_add(e, &a)->backend_name = "s";
	if (two == NULL)
		return;
	a = address(two);
	envelope_add(e, &a)->backend_name = "s";
}

#define HEAD "Message-ID: <1@x>\r\nDATE: today\r\n"

static void
test_refused_once(void **state)
{
	struct address sender = address("a@x"), rcpt = address("b@y");
	struct address other = address("c@y");
	struct reply r = { .code = 550, .enhanced = "5.1.1", .text = "no" }, t;

	(void)state;
	assert_false(recall_refused(journal, NOW, "s", &sender, &rcpt, 0, &t));
	remember_refused(journal, NOW, "s", &sender, &rcpt, 0, &r);
	assert_false(recall_refused(journal, NOW, "s", &sender, &other, 0, &t));
	assert_false(recall_refused(journal, NOW, "s", &other, &rcpt, 0, &t));
	assert_false(recall_refused(journal, NOW, "t", &sender, &rcpt, 0, &t));
	assert_true(recall_refused(journal, NOW, "s", &sender, &rcpt, 0, &t));
	assert_int_equal(t.code, 550);
	assert_string_equal(t.enhanced, "5.1.1");
	assert_string_equal(t.text, "no");
	assert_false(recall_refused(journal, NOW, "s", &sender, &rcpt, 0, &t));
}

/* A message that did not fit: another one may. */
static void
test_refused_message(void **state)
{
	struct address sender = address("a@x"), rcpt = address("b@y");
	struct reply r = { .code = 552 }, t;

	(void)state;
	remember_refused(journal, NOW, "s", &sender, &rcpt, 5000, &r);
	assert_false(recall_refused(journal, NOW, "s", &sender, &rcpt, 0, &t));
	assert_false(
	    recall_refused(journal, NOW, "s", &sender, &rcpt, 400, &t));
	assert_true(
	    recall_refused(journal, NOW, "s", &sender, &rcpt, 5000, &t));
	remember_refused(journal, NOW, "s", &sender, &rcpt, 0, &r);
	assert_true(
	    recall_refused(journal, NOW, "s", &sender, &rcpt, 5000, &t));
}

static void
test_refused_for_an_hour(void **state)
{
	struct address sender = address("a@x"), rcpt = address("b@y");
	struct reply r = { .code = 550 }, t;

	(void)state;
	remember_refused(journal, NOW, "s", &sender, &rcpt, 0, &r);
	assert_false(recall_refused(
	    journal, NOW + JOURNAL_REFUSED_MS, "s", &sender, &rcpt, 0, &t));
	remember_refused(journal, NOW, "s", &sender, &rcpt, 0, &r);
	assert_true(recall_refused(
	    journal, NOW + JOURNAL_REFUSED_MS - 1, "s", &sender, &rcpt, 0, &t));
}

/* Who has the message is known again from content, sender and recipient,
 * whatever we added in front. */
static void
test_done(void **state)
{
	struct message *m = message(HEAD "\r\nhi\r\n", "Received: one\r\n");
	struct message *again = message(HEAD "\r\nhi\r\n", "Received: 2\r\n");
	struct message *other = message(HEAD "\r\nho\r\n", NULL);
	const bool first[] = { true, false };
	struct envelope e, from;
	bool *done;

	(void)state;
	envelope(&e, "a@x", "b@y", "c@y");
	envelope(&from, "z@x", "b@y", NULL);
	assert_null(recall_done(journal, NOW, &e, again));
	remember_done(journal, NOW, &e, m, first);
	done = recall_done(journal, NOW, &e, again);
	assert_non_null(done);
	assert_true(done[0]);
	assert_false(done[1]);
	free(done);
	e.rcpts[0].backend_name = "t";
	assert_null(recall_done(journal, NOW, &e, again));
	e.rcpts[0].backend_name = NULL; /* discarded */
	assert_null(recall_done(journal, NOW, &e, again));
	e.rcpts[0].backend_name = "s";
	assert_null(recall_done(journal, NOW, &e, other));
	assert_null(recall_done(journal, NOW, &from, again));
	assert_null(recall_done(journal, NOW + JOURNAL_DONE_MS, &e, again));
	message_free(&m);
	message_free(&again);
	message_free(&other);
}

/* Two messages without Message-ID or Date may well be two messages. */
static void
test_not_without_identity(void **state)
{
	static const char *const texts[] = { "Date: x\r\n\r\nhi\r\n",
		"Message-ID: <1@x>\r\n\r\nhi\r\n", "hi\r\n",
		"\r\n" HEAD "\r\nhi\r\n" };
	const bool all[] = { true };
	struct message *m;
	struct envelope e;
	size_t i;

	(void)state;
	envelope(&e, "a@x", "b@y", NULL);
	for (i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
		m = message(texts[i], NULL);
		remember_done(journal, NOW, &e, m, all);
		assert_null(recall_done(journal, NOW, &e, m));
		message_free(&m);
	}
}

/* It is bounded: the newest entries are there, however many came. */
static void
test_bounded(void **state)
{
	unsigned char id[DIGEST_SIZE];
	struct digest *d;
	char text[32];
	int i, found = 0;

	(void)state;
	for (i = 0; i < 100000; i++) {
		snprintf(text, sizeof(text), "%d", i);
		d = digest_new();
		digest_text(d, text);
		digest_end(&d, id);
		journal_done(journal, NOW + i, 1, id);
		assert_true(journal_is_done(journal, NOW + i, id));
	}
	for (i = 99000; i < 100000; i++) {
		snprintf(text, sizeof(text), "%d", i);
		d = digest_new();
		digest_text(d, text);
		digest_end(&d, id);
		found += journal_is_done(journal, NOW + i, id);
	}
	assert_int_equal(found, 1000);
}

/* Deliveries, however many, push out what is older, not what ends sooner. */
static void
test_refusals_stay(void **state)
{
	struct address sender = address("a@x"), rcpt;
	struct reply r = { .code = 550 }, t;
	unsigned char id[DIGEST_SIZE];
	struct digest *d;
	char text[32];
	int i, found = 0;

	(void)state;
	for (i = 0; i < 59500; i++) {
		snprintf(text, sizeof(text), "%d", i);
		d = digest_new();
		digest_text(d, text);
		digest_end(&d, id);
		journal_done(journal, NOW + i, 1, id);
		if (i < 58000 || i >= 58100)
			continue;
		rcpt = address(text);
		remember_refused(journal, NOW + i, "s", &sender, &rcpt, 0, &r);
	}
	for (i = 58000; i < 58100; i++) {
		snprintf(text, sizeof(text), "%d", i);
		rcpt = address(text);
		found += recall_refused(
		    journal, NOW + 60000, "s", &sender, &rcpt, 0, &t);
	}
	assert_int_equal(found, 100);
}

/* What one worker writes another one finds. */
static void
test_shared(void **state)
{
	struct address sender = address("a@x"), rcpt = address("b@y");
	struct reply r = { .code = 550 }, t;
	int status;
	pid_t pid = fork();

	(void)state;
	if (pid == 0) {
		remember_refused(journal, NOW, "s", &sender, &rcpt, 0, &r);
		_exit(0);
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_true(recall_refused(journal, NOW, "s", &sender, &rcpt, 0, &t));
}

/* A hint costs a digest as long as an entry can be there, and no longer. */
static void
test_hints_end(void **state)
{
	unsigned char id[DIGEST_SIZE] = { 1 };
	uint64_t i;

	(void)state;
	for (i = 0; i < 100000; i++) {
		memcpy(id, &i, sizeof(i));
		journal_done(journal, NOW, i, id);
	}
	for (i = 0; i < 100000; i++)
		assert_true(journal_may_be_done(journal, NOW + 1000, i));
	for (i = 0; i < 100000; i++)
		assert_false(journal_may_be_done(
		    journal, NOW + JOURNAL_DONE_MS + 2000, i));
	assert_false(journal_may_be_done(journal, NOW, 100000));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(
		    test_refused_once, setup, teardown),
		cmocka_unit_test_setup_teardown(
		    test_refused_message, setup, teardown),
		cmocka_unit_test_setup_teardown(
		    test_refused_for_an_hour, setup, teardown),
		cmocka_unit_test_setup_teardown(test_done, setup, teardown),
		cmocka_unit_test_setup_teardown(
		    test_not_without_identity, setup, teardown),
		cmocka_unit_test_setup_teardown(test_bounded, setup, teardown),
		cmocka_unit_test_setup_teardown(
		    test_refusals_stay, setup, teardown),
		cmocka_unit_test_setup_teardown(test_shared, setup, teardown),
		cmocka_unit_test_setup_teardown(
		    test_hints_end, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
