/*
 * The resolver: cache, single flight, aliases, limits, cancellation.
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
an_answer(void **state)
{
	struct wish *w = &wishes[0];

	(void)state;
	know(0, "x.test 60 A 192.0.2.1");
	want(w, "X.Test.", DNS_A);
	assert_null(w->answer);
	settle();
	assert_int_equal(w->got, 1);
	assert_int_equal(w->answer->status, DNS_FOUND);
	assert_string_equal(w->answer->name, "x.test");
	assert_int_equal(w->answer->until, START + 60000);
	assert_int_equal(dns_outstanding(dns), 0);
	assert_int_equal(dns_counters(dns)->queries, 1);
}

static void
kept_until_it_is_old(void **state)
{
	struct wish *w = wishes;

	(void)state;
	know(0, "x.test 60 A 192.0.2.1");
	want(w, "x.test", DNS_A);
	settle();
	loop_advance(loop, 59999);
	want(w, "x.test", DNS_A);
	assert_non_null(w->answer); /* at once */
	assert_int_equal(dns_counters(dns)->cached, 1);
	loop_advance(loop, 1);
	want(w, "x.test", DNS_A);
	assert_null(w->answer);
	settle();
	assert_int_equal(w->answer->status, DNS_FOUND);
	assert_int_equal(dns_counters(dns)->queries, 2);
}

static void
negative_answers_are_kept(void **state)
{
	struct wish *w = wishes;

	(void)state;
	know(0, "x.test A 192.0.2.1");
	want(&w[0], "x.test", DNS_MX);
	want(&w[1], "y.test", DNS_MX);
	settle();
	assert_int_equal(w[0].answer->status, DNS_NONE);
	assert_int_equal(w[1].answer->status, DNS_NXDOMAIN);
	loop_advance(loop, 59999); /* the SOA's minimum is 60 */
	want(&w[0], "x.test", DNS_MX);
	want(&w[1], "y.test", DNS_MX);
	assert_int_equal(w[0].answer->status, DNS_NONE);
	assert_int_equal(w[1].answer->status, DNS_NXDOMAIN);
	loop_advance(loop, 1);
	want(&w[0], "x.test", DNS_MX);
	assert_null(w[0].answer);
}

static void
lifetimes_have_bounds(void **state)
{
	struct wish *w = wishes;

	(void)state;
	know(0, "long.test 99999999 A 192.0.2.1");
	know(0, "none.test 0 A 192.0.2.1");
	want(&w[0], "long.test", DNS_A);
	want(&w[1], "none.test", DNS_A);
	settle();
	assert_int_equal(w[0].answer->until, START + 3600 * 1000);
	assert_int_equal(w[1].answer->until, START + 1000);
}

static void
equal_questions_are_asked_once(void **state)
{
	struct wish *w = wishes;

	(void)state;
	know(0, "x.test A 192.0.2.1");
	want(&w[0], "x.test", DNS_A);
	want(&w[1], "X.TEST", DNS_A);
	want(&w[2], "x.test", DNS_A);
	want(&w[3], "x.test", DNS_AAAA);
	w[0].cancel = &w[1];
	settle();
	assert_int_equal(fake_dns_queries(resolvers[0]), 2);
	assert_int_equal(w[0].got, 1);
	assert_int_equal(w[1].got, 0);
	assert_int_equal(w[2].got, 1);
	assert_ptr_equal(w[0].answer, w[2].answer);
	assert_int_equal(w[3].answer->status, DNS_NONE);
}

static void
a_callback_may_ask_again(void **state)
{
	struct wish *w = wishes;

	(void)state;
	know(0, "x.test A 192.0.2.1");
	know(0, "y.test A 192.0.2.2");
	w[0].next = "y.test";
	want(&w[0], "x.test", DNS_A);
	settle();
	assert_int_equal(w[1].got, 1);
	w[2].next = "x.test"; /* is in the cache by now */
	want(&w[2], "z.test", DNS_A);
	settle();
	assert_non_null(w[3].answer);
	assert_int_equal(w[3].got, 0);
}

/* A server that gives an alias and nothing else. */
static size_t
alias_only(const struct fake_query *q, unsigned char *msg)
{
	size_t len = fake_dns_reply(resolvers[0], q, msg);

	/* The records: one CNAME, its target of six octets by name; the SOA
	 * behind it is dropped. */
	msg[3] &= 0xf0;
	msg[7] = 1;
	msg[9] = 0;
	return len > 0 ? 12 + 8 + 4 + 12 + 4 : 0;
}

