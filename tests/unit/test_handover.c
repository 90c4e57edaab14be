/*
 * What a program that takes over makes of the text that it finds: of a good
 * one, of one that is cut, has lines too many, too few, or none that it knows.
 */

#include <sys/stat.h>

#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <cmocka.h>

#include "compat.h"
#include "mem.h"
#include "shared.h"

#include "gateway/master_handover.h"
#include "gateway/master_priv.h"

static const char good[] = "log 1 2 0 16 /var/log/with a blank\n"
			   "life -1 -1\n"
			   "reload -1 -1 -1 1\n"
			   "pidfile -1 /run/p.pid\n"
			   "control -1 /run/c.sock\n"
			   "rotate 123456789012\n"
			   "sizes 8 3\n"
			   "socket -1 127.0.0.1:2525\n"
			   "socket -1 unix:/run/smtp sock\n"
			   "memory -1 4096 journal 1\n"
			   "columns 4 -1 8192 columns 1\n"
			   "columns 2 -1 8192 columns 1\n"
			   "generation 0 0 20000 1 2 100\n"
			   "worker 101 0 0 -1\n"
			   "worker 0 1 7 -1\n"
			   "agent 103\n"
			   "checker 104\n"
			   "checker 105\n"
			   "slot 0\n"
			   "slot 17\n"
			   "generation 1 55 20000 0 1 0\n"
			   "worker 106 3 4294967295 -1\n"
			   "end\n";

static void
prepare(struct master *m)
{
	memset(m, 0, sizeof(*m));
	m->life_fds[0] = m->life_fds[1] = m->pid_fd = m->control.fd = -1;
	m->reload_fds[0] = m->reload_fds[1] = m->caller_fd = -1;
	TAILQ_INIT(&m->generations);
	TAILQ_INIT(&m->sockets);
}

/* The text with this first line, read by a trial or the program itself. */
static bool
read_all(struct master *m, bool trial, const char *first, const char *text,
    size_t len, char *said_r, size_t size)
{
	int fd = compat_memory_fd(strlen(first) + len, false);
	FILE *err = tmpfile();
	char number[16];
	size_t n;
	bool ok;

	assert_true(fd != -1);
	assert_non_null(err);
	assert_int_equal(pwrite(fd, first, strlen(first), 0), strlen(first));
	assert_int_equal(pwrite(fd, text, len, (off_t)strlen(first)), len);
	snprintf(number, sizeof(number), "%d", fd);
	setenv(HANDOVER_ENV, number, 1);
	prepare(m);
	ok = handover_read(m, trial, err);
	assert_null(getenv(HANDOVER_ENV)); /* no child inherits it */
	rewind(err);
	n = fread(said_r, 1, size - 1, err);
	said_r[n] = '\0';
	fclose(err);
	return ok;
}

static const char *
first_line(const char *contract, long pid)
{
	static char line[100];

	snprintf(line, sizeof(line), "%s %s %ld 0.0.9 of before\n",
	    HANDOVER_MARK, contract, pid);
	return line;
}

/* A trial: no descriptor is touched. */
static bool
takes(const char *text, size_t len)
{
	struct master m;
	char said[500];
	bool ok =
	    read_all(&m, true, first_line(HANDOVER_CONTRACT, (long)getppid()),
		text, len, said, sizeof(said));

	assert_int_equal(ok, said[0] == '\0'); /* a refusal says why */
	handover_forget(&m);
	return ok;
}

static void
test_good(void **state)
{
	const struct generation *g;
	struct master m;
	char said[500];

	(void)state;
	assert_true(
	    read_all(&m, true, first_line(HANDOVER_CONTRACT, (long)getppid()),
		good, strlen(good), said, sizeof(said)));
	assert_string_equal(m.before, "0.0.9 of before");
	assert_string_equal(m.log_path, "/var/log/with a blank");
	assert_int_equal(m.log.facility, 16);
	assert_true(m.again);
	assert_string_equal(m.control.path, "/run/c.sock");
	assert_int_equal(m.rotate_at, 123456789012);
	assert_int_equal(m.rates_count, 8);
	assert_int_equal(m.caps_servers, 3);
	g = TAILQ_FIRST(&m.generations);
	assert_int_equal(g->columns->count, 2);
	assert_int_equal(g->count, 2);
	assert_int_equal(g->workers[0].pid, 101);
	assert_int_equal(g->workers[1].rates_column, 7);
	assert_int_equal(g->admin.pid, 100);
	assert_int_equal(g->agent.pid, 103);
	assert_int_equal(g->checker_count, 2);
	assert_int_equal(g->checkers[1].pid, 105);
	assert_int_equal(g->slots[1], 17);
	g = TAILQ_NEXT(g, entry);
	assert_int_equal(g->stage, STAGE_RETIRED);
	assert_int_equal(g->due, 55);
	assert_true(g->columns->used[3]);
	assert_null(TAILQ_NEXT(g, entry));
	handover_forget(&m);
}

