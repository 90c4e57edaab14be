/*
 * Connections: input, ends, deadlines.
 */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "fake_conn.h"

/* The input is exactly this. */
static void
expect_input(const char *text)
{
	size_t len;
	const char *in = conn_input(rig.conn, &len);

	assert_int_equal(len, strlen(text));
	if (len > 0)
		assert_memory_equal(in, text, len);
}

static void
expect_line(const char *text)
{
	const char *line;
	size_t len, used;

	assert_true(conn_line(rig.conn, &line, &len, &used));
	assert_int_equal(len, strlen(text));
	assert_memory_equal(line, text, len);
	assert_int_equal(used, len + 1);
	conn_consume(rig.conn, used);
}

static void
expect_no_line(void)
{
	const char *line;
	size_t len, used;

	assert_false(conn_line(rig.conn, &line, &len, &used));
}

static void
test_line_in_pieces(void **state)
{
	(void)state;
	expect_no_line();
	peer_says("EH");
	expect_no_line();
	peer_says("LO there\r");
	expect_no_line();
	peer_says("\nMAIL\r\n");
	assert_string_equal(rig.trace, "iii");
	expect_line("EHLO there\r");
	expect_line("MAIL\r");
	expect_no_line();
	expect_input("");
}

static void
two_lines(void)
{
	expect_line("a\r");
	expect_line("b"); /* without CR: for the owner to refuse */
}

static void
test_lines_of_one_read(void **state)
{
	(void)state;
	rig.on_input = two_lines;
	peer_says("a\r\nb\n\r\nrest");
	assert_string_equal(rig.trace, "i");
	expect_line("\r");
	expect_input("rest");
	rig.on_input = NULL;
	peer_says(" of it\r\n");
	expect_line("rest of it\r");
}

static const char *seen_at;
static char taken[100];

static void
take_all(void)
{
	size_t len;
	const char *in = conn_input(rig.conn, &len);

	assert_true(len < sizeof(taken));
	seen_at = in;
	snprintf(taken, sizeof(taken), "%.*s", (int)len, in);
	conn_consume(rig.conn, len);
}

/* Who leaves nothing keeps nothing: connections share one buffer. */
static void
test_idle_holds_no_buffer(void **state)
{
	const char *first;
	size_t len;
	int fds[2];

	(void)state;
	rig.on_input = take_all;
	peer_says("one");
	assert_string_equal(taken, "one");
	assert_null(conn_input(rig.conn, &len));
	first = seen_at;
	conn_close(&rig.conn);
	close_peer();
	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, fds), 0);
	rig.conn = conn_new(rig.loop, fds[0], &rig_ops, &rig);
	rig.peer = fds[1];
	peer_says("two");
	assert_string_equal(taken, "two");
	assert_ptr_equal(seen_at, first);
	rig.on_input = NULL;
	peer_says("three");
	assert_ptr_not_equal(conn_input(rig.conn, &len), first);
	conn_consume(rig.conn, 5);
	assert_null(conn_input(rig.conn, &len));
}

/* Writes as much as the socket takes. */
static size_t
peer_floods(const char *data, size_t from, size_t len)
{
	ssize_t n;

	while (from < len && (n = write(rig.peer, data + from, len - from)) > 0)
		from += (size_t)n;
	return from;
}

static void
test_input_cap(void **state)
{
	size_t size = 1024 * 1024, sent = 0, got = 0, len;
	char *data = make_pattern(size);
	const char *in;
	int i;

	(void)state;
	for (i = 0; i < 50; i++) {
		sent = peer_floods(data, sent, size);
		turn();
	}
	assert_true(sent < size);
	in = conn_input(rig.conn, &len);
	assert_int_equal(len, CONN_INPUT_MAX);
	assert_memory_equal(in, data, len);
	rig.trace[0] = '\0';
	memset(rig.trace, 0, sizeof(rig.trace));
	turn();
	assert_string_equal(rig.trace, ""); /* not read any more */
	while (got < size) {
		in = conn_input(rig.conn, &len);
		assert_true(len > 0 && len <= CONN_INPUT_MAX);
		assert_memory_equal(in, data + got, len);
		len = len < 70001 ? len : 70001;
		conn_consume(rig.conn, len);
		got += len;
		sent = peer_floods(data, sent, size);
		turn();
	}
	assert_int_equal(sent, size);
	expect_input("");
	free(data);
}

static size_t stream_at;
static unsigned stream_turn;

/* Takes an odd share of what is there. */
static void
nibble(void)
{
	size_t len, i, take;
	const char *in = conn_input(rig.conn, &len);

	take = len * (stream_turn++ % 4) / 3;
	for (i = 0; i < len; i++)
		assert_int_equal(in[i], pattern(stream_at + i));
	conn_consume(rig.conn, take);
	stream_at += take;
}

static void
test_odd_pieces(void **state)
{
	size_t size = 600000, sent = 0, len, piece = 1;
	char *data = make_pattern(size);

	(void)state;
	stream_at = 0;
	rig.on_input = nibble;
	while (sent < size) {
		len = piece < size - sent ? piece : size - sent;
		sent = peer_floods(data, sent, sent + len);
		loop_turn(rig.loop, false);
		piece = piece * 7 % 20011 + 1;
		if (rig.trace[0] != '\0')
			memset(rig.trace, 0, sizeof(rig.trace));
		conn_input(rig.conn, &len);
		if (len > CONN_INPUT_MAX / 2)
			nibble();
	}
	turn();
	conn_input(rig.conn, &len);
	assert_int_equal(stream_at + len, size);
	free(data);
}