static void
aliases_are_followed(void **state)
{
	static unsigned char msg[FAKE_DNS_MAX];
	struct fake_query q;
	struct wish *w = wishes;
	char line[40];
	int i;

	(void)state;
	for (i = 0; i < 9; i++) {
		snprintf(line, sizeof(line), "%d.test %d CNAME %d.test.", i,
		    100 - i, i + 1);
		know(0, line);
	}
	know(0, "x.test A 192.0.2.1");
	want(w, "6.test", DNS_A);
	for (i = 6; i < 9; i++) {
		assert_true(fake_dns_take(resolvers[0], &q));
		assert_int_equal(q.name[0], '0' + i);
		fake_dns_send(resolvers[0], &q, msg, alias_only(&q, msg));
		turn();
	}
	fake_dns_forget(resolvers[0]);
	know(0, "9.test A 192.0.2.9");
	settle();
	assert_int_equal(w->answer->status, DNS_FOUND);
	assert_string_equal(w->answer->name, "6.test");
	assert_int_equal(w->answer->aliases, 3);
	assert_int_equal(w->answer->ttl, 92);
}

static void
aliases_without_an_end(void **state)
{
	static unsigned char msg[FAKE_DNS_MAX];
	struct fake_query q;
	struct wish *w = wishes;
	int i;

	(void)state;
	know(0, "a.test CNAME b.test.");
	know(0, "b.test CNAME a.test.");
	want(w, "a.test", DNS_A);
	settle(); /* all in one reply */
	assert_true(is_unknown(w, "too many aliases"));
	loop_advance(loop, 5000);
	want(w, "a.test", DNS_A);
	for (i = 0; i < 9 && w->got == 0; i++) {
		assert_true(fake_dns_take(resolvers[0], &q));
		fake_dns_send(resolvers[0], &q, msg, alias_only(&q, msg));
		turn();
	}
	assert_int_equal(i, 9);
	assert_true(is_unknown(w, "too many aliases"));
}

static void
too_many_at_once(void **state)
{
	struct wish *w = wishes;
	char name[20];
	int i;

	(void)state;
	know(0, "n5.test A 192.0.2.1");
	for (i = 0; i < 6; i++) {
		snprintf(name, sizeof(name), "n%d.test", i);
		want(&w[i], name, DNS_A);
	}
	assert_true(is_unknown(&w[5], "too many lookups are under way"));
	want(&w[6], "n0.test", DNS_A); /* is under way already */
	assert_null(w[6].answer);
	dns_cancel(&w[1].wait);
	want(&w[5], "n5.test", DNS_A); /* and it was not kept */
	assert_null(w[5].answer);
	settle();
	assert_int_equal(w[5].answer->status, DNS_FOUND);
}

static void
what_is_no_name_does_not_exist(void **state)
{
	struct wish *w = wishes;

	(void)state;
	want(w, "a..b", DNS_A);
	assert_int_equal(w->answer->status, DNS_NXDOMAIN);
	want(w, "", DNS_A);
	assert_int_equal(w->answer->status, DNS_NXDOMAIN);
	settle();
	assert_int_equal(fake_dns_queries(resolvers[0]), 0);
}

/* Before the query is read, behind a time-out, in a pause, with TCP. */
static void
cancelled_at_any_time(void **state)
{
	static unsigned char msg[FAKE_DNS_MAX];
	struct fake_query q;
	struct wish *w = wishes;
	size_t len;
	int i;

	(void)state;
	know(0, "x.test A 192.0.2.1");
	for (i = 0; i < 5; i++) {
		want(w, "x.test", DNS_A);
		if (i == 1) /* asked again */
			loop_advance(loop, 1000);
		if (i == 2) { /* in a pause */
			fake_dns_stop(resolvers[0]);
			loop_advance(loop, 1000);
			fake_dns_start(resolvers[0]);
		}
		if (i >= 3) {
			assert_true(fake_dns_take(resolvers[0], &q));
			len = fake_dns_reply(resolvers[0], &q, msg);
			msg[2] |= 2;
			fake_dns_send(resolvers[0], &q, msg, len);
			loop_turn(loop, false);
			assert_int_equal(conn_outstanding(), 1);
		}
		if (i == 4)
			turn(); /* the TCP connection is there */
		dns_cancel(&w->wait);
		dns_cancel(&w->wait);
		assert_int_equal(dns_outstanding(dns), 0);
		settle();
		loop_advance(loop, 10000);
		settle();
		assert_int_equal(w->got, 0);
		assert_int_equal(conn_outstanding(), 0);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(an_answer),
		TEST(kept_until_it_is_old),
		TEST(negative_answers_are_kept),
		TEST(lifetimes_have_bounds),
		TEST(equal_questions_are_asked_once),
		TEST(a_callback_may_ask_again),
		TEST(aliases_are_followed),
		TEST(aliases_without_an_end),
		TEST(too_many_at_once),
		TEST(what_is_no_name_does_not_exist),
		TEST(cancelled_at_any_time),
	};

	return cmocka_run_group_tests_name("dns", tests, NULL, NULL);
}
