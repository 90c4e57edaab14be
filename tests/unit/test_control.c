/*
 * The control socket: requests are strict, answers can be read as they were
 * meant, and marks are seen by all processes.
 */

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

#include "compat.h"
#include "conf.h"
#include "control.h"
#include "log.h"
#include "marks.h"

static bool
parse(const char *line, struct control_request *r)
{
	const char *why = NULL;
	bool good = control_parse(line, strlen(line), r, &why);

	if (!good)
		assert_non_null(why);
	return good;
}

static void
test_requests(void **state)
{
	struct control_request r;

	(void)state;
	assert_true(parse("status", &r));
	assert_int_equal(r.command, CONTROL_STATUS);
	assert_true(parse("drain store/a", &r));
	assert_int_equal(r.command, CONTROL_DRAIN);
	assert_string_equal(r.name, "store/a");
	assert_true(parse("log warn", &r));
	assert_int_equal(r.level, LEVEL_WARN);
	assert_true(parse("log configured", &r));
	assert_int_equal(r.level, -1);
	assert_true(parse("transcript 192.0.2.7", &r));
	assert_int_equal(r.seconds, CONTROL_SECONDS);
	assert_int_equal(r.who.bits, 32);
	assert_true(parse("transcript 2001:db8::/32 5", &r));
	assert_int_equal(r.seconds, 5);
	assert_int_equal(r.who.bits, 32);
	assert_string_equal(r.name, "2001:db8::/32");
}

static void
test_bad_requests(void **state)
{
	static const char *const bad[] = { "", " ", "status ", " status",
		"Status", "statu", "statuss", "status x", "kill", "kill  a",
		"kill a b", "kill\ta", "kill a\r", "kill \x80", "log",
		"log loud", "log err", "transcript", "transcript host",
		"transcript 192.0.2.1/24", "transcript 192.0.2.7 -1",
		"transcript 192.0.2.7 86401", "transcript 192.0.2.7 1s",
		"transcript 192.0.2.7 99999999999999999999", "reload now",
		"a b c d", "status\nstatus" };
	char longest[CONTROL_LINE_MAX + 2];
	struct control_request r;
	size_t i;

	(void)state;
	for (i = 0; i < nitems(bad); i++)
		if (parse(bad[i], &r))
			fail_msg("\"%s\" is taken", bad[i]);
	memset(longest, 'a', sizeof(longest));
	memcpy(longest, "kill ", 5);
	longest[CONTROL_LINE_MAX - 1] = '\0';
	assert_true(parse(longest, &r));
	longest[CONTROL_LINE_MAX - 1] = 'a';
	longest[CONTROL_LINE_MAX] = '\0';
	assert_false(parse(longest, &r));
}

static void
test_answer(void **state)
{
	struct control_text t = { .text = NULL };
	struct control_field f;
	const char *at, *end;

	(void)state;
	control_row(&t);
	control_put(&t, "id", "a\tb\n50% \xc3\xbc");
	control_put_number(&t, "n", -12);
	control_put_ms(&t, "age", 3000);
	control_put(&t, "why", NULL);
	control_row_end(&t);
	end = t.text + t.len - 1;
	assert_memory_equal(t.text,
	    "row\tid=a%09b%0A50%25 %C3%BC\tn#-12\tage~3000\twhy=\n", t.len);
	assert_int_equal(control_kind(t.text, end, &at), CONTROL_ROW);
	assert_int_equal(control_field(&at, end, &f), 1);
	assert_string_equal(f.key, "id");
	assert_string_equal(f.value, "a\tb\n50% \xc3\xbc");
	assert_int_equal(control_field(&at, end, &f), 1);
	assert_int_equal(f.type, '#');
	assert_int_equal(f.number, -12);
	assert_int_equal(control_field(&at, end, &f), 1);
	assert_int_equal(f.type, '~');
	assert_int_equal(f.number, 3000);
	assert_int_equal(control_field(&at, end, &f), 1);
	assert_int_equal(f.len, 0);
	assert_int_equal(control_field(&at, end, &f), 0);
	control_text_free(&t);

	control_end(&t, 65, "no");
	assert_memory_equal(t.text, "end\tcode#65\ttext=no\n", t.len);
	control_text_free(&t);
}

static void
test_bad_answers(void **state)
{
	static const char *const bad[] = { "row\t", "row\tid", "row\t=x",
		"row\tID=x", "row\tn#", "row\tn#1x", "row\tn#-",
		"row\tn#1234567890123456789", "row\tx=%", "row\tx=%1",
		"row\tx=%1g", "row\tx=%ab", "row\tx=a\t",
		"row\tabcdefghijklmnopqrstuvwxyzabcdef=x" };
	struct control_field f;
	const char *at, *end;
	size_t i;
	int more;

	(void)state;
	for (i = 0; i < nitems(bad); i++) {
		end = bad[i] + strlen(bad[i]);
		assert_int_equal(control_kind(bad[i], end, &at), CONTROL_ROW);
		while ((more = control_field(&at, end, &f)) == 1)
			continue;
		if (more != -1)
			fail_msg("\"%s\" is taken", bad[i]);
	}
	assert_int_equal(
	    control_kind(bad[0], bad[0] + 2, &at), CONTROL_STRANGE);
}

