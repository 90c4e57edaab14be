/*
 * What filters can do with header fields.
 */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "fake_chain.h"

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, fake_teardown)

static const char content[] = "Subject: first\r\n"
			      "X-Spam: a\r\n"
			      "x-spam:  b\r\n\tc  \r\n"
			      "To: d\r\n"
			      "X-SPAM: e\r\n"
			      "\r\n"
			      "X-Spam: body\r\n";

static struct spool_conf conf = { .directory = "/tmp", .memory = 4096 };
static struct spool *spool;
static const struct headers_limits limits = { 100, 1 << 20, 50 };

static int
setup(void **state)
{
	fake_setup(state);
	spool = spool_new(&conf);
	return 0;
}

/* The message; with padding, which takes it to a file. */
static void
take(const char *text, size_t padding)
{
	char pad[100];

	memset(pad, 'x', sizeof(pad));
	rig.tx.envelope.has_sender = true;
	rig.tx.message = message_new(spool);
	headers_feed(&rig.tx.headers, &limits, text, strlen(text));
	assert_int_equal(message_append(rig.tx.message, text, strlen(text)), 0);
	for (; padding > 0; padding--)
		message_append(rig.tx.message, pad, sizeof(pad));
	headers_finish(&rig.tx.headers, &limits);
}

static void
leave(void)
{
	tx_free(&rig.tx);
	tx_init(&rig.tx, &rig.session);
	spool_free(&spool);
}

/* Is this what the message begins with now? */
static void
assert_sent(const char *want)
{
	struct message_reader *r = message_reader_new(rig.tx.message);
	size_t len, n = 0, want_len = strlen(want);
	char got[500];
	const char *data;

	while (n < want_len) {
		assert_int_equal(message_reader_peek(r, &data, &len), 0);
		assert_true(len > 0);
		len = len < want_len - n ? len : want_len - n;
		memcpy(got + n, data, len);
		message_reader_skip(r, len);
		n += len;
	}
	message_reader_free(&r);
	assert_memory_equal(got, want, want_len);
}

static enum verdict
reads(struct filter_call *fc)
{
	char buf[20];

	assert_int_equal(fc_header_count(fc, "X-Spam"), 3);
	assert_int_equal(fc_header_count(fc, "subject"), 1);
	assert_int_equal(fc_header_count(fc, "X-Spa"), 0);
	assert_int_equal(fc_header(fc, "Subject", 0, buf, sizeof(buf)), 5);
	assert_string_equal(buf, "first");
	assert_int_equal(fc_header(fc, "X-Spam", 1, buf, sizeof(buf)), 3);
	assert_string_equal(buf, "b\tc");
	assert_int_equal(fc_header(fc, "X-Spam", 2, buf, sizeof(buf)), 1);
	assert_string_equal(buf, "e");
	assert_int_equal(fc_header(fc, "X-Spam", 3, buf, sizeof(buf)), -1);
	assert_string_equal(buf, "");
	assert_int_equal(fc_header(fc, "Subject", 0, buf, 3), 5);
	assert_string_equal(buf, "fi");
	assert_int_equal(fc_header(fc, "Subject", 0, NULL, 0), 5);
	return VERDICT_PASS;
}

static void
test_read(void **state)
{
	size_t padding;

	(void)state;
	rig.act[0] = reads;
	fake_start(1);
	for (padding = 0; padding < 2; padding++) {
		take(content, padding * 1000);
		assert_int_equal(message_in_file(rig.tx.message), padding > 0);
		assert_int_equal(
		    fake_judge(PHASE_MESSAGE)->verdict, VERDICT_PASS);
		message_free(&rig.tx.message);
		tx_reset(&rig.tx);
	}
	leave();
}

static enum verdict
removes_one(struct filter_call *fc)
{
	char buf[20];

	fc_add_header(fc, "X-Spam", "new");
	fc_remove_header(fc, "X-Spam", 5);
	fc_remove_header(fc, "Nobody", FC_ALL);
	fc_remove_header(fc, "x-spam", 1);
	assert_int_equal(fc_header_count(fc, "X-Spam"), 2);
	assert_int_equal(fc_header(fc, "X-Spam", 1, buf, sizeof(buf)), 1);
	assert_string_equal(buf, "e");
	return VERDICT_PASS;
}

static enum verdict
removes_all(struct filter_call *fc)
{
	fc_remove_header(fc, "x-spam", FC_ALL);
	assert_int_equal(fc_header_count(fc, "X-Spam"), 0);
	return VERDICT_PASS;
}

static void
test_remove(void **state)
{
	(void)state;
	rig.act[0] = removes_one;
	fake_start(2);
	take(content, 0);
	fake_judge(PHASE_MESSAGE);
	assert_sent("X-Spam: new\r\nSubject: first\r\nX-Spam: a\r\n"
		    "To: d\r\nX-SPAM: e\r\n\r\nX-Spam: body\r\n");
	rig.act[1] = removes_all;
	rig.act[0] = NULL;
	fake_judge(PHASE_MESSAGE);
	assert_sent("X-Spam: new\r\nSubject: first\r\n"
		    "To: d\r\n\r\nX-Spam: body\r\n");
	leave();
}

/* Who only observes changes nothing. */
static enum verdict
tries(struct filter_call *fc)
{
	fc_remove_header(fc, "x-spam", FC_ALL);
	assert_int_equal(fc_header_count(fc, "X-Spam"), 3);
	return VERDICT_PASS;
}

static void
test_observe(void **state)
{
	(void)state;
	rig.act[0] = tries;
	rig.fi[0].chain.observe = true;
	fake_start(1);
	take(content, 0);
	fake_judge(PHASE_MESSAGE);
	assert_sent(content);
	leave();
}

/* A table that grows, and limits. */
static void
test_limits(void **state)
{
	static const struct headers_limits few = { 99, 1 << 20, 50 },
					   small = { 1000, 400, 50 };
	struct headers *h = &rig.tx.headers;
	unsigned i;

	(void)state;
	for (i = 0; i < 200; i++)
		headers_feed(h, &limits, "A: 1\r\n", 6);
	assert_int_equal(h->fault, HEADERS_TOO_MANY);
	assert_int_equal(h->count, 101);
	assert_int_equal(h->list[100].offset, 600);
	assert_string_equal(h->list[0].name, "A");

	headers_init(h, &rig.tx.arena);
	for (i = 0; i < 99; i++)
		headers_feed(h, &few, "A: 1\r\n", 6);
	headers_finish(h, &few);
	assert_int_equal(h->fault, HEADERS_GOOD);
	assert_int_equal(h->count, 99);

	/* one that does not end */
	headers_init(h, &rig.tx.arena);
	headers_feed(h, &small, "A: 1", 4);
	for (i = 0; i < 99; i++)
		headers_feed(h, &small, "\r\n 1", 4);
	assert_int_equal(h->fault, HEADERS_GOOD);
	headers_feed(h, &small, "1", 1);
	assert_int_equal(h->fault, HEADERS_TOO_BIG);

	headers_init(h, &rig.tx.arena);
	for (i = 0; i < 51; i++)
		headers_feed(h, &limits, "received: x\r\n", 13);
	assert_int_equal(h->fault, HEADERS_GOOD);
	headers_finish(h, &limits);
	assert_int_equal(h->fault, HEADERS_LOOP);
	leave();
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_read),
		TEST(test_remove),
		TEST(test_observe),
		TEST(test_limits),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
