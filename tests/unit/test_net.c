/*
 * Addresses and sockets.
 */

#include <sys/types.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>

#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <cmocka.h>

#include "compat.h"
#include "net.h"

static struct net_addr
addr(const char *text)
{
	struct net_addr a;
	const char *err = NULL;

	if (net_parse(text, &a, &err) == -1)
		fail_msg("%s: %s", text, err);
	return a;
}

static void
test_parse(void **state)
{
	static const struct {
		const char *in, *text, *ip;
		int port;
	} rows[] = {
		{ "192.0.2.1:25", "192.0.2.1:25", "192.0.2.1", 25 },
		{ "0.0.0.0:0", "0.0.0.0:0", "0.0.0.0", 0 },
		{ "127.0.0.1:65535", "127.0.0.1:65535", "127.0.0.1", 65535 },
		{ "[2001:DB8:0::1]:25", "[2001:db8::1]:25", "2001:db8::1", 25 },
		{ "[::]:587", "[::]:587", "::", 587 },
		{ "[::ffff:192.0.2.7]:24", "192.0.2.7:24", "192.0.2.7", 24 },
		{ "unix:/run/x", "unix:/run/x", "unix", 0 },
	};
	char buf[NET_TEXT_MAX];
	struct net_addr a;
	size_t i;

	(void)state;
	for (i = 0; i < nitems(rows); i++) {
		a = addr(rows[i].in);
		assert_string_equal(
		    net_text(&a, buf, sizeof(buf)), rows[i].text);
		assert_string_equal(net_ip(&a, buf, sizeof(buf)), rows[i].ip);
		assert_int_equal(net_port(&a), rows[i].port);
	}
}

static void
test_parse_errors(void **state)
{
	static const struct {
		const char *in, *err;
	} rows[] = {
		{ "", "port missing" },
		{ "192.0.2.1", "port missing" },
		{ "192.0.2.1:", "port must be" },
		{ "192.0.2.1:65536", "port must be" },
		{ "192.0.2.1:99999999999", "port must be" },
		{ "192.0.2.1:-1", "port must be" },
		{ "192.0.2.1:+1", "port must be" },
		{ "192.0.2.1: 25", "port must be" },
		{ "192.0.2.1:25 ", "port must be" },
		{ "192.0.2.1:025", "port must be" },
		{ "192.0.2.1:smtp", "port must be" },
		{ "192.0.2:25", "no IPv4 address" },
		{ "192.0.2.256:25", "no IPv4 address" },
		{ "mail.example.org:25", "no IPv4 address" },
		{ ":25", "address missing" },
		{ "[]:25", "address missing" },
		{ "::1:25", "brackets" },
		{ "2001:db8::1", "brackets" },
		{ "[::1:25", "bracket missing" },
		{ "[::1]", "port missing" },
		{ "[::1]25", "port missing" },
		{ "[192.0.2.1]:25", "no IPv6 address" },
		{ "[zz]:25", "no IPv6 address" },
		{ "unix:", "absolute" },
		{ "unix:relative", "absolute" },
	};
	char path[200] = "unix:/";
	const char *err;
	struct net_addr a;
	size_t i;

	(void)state;
	for (i = 0; i < nitems(rows); i++) {
		err = NULL;
		assert_int_equal(net_parse(rows[i].in, &a, &err), -1);
		assert_non_null(err);
		if (strstr(err, rows[i].err) == NULL)
			fail_msg("%s: %s", rows[i].in, err);
	}
	memset(path + 6, 'x', sizeof(path) - 7);
	path[5 + sizeof(((struct sockaddr_un *)NULL)->sun_path)] = '\0';
	assert_int_equal(net_parse(path, &a, &err), -1);
	assert_non_null(strstr(err, "too long"));
	path[4 + sizeof(((struct sockaddr_un *)NULL)->sun_path)] = '\0';
	assert_int_equal(net_parse(path, &a, &err), 0);
}