static void
test_marks(void **state)
{
	struct marks *m = marks_new();
	char name[32];
	pid_t pid;
	int status, i;

	(void)state;
	assert_non_null(m);
	assert_int_equal(marks_level(m), -1);
	assert_false(marks_stopping(m));
	pid = fork();
	if (pid == 0) {
		marks_set_level(m, LEVEL_ERROR);
		marks_stop(m);
		_exit(marks_pause(m, "mx") ? 0 : 1);
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_int_equal(status, 0);
	assert_int_equal(marks_level(m), LEVEL_ERROR);
	assert_true(marks_stopping(m));
	assert_true(marks_paused(m, "mx"));
	assert_false(marks_paused(m, "mx2"));
	assert_true(marks_pause(m, "mx")); /* it has its place */
	for (i = 1; i < MARKS_PAUSED_MAX; i++) {
		snprintf(name, sizeof(name), "listener%d", i);
		assert_true(marks_pause(m, name));
	}
	assert_false(marks_pause(m, "one more"));
	assert_true(marks_pause(m, "mx"));
	marks_resume(m, "mx");
	assert_false(marks_paused(m, "mx"));
	assert_true(marks_pause(m, "one more"));
	marks_free(&m);
	assert_null(m);
}

static unsigned logged;

static void
count_line(const char *line, size_t len)
{
	(void)line;
	(void)len;
	logged++;
}

/* The level is another one at once. */
static void
test_level(void **state)
{
	struct marks *m = marks_new();

	(void)state;
	log_capture(count_line);
	log_follow(marks_log(m));
	log_event(LEVEL_DEBUG, "not wanted");
	assert_int_equal(logged, 0);
	marks_set_level(m, LEVEL_DEBUG);
	log_event(LEVEL_DEBUG, "wanted");
	assert_int_equal(logged, 1);
	marks_set_level(m, LEVEL_ERROR);
	log_event(LEVEL_WARN, "not wanted");
	assert_int_equal(logged, 1);
	marks_set_level(m, -1);
	log_event(LEVEL_INFO, "as configured");
	assert_int_equal(logged, 2);
	log_follow(NULL);
	log_capture(NULL);
	marks_free(&m);
}

/* What conf_load() says of a file with this admin section. */
static void
load(const char *section, const char *wanted)
{
	static char file[] = "/tmp/test_control.XXXXXX";
	struct config *c;
	char *said = NULL;
	size_t size;
	int fd = mkstemp(file);
	FILE *f = fdopen(fd, "w"), *err = open_memstream(&said, &size);

	assert_true(fd != -1 && f != NULL && err != NULL);
	fprintf(f,
	    "listen mx { address = {\"127.0.0.1:1\"} }\n"
	    "backend d { protocol = discard }\nroute all { backend = d }\n%s\n",
	    section);
	fclose(f);
	c = conf_load(file, err);
	fclose(err);
	unlink(file);
	memset(file + sizeof(file) - 7, 'X', 6);
	if (wanted == NULL) {
		assert_non_null(c);
		assert_string_equal(c->admin.control, "/run/p/c.sock");
		conf_free(&c);
	} else if (c != NULL || strstr(said, wanted) == NULL)
		fail_msg("%s\nnot \"%s\" but:\n%s", section, wanted, said);
	free(said);
}

static void
test_configuration(void **state)
{
	char longer[200], text[300];

	(void)state;
	load("admin { control = \"/run/p/c.sock\" }", NULL);
	load("admin { }", ":4: admin needs 'control'");
	load("admin { control = \"c.sock\" }",
	    ":4: control c.sock: not an absolute path");
	load("admin {\n control = \"/c.sock\" }",
	    ":5: control /c.sock: needs a directory and a name in it");
	load("admin { control = \"/run/p/\" }",
	    ":4: control /run/p/: needs a directory and a name in it");
	memset(longer, 'x', sizeof(longer));
	longer[0] = longer[50] = '/';
	longer[sizeof(longer) - 1] = '\0';
	snprintf(text, sizeof(text), "admin { control = \"%s\" }", longer);
	load(text, ":4: control: longer than a socket's path can be");
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_requests),
		cmocka_unit_test(test_bad_requests),
		cmocka_unit_test(test_answer),
		cmocka_unit_test(test_bad_answers),
		cmocka_unit_test(test_marks),
		cmocka_unit_test(test_level),
		cmocka_unit_test(test_configuration),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
