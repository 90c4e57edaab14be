/*
 * The cache of what servers offer.
 */

#include <sys/wait.h>

#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <stdio.h>
#include <unistd.h>
#include <cmocka.h>

#include "caps.h"

#define MANY 5000

static const struct ehlo one = { EHLO_DSN, 1000, 20, 3 };
static const struct ehlo other = { EHLO_SIZE | EHLO_AUTH, UINT64_MAX, 0, 0 };

static void
assert_known(const struct caps *c, const char *backend, const char *server,
    const struct ehlo *want)
{
	struct ehlo e = { .have = 0 };

	assert_int_equal(caps_get(c, backend, server, &e), CAPS_KNOWN);
	assert_int_equal(e.have, want->have);
	assert_true(e.size == want->size);
	assert_int_equal(e.rcpt_max, want->rcpt_max);
	assert_int_equal(e.mail_max, want->mail_max);
}

static void
test_learn(void **state)
{
	struct caps *c = caps_new(3);
	struct ehlo e;

	(void)state;
	assert_non_null(c);
	assert_int_equal(caps_get(c, "in", "a", &e), CAPS_UNKNOWN);
	caps_learn(c, "in", "a", &one);
	assert_known(c, "in", "a", &one);
	/* The names count as two. */
	assert_int_equal(caps_get(c, "ina", "", &e), CAPS_UNKNOWN);
	assert_int_equal(caps_get(c, "", "ina", &e), CAPS_UNKNOWN);
	assert_int_equal(caps_get(c, "a", "in", &e), CAPS_UNKNOWN);
	caps_learn(c, "out", "a", &other);
	assert_known(c, "in", "a", &one);
	assert_known(c, "out", "a", &other);
	caps_learn(c, "in", "a", &other);
	assert_known(c, "in", "a", &other);
	caps_lost(c, "in", "a");
	assert_int_equal(caps_get(c, "in", "a", &e), CAPS_DOWN);
	caps_learn(c, "in", "a", &one);
	assert_known(c, "in", "a", &one);
	caps_lost(c, "in", "b"); /* never was up */
	assert_int_equal(caps_get(c, "in", "b", &e), CAPS_DOWN);
	caps_free(&c);
	assert_null(c);
	caps_free(&c);
}

static void
test_none(void **state)
{
	struct ehlo e;

	(void)state;
	caps_learn(NULL, "in", "a", &one);
	caps_lost(NULL, "in", "a");
	assert_int_equal(caps_get(NULL, "in", "a", &e), CAPS_UNKNOWN);
}

/* What one process learns, all know. */
static void
test_shared(void **state)
{
	struct caps *c = caps_new(1);
	pid_t pid = fork();

	(void)state;
	if (pid == 0) {
		caps_learn(c, "in", "a", &one);
		_exit(0);
	}
	assert_int_equal(waitpid(pid, NULL, 0), pid);
	assert_known(c, "in", "a", &one);
	caps_free(&c);
}

/* Names of configurations that are gone make room for the present ones. */
static void
test_full(void **state)
{
	struct caps *c = caps_new(10);
	char name[20];
	int i;

	(void)state;
	for (i = 0; i < MANY; i++) {
		snprintf(name, sizeof(name), "s%d", i);
		caps_learn(c, "in", name, i % 2 == 0 ? &one : &other);
		assert_known(c, "in", name, i % 2 == 0 ? &one : &other);
	}
	caps_free(&c);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_learn),
		cmocka_unit_test(test_none),
		cmocka_unit_test(test_shared),
		cmocka_unit_test(test_full),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
