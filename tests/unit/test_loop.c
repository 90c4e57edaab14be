/*
 * The loop: timers with the real and the scripted clock, and the bottom of a
 * turn.
 */

#include <sys/wait.h>

#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>
#include <cmocka.h>

#include <event2/event.h>

#include "compat.h"
#include "loop.h"

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
#define START 5000
#define WALL 1700000000000

struct alarm {
	struct timer timer;
	char name;
	int64_t fired_at;
	int64_t again; /* set once more, relative */
	bool clear;    /* in its own callback */
	struct timer *other;
	int64_t other_at;
};

struct job {
	struct task task;
	char name;
	struct job *defer; /* queued by it */
	struct job *reap;
	struct job *undefer;
};

static struct loop *loop;
static struct alarm alarms[4];
static struct job jobs[4];
static char trace[100];
static unsigned bottoms;

static void
note(char c)
{
	size_t have = strlen(trace);

	snprintf(trace + have, sizeof(trace) - have, "%c", c);
}

static void
fire(void *ctx)
{
	struct alarm *a = ctx;

	note(a->name);
	a->fired_at = loop_now(loop);
	if (a->clear)
		timer_clear(&a->timer);
	if (a->again != 0)
		timer_set(&a->timer, loop_now(loop) + a->again);
	if (a->other != NULL)
		timer_set(a->other, a->other_at);
}

static void
run_job(struct task *t)
{
	struct job *j = container_of(t, struct job, task);

	note(j->name);
	if (j->defer != NULL)
		loop_defer(loop, &j->defer->task);
	if (j->reap != NULL)
		loop_reap(loop, &j->reap->task);
	if (j->undefer != NULL)
		loop_undefer(loop, &j->undefer->task);
}

static void
count_bottom(void)
{
	bottoms++;
}

static int
setup(void **state)
{
	int i;

	(void)state;
	trace[0] = '\0';
	bottoms = 0;
	loop = loop_new();
	for (i = 0; i < 4; i++) {
		memset(&alarms[i], 0, sizeof(alarms[i]));
		timer_init(&alarms[i].timer, loop, fire, &alarms[i]);
		alarms[i].name = (char)('a' + i);
		jobs[i] = (struct job){ .task = { .run = run_job },
			.name = (char)('1' + i) };
	}
	return 0;
}

static int
teardown(void **state)
{
	int i;

	(void)state;
	for (i = 0; i < 4; i++)
		timer_clear(&alarms[i].timer);
	loop_free(&loop);
	return 0;
}

static void
set(int i, int64_t at)
{
	timer_set(&alarms[i].timer, at);
}

static int64_t
monotonic_ms(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (int64_t)ts.tv_sec * 1000 + ts.tv_nsec / 1000000;
}

/* The scripted clock. */

static void
test_timers_in_order(void **state)
{
	(void)state;
	loop_script_clock(loop, START, WALL);
	set(0, START + 30);
	set(1, START + 10);
	set(2, START + 20);
	set(3, START + 41);
	loop_advance(loop, 40);
	assert_string_equal(trace, "bca");
	assert_int_equal(alarms[1].fired_at, START + 10);
	assert_int_equal(alarms[0].fired_at, START + 30);
	assert_int_equal(loop_now(loop), START + 40);
	assert_int_equal(loop_wall_ms(loop), WALL + 40);
	loop_advance(loop, 1);
	assert_string_equal(trace, "bcad");
}

static void
test_same_time_in_order_of_setting(void **state)
{
	int i;

	(void)state;
	loop_script_clock(loop, START, WALL);
	for (i = 0; i < 4; i++)
		set(i, START + 10);
	loop_advance(loop, 10);
	assert_string_equal(trace, "abcd");
}

static void
test_moved(void **state)
{
	(void)state;
	loop_script_clock(loop, START, WALL);
	set(0, START + 10);
	set(0, START + 30); /* later */
	set(1, START + 50);
	set(1, START + 20); /* earlier */
	set(2, START + 5);
	set(2, 0); /* not at all */
	loop_advance(loop, 100);
	assert_string_equal(trace, "ba");
	loop_advance(loop, 100);
	assert_string_equal(trace, "ba");
}

static void
test_past_time_fires_at_once(void **state)
{
	(void)state;
	loop_script_clock(loop, START, WALL);
	set(0, START - 100);
	loop_advance(loop, 0);
	assert_string_equal(trace, "a");
	assert_int_equal(alarms[0].fired_at, START);
}

static void
test_cleared_and_set_in_its_callback(void **state)
{
	(void)state;
	loop_script_clock(loop, START, WALL);
	alarms[0].clear = true;
	set(0, START + 10);
	alarms[1].again = 20;
	set(1, START + 10);
	loop_advance(loop, 55);
	assert_string_equal(trace, "abbb");
	assert_int_equal(alarms[1].fired_at, START + 50);
}

static void
test_moves_another(void **state)
{
	(void)state;
	loop_script_clock(loop, START, WALL);
	alarms[0].other = &alarms[1].timer;
	set(0, START + 10);
	set(1, START + 10); /* taken back by the first */
	loop_advance(loop, 20);
	assert_string_equal(trace, "a");
	alarms[0].other_at = START + 35;
	set(0, START + 30);
	loop_advance(loop, 20);
	assert_string_equal(trace, "aab");
}

/* Bottoms of turns belong to the time at which they were reached. */
static void
test_bottom_between_timers(void **state)
{
	(void)state;
	loop_script_clock(loop, START, WALL);
	loop_at_bottom(loop, count_bottom);
	set(0, START + 10);
	set(1, START + 20);
	loop_advance(loop, 30);
	assert_int_equal(bottoms, 3);
	loop_at_bottom(loop, NULL);
}

/* The real clock; nothing here depends on how fast we are. */