/* Wherever it ends too early, it is none. */
static void
test_cut(void **state)
{
	size_t len;

	(void)state;
	for (len = 0; len < strlen(good) - 1; len++)
		if (takes(good, len))
			fail_msg("taken: %.*s", (int)len, good);
	assert_true(takes(good, strlen(good) - 1)); /* without its last LF */
}

/* Each line once more, and each left out: no half of a state is taken. */
static void
test_lines(void **state)
{
	static const char *const optional[] = { "pidfile", "control", "socket",
		"memory", "agent", "checker", "slot" };
	static const char *const often[] = { "socket", "memory", "columns",
		"checker", "slot" };
	char text[2 * sizeof(good)], word[20];
	const char *line, *next;
	size_t i, before, len;
	bool may, wanted;

	(void)state;
	for (line = good; *line != '\0'; line = next) {
		next = strchr(line, '\n') + 1;
		before = (size_t)(line - good);
		len = (size_t)(next - line);
		snprintf(word, sizeof(word), "%.*s", (int)strcspn(line, " \n"),
		    line);

		for (may = false, i = 0; i < nitems(optional); i++)
			may = may || strcmp(word, optional[i]) == 0;
		snprintf(text, sizeof(text), "%.*s%s", (int)before, good, next);
		if (takes(text, strlen(text)) != may)
			fail_msg("without: %.*s", (int)len, line);

		for (wanted = false, i = 0; i < nitems(often); i++)
			wanted = wanted || strcmp(word, often[i]) == 0;
		snprintf(text, sizeof(text), "%.*s%.*s%s", (int)before, good,
		    (int)len, line, line);
		if (takes(text, strlen(text)) != wanted)
			fail_msg("twice: %.*s", (int)len, line);
	}
}

static void
test_hostile(void **state)
{
	static const struct {
		const char *from, *to;
	} changes[] = {
		{ "slot 0\n", "slots 0\n" },
		{ "slot 0\n", "\n" },
		{ "slot 0\n", "slot\n" },
		{ "slot 0\n", "slot -1\n" },
		{ "slot 0\n", "slot 4294967296\n" },
		{ "slot 0\n", "slot 99999999999999999999\n" },
		{ "slot 0\n", "slot 0x1\n" },
		{ "life -1 -1", "life -1" },
		{ "life -1 -1", "life -2 -1" },
		{ "log 1 2", "log 1 99" },
		{ "rotate 1", "rotate -1" },
		{ "sizes 8", "sizes 0" },
		{ "sizes 8", "sizes 1000000000" },
		{ "sizes 8 3", "sizes 8 2000000000" },
		{ "127.0.0.1:2525", "127.0.0.1" },
		{ "columns 4 ", "columns 0 " },
		{ "columns 4 ", "columns 4000000000 " },
		{ "memory -1 4096", "memory -1 -1" },
		{ "generation 0 0 20000 1", "generation 0 0 20000 2" },
		{ "generation 0 0 20000 1", "generation 9 0 20000 1" },
		{ "20000 1 2 100", "20000 1 1 100" },
		{ "20000 1 2 100", "20000 1 3 100" },
		{ "20000 1 2 100", "20000 1 99999999 100" },
		{ "20000 0 1 0", "20000 0 2 0" }, /* the last one, too few */
		{ "worker 101 0", "worker 101 2" },
		{ "worker 101 0", "worker -1 0" },
		{ "generation 0", "worker 1 0 0 -1\ngeneration 0" },
		{ "generation 0", "agent 1\ngeneration 0" },
		{ "generation 0", "checker 1\ngeneration 0" },
		{ "generation 0", "slot 1\ngeneration 0" },
		{ "end\n", "end\nslot 1\n" },
		{ "end\n", "ended\n" },
	};
	char text[2 * sizeof(good)];
	const char *at;
	size_t i;

	(void)state;
	for (i = 0; i < nitems(changes); i++) {
		at = strstr(good, changes[i].from);
		assert_non_null(at);
		snprintf(text, sizeof(text), "%.*s%s%s", (int)(at - good), good,
		    changes[i].to, at + strlen(changes[i].from));
		if (takes(text, strlen(text)))
			fail_msg("taken: %s", changes[i].to);
	}
}

