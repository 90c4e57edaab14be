/*
 * The resolver and its servers: what is believed, time-outs, failures, TCP.
 */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <cmocka.h>

#include "fake_resolver.h"

static void
know(int server, const char *line)
{
	assert_true(fake_dns_add(resolvers[server], line));
}

static void
packets_that_are_wrong_are_ignored(void **state)
{
	static unsigned char good[FAKE_DNS_MAX], bad[FAKE_DNS_MAX];
	struct fake_query q, other;
	struct wish *w = wishes;
	size_t len;

	(void)state;
	know(0, "x.test A 192.0.2.1");
	want(w, "x.test", DNS_A);
	assert_true(fake_dns_take(resolvers[0], &q));
	len = fake_dns_reply(resolvers[0], &q, good);
	memcpy(bad, good, len);
	bad[1] ^= 1; /* the id */
	fake_dns_send(resolvers[0], &q, bad, len);
	other = q;
	compat_strlcpy(other.name, "y.test", sizeof(other.name));
	other.msg[13] = 'y'; /* the question */
	fake_dns_send(
	    resolvers[0], &q, bad, fake_dns_reply(resolvers[0], &other, bad));
	memcpy(bad, good, len);
	bad[25] = 14; /* the owner: a pointer to "test" */
	fake_dns_send(resolvers[0], &q, bad, len);
	fake_dns_send(resolvers[0], &q, good, len - 1);
	fake_dns_send(resolvers[0], &q, good, 0);
	fake_dns_send(resolvers[0], &q, bad, 5000); /* far too large */
	turn();
	assert_int_equal(w->got, 0);
	assert_int_equal(dns_counters(dns)->ignored, 6);
	fake_dns_send(resolvers[0], &q, good, len);
	turn();
	assert_int_equal(w->answer->status, DNS_FOUND);
}

/* What comes from elsewhere is not even seen. */
static void
another_port_is_not_the_server(void **state)
{
	static unsigned char good[FAKE_DNS_MAX];
	struct fake_query q;
	struct wish *w = wishes;
	size_t len;

	(void)state;
	resolvers[1] = fake_dns_new(); /* nobody's server */
	know(0, "x.test A 192.0.2.1");
	want(w, "x.test", DNS_A);
	assert_true(fake_dns_take(resolvers[0], &q));
	len = fake_dns_reply(resolvers[0], &q, good);
	fake_dns_send(resolvers[1], &q, good, len);
	turn();
	assert_int_equal(w->got, 0);
	fake_dns_send(resolvers[0], &q, good, len);
	turn();
	assert_int_equal(w->got, 1);
}

/* Each query is from a port and has an id of its own. */
static void
ports_and_ids_are_random(void **state)
{
	struct fake_query q[5];
	char name[20];
	int i, k, same = 0;

	(void)state;
	for (i = 0; i < 5; i++) {
		snprintf(name, sizeof(name), "n%d.test", i);
		want(&wishes[i], name, DNS_A);
		assert_true(fake_dns_take(resolvers[0], &q[i]));
		for (k = 0; k < i; k++) {
			assert_int_not_equal(
			    net_port(&q[i].from), net_port(&q[k].from));
			same += memcmp(q[i].msg, q[k].msg, 2) == 0;
		}
	}
	/* Two equal ids happen, but not all the time. */
	assert_in_range(same, 0, 1);
}

static void
the_next_server_is_asked(void **state)
{
	struct wish *w = wishes;

	(void)state;
	two_servers();
	know(0, "slow.test timeout");
	know(0, "fail.test SERVFAIL");
	know(0, "no.test REFUSED");
	know(1, "slow.test A 192.0.2.1");
	know(1, "fail.test A 192.0.2.1");
	know(1, "no.test A 192.0.2.1");
	want(&w[0], "slow.test", DNS_A);
	want(&w[1], "fail.test", DNS_A);
	want(&w[2], "no.test", DNS_A);
	settle();
	assert_int_equal(w[0].got, 0);
	assert_int_equal(w[1].answer->status, DNS_FOUND);
	assert_int_equal(w[2].answer->status, DNS_FOUND);
	assert_int_equal(dns_counters(dns)->failed, 2);
	loop_advance(loop, 1000);
	settle();
	assert_int_equal(w[0].answer->status, DNS_FOUND);
	assert_int_equal(dns_counters(dns)->timeouts, 1);
}

