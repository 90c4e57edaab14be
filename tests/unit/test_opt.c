/*
 * Options: every type, its limits, and errors that help.
 */

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
#include "mem.h"
#include "opt.h"

struct conf {
	bool flag;
	int64_t number;
	int64_t any;
	int64_t size;
	int64_t duration;
	int64_t least;
	const char *string;
	const char *path;
	int choice;
	struct opt_list list;
	struct net_list nets;
	struct net_addr address;
	struct opt_addrs addresses;
	struct opt_rate rate;
	struct opt_list plain;
	const char *plain_string;
};

static const char *const colours[] = { "red", "green", "blue", NULL };
#define AT(member) .offset = offsetof(struct conf, member)
static const struct opt table[] = {
	{ .name = "flag", .type = OPT_BOOL, AT(flag), .def = "yes" },
	{ .name = "number",
	    .type = OPT_NUMBER,
	    AT(number),
	    .min = -5,
	    .max = 100 },
	{ .name = "any", .type = OPT_NUMBER, AT(any), .def = "-7" },
	{ .name = "size",
	    .type = OPT_SIZE,
	    AT(size),
	    .def = "1M",
	    .min = 4096,
	    .max = 1 << 30 },
	{ .name = "duration",
	    .type = OPT_DURATION,
	    AT(duration),
	    .def = "90s",
	    .min = 1000,
	    .max = 3600000 },
	{ .name = "rate",
	    .type = OPT_RATE,
	    AT(rate),
	    .def = "600/1m",
	    .min = 1,
	    .max = 1000000 },
	{ .name = "least",
	    .type = OPT_DURATION,
	    AT(least),
	    .min = 500,
	    .max = INT64_MAX },
	{ .name = "string", .type = OPT_STRING, AT(string) },
	{ .name = "path", .type = OPT_PATH, AT(path), .def = "/tmp" },
	{ .name = "choice",
	    .type = OPT_CHOICE,
	    AT(choice),
	    .def = "green",
	    .values = colours },
	{ .name = "list", .type = OPT_LIST, AT(list), .def = "a, b c" },
	{ .name = "nets",
	    .type = OPT_NETS,
	    AT(nets),
	    .def = "127.0.0.0/8 ::1" },
	{ .name = "address", .type = OPT_ADDRESS, AT(address) },
	{ .name = "addresses", .type = OPT_ADDRESSES, AT(addresses) },
	{ .name = "domains", .type = OPT_LIST, AT(plain), .domains_from = 1 },
	{ .name = "behind", .type = OPT_LIST, AT(plain), .domains_from = 2 },
	{ .name = "domain",
	    .type = OPT_STRING,
	    AT(plain_string),
	    .domains_from = 1 },
	{ .name = NULL },
};

static struct conf conf;
static struct arena arena;
static char err[200];

static int
set_many(const char *name, const char *const *texts, size_t count)
{
	const struct opt *o = opt_find(table, name);

	assert_non_null(o);
	err[0] = '\0';
	return opt_set(o, &conf, &arena, texts, count, err, sizeof(err));
}

static int
set(const char *name, const char *text)
{
	return set_many(name, &text, 1);
}

static void
refused(const char *name, const char *text, const char *expect)
{
	struct conf before = conf;

	assert_int_equal(set(name, text), -1);
	if (strstr(err, expect) == NULL)
		fail_msg("%s = %s: %s", name, text, err);
	assert_memory_equal(&before, &conf, sizeof(conf));
}

static void
test_defaults(void **state)
{
	(void)state;
	memset(&conf, 0xff, sizeof(conf));
	opt_defaults(table, &conf, &arena);
	assert_true(conf.flag);
	assert_int_equal(conf.number, 0);
	assert_int_equal(conf.any, -7);
	assert_int_equal(conf.size, 1 << 20);
	assert_int_equal(conf.duration, 90000);
	assert_null(conf.string);
	assert_string_equal(conf.path, "/tmp");
	assert_int_equal(conf.choice, 1);
	assert_int_equal(conf.list.count, 3);
	assert_string_equal(conf.list.list[0], "a");
	assert_string_equal(conf.list.list[1], "b");
	assert_string_equal(conf.list.list[2], "c");
	assert_int_equal(conf.nets.count, 2);
	assert_int_equal(conf.address.ss.ss_family, 0);
	assert_int_equal(conf.addresses.count, 0);
	assert_null(conf.addresses.list);
}

