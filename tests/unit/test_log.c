/*
 * The log: the shape of lines, and receivers that do not take them.
 */

#include <sys/types.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>

#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <syslog.h>
#include <time.h>
#include <unistd.h>
#include <cmocka.h>

#include "compat.h"
#include "log.h"

static char captured[LOG_LINE_MAX + 2];
static size_t captured_len;
static int captured_count;
static char directory[] = "/tmp/postern-log-XXXXXX";
static char path[sizeof(directory) + 16];

static void
capture(const char *line, size_t len)
{
	assert_true(len <= LOG_LINE_MAX);
	assert_int_equal(strlen(line), len);
	assert_null(strchr(line, '\n'));
	memcpy(captured, line, len + 1);
	captured_len = len;
	captured_count++;
}

/* What follows "time=... level=info ". */
static const char *
body(void)
{
	const char *at = strstr(captured, "level=");

	assert_non_null(at);
	at = strchr(at, ' ');
	return at != NULL ? at + 1 : "";
}

static const char *
logged(const char *value)
{
	struct record r;

	log_capture(capture);
	record_start(&r, LEVEL_INFO, "e");
	record_str(&r, "k", value);
	record_end(&r);
	log_capture(NULL);
	return body();
}

static void
test_shape(void **state)
{
	struct record r;
	char digits[32];
	size_t i;

	(void)state;
	log_capture(capture);
	record_start(&r, LEVEL_WARN, "thing");
	record_str(&r, "a", "b");
	record_str(&r, "absent", NULL);
	record_num(&r, "min", INT64_MIN);
	record_fmt(&r, "f", "%d.%d", 1, 2);
	record_end(&r);
	log_capture(NULL);
	assert_string_equal(strstr(captured, " level="),
	    " level=warn event=thing a=b min=-9223372036854775808 f=1.2");
	compat_strlcpy(
	    digits, captured, sizeof("time=2026-11-22T12:00:00.123Z"));
	for (i = 0; digits[i] != '\0'; i++)
		if (digits[i] >= '0' && digits[i] <= '9')
			digits[i] = '9';
	assert_string_equal(digits, "time=9999-99-99T99:99:99.999Z");
}

static void
test_escape(void **state)
{
	(void)state;
	assert_string_equal(logged("plain-._/:@<>"), "event=e k=plain-._/:@<>");
	assert_string_equal(logged(""), "event=e k=\"\"");
	assert_string_equal(logged("a b"), "event=e k=\"a b\"");
	assert_string_equal(logged("a=b"), "event=e k=\"a=b\"");
	assert_string_equal(logged("\"\\"), "event=e k=\"\\\"\\\\\"");
	assert_string_equal(logged("x\r\ny\t"), "event=e k=\"x\\r\\ny\\t\"");
	assert_string_equal(logged("\x01\x7f\xff\x1b[0m"),
	    "event=e k=\"\\x01\\x7f\\xff\\x1b[0m\"");
	assert_string_equal(logged("u\xcc\x88"), "event=e k=\"u\\xcc\\x88\"");
}

static void
test_event(void **state)
{
	struct log_conf conf = { .to = LOG_TO_STDERR, .level = LEVEL_WARN };

	(void)state;
	log_capture(capture);
	captured_count = 0;
	assert_true(log_wants(LEVEL_INFO));
	assert_false(log_wants(LEVEL_DEBUG));
	log_event(LEVEL_DEBUG, "not this");
	assert_int_equal(captured_count, 0);
	log_event(LEVEL_INFO, "hello %s", "world");
	assert_int_equal(captured_count, 1);
	assert_string_equal(body(), "msg=\"hello world\"");
	assert_int_equal(log_open(&conf), 0);
	assert_false(log_wants(LEVEL_INFO));
	log_event(LEVEL_INFO, "not this");
	assert_int_equal(captured_count, 1);
	conf.level = LEVEL_INFO;
	assert_int_equal(log_open(&conf), 0);
	log_capture(NULL);
}