static void
test_split(void **state)
{
	char host[20];
	const char *err = NULL;
	int port = 0;

	(void)state;
	assert_int_equal(
	    net_split("mail.test:24", host, sizeof(host), &port, &err), 0);
	assert_string_equal(host, "mail.test");
	assert_int_equal(port, 24);
	assert_int_equal(
	    net_split("localhost", host, sizeof(host), &port, &err), -1);
	assert_non_null(strstr(err, "port missing"));
	assert_int_equal(net_split("a.name.of.twenty.octets:1", host,
			     sizeof(host), &port, &err),
	    -1);
	assert_non_null(strstr(err, "too long"));
	assert_int_equal(net_split(":25", host, sizeof(host), &port, &err), -1);
}

static void
test_set_port(void **state)
{
	struct net_addr a = addr("192.0.2.1:24");
	char text[NET_TEXT_MAX];

	(void)state;
	net_set_port(&a, 2525);
	assert_string_equal(net_text(&a, text, sizeof(text)), "192.0.2.1:2525");
	a = addr("[2001:db8::1]:24");
	net_set_port(&a, 2525);
	assert_string_equal(
	    net_text(&a, text, sizeof(text)), "[2001:db8::1]:2525");
}

static void
test_small_buffer(void **state)
{
	struct net_addr a = addr("[2001:db8::1]:25");
	char buf[5];

	(void)state;
	assert_string_equal(net_ip(&a, buf, sizeof(buf)), "2001");
	assert_string_equal(net_text(&a, buf, sizeof(buf)), "[200");
	memset(&a, 0, sizeof(a));
	assert_string_equal(net_ip(&a, buf, sizeof(buf)), "unkn");
}

static void
test_compare(void **state)
{
	struct net_addr a = addr("192.0.2.1:25"), b = addr("192.0.2.1:26");
	struct net_addr c = addr("[2001:db8::1]:25"), d = addr("192.0.2.2:25");
	struct net_addr u = addr("unix:/a"), v = addr("unix:/b"), none;

	(void)state;
	memset(&none, 0, sizeof(none));
	assert_true(net_same_ip(&a, &b));
	assert_false(net_same_ip(&a, &c));
	assert_false(net_same_ip(&a, &d));
	assert_true(net_same_ip(&u, &v));
	assert_false(net_same_ip(&u, &a));
	assert_false(net_same_ip(&none, &none));
	assert_false(net_is_loopback(&a));
	assert_false(net_is_loopback(&c));
	assert_false(net_is_loopback(&none));
	assert_true(net_is_loopback(&u));
	a = addr("127.8.9.1:1");
	assert_true(net_is_loopback(&a));
	a = addr("[::1]:1");
	assert_true(net_is_loopback(&a));
	a = addr("[::ffff:127.0.0.1]:1");
	assert_true(net_is_loopback(&a));
}

static void
test_prefix_errors(void **state)
{
	static const struct {
		const char *in, *err;
	} rows[] = {
		{ "192.0.2.1/24", "host bits set" },
		{ "192.0.2.0/23x", "from 0 to 32" },
		{ "192.0.2.0/33", "from 0 to 32" },
		{ "192.0.2.0/", "from 0 to 32" },
		{ "192.0.2.0/-1", "from 0 to 32" },
		{ "192.0.2/24", "not a network" },
		{ "", "not a network" },
		{ "/8", "not a network" },
		{ "mail.example.org", "not a network" },
		{ "2001:db8::1/32", "host bits set" },
		{ "2001:db8::/129", "from 0 to 128" },
		{ "1.2.3.4.5.6.7.8.9.10.11.12.13.14.15.16.17.18.19.20/8",
		    "not a network" },
		{ "0.0.0.1/0", "host bits set" },
		{ "Unix", "not a network" },
	};
	struct net_prefix p;
	const char *err;
	size_t i;

	(void)state;
	for (i = 0; i < nitems(rows); i++) {
		err = NULL;
		assert_int_equal(net_prefix_parse(rows[i].in, &p, &err), -1);
		assert_non_null(err);
		if (strstr(err, rows[i].err) == NULL)
			fail_msg("%s: %s", rows[i].in, err);
	}
}