static void
test_real_order(void **state)
{
	int64_t now = loop_now(loop);

	(void)state;
	set(0, now + 30);
	set(1, now + 10);
	set(2, now + 20);
	set(3, now + 1);
	set(3, 0);
	while (alarms[0].fired_at == 0)
		loop_turn(loop, true);
	assert_string_equal(trace, "bca");
	assert_true(alarms[0].fired_at >= now + 30);
	assert_true(alarms[1].fired_at >= now + 10);
}

static void
test_real_moves(void **state)
{
	int64_t now = loop_now(loop);

	(void)state;
	set(0, now + 5);
	set(0, now + 60); /* the armed event is left alone */
	set(1, now + 3600000);
	set(1, now + 20); /* must be armed again */
	while (alarms[0].fired_at == 0)
		loop_turn(loop, true);
	assert_string_equal(trace, "ba");
	assert_true(alarms[0].fired_at >= now + 60);
}

static void
test_real_clear_in_callback(void **state)
{
	(void)state;
	alarms[0].clear = true;
	set(0, loop_now(loop) + 1);
	set(1, loop_now(loop) + 5);
	while (strchr(trace, 'b') == NULL)
		loop_turn(loop, true);
	assert_string_equal(trace, "ab");
	assert_null(alarms[0].timer.ev);
}

static int64_t in_callback;

static void
read_clock_in_callback(evutil_socket_t fd, short what, void *arg)
{
	(void)what;
	in_callback = loop_now(loop);
	assert_int_equal(read((int)fd, arg, sizeof(int64_t)), sizeof(int64_t));
}

/* The time that a callback sees is later than the event it was called for,
 * however long the loop had waited for it: deadlines are made of it. */
static void
test_now_is_not_from_before_the_wait(void **state)
{
	struct timespec nap = { .tv_nsec = 50000000 };
	int64_t sent = 0;
	struct event *ev;
	int fds[2];
	pid_t pid;

	(void)state;
	assert_int_equal(pipe(fds), 0);
	ev = event_new(
	    loop_base(loop), fds[0], EV_READ, read_clock_in_callback, &sent);
	event_add(ev, NULL);
	pid = fork();
	assert_true(pid != -1);
	if (pid == 0) {
		nanosleep(&nap, NULL);
		sent = monotonic_ms();
		_exit(write(fds[1], &sent, sizeof(sent)) == -1);
	}
	while (sent == 0)
		loop_turn(loop, true);
	waitpid(pid, NULL, 0);
	event_free(ev);
	close(fds[0]);
	close(fds[1]);
	assert_true(in_callback >= sent);
}

/* Tasks. */

static void
test_tasks_in_order_once(void **state)
{
	(void)state;
	loop_defer(loop, &jobs[1].task);
	loop_defer(loop, &jobs[0].task);
	loop_defer(loop, &jobs[1].task);
	assert_string_equal(trace, "");
	loop_turn(loop, false);
	assert_string_equal(trace, "21");
	loop_turn(loop, false);
	assert_string_equal(trace, "21");
	loop_defer(loop, &jobs[1].task);
	loop_turn(loop, false);
	assert_string_equal(trace, "212");
}

static void
test_reaper_is_last(void **state)
{
	(void)state;
	loop_reap(loop, &jobs[0].task);
	loop_reap(loop, &jobs[0].task);
	loop_defer(loop, &jobs[1].task);
	jobs[1].defer = &jobs[2]; /* in this turn still, before the reaper */
	loop_turn(loop, false);
	assert_string_equal(trace, "231");
}

/* What the reaper sets off is done before the turn ends. */
static void
test_reaper_defers(void **state)
{
	(void)state;
	jobs[0].defer = &jobs[1];
	jobs[1].reap = &jobs[2];
	loop_reap(loop, &jobs[0].task);
	loop_turn(loop, false);
	assert_string_equal(trace, "123");
}

static void
test_undefer(void **state)
{
	(void)state;
	loop_defer(loop, &jobs[0].task);
	loop_defer(loop, &jobs[1].task);
	loop_defer(loop, &jobs[2].task);
	jobs[0].undefer = &jobs[2];
	loop_undefer(loop, &jobs[1].task);
	loop_undefer(loop, &jobs[1].task);
	loop_turn(loop, false);
	assert_string_equal(trace, "1");
	loop_defer(loop, &jobs[1].task);
	loop_turn(loop, false);
	assert_string_equal(trace, "12");
}

static void
stop_loop(void *ctx)
{
	(void)ctx;
	loop_stop(loop);
	loop_defer(loop, &jobs[0].task);
}

static void
test_run_and_stop(void **state)
{
	struct timer t;

	(void)state;
	loop_at_bottom(loop, count_bottom);
	timer_init(&t, loop, stop_loop, NULL);
	timer_set(&t, loop_now(loop) + 1);
	loop_defer(loop, &jobs[1].task); /* from before it runs */
	loop_run(loop);
	assert_string_equal(trace, "21"); /* the last turn has a bottom */
	assert_true(bottoms > 0);
	timer_clear(&t);
	loop_at_bottom(loop, NULL);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_timers_in_order),
		TEST(test_same_time_in_order_of_setting),
		TEST(test_moved),
		TEST(test_past_time_fires_at_once),
		TEST(test_cleared_and_set_in_its_callback),
		TEST(test_moves_another),
		TEST(test_bottom_between_timers),
		TEST(test_real_order),
		TEST(test_real_moves),
		TEST(test_real_clear_in_callback),
		TEST(test_now_is_not_from_before_the_wait),
		TEST(test_tasks_in_order_once),
		TEST(test_reaper_is_last),
		TEST(test_reaper_defers),
		TEST(test_undefer),
		TEST(test_run_and_stop),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
