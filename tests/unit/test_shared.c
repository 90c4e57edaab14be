/*
 * Shared memory that another program finds again by name and size.
 */

#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <string.h>
#include <unistd.h>
#include <cmocka.h>

#include "shared.h"

#define SIZE 4096

/* What a program that takes over gets: another descriptor of the same. */
static int
heir_of(const char *name)
{
	const struct shared_piece *s;
	size_t i;

	for (i = 0; (s = shared_piece(i)) != NULL; i++)
		if (strcmp(s->name, name) == 0)
			return dup(s->fd);
	return -1;
}

static void
test_carried(void **state)
{
	bool carried = true;
	char *a = shared_new("a 1", SIZE, SHARED_PLAIN, &carried), *b;

	(void)state;
	assert_non_null(a);
	assert_false(carried);
	assert_int_equal(a[SIZE - 1], 0);
	memcpy(a, "hello", 6);
	shared_offer("a 1", SIZE, heir_of("a 1"));
	b = shared_new("a 1", SIZE, SHARED_PLAIN, &carried);
	assert_true(carried);
	assert_ptr_not_equal(a, b);
	assert_string_equal(b, "hello");
	memcpy(b, "there", 6); /* it is the same memory */
	assert_string_equal(a, "there");
	/* It is offered once. */
	shared_free(a);
	a = shared_new("a 1", SIZE, SHARED_PLAIN, &carried);
	assert_false(carried);
	shared_free(a);
	shared_free(b);
	assert_null(shared_piece(0));
}

static void
test_another_layout(void **state)
{
	static const struct {
		const char *name;
		size_t size;
	} others[] = { { "a 2", SIZE }, { "a 1", SIZE / 2 },
		{ "a 1", SIZE * 2 }, { "a", SIZE } };
	char *a = shared_new("a 1", SIZE, SHARED_PLAIN, NULL), *b;
	bool carried;
	size_t i;

	(void)state;
	a[0] = 'x';
	for (i = 0; i < sizeof(others) / sizeof(others[0]); i++) {
		shared_offer("a 1", SIZE, heir_of("a 1"));
		b = shared_new(
		    others[i].name, others[i].size, SHARED_PLAIN, &carried);
		assert_false(carried);
		assert_int_equal(b[0], 0);
		shared_free(b);
		shared_decline();
		assert_null(shared_piece(1));
	}
	shared_free(a);
}

/* Memory that is smaller than is said of it would end in a signal. */
static void
test_too_small(void **state)
{
	char *a = shared_new("a 1", SIZE, SHARED_PLAIN, NULL), *b;
	bool carried;

	(void)state;
	shared_offer("a 1", 16 * SIZE, heir_of("a 1"));
	b = shared_new("a 1", 16 * SIZE, SHARED_PLAIN, &carried);
	assert_false(carried);
	b[16 * SIZE - 1] = 'x';
	shared_free(b);
	shared_decline();
	shared_free(a);
}

/* A child has the memory and not the descriptors. */
static void
test_forget(void **state)
{
	char *a = shared_new("a 1", SIZE, SHARED_PLAIN, NULL);
	int fd = shared_piece(0)->fd, other = dup(fd);

	(void)state;
	shared_forget();
	assert_int_equal(shared_piece(0)->fd, -1);
	if (fd != -1)
		assert_int_equal(close(fd), -1);
	a[0] = 'x';
	shared_free(a);
	close(other);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_carried),
		cmocka_unit_test(test_another_layout),
		cmocka_unit_test(test_too_small),
		cmocka_unit_test(test_forget),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