/* Cut at every length around the limit, plain, quoted and escaped. */
static void
test_cut(void **state)
{
	static char value[LOG_LINE_MAX * 2];
	static const char fill[] = { 'x', ' ', '\x01' };
	static const char cut[] = " cut=yes";
	size_t len, i, n;
	struct record r;
	bool was_cut;

	(void)state;
	log_capture(capture);
	for (i = 0; i < sizeof(fill); i++) {
		for (len = LOG_LINE_MAX / 4 - 100; len < LOG_LINE_MAX + 20;
		     len++) {
			memset(value, fill[i], len);
			value[len] = '\0';
			record_start(&r, LEVEL_INFO, "e");
			record_str(&r, "k", value);
			record_str(&r, "after", "1");
			record_end(&r);
			assert_true(captured_len < LOG_LINE_MAX);
			n = sizeof(cut) - 1;
			was_cut = strcmp(captured + captured_len - n, cut) == 0;
			if (!was_cut) {
				n = strlen(" after=1");
				assert_string_equal(
				    captured + captured_len - n, " after=1");
			}
			if (i > 0) /* after= may be what was cut */
				assert_non_null(strchr(
				    "\"1", captured[captured_len - n - 1]));
		}
	}
	for (len = 0; len < 1500; len++) { /* many short ones */
		if (len == 0)
			record_start(&r, LEVEL_INFO, "e");
		record_num(&r, "key", 1);
	}
	record_end(&r);
	assert_string_equal(
	    captured + captured_len - strlen("key=1 cut=yes"), "key=1 cut=yes");
	log_capture(NULL);
}

static int
lines_of(const char *text)
{
	int count = 0;

	for (; (text = strchr(text, '\n')) != NULL; text++)
		count++;
	return count;
}

static char *
slurp(const char *file)
{
	FILE *f = fopen(file, "r");
	char *text = NULL;
	size_t space = 0;
	ssize_t n;

	assert_non_null(f);
	n = getdelim(&text, &space, '\0', f);
	fclose(f);
	if (n == -1) {
		free(text);
		text = calloc(1, 1);
	}
	assert_non_null(text);
	return text;
}

static void
to_stderr(void)
{
	struct log_conf conf = { .to = LOG_TO_STDERR, .level = LEVEL_INFO };

	assert_int_equal(log_open(&conf), 0);
}

static void
test_file(void **state)
{
	struct log_conf conf = {
		.to = LOG_TO_FILE, .level = LEVEL_INFO, .path = path
	};
	char rotated[sizeof(path) + 4], *text;
	int i;

	(void)state;
	assert_int_equal(log_open(&conf), 0);
	log_event(LEVEL_INFO, "collected");
	text = slurp(path);
	assert_string_equal(text, "");
	free(text);
	log_event(LEVEL_ERROR, "at once");
	text = slurp(path);
	assert_int_equal(lines_of(text), 2);
	free(text);
	for (i = 0; i < 2000; i++) /* more than the buffer holds */
		log_event(LEVEL_INFO, "line %d", i);
	log_flush();
	text = slurp(path);
	assert_int_equal(lines_of(text), 2002);
	assert_non_null(strstr(text, "msg=\"line 1999\"\n"));
	free(text);

	snprintf(rotated, sizeof(rotated), "%s.0", path);
	log_event(LEVEL_INFO, "before");
	assert_int_equal(rename(path, rotated), 0);
	log_reopen();
	log_event(LEVEL_INFO, "after");
	log_flush();
	text = slurp(rotated);
	assert_int_equal(lines_of(text), 2003);
	free(text);
	text = slurp(path);
	assert_int_equal(lines_of(text), 1);
	assert_non_null(strstr(text, "msg=after"));
	free(text);
	unlink(rotated);
	unlink(path);
	to_stderr();
}

static void
test_file_fails(void **state)
{
	struct log_conf conf = { .to = LOG_TO_FILE,
		.level = LEVEL_DEBUG,
		.path = "/nonexistent/log" };

	(void)state;
	assert_int_equal(log_open(&conf), -1);
	assert_int_equal(errno, ENOENT);
	assert_false(log_wants(LEVEL_DEBUG)); /* all stays as it was */
	assert_true(log_wants(LEVEL_INFO));
}

/* A full disk costs lines and is counted. */
static void
test_full_disk(void **state)
{
	struct log_conf conf = {
		.to = LOG_TO_FILE, .level = LEVEL_INFO, .path = path
	};
	char *text;

	(void)state;
	if (access("/dev/full", W_OK) == -1)
		skip();
	assert_int_equal(symlink("/dev/full", path), 0);
	assert_int_equal(log_open(&conf), 0);
	log_event(LEVEL_INFO, "one");
	log_event(LEVEL_INFO, "two");
	log_flush();
	unlink(path);
	log_reopen();
	log_event(LEVEL_INFO, "three");
	log_flush();
	text = slurp(path);
	assert_int_equal(lines_of(text), 2);
	assert_non_null(strstr(text, "level=warn event=log-dropped count=2\n"));
	assert_non_null(strstr(text, "msg=three\n"));
	free(text);
	unlink(path);
	to_stderr();
}