static bool
in(const char *prefix, const char *endpoint)
{
	struct net_addr a = addr(endpoint);
	struct net_prefix p;
	struct net_list l = { .list = &p, .count = 1 };
	const char *err = "";

	if (net_prefix_parse(prefix, &p, &err) == -1)
		fail_msg("%s: %s", prefix, err);
	return net_list_has(&l, &a);
}

/* A sorted list says the same as the list that is not: networks within others,
 * beside each other, twice. */
static void
test_sorted_list(void **state)
{
	struct net_prefix plain[40], sorted[40];
	struct net_list a = { .list = plain, .count = 40 };
	struct net_list b = { .list = sorted };
	const char *err;
	char text[80];
	unsigned seed = 1, round, i, n, bits;
	struct net_addr client;

	(void)state;
	for (round = 0; round < 200; round++) {
		for (i = 0; i < 40; i++) {
			seed = seed * 1103515245u + 12345u;
			n = seed >> 16 & 255;
			bits = 24 + (seed >> 8 & 7);
			if (i % 2 == 0)
				snprintf(text, sizeof(text), "10.0.%u.%u/%u",
				    i % 4, n & ~(255u >> (bits - 24)), bits);
			else
				snprintf(text, sizeof(text), "2001:db8::%x/%u",
				    n & ~(255u >> (bits - 24)), bits + 96);
			if (i == 39)
				snprintf(text, sizeof(text), "unix");
			if (net_prefix_parse(text, &plain[i], &err) == -1)
				fail_msg("%s: %s", text, err);
		}
		memcpy(sorted, plain, sizeof(plain));
		b.count = 40;
		net_list_sort(&b);
		assert_true(b.count <= 40);
		for (i = 0; i < 256; i++) {
			snprintf(text, sizeof(text), "10.0.%u.%u:25", i % 3, i);
			client = addr(text);
			assert_int_equal(net_list_has(&a, &client),
			    net_list_has(&b, &client));
			snprintf(text, sizeof(text), "[2001:db8::%x]:25", i);
			client = addr(text);
			assert_int_equal(net_list_has(&a, &client),
			    net_list_has(&b, &client));
		}
		client = addr("unix:/x");
		assert_true(net_list_has(&b, &client));
		client = addr("11.0.0.0:25");
		assert_false(net_list_has(&b, &client));
	}
	b.count = 0;
	net_list_sort(&b);
	assert_false(net_list_has(&b, &client));
}

static void
test_list(void **state)
{
	struct net_list empty = { .count = 0 };
	struct net_addr a = addr("192.0.2.1:25");

	(void)state;
	assert_false(net_list_has(&empty, &a));
	assert_true(in("192.0.2.0/24", "192.0.2.255:25"));
	assert_false(in("192.0.2.0/24", "192.0.3.0:25"));
	assert_true(in("192.0.2.8/29", "192.0.2.15:25"));
	assert_false(in("192.0.2.8/29", "192.0.2.16:25"));
	assert_false(in("192.0.2.8/29", "192.0.2.7:25"));
	assert_true(in("192.0.2.1", "192.0.2.1:25"));
	assert_false(in("192.0.2.1", "192.0.2.0:25"));
	assert_true(in("0.0.0.0/0", "203.0.113.1:25"));
	assert_false(in("0.0.0.0/0", "[2001:db8::1]:25"));
	assert_true(in("128.0.0.0/1", "203.0.113.1:25"));
	assert_false(in("128.0.0.0/1", "127.0.0.1:25"));
	assert_true(in("2001:db8::/32", "[2001:db8:ffff::1]:25"));
	assert_false(in("2001:db8::/32", "[2001:db9::1]:25"));
	assert_true(in("2001:db8:8000::/33", "[2001:db8:8000::1]:25"));
	assert_false(in("2001:db8:8000::/33", "[2001:db8:7fff::1]:25"));
	assert_true(in("::1", "[::1]:25"));
	assert_false(in("::/0", "192.0.2.1:25"));
	/* mapped networks mean IPv4, as mapped clients do */
	assert_true(in("::ffff:192.0.2.0/120", "192.0.2.9:25"));
	assert_true(in("192.0.2.0/24", "[::ffff:192.0.2.9]:25"));
	assert_true(in("unix", "unix:/x"));
	assert_false(in("unix", "127.0.0.1:25"));
	assert_false(in("0.0.0.0/0", "unix:/x"));
}