static void
test_find(void **state)
{
	(void)state;
	assert_ptr_equal(opt_find(table, "flag"), &table[0]);
	assert_null(opt_find(table, "Flag"));
	assert_null(opt_find(table, ""));
	assert_true(opt_is_list(opt_find(table, "nets")));
	assert_false(opt_is_list(opt_find(table, "address")));
	assert_string_equal(opt_type_name(OPT_DURATION), "duration");
	assert_string_equal(opt_type_name(OPT_LIST), "list");
}

static void
test_bool(void **state)
{
	static const char *const yes[] = { "yes", "true", "on" };
	static const char *const no[] = { "no", "false", "off" };
	size_t i;

	(void)state;
	for (i = 0; i < nitems(yes); i++) {
		assert_int_equal(set("flag", yes[i]), 0);
		assert_true(conf.flag);
		assert_int_equal(set("flag", no[i]), 0);
		assert_false(conf.flag);
	}
	refused("flag", "1", "yes or no");
	refused("flag", "", "yes or no");
	refused("flag", "YES", "yes or no");
}

static void
test_number(void **state)
{
	(void)state;
	assert_int_equal(set("number", "100"), 0);
	assert_int_equal(conf.number, 100);
	assert_int_equal(set("number", "-5"), 0);
	assert_int_equal(conf.number, -5);
	refused("number", "101", "must be between -5 and 100");
	refused("number", "-6", "must be between -5 and 100");
	refused("number", "5K", "must be a number");
	refused("number", "", "must be a number");
	refused("number", "-", "must be a number");
	refused("number", "--1", "must be a number");
	refused("number", " 1", "must be a number");
	refused("number", "1 ", "must be a number");
	refused("number", "0x10", "must be a number");
	assert_int_equal(set("any", "9223372036854775807"), 0);
	assert_true(conf.any == INT64_MAX);
	refused("any", "9223372036854775808", "too large");
	refused("any", "99999999999999999999999", "too large");
}

static void
test_size(void **state)
{
	(void)state;
	assert_int_equal(set("size", "4096"), 0);
	assert_int_equal(conf.size, 4096);
	assert_int_equal(set("size", "10K"), 0);
	assert_int_equal(conf.size, 10240);
	assert_int_equal(set("size", "50M"), 0);
	assert_int_equal(conf.size, 50 << 20);
	assert_int_equal(set("size", "1G"), 0);
	assert_int_equal(conf.size, 1 << 30);
	refused("size", "4095", "must be between 4K and 1G, not 4095");
	refused("size", "1025M", "must be between 4K and 1G");
	refused("size", "9999999999999G", "too large");
	refused("size", "10X", "unknown unit \"X\"");
	refused("size", "10s", "unknown unit");
	refused("size", "10 K", "unknown unit");
	refused("size", "K", "must be a size");
	refused("size", "-1K", "must be a size");
}

static void
test_rate(void **state)
{
	(void)state;
	opt_defaults(table, &conf, &arena);
	assert_int_equal(conf.rate.count, 600);
	assert_int_equal(conf.rate.period, 60000);
	assert_int_equal(set("rate", "1/1s"), 0);
	assert_int_equal(conf.rate.count, 1);
	assert_int_equal(conf.rate.period, 1000);
	refused("rate", "10", "must be a rate like 600/1m");
	refused("rate", "/1m", "must be a rate like 600/1m");
	refused("rate", "10/", "must be a rate like 600/1m");
	refused("rate", "10/m", "bad period in \"10/m\": it must be a dur");
	refused("rate", "10/60", "bad period in \"10/60\": it needs a unit");
	refused("rate", "10/5ms", "it must be between 1s and 1d, not 5ms");
	refused("rate", "x/1m", "bad count in \"x/1m\": it must be a number");
	refused("rate", "0/1m", "it must be between 1 and 1000000, not 0");
	refused("rate", "1000001/1m", "bad count");
	refused("rate", "1/1m/1m", "unknown unit");
	refused("rate", "1000000000000000000000000/1m", "must be a rate");
	assert_int_equal(set("rate", ""), 0);
	assert_int_equal(conf.rate.count, 0);
}

