/*
 * What is on its way to backends: who sees it, and what a worker that died
 * leaves behind.
 */

#include <sys/types.h>
#include <sys/wait.h>

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <cmocka.h>

#include "envelope.h"
#include "flight.h"
#include "headers.h"
#include "inflight.h"
#include "journal.h"
#include "mem.h"
#include "message.h"
#include "siphash.h"

#define NOW 1000000
#define COLUMNS 3

static struct inflight *inflight;
static struct journal *journal;
static struct spool *spool;
static struct spool_conf spool_conf = { "/tmp", 1 << 20 };
static struct arena arena;

static int
setup(void **state)
{
	(void)state;
	inflight = inflight_new(COLUMNS);
	journal = journal_new();
	spool = spool_new(&spool_conf);
	arena_init(&arena, 1024);
	return inflight == NULL || journal == NULL ? -1 : 0;
}

static int
teardown(void **state)
{
	(void)state;
	inflight_free(&inflight);
	journal_free(&journal);
	spool_free(&spool);
	arena_free(&arena);
	return 0;
}

/* The vectors of the reference, for keys and texts of 00, 01, 02 ... */
static void
test_siphash(void **state)
{
	static const unsigned char want[][SIPHASH_SIZE] = {
		{ 0xa3, 0x81, 0x7f, 0x04, 0xba, 0x25, 0xa8, 0xe6, 0x6d, 0xf6,
		    0x72, 0x14, 0xc7, 0x55, 0x02, 0x93 },
		{ 0xda, 0x87, 0xc1, 0xd8, 0x6b, 0x99, 0xaf, 0x44, 0x34, 0x76,
		    0x59, 0x11, 0x9b, 0x22, 0xfc, 0x45 },
	};
	unsigned char octets[64], out[SIPHASH_SIZE], other[SIPHASH_SIZE];
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(octets); i++)
		octets[i] = (unsigned char)i;
	for (i = 0; i < 2; i++) {
		siphash(octets, octets, i, out);
		assert_memory_equal(out, want[i], SIPHASH_SIZE);
	}
	for (i = 2; i < sizeof(octets); i++) {
		memcpy(other, out, sizeof(other));
		siphash(octets, octets, i, out);
		assert_memory_not_equal(out, other, SIPHASH_SIZE);
	}
}

static const unsigned char *
key(unsigned n)
{
	static unsigned char k[SIPHASH_SIZE];

	memset(k, 0, sizeof(k));
	memcpy(k + 2, &n, sizeof(n)); /* all with hint 0, for small n */
	return k;
}

static void
test_busy(void **state)
{
	bool busy;
	int a, b, c;

	(void)state;
	a = inflight_enter(inflight, 0, key(1), &busy);
	assert_true(a >= 0 && !busy);
	b = inflight_enter(inflight, 1, key(2), &busy);
	assert_true(b >= 0 && !busy); /* the same hint, another key */
	c = inflight_enter(inflight, 2, key(1), &busy);
	assert_true(c >= 0 && busy);
	inflight_leave(inflight, 2, c);
	c = inflight_enter(inflight, 0, key(1), &busy); /* the same worker */
	assert_true(busy);
	inflight_leave(inflight, 0, c);
	inflight_leave(inflight, 0, a);
	c = inflight_enter(inflight, 1, key(1), &busy);
	assert_false(busy);
	inflight_leave(inflight, 1, c);
	inflight_leave(inflight, 1, b);
	inflight_leave(inflight, 1, -1);
	assert_int_equal(inflight_enter(inflight, COLUMNS, key(1), &busy), -1);
	assert_int_equal(inflight_count(inflight), 0);
}

/* A ring that is full keeps what it has, and takes no more. */
static void
test_full(void **state)
{
	unsigned i, taken = 0;
	bool busy;

	(void)state;
	for (i = 0; i < 10000; i++)
		taken += inflight_enter(inflight, 0, key(i << 16), &busy) >= 0;
	assert_int_equal(inflight_count(inflight), taken);
	assert_true(taken >= 1000 && taken < 10000);
	assert_true(inflight_enter(inflight, 1, key(0), &busy) >= 0 && busy);
	inflight_harvest(inflight, 1, NULL, NULL);
	inflight_harvest(inflight, 0, NULL, NULL);
	assert_int_equal(inflight_count(inflight), 0);
	assert_true(inflight_enter(inflight, 1, key(0), &busy) >= 0 && !busy);
}

static struct message *
message(const char *text, struct headers *h)
{
	static const struct headers_limits limits = { 100, 10000, 100 };
	struct message *m = message_new(spool);

	assert_int_equal(message_append(m, text, strlen(text)), 0);
	headers_init(h, &arena);
	headers_feed(h, &limits, text, strlen(text));
	headers_finish(h, &limits);
	return m;
}

static void
envelope(struct envelope *e, const char *sender, size_t count)
{
	static const char *const names[] = { "a@y", "b@y", "c@y" };
	struct address addr = { .domain = "y" };
	size_t i;

	envelope_init(e, &arena);
	e->sender = (struct address){ sender, sender, "", "" };
	for (i = 0; i < count; i++) {
		addr.text = addr.local = names[i];
		envelope_add(e, &addr)->backend_name = "s";
	}
}

static bool
begin(struct flight *f, unsigned column, const char *sender, size_t rcpts,
    const char *text)
{
	struct headers h;
	struct message *m = message(text, &h);
	struct envelope e;
	bool good;

	envelope(&e, sender, rcpts);
	*f = (struct flight){
		.inflight = inflight, .journal = journal, .column = column
	};
	good = flight_begin(f, &arena, &e, m, &h);
	message_free(&m);
	return good;
}