static bool
is_set_up(int fd)
{
	return (fcntl(fd, F_GETFL) & O_NONBLOCK) != 0 &&
	    (fcntl(fd, F_GETFD) & FD_CLOEXEC) != 0;
}

static void
accept_one(const char *text)
{
	struct net_addr bound = addr(text), peer;
	int on = 0, client, fd, listener = net_listen(&bound, 5);
	socklen_t len = sizeof(on);

	assert_int_not_equal(listener, -1);
	assert_true(is_set_up(listener));
	bound.len = sizeof(bound.ss);
	assert_int_equal(
	    getsockname(listener, (struct sockaddr *)&bound.ss, &bound.len), 0);
	assert_int_equal(net_accept(listener, &peer), -1);
	assert_int_equal(errno, EAGAIN);
	client = socket(bound.ss.ss_family, SOCK_STREAM, 0);
	assert_int_equal(
	    connect(client, (struct sockaddr *)&bound.ss, bound.len), 0);
	fd = net_accept(listener, &peer);
	assert_int_not_equal(fd, -1);
	assert_true(is_set_up(fd));
	assert_true(net_is_loopback(&peer));
	assert_int_equal(peer.ss.ss_family, bound.ss.ss_family);
	if (peer.ss.ss_family != AF_UNIX) {
		assert_true(net_port(&peer) > 0);
		assert_int_equal(
		    getsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, &len), 0);
		assert_true(on);
	}
	if (peer.ss.ss_family == AF_INET6) {
		getsockopt(listener, IPPROTO_IPV6, IPV6_V6ONLY, &on, &len);
		assert_true(on);
	}
	close(fd);
	close(client);
	close(listener);
}

static void
test_listen(void **state)
{
	struct net_addr a = addr("192.0.2.1:0");

	(void)state;
	accept_one("127.0.0.1:0");
	if (access("/proc/net/if_inet6", R_OK) == 0)
		accept_one("[::1]:0");
	assert_int_equal(net_listen(&a, 5), -1);
	assert_int_equal(errno, EADDRNOTAVAIL);
}

static void
test_listen_unix(void **state)
{
	char dir[] = "/tmp/postern-net-XXXXXX", text[64];
	const char *path = text + strlen("unix:");
	struct net_addr a;
	struct stat st;
	int fd;

	(void)state;
	assert_non_null(mkdtemp(dir));
	snprintf(text, sizeof(text), "unix:%s/s", dir);
	accept_one(text);
	accept_one(text); /* the stale one is replaced */
	a = addr(text);
	fd = net_listen(&a, 5);
	assert_int_not_equal(fd, -1);
	assert_int_equal(net_listen(&a, 5), -1); /* one that lives is not */
	assert_int_equal(errno, EADDRINUSE);
	close(fd);
	unlink(path);
	fd = net_listen_as(
	    &a, 5, &(struct net_owner){ .has_mode = true, .mode = 0620 });
	assert_int_not_equal(fd, -1);
	assert_int_equal(stat(path, &st), 0);
	assert_int_equal(st.st_mode & 0777, 0620);
	close(fd);
	unlink(path);
	fd = open(path, O_CREAT | O_WRONLY, 0600);
	close(fd);
	assert_int_equal(net_listen(&a, 5), -1); /* nor what is no socket */
	assert_int_equal(errno, EADDRINUSE);
	assert_int_equal(access(path, F_OK), 0);
	unlink(path);
	rmdir(dir);
}

