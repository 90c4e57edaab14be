/*
 * Which servers are asked: resolv.conf, as it is and when it changes.
 */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <cmocka.h>

#include "compat.h"
#include "dns_servers.h"
#include "log.h"

static char path[] = "/tmp/test-dns.XXXXXX";
static char logged[LOG_LINE_MAX + 1];

static void
on_log(const char *line, size_t len)
{
	compat_strlcpy(logged, line, len < sizeof(logged) ? len + 1 : 1);
}

static int
setup(void **state)
{
	int fd;

	(void)state;
	memcpy(path, "/tmp/test-dns.XXXXXX", sizeof(path));
	fd = mkstemp(path);
	if (fd == -1)
		return -1;
	close(fd);
	logged[0] = '\0';
	log_capture(on_log);
	return 0;
}

static int
teardown(void **state)
{
	(void)state;
	log_capture(NULL);
	return unlink(path);
}

static void
put(const char *text)
{
	FILE *f = fopen(path, "w");

	assert_non_null(f);
	fputs(text, f);
	fclose(f);
}

/* The addresses of a file, in a row. */
static const char *
servers_of(const char *text)
{
	static char all[500];
	struct net_addr list[DNS_SERVERS_MAX];
	char one[NET_TEXT_MAX];
	size_t i, n;

	put(text);
	n = dns_servers_read(path, list, nitems(list));
	all[0] = '\0';
	for (i = 0; i < n; i++)
		snprintf(all + strlen(all), sizeof(all) - strlen(all), "%s%s",
		    i > 0 ? " " : "", net_text(&list[i], one, sizeof(one)));
	return all;
}

static void
lines_of_resolv_conf(void **state)
{
	struct net_addr list[DNS_SERVERS_MAX];

	(void)state;
	assert_string_equal(
	    servers_of("nameserver 192.0.2.1\n"), "192.0.2.1:53");
	assert_string_equal(servers_of("# of a tool\n"
				       "search example.org\n"
				       "options edns0 timeout:1\n"
				       "nameserver\t192.0.2.1 # the first\n"
				       "nameserver 2001:db8::53\r\n"
				       "nameserver fe80::1%lo\n"
				       ";nameserver 192.0.2.9\n"
				       "#nameserver 192.0.2.9\n"
				       "nameserver mail.example.org\n"
				       "nameservers 192.0.2.9\n"
				       "nameserver\n"
				       "nameserver 192.0.2.300\n"
				       "lookup file bind\n"
				       "nameserver [192.0.2.2]:5353\n"
				       "nameserver [2001:db8::2]:5353"),
	    "192.0.2.1:53 [2001:db8::53]:53 [fe80::1]:53 192.0.2.2:5353 "
	    "[2001:db8::2]:5353");
	assert_string_equal(servers_of(""), "");
	assert_string_equal(servers_of("options edns0\n"), "");
	put("nameserver 192.0.2.1\nnameserver 192.0.2.2\n"
	    "nameserver 192.0.2.3\n");
	assert_int_equal(dns_servers_read(path, list, 2), 2);
	assert_int_equal(dns_servers_read("/nonexistent/x", list, 2), 0);
}

static void
a_change_is_followed(void **state)
{
	struct dns_settings settings = { .resolv_conf = path };
	struct dns_servers s;
	char text[NET_TEXT_MAX];

	(void)state;
	put("nameserver 192.0.2.1\n");
	settings.server_count =
	    dns_servers_read(path, settings.servers, DNS_SERVERS_MAX);
	dns_servers_init(&s, &settings);
	dns_servers_follow(&s, 1000);
	assert_int_equal(s.version, 1);
	put("nameserver 192.0.2.77\nnameserver 192.0.2.78\n");
	dns_servers_follow(&s, 5999); /* not yet */
	assert_int_equal(s.version, 1);
	dns_servers_follow(&s, 6000);
	assert_int_equal(s.version, 2);
	assert_int_equal(s.count, 2);
	assert_string_equal(
	    net_text(&s.list[0].addr, text, sizeof(text)), "192.0.2.77:53");
	assert_non_null(strstr(logged, "has changed, 2 servers"));
	/* What is being written is left alone, and looked at again. */
	put("");
	dns_servers_follow(&s, 11000);
	assert_int_equal(s.count, 2);
	put("nameserver 192.0.2.80\n");
	dns_servers_follow(&s, 16000);
	assert_int_equal(s.count, 1);
	settings.resolv_conf = NULL;
	dns_servers_init(&s, &settings);
	dns_servers_follow(&s, 1000);
	assert_int_equal(s.version, 1);
}

static void
who_is_avoided(void **state)
{
	struct dns_settings settings = { .server_count = 3 };
	struct dns_servers s;

	(void)state;
	dns_servers_init(&s, &settings);
	assert_int_equal(dns_servers_choose(&s, 0, 0), 0);
	assert_int_equal(dns_servers_choose(&s, 1, 0), 1);
	assert_int_equal(dns_servers_choose(&s, 7, 0), -1);
	/* Some time-outs may be the domains'. */
	dns_servers_silent(&s, 0, false, 1000);
	dns_servers_silent(&s, 0, false, 1000);
	assert_int_equal(dns_servers_choose(&s, 0, 1000), 0);
	assert_string_equal(logged, "");
	dns_servers_silent(&s, 0, false, 1000);
	assert_int_equal(dns_servers_choose(&s, 0, 1000), 1);
	assert_non_null(strstr(logged, "does not answer"));
	dns_servers_silent(&s, 1, true, 2000); /* gone: at once */
	assert_int_equal(dns_servers_choose(&s, 0, 2000), 2);
	/* With no other choice they are asked all the same. */
	assert_int_equal(dns_servers_choose(&s, 4, 2000), 0);
	assert_int_equal(dns_servers_choose(&s, 0, 3000), 0);
	dns_servers_silent(&s, 0, false, 3000); /* longer now */
	assert_int_equal(dns_servers_choose(&s, 0, 5000), 1);
	dns_servers_good(&s, 0);
	assert_int_equal(dns_servers_choose(&s, 0, 5000), 0);
	assert_non_null(strstr(logged, "answers again"));
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(lines_of_resolv_conf),
		TEST(a_change_is_followed),
		TEST(who_is_avoided),
	};

	return cmocka_run_group_tests_name("dns_servers", tests, NULL, NULL);
}
