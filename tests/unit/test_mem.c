/*
 * Memory: arenas, and what happens when there is none left.
 */

#include <sys/types.h>
#include <sys/wait.h>

#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <setjmp.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <cmocka.h>

#include "compat.h"
#include "mem.h"

#define BLOCK 256

static bool
is_zeroed(const unsigned char *p, size_t len)
{
	size_t i;

	for (i = 0; i < len; i++)
		if (p[i] != 0)
			return false;
	return true;
}

static void
test_alloc(void **state)
{
	struct arena a;
	unsigned char *p[100];
	size_t i, size;

	(void)state;
	arena_init(&a, BLOCK);
	assert_null(a.blocks);
	for (i = 0; i < nitems(p); i++) {
		size = i * 7 % 61;
		p[i] = arena_alloc(&a, size);
		assert_int_equal((uintptr_t)p[i] % 16, 0);
		assert_true(is_zeroed(p[i], size));
		memset(p[i], (int)i + 1, size);
	}
	for (i = 0; i < nitems(p); i++) {
		size = i * 7 % 61;
		assert_true(size == 0 || p[i][0] == i + 1);
		assert_true(size == 0 || p[i][size - 1] == i + 1);
	}
	arena_free(&a);
	assert_null(a.blocks);
}

/* A large piece does not cost the rest of the block in use. */
static void
test_large(void **state)
{
	struct arena a;
	char *first, *large, *second;

	(void)state;
	arena_init(&a, BLOCK);
	first = arena_alloc(&a, 16);
	large = arena_alloc(&a, BLOCK * 10);
	memset(large, 1, BLOCK * 10);
	second = arena_alloc(&a, 16);
	assert_ptr_equal(second, first + 16);
	arena_free(&a);

	arena_init(&a, BLOCK);
	large = arena_alloc(&a, BLOCK + 1);
	memset(large, 1, BLOCK + 1);
	first = arena_alloc(&a, 16);
	memset(first, 2, 16);
	assert_int_equal(large[BLOCK], 1);
	arena_free(&a);
}

static void
test_reset(void **state)
{
	struct arena a;
	unsigned char *first, *again;
	int i;

	(void)state;
	arena_init(&a, BLOCK);
	arena_reset(&a);
	assert_null(a.blocks);
	(void)arena_alloc(&a, BLOCK * 2);
	arena_reset(&a); /* only an ordinary block is kept */
	assert_null(a.blocks);
	first = arena_alloc(&a, 32);
	memset(first, 0xff, 32);
	arena_reset(&a);
	assert_non_null(a.blocks);
	again = arena_alloc(&a, 32);
	assert_ptr_equal(again, first);
	assert_true(is_zeroed(again, 32));
	for (i = 0; i < 50; i++)
		(void)arena_alloc(&a, BLOCK / 2);
	arena_reset(&a);
	arena_free(&a);
}

static void
test_strings(void **state)
{
	char expect[1000];
	struct arena a;

	(void)state;
	arena_init(&a, BLOCK);
	assert_string_equal(arena_strndup(&a, "abcdef", 3), "abc");
	assert_string_equal(arena_strndup(&a, NULL, 0), "");
	assert_string_equal(arena_printf(&a, "%s-%d", "x", 42), "x-42");
	memset(expect, 'y', sizeof(expect) - 1);
	expect[sizeof(expect) - 1] = '\0';
	assert_string_equal(arena_printf(&a, "%s", expect), expect);
	arena_free(&a);
}

static void
test_xalloc(void **state)
{
	char *p, *s;

	(void)state;
	p = xmalloc(0);
	assert_non_null(p);
	p = xrealloc(p, 10);
	free(p);
	p = xcalloc(0, 5);
	assert_non_null(p);
	free(p);
	p = xcalloc(3, 5);
	assert_true(is_zeroed((unsigned char *)p, 15));
	free(p);
	s = xstrdup("copy");
	assert_string_equal(s, "copy");
	free(s);
}

/* Says so on stderr, then aborts. */
static void
test_out_of_memory(void **state)
{
	char text[4096] = "";
	struct arena a;
	int fds[2], status;
	pid_t pid;

	(void)state;
	assert_int_equal(pipe(fds), 0);
	pid = fork();
	assert_int_not_equal(pid, -1);
	if (pid == 0) {
		/* not cmocka's handler */
		struct sigaction sa = { .sa_handler = SIG_DFL };

		sigaction(SIGABRT, &sa, NULL);
		dup2(fds[1], STDERR_FILENO);
		arena_init(&a, BLOCK);
		(void)arena_alloc(&a, SIZE_MAX - 8);
		_exit(0);
	}
	close(fds[1]);
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_true(WIFSIGNALED(status) && WTERMSIG(status) == SIGABRT);
	assert_true(read(fds[0], text, sizeof(text) - 1) > 0);
	assert_non_null(strstr(text, "level=error"));
	assert_non_null(strstr(text, "out of memory"));
	close(fds[0]);
}

static void
test_strlcpy(void **state)
{
	char buf[4] = "zzz";

	(void)state;
	assert_int_equal(compat_strlcpy(buf, "abcdef", sizeof(buf)), 6);
	assert_string_equal(buf, "abc");
	assert_int_equal(compat_strlcpy(buf, "", sizeof(buf)), 0);
	assert_string_equal(buf, "");
	buf[0] = 'q';
	assert_int_equal(compat_strlcpy(buf, "abc", 0), 3);
	assert_int_equal(buf[0], 'q');
}

static void
test_random(void **state)
{
	unsigned char a[1000], b[1000];

	(void)state;
	memset(a, 0, sizeof(a));
	memset(b, 0, sizeof(b));
	compat_random(a, sizeof(a));
	compat_random(b, sizeof(b));
	assert_memory_not_equal(a, b, sizeof(a));
	assert_false(is_zeroed(a + sizeof(a) - 32, 32)); /* to the end */
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_alloc),
		cmocka_unit_test(test_large),
		cmocka_unit_test(test_reset),
		cmocka_unit_test(test_strings),
		cmocka_unit_test(test_xalloc),
		cmocka_unit_test(test_out_of_memory),
		cmocka_unit_test(test_strlcpy),
		cmocka_unit_test(test_random),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
