/*
 * The configuration of a backend's TLS, AUTH and identify: what -n refuses.
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

#include "gateway/backend.h"
#include "gateway/conf.h"

static char file[] = "/tmp/test_conf_link.XXXXXX";
static char secret[] = "/tmp/test_conf_secret.XXXXXX";
static char *said;

/* Loads a configuration whose backend has these lines, from line 3 on. */
static struct config *
load(const char *lines)
{
	struct config *c;
	const char *p;
	size_t size;
	FILE *f = fopen(file, "w");

	assert_non_null(f);
	fprintf(f,
	    "listen mx { address = {\"127.0.0.1:1\"} }\n"
	    "backend b { protocol = smtp\n");
	for (p = lines; *p != '\0'; p++)
		if (*p == '@')
			fprintf(f, "\"%s\"", secret);
		else
			fputc(*p, f);
	fprintf(f, "\n}\nroute all { backend = b }\n");
	fclose(f);
	free(said);
	said = NULL;
	f = open_memstream(&said, &size);
	assert_non_null(f);
	c = conf_load(file, f);
	fclose(f);
	return c;
}

#define SERVER "server a { address = \"127.0.0.1:25\" }\n"

static void
bad(const char *lines, const char *complaint)
{
	struct config *c = load(lines);

	assert_null(c);
	if (strstr(said, complaint) == NULL || strstr(said, ":4: ") == NULL)
		fail_msg("said: %s", said);
}

static void
test_tls(void **state)
{
	struct config *c;

	(void)state;
	c = load(SERVER);
	assert_non_null(c);
	assert_int_equal(c->backends[0].tls.mode, LINK_TLS_OFF);
	assert_null(c->backends[0].tls.client);
	assert_string_equal(c->backends[0].servers[0].host, "127.0.0.1");
	conf_free(&c);
	c = load("server a { address = \"[::1]:25\" }\ntls { }");
	assert_non_null(c);
	assert_int_equal(c->backends[0].tls.mode, LINK_TLS_REQUIRED);
	assert_non_null(c->backends[0].tls.client);
	assert_string_equal(c->backends[0].servers[0].host, "::1");
	conf_free(&c);

	bad(SERVER "tls { pin = {\"abc\"} }", "SHA-256");
	bad(SERVER "tls { ca = /nonexistent }", "ca /nonexistent");
	bad(SERVER "tls { key = /nonexistent }", "go together");
	bad(SERVER "tls { certificate = /nonexistent key = /nonexistent }",
	    "certificate /nonexistent");
	bad(SERVER "tls { verify = no ca = /etc/ssl/ca.pem }", "verify = no");
	bad(SERVER "tls { mode = maybe }", "mode");
	bad("server a { address = \"unix:/x\" }\ntls { }", "needs name");
	c = load("server a { address = \"unix:/x\" }\ntls { verify = no }");
	assert_non_null(c);
	conf_free(&c);
}

static void
test_auth(void **state)
{
	struct config *c;

	(void)state;
	assert_int_equal(chmod(secret, 0600), 0);
	c = load(SERVER "tls { }\nauth { user = gw secret-file = @ }");
	if (c == NULL)
		fail_msg("%s", said);
	assert_string_equal(c->backends[0].auth.secret, "open sesame");
	conf_free(&c);
	c = load(SERVER "auth { user = gw secret-file = @ clear = yes }");
	assert_non_null(c);
	conf_free(&c);
	bad(SERVER "auth { user = gw secret-file = @ }", "without TLS");
	bad(SERVER "auth { secret-file = @ clear = yes }", "user");
	bad(SERVER "auth { user = \"\" secret-file = @ clear = yes }", "user");
	bad(SERVER "auth { user = gw secret-file = /nonexistent clear = yes }",
	    "/nonexistent: No such file");
	assert_int_equal(chmod(secret, 0640), 0);
	bad(SERVER "auth { user = gw secret-file = @ clear = yes }", "0600");
	assert_null(strstr(said, "sesame"));
	assert_int_equal(chmod(secret, 0600), 0);
	assert_int_equal(truncate(secret, 0), 0);
	bad(SERVER "auth { user = gw secret-file = @ clear = yes }",
	    "no password");
}

static void
test_identify(void **state)
{
	struct config *c;

	(void)state;
	c = load("identify = proxy-v2 " SERVER "pool { max = 5 wait = 1s }");
	assert_non_null(c);
	assert_int_equal(c->backends[0].pool.idle, 0);
	assert_int_equal(c->backends[0].pool.max_uses, 1);
	conf_free(&c);
	bad("identify = proxy-v1 " SERVER "pool { idle = 1 }", "no pool");
	bad("identify = proxy-v1 " SERVER "pool { min = 1 }", "no pool");
	bad("identify = proxy-v2 " SERVER "pool { max-uses = 1 }", "no pool");
	c = load("identify = xclient " SERVER "pool { idle = 1 }");
	assert_non_null(c);
	conf_free(&c);
}

static int
set_up(void **state)
{
	int fd = mkstemp(secret);

	(void)state;
	if (fd == -1 || write(fd, "open sesame\r\nnot this\n", 22) != 22)
		return -1;
	close(fd);
	fd = mkstemp(file);
	if (fd == -1)
		return -1;
	close(fd);
	return 0;
}

static int
tear_down(void **state)
{
	(void)state;
	free(said);
	unlink(secret);
	return unlink(file);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_tls),
		cmocka_unit_test(test_auth),
		cmocka_unit_test(test_identify),
	};

	return cmocka_run_group_tests(tests, set_up, tear_down);
}
