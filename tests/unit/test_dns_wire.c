/*
 * DNS messages: what a reply must be to be believed, and what is read from it.
 */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <cmocka.h>

#include "compat.h"
#include "dns_wire.h"
#include "fake_dns.h"

#define ID 0x1234

static struct fake_dns *server; /* only to make replies */
static unsigned char reply[FAKE_DNS_MAX];
static size_t len;
static struct dns_answer *answer;
static struct dns_wire_note note;

static int
setup(void **state)
{
	(void)state;
	server = fake_dns_new();
	answer = NULL;
	return 0;
}

static int
teardown(void **state)
{
	(void)state;
	dns_answer_unref(&answer);
	fake_dns_free(&server);
	return 0;
}

static void
know(const char *line)
{
	assert_true(fake_dns_add(server, line));
}

/* Makes the reply to a question; the name in the query may be another one. */
static void
make(const char *name, enum dns_type type)
{
	struct fake_query q = { .tcp = 0 };

	q.len = dns_wire_query(q.msg, ID, name, type, true);
	assert_true(q.len > 0);
	compat_strlcpy(q.name, name, sizeof(q.name));
	compat_strlcpy(q.type, dns_type_name(type), sizeof(q.type));
	len = fake_dns_reply(server, &q, reply);
	assert_true(len > 0);
}

static enum dns_wire_found
read_as(const char *name, enum dns_type type)
{
	dns_answer_unref(&answer);
	answer = dns_answer_new(name, type);
	return dns_wire_read(reply, len, ID, name, answer, &note);
}

static enum dns_wire_found
ask(const char *name, enum dns_type type)
{
	make(name, type);
	return read_as(name, type);
}

static void
records_of_every_type(void **state)
{
	char text[NET_TEXT_MAX];

	(void)state;
	know("x.test 60 A 192.0.2.1");
	know("x.test 50 A 192.0.2.2");
	know("x.test AAAA 2001:db8::1");
	know("x.test MX 20 B.X.test.");
	know("x.test MX 10 a.x.test.");
	know("x.test MX 30 c.x.test.");
	know("null.test MX 0 .");
	know("x.test PTR odd\\ name\\.x.Test.");
	know("x.test TXT \"v=spf1 \" \"-all\"");
	know("alias.test CNAME X.test.");

	assert_int_equal(ask("x.test", DNS_A), DNS_WIRE_ANSWER);
	assert_int_equal(answer->status, DNS_FOUND);
	assert_int_equal(answer->count, 2);
	assert_int_equal(answer->ttl, 50);
	assert_string_equal(
	    net_ip(&answer->records[1].addr, text, sizeof(text)), "192.0.2.2");
	assert_int_equal(ask("x.test", DNS_AAAA), DNS_WIRE_ANSWER);
	assert_string_equal(
	    net_ip(&answer->records[0].addr, text, sizeof(text)),
	    "2001:db8::1");
	assert_int_equal(ask("x.test", DNS_MX), DNS_WIRE_ANSWER);
	assert_int_equal(answer->count, 3);
	assert_string_equal(answer->records[0].name, "a.x.test");
	assert_int_equal(answer->records[0].preference, 10);
	assert_string_equal(answer->records[1].name, "b.x.test");
	assert_int_equal(answer->records[2].preference, 30);
	assert_int_equal(ask("null.test", DNS_MX), DNS_WIRE_ANSWER);
	assert_string_equal(answer->records[0].name, "");
	assert_int_equal(ask("x.test", DNS_PTR), DNS_WIRE_ANSWER);
	assert_string_equal(answer->records[0].name, "odd\\032name\\.x.test");
	assert_int_equal(ask("x.test", DNS_TXT), DNS_WIRE_ANSWER);
	assert_string_equal(answer->records[0].text, "v=spf1 -all");
	assert_int_equal(answer->records[0].len, 11);
	assert_int_equal(ask("alias.test", DNS_CNAME), DNS_WIRE_ANSWER);
	assert_string_equal(answer->records[0].name, "x.test");
	assert_int_equal(answer->aliases, 0);
}

static void
there_is_none(void **state)
{
	(void)state;
	know("x.test A 192.0.2.1");
	assert_int_equal(ask("x.test", DNS_MX), DNS_WIRE_ANSWER);
	assert_int_equal(answer->status, DNS_NONE);
	assert_int_equal(answer->count, 0);
	assert_int_equal(answer->ttl, 60); /* the SOA's minimum */
	assert_int_equal(ask("y.test", DNS_MX), DNS_WIRE_ANSWER);
	assert_int_equal(answer->status, DNS_NXDOMAIN);
	assert_int_equal(answer->ttl, 60);
}

