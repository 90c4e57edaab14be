/*
 * The configuration of filters: what -n refuses.
 */

#include <sys/stat.h>

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
#include "gateway/conf.h"

static char file[] = "/tmp/test_conf_filters.XXXXXX";

static const struct {
	const char *block;
	const char *complaint;
} rows[] = {
	{ "helo h {\ndeny = {bare-ip, dynamc} }",
	    ":1: helo 'h': deny: \"dynamc\" is none of: bare-ip malformed " },
	{ "helo h {\nkarma = {\"dynamic:0\"} }",
	    ":1: helo 'h': karma: \"dynamic:0\": points are a number " },
	{ "helo h {\ntrusted = {\"192.0.2.1\"} }",
	    ":1: helo 'h': trusted: \"192.0.2.1\" is not an address and " },
	{ "rdns r {\nflag = {nobody} }",
	    ":1: rdns 'r': flag: \"nobody\" is none of: none mismatch" },
	{ "sender-dns s {\ntargets = {public} }",
	    ":1: sender-dns 's': targets: \"public\" is none of: private " },
	{ "sender-dns s {\ntrusted = {\"a@b\"} }",
	    ":1: sender-dns 's': trusted: \"a@b\": a domain has no @" },
	{ "access a {\ndeny-rcpt = {\"*@a.b\"} }",
	    ":1: access 'a': deny-rcpt: \"*@a.b\": " },
	{ "headers h {\nrequire = {\"Date:\"} }",
	    ":1: headers 'h': require: \"Date:\" is not the name of a " },
	{ "quarantine q {\ndirectory = \"/nowhere/held\" }",
	    ":2: quarantine 'q': directory /nowhere/held: No such file" },
	{ "quarantine q {\ndirectory = \"/etc/passwd\" }",
	    ":2: quarantine 'q': directory /etc/passwd: Not a directory" },
	{ "quarantine q {\n }", ":1: quarantine 'q' needs 'directory'" },
	{ "karma k {\ndefer = 5\nreject = 5 }",
	    ":1: karma 'k': defer has to be less than reject" },
	{ "karma k {\nflag = 5\nreject = 5 }",
	    ":1: karma 'k': flag has to be less than reject" },
	{ "karma k {\nflag = 6\ndefer = 5 }",
	    ":1: karma 'k': flag has to be less than defer" },
	{ "headers h {\nadd = {\"X-One\"} }",
	    ":1: headers 'h': add: \"X-One\" is not a field " },
};

/* Loads a configuration with the block in front; what was said is the
 * caller's. */
static struct config *
load(const char *block, char **said)
{
	struct config *c;
	size_t size;
	FILE *f = fopen(file, "w");

	assert_non_null(f);
	fprintf(f,
	    "%s\nlisten mx { address = {\"127.0.0.1:1\"} }\n"
	    "backend b { protocol = discard }\n"
	    "route all { rcpt-domain = {a.test} backend = b }\n",
	    block);
	fclose(f);
	f = open_memstream(said, &size);
	assert_non_null(f);
	c = conf_load(file, f);
	fclose(f);
	return c;
}

static void
test_bad(void **state)
{
	struct config *c;
	char *said;
	size_t i;

	(void)state;
	for (i = 0; i < nitems(rows); i++) {
		c = load(rows[i].block, &said);
		if (c != NULL || strstr(said, rows[i].complaint) == NULL)
			fail_msg("%s: %s", rows[i].block, said);
		conf_free(&c);
		free(said);
	}
}

/* What is tested nowhere is likely a mistake; -n says so. */
static void
test_fair(void **state)
{
	struct config *c;
	char *said;

	(void)state;
	c = load("helo h { }", &said);
	assert_non_null(c);
	assert_non_null(strstr(
	    said, ":1: warning: helo 'h': nothing is tested: deny, karma "));
	conf_free(&c);
	free(said);
	c = load("helo h { deny = {bare-ip} }", &said);
	assert_non_null(c);
	assert_null(strstr(said, "nothing is tested"));
	conf_free(&c);
	free(said);
}

static int
set_up(void **state)
{
	int fd = mkstemp(file);

	(void)state;
	return fd == -1 ? -1 : close(fd);
}

static int
tear_down(void **state)
{
	(void)state;
	return unlink(file);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_bad),
		cmocka_unit_test(test_fair),
	};

	return cmocka_run_group_tests(tests, set_up, tear_down);
}