/* stderr is a pipe that nobody reads: lines are lost, no time is; what was
 * written are whole lines. */
static void
test_full_pipe(void **state)
{
	int fds[2], saved = dup(STDERR_FILENO), i, flags, written = 0, lost;
	static char text[1 << 20];
	size_t have = 0;
	const char *at;
	ssize_t n;

	(void)state;
	assert_int_equal(pipe(fds), 0);
	fcntl(fds[0], F_SETFL, O_NONBLOCK);
	dup2(fds[1], STDERR_FILENO);
	to_stderr();
	for (i = 0; i < 5000; i++) {
		log_event(LEVEL_INFO, "number %d", i);
		if (i % 50 == 0)
			log_flush();
	}
	log_flush();
	flags = fcntl(STDERR_FILENO, F_GETFL);
	assert_false(flags & O_NONBLOCK);
	while ((n = read(fds[0], text + have, sizeof(text) - 1 - have)) > 0)
		have += (size_t)n;
	text[have] = '\0';
	written = lines_of(text);
	assert_int_equal(text[have - 1], '\n');
	assert_true(written > 0 && written < 5000);
	log_event(LEVEL_INFO, "free again");
	log_flush();
	n = read(fds[0], text, sizeof(text) - 1);
	assert_true(n > 0);
	text[n] = '\0';
	at = strstr(text, "event=log-dropped count=");
	assert_non_null(at);
	lost = (int)strtol(at + strlen("event=log-dropped count="), NULL, 10);
	assert_int_equal(written + lost, 5000);
	assert_non_null(strstr(text, "msg=\"free again\""));
	dup2(saved, STDERR_FILENO);
	close(saved);
	close(fds[0]);
	close(fds[1]);
}

/* No SIGPIPE when the reader is gone; its successor hears of the loss. */
static void
test_closed_pipe(void **state)
{
	int fds[2], more[2], saved = dup(STDERR_FILENO);
	char text[1000];
	ssize_t n;

	(void)state;
	assert_int_equal(pipe(fds), 0);
	close(fds[0]);
	dup2(fds[1], STDERR_FILENO);
	to_stderr();
	log_event(LEVEL_INFO, "to nobody");
	log_flush();
	assert_int_equal(pipe(more), 0);
	dup2(more[1], STDERR_FILENO);
	log_event(LEVEL_INFO, "to somebody");
	log_flush();
	n = read(more[0], text, sizeof(text) - 1);
	assert_true(n > 0);
	text[n] = '\0';
	assert_int_equal(lines_of(text), 2);
	assert_non_null(strstr(text, "event=log-dropped count=1\n"));
	dup2(saved, STDERR_FILENO);
	close(saved);
	close(fds[1]);
	close(more[0]);
	close(more[1]);
}

static int
fake_syslog(void)
{
	struct sockaddr_un un = { .sun_family = AF_UNIX };
	int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_NONBLOCK, 0);

	assert_int_not_equal(fd, -1);
	compat_strlcpy(un.sun_path, path, sizeof(un.sun_path));
	assert_int_equal(bind(fd, (struct sockaddr *)&un, sizeof(un)), 0);
	return fd;
}

