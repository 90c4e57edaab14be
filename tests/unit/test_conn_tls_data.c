/*
 * Connections with TLS: much data, through small buffers.
 */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "fake_conn_tls.h"

#define SIZE ((size_t)1000000)

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

int
main(void)
{
	const struct CMUnitTest tests[] = {
		TLS_TEST(test_much_input),
		TLS_TEST(test_input_cap),
		TLS_TEST(test_rest_of_a_record),
		TLS_TEST(test_much_output),
		TLS_TEST(test_put_while_blocked),
	};

	return cmocka_run_group_tests(tests, make_context, free_context);
}