#define HEAD "Message-ID: <1@x>\r\nDate: today\r\n"

static void
test_same_message(void **state)
{
	struct flight one, two;

	(void)state;
	assert_true(begin(&one, 0, "s@x", 2, HEAD "\r\nhi\r\n"));
	assert_int_equal(inflight_count(inflight), 2);
	/* to one of its recipients, and to another one as well */
	assert_false(begin(&two, 1, "s@x", 3, HEAD "\r\nhi\r\n"));
	assert_int_equal(inflight_count(inflight), 2);
	assert_true(begin(&two, 1, "t@x", 2, HEAD "\r\nhi\r\n"));
	flight_end(&two);
	assert_true(begin(&two, 1, "s@x", 2, HEAD "\r\nhello\r\n"));
	flight_end(&two);
	assert_true(begin(&two, 1, "s@x", 2,
	    "Message-ID: <2@x>\r\nDate: today\r\n\r\nhi\r\n"));
	flight_end(&two);
	flight_set(&one, 0, INFLIGHT_FREE); /* refused */
	assert_true(begin(&two, 1, "s@x", 1, HEAD "\r\nhi\r\n"));
	flight_end(&two);
	assert_false(begin(&two, 1, "s@x", 2, HEAD "\r\nhi\r\n"));
	flight_end(&one);
	assert_true(begin(&two, 1, "s@x", 2, HEAD "\r\nhi\r\n"));
	flight_end(&two);
	/* what can not be known again is never the same */
	assert_true(begin(&one, 0, "s@x", 1, "Date: today\r\n\r\nhi\r\n"));
	assert_true(begin(&two, 1, "s@x", 1, "Date: today\r\n\r\nhi\r\n"));
	assert_int_equal(inflight_count(inflight), 0);
	flight_end(&one);
	flight_end(&two);
}

/* A worker dies with one recipient that no backend can have, one that may have
 * it, and one that has. */
static void
test_harvest(void **state)
{
	struct flight f;
	int status;
	pid_t pid;

	(void)state;
	pid = fork();
	if (pid == 0) {
		if (!begin(&f, 1, "s@x", 3, HEAD "\r\nhi\r\n"))
			_exit(1);
		flight_set(&f, 1, INFLIGHT_COMMITTED);
		flight_set(&f, 2, INFLIGHT_DELIVERED);
		_exit(0);
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_int_equal(status, 0);
	assert_int_equal(inflight_count(inflight), 3);
	assert_false(begin(&f, 0, "s@x", 3, HEAD "\r\nhi\r\n"));
	flight_harvest(inflight, 1, journal, NOW);
	assert_int_equal(inflight_count(inflight), 0);
	assert_true(begin(&f, 0, "s@x", 3, HEAD "\r\nhi\r\n"));
	assert_int_equal(flight_past(&f, NOW, 0), FLIGHT_NEW);
	assert_int_equal(flight_past(&f, NOW, 1), FLIGHT_UNKNOWN);
	assert_int_equal(flight_past(&f, NOW, 1), FLIGHT_NEW); /* told once */
	assert_int_equal(flight_past(&f, NOW, 2), FLIGHT_DELIVERED);
	assert_int_equal(flight_past(&f, NOW, 2), FLIGHT_DELIVERED);
	assert_int_equal(flight_past(&f, NOW + JOURNAL_DONE_MS, 2), FLIGHT_NEW);
	assert_int_equal(flight_past(&f, NOW, 3), FLIGHT_NEW);
	flight_is_unknown(&f, NOW, 0);
	assert_int_equal(flight_past(&f, NOW, 0), FLIGHT_UNKNOWN);
	flight_end(&f);
	flight_harvest(inflight, COLUMNS, journal, NOW); /* no such column */
}

/* Workers that enter the same keys at once: of two, one is told. */
static void
test_race(void **state)
{
	int pipes[2], from[2], i, slot, status;
	unsigned char won[2][1000];
	unsigned column;
	bool busy;
	pid_t pids[2];

	(void)state;
	for (column = 0; column < 2; column++) {
		assert_int_equal(pipe(pipes), 0);
		pids[column] = fork();
		if (pids[column] != 0) {
			close(pipes[1]);
			from[column] = pipes[0];
			continue;
		}
		for (i = 0; i < 1000; i++) {
			slot = inflight_enter(
			    inflight, column, key((unsigned)i), &busy);
			won[0][i] = !busy && slot >= 0;
			if (busy)
				inflight_leave(inflight, column, slot);
		}
		_exit(write(pipes[1], won[0], 1000) == 1000 ? 0 : 1);
	}
	for (column = 0; column < 2; column++) {
		assert_int_equal(read(from[column], won[column], 1000), 1000);
		close(from[column]);
		assert_int_equal(
		    waitpid(pids[column], &status, 0), pids[column]);
		assert_int_equal(status, 0);
	}
	for (i = 0; i < 1000; i++)
		assert_true(won[0][i] + won[1][i] <= 1);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_siphash),
		cmocka_unit_test_setup_teardown(test_busy, setup, teardown),
		cmocka_unit_test_setup_teardown(test_full, setup, teardown),
		cmocka_unit_test_setup_teardown(
		    test_same_message, setup, teardown),
		cmocka_unit_test_setup_teardown(test_harvest, setup, teardown),
		cmocka_unit_test_setup_teardown(test_race, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
