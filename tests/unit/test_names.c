/*
 * Servers by name: their addresses, again when the answer is old, and what
 * stays when the DNS can not say.
 */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>
#include <cmocka.h>

#include "dns_hosts.h"
#include "fake_resolver.h"
#include "log.h"
#include "names.h"
#include "pool.h"

static struct server_names named;
static struct server_conf servers[2];
static struct backend_conf backend;
static struct names *names;
static unsigned changes;

static void
changed(void *ctx, const struct backend_conf *bc, const struct server_conf *sc)
{
	assert_null(ctx);
	assert_ptr_equal(bc, &backend);
	assert_ptr_equal(sc, &servers[1]);
	changes++;
}

static void
quiet(const char *line, size_t len)
{
	(void)line;
	(void)len;
}

static int
open_names(void **state)
{
	int rc = setup(state);

	log_capture(quiet);
	changes = 0;
	named = (struct server_names){ .host = "mail.test", .port = 24 };
	servers[0] = (struct server_conf){ .name = "a" };
	servers[1] = (struct server_conf){ .name = "b", .named = &named };
	backend = (struct backend_conf){
		.name = "x", .servers = servers, .server_count = 2
	};
	return rc;
}

static int
close_names(void **state)
{
	names_free(&names);
	log_capture(NULL);
	return teardown(state);
}

static void
know(const char *line)
{
	assert_true(fake_dns_add(resolvers[0], line));
}

static void
begin(void)
{
	names = names_new(loop, dns, &backend, 1, changed, NULL);
	assert_int_equal(names_unknown(names), 1);
	settle();
}

static const char *
addresses(void)
{
	static char all[400];
	char one[NET_TEXT_MAX];
	int i, count;
	const struct net_addr *list = pool_addrs(&servers[1], &count);

	all[0] = '\0';
	for (i = 0; i < count; i++)
		snprintf(all + strlen(all), sizeof(all) - strlen(all), "%s%s",
		    i > 0 ? " " : "", net_text(&list[i], one, sizeof(one)));
	return all;
}

static void
of_both_families(void **state)
{
	(void)state;
	know("mail.test A 192.0.2.1");
	know("mail.test AAAA 2001:db8::1");
	begin();
	assert_int_equal(names_unknown(names), 0);
	assert_int_equal(changes, 1);
	assert_string_equal(addresses(), "192.0.2.1:24 [2001:db8::1]:24");
}

static void
again_when_old(void **state)
{
	(void)state;
	know("mail.test 300 A 192.0.2.1");
	know("mail.test 100 A 192.0.2.2");
	begin();
	fake_dns_forget(resolvers[0]);
	know("mail.test A 192.0.2.3");
	loop_advance(loop, 59000); /* of AAAA there was none: its SOA's 60 s */
	settle();
	assert_int_equal(changes, 1);
	loop_advance(loop, 1000);
	settle();
	assert_int_equal(changes, 1); /* the A records are not old yet */
	loop_advance(loop, 40000);
	settle();
	assert_int_equal(changes, 2);
	assert_string_equal(addresses(), "192.0.2.3:24");
	loop_advance(loop, 300000); /* nothing new */
	settle();
	assert_int_equal(changes, 2);
}

static void
what_is_known_stays(void **state)
{
	(void)state;
	know("mail.test 60 A 192.0.2.1");
	know("mail.test 60 AAAA 2001:db8::1");
	begin();
	fake_dns_forget(resolvers[0]);
	know("mail.test A SERVFAIL");
	know("mail.test AAAA 2001:db8::2");
	loop_advance(loop, 60000);
	settle();
	assert_string_equal(addresses(), "192.0.2.1:24 [2001:db8::2]:24");
	fake_dns_forget(resolvers[0]);
	know("mail.test timeout");
	loop_advance(loop, 5000);
	settle();
	loop_advance(loop, 1000000);
	assert_string_equal(addresses(), "192.0.2.1:24 [2001:db8::2]:24");
	assert_int_equal(changes, 2);
}

/* An answer that there is nothing is an answer. */
static void
a_name_that_is_gone(void **state)
{
	(void)state;
	know("mail.test 60 A 192.0.2.1");
	begin();
	fake_dns_forget(resolvers[0]);
	loop_advance(loop, 60000);
	settle();
	assert_string_equal(addresses(), "");
	assert_string_equal(named.why, "there is no such name");
	assert_int_equal(changes, 2);
}

static void
unknown_from_the_start(void **state)
{
	(void)state;
	know("mail.test SERVFAIL");
	begin();
	assert_int_equal(names_unknown(names), 0);
	assert_string_equal(named.why, "SERVFAIL");
	assert_string_equal(addresses(), "");
	fake_dns_forget(resolvers[0]);
	know("mail.test A 192.0.2.1");
	loop_advance(loop, 5000);
	settle();
	assert_string_equal(addresses(), "192.0.2.1:24");
	assert_null(named.why);
}

/* hosts(5) */

static void
names_in_a_file(void **state)
{
	char path[] = "/tmp/test-hosts.XXXXXX", text[NET_TEXT_MAX];
	struct net_addr list[8];
	int fd = mkstemp(path);
	FILE *f;

	(void)state;
	assert_int_not_equal(fd, -1);
	f = fdopen(fd, "w");
	assert_non_null(f);
	fputs("# comment\n127.0.0.1\tlocalhost.example localhost\n"
	      "192.0.2.1  Mail.test mail # other.test\n"
	      "\n2001:db8::1 mail.test\nnonsense mail.test\n192.0.2.9\n"
	      "192.0.2.5 last.test",
	    f);
	fclose(f);
	assert_int_equal(dns_hosts_find(path, "mail.test", list, 8), 2);
	assert_string_equal(net_ip(&list[0], text, sizeof(text)), "192.0.2.1");
	assert_string_equal(
	    net_ip(&list[1], text, sizeof(text)), "2001:db8::1");
	assert_int_equal(dns_hosts_find(path, "mail.test", list, 1), 1);
	assert_int_equal(dns_hosts_find(path, "last.test", list, 8), 1);
	assert_int_equal(dns_hosts_find(path, "other.test", list, 8), 0);
	assert_int_equal(dns_hosts_find(path, "mail", list, 8), 1);
	assert_int_equal(dns_hosts_find("/nonexistent", "mail", list, 8), 0);
	assert_int_equal(
	    dns_hosts_find("/nonexistent", "localhost", list, 8), 2);
	assert_true(net_is_loopback(&list[0]) && net_is_loopback(&list[1]));
	assert_int_equal(
	    dns_hosts_find("/nonexistent", "a.localhost", list, 8), 2);
	unlink(path);
}

#undef TEST
#define TEST(name) \
	cmocka_unit_test_setup_teardown(name, open_names, close_names)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(of_both_families),
		TEST(again_when_old),
		TEST(what_is_known_stays),
		TEST(a_name_that_is_gone),
		TEST(unknown_from_the_start),
		cmocka_unit_test(names_in_a_file),
	};

	return cmocka_run_group_tests_name("names", tests, NULL, NULL);
}
