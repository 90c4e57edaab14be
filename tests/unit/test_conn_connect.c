/*
 * Connections: connecting to a server.
 */

#include <netinet/in.h>
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

/* A loopback socket; listening or only bound. */
static int
loopback(struct net_addr *a, bool listening)
{
	const char *err;
	int fd;

	assert_int_equal(net_parse("127.0.0.1:0", a, &err), 0);
	if (listening)
		fd = net_listen(a, 5);
	else
		fd = socket(AF_INET, SOCK_STREAM, 0);
	if (!listening)
		assert_int_equal(
		    bind(fd, (const struct sockaddr *)&a->ss, a->len), 0);
	assert_true(fd != -1);
	assert_int_equal(
	    getsockname(fd, (struct sockaddr *)&a->ss, &a->len), 0);
	return fd;
}

static void
begin_connect(const struct net_addr *a)
{
	conn_close(&rig.conn);
	close_peer();
	rig.inside = true;
	rig.conn = conn_connect(
	    rig.loop, (const struct sockaddr *)&a->ss, a->len, &rig_ops, &rig);
	rig.inside = false;
}

static void
until_called(void)
{
	while (rig.trace[0] == '\0')
		loop_turn(rig.loop, true);
}

static void
test_connect(void **state)
{
	struct net_addr a, from;
	int fd = loopback(&a, true);

	(void)state;
	begin_connect(&a);
	assert_non_null(rig.conn);
	conn_put(rig.conn, "early", 5);
	conn_flush(rig.conn);
	assert_string_equal(rig.trace, "");
	until_called();
	assert_string_equal(rig.trace, "c");
	rig.peer = net_accept(fd, &from);
	assert_true(rig.peer != -1);
	loop_turn(rig.loop, false);
	assert_int_equal(conn_unsent(rig.conn), 0);
	assert_true(peer_got("early"));
	assert_int_equal(write(rig.peer, "hi", 2), 2);
	loop_turn(rig.loop, true);
	assert_string_equal(rig.trace, "ci");
	expect_input("hi");
	close(fd);
}

static void
test_connect_refused(void **state)
{
	struct net_addr a;
	int fd = loopback(&a, false);

	(void)state;
	begin_connect(&a);
	if (rig.conn == NULL) { /* some systems know at once */
		assert_int_equal(errno, ECONNREFUSED);
	} else {
		until_called();
		turn();
		assert_string_equal(rig.trace, "E");
		assert_int_equal(rig.error, ECONNREFUSED);
	}
	close(fd);
}

static void
test_close_when_connected(void **state)
{
	struct net_addr a;
	int fd = loopback(&a, true);

	(void)state;
	rig.close_on = 'c';
	begin_connect(&a);
	until_called();
	turn();
	assert_string_equal(rig.trace, "c");
	assert_int_equal(conn_outstanding(), 0);
	close(fd);
}

static void
test_connect_deadline(void **state)
{
	struct net_addr a;
	int fd = loopback(&a, true);

	(void)state;
	begin_connect(&a);
	conn_deadline(rig.conn, START);
	loop_advance(rig.loop, 0);
	assert_int_equal(rig.trace[0], 'D');
	close(fd);
}

/* Output that was asked for before the connection is there. */
static void
test_writev_while_connecting(void **state)
{
	char data[] = "0123456789";
	struct iovec iov = { data, 10 };
	struct net_addr a, from;
	int fd = loopback(&a, true);

	(void)state;
	begin_connect(&a);
	assert_non_null(rig.conn);
	assert_int_equal(conn_writev(rig.conn, &iov, 1), 0);
	until_called();
	turn();
	assert_string_equal(rig.trace, "cd");
	rig.peer = net_accept(fd, &from);
	close(fd);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_connect),
		TEST(test_connect_refused),
		TEST(test_close_when_connected),
		TEST(test_connect_deadline),
		TEST(test_writev_while_connecting),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