/* Ends. */

static void
test_close_in_each_callback(void **state)
{
	const char *what, *trace;

	for (what = "ieED", trace = "ieED"; *what != '\0'; what++, trace++) {
		if (rig.loop == NULL)
			assert_int_equal(setup(state), 0);
		rig.close_on = *what;
		switch (*what) {
		case 'i':
			peer_says("x\r\ny\r\n");
			break;
		case 'e':
			close_peer();
			break;
		case 'E':
			shutdown(conn_fd(rig.conn), SHUT_WR);
			conn_put(rig.conn, "x", 1);
			conn_flush(rig.conn);
			break;
		default:
			conn_deadline(rig.conn, START + 10);
			loop_advance(rig.loop, 10);
		}
		turn();
		assert_null(rig.conn);
		assert_int_equal(conn_outstanding(), 0);
		assert_int_equal(rig.trace[0], *trace);
		assert_int_equal(strlen(rig.trace), 1);
		assert_int_equal(teardown(state), 0);
	}
	assert_int_equal(setup(state), 0);
}

static void
test_end_of_file_with_input_left(void **state)
{
	(void)state;
	assert_false(conn_at_eof(rig.conn));
	assert_int_equal(write(rig.peer, "QUIT\r\nhalf", 10), 10);
	close_peer();
	turn();
	assert_string_equal(rig.trace, "ie"); /* each once */
	assert_true(conn_at_eof(rig.conn));
	expect_line("QUIT\r");
	expect_input("half");
	conn_consume(rig.conn, 4);
	turn();
	assert_string_equal(rig.trace, "ie");
}

static void
test_half_closed_can_be_answered(void **state)
{
	(void)state;
	shutdown(rig.peer, SHUT_WR);
	turn();
	assert_string_equal(rig.trace, "e");
	conn_put(rig.conn, "221\r\n", 5);
	conn_flush(rig.conn);
	assert_true(peer_got("221\r\n"));
}

static void
test_deadline(void **state)
{
	(void)state;
	conn_deadline(rig.conn, START + 100);
	loop_advance(rig.loop, 99);
	conn_deadline(rig.conn, START + 200);
	loop_advance(rig.loop, 100);
	assert_string_equal(rig.trace, "");
	loop_advance(rig.loop, 1);
	assert_string_equal(rig.trace, "D");
	loop_advance(rig.loop, 1000);
	assert_string_equal(rig.trace, "D");
}

static void
test_no_deadline(void **state)
{
	(void)state;
	conn_deadline(rig.conn, START + 100);
	conn_deadline(rig.conn, 0);
	loop_advance(rig.loop, 1000);
	assert_string_equal(rig.trace, "");
}

/* A slow drip does not move an absolute deadline. */
static void
test_deadline_under_input(void **state)
{
	int i;

	(void)state;
	rig.on_input = take_all;
	conn_deadline(rig.conn, START + 100);
	for (i = 0; i < 10; i++) {
		peer_says("x");
		loop_advance(rig.loop, 10);
	}
	assert_string_equal(rig.trace, "iiiiiiiiiiD");
}

static unsigned others;

static void
other_input(void *ctx)
{
	assert_ptr_equal(ctx, &others);
	others++;
}

static void
test_another_owner(void **state)
{
	static const struct conn_ops ops = { .on_input = other_input };

	(void)state;
	others = 0;
	peer_says("for the first ");
	conn_set_ops(rig.conn, &ops, &others);
	peer_says("and the second");
	assert_string_equal(rig.trace, "i");
	assert_int_equal(others, 1);
	expect_input("for the first and the second");
	conn_set_ops(rig.conn, &rig_ops, &rig);
}

/* Raw mode. */

static char peeked[20];

static void
peek(void)
{
	ssize_t n = conn_peek(rig.conn, peeked, sizeof(peeked) - 1);

	assert_true(n >= 0);
	peeked[n] = '\0';
}

static void
test_raw(void **state)
{
	char buf[20];

	(void)state;
	conn_set_raw(rig.conn, true);
	rig.on_input = peek;
	assert_int_equal(write(rig.peer, "PROXY|EHLO\r\n", 12), 12);
	loop_turn(rig.loop, false);
	loop_turn(rig.loop, false);
	assert_string_equal(peeked, "PROXY|EHLO\r\n"); /* nothing is taken */
	expect_input("");
	assert_int_equal(conn_take(rig.conn, buf, 6), 6);
	assert_memory_equal(buf, "PROXY|", 6);
	conn_set_raw(rig.conn, false);
	rig.on_input = NULL;
	turn();
	expect_line("EHLO\r");
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_line_in_pieces),
		TEST(test_lines_of_one_read),
		TEST(test_idle_holds_no_buffer),
		TEST(test_input_cap),
		TEST(test_odd_pieces),
		TEST(test_close_in_each_callback),
		TEST(test_end_of_file_with_input_left),
		TEST(test_half_closed_can_be_answered),
		TEST(test_deadline),
		TEST(test_no_deadline),
		TEST(test_deadline_under_input),
		TEST(test_another_owner),
		TEST(test_raw),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
