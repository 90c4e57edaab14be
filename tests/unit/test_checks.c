/*
 * Active checks, and connections that are opened in advance: what a server
 * sees, and what is known of it afterwards.  The clock is scripted, sockets are
 * real.
 */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "fake_pool.h"

#include "checks.h"
#include "greet.h"
#include "log.h"
#include "relay.h"

#define NOBODY "127.0.0.1:1"

extern const struct backend backend_lmtp;

static struct relay *relay;
static struct greets *greets;
static struct checks *checks;
static char logged[2000];

static void
on_log(const char *line, size_t len)
{
	(void)len;
	if (strstr(line, "event=server") != NULL)
		compat_strlcpy(logged, line, sizeof(logged));
}

static int
set_up(void **state)
{
	if (setup(state) == -1)
		return -1;
	conf.type = &backend_lmtp;
	conf.connect_timeout = 1000;
	conf.reply_timeout = 1000;
	conf.check = (struct check_conf){
		.interval = 5000, .timeout = 3000, .fall = 2, .rise = 2
	};
	logged[0] = '\0';
	log_capture(on_log);
	return 0;
}

static void
start(void)
{
	begin();
	relay = relay_new(loop, &conf, 1, NULL, -1, "gw.test");
	greets = greets_new(loop, relay);
	checks = checks_new(loop, &conf, 1, shared, NULL, greets);
}

static int
tear_down(void **state)
{
	greets_free(&greets);
	checks_free(&checks);
	relay_free(&relay);
	log_capture(NULL);
	loop_turn(loop, false);
	return teardown(state);
}

static struct servers_status
status(int server)
{
	struct servers_policy p = pool_policy(&conf);
	struct servers_status st;

	assert_true(servers_status(
	    shared, servers[server].index, &p, loop_now(loop), &st));
	return st;
}

static void
say(int fd, const char *text)
{
	assert_int_equal(write(fd, text, strlen(text)), strlen(text));
}

static void
assert_hears(int fd, const char *text)
{
	char buf[200];
	ssize_t n = -1;
	int i;

	for (i = 0; i < 5000 && n < 0; i++) {
		loop_turn(loop, false);
		n = read(fd, buf, sizeof(buf) - 1);
		usleep(1000);
	}
	assert_true(n >= 0);
	buf[n] = '\0';
	assert_string_equal(buf, text);
}

static void
until_logged(const char *text)
{
	int i;

	for (i = 0; i < 5000 && strstr(logged, text) == NULL; i++) {
		loop_turn(loop, false);
		usleep(1000);
	}
	if (strstr(logged, text) == NULL)
		fail_msg("no %s in %s", text, logged);
}

/* The next check; the server takes it and says this first. */
static int
next_check(int64_t after, const char *text)
{
	int fd;

	loop_advance(loop, after);
	fd = accepted(0);
	assert_true(net_nonblock(fd) == 0);
	if (text != NULL)
		say(fd, text);
	return fd;
}

static void
good_check(int64_t after)
{
	int fd = next_check(after, "220 hi\r\n");

	assert_hears(fd, "LHLO gw.test\r\n");
	say(fd, "250-me\r\n250 PIPELINING\r\n");
	assert_hears(fd, "QUIT\r\n");
	close(fd);
	loop_turn(loop, false);
}

static void
bad_check(int64_t after, const char *text)
{
	int fd = next_check(after, text);

	assert_hears(fd, "");
	close(fd);
}

static void
test_good(void **state)
{
	(void)state;
	start();
	good_check(1);
	good_check(5000);
	assert_int_equal(status(0).state, SERVERS_UP);
	assert_string_equal(logged, "");
	/* it counts for nobody's totals */
	assert_int_equal(total(STATS_OPENED), 0);
}