static void
codes_are_no_answers(void **state)
{
	(void)state;
	know("s.test SERVFAIL");
	know("r.test REFUSED");
	know("n.test NOTIMPL");
	know("f.test FORMERR");
	know("o.test NOTAUTH");
	assert_int_equal(ask("s.test", DNS_A), DNS_WIRE_FAILED);
	assert_string_equal(note.reason, "SERVFAIL");
	assert_false(note.no_edns);
	assert_int_equal(ask("r.test", DNS_A), DNS_WIRE_FAILED);
	assert_string_equal(note.reason, "REFUSED");
	assert_int_equal(ask("n.test", DNS_A), DNS_WIRE_FAILED);
	assert_true(note.no_edns);
	assert_int_equal(ask("f.test", DNS_A), DNS_WIRE_FAILED);
	assert_true(note.no_edns);
	assert_int_equal(ask("o.test", DNS_A), DNS_WIRE_FAILED);
	assert_non_null(note.reason);
	assert_int_equal(answer->status, DNS_UNKNOWN);
}

/* A reply without a question is only believed when it is about the query's
 * form. */
static void
a_reply_without_a_question(void **state)
{
	(void)state;
	know("f.test FORMERR");
	know("s.test SERVFAIL");
	make("f.test", DNS_A);
	reply[5] = 0;
	len = 12;
	assert_int_equal(read_as("f.test", DNS_A), DNS_WIRE_FAILED);
	make("s.test", DNS_A);
	reply[5] = 0;
	len = 12;
	assert_int_equal(read_as("s.test", DNS_A), DNS_WIRE_FOREIGN);
}

static void
what_is_no_reply_to_the_question(void **state)
{
	size_t cut;

	(void)state;
	know("x.test A 192.0.2.1");
	make("x.test", DNS_A);
	assert_int_equal(read_as("y.test", DNS_A), DNS_WIRE_FOREIGN);
	assert_int_equal(read_as("x.test", DNS_AAAA), DNS_WIRE_FOREIGN);
	assert_int_equal(read_as("x.test", DNS_A), DNS_WIRE_ANSWER);
	reply[0] ^= 1; /* the id */
	assert_int_equal(read_as("x.test", DNS_A), DNS_WIRE_FOREIGN);
	reply[0] ^= 1;
	reply[2] ^= 0x80; /* a query */
	assert_int_equal(read_as("x.test", DNS_A), DNS_WIRE_FOREIGN);
	reply[2] ^= 0x80;
	reply[2] ^= 0x20; /* another operation */
	assert_int_equal(read_as("x.test", DNS_A), DNS_WIRE_FOREIGN);
	reply[2] ^= 0x20;
	reply[5] = 2; /* questions */
	assert_int_equal(read_as("x.test", DNS_A), DNS_WIRE_FOREIGN);
	reply[5] = 1;
	/* Case is not the server's to keep. */
	reply[13] = 'X';
	assert_int_equal(read_as("x.test", DNS_A), DNS_WIRE_ANSWER);
	for (cut = len; cut-- > 0;) {
		len = cut;
		assert_int_equal(read_as("x.test", DNS_A), DNS_WIRE_FOREIGN);
	}
}

/* The owner of a record, in the answer section behind the question, is made
 * another one's. */
static void
records_of_others_do_not_count(void **state)
{
	unsigned char *p;

	(void)state;
	know("x.test A 192.0.2.1");
	make("x.test", DNS_A);
	/* 12 octets of header, x.test, type and class; then a pointer to 12,
	 * which is made one to "test" */
	p = reply + 12 + 8 + 4;
	assert_int_equal(p[0], 0xc0);
	assert_int_equal(p[1], 12);
	p[1] = 14;
	assert_int_equal(read_as("x.test", DNS_A), DNS_WIRE_FOREIGN);
	p[1] = 12;
	p[5] = 3; /* the class */
	assert_int_equal(read_as("x.test", DNS_A), DNS_WIRE_FOREIGN);
	p[5] = 1;
	p[6] = 0x80; /* a TTL that can not be meant */
	assert_int_equal(read_as("x.test", DNS_A), DNS_WIRE_ANSWER);
	assert_int_equal(answer->ttl, 0);
}

/* One of two. */
static void
a_record_of_somebody_else_among_them(void **state)
{
	char text[NET_TEXT_MAX];
	unsigned char *p;

	(void)state;
	know("x.test A 192.0.2.1");
	know("x.test 5 A 192.0.2.2");
	make("x.test", DNS_A);
	p = reply + 12 + 8 + 4 + 16; /* behind the first record */
	assert_int_equal(p[0], 0xc0);
	p[1] = 14;
	assert_int_equal(read_as("x.test", DNS_A), DNS_WIRE_ANSWER);
	assert_int_equal(answer->count, 1);
	assert_string_equal(
	    net_ip(&answer->records[0].addr, text, sizeof(text)), "192.0.2.1");
	assert_int_equal(answer->ttl, 300);
}

