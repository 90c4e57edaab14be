/*
 * Pending operations: answers from the loop only, once, never after cancel.
 */

#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <cmocka.h>

#include "compat.h"
#include "op.h"

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
#define REQUESTS 4

struct request { /* of a service */
	struct op op;
	unsigned runs;
	unsigned cancels;
};

static struct loop *loop;
static struct op_owner owner;
static struct request req[REQUESTS];
static char trace[100];
static struct request *restart; /* started again by its own run */
static bool cancel_in_run;

static void
note(char what, const struct request *r)
{
	size_t have = strlen(trace);

	snprintf(
	    trace + have, sizeof(trace) - have, "%c%d", what, (int)(r - req));
}

static void run(struct op *op);
static void cancel(struct op *op);

static void
start(int i)
{
	op_start(&owner, &req[i].op, run, cancel);
}

static void
run(struct op *op)
{
	struct request *r = container_of(op, struct request, op);

	r->runs++;
	note('r', r);
	assert_null(op->owner);
	if (r == restart) {
		restart = NULL;
		start((int)(r - req));
		op_ready(op);
	}
	if (cancel_in_run)
		op_cancel_all(&owner);
}

static void
cancel(struct op *op)
{
	struct request *r = container_of(op, struct request, op);

	r->cancels++;
	note('c', r);
	memset(&r->op, 0xa5, sizeof(r->op)); /* as if it were freed */
}

static int
setup(void **state)
{
	(void)state;
	memset(req, 0, sizeof(req));
	trace[0] = '\0';
	restart = NULL;
	cancel_in_run = false;
	loop = loop_new();
	op_owner_init(&owner, loop);
	return 0;
}

static int
teardown(void **state)
{
	(void)state;
	op_cancel_all(&owner);
	loop_free(&loop);
	return op_outstanding() == 0 ? 0 : -1;
}

static void
test_counts(void **state)
{
	(void)state;
	assert_int_equal(owner.count, 0);
	start(0);
	start(1);
	assert_int_equal(owner.count, 2);
	assert_int_equal(op_outstanding(), 2);
	op_ready(&req[0].op);
	assert_int_equal(owner.count, 2);
	loop_turn(loop, false);
	assert_int_equal(owner.count, 1);
	assert_int_equal(op_outstanding(), 1);
}

static void
test_never_inside_the_call(void **state)
{
	(void)state;
	start(0);
	op_ready(&req[0].op);
	assert_int_equal(req[0].runs, 0);
	loop_turn(loop, false);
	assert_int_equal(req[0].runs, 1);
}

static void
test_once(void **state)
{
	(void)state;
	start(0);
	op_ready(&req[0].op);
	op_ready(&req[0].op);
	loop_turn(loop, false);
	loop_turn(loop, false);
	assert_int_equal(req[0].runs, 1);
	assert_int_equal(req[0].cancels, 0);
}

static void
test_in_the_order_of_answers(void **state)
{
	int i;

	(void)state;
	for (i = 0; i < REQUESTS; i++)
		start(i);
	op_ready(&req[2].op);
	op_ready(&req[0].op);
	op_ready(&req[3].op);
	loop_turn(loop, false);
	assert_string_equal(trace, "r2r0r3");
}

static void
test_cancel_newest_first(void **state)
{
	(void)state;
	start(0);
	start(1);
	start(2);
	op_ready(&req[1].op);
	op_cancel_all(&owner);
	assert_string_equal(trace, "c2c1c0");
	assert_int_equal(owner.count, 0);
	loop_turn(loop, false);
	op_cancel_all(&owner);
	assert_string_equal(trace, "c2c1c0");
}

static void
test_cancel_from_a_run(void **state)
{
	(void)state;
	start(0);
	start(1);
	start(2);
	cancel_in_run = true;
	op_ready(&req[1].op);
	op_ready(&req[0].op);
	loop_turn(loop, false);
	assert_string_equal(trace, "r1c2c0");
}

static void
test_started_again_by_its_run(void **state)
{
	(void)state;
	start(0);
	restart = &req[0];
	op_ready(&req[0].op);
	loop_turn(loop, false);
	assert_string_equal(trace, "r0r0");
	assert_int_equal(op_outstanding(), 0);
}

static void
test_owners_are_independent(void **state)
{
	struct op_owner other;

	(void)state;
	op_owner_init(&other, loop);
	op_start(&other, &req[0].op, run, cancel);
	start(1);
	op_cancel_all(&owner);
	assert_string_equal(trace, "c1");
	op_ready(&req[0].op);
	loop_turn(loop, false);
	assert_string_equal(trace, "c1r0");
	assert_int_equal(other.count, 0);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_counts),
		TEST(test_never_inside_the_call),
		TEST(test_once),
		TEST(test_in_the_order_of_answers),
		TEST(test_cancel_newest_first),
		TEST(test_cancel_from_a_run),
		TEST(test_started_again_by_its_run),
		TEST(test_owners_are_independent),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
