/*
 * Connections: output, write errors, and the end that waits for the peer.
 */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "fake_conn.h"

#define SIZE (1024 * 1024)

static char *data; /* SIZE octets of pattern() */
static char *received;
static size_t written, got;

static int
out_setup(void **state)
{
	int small = 1;

	if (setup(state) == -1)
		return -1;
	setsockopt(
	    conn_fd(rig.conn), SOL_SOCKET, SO_SNDBUF, &small, sizeof(small));
	data = make_pattern(SIZE);
	received = calloc(1, SIZE);
	written = got = 0;
	return 0;
}

static int
out_teardown(void **state)
{
	free(data);
	free(received);
	return teardown(state);
}

static void
put(const char *text)
{
	rig.inside = true;
	conn_put(rig.conn, text, strlen(text));
	rig.inside = false;
}

static void
flush(void)
{
	rig.inside = true;
	conn_flush(rig.conn);
	rig.inside = false;
}

static void
peer_takes(void)
{
	got += peer_reads(received + got, SIZE - got);
}

static void
expect_received(size_t len)
{
	assert_int_equal(got, len);
	assert_memory_equal(received, data, len);
}

static void
test_put_waits_for_flush(void **state)
{
	(void)state;
	put("250-");
	put("ok\r\n");
	assert_int_equal(conn_unsent(rig.conn), 8);
	assert_true(peer_got(""));
	flush();
	assert_int_equal(conn_unsent(rig.conn), 0);
	assert_true(peer_got("250-ok\r\n"));
	flush();
	turn();
	assert_string_equal(rig.trace, ""); /* nothing had to wait */
}

static void
test_much_is_written_unasked(void **state)
{
	int i;

	(void)state;
	for (i = 0; i < 640; i++)
		conn_put(rig.conn, data + i * 100, 100);
	assert_true(peer_got(""));
	for (; i < 700; i++)
		conn_put(rig.conn, data + i * 100, 100);
	peer_takes();
	assert_true(got > 0);
}

static void
test_slow_peer(void **state)
{
	(void)state;
	conn_put(rig.conn, data, SIZE / 2);
	flush();
	assert_true(conn_unsent(rig.conn) > 0);
	turn();
	assert_string_equal(rig.trace, ""); /* nobody wanted to know */
	put("");
	conn_put(rig.conn, data + SIZE / 2, SIZE / 2);
	conn_want_drained(rig.conn);
	while (conn_unsent(rig.conn) > 0) {
		assert_string_equal(rig.trace, "");
		peer_takes();
		loop_turn(rig.loop, false);
	}
	turn();
	peer_takes();
	expect_received(SIZE);
	assert_string_equal(rig.trace, "d");
}

static void
write_more(void)
{
	struct iovec iov[3];
	size_t left = SIZE - written, n = left / 3;

	if (left == 0)
		return;
	iov[0] = (struct iovec){ data + written, n };
	iov[1] = (struct iovec){ data + written + n, n };
	iov[2] = (struct iovec){ data + written + 2 * n, left - 2 * n };
	rig.inside = true;
	written += conn_writev(rig.conn, iov, 3);
	rig.inside = false;
}

static void
test_writev_in_parts(void **state)
{
	(void)state;
	rig.on_drained = write_more;
	write_more();
	assert_in_range(written, 1, SIZE - 1);
	while (got < SIZE) {
		peer_takes();
		loop_turn(rig.loop, false);
	}
	expect_received(SIZE);
	assert_int_equal(written, SIZE);
	assert_int_equal(rig.trace[0], 'd');
	memset(rig.trace, 0, sizeof(rig.trace));
	turn();
	assert_string_equal(rig.trace, ""); /* the last one was complete */
}

static void
test_writev_behind_output(void **state)
{
	struct iovec iov = { data, 10 };

	(void)state;
	conn_put(rig.conn, data, SIZE - 10);
	flush();
	iov.iov_base = data + SIZE - 10;
	assert_int_equal(conn_writev(rig.conn, &iov, 1), 0);
	while (strchr(rig.trace, 'd') == NULL) {
		peer_takes();
		loop_turn(rig.loop, false);
	}
	assert_int_equal(conn_writev(rig.conn, &iov, 1), 10);
	peer_takes();
	expect_received(SIZE);
}

static void
test_close_when_drained(void **state)
{
	(void)state;
	rig.close_on = 'd';
	write_more();
	while (rig.conn != NULL) {
		peer_takes();
		loop_turn(rig.loop, false);
	}
	assert_string_equal(rig.trace, "d");
}

/* Errors. */

static void
test_write_error_from_the_loop(void **state)
{
	struct iovec iov = { data, 100 };

	(void)state;
	shutdown(conn_fd(rig.conn), SHUT_WR);
	put("lost");
	flush();
	assert_string_equal(rig.trace, "");
	assert_int_equal(conn_unsent(rig.conn), 0);
	put("this too");
	flush();
	rig.inside = true; /* counts as taken */
	assert_int_equal(conn_writev(rig.conn, &iov, 1), 100);
	rig.inside = false;
	turn();
	assert_string_equal(rig.trace, "E");
	assert_int_equal(rig.error, EPIPE);
}

