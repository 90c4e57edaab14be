/*
 * Lists of domains and addresses.
 */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <cmocka.h>

#include "compat.h"
#include "mem.h"
#include "opt_match.h"

static const char *entries[] = { "example.org", "*.Example.net", "a@x.test",
	"mail.example.com", "<>", "B@x.test", "*.b.test", "[192.0.2.1]",
	"postmaster" };
static struct opt_list list = { entries, nitems(entries) };
static char say[300];

static void
domain(const char *name, const char *want)
{
	const char *got = opt_match_domain(&list, name);

	if (want == NULL ? got != NULL
			 : got == NULL || strcasecmp(got, want) != 0)
		fail_msg("%s: %s", name, got != NULL ? got : "none");
}

static void
address(const char *text, const char *want)
{
	const char *at = strrchr(text, '@'), *got;

	got = opt_match_address(&list, text, at != NULL ? at + 1 : "");
	if (want == NULL ? got != NULL
			 : got == NULL || strcasecmp(got, want) != 0)
		fail_msg("%s: %s", text, got != NULL ? got : "none");
}

static void
test_match(void **state)
{
	(void)state;
	assert_true(opt_match_prepare(
	    &list, OPT_MATCH_ADDRESSES, "x", say, sizeof(say)));
	domain("example.org", "example.org");
	domain("EXAMPLE.org", "example.org");
	domain("a.example.org", NULL);
	domain("anexample.org", NULL);
	domain("example.net", NULL);
	domain("a.example.net", "*.example.net");
	domain("a.b.example.net", "*.example.net");
	domain("anexample.net", NULL);
	domain("b.test", NULL);
	domain("", NULL);
	domain("org", NULL);
	domain(".example.net", "*.example.net");
	address("u@example.org", "example.org");
	address("A@X.test", "a@x.test");
	address("c@x.test", NULL);
	address("u@a.example.net", "*.example.net");
	address("u@[192.0.2.1]", "[192.0.2.1]");
	address("", "<>");
	address("postmaster", "postmaster");
	address("root", NULL);
}

static void
test_any(void **state)
{
	const char *any[] = { "*" };
	struct opt_list all = { any, 1 }, none = { NULL, 0 };

	(void)state;
	assert_true(
	    opt_match_prepare(&all, OPT_MATCH_DOMAINS, "x", say, sizeof(say)));
	assert_non_null(opt_match_domain(&all, "a.b.c"));
	assert_non_null(opt_match_address(&all, "", ""));
	assert_non_null(opt_match_address(&all, "u@a.b", "a.b"));
	assert_true(
	    opt_match_prepare(&none, OPT_MATCH_DOMAINS, "x", say, sizeof(say)));
	assert_null(opt_match_domain(&none, "a"));
	assert_null(opt_match_address(&none, "", ""));
}

static void
test_refused(void **state)
{
	static const char *const bad[] = { "a@", "@example.org", "*@a.b", ".a",
		"a.", "*.", "*a.b", "a.*.b", "a b", "b\303\274cher.example",
		"u@*.a", "a/b" };
	const char *one[1];
	struct opt_list l = { one, 1 };
	size_t i;

	(void)state;
	for (i = 0; i < nitems(bad); i++) {
		one[0] = bad[i];
		if (opt_match_prepare(
			&l, OPT_MATCH_ADDRESSES, "opt", say, sizeof(say)))
			fail_msg("%s", bad[i]);
		assert_non_null(strstr(say, "opt: \""));
	}
	one[0] = "a@b.test";
	assert_false(
	    opt_match_prepare(&l, OPT_MATCH_DOMAINS, "opt", say, sizeof(say)));
	one[0] = "<>";
	assert_false(
	    opt_match_prepare(&l, OPT_MATCH_DOMAINS, "opt", say, sizeof(say)));
}

/* A hundred thousand entries: comparisons are few, or this test takes minutes.
 */
static void
test_many(void **state)
{
	static const char *many[100000];
	struct opt_list l = { many, nitems(many) };
	struct arena a;
	char name[80];
	size_t i;

	(void)state;
	arena_init(&a, 65536);
	for (i = 0; i < nitems(many); i++)
		many[i] = arena_printf(
		    &a, "u%zu@d%zu.example", i * 7919 % 100003, i % 1000);
	assert_true(
	    opt_match_prepare(&l, OPT_MATCH_ADDRESSES, "x", say, sizeof(say)));
	for (i = 0; i < nitems(many); i++) {
		snprintf(name, sizeof(name), "u%zu@d%zu.example",
		    i * 7919 % 100003, i % 1000);
		assert_non_null(
		    opt_match_address(&l, name, strchr(name, '@') + 1));
		name[0] = 'v';
		assert_null(opt_match_address(&l, name, strchr(name, '@') + 1));
	}
	arena_free(&a);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_match),
		cmocka_unit_test(test_any),
		cmocka_unit_test(test_refused),
		cmocka_unit_test(test_many),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