/* Any octet may be any other: it is taken or not, and that is all. */
static void
test_any_octet(void **state)
{
	static const char others[] = { '\0', '\n', ' ', '-', '9', 'x', '\xff' };
	char text[sizeof(good)];
	size_t i, k;

	(void)state;
	for (i = 0; i < strlen(good); i++)
		for (k = 0; k < sizeof(others); k++) {
			memcpy(text, good, sizeof(good));
			text[i] = others[k];
			(void)takes(text, strlen(good));
		}
}

/* The first line: whom it is for, and of which contract. */
static void
test_not_ours(void **state)
{
	struct master m;
	char said[500];

	(void)state;
	assert_false(
	    read_all(&m, true, first_line(HANDOVER_CONTRACT, (long)getpid()),
		good, strlen(good), said, sizeof(said)));
	handover_forget(&m);
	assert_false(
	    read_all(&m, false, first_line(HANDOVER_CONTRACT, (long)getppid()),
		good, strlen(good), said, sizeof(said)));
	handover_forget(&m);
	assert_false(
	    read_all(&m, true, first_line("contract-0", (long)getppid()), good,
		strlen(good), said, sizeof(said)));
	assert_non_null(strstr(said, "contract-0"));
	assert_non_null(strstr(said, "a stop and a start"));
	handover_forget(&m);
	assert_false(
	    read_all(&m, true, "", good, strlen(good), said, sizeof(said)));
	handover_forget(&m);
	assert_false(read_all(&m, true, "", "", 0, said, sizeof(said)));
	handover_forget(&m);
}

/* What the environment says is no descriptor, or none that is open. */
static void
test_no_text(void **state)
{
	static const char *const given[] = { "", " ", "x", "-1", "0x", "7 ",
		"4294967296", "99999999999999999999", "1000000" };
	struct master m;
	FILE *err = tmpfile();
	size_t i;

	(void)state;
	assert_non_null(err);
	for (i = 0; i < nitems(given); i++) {
		setenv(HANDOVER_ENV, given[i], 1);
		prepare(&m);
		assert_false(handover_read(&m, false, err));
		assert_null(getenv(HANDOVER_ENV));
		handover_forget(&m);
	}
	assert_true(ftell(err) > 0);
	fclose(err);
}

/* The program itself gets the descriptors; a number that is none is a
 * mistake, not something to go on with. */
static void
test_descriptors(void **state)
{
	static const char rest[] = "reload -1 -1 -1 0\nrotate 1\nsizes 1 1\n"
				   "end\n";
	struct master m;
	char text[300], said[500];
	int fd = open("/dev/null", O_RDONLY);

	(void)state;
	assert_true(fd != -1);
	assert_int_equal(fcntl(fd, F_SETFD, 0), 0);
	snprintf(text, sizeof(text), "log 0 2 0 0 \nlife %d -1\n%s", fd, rest);
	assert_true(
	    read_all(&m, false, first_line(HANDOVER_CONTRACT, (long)getpid()),
		text, strlen(text), said, sizeof(said)));
	assert_int_equal(m.life_fds[0], fd);
	assert_int_equal(fcntl(fd, F_GETFD), FD_CLOEXEC);
	handover_forget(&m);
	close(fd);
	assert_false(
	    read_all(&m, false, first_line(HANDOVER_CONTRACT, (long)getpid()),
		text, strlen(text), said, sizeof(said)));
	handover_forget(&m);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_good),
		cmocka_unit_test(test_cut),
		cmocka_unit_test(test_lines),
		cmocka_unit_test(test_hostile),
		cmocka_unit_test(test_any_octet),
		cmocka_unit_test(test_not_ours),
		cmocka_unit_test(test_no_text),
		cmocka_unit_test(test_descriptors),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