/* When all have said so, nothing is to be gained by waiting. */
static void
all_servers_fail(void **state)
{
	struct wish *w = wishes;

	(void)state;
	two_servers();
	know(0, "x.test SERVFAIL");
	know(1, "x.test REFUSED");
	want(w, "x.test", DNS_A);
	settle();
	assert_true(is_unknown(w, "REFUSED"));
	/* For a few seconds that is remembered. */
	want(w, "x.test", DNS_A);
	assert_true(is_unknown(w, "REFUSED"));
	loop_advance(loop, 5000);
	fake_dns_forget(resolvers[0]);
	know(0, "x.test A 192.0.2.1");
	want(w, "x.test", DNS_A);
	settle();
	assert_int_equal(w->answer->status, DNS_FOUND);
}

/* The server is asked again, with more patience each time, until the end. */
static void
time_is_limited(void **state)
{
	struct wish *w = wishes;

	(void)state;
	know(0, "x.test timeout");
	want(w, "x.test", DNS_A);
	settle();
	assert_int_equal(fake_dns_queries(resolvers[0]), 1);
	loop_advance(loop, 999);
	settle();
	assert_int_equal(fake_dns_queries(resolvers[0]), 1);
	loop_advance(loop, 1);
	settle();
	assert_int_equal(fake_dns_queries(resolvers[0]), 2);
	loop_advance(loop, 2000);
	settle();
	assert_int_equal(fake_dns_queries(resolvers[0]), 3);
	loop_advance(loop, 1999);
	assert_int_equal(w->got, 0);
	loop_advance(loop, 1);
	assert_true(is_unknown(w, "timed out"));
	assert_int_equal(dns_counters(dns)->timeouts, 3);
	assert_int_equal(dns_outstanding(dns), 0);
}

/* An answer to a query that was given up does no harm. */
static void
a_late_answer(void **state)
{
	static unsigned char good[FAKE_DNS_MAX];
	struct fake_query q, again;
	struct wish *w = wishes;
	size_t len;

	(void)state;
	know(0, "x.test A 192.0.2.1");
	want(w, "x.test", DNS_A);
	assert_true(fake_dns_take(resolvers[0], &q));
	len = fake_dns_reply(resolvers[0], &q, good);
	loop_advance(loop, 1000);
	assert_true(fake_dns_take(resolvers[0], &again));
	fake_dns_send(resolvers[0], &q, good, len);
	turn();
	assert_int_equal(w->got, 0);
	len = fake_dns_reply(resolvers[0], &again, good);
	fake_dns_send(resolvers[0], &again, good, len);
	turn();
	assert_int_equal(w->got, 1);
	fake_dns_send(resolvers[0], &again, good, len);
	turn();
	assert_int_equal(w->got, 1);
}

/* A silent server is asked behind the others, until it answers again. */
static void
a_silent_server_is_avoided(void **state)
{
	struct wish *w = wishes;
	unsigned before;
	char name[20];
	int i;

	(void)state;
	two_servers();
	know(0, "n0.test timeout");
	know(0, "n1.test timeout");
	know(0, "n2.test timeout");
	for (i = 0; i < 3; i++) {
		snprintf(name, sizeof(name), "n%d.test", i);
		want(&w[i], name, DNS_A);
	}
	settle();
	loop_advance(loop, 1000);
	settle();
	assert_int_equal(w[2].answer->status, DNS_NXDOMAIN);
	before = fake_dns_queries(resolvers[0]);
	want(&w[3], "n4.test", DNS_A);
	settle();
	assert_int_equal(w[3].got, 1);
	assert_int_equal(fake_dns_queries(resolvers[0]), before);
	loop_advance(loop, 2000);
	want(&w[3], "n5.test", DNS_A);
	settle();
	assert_int_equal(fake_dns_queries(resolvers[0]), before + 1);
}