static void
test_duration(void **state)
{
	(void)state;
	assert_int_equal(set("duration", "1500ms"), 0);
	assert_int_equal(conf.duration, 1500);
	assert_int_equal(set("duration", "10s"), 0);
	assert_int_equal(conf.duration, 10000);
	assert_int_equal(set("duration", "5m"), 0);
	assert_int_equal(conf.duration, 300000);
	assert_int_equal(set("duration", "1h"), 0);
	assert_int_equal(conf.duration, 3600000);
	refused("duration", "10", "needs a unit (ms s m h d)");
	refused("duration", "0", "must be between 1s and 1h");
	refused("duration", "7d", "must be between 1s and 1h, not 7d");
	refused("duration", "999ms", "must be between 1s and 1h");
	refused("duration", "10min", "unknown unit");
	refused("duration", "10S", "unknown unit");
	refused("duration", "s", "must be a duration");
	refused("duration", "", "must be a duration");
	refused("duration", "106751991168d", "too large");
	assert_int_equal(set("least", "7d"), 0);
	assert_int_equal(conf.least, INT64_C(7) * 86400 * 1000);
	refused("least", "0", "must be at least 500ms");
}

static void
test_texts(void **state)
{
	(void)state;
	assert_int_equal(set("string", ""), 0);
	assert_string_equal(conf.string, "");
	assert_int_equal(set("string", "some thing"), 0);
	assert_string_equal(conf.string, "some thing");
	refused("string", "a\r\nb", "control characters");
	refused("path", "", "must not be empty");
	assert_int_equal(set("path", "relative/path"), 0);
	assert_string_equal(conf.path, "relative/path");
	assert_int_equal(set("choice", "blue"), 0);
	assert_int_equal(conf.choice, 2);
	refused("choice", "pink", "red, green, blue");
	assert_int_equal(set_many("string", NULL, 0), -1);
	assert_int_equal(set_many("string", colours, 2), -1);
	assert_string_equal(err, "takes one value, not 2");
}

static void
test_addresses(void **state)
{
	static const char *const two[] = { "127.0.0.1:25", "[::1]:25" };
	static const char *const bad[] = { "127.0.0.0/8", "10.0.0.1/8" };

	(void)state;
	assert_int_equal(set("address", "unix:/run/s"), 0);
	assert_int_equal(conf.address.ss.ss_family, AF_UNIX);
	refused("address", "mail:25", "\"mail:25\": no IPv4 address");
	assert_int_equal(set_many("addresses", two, 2), 0);
	assert_int_equal(conf.addresses.count, 2);
	assert_int_equal(conf.addresses.list[1].ss.ss_family, AF_INET6);
	refused("addresses", "::1:25", "brackets");
	assert_int_equal(conf.addresses.count, 2);
	assert_int_equal(set_many("nets", bad, 2), -1);
	assert_non_null(strstr(err, "\"10.0.0.1/8\": host bits set"));
	assert_int_equal(set("nets", "unix"), 0);
	assert_int_equal(conf.nets.count, 1);
	assert_int_equal(set_many("nets", NULL, 0), 0);
	assert_int_equal(conf.nets.count, 0);
}

static char *
write_file(const char *content, size_t len)
{
	static char item[64];
	int fd;

	snprintf(item, sizeof(item), "file:/tmp/postern-opt-XXXXXX");
	fd = mkstemp(item + strlen("file:"));
	assert_int_not_equal(fd, -1);
	assert_int_equal(write(fd, content, len), (ssize_t)len);
	close(fd);
	return item;
}

