/*
 * Connections with TLS: handshakes, much data in both directions, ends.
 */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "fake_conn.h"
#include "fake_tls.h"

#define SIZE ((size_t)1000000)

static struct block block;
static struct tls_peer client;

static int
make_context(void **state)
{
	if (make_files(state) != 0)
		return -1;
	block_init(&block, "one.crt", "one.key");
	load(&block);
	return 0;
}

static int
free_context(void **state)
{
	tls_unload(&block.conf);
	return remove_files(state);
}

static int
setup_tls(void **state)
{
	static const struct tls_peer_conf conf = { .max_version = 0 };
	int rc = setup(state), small = 5000;

	setsockopt(rig.peer, SOL_SOCKET, SO_SNDBUF, &small, sizeof(small));
	setsockopt(
	    conn_fd(rig.conn), SOL_SOCKET, SO_SNDBUF, &small, sizeof(small));
	tls_peer_open(&client, rig.peer, &conf);
	return rc;
}

static int
teardown_tls(void **state)
{
	tls_peer_close(&client);
	return teardown(state);
}
#define TLS_TEST(name) \
	cmocka_unit_test_setup_teardown(name, setup_tls, teardown_tls)

static void
exchange(void)
{
	int idle = 0;

	while (idle < 3) {
		idle = tls_peer_pump(&client) ? 0 : idle + 1;
		turn();
	}
}

static void
shake(void)
{
	int i, done = 0;

	conn_start_tls(rig.conn, block.conf.context);
	for (i = 0; i < 10000 && (done == 0 || rig.trace[0] == '\0'); i++) {
		if (done == 0)
			done = tls_peer_handshake(&client);
		tls_peer_pump(&client);
		turn();
	}
	assert_int_equal(done, 1);
	exchange();
}

static void
shaken(void)
{
	shake();
	assert_string_equal(rig.trace, "s");
	memset(rig.trace, 0, sizeof(rig.trace));
}

static void
client_says(const char *text)
{
	assert_int_equal(
	    SSL_write(client.ssl, text, (int)strlen(text)), (int)strlen(text));
	exchange();
}

static bool
client_got(const char *text)
{
	char buf[1000];
	int n;

	exchange();
	n = SSL_read(client.ssl, buf, sizeof(buf));
	return n == (int)strlen(text) && memcmp(buf, text, strlen(text)) == 0;
}

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

/* Much data. */

static size_t got;

static void
take_some(void)
{
	size_t len, i, take;
	const char *in = conn_input(rig.conn, &len);

	for (i = 0; i < len; i++)
		assert_int_equal(in[i], pattern(got + i));
	take = got % 3 == 0 ? len : len - len / 3;
	conn_consume(rig.conn, take);
	got += take;
	memset(rig.trace, 0, sizeof(rig.trace));
}

/* The client writes all of it, in pieces as it can. */
static size_t
client_writes(const char *data, size_t from, size_t len)
{
	int n;

	while (from < len && BIO_pending(SSL_get_wbio(client.ssl)) < 60000) {
		n = SSL_write(client.ssl, data + from,
		    len - from > 16000 ? 16000 : (int)(len - from));
		if (n <= 0)
			break;
		from += (size_t)n;
	}
	return from;
}

static void
test_much_input(void **state)
{
	char *data = make_pattern(SIZE);
	size_t sent = 0;
	int i;

	(void)state;
	shaken();
	got = 0;
	rig.on_input = take_some;
	for (i = 0; i < 100000 && got < SIZE; i++) {
		sent = client_writes(data, sent, SIZE);
		tls_peer_pump(&client);
		loop_turn(rig.loop, false);
		if (sent == SIZE && i % 9 == 0) /* what was left */
			take_some();
	}
	assert_int_equal(got, SIZE);
	free(data);
}

/* Nobody takes the input for a while; what the library holds then is no event
 * of the socket. */