/* There is no client whom a check could name. */
static void
test_xclient(void **state)
{
	int fd;

	(void)state;
	conf.identify = DL_IDENTIFY_XCLIENT;
	conf.check.fall = 1;
	start();
	fd = next_check(1, "220 hi\r\n");
	assert_hears(fd, "LHLO gw.test\r\n");
	say(fd, "250-me\r\n250 XCLIENT ADDR PORT\r\n");
	assert_hears(fd, "QUIT\r\n");
	close(fd);
	loop_turn(loop, false);
	assert_int_equal(status(0).state, SERVERS_UP);
	/* without it no client could be named, either */
	fd = next_check(5000, "220 hi\r\n");
	assert_hears(fd, "LHLO gw.test\r\n");
	say(fd, "250 me\r\n");
	until_logged("state=down why=\"xclient-missing: ");
	close(fd);
}

/* To Postfix PROXY UNKNOWN is an error. */
static void
test_proxy(void **state)
{
	char wanted[100];
	struct net_addr from;
	struct sockaddr_storage ss;
	socklen_t len = sizeof(ss);
	int fd;

	(void)state;
	conf.identify = DL_IDENTIFY_PROXY_V1;
	start();
	fd = next_check(1, NULL);
	assert_int_equal(getpeername(fd, (struct sockaddr *)&ss, &len), 0);
	net_from_sockaddr(&from, (struct sockaddr *)&ss, len);
	snprintf(wanted, sizeof(wanted),
	    "PROXY TCP4 127.0.0.1 127.0.0.1 %d %d\r\n", net_port(&from),
	    net_port(&servers[0].addrs[0]));
	assert_hears(fd, wanted);
	close(fd);
}

static void
test_fall_and_rise(void **state)
{
	int fd;

	(void)state;
	start();
	good_check(1);
	bad_check(5000, "421 4.3.2 full\r\n");
	assert_int_equal(status(0).state, SERVERS_UP);
	/* now it is looked at more often */
	good_check(1000);
	bad_check(5000, "421 4.3.2 full\r\n");
	fd = next_check(1000, "554 no\r\n");
	until_logged("event=server backend=test server=a state=down "
		     "why=\"the server said 554 no\"");
	close(fd);
	assert_int_equal(status(0).state, SERVERS_DOWN);
	assert_false(pool_has_other(pools[0], 0));
	good_check(5000);
	assert_int_equal(status(0).state, SERVERS_DOWN);
	/* checks decide: nobody tries */
	assert_false(pool_has_other(pools[0], 0));
	good_check(1000);
	until_logged("server=a state=up");
	assert_int_equal(status(0).state, SERVERS_UP);
	assert_true(pool_has_other(pools[0], 0));
}

/* It accepts and hangs: at the banner, behind EHLO. */
static void
test_hangs(void **state)
{
	int fd;

	(void)state;
	conf.check.fall = 1;
	conf.check.rise = 1;
	start();
	fd = next_check(1, NULL);
	loop_turn(loop, false);
	loop_advance(loop, 1000);
	until_logged("state=down why=\"no reply in time\"");
	assert_hears(fd, "");
	close(fd);
	good_check(5000);
	until_logged("state=up");
	fd = next_check(5000, "220 hi\r\n");
	assert_hears(fd, "LHLO gw.test\r\n");
	loop_advance(loop, 1000);
	until_logged("state=down");
	close(fd);
}

static void
test_nobody_listens(void **state)
{
	(void)state;
	conf.check.fall = 1;
	kill_server(0);
	start();
	loop_advance(loop, 1);
	until_logged("why=\"can not connect: Connection refused\"");
	assert_int_equal(status(0).state, SERVERS_DOWN);
}

/* Failures of deliveries and of checks are added. */
static void
test_deliveries_count(void **state)
{
	(void)state;
	start();
	assert_true(ask(0));
	close(accepted(0));
	pool_blame(wishes[0].link, "it closed");
	pool_drop(&wishes[0].link);
	assert_int_equal(status(0).state, SERVERS_UP);
	bad_check(1, "421 x\r\n");
	until_logged("state=down why=\"the server said 421 x\"");
}