static void
test_pass_fd(void **state)
{
	int pair[2], fds[2], got;
	char c = 'x';

	(void)state;
	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, pair), 0);
	assert_int_equal(pipe(fds), 0);
	assert_int_equal(net_send_fd(pair[0], fds[1]), 0);
	close(fds[1]);
	got = net_recv_fd(pair[1]);
	assert_int_not_equal(got, -1);
	assert_true(fcntl(got, F_GETFD) & FD_CLOEXEC);
	assert_int_equal(write(got, &c, 1), 1);
	close(got);
	assert_int_equal(read(fds[0], &c, 1), 1);
	assert_int_equal(write(pair[0], &c, 1), 1); /* a byte without one */
	assert_int_equal(net_recv_fd(pair[1]), -1);
	assert_int_equal(errno, EBADMSG);
	assert_int_equal(net_nonblock(pair[1]), 0);
	assert_int_equal(net_recv_fd(pair[1]), -1);
	assert_int_equal(errno, EAGAIN);
	close(pair[0]);
	assert_int_equal(net_recv_fd(pair[1]), -1);
	assert_int_equal(errno, 0);
	assert_int_equal(net_send_fd(pair[1], fds[0]), -1); /* no SIGPIPE */
	close(pair[1]);
	close(fds[0]);
}

/* A message with so many copies of a descriptor. */
static void
send_fds(int sock, int fd, size_t count)
{
	union {
		struct cmsghdr head;
		char space[CMSG_SPACE(sizeof(int) * 20)];
	} control;
	char byte = 0;
	struct iovec iov = { .iov_base = &byte, .iov_len = 1 };
	struct msghdr msg = { .msg_iov = &iov,
		.msg_iovlen = 1,
		.msg_control = &control,
		.msg_controllen = CMSG_SPACE(sizeof(int) * count) };
	struct cmsghdr *cm;
	size_t i;

	memset(&control, 0, sizeof(control));
	cm = CMSG_FIRSTHDR(&msg);
	cm->cmsg_level = SOL_SOCKET;
	cm->cmsg_type = SCM_RIGHTS;
	cm->cmsg_len = CMSG_LEN(sizeof(int) * count);
	for (i = 0; i < count; i++)
		memcpy(CMSG_DATA(cm) + i * sizeof(fd), &fd, sizeof(fd));
	assert_int_equal(sendmsg(sock, &msg, 0), 1);
}

/* Somebody who sends more than one fills nobody's table. */
static void
test_pass_many(void **state)
{
	static const size_t counts[] = { 2, 3, 8, 9, 20 };
	int pair[2], fds[2], got;
	size_t i;
	char c;

	(void)state;
	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, pair), 0);
	for (i = 0; i < nitems(counts); i++) {
		assert_int_equal(pipe(fds), 0);
		send_fds(pair[0], fds[1], counts[i]);
		close(fds[1]);
		assert_int_equal(net_recv_fd(pair[1]), -1);
		assert_int_equal(errno, EBADMSG);
		/* The end: nobody has it open any more. */
		assert_int_equal(net_nonblock(fds[0]), 0);
		assert_int_equal(read(fds[0], &c, 1), 0);
		close(fds[0]);
	}
	send_fds(pair[0], pair[0], 1); /* and it goes on */
	got = net_recv_fd(pair[1]);
	assert_int_not_equal(got, -1);
	close(got);
	close(pair[0]);
	close(pair[1]);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_parse),
		cmocka_unit_test(test_parse_errors),
		cmocka_unit_test(test_split),
		cmocka_unit_test(test_set_port),
		cmocka_unit_test(test_small_buffer),
		cmocka_unit_test(test_compare),
		cmocka_unit_test(test_prefix_errors),
		cmocka_unit_test(test_list),
		cmocka_unit_test(test_sorted_list),
		cmocka_unit_test(test_listen),
		cmocka_unit_test(test_listen_unix),
		cmocka_unit_test(test_pass_fd),
		cmocka_unit_test(test_pass_many),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