static void
test_input_cap(void **state)
{
	char *data = make_pattern(SIZE);
	size_t sent = 0, len, i;
	const char *in;
	int round;

	(void)state;
	shaken();
	for (round = 0; round < 1000; round++) {
		sent = client_writes(data, sent, SIZE);
		tls_peer_pump(&client);
		turn();
	}
	in = conn_input(rig.conn, &len);
	assert_int_equal(len, CONN_INPUT_MAX);
	for (got = 0, round = 0; got < SIZE && round < 10000; round++) {
		in = conn_input(rig.conn, &len);
		assert_true(len <= CONN_INPUT_MAX);
		for (i = 0; i < len; i += 97)
			assert_int_equal(in[i], pattern(got + i));
		conn_consume(rig.conn, len);
		got += len;
		turn();
		sent = client_writes(data, sent, SIZE);
		tls_peer_pump(&client);
		memset(rig.trace, 0, sizeof(rig.trace));
	}
	assert_int_equal(got, SIZE);
	free(data);
}

/* A record whose rest is with the library when all input was taken outside of
 * a callback, and nothing comes behind it. */
static void
test_rest_of_a_record(void **state)
{
	size_t len, all = 9 * 16000;
	char *data = make_pattern(all);
	size_t sent = 0;
	int i;

	(void)state;
	shaken();
	for (i = 0; i < 2000; i++) {
		sent = client_writes(data, sent, all);
		tls_peer_pump(&client);
		turn();
	}
	assert_int_equal(sent, all);
	(void)conn_input(rig.conn, &len);
	assert_int_equal(len, CONN_INPUT_MAX);
	conn_consume(rig.conn, len);
	turn();
	(void)conn_input(rig.conn, &len);
	assert_int_equal(len, all - CONN_INPUT_MAX);
	free(data);
}

static char *output;
static size_t given;

static void
give_more(void)
{
	struct iovec iov[2];
	size_t n;

	while (given < SIZE) {
		iov[0].iov_base = output + given;
		iov[0].iov_len = (SIZE - given) / 2;
		iov[1].iov_base = output + given + iov[0].iov_len;
		iov[1].iov_len = SIZE - given - iov[0].iov_len;
		n = conn_writev(rig.conn, iov, 2);
		given += n;
		if (n == 0 || conn_unsent(rig.conn) > 0)
			break;
	}
}

static void
test_much_output(void **state)
{
	char buf[3000];
	size_t read = 0;
	int i, j, n;

	(void)state;
	shaken();
	output = make_pattern(SIZE);
	given = 0;
	rig.on_drained = give_more;
	give_more();
	assert_true(given < SIZE); /* it is blocked */
	for (i = 0; i < 100000 && read < SIZE; i++) {
		tls_peer_pump(&client);
		n = SSL_read(client.ssl, buf, sizeof(buf));
		for (j = 0; j < n; j++)
			assert_int_equal(buf[j], pattern(read + (size_t)j));
		read += n > 0 ? (size_t)n : 0;
		loop_turn(rig.loop, false);
		memset(rig.trace, 0, sizeof(rig.trace));
	}
	assert_int_equal(read, SIZE);
	assert_int_equal(conn_unsent(rig.conn), 0);
	free(output);
}

/* More is put while a write waits for room. */
static void
test_put_while_blocked(void **state)
{
	char buf[3000];
	size_t read = 0, put = 0;
	char *data = make_pattern(200000);
	int i, j, n;

	(void)state;
	shaken();
	for (i = 0; i < 100000 && read < 200000; i++) {
		if (put < 200000) {
			conn_put(rig.conn, data + put, 100);
			conn_flush(rig.conn);
			put += 100;
		}
		if (put > 60000) {
			tls_peer_pump(&client);
			n = SSL_read(client.ssl, buf, sizeof(buf));
			for (j = 0; j < n; j++)
				assert_int_equal(
				    buf[j], pattern(read + (size_t)j));
			read += n > 0 ? (size_t)n : 0;
		}
		loop_turn(rig.loop, false);
	}
	assert_int_equal(read, 200000);
	free(data);
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
		TLS_TEST(test_much_input),
		TLS_TEST(test_input_cap),
		TLS_TEST(test_rest_of_a_record),
		TLS_TEST(test_much_output),
		TLS_TEST(test_put_while_blocked),
		TLS_TEST(test_end_behind_input),
		TLS_TEST(test_dirty_end),
		TLS_TEST(test_broken_record_behind_input),
		TLS_TEST(test_linger),
		TLS_TEST(test_close_in_each_callback),
	};

	return cmocka_run_group_tests(tests, make_context, free_context);
}