static void
test_second_address(void **state)
{
	const char *err;

	(void)state;
	conf.check.fall = 1;
	servers[0].addrs[1] = servers[0].addrs[0];
	servers[0].addr_count = 2;
	assert_int_equal(net_parse(NOBODY, &servers[0].addrs[0], &err), 0);
	start();
	good_check(1);
	assert_int_equal(status(0).state, SERVERS_UP);
}

static void
test_no_section(void **state)
{
	(void)state;
	conf.check.interval = 0;
	assert_false(checks_wanted(&conf, 1));
	start();
	loop_advance(loop, 60000);
	assert_int_equal(net_accept(listeners[0], &servers[1].addrs[0]), -1);
}

static void
test_end_under_way(void **state)
{
	int fd;

	(void)state;
	start();
	fd = next_check(1, "220 hi\r\n");
	assert_hears(fd, "LHLO gw.test\r\n");
	close(fd);
	/* tear_down() finds no leak */
}

/* Connections that are opened in advance. */

static void
serve_pools(void)
{
	conf.check.interval = 0;
	conf.pool.min = 1;
	conf.connect_timeout = conf.reply_timeout = 3600000;
	start();
	greets_serve(greets, pools[0]);
	greets_serve(greets, pools[1]);
}

static int
opened_in_advance(int64_t after)
{
	int fd = next_check(after, "220 hi\r\n");

	assert_hears(fd, "LHLO gw.test\r\n");
	say(fd, "250 me\r\n");
	until_idle_is(1);
	return fd;
}

static void
test_advance(void **state)
{
	int fd;

	(void)state;
	serve_pools();
	fd = opened_in_advance(1);
	/* one of both workers, and for good */
	loop_advance(loop, 40000);
	assert_int_equal(total(STATS_IDLE), 1);
	assert_int_equal(total(STATS_OPENED), 1);
	/* until it is too old */
	loop_advance(loop, 20001);
	until_idle_is(0);
	assert_hears(fd, "QUIT\r\n");
	close(fd);
	close(opened_in_advance(1000));
}

/* More than that are kept as always. */
static void
test_advance_and_more(void **state)
{
	(void)state;
	serve_pools();
	close(opened_in_advance(1));
	until_idle_is(0);
	assert_true(ask(0) && ask(1));
	give(0);
	give(1);
	assert_int_equal(total(STATS_IDLE), 2);
	loop_advance(loop, 9000);
	assert_int_equal(total(STATS_IDLE), 2);
	loop_advance(loop, 21001);
	assert_int_equal(total(STATS_IDLE), 1);
}

static void
test_advance_refused(void **state)
{
	int fd;

	(void)state;
	serve_pools();
	fd = next_check(1, "421 full\r\n");
	assert_hears(fd, "");
	close(fd);
	assert_int_equal(total(STATS_LINKS), 0);
	assert_int_equal(total(STATS_FAILED), 1);
	/* not for drained ones, and not when the worker drains */
	servers_drain(shared, "test/a", loop_now(loop));
	loop_advance(loop, 5000);
	assert_int_equal(total(STATS_OPENED), 1);
	servers_enable(shared, "test/a", loop_now(loop));
	pool_close_idle(pools[0]);
	pool_close_idle(pools[1]);
	loop_advance(loop, 5000);
	assert_int_equal(total(STATS_OPENED), 1);
}

#define CHECK(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		CHECK(test_good),
		CHECK(test_xclient),
		CHECK(test_proxy),
		CHECK(test_fall_and_rise),
		CHECK(test_hangs),
		CHECK(test_nobody_listens),
		CHECK(test_deliveries_count),
		CHECK(test_second_address),
		CHECK(test_no_section),
		CHECK(test_end_under_way),
		CHECK(test_advance),
		CHECK(test_advance_and_more),
		CHECK(test_advance_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
