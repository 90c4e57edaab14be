/*
 * Connections with TLS: handshakes and ends.
 */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "fake_conn_tls.h"

static void
expect_input(const char *text)
{
	size_t len;
	const char *in = conn_input(rig.conn, &len);

	assert_int_equal(len, strlen(text));
	assert_memory_equal(in, text, len);
}

static void
test_handshake(void **state)
{
	struct tls_info info;

	(void)state;
	assert_false(conn_tls_info(rig.conn, &info));
	conn_start_tls(rig.conn, block.conf.context);
	assert_false(conn_tls_info(rig.conn, &info));
	conn_close(&rig.conn); /* in the middle of it */
	assert_int_equal(teardown_tls(state), 0);
	assert_int_equal(setup_tls(state), 0);
	shaken();
	assert_true(conn_tls_info(rig.conn, &info));
	assert_string_equal(info.version, "TLSv1.3");
	assert_string_equal(conn_tls_error(rig.conn), "no error");
	client_says("EHLO here\r\n");
	assert_string_equal(rig.trace, "i");
	expect_input("EHLO here\r\n");
	conn_put(rig.conn, "250 there\r\n", 11);
	conn_flush(rig.conn);
	assert_true(client_got("250 there\r\n"));
}

static void
test_octet_by_octet(void **state)
{
	(void)state;
	client.piece = 1;
	shaken();
	client_says("EHLO here\r\n");
	assert_string_equal(rig.trace, "i"); /* a record comes as a whole */
	expect_input("EHLO here\r\n");
}

/* Both speak at once, in clear and behind it. */
static void
test_clear_text_before(void **state)
{
	(void)state;
	assert_int_equal(write(rig.peer, "STARTTLS\r\n", 10), 10);
	turn();
	conn_consume(rig.conn, 10);
	conn_put(rig.conn, "220 go\r\n", 8);
	conn_flush(rig.conn);
	assert_true(peer_got("220 go\r\n"));
	memset(rig.trace, 0, sizeof(rig.trace));
	shaken();
	client_says("x");
	expect_input("x");
}

static void
test_failed_handshake(void **state)
{
	(void)state;
	conn_start_tls(rig.conn, block.conf.context);
	assert_int_equal(write(rig.peer, "EHLO here\r\n", 11), 11);
	turn();
	assert_string_equal(rig.trace, "E");
	assert_int_equal(rig.error, EPROTO);
	assert_string_not_equal(conn_tls_error(rig.conn), "no error");
	turn();
	assert_string_equal(rig.trace, "E"); /* once */
}

static void
test_peer_goes_in_handshake(void **state)
{
	(void)state;
	conn_start_tls(rig.conn, block.conf.context);
	(void)tls_peer_handshake(&client);
	client.piece = 50;
	tls_peer_pump(&client);
	turn();
	shutdown(rig.peer, SHUT_RDWR);
	turn();
	assert_string_equal(rig.trace, "E");
}

static void
test_deadline_of_handshake(void **state)
{
	(void)state;
	conn_deadline(rig.conn, START + 100);
	conn_start_tls(rig.conn, block.conf.context);
	(void)tls_peer_handshake(&client);
	client.piece = 50;
	tls_peer_pump(&client);
	turn();
	loop_advance(rig.loop, 100);
	assert_string_equal(rig.trace, "D");
	conn_linger(&rig.conn); /* nothing can be said to it */
	assert_int_equal(conn_outstanding(), 0);
}

/* Octets that nobody reads are in the way of our part of the handshake. */
static void
test_handshake_waits_for_room(void **state)
{
	char junk[1000] = "", back[1000];
	int i;

	(void)state;
	while (write(conn_fd(rig.conn), junk, sizeof(junk)) > 0)
		;
	conn_start_tls(rig.conn, block.conf.context);
	(void)tls_peer_handshake(&client);
	/* Out only: nothing is read yet. */
	i = BIO_read(SSL_get_wbio(client.ssl), back, sizeof(back));
	assert_int_equal(write(rig.peer, back, (size_t)i), i);
	turn();
	assert_string_equal(rig.trace, "");
	while (
	    recv(rig.peer, back, sizeof(back), MSG_PEEK) > 0 && back[0] == '\0')
		assert_true(read(rig.peer, back, 1) == 1);
	for (i = 0; i < 100 && rig.trace[0] == '\0'; i++) {
		turn();
		tls_peer_pump(&client);
		(void)tls_peer_handshake(&client);
	}
	assert_string_equal(rig.trace, "s");
}