static void
test_syslog(void **state)
{
	struct log_conf conf = { .to = LOG_TO_SYSLOG,
		.level = LEVEL_DEBUG,
		.facility = LOG_MAIL,
		.path = path };
	char text[8192], pid[32], rest[128] = "", month[4] = "";
	int fd = fake_syslog(), pri, day;
	ssize_t n;

	(void)state;
	assert_int_equal(log_open(&conf), 0);
	log_event(LEVEL_INFO, "hello there");
	log_event(LEVEL_DEBUG, "second");
	assert_int_equal(recv(fd, text, sizeof(text), 0), -1);
	log_flush();
	n = recv(fd, text, sizeof(text) - 1, 0);
	assert_true(n > 0);
	text[n] = '\0';
	assert_int_equal(sscanf(text, "<%d>%3s %d %*d:%*d:%*d %31s %127[^\n]",
			     &pri, month, &day, pid, rest),
	    5);
	assert_int_equal(pri, LOG_MAIL | LOG_INFO);
	assert_non_null(strstr("JanFebMarAprMayJunJulAugSepOctNovDec", month));
	snprintf(text, sizeof(text), "posternd[%ld]:", (long)getpid());
	assert_string_equal(pid, text);
	assert_string_equal(rest, "level=info msg=\"hello there\"");
	n = recv(fd, text, sizeof(text) - 1, 0);
	assert_true(n > 0);
	assert_memory_equal(text, "<23>", 4);
	assert_int_not_equal(text[n - 1], '\n');
	close(fd);
	unlink(path);
	to_stderr();
}

/* syslogd is away, then stopped, then back. */
static void
test_syslog_away(void **state)
{
	struct log_conf conf = { .to = LOG_TO_SYSLOG,
		.level = LEVEL_INFO,
		.facility = LOG_MAIL,
		.path = path };
	struct timespec second = { .tv_sec = 1, .tv_nsec = 1000000 };
	char text[8192];
	int fd, i, dropped;
	ssize_t n;

	(void)state;
	assert_int_equal(log_open(&conf), 0); /* nobody there: no error */
	log_event(LEVEL_INFO, "lost");
	log_flush();
	fd = fake_syslog();
	nanosleep(&second, NULL); /* until it may be tried again */
	log_event(LEVEL_INFO, "found");
	log_flush();
	n = recv(fd, text, sizeof(text) - 1, 0);
	assert_true(n > 0);
	text[n] = '\0';
	assert_non_null(strstr(text, "event=log-dropped count=1"));
	n = recv(fd, text, sizeof(text) - 1, 0);
	assert_true(n > 0);
	text[n] = '\0';
	assert_non_null(strstr(text, "msg=found"));

	for (i = 0; i < 20000; i++) /* it does not read */
		log_event(LEVEL_INFO, "flood");
	log_flush();
	dropped = 20000;
	while (recv(fd, text, sizeof(text), 0) > 0)
		dropped--;
	assert_true(dropped > 0);
	log_event(LEVEL_INFO, "last");
	log_flush();
	n = recv(fd, text, sizeof(text) - 1, 0);
	assert_true(n > 0);
	text[n] = '\0';
	assert_non_null(strstr(text, "event=log-dropped count="));
	assert_int_equal(strtol(strstr(text, "count=") + 6, NULL, 10), dropped);
	close(fd);
	unlink(path);
	to_stderr();
}

/* The child neither repeats its parent's lines nor loses its own. */
static void
test_fork(void **state)
{
	struct log_conf conf = {
		.to = LOG_TO_FILE, .level = LEVEL_INFO, .path = path
	};
	int status;
	char *text;
	pid_t pid;

	(void)state;
	assert_int_equal(log_open(&conf), 0);
	log_event(LEVEL_INFO, "parent");
	pid = fork();
	if (pid == 0) {
		log_forked();
		log_event(LEVEL_INFO, "child");
		log_flush();
		_exit(0);
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_int_equal(status, 0);
	log_flush();
	text = slurp(path);
	assert_int_equal(lines_of(text), 2);
	assert_non_null(strstr(text, "msg=child\n"));
	assert_non_null(strstr(text, "msg=parent\n"));
	free(text);
	unlink(path);
	to_stderr();
}

static int
make_directory(void **state)
{
	(void)state;
	if (mkdtemp(directory) == NULL)
		return -1;
	snprintf(path, sizeof(path), "%s/log", directory);
	return 0;
}

static int
remove_directory(void **state)
{
	(void)state;
	unlink(path);
	return rmdir(directory);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_shape),
		cmocka_unit_test(test_escape),
		cmocka_unit_test(test_event),
		cmocka_unit_test(test_cut),
		cmocka_unit_test(test_file),
		cmocka_unit_test(test_file_fails),
		cmocka_unit_test(test_full_disk),
		cmocka_unit_test(test_full_pipe),
		cmocka_unit_test(test_closed_pipe),
		cmocka_unit_test(test_syslog),
		cmocka_unit_test(test_syslog_away),
		cmocka_unit_test(test_fork),
	};

	return cmocka_run_group_tests(tests, make_directory, remove_directory);
}