/* A port that is closed is noticed at once, and the server may come back. */
static void
a_server_that_is_restarted(void **state)
{
	struct wish *w = wishes;

	(void)state;
	know(0, "x.test A 192.0.2.1");
	fake_dns_stop(resolvers[0]);
	want(w, "x.test", DNS_A);
	settle();
	assert_int_equal(w->got, 0);
	fake_dns_start(resolvers[0]);
	loop_advance(loop, 999);
	settle();
	assert_int_equal(w->got, 0);
	loop_advance(loop, 1);
	settle();
	assert_int_equal(w->answer->status, DNS_FOUND);
	assert_int_equal(dns_counters(dns)->timeouts, 0);
}

static void
truncated_answers_come_over_tcp(void **state)
{
	struct wish *w = wishes;
	char line[300];
	int i;

	(void)state;
	for (i = 0; i < 100; i++) {
		snprintf(line, sizeof(line), "x.test TXT \"%0250d\"", i);
		know(0, line);
	}
	want(w, "x.test", DNS_TXT);
	settle();
	assert_int_equal(w->answer->count, 100);
	assert_int_equal(w->answer->records[99].len, 250);
	assert_int_equal(dns_counters(dns)->tcp, 1);
	assert_int_equal(dns_counters(dns)->queries, 2);
}

/* Over TCP everything may be cut, late or wrong, too. */
static void
tcp_that_fails(void **state)
{
	static unsigned char msg[FAKE_DNS_MAX];
	struct fake_query q;
	struct wish *w = wishes;
	size_t len;
	int i;

	(void)state;
	know(0, "x.test A 192.0.2.1");
	want(w, "x.test", DNS_A);
	for (i = 0; i < 3; i++) {
		assert_true(fake_dns_take(resolvers[0], &q));
		assert_int_equal(q.tcp, -1);
		len = fake_dns_reply(resolvers[0], &q, msg);
		msg[2] |= 2;
		fake_dns_send(resolvers[0], &q, msg, len);
		turn();
		assert_true(fake_dns_take(resolvers[0], &q));
		assert_true(q.tcp >= 0);
		len = fake_dns_reply(resolvers[0], &q, msg);
		if (i == 0) { /* truncated, which TCP can not be */
			msg[2] |= 2;
			fake_dns_send(resolvers[0], &q, msg, len);
		} else if (i == 1) {
			fake_dns_stop(resolvers[0]);
			fake_dns_start(resolvers[0]);
		} else
			fake_dns_send(resolvers[0], &q, msg, len);
		turn();
		if (i < 2) {
			assert_int_equal(w->got, 0);
			loop_advance(loop, 1000 << i);
		}
	}
	assert_int_equal(w->answer->status, DNS_FOUND);
	assert_int_equal(dns_counters(dns)->ignored, 1);
}

static void
a_server_without_edns(void **state)
{
	static unsigned char msg[FAKE_DNS_MAX];
	struct fake_query q;
	struct wish *w = wishes;

	(void)state;
	know(0, "x.test FORMERR");
	want(w, "x.test", DNS_A);
	assert_true(fake_dns_take(resolvers[0], &q));
	assert_int_equal(q.msg[11], 1); /* an additional record */
	fake_dns_send(
	    resolvers[0], &q, msg, fake_dns_reply(resolvers[0], &q, msg));
	turn();
	fake_dns_forget(resolvers[0]);
	know(0, "x.test A 192.0.2.1");
	assert_true(fake_dns_take(resolvers[0], &q));
	assert_int_equal(q.msg[11], 0);
	fake_dns_send(
	    resolvers[0], &q, msg, fake_dns_reply(resolvers[0], &q, msg));
	turn();
	assert_int_equal(w->answer->status, DNS_FOUND);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(packets_that_are_wrong_are_ignored),
		TEST(another_port_is_not_the_server),
		TEST(ports_and_ids_are_random),
		TEST(the_next_server_is_asked),
		TEST(all_servers_fail),
		TEST(time_is_limited),
		TEST(a_late_answer),
		TEST(a_silent_server_is_avoided),
		TEST(a_server_that_is_restarted),
		TEST(truncated_answers_come_over_tcp),
		TEST(tcp_that_fails),
		TEST(a_server_without_edns),
	};

	return cmocka_run_group_tests_name("dns_query", tests, NULL, NULL);
}