/* Ends. */

static void
test_end_behind_input(void **state)
{
	(void)state;
	shaken();
	assert_int_equal(SSL_write(client.ssl, "QUIT\r\n", 6), 6);
	SSL_shutdown(client.ssl);
	exchange(); /* the connection itself stays open */
	assert_string_equal(rig.trace, "ie");
	assert_true(conn_at_eof(rig.conn));
	expect_input("QUIT\r\n");
}

static void
test_dirty_end(void **state)
{
	(void)state;
	shaken();
	assert_int_equal(SSL_write(client.ssl, "QUIT\r\n", 6), 6);
	while (tls_peer_pump(&client))
		;
	shutdown(rig.peer, SHUT_WR);
	turn();
	assert_string_equal(rig.trace, "ie");
	expect_input("QUIT\r\n");
}

static void
test_broken_record_behind_input(void **state)
{
	static const char junk[] = "\x17\x03\x03\x00\x20"
				   "0123456789012345678901234567890123456789";

	(void)state;
	shaken();
	assert_int_equal(SSL_write(client.ssl, "QUIT\r\n", 6), 6);
	while (tls_peer_pump(&client))
		;
	assert_true(write(rig.peer, junk, sizeof(junk)) > 0);
	turn();
	assert_int_equal(rig.trace[0], 'i');
	assert_true(rig.trace[1] == 'e' || rig.trace[1] == 'E');
	assert_int_equal(rig.trace[2], '\0');
	expect_input("QUIT\r\n");
}

static void
test_linger(void **state)
{
	char buf[100];

	(void)state;
	shaken();
	conn_put(rig.conn, "221 bye\r\n", 9);
	conn_linger(&rig.conn);
	assert_true(client_got("221 bye\r\n"));
	assert_int_equal(SSL_read(client.ssl, buf, sizeof(buf)), 0);
	assert_int_equal(SSL_get_error(client.ssl, 0), SSL_ERROR_ZERO_RETURN);
	assert_true(client.eof);
	assert_int_equal(conn_outstanding(), 1); /* until the client goes */
	shutdown(rig.peer, SHUT_WR);
	turn();
	assert_int_equal(conn_outstanding(), 0);
}

static void
test_close_in_each_callback(void **state)
{
	const char *what;

	for (what = "sieED"; *what != '\0'; what++) {
		if (*what != 's')
			shaken();
		rig.close_on = *what;
		if (*what == 's') {
			shake();
		} else if (*what == 'i') {
			assert_int_equal(SSL_write(client.ssl, "x", 1), 1);
			assert_int_equal(SSL_write(client.ssl, "y", 1), 1);
		} else if (*what == 'e') {
			SSL_shutdown(client.ssl);
		} else if (*what == 'E') {
			shutdown(conn_fd(rig.conn), SHUT_WR);
			conn_put(rig.conn, "x", 1);
			conn_flush(rig.conn);
		} else {
			conn_deadline(rig.conn, START + 10);
			loop_advance(rig.loop, 10);
		}
		exchange();
		assert_null(rig.conn);
		assert_int_equal(rig.trace[0], *what);
		assert_int_equal(strlen(rig.trace), 1);
		assert_int_equal(teardown_tls(state), 0);
		assert_int_equal(setup_tls(state), 0);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		TLS_TEST(test_handshake),
		TLS_TEST(test_octet_by_octet),
		TLS_TEST(test_clear_text_before),
		TLS_TEST(test_failed_handshake),
		TLS_TEST(test_peer_goes_in_handshake),
		TLS_TEST(test_deadline_of_handshake),
		TLS_TEST(test_handshake_waits_for_room),
		TLS_TEST(test_end_behind_input),
		TLS_TEST(test_dirty_end),
		TLS_TEST(test_broken_record_behind_input),
		TLS_TEST(test_linger),
		TLS_TEST(test_close_in_each_callback),
	};

	return cmocka_run_group_tests(tests, make_context, free_context);
}