static void
test_writev_error_from_the_loop(void **state)
{
	(void)state;
	shutdown(conn_fd(rig.conn), SHUT_WR);
	write_more();
	assert_int_equal(written, SIZE);
	assert_string_equal(rig.trace, "");
	turn();
	assert_string_equal(rig.trace, "E");
}

static void
test_error_while_output_waits(void **state)
{
	(void)state;
	conn_put(rig.conn, data, SIZE);
	flush();
	conn_want_drained(rig.conn);
	close_peer();
	turn();
	assert_null(strchr(rig.trace, 'd'));
	assert_non_null(strchr(rig.trace, 'E'));
}

static void
test_close_before_the_error_is_told(void **state)
{
	(void)state;
	shutdown(conn_fd(rig.conn), SHUT_WR);
	put("lost");
	flush();
	conn_close(&rig.conn);
	turn();
	assert_string_equal(rig.trace, "");
}

/* The lingering end. */

static void
test_linger(void **state)
{
	(void)state;
	peer_says("DATA DATA"); /* never consumed */
	put("421 bye\r\n");
	rig.inside = true;
	conn_linger(&rig.conn);
	rig.inside = false;
	assert_null(rig.conn);
	peer_says("more");
	assert_true(peer_got("421 bye\r\n"));
	assert_true(peer_at_eof());
	peer_says("and more");
	assert_int_equal(conn_outstanding(), 1);
	close_peer();
	turn();
	assert_int_equal(conn_outstanding(), 0);
	assert_string_equal(rig.trace, "i"); /* from before */
}

static void
test_linger_not_for_ever(void **state)
{
	(void)state;
	conn_deadline(rig.conn, START + 100);
	conn_linger(&rig.conn);
	loop_advance(rig.loop, 1999);
	assert_int_equal(conn_outstanding(), 1);
	loop_advance(rig.loop, 1);
	assert_int_equal(conn_outstanding(), 0);
	assert_string_equal(rig.trace, "");
}

static void
test_linger_with_much_output(void **state)
{
	(void)state;
	conn_put(rig.conn, data, SIZE);
	conn_linger(&rig.conn);
	while (got < SIZE) {
		peer_takes();
		loop_turn(rig.loop, false);
	}
	expect_received(SIZE);
	turn();
	assert_true(peer_at_eof());
	assert_int_equal(conn_outstanding(), 1);
	close_peer();
	turn();
	assert_int_equal(conn_outstanding(), 0);
}

static void
linger_now(void)
{
	conn_linger(&rig.conn);
}

static void
test_linger_in_a_callback(void **state)
{
	(void)state;
	rig.on_input = linger_now;
	peer_says("RUBBISH\r\n");
	assert_true(peer_at_eof());
	peer_says("RUBBISH\r\n");
	assert_string_equal(rig.trace, "i");
	close_peer();
	turn();
	assert_int_equal(conn_outstanding(), 0);
}

/* The peer has closed its side only: it may still read what we have said. */
static void
test_linger_after_end_of_file(void **state)
{
	(void)state;
	shutdown(rig.peer, SHUT_WR);
	turn();
	put("221 bye\r\n");
	conn_linger(&rig.conn);
	turn();
	assert_true(peer_got("221 bye\r\n"));
	assert_true(peer_at_eof());
	assert_int_equal(conn_outstanding(), 0);
}

static void
test_linger_after_end_of_file_slowly(void **state)
{
	(void)state;
	shutdown(rig.peer, SHUT_WR);
	turn();
	conn_put(rig.conn, data, SIZE);
	conn_linger(&rig.conn);
	while (got < SIZE && conn_outstanding() > 0) {
		peer_takes();
		loop_turn(rig.loop, false);
	}
	peer_takes();
	expect_received(SIZE);
	turn();
	assert_int_equal(conn_outstanding(), 0);
}

static void
test_linger_after_an_error(void **state)
{
	(void)state;
	shutdown(conn_fd(rig.conn), SHUT_WR);
	put("lost");
	flush();
	conn_linger(&rig.conn);
	assert_int_equal(conn_outstanding(), 0);
	turn();
	assert_string_equal(rig.trace, "");
}

#undef TEST
#define TEST(name) \
	cmocka_unit_test_setup_teardown(name, out_setup, out_teardown)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_put_waits_for_flush),
		TEST(test_much_is_written_unasked),
		TEST(test_slow_peer),
		TEST(test_writev_in_parts),
		TEST(test_writev_behind_output),
		TEST(test_close_when_drained),
		TEST(test_write_error_from_the_loop),
		TEST(test_writev_error_from_the_loop),
		TEST(test_error_while_output_waits),
		TEST(test_close_before_the_error_is_told),
		TEST(test_linger),
		TEST(test_linger_not_for_ever),
		TEST(test_linger_with_much_output),
		TEST(test_linger_in_a_callback),
		TEST(test_linger_after_end_of_file),
		TEST(test_linger_after_end_of_file_slowly),
		TEST(test_linger_after_an_error),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