static void
test_files(void **state)
{
	static const char text[] = "# all of ours\n"
				   "example.org\n"
				   "\n"
				   "  example.net\t # the other one\r\n"
				   "a#b\n"
				   "last";
	const char *items[] = { "first", NULL, "after" };
	char *file = write_file(text, sizeof(text) - 1);

	(void)state;
	items[1] = file;
	assert_int_equal(set_many("list", items, 3), 0);
	assert_int_equal(conf.list.count, 6);
	assert_string_equal(conf.list.list[0], "first");
	assert_string_equal(conf.list.list[1], "example.org");
	assert_string_equal(conf.list.list[2], "example.net");
	assert_string_equal(conf.list.list[3], "a#b");
	assert_string_equal(conf.list.list[4], "last");
	assert_string_equal(conf.list.list[5], "after");
	refused("nets", file, "\"example.org\": not a network");
	unlink(file + strlen("file:"));
	refused("list", file, "No such file");

	file = write_file("# nothing\n\n", 11);
	refused("list", file, "no entries");
	unlink(file + strlen("file:"));
	file = write_file("a\nb\0c\n", 6);
	refused("list", file, "line 2 is not an entry");
	unlink(file + strlen("file:"));
	file = write_file("file:/etc/passwd\n", 17);
	refused("list", file, "line 1 is not an entry");
	unlink(file + strlen("file:"));
	file = write_file("10.0.0.0/8\n127.0.0.1\n", 21);
	assert_int_equal(set("nets", file), 0);
	assert_int_equal(conf.nets.count, 2);
	unlink(file + strlen("file:"));
	refused("list", "file:/", "can not read \"/\"");
	refused("list", "", "empty item");
	refused("list", "a\nb", "control characters");
}

#define BUCHER "b\303\274cher.example"
#define PLAIN "xn--bcher-kva.example"

/* Domains that are compared are compared in A-labels, wherever they stand. */
static void
test_domains(void **state)
{
	static const char lines[] = "# \303\274\n" BUCHER "\n",
			  wrong[] = "a.example\n@\303\274..example\n";
	const char *items[] = { BUCHER "  *." BUCHER "   a@" BUCHER " @" BUCHER,
		"plain.example \303\274@plain.example", NULL };

	(void)state;
	items[2] = write_file(lines, sizeof(lines) - 1);
	assert_int_equal(set_many("domains", items, 3), 0);
	assert_int_equal(conf.plain.count, 3);
	assert_string_equal(
	    conf.plain.list[0], PLAIN "  *." PLAIN "   a@" PLAIN " @" PLAIN);
	assert_string_equal(conf.plain.list[1], items[1]);
	assert_string_equal(conf.plain.list[2], PLAIN);
	unlink(items[2] + strlen("file:"));
	assert_int_equal(set("behind", BUCHER " a@" BUCHER), 0);
	assert_string_equal(conf.plain.list[0], BUCHER " a@" PLAIN);
	assert_int_equal(set("domain", "@" BUCHER), 0);
	assert_string_equal(conf.plain_string, "@" PLAIN);
	assert_int_equal(set("list", BUCHER), 0);
	assert_string_equal(conf.list.list[0], BUCHER);

	refused(
	    "domains", "a.example \303\274..example", "has no valid domain");
	refused("domain", "\303\274..example", "has no valid domain");
	items[0] = write_file(wrong, sizeof(wrong) - 1);
	refused("domains", items[0], "line 2 has no valid domain");
	unlink(items[0] + strlen("file:"));
}

static int
begin(void **state)
{
	(void)state;
	arena_init(&arena, 1024);
	return 0;
}

static int
end(void **state)
{
	(void)state;
	arena_free(&arena);
	return 0;
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_defaults),
		cmocka_unit_test(test_find),
		cmocka_unit_test(test_bool),
		cmocka_unit_test(test_number),
		cmocka_unit_test(test_size),
		cmocka_unit_test(test_duration),
		cmocka_unit_test(test_rate),
		cmocka_unit_test(test_texts),
		cmocka_unit_test(test_addresses),
		cmocka_unit_test(test_files),
		cmocka_unit_test(test_domains),
	};

	return cmocka_run_group_tests(tests, begin, end);
}