static void
pointers_in_a_circle(void **state)
{
	unsigned char *p;

	(void)state;
	know("x.test A 192.0.2.1");
	make("x.test", DNS_A);
	p = reply + 12 + 8 + 4;
	p[1] = 24; /* to itself */
	assert_int_equal(read_as("x.test", DNS_A), DNS_WIRE_FOREIGN);
	p[1] = 26; /* forward, into itself */
	assert_int_equal(read_as("x.test", DNS_A), DNS_WIRE_FOREIGN);
	p[0] = 0xff; /* beyond the end */
	assert_int_equal(read_as("x.test", DNS_A), DNS_WIRE_FOREIGN);
	reply[12] = 0xc0; /* the question itself */
	reply[13] = 12;
	assert_int_equal(read_as("x.test", DNS_A), DNS_WIRE_FOREIGN);
}

static void
aliases_in_a_reply(void **state)
{
	(void)state;
	know("a.test 40 CNAME b.test.");
	know("b.test 30 CNAME c.test.");
	know("c.test A 192.0.2.3");
	know("dead.test CNAME nowhere.test.");
	know("none.test CNAME c.test.");
	know("loop1.test CNAME loop2.test.");
	know("loop2.test CNAME loop1.test.");
	assert_int_equal(ask("a.test", DNS_A), DNS_WIRE_ANSWER);
	assert_int_equal(answer->count, 1);
	assert_int_equal(answer->aliases, 2);
	assert_int_equal(answer->ttl, 30);
	assert_int_equal(ask("dead.test", DNS_A), DNS_WIRE_ANSWER);
	assert_int_equal(answer->status, DNS_NXDOMAIN);
	assert_int_equal(ask("none.test", DNS_MX), DNS_WIRE_ANSWER);
	assert_int_equal(answer->status, DNS_NONE);
	assert_int_equal(ask("loop1.test", DNS_A), DNS_WIRE_FAILED);
	assert_string_equal(note.reason, "too many aliases");
}

/* The alias alone: a server that leaves the rest to us. */
static void
an_alias_to_be_followed(void **state)
{
	(void)state;
	know("a.test 40 CNAME Up.test.");
	make("a.test", DNS_A);
	reply[3] &= 0xf0; /* not NXDOMAIN */
	reply[9] = 0;	  /* no SOA; its octets are left behind */
	for (; len > 0; len--)
		if (read_as("a.test", DNS_A) == DNS_WIRE_ALIAS)
			break;
	assert_true(len > 0);
	assert_string_equal(note.alias, "up.test");
	assert_int_equal(answer->aliases, 1);
	assert_int_equal(answer->ttl, 40);
	/* The ninth in a row. */
	answer->aliases = DNS_ALIASES_MAX;
	assert_int_equal(dns_wire_read(reply, len, ID, "a.test", answer, &note),
	    DNS_WIRE_FAILED);
}

static void
truncation(void **state)
{
	char line[600];
	int i;

	(void)state;
	for (i = 0; i < 10; i++) {
		snprintf(line, sizeof(line), "x.test TXT \"%0250d\"", i);
		know(line);
	}
	make("x.test", DNS_TXT);
	assert_int_equal(read_as("x.test", DNS_TXT), DNS_WIRE_ANSWER);
	assert_int_equal(answer->count, 10);
	reply[2] |= 2;
	len = 100;
	assert_int_equal(read_as("x.test", DNS_TXT), DNS_WIRE_TRUNCATED);
	assert_int_equal(read_as("y.test", DNS_TXT), DNS_WIRE_FOREIGN);
}

static void
queries(void **state)
{
	unsigned char buf[DNS_WIRE_QUERY_MAX];
	size_t n;

	(void)state;
	n = dns_wire_query(buf, ID, "x.test", DNS_MX, false);
	assert_int_equal(n, 12 + 8 + 4);
	assert_memory_equal(
	    buf, "\x12\x34\1\0\0\1\0\0\0\0\0\0\1x\4test\0\0\17\0\1", n);
	n = dns_wire_query(buf, ID, "x.test", DNS_MX, true);
	assert_int_equal(n, 12 + 8 + 4 + 11);
	/* root, OPT, 1232 octets, no extended code, version 0, no flags */
	assert_memory_equal(buf + 24, "\0\0\51\4\320\0\0\0\0\0\0", 11);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(records_of_every_type),
		TEST(there_is_none),
		TEST(codes_are_no_answers),
		TEST(a_reply_without_a_question),
		TEST(what_is_no_reply_to_the_question),
		TEST(records_of_others_do_not_count),
		TEST(a_record_of_somebody_else_among_them),
		TEST(pointers_in_a_circle),
		TEST(aliases_in_a_reply),
		TEST(an_alias_to_be_followed),
		TEST(truncation),
		TEST(queries),
	};

	return cmocka_run_group_tests_name("dns_wire", tests, NULL, NULL);
}
